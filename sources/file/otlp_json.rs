//! Dialect `otlp-json`: OTLP `TracesData`, as the collector's file exporter and SDKs dump it.

use archal_core::diagnostic::{Diagnostic, Span};
use archal_core::source::Decoded;

use super::Dialect;
use super::document::Document;
use crate::findings;
use crate::otlp::{self, json};
use crate::raw::Record;

pub(super) const DIALECT: Dialect = Dialect {
    name: "otlp-json",
    fits,
    read,
};

fn fits(record: &Record<'_>) -> bool {
    json::is_export(record) || has_other_signal(record)
}

/// Logs and metrics come out of the same exporters.
fn has_other_signal(record: &Record<'_>) -> bool {
    record.field(&["resourceLogs", "resourceMetrics"]).is_some()
}

fn read(records: &[Record<'_>], document: &Document<'_>, decoded: &mut Decoded) {
    let mut export = json::Export::default();
    let mut other = 0_u64;
    for record in records {
        if json::is_export(record) {
            json::decode(record, &mut export);
        } else {
            other += 1;
        }
    }
    if other > 0 {
        findings::add(
            &mut decoded.diagnostics,
            Diagnostic::warning(
                "trace/other-signal",
                format!("records of OTLP logs or metrics, which are not read: {other}"),
            ),
        );
    }
    for mut finding in std::mem::take(&mut export.diagnostics) {
        finding.span = finding
            .span
            .map(|span| Span::from(document.place(span.start..span.end)));
        findings::add(&mut decoded.diagnostics, finding);
    }
    decoded
        .traces
        .extend(otlp::assemble::assemble(export, &mut decoded.diagnostics));
}
