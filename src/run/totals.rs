//! What the scenarios of a suite add up to: counts, groups with a threshold of their own.

use std::collections::BTreeMap;

use super::report::{ScenarioReport, TagReport, Totals};
use super::score::{RunStatus, ScenarioStatus};

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

/// The groups that have a threshold and a scenario that counts: the mean satisfaction of their scenarios
/// against it. A scenario that says nothing has no part in the mean, so a group that reaches its
/// threshold without it says nothing either.
pub fn tags(scenarios: &[ScenarioReport], thresholds: &BTreeMap<String, f64>) -> Vec<TagReport> {
    thresholds
        .iter()
        .filter_map(|(tag, threshold)| tag_of(scenarios, tag, *threshold))
        .collect()
}

fn tag_of(scenarios: &[ScenarioReport], tag: &str, threshold: f64) -> Option<TagReport> {
    let counted: Vec<&ScenarioReport> = scenarios
        .iter()
        .filter(|one| one.quarantine.is_none() && one.tags.iter().any(|own| own == tag))
        .collect();
    if counted.is_empty() {
        return None;
    }
    let scores: Vec<f64> = counted
        .iter()
        .filter_map(|scenario| scenario.score.satisfaction)
        .collect();
    let satisfaction = super::score::mean(&scores);
    let any = |status| counted.iter().any(|one| one.score.status == status);
    let status = match satisfaction {
        None => ScenarioStatus::Inconclusive,
        Some(mean) if mean < threshold && any(ScenarioStatus::Failed) => ScenarioStatus::Failed,
        Some(mean) if mean < threshold => ScenarioStatus::Flaky,
        Some(_) if any(ScenarioStatus::Inconclusive) => ScenarioStatus::Inconclusive,
        Some(_) => ScenarioStatus::Passed,
    };
    Some(TagReport {
        tag: tag.to_owned(),
        threshold,
        satisfaction,
        scenarios: scores.len(),
        status,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// Scenarios with the tag `smoke`, each with its status and satisfaction.
    fn scenarios(of: &[(&str, Option<f64>)]) -> Vec<ScenarioReport> {
        let one = |(status, satisfaction): &(&str, Option<f64>)| {
            serde_json::from_value(json!({
                "scenario": "s", "title": "S", "path": "s.md", "threshold": 100.0,
                "tags": ["smoke"], "heldBy": ["smoke"], "status": status,
                "satisfaction": satisfaction, "passed": 0, "runs": 1, "planned": 1, "results": [],
            }))
            .expect("a scenario")
        };
        of.iter().map(one).collect()
    }

    fn status(scenarios: &[ScenarioReport], threshold: f64) -> Option<ScenarioStatus> {
        let thresholds = BTreeMap::from([("smoke".to_owned(), threshold)]);
        tags(scenarios, &thresholds).first().map(|tag| tag.status)
    }

    #[test]
    fn a_group_says_nothing_when_one_of_its_scenarios_does_not() {
        let silent = ("inconclusive", None);
        let all = scenarios(&[("passed", Some(100.0)), silent]);
        assert_eq!(status(&all, 90.0), Some(ScenarioStatus::Inconclusive));
        assert_eq!(status(&all[..1], 90.0), Some(ScenarioStatus::Passed));
        // What it does not reach without it, it has not reached.
        let bad = scenarios(&[("failed", Some(50.0)), silent]);
        assert_eq!(status(&bad, 90.0), Some(ScenarioStatus::Failed));
        let now_and_then = scenarios(&[("flaky", Some(50.0)), silent]);
        assert_eq!(status(&now_and_then, 90.0), Some(ScenarioStatus::Flaky));
    }

    #[test]
    fn a_threshold_without_a_scenario_that_counts_is_no_group() {
        let mut all = scenarios(&[("failed", Some(0.0))]);
        assert_eq!(status(&[], 90.0), None);
        let quarantine = json!({"owner": "me", "since": "2026-01-01"});
        all[0].quarantine = serde_json::from_value(quarantine).expect("a quarantine");
        assert_eq!(status(&all, 90.0), None);
    }
}
