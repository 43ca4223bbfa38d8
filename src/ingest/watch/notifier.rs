//! The operating system's events: asked for folder by folder, turned into wake-ups.

use std::collections::HashSet;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use archal_core::clock::Clock;
use notify::event::{AccessKind, AccessMode, CreateKind, ModifyKind};
use notify::{ErrorKind, EventKind, RecommendedWatcher, RecursiveMode, Watcher};

use super::wakeups::{Wake, Wakeups};
use super::{Health, place};

/// Elsewhere one watch is a whole tree, and each more begins anew.
const BY_FOLDER: bool = cfg!(target_os = "linux");

/// The watches of one trace directory.
#[derive(Default)]
pub(super) struct Notifier {
    armed: Mutex<Armed>,
}

#[derive(Default)]
struct Armed {
    watcher: Option<RecommendedWatcher>,
    folders: HashSet<PathBuf>,
    polling: Option<Polling>,
}

/// Why walks must find what events do not tell.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Polling {
    reason: String,
    advice: Option<String>,
    /// Whether it may have passed when the next walk begins.
    may_pass: bool,
}

impl Notifier {
    fn lock(&self) -> MutexGuard<'_, Armed> {
        // Between its changes it is whole, whoever panicked.
        self.armed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins anew with `root` alone; its folders follow by [`Self::watch`].
    pub(super) fn arm(
        &self,
        root: &Path,
        force_poll: bool,
        wakeups: &Arc<Wakeups>,
        clock: &Arc<dyn Clock>,
    ) {
        let mut armed = self.lock();
        *armed = Armed::default();
        if force_poll {
            armed.polling = Some(Polling {
                reason: "events are switched off".to_owned(),
                advice: None,
                may_pass: false,
            });
            return;
        }
        if let Some(polling) = on_network(root) {
            armed.polling = Some(polling);
            return;
        }
        match notify::recommended_watcher(handler(root, Arc::clone(wakeups), Arc::clone(clock))) {
            Ok(watcher) => {
                armed.watcher = Some(watcher);
                let mode = if BY_FOLDER {
                    RecursiveMode::NonRecursive
                } else {
                    RecursiveMode::Recursive
                };
                armed.watch(root, mode);
            }
            Err(error) => armed.polling = Some(refused(&error, root)),
        }
    }

    /// Asks for the events of one folder; again where they were asked for, in case it is another
    /// folder by now.
    pub(super) fn watch(&self, folder: &Path) {
        let mut armed = self.lock();
        if armed.watcher.is_none() {
            return;
        }
        if let Some(polling) = on_network(folder) {
            armed.polling.get_or_insert(polling);
        } else if BY_FOLDER {
            // Where the limit is reached each further folder would be refused.
            let is_full = armed
                .polling
                .as_ref()
                .is_some_and(|polling| polling.may_pass);
            if !is_full || armed.folders.contains(folder) {
                armed.watch(folder, RecursiveMode::NonRecursive);
            }
        }
    }

    /// Forgets a folder and says whether it was watched.
    pub(super) fn forget(&self, folder: &Path) -> bool {
        let folders = &mut self.lock().folders;
        let was_watched = folders.remove(folder);
        if was_watched {
            folders.retain(|other| !other.starts_with(folder));
        }
        was_watched
    }

    /// Whether beginning anew may mend it.
    pub(super) fn may_mend(&self) -> bool {
        let armed = self.lock();
        armed
            .polling
            .as_ref()
            .is_some_and(|polling| polling.may_pass)
    }

    /// Ends all watches.
    pub(super) fn disarm(&self) {
        *self.lock() = Armed::default();
    }

    pub(super) fn health(&self) -> Health {
        match &self.lock().polling {
            None => Health::Events,
            Some(polling) => Health::Polling {
                reason: polling.reason.clone(),
                advice: polling.advice.clone(),
            },
        }
    }
}

impl Armed {
    fn watch(&mut self, folder: &Path, mode: RecursiveMode) {
        let Some(watcher) = &mut self.watcher else {
            return;
        };
        match watcher.watch(folder, mode) {
            Ok(()) => {
                self.folders.insert(folder.to_owned());
            }
            Err(error) if is_passing(&error) => {}
            Err(error) => self.polling = Some(refused(&error, folder)),
        }
    }
}

/// Whether the folder is gone again or may not be read: the walk says so if it stays.
fn is_passing(error: &notify::Error) -> bool {
    match &error.kind {
        ErrorKind::PathNotFound | ErrorKind::WatchNotFound => true,
        ErrorKind::Io(error) => matches!(
            error.kind(),
            io::ErrorKind::NotFound
                | io::ErrorKind::NotADirectory
                | io::ErrorKind::PermissionDenied
        ),
        ErrorKind::Generic(_) | ErrorKind::InvalidConfig(_) | ErrorKind::MaxFilesWatch => false,
    }
}

fn on_network(folder: &Path) -> Option<Polling> {
    let kind = place::network(folder)?;
    Some(Polling {
        reason: format!(
            "{} lies on a network or user-space file system ({kind}), which does not tell of changes",
            folder.display()
        ),
        advice: None,
        may_pass: false,
    })
}

/// Linux's `EMFILE`: too many open files, of inotify also too many instances.
const TOO_MANY_OPEN: i32 = 24;

fn refused(error: &notify::Error, folder: &Path) -> Polling {
    let (reason, advice) = match &error.kind {
        ErrorKind::MaxFilesWatch => (
            format!(
                "the user's limit of inotify watches is reached at {}",
                folder.display()
            ),
            Some("sudo sysctl fs.inotify.max_user_watches=524288"),
        ),
        ErrorKind::Io(error) if error.raw_os_error() == Some(TOO_MANY_OPEN) => (
            "the user's limit of inotify instances, or of open files, is reached".to_owned(),
            Some("sudo sysctl fs.inotify.max_user_instances=1024"),
        ),
        _ => (
            format!("{} cannot be watched: {error}", folder.display()),
            None,
        ),
    };
    Polling {
        reason,
        advice: advice.map(str::to_owned),
        may_pass: true,
    }
}

/// What turns an event into wake-ups. It runs on notify's thread, which must not wait.
fn handler(
    root: &Path,
    wakeups: Arc<Wakeups>,
    clock: Arc<dyn Clock>,
) -> impl FnMut(notify::Result<notify::Event>) + Send + 'static {
    let root = root.to_owned();
    move |event| {
        let Ok(event) = event else {
            // Something was not told.
            wakeups.rescan();
            return;
        };
        if event.need_rescan() {
            wakeups.rescan();
        }
        let Some(wake) = wake_of(event.kind) else {
            return;
        };
        for path in event.paths {
            if path == root {
                if wake == Wake::Ready {
                    wakeups.root();
                }
            } else {
                wakeups.wake(path, wake, clock.monotonic());
            }
        }
    }
}

fn wake_of(kind: EventKind) -> Option<Wake> {
    match kind {
        EventKind::Access(AccessKind::Close(AccessMode::Write))
        | EventKind::Create(CreateKind::Folder)
        | EventKind::Modify(ModifyKind::Name(_))
        | EventKind::Remove(_) => Some(Wake::Ready),
        EventKind::Create(_) => Some(Wake::Created),
        EventKind::Modify(_) | EventKind::Any => Some(Wake::Growing),
        EventKind::Access(_) | EventKind::Other => None,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use archal_core::clock::{FakeClock, Timestamp};
    use notify::event::{DataChange, Flag, MetadataKind, RemoveKind, RenameMode};

    use super::*;
    use crate::ingest::watch::wakeups::Turn;

    #[test]
    fn lost_events_become_a_walk_and_events_of_the_directory_a_look_at_it() {
        let wakeups = Arc::new(Wakeups::new(9, Duration::from_secs(1)));
        let clock: Arc<dyn Clock> = Arc::new(FakeClock::new(Timestamp::UNIX_EPOCH));
        let root = Path::new("/traces");
        let mut handle = handler(root, Arc::clone(&wakeups), Arc::clone(&clock));
        handle(Ok(
            notify::Event::new(EventKind::Other).set_flag(Flag::Rescan)
        ));
        assert_eq!(wakeups.requested(), 1);
        handle(Err(notify::Error::generic("lost")));
        assert_eq!(wakeups.requested(), 2);
        let of_root = |kind| Ok(notify::Event::new(kind).add_path(root.to_owned()));
        handle(of_root(EventKind::Modify(ModifyKind::Metadata(
            MetadataKind::Any,
        ))));
        assert_eq!(wakeups.turn(2, Duration::ZERO), Turn::Nothing);
        handle(of_root(EventKind::Remove(RemoveKind::Folder)));
        assert_eq!(wakeups.turn(2, Duration::ZERO), Turn::Root);
        let both = EventKind::Modify(ModifyKind::Name(RenameMode::Both));
        handle(Ok(notify::Event::new(both)
            .add_path(root.join("from"))
            .add_path(root.join("to"))));
        for name in ["from", "to"] {
            assert_eq!(wakeups.next(&*clock), Some((root.join(name), Wake::Ready)));
        }
    }

    #[test]
    fn what_is_written_and_read_wakes_as_little_as_it_may() {
        let reading = EventKind::Access(AccessKind::Close(AccessMode::Read));
        assert_eq!(wake_of(reading), None);
        let opening = EventKind::Access(AccessKind::Open(AccessMode::Any));
        assert_eq!(wake_of(opening), None);
        let writing = EventKind::Modify(ModifyKind::Data(DataChange::Any));
        assert_eq!(wake_of(writing), Some(Wake::Growing));
        let closing = EventKind::Access(AccessKind::Close(AccessMode::Write));
        assert_eq!(wake_of(closing), Some(Wake::Ready));
    }
}
