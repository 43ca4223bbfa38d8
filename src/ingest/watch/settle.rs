//! Files that are not finished: when to read them, and when to decide about them.
//!
//! A pure state machine over stamps and times. A caller that is told of a file asks
//! [`Settling::look`] whether to read it now, gives what it has read to
//! [`Settling::after_read`], and asks [`Settling::due`] for the files whose time has come. A
//! file that grows on and on is read ever more rarely; looking at its stamp costs nothing.

use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::Stamp;
use crate::ingest::file::{FILE_SETTLES, FileReport, RECORDS_SETTLE};

/// The pause after the second read of a file that goes on changing; it doubles with each read.
/// The second itself follows at once: most files change once more, when they are finished.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
/// The longest pause between two reads of a file that goes on changing.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// A file that was not read for so long, and for four of its pauses, begins anew.
const FORGOTTEN: Duration = Duration::from_secs(10);
/// How many files a [`Settling`] remembers unless it is told otherwise.
pub const MOST_FILES: usize = 10_000;

/// Whether a file is to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Look {
    /// Now.
    Read,
    /// Not before this time; [`Settling::due`] names it then.
    Later(Duration),
    /// It was read as it is, and there is nothing to wait for.
    Unchanged,
}

/// What became of a file that was read.
#[derive(Debug, Clone, PartialEq)]
pub enum Settled {
    /// This is to be recorded, with the stamp.
    Final(FileReport),
    /// It is not finished: this may be shown, and nothing is recorded as read.
    Waiting {
        /// What was read; it holds no trace.
        report: FileReport,
        /// When [`Settling::due`] names the file.
        look_again_at: Duration,
    },
}

/// The files that were read lately or wait. It remembers a bounded number of them: those that
/// need nothing any more are forgotten first, and a file that finds no place is read again when
/// a walk tells it.
#[derive(Debug)]
pub struct Settling {
    files: HashMap<PathBuf, Remembered>,
    /// The same files by the time at which something happens to them.
    by_time: BTreeSet<(Duration, PathBuf)>,
    most: usize,
}

#[derive(Debug, Clone, Copy)]
struct Remembered {
    /// As it was seen last.
    stamp: Stamp,
    /// When it was first seen so.
    changed_at: Duration,
    /// As it was read.
    read: Stamp,
    read_at: Duration,
    /// How often it was read without having stood still in between.
    reads: u32,
    /// Since when it has been waiting.
    waiting_since: Duration,
    /// How long it must stand still; none when it does not wait.
    settles_after: Option<Duration>,
    /// Its place in `by_time`.
    at: Duration,
}

impl Remembered {
    /// The pause after the last read.
    fn pause(&self) -> Duration {
        match self.reads {
            0 | 1 => Duration::ZERO,
            reads => FIRST_PAUSE
                .saturating_mul(2_u32.saturating_pow(reads - 2))
                .min(LONGEST_PAUSE),
        }
    }

    /// When to read it again; none when there is nothing to read.
    fn read_again_at(&self) -> Option<Duration> {
        if self.stamp == self.read {
            Some(self.changed_at + self.settles_after?)
        } else {
            // It has changed since: when it stands still, but not never if it does not.
            let still = self.changed_at + RECORDS_SETTLE;
            Some(still.min(self.read_at + self.pause()))
        }
    }

    /// When it may be forgotten, for it needs nothing and its next change is a new beginning.
    fn forgotten_at(&self) -> Duration {
        self.read_at + FORGOTTEN.max(self.pause() * 4)
    }

    fn sees(&mut self, stamp: Stamp, now: Duration) {
        if self.stamp != stamp {
            self.stamp = stamp;
            self.changed_at = now;
        }
    }
}

impl Default for Settling {
    fn default() -> Self {
        Self::new(MOST_FILES)
    }
}

impl Settling {
    /// Remembers at most `most` files.
    pub fn new(most: usize) -> Self {
        Self {
            files: HashMap::new(),
            by_time: BTreeSet::new(),
            most,
        }
    }

    /// Whether the file, whose stamp is `stamp` now, is to be read.
    ///
    /// A file that is not remembered, or that another one replaced, is read at once.
    pub fn look(&mut self, path: &Path, stamp: Stamp, now: Duration) -> Look {
        let Some(mut file) = self.files.get(path).copied() else {
            return Look::Read;
        };
        if !stamp.is_same_file(&file.stamp) {
            self.forget(path);
            return Look::Read;
        }
        file.sees(stamp, now);
        let again = file.read_again_at();
        self.put(path, file, again.unwrap_or(file.forgotten_at()));
        match again {
            Some(at) if at <= now => Look::Read,
            Some(at) => Look::Later(at),
            None => Look::Unchanged,
        }
    }

    /// Decides about a file that was read: `stamp` is how it was before.
    pub fn after_read(
        &mut self,
        path: &Path,
        stamp: Stamp,
        report: FileReport,
        now: Duration,
    ) -> Settled {
        let mut file = match self.files.get(path) {
            Some(file) if file.stamp.is_same_file(&stamp) => *file,
            _ => Remembered {
                stamp,
                changed_at: now,
                read: stamp,
                read_at: now,
                reads: 0,
                waiting_since: now,
                settles_after: None,
                at: now,
            },
        };
        if file.stamp == file.read {
            // Else it was seen to change, perhaps while it was read, and that stays to be read.
            file.sees(stamp, now);
        }
        if now >= file.forgotten_at() {
            file.reads = 0;
        }
        if file.settles_after.is_none() {
            file.waiting_since = now;
        }
        let mut quiet = now.saturating_sub(file.changed_at);
        if now.saturating_sub(file.waiting_since) >= FILE_SETTLES
            && report.settles_after() == Some(RECORDS_SETTLE)
        {
            // Its writer never rests: the whole records are good, and the rest is read later.
            quiet = quiet.max(RECORDS_SETTLE);
        }
        file.read = stamp;
        file.read_at = now;
        file.reads = file.reads.saturating_add(1);
        let report = report.settle(quiet);
        file.settles_after = report.settles_after();
        let again = file.read_again_at();
        self.put(path, file, again.unwrap_or(file.forgotten_at()));
        match again {
            Some(look_again_at) if file.settles_after.is_some() => Settled::Waiting {
                report,
                look_again_at,
            },
            _ => Settled::Final(report),
        }
    }

    /// The files whose time has come, at most `most`, those that have waited longest first. Take
    /// the stamp of each and ask [`Self::look`] again; [`Self::forget`] one that is gone.
    pub fn due(&mut self, now: Duration, most: usize) -> Vec<PathBuf> {
        let mut due = Vec::new();
        while due.len() < most {
            match self.by_time.first() {
                Some((at, _)) if *at <= now => {}
                _ => break,
            }
            let Some((_, path)) = self.by_time.pop_first() else {
                break;
            };
            let needs_nothing = self
                .files
                .get(&path)
                .is_none_or(|file| file.read_again_at().is_none());
            if needs_nothing {
                self.files.remove(&path);
            } else {
                due.push(path);
            }
        }
        // Who does not answer is named again.
        for path in &due {
            if let Some(file) = self.files.get_mut(path) {
                file.at = now + RECORDS_SETTLE;
                self.by_time.insert((file.at, path.clone()));
            }
        }
        due
    }

    /// When [`Self::due`] has something to say.
    pub fn next(&self) -> Option<Duration> {
        self.by_time.first().map(|(at, _)| *at)
    }

    /// Forgets a file that is gone.
    pub fn forget(&mut self, path: &Path) {
        if let Some(file) = self.files.remove(path) {
            self.by_time.remove(&(file.at, path.to_owned()));
        }
    }

    /// How many files are waiting to be finished.
    pub fn waiting(&self) -> usize {
        self.files
            .values()
            .filter(|file| file.settles_after.is_some())
            .count()
    }

    fn put(&mut self, path: &Path, mut file: Remembered, at: Duration) {
        self.forget(path);
        if self.files.len() >= self.most && !self.make_room(&file) {
            return;
        }
        file.at = at;
        self.by_time.insert((at, path.to_owned()));
        self.files.insert(path.to_owned(), file);
    }

    /// Forgets a file that needs nothing, so that `file` finds a place if it needs one.
    fn make_room(&mut self, file: &Remembered) -> bool {
        if file.read_again_at().is_none() {
            return false;
        }
        let idle = self
            .by_time
            .iter()
            .map(|(_, path)| path)
            .find(|path| {
                self.files
                    .get(*path)
                    .is_none_or(|file| file.read_again_at().is_none())
            })
            .cloned();
        match idle {
            Some(path) => {
                self.forget(&path);
                true
            }
            None => false,
        }
    }
}
