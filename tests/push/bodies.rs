//! Requests good, bad and hostile, and what they are told.

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;

use super::served::{Served, at_once, export, options, trace_id, traces};

const JSON: (&str, &str) = ("content-type", "application/json");
const PROTOBUF: (&str, &str) = ("content-type", "application/x-protobuf");

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).expect("memory");
    encoder.finish().expect("memory")
}

#[test]
fn a_trace_that_was_pushed_lies_in_a_batch_file_without_its_secrets() {
    let folder = tempfile::tempdir().expect("a folder");
    let served = Served::start(options("otel", folder.path(), at_once()));
    let id = trace_id(1);
    let child = export(&id, &[("00000000000000b1", "00000000000000a1")]);
    let root = export(&id, &[("00000000000000a1", "")]);
    // Children come before their parents, in requests of their own.
    let answer = served.post_json(&child);
    assert_eq!((answer.status, answer.body.as_slice()), (200, &b"{}"[..]));
    let spool = std::fs::read(folder.path().join("spool/00000001.seg")).expect("a segment");
    let spool = String::from_utf8_lossy(&spool);
    assert!(spool.contains("close stale issues"), "answered for");
    assert!(!spool.contains("hunter2"), "redacted before the disk");
    let packed = gzip(root.as_bytes());
    let answer = served.post("/v1/traces", &[JSON, ("content-encoding", "gzip")], &packed);
    assert_eq!(answer.status, 200);
    assert_eq!(served.packed().spans, 2);
    let traces = traces(&served.traces);
    let trace = &traces[&id];
    assert_eq!(trace.name, "span 00000000000000a1");
    assert_eq!((trace.spans.len(), trace.completeness.orphans), (2, 0));
    let text = serde_json::to_string(trace).expect("JSON");
    assert!(!text.contains("hunter2"), "{text}");
}

#[test]
fn a_bad_span_costs_itself_and_the_answer_says_so() {
    let folder = tempfile::tempdir().expect("a folder");
    let served = Served::start(options("otel", folder.path(), at_once()));
    let good = export(&trace_id(1), &[("00000000000000a1", "")]);
    let with_bad = good.replacen("\"spans\":[", "\"spans\":[{\"name\":\"no ids\"},", 1);
    assert_ne!(good, with_bad);
    let answer = served.post_json(&with_bad);
    assert_eq!(answer.status, 200);
    let partial = &answer.json()["partialSuccess"];
    assert_eq!(partial["rejectedSpans"], "1", "{partial}");
    assert!(
        partial["errorMessage"]
            .as_str()
            .is_some_and(|text| !text.is_empty())
    );
    assert_eq!(served.packed().traces, 1);
}

#[test]
fn what_cannot_be_read_is_refused_in_the_encoding_it_came_in() {
    let folder = tempfile::tempdir().expect("a folder");
    let served = Served::start(options("otel", folder.path(), at_once()));
    for path in ["/v1/traces", "/v1/logs", "/v1/metrics"] {
        for encoding in [JSON, PROTOBUF] {
            let answer = served.post(path, &[encoding], b"");
            assert_eq!(answer.status, 200, "an empty request is fine: {path}");
            assert_eq!(answer.headers["content-type"], encoding.1);
        }
    }
    let answer = served.post_json("{\"resourceSpans\": [");
    assert_eq!(answer.status, 400);
    assert_eq!(answer.json()["code"], 3);
    let answer = served.post("/v1/traces", &[PROTOBUF], b"\xff\xff\xff");
    assert_eq!(answer.status, 400);
    assert_eq!(answer.headers["content-type"], "application/x-protobuf");
    assert_eq!(&answer.body[..2], b"\x08\x03", "google.rpc.Status, code 3");
    assert_eq!(
        served
            .post("/v1/traces", &[("content-type", "text/plain")], b"x")
            .status,
        415
    );
    assert_eq!(served.post("/v1/spans", &[JSON], b"{}").status, 404);
    let answer = served.post("/v1/traces", &[JSON, ("content-encoding", "br")], b"x");
    assert_eq!(answer.status, 415);
    let answer = served.post(
        "/v1/traces",
        &[JSON, ("content-encoding", "gzip")],
        b"no gzip",
    );
    assert_eq!(answer.status, 400);
    let answer = served.post("/v1/metrics", &[JSON], br#"{"resourceMetrics":[{}]}"#);
    assert_eq!(answer.status, 200);
    assert!(answer.json()["partialSuccess"]["errorMessage"].is_string());
}

#[test]
fn hostile_bodies_are_refused_in_bounded_memory_and_the_next_one_is_taken() {
    let folder = tempfile::tempdir().expect("a folder");
    let options = options("otel", folder.path(), at_once());
    let most = options.most_body;
    let served = Served::start(options);
    let bomb = gzip(&vec![b' '; most + 1]);
    assert!(bomb.len() * 500 < most, "it is a bomb");
    let answer = served.post("/v1/traces", &[JSON, ("content-encoding", "gzip")], &bomb);
    assert_eq!(answer.status, 413);
    let answer = served.post("/v1/traces", &[JSON], &vec![b' '; most + 1]);
    assert_eq!(answer.status, 413);
    assert_eq!(answer.json()["code"], 8);
    let nested = format!(
        r#"{{"resourceSpans":[{{"scopeSpans":[{{"spans":[{}{}]}}]}}]}}"#,
        "[".repeat(10_000),
        "]".repeat(10_000)
    );
    let answer = served.post_json(&nested);
    assert_eq!(answer.status, 200);
    assert_eq!(answer.json()["partialSuccess"]["rejectedSpans"], "1");
    let good = export(&trace_id(1), &[("00000000000000a1", "")]);
    let mut invalid = good.clone().into_bytes();
    let at = good.find("close stale").expect("there");
    invalid[at] = 0xff;
    let answer = served.post("/v1/traces", &[JSON], &invalid);
    assert_eq!(
        answer.status, 200,
        "text that is cut is still worth reading"
    );
    assert_eq!(served.packed().traces, 1);
}

#[test]
fn a_taken_port_and_a_taken_spool_are_told() {
    let folder = tempfile::tempdir().expect("a folder");
    let served = Served::start(options("otel", folder.path(), at_once()));
    let error = Served::try_start(options("otel", folder.path(), at_once()))
        .err()
        .expect("one process a spool");
    assert!(
        error.to_string().contains("another process has the spool"),
        "{error}"
    );
    let other = tempfile::tempdir().expect("a folder");
    let mut options = options("otel", other.path(), at_once());
    options.addresses = vec![None, Some(served.at["http"])];
    let error = Served::try_start(options).err().expect("taken");
    let owner = format!("(pid {})", std::process::id());
    assert!(error.to_string().contains(&owner), "{error}");
}
