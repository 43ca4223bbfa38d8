//! Private folders under the user's cache, and the removal of those whose owner is gone.
//!
//! Each folder has a lock that its process holds for as long as it lives. A folder whose lock is
//! free belongs to nobody any more (a process that was killed) and is removed by the next one.

use std::fs::{self, File, TryLockError};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use archal_core::environment::Environment;
use tempfile::TempDir;

/// The lock's name in each folder.
const LOCK: &str = ".lock";
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
    let cache = environment
        .get("XDG_CACHE_HOME")
        .map(PathBuf::from)
        .or_else(|| Some(PathBuf::from(environment.get("HOME")?).join(".cache")))
        .map(|cache| cache.join("archal").join("workspaces"));
    if let Some(cache) = cache
        && fs::create_dir_all(&cache).is_ok()
        && let Ok(folder) = make(&cache)
    {
        collect(&cache);
        return Ok(folder);
    }
    let temporary = PathBuf::from(environment.get("TMPDIR").unwrap_or("/tmp"));
    make(&temporary).map_err(|source| PrivateError {
        path: temporary,
        source,
    })
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

/// Removes the folders under `parent` whose lock nobody holds. What cannot be removed stays.
fn collect(parent: &Path) {
    let Ok(entries) = fs::read_dir(parent) else {
        return;
    };
    for path in entries.flatten().map(|entry| entry.path()) {
        let named = path
            .file_name()
            .is_some_and(|name| name.to_string_lossy().starts_with(PREFIX));
        // A folder without a lock is being made at this moment, or is not one of these.
        let Ok(lock) = File::open(path.join(LOCK)) else {
            continue;
        };
        if named && !matches!(lock.try_lock(), Err(TryLockError::WouldBlock)) {
            // Two processes may remove the same one; whoever comes second finds nothing.
            fs::remove_dir_all(&path).ok();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_nobody_holds_is_removed_and_a_held_one_stays() {
        let cache = tempfile::tempdir().expect("temporary folder");
        let environment = Environment {
            variables: [(
                "XDG_CACHE_HOME".to_owned(),
                cache.path().display().to_string(),
            )]
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
    }
}
