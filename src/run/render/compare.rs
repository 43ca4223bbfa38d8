//! What got worse, better or cannot be told between two suites.
//!
//! A scenario got worse when its status fell (passed, flaky, failed) or when a criterion holds
//! less often than chance explains. A rate of few runs that only fell is told as what it is, and
//! is no verdict.

use std::collections::BTreeMap;
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::run::report::{ScenarioReport, SuiteReport};
use crate::run::score::ScenarioStatus;
use crate::run::tally::CriterionTally;

use super::significance::{self, Change, Rate};

/// The value of `schema` in a comparison.
pub const SCHEMA: &str = "archal.runs-compare";
/// The version of the comparison written here.
pub const VERSION: u32 = 1;

/// Two suites beside each other: `archal runs compare --json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Comparison {
    /// The earlier suite.
    pub before: Side,
    /// The later suite.
    pub after: Side,
    /// How many of everything.
    pub counts: Counts,
    /// Each scenario of either, in the order of the later one, those that are gone last.
    pub scenarios: Vec<ScenarioChange>,
}

/// One of the two suites.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Side {
    /// Its id.
    pub suite: String,
    /// When it began.
    pub started_at: String,
    /// Whether runs are missing in it.
    pub stopped: bool,
}

/// How many scenarios came to what. Those in quarantine are counted there and nowhere else.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Counts {
    /// Scenarios that got worse.
    pub worse: usize,
    /// Scenarios that got better.
    pub better: usize,
    /// Scenarios without a change that can be told.
    pub same: usize,
    /// Scenarios of which one side says nothing.
    pub unclear: usize,
    /// Scenarios that only the later suite has.
    pub added: usize,
    /// Scenarios that only the earlier suite has.
    pub removed: usize,
    /// Scenarios in quarantine.
    pub quarantined: usize,
}

/// What became of a scenario.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Its status fell, or a criterion holds less often than chance explains.
    Worse,
    /// Its status rose, or a criterion holds more often than chance explains.
    Better,
    /// No change that can be told.
    Same,
    /// One side says nothing.
    Unclear,
    /// Only the later suite has it.
    Added,
    /// Only the earlier suite has it.
    Removed,
}

/// One scenario in both suites.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ScenarioChange {
    /// The scenario's id.
    pub scenario: String,
    /// Its title.
    pub title: String,
    /// Its file.
    pub path: PathBuf,
    /// What became of it.
    pub verdict: Verdict,
    /// Whether it is in quarantine, so that it decides nothing.
    pub quarantined: bool,
    /// What it came to before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Standing>,
    /// What it came to after.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<Standing>,
    /// What the rates of passed runs say.
    pub runs: RateChange,
    /// Each criterion of either side.
    pub criteria: Vec<CriterionChange>,
}

/// What a scenario came to in one suite.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Standing {
    /// Its status.
    pub status: ScenarioStatus,
    /// Mean score of the runs that have one.
    pub satisfaction: Option<f64>,
    /// Mean wall time of the harness in milliseconds.
    pub mean_ms: Option<u64>,
}

/// Two rates and what they say about each other.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RateChange {
    /// The rate before.
    pub before: Rate,
    /// The rate after.
    pub after: Rate,
    /// What can be said.
    pub change: Change,
    /// How often chance alone makes a difference at least as large (Fisher's exact test).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chance: Option<f64>,
}

/// One criterion in both suites.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CriterionChange {
    /// The criterion's id.
    pub id: String,
    /// What it says.
    pub label: String,
    /// Its rates.
    #[serde(flatten)]
    pub rates: RateChange,
}

impl RateChange {
    fn of(before: Rate, after: Rate) -> Self {
        let (change, chance) = significance::change(before, after);
        Self {
            before,
            after,
            change,
            chance,
        }
    }
}

/// Compares two suites.
pub fn of(before: &SuiteReport, after: &SuiteReport) -> Comparison {
    let mut left: Vec<Option<&ScenarioReport>> = before.scenarios.iter().map(Some).collect();
    let mut scenarios: Vec<ScenarioChange> = after
        .scenarios
        .iter()
        .map(|scenario| match partner(scenario, &mut left) {
            Some(earlier) => both(earlier, scenario),
            None => one(scenario, Verdict::Added),
        })
        .collect();
    scenarios.extend(
        left.into_iter()
            .flatten()
            .map(|scenario| one(scenario, Verdict::Removed)),
    );
    Comparison {
        before: side(before),
        after: side(after),
        counts: count(&scenarios),
        scenarios,
    }
}

fn side(report: &SuiteReport) -> Side {
    Side {
        suite: report.suite.clone(),
        started_at: report.started_at.clone(),
        stopped: report.stopped.is_some(),
    }
}

/// Takes the scenario of the same file and id, else the first of the same id: files move.
fn partner<'a>(
    wanted: &ScenarioReport,
    left: &mut [Option<&'a ScenarioReport>],
) -> Option<&'a ScenarioReport> {
    let same_id = |scenario: &&ScenarioReport| scenario.scenario == wanted.scenario;
    let at = left
        .iter()
        .position(|other| other.is_some_and(|it| same_id(&it) && it.path == wanted.path))
        .or_else(|| {
            left.iter()
                .position(|other| other.is_some_and(|it| same_id(&it)))
        })?;
    left[at].take()
}

fn one(scenario: &ScenarioReport, verdict: Verdict) -> ScenarioChange {
    let (before, after) = match verdict {
        Verdict::Added => (None, Some(scenario)),
        _ => (Some(scenario), None),
    };
    ScenarioChange {
        scenario: scenario.scenario.clone(),
        title: scenario.title.clone(),
        path: scenario.path.clone(),
        verdict,
        quarantined: scenario.quarantine.is_some(),
        before: before.map(standing),
        after: after.map(standing),
        runs: RateChange::of(
            before.map(scored).unwrap_or_default(),
            after.map(scored).unwrap_or_default(),
        ),
        criteria: Vec::new(),
    }
}

fn both(before: &ScenarioReport, after: &ScenarioReport) -> ScenarioChange {
    let criteria = criteria(before, after);
    let changed = |change| criteria.iter().any(|it| it.rates.change == change);
    let verdict = match (rank(before.score.status), rank(after.score.status)) {
        (Some(one), Some(other)) if other < one => Verdict::Worse,
        (Some(one), Some(other)) if other > one => Verdict::Better,
        (Some(_), Some(_)) if changed(Change::Worse) => Verdict::Worse,
        (Some(_), Some(_)) if changed(Change::Better) => Verdict::Better,
        (Some(_), Some(_)) => Verdict::Same,
        (None, _) | (_, None) => Verdict::Unclear,
    };
    ScenarioChange {
        verdict,
        before: Some(standing(before)),
        runs: RateChange::of(scored(before), scored(after)),
        criteria,
        ..one(after, Verdict::Added)
    }
}

fn rank(status: ScenarioStatus) -> Option<u8> {
    match status {
        ScenarioStatus::Passed => Some(2),
        ScenarioStatus::Flaky => Some(1),
        ScenarioStatus::Failed => Some(0),
        ScenarioStatus::Inconclusive => None,
    }
}

/// Passed runs of those that say something.
fn scored(scenario: &ScenarioReport) -> Rate {
    Rate {
        passed: scenario.score.passed,
        of: scenario
            .results
            .iter()
            .filter(|result| result.score.score.is_some())
            .count(),
    }
}

fn standing(scenario: &ScenarioReport) -> Standing {
    let sum: u64 = scenario.results.iter().map(|run| run.duration_ms).sum();
    Standing {
        status: scenario.score.status,
        satisfaction: scenario.score.satisfaction,
        mean_ms: sum.checked_div(scenario.results.len() as u64),
    }
}

fn criteria(before: &ScenarioReport, after: &ScenarioReport) -> Vec<CriterionChange> {
    let rate = |tally: &CriterionTally| Rate {
        passed: tally.passed,
        of: tally.evaluated(),
    };
    let mut earlier: BTreeMap<&str, Rate> = before
        .criteria
        .iter()
        .map(|tally| (tally.id.as_str(), rate(tally)))
        .collect();
    let mut changes: Vec<CriterionChange> = after
        .criteria
        .iter()
        .map(|tally| CriterionChange {
            id: tally.id.clone(),
            label: tally.label.clone(),
            rates: RateChange::of(
                earlier.remove(tally.id.as_str()).unwrap_or_default(),
                rate(tally),
            ),
        })
        .collect();
    let gone = before
        .criteria
        .iter()
        .filter(|tally| earlier.contains_key(tally.id.as_str()));
    changes.extend(gone.map(|tally| CriterionChange {
        id: tally.id.clone(),
        label: tally.label.clone(),
        rates: RateChange::of(rate(tally), Rate::default()),
    }));
    changes
}

fn count(scenarios: &[ScenarioChange]) -> Counts {
    let mut counts = Counts::default();
    for scenario in scenarios {
        let place = match scenario.verdict {
            _ if scenario.quarantined => &mut counts.quarantined,
            Verdict::Worse => &mut counts.worse,
            Verdict::Better => &mut counts.better,
            Verdict::Same => &mut counts.same,
            Verdict::Unclear => &mut counts.unclear,
            Verdict::Added => &mut counts.added,
            Verdict::Removed => &mut counts.removed,
        };
        *place += 1;
    }
    counts
}
