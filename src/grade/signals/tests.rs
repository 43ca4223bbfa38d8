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
#[expect(clippy::too_many_lines, reason = "a table of runs")]
fn trying_again_and_waiting_go_in_no_circle() {
    let list = |gives: Value| call("list_issues", json!({"repo": "a/b"}), gives);
    let build = |state: &str| {
        let gives = match state.starts_with("Error") {
            true => json!(state),
            false => json!({"state": state}),
        };
        call("get_build", json!({"id": 5}), gives)
    };
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
    let shell = |says: &str| call("bash", json!({"command": "./state"}), json!(says));
    let poll = || call("poll_build", json!({"id": 5}), json!("running"));
    let broken = || list(json!("Error: 503 service unavailable"));
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
        // It is looked at more often before it ends, or by a shell.
        (
            vec![
                asked(),
                running(),
                running(),
                running(),
                running(),
                build("done"),
                end(),
            ],
            &[],
        ),
        (
            vec![
                asked(),
                shell("running"),
                shell("running"),
                shell("running"),
                shell("done"),
                end(),
            ],
            &[],
        ),
        // An answer that is another each time, and one that the service could not give.
        (
            vec![asked(), build("queued"), running(), running(), end()],
            &[],
        ),
        (
            vec![
                asked(),
                running(),
                running(),
                running(),
                build("Error: 503 service unavailable"),
                end(),
            ],
            circle,
        ),
        // What is there to wait, and what failed for no fault of the call.
        (vec![asked(), poll(), poll(), poll(), end()], &[]),
        (vec![asked(), broken(), broken(), broken(), end()], &[]),
        (
            vec![
                asked(),
                broken(),
                running(),
                broken(),
                running(),
                broken(),
                running(),
                end(),
            ],
            circle,
        ),
    ] {
        assert_eq!(fails_by(&run(&steps)), rules, "{steps:?}");
    }
}

#[test]
fn what_lost_spans_may_have_done_makes_no_failure_by_its_shape() {
    let note = || call("add_note", json!({"text": 1}), json!("ok"));
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
        (vec![note(), note(), done()], "signal.repeated-change"),
        (vec![look(), look(), look(), done()], "signal.repeat"),
        (
            vec![open("a"), open("b"), open("c"), done()],
            "signal.drifting-retries",
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

#[test]
fn what_was_told_somebody_by_a_call_is_an_answer() {
    let ends_without = |last: Value| {
        let steps = [user("Tell the team"), agent("I look."), last];
        fails_by(&run(&steps)) == ["signal.no-answer"]
    };
    let told = |name: &str| call(name, json!({"text": "All is well"}), json!({"ok": true}));
    for name in [
        "send_slack_message",
        "post_comment",
        "mcp__mail__reply",
        "notify_team",
    ] {
        assert!(!ends_without(told(name)), "{name}");
        let refused = call(
            name,
            json!({"text": "All is well"}),
            json!("Error: invalid"),
        );
        assert!(ends_without(refused), "{name}");
    }
    assert!(ends_without(told("update_order")));
    assert!(ends_without(told("list_messages")));
    // Who wrote after that has no answer.
    let steps = [
        user("Tell the team"),
        told("post_comment"),
        user("And?"),
        agent(" "),
    ];
    assert_eq!(fails_by(&run(&steps)), ["signal.no-answer"]);
}

#[test]
fn that_something_is_not_there_is_a_truthful_answer() {
    let gives_up = |asked: &str, calls: &[Value], said: &str| {
        let steps = [&[user(asked)], calls, &[agent(said)]].concat();
        let found = verdict::alone(&run(&steps)).findings;
        found.iter().any(|finding| finding.rule == "signal.gave-up")
    };
    let order = |number: u64, gives: Value| call("get_order", json!({"order_id": number}), gives);
    let missing = || json!("Error: not found");
    let none = "I could not find order 99.";
    let asked = "Where is order 99?";
    assert!(!gives_up(asked, &[order(99, missing())], none));
    assert!(!gives_up(asked, &[order(99, json!({"order": null}))], none));
    // Another one was looked for, or it was there, or the look came to nothing by something else.
    assert!(gives_up(asked, &[order(98, missing())], none));
    assert!(gives_up(
        asked,
        &[order(99, json!({"state": "sent"}))],
        none
    ));
    assert!(gives_up(
        asked,
        &[order(99, json!("Error: 503 service unavailable"))],
        none
    ));
    assert!(gives_up(
        asked,
        &[order(99, missing()), order(99, json!({"state": "sent"}))],
        none
    ));
    assert!(gives_up(asked, &[], none));
    let flights = |gives: Value| {
        let way = json!({"origin": "JFK", "destination": "SFO", "limit": 5});
        [call("search_flights", way, gives)]
    };
    let asked = "Find me a flight from JFK to SFO";
    let none = "I was unable to find a flight that matches.";
    assert!(!gives_up(asked, &flights(json!({"flights": []})), none));
    assert!(gives_up(asked, &flights(json!({"flights": [1]})), none));
    // Who asks back has not given up.
    let none = "I couldn't find your phone number.";
    assert!(gives_up("Call me", &[], none));
    assert!(!gives_up("Call me", &[], &format!("{none} What is it?")));
}

#[test]
fn what_another_tool_finds_in_the_end_was_looked_for() {
    let open = |name: &str| {
        let gives = json!("Error: no such file");
        call("read_file", json!({"path": name}), gives)
    };
    let find = |gives: Value| call("find_files", json!({"name": "conf"}), gives);
    let wrong = || call("book", json!({"n": 1}), json!("Error: invalid value"));
    let other = |n: u8| call("book", json!({"n": n}), json!("Error: invalid value"));
    let three = [open("a.txt"), open("b.txt"), open("c.txt")];
    let drifts = |more: &[Value]| {
        let steps = [&[user("Read it")], more, &[agent("That is all.")]].concat();
        fails_by(&run(&steps)) == ["signal.drifting-retries"]
    };
    assert!(drifts(&three));
    assert!(!drifts(&[&three[..], &[find(json!(["d.txt"]))]].concat()));
    // It found nothing, or came before.
    assert!(drifts(&[&three[..], &[find(json!([]))]].concat()));
    assert!(drifts(&[&[find(json!(["d.txt"]))], &three[..]].concat()));
    // They are counted anew behind it.
    let again = [open("d"), open("e"), open("f")];
    let then = |more: &[Value]| drifts(&[&three[..], &[find(json!(["d.txt"]))], more].concat());
    assert!(!then(&again[..2]));
    assert!(then(&again));
    // What is refused for what it asks is not found elsewhere.
    let found = find(json!(["d.txt"]));
    assert!(drifts(&[wrong(), other(2), other(3), found]));
}

#[test]
fn a_change_is_made_again_where_it_has_not_taken_or_leaves_what_it_left() {
    let twice = |steps: &[Value]| {
        let steps = [&[user("Do it")], steps, &[agent("That is all.")]].concat();
        fails_by(&run(&steps)) == ["signal.repeated-change"]
    };
    let note = || call("add_note", json!({"text": "x"}), json!({"ok": true}));
    let notes = |gives: Value| call("list_notes", json!({}), gives);
    let users = || call("list_users", json!({}), json!([]));
    let old = || notes(json!(["a"]));
    assert!(twice(&[note(), note()]));
    // A look in between shows that it is not there.
    assert!(!twice(&[note(), notes(json!([])), note()]));
    assert!(!twice(&[old(), note(), old(), note()]));
    // It shows something new, or something else, or was before.
    assert!(twice(&[old(), note(), notes(json!(["a", "x"])), note()]));
    assert!(twice(&[note(), old(), note()]));
    assert!(twice(&[note(), users(), note()]));
    assert!(twice(&[old(), old(), note(), note()]));
    for name in [
        "close_issue",
        "set_light",
        "add_labels",
        "write_log",
        "delete_row",
    ] {
        let change = || call(name, json!({"n": 1}), json!({"ok": true}));
        assert!(!twice(&[change(), change()]), "{name}");
    }
    // The same over HTTP.
    let exchange = |method: &str, path: &str, body: Value, gives: Value| {
        json!({
            "method": method, "url": format!("https://api.github.com{path}"), "status": 200,
            "requestBody": body, "responseBody": gives,
        })
    };
    let over_http = |exchanges: &[Value]| {
        let spans = exchanges.iter().zip(0..);
        let spans =
            spans.map(|(http, at)| json!({"id": format!("s{at}"), "kind": "http", "http": http}));
        let spans: Vec<Value> = spans.collect();
        let trace = json!({"id": "t", "name": "t", "spans": spans});
        let trace: Trace = serde_json::from_value(trace).expect("a trace");
        fails_by(&trace) == ["signal.repeated-change"]
    };
    let comments = "/repos/a/b/issues/1/comments";
    let post = |path: &str| exchange("POST", path, json!({"body": "x"}), json!({"id": 1}));
    let get = |path: &str| exchange("GET", path, Value::Null, json!([]));
    assert!(over_http(&[post(comments), post(comments)]));
    assert!(!over_http(&[post(comments), get(comments), post(comments)]));
    assert!(over_http(&[
        post(comments),
        get("/repos/a/b/labels"),
        post(comments)
    ]));
    let above = || {
        let path = "/repos/a/b/issues/1";
        exchange("GET", path, Value::Null, json!({"title": "T"}))
    };
    assert!(!over_http(&[
        above(),
        post(comments),
        above(),
        post(comments)
    ]));
    let put = || {
        exchange(
            "PATCH",
            "/repos/a/b/issues/1",
            json!({"state": "closed"}),
            json!({"id": 1}),
        )
    };
    assert!(!over_http(&[put(), put()]));
    let labels = "/repos/a/b/issues/1/labels";
    assert!(!over_http(&[post(labels), post(labels)]));
    let mutation = |field: &str| {
        let query = format!("mutation{{{field}(input:{{subjectId:\"I\"}}){{clientMutationId}}}}");
        exchange(
            "POST",
            "/graphql",
            json!({"query": query}),
            json!({"data": {"x": 1}}),
        )
    };
    assert!(over_http(&[mutation("addComment"), mutation("addComment")]));
    assert!(!over_http(&[
        mutation("closeIssue"),
        mutation("closeIssue")
    ]));
}

#[test]
fn two_changes_by_turns_make_no_failure_by_themselves() {
    let found = |other: &str| {
        let light = |on: u8| call("set_light", json!({"on": on}), json!("ok"));
        let other = || call(other, json!({"on": 0}), json!("ok"));
        let mut steps = vec![user("Blink")];
        for _ in 0..3 {
            steps.extend([light(1), other()]);
        }
        steps.push(agent("That is all."));
        let decided = verdict::alone(&run(&steps));
        let rules = decided.findings.into_iter().map(|one| one.rule);
        (decided.verdict, rules.collect::<Vec<_>>())
    };
    let by_turns = "signal.alternation".to_owned();
    let circle = "signal.repeat".to_owned();
    assert_eq!(
        found("set_light"),
        (Verdict::Unsure, vec![by_turns.clone()])
    );
    assert_eq!(found("get_light"), (Verdict::Fail, vec![by_turns, circle]));
}
