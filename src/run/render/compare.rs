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

#[cfg(test)]
mod tests {
    use crate::run::render::sample;

    use super::*;

    #[test]
    fn what_changed_is_told_and_few_runs_are_no_verdict() {
        let before = sample::suite();
        let mut after = sample::suite();
        after.suite = "suite-0002".to_owned();
        // Passed before, fails now.
        after.scenarios[0].score.status = ScenarioStatus::Failed;
        after.scenarios[0].score.passed = 0;
        after.scenarios[0].criteria[0].passed = 0;
        after.scenarios[0].criteria[0].failed = 1;
        // Mended.
        after.scenarios[1].score.status = ScenarioStatus::Passed;
        // Of other names.
        after.scenarios[4].scenario = "sunday".to_owned();
        let comparison = of(&before, &after);
        let verdicts: Vec<String> = comparison
            .scenarios
            .iter()
            .map(|one| format!("{} {:?}", one.scenario, one.verdict))
            .collect();
        insta::assert_snapshot!(verdicts.join("\n"), @r"
        fine Worse
        triage Better
        refund Same
        label Unclear
        sunday Added
        late Same
        weekend Removed
        ");
        assert_eq!(comparison.counts.worse, 1);
        assert_eq!(comparison.counts.quarantined, 1);
        let fell = comparison.scenarios[0].criteria[0].rates;
        assert_eq!(fell.change, Change::PerhapsWorse);
        let text = crate::run::terminal::comparison::comparison(&comparison, Default::default());
        insta::assert_snapshot!(text, @r"
              [1mbefore[0m suite-0001 of 2026-11-21T17:00:00.5Z, stopped before its last run
               [1mafter[0m suite-0002 of 2026-11-21T17:00:00.5Z, stopped before its last run

                [1;33mGONE[0m Weekends
                     was passed, satisfaction 100, 0.412s a run
                 [1mNEW[0m Weekends
                     passed, satisfaction 100, 0.412s a run
              [32mBETTER[0m Triage new bugs
                     flaky, satisfaction 83.3, 20.676s a run → passed, satisfaction 83.3, 20.676s a run
                     runs passed 2/3 → 2/3
             [1;33mUNCLEAR[0m </script><img src=x onerror=alert(1)> | `*_ red<U+202E> ::error::x # #[error]y {{ 7*7 }}
                     inconclusive, satisfaction none, 0.412s a run → inconclusive, satisfaction none, 0.412s a run
                     runs passed 0/0 → 0/0: one side was never decided
                     [1;33m•[0m Exactly 4 issues are closed 0/0 → 0/0: one side was never decided
               [1;31mWORSE[0m Fine
                     passed, satisfaction 100, 0.412s a run → failed, satisfaction 100, 0.412s a run
                     runs passed 1/1 → 0/1: lower, as chance alone makes so few runs (p = 1.000)
                     [1;33m•[0m Exactly 4 issues are closed 1/1 → 0/1: lower, as chance alone makes so few runs (p = 1.000)
        ────────────────────────────────────────────────────────────
            [1;31mCompared[0m 1 worse, 1 better, 1 without a change that can be told, 1 unclear, 1 new, 1 gone, 1 in quarantine
        ");
    }

    #[test]
    fn a_suite_against_itself_is_the_same() {
        let suite = sample::suite();
        let counts = of(&suite, &suite).counts;
        // One says nothing on either side.
        assert_eq!((counts.same, counts.unclear, counts.quarantined), (4, 1, 1));
    }

    #[test]
    fn a_criterion_that_fell_by_more_than_chance_is_worse_at_equal_status() {
        let mut before = sample::suite();
        before.scenarios.truncate(1);
        let tally = &mut before.scenarios[0].criteria[0];
        (tally.passed, tally.failed) = (20, 0);
        let mut after = before.clone();
        let tally = &mut after.scenarios[0].criteria[0];
        (tally.passed, tally.failed) = (12, 8);
        assert_eq!(of(&before, &after).scenarios[0].verdict, Verdict::Worse);
        assert_eq!(of(&after, &before).scenarios[0].verdict, Verdict::Better);
    }
}
