//! A lenient reader of OTLP JSON.
//!
//! The published types refuse a whole export for one `"NaN"`, a null list or an enum by name,
//! and read snake_case names as nothing at all. Here each span is read on its own, and what is
//! wrong with one is said of that one.

use std::sync::Arc;

use archal_core::diagnostic::Diagnostic;
use archal_core::source::Decoded;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::model::{Attributes, OtlpEvent, OtlpSpan};
use super::request::{MAX_SPANS, Request, Undecodable};
use super::values::{any_value, attributes, count, id, side, status, time};
use super::{direct, events};
use crate::document::Document;
use crate::raw::{self, Record};

/// Names of the list of resources: the protocol's, protobuf's own, and Grafana Tempo's.
const RESOURCE_SPANS: &[&str] = &["resourceSpans", "resource_spans", "batches"];
const SCOPE_SPANS: &[&str] = &[
    "scopeSpans",
    "scope_spans",
    "instrumentationLibrarySpans",
    "instrumentation_library_spans",
];

/// The same for logs.
const RESOURCE_LOGS: &[&str] = &["resourceLogs", "resource_logs"];
const SCOPE_LOGS: &[&str] = &[
    "scopeLogs",
    "scope_logs",
    "instrumentationLibraryLogs",
    "instrumentation_library_logs",
];

/// Reads the body of one export of traces or logs, `{}` being an empty one. Bad spans are rejected
/// one by one.
///
/// # Errors
///
/// When the body is not JSON or no export; then nothing of it can be read.
pub fn decode_json(body: &[u8]) -> Result<Request, Undecodable> {
    let mut request = Request::default();
    if body.iter().all(u8::is_ascii_whitespace) {
        return Ok(request);
    }
    let mut mended = Decoded {
        complete: true,
        ..Decoded::default()
    };
    let document = Document::read(body, &mut mended);
    let Some(document) = document else {
        let reason = mended.diagnostics.pop().map(|finding| finding.message);
        return Err(Undecodable::NotJson(reason.unwrap_or_default()));
    };
    let record =
        Record::of(&document.text, 0).map_err(|error| Undecodable::NotJson(raw::reason(&error)))?;
    if is_export(&record) || is_logs(&record) {
        decode(&record, &mut request);
        for finding in &mut request.diagnostics {
            let place = finding.span.take();
            finding.span = place.map(|span| document.place(span.start..span.end).into());
        }
        // After the rejected spans, of which the first is the one that is told.
        request.diagnostics.append(&mut mended.diagnostics);
        return Ok(request);
    }
    let nothing_in_it = |names: &[&str]| {
        names.iter().any(|name| {
            record
                .fields
                .get(*name)
                .is_some_and(|list| list.get() == "null")
        })
    };
    if record.fields.is_empty() || nothing_in_it(RESOURCE_SPANS) || nothing_in_it(RESOURCE_LOGS) {
        return Ok(request);
    }
    Err(Undecodable::NotAnExport)
}

/// Whether an object is an export of logs, or one resource of it.
pub(crate) fn is_logs(record: &Record<'_>) -> bool {
    record.list(RESOURCE_LOGS).is_some() || record.list(SCOPE_LOGS).is_some()
}

/// Whether an object is an export, one resource of an export, or either in a wrapper.
pub(crate) fn is_export(record: &Record<'_>) -> bool {
    record.list(RESOURCE_SPANS).is_some()
        || record.list(SCOPE_SPANS).is_some()
        || record
            .object(&["trace"])
            .is_some_and(|inner| inner.list(RESOURCE_SPANS).is_some())
}

/// Adds what an export of traces or logs holds.
pub(crate) fn decode(record: &Record<'_>, request: &mut Request) {
    decode_by(record, request, direct::read);
}

/// [`decode`], trying another reader on each list of resources first.
pub(super) fn decode_by(
    record: &Record<'_>,
    request: &mut Request,
    first: fn(&RawValue, &mut Request) -> bool,
) {
    let wrapped = record
        .object(&["trace"])
        .filter(|_| record.list(RESOURCE_SPANS).is_none());
    let record = wrapped.as_ref().unwrap_or(record);
    let mut grouped = false;
    for names in [RESOURCE_SPANS, RESOURCE_LOGS] {
        if let Some(resources) = record.list(names) {
            grouped = true;
            if !first(resources, request) {
                each_object(record, resources, request, decode_resource);
            }
        }
    }
    if !grouped {
        decode_resource(record, request);
    }
}

/// Takes apart the objects of a list; what is none costs itself.
fn each_object<'a>(
    record: &Record<'a>,
    list: &'a RawValue,
    request: &mut Request,
    mut visit: impl FnMut(&Record<'a>, &mut Request),
) {
    // Where every item is an object, which is as good as always, each is looked through once.
    let (text, start) = (list.get(), record.start_of(list));
    let taken = raw::each_read(list, |fields| {
        let inner = Record {
            text,
            start,
            fields,
        };
        visit(&inner, request);
        true
    });
    let Some(taken) = taken else { return };
    let mut number = 0;
    raw::each_item(list, |part| {
        number += 1;
        if number <= taken {
            return;
        }
        let start = record.start_of(part);
        match Record::of(part.get(), start) {
            Ok(inner) => visit(&inner, request),
            Err(error) => {
                let finding = bad(&raw::reason(&error));
                request.reject(None, finding.at(start..start + part.get().len()));
            }
        }
    });
}

fn bad(reason: &str) -> Diagnostic {
    Diagnostic::warning("trace/bad-span", format!("a span cannot be read: {reason}"))
}

fn decode_resource(record: &Record<'_>, request: &mut Request) {
    let mut resource: Map<String, Value> = record
        .field(&["resource"])
        .and_then(|resource| raw::value(resource.get()).ok())
        .and_then(|resource| match resource {
            Value::Object(map) => Some(map),
            _ => None,
        })
        .unwrap_or_default();
    let attributes = Arc::new(attributes(resource.remove("attributes")));
    for names in [SCOPE_SPANS, SCOPE_LOGS] {
        if let Some(scopes) = record.list(names) {
            each_object(record, scopes, request, |scope, request| {
                decode_scope(scope, &attributes, request);
            });
        }
    }
}

fn decode_scope(scope: &Record<'_>, resource: &Arc<Attributes>, request: &mut Request) {
    let name = scope
        .object(&["scope", "instrumentationLibrary"])
        .and_then(|inner| serde_json::from_str::<String>(inner.field(&["name"])?.get()).ok())
        .unwrap_or_default();
    let name: Arc<str> = Arc::from(name);
    let mut each = |names: &[&str], visit: &dyn Fn(Value, &mut Request) -> Result<(), Rejected>| {
        let Some(items) = scope.list(names) else {
            return;
        };
        let taken = raw::each_read(items, |value| {
            request.has_room() && raw::is_flat(&value) && visit(value, request).is_ok()
        });
        let Some(taken) = taken else { return };
        // One that could not be taken is told with its place, and so are those behind it.
        let mut number = 0;
        raw::each_item(items, |part| {
            number += 1;
            if number <= taken {
                return;
            }
            let read = if request.has_room() {
                raw::value(part.get())
                    .map_err(|error| (None, raw::reason(&error)))
                    .and_then(|value| visit(value, request))
            } else {
                Err((None, format!("there are more than {MAX_SPANS}")))
            };
            if let Err((trace, reason)) = read {
                let start = scope.start_of(part);
                request.reject(trace, bad(&reason).at(start..start + part.get().len()));
            }
        });
    };
    each(&["spans"], &|value, request| {
        let span = decode_span(value, resource, &name)?;
        request.spans.push(span);
        Ok(())
    });
    each(&["logRecords", "log_records", "logs"], &|value, request| {
        match events::of_a_span(decode_record(value)?) {
            Some(event) => request.events.push(event),
            None => request.other_logs += 1,
        }
        Ok(())
    });
}

/// The trace, where it is known, and the reason.
type Rejected = (Option<String>, String);

fn decode_span(
    value: Value,
    resource: &Arc<Attributes>,
    scope: &Arc<str>,
) -> Result<OtlpSpan, Rejected> {
    let Value::Object(mut map) = value else {
        return Err((None, "it is not an object".to_owned()));
    };
    let attributes = attributes(map.remove("attributes"));
    let events = map.remove("events");
    let get = |names: [&str; 2]| names.iter().find_map(|name| map.get(*name));
    let trace_id = id(get(["traceId", "trace_id"]), 16)
        .ok_or_else(|| (None, "it has no trace id".to_owned()))?;
    let span_id = id(get(["spanId", "span_id"]), 8)
        .ok_or_else(|| (Some(trace_id.clone()), "it has no span id".to_owned()))?;
    let (status, status_message) = status(map.get("status"));
    let mut dropped = [
        ["droppedAttributesCount", "dropped_attributes_count"],
        ["droppedEventsCount", "dropped_events_count"],
        ["droppedLinksCount", "dropped_links_count"],
    ]
    .into_iter()
    .fold(0_u64, |sum, names| sum.saturating_add(count(get(names))));
    let events = match events {
        Some(Value::Array(events)) => events
            .into_iter()
            .filter_map(|event| decode_event(event, &mut dropped))
            .collect(),
        _ => Vec::new(),
    };
    Ok(OtlpSpan {
        parent_id: id(get(["parentSpanId", "parent_span_id"]), 8),
        name: text(map.get("name")),
        side: side(map.get("kind")),
        start: time(get(["startTimeUnixNano", "start_time_unix_nano"])),
        end: time(get(["endTimeUnixNano", "end_time_unix_nano"])),
        status,
        status_message,
        attributes,
        events,
        dropped,
        resource: Arc::clone(resource),
        scope: Arc::clone(scope),
        trace_id,
        span_id,
    })
}

fn decode_event(event: Value, dropped: &mut u64) -> Option<OtlpEvent> {
    let Value::Object(mut event) = event else {
        return None;
    };
    let attributes = attributes(event.remove("attributes"));
    let get = |names: [&str; 2]| names.iter().find_map(|name| event.get(*name));
    *dropped = dropped.saturating_add(count(get([
        "droppedAttributesCount",
        "dropped_attributes_count",
    ])));
    Some(OtlpEvent {
        name: event.get("name")?.as_str()?.to_owned(),
        at: time(get(["timeUnixNano", "time_unix_nano"])),
        attributes,
    })
}

fn decode_record(value: Value) -> Result<events::Record, Rejected> {
    let Value::Object(mut map) = value else {
        return Err((None, "it is not an object".to_owned()));
    };
    let attributes = attributes(map.remove("attributes"));
    let body = map.remove("body").map_or(Value::Null, any_value);
    let get = |names: [&str; 2]| names.iter().find_map(|name| map.get(*name));
    Ok(events::Record {
        trace_id: id(get(["traceId", "trace_id"]), 16),
        span_id: id(get(["spanId", "span_id"]), 8),
        name: text(get(["eventName", "event_name"])),
        at: time(get(["timeUnixNano", "time_unix_nano"]))
            .or_else(|| time(get(["observedTimeUnixNano", "observed_time_unix_nano"]))),
        body,
        attributes,
    })
}

fn text(value: Option<&Value>) -> String {
    value.and_then(Value::as_str).unwrap_or_default().to_owned()
}
