//! What a run works with: its places, its settings, its agents, and where it tells what happens.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use archal_core::clock::Clock;
use archal_core::environment::Environment;
use serde::{Deserialize, Serialize};

use crate::budget::prices::Prices;
use crate::config::sandbox::SandboxMode;
use crate::fix::choice::FixerChoice;
use crate::git::command::GitError;
use crate::host::lock::{FileLock, LockError};
use crate::pdca::artifacts::{ArtifactError, Artifacts};
use crate::pdca::domain::Domain;
use crate::pdca::event::NewEvent;
use crate::pdca::log::{Log, LogError};
use crate::pdca::place::{Place, PlaceError, RunId};
use crate::pdca::progress::Progress;
use crate::pdca::role::{Role, Workflow};
use crate::pdca::settings::Settings;
use crate::reproduce::workplace::{WorkplaceError, Workshop, WorkspaceOptions};
use crate::run::scrub::Scrubber;
use crate::sandbox::hold::Probe;
use crate::sandbox::{Hold, StopToken};
use crate::store::atomic::{self, Durability, WriteError};

use super::held::Held;
use super::process::Processes;

/// The file that says how a run was started, in its folder.
const RECORD: &str = "run.json";
/// The file whose lock the process of a run holds.
const LOCK: &str = "lock";

/// How a run was started: what it goes on with after its process has ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// The task, word for word.
    pub task: String,
    /// The workflow it began with.
    pub workflow: Workflow,
    /// Whether it goes once from the plan to the merge, in place of a workflow.
    #[serde(default)]
    pub is_pipeline: bool,
    /// Why that one.
    pub reason: String,
    /// The cycles that somebody said; none where the workflow decides.
    pub max_cycles: Option<u32>,
    /// The branch it began on and is merged into.
    pub base_branch: String,
    /// The commit of it.
    pub base: String,
    /// The branch of the run.
    pub branch: String,
    /// The domain.
    pub domain: String,
}

/// Why a run cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// An artifact could not be kept or read.
    #[error(transparent)]
    Artifact(#[from] ArtifactError),
    /// The state folder is not used.
    #[error(transparent)]
    Place(#[from] PlaceError),
    /// A file of the run could not be written.
    #[error(transparent)]
    Write(#[from] WriteError),
    /// The log could not be read.
    #[error(transparent)]
    Log(#[from] LogError),
    /// git refused.
    #[error(transparent)]
    Git(#[from] GitError),
    /// No private copy.
    #[error(transparent)]
    Workplace(#[from] WorkplaceError),
    /// A file could not be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// It has another form than archal writes.
    #[error("{} is not what archal writes", path.display())]
    Form {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: serde_json::Error,
    },
    /// It cannot be known whether another process works on it.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// Another process works on it.
    #[error("the run {0} is worked on by another process")]
    Busy(RunId),
    /// There is no such run.
    #[error("there is no run {0} in this repository")]
    Unknown(RunId),
}

impl Record {
    /// Reads that of a run.
    ///
    /// # Errors
    ///
    /// When there is none or it cannot be read.
    pub fn read(place: &Place, run: &RunId) -> Result<Self, EngineError> {
        let path = place.run(run).join(RECORD);
        let bytes = match fs::read(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(EngineError::Unknown(run.clone()));
            }
            bytes => bytes.map_err(|source| EngineError::Read {
                path: path.clone(),
                source,
            })?,
        };
        serde_json::from_slice(&bytes).map_err(|source| EngineError::Form { path, source })
    }

    /// Writes it.
    ///
    /// # Errors
    ///
    /// When it cannot be written.
    pub fn write(&self, place: &Place, run: &RunId) -> Result<(), EngineError> {
        let path = place.run(run).join(RECORD);
        Ok(atomic::write_json(&path, self, Durability::Synced)?)
    }
}

/// Takes a run for this process alone, for as long as the lock is held.
///
/// # Errors
///
/// When another process has it.
pub fn take(place: &Place, run: &RunId) -> Result<FileLock, EngineError> {
    let lock = FileLock::take(&place.run(run).join(LOCK))?;
    lock.ok_or_else(|| EngineError::Busy(run.clone()))
}

/// Takes it when whoever has it gives it back, however long that takes.
///
/// # Errors
///
/// When there can be no lock.
pub fn wait(place: &Place, run: &RunId) -> Result<FileLock, EngineError> {
    Ok(FileLock::wait(&place.run(run).join(LOCK))?)
}

/// What a run works with.
pub struct Stage<'a> {
    /// The top folder of the user's repository.
    pub repo: &'a Path,
    /// Where its state lies.
    pub place: &'a Place,
    /// The run.
    pub run: &'a RunId,
    /// How it was started.
    pub record: &'a Record,
    /// What its agents leave for each other.
    pub artifacts: &'a Artifacts,
    /// Its log.
    pub log: &'a Log,
    /// Its processes.
    pub processes: &'a Processes,
    /// The settings of the repository.
    pub settings: &'a Settings,
    /// Its domain.
    pub domain: &'a Domain,
    /// Who plays the roles.
    pub choice: &'a FixerChoice,
    /// Who plays the role that writes: the same, and it may commit.
    pub maker: &'a FixerChoice,
    /// The git directory that all checkouts of the repository share.
    pub git: &'a Path,
    /// What one agent may not read beside what none may: the folders of those who work beside it.
    pub siblings: Vec<PathBuf>,
    /// Variables that are somebody else's keys.
    pub withheld: &'a [String],
    /// What a private copy has.
    pub options: &'a WorkspaceOptions,
    /// How far agents are confined.
    pub sandbox: SandboxMode,
    /// The binary whose helper modes hold children.
    pub binary: &'a Path,
    /// How children can be held here.
    pub probe: &'a Probe,
    /// The caller's environment.
    pub environment: &'a Environment,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// What must not reach a disk.
    pub scrubber: &'a Scrubber,
    /// What models cost.
    pub prices: &'a Prices,
    /// Ends it.
    pub stop: &'a StopToken,
    /// The most a run may cost by its own budget, where it has one.
    pub budget_usd: Option<f64>,
    /// What the change is held to before anybody reviews it, where it is a repair.
    pub held: Option<Held<'a>>,
    /// Whether what is approved is merged without being asked for.
    pub merges: bool,
    /// Whether only the plan is wanted.
    pub is_dry_run: bool,
    /// A line for people, as it happens.
    pub tell: &'a (dyn Fn(&str) + Sync),
    /// What is under way, for people who watch, until the next line.
    pub show: &'a (dyn Fn(&str) + Sync),
    /// A warning for people.
    pub warn: &'a (dyn Fn(&str) + Sync),
}

impl Stage<'_> {
    /// Appends an event, and says its number. A log that cannot be written stops nothing.
    pub fn emit(&self, event: NewEvent) -> Option<u64> {
        match self.log.append(event, self.clock.now()) {
            Ok(event) => {
                self.show_progress();
                Some(event.seq)
            }
            Err(error) => {
                (self.warn)(&format!("an event was not written: {error}"));
                None
            }
        }
    }

    /// Writes for people where the run is.
    fn show_progress(&self) {
        if !self.settings.config.progress.enabled {
            return;
        }
        let Ok(Some(read)) = self.log.read() else {
            return;
        };
        let text = Progress::of(&read.events).document(&read.events, self.clock.now());
        let written = atomic::write(&self.place.progress(), text.as_bytes(), Durability::Derived);
        if let Err(error) = written {
            (self.warn)(&format!("progress.md was not written: {error}"));
        }
    }

    /// Where git is found.
    pub fn path(&self) -> &str {
        self.environment.get("PATH").unwrap_or_default()
    }

    /// Makes private copies at a commit.
    pub fn workshop<'s>(&'s self, commit: &'s str) -> Workshop<'s> {
        Workshop {
            repo: self.repo,
            base: commit,
            options: self.options,
            environment: self.environment,
            binary: self.binary,
            containment: self.probe.containment(),
            stop: Some(self.stop),
        }
    }

    /// How its children are held.
    pub fn hold(&self) -> Hold<'_> {
        Hold {
            helper: self.binary,
            containment: self.probe.containment(),
            stop: Some(self.stop),
        }
    }

    /// The stage of one agent: of who plays it, and of what those beside it have.
    pub fn of_agent(&self, role: Role, siblings: Vec<PathBuf>) -> Stage<'_> {
        let choice = match role.writes() {
            true => self.maker,
            false => self.choice,
        };
        Stage {
            choice,
            siblings,
            clock: Arc::clone(&self.clock),
            ..*self
        }
    }

    /// What agents may not even read: what others were told and said, and what they committed.
    pub fn hidden(&self) -> Vec<PathBuf> {
        let branch = &self.record.branch;
        // The branches of other runs lie beside it.
        let folder = branch
            .rsplit_once('/')
            .map_or(branch.as_str(), |(folder, _)| folder);
        let refs = ["refs/heads", "logs/refs/heads"];
        let mut hidden = vec![self.place.root().to_owned()];
        hidden.extend(refs.map(|refs| self.git.join(refs).join(folder)));
        // Where git puts them when it tidies up, or keeps them altogether.
        hidden.extend(["packed-refs", "reftable"].map(|name| self.git.join(name)));
        hidden.extend(self.siblings.iter().cloned());
        hidden
    }
}
