//! What people and evaluators said of the trace.

use archal_core::grade::{Finding, Owner};
use archal_core::trace::{Score, ScoreOrigin};
use serde_json::Value;

use super::super::facts::Facts;
use super::Rule;

/// Labels that say bad.
const BAD: &[&str] = &[
    "bad",
    "fail",
    "failed",
    "failure",
    "incorrect",
    "negative",
    "no",
    "poor",
    "rejected",
    "thumbs_down",
    "thumbs-down",
    "unhelpful",
    "wrong",
];

/// Labels that say good.
const GOOD: &[&str] = &[
    "correct",
    "good",
    "helpful",
    "pass",
    "passed",
    "positive",
    "success",
    "thumbs_up",
    "thumbs-up",
];

pub(super) fn bad(rule: &Rule, facts: &Facts<'_>, found: &mut Vec<Finding>) {
    let bad = facts.trace.scores.iter().find(|score| is_bad(score));
    let Some(score) = bad else { return };
    let who = match score.origin {
        ScoreOrigin::Human => "a person",
        ScoreOrigin::Eval => "an evaluator",
        ScoreOrigin::Api => "a program",
    };
    let mut finding = rule.finding(
        &score.name,
        format!("{who} scored the run as bad"),
        [] as [&str; 0],
        &format!(
            "{} = {} {}",
            score.name,
            score.value,
            score.comment.as_deref().unwrap_or_default()
        ),
        Owner::Agent,
    );
    if score.origin != ScoreOrigin::Human {
        finding.confidence = 0.8;
    }
    found.push(finding);
}

/// Whether a person scored the run as good and none as bad.
pub(super) fn good(facts: &Facts<'_>) -> bool {
    let scores = &facts.trace.scores;
    scores.iter().any(|score| {
        score.origin == ScoreOrigin::Human
            && match &score.value {
                Value::Bool(truth) => *truth,
                Value::Number(number) => number
                    .as_f64()
                    .is_some_and(|value| value > 0.0 && value <= 1.0 && says_success(&score.name)),
                Value::String(text) => GOOD.contains(&text.to_ascii_lowercase().as_str()),
                _ => false,
            }
    }) && !scores.iter().any(is_bad)
}

/// Whether a score says bad on a scale that is known: below zero, false, a word for it, or zero
/// where a score counts from 0 to 1. A number alone on an unknown scale says nothing.
fn is_bad(score: &Score) -> bool {
    match &score.value {
        Value::Bool(truth) => !truth,
        Value::Number(number) => number.as_f64().is_some_and(|value| {
            value < 0.0
                || (value == 0.0 && number.is_f64() && score.origin != ScoreOrigin::Human)
                || (value == 0.0 && says_success(&score.name))
        }),
        Value::String(text) => BAD.contains(&text.to_ascii_lowercase().as_str()),
        _ => false,
    }
}

/// Names of scores that are 1 for good and 0 for bad.
fn says_success(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    [
        "correct", "success", "pass", "resolved", "helpful", "accuracy", "quality", "feedback",
        "thumb",
    ]
    .iter()
    .any(|word| name.contains(word))
}
