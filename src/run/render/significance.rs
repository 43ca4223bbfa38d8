//! What two rates of few runs say about each other.
//!
//! 5 of 5 before and 4 of 5 after is what the same agent does every other time. Fisher's exact
//! test says how often chance alone makes a difference at least as large; it needs no size of
//! sample, unlike the tests that approximate.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Below this chance alone is a poor explanation.
pub const LEVEL: f64 = 0.05;

/// k of n.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Rate {
    /// How many held.
    pub passed: usize,
    /// Of how many that were decided.
    pub of: usize,
}

impl Rate {
    /// The share; none of nothing.
    #[expect(clippy::cast_precision_loss, reason = "runs are far fewer than 2^52")]
    pub fn share(self) -> Option<f64> {
        (self.of > 0).then(|| self.passed as f64 / self.of as f64)
    }
}

impl std::fmt::Display for Rate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.passed, self.of)
    }
}

/// What can be said of two rates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// The share is the same.
    Same,
    /// It rose by more than chance explains.
    Better,
    /// It fell by more than chance explains.
    Worse,
    /// It rose, and so few runs would show that by chance too.
    PerhapsBetter,
    /// It fell, and so few runs would show that by chance too.
    PerhapsWorse,
    /// One side was never decided.
    Unknown,
}

/// What two rates say, and how often chance alone would make a difference at least as large.
pub fn change(before: Rate, after: Rate) -> (Change, Option<f64>) {
    let (Some(one), Some(other)) = (before.share(), after.share()) else {
        return (Change::Unknown, None);
    };
    let chance = fisher(before, after);
    let change = match (one.total_cmp(&other), chance < LEVEL) {
        (std::cmp::Ordering::Equal, _) => Change::Same,
        (std::cmp::Ordering::Less, true) => Change::Better,
        (std::cmp::Ordering::Less, false) => Change::PerhapsBetter,
        (std::cmp::Ordering::Greater, true) => Change::Worse,
        (std::cmp::Ordering::Greater, false) => Change::PerhapsWorse,
    };
    (change, Some(chance))
}

/// Fisher's exact test, two-sided: the sum over all tables with the same margins that are no more
/// likely than the one seen.
fn fisher(before: Rate, after: Rate) -> f64 {
    let (one, other) = (before.of, after.of);
    let held = before.passed + after.passed;
    let logs = log_factorials(one + other);
    let choose = |n: usize, k: usize| logs[n] - logs[k] - logs[n - k];
    let all = choose(one + other, held);
    let likelihood = |k: usize| choose(one, k) + choose(other, held - k) - all;
    let seen = likelihood(before.passed);
    let sum: f64 = (held.saturating_sub(other)..=held.min(one))
        .map(likelihood)
        // Equal likelihoods differ in their last bits.
        .filter(|likelihood| *likelihood <= seen + 1e-9)
        .map(f64::exp)
        .sum();
    sum.min(1.0)
}

#[expect(clippy::cast_precision_loss, reason = "runs are far fewer than 2^52")]
fn log_factorials(most: usize) -> Vec<f64> {
    let mut logs = Vec::with_capacity(most + 1);
    let mut sum = 0.0;
    logs.push(sum);
    for n in 1..=most {
        sum += (n as f64).ln();
        logs.push(sum);
    }
    logs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_runs_say_little() {
        let of = |a, b, c, d| {
            let (change, chance) = change(Rate { passed: a, of: b }, Rate { passed: c, of: d });
            (change, chance.map(|p| format!("{p:.3}")))
        };
        let chance = |text: &str| Some(text.to_owned());
        assert_eq!(of(5, 5, 4, 5), (Change::PerhapsWorse, chance("1.000")));
        assert_eq!(of(5, 5, 1, 5), (Change::Worse, chance("0.048")));
        assert_eq!(of(0, 5, 5, 5), (Change::Better, chance("0.008")));
        assert_eq!(of(3, 3, 0, 3), (Change::PerhapsWorse, chance("0.100")));
        assert_eq!(of(2, 4, 5, 10), (Change::Same, chance("1.000")));
        assert_eq!(of(0, 0, 5, 5), (Change::Unknown, None));
        // As R's fisher.test says of a table with unequal margins.
        assert_eq!(of(8, 10, 3, 12), (Change::Worse, chance("0.030")));
    }
}
