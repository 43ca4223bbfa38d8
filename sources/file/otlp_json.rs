//! Dialect `otlp-json`: OTLP `TracesData`, as the collector's file exporter and SDKs dump it.

use archal_core::diagnostic::{Diagnostic, Span};
use archal_core::source::Decoded;

use super::Dialect;
use crate::document::Document;
use crate::findings;
use crate::otlp::{self, Request, json};
use crate::raw::Record;

pub(super) const DIALECT: Dialect = Dialect {
    name: "otlp-json",
    fits,
    read,
};

fn fits(record: &Record<'_>) -> bool {
    json::is_export(record) || json::is_logs(record) || is_metrics(record)
}

/// Metrics come out of the same exporters.
fn is_metrics(record: &Record<'_>) -> bool {
    record.field(&["resourceMetrics"]).is_some()
}

fn read(records: &[Record<'_>], document: &Document<'_>, decoded: &mut Decoded) {
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
    decoded
        .traces
        .extend(otlp::assemble(request, &mut decoded.diagnostics));
}
