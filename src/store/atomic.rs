//! Writing files so that nobody ever reads half of one.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use archal_core::clock::Timestamp;
use serde::Serialize;

use super::json;

/// How the names of files that are being written begin and end.
const PREFIX: &str = ".archal-";
const SUFFIX: &str = ".tmp";
/// Nobody takes longer to write one.
const ABANDONED: Duration = Duration::from_secs(600);

/// Whether a file of that name was being written when its process ended.
pub fn is_unfinished(name: &OsStr) -> bool {
    name.to_str()
        .is_some_and(|name| name.starts_with(PREFIX) && name.ends_with(SUFFIX))
}

/// Takes away files of `folder` that were being written when their process ended. A young one may be
/// somebody's who still writes.
pub fn sweep(folder: &Path, now: Timestamp) {
    // What cannot be taken away now is taken away another time.
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let changed = entry.metadata().and_then(|metadata| metadata.modified());
        let age = changed.ok().and_then(|changed| {
            let changed = Timestamp::try_from(changed).ok()?;
            Duration::try_from(now.duration_since(changed)).ok()
        });
        if is_unfinished(&entry.file_name()) && age.is_some_and(|age| age > ABANDONED) {
            fs::remove_file(entry.path()).ok();
        }
    }
}

/// Why a file could not be written.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// The file or its folder could not be written.
    #[error("cannot write {}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// The value has no JSON form.
    #[error("cannot encode {}", path.display())]
    Encode {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: serde_json::Error,
    },
}

/// How long the bytes must last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// Can be derived again: renamed into place without sync.
    Derived,
    /// Cannot: file and folder are synced before this returns.
    Synced,
}

/// Writes `bytes` to a temporary name beside `path` and renames it into place, making folders.
pub fn write(path: &Path, bytes: &[u8], durability: Durability) -> Result<(), WriteError> {
    replace(path, bytes, durability).map_err(|source| WriteError::Io {
        path: path.to_owned(),
        source,
    })
}

/// [`write()`]s a value as indented JSON with a newline at its end.
pub fn write_json(
    path: &Path,
    value: &impl Serialize,
    durability: Durability,
) -> Result<(), WriteError> {
    write(path, &json_bytes(path, value)?, durability)
}

/// What [`write_json`] writes; the path is for the error.
pub fn json_bytes(path: &Path, value: &impl Serialize) -> Result<Vec<u8>, WriteError> {
    let mut bytes = json::pretty(value).map_err(|source| WriteError::Encode {
        path: path.to_owned(),
        source,
    })?;
    bytes.push(b'\n');
    Ok(bytes)
}

/// Writes a file for the user, synced, where none is there; one that is there stays as it is and
/// is an error of the kind [`io::ErrorKind::AlreadyExists`].
pub fn create(path: &Path, bytes: &[u8]) -> Result<(), WriteError> {
    put(path, bytes, Durability::Synced, false).map_err(|source| WriteError::Io {
        path: path.to_owned(),
        source,
    })
}

fn replace(path: &Path, bytes: &[u8], durability: Durability) -> io::Result<()> {
    put(path, bytes, durability, true)
}

fn put(path: &Path, bytes: &[u8], durability: Durability, replace: bool) -> io::Result<()> {
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    // The temporary file removes itself when writing fails, so a full disk leaves no litter.
    let mut file = match born(folder) {
        // Folders are there most of the time: they are not asked for first.
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            fs::create_dir_all(folder)?;
            born(folder)?
        }
        born => born?,
    };
    file.write_all(bytes)?;
    if durability == Durability::Synced {
        file.as_file().sync_all()?;
    }
    if replace {
        file.persist(path).map_err(|error| error.error)?;
    } else {
        file.persist_noclobber(path).map_err(|error| error.error)?;
    }
    if durability == Durability::Synced {
        File::open(folder)?.sync_all()?;
    }
    Ok(())
}

/// A temporary file, as readable as the user's other files: artifacts are to be read by people
/// and their tools.
fn born(folder: &Path) -> io::Result<tempfile::NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(PREFIX).suffix(SUFFIX);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        builder.permissions(fs::Permissions::from_mode(0o644));
    }
    builder.tempfile_in(folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_there_is_not_created_again() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("deep/a.md");
        create(&path, b"one").expect("a new file");
        let again = create(&path, b"two").expect_err("it is there");
        assert!(
            matches!(&again, WriteError::Io { source, .. } if source.kind() == io::ErrorKind::AlreadyExists)
        );
        assert_eq!(fs::read(&path).expect("the file"), b"one");
        assert_eq!(
            fs::read_dir(folder.path().join("deep"))
                .expect("a folder")
                .count(),
            1
        );
    }

    #[test]
    fn what_a_killed_process_was_writing_is_taken_away_once_nobody_can_be() {
        let folder = tempfile::tempdir().expect("a folder");
        let now: Timestamp = "2026-01-01T12:00:00Z".parse().expect("a time");
        let minutes_ago = |name: &str, minutes: u64| {
            let file = File::create(folder.path().join(name)).expect("writable");
            let at = std::time::SystemTime::from(now) - Duration::from_secs(minutes * 60);
            file.set_modified(at).expect("my own file");
        };
        minutes_ago(".archal-old.tmp", 11);
        minutes_ago(".archal-young.tmp", 9);
        minutes_ago("last-run.json", 11);
        sweep(folder.path(), now);
        let is_there = |name: &str| folder.path().join(name).exists();
        assert!(!is_there(".archal-old.tmp"));
        assert!(is_there(".archal-young.tmp") && is_there("last-run.json"));
        sweep(&folder.path().join("nowhere"), now);
    }

    #[test]
    fn a_failed_write_leaves_the_old_file_and_no_litter() {
        let folder = tempfile::tempdir().expect("temporary folder");
        let path = folder.path().join("state.json");
        write(&path, b"old", Durability::Synced).expect("writable");
        let blocked = folder.path().join("state.json").join("below-a-file");
        assert!(write(&blocked, b"new", Durability::Derived).is_err());
        assert_eq!(fs::read(&path).expect("still there"), b"old");
        assert_eq!(fs::read_dir(folder.path()).expect("readable").count(), 1);
    }

    #[test]
    fn folders_are_made_where_there_are_none_and_files_are_as_others_of_the_user_are() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().expect("temporary folder");
        let path = folder.path().join("a/b/state.json");
        for bytes in [b"one".as_slice(), b"two"] {
            write(&path, bytes, Durability::Derived).expect("writable");
            assert_eq!(fs::read(&path).expect("there"), bytes);
        }
        let mode = |path: &Path| fs::metadata(path).expect("there").permissions().mode();
        let other = folder.path().join("other");
        fs::write(&other, "").expect("writable");
        assert_eq!(mode(&path) & 0o777, mode(&other) & 0o777 & 0o644);
    }
}
