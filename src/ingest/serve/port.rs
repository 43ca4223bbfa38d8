//! Listening on the ports a source needs, and saying who has one that is taken.

use std::io;
use std::net::{SocketAddr, TcpListener};

use archal_core::push::Door;

/// Why a port cannot be listened on.
#[derive(Debug, thiserror::Error)]
pub enum PortError {
    /// Another process has it.
    #[error("{address}, where {door} is served, is taken{}", owner.as_ref().map(|owner| format!(" by {owner}")).unwrap_or_default())]
    Taken {
        /// What was to be served.
        door: &'static str,
        /// The address.
        address: SocketAddr,
        /// The process, `python3 (pid 4711)`, where the system tells it.
        owner: Option<String>,
    },
    /// The system refuses it.
    #[error("cannot listen on {address} for {door}")]
    Refused {
        /// What was to be served.
        door: &'static str,
        /// The address.
        address: SocketAddr,
        /// The cause.
        source: io::Error,
    },
    /// The address can be reached from elsewhere.
    #[error("{address} can be reached from other machines; push sources listen on loopback alone")]
    NotLoopback {
        /// The address.
        address: SocketAddr,
    },
}

/// Listens for each door at its address, on no other port; a door without an address is off.
///
/// # Errors
///
/// At the first that cannot be had.
pub fn listen(
    doors: &[Door],
    addresses: &[Option<SocketAddr>],
) -> Result<Vec<Option<TcpListener>>, PortError> {
    doors
        .iter()
        .zip(addresses)
        .map(|(door, address)| address.map(|address| one(door.name, address)).transpose())
        .collect()
}

fn one(door: &'static str, address: SocketAddr) -> Result<TcpListener, PortError> {
    if !address.ip().is_loopback() {
        return Err(PortError::NotLoopback { address });
    }
    let failed = |source: io::Error| match source.kind() {
        io::ErrorKind::AddrInUse => PortError::Taken {
            door,
            address,
            owner: owner(address.port()),
        },
        _ => PortError::Refused {
            door,
            address,
            source,
        },
    };
    let listener = TcpListener::bind(address).map_err(failed)?;
    listener.set_nonblocking(true).map_err(failed)?;
    Ok(listener)
}

/// The process that listens on a port, where this user may see it.
#[cfg(target_os = "linux")]
fn owner(port: u16) -> Option<String> {
    let inode = ["/proc/net/tcp", "/proc/net/tcp6"]
        .into_iter()
        .filter_map(|list| std::fs::read_to_string(list).ok())
        .find_map(|list| inode_of(&list, port))?;
    let socket = format!("socket:[{inode}]");
    for process in std::fs::read_dir("/proc").ok()?.flatten() {
        let name = process.file_name();
        let Some(pid) = name.to_str().filter(|name| name.parse::<u32>().is_ok()) else {
            continue;
        };
        let Ok(open) = std::fs::read_dir(process.path().join("fd")) else {
            continue;
        };
        let has_it = open.flatten().any(|link| {
            std::fs::read_link(link.path()).is_ok_and(|to| to.as_os_str() == socket.as_str())
        });
        if has_it {
            let name = std::fs::read_to_string(process.path().join("comm")).unwrap_or_default();
            let name: String = name.trim().chars().filter(|c| !c.is_control()).collect();
            return Some(format!("{name} (pid {pid})"));
        }
    }
    None
}

#[cfg(not(target_os = "linux"))]
fn owner(_port: u16) -> Option<String> {
    None
}

/// The inode of the socket that listens on a port, in the text of `/proc/net/tcp`.
#[cfg(target_os = "linux")]
fn inode_of(list: &str, port: u16) -> Option<String> {
    list.lines().find_map(|line| {
        let mut words = line.split_whitespace();
        let local = words.nth(1)?;
        // 0A: it listens.
        let listens = words.nth(1)? == "0A";
        let at = u16::from_str_radix(local.rsplit(':').next()?, 16).ok()?;
        let inode = words.nth(5).filter(|_| listens && at == port);
        inode.map(str::to_owned)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const DOORS: &[Door] = &[Door {
        name: "http",
        option: "listen",
    }];

    fn at(address: &str) -> Result<Vec<Option<TcpListener>>, PortError> {
        listen(DOORS, &[Some(address.parse().expect("an address"))])
    }

    #[test]
    fn who_has_a_taken_port_is_named() {
        let one = at("127.0.0.1:0").expect("free");
        let address = one[0].as_ref().map(|one| one.local_addr().expect("bound"));
        let address = address.expect("not off");
        let text = at(&address.to_string()).expect_err("taken").to_string();
        assert!(text.contains(&address.to_string()), "{text}");
        #[cfg(target_os = "linux")]
        assert!(
            text.contains(&format!("(pid {})", std::process::id())),
            "{text}"
        );
    }

    #[test]
    fn a_door_is_off_or_on_loopback() {
        assert!(matches!(listen(DOORS, &[None]).as_deref(), Ok([None])));
        assert!(matches!(
            at("0.0.0.0:0"),
            Err(PortError::NotLoopback { .. })
        ));
    }
}
