//! A confined child's view of the file system, in a mount namespace: everything is read-only but
//! its own folders, temporary folders and devices are its own, credentials are empty files.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::mount::{MsFlags, mount};
use rustix::fs::{Mode, OFlags};

use super::super::mounts::{NOTHING, bind_over, kept_flags};
use super::Confine;
use super::decoys::Decoys;
use super::scratch::{Scratch, TEMPORARY};

/// What a program may expect of a device folder. Not the machine's own: root without capabilities
/// still owns its disks.
const DEVICES: &[&str] = &["null", "zero", "full", "random", "urandom", "tty"];
/// Links in it.
const LINKS: &[(&str, &str)] = &[
    ("fd", "/proc/self/fd"),
    ("stdin", "/proc/self/fd/0"),
    ("stdout", "/proc/self/fd/1"),
    ("stderr", "/proc/self/fd/2"),
    ("ptmx", "pts/ptmx"),
];
/// Where a program finds this process's mounts.
const MOUNTS: &str = "/proc/self/mountinfo";

/// Makes the view for the processes of this namespace, all but the decoys; its temporary folders.
pub(super) fn show(confine: &Confine) -> Result<Vec<Scratch>, String> {
    // Opened before anything lies over them.
    let writable: Vec<(&Path, OwnedFd)> = confine
        .writable
        .iter()
        .map(|path| Ok((path.as_path(), place(path)?)))
        .collect::<Result<_, String>>()?;
    let devices: Vec<(&str, OwnedFd)> = DEVICES
        .iter()
        .filter_map(|name| Some((*name, place(&Path::new("/dev").join(name)).ok()?)))
        .collect();
    read_only()?;
    // Where one cannot be its own it is read-only, as everything else.
    let scratch = TEMPORARY
        .iter()
        .filter_map(|folder| Scratch::over(Path::new(folder)).ok())
        .collect();
    own_devices(&devices).map_err(|error| format!("it has no devices of its own: {error}"))?;
    for (path, opened) in writable {
        let shown = shown_at(path, &opened).and_then(|()| make_writable(path));
        shown.map_err(|error| format!("{} cannot be made writable: {error}", path.display()))?;
    }
    Ok(scratch)
}

/// Puts empty files in the place of credentials.
pub(super) fn hide(confine: &Confine, directory: &Path) -> Result<Decoys, String> {
    let mut kept: Vec<&Path> = confine.writable.iter().map(PathBuf::as_path).collect();
    kept.push(directory);
    Decoys::put(&confine.hidden, &kept)
}

/// Opens a place by itself, whatever lies over it later.
pub(super) fn place(path: &Path) -> Result<OwnedFd, String> {
    let flags = OFlags::PATH | OFlags::CLOEXEC;
    rustix::fs::open(path, flags, Mode::empty())
        .map_err(|error| format!("{} cannot be opened: {error}", path.display()))
}

/// What an open place is called for as long as it is open.
pub(super) fn name_of(place: &OwnedFd) -> PathBuf {
    PathBuf::from(format!("/proc/self/fd/{}", place.as_raw_fd()))
}

/// Shows an open place at a path.
fn shown_at(path: &Path, place: &OwnedFd) -> Result<(), Errno> {
    bind_over(&name_of(place), path)
}

/// Makes every mount that can be reached read-only.
fn read_only() -> Result<(), String> {
    let mounts = fs::read(MOUNTS).map_err(|error| format!("{MOUNTS} cannot be read: {error}"))?;
    for point in mounts.split(|byte| *byte == b'\n').filter_map(mount_point) {
        // What archal cannot look at the child cannot reach either.
        let Ok((flags, is_read_only)) = kept_flags(&point) else {
            continue;
        };
        if is_read_only {
            continue;
        }
        let flags = flags | MsFlags::MS_BIND | MsFlags::MS_REMOUNT | MsFlags::MS_RDONLY;
        let made = mount(NOTHING, &point, NOTHING, flags, NOTHING);
        // Under another mount it cannot be reached by its name, nor by the child.
        let is_so = || kept_flags(&point).is_ok_and(|(_, is_read_only)| is_read_only);
        if let Err(error) = made
            && !is_so()
        {
            return Err(format!(
                "{} cannot be made read-only: {error}",
                point.display()
            ));
        }
    }
    Ok(())
}

/// The place of a mount in a line of the kernel's list.
pub(in crate::sandbox) fn mount_point(line: &[u8]) -> Option<PathBuf> {
    let field = line.split(|byte| *byte == b' ').nth(4)?;
    let mut name = Vec::with_capacity(field.len());
    let mut rest = field;
    while let Some((first, after)) = rest.split_first() {
        // Blanks and the like are written as three octal digits.
        let octal = (*first == b'\\').then(|| after.get(..3)).flatten();
        let number =
            octal.and_then(|digits| u8::from_str_radix(str::from_utf8(digits).ok()?, 8).ok());
        match number {
            Some(byte) => {
                name.push(byte);
                rest = &after[3..];
            }
            None => {
                name.push(*first);
                rest = after;
            }
        }
    }
    Some(PathBuf::from(OsString::from_vec(name)))
}

fn make_writable(path: &Path) -> Result<(), Errno> {
    let (flags, is_read_only) = kept_flags(path)?;
    if is_read_only {
        let flags = flags | MsFlags::MS_BIND | MsFlags::MS_REMOUNT;
        mount(NOTHING, path, NOTHING, flags, NOTHING)?;
    }
    Ok(())
}

/// Puts an empty folder of memory over a path.
pub(super) fn memory(path: &Path, options: &str) -> Result<(), Errno> {
    let kind = Path::new("tmpfs");
    let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV;
    mount(
        Some(kind),
        path,
        Some(kind),
        flags,
        Some(Path::new(options)),
    )
}

fn own_devices(devices: &[(&str, OwnedFd)]) -> io::Result<()> {
    let folder = Path::new("/dev");
    // Not `nodev`: what is shown in it are devices.
    let kind = Path::new("tmpfs");
    let options = Some(Path::new("mode=755,size=1m"));
    mount(Some(kind), folder, Some(kind), MsFlags::MS_NOSUID, options)?;
    for (name, opened) in devices {
        let path = folder.join(name);
        File::create(&path)?;
        shown_at(&path, opened)?;
    }
    for (name, target) in LINKS {
        symlink(target, folder.join(name))?;
    }
    let (terminals, shared) = (folder.join("pts"), folder.join("shm"));
    fs::create_dir(&terminals)?;
    let kind = Path::new("devpts");
    let flags = MsFlags::MS_NOSUID | MsFlags::MS_NOEXEC;
    let options = Some(Path::new("newinstance,ptmxmode=0666,mode=620"));
    // Where there can be none, programs that want a terminal do without.
    mount(Some(kind), &terminals, Some(kind), flags, options).ok();
    fs::create_dir(&shared)?;
    memory(&shared, "mode=1777,size=256m")?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_of_mounts_are_read_whatever_is_in_their_names() {
        let line = br"36 35 98:0 /mnt1 /mnt/a\040b\134c rw,noatime master:1 - ext3 /dev/root rw";
        assert_eq!(mount_point(line), Some(PathBuf::from(r"/mnt/a b\c")));
        assert_eq!(mount_point(b""), None);
        let line = br"36 35 98:0 /mnt1 /mnt/x\9 rw";
        assert_eq!(mount_point(line), Some(PathBuf::from(r"/mnt/x\9")));
    }
}
