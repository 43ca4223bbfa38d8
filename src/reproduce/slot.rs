//! The folder of one attempt's evidence: written under a temporary name, and under its own only
//! when it is whole.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use archal_core::hash;

/// How the name of a folder that is not whole ends.
const PARTIAL: &str = ".part";
/// How many folders below a stage's folder slots lie at most: `<trace>/others/before/<scenario>`.
const DEEPEST: usize = 5;

/// The folder of one attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slot {
    folder: PathBuf,
    partial: PathBuf,
}

/// Why a slot cannot be written.
#[derive(Debug, thiserror::Error)]
#[error("cannot write {}", path.display())]
pub struct SlotError {
    /// The file or folder.
    path: PathBuf,
    /// The cause.
    source: io::Error,
}

impl Slot {
    /// Slot `number` in `parent`.
    pub fn new(parent: &Path, number: u32) -> Self {
        Self {
            folder: parent.join(format!("attempt-{number}")),
            partial: parent.join(format!(".attempt-{number}{PARTIAL}")),
        }
    }

    /// Its folder, once it is whole.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The folder to write to.
    pub fn partial(&self) -> &Path {
        &self.partial
    }

    /// Removes what an attempt left that was killed or is made again.
    pub fn clear(&self) -> Result<(), SlotError> {
        remove(&self.partial)?;
        remove(&self.folder)
    }

    /// Gives the folder its own name. What is not there cannot be settled, and that is fine for
    /// an attempt that failed before it wrote anything.
    pub fn settle(&self) -> Result<(), SlotError> {
        match fs::rename(&self.partial, &self.folder) {
            Err(source) if source.kind() != io::ErrorKind::NotFound => Err(SlotError {
                path: self.folder.clone(),
                source,
            }),
            _ => Ok(()),
        }
    }

    /// A hash of every name and every byte in the folder.
    pub fn fingerprint(&self) -> Result<String, SlotError> {
        let mut files = Vec::new();
        list(&self.folder, Path::new(""), &mut files)
            .map_err(|(path, source)| SlotError { path, source })?;
        files.sort();
        Ok(hash::of_json(&files))
    }
}

/// Removes folders under `folder` that a killed process left half written. For the folder of a
/// stage, or of one job in it, while nobody works there.
pub fn sweep(folder: &Path) -> Result<(), SlotError> {
    sweep_below(folder, DEEPEST)
}

fn sweep_below(folder: &Path, depth: usize) -> Result<(), SlotError> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        entries => entries.map_err(|source| SlotError {
            path: folder.to_owned(),
            source,
        })?,
    };
    for entry in entries.flatten() {
        let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if !is_folder {
            continue;
        }
        if name.starts_with(".attempt-") && name.ends_with(PARTIAL) {
            remove(&entry.path())?;
        } else if depth > 0 && !name.starts_with("attempt-") {
            sweep_below(&entry.path(), depth - 1)?;
        }
    }
    Ok(())
}

fn remove(path: &Path) -> Result<(), SlotError> {
    match fs::remove_dir_all(path) {
        Err(source) if source.kind() != io::ErrorKind::NotFound => Err(SlotError {
            path: path.to_owned(),
            source,
        }),
        _ => Ok(()),
    }
}

/// Each file as its path below `root` and the hash of its content; whatever is no file counts
/// by its name.
fn list(
    folder: &Path,
    below: &Path,
    files: &mut Vec<(PathBuf, String)>,
) -> Result<(), (PathBuf, io::Error)> {
    let at = |source| (folder.to_owned(), source);
    for entry in fs::read_dir(folder).map_err(at)? {
        let entry = entry.map_err(at)?;
        let path = entry.path();
        let name = below.join(entry.file_name());
        let kind = entry.file_type().map_err(|source| (path.clone(), source))?;
        if kind.is_dir() {
            list(&path, &name, files)?;
        } else if kind.is_file() {
            let bytes = fs::read(&path).map_err(|source| (path.clone(), source))?;
            files.push((name, hash::sha256(&bytes)));
        } else {
            files.push((name, String::new()));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slot_has_its_name_only_when_it_is_whole_and_is_known_by_its_bytes() {
        let folder = tempfile::tempdir().expect("temporary folder");
        let slot = Slot::new(folder.path(), 1);
        let write = |name: &str, text: &str| {
            let path = slot.partial().join(name);
            fs::create_dir_all(path.parent().expect("has one")).expect("writable");
            fs::write(path, text).expect("writable");
        };
        write("a", "1");
        write("deep/b", "2");
        assert!(!slot.folder().exists() && slot.fingerprint().is_err());
        slot.settle().expect("renamed");
        let first = slot.fingerprint().expect("read");
        assert!(!slot.partial().exists());
        fs::write(slot.folder().join("deep/b"), "3").expect("writable");
        assert_ne!(slot.fingerprint().expect("read"), first);
        slot.clear().expect("removed");
        assert!(!slot.folder().exists());
        slot.settle().expect("nothing to settle");
        write("a", "1");
        write("deep/b", "2");
        slot.settle().expect("renamed");
        assert_eq!(slot.fingerprint().expect("read"), first);
    }

    #[test]
    fn half_written_slots_of_every_phase_are_swept_and_whole_ones_stay() {
        let folder = tempfile::tempdir().expect("temporary folder");
        let whole = ["t/attempt-1", "t/others/before/s/attempt-2"];
        let half = ["t/.attempt-2.part", "t/others/before/s/.attempt-1.part"];
        for name in whole.iter().chain(&half) {
            let path = folder.path().join(name);
            fs::create_dir_all(&path).expect("writable");
            fs::write(path.join("stdout"), "x").expect("writable");
        }
        sweep(folder.path()).expect("swept");
        for name in whole {
            assert!(folder.path().join(name).join("stdout").exists(), "{name}");
        }
        for name in half {
            assert!(!folder.path().join(name).exists(), "{name}");
        }
        sweep(&folder.path().join("nowhere")).expect("fine");
    }
}
