//! Each rule fires on one run and not on that run with one thing changed.

use std::collections::BTreeSet;

use archal_core::trace::Trace;
use serde_json::{Value, json};

use super::tests::{agent, call, run, user};
use super::{claims, signals, verdict};

/// A rule with the run on which it fires, and what is changed for it to hold.
struct Pair {
    rule: &'static str,
    fires: Trace,
    holds: Trace,
}

/// A run and the same one with another step at a place; without that step where there is no other.
fn step(rule: &'static str, steps: &[Value], at: usize, other: Option<Value>) -> Pair {
    let mut changed = steps.to_vec();
    match other {
        Some(other) => changed[at] = other,
        None => _ = changed.remove(at),
    }
    Pair {
        rule,
        fires: run(steps),
        holds: run(&changed),
    }
}

/// A run of which more is said than its steps, and the same one of which something else is.
fn said(rule: &'static str, steps: &[Value], fires: &Value, holds: &Value) -> Pair {
    let with = |more: &Value| {
        let mut trace = serde_json::to_value(run(steps)).expect("JSON");
        for (name, value) in more.as_object().expect("an object") {
            trace[name] = value.clone();
        }
        serde_json::from_value(trace).expect("a trace")
    };
    Pair {
        rule,
        fires: with(fires),
        holds: with(holds),
    }
}

#[expect(clippy::too_many_lines, reason = "a table of runs")]
fn pairs() -> Vec<Pair> {
    let close = |number: u64| {
        call(
            "close_issue",
            json!({"n": number}),
            json!({"state": "closed"}),
        )
    };
    let comment = |number: u64| call("add_comment", json!({"n": number}), json!({"id": 9}));
    let failed = |number: u64| {
        call(
            "close_issue",
            json!({"n": number}),
            json!("Error: invalid number"),
        )
    };
    let read = |number: u64| call("get_issue", json!({"n": number}), json!({"title": "T"}));
    let asked = || user("Please close the stale issues");
    let question = || user("Which issues are stale?");
    let end = || agent("That is all.");
    let stuck = || agent("I look for the issues that nobody has touched for long.");
    let instructed = |text: &str| json!({"say": text, "by": "system"});
    vec![
        step(
            "claim.after-failure",
            &[asked(), failed(1), agent("I closed issue 1.")],
            1,
            Some(close(1)),
        ),
        step(
            "claim.count",
            &[asked(), close(1), close(2), agent("I closed 3 issues.")],
            3,
            Some(agent("I closed 2 issues.")),
        ),
        step(
            "claim.unsaid-change",
            &[
                asked(),
                call("delete_issue", json!({"n": 1}), json!("ok")),
                agent("It is tidy now."),
            ],
            2,
            Some(agent("It is tidy now: I deleted issue 1.")),
        ),
        step(
            "claim.without-act",
            &[question(), read(1), agent("I have closed issue 1.")],
            2,
            Some(agent("Issue 1 is stale.")),
        ),
        step(
            "claim.without-matching-act",
            &[
                question(),
                call("add_label", json!({"n": 1}), json!({"id": 1})),
                agent("I have sent the report."),
            ],
            1,
            Some(call("send_report", json!({"n": 1}), json!({"id": 1}))),
        ),
        step(
            "signal.alternation",
            &[
                asked(),
                read(1),
                read(2),
                read(1),
                read(2),
                read(1),
                read(2),
                end(),
            ],
            5,
            Some(read(3)),
        ),
        said(
            "signal.crash",
            &[asked(), end()],
            &json!({"error": "KeyError: title"}),
            &json!({}),
        ),
        step(
            "signal.drifting-retries",
            &[asked(), failed(1), failed(2), failed(3), end()],
            2,
            Some(close(2)),
        ),
        step(
            "signal.error-at-end",
            &[asked(), read(1), failed(1), end()],
            2,
            None,
        ),
        step(
            "signal.error-standing",
            &[asked(), failed(1), read(1), read(2), end()],
            3,
            Some(close(2)),
        ),
        step(
            "signal.failing-check",
            &[
                asked(),
                call(
                    "bash",
                    json!({"command": "pytest"}),
                    json!("1 failed, 2 passed"),
                ),
                end(),
            ],
            1,
            Some(call(
                "bash",
                json!({"command": "pytest"}),
                json!("3 passed"),
            )),
        ),
        step(
            "signal.gave-up",
            &[
                question(),
                read(1),
                agent("I was unable to find the repository."),
            ],
            2,
            Some(agent("None is stale.")),
        ),
        step(
            "signal.handoff",
            &[
                asked(),
                close(1),
                call("transfer_to_human", json!({}), json!("ok")),
                end(),
            ],
            1,
            Some(read(1)),
        ),
        said(
            "signal.limit",
            &[asked(), end()],
            &json!({"metadata": {"exit_status": "max_turns"}}),
            &json!({"metadata": {"exit_status": "submitted"}}),
        ),
        step(
            "signal.no-answer",
            &[asked(), stuck(), close(1), agent(" ")],
            3,
            Some(end()),
        ),
        step(
            "signal.repeat",
            &[question(), read(1), read(1), read(1), end()],
            2,
            Some(close(2)),
        ),
        step(
            "signal.repeated-change",
            &[asked(), comment(1), comment(1), end()],
            2,
            Some(comment(2)),
        ),
        said(
            "signal.score",
            &[asked(), end()],
            &json!({"scores": [{"name": "correctness", "value": 0, "origin": "eval"}]}),
            &json!({"scores": [{"name": "correctness", "value": 1, "origin": "eval"}]}),
        ),
        step(
            "signal.stuck-words",
            &[asked(), stuck(), stuck(), stuck(), end()],
            2,
            Some(read(1)),
        ),
        step(
            "signal.unconfirmed-change",
            &[
                instructed("Ask for confirmation before you change anything."),
                asked(),
                close(1),
                end(),
            ],
            0,
            Some(instructed(
                "Do not ask for confirmation before you change anything.",
            )),
        ),
        step(
            "signal.user-correction",
            &[asked(), close(1), end(), user("That is wrong."), end()],
            3,
            Some(user("Thank you.")),
        ),
        step(
            "signal.user-escalation",
            &[
                asked(),
                close(1),
                end(),
                user("Let me speak to a manager"),
                end(),
            ],
            3,
            Some(user("Thank you.")),
        ),
        step(
            "signal.user-rephrase",
            &[
                user("Close every issue that nobody touched since January"),
                agent("Which one?"),
                user("Please close every issue that nobody touched since January"),
                end(),
            ],
            2,
            Some(user("The first one in that list, and no others")),
        ),
    ]
}

/// The rules that fire on a trace.
fn fired(trace: &Trace) -> BTreeSet<String> {
    let findings = verdict::alone(trace).findings.into_iter();
    findings.map(|finding| finding.rule).collect()
}

#[test]
fn each_rule_of_the_catalogue_fires_on_one_run_and_not_on_that_with_one_thing_changed() {
    let pairs = pairs();
    for pair in &pairs {
        let (fires, holds) = (fired(&pair.fires), fired(&pair.holds));
        assert!(fires.contains(pair.rule), "{}: {fires:?}", pair.rule);
        assert!(!holds.contains(pair.rule), "{}: {holds:?}", pair.rule);
    }
    let signals = signals::RULES.iter().map(|rule| rule.id);
    let rules: BTreeSet<&str> = signals
        .chain(claims::RULES.iter().map(|rule| rule.id))
        .collect();
    let shown: BTreeSet<&str> = pairs.iter().map(|pair| pair.rule).collect();
    assert_eq!(shown, rules);
    assert_eq!(pairs.len(), rules.len(), "a rule has one pair");
}

#[test]
fn what_only_the_run_says_of_its_answer_is_held_to_its_calls_too() {
    let read = call("get_issue", json!({"n": 1}), json!({"title": "T"}));
    let claims = json!({"input": "Which issues are stale?", "output": "I have closed issue 1."});
    let reports = json!({"input": "Which issues are stale?", "output": "Issue 1 is stale."});
    let pair = said("claim.without-act", &[read], &claims, &reports);
    assert!(fired(&pair.fires).contains(pair.rule));
    assert!(fired(&pair.holds).is_empty());
}
