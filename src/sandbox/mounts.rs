//! The contained child's view of the file system.

use std::fs;
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::mount::{MsFlags, mount};
use nix::sys::statvfs::{FsFlags, statvfs};

use super::child::Bind;

pub(super) const NOTHING: Option<&Path> = None;

/// Unix sockets through which name lookups would leave the child's network.
pub(super) const LOOKUP_SOCKETS: [&str; 3] = [
    "/run/systemd/resolve/io.systemd.Resolve",
    "/run/nscd/socket",
    "/var/run/nscd/socket",
];

/// Keeps every mount made from here on out of the host's view.
pub(super) fn make_private() -> Result<(), Errno> {
    mount(
        NOTHING,
        Path::new("/"),
        NOTHING,
        MsFlags::MS_REC | MsFlags::MS_PRIVATE,
        NOTHING,
    )
}

/// Mounts a `/proc` of the new PID namespace. Containers that mask parts of theirs do not
/// permit it; the old one stays then, which shows more and harms nothing.
pub(super) fn own_proc() -> bool {
    mount(
        Some(Path::new("proc")),
        Path::new("/proc"),
        Some(Path::new("proc")),
        MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC,
        NOTHING,
    )
    .is_ok()
}

/// Hides the sockets of the host's name services.
pub(super) fn hide_name_services() {
    for path in LOOKUP_SOCKETS {
        let path = Path::new(path);
        if path.exists() {
            // Where it cannot be hidden a name is resolved outside, and the connection that
            // follows still ends at archal's listeners.
            bind_over(Path::new("/dev/null"), path).ok();
        }
    }
}

/// Hides sockets of the host's other programs.
pub(super) fn hide_sockets(others: &[PathBuf]) -> Result<(), String> {
    for path in others {
        let is_socket = fs::symlink_metadata(path).is_ok_and(|found| found.file_type().is_socket());
        if is_socket {
            match bind_over(Path::new("/dev/null"), path) {
                // It went away since.
                Ok(()) | Err(Errno::ENOENT) => {}
                Err(error) => {
                    let path = path.display();
                    return Err(format!("the socket {path} cannot be hidden: {error}"));
                }
            }
        }
    }
    Ok(())
}

/// Shows one file or folder over another.
pub(super) fn bind(bind: &Bind) -> Result<(), Errno> {
    bind_over(&bind.source, &bind.target)?;
    if bind.read_only {
        let (kept, _) = kept_flags(&bind.target)?;
        let flags = kept | MsFlags::MS_BIND | MsFlags::MS_REMOUNT | MsFlags::MS_RDONLY;
        mount(NOTHING, &bind.target, NOTHING, flags, NOTHING)?;
    }
    Ok(())
}

/// The flags of a mount that must stay when it is mounted again, and whether it is read-only: one
/// that the outer namespace locked must be kept, or the kernel refuses.
pub(super) fn kept_flags(path: &Path) -> Result<(MsFlags, bool), Errno> {
    let found = statvfs(path)?.flags();
    let mut kept = MsFlags::empty();
    for (present, keep) in [
        (FsFlags::ST_NOSUID, MsFlags::MS_NOSUID),
        (FsFlags::ST_NODEV, MsFlags::MS_NODEV),
        (FsFlags::ST_NOEXEC, MsFlags::MS_NOEXEC),
        (FsFlags::ST_NOATIME, MsFlags::MS_NOATIME),
        (FsFlags::ST_NODIRATIME, MsFlags::MS_NODIRATIME),
        (FsFlags::ST_RELATIME, MsFlags::MS_RELATIME),
    ] {
        if found.contains(present) {
            kept |= keep;
        }
    }
    Ok((kept, found.contains(FsFlags::ST_RDONLY)))
}

/// Shows what is at one path at another, with all that is mounted in it.
pub(super) fn bind_over(source: &Path, target: &Path) -> Result<(), Errno> {
    mount(
        Some(source),
        target,
        NOTHING,
        MsFlags::MS_BIND | MsFlags::MS_REC,
        NOTHING,
    )
}
