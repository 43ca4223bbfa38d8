//! What a killed process left behind: half-written files, half-moved folders, private copies.

use std::fs;
use std::path::Path;
use std::time::SystemTime;

use crate::reproduce::{private, slot};
use crate::store::atomic;

use super::engine::Engine;

/// How deep below a stage's folder files are written.
const DEPTH: usize = 8;

impl Engine {
    /// Removes what a killed process left half written where paid steps are kept, before one is
    /// begun; gives the rest of the work, which may be done beside anything else.
    pub(super) fn sweep(&self) -> impl FnOnce() + Send + 'static {
        private::collect(&self.surround.environment);
        let layout = self.surround.layout.clone();
        for stage in ["runs", "fixes"] {
            // What stays is removed when its slot is begun again.
            slot::sweep(&layout.attach(stage)).ok();
        }
        // What is younger belongs to this process.
        let until = SystemTime::from(self.now());
        move || {
            for stage in ["imports", "grades", "seeds", "runs", "fixes"] {
                remove_unfinished(&layout.attach(stage), until, DEPTH);
            }
            remove_unfinished(layout.root(), until, 0);
        }
    }
}

/// Removes temporary files below `folder` that are no newer than `until`.
fn remove_unfinished(folder: &Path, until: SystemTime, depth: usize) {
    let Ok(entries) = fs::read_dir(folder) else {
        return;
    };
    for entry in entries.flatten() {
        // Of the entry itself: a link is neither followed nor removed.
        let Ok(kind) = entry.file_type() else {
            continue;
        };
        if kind.is_dir() && depth > 0 {
            remove_unfinished(&entry.path(), until, depth - 1);
            continue;
        }
        let is_old = entry
            .metadata()
            .and_then(|metadata| metadata.modified())
            .is_ok_and(|modified| modified <= until);
        if kind.is_file() && is_old && atomic::is_unfinished(&entry.file_name()) {
            fs::remove_file(entry.path()).ok();
        }
    }
}
