//! Dialect `batch`: `archal.trace.upload-batch`.

use archal_core::diagnostic::Diagnostic;
use archal_core::source::{Decoded, DecodedTrace};
use archal_core::trace::{BATCH_SCHEMA, BATCH_VERSION, BatchSource, Span, Trace};
use serde_json::Value;
use serde_json::value::RawValue;

use super::{Dialect, Wanted, written};
use crate::document::Document;
use crate::findings;
use crate::normalise::{has_content, normalise, shown};
use crate::raw::{self, Record};

pub(super) const DIALECT: Dialect = Dialect {
    name: "batch",
    fits,
    read,
    traces: None,
};

/// Traces one file may give. What archal writes has at most 1,000.
const MAX_TRACES: usize = 100_000;

fn fits(record: &Record<'_>) -> bool {
    record
        .field(&["schema"])
        .is_some_and(|schema| schema.get().trim_matches('"') == BATCH_SCHEMA)
}

fn read(records: &[Record<'_>], document: &Document<'_>, _: Wanted<'_>, decoded: &mut Decoded) {
    for record in records {
        read_batch(record, document, decoded, written::read);
    }
}

/// Gives the traces of a list one by one until one is not taken, and tells how many were; none for all.
pub(super) type First = fn(&RawValue, &mut dyn FnMut(Trace) -> bool) -> Option<usize>;

/// Reads a batch, trying another reader on its traces first.
pub(super) fn read_batch(
    record: &Record<'_>,
    document: &Document<'_>,
    decoded: &mut Decoded,
    first: First,
) {
    let finding = |code: &str, message: String| {
        Diagnostic::error(code, message).at(document.place(record.range()))
    };
    let version = field::<u32>(record, "version");
    match version {
        Some(BATCH_VERSION) => {}
        Some(newer) if newer > BATCH_VERSION => {
            findings::add(
                &mut decoded.diagnostics,
                finding(
                    "trace/newer-version",
                    format!("the batch has version {newer}; this release reads {BATCH_VERSION}"),
                )
                .with_help("update archal"),
            );
            return;
        }
        _ => {
            findings::add(
                &mut decoded.diagnostics,
                finding(
                    "trace/no-version",
                    "the batch has no `version` that is known".to_owned(),
                ),
            );
            return;
        }
    }
    // A writer that does not say it had finished is believed: the file parses to its end.
    if field::<bool>(record, "complete") == Some(false) {
        decoded.complete = false;
        findings::add(
            &mut decoded.diagnostics,
            Diagnostic::note("trace/incomplete", "the batch says `complete: false`")
                .at(document.place(record.range())),
        );
    }
    let source: BatchSource = field(record, "source").unwrap_or_default();
    let Some(traces) = record.list(&["traces"]) else {
        findings::add(
            &mut decoded.diagnostics,
            finding(
                "trace/no-traces",
                "the batch has no list `traces`".to_owned(),
            ),
        );
        return;
    };
    let of = |trace| DecodedTrace {
        source: source.name.clone(),
        project: source.project.clone(),
        trace,
        ..DecodedTrace::default()
    };
    let taken = first(traces, &mut |mut trace| {
        if decoded.traces.len() >= MAX_TRACES {
            return false;
        }
        for (span, position) in trace.spans.iter_mut().zip(0..) {
            mend(span, position);
        }
        let trace = normalised(trace, decoded);
        decoded.traces.push(of(trace));
        true
    });
    let mut number = 0;
    let mut beyond = 0_u64;
    // The one that was not taken, and those behind it.
    let read = |part| {
        number += 1;
        if Some(number) <= taken {
            return;
        }
        if decoded.traces.len() >= MAX_TRACES {
            beyond += 1;
        } else if let Some(trace) = read_trace(part, record, document, decoded) {
            decoded.traces.push(of(trace));
        }
    };
    if taken.is_some() {
        raw::each_item(traces, read);
    }
    if beyond > 0 {
        findings::add(
            &mut decoded.diagnostics,
            Diagnostic::error(
                "trace/too-many",
                format!("a file gives at most {MAX_TRACES} traces; left out: {beyond}"),
            )
            .with_help("split it into smaller files"),
        );
    }
    decoded.origin.provider = decoded.origin.provider.take().or(source.provider);
}

/// A field of the batch itself; a wrong type reads as missing.
fn field<T: serde::de::DeserializeOwned>(record: &Record<'_>, name: &str) -> Option<T> {
    let value: Value = serde_json::from_str(record.field(&[name])?.get()).ok()?;
    serde_json::from_value(without_nulls(value)).ok()
}

fn read_trace(
    part: &RawValue,
    batch: &Record<'_>,
    document: &Document<'_>,
    decoded: &mut Decoded,
) -> Option<Trace> {
    let start = batch.start_of(part);
    let place = document.place(start..start + part.get().len());
    let mut fail = |reason: String| {
        findings::add(
            &mut decoded.diagnostics,
            Diagnostic::error("trace/bad-trace", reason).at(place.clone()),
        );
    };
    let mut record = match Record::of(part.get(), start) {
        Ok(record) => record,
        Err(_) => {
            fail("a trace is not an object".to_owned());
            return None;
        }
    };
    let spans = record.fields.remove("spans");
    let spans = spans.filter(|spans| spans.get() != "null");
    if spans.is_some_and(|spans| !spans.get().starts_with('[')) {
        fail("`spans` of a trace is not a list".to_owned());
        return None;
    }
    let mut trace: Trace = match from_fields(&record) {
        Ok(trace) => trace,
        Err(error) => {
            fail(format!("a trace cannot be read: {}", raw::reason(&error)));
            return None;
        }
    };
    if trace.id.is_empty() {
        fail("a trace has no `id`".to_owned());
        return None;
    }
    let mut position = 0_u64;
    let read = |part: &RawValue| {
        let start = batch.start_of(part);
        match read_span(part) {
            Ok(mut span) => {
                mend(&mut span, position);
                trace.spans.push(span);
            }
            Err(error) => {
                trace.completeness.dropped = trace.completeness.dropped.saturating_add(1);
                findings::add(
                    &mut decoded.diagnostics,
                    Diagnostic::warning(
                        "trace/bad-span",
                        format!(
                            "span {position} of trace `{}` cannot be read: {}",
                            shown(&trace.id),
                            raw::reason(&error)
                        ),
                    )
                    .at(document.place(start..start + part.get().len())),
                );
            }
        }
        position += 1;
    };
    if let Some(spans) = spans {
        raw::each_item(spans, read);
    }
    Some(normalised(trace, decoded))
}

fn normalised(mut trace: Trace, decoded: &mut Decoded) -> Trace {
    trace.revision.clear();
    normalise(&mut trace, &mut decoded.diagnostics);
    trace.completeness.content = trace.completeness.content && has_content(&trace);
    trace
}

fn read_span(part: &RawValue) -> Result<Span, serde_json::Error> {
    let mut value = without_nulls(raw::value(part.get())?);
    for inner in ["tool", "http", "llm"] {
        if let Some(inner) = value.get_mut(inner) {
            *inner = without_nulls(inner.take());
        }
    }
    if let Some(usage) = value.pointer_mut("/llm/usage") {
        *usage = without_nulls(usage.take());
    }
    serde_json::from_value(value)
}

/// What holds of a span of any batch.
fn mend(span: &mut Span, position: u64) {
    if span.id.is_empty() {
        span.id = format!("span-{position}");
    }
    if let Some(http) = &mut span.http {
        http.method.make_ascii_uppercase();
        http.request_headers = lower_names(std::mem::take(&mut http.request_headers));
        http.response_headers = lower_names(std::mem::take(&mut http.response_headers));
    }
}

fn lower_names(
    headers: std::collections::BTreeMap<String, String>,
) -> std::collections::BTreeMap<String, String> {
    headers
        .into_iter()
        .map(|(name, value)| (name.to_ascii_lowercase(), value))
        .collect()
}

/// The trace of an object's fields, null reading as missing.
fn from_fields(record: &Record<'_>) -> Result<Trace, serde_json::Error> {
    let mut object = serde_json::Map::new();
    for (name, part) in &record.fields {
        let mut value = raw::value(part.get())?;
        if name == "completeness" {
            value = without_nulls(value);
        }
        if !value.is_null() {
            object.insert(name.clone(), value);
        }
    }
    serde_json::from_value(Value::Object(object))
}

/// An object without the fields that are null; most writers say so when they mean "nothing".
fn without_nulls(value: Value) -> Value {
    match value {
        Value::Object(map) => Value::Object(
            map.into_iter()
                .filter(|(_, inner)| !inner.is_null())
                .collect(),
        ),
        other => other,
    }
}
