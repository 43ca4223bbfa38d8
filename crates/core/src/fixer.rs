//! The plug point of fixers: programs that try to repair an agent.
//!
//! A fixer is never believed: what it changed is taken as a diff and proved by running the
//! agent again.

use std::path::{Path, PathBuf};
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::confined::Confined;

/// What a fixer is given. Everything it may know stands in files under `brief`.
pub struct FixTask<'a> {
    /// A private clone of the repository at the base commit; the only place it may write.
    pub workspace: &'a Path,
    /// Folders of what is installed, to be shown read-only: where each is, and its place in the
    /// workspace or the home.
    pub installed: &'a [(PathBuf, PathBuf)],
    /// A private home directory.
    pub home: &'a Path,
    /// A folder with `task.md`, `scenario.md`, `grade.json`, the seed and the evidence.
    pub brief: &'a Path,
    /// How long it may take.
    pub timeout: Duration,
    /// What it may spend in US dollars, where there is a cap.
    pub budget_usd: Option<f64>,
    /// A file, in the private home, in which it may say what it used.
    pub usage: &'a Path,
    /// Whether the working tree differs from the base commit now.
    pub changed: &'a dyn Fn() -> bool,
    /// Runs what fails once with a change, given as a patch of the base commit. It may cost money of its
    /// own, and proves nothing: the proof comes after the fixer.
    pub check: &'a (dyn Fn(&[u8]) -> Checked + Sync),
}

/// What fails, with a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Checked {
    /// It passes.
    Passes,
    /// It fails still, or again; what shows it.
    Fails(String),
    /// It could not be run, and why.
    Unknown(String),
    /// archal was asked to stop.
    Stopped,
}

/// How a fixer ended. A closed list, the same for every driver.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FixEnd {
    /// It ended by itself, without an error, and the working tree changed. Whether that repairs
    /// anything is proved elsewhere.
    #[serde(alias = "ended")]
    Changed,
    /// It ended by itself, without an error, and changed nothing.
    NoChange,
    /// It was refused what it needs, and changed nothing.
    Denied,
    /// It came to its own limit of turns.
    LimitTurns,
    /// It came to its own limit of money.
    LimitBudget,
    /// It has no key, or one that its model's provider refuses.
    Auth,
    /// Its model's provider refuses more calls.
    Quota,
    /// It exited with 0 and did not say that it had come to its end.
    NoResult,
    /// It was silent for too long, or ran out of time.
    Timeout,
    /// It was killed by a signal that archal did not send.
    Killed,
    /// It failed in any other way.
    ToolError,
    /// It could not be started.
    NotStarted,
    /// archal was asked to stop and ended it: it says nothing about the fixer.
    Stopped,
}

/// The record of one attempt.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct FixRecord {
    /// The fixer's name.
    pub fixer: String,
    /// The command as given.
    pub command: String,
    /// How it ended.
    pub end: FixEnd,
    /// Why it ended so, in the fixer's own words where it has any.
    #[serde(default)]
    pub detail: Option<String>,
    /// Its exit status, where it had one.
    pub exit_code: Option<i32>,
    /// Wall time in milliseconds.
    pub duration_ms: u64,
    /// How it was held: `namespaces` or `pgroup`.
    pub containment: String,
    /// How far it was confined beyond containment, in one line: `whole: …`, `in part: …`, `off`.
    pub sandbox: String,
    /// The same in its parts, and what it was refused; null where it was not confined.
    #[serde(default)]
    pub confined: Option<Confined>,
    /// Cost in US dollars; unknown is null, not zero.
    pub cost_usd: Option<f64>,
    /// What it says it used; unknown is null.
    #[serde(default)]
    pub usage: Option<FixUsage>,
    /// Where its output was kept.
    pub transcript: PathBuf,
}

/// What a fixer says it used. Unknown stays null: it is not zero.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct FixUsage {
    /// Tokens sent.
    pub input_tokens: Option<u64>,
    /// Tokens received.
    pub output_tokens: Option<u64>,
    /// Who ran the model.
    pub provider: Option<String>,
    /// The model.
    pub model: Option<String>,
    /// Whether it was paid with a key of the user's own.
    pub is_byok: Option<bool>,
}

/// Runs one kind of fixer.
pub trait Fixer: Send + Sync {
    /// The name in records and configuration.
    fn name(&self) -> &str;

    /// Lets it work in `task.workspace` until it ends or its time is up.
    fn fix(&self, task: &FixTask<'_>) -> FixRecord;
}
