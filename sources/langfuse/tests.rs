//! Passes against Langfuse on the loopback: after each, every trace is there once, as it is now.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use archal_core::clock::{Clock, Timestamp};
use archal_core::pull::{PullErrorKind, Rows, SaidValue, Standing};
use archal_core::push::{Kept, KeptSpan};
use archal_core::source::DecodedTrace;
use archal_core::trace::{ScoreOrigin, SpanKind, Status};
use archal_testkit::langfuse::{self as served, PROJECT, PUBLIC_KEY, Release, SECRET_KEY};
use archal_testkit::loopback::{End, Reply};
use serde_json::{Value, json};

use super::*;
use crate::client::world::{Store, World, at};

/// A server, and a source that asks it.
pub(super) fn world(
    release: Release,
    options: &[(&str, SaidValue)],
) -> (World, served::Langfuse, Langfuse) {
    let world = World::new();
    let server = served::Langfuse::new(release, Arc::clone(&world.clock) as Arc<dyn Clock>);
    let source = open_at(&world, &server.url(), options);
    (world, server, source)
}

pub(super) fn open_at(world: &World, url: &str, options: &[(&str, SaidValue)]) -> Langfuse {
    let mut all = vec![
        ("host", SaidValue::Text(url.to_owned())),
        ("publicKeyEnv", SaidValue::Secret(PUBLIC_KEY.to_owned())),
        ("secretKeyEnv", SaidValue::Secret(SECRET_KEY.to_owned())),
    ];
    all.extend_from_slice(options);
    Langfuse::open(&world.asking(&all)).expect("it opens")
}

pub(super) fn ago(world: &World, seconds: u64) -> Timestamp {
    cursor::before(world.clock.now(), Duration::from_secs(seconds)).expect("a time")
}

/// A run of an agent: a root, a call of a model, a call of a tool.
pub(super) fn run(name: &str, start: Timestamp) -> Vec<Value> {
    let later = |seconds: i64| start + jiff::SignedDuration::from_secs(seconds);
    let row = |id: &str, parent: Option<&str>, kind: &str, from: i64, to: i64| {
        json!({
            "id": format!("{name}-{id}"), "traceId": name, "projectId": PROJECT, "type": kind,
            "parentObservationId": parent.map(|parent| format!("{name}-{parent}")),
            "isRootObservation": parent.is_none(), "environment": "production",
            "startTime": later(from), "endTime": later(to), "createdAt": later(to),
            "updatedAt": later(to), "level": "DEFAULT", "traceName": "triage",
        })
    };
    let mut root = row("root", None, "AGENT", 0, 9);
    root["name"] = json!("triage-run");
    root["input"] = json!("close stale issues");
    root["output"] = json!(format!("Closed 8 issues of {name}"));
    let mut model = row("model", Some("root"), "GENERATION", 1, 3);
    model["name"] = json!("chat");
    model["providedModelName"] = json!("gpt-5");
    model["usageDetails"] =
        json!({"input": 100, "input_cached_tokens": 20, "output": 7, "total": 127});
    model["costDetails"] = json!({"total": 0.0021});
    model["input"] = json!([{"role": "user", "content": "close stale issues"}]);
    model["output"] = json!({"role": "assistant", "content": null, "tool_calls": [{"id": "c1",
        "type": "function", "function": {"name": "list_issues", "arguments": "{\"state\":\"open\"}"}}]});
    let mut tool = row("tool", Some("root"), "TOOL", 4, 6);
    tool["name"] = json!("list_issues");
    tool["input"] = json!({"state": "open"});
    tool["output"] = json!([{"number": 4}]);
    vec![root, model, tool]
}

fn outputs(traces: &[DecodedTrace]) -> BTreeMap<&str, &Value> {
    let known = traces.iter();
    let known = known.filter_map(|one| Some((one.trace.id.as_str(), one.trace.output.as_ref()?)));
    known.collect()
}

/// Every trace of the server is there once, whole, with what its root says now.
pub(super) fn assert_all(store: &Store, source: &Langfuse, server: &served::Langfuse) {
    let traces = store.traces(source);
    let outputs = outputs(&traces);
    let state = server.state();
    let mut spans: BTreeMap<&str, usize> = BTreeMap::new();
    for row in &state.observations {
        let id = row["traceId"].as_str().expect("an id");
        *spans.entry(id).or_default() += 1;
        if row["parentObservationId"].is_null() {
            assert_eq!(outputs.get(id), Some(&&row["output"]), "{id}");
        }
    }
    let found: BTreeMap<&str, usize> = traces
        .iter()
        .map(|one| (one.trace.id.as_str(), one.trace.spans.len()))
        .collect();
    assert_eq!(found, spans);
}

#[test]
fn a_run_is_what_it_was() {
    let (world, server, mut source) = world(Release::Four, &[]);
    server.state().observations = run("t1", ago(&world, 7_200));
    server.state().scores = vec![
        json!({"id": "s1", "name": "user-feedback", "value": -1, "dataType": "NUMERIC", "source": "ANNOTATION",
            "timestamp": ago(&world, 7_000), "comment": "wrong ones", "subject": {"kind": "trace", "id": "t1"}}),
        json!({"id": "s2", "name": "ok", "value": true, "dataType": "BOOLEAN", "source": "EVAL",
            "timestamp": ago(&world, 7_000), "subject": {"kind": "observation", "id": "t1-tool", "traceId": "t1"}}),
        json!({"id": "s3", "name": "of-a-session", "value": 1, "dataType": "NUMERIC", "source": "API",
            "timestamp": ago(&world, 7_000), "subject": {"kind": "session", "id": "x"}}),
    ];
    let mut store = Store::default();
    store.pull(&mut source).expect("a pass");
    assert_eq!(store.ended(), 1);
    let traces = store.traces(&source);
    let [one] = traces.as_slice() else {
        panic!("one trace: {traces:?}");
    };
    assert_eq!(one.project.as_deref(), Some(PROJECT));
    let trace = &one.trace;
    assert_eq!(trace.name, "triage");
    assert_eq!(trace.environment.as_deref(), Some("production"));
    assert_eq!(trace.input, Some(json!("close stale issues")));
    assert_eq!(trace.model.as_deref(), Some("gpt-5"));
    let scores: Vec<_> = trace
        .scores
        .iter()
        .map(|s| (&*s.name, &s.value, s.origin))
        .collect();
    assert_eq!(
        scores,
        [
            ("user-feedback", &json!(-1), ScoreOrigin::Human),
            ("ok", &json!(true), ScoreOrigin::Eval)
        ]
    );
    let kinds: Vec<SpanKind> = trace.spans.iter().map(|span| span.kind).collect();
    assert_eq!(kinds, [SpanKind::Agent, SpanKind::Llm, SpanKind::Tool]);
    let tool = trace.spans[2].tool.as_ref().expect("a call");
    assert_eq!(
        tool.call_id.as_deref(),
        Some("c1"),
        "joined with the model's"
    );
    assert_eq!(tool.arguments, Some(json!({"state": "open"})));
    assert_eq!(tool.result, Some(json!([{"number": 4}])));
    let usage = &trace.spans[1].llm.as_ref().expect("a call").usage;
    assert_eq!(
        (
            usage.input_tokens,
            usage.cached_tokens,
            usage.output_tokens,
            usage.cost_usd
        ),
        (Some(120), Some(20), Some(7), Some(0.0021))
    );
}

#[test]
fn short_and_empty_pages_are_no_end_and_what_comes_twice_is_there_once() {
    let (world, server, mut source) = world(Release::Four, &[]);
    for number in 0..120 {
        let rows = run(&format!("t{number}"), ago(&world, 3_600 + number * 600));
        server.state().observations.extend(rows);
    }
    server.state().is_ragged = true;
    let mut store = Store::default();
    store.pull(&mut source).expect("a pass");
    assert_all(&store, &source, &server);
    // The same again: the pass reads its overlap and nothing else changes.
    let before = store.traces(&source);
    store.pull(&mut source).expect("a pass");
    assert_eq!(store.traces(&source), before);
}

#[test]
fn what_comes_late_is_found_by_the_next_pass_and_what_is_edited_by_the_daily_look() {
    let (world, server, mut source) = world(Release::Four, &[]);
    server.state().observations = run("early", ago(&world, 7_200));
    let mut store = Store::default();
    store.pull(&mut source).expect("a pass");
    // Began ten minutes before that pass, shown only now.
    server
        .state()
        .observations
        .extend(run("late", ago(&world, 600)));
    world.clock.advance(Duration::from_secs(900));
    store.pull(&mut source).expect("a pass");
    assert_all(&store, &source, &server);

    // Far behind the overlap: one that is edited, and one that comes three hours late.
    world.clock.advance(Duration::from_secs(6 * 3_600));
    store.pull(&mut source).expect("a pass");
    let now = world.clock.now();
    {
        let mut state = server.state();
        for row in &mut state.observations {
            if row["id"] == "early-root" {
                row["output"] = json!("corrected by a person");
                row["updatedAt"] = json!(now);
            }
        }
        let mut rows = run("very-late", ago(&world, 3 * 3_600));
        for row in &mut rows {
            row["createdAt"] = json!(now);
            row["updatedAt"] = json!(now);
        }
        state.observations.extend(rows);
    }
    world.clock.advance(Duration::from_secs(60));
    store.pull(&mut source).expect("a pass");
    assert_eq!(
        store.traces(&source).len(),
        2,
        "a pass alone does not find it"
    );
    world.clock.advance(Duration::from_secs(24 * 3_600));
    store.pull(&mut source).expect("a pass");
    assert_all(&store, &source, &server);
    assert_eq!(
        outputs(&store.traces(&source))["early"],
        &json!("corrected by a person")
    );
}

#[test]
fn large_rows_make_small_pages_and_one_that_is_too_large_is_there_without_its_content() {
    let (world, server, mut source) = world(Release::Four, &[]);
    for number in 0..20 {
        let mut rows = run(&format!("t{number}"), ago(&world, 3_600 + number * 600));
        rows[2]["output"] = json!("x".repeat(600_000));
        server.state().observations.extend(rows);
    }
    let mut huge = run("huge", ago(&world, 60_000));
    huge[2]["output"] = json!("x".repeat(6 << 20));
    server.state().observations.extend(huge);
    let mut store = Store::default();
    store.pull(&mut source).expect("a pass");
    assert_all(&store, &source, &server);
    let traces = store.traces(&source);
    let huge = traces
        .iter()
        .find(|one| one.trace.id == "huge")
        .expect("there");
    let cut = &huge.trace.completeness.truncated;
    assert!(cut.contains(&"spans[2].output".to_owned()), "{cut:?}");
    let told = store.findings.iter();
    let told = told.filter(|one| one.code == "langfuse/too-large");
    assert_eq!(told.count(), 1, "{:?}", store.findings);
    // What is as large as may be is there whole.
    for one in traces.iter().filter(|one| one.trace.id != "huge") {
        let tool = one.trace.spans[2].tool.as_ref().expect("a call");
        assert_eq!(tool.result, Some(json!("x".repeat(600_000))));
        assert!(one.trace.completeness.truncated.is_empty());
    }
}

#[test]
fn what_the_database_cannot_sort_is_asked_for_in_halves_of_time() {
    let (world, server, mut source) = world(Release::Four, &[]);
    for number in 0..60 {
        let rows = run(&format!("t{number}"), ago(&world, 3_600 + number * 3_600));
        server.state().observations.extend(rows);
    }
    server.state().most_sorted = 25;
    let mut store = Store::default();
    store.pull(&mut source).expect("a pass");
    assert_all(&store, &source, &server);
}

#[test]
fn the_limit_is_not_reached_and_where_others_have_reached_it_it_is_waited_for() {
    let options = [("perMinute", SaidValue::Number(30))];
    let (world, server, mut source) = world(Release::Four, &options);
    for number in 0..800 {
        let rows = run(&format!("t{number:04}"), ago(&world, 3_600 + number * 60));
        server.state().observations.extend(rows);
    }
    server.state().per_minute = Some(30);
    let mut store = Store::default();
    store.pull(&mut source).expect("a pass");
    assert_all(&store, &source, &server);
    // What is there, and a page after the other: none was refused and asked for again.
    assert_eq!(store.requests, 1 + store.pages);
    // A colleague takes the rest of the minute.
    let held =
        Reply::json(429, &json!({"message": "Rate limit exceeded"})).header("retry-after", "41");
    server.state().per_minute = None;
    server.state().faults.push_back(held);
    let before = world.clock.monotonic();
    store.pull(&mut source).expect("a pass");
    assert!(world.clock.monotonic() - before >= Duration::from_secs(41));
}

#[test]
fn it_goes_on_wherever_it_was_broken_off() {
    let (world, server, source) = world(Release::Four, &[]);
    for number in 0..40 {
        let rows = run(&format!("t{number}"), ago(&world, 3_600 + number * 40_000));
        server.state().observations.extend(rows);
    }
    let mut whole = Store::default();
    let mut source = source;
    whole.pull(&mut source).expect("a pass");
    let pages = whole.pages;
    assert!(pages > 5, "{pages}");
    for broken in 0..pages {
        let mut store = Store::default();
        for _ in 0..broken {
            let page = source.page(&store.cursor).expect("a page");
            store.keep(page);
        }
        // The page came, and its rows and cursor were lost with the process.
        source.page(&store.cursor).expect("a page");
        let mut again = open_at(&world, &server.url(), &[]);
        store.pull(&mut again).expect("the rest");
        assert_eq!(store.rows(), whole.rows(), "broken off at page {broken}");
        assert_eq!(store.traces(&source), whole.traces(&source));
    }
}

#[test]
fn faults_on_the_way_lose_nothing() {
    let (world, server, mut source) = world(Release::Four, &[]);
    for number in 0..60 {
        let rows = run(&format!("t{number}"), ago(&world, 3_600 + number * 600));
        server.state().observations.extend(rows);
    }
    let fault = |status| Reply::json(status, &json!({"message": "no"}));
    let cut = Reply::json(200, &json!({"data": [], "meta": {}})).ending(End::Cut);
    server
        .state()
        .faults
        .extend([fault(500), cut, fault(503), fault(524)]);
    let mut store = Store::default();
    store.pull(&mut source).expect("a pass");
    assert_all(&store, &source, &server);
    // A server that is down is told, and what is known stays.
    server.state().faults.extend(vec![fault(503); 500]);
    let error = store.pull(&mut source).expect_err("it is down");
    assert_eq!(error.kind, PullErrorKind::Unreachable);
    server.state().faults.clear();
    store.pull(&mut source).expect("a pass");
    assert_all(&store, &source, &server);
}

#[test]
fn a_cursor_that_stands_still_is_told() {
    let (world, server, mut source) = world(Release::Four, &[]);
    server.state().observations = run("t", ago(&world, 3_600));
    let still = Reply::json(200, &json!({"data": [], "meta": {"cursor": "same"}}));
    let scores = Reply::json(200, &json!({"data": [], "meta": {}}));
    let probe = scores.clone();
    server
        .state()
        .faults
        .extend([probe, scores, still.clone(), still]);
    let error = Store::default().pull(&mut source).expect_err("no end");
    assert_eq!(error.kind, PullErrorKind::Answer);
}

#[test]
fn long_metadata_is_read_whole() {
    let (world, server, mut source) = world(Release::Four, &[]);
    let long = "y".repeat(5_000);
    for number in 0..300 {
        let mut rows = run(&format!("t{number}"), ago(&world, 3_600 + number * 600));
        rows[0]["metadata"] = json!({"transcript": long, "short": "x"});
        server.state().observations.extend(rows);
    }
    let mut store = Store::default();
    store.pull(&mut source).expect("a pass");
    for one in store.traces(&source) {
        let root = &one.trace.spans[0].attributes;
        assert_eq!(
            root["langfuse.observation.metadata.transcript"],
            json!(long)
        );
    }
    let asked = server.state();
    let again = asked
        .asked
        .iter()
        .filter(|one| one.parameter("fields") == Some("core,metadata"));
    assert_eq!(again.count(), 1, "its name is known from then on");
}

#[test]
fn a_name_of_metadata_that_is_a_secret_stands_in_no_cursor() {
    let (world, server, mut source) = world(Release::Four, &[]);
    let mut rows = run("t", ago(&world, 3_600));
    let long = "y".repeat(500);
    rows[0]["metadata"] = json!({"AKIAQ3EGRT7ZXW5BNMKL": long, "transcript_of_2026": long});
    server.state().observations = rows;
    let mut store = Store::default();
    store.pull(&mut source).expect("a pass");
    let cursor = store.cursor.to_string();
    assert!(cursor.contains("transcript_of_2026"), "{cursor}");
    assert!(!cursor.contains("AKIA"), "{cursor}");
    assert_eq!(
        store.findings.last().map(|one| one.code.as_str()),
        Some("langfuse/cut-metadata")
    );
}

#[test]
fn releases_before_four_are_read_by_trace_and_an_update_is_noticed() {
    for release in [Release::Three, Release::Four] {
        let (world, server, mut source) = world(release, &[]);
        for number in 0..130 {
            let start = ago(&world, 3_600 + number * 600);
            let name = format!("t{number}");
            let mut rows = run(&name, start);
            if number == 7 {
                // An SDK of that time: the trace is the root.
                rows.remove(0);
                for row in &mut rows {
                    row["parentObservationId"] = Value::Null;
                    row["isRootObservation"] = Value::Null;
                }
            }
            let mut state = server.state();
            state.observations.extend(rows);
            state.traces.push(
                json!({"id": name, "timestamp": start, "name": "triage", "projectId": PROJECT,
                "input": {"ask": "x"}, "output": format!("Closed 8 issues of {name}"),
                "tags": ["a"], "environment": "default", "updatedAt": start, "createdAt": start}),
            );
        }
        let mut store = Store::default();
        store.pull(&mut source).expect("a pass");
        let traces = store.traces(&source);
        assert_eq!(traces.len(), 130);
        assert_eq!(store.ended(), 130);
        let of = |id: &str| traces.iter().find(|one| one.trace.id == id).expect("there");
        let told = store
            .findings
            .iter()
            .filter(|one| one.code == "langfuse/deprecated");
        if release == Release::Three {
            assert_eq!(of("t7").trace.output, Some(json!("Closed 8 issues of t7")));
            assert_eq!(of("t7").trace.spans.len(), 3, "with a root of its own");
            assert_eq!(of("t7").trace.completeness.orphans, 0);
            assert_eq!(of("t8").trace.input, Some(json!({"ask": "x"})));
            assert_eq!(told.count(), 1);
            // The server is updated, and has no traces any more.
            server.state().release = Release::EventsOnly;
            store.pull(&mut source).expect("a pass over the other API");
            let note = store
                .findings
                .iter()
                .filter(|one| one.code == "langfuse/api");
            assert_eq!(note.count(), 2);
        } else {
            assert_eq!(told.count(), 0, "what is new is asked where it is there");
        }
    }
}

#[test]
fn who_is_not_known_is_told_and_asked_nothing_else() {
    let (world, server, _) = world(Release::Three, &[]);
    let wrong = SaidValue::Secret("sk-lf-wrong".to_owned());
    let mut source = open_at(&world, &server.url(), &[("secretKeyEnv", wrong)]);
    let error = Store::default().pull(&mut source).expect_err("denied");
    assert_eq!(error.kind, PullErrorKind::Denied);
    assert_eq!(server.state().asked.len(), 1);
    assert!(!format!("{error:?}").contains("sk-lf-wrong"));
    let points = source.check();
    let missing: Vec<&str> = points
        .iter()
        .filter(|point| point.standing == Standing::Missing)
        .map(|point| point.name)
        .collect();
    assert_eq!(missing, ["credentials"]);
}

#[test]
fn what_is_ready_is_told_with_a_sample_and_an_estimate() {
    let (world, server, mut source) = world(Release::Four, &[]);
    server.state().observations = run("t1", ago(&world, 3_600));
    let points = source.check();
    assert!(
        points.iter().all(|point| point.standing == Standing::Ready),
        "{points:?}"
    );
    let page = source.sample().expect("a sample");
    assert_eq!(page.rows.len(), 3);
    let estimate = source
        .estimate(&Value::Null)
        .expect("an answer")
        .expect("known");
    assert_eq!(estimate.rows, Some(3));
    let mut variables = world.asking(&[("host", SaidValue::Text(server.url()))]);
    let error = Langfuse::open(&variables).err().expect("no keys");
    assert_eq!(error.kind, PullErrorKind::Options);
    variables.name.clear();
    assert!(
        error
            .advice
            .expect("advice")
            .contains("LANGFUSE_PUBLIC_KEY")
    );
}

#[test]
fn projects_of_an_organisation_share_its_limit() {
    let (world, server, _) = world(Release::Four, &[]);
    let organisation = ("organisation", SaidValue::Text("acme".to_owned()));
    let other = ("publicKeyEnv", SaidValue::Secret("pk-lf-other".to_owned()));
    for options in [vec![organisation.clone()], vec![organisation, other]] {
        let mut source = open_at(&world, &server.url(), &options);
        _ = source.page(&Value::Null);
    }
    assert_eq!(world.buckets().len(), 1, "{:?}", world.buckets());
}

#[test]
fn an_end_is_not_waited_for() {
    let (world, server, mut source) = world(Release::Four, &[]);
    server.state().observations = run("t1", ago(&world, 3_600));
    world.patience.store(0, Ordering::SeqCst);
    let error = source.page(&Value::Null).expect_err("stopped");
    assert_eq!(error.kind, PullErrorKind::Stopped);
}

#[test]
fn rows_that_came_late_join_what_was_given_out() {
    let rows = run("t1", at("2026-01-01T00:00:00Z"));
    let kept = |rows: &[Value]| {
        let spans = rows.iter().filter_map(|row| match row {
            Value::Object(row) => row::observation(row.clone()),
            _ => None,
        });
        let spans = spans.map(|row| KeptSpan {
            shared: None,
            body: row.body,
        });
        Kept {
            spans: spans.collect(),
            ..Kept::default()
        }
    };
    let mut findings = Vec::new();
    let whole = adapter::assemble("t1", kept(&rows), &mut findings).expect("a trace");
    let mut backwards = rows.clone();
    backwards.reverse();
    backwards.extend(rows.clone());
    let again = adapter::assemble("t1", kept(&backwards), &mut findings);
    assert_eq!(
        again.as_ref(),
        Some(&whole),
        "in any order and however often"
    );

    let first = adapter::assemble("t1", kept(&rows[1..2]), &mut findings).expect("a part");
    let mut late = kept(&[rows[0].clone(), rows[2].clone()]);
    late.earlier = Some(first);
    let joined = adapter::assemble("t1", late, &mut findings).expect("the union");
    assert_eq!(joined.trace.spans.len(), 3);
    assert_eq!(joined.trace.name, whole.trace.name);
    assert_eq!(joined.trace.output, whole.trace.output);

    // A span that was changed takes the place of what it was, even where it says less now.
    let mut changed = rows[0].clone();
    changed["output"] = json!("no");
    changed["level"] = json!("ERROR");
    changed["statusMessage"] = json!("rate limited");
    let mut edited = kept(&[changed]);
    edited.earlier = Some(whole);
    let edited = adapter::assemble("t1", edited, &mut findings).expect("the union");
    assert_eq!(edited.trace.output, Some(json!("no")));
    assert_eq!(edited.trace.status, Status::Error);
    assert_eq!(edited.trace.error.as_deref(), Some("rate limited"));
    assert_eq!(edited.trace.spans.len(), 3);
    // A score alone is no trace.
    let score = KeptSpan {
        shared: None,
        body: json!({"score": {"id": "s", "name": "n", "value": 1}}),
    };
    let alone = Kept {
        spans: vec![score],
        ..Kept::default()
    };
    assert!(adapter::assemble("t1", alone, &mut findings).is_none());
}
