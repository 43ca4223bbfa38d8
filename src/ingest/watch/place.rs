//! Where a folder lies: which one it is, and whether its file system tells of changes.

use std::fs;
use std::path::Path;
use std::time::SystemTime;

use super::stamp::Stamp;

/// Which folder lies at a path: another one there has another identity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct FolderIdentity {
    device: u64,
    inode: u64,
    /// A number is given again soon after its folder was removed.
    made: Option<SystemTime>,
}

/// Which folder lies at `path`, or why none can be watched there.
pub(super) fn identify(path: &Path) -> Result<FolderIdentity, String> {
    // Listed too, for a folder that may not be is as good as none.
    let metadata = fs::metadata(path).and_then(|metadata| match metadata.is_dir() {
        true => fs::read_dir(path).map(|_| metadata),
        false => Ok(metadata),
    });
    match metadata {
        Ok(metadata) if metadata.is_dir() => {
            let stamp = Stamp::of(&metadata);
            Ok(FolderIdentity {
                device: stamp.device,
                inode: stamp.inode,
                made: metadata.created().ok(),
            })
        }
        Ok(_) => Err(format!("{} is not a folder", path.display())),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            Err(format!("{} is not there", path.display()))
        }
        Err(error) => Err(format!("{} cannot be read: {error}", path.display())),
    }
}

/// The network or user-space file system `path` lies on: what others write there wakes nobody.
#[cfg(target_os = "linux")]
pub(super) fn network(path: &Path) -> Option<&'static str> {
    let kind = rustix::fs::statfs(path).ok()?.f_type;
    // The type of the field differs between machines; the numbers have 32 bits.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "32 bits are meant"
    )]
    let kind = kind as u32;
    NETWORK
        .iter()
        .find(|(number, _)| *number == kind)
        .map(|(_, name)| *name)
}

/// What statfs(2) says of file systems that other machines or programs write to.
#[cfg(target_os = "linux")]
const NETWORK: &[(u32, &str)] = &[
    (0x0000_517B, "smb"),
    (0x0000_564C, "ncp"),
    (0x0000_6969, "nfs"),
    (0x00C3_6400, "ceph"),
    (0x0102_1997, "9p"),
    (0x0116_1970, "gfs2"),
    (0x0BD0_0BD0, "lustre"),
    (0x4750_4653, "gpfs"),
    (0x5346_414F, "afs"),
    (0x6573_5546, "fuse"),
    (0x6B41_4653, "afs"),
    (0x7375_7245, "coda"),
    (0x7461_636F, "ocfs2"),
    (0x786F_4256, "vboxsf"),
    (0xBACB_ACBC, "vmhgfs"),
    (0xFE53_4D42, "smb"),
    (0xFF53_4D42, "cifs"),
];

/// The network file system `path` lies on.
#[cfg(target_os = "macos")]
pub(super) fn network(path: &Path) -> Option<&'static str> {
    use nix::mount::MntFlags;
    let flags = nix::sys::statfs::statfs(path).ok()?.flags();
    (!flags.contains(MntFlags::MNT_LOCAL)).then_some("not a local one")
}

/// Elsewhere it is not known.
#[cfg(not(any(target_os = "linux", target_os = "macos")))]
pub(super) fn network(_path: &Path) -> Option<&'static str> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(target_os = "linux")]
    #[test]
    fn a_local_folder_is_told_from_one_that_tells_nothing() {
        let folder = tempfile::tempdir().expect("temporary folder");
        assert_eq!(network(folder.path()), None);
        assert_eq!(network(Path::new("/proc")), None);
        assert_eq!(network(&folder.path().join("nowhere")), None);
        assert!(NETWORK.is_sorted(), "by number");
    }

    #[test]
    fn a_folder_in_the_place_of_another_is_another() {
        let folder = tempfile::tempdir().expect("temporary folder");
        let (one, two) = (folder.path().join("one"), folder.path().join("two"));
        fs::create_dir(&one).expect("new");
        fs::create_dir(&two).expect("new");
        let first = identify(&one).expect("there");
        assert_eq!(identify(&one), Ok(first));
        fs::rename(&two, &one).expect("an empty folder gives way");
        assert_ne!(identify(&one).expect("there"), first);
        let error = identify(&two).expect_err("moved");
        assert!(error.ends_with("two is not there"), "{error}");
        fs::write(&two, "").expect("writable");
        let error = identify(&two).expect_err("a file");
        assert!(error.ends_with("two is not a folder"), "{error}");
    }
}
