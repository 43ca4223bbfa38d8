//! Fixtures in, summaries out; and what holds for any bytes at all.

use std::io::Write;

use archal_core::source::Decoded;
use archal_core::trace::Trace;
use proptest::prelude::*;

use super::*;
use crate::otlp::alike::change;

const BATCH: &[u8] = include_bytes!("fixtures/batch.json");
const PARTLY_BAD: &[u8] = include_bytes!("fixtures/batch-partly-bad.json");
const TRAPS: &[u8] = include_bytes!("../otlp/fixtures/traps.jsonl");
const OLD_NAMES: &[u8] = include_bytes!("../otlp/fixtures/old-names.json");
const SDK_JSON: &[u8] = include_bytes!("../otlp/fixtures/python-sdk.json");
const SDK_LINES: &[u8] = include_bytes!("../otlp/fixtures/python-sdk.jsonl");
const FIXTURES: [&[u8]; 6] = [BATCH, PARTLY_BAD, TRAPS, OLD_NAMES, SDK_JSON, SDK_LINES];

/// What a person would want to see of a decoded file, short.
fn summary(decoded: &Decoded) -> String {
    let mut out = format!(
        "{} complete={} by_record={}\n",
        decoded.dialect.unwrap_or("?"),
        decoded.complete,
        decoded.by_record
    );
    for one in &decoded.traces {
        let trace = &one.trace;
        out += &format!(
            "trace {} source={:?} project={:?} {:?} orphans={} dropped={}\n",
            trace.id.escape_debug(),
            one.source.as_deref().unwrap_or(""),
            one.project.as_deref().unwrap_or(""),
            trace.name,
            trace.completeness.orphans,
            trace.completeness.dropped,
        );
        for span in &trace.spans {
            out += &format!(
                "  {} <- {} {:?} {:?}\n",
                span.id,
                span.parent_id.as_deref().unwrap_or("-"),
                span.kind,
                span.name
            );
        }
    }
    for finding in &decoded.diagnostics {
        let place = finding.span.map_or_else(String::new, |span| {
            format!(" at {}..{}", span.start, span.end)
        });
        out += &format!(
            "{} {:?}{place}: {}\n",
            finding.code, finding.severity, finding.message
        );
    }
    out
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut writer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    writer.write_all(bytes).expect("memory");
    writer.finish().expect("memory")
}

fn traces(bytes: &[u8]) -> Vec<Trace> {
    decode(bytes)
        .traces
        .into_iter()
        .map(|one| one.trace)
        .collect()
}

#[test]
fn batches_give_their_traces() {
    insta::assert_snapshot!(summary(&decode(BATCH)), @r#"
    batch complete=true by_record=false
    trace t-1 source="prod" project="support" "triage" orphans=0 dropped=0
      s-1 <- - Agent "triage"
      s-2 <- s-1 Http "github.issues.list"
    trace ../../etc/passwd source="prod" project="support" "ünïcode — ✓" orphans=0 dropped=0
    "#);
}

#[test]
fn of_a_partly_bad_batch_the_good_traces_are_kept() {
    let decoded = decode(PARTLY_BAD);
    insta::assert_snapshot!(summary(&decoded), @r#"
    batch complete=true by_record=false
    trace half source="" project="" "" orphans=1 dropped=1
      a <- - Llm "again"
      c <- - Other ""
      d <- nowhere Other ""
      span-5 <- - Event ""
    trace good source="" project="" "" orphans=0 dropped=0
    trace/half-character Note at 453..459: characters cut in half by their writer: 1
    trace/not-a-number Note at 435..438: numbers that JSON does not have, read as null: 1
    trace/bad-trace Error at 78..79: a trace is not an object
    trace/bad-trace Error at 82..98: a trace has no `id`
    trace/bad-trace Error at 101..153: a trace cannot be read: a time is not RFC 3339
    trace/bad-trace Error at 156..194: a trace cannot be read: unknown value, expected one of `ok`, `error`, `unset`
    trace/bad-span Warning at 271..295: span 1 of trace `half` cannot be read: unknown value, expected a timestamp string
    trace/duplicate-span Warning: trace `half`: different spans with one id, of which the fullest counts: 1
    trace/parent-cycle Warning: trace `half`: spans that are their own ancestors, whose parent was left out: 1
    "#);
    assert!(!format!("{:?}", decoded.diagnostics).contains("hunter2"));
}

#[test]
fn exports_written_loosely_are_read_span_by_span() {
    insta::assert_snapshot!(summary(&decode(TRAPS)), @r#"
    otlp-json complete=true by_record=true
    trace 0af7651916cd43dd8448eb211c80319c source="" project="traps" "root" orphans=0 dropped=1
      b7ad6b7169203333 <- b7ad6b7169203331 Other "answered, not called"
      b7ad6b7169203331 <- - Other "root"
      b7ad6b7169203332 <- b7ad6b7169203331 Http "snake"
    trace/not-json Error at 1336..1337: line 5 is not JSON: expected ident
    trace/other-signal Warning: records of OTLP metrics or of logs without events of spans, which are not read: 1
    trace/bad-span Warning at 948..1009: a span cannot be read: it has no span id
    trace/bad-span Warning at 1010..1011: a span cannot be read: it is not an object
    trace/bad-span Warning at 1308..1312: a span cannot be read: invalid type: null, expected a map
    "#);
}

#[test]
fn files_that_hold_no_trace_say_what_they_are() {
    for (bytes, code) in [
        (&b""[..], "trace/empty"),
        (b"  \n", "trace/empty"),
        (b"\x7fELF\x02\x01\x01\0\0\0", "trace/binary"),
        (b"\xff\xfe{\0}\0", "trace/not-utf8"),
        (b"hello there\n", "trace/not-json"),
        (b"7", "trace/not-an-object"),
        (b"{\"a\": 1}", "trace/unknown-shape"),
        (b"{\"a\" 1}", "trace/not-json"),
        (b"{\"resourceSpans\": [", "trace/incomplete"),
        (b"[{\"resourceSpans\": []}, {\"res", "trace/incomplete"),
        (b"{\"resourceSpans\": [], \"x\": -Inf", "trace/incomplete"),
        (b"{\"resourceLogs\": []}", "trace/other-signal"),
        (
            b"\x1f\x8b\x08\0garbage....................",
            "trace/bad-compression",
        ),
        (
            br#"{"schema":"archal.trace.upload-batch","version":2,"traces":[]}"#,
            "trace/newer-version",
        ),
        (
            br#"{"schema":"archal.trace.upload-batch","version":1,"complete":false,"traces":[]}"#,
            "trace/incomplete",
        ),
    ] {
        let decoded = decode(bytes);
        let codes: Vec<&str> = decoded
            .diagnostics
            .iter()
            .map(|finding| finding.code.as_str())
            .collect();
        assert_eq!(codes, [code], "{:?}", String::from_utf8_lossy(bytes));
        assert_eq!(decoded.traces, []);
        let waits = matches!(code, "trace/incomplete" | "trace/empty");
        assert_eq!(decoded.complete, !waits, "{code}");
    }
}

#[test]
fn one_bad_line_costs_that_line_and_an_unfinished_one_is_waited_for() {
    let mut lines = SDK_LINES.to_vec();
    let whole = traces(&lines);
    lines.extend(b"{\"resourceSpans\": oops}\n");
    assert_eq!(traces(&lines), whole);
    assert!(decode(&lines).complete);
    lines.extend(b"{\"resourceSpans\": [");
    let decoded = decode(&lines);
    assert!(!decoded.complete && decoded.by_record);
    assert_eq!(decoded.traces[0].trace, whole[0]);
}

#[test]
fn arrays_and_values_over_several_lines_are_records_too() {
    let whole = traces(SDK_JSON);
    let array = [b"[", SDK_JSON, b",", SDK_JSON, b"]"].concat();
    assert_eq!(traces(&array), whole);
    let sequence = [SDK_JSON, SDK_JSON].concat();
    assert_eq!(traces(&sequence), whole);
    let cut = [b"[", SDK_JSON, b",", &SDK_JSON[..500]].concat();
    let decoded = decode(&cut);
    assert!(!decoded.complete && decoded.by_record);
    assert_eq!(decoded.traces[0].trace, whole[0]);
}

#[test]
fn compressed_files_are_told_by_their_bytes() {
    let whole = decode(SDK_LINES);
    let middle = SDK_LINES.iter().position(|b| *b == b'\n').expect("lines") + 1;
    let members = [gzip(&SDK_LINES[..middle]), gzip(&SDK_LINES[middle..])].concat();
    assert_eq!(decode(&members), whole);
    assert_eq!(decode(&[members.as_slice(), &[0; 512]].concat()), whole);
    let frames = [&SDK_LINES[..middle], &SDK_LINES[middle..]]
        .map(|part| zstd::encode_all(part, 3).expect("memory"))
        .concat();
    assert_eq!(decode(&frames), whole);
    let mut damaged = members;
    let last = damaged.len() - 6;
    damaged[last] ^= 0xff;
    assert_eq!(
        decode(&damaged).diagnostics[0].code,
        "trace/bad-compression"
    );
}

#[test]
fn a_file_that_unpacks_to_too_much_is_refused() {
    let mut writer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    for _ in 0..64 {
        writer.write_all(&[b' '; 1024 * 1024]).expect("memory");
    }
    let bomb = writer.finish().expect("memory");
    assert_eq!(decode(&bomb).diagnostics[0].code, "trace/too-large");
}

#[test]
fn deep_nesting_and_long_lines_are_only_data() {
    let deep = format!("{}{}", "[".repeat(1_000_000), "]".repeat(1_000_000));
    assert_eq!(decode(deep.as_bytes()).traces, []);
    let file = format!(
        r#"{{"schema":"archal.trace.upload-batch","version":1,"traces":[{{"id":"deep","input":{deep}}},{{"id":"good"}}]}}"#
    );
    let decoded = decode(file.as_bytes());
    assert_eq!(decoded.traces.len(), 1);
    assert_eq!(decoded.diagnostics[0].code, "trace/bad-trace");
    let long = "x".repeat(10 * 1024 * 1024);
    let line = format!(
        r#"{{"schema":"archal.trace.upload-batch","version":1,"traces":[{{"id":"long","input":"{long}"}}]}}"#
    );
    let both = format!("{line}\n{line}\n");
    assert_eq!(decode(both.as_bytes()).traces.len(), 2);
}

#[test]
fn findings_are_listed_up_to_a_limit_and_the_rest_is_counted() {
    let lines = format!("{{}}\n{}", "not json\n".repeat(5_000));
    let decoded = decode(lines.as_bytes());
    assert_eq!(decoded.diagnostics.len(), findings::MAX_LISTED + 1);
}

#[test]
fn unfinished_names_are_not_read() {
    for name in [
        "a.json.tmp",
        "a.PART",
        ".a.json",
        "a.json~",
        ".a.json.swp",
        "a.crdownload",
    ] {
        assert!(!accepts(Path::new(name)), "{name}");
    }
    for name in ["a.json", "a.jsonl.gz", "trace", "tmp", "dir.tmp/a.json"] {
        assert!(accepts(Path::new(name)), "{name}");
    }
}

/// Every trace of a cut file must be one that its whole records alone would give.
#[test]
fn a_cut_file_never_gives_a_wrong_trace() {
    for fixture in FIXTURES {
        let whole = decode(fixture);
        let mut expected = None;
        for end in 0..fixture.len() {
            let decoded = decode(&fixture[..end]);
            if !whole.by_record {
                let only_space_is_missing = fixture[end..].trim_ascii().is_empty();
                assert_eq!(decoded.complete, only_space_is_missing, "cut at {end}");
                if !only_space_is_missing {
                    assert_eq!(decoded.traces, [], "cut at {end}");
                }
                continue;
            }
            let lines = fixture[..end]
                .iter()
                .rposition(|b| *b == b'\n')
                .map_or(0, |at| at + 1);
            let last_is_whole = fixture[end..].first().is_some_and(|b| *b == b'\n');
            let good = if last_is_whole { end } else { lines };
            if expected.as_ref().is_none_or(|(at, _)| *at != good) {
                expected = Some((good, decode(&fixture[..good]).traces));
            }
            let expected = expected.as_ref().map(|(_, traces)| traces);
            assert_eq!(Some(&decoded.traces), expected, "cut at {end}");
        }
    }
}

#[test]
fn a_cut_compressed_file_is_waited_for_at_every_byte() {
    let packed = gzip(BATCH);
    let frame = zstd::encode_all(BATCH, 3).expect("memory");
    for file in [packed, frame] {
        for end in 4..file.len() {
            let decoded = decode(&file[..end]);
            assert!(!decoded.complete, "cut at {end}");
            // Only the checksum may be missing.
            let good = decoded.traces.is_empty() || decoded.traces == decode(BATCH).traces;
            assert!(good, "cut at {end}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn any_bytes_decode_without_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..2_000)) {
        decode(&bytes);
    }

    #[test]
    fn mutated_fixtures_decode_without_a_panic(
        which in 0..FIXTURES.len(),
        edits in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0..4_u8), 1..12),
        pack in any::<bool>(),
    ) {
        let mut bytes = FIXTURES[which].to_vec();
        if pack {
            bytes = gzip(&bytes);
        }
        for (place, byte, edit) in edits {
            let at = place.index(bytes.len().max(1)).min(bytes.len().saturating_sub(1));
            match edit {
                0 if !bytes.is_empty() => bytes[at] = byte,
                1 => bytes.insert(at, byte),
                2 if !bytes.is_empty() => drop(bytes.remove(at)),
                _ => bytes.truncate(bytes.len() - at.min(40)),
            }
        }
        let decoded = decode(&bytes);
        for finding in &decoded.diagnostics {
            if let Some(span) = finding.span {
                prop_assert!(span.start <= span.end);
            }
        }
        for one in &decoded.traces {
            prop_assert!(!one.trace.id.is_empty());
        }
    }
}

/// What a batch says read field by field, and as archal's own batches are.
fn both_ways(text: &str) -> [Decoded; 2] {
    let ways: [batch::First; 2] = [|_, _| Some(0), written::read];
    ways.map(|first| {
        let mut decoded = Decoded::default();
        let document = Document::read(text.as_bytes(), &mut decoded).expect("text");
        let record = Record::of(&document.text, 0).expect("JSON");
        batch::read_batch(&record, &document, &mut decoded, first);
        decoded
    })
}

#[test]
fn what_archal_writes_is_read_in_one_go() {
    let decoded = decode(SDK_LINES);
    let traces: Vec<&Trace> = decoded.traces.iter().map(|one| &one.trace).collect();
    let text = serde_json::to_string(&traces).expect("JSON");
    let mut read = Vec::new();
    let left = written::read(serde_json::from_str(&text).expect("JSON"), &mut |trace| {
        read.push(trace);
        true
    });
    assert_eq!(left, None);
    assert!(!traces.is_empty() && traces.iter().copied().eq(&read));
    // What may be too deep to be read again is not taken so.
    let deep = format!("{}1{}", "[".repeat(99), "]".repeat(99));
    let text = format!(r#"[{{"id":"t","spans":[{{"id":"s","attributes":{{"a":{deep}}}}}]}}]"#);
    let left = written::read(serde_json::from_str(&text).expect("JSON"), &mut |_| true);
    assert_eq!(left, Some(0));
}

proptest! {
    #[test]
    fn a_batch_is_read_alike_in_one_go_and_field_by_field(
        is_ours in any::<bool>(),
        changes in proptest::collection::vec((
            proptest::collection::vec(any::<proptest::sample::Index>(), 2..9),
            proptest::sample::select(vec![
                serde_json::json!(null), serde_json::json!([]), serde_json::json!({}), serde_json::json!(""),
                serde_json::json!("2026-01-01T00:00:00Z"), serde_json::json!(-1), serde_json::json!(2.5),
                serde_json::json!(7), serde_json::json!([null]), serde_json::json!({"X-Own": "1"}),
                serde_json::json!([[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]), (0..99).fold(serde_json::json!(1), |inner, _| serde_json::json!([inner])),
            ]),
        ), 0..3),
        twice in proptest::sample::select(vec!["", "\"id\":", "\"name\":", "\"spans\":", "\"input\":"]),
    ) {
        let decoded = decode(if is_ours { SDK_JSON } else { BATCH });
        let traces: Vec<&Trace> = decoded.traces.iter().map(|one| &one.trace).collect();
        let mut batch = serde_json::json!({"schema": "archal.trace.upload-batch", "version": 1, "traces": traces});
        for (steps, odd) in changes {
            change(&mut batch, &steps, &odd);
        }
        prop_assume!(batch.is_object());
        let mut text = batch.to_string();
        if !twice.is_empty() {
            text = text.replacen(twice, &format!("{twice}null,{twice}"), 2);
        }
        let [slowly, at_once] = both_ways(&text);
        prop_assert_eq!(slowly.traces, at_once.traces);
        prop_assert_eq!(slowly.diagnostics, at_once.diagnostics);
    }
}
