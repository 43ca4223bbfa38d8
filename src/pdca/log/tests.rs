//! Logs under many writers, after a cut, and from other tools.

use std::fs;
use std::sync::Arc;

use serde_json::json;

use super::*;
use crate::pdca::role::{Phase, Role};

fn log(folder: &Path) -> Log {
    let run = RunId::new("r").expect("an id");
    Log::new(folder.join("events/r.jsonl"), run)
}

fn now() -> Timestamp {
    "2026-04-03T10:00:00.7Z".parse().expect("a time")
}

fn note(number: usize) -> NewEvent {
    NewEvent::new(Kind::from("note"), Phase::Plan, json!({ "number": number }))
}

#[test]
fn a_line_is_as_documented() {
    let folder = tempfile::tempdir().expect("a folder");
    let log = log(folder.path());
    let start = NewEvent::new(Kind::RunStart, Phase::Plan, json!({"task": "x"}));
    log.append(start, now()).expect("appended");
    let agent = NewEvent::new(Kind::AgentStart, Phase::Plan, json!({})).by(Role::Creator);
    log.append(agent, now()).expect("appended");
    let fan_in = NewEvent::new(Kind::PhaseTransition, Phase::Do, json!([1])).after([1, 2]);
    log.append(fan_in, now()).expect("appended");
    let text = fs::read_to_string(log.path()).expect("a log");
    assert_eq!(
        text,
        concat!(
            r#"{"ts":"2026-04-03T10:00:00Z","run_id":"r","seq":1,"parent":[],"type":"run.start","phase":"plan","agent":null,"data":{"task":"x"}}"#,
            "\n",
            r#"{"ts":"2026-04-03T10:00:00Z","run_id":"r","seq":2,"parent":[1],"type":"agent.start","phase":"plan","agent":"creator","data":{}}"#,
            "\n",
            r#"{"ts":"2026-04-03T10:00:00Z","run_id":"r","seq":3,"parent":[1,2],"type":"phase.transition","phase":"do","agent":null,"data":{}}"#,
            "\n",
        )
    );
}

#[test]
fn twenty_writers_leave_ten_thousand_whole_lines_without_a_gap() {
    let folder = tempfile::tempdir().expect("a folder");
    let log = Arc::new(log(folder.path()));
    std::thread::scope(|scope| {
        for writer in 0..20 {
            let log = Arc::clone(&log);
            scope.spawn(move || {
                for number in 0..500 {
                    let event = note(writer * 500 + number).after([1]);
                    log.append(event, now()).expect("appended");
                }
            });
        }
    });
    let read = log.read().expect("readable").expect("there");
    assert_eq!(read.problems, []);
    let numbers: Vec<u64> = read.events.iter().map(|event| event.seq).collect();
    assert_eq!(numbers, (1..=10_000).collect::<Vec<u64>>());
    let numbers = read
        .events
        .iter()
        .filter_map(|event| event.number("number"));
    let mut written: Vec<u64> = numbers.collect();
    written.sort_unstable();
    assert_eq!(written, (0..10_000).collect::<Vec<u64>>());
}

#[test]
fn a_line_that_was_cut_off_anywhere_is_never_read_and_leaves_no_gap() {
    let folder = tempfile::tempdir().expect("a folder");
    let log = log(folder.path());
    log.append(note(1), now()).expect("appended");
    let first = fs::read(log.path()).expect("a log");
    log.append(note(2), now()).expect("appended");
    let both = fs::read(log.path()).expect("a log");
    for cut in first.len()..both.len() {
        fs::write(log.path(), &both[..cut]).expect("cut");
        let read = log.read().expect("readable").expect("there");
        assert_eq!(read.problems, [], "cut at {cut}");
        // Without its line end alone the event is whole.
        let is_whole = cut == both.len() - 1;
        assert_eq!(
            read.events.len(),
            if is_whole { 2 } else { 1 },
            "cut at {cut}"
        );
        let event = log.append(note(3), now()).expect("appended");
        assert_eq!(event.seq, if is_whole { 3 } else { 2 }, "cut at {cut}");
        let read = log.read().expect("readable").expect("there");
        assert_eq!(read.problems, [], "cut at {cut}");
        assert_eq!(read.events.last(), Some(&event));
    }
}

#[test]
fn parents_are_found_in_a_log_of_many_blocks() {
    let folder = tempfile::tempdir().expect("a folder");
    let log = log(folder.path());
    let start = |role: Role| NewEvent::new(Kind::AgentStart, Phase::Check, json!({})).by(role);
    let run = NewEvent::new(Kind::RunStart, Phase::Plan, json!({}));
    log.append(run, now()).expect("appended");
    log.append(start(Role::Sage), now()).expect("appended");
    // Longer than a block, so that lines lie across its edges.
    for number in 0..40 {
        let data = json!({ "number": number, "text": "x".repeat(5_000) });
        let event = NewEvent::new(Kind::from("note"), Phase::Check, data);
        assert_eq!(log.append(event, now()).expect("appended").parent, [1]);
    }
    let verdict = NewEvent::new(Kind::ReviewVerdict, Phase::Check, json!({}));
    let sage = log.append(verdict.clone().by(Role::Sage), now());
    assert_eq!(sage.expect("appended").parent, [2]);
    let guardian = log.append(verdict.by(Role::Guardian), now());
    assert_eq!(guardian.expect("appended").parent, [1]);
}

#[test]
fn a_line_without_end_that_no_event_is_as_long_as_is_passed_over() {
    let folder = tempfile::tempdir().expect("a folder");
    let log = log(folder.path());
    log.append(note(1), now()).expect("appended");
    let mut bytes = fs::read(log.path()).expect("a log");
    bytes.extend(vec![b'x'; LONGEST_LINE + 3 * BLOCK]);
    // Once as a whole line and once as one that was cut off.
    for end in [&b"\n"[..], b""] {
        fs::write(log.path(), [&bytes[..], end].concat()).expect("written");
        let event = log.append(note(2), now()).expect("appended");
        assert_eq!((event.seq, &event.parent[..]), (2, &[1][..]));
    }
}

#[test]
fn logs_of_other_tools_are_read_with_what_is_odd_told() {
    let text = concat!(
        r#"{"seq":2,"parent":1,"type":"review.verdict","phase":"CHECK","agent":"","data":[]}"#,
        "\n\nnot json\n[1]\n",
        r#"{"seq":"3","type":"x"}"#,
        "\n",
        r#"{"seq":1,"type":"run.start","ts":5}"#,
        "\n",
        r#"{"seq":4,"#,
    );
    let read = parse(text.as_bytes());
    let told: Vec<(usize, &str)> = read
        .problems
        .iter()
        .map(|problem| (problem.line, problem.reason.as_str()))
        .collect();
    assert_eq!(
        told,
        [
            (3, "expected ident"),
            (4, "it is no object"),
            (5, "it has no number `seq`")
        ]
    );
    let [start, verdict] = &read.events[..] else {
        panic!("two events, not {:?}", read.events);
    };
    assert_eq!((start.seq, start.ts.as_str()), (1, ""));
    assert_eq!(verdict.parent, [1]);
    assert_eq!(
        (verdict.phase.as_str(), verdict.agent.as_ref()),
        ("check", None)
    );
}
