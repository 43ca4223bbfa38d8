//! One rule from findings to a verdict.
//!
//! A false alarm costs an agent's run and a person's review, a missed failure waits for its next
//! occurrence: precision weighs more. So:
//!
//! 1. Findings of one rule count once, by the surest of them.
//! 2. Independent findings add up: of confidences `c` the run is taken to have failed with
//!    `1 - Π(1 - c)`, where each finding below [`WEAK`] counts nothing.
//! 3. From [`FAIL`] on the verdict is `fail`.
//! 4. Without any finding, and with proof that the right thing was done, it is `ok`: the state holds
//!    what a scenario asks for, or a person scored the run as good. That each claim is backed by a
//!    call is no such proof: the measured runs that go wrong do so with calls for all they claim.
//! 5. Anything else is `unsure`: somebody, or a tier that costs money, has to look.
//!
//! The primary finding is the surest one; of equally sure ones the one that was first in the run.

use std::collections::BTreeMap;

use archal_core::grade::{Finding, Verdict};
use archal_core::trace::Trace;

use super::facts::Facts;
use super::{claims, signals};

/// From this likelihood on a run is taken to have failed.
pub const FAIL: f64 = 0.7;
/// Findings below this confidence are told and decide nothing.
pub const WEAK: f64 = 0.3;

/// What findings come to.
#[derive(Debug, Clone, PartialEq)]
pub struct Decided {
    /// The verdict.
    pub verdict: Verdict,
    /// How likely the run failed, 0 to 1, as far as the findings say.
    pub likelihood: f64,
    /// Why, one sentence.
    pub reason: String,
    /// The findings, the primary one first.
    pub findings: Vec<Finding>,
    /// The first span of the run that a finding which counts names.
    pub first_bad_step: Option<String>,
}

/// Decides about a trace by what it shows alone: no repository, no clone, no model.
pub fn alone(trace: &Trace) -> Decided {
    let facts = Facts::of(trace);
    let mut findings = signals::find(&facts);
    findings.extend(claims::find(&facts));
    decide(&facts, findings, signals::praised(&facts))
}

/// Decides by the findings of all tiers. `proven` says that what the run was to do is known to
/// have been done.
pub fn decide(facts: &Facts<'_>, mut findings: Vec<Finding>, proven: bool) -> Decided {
    let places: BTreeMap<&str, usize> = facts
        .trace
        .spans
        .iter()
        .enumerate()
        .map(|(place, span)| (span.id.as_str(), place))
        .collect();
    let place = |finding: &Finding| {
        finding
            .spans
            .iter()
            .filter_map(|span| places.get(span.as_str()))
            .min()
            .copied()
            .unwrap_or(usize::MAX)
    };
    findings.sort_by(|one, other| {
        other
            .confidence
            .total_cmp(&one.confidence)
            .then_with(|| place(one).cmp(&place(other)))
            .then_with(|| (&one.rule, &one.subject).cmp(&(&other.rule, &other.subject)))
    });
    let mut surest: BTreeMap<&str, f64> = BTreeMap::new();
    for finding in &findings {
        let sure = finding.confidence.clamp(0.0, 1.0);
        if sure >= WEAK {
            // They are sorted: the first of a rule is its surest.
            surest.entry(&finding.rule).or_insert(sure);
        }
    }
    let likelihood = 1.0 - surest.values().map(|sure| 1.0 - sure).product::<f64>();
    let rules = surest.len();
    let (verdict, reason) = match findings.first() {
        Some(first) if likelihood >= FAIL => (
            Verdict::Fail,
            match rules {
                1 => first.summary.clone(),
                _ => format!("{}, and {} more", first.summary, rules - 1),
            },
        ),
        Some(first) if likelihood > 0.0 => (
            Verdict::Unsure,
            format!("{}; that alone does not show a failure", first.summary),
        ),
        _ if proven => (
            Verdict::Ok,
            "what was asked for is known to be done, and nothing speaks against it".to_owned(),
        ),
        _ => (
            Verdict::Unsure,
            "nothing in the trace decides it".to_owned(),
        ),
    };
    let first_bad_step = findings
        .iter()
        .filter(|finding| finding.confidence >= WEAK)
        .flat_map(|finding| &finding.spans)
        .filter_map(|span| places.get(span.as_str()))
        .min()
        .and_then(|place| facts.trace.spans.get(*place))
        .map(|span| span.id.clone());
    Decided {
        verdict,
        likelihood,
        reason,
        findings,
        first_bad_step,
    }
}
