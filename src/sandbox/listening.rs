//! The Unix sockets on which the host's programs listen: files that lead out of a child's network.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// The kernel's list of the Unix sockets in this network namespace.
const LIST: &str = "/proc/net/unix";
/// The flag of a socket that takes connections.
const ACCEPTS: u32 = 0x1_0000;
/// Most sockets that are hidden.
const MOST: usize = 4096;
/// Who tell which users and groups there are, and nothing else: without them a user of a directory
/// service has no name inside.
const TELL_USERS: &[&str] = &["/run/systemd/userdb", "/var/lib/sss/pipes/nss"];

/// The paths of listening sockets, but for those in `kept`.
pub(super) fn paths(kept: &[PathBuf]) -> Vec<PathBuf> {
    // Where it cannot be read there is no /proc, and nothing that depends on it.
    let list = fs::read_to_string(LIST).unwrap_or_default();
    of_list(&list, kept)
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
