//! Statuses, and what is told of a job.

use std::fs;
use std::path::PathBuf;

use archal_core::diagnostic::Diagnostic;
use archal_core::hash;
use archal_core::trace::TraceIdentity;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::fix::publish::record::Published;
use crate::reconstruct::Missing;
use crate::report::rate::Rate;

/// The stages of a job.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Stage {
    /// Read, identify, redact.
    Import,
    /// Decide whether it shows a real failure.
    Grade,
    /// Rebuild the state it began in.
    Seed,
    /// Run the agent again.
    Reproduce,
    /// Let a fixer repair it and prove the repair.
    Fix,
}

/// How a job stands: waiting for something, or at its end.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// It waits for its turn.
    Queued,
    /// A stage works on it.
    Running,
    /// It waits for money: a cap is reached.
    WaitingBudget,
    /// The trace shows no failure.
    Ok,
    /// The evidence does not decide.
    Unsure,
    /// Imported and no more, as the policy says.
    Observed,
    /// It shows a failure, and the policy stops there.
    FailedGrade,
    /// Something is missing; it is named.
    Blocked,
    /// The failure does not show on HEAD.
    NotReproduced,
    /// It shows in too few attempts.
    Flaky,
    /// It shows, and the policy stops there.
    Reproduced,
    /// A fixer ran and there is no proven patch.
    FixFailed,
    /// No fixer may run, or there is none; what is missing is named.
    FixBlocked,
    /// There is a proven patch.
    Fixed,
    /// The failure does not show on HEAD, and did where the trace was recorded.
    AlreadyFixed,
    /// Another trace shows the same failure and is worked on.
    GroupMember,
    /// A newer revision of the trace took its place.
    Superseded,
    /// A person ended it.
    Cancelled,
    /// archal itself could not go on.
    Error,
}

impl Stage {
    /// Every stage, in the order a job goes through them.
    pub const ALL: [Self; 5] = [
        Self::Import,
        Self::Grade,
        Self::Seed,
        Self::Reproduce,
        Self::Fix,
    ];

    /// As it is written in reports and rows.
    pub fn name(self) -> &'static str {
        match self {
            Self::Import => "import",
            Self::Grade => "grade",
            Self::Seed => "seed",
            Self::Reproduce => "reproduce",
            Self::Fix => "fix",
        }
    }

    /// The stage of that name.
    pub fn of(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|stage| stage.name() == name)
    }
}

impl Status {
    /// Every status.
    pub const ALL: [Self; 19] = [
        Self::Queued,
        Self::Running,
        Self::WaitingBudget,
        Self::Ok,
        Self::Unsure,
        Self::Observed,
        Self::FailedGrade,
        Self::Blocked,
        Self::NotReproduced,
        Self::Flaky,
        Self::Reproduced,
        Self::FixFailed,
        Self::FixBlocked,
        Self::Fixed,
        Self::AlreadyFixed,
        Self::GroupMember,
        Self::Superseded,
        Self::Cancelled,
        Self::Error,
    ];

    /// As it is written in reports and rows.
    pub fn name(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Running => "running",
            Self::WaitingBudget => "waiting_budget",
            Self::Ok => "ok",
            Self::Unsure => "unsure",
            Self::Observed => "observed",
            Self::FailedGrade => "failed_grade",
            Self::Blocked => "blocked",
            Self::NotReproduced => "not_reproduced",
            Self::Flaky => "flaky",
            Self::Reproduced => "reproduced",
            Self::FixFailed => "fix_failed",
            Self::FixBlocked => "fix_blocked",
            Self::Fixed => "fixed",
            Self::AlreadyFixed => "already_fixed",
            Self::GroupMember => "group_member",
            Self::Superseded => "superseded",
            Self::Cancelled => "cancelled",
            Self::Error => "error",
        }
    }

    /// The status of that name.
    pub fn of(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.name() == name)
    }

    /// Whether nothing more happens to the job unless somebody asks.
    pub fn is_terminal(self) -> bool {
        !matches!(self, Self::Queued | Self::Running | Self::WaitingBudget)
    }
}

/// A file that a job left, and what it held when the job's row was written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Artifact {
    /// The file.
    pub path: PathBuf,
    /// `sha256:` and the hash of its bytes.
    pub hash: String,
}

impl Artifact {
    /// A file as it is now; one that cannot be read has the hash of nothing.
    pub fn of(path: PathBuf) -> Self {
        let bytes = fs::read(&path).unwrap_or_default();
        Self {
            hash: hash::sha256(&bytes),
            path,
        }
    }

    /// A file that holds `bytes`, which were just written to it.
    pub fn written(path: PathBuf, bytes: &[u8]) -> Self {
        Self {
            hash: hash::sha256(bytes),
            path,
        }
    }

    /// Whether the file is there as it was.
    pub fn is_intact(&self) -> bool {
        fs::read(&self.path).is_ok_and(|bytes| hash::sha256(&bytes) == self.hash)
    }
}

/// One trace and how its job stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct JobReport {
    /// The trace.
    pub trace: TraceIdentity,
    /// Its name in paths and commands.
    pub name: String,
    /// The revision that was worked on.
    pub revision: String,
    /// The file it came from.
    pub file: PathBuf,
    /// How it stands.
    pub status: Status,
    /// The stage it is in or ended in.
    pub stage: Stage,
    /// A short reason from a closed list for each stage: `evidence`, `scenario`, `harness`.
    pub reason_code: Option<String>,
    /// Why, one sentence.
    pub reason: String,
    /// What blocks it, without what is this trace's own, so that jobs can be summed by it.
    pub cause: Option<String>,
    /// What is missing, for blocked jobs.
    pub missing: Vec<Missing>,
    /// The failure's group.
    pub group: Option<String>,
    /// The matched scenario's file.
    pub scenario: Option<PathBuf>,
    /// Attempts on HEAD that showed the failure.
    pub red: Option<Rate>,
    /// Runs with the patch that showed none.
    pub green: Option<Rate>,
    /// The files that decide, the most important first.
    pub artifacts: Vec<Artifact>,
    /// The proven patch.
    pub patch: Option<PathBuf>,
    /// What was published of it, or why nothing was; none where nobody asked.
    #[serde(default)]
    pub published: Option<Published>,
}

/// A file of the trace directory and what became of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct FileRow {
    /// The file.
    pub path: PathBuf,
    /// `imported`, `waiting` or `rejected`.
    pub status: String,
    /// Why it is waiting or rejected.
    pub reason: Option<String>,
    /// The dialect that was detected.
    pub dialect: Option<String>,
    /// Traces it gave.
    pub traces: usize,
    /// Values that were redacted.
    pub redactions: u64,
    /// What could not be read.
    pub diagnostics: Vec<Diagnostic>,
}
