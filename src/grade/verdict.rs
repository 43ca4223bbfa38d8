//! One rule from findings to a verdict.
//!
//! A false alarm costs an agent's run and a person's review, a missed failure waits for its next
//! occurrence: precision weighs more. So:
//!
//! 1. A finding below [`WEAK`] is told and counts nothing. Of several findings of one rule, and of
//!    those that name a common span, the surest counts: they tell of one thing. So does one of those
//!    that say what was not done by a trace of which spans are lost.
//! 2. What is left is independent and adds up: of confidences `c` the run is taken to have failed
//!    with `1 - Π(1 - c)`.
//! 3. From [`FAIL`] on the verdict is `fail`.
//! 4. Without any finding, and with proof that the right thing was done, it is `ok`: the state holds
//!    what a scenario asks for, or a person scored the run as good. That each claim is backed by a
//!    call is no such proof: the measured runs that go wrong do so with calls for all they claim.
//! 5. Anything else is `unsure`: somebody, or a tier that costs money, has to look.
//!
//! The primary finding is the surest one; of equally sure ones the one that was first in the run.

use std::collections::{BTreeMap, BTreeSet};

use archal_core::grade::{Finding, Verdict};
use archal_core::trace::Trace;

use super::facts::Facts;
use super::tiers::Tier;
use super::{claims, signals};

/// From this likelihood on a run is taken to have failed.
pub const FAIL: f64 = 0.7;
/// Findings below this confidence are told and decide nothing.
pub const WEAK: f64 = 0.3;
/// How sure a finding is at most that something was not done by a trace of which spans are lost: too
/// little for a failure by itself. Several of them are wrong together, so that they do not add up.
pub const NOT_SEEN: f64 = 0.5;

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
    // They are sorted: what counts of a rule or a span comes first.
    let mut rules: BTreeSet<&str> = BTreeSet::new();
    let mut spans: BTreeSet<&str> = BTreeSet::new();
    let mut is_absence_told = false;
    let mut counting = 0_usize;
    let mut well = 1.0;
    for finding in findings.iter().filter(|finding| finding.confidence >= WEAK) {
        let told = finding
            .spans
            .iter()
            .any(|span| spans.contains(span.as_str()));
        let again = !rules.insert(&finding.rule);
        let is_absence = facts.lost && rests_on_absence(finding);
        if is_absence && std::mem::replace(&mut is_absence_told, true) {
            continue;
        }
        if !told && !again {
            counting += 1;
            well *= 1.0 - finding.confidence.clamp(0.0, 1.0);
        }
        spans.extend(finding.spans.iter().map(String::as_str));
    }
    let likelihood = 1.0 - well;
    let (verdict, reason) = match findings.first() {
        // Rounding must not decide: 0.7 alone is 0.7.
        Some(first) if likelihood >= FAIL - 1e-9 => (
            Verdict::Fail,
            match counting {
                1 => first.summary.clone(),
                more => format!("{}, and {} more", first.summary, more - 1),
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

/// Whether a finding of a trace of which spans are lost counts only as one of what was not seen.
fn rests_on_absence(finding: &Finding) -> bool {
    finding.confidence <= NOT_SEEN
        && (signals::rests_on_absence(&finding.rule) || Tier::of(finding) == Tier::State)
}
