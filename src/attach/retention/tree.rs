//! Looking at and removing files below the state folder, never through a link.
//!
//! A child of archal may have put a link where a folder was. Every step goes from an open folder
//! to one of its entries without following, so that whatever the tree turns into meanwhile,
//! nothing outside it is touched.

use std::ffi::{CStr, CString, OsStr, OsString};
use std::io;
use std::ops::ControlFlow;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Component, Path};

use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, Stat};

/// A deeper tree is not archal's.
const DEEPEST: usize = 64;
/// Where things go before they are removed.
pub(super) const ASIDE: &str = "attach/.pruned";

/// The state folder, held open.
pub(super) struct Tree {
    root: OwnedFd,
    stat: Stat,
}

/// An entry of a folder.
pub(super) struct Entry {
    /// Its name.
    pub(super) name: OsString,
    /// Whether it is a folder, and no link to one.
    pub(super) is_folder: bool,
}

/// What a tree holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Measured {
    /// Bytes of its files.
    pub(super) bytes: u64,
    /// When anything in it was last written, in seconds since 1970.
    pub(super) newest: i64,
}

impl Tree {
    /// Opens the state folder; none where there is none. The folder itself may be a link: the
    /// user chose it.
    pub(super) fn open(root: &Path) -> io::Result<Option<Self>> {
        let flags = OFlags::DIRECTORY | OFlags::RDONLY | OFlags::CLOEXEC;
        match rustix::fs::open(root, flags, Mode::empty()) {
            Err(rustix::io::Errno::NOENT) => Ok(None),
            Err(error) => Err(error.into()),
            Ok(root) => Ok(Some(Self {
                stat: rustix::fs::fstat(&root)?,
                root,
            })),
        }
    }

    /// The entries of a folder, sorted; none where it is not there.
    pub(super) fn entries(&self, path: &Path) -> io::Result<Vec<Entry>> {
        let Some(folder) = found(self.folder(path))? else {
            return Ok(Vec::new());
        };
        let mut entries = Vec::new();
        for (name, kind) in children(&folder)? {
            entries.push(Entry {
                name: OsString::from_vec(name.into_bytes()),
                is_folder: kind == FileType::Directory,
            });
        }
        entries.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(entries)
    }

    /// Shows each entry of a folder, in no order, without reading the list to its end first: a
    /// folder may have a million. What is removed from it meanwhile may be shown or not, and on
    /// some file systems something else may be left out then.
    pub(super) fn each<E: From<io::Error>>(
        &self,
        path: &Path,
        visit: &mut dyn FnMut(&OsStr) -> Result<ControlFlow<()>, E>,
    ) -> Result<(), E> {
        let Some(folder) = found(self.folder(path))? else {
            return Ok(());
        };
        for entry in Dir::read_from(folder.as_fd()).map_err(io::Error::from)? {
            let entry = entry.map_err(io::Error::from)?;
            let name = entry.file_name();
            if name == c"." || name == c".." {
                continue;
            }
            if visit(OsStr::from_bytes(name.to_bytes()))?.is_break() {
                break;
            }
        }
        Ok(())
    }

    /// Whether something lies there, be it a link that leads nowhere.
    pub(super) fn has(&self, path: &Path) -> bool {
        self.place(path).is_ok_and(|(folder, name)| {
            rustix::fs::statat(folder, name, AtFlags::SYMLINK_NOFOLLOW).is_ok()
        })
    }

    /// What a file or folder holds; nothing where it is not there. A link counts for itself.
    pub(super) fn measure(&self, path: &Path) -> io::Result<Measured> {
        let Some((folder, name)) = found(self.place(path))? else {
            return Ok(Measured::default());
        };
        let mut sum = Measured::default();
        let measured = self.walk(&folder, &name, 0, &mut |_, _, stat| {
            let bytes = u64::try_from(stat.st_size).unwrap_or_default();
            if FileType::from_raw_mode(stat.st_mode) != FileType::Directory {
                sum.bytes = sum.bytes.saturating_add(bytes);
            }
            sum.newest = sum.newest.max(stat.st_mtime);
            Ok(())
        });
        found(measured).map(|_| sum)
    }

    /// Moves a file or folder out of its place, to be removed by [`Tree::empty`]: done in a
    /// moment, whatever its size. False where it is not there.
    pub(super) fn take(&self, path: &Path, number: usize) -> io::Result<bool> {
        let Some((from, name)) = found(self.place(path))? else {
            return Ok(false);
        };
        let aside = self.aside()?;
        // What an earlier process left there has the same names.
        for round in 0..1_000 {
            let to = c_name(OsStr::new(&format!("{number}-{round}")))?;
            if rustix::fs::statat(&aside, &to, AtFlags::SYMLINK_NOFOLLOW).is_ok() {
                continue;
            }
            return match rustix::fs::renameat(&from, &name, &aside, &to) {
                Ok(()) => Ok(true),
                Err(rustix::io::Errno::NOENT) => Ok(false),
                Err(error) => Err(error.into()),
            };
        }
        Err(io::Error::other(
            "attach/.pruned is full of what cannot be removed",
        ))
    }

    /// Removes everything that was taken, by this process or one before it, and the place itself.
    pub(super) fn empty(&self) -> io::Result<()> {
        let path = Path::new(ASIDE);
        let Some(aside) = found(self.folder(path))? else {
            return Ok(());
        };
        let mut first = Ok(());
        for (name, _) in children(&aside)? {
            // One that cannot be removed does not keep the others.
            let removed = self.remove_at(&aside, &name);
            first = first.and(removed);
        }
        first.and_then(|()| self.remove(path).map(|_| ()))
    }

    /// Removes a file or folder where it is. False where it is not there.
    pub(super) fn remove(&self, path: &Path) -> io::Result<bool> {
        match found(self.place(path))? {
            None => Ok(false),
            Some((folder, name)) => self.remove_at(&folder, &name).map(|()| true),
        }
    }

    fn remove_at(&self, folder: &OwnedFd, name: &CStr) -> io::Result<()> {
        self.walk(folder, name, 0, &mut |folder, name, stat| {
            let kind = FileType::from_raw_mode(stat.st_mode);
            let flags = match kind {
                FileType::Directory => AtFlags::REMOVEDIR,
                _ => AtFlags::empty(),
            };
            match rustix::fs::unlinkat(folder, name, flags) {
                Ok(()) | Err(rustix::io::Errno::NOENT) => Ok(()),
                Err(error) => Err(error.into()),
            }
        })
    }

    /// Visits an entry and everything below it, what is inside a folder before the folder.
    fn walk(
        &self,
        folder: &OwnedFd,
        name: &CStr,
        depth: usize,
        visit: &mut dyn FnMut(&OwnedFd, &CStr, &Stat) -> io::Result<()>,
    ) -> io::Result<()> {
        let stat = rustix::fs::statat(folder, name, AtFlags::SYMLINK_NOFOLLOW)?;
        if FileType::from_raw_mode(stat.st_mode) == FileType::Directory {
            if depth == DEEPEST {
                return Err(io::Error::other("folders are nested too deep"));
            }
            if stat.st_dev != self.stat.st_dev {
                return Err(io::Error::other("another file system is mounted there"));
            }
            let inner = open_at(folder, name)?;
            for (name, _) in children(&inner)? {
                self.walk(&inner, &name, depth + 1, visit)?;
            }
        }
        visit(folder, name, &stat)
    }

    /// The open folder that holds the last part of `path`, and that part.
    fn place(&self, path: &Path) -> io::Result<(OwnedFd, CString)> {
        let name = path
            .file_name()
            .ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?;
        let parent = path.parent().unwrap_or(Path::new(""));
        Ok((self.folder(parent)?, c_name(name)?))
    }

    fn folder(&self, path: &Path) -> io::Result<OwnedFd> {
        let mut folder = self.root.try_clone()?;
        for part in path.components() {
            // A trace's name has no other parts; one that has is no place of archal's.
            let Component::Normal(name) = part else {
                return Err(io::ErrorKind::InvalidInput.into());
            };
            folder = open_at(&folder, &c_name(name)?)?;
        }
        Ok(folder)
    }

    fn aside(&self) -> io::Result<OwnedFd> {
        let mut folder = self.root.try_clone()?;
        for part in ASIDE.split('/') {
            let name = c_name(OsStr::new(part))?;
            match rustix::fs::mkdirat(&folder, &name, Mode::RWXU) {
                Ok(()) | Err(rustix::io::Errno::EXIST) => {}
                Err(error) => return Err(error.into()),
            }
            folder = open_at(&folder, &name)?;
        }
        Ok(folder)
    }
}

fn open_at(folder: &OwnedFd, name: &CStr) -> io::Result<OwnedFd> {
    let flags = OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::RDONLY | OFlags::CLOEXEC;
    match rustix::fs::openat(folder, name, flags, Mode::empty()) {
        Ok(inner) => Ok(inner),
        Err(rustix::io::Errno::LOOP | rustix::io::Errno::NOTDIR) => {
            let told = format!("{} is no folder of archal's", name.to_string_lossy());
            Err(io::Error::other(told))
        }
        Err(error) => Err(error.into()),
    }
}

/// The names in a folder with their kinds. They are read to the end first: a folder that
/// changes while it is read skips entries.
fn children(folder: &OwnedFd) -> io::Result<Vec<(CString, FileType)>> {
    let mut found = Vec::new();
    for entry in Dir::read_from(folder.as_fd())? {
        let entry = entry?;
        let name = entry.file_name();
        if name == c"." || name == c".." {
            continue;
        }
        let kind = match entry.file_type() {
            // Some file systems do not say it in the list.
            FileType::Unknown => rustix::fs::statat(folder, name, AtFlags::SYMLINK_NOFOLLOW)
                .map(|stat| FileType::from_raw_mode(stat.st_mode))?,
            kind => kind,
        };
        found.push((name.to_owned(), kind));
    }
    Ok(found)
}

fn c_name(name: &OsStr) -> io::Result<CString> {
    CString::new(name.as_bytes()).map_err(|_| io::ErrorKind::InvalidInput.into())
}

/// What is not there is none, and no error.
fn found<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::symlink;

    /// A state folder, and a folder beside it that is none of its business.
    fn folders() -> (tempfile::TempDir, Tree) {
        let folder = tempfile::tempdir().expect("temporary folder");
        for inner in ["state/attach/runs/t/deep", "outside/t"] {
            fs::create_dir_all(folder.path().join(inner)).expect("made");
        }
        for file in [
            "state/attach/runs/t/deep/a",
            "state/attach/runs/t/b",
            "outside/t/mine",
        ] {
            fs::write(folder.path().join(file), "12345").expect("written");
        }
        let tree = Tree::open(&folder.path().join("state"))
            .expect("opened")
            .expect("there");
        (folder, tree)
    }

    #[test]
    fn what_is_taken_is_gone_at_once_and_from_the_disk_when_emptied() {
        let (folder, tree) = folders();
        let path = Path::new("attach/runs/t");
        assert_eq!(tree.measure(path).expect("measured").bytes, 10);
        assert!(tree.take(path, 0).expect("taken"));
        assert!(!tree.take(path, 0).expect("fine"));
        assert_eq!(tree.measure(path).expect("measured"), Measured::default());
        tree.empty().expect("emptied");
        assert!(!folder.path().join("state/attach/.pruned").exists());
        tree.empty().expect("nothing is fine");
        assert!(tree.entries(path).expect("none").is_empty());
    }

    #[test]
    fn a_link_is_removed_and_what_it_leads_to_is_not() {
        let (folder, tree) = folders();
        let at = |path: &str| folder.path().join(path);
        symlink(at("outside"), at("state/attach/runs/t/link")).expect("made");
        symlink(at("outside/t"), at("state/attach/runs/u")).expect("made");
        assert_eq!(
            tree.entries(Path::new("attach/runs/t/link"))
                .map(|_| ())
                .expect_err("a link")
                .to_string(),
            "link is no folder of archal's"
        );
        assert!(tree.remove(Path::new("attach/runs/u/mine")).is_err());
        assert!(tree.take(Path::new("attach/runs/u/mine"), 1).is_err());
        assert!(
            tree.remove(Path::new("attach/runs/u"))
                .expect("the link itself")
        );
        assert!(tree.take(Path::new("attach/runs/t"), 2).expect("taken"));
        tree.empty().expect("emptied");
        assert!(at("outside/t/mine").exists());
        assert!(!at("state/attach/runs/t").exists() && !at("state/attach/runs/u").exists());
        assert!(tree.remove(Path::new("../outside")).is_err());
        assert!(tree.remove(Path::new("/etc")).is_err());
    }

    #[test]
    fn nothing_is_moved_through_a_link_in_the_place_of_what_is_aside() {
        let (folder, tree) = folders();
        let at = |path: &str| folder.path().join(path);
        symlink(at("outside"), at("state/attach/.pruned")).expect("made");
        assert!(tree.take(Path::new("attach/runs/t"), 0).is_err());
        assert!(tree.empty().is_err());
        assert!(at("outside/t/mine").exists() && at("state/attach/runs/t/b").exists());
    }
}
