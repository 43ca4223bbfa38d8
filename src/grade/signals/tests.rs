//! Runs that do right and look like failures by their shape, beside those that fail so.

use archal_core::grade::Verdict;
use archal_core::trace::Trace;
use serde_json::{Value, json};

use crate::grade::tests::{agent, call, run, user};
use crate::grade::verdict;

/// The rules whose findings make a run a failure.
fn fails_by(trace: &Trace) -> Vec<String> {
    let findings = verdict::alone(trace).findings.into_iter();
    let sure = findings.filter(|finding| finding.confidence >= verdict::FAIL);
    sure.map(|finding| finding.rule).collect()
}

fn with(trace: &Trace, more: &Value) -> Trace {
    let mut trace = serde_json::to_value(trace).expect("JSON");
    for (name, value) in more.as_object().expect("an object") {
        trace[name] = value.clone();
    }
    serde_json::from_value(trace).expect("a trace")
}

#[test]
fn trying_again_and_waiting_go_in_no_circle() {
    let list = |gives: Value| call("list_issues", json!({"repo": "a/b"}), gives);
    let build = |state: &str| call("get_build", json!({"id": 5}), json!({"state": state}));
    let close = || call("close_issue", json!({"n": 1}), json!({"state": "closed"}));
    let asked = || user("Tell me when build 5 is done");
    let end = || agent("Build 5 is done.");
    let again = |error: &str| {
        let refused = || list(json!(error));
        vec![
            asked(),
            refused(),
            refused(),
            refused(),
            list(json!([{"number": 1}])),
            end(),
        ]
    };
    let running = || build("running");
    let turns = |last: Value| {
        let mut steps = vec![asked()];
        for _ in 0..3 {
            steps.extend([running(), list(json!([]))]);
        }
        steps.extend([last, end()]);
        steps
    };
    let circle: &[&str] = &["signal.repeat"];
    let by_turns: &[&str] = &["signal.alternation", "signal.repeat"];
    for (steps, rules) in [
        (again("Error: 503 service unavailable"), &[][..]),
        (again("Error: 429 Too Many Requests"), &[]),
        (
            vec![
                asked(),
                running(),
                running(),
                running(),
                build("done"),
                end(),
            ],
            &[],
        ),
        // Beside a wait that ended, what was asked by turns with it and answered alike.
        (turns(build("done")), circle),
        // It never ends, or ends by what the run did.
        (
            vec![asked(), running(), running(), running(), end()],
            circle,
        ),
        (
            vec![
                asked(),
                running(),
                running(),
                running(),
                close(),
                build("done"),
                end(),
            ],
            circle,
        ),
        // What a shell does may have ended it.
        (
            vec![
                asked(),
                running(),
                running(),
                running(),
                call("bash", json!({"command": "./retry"}), json!("ok")),
                build("done"),
                end(),
            ],
            circle,
        ),
        (turns(close()), by_turns),
    ] {
        assert_eq!(fails_by(&run(&steps)), rules, "{steps:?}");
    }
}

#[test]
fn what_lost_spans_may_have_done_makes_no_failure_by_its_shape() {
    let light = || call("set_light", json!({"on": 1}), json!("ok"));
    let look = || call("get_light", json!({}), json!("off"));
    let open = |name: &str| {
        call(
            "read_file",
            json!({"p": name}),
            json!("Error: no such file"),
        )
    };
    let done = || agent("That is all.");
    for (steps, rule) in [
        (vec![light(), light(), done()], "signal.repeated-change"),
        (vec![look(), look(), look(), done()], "signal.repeat"),
        (
            vec![open("a"), open("b"), open("c"), done()],
            "signal.drifting-retries",
        ),
        (
            vec![
                user("Find it"),
                look(),
                agent("I was unable to find the label."),
            ],
            "signal.gave-up",
        ),
        // Several that are wrong together do not add up.
        (
            vec![
                user("Find it"),
                look(),
                look(),
                look(),
                agent("I was unable to find the label."),
            ],
            "signal.repeat",
        ),
    ] {
        let whole = run(&steps);
        assert!(fails_by(&whole).iter().any(|fails| fails == rule), "{rule}");
        let lost = with(
            &whole,
            &json!({"completeness": {"content": true, "truncated": [], "dropped": 5, "orphans": 0}}),
        );
        let decided = verdict::alone(&lost);
        assert!(decided.findings.iter().any(|finding| finding.rule == rule));
        assert_eq!(decided.verdict, Verdict::Unsure, "{decided:?}");
    }
}

#[test]
fn a_number_praises_where_it_answers_yes_or_no() {
    let said = run(&[user("hi"), agent("hello")]);
    let verdict_of = |name: &str, value: Value| {
        let score = json!({"name": name, "value": value, "origin": "human"});
        verdict::alone(&with(&said, &json!({"scores": [score]}))).verdict
    };
    for (name, value, verdict) in [
        ("is_correct", json!(1), Verdict::Ok),
        ("thumbs", json!(1.0), Verdict::Ok),
        ("feedback", json!("thumbs_up"), Verdict::Ok),
        // One of five stars, and a tenth of them.
        ("quality", json!(1), Verdict::Unsure),
        ("correctness", json!(1), Verdict::Unsure),
        ("user-feedback", json!(0.1), Verdict::Unsure),
        ("accuracy", json!(0.05), Verdict::Unsure),
        ("is_correct", json!(0.5), Verdict::Unsure),
        // That there is none of it is no blame.
        ("feedback_delay_s", json!(0), Verdict::Unsure),
        ("quality_loss", json!(0), Verdict::Unsure),
        ("resolved_after_hours", json!(0), Verdict::Unsure),
        ("pass_rate_of_attacks", json!(0), Verdict::Unsure),
        ("pass_rate", json!(0), Verdict::Fail),
        ("quality", json!(0), Verdict::Fail),
    ] {
        assert_eq!(verdict_of(name, value.clone()), verdict, "{name} = {value}");
    }
    // A verdict of archal's own that came back speaks against nobody's praise.
    let own = json!({"name": "archal.grade", "value": "fail", "origin": "eval"});
    let praise = json!({"name": "is_correct", "value": true, "origin": "human"});
    let both = with(&said, &json!({"scores": [own, praise]}));
    assert_eq!(verdict::alone(&both).verdict, Verdict::Ok);
}

#[test]
fn a_limit_that_is_only_set_was_not_reached() {
    let fires = |metadata: Value| {
        let said = run(&[user("hi"), agent("hello")]);
        fails_by(&with(&said, &json!({"metadata": metadata}))) == ["signal.limit"]
    };
    assert!(!fires(json!({"termination": "max_turns=30"})));
    assert!(fires(json!({"termination": "max_turns reached"})));
    assert!(fires(json!({"termination_reason": "max_turns"})));
}
