//! Tier 1: what the shape of a trace shows, without knowing what was right.
//!
//! Each rule is a line of [`RULES`] and a function over [`Facts`]. How much each is worth was
//! measured on labelled runs: `docs/grading.md`.
//!
//! - `ending`: runs that stopped instead of ending.
//! - `checks`: tests that failed when they last ran.
//! - `errors`: failed calls that were never made good.
//! - `repeats`: calls made again and again.
//! - `scores`: what people and evaluators said of the trace.
//! - `users`: what the person said in the conversation.

mod checks;
mod ending;
mod errors;
mod repeats;
mod scores;
mod users;

use archal_core::grade::{Finding, Owner};

use super::facts::{Facts, start_of};
use super::verdict::NOT_SEEN;

pub use ending::timed_out;

/// One rule.
#[derive(Debug, Clone, Copy)]
pub struct Rule {
    /// Its name in findings.
    pub id: &'static str,
    /// What it fires on, one line.
    pub about: &'static str,
    /// How sure one of its findings makes that the run failed, 0 to 1.
    pub confidence: f64,
    find: fn(&Rule, &Facts<'_>, &mut Vec<Finding>),
}

/// Every rule, sorted by id.
pub const RULES: &[Rule] = &[
    Rule {
        id: "signal.alternation",
        about: "two calls by turns, three times and more, with the same results",
        confidence: 0.7,
        find: repeats::alternation,
    },
    Rule {
        id: "signal.crash",
        about: "the run says that it ended with an error",
        confidence: 0.85,
        find: ending::crash,
    },
    Rule {
        id: "signal.drifting-retries",
        about: "a tool that failed three times in a row with changing arguments",
        confidence: 0.7,
        find: repeats::drifting_retries,
    },
    Rule {
        id: "signal.error-at-end",
        about: "the last call failed",
        confidence: 0.25,
        find: errors::at_end,
    },
    Rule {
        id: "signal.error-standing",
        about: "a change that failed and was never made good",
        confidence: 0.45,
        find: errors::standing,
    },
    Rule {
        id: "signal.failing-check",
        about: "tests that failed when the agent last ran them",
        confidence: 0.6,
        find: checks::failing,
    },
    Rule {
        id: "signal.gave-up",
        about: "a task whose answer is that it could not be done",
        confidence: 0.5,
        find: ending::gave_up,
    },
    Rule {
        id: "signal.handoff",
        about: "handed to a person after part of the work was done",
        confidence: 0.45,
        find: ending::handoff,
    },
    Rule {
        id: "signal.limit",
        about: "the run was stopped at a limit",
        confidence: 0.85,
        find: ending::limit,
    },
    Rule {
        id: "signal.no-answer",
        about: "the run ends without an answer",
        confidence: 0.8,
        find: ending::no_answer,
    },
    Rule {
        id: "signal.repeat",
        about: "the same call three times and more, with the same result",
        confidence: 0.7,
        find: repeats::repeat,
    },
    Rule {
        id: "signal.repeated-change",
        about: "the same change made again",
        confidence: 0.75,
        find: repeats::repeated_change,
    },
    Rule {
        id: "signal.score",
        about: "a person or an evaluator scored the run as bad",
        confidence: 0.9,
        find: scores::bad,
    },
    Rule {
        id: "signal.stuck-words",
        about: "the agent said the same three times",
        confidence: 0.6,
        find: repeats::stuck_words,
    },
    Rule {
        id: "signal.unconfirmed-change",
        about: "a change without the confirmation that the instructions ask for",
        confidence: 0.7,
        find: users::unconfirmed_change,
    },
    Rule {
        id: "signal.user-correction",
        about: "the person said that the agent got it wrong",
        confidence: 0.5,
        find: users::correction,
    },
    Rule {
        id: "signal.user-escalation",
        about: "the person asked for another person, or gave up",
        confidence: 0.2,
        find: users::escalation,
    },
    Rule {
        id: "signal.user-rephrase",
        about: "the person had to ask the same again",
        confidence: 0.4,
        find: users::rephrase,
    },
];

/// Spans that one finding names at most.
const MAX_SPANS: usize = 20;

/// What the shape of a trace shows.
pub fn find(facts: &Facts<'_>) -> Vec<Finding> {
    let mut found = Vec::new();
    for rule in RULES {
        (rule.find)(rule, facts, &mut found);
    }
    for finding in &mut found {
        if facts.lost && rests_on_absence(&finding.rule) {
            finding.confidence = finding.confidence.min(NOT_SEEN);
        }
    }
    found
}

/// That the run stopped instead of ending, where the trace says so.
pub fn stopped(facts: &Facts<'_>) -> Option<Finding> {
    let mut found = Vec::new();
    let rules = RULES.iter();
    for rule in rules.filter(|rule| ["signal.crash", "signal.limit"].contains(&rule.id)) {
        (rule.find)(rule, facts, &mut found);
    }
    found.into_iter().next()
}

/// What says that a person scored the run as bad.
pub fn blamed(facts: &Facts<'_>) -> Option<Finding> {
    let rule = RULES.iter().find(|rule| rule.id == "signal.score")?;
    let mut found = Vec::new();
    if scores::is_blamed(facts) {
        (rule.find)(rule, facts, &mut found);
    }
    found.into_iter().next()
}

/// Whether a finding of a rule rests on what a run did not do between or after its calls: where
/// spans are lost it may have done it.
pub fn rests_on_absence(rule: &str) -> bool {
    const RULES: &[&str] = &[
        "signal.alternation",
        "signal.drifting-retries",
        "signal.error-standing",
        "signal.gave-up",
        "signal.repeat",
        "signal.repeated-change",
    ];
    RULES.contains(&rule)
}

/// Whether a person said that the run went well.
pub fn praised(facts: &Facts<'_>) -> bool {
    scores::good(facts)
}

impl Rule {
    /// A finding of this rule. `subject` is the same in every run that fails this way.
    fn finding(
        &self,
        subject: &str,
        summary: String,
        spans: impl IntoIterator<Item = impl Into<String>>,
        excerpt: &str,
        owner: Owner,
    ) -> Finding {
        let mut named: Vec<String> = Vec::new();
        for span in spans.into_iter().map(Into::into) {
            if named.len() < MAX_SPANS && !span.is_empty() && !named.contains(&span) {
                named.push(span);
            }
        }
        Finding {
            rule: self.id.to_owned(),
            subject: subject.to_owned(),
            summary,
            spans: named,
            excerpt: start_of(excerpt),
            owner,
            confidence: self.confidence,
            operation: None,
            entity: None,
            rows: Vec::new(),
            negation: None,
        }
    }
}

#[cfg(test)]
mod tests;
