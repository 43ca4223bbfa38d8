//! One process for a place: a lock that ends with the process that has it. The watcher of a
//! repository has one, and each session of clones.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::store::layout::Layout;

/// How often a lock that is taken is looked at again before it counts as taken: whoever asks whether
/// it is held holds it for a moment itself.
const LOOKS: u32 = 25;
/// Between two looks.
const PAUSE: Duration = Duration::from_millis(4);

/// Why it cannot be known whether a process has the lock.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// The file cannot be made or opened.
    #[error("cannot open the lock {}", path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// The file system has no locks.
    #[error("cannot lock {}", path.display())]
    Lock {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
}

/// The right to be the one process of a place, until it is dropped or the process ends in
/// whatever way. Children do not inherit it.
#[derive(Debug)]
pub struct FileLock {
    _file: File,
}

impl FileLock {
    /// Takes it, making the file and its folder; none when another process has it.
    pub fn take(path: &Path) -> Result<Option<Self>, LockError> {
        let file = opened(path)?;
        for look in 0..LOOKS {
            if look > 0 {
                std::thread::sleep(PAUSE);
            }
            if tried(path, file.try_lock())? {
                return Ok(Some(Self { _file: file }));
            }
        }
        Ok(None)
    }

    /// Takes it when whoever has it gives it back, however long that takes.
    pub fn wait(path: &Path) -> Result<Self, LockError> {
        let file = opened(path)?;
        tried(path, file.lock().map_err(TryLockError::Error))?;
        Ok(Self { _file: file })
    }

    /// Whether a process has it.
    pub fn is_held(path: &Path) -> Result<bool, LockError> {
        match File::open(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(source) => Err(LockError::Open {
                path: path.to_owned(),
                source,
            }),
            // Given back as soon as the file is closed, right here.
            Ok(file) => Ok(!tried(path, file.try_lock_shared())?),
        }
    }
}

/// The right to be the watcher of a repository.
#[derive(Debug)]
pub struct WatcherLock {
    _lock: FileLock,
}

impl WatcherLock {
    /// Takes it; none when another process has it.
    pub fn take(layout: &Layout) -> Result<Option<Self>, LockError> {
        let taken = FileLock::take(&layout.watcher_lock())?;
        Ok(taken.map(|lock| Self { _lock: lock }))
    }

    /// Whether a process has it.
    pub fn is_held(layout: &Layout) -> Result<bool, LockError> {
        FileLock::is_held(&layout.watcher_lock())
    }
}

/// The file of a lock, made with its folder where there is none. It is never removed: another process
/// may have it open and would lock a file nobody sees.
fn opened(path: &Path) -> Result<File, LockError> {
    let failed = |source| LockError::Open {
        path: path.to_owned(),
        source,
    };
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(failed)?;
    }
    OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .open(path)
        .map_err(failed)
}

fn tried(path: &Path, outcome: Result<(), TryLockError>) -> Result<bool, LockError> {
    match outcome {
        Ok(()) => Ok(true),
        Err(TryLockError::WouldBlock) => Ok(false),
        Err(TryLockError::Error(source)) => Err(LockError::Lock {
            path: path.to_owned(),
            source,
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_one_at_a_time_and_asking_does_not_take_it() {
        let repo = tempfile::tempdir().expect("a folder");
        let layout = Layout::of(repo.path(), None);
        assert!(!WatcherLock::is_held(&layout).expect("known"));
        assert!(!layout.root().exists(), "asking makes nothing");
        let first = WatcherLock::take(&layout).expect("known").expect("free");
        assert!(WatcherLock::is_held(&layout).expect("known"));
        assert!(WatcherLock::take(&layout).expect("known").is_none());
        drop(first);
        assert!(!WatcherLock::is_held(&layout).expect("known"));
        assert!(WatcherLock::take(&layout).expect("known").is_some());
    }

    #[test]
    fn a_look_at_the_lock_does_not_keep_a_watcher_from_starting() {
        let repo = tempfile::tempdir().expect("a folder");
        let layout = Layout::of(repo.path(), None);
        drop(WatcherLock::take(&layout).expect("known").expect("free"));
        let file = File::open(layout.watcher_lock()).expect("there");
        file.try_lock_shared().expect("free");
        let (waits, waiting) = std::sync::mpsc::channel();
        let taker = std::thread::spawn(move || {
            waits.send(()).expect("a listener");
            WatcherLock::take(&layout).expect("known").is_some()
        });
        waiting.recv().expect("begun");
        drop(file);
        assert!(taker.join().expect("no panic"));
    }
}
