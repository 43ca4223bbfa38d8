//! From rows of Braintrust to traces.
//!
//! A row becomes a span with Braintrust's own attributes, which the dialect `braintrust` understands.

use std::collections::BTreeMap;

use archal_core::diagnostic::Diagnostic;
use archal_core::push::Kept;
use archal_core::source::DecodedTrace;
use archal_core::trace::Status;
use serde_json::{Map, Value};

use super::row::{is_of_a_scorer, is_root, metric, parents, span_id, version};
use crate::merge::take_place_of;
use crate::otlp::{self, OtlpSpan, Request};

/// On a row whose content was too large to be fetched.
pub(crate) const CUT: &str = "archal.cut";

/// Puts one trace together, and adds it to what was given out.
pub(crate) fn assemble(
    id: &str,
    kept: Kept,
    diagnostics: &mut Vec<Diagnostic>,
) -> Option<DecodedTrace> {
    let mut lost = kept.lost;
    let mut rows: BTreeMap<String, Map<String, Value>> = BTreeMap::new();
    for one in kept.spans {
        let Value::Object(row) = one.body else {
            lost = lost.saturating_add(1);
            continue;
        };
        if is_of_a_scorer(&row) {
            continue;
        }
        let Some(span) = span_id(&row).map(str::to_owned) else {
            lost = lost.saturating_add(1);
            continue;
        };
        // Of two versions of a row that of the later write counts.
        let age = |row: &Map<String, Value>| {
            let text = serde_json::to_string(row).unwrap_or_default();
            (version(row), text.len(), text)
        };
        if rows.get(&span).is_none_or(|old| age(old) < age(&row)) {
            rows.insert(span, row);
        }
    }
    let mut request = Request::default();
    request.lost.insert(id.to_owned(), lost);
    request.spans = rows
        .iter()
        .map(|(span, row)| as_span(id, span, row))
        .collect();
    let Some(mut decoded) = otlp::assemble(request, diagnostics).pop() else {
        return kept.earlier;
    };
    decoded.project = rows
        .values()
        .find_map(|row| text(row, "project_id").map(str::to_owned));
    for (place, span) in decoded.trace.spans.iter().enumerate() {
        if rows.get(&span.id).is_some_and(|row| row.contains_key(CUT)) {
            let places = ["input", "output"].map(|at| format!("spans[{place}].{at}"));
            decoded.trace.completeness.truncated.extend(places);
        }
    }
    Some(match kept.earlier {
        Some(earlier) => take_place_of(earlier, decoded),
        None => decoded,
    })
}

fn text<'a>(row: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    row.get(name)?.as_str().filter(|text| !text.is_empty())
}

fn as_span(trace: &str, id: &str, row: &Map<String, Value>) -> OtlpSpan {
    let about = row.get("span_attributes");
    let name = about.and_then(|about| about.get("name")?.as_str());
    let mut span = OtlpSpan {
        trace_id: trace.to_owned(),
        span_id: id.to_owned(),
        parent_id: if is_root(row) {
            None
        } else {
            parents(row).next().map(str::to_owned)
        },
        name: name.unwrap_or("span").to_owned(),
        start: metric(row, "start").or_else(|| text(row, "created")?.parse().ok()),
        end: metric(row, "end"),
        ..OtlpSpan::default()
    };
    if let Some(error) = row.get("error").filter(|error| !error.is_null()) {
        span.status = Status::Error;
        span.status_message = Some(match error {
            Value::String(text) => text.clone(),
            other => other
                .get("message")
                .and_then(Value::as_str)
                .map_or_else(|| other.to_string(), str::to_owned),
        });
    }
    for field in [
        "input",
        "output",
        "expected",
        "span_attributes",
        "metadata",
        "metrics",
        "scores",
        "tags",
        "origin",
        "classifications",
        "facets",
    ] {
        if let Some(value) = row.get(field).filter(|value| !value.is_null()) {
            span.attributes
                .insert(format!("braintrust.{field}"), value.clone());
        }
    }
    // What is always there says which of the dialects is spoken.
    span.attributes
        .entry("braintrust.span_attributes".to_owned())
        .or_insert_with(|| Value::Object(Map::new()));
    let environment = row
        .get("metadata")
        .and_then(|metadata| metadata.get("environment"));
    if let Some(environment) = environment.filter(|name| name.is_string()) {
        span.attributes.insert(
            "deployment.environment.name".to_owned(),
            environment.clone(),
        );
    }
    span
}
