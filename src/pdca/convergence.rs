//! Whether cycles come closer to an end: findings that go, stay, come and come back.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::finding::Open;

/// How far a cycle came: `convergence-cycle-<N>.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Convergence {
    /// From 0 to 1: what was resolved of all that changed.
    pub convergence_score: f64,
    /// What that means.
    pub status: Trend,
    /// What follows from it.
    pub action: String,
    /// Findings that are no more.
    pub resolved: usize,
    /// Findings that were not there before.
    pub new: usize,
    /// Findings that stayed.
    pub persistent: usize,
    /// Findings that were resolved before and came back.
    pub regressed: usize,
}

/// What a score means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Trend {
    /// Above 0.8.
    Converging,
    /// From 0.5.
    Stalling,
    /// Above 0.
    Diverging,
    /// Nothing was resolved.
    Stuck,
}

impl Convergence {
    /// From the findings of the cycle before to those of this one. `earlier` are those of cycles before
    /// that, by which one that comes back is known.
    pub fn of(earlier: &[Vec<Open>], previous: &[Open], open: &[Open]) -> Self {
        let resolved = count(previous, |before| !has(open, before));
        let persistent = count(open, |now| has(previous, now));
        let fresh: Vec<&Open> = open.iter().filter(|now| !has(previous, now)).collect();
        let came_back = |now: &&&Open| earlier.iter().any(|cycle| has(cycle, now));
        let regressed = fresh.iter().filter(came_back).count();
        let new = fresh.len() - regressed;
        let changed = resolved + new + regressed;
        let score = match (changed, persistent) {
            (0, 0) => 1.0,
            (0, _) => 0.0,
            _ => share(resolved, changed),
        };
        let (status, action) = if score > 0.8 {
            (Trend::Converging, "continue")
        } else if score >= 0.5 {
            (Trend::Stalling, "continue_with_caution")
        } else if score > 0.0 {
            (Trend::Diverging, "stop_if_2_consecutive")
        } else {
            (Trend::Stuck, "stop_immediately")
        };
        Self {
            convergence_score: score,
            status,
            action: action.to_owned(),
            resolved,
            new,
            persistent,
            regressed,
        }
    }
}

/// The findings that were there, were gone and are there again, over three cycles running.
pub fn oscillating<'a>(before_last: &[Open], last: &[Open], open: &'a [Open]) -> Vec<&'a str> {
    open.iter()
        .filter(|now| has(before_last, now) && !has(last, now))
        .map(|now| now.id.as_str())
        .collect()
}

/// Whether two cycles have the same findings, and any.
pub fn is_same_set(last: &[Open], open: &[Open]) -> bool {
    !open.is_empty() && last.len() == open.len() && open.iter().all(|now| has(last, now))
}

fn has(cycle: &[Open], wanted: &Open) -> bool {
    cycle.iter().any(|open| open.id == wanted.id)
}

fn count(findings: &[Open], wanted: impl Fn(&Open) -> bool) -> usize {
    findings.iter().filter(|open| wanted(open)).count()
}

/// `part` of `whole` in hundredths.
#[expect(
    clippy::cast_precision_loss,
    reason = "there are far fewer findings than 2^53"
)]
fn share(part: usize, whole: usize) -> f64 {
    (part as f64 / whole as f64 * 100.0).round() / 100.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pdca::finding::{Finding, Route, Severity};
    use crate::pdca::role::Role;

    fn cycle(ids: &[&str]) -> Vec<Open> {
        let open = |id: &&str| Open {
            id: (*id).to_owned(),
            finding: Finding {
                file: None,
                line: None,
                severity: Severity::Warning,
                category: "quality".to_owned(),
                description: (*id).to_owned(),
                fix: None,
                source: vec![Role::Sage],
                text: String::new(),
                downgraded: None,
            },
            routes_to: Route::Maker,
            cycles_open: 1,
        };
        ids.iter().map(open).collect()
    }

    #[test]
    fn scores_are_as_documented() {
        for (previous, open, score, status) in [
            (&["1", "2", "3"][..], &["3", "4"][..], 0.67, Trend::Stalling),
            (&["1"], &["2", "3", "4"], 0.25, Trend::Diverging),
            (&[], &["1", "2"], 0.0, Trend::Stuck),
            (&["1", "2"], &["1", "2"], 0.0, Trend::Stuck),
            (&["1"], &[], 1.0, Trend::Converging),
            (&[], &[], 1.0, Trend::Converging),
            (&["1", "2"], &["3", "4"], 0.5, Trend::Stalling),
        ] {
            let found = Convergence::of(&[], &cycle(previous), &cycle(open));
            assert_eq!((found.convergence_score, found.status), (score, status));
        }
    }

    #[test]
    fn what_comes_back_is_counted_apart_and_known_as_oscillating() {
        let cycles = [
            cycle(&["1", "2", "3"]),
            cycle(&["3"]),
            cycle(&["1", "2", "4"]),
        ];
        let found = Convergence::of(&cycles[..1], &cycles[1], &cycles[2]);
        assert_eq!((found.resolved, found.new, found.regressed), (1, 1, 2));
        assert_eq!(oscillating(&cycles[0], &cycles[1], &cycles[2]), ["1", "2"]);
        assert!(is_same_set(&cycles[0], &cycle(&["3", "2", "1"])));
        assert!(!is_same_set(&cycles[0], &cycles[1]));
        assert!(!is_same_set(&[], &[]));
    }
}
