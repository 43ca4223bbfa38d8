//! One criterion over all runs of its scenario: k of n, never only a mean.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::result::RunResult;
use super::score::CriterionStatus;

/// One criterion over all runs of its scenario.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CriterionTally {
    /// The criterion's id.
    pub id: String,
    /// What it says.
    pub label: String,
    /// `D` or `P`.
    pub kind: String,
    /// Runs in which it held.
    pub passed: usize,
    /// Runs in which it did not.
    pub failed: usize,
    /// Runs in which the judge could not say.
    pub unsure: usize,
    /// Runs in which it raised.
    pub errors: usize,
    /// Runs in which nothing decided it.
    pub not_evaluated: usize,
    /// Runs in which it held only because there was nothing to hold for; in `passed` too.
    pub vacuous: usize,
}

impl CriterionTally {
    /// Runs in which it was decided.
    pub fn evaluated(&self) -> usize {
        self.passed + self.failed
    }
}

/// Each criterion of the runs, in the order in which they first stand there.
pub fn of(results: &[RunResult]) -> Vec<CriterionTally> {
    let mut tallies: Vec<CriterionTally> = Vec::new();
    let mut places: BTreeMap<&str, usize> = BTreeMap::new();
    for criterion in results.iter().flat_map(|result| &result.criteria) {
        let at = *places.entry(&criterion.id).or_insert_with(|| {
            tallies.push(CriterionTally {
                id: criterion.id.clone(),
                label: criterion.label.clone(),
                kind: criterion.kind.clone(),
                ..CriterionTally::default()
            });
            tallies.len() - 1
        });
        let tally = &mut tallies[at];
        match criterion.status {
            CriterionStatus::Pass => {
                tally.passed += 1;
                tally.vacuous += usize::from(criterion.vacuous);
            }
            CriterionStatus::Fail => tally.failed += 1,
            CriterionStatus::Unsure => tally.unsure += 1,
            CriterionStatus::Error => tally.errors += 1,
            CriterionStatus::NotEvaluated => tally.not_evaluated += 1,
        }
    }
    tallies
}
