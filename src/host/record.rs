//! Where a repository's watcher is found: `watcher.json`, true for as long as the lock is held.

use std::fs;
use std::io;
use std::path::PathBuf;

use archal_core::clock::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::lock::{LockError, WatcherLock};
use crate::store::atomic::{self, Durability, WriteError};
use crate::store::layout::Layout;

/// Who the watcher is: `watcher.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct WatcherRecord {
    /// Always `archal.watcher`.
    pub schema: String,
    /// The format's version.
    pub version: u32,
    /// Its process.
    pub pid: u32,
    /// When it started.
    pub started_at: Timestamp,
    /// Which archal it is.
    pub archal: String,
    /// The socket over which it is asked.
    pub socket: PathBuf,
    /// What it did; none where it runs in the foreground.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log: Option<PathBuf>,
}

/// What is known of a repository's watcher.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WatcherState {
    /// None runs, and none was killed.
    Absent,
    /// One is starting or ending, or its record cannot be read.
    Unknown,
    /// It runs.
    Alive(WatcherRecord),
    /// It ended without saying so: killed, or the machine went down.
    Dead(WatcherRecord),
}

/// Why the record cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// It cannot be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// It cannot be removed.
    #[error("cannot remove {}", path.display())]
    Remove {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// It cannot be written.
    #[error(transparent)]
    Write(#[from] WriteError),
    /// It cannot be known whether it is true.
    #[error(transparent)]
    Lock(#[from] LockError),
}

impl WatcherRecord {
    /// The record of this process.
    pub fn new(started_at: Timestamp, socket: PathBuf, log: Option<PathBuf>) -> Self {
        Self {
            schema: "archal.watcher".to_owned(),
            version: 1,
            pid: std::process::id(),
            started_at,
            archal: env!("CARGO_PKG_VERSION").to_owned(),
            socket,
            log,
        }
    }

    /// Says so to everybody. Only for whoever has the lock.
    pub fn write(&self, layout: &Layout, _lock: &WatcherLock) -> Result<(), RecordError> {
        atomic::write_json(&layout.watcher_record(), self, Durability::Derived)?;
        Ok(())
    }

    /// The record as it stands, true or not; none where there is none, or none that can be understood.
    pub fn read(layout: &Layout) -> Result<Option<Self>, RecordError> {
        let path = layout.watcher_record();
        match fs::read(&path) {
            Ok(bytes) => Ok(serde_json::from_slice(&bytes).ok()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(RecordError::Read { path, source }),
        }
    }

    /// Takes the record back at an orderly end, before the lock is given back.
    pub fn remove(layout: &Layout, _lock: &WatcherLock) -> Result<(), RecordError> {
        let path = layout.watcher_record();
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(RecordError::Remove {
                path,
                source: error,
            }),
            _ => Ok(()),
        }
    }
}

/// How often the lock of a watcher whose process is gone is looked at again.
const LOOKS: u32 = 100;
/// Between two looks.
const PAUSE: std::time::Duration = std::time::Duration::from_millis(10);

/// Whether a process of that id lives. One that was killed keeps its files until the last of its
/// threads is gone, and is seen as ended before.
pub fn is_there(pid: u32) -> bool {
    let has_ended = fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| {
        let behind_name = stat.rsplit(')').next().unwrap_or_default();
        behind_name.trim_start().starts_with(['Z', 'X'])
    });
    if has_ended {
        return false;
    }
    let pid = i32::try_from(pid)
        .ok()
        .and_then(rustix::process::Pid::from_raw);
    pid.is_some_and(|pid| {
        !matches!(
            rustix::process::test_kill_process(pid),
            Err(rustix::io::Errno::SRCH)
        )
    })
}

/// What is known of the repository's watcher. Whether it lives is the lock's to say: a process id
/// may belong to somebody else by now.
pub fn state(layout: &Layout) -> Result<WatcherState, RecordError> {
    let mut is_held = WatcherLock::is_held(layout)?;
    // Read after asking: a record that was removed meanwhile belongs to an orderly end.
    let record = WatcherRecord::read(layout)?;
    // A child that a killed watcher was just starting has the lock until it is gone, too.
    for _ in 0..LOOKS {
        let is_gone = record.as_ref().is_some_and(|record| !is_there(record.pid));
        if !is_held || !is_gone {
            break;
        }
        std::thread::sleep(PAUSE);
        is_held = WatcherLock::is_held(layout)?;
    }
    Ok(match (is_held, record) {
        (true, Some(record)) => WatcherState::Alive(record),
        (false, Some(record)) => WatcherState::Dead(record),
        (true, None) => WatcherState::Unknown,
        (false, None) => WatcherState::Absent,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_true_for_as_long_as_the_lock_is_held() {
        let repo = tempfile::tempdir().expect("a folder");
        let layout = Layout::of(repo.path(), None);
        assert_eq!(state(&layout).expect("known"), WatcherState::Absent);
        let lock = WatcherLock::take(&layout).expect("known").expect("free");
        assert_eq!(state(&layout).expect("known"), WatcherState::Unknown);
        let socket = layout.watcher_socket();
        let record = WatcherRecord::new(Timestamp::UNIX_EPOCH, socket, None);
        record.write(&layout, &lock).expect("writable");
        assert_eq!(
            state(&layout).expect("known"),
            WatcherState::Alive(record.clone())
        );
        // As a kill leaves it; the process id is one that lives.
        drop(lock);
        assert_eq!(state(&layout).expect("known"), WatcherState::Dead(record));
        let lock = WatcherLock::take(&layout).expect("known").expect("free");
        WatcherRecord::remove(&layout, &lock).expect("removed");
        WatcherRecord::remove(&layout, &lock).expect("nothing to do");
        drop(lock);
        assert_eq!(state(&layout).expect("known"), WatcherState::Absent);
    }

    #[test]
    fn a_broken_record_is_no_record() {
        let repo = tempfile::tempdir().expect("a folder");
        let layout = Layout::of(repo.path(), None);
        let lock = WatcherLock::take(&layout).expect("known").expect("free");
        fs::write(layout.watcher_record(), "{\"pid\":").expect("writable");
        assert_eq!(state(&layout).expect("known"), WatcherState::Unknown);
        drop(lock);
        assert_eq!(state(&layout).expect("known"), WatcherState::Absent);
    }
}
