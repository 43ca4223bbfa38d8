//! The thread that looks at what events name, and tells it at once.

use std::fs;
use std::path::Path;

use super::wakeups::Wake;
use super::{Event, Shared};
use crate::ingest::folder::{self, Entry, MAX_DEPTH};

/// Looks at each path that is woken until the watch ends.
pub(super) fn run(shared: &Shared) {
    while let Some((path, wake)) = shared.wakeups.next(&*shared.clock) {
        look(shared, &path, wake);
    }
}

fn look(shared: &Shared, path: &Path, wake: Wake) {
    // Without the directory nothing in it is there; the walks say so.
    let Ok(root) = shared.root.canonicalize() else {
        return;
    };
    let Some(below) = shared.below(path, &root) else {
        return;
    };
    let path = shared.root.join(below);
    let is_accepted = (shared.accepts)(&path);
    match folder::look(&path, &root) {
        Ok(Entry::Folder) if below.components().count() <= MAX_DEPTH => enter(shared, &path),
        Ok(Entry::File(_)) if is_accepted && wake == Wake::Created && !is_linked(&path) => {
            // Most writers have not written yet. Who closes it says so; who made it whole and
            // linked it does not, and it is looked at a little later.
            let now = shared.clock.monotonic();
            shared.wakeups.wake(path, Wake::Growing, now);
        }
        Ok(Entry::File(stamp)) if is_accepted => {
            if let Some(why) = shared.why(&path, stamp) {
                shared.tell(Event::Look { path, stamp, why });
            }
        }
        Ok(Entry::Other) => {
            if shared.notifier.forget(&path) {
                // Which files were in the folder only a walk can find.
                shared.wakeups.rescan();
            } else if is_accepted && shared.known.stamp(&path).is_some() {
                shared.tell(Event::Gone { path });
            }
        }
        // What cannot be looked at the walks name.
        Ok(_) | Err(_) => {}
    }
}

/// Watches a new folder, then looks at what came into it before.
fn enter(shared: &Shared, path: &Path) {
    shared.notifier.watch(path);
    shared.tell_health(shared.notifier.health(), false);
    let Ok(entries) = fs::read_dir(path) else {
        return;
    };
    let now = shared.clock.monotonic();
    for entry in entries.flatten() {
        let path = entry.path();
        if !folder::is_hidden(&path) {
            shared.wakeups.wake(path, Wake::Ready, now);
        }
    }
}

#[cfg(unix)]
fn is_linked(path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    fs::symlink_metadata(path).is_ok_and(|metadata| metadata.nlink() > 1 || metadata.is_symlink())
}

#[cfg(not(unix))]
fn is_linked(_path: &Path) -> bool {
    false
}
