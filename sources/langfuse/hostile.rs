//! What a service, or somebody in its place, may answer.

use archal_core::pull::{PullErrorKind, Rows};
use archal_testkit::langfuse::Release;
use archal_testkit::loopback::Reply;
use serde_json::{Value, json};

use super::tests::{ago, assert_all, run, world};
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
