//! Files with a record on each line, read in pieces.

use std::borrow::Cow;

use archal_core::source::{Decoded, Line, LineDialect, LineFormat, Piece};

use super::{DIALECTS, Dialect, compression, dialect_of, read_as, records};
use crate::document::Document;
use crate::findings;

/// How they are read.
pub(super) const FORMAT: LineFormat = LineFormat {
    unpack: compression::stream,
    detect,
    traces,
    decode,
};

fn detect(head: &[u8]) -> Option<LineDialect> {
    let mut decoded = Decoded {
        complete: true,
        ..Decoded::default()
    };
    // The last line may go on.
    let end = head.iter().rposition(|byte| *byte == b'\n')?;
    let document = Document::read(&head[..=end], &mut decoded)?;
    if !records::is_lines(&document.text) {
        return None;
    }
    let found = records::of_lines(&document, &mut decoded);
    let dialect = dialect_of(&found)?;
    Some(LineDialect {
        name: dialect.name,
        is_in_parts: dialect.traces.is_some(),
    })
}

fn named(name: &str) -> Option<&'static Dialect> {
    DIALECTS.iter().find(|dialect| dialect.name == name)
}

fn traces(dialect: &'static str, line: &[u8], told: &mut dyn FnMut(&str)) {
    let Some(tell) = named(dialect).and_then(|dialect| dialect.traces) else {
        return;
    };
    // As it is decoded: with the numbers that JSON does not have, and without bytes that are no text.
    let mut decoded = Decoded::default();
    let lines = [Line {
        at: 0,
        number: 1,
        offset: 0,
    }];
    let piece = Piece {
        dialect,
        text: line,
        lines: &lines,
        is_wanted: &|_| true,
    };
    if let Some(document) = Document::of_lines(&piece, &mut decoded) {
        let text: &Cow<'_, str> = &document.text;
        tell(text.trim(), told);
    }
}

fn decode(piece: &Piece<'_>) -> Decoded {
    let mut decoded = Decoded {
        complete: true,
        by_record: true,
        ..Decoded::default()
    };
    if let Some(dialect) = named(piece.dialect)
        && let Some(document) = Document::of_lines(piece, &mut decoded)
    {
        let records = records::of_lines(&document, &mut decoded);
        read_as(dialect, &records, &document, piece.is_wanted, &mut decoded);
    }
    findings::limit(&mut decoded.diagnostics);
    decoded
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    const LINES: [(&str, &str); 7] = [
        (
            "otlp-json",
            include_str!("../otlp/fixtures/python-sdk.jsonl"),
        ),
        ("otlp-json", include_str!("../otlp/fixtures/traps.jsonl")),
        ("otlp-json", include_str!("../otlp/fixtures/old-names.json")),
        ("langfuse", include_str!("fixtures/langfuse-export.jsonl")),
        ("langfuse", include_str!("fixtures/langfuse-api.json")),
        ("braintrust", include_str!("fixtures/braintrust.jsonl")),
        ("langsmith", include_str!("fixtures/langsmith.jsonl")),
    ];

    /// Names with other ones, wrapped and in lists, in which runs and observations stand, too.
    const STRANGE: [(&str, &str, &[&str]); 12] = [
        (
            "otlp-json",
            r#"{"trace":{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"0A000000000000000000000000000001","spanId":"01"}]}]}]}}"#,
            &["0a000000000000000000000000000001"],
        ),
        (
            "otlp-json",
            r#"{"scopeSpans":[{"spans":[{"trace_id":"CgAAAAAAAAAAAAAAAAAAAQ==","spanId":"01"}]}]}"#,
            &["0a000000000000000000000000000001"],
        ),
        (
            "otlp-json",
            r#"{"resourceSpans":[{"scopeSpans":[7,{"spans":[{"traceId":"a","spanId":"01"},{"traceId":7},"x",{"traceId":"b"}]}]}]}"#,
            &["a", "b"],
        ),
        (
            "otlp-json",
            r#"{"resourceLogs":[{"scopeLogs":[{"logs":[{"traceId":"a","spanId":"1","eventName":"e"}]}]}]}"#,
            &["a"],
        ),
        (
            "otlp-json",
            r#"{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"a","spanId":"1","x":NaN}]}]}],"resource_logs":[{"scope_logs":[{"log_records":[{"trace_id":"b","span_id":"1","event_name":"e"}]}]}]}"#,
            &["a", "b"],
        ),
        (
            "langfuse",
            r#"{"id":"s","name":"n","dataType":"NUMERIC","source":"API","timestamp":"2026-03-01T12:00:00Z","value":1,"subject":{"kind":"trace","id":"a"}}"#,
            &["a"],
        ),
        (
            "langfuse",
            r#"{"id":"a","timestamp":"2026-03-01T12:00:00Z","observations":[{"id":"o","type":"SPAN","startTime":"2026-03-01T12:00:00Z"}],"scores":[{"id":"s","traceId":"b","name":"n","dataType":"NUMERIC","value":1}]}"#,
            &["a", "b"],
        ),
        (
            "braintrust",
            r#"{"data":[{"id":"1","span_id":"1","root_span_id":"a"},{"id":"2","span_id":"b","root_span_id":""}]}"#,
            &["a", "b"],
        ),
        (
            "braintrust",
            r#"{"id":"2","span_id":"b","root_span_id":""}"#,
            &["b"],
        ),
        (
            "langsmith",
            r#"{"id":"a","run_type":"chain","child_runs":[{"id":"1","run_type":"tool"},{"id":"2","run_type":"tool","trace_id":"b"}]}"#,
            &["a", "b"],
        ),
        (
            "langsmith",
            r#"{"id":"2","run_type":"tool","parent_run_id":"1","dotted_order":"20260301T120000000000Za.20260301T120001000000Z2"}"#,
            &["a"],
        ),
        (
            "langsmith",
            r#"{"id":"a","trace_id":"","run_type":"chain"}"#,
            &["a"],
        ),
    ];

    fn named_by(dialect: &'static str, line: &str) -> BTreeSet<String> {
        let mut named = BTreeSet::new();
        traces(dialect, line.as_bytes(), &mut |trace| {
            named.insert(trace.to_owned());
        });
        named
    }

    fn given_by(dialect: &'static str, line: &str) -> BTreeSet<String> {
        let lines = [Line {
            at: 0,
            number: 1,
            offset: 0,
        }];
        let decoded = decode(&Piece {
            dialect,
            text: line.as_bytes(),
            lines: &lines,
            is_wanted: &|_| true,
        });
        let ids = decoded.traces.into_iter().map(|one| one.trace.id);
        ids.collect()
    }

    #[test]
    fn a_line_names_every_trace_that_is_read_of_it() {
        let mut seen = 0;
        for (dialect, text) in LINES {
            for line in text.lines() {
                let (named, given) = (named_by(dialect, line), given_by(dialect, line));
                assert!(given.is_subset(&named), "{dialect}: {line}: {named:?}");
                seen += given.len();
            }
        }
        assert!(seen > 10, "{seen}");
        for (dialect, line, expected) in STRANGE {
            let named = named_by(dialect, line);
            let given = given_by(dialect, line);
            let names: Vec<&str> = named.iter().map(String::as_str).collect();
            assert_eq!(names, expected, "{line}");
            assert!(given.is_subset(&named), "{line}: {given:?}");
        }
    }

    #[test]
    fn only_traces_that_are_wanted_are_given() {
        for (dialect, text) in LINES {
            let breaks = text.match_indices('\n').map(|(at, _)| at + 1);
            let lines: Vec<Line> = [0]
                .into_iter()
                .chain(breaks)
                .zip(1..)
                .map(|(at, number)| Line {
                    at,
                    number,
                    offset: at as u64,
                })
                .collect();
            let read = |is_wanted: &dyn Fn(&str) -> bool| {
                let decoded = decode(&Piece {
                    dialect,
                    text: text.as_bytes(),
                    lines: &lines,
                    is_wanted,
                });
                decoded.traces
            };
            let all = read(&|_| true);
            for one in &all {
                assert_eq!(
                    read(&|trace| trace == one.trace.id),
                    std::slice::from_ref(one)
                );
            }
            assert_eq!(read(&|_| false), []);
        }
    }
}
