//! Dialect `otlp-json`: OTLP `TracesData`, as the collector's file exporter and SDKs dump it.

use std::borrow::Cow;

use archal_core::diagnostic::{Diagnostic, Span};
use archal_core::source::Decoded;
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::{Dialect, Wanted};
use crate::document::Document;
use crate::findings;
use crate::otlp::{self, Request, json};
use crate::raw::Record;

pub(super) const DIALECT: Dialect = Dialect {
    name: "otlp-json",
    fits,
    read,
    traces: Some(traces),
};

fn fits(record: &Record<'_>) -> bool {
    json::is_export(record) || json::is_logs(record) || is_metrics(record)
}

/// Metrics come out of the same exporters.
fn is_metrics(record: &Record<'_>) -> bool {
    record.field(&["resourceMetrics"]).is_some()
}

fn read(
    records: &[Record<'_>],
    document: &Document<'_>,
    is_wanted: Wanted<'_>,
    decoded: &mut Decoded,
) {
    let mut request = Request::default();
    let mut other = 0_u64;
    for record in records {
        let events = request.events.len();
        if !is_metrics(record) {
            json::decode(record, &mut request);
        }
        if !json::is_export(record) && request.events.len() == events {
            other += 1;
        }
    }
    if other > 0 {
        findings::add(
            &mut decoded.diagnostics,
            Diagnostic::warning(
                "trace/other-signal",
                format!(
                    "records of OTLP metrics or of logs without events of spans, which are not read: {other}"
                ),
            ),
        );
    }
    for mut finding in std::mem::take(&mut request.diagnostics) {
        finding.span = finding
            .span
            .map(|span| Span::from(document.place(span.start..span.end)));
        findings::add(&mut decoded.diagnostics, finding);
    }
    request.spans.retain(|span| is_wanted(&span.trace_id));
    decoded
        .traces
        .extend(otlp::assemble(request, &mut decoded.diagnostics));
}

/// What of an export says which traces it has something of. The rest is passed over.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Export<'a> {
    #[serde(borrow, alias = "resourceSpans", alias = "resource_spans")]
    batches: Option<Vec<Resource<'a>>>,
    #[serde(borrow, rename = "resourceLogs", alias = "resource_logs")]
    logs: Option<Vec<Resource<'a>>>,
    /// Wrapped, or one resource of an export: read the long way.
    #[serde(
        alias = "scopeSpans",
        alias = "scope_spans",
        alias = "instrumentationLibrarySpans",
        alias = "instrumentation_library_spans",
        alias = "scopeLogs",
        alias = "scope_logs",
        alias = "instrumentationLibraryLogs",
        alias = "instrumentation_library_logs"
    )]
    trace: Option<IgnoredAny>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Resource<'a> {
    #[serde(
        borrow,
        rename = "scopeSpans",
        alias = "scope_spans",
        alias = "instrumentationLibrarySpans",
        alias = "instrumentation_library_spans"
    )]
    spans: Option<Vec<Scope<'a>>>,
    #[serde(
        borrow,
        rename = "scopeLogs",
        alias = "scope_logs",
        alias = "instrumentationLibraryLogs",
        alias = "instrumentation_library_logs"
    )]
    logs: Option<Vec<Scope<'a>>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Scope<'a> {
    #[serde(borrow)]
    spans: Option<Vec<OfTrace<'a>>>,
    #[serde(borrow, rename = "logRecords", alias = "log_records")]
    logs: Option<Vec<OfTrace<'a>>>,
    /// An older name for log records: read the long way.
    #[serde(rename = "logs")]
    old: Option<IgnoredAny>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct OfTrace<'a> {
    #[serde(borrow, rename = "traceId", alias = "trace_id")]
    id: Option<Cow<'a, str>>,
}

fn traces(text: &str, told: &mut dyn FnMut(&str)) {
    if tell(text, told).is_some() {
        return;
    }
    let Ok(record) = Record::of(text, 0) else {
        return;
    };
    let mut request = Request::default();
    if !is_metrics(&record) {
        json::decode(&record, &mut request);
    }
    let spans = request.spans.iter().map(|span| &span.trace_id);
    let events = request.events.iter().map(|event| &event.trace_id);
    for id in spans.chain(events).chain(request.lost.keys()) {
        told(id);
    }
}

/// The same of an export as nearly everybody writes it, with one look at its text; none where it is
/// another.
fn tell(text: &str, told: &mut dyn FnMut(&str)) -> Option<()> {
    let export: Export<'_> = serde_json::from_str(text).ok()?;
    let resources = [export.batches, export.logs];
    if export.trace.is_some() || resources.iter().all(Option::is_none) {
        return None;
    }
    let scopes: Vec<Scope<'_>> = resources
        .into_iter()
        .flatten()
        .flatten()
        .flat_map(|resource| [resource.spans, resource.logs])
        .flatten()
        .flatten()
        .collect();
    if scopes.iter().any(|scope| scope.old.is_some()) {
        return None;
    }
    let mut last: Option<Cow<'_, str>> = None;
    for one in scopes
        .into_iter()
        .flat_map(|scope| [scope.spans, scope.logs])
        .flatten()
        .flatten()
    {
        if one.id.is_none() || one.id == last {
            continue;
        }
        if let Some(id) = one.id.as_deref().and_then(otlp::trace_id) {
            told(&id);
        }
        last = one.id;
    }
    Some(())
}
