//! How good the grader is, on runs that somebody else labelled.
//!
//! Each set is told apart and never pooled with another: what is right in one kind of work is
//! noise in the next. Of each figure its interval is told, and beside it what two graders do that
//! know nothing: one that always says `fail`, and one that says it where the last result is an
//! error.

use std::collections::{BTreeMap, BTreeSet};

use archal_core::grade::Verdict;
use archal_core::hash;
use archal_core::trace::Trace;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::facts::Facts;
use super::judged::Judgement;
use super::verdict::Decided;
use super::{claims, signals};
use crate::report::rate::Rate;

/// Fields of a labelled trace's metadata that the grader must not see.
const HIDDEN: &[&str] = &["group", "label", "labelled_by", "labelledBy", "set"];

/// One run with its label and what the grader says of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// The set it belongs to.
    pub set: String,
    /// What it shares with runs of the same task.
    pub group: String,
    /// Whether it is labelled as a failure.
    pub fails: bool,
    /// The verdict.
    pub verdict: Verdict,
    /// The rules that fired.
    pub rules: BTreeSet<String>,
    /// Whether the last result is an error.
    pub last_is_error: bool,
    /// What the judge cost in dollars, none where nobody knows; none of it where it was not asked.
    pub judge_cost: Option<Option<f64>>,
}

/// Which runs of a set are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Part {
    /// All of them.
    Whole,
    /// The half on which rules may be tuned.
    Develop,
    /// The other half.
    Check,
}

/// How good the grader is on several sets.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Measured {
    /// Each set by itself, by name.
    pub sets: Vec<MeasuredSet>,
    /// Traces without a label, which count nowhere.
    pub unlabelled: u64,
}

/// How good the grader is on one set.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct MeasuredSet {
    /// The set's name.
    pub name: String,
    /// Which runs of it.
    pub part: Part,
    /// Labelled runs.
    pub runs: u64,
    /// Those labelled as failures.
    pub failing: u64,
    /// The grader.
    pub grader: Quality,
    /// One that always says `fail`.
    pub always_fail: Quality,
    /// One that says `fail` where the last result is an error.
    pub last_result_is_error: Quality,
    /// Of the verdicts `ok`, those of runs labelled so.
    pub ok: Rate,
    /// Share of verdicts `unsure`.
    pub unsure: Rate,
    /// How many runs the judge was asked about.
    pub judged: u64,
    /// What the grader cost in US dollars, as far as that is known; the tiers without a model cost
    /// nothing.
    pub cost_usd: f64,
    /// Runs whose judge cost what nobody knows.
    pub unpriced: u64,
    /// Each rule by itself, as if it alone decided.
    pub rules: Vec<MeasuredRule>,
}

/// Precision, recall and F1 of saying `fail`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Quality {
    /// Of the runs said to fail, those that do.
    pub precision: Rate,
    /// Of the runs that fail, those said to.
    pub recall: Rate,
    /// Their harmonic mean.
    pub f1: Score,
}

/// A figure with its interval.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Score {
    /// The figure, 0 to 1.
    pub value: f64,
    /// Lower end of its 95 % interval.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

/// How good one rule is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct MeasuredRule {
    /// The rule.
    pub rule: String,
    /// Of the runs it fired on, those that fail.
    pub precision: Rate,
    /// Of the runs that fail, those it fired on.
    pub recall: Rate,
}

/// A trace whose label is known, without it.
#[derive(Debug, Clone, PartialEq)]
pub struct Labelled {
    /// The trace as the grader sees it.
    pub trace: Trace,
    /// The set it belongs to.
    pub set: String,
    /// What it shares with runs of the same task.
    pub group: String,
    /// Whether it is labelled as a failure.
    pub fails: bool,
}

impl Labelled {
    /// A trace that carries its label; none where it has none. `set` is the name of a set that the
    /// trace does not name itself.
    pub fn of(mut trace: Trace, set: &str) -> Option<Self> {
        let text = |name: &str| {
            let value = trace.metadata.get(name).and_then(Value::as_str);
            value.map(str::to_owned)
        };
        let fails = match text("label")?.as_str() {
            "fail" | "failed" => true,
            "ok" | "pass" | "passed" => false,
            _ => return None,
        };
        let set = text("set").unwrap_or_else(|| set.to_owned());
        let group = text("group").unwrap_or_else(|| trace.id.clone());
        for name in HIDDEN {
            trace.metadata.remove(*name);
        }
        Some(Self {
            trace,
            set,
            group,
            fails,
        })
    }

    /// What was decided about it, beside its label.
    pub fn row(self, decided: Decided, judgement: Option<&Judgement>) -> Row {
        let facts = Facts::of(&self.trace);
        let last = facts.calls.last();
        Row {
            last_is_error: last.is_some_and(|call| call.failure.is_some()),
            set: self.set,
            group: self.group,
            fails: self.fails,
            verdict: decided.verdict,
            rules: decided
                .findings
                .into_iter()
                .map(|finding| finding.rule)
                .collect(),
            judge_cost: judgement.map(|judgement| judgement.cost_usd),
        }
    }
}

/// The half of its set that a group belongs to: a property of its name, so that more runs of a
/// task never change it.
pub fn half(set: &str, group: &str) -> Part {
    let bits = hash::sixty_four_bits(format!("{set}\0{group}").as_bytes());
    if (bits >> 56) & 1 == 0 {
        Part::Develop
    } else {
        Part::Check
    }
}

/// What the rows come to; with `halves` each set twice, as its two halves.
pub fn measure(rows: &[Row], unlabelled: u64, halves: bool) -> Measured {
    let mut sets: BTreeMap<&str, Vec<&Row>> = BTreeMap::new();
    for row in rows {
        sets.entry(&row.set).or_default().push(row);
    }
    let parts: &[Part] = if halves {
        &[Part::Develop, Part::Check]
    } else {
        &[Part::Whole]
    };
    Measured {
        sets: sets
            .into_iter()
            .flat_map(|(name, rows)| {
                parts.iter().map(move |part| {
                    let of_part: Vec<&Row> = rows
                        .iter()
                        .copied()
                        .filter(|row| *part == Part::Whole || half(name, &row.group) == *part)
                        .collect();
                    one_set(name, *part, &of_part)
                })
            })
            .collect(),
        unlabelled,
    }
}

fn one_set(name: &str, part: Part, rows: &[&Row]) -> MeasuredSet {
    let count = |holds: &dyn Fn(&Row) -> bool| rows.iter().filter(|row| holds(row)).count() as u64;
    let failing = count(&|row| row.fails);
    let quality = |says: &dyn Fn(&Row) -> bool| {
        let said = count(says);
        let right = count(&|row| row.fails && says(row));
        Quality {
            precision: Rate::of(right, said),
            recall: Rate::of(right, failing),
            f1: f1(right, said, failing),
        }
    };
    // Every rule there is, so that one that never fires is seen; and those of other tiers.
    let names: BTreeSet<&str> = signals::RULES
        .iter()
        .map(|rule| rule.id)
        .chain(claims::RULES.iter().map(|rule| rule.id))
        .chain(
            rows.iter()
                .flat_map(|row| row.rules.iter().map(String::as_str)),
        )
        .collect();
    MeasuredSet {
        name: name.to_owned(),
        part,
        runs: rows.len() as u64,
        failing,
        grader: quality(&|row| row.verdict == Verdict::Fail),
        always_fail: quality(&|_| true),
        last_result_is_error: quality(&|row| row.last_is_error),
        ok: Rate::of(
            count(&|row| row.verdict == Verdict::Ok && !row.fails),
            count(&|row| row.verdict == Verdict::Ok),
        ),
        unsure: Rate::of(
            count(&|row| row.verdict == Verdict::Unsure),
            rows.len() as u64,
        ),
        judged: count(&|row| row.judge_cost.is_some()),
        cost_usd: rows
            .iter()
            .filter_map(|row| row.judge_cost?)
            // The sum of nothing is a negative zero.
            .fold(0.0, |sum, cost| sum + cost),
        unpriced: count(&|row| row.judge_cost == Some(None)),
        rules: names
            .into_iter()
            .map(|rule| {
                let quality = quality(&|row| row.rules.contains(rule));
                MeasuredRule {
                    rule: rule.to_owned(),
                    precision: quality.precision,
                    recall: quality.recall,
                }
            })
            .collect(),
    }
}

/// F1 is no share of anything, but it follows one: of the runs that fail or are said to, those
/// that are both. Its interval is the one of that share, carried over.
fn f1(right: u64, said: u64, failing: u64) -> Score {
    let both = Rate::of(right, said + failing - right);
    let carried = |share: f64| {
        let value = 2.0 * share / (1.0 + share);
        (value * 1_000.0).round() / 1_000.0
    };
    Score {
        value: carried(both.share()),
        low: carried(both.low),
        high: carried(both.high),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(counts: [(bool, Verdict, usize); 4]) -> Vec<Row> {
        counts
            .into_iter()
            .flat_map(|(fails, verdict, count)| {
                (0..count).map(move |number| Row {
                    set: "a".to_owned(),
                    group: number.to_string(),
                    fails,
                    verdict,
                    rules: BTreeSet::new(),
                    last_is_error: false,
                    judge_cost: None,
                })
            })
            .collect()
    }

    #[test]
    fn figures_are_those_of_the_counts() {
        let rows = rows([
            (true, Verdict::Fail, 6),
            (false, Verdict::Fail, 2),
            (true, Verdict::Unsure, 4),
            (false, Verdict::Ok, 8),
        ]);
        let measured = measure(&rows, 0, false);
        let set = &measured.sets[0];
        assert_eq!((set.runs, set.failing), (20, 10));
        assert_eq!((set.grader.precision.k, set.grader.precision.n), (6, 8));
        assert_eq!((set.grader.recall.k, set.grader.recall.n), (6, 10));
        // 2 * 0.75 * 0.6 / (0.75 + 0.6)
        assert_eq!(set.grader.f1.value, 0.667);
        assert!(set.grader.f1.low < 0.667 && set.grader.f1.high > 0.667);
        assert_eq!((set.ok.k, set.ok.n), (8, 8));
        assert_eq!((set.unsure.k, set.unsure.n), (4, 20));
        assert_eq!(set.always_fail.precision, Rate::of(10, 20));
    }

    #[test]
    fn halves_share_no_group_and_lose_no_run() {
        let rows = rows([
            (true, Verdict::Fail, 50),
            (false, Verdict::Fail, 50),
            (true, Verdict::Unsure, 50),
            (false, Verdict::Ok, 50),
        ]);
        let measured = measure(&rows, 0, true);
        let [one, other] = measured.sets.as_slice() else {
            panic!("two halves");
        };
        assert_eq!(one.runs + other.runs, 200);
        assert!(one.runs > 40 && other.runs > 40);
    }
}
