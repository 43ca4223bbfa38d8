//! Which command is next, running it, and its end.

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::ExitStatus;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use archal_core::id;

use crate::host::lock::FileLock;
use crate::host::log::{self, LogError};
use crate::host::pool::{GRACE, Running, Which};
use crate::host::queue::{Step, Weight, WorkKind, WorkSource};
use crate::sandbox::StopToken;
use crate::sandbox::job::Job;
use crate::store::database::DatabaseError;

use super::super::desk::{Desk, Told};
use super::super::engine::Engine;
use super::super::state::submitted;
use super::super::state::time_text;
use super::super::watcher::Watcher;
use super::job::{Submission, SubmittedJob, SubmittedStatus, outcome, words};

/// How often a job is begun that is cut off each time.
const MOST_TRIES: u32 = 5;
/// What a command exits with that a signal ended in order.
const INTERRUPTED: i32 = 130;

/// Why a command is not taken over.
#[derive(Debug, thiserror::Error)]
pub enum SubmitError {
    /// No command is of that kind.
    #[error("this version has no {kind:?} jobs")]
    NoKind {
        /// The kind.
        kind: WorkKind,
    },
    /// The command is another one.
    #[error("a {kind:?} job is `archal {words}`, and not `archal {given}`")]
    Words {
        /// The kind.
        kind: WorkKind,
        /// What it is.
        words: String,
        /// What was given.
        given: String,
    },
    /// Another job has the artifacts.
    #[error("the job {job} works on the artifacts in {}", artifacts.display())]
    Taken {
        /// The job.
        job: String,
        /// The folder.
        artifacts: PathBuf,
    },
    /// The state cannot be used.
    #[error(transparent)]
    State(#[from] DatabaseError),
}

/// The commands that a watcher has taken over.
pub struct Submitted {
    pub(super) engine: Arc<Engine>,
    pub(super) desk: Arc<Desk>,
    pub(super) told: Told,
    /// Whether there may be one that is not over.
    has_open: AtomicBool,
    inner: Mutex<Inner>,
    pub(super) head: Mutex<super::head::Seen>,
}

#[derive(Default)]
struct Inner {
    /// Those that a thread of this process works on.
    running: BTreeSet<String>,
    /// Those of them that are not to go on, with the reason.
    cancelled: BTreeMap<String, &'static str>,
    /// What those who handed them over had in their environment.
    variables: BTreeMap<String, BTreeMap<String, String>>,
}

/// Jobs of one kind, for the pool.
struct Source {
    kind: WorkKind,
    of: Arc<Submitted>,
}

impl WorkSource for Source {
    fn kind(&self) -> WorkKind {
        self.kind
    }

    fn claim(&self, weight: Weight) -> Option<Step> {
        let of = &self.of;
        if weight != Weight::Heavy
            || !of.has_open.load(Ordering::SeqCst)
            || of.desk.trouble().is_some()
        {
            return None;
        }
        match of.begin(self.kind) {
            Ok(job) => job.map(|job| of.clone().step(job)),
            Err(error) => {
                of.desk.in_trouble(&error);
                None
            }
        }
    }
}

/// Works on a job until it is dropped, by a panic too.
struct AtWork<'a>(&'a Submitted, &'a str);

impl Drop for AtWork<'_> {
    fn drop(&mut self) {
        let mut inner = self.0.inner();
        inner.running.remove(self.1);
        inner.cancelled.remove(self.1);
        inner.variables.remove(self.1);
    }
}

impl Submitted {
    /// What the state holds of them, to be gone on with.
    pub(in crate::attach) fn new(
        engine: Arc<Engine>,
        desk: Arc<Desk>,
        told: Told,
    ) -> Result<Arc<Self>, DatabaseError> {
        let is_any = !engine.state().read(submitted::open)?.is_empty();
        Ok(Arc::new(Self {
            engine,
            desk,
            told,
            has_open: AtomicBool::new(is_any),
            inner: Mutex::default(),
            head: Mutex::default(),
        }))
    }

    /// Its sources of work, one for each kind.
    pub(in crate::attach) fn sources(self: &Arc<Self>) -> Vec<Arc<dyn WorkSource>> {
        let of = |kind| -> Arc<dyn WorkSource> {
            Arc::new(Source {
                kind,
                of: self.clone(),
            })
        };
        vec![of(WorkKind::Preprod), of(WorkKind::Pdca)]
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a command over.
    fn take(&self, kind: WorkKind, asked: Submission) -> Result<SubmittedJob, SubmitError> {
        let wanted = words(kind).ok_or(SubmitError::NoKind { kind })?;
        if !asked.arguments.iter().take(2).eq(wanted.iter()) {
            return Err(SubmitError::Words {
                kind,
                words: wanted.join(" "),
                given: asked.arguments.join(" "),
            });
        }
        let job = self.job(kind, asked.arguments, (asked.directory, asked.artifacts));
        let mut inner = self.inner();
        let taken = self.engine.state().write_synced(|change| {
            let open = submitted::open(change)?;
            let taken = open.into_iter().find(|one| one.artifacts == job.artifacts);
            Ok(match taken {
                Some(taken) => Err(taken),
                None => Ok(submitted::add(change, &job)?),
            })
        })?;
        match taken {
            Ok(forgotten) => forget(&forgotten),
            Err(taken) => {
                return Err(SubmitError::Taken {
                    job: taken.id,
                    artifacts: taken.artifacts,
                });
            }
        }
        if let Some(variables) = asked.variables {
            inner.variables.insert(job.id.clone(), variables);
        }
        drop(inner);
        (self.told)(&format!("{} is the job {}", job.command(), job.id));
        self.has_come();
        Ok(job)
    }

    /// A job that waits.
    pub(super) fn job(
        &self,
        kind: WorkKind,
        arguments: Vec<String>,
        (directory, artifacts): (PathBuf, PathBuf),
    ) -> SubmittedJob {
        let surround = self.engine.surround();
        let id = id::prefixed(surround.ids.as_ref(), "job");
        SubmittedJob {
            log: surround.layout.attach("jobs").join(format!("{id}.log")),
            id,
            kind,
            status: SubmittedStatus::Queued,
            reason: "it waits for its turn".to_owned(),
            exit_code: None,
            arguments,
            directory,
            artifacts,
            commit: None,
            tries: 0,
            created_at: time_text(surround.clock.now()),
            started_at: None,
            ended_at: None,
        }
    }

    /// Says that a job was added to the state.
    pub(super) fn has_come(&self) {
        self.has_open.store(true, Ordering::SeqCst);
    }

    /// Claims the next job of a kind; none while one of them runs, here or in a terminal.
    fn begin(&self, kind: WorkKind) -> Result<Option<SubmittedJob>, DatabaseError> {
        let state = self.engine.state();
        // Before the look: one that comes after it says so again.
        self.has_open.store(false, Ordering::SeqCst);
        let open = state.read(submitted::open);
        let open = open.inspect_err(|_| self.has_come())?;
        if open.is_empty() {
            return Ok(None);
        }
        self.has_come();
        let mut inner = self.inner();
        let of_kind = || open.iter().filter(|job| job.kind == kind);
        let is_free = !of_kind().any(|job| inner.running.contains(&job.id));
        if !is_free || of_kind().next().is_none() || self.is_taken(kind) {
            return Ok(None);
        }
        let now = self.engine.surround().clock.now();
        let begun = state.write(|change| {
            for job in submitted::open(change)? {
                if job.kind == kind && job.status == SubmittedStatus::Running {
                    // Its process is gone, or its end could not be written down.
                    let (status, reason) = after_a_cut(job.tries);
                    submitted::change(change, &job.id, (status, &reason), None, now)?;
                }
            }
            let next = submitted::next(change, kind)?;
            if let Some(job) = &next {
                submitted::begin(change, &job.id, now)?;
            }
            Ok(next)
        })?;
        if let Some(job) = &begun {
            inner.running.insert(job.id.clone());
        }
        Ok(begun)
    }

    /// Whether somebody runs such a command beside this watcher. Whoever takes the lock a moment
    /// later is told apart by the command itself. Cycles work side by side, each run with a lock of its own.
    fn is_taken(&self, kind: WorkKind) -> bool {
        let layout = &self.engine.surround().layout;
        kind == WorkKind::Preprod && FileLock::is_held(&layout.preprod_lock()).unwrap_or_default()
    }

    /// Cancels a job, one that a thread works on as well.
    fn cancel(&self, id: &str, reason: &'static str) -> Result<(), DatabaseError> {
        let now = self.engine.surround().clock.now();
        let mut inner = self.inner();
        if inner.running.contains(id) {
            inner.cancelled.insert(id.to_owned(), reason);
        }
        // Its row as well: this process may end before that thread does.
        self.engine.state().write(|change| {
            let open = submitted::open(change)?;
            if open.iter().any(|job| job.id == id) {
                let how = (SubmittedStatus::Cancelled, reason);
                submitted::change(change, id, how, None, now)?;
            }
            Ok(())
        })
    }

    fn step(self: Arc<Self>, job: SubmittedJob) -> Step {
        Step {
            id: job.id.clone(),
            label: format!("{}, {}", job.label(), job.id),
            weight: Weight::Heavy,
            run: Box::new(move |stop| self.work(&job, stop)),
        }
    }

    fn work(&self, job: &SubmittedJob, stop: &StopToken) {
        let _at_work = AtWork(self, &job.id);
        (self.told)(&format!("{}: {}", job.id, job.command()));
        let begun_at = self.engine.surround().clock.now();
        let made = self.make(job, stop);
        let cancelled = self.inner().cancelled.get(&job.id).copied();
        let end = end_of(&made, (stop.is_asked(), cancelled), || {
            outcome(job.kind, &job.artifacts, begun_at)
        });
        let now = self.engine.surround().clock.now();
        let written = self.engine.state().write(|change| match end.status {
            SubmittedStatus::Queued => submitted::put_back(change, &job.id, &end.reason),
            status => {
                let how = (status, end.reason.as_str());
                submitted::change(change, &job.id, how, end.exit_code, now)
            }
        });
        if let Err(error) = written {
            self.desk.in_trouble(&error);
        }
        (self.told)(&format!(
            "{}: {}: {}; see {}",
            job.id,
            end.status.name(),
            end.reason,
            job.artifacts.display()
        ));
    }

    fn make(&self, job: &SubmittedJob, stop: &StopToken) -> Result<ExitStatus, String> {
        let surround = self.engine.surround();
        let log = log::open_to_append(&job.log).map_err(|error: LogError| error.to_string())?;
        let own = self.inner().variables.get(&job.id).cloned();
        let run = Job {
            binary: &surround.binary,
            arguments: &job.arguments,
            directory: &job.directory,
            variables: own.as_ref().unwrap_or(&surround.environment.variables),
            log,
        };
        run.run(stop).map_err(|error| {
            let directory = job.directory.display();
            format!("it cannot be started in {directory}: {error}")
        })
    }
}

/// A job of which whoever handed it over was not told yet: it is cancelled unless that comes.
pub struct Untold {
    of: Arc<Submitted>,
    job: String,
    is_told: bool,
}

impl Untold {
    /// They were told.
    pub fn told(mut self) {
        self.is_told = true;
    }
}

impl Drop for Untold {
    fn drop(&mut self) {
        if self.is_told {
            return;
        }
        let reason = "whoever handed it over was not told of it";
        if let Err(error) = self.of.cancel(&self.job, reason) {
            self.of.desk.in_trouble(&error);
        }
    }
}

/// Removes the logs of jobs that are not remembered any more.
pub(super) fn forget(logs: &[PathBuf]) {
    for log in logs {
        // One that is gone already, or stays, does no harm.
        std::fs::remove_file(log).ok();
    }
}

/// What is to be done with a job that was cut off at that try.
fn after_a_cut(tries: u32) -> (SubmittedStatus, String) {
    if tries >= MOST_TRIES {
        let reason = format!("it was cut off {tries} times together with its watcher");
        return (SubmittedStatus::Error, reason);
    }
    (SubmittedStatus::Queued, "it was cut off".to_owned())
}

/// How a job stands after its command.
#[derive(Debug, PartialEq, Eq)]
struct JobEnd {
    status: SubmittedStatus,
    reason: String,
    exit_code: Option<i32>,
}

/// Decides it from how the command ended, whether it was to, and what its artifacts say.
fn end_of(
    made: &Result<ExitStatus, String>,
    (is_asked, cancelled): (bool, Option<&str>),
    outcome: impl FnOnce() -> Option<String>,
) -> JobEnd {
    let end = |status, reason: String, exit_code| JobEnd {
        status,
        reason,
        exit_code,
    };
    let how = match made {
        Err(reason) => return end(SubmittedStatus::Error, reason.clone(), None),
        Ok(how) => how,
    };
    let (code, signal) = (how.code(), how.signal());
    let is_cut = signal.is_some() || code == Some(INTERRUPTED);
    if is_asked && is_cut {
        return if let Some(reason) = cancelled {
            let reason = format!("{reason}; the same command goes on");
            end(SubmittedStatus::Cancelled, reason, None)
        } else {
            let reason = "its watcher ended; it goes on with the next one";
            end(SubmittedStatus::Queued, reason.to_owned(), None)
        };
    }
    match (code, signal) {
        (Some(INTERRUPTED), _) => end(
            SubmittedStatus::Ended,
            "a signal ended it; the same command goes on".to_owned(),
            code,
        ),
        (Some(code @ (2 | 3)), _) => {
            let said = outcome().filter(|_| code == 3);
            let reason = said.unwrap_or_else(|| "it could not run; its log says why".to_owned());
            end(SubmittedStatus::Ended, reason, Some(code))
        }
        (Some(code), _) => {
            let reason = outcome().unwrap_or_else(|| format!("it exited with status {code}"));
            end(SubmittedStatus::Ended, reason, Some(code))
        }
        (None, signal) => {
            let signal = signal.unwrap_or_default();
            let reason = format!("signal {signal} ended it; the same command goes on");
            end(SubmittedStatus::Error, reason, None)
        }
    }
}

impl Watcher {
    /// Takes a command over.
    ///
    /// # Errors
    ///
    /// When it is none, or the state cannot be used.
    pub fn submit(&self, kind: WorkKind, asked: Submission) -> Result<SubmittedJob, SubmitError> {
        let submitted = self.submitted.as_ref();
        let job = submitted
            .ok_or(SubmitError::NoKind { kind })?
            .take(kind, asked)?;
        self.pool().wake();
        Ok(job)
    }

    /// Holds a job that was taken over until whoever handed it over is told.
    pub fn untold(&self, job: &str) -> Option<Untold> {
        self.submitted.as_ref().map(|of| Untold {
            of: of.clone(),
            job: job.to_owned(),
            is_told: false,
        })
    }

    /// Whether commands wait or run. A state that cannot be read may hold some.
    pub fn has_submitted(&self) -> bool {
        let open = self.engine().state().read(submitted::open);
        self.submitted.is_some() && open.map_or(true, |open| !open.is_empty())
    }

    /// Ends all commands for good: those that wait now, those that run within `grace`. Gives them.
    ///
    /// # Errors
    ///
    /// When the state cannot be used.
    pub fn cancel_submitted(&self, grace: Duration) -> Result<Vec<String>, DatabaseError> {
        let Some(own) = &self.submitted else {
            return Ok(Vec::new());
        };
        let now = self.engine().surround().clock.now();
        let mut inner = own.inner();
        let open = self.engine().state().write(|change| {
            let open = submitted::open(change)?;
            for job in open.iter().filter(|job| !inner.running.contains(&job.id)) {
                let how = (SubmittedStatus::Cancelled, "everything was detached");
                submitted::change(change, &job.id, how, None, now)?;
            }
            Ok(open)
        })?;
        let running = inner.running.clone();
        let reason = "everything of the repository was detached";
        inner
            .cancelled
            .extend(running.into_iter().map(|job| (job, reason)));
        drop(inner);
        let fits = |step: &Running| step.kind != WorkKind::Trace;
        self.pool().stop(&Which::Fitting(&fits), grace);
        self.pool()
            .wait_for(&fits, Some(grace.saturating_add(GRACE)));
        Ok(open.into_iter().map(|job| job.id).collect())
    }

    /// Looks whether a commit is to be run, and whether what waits for somebody else's end can begin.
    pub fn look_at_commits(&self) {
        let Some(own) = &self.submitted else { return };
        let attached = self.desk().attached();
        let first = attached.first().map(|now| &now.attached);
        if let Some(attached) = first
            && let Err(error) = own.look_at_head(attached)
        {
            own.desk.in_trouble(&error);
        }
        if own.has_open.load(Ordering::SeqCst) && own.inner().running.is_empty() {
            self.pool().wake();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exited(code: i32) -> Result<ExitStatus, String> {
        Ok(ExitStatus::from_raw(code << 8))
    }

    fn told(
        made: Result<ExitStatus, String>,
        is_asked: bool,
        is_cancelled: bool,
    ) -> (SubmittedStatus, String, Option<i32>) {
        let outcome = || Some("blocked (no_fixer)".to_owned());
        let cancelled = is_cancelled.then_some("it was cancelled");
        let end = end_of(&made, (is_asked, cancelled), outcome);
        (end.status, end.reason, end.exit_code)
    }

    #[test]
    fn a_job_ends_by_its_command_and_goes_on_when_its_watcher_ended_it() {
        use SubmittedStatus::{Cancelled, Ended, Error, Queued};
        let (status, reason, code) = told(exited(1), false, false);
        assert_eq!((status, code), (Ended, Some(1)));
        assert_eq!(reason, "blocked (no_fixer)");
        // It came to its end although it was to stop.
        assert_eq!(told(exited(0), true, true).0, Ended);
        for made in [exited(INTERRUPTED), Ok(ExitStatus::from_raw(9))] {
            assert_eq!(told(made.clone(), true, false).0, Queued);
            assert_eq!(told(made, true, true).0, Cancelled);
        }
        // Nobody here asked it to.
        assert_eq!(told(exited(INTERRUPTED), false, false).0, Ended);
        assert_eq!(told(Ok(ExitStatus::from_raw(9)), false, false).0, Error);
        assert_eq!(told(Err("no such file".to_owned()), true, false).0, Error);
        // What an earlier run left in the artifacts says nothing of a mistake.
        assert_eq!(
            told(exited(2), false, false).1,
            "it could not run; its log says why"
        );
        assert_eq!(told(exited(3), false, false).1, "blocked (no_fixer)");
    }

    #[test]
    fn a_job_that_is_cut_off_again_and_again_is_given_up() {
        assert_eq!(after_a_cut(1).0, SubmittedStatus::Queued);
        assert_eq!(after_a_cut(MOST_TRIES - 1).0, SubmittedStatus::Queued);
        assert_eq!(after_a_cut(MOST_TRIES).0, SubmittedStatus::Error);
    }
}
