//! Whose process is at the other end of a connection over the loopback: where a client cannot be told a
//! password, those of other users are not let in.

use std::fs;
use std::net::{IpAddr, SocketAddr};

use tokio::net::TcpStream;
use tokio::task::spawn_blocking;

/// The kernel's lists of the TCP sockets in this network namespace.
const LISTS: [&str; 2] = ["/proc/net/tcp", "/proc/net/tcp6"];
/// Who may do everything anyhow.
const ROOT: u32 = 0;

/// Whether the client of a connection is a process of this user, or of root. Systems that do not tell
/// let everybody in.
pub(super) async fn may_connect(stream: &TcpStream) -> bool {
    let (Ok(client), Ok(server)) = (stream.peer_addr(), stream.local_addr()) else {
        return false;
    };
    let own = rustix::process::geteuid().as_raw();
    let user = spawn_blocking(move || {
        let lists = LISTS.map(|list| fs::read_to_string(list).ok());
        let [Some(first), second] = lists else {
            return Some(own);
        };
        let second = second.unwrap_or_default();
        user(&first, client, server).or_else(|| user(&second, client, server))
    });
    // One that is in no list has gone again.
    matches!(user.await, Ok(Some(user)) if user == own || user == ROOT)
}

/// The user of the socket that is connected from one place to another, in such a list.
fn user(list: &str, from: SocketAddr, to: SocketAddr) -> Option<u32> {
    let is_at = |written: &str, place: SocketAddr| {
        let read = written.split_once(':').and_then(|(address, port)| {
            let port = u16::from_str_radix(port, 16).ok()?;
            Some(SocketAddr::new(address_of(address)?, port))
        });
        read == Some(place)
    };
    list.lines().find_map(|line| {
        // Number, local place, remote place, state, queues, timer, retransmissions, user.
        let mut words = line.split_whitespace().skip(1);
        let is_it = is_at(words.next()?, from) && is_at(words.next()?, to);
        is_it.then(|| words.nth(4)?.parse().ok()).flatten()
    })
}

/// An address as these lists write it; one of the first version is itself in both.
fn address_of(written: &str) -> Option<IpAddr> {
    let word = |at: usize| {
        let digits = written.get(at * 8..at * 8 + 8)?;
        Some(u32::from_str_radix(digits, 16).ok()?.to_ne_bytes())
    };
    match written.len() {
        8 => Some(IpAddr::from(word(0)?)),
        32 => {
            let mut octets = [0; 16];
            for (at, place) in octets.chunks_exact_mut(4).enumerate() {
                place.copy_from_slice(&word(at)?);
            }
            Some(IpAddr::from(octets).to_canonical())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, Ipv6Addr, TcpListener};

    use super::*;

    #[test]
    fn the_user_of_a_connection_is_found_in_both_lists() {
        let first = "\
  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 1 1
   1: 0100007F:9C40 0100007F:1F90 01 00000000:00000000 00:00000000 00000000  1001        0 2 1
   2: 0100007F:1F90 0100007F:9C40 01 00000000:00000000 00:00000000 00000000  1000        0 3 1
";
        let second = "\
   0: 0000000000000000FFFF00000100007F:9C41 0000000000000000FFFF00000100007F:1F90 01 0:0 00:0 0  1002 0 4 1
";
        let at = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        assert_eq!(user(first, at(40_000), at(8080)), Some(1001));
        assert_eq!(user(first, at(8080), at(40_000)), Some(1000));
        assert_eq!(user(first, at(40_001), at(8080)), None);
        assert_eq!(user(second, at(40_001), at(8080)), Some(1002));
        assert_eq!(user("torn 0100007F", at(1), at(2)), None);
    }

    #[tokio::test]
    async fn this_process_may_connect() {
        for address in [
            IpAddr::from(Ipv4Addr::LOCALHOST),
            IpAddr::from(Ipv6Addr::LOCALHOST),
        ] {
            // A machine may have no second version.
            let Ok(listener) = TcpListener::bind((address, 0)) else {
                continue;
            };
            let place = listener.local_addr().expect("a place");
            let client = std::net::TcpStream::connect(place).expect("connected");
            let (server, _) = listener.accept().expect("a client");
            server.set_nonblocking(true).expect("set");
            let server = TcpStream::from_std(server).expect("a stream");
            assert!(may_connect(&server).await, "{address}");
            drop(client);
        }
    }
}
