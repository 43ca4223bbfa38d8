//! The queue of one repository's traces: files that are to be read, jobs that wait.
//!
//! Files are read and graded as light work at once. What runs children comes after: only when
//! nothing waits to be read or graded, so that a burst of files is one picture, and the first
//! trace of a group is worked on whatever the order in which files came.

mod claims;
mod load;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::error::Error;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use archal_core::clock::Timestamp;
use archal_core::diagnostic::Diagnostic;

use crate::host::memory;
use crate::host::pool::Waker;
use crate::ingest::feed::FeedHealth;
use crate::ingest::watch::settle::MOST_FILES;
use crate::ingest::watch::{Event, Health, Settling, Stamp};
use crate::store::space;

use super::engine::{Attached, Engine};
use super::intake::IntakeError;
use super::reproducing::is_full;
use super::room::Room;
use super::state::{files, waits};

/// How many files wait to be read before the walk through a directory is held back.
const MOST_WAITING: usize = 2048;
/// How long nothing may have come before children are run: files of one burst are graded first.
const QUIET: Duration = Duration::from_millis(300);
/// How long work that found no room or no repository waits before it tries again.
const TROUBLE_PAUSE: Duration = Duration::from_secs(5);
/// A day in seconds.
const DAY: i64 = 86_400;
/// The longest time in which nothing is looked at.
const LONGEST_SLEEP: Duration = Duration::from_secs(600);
/// How many files whose time has come are looked at in one go.
const DUE: usize = 256;

/// Says what happens, one line at a time.
pub type Told = Arc<dyn Fn(&str) + Send + Sync>;

/// What is done about a state that is broken.
pub type OnBroken = Box<dyn Fn() + Send>;

/// The desk.
pub struct Desk {
    engine: Arc<Engine>,
    told: Told,
    /// Whether there is one look at everything, and no waiting for what is not finished.
    once: bool,
    inner: Mutex<Inner>,
    /// Whether the disk has room for what files give.
    room: Mutex<Room>,
    changed: Condvar,
    /// Rung when a time was set that is nearer than the others.
    timers: Condvar,
    waker: Mutex<Option<Waker>>,
    /// Jobs that are graded.
    grading: claims::Grading,
    /// Called when the state is found broken.
    broken: Mutex<Option<OnBroken>>,
    /// Steps outlive no desk, but they are told apart from it.
    own: Weak<Self>,
}

#[derive(Default)]
struct Inner {
    attached: BTreeMap<i64, Entry>,
    looks: VecDeque<(i64, PathBuf, Stamp)>,
    queued: BTreeSet<(i64, PathBuf)>,
    /// Files that are being read: as they were when that began, and as they were seen since.
    reading: BTreeMap<(i64, PathBuf), (Stamp, Option<Stamp>)>,
    /// Bytes of large files that are being read.
    load: load::Load,
    /// Light steps under way.
    light: usize,
    /// When the last light step ended.
    quiet_since: Duration,
    /// When memory was last given back.
    given_back: Duration,
    trouble: Option<Trouble>,
    /// How often a time was set.
    rung: u64,
    closed: bool,
}

/// Why nothing is begun at present.
#[derive(Debug, Clone, PartialEq)]
pub struct Trouble {
    /// What is wrong, with the way out.
    pub reason: String,
    /// Whether the state itself is broken, so that it has to be opened anew.
    pub is_broken: bool,
    until: Duration,
}

struct Entry {
    attached: Attached,
    settling: Settling,
    health: Option<FeedHealth>,
    /// Whether everything that was there at the beginning was told.
    is_scanned: bool,
    diagnostics: Vec<Diagnostic>,
    /// What was told of its configuration.
    complaint: Option<String>,
}

/// How one attachment stands.
#[derive(Debug, Clone, PartialEq)]
pub struct AttachedNow {
    /// It.
    pub attached: Attached,
    /// How its directory is watched.
    pub health: Option<FeedHealth>,
    /// Whether the first walk through it has ended.
    pub is_scanned: bool,
    /// What could not be looked at in the last walk.
    pub diagnostics: Vec<Diagnostic>,
}

impl Desk {
    /// A desk over an engine; `once` for a single look at everything.
    pub fn new(engine: Arc<Engine>, once: bool, told: Told) -> Arc<Self> {
        let room = Room::of(engine.surround.layout.root().to_owned(), space::of);
        Arc::new_cyclic(|own| Self {
            room: Mutex::new(room),
            engine,
            told,
            once,
            inner: Mutex::default(),
            changed: Condvar::new(),
            timers: Condvar::new(),
            waker: Mutex::new(None),
            broken: Mutex::new(None),
            grading: claims::Grading::default(),
            own: own.clone(),
        })
    }

    /// The pool that is woken when something is ready.
    pub fn wakes(&self, waker: Waker) {
        *self.waker.lock().unwrap_or_else(PoisonError::into_inner) = Some(waker);
    }

    /// What is done when the state is found broken: nothing can go on over it.
    pub fn when_broken(&self, then: OnBroken) {
        let is_broken = self.trouble().is_some_and(|trouble| trouble.is_broken);
        let mut broken = self.broken.lock().unwrap_or_else(PoisonError::into_inner);
        if is_broken {
            then();
        }
        *broken = Some(then);
    }

    /// Takes an attachment, or its new flags.
    pub fn open(&self, attached: Attached) {
        let mut inner = self.inner();
        if let Some(entry) = inner.attached.get_mut(&attached.id) {
            entry.attached = attached;
        } else {
            let entry = Entry {
                settling: Settling::new(MOST_FILES),
                health: None,
                is_scanned: false,
                diagnostics: Vec::new(),
                complaint: None,
                attached,
            };
            inner.attached.insert(entry.attached.id, entry);
        }
        drop(inner);
        self.wake();
    }

    /// Lets an attachment go: nothing of it is begun any more.
    pub fn close(&self, attachment: i64) {
        let mut inner = self.inner();
        inner.attached.remove(&attachment);
        inner.looks.retain(|(of, _, _)| *of != attachment);
        inner.queued.retain(|(of, _)| *of != attachment);
        drop(inner);
        self.changed.notify_all();
    }

    /// Nothing more is taken.
    pub fn close_all(&self) {
        let mut inner = self.inner();
        inner.closed = true;
        inner.rung += 1;
        drop(inner);
        self.changed.notify_all();
        self.timers.notify_all();
    }

    /// Whether it looks at everything once.
    pub fn is_once(&self) -> bool {
        self.once
    }

    /// How each attachment stands.
    pub fn attached(&self) -> Vec<AttachedNow> {
        let inner = self.inner();
        inner
            .attached
            .values()
            .map(|entry| AttachedNow {
                attached: entry.attached.clone(),
                health: entry.health.clone(),
                is_scanned: entry.is_scanned,
                diagnostics: entry.diagnostics.clone(),
            })
            .collect()
    }

    /// Why nothing is begun at present, where that is so.
    pub fn trouble(&self) -> Option<Trouble> {
        self.inner().trouble.clone()
    }

    /// Why no file is read at present, where that is so.
    pub fn paused(&self) -> Option<String> {
        self.room().paused()
    }

    fn room(&self) -> MutexGuard<'_, Room> {
        self.room.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether there is room for what a file gives. On a low disk a single pass ends, and a
    /// watcher looks again.
    fn has_room(&self, now: Duration) -> bool {
        let mut room = self.room();
        let has_changed = room.look(now);
        let paused = room.paused();
        drop(room);
        if has_changed {
            (self.told)(paused.as_deref().unwrap_or("the disk has room again"));
            self.timers.notify_all();
        }
        match paused {
            Some(reason) if self.once => {
                let mut inner = self.inner();
                inner.trouble = Some(Trouble {
                    reason,
                    is_broken: false,
                    until: Duration::MAX,
                });
                drop(inner);
                self.changed.notify_all();
                false
            }
            Some(_) => false,
            None => true,
        }
    }

    /// How many files wait to be read.
    pub fn waiting(&self) -> usize {
        self.inner().looks.len()
    }

    /// Waits until every attachment was walked through and its files were read, or `stop` says
    /// so.
    pub fn until_read(&self, stop: &dyn Fn() -> bool) {
        let mut inner = self.inner();
        loop {
            let is_read = inner.attached.values().all(|entry| entry.is_scanned)
                && inner.looks.is_empty()
                && inner.light == 0;
            if is_read || inner.closed || stop() || inner.trouble.is_some() {
                return;
            }
            // Woken at times, since nobody tells of `stop`.
            inner = self
                .changed
                .wait_timeout(inner, Duration::from_millis(200))
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
    }

    /// How a feed of an attachment does.
    pub fn feed(&self, attachment: i64, health: FeedHealth) {
        let mut inner = self.inner();
        let Some(entry) = inner.attached.get_mut(&attachment) else {
            return;
        };
        if entry.health.as_ref() == Some(&health) {
            return;
        }
        entry.health = Some(health.clone());
        let directory = entry.attached.directory.display().to_string();
        drop(inner);
        match health {
            FeedHealth::Healthy => (self.told)(&format!("watching {directory}")),
            FeedHealth::Degraded { reason, advice } => {
                let advice = advice.map_or_else(String::new, |advice| format!("; {advice}"));
                (self.told)(&format!("{directory}: {reason}{advice}"));
            }
            FeedHealth::Failing {
                reason,
                pause_seconds,
                ..
            } => (self.told)(&format!(
                "{directory}: {reason}; tried again in {pause_seconds} s"
            )),
        }
    }

    /// Takes what a watched directory tells. Blocks while too much waits already; false when
    /// nobody listens any more.
    pub fn event(&self, attachment: i64, event: Event) -> bool {
        match event {
            Event::Look { path, stamp, .. } => return self.look(attachment, path, stamp),
            Event::Gone { path } => self.gone(attachment, &path),
            Event::Scanned { diagnostics, .. } => {
                let mut inner = self.inner();
                if let Some(entry) = inner.attached.get_mut(&attachment) {
                    entry.is_scanned = true;
                    entry.diagnostics = diagnostics;
                }
                drop(inner);
                self.changed.notify_all();
                self.wake();
            }
            Event::Health(health) => self.feed(
                attachment,
                match health {
                    Health::Events => FeedHealth::Healthy,
                    Health::Polling { reason, advice } => FeedHealth::Degraded { reason, advice },
                    Health::Waiting { reason } => FeedHealth::Degraded {
                        reason,
                        advice: None,
                    },
                },
            ),
        }
        let inner = self.inner();
        !inner.closed && inner.attached.contains_key(&attachment)
    }

    fn look(&self, attachment: i64, path: PathBuf, stamp: Stamp) -> bool {
        let mut inner = self.inner();
        while inner.looks.len() >= MOST_WAITING
            && !inner.closed
            && inner.attached.contains_key(&attachment)
        {
            inner = self
                .changed
                .wait(inner)
                .unwrap_or_else(PoisonError::into_inner);
        }
        if inner.closed || !inner.attached.contains_key(&attachment) {
            return false;
        }
        if inner.queued.insert((attachment, path.clone())) {
            inner.looks.push_back((attachment, path, stamp));
        } else if let Some(look) = inner
            .looks
            .iter_mut()
            .find(|(of, queued, _)| *of == attachment && *queued == path)
        {
            look.2 = stamp;
        }
        drop(inner);
        self.wake();
        true
    }

    fn gone(&self, attachment: i64, path: &Path) {
        if path.exists() {
            return;
        }
        if let Some(entry) = self.inner().attached.get_mut(&attachment) {
            entry.settling.forget(path);
        }
        let gone = self
            .engine
            .state
            .write(|change| files::gone(change, attachment, path));
        if let Err(error) = gone {
            self.in_trouble(&error);
        }
    }

    /// Wakes the pool when time alone makes something ready, until the desk is closed.
    pub fn keep_time(&self) {
        let clock = &self.engine.surround.clock;
        let mut day = self.engine.now().as_second().div_euclid(DAY);
        loop {
            let rung = self.inner().rung;
            let next = self.next_look();
            let pause = next.map_or(LONGEST_SLEEP, |next| {
                next.saturating_sub(clock.monotonic()).min(LONGEST_SLEEP)
            });
            let pause = pause.min(until_midnight(self.engine.now()));
            if !pause.is_zero() {
                let inner = self.inner();
                if inner.closed {
                    return;
                }
                // A time that was set since it was asked for is not slept through.
                let is_quiet = |inner: &mut Inner| !inner.closed && inner.rung == rung;
                drop(
                    self.timers
                        .wait_timeout_while(inner, pause, is_quiet)
                        .unwrap_or_else(PoisonError::into_inner),
                );
            }
            if self.inner().closed {
                return;
            }
            self.tick();
            self.give_back();
            let today = self.engine.now().as_second().div_euclid(DAY);
            if today != std::mem::replace(&mut day, today) {
                self.new_day();
            }
        }
    }

    /// Gives back, once after each burst, the memory that it needed.
    fn give_back(&self) {
        let now = self.engine.surround.clock.monotonic();
        let mut inner = self.inner();
        let quiet_since = inner.quiet_since;
        if inner.light == 0
            && inner.given_back < quiet_since
            && quiet_since.saturating_add(QUIET) <= now
        {
            inner.given_back = now;
            drop(inner);
            memory::give_back();
        }
    }

    /// With a new day comes new money.
    fn new_day(&self) {
        let now = self.engine.now();
        let put_back = self
            .engine
            .state
            .write(|change| waits::requeue(change, now));
        if let Err(error) = put_back {
            self.in_trouble(&error);
        }
        self.wake();
    }

    /// When something has to be looked at although nobody tells of it; none when nothing has.
    pub fn next_look(&self) -> Option<Duration> {
        let inner = self.inner();
        let settling = inner
            .attached
            .values()
            .filter_map(|entry| entry.settling.next())
            .min();
        let mendable = inner.trouble.as_ref().filter(|trouble| !trouble.is_broken);
        let trouble = mendable.map(|trouble| trouble.until);
        let quiet = inner.quiet_since.saturating_add(QUIET);
        let quiet =
            (inner.light == 0 && quiet > self.engine.surround.clock.monotonic()).then_some(quiet);
        let waits = !inner.looks.is_empty();
        drop(inner);
        let room = self.room().next().filter(|_| waits);
        let all = [settling, trouble, quiet, room, self.next_judged()];
        all.into_iter().flatten().min()
    }

    /// Looks at what has waited long enough, and wakes the pool.
    pub fn tick(&self) {
        let now = self.engine.surround.clock.monotonic();
        let mut inner = self.inner();
        if inner
            .trouble
            .as_ref()
            .is_some_and(|trouble| trouble.until <= now && !trouble.is_broken)
        {
            inner.trouble = None;
            drop(inner);
            if let Err(error) = self.engine.pick_up_dropped() {
                self.in_trouble(&error);
                return;
            }
            inner = self.inner();
        }
        let mut due = Vec::new();
        for (id, entry) in &mut inner.attached {
            for path in entry.settling.due(now, DUE) {
                due.push((*id, path));
            }
        }
        drop(inner);
        // Asked without the lock: a network file system may not answer for long.
        let due: Vec<_> = due
            .into_iter()
            .map(|(id, path)| (id, Stamp::read(&path), path))
            .collect();
        let mut inner = self.inner();
        for (id, stamp, path) in due {
            match stamp {
                Ok(stamp) if inner.queued.insert((id, path.clone())) => {
                    inner.looks.push_back((id, path, stamp));
                }
                Ok(_) => {}
                Err(_) => {
                    if let Some(entry) = inner.attached.get_mut(&id) {
                        entry.settling.forget(&path);
                    }
                }
            }
        }
        drop(inner);
        self.wake();
    }

    /// Notes what is in the way of all work; it is tried again after a pause.
    pub(super) fn in_trouble(&self, error: &(dyn Error + 'static)) {
        let reason = if is_full(error) {
            "the disk is full; work goes on when there is room".to_owned()
        } else {
            super::reproducing::chain(error)
        };
        let is_broken = is_broken(error);
        let until = self
            .engine
            .surround
            .clock
            .monotonic()
            .saturating_add(TROUBLE_PAUSE);
        let mut inner = self.inner();
        let is_new = inner
            .trouble
            .as_ref()
            .is_none_or(|trouble| trouble.reason != reason);
        inner.rung += 1;
        inner.trouble = Some(Trouble {
            reason: reason.clone(),
            is_broken,
            until,
        });
        drop(inner);
        if is_new {
            (self.told)(&reason);
        }
        if is_broken {
            let broken = self.broken.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(then) = broken.as_ref() {
                then();
            }
        }
        self.changed.notify_all();
        self.timers.notify_all();
        self.wake();
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wake(&self) {
        let waker = self.waker.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(waker) = waker.as_ref() {
            waker.wake();
        }
    }
}

/// How long it is to the next UTC day, in whole seconds and one more.
fn until_midnight(now: Timestamp) -> Duration {
    let left = DAY - now.as_second().rem_euclid(DAY);
    Duration::from_secs(u64::try_from(left).unwrap_or(1))
}

/// The id of a step: the attachment's row, `/`, and what it is about.
pub fn step_id(attachment: i64, about: &str) -> String {
    format!("{attachment}/{about}")
}

fn is_broken(error: &(dyn Error + 'static)) -> bool {
    let mut next = Some(error);
    while let Some(cause) = next {
        // Asked of both: an error that only hands on another one hides it.
        let database = match cause.downcast_ref::<IntakeError>() {
            Some(IntakeError::State(error)) => Some(error),
            _ => cause.downcast_ref::<crate::store::database::DatabaseError>(),
        };
        if database.is_some_and(crate::store::database::DatabaseError::is_broken) {
            return true;
        }
        next = cause.source();
    }
    false
}
