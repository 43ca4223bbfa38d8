//! What attempts show, each made to measure.

use serde_json::json;

use super::*;

const CLOSED: &str = "it-is-closed";

/// The failure: something is not closed.
fn not_closed() -> FailureIdentity {
    let primary = FindingIdentity {
        subject: CLOSED.to_owned(),
        operation: None,
        entity: Some("issues".to_owned()),
    };
    FailureIdentity {
        scenario: "s".to_owned(),
        findings: vec![primary.clone()],
        primary,
    }
}

const ANSWERED: OfTrace = OfTrace {
    is_answered: true,
    is_about_the_end: false,
};

/// An attempt with one call after which the issue stands open.
fn attempt() -> Attempt {
    let result = json!({
        "schema": "archal.run", "version": 1, "runId": "r", "scenario": "s", "title": "S",
        "base": "2026-03-01T12:00:00Z", "route": {"level": "isolated"}, "containment": "full",
        "processLimit": "cgroup", "harness": ChildOutcome::Exited { code: 0 }, "answer": "Done.",
        "durationMs": 1, "calls": 1, "refused": [], "unmodelled": [], "inconclusive": [],
        "status": "failed", "score": 0.0, "evidence": "runs/r",
        "criteria": [{
            "id": CLOSED, "label": "It is closed", "kind": "D", "status": "fail", "vacuous": false,
            "rows": [{"key": "acme/web#1", "value": {"state": "open"}}],
        }],
    });
    Attempt {
        result: serde_json::from_value(result).expect("a result"),
        calls: vec![CallFact::default()],
        changes: Vec::new(),
        stood_in: 0,
        unrecorded: Vec::new(),
        is_clock_lost: false,
    }
}

/// The same that reached for somebody who was refused, as a run reports it.
fn refused(kind: &str, host: &str, port: Option<u16>) -> Attempt {
    let mut attempt = attempt();
    attempt.result.refused.push(RefusedEgress {
        kind: kind.to_owned(),
        host: host.to_owned(),
        port,
        reason: "no clone of this session answers for it".to_owned(),
    });
    attempt
}

/// The same that ended with a failure before it said anything.
fn crashed() -> Attempt {
    let mut attempt = attempt();
    attempt.result.harness = ChildOutcome::Exited { code: 1 };
    attempt.result.answer = String::new();
    attempt
}

fn found(attempt: &Attempt, findings: &[FindingIdentity], trace: Option<OfTrace>) -> Shown {
    shown(attempt, findings, &not_closed(), trace, |_| None)
}

fn show(attempt: &Attempt, trace: Option<OfTrace>) -> Shown {
    found(attempt, &not_closed().findings, trace)
}

#[test]
fn what_goes_wrong_beside_a_call_that_the_trace_has_no_answer_of_says_nothing() {
    let slack = refused("connect", "hooks.slack.com", Some(443));
    let Shown::Void { by, cause } = show(&slack, Some(ANSWERED)) else {
        panic!("it counts");
    };
    assert_eq!(by, Void::Evidence);
    insta::assert_snapshot!(cause, @"the agent called hooks.slack.com:443, of which the trace holds no answer (no clone of this session answers for it); record its calls with their bodies, or let the agent reach it with route.allow");
    // Where there is no trace nothing of it can be missing.
    assert_eq!(show(&slack, None), Shown::RedSame);
}

#[test]
fn telemetry_and_names_that_are_only_asked_for_void_nothing() {
    for (kind, host, port) in [
        ("connect", "o1.ingest.sentry.io", Some(443)),
        ("connect", "US.cloud.langfuse.com", Some(443)),
        ("connect", "collector.internal", Some(4318)),
        ("name", "hooks.slack.com", None),
    ] {
        let attempt = refused(kind, host, port);
        assert_eq!(show(&attempt, Some(ANSWERED)), Shown::RedSame, "{host}");
    }
}

#[test]
fn an_attempt_in_which_nothing_else_goes_wrong_counts_whatever_it_reached_for() {
    let slack = refused("connect", "hooks.slack.com", Some(443));
    let escape = FindingIdentity {
        subject: NO_ESCAPE.to_owned(),
        operation: None,
        entity: None,
    };
    let failed = vec![NO_ESCAPE.to_owned()];
    let shown = found(&slack, &[escape], Some(ANSWERED));
    assert_eq!(shown, Shown::RedOther { failed });
}

#[test]
fn what_was_not_done_before_a_crash_is_not_the_failure_of_a_trace_that_came_to_an_answer() {
    let failed = vec![
        CLOSED.to_owned(),
        "the harness ended with a failure".to_owned(),
    ];
    let other = Shown::RedOther { failed };
    assert_eq!(show(&crashed(), Some(ANSWERED)), other);
    // In a trace that came to none the agent may have crashed, too.
    let unanswered = OfTrace {
        is_answered: false,
        ..ANSWERED
    };
    assert_eq!(show(&crashed(), Some(unanswered)), Shown::RedSame);
    // A criterion that reads how the run ended.
    let of_the_end = OfTrace {
        is_about_the_end: true,
        ..ANSWERED
    };
    assert_eq!(show(&crashed(), Some(of_the_end)), Shown::RedSame);
    // It said what it did, and only then ended with a failure.
    let mut said = crashed();
    said.result.answer = "Not closed.".to_owned();
    assert_eq!(show(&said, Some(ANSWERED)), Shown::RedSame);
    // It ended well without a word.
    let mut silent = crashed();
    silent.result.harness = ChildOutcome::Exited { code: 0 };
    assert_eq!(show(&silent, Some(ANSWERED)), Shown::RedSame);
    // A change that was made is no absence.
    let mut changed = not_closed();
    changed.primary.operation = Some("issues/update".to_owned());
    let findings = [changed.primary.clone()];
    let by_change = shown(&crashed(), &findings, &changed, Some(ANSWERED), |_| None);
    assert_eq!(by_change, Shown::RedSame);
    // Calls that it did make break it.
    let mut made = crashed();
    made.result.criteria[0].rows = vec![json!({"value": {"seq": 1}})];
    assert_eq!(show(&made, Some(ANSWERED)), Shown::RedSame);
}

#[test]
fn where_calls_were_not_kept_nothing_is_known_to_be_undone() {
    let mut dropped = attempt();
    let reason = "5 calls were answered and not recorded: the run made more than is kept";
    dropped.result.inconclusive = vec![reason.to_owned()];
    let void = Shown::Void {
        by: Void::Undecided,
        cause: reason.to_owned(),
    };
    assert_eq!(show(&dropped, Some(ANSWERED)), void);
    // Another criterion that raised says nothing of this one.
    let mut raised = attempt();
    raised.result.inconclusive = vec!["criterion other raised: x".to_owned()];
    let mut other = raised.result.criteria[0].clone();
    other.status = CriterionStatus::Error;
    raised.result.criteria.push(other);
    assert_eq!(show(&raised, Some(ANSWERED)), Shown::RedSame);
}

#[test]
fn what_goes_well_behind_an_answer_that_rests_on_nothing_counts_where_the_agent_went_on() {
    let with = |status: i64, at: usize, is_green: bool| {
        let mut attempt = attempt();
        let change = CallFact {
            changes: true,
            status,
            ..CallFact::default()
        };
        attempt.calls = vec![CallFact::default(), change];
        let mut findings = not_closed().findings;
        if is_green {
            attempt.result.criteria[0].status = CriterionStatus::Pass;
            attempt.result.score.status = RunStatus::Passed;
            findings.clear();
        }
        let gap = Gap {
            cause: "it rests on nothing".to_owned(),
            at,
        };
        shown(&attempt, &findings, &not_closed(), Some(ANSWERED), |_| {
            Some(gap)
        })
    };
    let void = Shown::Void {
        by: Void::Evidence,
        cause: "it rests on nothing".to_owned(),
    };
    assert_eq!(with(200, 0, true), Shown::Green);
    // It was stopped there, or went on before it alone, or goes wrong.
    assert_eq!(with(404, 0, true), void);
    assert_eq!(with(200, 2, true), void);
    assert_eq!(with(200, 0, false), void);
}
