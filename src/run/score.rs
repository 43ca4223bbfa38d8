//! What runs add up to.
//!
//! A run passes when all its evaluated criteria pass. A run with a criterion that could not be
//! decided, a call the clone does not model or a harness that never started is inconclusive:
//! it has no score and stays out of the mean. Satisfaction is the mean score of the runs that
//! have one; k of n is always shown beside it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::budget::entry::CostSource;

/// The criterion that every run has: no call leaves the clones.
pub const NO_ESCAPE: &str = "no-escape";

/// How one criterion ended in one run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CriterionStatus {
    /// It holds.
    Pass,
    /// It does not hold.
    Fail,
    /// The judge could not say; it has no part in the score, and the command ends as inconclusive.
    Unsure,
    /// It raised while it was decided.
    Error,
    /// Nothing decided it: no judge, or the harness failed first.
    #[default]
    NotEvaluated,
}

/// Why nothing decided a criterion that a judge was to decide: it may be decided another time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Unjudged {
    /// The judge could not be asked.
    Unavailable,
    /// The money for it was spent.
    Budget,
}

/// How a judge came to its answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct JudgeNote {
    /// The model that was asked.
    pub model: String,
    /// Whether the answer was one given before to the same question.
    pub cached: bool,
    /// What the question cost, in dollars; none where nobody knows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost_usd: Option<f64>,
    /// Where that figure comes from.
    pub cost_source: CostSource,
}

/// A sentence that can be read in two ways which differ on this run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Ambiguity {
    /// Whether it holds as said of the state at the end.
    pub final_state: bool,
    /// Whether it holds as said of what changed during the run.
    pub change: bool,
    /// How to write each reading so that it has only one.
    pub rewrites: Vec<String>,
}

/// One criterion in one run.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CriterionReport {
    /// The criterion's id.
    pub id: String,
    /// What it says.
    pub label: String,
    /// `D` or `P`.
    pub kind: String,
    /// How it ended.
    pub status: CriterionStatus,
    /// Whether it held only because there was nothing to hold for.
    pub vacuous: bool,
    /// The words the CEL came from, where it was not written as CEL.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sentence: Option<String>,
    /// The two readings of the sentence, where they differ on this run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ambiguous: Option<Ambiguity>,
    /// The CEL that decided it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cel: Option<String>,
    /// The rows that decided it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rows: Vec<Value>,
    /// What the judge quoted, each found in transcript or state.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub quotes: Vec<String>,
    /// How the judge came to its answer, where one was asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub judge: Option<JudgeNote>,
    /// What kept the judge from it, where one was to decide it and did not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unjudged: Option<Unjudged>,
    /// Why, for a person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub explanation: Option<String>,
}

/// How one run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RunStatus {
    /// All evaluated criteria hold.
    Passed,
    /// One does not, or the harness failed.
    Failed,
    /// Nothing can be said.
    Inconclusive,
}

/// Status and score of one run.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RunScore {
    /// How it ended.
    pub status: RunStatus,
    /// 0 to 100; none for an inconclusive run or one in which nothing was evaluated.
    pub score: Option<f64>,
}

/// Scores one run. `harness_failed` is a non-zero exit, a signal or a timeout; `inconclusive`
/// says that something besides the criteria makes the run say nothing.
pub fn of_run(criteria: &[CriterionReport], harness_failed: bool, inconclusive: bool) -> RunScore {
    let count = |status: CriterionStatus| {
        criteria
            .iter()
            .filter(|criterion| criterion.status == status)
            .count()
    };
    let (passed, failed) = (count(CriterionStatus::Pass), count(CriterionStatus::Fail));
    if inconclusive || count(CriterionStatus::Error) > 0 {
        return RunScore {
            status: RunStatus::Inconclusive,
            score: None,
        };
    }
    if harness_failed {
        return RunScore {
            status: RunStatus::Failed,
            score: Some(0.0),
        };
    }
    if passed + failed == 0 {
        return RunScore {
            status: RunStatus::Inconclusive,
            score: None,
        };
    }
    #[expect(
        clippy::cast_precision_loss,
        reason = "criteria are far fewer than 2^52"
    )]
    let score = passed as f64 * 100.0 / (passed + failed) as f64;
    RunScore {
        status: if failed == 0 {
            RunStatus::Passed
        } else {
            RunStatus::Failed
        },
        score: Some(score),
    }
}

/// How a scenario ended over all its runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ScenarioStatus {
    /// Satisfaction reached the threshold.
    Passed,
    /// Below it, and no run passed.
    Failed,
    /// Below it, and some run passed.
    Flaky,
    /// No run has a score.
    Inconclusive,
}

/// What the runs of a scenario add up to.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ScenarioScore {
    /// How it ended.
    pub status: ScenarioStatus,
    /// Mean score of the runs that have one.
    pub satisfaction: Option<f64>,
    /// Runs that passed.
    pub passed: usize,
    /// Runs made.
    pub runs: usize,
}

/// Adds up a scenario's runs against its threshold, 0 to 100.
pub fn of_scenario(runs: &[RunScore], threshold: f64) -> ScenarioScore {
    let scores: Vec<f64> = runs.iter().filter_map(|run| run.score).collect();
    let passed = runs
        .iter()
        .filter(|run| run.status == RunStatus::Passed)
        .count();
    let satisfaction = mean(&scores);
    let status = match satisfaction {
        None => ScenarioStatus::Inconclusive,
        Some(mean) if mean >= threshold => ScenarioStatus::Passed,
        Some(_) if passed > 0 => ScenarioStatus::Flaky,
        Some(_) => ScenarioStatus::Failed,
    };
    ScenarioScore {
        status,
        satisfaction,
        passed,
        runs: runs.len(),
    }
}

/// The mean of scores; none of none.
pub fn mean(scores: &[f64]) -> Option<f64> {
    #[expect(clippy::cast_precision_loss, reason = "scores are far fewer than 2^52")]
    (!scores.is_empty()).then(|| scores.iter().sum::<f64>() / scores.len() as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn criterion(status: CriterionStatus) -> CriterionReport {
        CriterionReport {
            id: "c1".to_owned(),
            label: String::new(),
            kind: "D".to_owned(),
            status,
            ..CriterionReport::default()
        }
    }

    #[test]
    fn a_run_is_scored_by_its_evaluated_criteria() {
        use CriterionStatus::{Error, Fail, NotEvaluated, Pass};
        let score = |statuses: &[CriterionStatus], harness_failed| {
            let criteria: Vec<_> = statuses.iter().copied().map(criterion).collect();
            let run = of_run(&criteria, harness_failed, false);
            (run.status, run.score)
        };
        assert_eq!(
            score(&[Pass, NotEvaluated], false),
            (RunStatus::Passed, Some(100.0))
        );
        assert_eq!(score(&[Pass, Fail], false), (RunStatus::Failed, Some(50.0)));
        assert_eq!(
            score(&[Pass, Error], false),
            (RunStatus::Inconclusive, None)
        );
        assert_eq!(
            score(&[NotEvaluated], false),
            (RunStatus::Inconclusive, None)
        );
        assert_eq!(score(&[Pass], true), (RunStatus::Failed, Some(0.0)));
    }

    #[test]
    fn a_scenario_is_flaky_only_when_some_run_passed_and_the_mean_is_too_low() {
        let run = |score: Option<f64>| RunScore {
            status: match score {
                None => RunStatus::Inconclusive,
                Some(100.0) => RunStatus::Passed,
                Some(_) => RunStatus::Failed,
            },
            score,
        };
        let status = |scores: &[Option<f64>], threshold| {
            let runs: Vec<_> = scores.iter().copied().map(run).collect();
            of_scenario(&runs, threshold).status
        };
        assert_eq!(
            status(&[Some(100.0), Some(50.0)], 100.0),
            ScenarioStatus::Flaky
        );
        assert_eq!(
            status(&[Some(100.0), Some(50.0)], 70.0),
            ScenarioStatus::Passed
        );
        assert_eq!(status(&[Some(50.0), None], 100.0), ScenarioStatus::Failed);
        assert_eq!(status(&[None, None], 0.0), ScenarioStatus::Inconclusive);
    }
}
