//! The file system under a folder: how much room it has, and whether it is another machine's.

use std::io;
use std::path::{Path, PathBuf};

/// Free space below this is low on any disk.
const LOW: u64 = 1_000_000_000;
/// So is free space below one part in this many of the disk.
const LOW_PART: u64 = 20;

/// Bytes of a file system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Space {
    /// What this user may still write.
    pub free: u64,
    /// Its size.
    pub total: u64,
}

impl Space {
    /// Whether it is time to stop taking in more: see [`is_low`].
    pub fn is_low(self) -> bool {
        is_low(self.free, self.total)
    }
}

impl std::fmt::Display for Space {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mega = |bytes: u64| bytes / 1_000_000;
        write!(f, "{} MB free of {} MB", mega(self.free), mega(self.total))
    }
}

/// Why a file system cannot be asked.
#[derive(Debug, thiserror::Error)]
#[error("cannot ask the file system of {}", path.display())]
pub struct SpaceError {
    /// The folder.
    pub path: PathBuf,
    /// The cause.
    pub source: io::Error,
}

/// That a disk has no room for what comes.
#[derive(Debug, thiserror::Error)]
#[error("{} is nearly full: {left}", path.display())]
pub struct Full {
    /// A folder on the disk.
    pub path: PathBuf,
    /// How much room there is.
    pub left: Space,
}

/// Whether so few free bytes are too few: below the smaller of 1 GB and 5 % of the disk.
pub fn is_low(free: u64, total: u64) -> bool {
    free < LOW.min(total / LOW_PART)
}

/// The room on the file system of a path; of the nearest folder above it that exists where it
/// does not.
///
/// # Errors
///
/// When the system refuses to say.
pub fn of(path: &Path) -> Result<Space, SpaceError> {
    let failed = |source| SpaceError {
        path: path.to_owned(),
        source,
    };
    let found = rustix::fs::statvfs(existing(path)).map_err(|error| failed(error.into()))?;
    Ok(Space {
        free: found.f_bavail.saturating_mul(found.f_frsize),
        total: found.f_blocks.saturating_mul(found.f_frsize),
    })
}

/// The kind of network file system a path lies on: `nfs4`, `cifs`; none on a local one.
pub fn network_kind(path: &Path) -> Option<String> {
    let path = existing(path).canonicalize().ok()?;
    kind_of(&path)
}

fn existing(path: &Path) -> &Path {
    path.ancestors()
        .find(|folder| folder.exists())
        .filter(|folder| !folder.as_os_str().is_empty())
        .unwrap_or(Path::new("."))
}

#[cfg(target_os = "linux")]
fn kind_of(path: &Path) -> Option<String> {
    let mounts = std::fs::read("/proc/self/mountinfo").ok()?;
    mounted::network_kind(&mounts, path)
}

#[cfg(target_os = "macos")]
fn kind_of(path: &Path) -> Option<String> {
    let found = nix::sys::statfs::statfs(path).ok()?;
    let is_local = found.flags().contains(nix::mount::MntFlags::MNT_LOCAL);
    (!is_local).then(|| found.filesystem_type_name().to_owned())
}

#[cfg(not(any(target_os = "linux", target_os = "macos")))]
fn kind_of(_path: &Path) -> Option<String> {
    None
}

/// Linux's list of mounts.
#[cfg(target_os = "linux")]
mod mounted {
    use std::ffi::OsString;
    use std::os::unix::ffi::OsStringExt;
    use std::path::{Path, PathBuf};

    /// Kinds of file systems that other machines serve, `fuse.` taken off.
    const NETWORK: &[&str] = &[
        "afs",
        "beegfs",
        "ceph",
        "cifs",
        "coda",
        "davfs",
        "davfs2",
        "drvfs",
        "gcsfuse",
        "gfs2",
        "glusterfs",
        "gpfs",
        "lustre",
        "ncpfs",
        "nfs",
        "nfs4",
        "ocfs2",
        "orangefs",
        "pvfs2",
        "rclone",
        "s3fs",
        "smb3",
        "smbfs",
        "sshfs",
    ];

    /// The network kind of what is mounted at the nearest place above `path`.
    pub(super) fn network_kind(mounts: &[u8], path: &Path) -> Option<String> {
        let mut nearest: Option<(usize, String)> = None;
        for line in mounts.split(|byte| *byte == b'\n') {
            let Some((point, kind)) = mount(line) else {
                continue;
            };
            let depth = point.components().count();
            // Of two mounts at one place the later one is seen.
            let is_nearer = nearest.as_ref().is_none_or(|(found, _)| depth >= *found);
            if path.starts_with(&point) && is_nearer {
                nearest = Some((depth, kind));
            }
        }
        let (_, kind) = nearest?;
        let plain = kind.strip_prefix("fuse.").unwrap_or(&kind);
        NETWORK.contains(&plain).then(|| kind.clone())
    }

    /// The place and the kind of `36 35 98:0 / /mnt rw,noatime master:1 - ext3 /dev/root rw`. A
    /// folder of Windows in WSL is called `drvfs`, for its locks are no better.
    fn mount(line: &[u8]) -> Option<(PathBuf, String)> {
        let mut words = line.split(|byte| *byte == b' ');
        let point = words.nth(4)?;
        let mut after = words.skip_while(|word| *word != b"-").skip(1);
        let kind = String::from_utf8_lossy(after.next()?).into_owned();
        let options = after.nth(1).unwrap_or_default();
        let is_windows = kind == "9p" && String::from_utf8_lossy(options).contains("aname=drvfs");
        let kind = if is_windows { "drvfs".to_owned() } else { kind };
        Some((PathBuf::from(OsString::from_vec(unescaped(point))), kind))
    }

    /// `\040` is a space: three octal digits behind a backslash.
    fn unescaped(word: &[u8]) -> Vec<u8> {
        let mut out = Vec::with_capacity(word.len());
        let mut at = 0;
        while at < word.len() {
            let digits = word.get(at + 1..at + 4).filter(|_| word[at] == b'\\');
            let byte = digits
                .and_then(|digits| std::str::from_utf8(digits).ok())
                .and_then(|digits| u8::from_str_radix(digits, 8).ok());
            out.push(byte.unwrap_or(word[at]));
            at += if byte.is_some() { 4 } else { 1 };
        }
        out
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        const MOUNTS: &str = "\
22 1 254:0 / / rw,relatime - ext4 /dev/vda rw
40 22 0:41 / /mnt/team\\040share rw master:1 - nfs4 files:/x rw,vers=4.2
41 40 0:42 / /mnt/team\\040share/scratch rw - tmpfs tmpfs rw
42 22 0:43 / /mnt/box rw - fuse.sshfs someone:/ rw
43 22 0:44 / /mnt/local rw - fuse.bindfs x rw
44 22 0:45 / /mnt/c rw - 9p C: rw,aname=drvfs;path=C:
45 22 0:46 / /mnt/vm rw - 9p share rw,trans=virtio
46 22 0:47 / /twice rw - nfs old:/ rw
47 22 0:48 / /twice rw - ext4 /dev/vdb rw
";

        #[test]
        fn the_nearest_mount_decides() {
            let kind = |path: &str| network_kind(MOUNTS.as_bytes(), Path::new(path));
            assert_eq!(kind("/srv/x"), None);
            assert_eq!(kind("/mnt/team share/x").as_deref(), Some("nfs4"));
            assert_eq!(kind("/mnt/team shared/x"), None);
            assert_eq!(kind("/mnt/team share/scratch/x"), None);
            assert_eq!(kind("/mnt/box").as_deref(), Some("fuse.sshfs"));
            assert_eq!(kind("/mnt/local"), None);
            assert_eq!(kind("/mnt/c/repo").as_deref(), Some("drvfs"));
            assert_eq!(kind("/mnt/vm"), None);
            assert_eq!(kind("/twice/x"), None);
            assert_eq!(network_kind(b"nonsense\n1 2", Path::new("/")), None);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn low_is_the_smaller_of_a_gigabyte_and_a_twentieth() {
        let (gb, mb) = (1_000_000_000, 1_000_000);
        for (free, total, low) in [
            (gb - 1, 1_000 * gb, true),
            (gb, 1_000 * gb, false),
            (50 * mb - 1, gb, true),
            (50 * mb, gb, false),
            // A disk of nothing at all says nothing.
            (0, 0, false),
        ] {
            assert_eq!(is_low(free, total), low, "{free} of {total}");
        }
    }

    #[test]
    fn a_folder_that_is_not_there_yet_is_on_the_disk_of_the_one_above() {
        let folder = tempfile::tempdir().expect("temporary folder");
        let there = of(folder.path()).expect("asked");
        let not_there = of(&folder.path().join("a/b")).expect("asked");
        assert!(there.total > 0 && there.free <= there.total, "{there:?}");
        assert_eq!(there.total, not_there.total);
    }
}
