//! Files in, identified and redacted traces out, with the sources of the catalogue.

mod pack;
mod pieces;
mod settle;
pub(crate) mod watch;

use std::fs;
use std::path::Path;
use std::time::Duration;

use archal::ingest::artifact::{self, ImportArtifact};
use archal::ingest::file::MAX_FILE;
use archal::ingest::{FileReport, FileStatus, read_bytes, read_file, schema};
use archal_core::redact::Redactor;
use archal_core::source::FileFormat;
use proptest::prelude::*;
use serde_json::{Value, json};

const SOURCE: &FileFormat = &archal_sources::file::FORMAT;

fn redactor() -> Redactor {
    Redactor::new([7; 32], ["page_token", "node_id", "number", "login"])
}

fn read(text: &str) -> FileReport {
    read_bytes(
        SOURCE,
        Path::new("inbox/a.json"),
        text.as_bytes(),
        &redactor(),
        None,
    )
}

fn batch(traces: &Value) -> String {
    json!({"schema": "archal.trace.upload-batch", "version": 1, "traces": traces}).to_string()
}

/// The size is asked before anything is read: a file of holes costs neither time nor memory.
#[test]
fn a_file_that_is_too_large_or_none_is_rejected_unread() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let path = folder.path().join("large.json");
    let file = fs::File::create(&path).expect("new");
    file.set_len(MAX_FILE + 1).expect("holes");
    let pipe = folder.path().join("pipe.json");
    nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRWXU).expect("made");
    for (path, why) in [
        (&path, "cannot be read: it is larger than 512 MiB"),
        (&pipe, "cannot be read: it is not a regular file"),
    ] {
        let report = read_file(SOURCE, path, &redactor(), None);
        let reason = why.to_owned();
        assert_eq!(report.status, FileStatus::Rejected { reason });
        assert_eq!(report.bytes, 0);
    }
}

#[test]
fn sources_are_sorted_and_named_once() {
    assert!(archal_sources::ALL.is_sorted_by(|one, other| one.name < other.name));
}

#[test]
fn identity_is_what_file_directory_and_root_say_in_that_order() {
    let identity = |text: &str, attached: Option<&str>| {
        let report = read_bytes(
            SOURCE,
            Path::new("a.json"),
            text.as_bytes(),
            &redactor(),
            attached,
        );
        let identity = &report.traces[0].identity;
        format!(
            "{}/{}/{}",
            identity.source, identity.project, identity.trace
        )
    };
    let named = r#"{"schema":"archal.trace.upload-batch","version":1,"source":{"name":"prod","project":"support"},"traces":[{"id":"t"}]}"#;
    assert_eq!(identity(named, Some("inbox")), "prod/support/t");
    assert_eq!(
        identity(&batch(&json!([{"id": "t"}])), Some("inbox")),
        "inbox//t"
    );
    assert_eq!(identity(&batch(&json!([{"id": "t"}])), None), "file//t");
    let export = r#"{"resourceSpans":[{"resource":{"attributes":{"service.name":"janitor"}},"scopeSpans":[{"spans":[{"traceId":"t","spanId":"s"}]}]}]}"#;
    assert_eq!(identity(export, None), "file/janitor/t");
    let unnamed = export.replace("janitor", "unknown_service:python");
    assert_eq!(identity(&unnamed, None), "file//t");
}

#[test]
fn a_given_revision_is_recomputed_after_redaction_and_reading_again_is_a_no_op() {
    let with = |revision: &str, output: &str| {
        let text = batch(
            &json!([{"id": "t", "revision": revision, "output": {"text": output, "password": "hunter2"}}]),
        );
        read(&text).traces.remove(0).trace
    };
    let first = with("sha256:made-up", "done");
    assert_eq!(first.revision, first.revision_of());
    assert_eq!(with("", "done").revision, first.revision);
    assert_ne!(with("", "done!").revision, first.revision);
}

#[test]
fn of_one_trace_given_twice_the_newest_revision_counts() {
    let old = json!({"id": "t", "name": "old", "endedAt": "2026-01-01T00:00:01Z"});
    let new = json!({"id": "t", "name": "new", "endedAt": "2026-01-01T00:00:02Z"});
    for (traces, findings) in [
        (json!([old, new]), 1),
        (json!([new, old]), 1),
        (json!([new, new]), 0),
    ] {
        let report = read(&batch(&traces));
        assert_eq!(report.traces.len(), 1);
        assert_eq!(report.traces[0].trace.name, "new");
        assert_eq!(report.diagnostics.len(), findings);
    }
}

#[test]
fn unfinished_files_wait_and_then_give_whole_records_or_are_rejected() {
    let line = r#"{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"t","spanId":"s"}]}]}]}"#;
    let lines = read(&format!("{line}\n{}", &line[..30]));
    assert!(matches!(lines.status, FileStatus::Waiting { .. }));
    assert_eq!(lines.traces, []);
    let young = lines.clone().settle(Duration::from_secs(1));
    assert!(matches!(young.status, FileStatus::Waiting { .. }));
    let settled = lines.settle(Duration::from_secs(2));
    assert_eq!(settled.status, FileStatus::Imported);
    assert_eq!(settled.traces.len(), 1);

    let document = read(&line[..30]);
    let young = document.clone().settle(Duration::from_secs(59));
    assert!(matches!(young.status, FileStatus::Waiting { .. }));
    let old = document.settle(Duration::from_secs(60));
    let FileStatus::Rejected { reason } = old.status else {
        panic!("not rejected");
    };
    assert!(reason.starts_with("incomplete: "), "{reason}");

    let unfinished = r#"{"schema":"archal.trace.upload-batch","version":1,"complete":false,"traces":[{"id":"t"}]}"#;
    let waiting = read(unfinished);
    assert!(matches!(waiting.status, FileStatus::Waiting { .. }));
    assert_eq!(waiting.traces, []);
    let rejected = waiting.settle(Duration::MAX);
    assert!(matches!(rejected.status, FileStatus::Rejected { .. }));
}

#[test]
fn files_that_cannot_be_read_are_rejected_with_the_reason() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let binary = folder.path().join("a.json");
    fs::write(&binary, b"\x7fELF\0\0\0").expect("writable");
    for path in [
        binary.as_path(),
        folder.path(),
        &folder.path().join("gone.json"),
    ] {
        let report = read_file(SOURCE, path, &redactor(), None);
        assert!(
            matches!(report.status, FileStatus::Rejected { .. }),
            "{report:?}"
        );
        assert_eq!(report.diagnostics[0].file.as_deref(), Some(path));
    }
}

#[test]
fn the_artifact_is_written_under_the_traces_name_and_reads_back() {
    let report = read(&batch(
        &json!([{"id": "../../t 1", "output": {"api_key": "k"}}]),
    ));
    let imported = &report.traces[0];
    let folder = tempfile::tempdir().expect("temporary folder");
    let layout = archal::store::layout::Layout::of(folder.path(), None);
    let path = artifact::artifact_path(&layout, &imported.identity.path_name());
    assert!(path.starts_with(folder.path().join(".archal/attach/imports")));
    artifact::write(&path, &ImportArtifact::new(&report, imported)).expect("writable");
    // What the watcher writes without copying the trace first.
    let bytes = artifact::bytes(&report, imported).expect("JSON");
    assert_eq!(fs::read(&path).expect("written"), bytes);
    let text = fs::read_to_string(&path).expect("readable");
    let back: ImportArtifact = serde_json::from_str(&text).expect("what was written");
    assert_eq!(back, ImportArtifact::new(&report, imported));
    assert_eq!(back.redactions.values().sum::<u64>(), 1);
    let schema = schema::import();
    let written: Value = serde_json::from_str(&text).expect("JSON");
    jsonschema::validate(&schema, &written).expect("as its schema says");
}

#[test]
fn the_schema_of_batches_takes_the_fixture_and_refuses_another_shape() {
    let fixture: Value =
        serde_json::from_str(include_str!("../sources/file/fixtures/batch.json")).expect("JSON");
    // Null for an object that is not there is what archal itself writes.
    jsonschema::validate(&schema::batch(), &fixture).expect("as the schema says");
    assert!(!jsonschema::is_valid(
        &schema::batch(),
        &json!({"schema": 5})
    ));
}

#[test]
fn the_committed_corpus_decodes() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus/file_decode");
    let mut files = 0;
    for entry in fs::read_dir(folder).expect("there") {
        let path = entry.expect("readable").path();
        let report = read_file(SOURCE, &path, &redactor(), None).settle(Duration::MAX);
        let shown = serde_json::to_string(&report.diagnostics).expect("JSON");
        assert!(
            report.status == FileStatus::Imported || shown.len() > 2,
            "{} says nothing",
            path.display()
        );
        files += 1;
    }
    assert!(files >= 14);
}

/// A secret that looks like one, so that its echoes are found as well.
fn secret() -> impl Strategy<Value = String> {
    "[a-z]{4}[0-9]{4}[A-Za-z0-9_]{8,24}"
}

fn secret_key() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "password",
        "API-Key",
        "Authorization",
        "client_secret",
        "Set-Cookie",
        "x-api-key",
        "accessToken",
        "http.request.header.authorization",
    ])
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_planted_secret_survives_and_kept_fields_stay(
        secret in secret(),
        key in secret_key(),
        kept in "[A-Za-z0-9=]{1,40}",
        number in 1..1_000_000_u32,
    ) {
        // What the keep list names stays even when it looks like a secret; it must differ here.
        prop_assume!(!kept.contains(&secret) && !secret.contains(&kept));
        let plant = json!({
            key: secret, "page_token": kept, "number": number, "nested": [{"login": kept, key: {"deep": [secret]}}],
            "text": format!("{{\"{key}\": \"{secret}\"}}"), "pair": [key, secret], "named": {"name": key, "value": secret},
        });
        let echo = format!("the server said: bad token {secret}!");
        let url = format!("https://user:{secret}@h.example/{kept}/x?page_token={kept}&access_token={secret}");
        let trace = json!({
            "id": "t", "name": echo, "error": echo, "input": plant, "output": plant, "tags": [echo], "sessionId": echo,
            "metadata": {key: secret, "other": plant},
            "scores": [{"name": "s", "value": plant, "comment": echo}],
            "spans": [{
                "id": "s", "name": echo, "error": echo, "input": plant, "output": echo,
                "tool": {"name": "n", "arguments": plant, "result": echo},
                "http": {"method": "GET", "url": url, "requestHeaders": {"authorization": format!("Bearer {secret}"), "x-note": echo},
                    "responseHeaders": {"location": url, "link": format!("<{url}>; rel=\"next\"")},
                    "requestBody": format!("grant_type=x&client_secret={secret}&page_token={kept}"), "responseBody": plant},
                "llm": {"messages": [{"role": "user", "parts": [
                    {"type": "text", "text": echo}, {"type": "tool_call", "name": "n", "arguments": plant},
                    {"type": "tool_result", "result": plant}, {"type": "media", "ref": url}]}]},
                "attributes": {key: secret, "other": plant, "url.query": format!("access_token={secret}&a=b")},
            }],
        });
        let report = read(&batch(&json!([trace])));
        prop_assert_eq!(&report.status, &FileStatus::Imported);
        let imported = &report.traces[0];
        let text = serde_json::to_string(&report.traces[0].trace).expect("JSON");
        prop_assert!(!text.contains(&secret), "{}", text);
        let body = imported.trace.spans[0].http.as_ref().and_then(|http| http.response_body.as_ref()).expect("there");
        prop_assert_eq!(&body["page_token"], &Value::from(kept.as_str()));
        prop_assert_eq!(&body["number"], &Value::from(number));
        prop_assert_eq!(&body["nested"][0]["login"], &Value::from(kept.as_str()));
        let url = &imported.trace.spans[0].http.as_ref().expect("there").url;
        let kept_in_url = format!("/{kept}/x?page_token={kept}&");
        prop_assert!(url.contains(&kept_in_url), "{}", url);
        prop_assert!(imported.redactions.values().sum::<u64>() > 20);
    }
}
