//! Temporary folders of a child's own, and what it wrote into folders of others in them.
//!
//! The machine's folder is read through; writes go to memory that ends with the child. So a
//! program that insists on `/tmp` works, and nothing that lies there is changed.

use std::fs;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use nix::mount::{MntFlags, MsFlags, mount, umount2};

use super::files::{memory, name_of, place};

/// Folders that programs write whatever they are told.
pub(super) const TEMPORARY: &[&str] = &["/tmp", "/var/tmp"];
/// Most entries that are looked at.
const MOST_ENTRIES: usize = 10_000;
/// Most files that are named.
const MOST_NAMED: usize = 16;

/// A temporary folder that is the child's own.
#[derive(Debug)]
pub(super) struct Scratch {
    folder: PathBuf,
    /// The machine's folder.
    machines: OwnedFd,
    /// What the child wrote.
    written: OwnedFd,
}

impl Scratch {
    /// Lays one over a folder of the machine.
    pub(super) fn over(folder: &Path) -> io::Result<Self> {
        let machines = place(folder).map_err(io::Error::other)?;
        memory(folder, "size=512m,mode=755")?;
        let laid = Self::lay(folder, &machines);
        if laid.is_err() {
            umount2(folder, MntFlags::MNT_DETACH)?;
        }
        Ok(Self {
            folder: folder.to_owned(),
            machines,
            written: laid?,
        })
    }

    fn lay(folder: &Path, machines: &OwnedFd) -> io::Result<OwnedFd> {
        let (upper, work) = (folder.join("upper"), folder.join("work"));
        fs::create_dir(&upper)?;
        fs::set_permissions(&upper, fs::Permissions::from_mode(0o1777))?;
        fs::create_dir(&work)?;
        let written = place(&upper).map_err(io::Error::other)?;
        let options = format!(
            "lowerdir={},upperdir={},workdir={},userxattr",
            name_of(machines).display(),
            upper.display(),
            work.display()
        );
        let kind = Some(Path::new("overlay"));
        let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV;
        mount(kind, folder, kind, flags, Some(Path::new(&options)))?;
        Ok(written)
    }

    /// Files that it wrote or removed in folders that others made there.
    pub(super) fn outside(&self) -> Vec<PathBuf> {
        let (machines, written) = (name_of(&self.machines), name_of(&self.written));
        let mut open: Vec<PathBuf> = entries(&written)
            .filter(|(name, is_folder)| *is_folder && machines.join(name).is_dir())
            .map(|(name, _)| name)
            .collect();
        let mut outside = Vec::new();
        let mut left = MOST_ENTRIES;
        while let Some(within) = open.pop() {
            for (name, is_folder) in entries(&written.join(&within)).take(left) {
                left -= 1;
                let name = within.join(name);
                match is_folder {
                    true => open.push(name),
                    false if outside.len() < MOST_NAMED => outside.push(self.folder.join(name)),
                    false => return outside,
                }
            }
        }
        outside
    }
}

/// The names in a folder, and whether each is one.
fn entries(folder: &Path) -> impl Iterator<Item = (PathBuf, bool)> + use<> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.map(|entry| {
        let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
        (PathBuf::from(entry.file_name()), is_folder)
    })
}
