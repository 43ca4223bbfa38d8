//! Private folders under the user's cache, and the removal of those whose owner is gone.
//!
//! Each folder has a lock that its process holds for as long as it lives. A folder whose lock is
//! free belongs to nobody any more (a process that was killed) and is removed by the next one.
//! In the cache, which is the user's alone, that goes for a folder without a lock, too: its
//! process was killed while it made or removed it.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use archal_core::environment::Environment;
use tempfile::TempDir;

/// The lock's name in each folder.
const LOCK: &str = ".lock";
/// The lock in the cache that is shared by those who make folders, and excludes them while
/// somebody looks for folders without a lock.
const MAKING: &str = ".making";
/// How each folder's name begins.
const PREFIX: &str = "archal-";

/// A folder of this process alone; removed when dropped.
#[derive(Debug)]
pub struct PrivateFolder {
    folder: TempDir,
    _lock: File,
}

impl PrivateFolder {
    /// The folder.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }
}

/// Why there is no private folder.
#[derive(Debug, thiserror::Error)]
#[error("cannot make a private folder under {}", path.display())]
pub struct PrivateError {
    /// Where.
    path: PathBuf,
    /// The cause.
    source: io::Error,
}

/// A new folder under the user's cache, or under the temporary folder where that cannot be
/// written; folders that killed processes left there are removed first.
pub fn private_folder(environment: &Environment) -> Result<PrivateFolder, PrivateError> {
    if let Some(cache) = in_cache(environment)
        && fs::create_dir_all(&cache).is_ok()
        && let Ok(folder) = make_in_cache(&cache)
    {
        collect_in_cache(&cache);
        return Ok(folder);
    }
    let temporary = in_temporary(environment);
    make(&temporary).map_err(|source| PrivateError {
        path: temporary,
        source,
    })
}

/// Removes the folders that killed processes left, wherever [`private_folder`] makes them.
pub fn collect(environment: &Environment) {
    if let Some(cache) = in_cache(environment) {
        collect_in_cache(&cache);
    }
    remove_all(left_in(&in_temporary(environment), false));
}

fn in_cache(environment: &Environment) -> Option<PathBuf> {
    environment
        .get("XDG_CACHE_HOME")
        .map(PathBuf::from)
        .or_else(|| Some(PathBuf::from(environment.get("HOME")?).join(".cache")))
        .map(|cache| cache.join("archal").join("workspaces"))
}

fn in_temporary(environment: &Environment) -> PathBuf {
    PathBuf::from(environment.get("TMPDIR").unwrap_or("/tmp"))
}

fn make(parent: &Path) -> io::Result<PrivateFolder> {
    let folder = tempfile::Builder::new()
        .prefix(PREFIX)
        .permissions(fs::Permissions::from_mode(0o700))
        .tempdir_in(parent)?;
    // Locked before it has the name by which others look for it.
    let unnamed = folder.path().join(".lock.new");
    let lock = File::create(&unnamed)?;
    lock.lock()?;
    fs::rename(unnamed, folder.path().join(LOCK))?;
    Ok(PrivateFolder {
        folder,
        _lock: lock,
    })
}

fn make_in_cache(cache: &Path) -> io::Result<PrivateFolder> {
    let making = File::create(cache.join(MAKING))?;
    making.lock_shared()?;
    make(cache)
}

fn collect_in_cache(cache: &Path) {
    let Ok(making) = File::open(cache.join(MAKING)) else {
        return;
    };
    // Where somebody makes a folder just now, one without a lock may be theirs.
    let nobody_makes_one = making.try_lock().is_ok();
    let left = left_in(cache, nobody_makes_one);
    drop(making);
    remove_all(left);
}

/// The folders under `parent` whose lock nobody holds, and on demand those that have none.
fn left_in(parent: &Path, without_lock: bool) -> Vec<PathBuf> {
    let entries = fs::read_dir(parent).into_iter().flatten().flatten();
    entries
        .filter(|entry| entry.file_name().to_string_lossy().starts_with(PREFIX))
        .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
        .map(|entry| entry.path())
        .filter(|path| match File::open(path.join(LOCK)) {
            // Where locks do not work nobody can tell whose a folder is.
            Ok(lock) => lock.try_lock().is_ok(),
            Err(error) => without_lock && error.kind() == io::ErrorKind::NotFound,
        })
        .collect()
}

/// What cannot be removed stays.
fn remove_all(folders: Vec<PathBuf>) {
    for folder in folders {
        // Two processes may remove the same one; whoever comes second finds nothing.
        fs::remove_dir_all(&folder).ok();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_nobody_holds_is_removed_and_a_held_one_stays() {
        let cache = tempfile::tempdir().expect("temporary folder");
        let environment = Environment {
            variables: ["XDG_CACHE_HOME", "TMPDIR"]
                .map(|name| (name.to_owned(), cache.path().display().to_string()))
                .into(),
            directory: "/".into(),
        };
        let held = private_folder(&environment).expect("made");
        let parent = held.path().parent().expect("has one").to_owned();
        let left = parent.join("archal-left");
        fs::create_dir(&left).expect("writable");
        fs::write(left.join(LOCK), "").expect("writable");
        fs::write(left.join("copy.txt"), "").expect("writable");
        let next = private_folder(&environment).expect("made");
        assert!(!left.exists());
        assert!(held.path().exists() && next.path().exists());
        drop(next);
        fs::create_dir(&left).expect("writable");
        fs::write(left.join(LOCK), "").expect("writable");
        let unlocked = parent.join("archal-killed-while-it-was-made");
        fs::create_dir(&unlocked).expect("writable");
        let elsewhere = cache.path().join("archal-left");
        fs::create_dir(&elsewhere).expect("writable");
        fs::write(elsewhere.join(LOCK), "").expect("writable");
        collect(&environment);
        assert!(!left.exists() && !elsewhere.exists() && !unlocked.exists());
        assert!(held.path().exists());
        let making = File::open(parent.join(MAKING)).expect("there");
        making.lock_shared().expect("locked");
        fs::create_dir(&unlocked).expect("writable");
        collect(&environment);
        assert!(unlocked.exists(), "somebody may be making it");
    }
}
