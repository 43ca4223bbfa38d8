//! Dialects whose records are rows: each a span, in whatever order and file.
//!
//! - `langfuse`, `braintrust`: what their APIs answer and their exports hold.
//! - `langsmith`: runs as LangSmith's SDK and bulk export write them.
//!
//! A record may be a row, or an answer with a list of rows.

pub(super) mod braintrust;
pub(super) mod langfuse;
pub(super) mod langsmith;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::ops::Range;

use archal_core::diagnostic::Diagnostic;
use archal_core::push::{Kept, KeptSpan};
use archal_core::source::{Decoded, DecodedTrace};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::Wanted;
use crate::document::Document;
use crate::findings;
use crate::normalise::{VERSION, shown};
use crate::raw::{self, Record};

/// Traces one file may give.
const MAX_TRACES: usize = 100_000;

/// The fields of a record except one. A field that is no good is left out with a finding.
pub(super) fn fields(
    record: &Record<'_>,
    except: &str,
    document: &Document<'_>,
    decoded: &mut Decoded,
) -> Map<String, Value> {
    let mut fields = Map::new();
    for (name, part) in &record.fields {
        if name == except || part.get() == "null" {
            continue;
        }
        match raw::value(part.get()) {
            Ok(value) => {
                fields.insert(name.clone(), value);
            }
            Err(error) => {
                let start = record.start_of(part);
                findings::add(
                    &mut decoded.diagnostics,
                    Diagnostic::warning(
                        "trace/bad-field",
                        format!(
                            "field `{}` cannot be read: {}",
                            shown(name),
                            raw::reason(&error)
                        ),
                    )
                    .at(document.place(start..start + part.get().len())),
                );
            }
        }
    }
    fields
}

/// Whether a record is an answer whose list begins with such a row.
fn is_list_of(record: &Record<'_>, list: &str, is_row: fn(&Record<'_>) -> bool) -> bool {
    let mut is_first = false;
    if let Some(items) = record.list(&[list]) {
        raw::each_read(items, |item: &RawValue| {
            is_first = Record::of(item.get(), 0).is_ok_and(|row| is_row(&row));
            false
        });
    }
    is_first
}

/// Hands over the rows of records, each with its place.
fn each_row(
    records: &[Record<'_>],
    list: &str,
    document: &Document<'_>,
    decoded: &mut Decoded,
    mut take: impl FnMut(Map<String, Value>, Range<usize>, &mut Decoded),
) {
    for record in records {
        let Some(items) = record.list(&[list]) else {
            let row = fields(record, "", document, decoded);
            take(row, record.range(), decoded);
            continue;
        };
        raw::each_item(items, |item| {
            let start = record.start_of(item);
            match Record::of(item.get(), start) {
                Ok(row) => {
                    let row = fields(&row, "", document, decoded);
                    take(row, start..start + item.get().len(), decoded);
                }
                Err(_) => bad(start..start + item.get().len(), document, decoded),
            }
        });
    }
}

/// Names the traces of a record the long way: by reading it.
fn traces_of(
    text: &str,
    gather: fn(&[Record<'_>], &Document<'_>, &mut Decoded) -> Gathered,
    told: &mut dyn FnMut(&str),
) {
    let mut decoded = Decoded::default();
    let document = Document::of(text);
    if let Ok(record) = Record::of(text, 0) {
        let gathered = gather(&[record], &document, &mut decoded);
        gathered.by_trace.keys().for_each(|trace| told(trace));
    }
}

/// A row that says too little of itself.
fn bad(at: Range<usize>, document: &Document<'_>, decoded: &mut Decoded) {
    findings::add(
        &mut decoded.diagnostics,
        Diagnostic::warning(
            "trace/bad-row",
            "a row is no object, or names no trace or no id",
        )
        .at(document.place(at)),
    );
}

/// Rows by trace.
#[derive(Default)]
struct Gathered {
    by_trace: BTreeMap<String, OfTrace>,
    /// Rows of traces that are too many.
    beyond: u64,
}

/// The rows of one trace.
#[derive(Default)]
struct OfTrace {
    spans: Vec<KeptSpan>,
    /// The highest version of each span.
    versions: BTreeMap<String, i64>,
    /// Rows that had no room.
    lost: u64,
}

impl Gathered {
    fn add(&mut self, trace: String, body: Value) {
        if self.by_trace.len() >= MAX_TRACES && !self.by_trace.contains_key(&trace) {
            self.beyond += 1;
            return;
        }
        let span = KeptSpan { shared: None, body };
        self.by_trace.entry(trace).or_default().spans.push(span);
    }

    /// A span of a trace that was added has this version.
    fn number(&mut self, trace: &str, span: &str, version: Option<i64>) {
        if let (Some(of), Some(version)) = (self.by_trace.get_mut(trace), version) {
            let known = of.versions.entry(span.to_owned()).or_insert(version);
            *known = version.max(*known);
        }
    }

    /// So many rows of a trace that was added had no room.
    fn lose(&mut self, trace: &str, rows: u64) {
        if let Some(of) = self.by_trace.get_mut(trace) {
            of.lost = of.lost.saturating_add(rows);
        }
    }

    /// Puts the traces together that are wanted.
    fn give(
        mut self,
        assemble: fn(&str, Kept, &mut Vec<Diagnostic>) -> Option<DecodedTrace>,
        is_wanted: Wanted<'_>,
        decoded: &mut Decoded,
    ) {
        self.by_trace.retain(|trace, _| is_wanted(trace));
        for (trace, of) in self.by_trace {
            let kept = Kept {
                spans: of.spans,
                lost: of.lost,
                ..Kept::default()
            };
            let Some(mut one) = assemble(&trace, kept, &mut decoded.diagnostics) else {
                continue;
            };
            for span in &mut one.trace.spans {
                let version = of.versions.get(&span.id).map(|number| number.to_string());
                let version = version.map(|number| (VERSION.to_owned(), number.into()));
                span.attributes.extend(version);
            }
            decoded.traces.push(one);
        }
        if self.beyond > 0 {
            findings::add(
                &mut decoded.diagnostics,
                Diagnostic::error(
                    "trace/too-many",
                    format!(
                        "a file gives at most {MAX_TRACES} traces; rows of others: {}",
                        self.beyond
                    ),
                )
                .with_help("split it into smaller files"),
            );
        }
    }
}
