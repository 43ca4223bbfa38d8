//! Statuses, and what is told of a job.

use std::path::PathBuf;

use archal_core::diagnostic::Diagnostic;
use archal_core::trace::TraceIdentity;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::reconstruct::Missing;
use crate::reproduce::interval::Rate;

/// The stages of a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
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

/// Where a job ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Status {
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
    /// Another trace of this pass shows the same failure and was worked on.
    GroupMember,
    /// archal itself could not go on.
    Error,
}

/// One trace and where it ended.
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
    /// Where it ended.
    pub status: Status,
    /// The stage it ended in.
    pub stage: Stage,
    /// A short reason from a closed list for each stage: `evidence`, `scenario`, `harness`.
    pub reason_code: Option<String>,
    /// Why, one sentence.
    pub reason: String,
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
    pub artifacts: Vec<PathBuf>,
    /// The proven patch.
    pub patch: Option<PathBuf>,
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
