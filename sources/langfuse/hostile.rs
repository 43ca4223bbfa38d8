//! What a service, or somebody in its place, may answer; and verdicts that it takes.

use std::time::Duration;

use archal_core::clock::Clock;
use archal_core::pull::{PullErrorKind, Rows, SaidValue, Score, Scores};
use archal_testkit::langfuse::{PROJECT, Release};
use archal_testkit::loopback::Reply;
use serde_json::{Value, json};

use super::tests::{ago, assert_all, open_at, run, world};
use crate::client::world::Store;

fn empty() -> Reply {
    Reply::json(200, &json!({"data": [], "meta": {}}))
}

#[test]
fn a_service_without_an_end_is_left() {
    let (_world, server, mut source) = world(Release::Four, &[]);
    // What there is and its scores, then empty pages, each with a cursor of its own.
    let page = |cursor: String| Reply::json(200, &json!({"data": [], "meta": {"cursor": cursor}}));
    server.state().faults.extend([empty(), empty()]);
    let pages = (0..1_100).map(|number| page(format!("c{number}")));
    server.state().faults.extend(pages);
    let error = Store::default().pull(&mut source).expect_err("no end");
    assert_eq!(error.kind, PullErrorKind::Answer);
    assert!(error.message.contains("empty pages"), "{error}");
    server.state().faults.clear();
    for scores in [true, false] {
        server.state().faults.push_back(empty());
        if !scores {
            server.state().faults.push_back(empty());
        }
        server.state().faults.push_back(page("c".repeat(5 << 20)));
        let error = Store::default().pull(&mut source).expect_err("too long");
        assert_eq!(error.kind, PullErrorKind::Answer);
        assert!(error.message.contains("cursor of 5242880 bytes"), "{error}");
        server.state().faults.clear();
    }
}

#[test]
fn what_is_no_text_costs_no_more_than_its_row() {
    let (world, server, mut source) = world(Release::Four, &[]);
    server.state().observations = run("t1", ago(&world, 7_200));
    let mut rows = run("t2", ago(&world, 7_200));
    rows[0]["output"] = json!("BROKEN");
    let mut reply = Reply::json(200, &json!({"data": rows, "meta": {}}));
    let text = String::from_utf8(reply.body).expect("text");
    let (before, after) = text.split_once("BROKEN").expect("there");
    reply.body = [before.as_bytes(), b"caf\xe9 \xff\xfe", after.as_bytes()].concat();
    server.state().faults.extend([empty(), empty(), reply]);
    let mut store = Store::default();
    store.pull(&mut source).expect("a pass");
    let traces = store.traces(&source);
    let [one] = traces.as_slice() else {
        panic!("one trace: {traces:?}");
    };
    assert_eq!(one.trace.spans.len(), 3);
    let output = one.trace.output.as_ref().and_then(Value::as_str);
    assert!(
        output.is_some_and(|text| text.starts_with("caf")),
        "{output:?}"
    );
}

#[test]
fn a_page_for_browsers_in_the_middle_loses_nothing() {
    let (world, server, mut source) = world(Release::Four, &[]);
    for number in 0..60 {
        let rows = run(&format!("t{number}"), ago(&world, 3_600 + number * 600));
        server.state().observations.extend(rows);
    }
    let mut store = Store::default();
    let page = source.page(&store.cursor).expect("a page");
    store.keep(page);
    let mut sign_in = empty();
    sign_in.body = b"<!doctype html><title>Sign in</title>".to_vec();
    server.state().faults.push_back(sign_in);
    let error = store.pull(&mut source).expect_err("no answer");
    assert_eq!(error.kind, PullErrorKind::Answer);
    store.pull(&mut source).expect("a pass");
    assert_all(&store, &source, &server);
}

fn verdict(label: &str) -> Score {
    Score {
        id: "archal-1".to_owned(),
        trace: "t1".to_owned(),
        label: label.to_owned(),
        comment: "it claims what nothing shows".to_owned(),
        environment: Some("production".to_owned()),
        metadata: json!({"revision": "r"}),
    }
}

#[test]
fn a_verdict_is_there_once_and_is_no_evidence() {
    let (world, server, mut source) = world(Release::Four, &[]);
    server.state().observations = run("t1", ago(&world, 7_200));
    for label in ["fail", "fail", "ok"] {
        source.give(&verdict(label)).expect("taken");
    }
    {
        let state = server.state();
        assert_eq!(state.asked.len(), 3, "one request each");
        let [score] = state.scores.as_slice() else {
            panic!("one score: {:?}", state.scores);
        };
        let told = ["name", "value", "dataType", "environment"].map(|name| &score[name]);
        assert_eq!(told, ["archal.grade", "ok", "CATEGORICAL", "production"]);
        assert_eq!(score["subject"], json!({"kind": "trace", "id": "t1"}));
        assert_eq!(score["comment"], "it claims what nothing shows");
    }
    let start = ago(&world, 7_200);
    server.state().traces = vec![json!({"id": "t1", "timestamp": start, "updatedAt": start,
        "name": "triage", "projectId": PROJECT})];
    for release in [Release::Four, Release::Three] {
        server.state().release = release;
        let mut store = Store::default();
        let mut source = open_at(&world, &server.url(), &[]);
        store.pull(&mut source).expect("a pass");
        let traces = store.traces(&source);
        let [one] = traces.as_slice() else {
            panic!("one trace: {traces:?}");
        };
        assert_eq!(one.trace.scores, []);
    }
}

#[test]
fn a_verdict_that_is_not_taken_is_told_at_once_and_without_a_secret() {
    let (world, server, mut source) = world(Release::Four, &[]);
    let limited = Reply::json(429, &json!({"message": "slow"})).header("retry-after", "41");
    server.state().faults.push_back(limited);
    let error = source.give(&verdict("ok")).expect_err("not now");
    let after = Some(Duration::from_secs(41));
    assert_eq!(error.kind, PullErrorKind::Limited { after });
    assert!(world.clock.monotonic() < Duration::from_secs(5));
    world.clock.advance(Duration::from_secs(60));
    let mut odd = verdict("ok");
    odd.environment = Some("Not A Name".to_owned());
    let error = source.give(&odd).expect_err("refused");
    assert_eq!(error.kind, PullErrorKind::Answer);
    let wrong = SaidValue::Secret("sk-lf-wrong".to_owned());
    let mut stranger = open_at(&world, &server.url(), &[("secretKeyEnv", wrong)]);
    let error = stranger.give(&verdict("ok")).expect_err("denied");
    assert_eq!(error.kind, PullErrorKind::Denied);
    assert!(!format!("{error:?}").contains("sk-lf-wrong"));
    assert_eq!(server.state().scores.len(), 0);
}
