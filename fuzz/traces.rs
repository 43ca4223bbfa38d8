//! Any bytes as files and requests with traces, and what is rebuilt of them.

use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::time::Duration;

use archal::grade::facts::Facts;
use archal::ingest::pieces::{self, PieceLimits};
use archal::ingest::spool::record::{self, Held};
use archal::ingest::{self, FileReport, FileStatus};
use archal::reconstruct::replay::Replay;
use archal::reconstruct::tools::Tools;
use archal::reconstruct::{Context, exchanges, reconstruct};
use archal_core::push::Delivery;
use archal_core::redact::Redactor;
use archal_sources::{file, otlp};
use serde_json::{Value, json};

use super::Scratch;

/// Everything is large, and a few lines are a piece.
const SMALL: PieceLimits = PieceLimits {
    whole: 0,
    piece: 200,
    lines: 3,
    line: 1 << 20,
    held: 1 << 20,
    readings: 50,
};

/// The id of a trace that is read field by field.
const ODD: &str = "read field by field";

/// Any bytes as a trace file: what it gives has an id. A batch is read the same in one go and field by field.
pub(super) fn file_decode(bytes: &[u8]) {
    for one in file::decode(bytes).traces {
        assert!(!one.trace.id.is_empty());
    }
    let Ok(mut batch) = serde_json::from_slice::<Value>(bytes) else {
        return;
    };
    let traces = |batch: &Value| {
        let decoded = file::decode(batch.to_string().as_bytes()).traces;
        let traces = decoded.into_iter().map(|one| one.trace);
        traces.filter(|trace| trace.id != ODD).collect::<Vec<_>>()
    };
    let in_one_go = traces(&batch);
    if let Some(Value::Array(list)) = batch.get_mut("traces") {
        // Behind a trace that archal does not write like this, none is read in one go.
        list.insert(0, json!({"id": ODD, "spans": null}));
        assert_eq!(traces(&batch), in_one_go);
    }
}

/// Any bytes as the body of an OTLP/HTTP request in JSON. What was read is read again from the log as it was, and it
/// is the same whether it is read in one go or leniently.
pub(super) fn otlp_json(bytes: &[u8]) {
    if let Ok(request) = otlp::decode_json(bytes) {
        assembled(request);
    }
    let Ok(mut body) = serde_json::from_slice::<Value>(bytes) else {
        return;
    };
    let in_one_go = otlp::decode_json(body.to_string().as_bytes());
    for (list, old) in [
        ("resourceSpans", "scope_spans"),
        ("resourceLogs", "scope_logs"),
    ] {
        // A list with an old name in it is not read in one go.
        if let Some(Value::Array(resources)) = body.get_mut(list) {
            resources.push(json!({ old: [] }));
        }
    }
    let leniently = otlp::decode_json(body.to_string().as_bytes());
    if let (Ok(mut one), Ok(mut other)) = (in_one_go, leniently) {
        for finding in one.diagnostics.iter_mut().chain(&mut other.diagnostics) {
            finding.span = None;
        }
        assert_eq!(one, other);
    }
}

/// Any bytes as the body of an OTLP request in protobuf, of traces and of logs.
pub(super) fn otlp_protobuf(bytes: &[u8]) {
    let mut request = otlp::decode_protobuf(bytes.to_vec()).unwrap_or_default();
    if let Ok(logs) = otlp::decode_protobuf_logs(bytes.to_vec()) {
        request.events.extend(logs.events);
    }
    assembled(request);
}

fn assembled(request: otlp::Request) {
    for span in &request.spans {
        let text = serde_json::to_string(span).expect("JSON");
        let again: otlp::OtlpSpan = serde_json::from_str(&text).expect("what was written");
        let again = serde_json::to_string(&again).expect("JSON");
        assert_eq!(text, again);
    }
    for one in otlp::assemble(request, &mut Vec::new()) {
        assert!(!one.trace.id.is_empty());
        assert!(one.trace.spans.iter().all(|span| !span.id.is_empty()));
    }
}

/// Any bytes as a batch that is pushed: what was answered for can be read from the log.
pub(super) fn pushed_batch(bytes: &[u8]) {
    let traces = file::decode(bytes).traces;
    let count = traces.len();
    let delivery = Delivery {
        traces,
        ..Delivery::default()
    };
    let record = record::encode(&delivery).expect("JSON");
    let (pieces, bad) = record::pieces(&record.payload);
    assert_eq!((pieces.len(), bad), (count, 0));
    for (piece, decoded) in pieces.iter().zip(&delivery.traces) {
        let begin = piece.line.offset as usize;
        let line = &record.payload[begin..begin + piece.line.length as usize];
        let Some(Held::Whole(again)) = record::held(line) else {
            panic!("it is not read again");
        };
        assert_eq!(again.trace.id, decoded.trace.id);
        assert_eq!(again.trace.spans.len(), decoded.trace.spans.len());
    }
}

/// Any bytes as a trace file that is read in pieces: it gives what it gives as one, where it is believed.
pub(super) fn large_file(bytes: &[u8]) {
    let folder = Scratch::with("traces.jsonl", bytes);
    let path = &folder.0.path().join("traces.jsonl");
    let format = &file::FORMAT;
    let redactor = Redactor::by_name_only([0; 32], []);
    let around = (&redactor, Some("s"));
    let (said, large) = pieces::begin(format, path, around, SMALL, &|| false);
    let said = said.settle(Duration::MAX);
    holds(&said);
    let Some(large) = large.filter(|_| said.status == FileStatus::Imported) else {
        return;
    };
    let mut given = BTreeSet::new();
    let mut take = |piece: FileReport| {
        holds(&piece);
        given.extend(piece.traces.into_iter().map(|one| one.identity));
        Ok::<_, ()>(ControlFlow::Continue(()))
    };
    let ended = large.read(said, &redactor, Some("s"), &mut take);
    let ended = ended.expect("nothing fails");
    holds(&ended);
    let whole = ingest::read_bytes(format, path, bytes, &redactor, Some("s"));
    let whole = whole.settle(Duration::MAX);
    // What is no dialect that goes on over lines may be taken for another by its first line alone.
    if whole.status == FileStatus::Imported && whole.dialect == ended.dialect {
        let at_once: BTreeSet<_> = whole.traces.into_iter().map(|one| one.identity).collect();
        assert_eq!(given, at_once);
    }
}

fn holds(report: &FileReport) {
    let mut codes = report.diagnostics.iter().map(|finding| &finding.code);
    assert!(codes.all(|code| code != "trace/fault"));
}

/// Any bytes as a file of traces that say of the services they called: the state that is rebuilt opens and the calls
/// are made of it, or it is said why it does not.
pub(super) fn rebuilt_state(bytes: &[u8]) {
    let clones = archal::app::clones();
    let context = Context {
        clones,
        tools: &Tools::default(),
        owned: &[],
    };
    for decoded in file::decode(bytes).traces.iter().take(4) {
        let trace = &decoded.trace;
        let facts = Facts::of(trace);
        facts.last_words();
        let made = reconstruct(trace, &context);
        let traced = exchanges::of(trace, &context);
        match Replay::run(&made, &traced, clones) {
            Ok(replay) => drop(replay.agreement()),
            Err(findings) => assert!(!findings.is_empty()),
        }
    }
}
