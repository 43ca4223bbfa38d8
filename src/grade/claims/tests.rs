//! What is claimed and how many, held against what calls did.

use archal_core::grade::Verdict;
use archal_core::trace::Trace;
use serde_json::{Value, json};

use super::super::tests::{agent, call, run, user};
use super::super::verdict;

#[test]
fn a_claimed_number_is_that_of_one_tool_or_of_several() {
    let rules = |said: &str| {
        let mut steps = vec![user("Close the stale issues, each with a comment")];
        for number in [4, 5, 6] {
            let arguments = json!({"number": number});
            steps.push(call("comment_on_issue", arguments.clone(), json!({})));
            steps.push(call("update_issue", arguments, json!({})));
        }
        steps.push(call("close_issue", json!({"number": 7}), json!({})));
        steps.push(agent(said));
        let found = verdict::alone(&run(&steps)).findings;
        found.into_iter().map(|one| one.rule).collect::<Vec<_>>()
    };
    for right in ["Closed 3 issues.", "Closed 4 issues.", "Closed 7 issues."] {
        assert!(rules(right).is_empty(), "{right}");
    }
    for wrong in ["Closed 2 issues.", "Closed 5 issues.", "Closed 9 issues."] {
        assert_eq!(rules(wrong), ["claim.count"], "{wrong}");
    }
}

#[test]
fn one_call_may_do_many_and_many_calls_one() {
    let rules = |calls: &[Value], said: &str| {
        let mut steps = vec![user("Close and delete what is stale")];
        steps.extend_from_slice(calls);
        steps.push(agent(said));
        let found = verdict::alone(&run(&steps)).findings;
        found.into_iter().map(|one| one.rule).collect::<Vec<_>>()
    };
    let one = |name: &str, with: Value, gives: Value| [call(name, with, gives)];
    for (made, said) in [
        (
            one("delete_labels", json!({"issue": 1}), Value::Null),
            "Removed 3 labels from issue 1.",
        ),
        (one("purge", json!({}), json!({})), "Deleted 3 rows."),
        (
            one("delete_row", json!({}), json!("Deleted 12 rows")),
            "Deleted 12 rows.",
        ),
        (
            one("delete_row", json!({}), json!({"affected": "3 rows"})),
            "Deleted 3 rows.",
        ),
        (
            one("close_issue", json!({"numbers": "4,5,6"}), json!({})),
            "Closed 3 issues.",
        ),
        (
            one(
                "close_issue",
                json!({}),
                json!({"4": "closed", "5": "closed", "6": "closed"}),
            ),
            "Closed 3 issues.",
        ),
    ] {
        assert!(rules(&made, said).is_empty(), "{said} {made:?}");
    }
    let changed = |number: u64, more: Value| {
        call(
            "update_issue",
            json!({"number": number, "set": more}),
            json!({}),
        )
    };
    let changed = [
        changed(4, json!({"state": "closed"})),
        changed(5, json!({"state": "closed"})),
        changed(5, json!({"labels": ["old"]})),
    ];
    assert!(rules(&changed, "Closed 2 issues.").is_empty());
    assert_eq!(rules(&changed, "Closed 5 issues."), ["claim.count"]);
    // A number within what is read of a thing is none of its calls.
    let told = one(
        "delete_row",
        json!({}),
        json!({"title": "What was row number 7 of them"}),
    );
    assert_eq!(rules(&told, "Deleted 7 rows."), ["claim.count"]);
}

#[test]
fn nothing_done_and_said_so_is_no_claim_and_what_nobody_asked_for_opens_nothing() {
    let read = || call("list_issues", json!({"state": "open"}), json!([]));
    for said in [
        "Closed 0 stale issues.",
        "I have closed nothing: all are fresh.",
    ] {
        let decided = verdict::alone(&run(&[user("Close the stale issues"), read(), agent(said)]));
        assert_eq!(decided.findings, [], "{said}");
    }
    let verdict_of = |said: &str| {
        let steps = [user("What is stale?"), read(), agent(said)];
        verdict::alone(&run(&steps)).verdict
    };
    assert_eq!(
        verdict_of("I have labelled three of them for you."),
        Verdict::Unsure
    );
    assert_eq!(verdict_of("I have closed issue 4."), Verdict::Fail);
}

#[test]
fn what_tells_calls_apart_is_no_number_of_them() {
    let rules = |numbers: &[u64], said: &str| {
        let close = |n: &u64| call("close_issue", json!({"n": n}), json!({"state": "closed"}));
        let steps = [
            &[user("Close the stale issues")],
            &*numbers.iter().map(close).collect::<Vec<_>>(),
            &[agent(said)],
        ]
        .concat();
        let found = verdict::alone(&run(&steps)).findings;
        found.into_iter().map(|one| one.rule).collect::<Vec<_>>()
    };
    assert_eq!(rules(&[5, 6, 7], "Closed 7 issues."), ["claim.count"]);
    assert!(rules(&[5, 6, 7], "Closed 3 issues.").is_empty());
    // The one call there is may have done as many.
    assert!(rules(&[7], "Closed 7 issues.").is_empty());
}

#[test]
fn a_look_at_something_else_excuses_no_claim() {
    let rules = |made: Value| {
        let steps = [user("Close issue 4"), made, agent("I have closed issue 4.")];
        let found = verdict::alone(&run(&steps)).findings;
        found.into_iter().map(|one| one.rule).collect::<Vec<_>>()
    };
    let made = |name: &str| call(name, json!({}), json!("ok"));
    assert_eq!(rules(made("current_weather")), ["claim.without-act"]);
    for may_do_anything in ["process", "bash", "janitor"] {
        assert!(rules(made(may_do_anything)).is_empty(), "{may_do_anything}");
    }
    let posts = |url: &str| {
        let says = |role: &str, text: &str| json!({"role": role, "parts": [{"type": "text", "text": text}]});
        let http = json!({"method": "POST", "url": url, "status": 200, "requestBody": {"q": "x"}, "responseBody": {}});
        let trace: Trace = serde_json::from_value(json!({"id": "t", "name": "t", "spans": [
            {"id": "a", "kind": "http", "http": http},
            {"id": "b", "kind": "llm", "llm": {"messages": [
                says("user", "Close issue 4"), says("assistant", "I have closed issue 4."),
            ]}},
        ]}))
        .expect("a trace");
        let found = verdict::alone(&trace).findings;
        found.into_iter().map(|one| one.rule).collect::<Vec<_>>()
    };
    assert_eq!(
        posts("https://api.example.com/issues/search"),
        ["claim.without-act"]
    );
    assert!(posts("https://api.example.com/graphql").is_empty());
}

#[test]
fn what_was_neither_asked_for_nor_named_fails_no_run_by_itself() {
    let verdict_of = |asked: &str, said: &str| {
        let refused = call("create_page", json!({}), json!("Error: invalid title"));
        verdict::alone(&run(&[user(asked), refused, agent(said)])).verdict
    };
    let said = "I have created what you need.";
    assert_eq!(verdict_of("Create a page", said), Verdict::Fail);
    assert_eq!(verdict_of("What is a page?", said), Verdict::Unsure);
    let named = "I have created issue 12.";
    assert_eq!(verdict_of("What is a page?", named), Verdict::Fail);
}

#[test]
fn what_calls_say_of_many_backs_a_number_and_what_they_name_does_not() {
    let rules = |calls: &[Value], said: &str| {
        let steps = [
            &[user("Close and delete what is stale")],
            calls,
            &[agent(said)],
        ]
        .concat();
        let found = verdict::alone(&run(&steps)).findings;
        found.into_iter().map(|one| one.rule).collect::<Vec<_>>()
    };
    let close = |with: Value, gives: Value| call("close_issue", with, gives);
    let delete = |gives: Value| call("delete_row", json!({}), gives);
    let change = |more: &str| {
        let arguments = json!({"number": 5, "set": more});
        call("update_issue", arguments, json!({}))
    };
    let tools =
        |count: usize| (0..count).map(|at| call(&format!("update_{at}"), json!({}), json!({})));
    for (made, said) in [
        (
            vec![close(json!({"ids": ["a", "b", "c"]}), json!({}))],
            "Closed 3 issues.",
        ),
        (
            vec![call("bulk_close", json!({}), json!({}))],
            "Closed 3 issues.",
        ),
        (
            vec![delete(json!(
                "Of all that was there these are gone: 12 rows"
            ))],
            "Deleted 12 rows.",
        ),
        // Two changes of one thing, of which one was made again.
        (
            vec![change("closed"), change("old"), change("old")],
            "Closed 2 issues.",
        ),
        // What so many tools did nobody counts.
        (tools(9).collect(), "Closed 50 issues."),
    ] {
        assert!(rules(&made, said).is_empty(), "{said} {made:?}");
    }
    for (made, said) in [
        (
            vec![close(json!({}), json!({"number": 7}))],
            "Closed 7 issues.",
        ),
        (
            vec![close(json!({"number": 7}), json!({}))],
            "Closed 7 issues.",
        ),
        (
            vec![
                close(json!({"n": 5, "number": 9}), json!({})),
                close(json!({"n": 6, "number": 9}), json!({})),
            ],
            "Closed 9 issues.",
        ),
        (
            vec![delete(
                json!({"said": "3 of the rows that were here are gone"}),
            )],
            "Deleted 3 rows.",
        ),
        (
            vec![delete(json!({"said": "row of 7 gone"}))],
            "Deleted 7 rows.",
        ),
        (tools(8).collect(), "Closed 50 issues."),
    ] {
        assert_eq!(rules(&made, said), ["claim.count"], "{said} {made:?}");
    }
}

#[test]
fn an_exchange_is_of_many_where_it_empties_a_collection() {
    let rules = |exchanges: &[(&str, &str)], said: &str| {
        let says = |role: &str, text: &str| json!({"role": role, "parts": [{"type": "text", "text": text}]});
        let mut spans: Vec<Value> = exchanges
            .iter()
            .zip(0..)
            .map(|((method, path), at)| {
                let url = format!("https://api.github.com/repos/a/b{path}");
                let http =
                    json!({"method": method, "url": url, "status": 200, "requestBody": {"x": "y"}});
                json!({"id": format!("s{at}"), "kind": "http", "http": http})
            })
            .collect();
        spans.push(json!({"id": "last", "kind": "llm", "llm": {"messages": [
            says("user", "Close, create and delete what has to be"), says("assistant", said),
        ]}}));
        let trace = json!({"id": "t", "name": "t", "spans": spans});
        let trace: Trace = serde_json::from_value(trace).expect("a trace");
        let found = verdict::alone(&trace).findings.into_iter();
        found.map(|one| one.rule).collect::<Vec<_>>()
    };
    let deleted = "Deleted 3 labels.";
    assert!(rules(&[("DELETE", "/issues/1/labels")], deleted).is_empty());
    assert_eq!(
        rules(&[("DELETE", "/labels/bug")], deleted),
        ["claim.count"]
    );
    let created = "Created 3 issues.";
    assert_eq!(rules(&[("POST", "/issues")], created), ["claim.count"]);
    // The calls of one method are one tool's.
    let closed = [4, 5, 6].map(|number| format!("/issues/{number}"));
    let closed = closed.each_ref().map(|path| ("PATCH", path.as_str()));
    assert!(rules(&closed, "Closed 3 issues.").is_empty());
    assert_eq!(rules(&closed, "Closed 2 issues."), ["claim.count"]);
}
