//! All work on the traces of a repository: directories that are watched, jobs that are worked on.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crate::config::schema::ExecutionPolicy;
use crate::host::pool::{self, Pool, PoolError, PoolSize, Which};
use crate::host::queue::WorkSource;
use crate::ingest::feed::{self, Feed, FeedHealth};
use crate::ingest::watch::{DirectoryWatch, Known, Settings, Stamp};
use crate::reproduce::private;
use crate::sandbox::StopToken;
use crate::store::database::DatabaseError;

use super::desk::{Desk, Told, step_id};
use super::engine::{Attached, Engine, PROBE};
use super::flags::AttachFlags;
use super::hosted::{Hosted, SourceNow};
use super::intake::IntakeError;
use super::job::{Stage, Status};
use super::ready::ReadyError;
use super::state::{attachments, failures, files, jobs, tallies, waits};
use super::submitted::queue::Submitted;
use super::{telling, upkeep};

/// A thread waits so long for another look at its stop.
const LONG: Duration = Duration::from_secs(600);

/// Why the watcher does not start.
#[derive(Debug, thiserror::Error)]
pub enum WatcherError {
    /// The repository cannot be used.
    #[error(transparent)]
    Ready(#[from] ReadyError),
    /// The state cannot be used.
    #[error(transparent)]
    State(#[from] DatabaseError),
    /// There are no threads.
    #[error(transparent)]
    Pool(#[from] PoolError),
    /// A thread could not be started.
    #[error("a thread for {what} could not be started")]
    Thread {
        /// What it was for.
        what: String,
        /// The cause.
        source: io::Error,
    },
}

impl From<IntakeError> for WatcherError {
    fn from(error: IntakeError) -> Self {
        match error {
            IntakeError::Ready(error) => Self::Ready(error),
            IntakeError::State(error) => Self::State(error),
            IntakeError::Write(error) => Self::Thread {
                what: "an artifact".to_owned(),
                source: io::Error::other(error),
            },
            IntakeError::Step(error) => Self::Thread {
                what: "a step".to_owned(),
                source: io::Error::other(error),
            },
        }
    }
}

/// Directories that are watched and the pool that does the work.
pub struct Watcher {
    engine: Arc<Engine>,
    desk: Arc<Desk>,
    pool: Pool,
    feeds: Mutex<BTreeMap<i64, Running>>,
    /// Sources of the registry; none in a single pass.
    hosted: Option<Hosted>,
    /// Commands that are jobs; none in a single pass.
    pub(super) submitted: Option<Arc<Submitted>>,
    /// Threads that end by themselves.
    beside: Mutex<Vec<JoinHandle<()>>>,
    /// Ends those that deliver notices and remove what is old.
    rest: StopToken,
    is_tidied: AtomicBool,
    is_finished: AtomicBool,
    told: Told,
}

struct Running {
    stop: StopToken,
    /// Asked when the directory is to be walked through at once.
    rescan: Rescan,
    thread: JoinHandle<()>,
}

impl Watcher {
    /// Starts the threads. `once` for one look at everything; `heavy` steps run children at the
    /// same time.
    pub fn start(
        engine: Arc<Engine>,
        heavy: usize,
        once: bool,
        told: Told,
    ) -> Result<Self, WatcherError> {
        let rest = engine.was_cut_off()?.then(|| engine.sweep());
        let desk = Desk::new(engine.clone(), once, told.clone());
        let mut sources: Vec<Arc<dyn WorkSource>> = vec![desk.clone()];
        let submitted = match once {
            true => None,
            false => Some(Submitted::new(engine.clone(), desk.clone(), told.clone())?),
        };
        sources.extend(submitted.iter().flat_map(Submitted::sources));
        let size = PoolSize {
            heavy: heavy.max(1),
            // One waits for the judge; another one reads meanwhile.
            light: light_steps(),
        };
        let pool = Pool::start(sources, size, engine.surround.clock.clone())?;
        desk.wakes(pool.waker());
        // There is one pool for an engine; a second one would lend the first one's hands.
        engine.hands.set(pool.waker()).ok();
        let ticking = desk.clone();
        let mut beside = vec![beside("ticker", move || ticking.keep_time())?];
        if let Some(rest) = rest {
            beside.push(self::beside("sweeper", rest)?);
        }
        let rest = StopToken::new();
        if !once {
            let (engine, desk) = (engine.clone(), Arc::downgrade(&desk));
            let (told, stop) = (told.clone(), rest.clone());
            beside.push(self::beside("notices", move || {
                telling::keep_telling(&engine, &desk, &told, &stop);
            })?);
        }
        let hosted = (!once).then(|| Hosted::new(engine.clone(), told.clone()));
        Ok(Self {
            engine,
            desk,
            pool,
            feeds: Mutex::default(),
            hosted,
            submitted,
            beside: Mutex::new(beside),
            rest,
            is_tidied: AtomicBool::new(once),
            is_finished: AtomicBool::new(false),
            told,
        })
    }

    /// Reads all of the state behind the work, because it was too large to be read before it: one
    /// that contradicts itself is trouble as soon as that is known.
    pub fn check_behind(&self) -> Result<(), WatcherError> {
        let (engine, desk) = (self.engine.clone(), Arc::downgrade(&self.desk));
        // Not waited for at the end: it reads for as long as the file is large.
        beside("checker", move || {
            if let (Err(error), Some(desk)) = (engine.state.check(), desk.upgrade()) {
                desk.in_trouble(&error);
            }
        })
        .map(drop)
    }

    /// The engine.
    pub fn engine(&self) -> &Arc<Engine> {
        &self.engine
    }

    /// The queue of files and jobs.
    pub fn desk(&self) -> &Desk {
        &self.desk
    }

    /// The threads.
    pub fn pool(&self) -> &Pool {
        &self.pool
    }

    /// Attaches a directory, or changes how it is attached, and begins to watch it. Jobs that
    /// ended for a reason the new flags remove go on.
    pub fn attach(&self, directory: &Path, flags: AttachFlags) -> Result<Attached, WatcherError> {
        // Refused before anything is written down.
        let probe = Attached {
            id: PROBE,
            directory: directory.to_owned(),
            flags: flags.clone(),
        };
        let ready = self.engine.ready(&probe, true)?;
        let attached = self
            .engine
            .attach(directory.to_owned(), flags, self.desk.is_once())?;
        self.engine.go_on(&attached, &ready)?;
        self.engine.unblock(&attached, &ready)?;
        self.desk.open(attached.clone());
        // What could not be told before may be told with these flags.
        self.engine.bell.ring();
        self.tidy()?;
        let mut feeds = self.feeds();
        if let Entry::Vacant(place) = feeds.entry(attached.id) {
            let stop = StopToken::new();
            let (desk, id) = (Arc::downgrade(&self.desk), attached.id);
            let told = move |health: FeedHealth| {
                if let Some(desk) = Weak::upgrade(&desk) {
                    desk.feed(id, health);
                }
            };
            let rescan = Rescan::default();
            let feed = FileFeed {
                rescan: rescan.clone(),
                engine: self.engine.clone(),
                desk: Arc::downgrade(&self.desk),
                attachment: attached.id,
                directory: attached.directory.clone(),
                poll: ready.settings.options.poll,
            };
            let thread = feed::supervise(
                Arc::new(feed),
                stop.clone(),
                feed::FIRST_PAUSE,
                Box::new(told),
            )
            .map_err(|source| WatcherError::Thread {
                what: attached.directory.display().to_string(),
                source,
            })?;
            place.insert(Running {
                stop,
                rescan,
                thread,
            });
        }
        drop(feeds);
        self.look_at_sources(true);
        Ok(attached)
    }

    /// Starts and stops sources as the registry has them now; without `anew` only where its files
    /// were written since.
    pub fn look_at_sources(&self, anew: bool) {
        if let Some(hosted) = &self.hosted {
            let attached = self.desk.attached().into_iter().map(|now| now.attached);
            hosted.look(&attached.collect::<Vec<_>>(), anew);
        }
    }

    /// How the sources of an attachment do, and why the registry cannot be read where that is so.
    pub fn sources(&self, attachment: i64) -> (Vec<SourceNow>, Option<String>) {
        self.hosted
            .as_ref()
            .map_or_else(Default::default, |hosted| {
                (hosted.of(attachment), hosted.problem())
            })
    }

    /// Detaches a directory, or all of them: nothing of them is begun any more, and what runs gets
    /// `grace` to come to an end of its step. Gives those that were attached.
    pub fn detach(
        &self,
        directory: Option<&Path>,
        grace: Duration,
    ) -> Result<Vec<PathBuf>, WatcherError> {
        let now = self.engine.now();
        let detached = self.engine.state.write(|change| {
            let mut detached = Vec::new();
            for known in attachments::all(change)? {
                let is_meant = directory.is_none_or(|directory| directory == known.directory);
                if is_meant && attachments::detach(change, &known.directory, now)? {
                    detached.push((known.id, known.directory));
                }
            }
            Ok(detached)
        })?;
        let ids: Vec<i64> = detached.iter().map(|(id, _)| *id).collect();
        self.let_go(&ids, grace);
        Ok(detached
            .into_iter()
            .map(|(_, directory)| directory)
            .collect())
    }

    /// One grace for all of them.
    fn let_go(&self, attachments: &[i64], grace: Duration) {
        for attachment in attachments {
            self.desk.close(*attachment);
        }
        if let Some(hosted) = &self.hosted {
            hosted.let_go(attachments);
        }
        for attachment in attachments {
            let running = self.feeds().remove(attachment);
            if let Some(running) = running {
                running.stop.stop();
                running.thread.join().ok();
            }
        }
        let own: Vec<String> = attachments.iter().map(|id| step_id(*id, "")).collect();
        let fits = |step: &pool::Running| own.iter().any(|own| step.id.starts_with(own));
        self.pool.stop(&Which::Fitting(&fits), grace);
        self.pool
            .wait_for(&fits, Some(grace.saturating_add(Duration::from_secs(30))));
    }

    /// Begins to remove what is old, once a day.
    fn tidy(&self) -> Result<(), WatcherError> {
        if self.is_tidied.swap(true, Ordering::SeqCst) {
            return Ok(());
        }
        let (engine, desk) = (self.engine.clone(), Arc::downgrade(&self.desk));
        let (told, stop) = (self.told.clone(), self.rest.clone());
        let thread = beside("upkeep", move || {
            upkeep::keep_tidy(&engine, &desk, &told, &stop);
        })?;
        self.beside().push(thread);
        Ok(())
    }

    /// Delivers notices at the end of a single pass, and says what is left of them.
    pub fn tell(&self, attached: &Attached, stop: &StopToken) {
        let left = self.engine.deliver_once(attached, stop, &self.told);
        match left {
            Ok(0) => {}
            Ok(left) => (self.told)(&format!(
                "{left} notices are not delivered yet; the next archal attach tries again"
            )),
            Err(error) => {
                let reason = super::reproducing::chain(&error);
                (self.told)(&format!("notices are not delivered: {reason}"));
            }
        }
        match self.engine.send_once(attached, stop, &self.told) {
            Ok(0) => {}
            Ok(left) => (self.told)(&format!(
                "{left} verdicts are not sent yet; the next archal attach tries again"
            )),
            Err(error) => {
                let reason = super::reproducing::chain(&error);
                (self.told)(&format!("verdicts are not sent: {reason}"));
            }
        }
    }

    /// Looks again for work in the state: somebody else may have changed it. What is worked on
    /// though its group was dismissed comes to the end of its step.
    pub fn wake(&self) {
        let dismissed = self.engine.state.read(failures::running_dismissed);
        // Where the state cannot be read, the next step of it is not begun.
        let dismissed: Vec<String> = dismissed
            .unwrap_or_default()
            .into_iter()
            .map(|(attachment, trace)| step_id(attachment, &trace))
            .collect();
        if !dismissed.is_empty() {
            let fits = |step: &pool::Running| dismissed.contains(&step.id);
            self.pool.stop(&Which::Fitting(&fits), pool::GRACE);
        }
        self.look_at_sources(false);
        self.pool.wake();
        self.engine.bell.ring();
    }

    /// Looks at once for what was opened again.
    pub fn look_again(&self) {
        for running in self.feeds().values() {
            running.rescan.ask();
        }
        self.pool.wake();
    }

    /// Works through everything that is there, until nothing is left to do or `is_stopped`.
    pub fn work_through(&self, is_stopped: &dyn Fn() -> bool) {
        self.desk.until_read(is_stopped);
        // The pool may have looked last before the walk had ended, and would seem to have nothing
        // left to do.
        self.pool.wake();
        while !is_stopped() && self.desk.trouble().is_none() {
            if self.pool.drain(Some(Duration::from_millis(200))) {
                return;
            }
        }
    }

    /// Ends all work: what runs gets `grace` to come to an end of its step, and goes on another
    /// time.
    pub fn stop(&self, grace: Duration) {
        self.desk.close_all();
        self.rest.stop();
        self.engine.bell.ring();
        if let Some(hosted) = &self.hosted {
            hosted.stop();
        }
        for (_, running) in std::mem::take(&mut *self.feeds()) {
            running.stop.stop();
            running.thread.join().ok();
        }
        self.pool.stop(&Which::All, grace);
        self.pool
            .drain(Some(grace.saturating_add(Duration::from_secs(30))));
    }

    /// The last thing before the process ends: everything was stopped, and nothing of it stays
    /// behind. Not left to whoever drops the last handle, since threads that nobody waits for
    /// have some.
    pub fn finish(&self) {
        self.stop(Duration::ZERO);
        if self.is_finished.swap(true, Ordering::SeqCst) {
            return;
        }
        let beside = std::mem::take(&mut *self.beside());
        for thread in beside {
            thread.join().ok();
        }
        self.engine.places.clear();
        self.engine.forget_ready();
        // A process that was killed may have held its folders a moment longer than its lock.
        private::collect(&self.engine.surround.environment);
        self.engine.close();
    }

    fn beside(&self) -> MutexGuard<'_, Vec<JoinHandle<()>>> {
        self.beside.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn feeds(&self) -> MutexGuard<'_, BTreeMap<i64, Running>> {
        self.feeds.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        self.finish();
    }
}

impl Engine {
    /// Puts jobs back into the queue that ended for a reason which is gone: the policy goes
    /// further now, or a fixer may run.
    fn go_on(&self, attached: &Attached, ready: &super::ready::Ready) -> Result<(), DatabaseError> {
        let options = &ready.settings.options;
        let may_fix = options.fixer.is_some() && options.allow_external_execution;
        let now = self.now();
        self.state.write(|change| {
            waits::requeue(change, now)?;
            waits::hurry(change, attached.id)?;
            for ended in Status::ALL {
                let Some(stage) = next_stage(ended, options.policy, may_fix) else {
                    continue;
                };
                let reason = "the flags allow it to go on";
                jobs::requeue_ended(change, attached.id, (ended, stage), reason, now)?;
            }
            Ok(())
        })
    }
}

/// The stage at which a job goes on that ended for want of a permission; none where it does not.
pub(super) fn next_stage(ended: Status, policy: ExecutionPolicy, may_fix: bool) -> Option<Stage> {
    match ended {
        Status::Observed => (policy > ExecutionPolicy::Observe).then_some(Stage::Grade),
        Status::FailedGrade => (policy > ExecutionPolicy::Grade).then_some(Stage::Reproduce),
        Status::Reproduced => (policy > ExecutionPolicy::Reproduce).then_some(Stage::Reproduce),
        Status::FixBlocked => {
            (policy > ExecutionPolicy::Reproduce && may_fix).then_some(Stage::Reproduce)
        }
        _ => None,
    }
}

/// A walk that can be asked for.
#[derive(Clone, Default)]
struct Rescan {
    watch: Arc<Mutex<Option<DirectoryWatch>>>,
}

impl Rescan {
    fn watch(&self) -> MutexGuard<'_, Option<DirectoryWatch>> {
        self.watch.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn ask(&self) {
        if let Some(watch) = self.watch().as_ref() {
            watch.rescan();
        }
    }
}

/// The `file` source inside the watcher: a directory, watched.
struct FileFeed {
    engine: Arc<Engine>,
    desk: Weak<Desk>,
    attachment: i64,
    directory: PathBuf,
    poll: Duration,
    rescan: Rescan,
}

impl Feed for FileFeed {
    fn name(&self) -> &str {
        "file"
    }

    fn run(&self, stop: &StopToken, _told: &dyn Fn(FeedHealth)) -> Result<(), String> {
        let (desk, attachment) = (self.desk.clone(), self.attachment);
        // How it is watched is told as an event.
        let sink = move |event| {
            desk.upgrade()
                .is_some_and(|desk| desk.event(attachment, event))
        };
        let settings = Settings {
            poll: self.poll,
            ..Settings::default()
        };
        let known = KnownFiles {
            engine: self.engine.clone(),
            attachment: self.attachment,
        };
        let watch = DirectoryWatch::start(
            &self.directory,
            self.engine.surround.files.accepts,
            Arc::new(known),
            settings,
            self.engine.surround.clock.clone(),
            Box::new(sink),
        )
        .map_err(|error| super::reproducing::chain(&error))?;
        *self.rescan.watch() = Some(watch);
        while !stop.wait(LONG) {}
        *self.rescan.watch() = None;
        Ok(())
    }
}

/// What was looked at, as the state has it. A state that cannot be read knows nothing, and what
/// is then read again is found to be known.
struct KnownFiles {
    engine: Arc<Engine>,
    attachment: i64,
}

impl Known for KnownFiles {
    fn stamp(&self, path: &Path) -> Option<Stamp> {
        let bytes = self
            .engine
            .state
            .read(|connection| files::stamp(connection, self.attachment, path))
            .ok()??;
        Stamp::of_bytes(&bytes)
    }

    fn count(&self) -> u64 {
        self.engine
            .state
            .read(|connection| tallies::stamped(connection, self.attachment))
            .unwrap_or_default()
    }

    fn after(&self, path: Option<&Path>, most: usize) -> Vec<PathBuf> {
        self.engine
            .state
            .read(|connection| files::after(connection, self.attachment, path, most))
            .unwrap_or_default()
    }
}

fn beside(
    name: &str,
    work: impl FnOnce() + Send + 'static,
) -> Result<JoinHandle<()>, WatcherError> {
    thread::Builder::new()
        .name(name.to_owned())
        .spawn(work)
        .map_err(|source| WatcherError::Thread {
            what: name.to_owned(),
            source,
        })
}

/// How many steps that run nothing but archal itself are made at the same time: two at least.
pub(super) fn light_steps() -> usize {
    processors().max(2)
}

fn processors() -> usize {
    thread::available_parallelism().map_or(1, usize::from)
}

/// How many steps run children at the same time where nobody says: half the processors.
pub fn default_jobs() -> usize {
    (processors() / 2).max(1)
}
