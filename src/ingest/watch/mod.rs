//! A trace directory that is watched: which file is to be read, and when.
//!
//! Two threads tell one sink. The first is woken by the operating system and tells a file as
//! soon as it is renamed into place or closed after writing (`forward`, fed by `notifier`
//! through the bounded queue of `wakeups`). The second walks through the directory at start and
//! from time to time (`rescan`); the walk is the truth, events only make it fast: whatever an
//! event did not tell, an overflow, a file system that tells nothing, a directory that was
//! replaced, the next walk finds. Neither keeps a list of files: what was looked at is asked of
//! the caller ([`Known`]), so that memory stays flat however many files there are.
//!
//! [`Stamp`] tells one content of a file from another; [`settle`] decides about files that are
//! not finished, after the caller has read them.

mod forward;
mod notifier;
mod place;
mod rescan;
pub mod settle;
mod stamp;
mod wakeups;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use archal_core::clock::Clock;
use archal_core::diagnostic::Diagnostic;

use super::folder::{self, MAX_DEPTH};
use notifier::Notifier;
use wakeups::Wakeups;

pub use settle::{Look, Settled, Settling};
pub use stamp::Stamp;

/// What the caller has looked at in one trace directory.
///
/// It is asked at each file of each walk, so an answer should be a look-up by index.
pub trait Known: Send + Sync {
    /// The stamp that `path` had when it was last read, however that ended. None asks for it
    /// again at each walk: right for a file that waits or could not be opened.
    fn stamp(&self, path: &Path) -> Option<Stamp>;

    /// How many paths of the directory have a stamp.
    fn count(&self) -> u64;

    /// Up to `most` paths of the directory that have a stamp, those after `path` only, in any
    /// order that stays the same.
    fn after(&self, path: Option<&Path>, most: usize) -> Vec<PathBuf>;
}

/// Where a watch tells its events. The call may block, which holds back the walk; false says
/// that nobody listens any more, and ends the watch.
pub type Sink = Box<dyn Fn(Event) -> bool + Send + Sync>;

/// What a watch tells.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// A file is to be read now. The same may be told more than once before it was read.
    Look {
        /// The file: the directory as it was given, and what is below it.
        path: PathBuf,
        /// How it was when it was seen, for [`Known::stamp`] after reading: a later change then
        /// differs from it.
        stamp: Stamp,
        /// Why.
        why: Why,
    },
    /// A file is not there any more, or not a file that is read: emptied, replaced by something
    /// else. Ask the disk before believing it: it may be back by now.
    Gone {
        /// The file.
        path: PathBuf,
    },
    /// A walk has ended: everything that was there when it began was told before.
    Scanned {
        /// The newest request of [`DirectoryWatch::rescan`] that it answers.
        request: u64,
        /// How many files it came upon.
        files: u64,
        /// How long it took, without the time in which the sink held it back.
        took: Duration,
        /// What could not be looked at.
        diagnostics: Vec<Diagnostic>,
    },
    /// How the directory is watched from now on.
    Health(Health),
}

/// Why a file is to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// It was never read.
    Arrived,
    /// It differs from what was read.
    Changed,
    /// Its time in [`Settling::due`] has come; told by whoever asks that, not by the watch.
    Due,
}

/// How a directory is watched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Health {
    /// The operating system tells of changes at once.
    Events,
    /// Changes, or those in some folders, are found by walks only.
    Polling {
        /// Why.
        reason: String,
        /// The command that mends it, where there is one.
        advice: Option<String>,
    },
    /// The directory cannot be read at present; it is waited for.
    Waiting {
        /// What is wrong with it.
        reason: String,
    },
}

/// How a directory is to be watched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// The shortest pause between two walks.
    pub poll: Duration,
    /// Whether events are not to be used.
    pub force_poll: bool,
    /// How many paths may wait to be told; beyond that they are dropped and a walk finds them.
    pub most_wakeups: usize,
    /// How long after a write a file that was not closed is told; so often is one that grows.
    pub growth: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            poll: Duration::from_secs(5),
            force_poll: false,
            most_wakeups: 16_384,
            growth: Duration::from_secs(1),
        }
    }
}

/// Why a directory cannot be watched.
#[derive(Debug, thiserror::Error)]
pub enum WatchError {
    /// Events name absolute paths.
    #[error("the path of a watched trace directory must be absolute: {}", path.display())]
    Relative {
        /// The directory.
        path: PathBuf,
    },
    /// The system gave no thread.
    #[error("no thread could be started to watch {}", path.display())]
    Thread {
        /// The directory.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
}

/// What both threads of a watch stand on.
struct Shared {
    root: PathBuf,
    accepts: fn(&Path) -> bool,
    known: Arc<dyn Known>,
    settings: Settings,
    clock: Arc<dyn Clock>,
    sink: Sink,
    wakeups: Arc<Wakeups>,
    notifier: Notifier,
    health: Mutex<Option<Health>>,
}

impl Shared {
    /// Tells an event; when nobody listens the watch ends.
    fn tell(&self, event: Event) {
        if !self.wakeups.is_stopped() && !(self.sink)(event) {
            self.wakeups.stop();
        }
    }

    /// Why the file is to be read; none when it was read as it is.
    fn why(&self, path: &Path, stamp: Stamp) -> Option<Why> {
        match self.known.stamp(path) {
            None => Some(Why::Arrived),
            Some(known) if known == stamp => None,
            Some(_) => Some(Why::Changed),
        }
    }

    /// The place of `path` below the directory, whose canonical path is `root`: where its files
    /// and folders are looked at, that is.
    fn below<'a>(&self, path: &'a Path, root: &Path) -> Option<&'a Path> {
        let below = path
            .strip_prefix(&self.root)
            // Some systems name the canonical path.
            .or_else(|_| path.strip_prefix(root))
            .ok()?;
        let depth = below.components().count();
        let is_looked_at = (1..=MAX_DEPTH + 1).contains(&depth)
            && !below
                .components()
                .any(|part| folder::is_hidden(Path::new(part.as_os_str())));
        is_looked_at.then_some(below)
    }

    /// Tells the health when it is another than the last one told, or `again`.
    fn tell_health(&self, health: Health, again: bool) {
        // Held while telling, so that what is told last is what holds.
        let mut last = self.health.lock().unwrap_or_else(PoisonError::into_inner);
        if again || last.as_ref() != Some(&health) {
            *last = Some(health.clone());
            self.tell(Event::Health(health));
        }
    }
}

/// A trace directory that is watched until this is dropped.
pub struct DirectoryWatch {
    wakeups: Arc<Wakeups>,
}

impl DirectoryWatch {
    /// Begins to watch `root`, which need not exist yet, for files that `accepts` takes.
    ///
    /// First [`Event::Health`] is told, and when everything that was there has been told,
    /// [`Event::Scanned`].
    pub fn start(
        root: &Path,
        accepts: fn(&Path) -> bool,
        known: Arc<dyn Known>,
        settings: Settings,
        clock: Arc<dyn Clock>,
        sink: Sink,
    ) -> Result<Self, WatchError> {
        if !root.is_absolute() {
            return Err(WatchError::Relative {
                path: root.to_owned(),
            });
        }
        let wakeups = Arc::new(Wakeups::new(settings.most_wakeups, settings.growth));
        let watch = Self {
            wakeups: Arc::clone(&wakeups),
        };
        let shared = Arc::new(Shared {
            root: root.to_owned(),
            accepts,
            known,
            settings,
            clock,
            sink,
            wakeups,
            notifier: Notifier::default(),
            health: Mutex::new(None),
        });
        let spawn = |name: &str, run: fn(&Shared)| {
            let shared = Arc::clone(&shared);
            thread::Builder::new()
                .name(name.to_owned())
                .spawn(move || run(&shared))
                .map_err(|source| WatchError::Thread {
                    path: root.to_owned(),
                    source,
                })
        };
        spawn("watch-events", forward::run)?;
        spawn("watch-walks", rescan::run)?;
        Ok(watch)
    }

    /// Asks for a walk soon; [`Event::Scanned`] with this number or a higher one answers it.
    pub fn rescan(&self) -> u64 {
        self.wakeups.rescan()
    }

    /// Ends the watch without waiting: at most the event that is being told now still comes.
    pub fn stop(self) {}
}

impl Drop for DirectoryWatch {
    fn drop(&mut self) {
        self.wakeups.stop();
    }
}
