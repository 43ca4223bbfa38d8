//! Large files, read in pieces of any size, give what they give when they are read as one.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write as _;
use std::ops::ControlFlow;
use std::path::PathBuf;

use archal::ingest::file::{self, FileReport, FileStatus, Imported};
use archal::ingest::pieces::{PieceLimits, begin};
use archal_core::redact::Redactor;
use flate2::Compression;
use flate2::write::GzEncoder;
use proptest::prelude::*;
use serde_json::json;

use super::SOURCE;

const SDK: &str = include_str!("../../sources/otlp/fixtures/sdk/openinference.json");
const EVENTS: &str = include_str!("../../sources/otlp/fixtures/sdk/otel_events.json");
const LOGS: &str = include_str!("../../sources/otlp/fixtures/sdk/otel_events.logs.json");
const LANGFUSE: &str = include_str!("../../sources/file/fixtures/langfuse-export.jsonl");
const BRAINTRUST: &str = include_str!("../../sources/file/fixtures/braintrust.jsonl");
const LANGSMITH: &str = include_str!("../../sources/file/fixtures/langsmith.jsonl");

/// Everything is large, and every line a piece of its own.
const SMALL: PieceLimits = PieceLimits {
    whole: 0,
    piece: 1,
    lines: 50_000,
    line: 1 << 20,
    held: 1 << 20,
    readings: 200,
};

/// A folder with one file.
struct Bench {
    folder: tempfile::TempDir,
    redactor: Redactor,
}

/// What a file gave.
#[derive(Debug, PartialEq)]
struct Read {
    status: FileStatus,
    dialect: Option<String>,
    traces: Vec<Imported>,
    scores: Vec<Imported>,
    /// Code and message of each finding, in order.
    findings: Vec<(String, String)>,
    pieces: usize,
}

impl Read {
    fn codes(&self) -> Vec<&str> {
        self.findings
            .iter()
            .map(|(code, _)| code.as_str())
            .collect()
    }

    fn ids(&self) -> Vec<&str> {
        let ids = self.traces.iter().map(|one| one.trace.id.as_str());
        ids.collect()
    }
}

impl Bench {
    fn new() -> Self {
        Self {
            folder: tempfile::tempdir().expect("a folder"),
            redactor: Redactor::by_name_only([0; 32], []),
        }
    }

    fn put(&self, bytes: &[u8]) -> PathBuf {
        let path = self.folder.path().join("traces.jsonl");
        std::fs::write(&path, bytes).expect("written");
        path
    }

    /// As files that are not large are read.
    fn whole(&self, bytes: &[u8]) -> Read {
        let path = self.put(bytes);
        let read = file::read_bytes(SOURCE, &path, bytes, &self.redactor, Some("s"));
        summed(read.settle(std::time::Duration::MAX), Vec::new(), 0)
    }

    /// In pieces, waiting for nobody.
    fn read(&self, bytes: &[u8], limits: PieceLimits) -> Read {
        let path = self.put(bytes);
        let around = (&self.redactor, Some("s"));
        let (said, large) = begin(SOURCE, &path, around, limits, &|| false);
        let said = said.settle(std::time::Duration::MAX);
        let Some(large) = large.filter(|_| said.status == FileStatus::Imported) else {
            return summed(said, Vec::new(), 0);
        };
        let mut pieces = Vec::new();
        let read = large.read::<()>(said, &self.redactor, Some("s"), &mut |piece| {
            pieces.push(piece);
            Ok(ControlFlow::Continue(()))
        });
        let number = pieces.len();
        summed(read.expect("nothing fails"), pieces, number)
    }
}

fn summed(whole: FileReport, given: Vec<FileReport>, pieces: usize) -> Read {
    let mut read = Read {
        status: whole.status.clone(),
        dialect: whole.dialect.clone(),
        traces: Vec::new(),
        scores: Vec::new(),
        findings: Vec::new(),
        pieces,
    };
    for one in given.into_iter().chain([whole]) {
        read.traces.extend(one.traces);
        read.scores.extend(one.scores);
        let findings = one.diagnostics.into_iter();
        read.findings
            .extend(findings.map(|finding| (finding.code, finding.message)));
    }
    read.traces
        .sort_by(|one, other| one.identity.cmp(&other.identity));
    read.scores
        .sort_by(|one, other| one.identity.cmp(&other.identity));
    read
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut packed = GzEncoder::new(Vec::new(), Compression::best());
    packed.write_all(bytes).expect("in memory");
    packed.finish().expect("in memory")
}

/// A run of LangSmith's: the row of one span.
fn run(trace: &str, id: &str, parent: Option<&str>, text: &str) -> String {
    json!({"id": id, "trace_id": trace, "parent_run_id": parent, "name": "list_issues",
        "run_type": if parent.is_none() { "chain" } else { "tool" }, "session_name": "support",
        "start_time": "2026-03-01T12:00:00", "end_time": "2026-03-01T12:00:01",
        "inputs": {"text": text}, "outputs": {"items": []}})
    .to_string()
}

/// Rows of so many traces of three spans each, the root last, all traces side by side.
fn side_by_side(traces: usize) -> Vec<String> {
    let mut lines = Vec::new();
    for span in ["1", "2", "0"] {
        for trace in 0..traces {
            let (root, own) = (format!("t{trace}-0"), format!("t{trace}-{span}"));
            let parent = (span != "0").then_some(root.as_str());
            lines.push(run(
                &format!("t{trace}"),
                &own,
                parent,
                &"words ".repeat(20),
            ));
        }
    }
    lines
}

/// Each span of an export, or each record of its logs, on a line of its own.
fn span_by_span(export: &str, names: [&str; 3]) -> Vec<String> {
    let value: serde_json::Value = serde_json::from_str(export).expect("JSON");
    let mut lines = Vec::new();
    for resource in value[names[0]].as_array().expect("resources") {
        for scope in resource[names[1]].as_array().expect("scopes") {
            for item in scope[names[2]].as_array().expect("items") {
                let mut one = scope.clone();
                one[names[2]] = json!([item]);
                let resource = json!({"resource": resource["resource"], names[1]: [one]});
                lines.push(json!({names[0]: [resource]}).to_string());
            }
        }
    }
    lines
}

fn spans(export: &str) -> Vec<String> {
    span_by_span(export, ["resourceSpans", "scopeSpans", "spans"])
}

/// Files of every dialect of which a trace may stand on several lines.
fn in_parts() -> BTreeMap<&'static str, Vec<String>> {
    let lines = |text: &str| text.lines().map(str::to_owned).collect::<Vec<String>>();
    let logs = span_by_span(LOGS, ["resourceLogs", "scopeLogs", "logRecords"]);
    let value: serde_json::Value = serde_json::from_str(SDK).expect("JSON");
    let mut whole = spans(SDK);
    // One line with something of two traces.
    let other = value
        .to_string()
        .replace("\"traceId\":\"", "\"traceId\":\"0");
    whole.push(other);
    BTreeMap::from([
        ("spans of exports", whole),
        ("events apart from spans", [spans(EVENTS), logs].concat()),
        ("langfuse", lines(LANGFUSE)),
        ("braintrust", lines(BRAINTRUST)),
        ("langsmith", lines(LANGSMITH)),
        ("rows side by side", side_by_side(7)),
    ])
}

fn same(name: &str, whole: &Read, read: &Read) {
    assert_eq!(read.status, whole.status, "{name}");
    assert_eq!(read.dialect, whole.dialect, "{name}");
    assert_eq!(read.ids(), whole.ids(), "{name}");
    for (one, other) in read.traces.iter().zip(&whole.traces) {
        assert_eq!(one, other, "{name}");
    }
    assert_eq!(read.scores, whole.scores, "{name}");
    let sorted = |read: &Read| {
        let mut findings = read.findings.clone();
        findings.sort();
        findings
    };
    assert_eq!(sorted(read), sorted(whole), "{name}");
}

#[test]
fn a_trace_of_which_every_line_is_a_piece_is_put_together_as_if_it_were_one() {
    let bench = Bench::new();
    for (name, lines) in in_parts() {
        let text = lines.join("\n") + "\n";
        let whole = bench.whole(text.as_bytes());
        assert!(!whole.traces.is_empty(), "{name}: {whole:?}");
        let read = bench.read(text.as_bytes(), SMALL);
        same(name, &whole, &read);
        assert!(read.pieces > 0, "{name}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn pieces_of_any_size_give_what_the_whole_gives(
        order in Just((0..24_usize).collect::<Vec<_>>()).prop_shuffle(),
        traces in 1..8_usize,
        piece in 1..6_000_usize,
        lines in 1..20_usize,
        held in 1_000..20_000_usize,
        is_packed: bool,
        ending in prop::sample::select(vec!["\n", "\r\n", "\n\n"]),
        is_ended: bool,
    ) {
        let rows = side_by_side(traces);
        let mut text = String::new();
        for place in order.into_iter().filter(|place| *place < rows.len()) {
            text += &rows[place];
            text += ending;
        }
        if !is_ended {
            text.truncate(text.trim_end().len());
        }
        let bench = Bench::new();
        let whole = bench.whole(text.as_bytes());
        let limits = PieceLimits { piece, lines, held: held.max(2_500), ..SMALL };
        let bytes = if is_packed { gzip(text.as_bytes()) } else { text.into_bytes() };
        let read = bench.read(&bytes, limits);
        same("rows", &whole, &read);
    }
}

#[test]
fn what_has_no_room_to_wait_is_read_in_another_round() {
    let bench = Bench::new();
    let text = side_by_side(40).join("\n");
    let whole = bench.whole(text.as_bytes());
    // Room for the lines of a few traces.
    let tight = PieceLimits {
        held: 4_000,
        ..SMALL
    };
    let read = bench.read(text.as_bytes(), tight);
    assert_eq!((whole.traces.len(), read.codes().len()), (40, 0));
    same("rows", &whole, &read);
    let impatient = PieceLimits {
        readings: 2,
        ..tight
    };
    let read = bench.read(text.as_bytes(), impatient);
    assert_eq!(read.codes(), ["trace/too-many"]);
    let (_, message) = &read.findings[0];
    let left = 40 - read.traces.len();
    assert!(read.traces.len() > 2, "{}", read.traces.len());
    assert!(message.ends_with(&format!(": {left}")), "{message}");
    // What was given is whole.
    let spans = read.traces.iter().map(|one| one.trace.spans.len());
    assert!(spans.clone().all(|number| number == 3));
}

#[test]
fn a_trace_and_a_line_that_are_too_large_cost_themselves() {
    let bench = Bench::new();
    let long = "words ".repeat(2_000);
    let mut lines = side_by_side(2);
    lines.insert(1, run("large", "large-0", None, &long));
    lines.insert(3, run("large", "large-1", Some("large-0"), &long));
    let limits = PieceLimits {
        held: 8_000,
        ..SMALL
    };
    let text = lines.join("\n");
    let read = bench.read(text.as_bytes(), limits);
    assert_eq!(read.ids(), ["t0", "t1"]);
    assert_eq!(read.codes(), ["trace/too-large"]);
    assert!(
        read.findings[0]
            .1
            .starts_with("a trace that begins on line 2 "),
        "{read:?}"
    );
    let limits = PieceLimits {
        line: 10_000,
        ..SMALL
    };
    let read = bench.read(text.as_bytes(), limits);
    assert_eq!(read.ids(), ["t0", "t1"]);
    let told: Vec<&str> = read
        .findings
        .iter()
        .map(|(_, told)| told.as_str())
        .collect();
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(told[0].starts_with("line 2 has more than"), "{told:?}");
    assert!(told[1].starts_with("line 4 has more than"), "{told:?}");
}

#[test]
fn findings_name_the_lines_and_bytes_of_the_whole_file() {
    let bench = Bench::new();
    let mut lines = side_by_side(2);
    lines.insert(2, "{\"id\": nonsense}".to_owned());
    lines.insert(4, "{\"other\": 1}".to_owned());
    let text = lines.join("\n");
    let path = bench.put(text.as_bytes());
    let around = (&bench.redactor, None);
    let (said, large) = begin(SOURCE, &path, around, SMALL, &|| false);
    let mut found = Vec::new();
    let large = large.expect("large");
    let read = large.read::<()>(said, &bench.redactor, None, &mut |piece| {
        found.extend(piece.diagnostics);
        Ok(ControlFlow::Continue(()))
    });
    assert_eq!(read.expect("nothing fails").diagnostics, []);
    let at = |words: &str| text.find(words).expect("it is there");
    let places: Vec<(String, usize)> = found
        .iter()
        .map(|finding| {
            (
                finding.message.clone(),
                finding.span.expect("a place").start,
            )
        })
        .collect();
    assert!(places[0].0.starts_with("line 3 is not JSON"), "{places:?}");
    assert!(places[0].1 >= at("nonsense") && places[0].1 < at("nonsense") + 4);
    assert!(
        places[1].0.starts_with("the record on line 5 is not"),
        "{places:?}"
    );
    assert_eq!(places[1].1, at("{\"other\""));
}

#[test]
fn bytes_that_are_no_text_and_a_mark_at_the_beginning_are_read_as_in_a_whole_file() {
    let bench = Bench::new();
    let mut bytes = b"\xef\xbb\xbf".to_vec();
    for line in side_by_side(3) {
        let line = line.replacen("words", "wor\u{1}ds NaN", 1);
        let mut line = line.into_bytes();
        for byte in &mut line {
            if *byte == 1 {
                *byte = 0xff;
            }
        }
        bytes.extend(line);
        bytes.push(b'\n');
    }
    // JSON has no such number: the line would name no trace.
    let text = String::from_utf8_lossy(&bytes).into_owned();
    assert!(text.contains('\u{fffd}'));
    let mut nan = Vec::new();
    for line in bytes.split_inclusive(|byte| *byte == b'\n') {
        let shown = line.strip_suffix(b"}\n").expect("an object");
        nan.extend_from_slice(shown);
        nan.extend_from_slice(b", \"cost\": NaN}\n");
    }
    let (whole, read) = (bench.whole(&nan), bench.read(&nan, SMALL));
    assert_eq!(read.ids(), ["t0", "t1", "t2"]);
    assert_eq!(read.traces, whole.traces);
    assert_eq!(
        (read.pieces, read.codes().len()),
        (3, 6),
        "each piece says so of itself"
    );
}

#[test]
fn a_file_that_is_still_written_waits_and_then_gives_its_whole_lines() {
    let bench = Bench::new();
    let mut lines = side_by_side(2);
    let last = lines.pop().expect("a line");
    let text = lines.join("\n") + "\n" + &last[..last.len() / 2];
    let path = bench.put(text.as_bytes());
    let around = (&bench.redactor, Some("s"));
    let (said, large) = begin(SOURCE, &path, around, SMALL, &|| false);
    assert!(large.is_some());
    assert!(matches!(&said.status, FileStatus::Waiting { reason } if reason.contains("on line 6")));
    assert_eq!(said.settles_after(), Some(file::RECORDS_SETTLE));
    let read = bench.read(text.as_bytes(), SMALL);
    assert_eq!(read.status, FileStatus::Imported);
    assert_eq!(read.codes(), ["trace/no-root", "trace/incomplete"]);
    assert_eq!(read.traces, bench.whole(text.as_bytes()).traces);
    // The same of one that is cut while it is packed.
    let packed = gzip(text.as_bytes());
    let cut = &packed[..packed.len() - 20];
    let read = bench.read(cut, SMALL);
    assert_eq!(read.traces, bench.whole(cut).traces);
    assert!(read.codes().contains(&"trace/incomplete"), "{read:?}");
}

#[test]
fn of_a_damaged_file_nothing_is_given() {
    let bench = Bench::new();
    let text = side_by_side(200).join("\n");
    let mut packed = gzip(text.as_bytes());
    let middle = packed.len() / 2;
    packed[middle] ^= 0xff;
    let limits = PieceLimits {
        whole: 500,
        piece: 500,
        ..SMALL
    };
    let read = bench.read(&packed, limits);
    assert_eq!(read.codes(), ["trace/bad-compression"]);
    assert!(read.traces.is_empty());
    // Members one after another, zeros between them; and something else at the end.
    let lines: Vec<String> = side_by_side(2);
    let mut several = Vec::new();
    for line in &lines {
        several.extend(gzip(format!("{line}\n").as_bytes()));
    }
    let read = bench.read(&several, SMALL);
    assert_eq!((read.ids(), read.codes()), (vec!["t0", "t1"], vec![]));
    several.extend_from_slice(&[0; 9]);
    assert_eq!(bench.read(&several, SMALL).codes(), Vec::<&str>::new());
    several.extend_from_slice(b"rest");
    let read = bench.read(&several, SMALL);
    assert_eq!(
        (read.ids(), read.codes()),
        (vec!["t0", "t1"], vec!["trace/trailing-bytes"])
    );
}

#[test]
fn what_packs_too_well_is_refused_before_anything_of_it_is_given() {
    let bench = Bench::new();
    let first = run("t0", "t0-0", None, "words") + "\n";
    let mut text = first.into_bytes();
    text.resize(20 << 20, b' ');
    let limits = PieceLimits {
        whole: 1_000,
        piece: 1 << 20,
        line: 32 << 20,
        ..SMALL
    };
    let read = bench.read(&gzip(&text), limits);
    assert_eq!(read.codes(), ["trace/too-large"]);
    assert!(read.traces.is_empty());
    let (_, told) = &read.findings[0];
    assert!(told.starts_with("the file unpacks to more than"), "{told}");
}

#[test]
fn one_document_is_read_as_one_and_so_is_a_small_file() {
    let bench = Bench::new();
    let document = format!("[\n{}\n]", side_by_side(2).join(",\n"));
    let read = bench.read(document.as_bytes(), SMALL);
    assert_eq!((read.ids().len(), read.pieces), (2, 0));
    let lines = side_by_side(2).join("\n");
    let usual = bench.read(lines.as_bytes(), PieceLimits::default());
    assert_eq!((usual.ids().len(), usual.pieces), (2, 0));
    let packed = bench.read(&gzip(lines.as_bytes()), PieceLimits::default());
    assert_eq!(packed.traces, usual.traces);
}

#[test]
fn who_has_enough_ends_the_reading() {
    let bench = Bench::new();
    let mut text = String::new();
    for number in 0..9 {
        let said =
            json!({"id": format!("m{number}"), "messages": [{"role": "user", "content": "hi"}]});
        writeln!(text, "{said}").expect("in memory");
    }
    let path = bench.put(text.as_bytes());
    let around = (&bench.redactor, None);
    let (said, large) = begin(SOURCE, &path, around, SMALL, &|| false);
    let mut given = 0;
    let read = large
        .expect("large")
        .read::<()>(said, &bench.redactor, None, &mut |piece| {
            given += piece.traces.len();
            Ok(if given == 3 {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            })
        })
        .expect("nothing fails");
    assert_eq!((given, read.status), (3, FileStatus::Imported));
    let (said, _) = begin(SOURCE, &path, around, SMALL, &|| true);
    assert!(matches!(said.status, FileStatus::Waiting { .. }));
}

#[test]
fn a_file_that_changes_between_its_readings_says_so() {
    let bench = Bench::new();
    let text = side_by_side(3).join("\n");
    let path = bench.put(text.as_bytes());
    let around = (&bench.redactor, None);
    let (said, large) = begin(SOURCE, &path, around, SMALL, &|| false);
    bench.put(side_by_side(1).join("\n").as_bytes());
    let read = large
        .expect("large")
        .read::<()>(said, &bench.redactor, None, &mut |_| {
            Ok(ControlFlow::Continue(()))
        })
        .expect("nothing fails");
    let codes: Vec<&str> = read
        .diagnostics
        .iter()
        .map(|one| one.code.as_str())
        .collect();
    assert_eq!(codes, ["trace/changed"]);
}
