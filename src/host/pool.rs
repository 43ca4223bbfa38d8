//! The threads that work the queue off: so many heavy steps at once across all kinds, and light ones
//! beside them, so that a long fix never holds up grading.
//!
//! Threads live as long as the pool: a child follows the thread that started it. Whoever has
//! nothing to do sleeps; nothing is looked at again and again.

use std::any::Any;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use archal_core::clock::{Clock, Timestamp};
use serde::{Deserialize, Serialize};

use super::queue::{Step, Weight, WorkKind, WorkSource};
use crate::sandbox::StopToken;

/// How long a step may take to come to an end by itself after it was asked to.
pub const GRACE: Duration = Duration::from_secs(20);
/// How long the end of a pool waits for steps that were stopped: longer than any child's own grace.
const PATIENCE: Duration = Duration::from_secs(30);
/// Most characters of what a panic said.
const MESSAGE_LIMIT: usize = 2000;

/// How many steps run at the same time; each at least one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PoolSize {
    /// Heavy steps, all kinds together.
    pub heavy: usize,
    /// Light steps.
    pub light: usize,
}

/// Why there is no pool.
#[derive(Debug, thiserror::Error)]
pub enum PoolError {
    /// The system gives no more threads.
    #[error("the thread {name} cannot be started")]
    Thread {
        /// Which.
        name: String,
        /// The cause.
        source: io::Error,
    },
}

/// A step that runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Running {
    /// What it is about.
    pub id: String,
    /// What it does, for a person.
    pub label: String,
    /// What kind of work it is.
    pub kind: WorkKind,
    /// What it needs.
    pub weight: Weight,
    /// When it began.
    pub since: Timestamp,
    /// Whether it was asked to end.
    pub stopping: bool,
}

/// Which steps are to stop.
pub enum Which<'a> {
    /// Everything, and nothing is begun any more.
    All,
    /// What is about that id. What is not to be begun again is the source's to know, and must
    /// be known to it before this is asked.
    Step(&'a str),
    /// Whatever fits; otherwise like one id.
    Fitting(&'a dyn Fn(&Running) -> bool),
}

/// Sources of work and the threads that do it. Dropping it stops everything at once and waits for it.
pub struct Pool {
    shared: Arc<Shared>,
}

struct Shared {
    sources: Vec<Arc<dyn WorkSource>>,
    clock: Arc<dyn Clock>,
    state: Mutex<State>,
    /// For workers: there may be something to claim, or the pool was closed.
    ready: [Condvar; 2],
    /// For whoever waits for the end of steps or of a claim.
    ended: Condvar,
    /// For the keeper of deadlines.
    deadlines: Condvar,
}

#[derive(Default)]
struct State {
    running: Vec<Entry>,
    last: u64,
    /// Goes up whenever there may be something new to claim.
    generation: u64,
    queues: [Looking; 2],
    /// When steps that are claimed all the same are stopped; nothing is begun once it is set.
    closed: Option<Duration>,
    /// The pool is being dropped.
    over: bool,
    threads: usize,
    /// How many heavy steps may run at once, and how many threads there are for them.
    heavy: (usize, usize),
    /// Hands lent to heavy steps beside their own.
    lent: usize,
}

/// Where the search for work of one weight stands.
#[derive(Default, Clone, Copy)]
struct Looking {
    /// Which source is asked first next time.
    next: usize,
    /// A worker is asking; never two of one weight.
    busy: bool,
    /// Searches begun and ended.
    begun: u64,
    done: u64,
    /// The generation in which no source had anything.
    empty: Option<u64>,
}

struct Entry {
    number: u64,
    step: Running,
    token: StopToken,
    deadline: Option<Duration>,
}

impl Pool {
    /// Starts the threads; they look for work at once.
    pub fn start(
        sources: Vec<Arc<dyn WorkSource>>,
        size: PoolSize,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, PoolError> {
        let pool = Self {
            shared: Arc::new(Shared {
                sources,
                clock,
                state: Mutex::new(State::default()),
                ready: [Condvar::new(), Condvar::new()],
                ended: Condvar::new(),
                deadlines: Condvar::new(),
            }),
        };
        pool.thread("deadlines".to_owned(), Shared::keep_deadlines)?;
        for number in 1..=size.light.max(1) {
            pool.worker(Weight::Light, format!("light-{number}"))?;
        }
        pool.resize(size.heavy)?;
        Ok(pool)
    }

    /// Lets so many heavy steps run at once from now on, at least one. More than that which run
    /// already come to their end.
    pub fn resize(&self, heavy: usize) -> Result<(), PoolError> {
        let heavy = heavy.max(1);
        let mut state = self.shared.state();
        state.heavy.0 = heavy;
        let there = state.heavy.1;
        state.heavy.1 = there.max(heavy);
        self.shared.wake(&mut state);
        drop(state);
        for number in there + 1..=heavy {
            self.worker(Weight::Heavy, format!("heavy-{number}"))?;
        }
        Ok(())
    }

    /// How many heavy steps may run at once.
    pub fn heavy(&self) -> usize {
        self.shared.state().heavy.0
    }

    fn worker(&self, weight: Weight, name: String) -> Result<(), PoolError> {
        self.thread(name, move |shared| {
            while let Some(claimed) = shared.next(weight) {
                shared.run(claimed);
            }
        })
    }

    fn thread(
        &self,
        name: String,
        main: impl FnOnce(&Shared) + Send + 'static,
    ) -> Result<(), PoolError> {
        let shared = Arc::clone(&self.shared);
        self.shared.state().threads += 1;
        let spawned = std::thread::Builder::new()
            .name(name.clone())
            .spawn(move || {
                main(&shared);
                shared.state().threads -= 1;
                shared.ended.notify_all();
            });
        match spawned {
            // Its end is seen in the state; a thread that is stuck in the kernel must not be waited for.
            Ok(_handle) => Ok(()),
            Err(source) => {
                self.shared.state().threads -= 1;
                Err(PoolError::Thread { name, source })
            }
        }
    }

    /// Something may be ready that was not.
    pub fn wake(&self) {
        self.shared.wake(&mut self.shared.state());
    }

    /// A handle for sources and watchers, which may outlive the pool.
    pub fn waker(&self) -> Waker {
        Waker {
            shared: Arc::downgrade(&self.shared),
        }
    }

    /// What runs now, oldest first.
    pub fn running(&self) -> Vec<Running> {
        let state = self.shared.state();
        state
            .running
            .iter()
            .map(|entry| entry.step.clone())
            .collect()
    }

    /// Asks steps to end, and stops them when `grace` is over; says which. Returns without waiting for
    /// them. Steps that were being claimed meanwhile are among them; not to be called from a claim.
    pub fn stop(&self, which: &Which<'_>, grace: Duration) -> Vec<Running> {
        let deadline = self.shared.clock.monotonic().saturating_add(grace);
        let mut state = self.shared.state();
        if matches!(which, Which::All) {
            let earlier = state.closed.map_or(deadline, |closed| closed.min(deadline));
            state.closed = Some(earlier);
            self.shared.ready.iter().for_each(Condvar::notify_all);
        }
        let begun = state.queues.map(|queue| queue.begun);
        while (0..2).any(|queue| state.queues[queue].done < begun[queue]) {
            state = self.shared.wait(&self.shared.ended, state);
        }
        let mut stopped = Vec::new();
        for entry in &mut state.running {
            let fits = match which {
                Which::All => true,
                Which::Step(id) => entry.step.id == *id,
                Which::Fitting(fits) => fits(&entry.step),
            };
            if fits {
                entry.end_by(deadline);
                stopped.push(entry.step.clone());
            }
        }
        self.shared.fire_due(&state);
        self.shared.deadlines.notify_all();
        stopped
    }

    /// Waits until nothing runs and nothing is ready; in a pool in which all was stopped, until nothing
    /// runs. At most so long, where that is said; whether it came to that.
    pub fn drain(&self, at_most: Option<Duration>) -> bool {
        self.shared.until(at_most, State::is_idle)
    }

    /// Waits until no step that fits runs. At most so long, where that is said; whether it came to that.
    pub fn wait_for(&self, fits: &dyn Fn(&Running) -> bool, at_most: Option<Duration>) -> bool {
        self.shared.until(at_most, |state| {
            !state.running.iter().any(|entry| fits(&entry.step))
        })
    }
}

impl std::fmt::Debug for Pool {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pool")
            .field("running", &self.running())
            .finish_non_exhaustive()
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.stop(&Which::All, Duration::ZERO);
        self.shared.state().over = true;
        self.shared.deadlines.notify_all();
        if !self
            .shared
            .until(Some(PATIENCE), |state| state.threads == 0)
        {
            let left: Vec<String> = self.running().into_iter().map(|step| step.label).collect();
            tracing::warn!("not waited for any longer: {}", left.join(", "));
        }
    }
}

/// Wakes a pool, for as long as there is one.
#[derive(Clone)]
pub struct Waker {
    shared: std::sync::Weak<Shared>,
}

impl Waker {
    /// Something may be ready that was not.
    pub fn wake(&self) {
        if let Some(shared) = self.shared.upgrade() {
            shared.wake(&mut shared.state());
        }
    }
}

impl Waker {
    /// A further hand for a heavy step that runs, where fewer run at once than may: with it the step
    /// may do a second thing beside the first. None where there is none left. Not to be called from
    /// a claim.
    pub fn lend(&self) -> Option<Hand> {
        let shared = self.shared.upgrade()?;
        let mut state = shared.state();
        // Whoever looks for work now may find some, and comes first.
        while state.queues[Weight::Heavy as usize].busy {
            state = shared.wait(&shared.ended, state);
        }
        let taken = state.heavy_steps() + state.lent;
        if state.closed.is_some() || taken >= state.heavy.0 {
            return None;
        }
        state.lent += 1;
        drop(state);
        Some(Hand {
            shared: self.shared.clone(),
        })
    }
}

/// A hand that was lent; dropping it gives it back.
#[derive(Debug)]
pub struct Hand {
    shared: std::sync::Weak<Shared>,
}

impl Drop for Hand {
    fn drop(&mut self) {
        if let Some(shared) = self.shared.upgrade() {
            let mut state = shared.state();
            state.lent -= 1;
            // What was held up by it may begin.
            shared.wake(&mut state);
        }
    }
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Shared")
    }
}

impl std::fmt::Debug for Waker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Waker")
    }
}

impl State {
    fn heavy_steps(&self) -> usize {
        let heavy = |entry: &&Entry| entry.step.weight == Weight::Heavy;
        self.running.iter().filter(heavy).count()
    }

    fn is_idle(&self) -> bool {
        let nothing_is_ready = self
            .queues
            .iter()
            .all(|queue| !queue.busy && queue.empty == Some(self.generation));
        let nothing_begins = self.closed.is_some() && self.queues.iter().all(|queue| !queue.busy);
        self.running.is_empty() && (nothing_is_ready || nothing_begins)
    }
}

impl Entry {
    fn end_by(&mut self, deadline: Duration) {
        self.step.stopping = true;
        self.deadline = Some(self.deadline.map_or(deadline, |other| other.min(deadline)));
        self.token.ask();
    }
}

/// A step that was claimed and stands among those that run.
struct Claimed {
    number: u64,
    step: Step,
    source: Arc<dyn WorkSource>,
    token: StopToken,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        // Every change is whole before the lock is given back, so a panic leaves nothing half done.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'a>(&self, on: &Condvar, state: MutexGuard<'a, State>) -> MutexGuard<'a, State> {
        on.wait(state).unwrap_or_else(PoisonError::into_inner)
    }

    fn until(&self, at_most: Option<Duration>, is_so: impl Fn(&State) -> bool) -> bool {
        let mut state = self.state();
        match at_most {
            None => {
                while !is_so(&state) {
                    state = self.wait(&self.ended, state);
                }
                true
            }
            Some(at_most) => {
                let waited = self
                    .ended
                    .wait_timeout_while(state, at_most, |state| !is_so(state));
                let (state, _) = waited.unwrap_or_else(PoisonError::into_inner);
                is_so(&state)
            }
        }
    }

    fn wake(&self, state: &mut State) {
        state.generation += 1;
        // One looks for each weight; whoever finds something sends the next.
        self.ready.iter().for_each(Condvar::notify_one);
        self.deadlines.notify_all();
    }

    /// The next step of that weight; waits for one. None when the pool is closed.
    fn next(&self, weight: Weight) -> Option<Claimed> {
        let queue = weight as usize;
        let mut state = self.state();
        loop {
            if state.closed.is_some() {
                return None;
            }
            let looking = state.queues[queue];
            let taken = state.heavy_steps() + state.lent;
            let is_full = weight == Weight::Heavy && taken >= state.heavy.0;
            if looking.busy || is_full || looking.empty == Some(state.generation) {
                state = self.wait(&self.ready[queue], state);
                continue;
            }
            let seen = state.generation;
            state.queues[queue].busy = true;
            state.queues[queue].begun += 1;
            drop(state);
            let found = self.ask_sources(weight, looking.next);
            state = self.state();
            let claimed = found.map(|(at, step)| {
                state.queues[queue].next = at + 1;
                self.register(&mut state, at, step)
            });
            let looking = &mut state.queues[queue];
            looking.busy = false;
            looking.done += 1;
            if claimed.is_none() {
                looking.empty = Some(seen);
            }
            self.ended.notify_all();
            if claimed.is_some() {
                // There may be more where this came from.
                self.ready[queue].notify_one();
                return claimed;
            }
        }
    }

    /// Asks each source once, beginning with the one whose turn it is.
    fn ask_sources(&self, weight: Weight, first: usize) -> Option<(usize, Step)> {
        let count = self.sources.len();
        (0..count)
            .map(|offset| (first + offset) % count)
            .find_map(|at| {
                let source = &self.sources[at];
                match catch_unwind(AssertUnwindSafe(|| source.claim(weight))) {
                    Ok(step) => step.map(|step| (at, step)),
                    Err(panic) => {
                        let kind = source.kind();
                        tracing::error!("looking for {kind:?} work failed: {}", message(&*panic));
                        None
                    }
                }
            })
    }

    fn register(&self, state: &mut State, at: usize, step: Step) -> Claimed {
        let source = Arc::clone(&self.sources[at]);
        let token = StopToken::new();
        state.last += 1;
        let number = state.last;
        let mut entry = Entry {
            number,
            step: Running {
                id: step.id.clone(),
                label: step.label.clone(),
                kind: source.kind(),
                weight: step.weight,
                since: self.clock.now(),
                stopping: false,
            },
            token: token.clone(),
            deadline: None,
        };
        // It was claimed while the pool was closed: it runs, under the same terms as the others.
        if let Some(deadline) = state.closed {
            entry.end_by(deadline);
        }
        state.running.push(entry);
        self.fire_due(state);
        self.deadlines.notify_all();
        Claimed {
            number,
            step,
            source,
            token,
        }
    }

    fn run(&self, claimed: Claimed) {
        let Step { id, label, run, .. } = claimed.step;
        let token = claimed.token;
        let outcome = catch_unwind(AssertUnwindSafe(|| run(&token)));
        if let Err(panic) = outcome {
            let said = message(&*panic);
            tracing::error!(step = id, "{label}: panicked: {said}");
            let told = catch_unwind(AssertUnwindSafe(|| claimed.source.panicked(&id, &said)));
            if told.is_err() {
                tracing::error!(step = id, "{label}: its panic could not be recorded");
            }
        }
        let mut state = self.state();
        state.running.retain(|entry| entry.number != claimed.number);
        // The end of a step may make others ready.
        self.wake(&mut state);
        self.ended.notify_all();
    }

    fn fire_due(&self, state: &State) {
        let now = self.clock.monotonic();
        for entry in &state.running {
            if entry.deadline.is_some_and(|deadline| deadline <= now) {
                entry.token.stop();
            }
        }
    }

    /// Fires the tokens of steps whose grace is over.
    fn keep_deadlines(&self) {
        let mut state = self.state();
        while !state.over {
            self.fire_due(&state);
            let next = state
                .running
                .iter()
                .filter(|entry| !entry.token.is_stopped())
                .filter_map(|entry| entry.deadline)
                .min();
            state = match next {
                None => self.wait(&self.deadlines, state),
                Some(deadline) => {
                    let left = deadline.saturating_sub(self.clock.monotonic());
                    let waited = self.deadlines.wait_timeout(state, left);
                    waited.unwrap_or_else(PoisonError::into_inner).0
                }
            };
        }
    }
}

/// What a panic said.
fn message(panic: &(dyn Any + Send)) -> String {
    let text = panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no message");
    text.chars().take(MESSAGE_LIMIT).collect()
}
