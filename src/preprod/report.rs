//! The result of a run of the loop: `preprod-result.json`.

use std::path::PathBuf;

use archal_core::confined::Confined;
use archal_core::fixer::FixRecord;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::budget::cap::Cap;
use crate::budget::summary::Totals;
use crate::fix::conduct::Breach;
use crate::fix::proof::{Compared, HeldBackStatus};
use crate::fix::publish::record::Published;
use crate::report::rate::Rate;
use crate::run::report::ScenarioReport;
use crate::run::score::{RunStatus, ScenarioStatus};

use super::differing::Differing;
use super::failure::{AgentFault, Category, Failure};
use super::status::{Status, StopReason};

/// The value of `schema` in the document.
pub const SCHEMA: &str = "archal.preprod-result";
/// The version of the document written here.
pub const VERSION: u32 = 1;

/// How a run of the loop ended. On stdout it is a document with [`SCHEMA`] and [`VERSION`]; in
/// `preprod-result.json` it has both, too.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PreprodResult {
    /// The exact command.
    pub command: String,
    /// The repository.
    pub repo: PathBuf,
    /// The commit that fixes are made from; none where the loop did not come to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base: Option<String>,
    /// How it ended.
    pub status: Status,
    /// Why it stopped there.
    pub stop_reason: StopReason,
    /// The same for a person, with what is missing.
    pub explanation: String,
    /// When it began and ended.
    pub started_at: String,
    /// When it ended.
    pub finished_at: String,
    /// The suite of the first run; `archal runs show` has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suite: Option<String>,
    /// Each scenario as it ended: with the last patch that was tried, else in the checkout.
    pub scenarios: Vec<ScenarioOutcome>,
    /// What fails in the end, and whose fault it is; the evidence is in `preprod-failures.json`.
    pub failures: Vec<FailureOutcome>,
    /// What fails otherwise in a private copy of HEAD than in the checkout: nobody mends that.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub differing: Vec<Differing>,
    /// Files in use that git does not track: they are part of the patch.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub carried: Vec<PathBuf>,
    /// Each fix attempt.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attempts: Vec<AttemptOutcome>,
    /// The validation command, where it ran.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub validation: Option<ValidationOutcome>,
    /// The patch that makes the scenarios pass, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub patch: Option<PathBuf>,
    /// The pull request as it was read back, or why there is none; none where none was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pr: Option<Published>,
    /// What was spent.
    pub costs: Costs,
    /// What was allowed.
    pub policy: Policy,
    /// The folder of the artifacts.
    pub artifacts: PathBuf,
    /// The files in it that justify the decision.
    pub deciding: Vec<PathBuf>,
    /// What stands in the way, where something does, and how to remove it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub blocker: Option<String>,
    /// The command that goes on.
    pub next: String,
}

/// A scenario as it ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ScenarioOutcome {
    /// Its id.
    pub scenario: String,
    /// Its title.
    pub title: String,
    /// Its file.
    pub path: PathBuf,
    /// How it ended; none where it was not run.
    pub status: Option<ScenarioStatus>,
    /// Runs that passed, of those that were made.
    pub passed: Rate,
    /// The ids of its runs.
    pub runs: Vec<String>,
}

impl ScenarioOutcome {
    /// A scenario's runs in short.
    pub fn of(report: &ScenarioReport) -> Self {
        let passed = |one: &&crate::run::result::RunResult| one.score.status == RunStatus::Passed;
        let passed = report.results.iter().filter(passed).count() as u64;
        Self {
            scenario: report.scenario.clone(),
            title: report.title.clone(),
            path: report.path.clone(),
            status: Some(report.score.status),
            passed: Rate::of(passed, report.results.len() as u64),
            runs: report
                .results
                .iter()
                .map(|result| result.run_id.clone())
                .collect(),
        }
    }
}

/// A failure in short.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct FailureOutcome {
    /// The scenario's id.
    pub scenario: String,
    /// Whose fault it is.
    pub category: Category,
    /// In which way it is the agent's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fault: Option<AgentFault>,
    /// The rule that decided.
    pub rule: String,
    /// In one sentence.
    pub summary: String,
    /// Whether it goes to the fixer.
    pub for_fixer: bool,
}

impl From<&Failure> for FailureOutcome {
    fn from(failure: &Failure) -> Self {
        Self {
            scenario: failure.scenario.clone(),
            category: failure.classification.category,
            fault: failure.classification.fault,
            rule: failure.classification.rule.clone(),
            summary: failure.classification.summary.clone(),
            for_fixer: failure.for_fixer,
        }
    }
}

/// What a fix attempt came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Tried {
    /// Every scenario that was the fixer's passes, and nothing else is worse.
    Fixed,
    /// Some still fail.
    StillFailing,
    /// They pass, and a rule for fixers refuses the patch: the next attempt begins without it.
    Refused,
    /// A scenario that passed before does not now: the next attempt begins without this patch.
    Worse,
    /// The fixer left nothing that may be tried.
    NoPatch,
}

/// One fix attempt.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AttemptOutcome {
    /// Its number, from 1.
    pub number: u32,
    /// What it came to.
    pub outcome: Tried,
    /// Why, in one sentence.
    pub reason: String,
    /// The fixer's record.
    pub fixer: FixRecord,
    /// The patch, against the base commit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub patch: Option<PathBuf>,
    /// Tests, scenarios and seeds that the fixer changed; put back.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reverted: Vec<String>,
    /// Manifests, lock files, CI and instructions that it changed; for a person to review.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub review: Vec<String>,
    /// Files that the patch changes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub changed: Vec<String>,
    /// What the fixer did beside repairing the agent, by the name of a rule.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub breaches: Vec<Breach>,
    /// The scenarios that were the fixer's: red without the patch, green with it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub proved: Vec<Proved>,
    /// Every other scenario, before and after.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub others: Vec<Compared>,
}

/// A scenario that was the fixer's.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Proved {
    /// The scenario's id.
    pub scenario: String,
    /// Runs without the patch that did not pass.
    pub red: Rate,
    /// Runs with the patch that passed.
    pub green: Rate,
    /// The ids of the runs with the patch.
    pub runs: Vec<String>,
    /// How the patch did on a variation that the fixer never saw; none where it did not come to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held_back: Option<HeldBackOutcome>,
}

/// How a patch did on a variation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct HeldBackOutcome {
    /// How it did.
    pub status: HeldBackStatus,
    /// Why, and what was changed; one sentence.
    pub reason: String,
}

/// The validation command's end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ValidationOutcome {
    /// The command.
    pub command: String,
    /// Whether it succeeded.
    pub passed: bool,
    /// How it ended.
    pub how: String,
    /// Whether it ran in the checkout as it is; else in a private copy with the patch.
    pub in_checkout: bool,
    /// How far it was confined; none where it was not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confined: Option<Confined>,
    /// What it printed.
    pub output: PathBuf,
}

/// What was spent, as the user's ledger has it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Costs {
    /// The name under which the ledger counts this run's money.
    pub run: String,
    /// The sums over all its steps, also those of earlier lives of the run.
    pub totals: Totals,
}

/// What was allowed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Policy {
    /// How many fix attempts.
    pub max_fix_attempts: u32,
    /// Whether commands that are not the harness may run.
    pub allow_external_execution: bool,
    /// The fixer; none where none is named.
    pub fixer: Option<String>,
    /// The validation command.
    pub validation_command: Option<String>,
    /// Whether what is proved is published.
    pub open_pr: bool,
    /// The command that opens the pull request; none where archal does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pr_command: Option<String>,
    /// What the run may cost.
    pub budget_usd: Cap,
    /// What the user may spend in a day.
    pub per_day_usd: Cap,
    /// Whether failures of the harness go to the fixer, too.
    pub fix_harness: bool,
    /// How far fixer, set-up, validation and pull request commands are confined: `off`, `best-effort` or
    /// `required`.
    pub sandbox: String,
    /// How far they can be on this machine, in one line: `off`, or `whole: …`.
    pub sandbox_enforced: String,
    /// How children are held: `namespaces` or `pgroup`.
    pub containment: String,
}
