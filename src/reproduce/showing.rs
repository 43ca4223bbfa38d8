//! What one attempt showed, by the stated rule.

use serde_json::Value;

use crate::grade::state::decisive;
use crate::reconstruct::hosts;
use crate::reconstruct::proven::Gap;
use crate::run::attempt::{Attempt, CLOCK_LOST};
use crate::run::scenarios::Prepared;
use crate::run::score::{CriterionStatus, NO_ESCAPE, RunStatus};
use crate::run::stand_in;
use crate::sandbox::child::ChildOutcome;
use crate::scenario::criteria::CallFact;
use crate::session::evidence::RefusedEgress;

use super::decision::{Shown, Void};
use super::identity::{FailureIdentity, FindingIdentity};

/// The criteria that do not hold, with what decided each.
pub fn findings(attempt: &Attempt, prepared: &Prepared) -> Vec<FindingIdentity> {
    attempt
        .result
        .criteria
        .iter()
        .filter(|criterion| criterion.status == CriterionStatus::Fail)
        .map(|criterion| {
            let decisive = decisive(criterion, prepared, &attempt.changes);
            FindingIdentity {
                subject: criterion.id.clone(),
                operation: decisive.operation,
                entity: decisive.entity,
            }
        })
        .collect()
}

/// What of the trace an attempt at it is held against.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OfTrace {
    /// Whether the agent came to its answer there, and the trace does not end in an error.
    pub is_answered: bool,
    /// Whether the primary finding is about how the run ended.
    pub is_about_the_end: bool,
}

/// What an attempt with these findings showed of a failure. `trace` is what it is held against, where
/// it is an attempt at a trace. `gap` is asked for an answer of the
/// rebuilt state that rests on nothing: what goes wrong in such an attempt may go wrong for what the
/// trace does not show, and what goes well may go well because the agent was stopped there. Where it
/// went on and changed something, what goes well all the same went well.
pub fn shown(
    attempt: &Attempt,
    findings: &[FindingIdentity],
    identity: &FailureIdentity,
    trace: Option<OfTrace>,
    gap: impl FnOnce(&[CallFact]) -> Option<Gap>,
) -> Shown {
    let void = |(by, cause)| Shown::Void { by, cause };
    if let Some(cut_off) = cut_off(attempt) {
        return void(cut_off);
    }
    let is_green = findings.is_empty()
        && attempt.result.inconclusive.is_empty()
        && attempt.result.score.status == RunStatus::Passed;
    if trace.is_some()
        && let Some(cause) = beyond(attempt, findings)
    {
        return void((Void::Evidence, cause));
    }
    let calls = &attempt.calls;
    let went_on = |gap: &Gap| {
        calls
            .iter()
            .skip(gap.at)
            .any(|call| call.changes && call.status < 400)
    };
    if let Some(gap) = gap(calls).filter(|gap| !is_green || !went_on(gap)) {
        return void((Void::Evidence, gap.cause));
    }
    let result = &attempt.result;
    // A criterion that raised says nothing of the others. Calls that were not kept do: what seems not
    // to have been done may be among them.
    if result.inconclusive.len() > raised(attempt)
        && let Some(reason) = result.inconclusive.first()
    {
        return void((Void::Undecided, reason.clone()));
    }
    let is_by_the_end = trace.is_some_and(|trace| is_by_the_end(attempt, &identity.primary, trace));
    if findings.contains(&identity.primary) && !is_by_the_end {
        return Shown::RedSame;
    }
    if let Some(reason) = result.inconclusive.first() {
        return void((Void::Undecided, reason.clone()));
    }
    if result.score.status == RunStatus::Passed {
        return Shown::Green;
    }
    let mut failed: Vec<String> = findings
        .iter()
        .map(|finding| finding.subject.clone())
        .collect();
    if has_failed(attempt) {
        failed.push("the harness ended with a failure".to_owned());
    }
    Shown::RedOther { failed }
}

/// What cut an attempt off, so that what it shows is not the agent's own doing.
fn cut_off(attempt: &Attempt) -> Option<(Void, String)> {
    let result = &attempt.result;
    match &result.harness {
        ChildOutcome::NotStarted { reason } => {
            return Some((
                Void::Harness,
                format!("the harness did not start: {reason}"),
            ));
        }
        ChildOutcome::Stopped => {
            let cause = "archal was stopped before the harness had ended";
            return Some((Void::Undecided, cause.to_owned()));
        }
        _ => {}
    }
    if let Some(first) = attempt.unrecorded.first() {
        let by = match first.stand_in.as_str() {
            stand_in::MODEL => Void::Diverged,
            _ => Void::Evidence,
        };
        return Some((by, first.what.clone()));
    }
    if attempt.is_clock_lost {
        return Some((Void::Clock, CLOCK_LOST.to_owned()));
    }
    let refused =
        |fits: &dyn Fn(&RefusedEgress) -> bool| result.refused.iter().find(|one| fits(one));
    if let Some(model) = refused(&|one| hosts::is_model(&one.host.to_ascii_lowercase())) {
        return Some((
            Void::Model,
            format!(
                "the agent's model at {} was not reached: {}; allow it with route.allow and name its key in agentKeys, or replay the trace's own turns with reproduce.model: recorded",
                model.host, model.reason
            ),
        ));
    }
    if let Some(host) = refused(&|one| one.kind == "unreachable") {
        return Some((
            Void::Network,
            format!("{} was not reached: {}", host.host, host.reason),
        ));
    }
    if attempt.calls.is_empty() && attempt.stood_in == 0 {
        if let Some(host) = refused(&|one| one.kind == "tls") {
            return Some((
                Void::Network,
                format!("no call came through; {}: {}", host.host, host.reason),
            ));
        }
        if has_failed(attempt) {
            let cause = "the harness ended with a failure before its first call";
            return Some((Void::Harness, cause.to_owned()));
        }
    }
    let gap = result.unmodelled.first()?;
    Some((Void::Clone, format!("a clone does not model {gap}")))
}

/// What an attempt asked of somebody of whose answers neither the state nor the trace has any, where
/// something is wrong beside that: what the agent did then it may have done for the refusal alone. A
/// trace that shows such a call has its answer, which is given again, or is not run at all.
fn beyond(attempt: &Attempt, findings: &[FindingIdentity]) -> Option<String> {
    let only_left = findings.iter().all(|finding| finding.subject == NO_ESCAPE)
        && attempt.result.inconclusive.is_empty()
        && !has_failed(attempt);
    if only_left {
        return None;
    }
    // A name that is only asked for is no call: the connection after it is told by itself.
    let mut refused = attempt.result.refused.iter();
    let host = refused.find(|one| {
        let host = one.host.to_ascii_lowercase();
        one.kind == "connect" && !hosts::may_be_aside(&host, one.port)
    })?;
    let port = host
        .port
        .map_or_else(String::new, |port| format!(":{port}"));
    Some(format!(
        "the agent called {}{port}, of which the trace holds no answer ({}); record its calls with \
         their bodies, or let the agent reach it with route.allow",
        host.host, host.reason
    ))
}

/// How many criteria raised.
fn raised(attempt: &Attempt) -> usize {
    let criteria = attempt.result.criteria.iter();
    criteria
        .filter(|criterion| criterion.status == CriterionStatus::Error)
        .count()
}

/// Whether the primary finding is that something was not done, in an attempt that ended before the
/// agent came to an answer, where in the trace it came to one: that it ended so explains the rest.
fn is_by_the_end(attempt: &Attempt, primary: &FindingIdentity, trace: OfTrace) -> bool {
    let mut criteria = attempt.result.criteria.iter();
    let criterion = criteria.find(|criterion| criterion.id == primary.subject);
    let is_call = |row: &Value| row.pointer("/value/seq").is_some();
    let is_absence = primary.operation.is_none()
        && criterion.is_some_and(|criterion| !criterion.rows.iter().any(is_call));
    trace.is_answered
        && !trace.is_about_the_end
        && is_absence
        && has_failed(attempt)
        && attempt.result.answer.trim().is_empty()
}

fn has_failed(attempt: &Attempt) -> bool {
    attempt.result.harness != (ChildOutcome::Exited { code: 0 })
}

#[cfg(test)]
mod tests;
