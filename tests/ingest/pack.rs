//! Batch files that archal writes.

use std::path::Path;

use archal::ingest::pack::{MOST_BYTES, Packer};
use archal::ingest::{FileStatus, read_file};
use archal_core::clock::Timestamp;
use archal_core::trace::{Trace, TraceIdentity};
use serde_json::json;

use super::{SOURCE, redactor};

fn trace(id: &str, text: &str) -> Trace {
    let mut trace = Trace {
        id: id.to_owned(),
        name: "a run\u{9b}".to_owned(),
        input: Some(json!(text)),
        ..Trace::default()
    };
    trace.renew_revision();
    trace
}

fn identity(project: &str, id: &str) -> TraceIdentity {
    TraceIdentity {
        source: "prod".to_owned(),
        project: project.to_owned(),
        trace: id.to_owned(),
    }
}

fn now() -> Timestamp {
    "2026-01-01T08:30:00Z".parse().expect("a time")
}

/// What a file says, as attach reads it.
fn read(path: &Path) -> Vec<(TraceIdentity, String)> {
    let report = read_file(SOURCE, path, &redactor(), None);
    assert_eq!(report.status, FileStatus::Imported, "{report:?}");
    assert_eq!(report.diagnostics, []);
    report
        .traces
        .into_iter()
        .map(|one| (one.identity, one.trace.revision))
        .collect()
}

#[test]
fn what_is_read_from_a_file_is_what_was_put_into_it() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let directory = folder.path().join("deep/traces");
    let mut packer = Packer::new(&directory, "prod", "file");
    for (project, id) in [("a", "1"), ("", "2"), ("a", "3")] {
        let written = packer.add(&identity(project, id), &trace(id, "x"), now());
        assert_eq!(written.expect("held"), []);
    }
    let written = packer.finish(now()).expect("written");
    assert_eq!(written.len(), 2);
    for packed in &written {
        assert_eq!(read(&packed.path), packed.traces);
        let text = std::fs::read(&packed.path).expect("there");
        assert_eq!(text.len() as u64, packed.bytes);
        assert!(!text.windows(2).any(|pair| pair == [0xC2, 0x9B]));
    }
    assert_eq!(packer.finish(now()).expect("nothing left"), []);
}

#[test]
fn files_are_full_at_a_thousand_traces_or_32_megabytes() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let mut packer = Packer::new(folder.path(), "prod", "file");
    let mut written = Vec::new();
    for number in 0..2_001 {
        let id = format!("t{number}");
        let added = packer.add(&identity("", &id), &trace(&id, "x"), now());
        written.extend(added.expect("written"));
    }
    let large = "y".repeat(MOST_BYTES / 3);
    for number in 0..4 {
        let id = format!("large{number}");
        let added = packer.add(&identity("", &id), &trace(&id, &large), now());
        written.extend(added.expect("written"));
    }
    written.extend(packer.finish(now()).expect("written"));
    let counts: Vec<usize> = written.iter().map(|packed| packed.traces.len()).collect();
    assert_eq!(counts, [1_000, 1_000, 3, 2]);
    assert!(written.iter().all(|one| one.bytes <= MOST_BYTES as u64));
}
