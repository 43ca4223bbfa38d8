//! Where the host's programs listen: Unix sockets are files that lead out of a child's network, and
//! ports of the loopback are what a child that is to be hindered in nothing finds there.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};

use super::confine::files::mount_point;

/// The kernel's list of the Unix sockets in this network namespace.
const LIST: &str = "/proc/net/unix";
/// The flag of a socket that takes connections.
const ACCEPTS: u32 = 0x1_0000;
/// The type of a socket that takes what anybody sends.
const DATAGRAMS: &str = "0002";
/// What is mounted: a socket of another network namespace is not in the list, and comes as a mount into a container.
const MOUNTS: &str = "/proc/self/mountinfo";
/// Where engines of containers listen, which lead out of everything, also from another network namespace.
const ENGINES: [&str; 5] = [
    "/run/docker.sock",
    "/var/run/docker.sock",
    "/run/containerd/containerd.sock",
    "/run/podman/podman.sock",
    "/run/crio/crio.sock",
];
/// Where programs keep sockets.
const KEPT_IN: &str = "/run";
/// Most entries of that folder, with all below it, that are looked at.
const ENTRIES: usize = 1 << 16;
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

/// Unix sockets of other programs.
#[derive(Debug, Default)]
pub(super) struct Others {
    /// Their paths.
    pub(super) paths: BTreeSet<PathBuf>,
    /// Which of them have none here, for a person.
    pub(super) unknown: Vec<String>,
}

/// The sockets of other programs, but for those in `kept`. For a child that `is_confined` also those that take
/// datagrams, and whatever lies in /run; others may write to the system's log.
pub(super) fn sockets(kept: &[PathBuf], is_confined: bool) -> Others {
    // Where they cannot be read there is no /proc, and nothing that depends on it.
    let read = |path| fs::read(path).unwrap_or_default();
    let mut others = of_list(&read(LIST), is_confined);
    let mounts = read(MOUNTS);
    let engines = ENGINES
        .iter()
        .filter_map(|path| fs::canonicalize(path).ok());
    let fixed = engines.chain(mounted_files(&mounts));
    others.paths.extend(fixed.filter(|path| is_socket(path)));
    if is_confined && !walk(Path::new(KEPT_IN), &foreign(&mounts), &mut others.paths) {
        let reason = format!("sockets: {KEPT_IN} holds more than is looked through");
        others.unknown.push(reason);
    }
    others.paths.retain(|path| {
        let tells_users = || TELL_USERS.iter().any(|tells| path.starts_with(tells));
        !kept.contains(path) && !tells_users()
    });
    if others.paths.len() > MOST {
        let reason = format!("sockets: there are more than {MOST}");
        others.unknown.push(reason);
        others.paths = others.paths.into_iter().take(MOST).collect();
    }
    others
}

fn is_socket(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|found| found.file_type().is_socket())
}

/// Root, place and type of each mount.
fn mounts(list: &[u8]) -> impl Iterator<Item = (&[u8], PathBuf, &[u8])> {
    list.split(|byte| *byte == b'\n').filter_map(|line| {
        // Number, parent, device, root, place, options, optional fields, a dash, type.
        let mut words = line.split(|byte| *byte == b' ');
        let root = words.nth(3)?;
        let kind = words.skip_while(|word| *word != b"-").nth(1)?;
        Some((root, mount_point(line)?, kind))
    })
}

/// Where something other than a whole file system is mounted, which may be one file. A whole one is left alone: to look
/// at it may wait for another machine.
fn mounted_files(list: &[u8]) -> impl Iterator<Item = PathBuf> {
    mounts(list).filter_map(|(root, place, _)| (root != b"/").then_some(place))
}

/// File systems below that are none of this machine's memory: they may wait for another machine, or be a container's.
fn foreign(list: &[u8]) -> BTreeSet<PathBuf> {
    mounts(list)
        .filter_map(|(_, place, kind)| (kind != b"tmpfs").then_some(place))
        .collect()
}

/// Adds the sockets in a folder and all below it; whether all of it was looked at.
fn walk(folder: &Path, foreign: &BTreeSet<PathBuf>, found: &mut BTreeSet<PathBuf>) -> bool {
    let mut folders = vec![folder.to_owned()];
    let mut left = ENTRIES;
    while let Some(folder) = folders.pop() {
        // What archal may not read the child may not either.
        for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
            if left == 0 {
                return false;
            }
            left -= 1;
            let Ok(kind) = entry.file_type() else {
                continue;
            };
            let path = entry.path();
            if kind.is_socket() {
                found.insert(path);
            } else if kind.is_dir() && !foreign.contains(&path) {
                folders.push(path);
            }
        }
    }
    true
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

fn of_list(list: &[u8], with_datagrams: bool) -> Others {
    let mut others = Others::default();
    for line in list.split(|byte| *byte == b'\n').skip(1) {
        // Number, references, protocol, flags, type, state, inode, path: names of all kinds of bytes.
        let text = String::from_utf8_lossy(line);
        let mut words = text.split_whitespace();
        let flags = words
            .nth(3)
            .and_then(|flags| u32::from_str_radix(flags, 16).ok());
        let takes = flags.is_some_and(|flags| flags & ACCEPTS != 0);
        let kind = words.next();
        let name = words.nth(2);
        let is_sent_to = with_datagrams && kind == Some(DATAGRAMS);
        if !(takes || is_sent_to) {
            continue;
        }
        match name {
            Some(name) if name.starts_with('/') => {
                // The path with its blanks.
                let at = line.windows(2).position(|two| two == b" /");
                let path = at.map(|at| OsStr::from_bytes(&line[at + 1..]));
                others.paths.extend(path.map(PathBuf::from));
            }
            // Of no file.
            Some(name) if name.starts_with('@') => {}
            // From which folder is known to who opened it.
            Some(_) if others.unknown.is_empty() => {
                let reason = "sockets: one with a relative name".to_owned();
                others.unknown.push(reason);
            }
            Some(_) | None => {}
        }
    }
    others
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::{UnixDatagram, UnixListener};

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
        let list = b"\
Num       RefCount Protocol Flags    Type St Inode Path
0000000000000000: 00000002 00000000 00010000 0001 01 43277 /run/docker.sock
0000000000000000: 00000002 00000000 00010000 0001 01 4 /run/my agent.sock
0000000000000000: 00000003 00000000 00000000 0001 03 43278 /run/docker.sock
0000000000000000: 00000002 00000000 00000000 0002 01 43279 /run/systemd/journal/socket
0000000000000000: 00000002 00000000 00010000 0001 01     5 @/tmp/.X11-unix/\xff
0000000000000000: 00000002 00000000 00010000 0001 01 43280 /run/systemd/userdb/io.systemd.Home
0000000000000000: 00000003 00000000 00000000 0001 03 43282
";
        let expected = [
            "/run/docker.sock",
            "/run/my agent.sock",
            "/run/systemd/userdb/io.systemd.Home",
        ];
        let found = of_list(list, false);
        assert_eq!(found.paths, expected.map(PathBuf::from).into());
        let sends = Path::new("/run/systemd/journal/socket");
        let mut with_datagrams = of_list(list, true);
        assert!(with_datagrams.paths.remove(sends));
        assert_eq!(with_datagrams.paths, found.paths);
        assert_eq!(with_datagrams.unknown, [""; 0]);
        let folder = tempfile::tempdir().expect("a folder");
        let [stream, datagrams] = ["a.sock", "b.sock"].map(|name| folder.path().join(name));
        let _listener = UnixListener::bind(&stream).expect("bound");
        let _sink = UnixDatagram::bind(&datagrams).expect("bound");
        let (confined, other) = (sockets(&[], true).paths, sockets(&[], false).paths);
        assert!(confined.contains(&stream) && confined.contains(&datagrams));
        assert!(other.contains(&stream) && !other.contains(&datagrams));
        assert!(
            !sockets(std::slice::from_ref(&stream), true)
                .paths
                .contains(&stream)
        );
    }

    #[test]
    fn a_socket_with_a_relative_name_is_told_once() {
        let list = b"\
Num       RefCount Protocol Flags    Type St Inode Path
0000000000000000: 00000002 00000000 00010000 0001 01 43277 private/smtp
0000000000000000: 00000002 00000000 00010000 0001 01 43278 x.sock
0000000000000000: 00000002 00000000 00010000 0001 01     5 @x
";
        let found = of_list(list, true);
        assert_eq!(found.unknown, ["sockets: one with a relative name"]);
        assert!(found.paths.is_empty(), "{found:?}");
    }

    #[test]
    fn a_socket_that_is_mounted_or_lies_in_a_folder_is_found() {
        let list = b"\
21 1 8:1 / / rw shared:1 - ext4 /dev/root rw
36 21 0:24 /docker.sock /var/run/my\\040docker.sock rw shared:5 - tmpfs tmpfs rw
37 21 0:30 / /run/user/1000/doc rw - fuse.portal portal rw
38 21 0:31 / /run/user/1000 rw - tmpfs tmpfs rw
";
        let files: Vec<PathBuf> = mounted_files(list).collect();
        assert_eq!(files, [PathBuf::from("/var/run/my docker.sock")]);
        let foreign = foreign(list);
        assert!(
            foreign.contains(Path::new("/run/user/1000/doc")),
            "{foreign:?}"
        );
        assert!(
            !foreign.contains(Path::new("/run/user/1000")),
            "{foreign:?}"
        );

        let folder = tempfile::tempdir().expect("a folder");
        let [own, other] = ["own", "other"].map(|name| folder.path().join(name));
        for below in [&own, &other] {
            fs::create_dir(below).expect("created");
            // Closed again, it is in no list of the kernel's.
            drop(UnixListener::bind(below.join("a.sock")).expect("bound"));
            fs::write(below.join("file"), "").expect("written");
        }
        let mut found = BTreeSet::new();
        assert!(walk(folder.path(), &[other].into(), &mut found));
        assert_eq!(found, [own.join("a.sock")].into());
        assert!(is_socket(&own.join("a.sock")) && !is_socket(&own.join("file")));
    }
}
