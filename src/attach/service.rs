//! The watcher as other processes of the user ask it, over the control socket.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::config::schema::ExecutionPolicy;
use crate::host::pool::Running;
use crate::host::protocol::{Refusal, RefusalKind, Request};
use crate::host::socket::Handler;
use crate::ingest::feed::FeedHealth;

use super::flags::AttachFlags;
use super::hosted::SourceNow;
use super::ready::ReadyError;
use super::reprocess::{ReprocessError, ReprocessRequest};
use super::settings::SettingsError;
use super::submitted::job::Submission;
use super::submitted::queue::SubmitError;
use super::watcher::{Watcher, WatcherError};

/// What a step gets to come to its end when its directory is detached.
pub const GRACE: Duration = Duration::from_secs(20);

/// Between two looks at whether the repository is still there.
const REPO_LOOK: Duration = Duration::from_secs(2);
/// At how many looks it must be missing.
const REPO_LOOKS: u32 = 2;

/// Whether a repository is gone, and not only out of reach.
pub fn is_removed(repo: &Path) -> bool {
    let found = std::fs::symlink_metadata(repo);
    found.is_err_and(|error| error.kind() == std::io::ErrorKind::NotFound)
}

/// What `attach` asks a watcher for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AttachRequest {
    /// The directory, absolute.
    pub directory: PathBuf,
    /// The flags.
    pub flags: AttachFlags,
    /// How many jobs of the whole watcher may run children at once, where the command line says
    /// it.
    #[serde(default)]
    pub jobs: Option<usize>,
}

/// What a watcher answers to it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Joined {
    /// The directory.
    pub directory: PathBuf,
    /// How far the loop goes with its traces.
    pub policy: ExecutionPolicy,
}

/// What was detached: `archal detach --json`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Detached {
    /// The directories that were attached before.
    pub detached: Vec<PathBuf>,
    /// The commands that were jobs and are none any more.
    #[serde(default)]
    pub cancelled: Vec<String>,
    /// Whether nothing works for the repository any more.
    pub ended: bool,
    /// Whether a watcher ran.
    pub watched: bool,
}

/// What a watcher is doing now.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DoingNow {
    /// Each attached directory.
    pub attached: Vec<WatchedNow>,
    /// Steps under way, of all kinds of work.
    #[schemars(with = "Vec<Value>")]
    pub running: Vec<Running>,
    /// How many jobs may run children at once.
    #[serde(default)]
    pub jobs: usize,
    /// Files that wait to be read.
    pub waiting: usize,
    /// Why nothing is begun at present.
    pub trouble: Option<String>,
}

/// How an attached directory is watched.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct WatchedNow {
    /// The directory.
    pub directory: PathBuf,
    /// How its source does; none while it starts.
    pub health: Option<FeedHealth>,
    /// Whether everything that was there when it was attached has been seen.
    pub is_scanned: bool,
    /// What could not be looked at.
    pub problems: Vec<String>,
    /// How the sources of the registry do that put their traces into it.
    #[serde(default)]
    pub sources: Vec<SourceNow>,
    /// Why an earlier configuration is in force than that of the file; none where it is not.
    #[serde(default)]
    pub configuration: Option<String>,
}

/// A watcher that answers.
pub struct Service {
    watcher: Watcher,
    ended: Mutex<Option<Duration>>,
    changed: Condvar,
    /// Held while a directory is attached or detached, so that no process ends under an
    /// attachment that was just made.
    attaching: Mutex<()>,
}

impl Service {
    /// Over a watcher that runs.
    pub fn new(watcher: Watcher) -> Arc<Self> {
        Arc::new(Self {
            watcher,
            ended: Mutex::new(None),
            changed: Condvar::new(),
            attaching: Mutex::default(),
        })
    }

    /// The watcher.
    pub fn watcher(&self) -> &Watcher {
        &self.watcher
    }

    /// Asks for the end, with that grace for what runs; a shorter one counts.
    pub fn end(&self, grace: Duration) {
        let mut ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner);
        *ended = Some(ended.map_or(grace, |earlier| earlier.min(grace)));
        drop(ended);
        self.changed.notify_all();
    }

    /// Waits until the end is asked for, the state breaks, or the repository is gone; gives the
    /// grace for what runs.
    pub fn until_end(&self) -> Duration {
        let mut missed = 0;
        let mut ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if let Some(grace) = *ended {
                return grace;
            }
            let (next, waited) = self
                .changed
                .wait_timeout(ended, REPO_LOOK)
                .unwrap_or_else(PoisonError::into_inner);
            drop(next);
            // Whoever asks for the end does not wait for sources.
            if waited.timed_out() {
                self.watcher.look_at_sources(false);
                self.watcher.look_at_commits();
                self.end_if_idle();
            }
            ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner);
            if waited.timed_out() {
                let is_gone = is_removed(&self.watcher.engine().surround().repo);
                missed = if is_gone { missed + 1 } else { 0 };
                // One that was only moved aside for a moment is waited for.
                if missed == REPO_LOOKS {
                    return Duration::ZERO;
                }
            }
        }
    }

    fn alone(&self) -> MutexGuard<'_, ()> {
        self.attaching
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends a process for which nothing is left: it was begun for commands alone, or was left with
    /// them.
    fn end_if_idle(&self) {
        // Whoever attaches, detaches or hands something over at this moment knows better.
        let Ok(_alone) = self.attaching.try_lock() else {
            return;
        };
        if self.watcher.desk().attached().is_empty() && !self.watcher.has_submitted() {
            self.end(GRACE);
        }
    }

    fn is_ending(&self) -> bool {
        let ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner);
        ended.is_some()
    }

    /// Nothing is taken over any more by a process that ends.
    fn refuse_at_the_end(&self) -> Result<(), Refusal> {
        if self.is_ending() {
            let refusal = "the watcher is ending at this moment";
            return Err(Refusal::new(RefusalKind::Ending, refusal)
                .hint("the same command again, when it has ended"));
        }
        Ok(())
    }

    /// What it is doing.
    pub fn doing(&self) -> DoingNow {
        let desk = self.watcher.desk();
        DoingNow {
            attached: desk
                .attached()
                .into_iter()
                .map(|now| {
                    let (sources, problem) = self.watcher.sources(now.attached.id);
                    let problems = now.diagnostics.iter();
                    let problems = problems.map(|finding| finding.message.clone());
                    WatchedNow {
                        configuration: self.watcher.engine().complaint(&now.attached),
                        directory: now.attached.directory,
                        health: now.health,
                        is_scanned: now.is_scanned,
                        problems: problems.chain(problem).collect(),
                        sources,
                    }
                })
                .collect(),
            running: self.watcher.pool().running(),
            jobs: self.watcher.pool().heavy(),
            waiting: desk.waiting(),
            trouble: desk
                .trouble()
                .map(|trouble| trouble.reason)
                .or_else(|| desk.paused()),
        }
    }

    fn attach(&self, asked: &AttachRequest) -> Result<ExecutionPolicy, WatcherError> {
        let attached = self.watcher.attach(&asked.directory, asked.flags.clone())?;
        if let Some(jobs) = asked.jobs {
            self.watcher.pool().resize(jobs)?;
        }
        Ok(self.watcher.engine().ready(&attached, false)?.policy())
    }

    fn detach(&self, directory: Option<&str>, all: bool, now: bool) -> Result<Value, Refusal> {
        let grace = if now { Duration::ZERO } else { GRACE };
        if directory.is_none() && !all {
            let refusal = "name the trace directory, or --all";
            return Err(Refusal::new(RefusalKind::Usage, refusal));
        }
        let _alone = self.alone();
        let detached = self
            .watcher
            .detach(directory.map(Path::new), grace)
            .map_err(|error| refusal(&error))?;
        let mut cancelled = Vec::new();
        if all {
            let ended = self.watcher.cancel_submitted(grace);
            cancelled = ended.map_err(|error| refusal(&error.into()))?;
        }
        let attached = self.watcher.desk().attached();
        let is_last = attached.is_empty() && (all || !self.watcher.has_submitted());
        if is_last {
            self.end(grace);
        }
        let detached = Detached {
            detached,
            cancelled,
            ended: is_last,
            watched: true,
        };
        Ok(serde_json::to_value(detached).unwrap_or_default())
    }
}

impl Handler for Service {
    fn handle(&self, request: Request, _progress: &mut dyn FnMut(&str)) -> Result<Value, Refusal> {
        match request {
            Request::Status => Ok(serde_json::to_value(self.doing()).unwrap_or_default()),
            Request::Attach { payload } => {
                let asked: AttachRequest = understood(payload)?;
                let _alone = self.alone();
                self.refuse_at_the_end()?;
                let policy = self.attach(&asked).map_err(|error| refusal(&error))?;
                let joined = Joined {
                    directory: asked.directory,
                    policy,
                };
                Ok(serde_json::to_value(joined).unwrap_or_default())
            }
            Request::Detach {
                directory,
                all,
                now,
            } => self.detach(directory.as_deref(), all, now),
            Request::Reprocess { payload } => {
                let asked: ReprocessRequest = understood(payload)?;
                let reopened = self
                    .watcher
                    .engine()
                    .reprocess(&asked)
                    .map_err(|error| reprocess_refusal(&error))?;
                self.watcher.look_again();
                Ok(json!({"reopened": reopened}))
            }
            Request::Wake => {
                self.watcher.wake();
                Ok(json!({"woken": true}))
            }
            Request::Submit { kind, payload } => {
                let asked: Submission = understood(payload)?;
                let _alone = self.alone();
                self.refuse_at_the_end()?;
                let job = self.watcher.submit(kind, asked);
                let job = job.map_err(|error| submit_refusal(&error))?;
                Ok(serde_json::to_value(job).unwrap_or_default())
            }
            Request::Stop => {
                self.end(GRACE);
                Ok(json!({"ended": true}))
            }
        }
    }
}

fn understood<T: serde::de::DeserializeOwned>(payload: Value) -> Result<T, Refusal> {
    serde_json::from_value(payload).map_err(|error| Refusal::of(RefusalKind::Protocol, &error))
}

fn refusal(error: &WatcherError) -> Refusal {
    let kind = match error {
        WatcherError::Ready(ReadyError::Settings(
            SettingsError::Config(_)
            | SettingsError::Agent { .. }
            | SettingsError::Rules { .. }
            | SettingsError::Judge { .. }
            | SettingsError::Budget { .. },
        )) => RefusalKind::Config,
        _ => RefusalKind::Environment,
    };
    let refusal = match error {
        // Who asked cannot be shown the place in the file.
        WatcherError::Ready(ReadyError::Settings(error)) => Refusal::new(kind, error.in_full()),
        _ => Refusal::of(kind, error),
    };
    if kind == RefusalKind::Config {
        refusal.hint("archal config show")
    } else {
        refusal
    }
}

fn submit_refusal(error: &SubmitError) -> Refusal {
    let kind = match error {
        SubmitError::State(_) => RefusalKind::Environment,
        _ => RefusalKind::Usage,
    };
    Refusal::of(kind, error).hint("archal attach-status")
}

fn reprocess_refusal(error: &ReprocessError) -> Refusal {
    let kind = match error {
        ReprocessError::State(_) => RefusalKind::Environment,
        _ => RefusalKind::Usage,
    };
    Refusal::of(kind, error).hint("archal attach-status")
}

/// A path as the socket's protocol carries it.
pub fn path_text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}
