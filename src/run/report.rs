//! A whole invocation of `archal run` as it is kept: `summary.json` and `last-run.json`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::config::schema::RouteMode;
use crate::report::shell::quoted;

use super::discarded::DiscardedCost;
use super::result::RunResult;
use super::score::{ScenarioScore, ScenarioStatus};
use super::tally::CriterionTally;

/// The value of `schema` in a summary.
pub const SUMMARY_SCHEMA: &str = "archal.run-summary";
/// The version of the summary written here.
pub const SUMMARY_VERSION: u32 = 1;

/// A whole invocation of `archal run`. As a document, in `last-run.json`, in the suite's
/// `summary.json` and on stdout, it follows [`SUMMARY_SCHEMA`] and [`SUMMARY_VERSION`].
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SuiteReport {
    /// The suite's id, the name of its folder.
    pub suite: String,
    /// When it began.
    pub started_at: String,
    /// When the last run had ended.
    pub finished_at: String,
    /// What was asked for.
    pub command: CommandSummary,
    /// How many of everything.
    pub totals: Totals,
    /// Each scenario, in the order of their files.
    pub scenarios: Vec<ScenarioReport>,
    /// Each tag that has a threshold of its own.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<TagReport>,
    /// What all runs cost.
    pub cost: SuiteCost,
    /// Runs that were taken over from before a break.
    #[serde(default)]
    pub resumed: usize,
    /// Why runs are missing, where some are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stopped: Option<Stopped>,
}

impl SuiteReport {
    /// The command that goes on with it.
    pub fn resume(&self) -> String {
        resume(&self.suite, self.command.config.as_deref())
    }
}

/// The command that goes on with a suite; `config` is the configuration it was begun with, where one
/// was named: the suite is kept beside it.
pub fn resume(suite: &str, config: Option<&Path>) -> String {
    match config {
        Some(config) => format!("archal run -c {} --resume {suite}", quoted(config)),
        None => format!("archal run --resume {suite}"),
    }
}

/// The settings that held for a suite.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CommandSummary {
    /// The program that was the agent.
    pub harness: Vec<String>,
    /// The configuration, where the command line named it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config: Option<PathBuf>,
    /// How many runs were made at once.
    pub jobs: u32,
    /// Runs of each scenario, where the command line said it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub runs: Option<u32>,
    /// Time limit of a run in seconds, where the command line said it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout_seconds: Option<u64>,
    /// The route, where the command line said it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub route: Option<RouteMode>,
    /// The threshold of each scenario, where the command line said it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pass_threshold: Option<f64>,
    /// Thresholds by tag.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tag_thresholds: BTreeMap<String, f64>,
    /// The tag scenarios were chosen by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tag: Option<String>,
    /// The model the agent was told to use.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// The judge's model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub judge_model: Option<String>,
    /// The most that could be spent, in dollars.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub budget_usd: Option<f64>,
    /// Whether flaky and ambiguous were errors.
    pub strict: bool,
}

/// The runs of one scenario.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ScenarioReport {
    /// The scenario's id.
    pub scenario: String,
    /// Its title.
    pub title: String,
    /// Its file.
    pub path: PathBuf,
    /// Its tags.
    #[serde(default)]
    pub tags: Vec<String>,
    /// The satisfaction from which on it has passed, 0 to 100.
    pub threshold: f64,
    /// The tags whose own thresholds decide the exit code in place of this scenario's status.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub held_by: Vec<String>,
    /// Set for a scenario that is known to pass only in some runs: it is run, counted and shown,
    /// and never makes the exit code bad.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quarantine: Option<Quarantine>,
    /// What its runs add up to.
    #[serde(flatten)]
    pub score: ScenarioScore,
    /// How many runs were wanted; more than were made only in a suite that was stopped.
    pub planned: u32,
    /// Why its criteria show nothing, where they hold without anything being done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vacuous: Option<String>,
    /// Each criterion over all runs.
    #[serde(default)]
    pub criteria: Vec<CriterionTally>,
    /// Each run.
    pub results: Vec<RunResult>,
}

/// Who answers for a scenario that is known to be flaky, and since when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Quarantine {
    /// Who answers for it.
    pub owner: String,
    /// The day it was put there.
    pub since: String,
    /// Whether all its runs passed, more than one of them, so that it may be released.
    #[serde(default)]
    pub release: bool,
}

/// The scenarios of a tag that has a threshold of its own.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TagReport {
    /// The tag.
    pub tag: String,
    /// Its threshold.
    pub threshold: f64,
    /// Mean of its scenarios' satisfaction, without those in quarantine and those without any.
    pub satisfaction: Option<f64>,
    /// How many scenarios that mean is over.
    pub scenarios: usize,
    /// Passed at or above the threshold; below it flaky when none of its scenarios failed.
    pub status: ScenarioStatus,
}

/// How many of everything. Scenarios in quarantine are counted there and nowhere else.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Totals {
    /// Scenarios, all of them.
    pub scenarios: usize,
    /// Scenarios that passed.
    pub passed: usize,
    /// Scenarios that failed.
    pub failed: usize,
    /// Scenarios that passed in some runs.
    pub flaky: usize,
    /// Scenarios that say nothing.
    pub inconclusive: usize,
    /// Scenarios in quarantine.
    pub quarantined: usize,
    /// Runs that were made.
    pub runs: usize,
    /// Runs that passed.
    pub runs_passed: usize,
    /// Runs that failed.
    pub runs_failed: usize,
    /// Runs that say nothing.
    pub runs_inconclusive: usize,
    /// Wall time of all harnesses together, in milliseconds.
    pub harness_ms: u64,
}

/// What all runs cost together.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SuiteCost {
    /// Dollars, of the runs whose cost is known and of those that count for nothing; none where it
    /// is of no run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usd: Option<f64>,
    /// Runs whose cost is not known, or not all of it; those that count for nothing are not among
    /// them.
    pub unknown_runs: usize,
    /// Runs that were begun and count for nothing: broken off, or of a scenario that has changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub discarded: Option<DiscardedCost>,
}

/// Why runs are missing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Stopped {
    /// Why.
    pub reason: StopReason,
    /// The same for a person.
    pub explanation: String,
    /// Runs that were wanted and not made.
    pub left: usize,
}

/// What ended a suite before its last run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum StopReason {
    /// A signal.
    Interrupted,
    /// The money was spent.
    Budget,
    /// A run could not be made.
    CouldNotRun,
}
