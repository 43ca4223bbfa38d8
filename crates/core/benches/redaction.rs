//! What redaction costs: megabytes a second over benign, span-rich traces of about 9 KB, beside
//! the same with the rules by name alone and with no redaction at all; and over text.
//!
//! `cargo bench -p archal-core`. Ratios count; a busy machine changes the figures.

use archal_core::redact::{RedactionCounts, Redactor};
use archal_core::trace::{Batch, Trace};
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use serde_json::{Value, json};

const KEY: [u8; 32] = [7; 32];
const KEEP: [&str; 12] = [
    "after",
    "before",
    "cursor",
    "full_name",
    "id",
    "login",
    "name",
    "node_id",
    "number",
    "owner",
    "page",
    "repo",
];

fn redactions(criterion: &mut Criterion) {
    let batch = batch();
    let text = serde_json::to_string(&batch).expect("JSON");
    let traces = batch.traces;
    let all = Redactor::new(KEY, KEEP);
    let by_name = Redactor::by_name_only(KEY, KEEP);

    let mut group = criterion.benchmark_group("redact");
    group.throughput(Throughput::Bytes(text.len() as u64));
    for (name, redactor) in [("all rules", &all), ("by name only", &by_name)] {
        group.bench_function(name, |bencher| {
            bencher.iter_batched(
                || traces.clone(),
                |mut traces| {
                    let mut counts = RedactionCounts::new();
                    for trace in &mut traces {
                        redactor.trace(trace, &mut counts);
                    }
                    assert!(counts.is_empty(), "{counts:?}");
                    traces
                },
                BatchSize::LargeInput,
            );
        });
    }
    group.finish();

    // Parse, redact, hash and write, as an import does.
    let mut group = criterion.benchmark_group("import");
    group.throughput(Throughput::Bytes(text.len() as u64));
    for (name, redactor) in [
        ("all rules", Some(&all)),
        ("by name only", Some(&by_name)),
        ("no redaction", None),
    ] {
        group.bench_function(name, |bencher| bencher.iter(|| import(&text, redactor)));
    }
    group.finish();

    let log = log();
    let mut group = criterion.benchmark_group("text");
    group.throughput(Throughput::Bytes(log.len() as u64));
    for (name, redactor) in [("all rules", &all), ("by name only", &by_name)] {
        group.bench_function(name, |bencher| {
            bencher.iter(|| redactor.text(&log, &mut RedactionCounts::new()));
        });
    }
    group.finish();
}

fn import(text: &str, redactor: Option<&Redactor>) -> String {
    let mut batch: Batch = serde_json::from_str(text).expect("a batch");
    let mut counts = RedactionCounts::new();
    for trace in &mut batch.traces {
        if let Some(redactor) = redactor {
            redactor.trace(trace, &mut counts);
        }
        trace.revision = trace.revision_of();
    }
    serde_json::to_string(&batch).expect("JSON")
}

/// A hundred traces of an agent that works through issues.
fn batch() -> Batch {
    let traces: Vec<Value> = (0..100).map(trace).collect();
    let traces: Vec<Trace> = serde_json::from_value(Value::from(traces)).expect("traces");
    Batch {
        schema: archal_core::trace::BATCH_SCHEMA.to_owned(),
        version: archal_core::trace::BATCH_VERSION,
        complete: true,
        source: Default::default(),
        traces,
    }
}

fn issue(number: u64) -> Value {
    let url = format!("https://api.github.com/repos/acme/webapp/issues/{number}");
    json!({
        "id": 2_000_000 + number,
        "node_id": format!("I_kwDOAB{number:08x}"),
        "number": number,
        "url": url,
        "comments_url": format!("{url}/comments"),
        "html_url": format!("https://github.com/acme/webapp/issues/{number}"),
        "title": format!("The key of row {number} is lost when the page is reloaded"),
        "body": "Steps: open the page, change the name, press the back key. Nothing in the log says why.",
        "user": {"login": "octocat", "id": 583_231, "type": "User", "site_admin": false},
        "labels": [{"id": 1, "name": "bug", "color": "d73a4a"}],
        "author_association": "CONTRIBUTOR",
        "created_at": "2026-02-01T09:12:44Z",
        "state": "open",
    })
}

fn trace(at: u64) -> Value {
    let list = json!([issue(at), issue(at + 1), issue(at + 2)]);
    let span = |id: u64, kind: &str, more: Value| {
        let mut span = json!({
            "id": format!("{at:08x}{id:08x}"), "parentId": format!("{at:08x}{:08x}", 0), "kind": kind,
            "name": "github.issues.list", "startedAt": "2026-03-01T12:00:00Z", "endedAt": "2026-03-01T12:00:01Z",
            "status": "ok",
            "attributes": {"gen_ai.usage.input_tokens": 1200, "server.address": "api.github.com", "thread.name": "worker-1"},
        });
        if let (Value::Object(span), Value::Object(more)) = (&mut span, more) {
            span.extend(more);
        }
        span
    };
    let spans = json!([
        span(
            1,
            "http",
            json!({"http": {"method": "GET", "status": 200, "responseBody": list,
            "url": "https://api.github.com/repos/acme/webapp/issues?state=open&per_page=30"}})
        ),
        span(
            2,
            "tool",
            json!({"tool": {"name": "list_issues", "callId": "call_1", "arguments": {"owner": "acme", "repo": "webapp"}, "result": list.to_string()}})
        ),
        span(
            3,
            "llm",
            json!({"llm": {"model": "m", "messages": [
            {"role": "system", "parts": [{"type": "text", "text": "You close stale issues. Never touch an issue that somebody is working on; when in doubt ask. Be brief, be kind, and say what you did."}]},
            {"role": "user", "parts": [{"type": "text", "text": "Close the stale issues of acme/webapp, please."}]},
            {"role": "assistant", "parts": [{"type": "tool_call", "id": "call_1", "name": "list_issues", "arguments": {"owner": "acme", "repo": "webapp", "state": "open"}}]}]}})
        ),
        span(
            4,
            "http",
            json!({"http": {"method": "PATCH", "status": 200, "url": format!("https://api.github.com/repos/acme/webapp/issues/{at}"),
            "requestBody": {"state": "closed", "state_reason": "not_planned"}, "responseBody": issue(at)}})
        ),
        span(5, "event", json!({"output": "closed"})),
    ]);
    json!({"id": format!("t-{at}"), "name": "triage", "input": "close stale issues", "output": "Closed 1 issue.",
        "startedAt": "2026-03-01T12:00:00Z", "endedAt": "2026-03-01T12:00:09Z", "status": "ok", "spans": spans})
}

fn log() -> String {
    (0..20_000)
        .map(|at| format!("2026-03-01T12:00:{:02}Z INFO worker-{} took issue {at} of acme/webapp, key row {at}, page 2\n", at % 60, at % 7))
        .collect()
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(20).measurement_time(std::time::Duration::from_secs(4));
    targets = redactions
}
criterion_main!(benches);
