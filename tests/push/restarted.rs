//! What lies in the spool when a source starts again: whole, torn, broken, long given out.

use std::fs;
use std::path::Path;

use archal::ingest::spool::SpoolLimits;

use super::served::{Served, Told, at_once, export, never, options, trace_id, traces};

const ROOT: &str = "00000000000000a1";

fn push(served: &Served, number: u64) {
    let answer = served.post_json(&export(&trace_id(number), &[(ROOT, "")]));
    assert_eq!(answer.status, 200);
}

fn segment(folder: &Path) -> std::path::PathBuf {
    folder.join("spool/00000001.seg")
}

#[test]
fn what_was_not_given_out_is_given_out_after_a_restart_and_a_torn_tail_is_cut() {
    let folder = tempfile::tempdir().expect("a folder");
    let served = Served::start(options("otel", folder.path(), never()));
    for number in 0..3 {
        push(&served, number);
    }
    served.end();
    assert!(traces(&folder.path().join("traces")).is_empty());
    let path = segment(folder.path());
    let whole = fs::read(&path).expect("a segment");
    fs::write(&path, &whole[..whole.len() - 7]).expect("writable");

    let served = Served::start(options("otel", folder.path(), at_once()));
    let codes: Vec<&str> = served
        .recovered
        .diagnostics
        .iter()
        .map(|finding| finding.code.as_str())
        .collect();
    assert_eq!(codes, ["spool/torn-tail"]);
    assert_eq!(served.recovered.records, 2);
    assert_eq!(served.packed().traces, 2);
    let read = traces(&served.traces);
    assert!(read.contains_key(&trace_id(0)) && read.contains_key(&trace_id(1)));
    served.end();
    assert!(!path.exists(), "nothing needs it any more");
}

#[test]
fn a_record_with_a_wrong_checksum_costs_itself() {
    let folder = tempfile::tempdir().expect("a folder");
    let served = Served::start(options("otel", folder.path(), never()));
    for number in 0..3 {
        push(&served, number);
    }
    served.end();
    let path = segment(folder.path());
    let mut bytes = fs::read(&path).expect("a segment");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0x20;
    fs::write(&path, &bytes).expect("writable");

    let served = Served::start(options("otel", folder.path(), at_once()));
    assert_eq!(served.recovered.records, 2);
    assert_eq!(served.recovered.diagnostics[0].code, "spool/broken-record");
    assert_eq!(served.packed().traces, 2);
}

#[test]
fn a_span_that_comes_after_its_trace_was_let_go_is_added_to_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let served = Served::start(options("otel", folder.path(), at_once()));
    push(&served, 1);
    served.packed();
    // While its spans are kept a late one makes a new revision.
    let late = export(&trace_id(1), &[("00000000000000b1", ROOT)]);
    assert_eq!(served.post_json(&late).status, 200);
    let packed = served.packed();
    assert_eq!((packed.traces, packed.again, packed.spans), (1, 1, 2));
    let second = traces(&served.traces)[&trace_id(1)].clone();
    assert_eq!(second.spans.len(), 2);
    served.end();
    assert!(!segment(folder.path()).exists());
    // After a restart the spool knows nothing of it: its file does. It ends no root, so it waits
    // for the longest time there is.
    let mut options = options("otel", folder.path(), at_once());
    options.pace.longest = std::time::Duration::ZERO;
    let served = Served::start(options);
    let later = export(&trace_id(1), &[("00000000000000c1", ROOT)]);
    assert_eq!(served.post_json(&later).status, 200);
    served.packed();
    let third = &traces(&served.traces)[&trace_id(1)];
    assert_eq!(third.spans.len(), 3);
    assert_eq!(
        (third.name.as_str(), third.completeness.orphans),
        (second.name.as_str(), 0)
    );
    assert_ne!(third.revision, second.revision);
    // And so is the next, though the spool has one of its spans now.
    let last = export(&trace_id(1), &[("00000000000000d1", ROOT)]);
    assert_eq!(served.post_json(&last).status, 200);
    served.packed();
    assert_eq!(traces(&served.traces)[&trace_id(1)].spans.len(), 4);
}

#[test]
fn a_spool_at_its_limit_refuses_and_takes_again_without_a_restart() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut options = options("otel", folder.path(), at_once());
    options.limits = SpoolLimits {
        bytes: 1,
        ..SpoolLimits::default()
    };
    // What has not ended stays in the spool for a while.
    options.pace.longest = std::time::Duration::from_secs(3);
    let served = Served::start(options);
    let open = export(&trace_id(1), &[("00000000000000b1", ROOT)]);
    assert_eq!(served.post_json(&open).status, 200);
    let answer = served.post_json(&open);
    assert_eq!(answer.status, 503);
    assert!(answer.headers["retry-after"].parse::<u64>().is_ok());
    assert_eq!(answer.json()["code"], 14);
    served.heard(|told| match told {
        Told::Refusing(Some(reason)) => {
            assert!(reason.contains("limit"), "{reason}");
            Some(())
        }
        _ => None,
    });
    served.packed();
    // It was given out, and its segment is gone.
    let again = (0..600).find(|_| served.post_json(&open).status == 200);
    assert!(again.is_some(), "there is room again");
}

#[test]
fn what_was_given_out_before_a_kill_is_not_given_out_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let served = Served::start(options("otel", folder.path(), at_once()));
    push(&served, 1);
    served.packed();
    // What a killed process leaves: the spool as it lies there while spans are kept for late ones.
    let killed = tempfile::tempdir().expect("a folder");
    fs::create_dir(killed.path().join("spool")).expect("new");
    for file in ["00000001.seg", "given.txt"] {
        let from = folder.path().join("spool").join(file);
        fs::copy(from, killed.path().join("spool").join(file)).expect("copied");
    }
    served.end();
    let served = Served::start(options("otel", killed.path(), at_once()));
    assert_eq!(served.recovered.records, 1);
    push(&served, 2);
    let packed = served.packed();
    assert_eq!((packed.traces, packed.again), (1, 0));
    let there: Vec<String> = traces(&served.traces).into_keys().collect();
    assert_eq!(there, [trace_id(2)]);
}

/// A log record of a span of a trace, as exporters of logs send it.
fn log_event(trace: u64, span: &str, name: &str, attributes: &serde_json::Value) -> String {
    let attributes: Vec<serde_json::Value> = attributes
        .as_object()
        .expect("attributes")
        .iter()
        .map(|(key, text)| serde_json::json!({"key": key, "value": {"stringValue": text}}))
        .collect();
    serde_json::json!({"resourceLogs": [{"scopeLogs": [{"logRecords": [{
        "traceId": trace_id(trace), "spanId": span, "eventName": name,
        "timeUnixNano": "1772366400500000000", "attributes": attributes,
    }]}]}]})
    .to_string()
}

#[test]
fn an_event_that_comes_after_its_trace_was_let_go_is_added_to_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let served = Served::start(options("otel", folder.path(), at_once()));
    push(&served, 1);
    served.packed();
    served.end();
    assert!(!segment(folder.path()).exists());
    let first = traces(&folder.path().join("traces"))[&trace_id(1)].clone();
    assert_eq!(first.scores, []);

    let mut options = options("otel", folder.path(), at_once());
    options.pace.longest = std::time::Duration::ZERO;
    let served = Served::start(options);
    let event = |span: &str, name: &str| {
        let told = serde_json::json!({
            "gen_ai.evaluation.name": name, "gen_ai.evaluation.score.label": "bad",
        });
        let body = log_event(1, span, "gen_ai.evaluation.result", &told);
        let json = ("content-type", "application/json");
        assert_eq!(
            served.post("/v1/logs", &[json], body.as_bytes()).status,
            200
        );
    };
    event(ROOT, "helpful");
    let packed = served.packed();
    assert_eq!((packed.traces, packed.again), (1, 1));
    let second = traces(&served.traces)[&trace_id(1)].clone();
    assert_eq!(second.scores.len(), 1);
    assert_eq!(second.spans, first.spans);
    assert_ne!(second.revision, first.revision);
    // The same again is nothing new; one of a span that nobody sent is told.
    event(ROOT, "helpful");
    event("00000000000000ff", "helpful");
    served.heard(|told| match told {
        Told::Packed(packed) => {
            assert_eq!(packed.traces, 0, "nothing new");
            let codes = packed.diagnostics.iter().map(|one| one.code.as_str());
            codes.eq(["trace/loose-event"]).then_some(())
        }
        _ => None,
    });
    event(ROOT, "polite");
    served.packed();
    let third = &traces(&served.traces)[&trace_id(1)];
    assert_eq!(third.scores.len(), 2);
}
