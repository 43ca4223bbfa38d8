//! What the scenarios of a suite add up to: counts, groups with a threshold of their own, cost.

use std::collections::BTreeMap;

use super::report::{ScenarioReport, SuiteCost, TagReport, Totals};
use super::result::RunResult;
use super::score::{CostSource, RunStatus, ScenarioStatus};

/// Counts everything.
pub fn of(scenarios: &[ScenarioReport]) -> Totals {
    let mut totals = Totals {
        scenarios: scenarios.len(),
        ..Totals::default()
    };
    for scenario in scenarios {
        let count = match (&scenario.quarantine, scenario.score.status) {
            (Some(_), _) => &mut totals.quarantined,
            (None, ScenarioStatus::Passed) => &mut totals.passed,
            (None, ScenarioStatus::Failed) => &mut totals.failed,
            (None, ScenarioStatus::Flaky) => &mut totals.flaky,
            (None, ScenarioStatus::Inconclusive) => &mut totals.inconclusive,
        };
        *count += 1;
        for result in &scenario.results {
            totals.runs += 1;
            *match result.score.status {
                RunStatus::Passed => &mut totals.runs_passed,
                RunStatus::Failed => &mut totals.runs_failed,
                RunStatus::Inconclusive => &mut totals.runs_inconclusive,
            } += 1;
            totals.harness_ms = totals.harness_ms.saturating_add(result.duration_ms);
        }
    }
    totals
}

/// The groups that have a threshold: the mean satisfaction of their scenarios against it.
pub fn tags(scenarios: &[ScenarioReport], thresholds: &BTreeMap<String, f64>) -> Vec<TagReport> {
    thresholds
        .iter()
        .map(|(tag, threshold)| {
            let counted: Vec<&ScenarioReport> = scenarios
                .iter()
                .filter(|scenario| scenario.tags.contains(tag) && scenario.quarantine.is_none())
                .collect();
            let scores: Vec<f64> = counted
                .iter()
                .filter_map(|scenario| scenario.score.satisfaction)
                .collect();
            let satisfaction = super::score::mean(&scores);
            let has_failed = counted
                .iter()
                .any(|scenario| scenario.score.status == ScenarioStatus::Failed);
            let status = match satisfaction {
                None => ScenarioStatus::Inconclusive,
                Some(mean) if mean >= *threshold => ScenarioStatus::Passed,
                Some(_) if has_failed => ScenarioStatus::Failed,
                Some(_) => ScenarioStatus::Flaky,
            };
            TagReport {
                tag: tag.clone(),
                threshold: *threshold,
                satisfaction,
                scenarios: scores.len(),
                status,
            }
        })
        .collect()
}

/// What the runs cost together, as far as it is known.
pub fn cost<'a>(results: impl IntoIterator<Item = &'a RunResult>) -> SuiteCost {
    let mut sum = SuiteCost::default();
    for result in results {
        let usd = result.cost.and_then(|cost| cost.usd);
        if let Some(usd) = usd {
            sum.usd = Some(sum.usd.unwrap_or_default() + usd);
        }
        let is_known = usd.is_some()
            && result
                .cost
                .is_some_and(|cost| cost.source != CostSource::Unknown);
        sum.unknown_runs += usize::from(!is_known);
    }
    sum
}
