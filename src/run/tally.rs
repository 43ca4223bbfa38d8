//! One criterion over all runs of its scenario: k of n, never only a mean.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::sandbox::child::ChildOutcome;

use super::result::RunResult;
use super::score::{CriterionStatus, NO_ESCAPE};

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
    // Reported only where something was reached for: every other run that began held it.
    if let Some(tally) = tallies.iter_mut().find(|tally| tally.id == NO_ESCAPE) {
        for result in results {
            if result.criteria.iter().all(|one| one.id != NO_ESCAPE) {
                match result.harness {
                    ChildOutcome::NotStarted { .. } => tally.not_evaluated += 1,
                    _ => tally.passed += 1,
                }
            }
        }
    }
    tallies
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::render::sample;
    use crate::run::score::CriterionReport;

    #[test]
    fn what_is_reported_only_where_it_failed_held_in_every_other_run_that_began() {
        let mut results: Vec<RunResult> = sample::suite()
            .scenarios
            .into_iter()
            .flat_map(|scenario| scenario.results)
            .take(5)
            .collect();
        let reached = |results: &[RunResult]| {
            let tallies = of(results);
            let found = tallies.into_iter().find(|tally| tally.id == NO_ESCAPE);
            found.map(|tally| (tally.passed, tally.failed, tally.not_evaluated))
        };
        assert_eq!(reached(&results), None);
        results[2].criteria.push(CriterionReport {
            id: NO_ESCAPE.to_owned(),
            status: CriterionStatus::Fail,
            ..CriterionReport::default()
        });
        results[4].harness = ChildOutcome::NotStarted {
            reason: "no such file".to_owned(),
        };
        assert_eq!(reached(&results), Some((3, 1, 1)));
    }
}
