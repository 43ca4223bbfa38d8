//! Where the host's programs listen: Unix sockets are files that lead out of a child's network, and
//! ports of the loopback are what a child that is to be hindered in nothing finds there.

use std::collections::BTreeSet;
use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};

/// The kernel's list of the Unix sockets in this network namespace.
const LIST: &str = "/proc/net/unix";
/// The flag of a socket that takes connections.
const ACCEPTS: u32 = 0x1_0000;
/// Most sockets that are hidden.
const MOST: usize = 4096;
/// The kernel's lists of the TCP sockets in this network namespace.
const TCP: [&str; 2] = ["/proc/net/tcp", "/proc/net/tcp6"];
/// The state of a socket that takes connections, as they are written there.
const LISTENS: &str = "0A";
/// Most ports that are told.
const PORTS: usize = 1024;
/// Who tell which users and groups there are, and nothing else: without them a user of a directory
/// service has no name inside.
const TELL_USERS: &[&str] = &["/run/systemd/userdb", "/var/lib/sss/pipes/nss"];

/// The paths of listening sockets, but for those in `kept`.
pub(super) fn paths(kept: &[PathBuf]) -> Vec<PathBuf> {
    // Where it cannot be read there is no /proc, and nothing that depends on it.
    let list = fs::read_to_string(LIST).unwrap_or_default();
    of_list(&list, kept)
}

/// The places on the loopback where somebody listens.
pub(super) fn local() -> Vec<SocketAddr> {
    let [first, second] = TCP.map(|list| fs::read_to_string(list).unwrap_or_default());
    let places: BTreeSet<SocketAddr> = places(&first).chain(places(&second)).collect();
    places.into_iter().take(PORTS).collect()
}

/// The places of the loopback in such a list: who listens on every address listens there, too.
fn places(list: &str) -> impl Iterator<Item = SocketAddr> {
    let listening = list.lines().filter_map(|line| {
        let mut words = line.split_whitespace().skip(1);
        let place = words.next()?;
        (words.nth(1)? == LISTENS).then_some(place)
    });
    listening.filter_map(|place| {
        let (address, port) = place.split_once(':')?;
        let port = u16::from_str_radix(port, 16).ok()?;
        let address = match address.len() {
            8 => IpAddr::V4(u32::from_str_radix(address, 16).ok()?.to_ne_bytes().into()),
            32 => {
                let mut octets = [0; 16];
                for (at, word) in octets.chunks_exact_mut(4).enumerate() {
                    let digits = address.get(at * 8..at * 8 + 8)?;
                    let value = u32::from_str_radix(digits, 16).ok()?;
                    word.copy_from_slice(&value.to_ne_bytes());
                }
                IpAddr::V6(octets.into())
            }
            _ => return None,
        };
        let address = match address {
            // Where both are served the list of the second version has it alone.
            IpAddr::V6(Ipv6Addr::UNSPECIFIED) | IpAddr::V4(Ipv4Addr::UNSPECIFIED) => {
                IpAddr::V4(Ipv4Addr::LOCALHOST)
            }
            address if address.is_loopback() => address,
            _ => return None,
        };
        Some(SocketAddr::new(address, port))
    })
}

fn of_list(list: &str, kept: &[PathBuf]) -> Vec<PathBuf> {
    let is_kept = |path: &Path| {
        kept.iter().any(|kept| kept == path)
            || TELL_USERS.iter().any(|tells| path.starts_with(tells))
    };
    let found: BTreeSet<PathBuf> = list
        .lines()
        .filter_map(|line| {
            // Number, references, protocol, flags, type, state, inode, path.
            let flags = line.split_whitespace().nth(3)?;
            let flags = u32::from_str_radix(flags, 16).ok()?;
            let at = line.find(" /")?;
            (flags & ACCEPTS != 0).then(|| PathBuf::from(&line[at + 1..]))
        })
        .filter(|path| !is_kept(path))
        .collect();
    found.into_iter().take(MOST).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_of_the_loopback_that_listen_are_found() {
        let second = "\
  sl  local_address                         remote_address                        st tx_queue
   0: 00000000000000000000000001000000:1F90 00000000000000000000000000000000:0000 0A 00000000:00000000
   1: 00000000000000000000000001000000:1F91 00000000000000000000000001000000:9999 01 00000000:00000000
";
        let found: Vec<String> = places(second).map(|place| place.to_string()).collect();
        assert_eq!(found, ["[::1]:8080"]);
        let one = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        let every = std::net::TcpListener::bind("0.0.0.0:0").expect("a port");
        let local = local();
        for listener in [one, every] {
            let port = listener.local_addr().expect("an address").port();
            let place = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
            assert!(local.contains(&place), "{place} in {local:?}");
        }
    }

    #[test]
    fn sockets_that_listen_at_a_path_are_found() {
        let list = "\
Num       RefCount Protocol Flags    Type St Inode Path
0000000000000000: 00000002 00000000 00010000 0001 01 43277 /run/docker.sock
0000000000000000: 00000002 00000000 00010000 0001 01 4 /run/my agent.sock
0000000000000000: 00000003 00000000 00000000 0001 03 43278 /run/docker.sock
0000000000000000: 00000002 00000000 00000000 0002 01 43279 /run/systemd/journal/socket
0000000000000000: 00000002 00000000 00010000 0001 01     5 @/tmp/.X11-unix/X0
0000000000000000: 00000002 00000000 00010000 0001 01 43280 /run/systemd/userdb/io.systemd.Home
0000000000000000: 00000002 00000000 00010000 0001 01 43281 /run/kept.sock
0000000000000000: 00000003 00000000 00000000 0001 03 43282
";
        let found = of_list(list, &[PathBuf::from("/run/kept.sock")]);
        let expected = ["/run/docker.sock", "/run/my agent.sock"];
        assert_eq!(found, expected.map(PathBuf::from));
        let folder = tempfile::tempdir().expect("a folder");
        let name = folder.path().join("a.sock");
        let _listener = std::os::unix::net::UnixListener::bind(&name).expect("bound");
        assert!(paths(&[]).contains(&name));
    }
}
