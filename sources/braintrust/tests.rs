//! Passes against Braintrust on the loopback: after each, every trace is there once, as it is now.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use archal_core::clock::{Clock, Timestamp};
use archal_core::pull::SaidValue;
use archal_core::push::KeptSpan;
use archal_core::trace::{SpanKind, Status};
use archal_testkit::braintrust::{self as served, KEY, NAME, PROJECT};
use archal_testkit::loopback::{End, Reply};
use serde_json::json;

use super::*;
use crate::client::world::{Store, World};

fn world() -> (World, served::Braintrust, Braintrust) {
    let world = World::new();
    let server = served::Braintrust::new(Arc::clone(&world.clock) as Arc<dyn Clock>);
    let source = open_at(&world, &server.url(), &[]);
    (world, server, source)
}

fn open_at(world: &World, url: &str, options: &[(&str, SaidValue)]) -> Braintrust {
    let mut all = vec![
        ("host", SaidValue::Text(url.to_owned())),
        ("project", SaidValue::Text(NAME.to_owned())),
        ("apiKeyEnv", SaidValue::Secret(KEY.to_owned())),
    ];
    all.extend_from_slice(options);
    Braintrust::open(&world.asking(&all)).expect("it opens")
}

/// A run of an agent, with what a judge said of it.
fn run(name: &str, start: Timestamp) -> Vec<Value> {
    let start = start.as_second() as f64;
    let row = |id: &str, parent: Option<&str>, kind: &str, from: f64, to: f64| {
        json!({
            "id": format!("{name}-{id}-row"), "span_id": format!("{name}-{id}"), "root_span_id": format!("{name}-root"),
            "span_parents": parent.map(|parent| vec![format!("{name}-{parent}")]), "is_root": parent.is_none(),
            "span_attributes": {"name": id, "type": kind}, "metrics": {"start": start + from, "end": start + to},
        })
    };
    let mut root = row("root", None, "task", 0.0, 9.5);
    root["input"] = json!("close stale issues");
    root["output"] = json!(format!("Closed 8 issues of {name}"));
    root["scores"] = json!({"Factuality": 0.5, "asked-for": null});
    root["metadata"] = json!({"session_id": "s-1", "user_id": "u-1"});
    let mut model = row("chat", Some("root"), "llm", 1.0, 3.0);
    model["input"] = json!([{"role": "user", "content": "close stale issues"}]);
    model["output"] = json!([{"index": 0, "finish_reason": "tool_calls", "message": {"role": "assistant", "content": null,
        "tool_calls": [{"id": "c1", "type": "function", "function": {"name": "list_issues", "arguments": "{\"state\":\"open\"}"}}]}}]);
    model["metadata"] = json!({"model": "gpt-5", "temperature": 0});
    model["metrics"]["prompt_tokens"] = json!(120);
    model["metrics"]["completion_tokens"] = json!(7);
    let mut tool = row("list_issues", Some("root"), "tool", 4.0, 6.0);
    tool["input"] = json!({"state": "open"});
    tool["output"] = json!([{"number": 4}]);
    tool["metadata"] = json!({"tool_call_id": "c1"});
    let mut judge = row("judge", Some("root"), "score", 7.0, 8.0);
    judge["span_attributes"]["purpose"] = json!("scorer");
    judge["output"] = json!("the judge's own words");
    vec![root, model, tool, judge]
}

fn write(server: &served::Braintrust, name: &str, at: Timestamp) {
    for row in run(name, at) {
        server.state().write(row, at);
    }
}

/// Every trace of the server is there once, whole, with what its root says now.
fn assert_all(store: &Store, source: &Braintrust, server: &served::Braintrust) {
    let traces = store.traces(source);
    let state = server.state();
    let mut outputs: BTreeMap<&str, &Value> = BTreeMap::new();
    for row in &state.writes {
        if row["is_root"] == true {
            outputs.insert(row["root_span_id"].as_str().expect("an id"), &row["output"]);
        }
    }
    let found: BTreeMap<&str, &Value> = traces
        .iter()
        .map(|one| {
            (
                one.trace.id.as_str(),
                one.trace.output.as_ref().expect("an output"),
            )
        })
        .collect();
    assert_eq!(found, outputs);
    for one in &traces {
        assert_eq!(one.trace.spans.len(), 3, "without the judge's");
        let whole = format!("{:?}", one.trace);
        assert!(!whole.contains("the judge's own words"));
    }
}

#[test]
fn a_run_is_what_it_was() {
    let (world, server, mut source) = world();
    write(&server, "t1", world.clock.now());
    let mut store = Store::default();
    store.pull(&mut source).expect("a pass");
    assert_eq!(store.ended(), 1);
    let traces = store.traces(&source);
    let one = &traces[0];
    assert_eq!(one.project.as_deref(), Some(PROJECT));
    let trace = &one.trace;
    assert_eq!(trace.input, Some(json!("close stale issues")));
    assert_eq!(trace.model.as_deref(), Some("gpt-5"));
    assert_eq!(trace.session_id.as_deref(), Some("s-1"));
    let scores: Vec<_> = trace
        .scores
        .iter()
        .map(|score| (&*score.name, &score.value))
        .collect();
    assert_eq!(
        scores,
        [("Factuality", &json!(0.5))],
        "one without a value was not given"
    );
    let kinds: Vec<SpanKind> = trace.spans.iter().map(|span| span.kind).collect();
    assert_eq!(kinds, [SpanKind::Other, SpanKind::Llm, SpanKind::Tool]);
    let tool = trace.spans[2].tool.as_ref().expect("a call");
    assert_eq!(tool.name, "list_issues");
    assert_eq!(tool.call_id.as_deref(), Some("c1"));
    assert_eq!(tool.result, Some(json!([{"number": 4}])));
    let usage = &trace.spans[1].llm.as_ref().expect("a call").usage;
    assert_eq!(
        (usage.input_tokens, usage.output_tokens, usage.cost_usd),
        (Some(120), Some(7), None)
    );
}

#[test]
fn short_empty_and_repeated_pages_give_every_trace_once() {
    let (world, server, mut source) = world();
    server.state().is_ragged = true;
    for number in 0..200 {
        write(&server, &format!("t{number}"), world.clock.now());
        world.clock.advance(Duration::from_secs(1));
    }
    let mut store = Store::default();
    store.pull(&mut source).expect("a pass");
    assert_all(&store, &source, &server);
}

#[test]
fn what_is_edited_or_comes_late_is_above_what_was_seen() {
    let (world, server, mut source) = world();
    write(&server, "t1", world.clock.now());
    write(&server, "t2", world.clock.now());
    let mut store = Store::default();
    store.pull(&mut source).expect("a pass");
    world.clock.advance(Duration::from_secs(30 * 24 * 3_600));
    let mut edited = run("t1", world.clock.now()).remove(0);
    edited["output"] = json!("corrected by a person");
    edited["error"] = json!({"name": "RateLimitError", "message": "rate limited"});
    let now = world.clock.now();
    server.state().write(edited, now);
    store.pull(&mut source).expect("a pass");
    assert_all(&store, &source, &server);
    let traces = store.traces(&source);
    assert_eq!(traces[0].trace.status, Status::Error);
    assert_eq!(traces[0].trace.error.as_deref(), Some("rate limited"));
    let last = server.state().asked.last().expect("asked").json();
    let query = last["query"].as_str().expect("a query").to_owned();
    assert!(query.contains("_xact_id > '1000"), "{query}");
    // Nothing new: what is within the overlap is asked for again, and nothing is another.
    store.pull(&mut source).expect("a pass");
    assert_eq!(store.traces(&source), traces);
}

#[test]
fn the_limit_of_a_project_is_kept_and_a_silent_refusal_is_a_minute() {
    let (world, server, _) = world();
    let slowly = ("perMinute", SaidValue::Number(3));
    let mut source = open_at(&world, &server.url(), &[slowly]);
    for number in 0..300 {
        write(&server, &format!("t{number}"), world.clock.now());
    }
    server.state().per_minute = Some(4);
    let mut store = Store::default();
    store.pull(&mut source).expect("a pass");
    assert_eq!(store.rows(), 900);
    assert_eq!(store.requests, server.state().asked.len() as u64);
    server
        .state()
        .faults
        .push_back(Reply::json(429, &json!({"error": "Too many requests"})));
    let before = world.clock.monotonic();
    store.pull(&mut source).expect("a pass");
    assert!(world.clock.monotonic() - before >= Duration::from_secs(60));
    assert!(
        world
            .buckets()
            .iter()
            .any(|bucket| bucket.contains(PROJECT))
    );
}

#[test]
fn large_rows_make_small_pages_and_one_that_is_too_large_is_there_without_its_content() {
    let (world, server, mut source) = world();
    server.state().most_body = Some(1 << 20);
    for number in 0..20 {
        for mut row in run(&format!("t{number}"), world.clock.now()) {
            if row["span_attributes"]["type"] == "tool" {
                let size = if number == 7 { 2 << 20 } else { 200_000 };
                row["output"] = json!("x".repeat(size));
            }
            let now = world.clock.now();
            server.state().write(row, now);
        }
    }
    let mut store = Store::default();
    store.pull(&mut source).expect("a pass");
    assert_all(&store, &source, &server);
    assert_cut(&store, &source, &["t7-root"]);
    for one in store.traces(&source) {
        let tool = one.trace.spans.iter().find(|span| span.tool.is_some());
        let result = tool.and_then(|span| span.tool.as_ref()?.result.as_ref());
        let whole = json!("x".repeat(200_000));
        let expected = (one.trace.id != "t7-root").then_some(&whole);
        assert_eq!(result, expected);
    }
}

/// These traces, and no others, are told to lack content.
fn assert_cut(store: &Store, source: &Braintrust, expected: &[&str]) {
    let traces = store.traces(source);
    let cut = traces
        .iter()
        .filter(|one| !one.trace.completeness.truncated.is_empty());
    let cut: Vec<&str> = cut.map(|one| one.trace.id.as_str()).collect();
    assert_eq!(cut, expected);
    let told = store.findings.iter();
    let told = told.filter(|one| one.code == "braintrust/too-large");
    assert_eq!(told.count(), expected.len());
}

#[test]
fn an_outage_is_not_taken_for_a_row_that_is_too_large() {
    let (world, server, mut source) = world();
    for number in 0..120 {
        write(&server, &format!("t{number}"), world.clock.now());
    }
    // Two tries for each of 200, 100, 50, 25, 12, 6 and 3 rows, five for one: then it is over.
    let down = Reply::json(503, &json!({"error": "deploying"}));
    let project = Reply::json(200, &json!({"objects": [{"id": PROJECT, "name": NAME}]}));
    server.state().faults.push_back(project);
    server.state().faults.extend(vec![down.clone(); 19]);
    let mut store = Store::default();
    store.pull(&mut source).expect("a pass");
    assert!(server.state().faults.is_empty());
    assert_all(&store, &source, &server);
    assert_cut(&store, &source, &[]);
    // One that goes on is told, and the cursor stays.
    server.state().faults.extend(vec![down; 60]);
    let cursor = store.cursor.clone();
    let error = store.pull(&mut source).expect_err("it is down");
    assert_eq!(error.kind, PullErrorKind::Unreachable);
    assert_eq!(store.cursor, cursor);
}

#[test]
fn a_row_whose_content_the_service_cannot_give_is_there_without_it() {
    let (world, server, mut source) = world();
    for number in 0..5 {
        write(&server, &format!("t{number}"), world.clock.now());
    }
    server
        .state()
        .broken
        .insert("t3-list_issues-row".to_owned());
    let mut store = Store::default();
    store.pull(&mut source).expect("a pass");
    assert_all(&store, &source, &server);
    assert_cut(&store, &source, &["t3-root"]);
}

#[test]
fn an_edit_of_a_row_that_was_read_early_in_a_long_pass_is_not_lost() {
    let (world, server, mut source) = world();
    for number in 0..200 {
        write(&server, &format!("t{number}"), world.clock.now());
    }
    let mut store = Store::default();
    let page = source.page(&Value::Null).expect("a page");
    store.keep(page);
    // Two minutes later the first root ends; the last rows come half an hour after that.
    world.clock.advance(Duration::from_secs(120));
    let mut ended = run("t0", world.clock.now()).remove(0);
    ended["output"] = json!("what it came to");
    server.state().write(ended, world.clock.now());
    world.clock.advance(Duration::from_secs(30 * 60));
    write(&server, "last", world.clock.now());
    store.pull(&mut source).expect("the rest");
    store.pull(&mut source).expect("the next pass");
    assert_all(&store, &source, &server);
    // What was read once is not read for ever.
    world.clock.advance(Duration::from_secs(60));
    store.pull(&mut source).expect("a pass");
    let requests = store.requests;
    store.pull(&mut source).expect("a pass");
    assert_eq!(store.requests, requests + 1);
}

#[test]
fn a_service_without_an_end_is_left() {
    let (world, server, mut source) = world();
    write(&server, "t1", world.clock.now());
    let row = server.state().writes[0].clone();
    let project = Reply::json(200, &json!({"objects": [{"id": PROJECT, "name": NAME}]}));
    let page =
        |rows: Value, cursor: String| Reply::json(200, &json!({"data": rows, "cursor": cursor}));
    // Empty pages, each with a cursor of its own.
    let empty = (0..1_100).map(|number| page(json!([]), format!("{number}.1")));
    server.state().faults.push_back(project.clone());
    server.state().faults.extend(empty);
    let error = Store::default().pull(&mut source).expect_err("no end");
    assert_eq!(error.kind, PullErrorKind::Answer);
    assert!(error.message.contains("empty pages"), "{error}");
    server.state().faults.clear();
    // A cursor that fills every row of the store, and one too long to be sent.
    server.state().faults.push_back(project.clone());
    let long = page(json!([row]), "c".repeat(5 << 20));
    server.state().faults.push_back(long);
    let error = Store::default().pull(&mut source).expect_err("too long");
    assert!(error.message.contains("cursor of 5242880 bytes"), "{error}");
    // A sample of a trace that has no end.
    let roots = Reply::json(200, &json!({"data": [{"root_span_id": "t1-root"}]}));
    let endless = (0..100).map(|number| page(json!([row]), format!("{number}.1")));
    let mut state = server.state();
    state.faults.extend([project, roots]);
    state.faults.extend(endless);
    drop(state);
    let sample = source.sample().expect("a sample");
    assert_eq!(sample.rows.len(), SAMPLED_PAGES);
    let left = server.state().faults.len();
    assert_eq!(left, 100 - SAMPLED_PAGES);
}

#[test]
fn faults_on_the_way_lose_nothing_and_it_goes_on_where_it_was_broken_off() {
    let (world, server, mut source) = world();
    for number in 0..120 {
        write(&server, &format!("t{number}"), world.clock.now());
        world.clock.advance(Duration::from_secs(1));
    }
    let fault = |status| Reply::json(status, &json!({"error": "no"}));
    let cut = Reply::json(200, &json!({"data": []})).ending(End::Cut);
    server.state().faults.extend([fault(503), cut, fault(500)]);
    let mut whole = Store::default();
    whole.pull(&mut source).expect("a pass");
    assert_all(&whole, &source, &server);
    for broken in 0..whole.pages {
        let mut store = Store::default();
        for _ in 0..broken {
            let page = source.page(&store.cursor).expect("a page");
            store.keep(page);
        }
        source.page(&store.cursor).expect("a page that is lost");
        let mut again = open_at(&world, &server.url(), &[]);
        store.pull(&mut again).expect("the rest");
        assert_eq!(
            store.traces(&source),
            whole.traces(&source),
            "broken off at {broken}"
        );
    }
}

#[test]
fn several_projects_are_asked_one_after_the_other_and_one_that_is_not_there_is_told() {
    let (world, server, _) = world();
    write(&server, "t1", world.clock.now());
    let both = SaidValue::Text(format!("{NAME}, {PROJECT}"));
    let mut source = open_at(&world, &server.url(), &[("project", both)]);
    let mut store = Store::default();
    store.pull(&mut source).expect("a pass");
    assert_eq!(store.pages, 2);
    assert_all(&store, &source, &server);
    let strange = SaidValue::Text("nobody's".to_owned());
    let mut source = open_at(&world, &server.url(), &[("project", strange)]);
    let error = source.page(&Value::Null).expect_err("not there");
    assert_eq!(error.kind, PullErrorKind::Missing);
    assert!(
        source
            .check()
            .iter()
            .any(|point| point.standing == Standing::Missing)
    );
}

#[test]
fn a_project_that_is_gone_keeps_no_other_from_being_read() {
    let (world, server, _) = world();
    write(&server, "t1", world.clock.now());
    let both = SaidValue::Text(format!("deleted, {NAME}"));
    let mut source = open_at(&world, &server.url(), &[("project", both)]);
    let mut store = Store::default();
    store.pull(&mut source).expect("a pass");
    assert_all(&store, &source, &server);
    write(&server, "t2", world.clock.now());
    store.pull(&mut source).expect("a pass");
    assert_all(&store, &source, &server);
    let told = store.findings.iter();
    let told: Vec<&str> = told
        .filter(|one| one.code == "braintrust/project")
        .map(|one| one.message.as_str())
        .collect();
    assert_eq!(told.len(), 2, "in each pass: {told:?}");
    assert!(told[0].contains("`deleted`"), "{told:?}");
}

#[test]
fn a_project_made_again_under_its_name_is_read_from_its_beginning() {
    let (world, server, mut source) = world();
    write(&server, "t1", world.clock.now());
    let mut store = Store::default();
    store.pull(&mut source).expect("a pass");
    let id = "77777777-9c1c-4c43-9d0b-2d6f0f0a1b2c";
    server.state().made_again = Some(id.to_owned());
    server.state().writes.clear();
    let earlier = cursor_before(&world, 86_400);
    write(&server, "older", earlier);
    store.pull(&mut source).expect("a pass");
    let traces = store.traces(&source);
    let projects: Vec<(&str, Option<&str>)> = traces
        .iter()
        .map(|one| (one.trace.id.as_str(), one.project.as_deref()))
        .collect();
    assert_eq!(
        projects,
        [("older-root", Some(id)), ("t1-root", Some(PROJECT))]
    );
}

fn cursor_before(world: &World, seconds: i64) -> Timestamp {
    world.clock.now() - jiff::SignedDuration::from_secs(seconds)
}

#[test]
fn a_sample_is_bounded_and_a_row_that_was_deleted_is_no_bad_row() {
    let (world, server, mut source) = world();
    let mut rows = run("t1", world.clock.now());
    let gone = json!({"id": "gone", "_object_delete": true});
    let tool = rows[2].clone();
    rows.extend((0..3_000).map(|number| {
        let mut row = tool.clone();
        row["id"] = json!(format!("r{number}"));
        row["span_id"] = json!(format!("s{number}"));
        row
    }));
    rows.push(gone);
    for row in rows {
        let now = world.clock.now();
        server.state().write(row, now);
    }
    let sample = source.sample().expect("a sample");
    assert_eq!(server.state().asked.len(), 2 + SAMPLED_PAGES);
    assert!(sample.rows.len() > 900, "{}", sample.rows.len());
    let mut store = Store::default();
    store.pull(&mut source).expect("a pass");
    assert_eq!(store.rows(), 3_003);
    assert_eq!(store.findings, []);
}

#[test]
fn a_cursor_that_stands_still_is_told_and_an_empty_page_with_it_is_the_end() {
    let (world, server, mut source) = world();
    write(&server, "t1", world.clock.now());
    let row = server.state().writes[0].clone();
    let still = Reply::json(200, &json!({"data": [row], "cursor": "1.1"}));
    let project = Reply::json(200, &json!({"objects": [{"id": PROJECT, "name": NAME}]}));
    server
        .state()
        .faults
        .extend([project, still.clone(), still.clone()]);
    let mut store = Store::default();
    let error = store.pull(&mut source).expect_err("no end");
    assert_eq!(error.kind, PullErrorKind::Answer);
    let empty = Reply::json(200, &json!({"data": [], "cursor": "1.1"}));
    server.state().faults.push_back(empty);
    store.pull(&mut source).expect("an end");
}

#[test]
fn what_is_ready_is_told_with_a_sample_and_an_estimate() {
    let (world, server, mut source) = world();
    write(&server, "t1", world.clock.now());
    let points = source.check();
    assert!(
        points.iter().all(|point| point.standing == Standing::Ready),
        "{points:?}"
    );
    assert_eq!(source.sample().expect("a sample").rows.len(), 3);
    let estimate = source
        .estimate(&Value::Null)
        .expect("an answer")
        .expect("known");
    assert_eq!(estimate.rows, Some(4));
    let wrong = SaidValue::Secret("sk-bt-wrong".to_owned());
    let mut source = open_at(&world, &server.url(), &[("apiKeyEnv", wrong)]);
    let error = source.page(&Value::Null).expect_err("denied");
    assert_eq!(error.kind, PullErrorKind::Denied);
    assert!(!format!("{error:?}").contains("sk-bt-wrong"));
}

#[test]
fn rows_in_any_order_and_attachments_without_their_bytes() {
    let (world, server, source) = world();
    let mut rows = run("t1", world.clock.now());
    rows[2]["output"] = json!({"type": "inline_attachment", "content_type": "image/png", "src": "data:image/png;base64,AAAA"});
    for row in rows {
        let now = world.clock.now();
        server.state().write(row, now);
    }
    let kept = |rows: Vec<Value>| Kept {
        spans: rows
            .into_iter()
            .filter_map(|row| match row {
                Value::Object(row) => row::span(row),
                _ => None,
            })
            .map(|row| KeptSpan {
                shared: None,
                body: row.body,
            })
            .collect(),
        ..Kept::default()
    };
    let writes = server.state().writes.clone();
    let mut findings = Vec::new();
    let whole = source
        .assemble("t1-root", kept(writes.clone()), &mut findings)
        .expect("a trace");
    let mut backwards = writes;
    backwards.reverse();
    backwards.extend(backwards.clone());
    let again = source.assemble("t1-root", kept(backwards), &mut findings);
    assert_eq!(again, Some(whole.clone()));
    let text = format!("{:?}", whole.trace);
    assert!(
        text.contains("blob:image/png:") && !text.contains("AAAA"),
        "{text}"
    );
    assert!(
        source
            .assemble("t1-root", Kept::default(), &mut findings)
            .is_none()
    );
}
