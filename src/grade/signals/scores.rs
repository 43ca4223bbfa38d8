//! What people and evaluators said of the trace.

use archal_core::grade::{Finding, Owner};
use archal_core::trace::{Score, ScoreOrigin};
use serde_json::Value;

use super::super::facts::Facts;
use super::super::facts::effect::words;
use super::Rule;

/// Labels that answer what the score's name asks.
const NO: &[&str] = &["false", "negative", "no"];
const YES: &[&str] = &["positive", "true", "yes"];

/// Labels that say bad, whatever the score's name.
const BAD: &[&str] = &[
    "bad",
    "fail",
    "failed",
    "failure",
    "incorrect",
    "poor",
    "rejected",
    "thumbs_down",
    "thumbs-down",
    "unhelpful",
    "wrong",
];

/// Labels that say good, whatever the score's name.
const GOOD: &[&str] = &[
    "correct",
    "good",
    "helpful",
    "pass",
    "passed",
    "success",
    "thumbs_up",
    "thumbs-up",
];

pub(super) fn bad(rule: &Rule, facts: &Facts<'_>, found: &mut Vec<Finding>) {
    let mut scores = facts.trace.scores.iter();
    let bad = scores.find(|score| is_bad(score) && !is_own(score));
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

/// Whether it is a verdict of archal's own that came back: no new evidence.
fn is_own(score: &Score) -> bool {
    let names = ["archal.", "claim.", "judge.", "signal.", "state."];
    score.origin != ScoreOrigin::Human && names.iter().any(|name| score.name.starts_with(name))
}

/// Whether a person scored the run as bad.
pub(super) fn is_blamed(facts: &Facts<'_>) -> bool {
    let mut scores = facts.trace.scores.iter();
    scores.any(|score| score.origin == ScoreOrigin::Human && is_bad(score))
}

/// Whether a person scored the run as good and nobody as bad. A number is praise only where it is
/// the answer to a question of yes or no: of five stars one is the worst.
pub(super) fn good(facts: &Facts<'_>) -> bool {
    let scores = &facts.trace.scores;
    scores.iter().any(|score| {
        score.origin == ScoreOrigin::Human
            && match &score.value {
                Value::Bool(truth) => *truth && says_success(&score.name),
                Value::Number(number) => {
                    number.as_f64() == Some(1.0)
                        && says_success(&score.name)
                        && asks_yes_or_no(&score.name)
                }
                Value::String(text) => {
                    let text = text.to_ascii_lowercase();
                    GOOD.contains(&text.as_str())
                        || (YES.contains(&text.as_str()) && says_success(&score.name))
                }
                _ => false,
            }
    }) && !scores.iter().any(|score| is_bad(score) && !is_own(score))
}

/// Whether a score says bad: a word for it, or false, no, zero or less where its name says that
/// more is better. No toxicity is good, and a name that is not known says nothing.
fn is_bad(score: &Score) -> bool {
    match &score.value {
        Value::Bool(truth) => !truth && says_success(&score.name),
        Value::Number(number) => {
            number.as_f64().is_some_and(|value| value <= 0.0) && says_success(&score.name)
        }
        Value::String(text) => {
            let text = text.to_ascii_lowercase();
            BAD.contains(&text.as_str())
                || (NO.contains(&text.as_str()) && says_success(&score.name))
        }
        _ => false,
    }
}

const PASSES: &[&str] = &["pass", "passed", "passes", "passing"];

/// Names of scores that know two values, as `is_correct` and `thumbs`.
fn asks_yes_or_no(name: &str) -> bool {
    const ASKED: &[&str] = &["correct", "resolved", "success", "thumb"];
    let words = words(name);
    let is_scale = |word: &String| word.starts_with("correctness");
    let is_asked = |word: &String| {
        PASSES.contains(&word.as_str()) || ASKED.iter().any(|asked| word.starts_with(asked))
    };
    words.iter().any(is_asked) && !words.iter().any(is_scale)
}

/// Names of scores that are 1 for good and 0 for bad: `is_correct` is one, `incorrect` and
/// `quality_issues` are none, nor are the times and losses of something good.
fn says_success(name: &str) -> bool {
    const GOOD: &[&str] = &[
        "correct", "success", "resolved", "helpful", "accura", "quality", "feedback", "thumb",
    ];
    const COUNTS: &[&str] = &[
        "after", "age", "before", "cost", "count", "days", "delay", "drop", "duration", "error",
        "errors", "fail", "failed", "failure", "failures", "false", "gap", "hours", "issue",
        "issues", "latency", "loss", "minutes", "ms", "negative", "no", "non", "not", "of",
        "problem", "problems", "seconds", "time", "tokens", "until", "without",
    ];
    let words = words(name);
    let is_good = |word: &String| {
        PASSES.contains(&word.as_str()) || GOOD.iter().any(|good| word.starts_with(good))
    };
    words.iter().any(is_good) && !words.iter().any(|word| COUNTS.contains(&word.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_verdict_of_its_own_that_comes_back_is_no_evidence() {
        let score = |name: &str, origin| Score {
            name: name.to_owned(),
            value: Value::from("fail"),
            origin,
            comment: None,
        };
        for (name, origin, own) in [
            ("archal.grade", ScoreOrigin::Eval, true),
            ("claim.without-act", ScoreOrigin::Api, true),
            ("correctness", ScoreOrigin::Eval, false),
            ("state.of-mind", ScoreOrigin::Human, false),
        ] {
            assert_eq!(is_own(&score(name, origin)), own, "{name}");
        }
    }
}
