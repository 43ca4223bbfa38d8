//! How much of the evidence there is room for, and which runs get it.
//!
//! A page of a hundred megabytes opens nowhere. Runs that did not pass come first, then one run of
//! each scenario, then the others; what there is no room for is said, with the command that has it.

use std::collections::BTreeSet;

use crate::run::report::SuiteReport;
use crate::run::score::RunStatus;

/// Bounds of a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Room {
    /// Bytes of evidence on the whole page.
    pub bytes: usize,
    /// Calls of a run.
    pub calls: usize,
    /// Rows of each kind of change of a collection, and of a criterion.
    pub rows: usize,
    /// Bytes of one body, row, answer or output.
    pub text: usize,
    /// Runs told one by one; k of n has all of them.
    pub runs: usize,
}

impl Default for Room {
    fn default() -> Self {
        Self {
            bytes: 8 << 20,
            calls: 200,
            rows: 50,
            text: 4 << 10,
            runs: 5_000,
        }
    }
}

/// Runs in the order in which they get room: scenario and run, by position.
pub(super) fn order(report: &SuiteReport) -> Vec<(usize, usize)> {
    let mut seen = BTreeSet::new();
    let mut ordered: Vec<(u8, usize, usize)> = Vec::new();
    for (scenario, at) in report.scenarios.iter().zip(0..) {
        for (result, run) in scenario.results.iter().zip(0..) {
            // The first of each way to end is worth more than the second.
            let is_first = seen.insert((at, result.score.status as u8));
            let rank = match (result.score.status, is_first) {
                (RunStatus::Failed, true) => 0,
                (RunStatus::Inconclusive, true) => 1,
                (RunStatus::Passed, true) => 2,
                (RunStatus::Failed, false) => 3,
                (RunStatus::Inconclusive, false) => 4,
                (RunStatus::Passed, false) => 5,
            };
            ordered.push((rank, at, run));
        }
    }
    ordered.sort_unstable();
    ordered
        .into_iter()
        .map(|(_, scenario, run)| (scenario, run))
        .collect()
}
