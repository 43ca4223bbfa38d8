//! Servers that are down, and traces that cannot be fetched: the one is told and loses nothing, the others
//! cost themselves.

use super::tests::{ago, assert_all, run, world};
use super::*;
use crate::client::world::{Store, World};
use archal_core::clock::Clock;
use archal_core::pull::SaidValue;
use archal_testkit::langfuse::{self as served, PROJECT, Release};
use archal_testkit::loopback::Reply;
use serde_json::json;
use std::time::Duration;

/// A trace of a release before 4, with so many observations under its root.
fn old_trace(world: &World, server: &served::Langfuse, name: &str, observations: usize) {
    let start = ago(world, 7_200);
    let mut rows = run(name, start);
    let tool = rows[2].clone();
    rows.extend((3..observations).map(|number| {
        let mut row = tool.clone();
        row["id"] = json!(format!("{name}-{number}"));
        row
    }));
    let mut state = server.state();
    state.observations.extend(rows);
    state.traces.push(
        json!({"id": name, "timestamp": start, "name": "triage", "projectId": PROJECT,
        "input": "the trace's own input", "output": "x", "environment": "production",
        "updatedAt": start, "createdAt": start}),
    );
}

fn down() -> Reply {
    Reply::json(503, &json!({"message": "deploying"}))
}

fn told<'a>(store: &'a Store, code: &str) -> Vec<&'a str> {
    let told = store.findings.iter().filter(|one| one.code == code);
    told.map(|one| one.message.as_str()).collect()
}

#[test]
fn an_outage_is_not_taken_for_a_row_that_is_too_large() {
    let (world, server, mut source) = world(Release::Four, &[]);
    for number in 0..40 {
        let rows = run(&format!("t{number}"), ago(&world, 3_600 + number * 600));
        server.state().observations.extend(rows);
    }
    let mut store = Store::default();
    store.keep(source.page(&store.cursor).expect("scores"));
    // Two tries for each of 100, 50, 25, 12, 6 and 3 rows, five for one: then it is over.
    server.state().faults.extend(vec![down(); 17]);
    store.pull(&mut source).expect("a pass");
    assert!(server.state().faults.is_empty());
    assert_all(&store, &source, &server);
    assert_eq!(told(&store, "langfuse/too-large"), [""; 0]);
    for one in store.traces(&source) {
        assert_eq!(one.trace.completeness.truncated, [""; 0]);
    }
}

#[test]
fn a_row_whose_content_langfuse_cannot_give_is_there_without_it() {
    let (world, server, mut source) = world(Release::Four, &[]);
    for number in 0..4 {
        let rows = run(&format!("t{number}"), ago(&world, 3_600 + number * 600));
        server.state().observations.extend(rows);
    }
    server.state().broken.insert("t2-tool".to_owned());
    let mut store = Store::default();
    store.pull(&mut source).expect("a pass");
    assert_all(&store, &source, &server);
    let [told] = told(&store, "langfuse/too-large")[..] else {
        panic!("{:?}", store.findings);
    };
    assert!(told.contains("`t2-tool`"), "{told}");
}

#[test]
fn an_outage_leaves_no_observation_of_an_old_release_out() {
    let (world, server, mut source) = world(Release::Three, &[]);
    old_trace(&world, &server, "t1", 100);
    let mut store = Store::default();
    store.keep(
        source
            .page(&store.cursor)
            .expect("no scores of that release"),
    );
    store.keep(source.page(&store.cursor).expect("scores"));
    // The trace is tried twice, 64 to 2 observations twice each, and one five times.
    for (faults, is_over) in [(19, true), (60, false)] {
        let mut tried = store.clone();
        let list = numbered_list(&server);
        server.state().faults.push_back(list);
        server.state().faults.extend(vec![down(); faults]);
        let passed = tried.pull(&mut source);
        server.state().faults.clear();
        if !is_over {
            assert_eq!(passed.expect_err("down").kind, PullErrorKind::Unreachable);
            assert_eq!(tried.cursor, store.cursor);
            assert_eq!(tried.rows(), 0, "nothing that is less than it is");
            continue;
        }
        passed.expect("a pass");
        let traces = tried.traces(&source);
        assert_eq!(traces[0].trace.spans.len(), 100);
        assert_eq!(traces[0].trace.completeness.dropped, 0);
        assert_eq!(tried.ended(), 1);
    }
}

/// The page of the list of traces, as the server gives it.
fn numbered_list(server: &served::Langfuse) -> Reply {
    let state = server.state();
    let rows: Vec<&Value> = state.traces.iter().collect();
    Reply::json(
        200,
        &json!({"data": rows, "meta": {"page": 1, "totalPages": 1}}),
    )
}

#[test]
fn an_observation_of_an_old_release_that_cannot_be_given_is_counted_as_lost() {
    let (world, server, mut source) = world(Release::Three, &[]);
    old_trace(&world, &server, "t1", 130);
    old_trace(&world, &server, "t2", 3);
    server.state().broken.insert("t1-77".to_owned());
    let mut store = Store::default();
    store.pull(&mut source).expect("a pass");
    let traces = store.traces(&source);
    let spans: Vec<(usize, u64)> = traces
        .iter()
        .map(|one| (one.trace.spans.len(), one.trace.completeness.dropped))
        .collect();
    assert_eq!(spans, [(129, 1), (3, 0)]);
    assert_eq!(traces[0].trace.input, Some(json!("the trace's own input")));
    assert_eq!(store.ended(), 2, "its root was read");
    assert_eq!(told(&store, "langfuse/too-large").len(), 1);
    assert!(store.requests < 60, "{}", store.requests);

    // One of which nothing can be given is not asked for row by row to its end.
    let all = (0..130).map(|number| format!("t1-{number}"));
    let all = all.chain(["t1-root", "t1-model", "t1-tool"].map(str::to_owned));
    server.state().broken = all.collect();
    let mut store = Store::default();
    store.pull(&mut source).expect("a pass");
    assert!(store.requests < 90, "{}", store.requests);
    assert_eq!(store.ended(), 1, "the other one");
}

#[test]
fn what_a_trace_of_an_old_release_has_itself_is_read_or_told_to_be_cut() {
    let (world, server, mut source) = world(Release::Three, &[]);
    old_trace(&world, &server, "t1", 10);
    server.state().traces[0]["input"] = json!("x".repeat(6 << 20));
    // Two spans without a parent: the trace is their root.
    server.state().observations[1]["parentObservationId"] = Value::Null;
    let mut store = Store::default();
    store.pull(&mut source).expect("a pass");
    let trace = &store.traces(&source)[0].trace;
    assert_eq!(trace.name, "triage");
    assert_eq!(
        trace.completeness.truncated,
        ["spans[0].input", "spans[0].output"]
    );
    // Who is not heard to the end is asked again, and nothing is taken for all there is.
    let mut store = Store::default();
    for _ in 0..2 {
        store.keep(source.page(&store.cursor).expect("scores"));
    }
    let list = numbered_list(&server);
    let too_large = Reply::json(413, &json!({"message": "too large"}));
    let rows: Vec<Value> = server.state().observations.clone();
    let rows = json!({"data": rows, "meta": {"totalPages": 1, "totalItems": 10}});
    let faults = [list, too_large, Reply::json(200, &rows)];
    server.state().faults.extend(faults);
    server.state().faults.extend(vec![down(); 20]);
    let error = store.pull(&mut source).expect_err("down");
    assert_eq!(error.kind, PullErrorKind::Unreachable);
    assert_eq!(store.rows(), 0);
}

#[test]
fn a_trace_that_cannot_be_fetched_keeps_no_other_from_being_read() {
    // By the list of an old release.
    let (world, server, mut source) = world(Release::Three, &[]);
    for name in ["t1", "t2", "t3"] {
        old_trace(&world, &server, name, 3);
    }
    server.state().unreadable.insert("t2".to_owned());
    let mut store = Store::default();
    store.pull(&mut source).expect("a pass");
    assert_eq!(store.traces(&source).len(), 2);
    let [told_of] = told(&store, "langfuse/unreadable-trace")[..] else {
        panic!("{:?}", store.findings);
    };
    assert!(
        told_of.contains("`t2`") && told_of.contains("422"),
        "{told_of}"
    );
}

#[test]
fn a_changed_trace_that_cannot_be_fetched_does_not_end_the_daily_look() {
    let (world, server, mut source) = world(Release::Four, &[]);
    for name in ["t1", "t2"] {
        server
            .state()
            .observations
            .extend(run(name, ago(&world, 3 * 3_600)));
    }
    let mut store = Store::default();
    store.pull(&mut source).expect("a pass");
    world.clock.advance(Duration::from_secs(24 * 3_600));
    let now = world.clock.now();
    for row in &mut server.state().observations {
        row["updatedAt"] = json!(now);
        row["output"] = json!("by now");
    }
    server.state().unreadable.insert("t1".to_owned());
    store.pull(&mut source).expect("a pass with the look");
    assert_eq!(told(&store, "langfuse/unreadable-trace").len(), 1);
    let traces = store.traces(&source);
    assert_eq!(traces[1].trace.output, Some(json!("by now")));
    // What is new is read as ever.
    server
        .state()
        .observations
        .extend(run("t3", ago(&world, 60)));
    store.pull(&mut source).expect("a pass");
    assert_eq!(store.traces(&source).len(), 3);
}

#[test]
fn what_came_late_while_nobody_asked_is_found_by_the_next_look() {
    let (world, server, mut source) = world(Release::Four, &[]);
    let mut store = Store::default();
    store.pull(&mut source).expect("Friday's pass");
    // A run goes on over the end of that day, and its root is written at its end.
    let start = ago(&world, 3_600);
    world.clock.advance(Duration::from_secs(20 * 60));
    let mut rows = run("over-the-end", start);
    for row in &mut rows {
        row["createdAt"] = json!(world.clock.now());
        row["updatedAt"] = json!(world.clock.now());
    }
    server.state().observations.extend(rows);
    world.clock.advance(Duration::from_secs(63 * 3_600));
    store.pull(&mut source).expect("Monday's pass");
    assert_all(&store, &source, &server);
    assert_eq!(store.traces(&source).len(), 1);
}

#[test]
fn a_look_whose_window_is_halved_reads_the_half_from_its_beginning() {
    let (world, server, mut source) = world(Release::Three, &[]);
    for number in 0..250 {
        let start = ago(&world, 30 * 3_600 - number * 400);
        let name = format!("t{number:03}");
        let mut state = server.state();
        state.observations.extend(run(&name, start));
        state.traces.push(json!({"id": name, "timestamp": start, "name": "triage",
            "projectId": PROJECT, "environment": "production", "updatedAt": start, "createdAt": start}));
    }
    let mut store = Store::default();
    store.pull(&mut source).expect("a pass");
    world.clock.advance(Duration::from_secs(14 * 3_600));
    store.pull(&mut source).expect("a pass");
    world.clock.advance(Duration::from_secs(10 * 3_600));
    let now = world.clock.now();
    {
        let mut state = server.state();
        state.traces[240]["updatedAt"] = json!(now);
        state.traces[240]["output"] = json!("by now");
    }
    loop {
        let page = source.page(&store.cursor).expect("a page");
        assert!(!page.is_last, "it looks for changes");
        store.keep(page);
        let stage = &store.cursor["pass"]["stage"];
        if stage["is_listed"] == false && stage["walk"]["page"] == 3 {
            break;
        }
    }
    let slow = Reply::json(422, &json!({"error": "Request timed out"}));
    server.state().faults.push_back(slow);
    store.pull(&mut source).expect("the rest");
    let traces = store.traces(&source);
    assert_eq!(traces[240].trace.output, Some(json!("by now")));
}

#[test]
fn scores_of_several_environments_are_asked_for_as_each_release_understands_it() {
    for release in [Release::Three, Release::Four] {
        let both = SaidValue::Text("production, staging".to_owned());
        let (world, server, mut source) = world(release, &[("environment", both)]);
        old_trace(&world, &server, "t1", 3);
        server.state().scores = vec![
            json!({"id": "s1", "name": "ok", "value": 1, "dataType": "NUMERIC", "source": "API",
                "environment": "staging", "timestamp": ago(&world, 7_000),
                "subject": {"kind": "trace", "id": "t1"}}),
        ];
        let mut store = Store::default();
        for _ in 0..2 {
            store.keep(source.page(&store.cursor).expect("a page of scores"));
        }
        assert_eq!(store.rows_of(adapter::SCORE), 1, "{release:?}");
    }
}
