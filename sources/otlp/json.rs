//! A lenient reader of OTLP JSON.
//!
//! The published types refuse a whole export for one `"NaN"`, a null list or an enum by name,
//! and read snake_case names as nothing at all. Here each span is read on its own, and what is
//! wrong with one is said of that one.

use std::collections::BTreeMap;
use std::sync::Arc;

use archal_core::diagnostic::Diagnostic;
use archal_core::trace::Status;
use base64::Engine;
use base64::alphabet::{STANDARD, URL_SAFE};
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use jiff::Timestamp;
use serde_json::{Map, Value};

use super::model::{Attributes, OtlpEvent, OtlpSpan, Side};
use crate::findings;
use crate::raw::{self, Record};

/// Names of the list of resources: the protocol's, protobuf's own, and Grafana Tempo's.
const RESOURCE_SPANS: &[&str] = &["resourceSpans", "resource_spans", "batches"];
const SCOPE_SPANS: &[&str] = &[
    "scopeSpans",
    "scope_spans",
    "instrumentationLibrarySpans",
    "instrumentation_library_spans",
];

/// Spans one export may hold; a trace of an agent has dozens to thousands.
const MAX_SPANS: usize = 1_000_000;

/// What was read of one or more exports.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Export {
    /// The spans, in the order written.
    pub spans: Vec<OtlpSpan>,
    /// How many spans of each trace could not be read, as far as their trace is known.
    pub lost: BTreeMap<String, u64>,
    /// How many spans could not be read.
    pub rejected: u64,
    /// What could not be read, with its byte range in the text.
    pub diagnostics: Vec<Diagnostic>,
}

/// Reads the text of one export. Total: what cannot be read is a diagnostic.
pub fn decode_text(text: &str) -> Export {
    let mut export = Export::default();
    match Record::of(text, 0) {
        Ok(record) if is_export(&record) => decode(&record, &mut export),
        Ok(_) => export.diagnostics.push(Diagnostic::error(
            "trace/unknown-shape",
            "the export has no `resourceSpans`",
        )),
        Err(error) => {
            let at = raw::offset(text, &error);
            export
                .diagnostics
                .push(Diagnostic::error("trace/not-json", raw::reason(&error)).at(at..at + 1));
        }
    }
    export
}

/// Whether an object is an export, one resource of an export, or either in a wrapper.
pub(crate) fn is_export(record: &Record<'_>) -> bool {
    record.list(RESOURCE_SPANS).is_some()
        || record.list(SCOPE_SPANS).is_some()
        || record
            .object(&["trace"])
            .is_some_and(|inner| inner.list(RESOURCE_SPANS).is_some())
}

pub(crate) fn decode(record: &Record<'_>, export: &mut Export) {
    let wrapped = record
        .object(&["trace"])
        .filter(|_| record.list(RESOURCE_SPANS).is_none());
    let record = wrapped.as_ref().unwrap_or(record);
    let Some(resources) = record.list(RESOURCE_SPANS) else {
        return decode_resource(record, export);
    };
    raw::each_item(resources, |part| {
        let start = record.start_of(part);
        match Record::of(part.get(), start) {
            Ok(resource) => decode_resource(&resource, export),
            Err(error) => export.bad(start, part.get(), &raw::reason(&error)),
        }
    });
}

impl Export {
    fn bad(&mut self, start: usize, text: &str, reason: &str) {
        findings::add(
            &mut self.diagnostics,
            Diagnostic::warning("trace/bad-span", format!("a span cannot be read: {reason}"))
                .at(start..start + text.len()),
        );
    }
}

fn decode_resource(record: &Record<'_>, export: &mut Export) {
    let resource: Map<String, Value> = record
        .field(&["resource"])
        .and_then(|resource| serde_json::from_str(resource.get()).ok())
        .unwrap_or_default();
    let attributes = Arc::new(attributes(resource.get("attributes")));
    let Some(scopes) = record.list(SCOPE_SPANS) else {
        return;
    };
    raw::each_item(scopes, |part| {
        let start = record.start_of(part);
        match Record::of(part.get(), start) {
            Ok(scope) => decode_scope(&scope, &attributes, export),
            Err(error) => export.bad(start, part.get(), &raw::reason(&error)),
        }
    });
}

fn decode_scope(scope: &Record<'_>, resource: &Arc<Attributes>, export: &mut Export) {
    let name = scope
        .object(&["scope", "instrumentationLibrary"])
        .and_then(|inner| serde_json::from_str::<String>(inner.field(&["name"])?.get()).ok())
        .unwrap_or_default();
    let name: Arc<str> = Arc::from(name);
    let Some(spans) = scope.list(&["spans"]) else {
        return;
    };
    raw::each_item(spans, |part| {
        let read = if export.spans.len() >= MAX_SPANS {
            Err((String::new(), format!("there are more than {MAX_SPANS}")))
        } else {
            serde_json::from_str::<Value>(part.get())
                .map_err(|error| (String::new(), raw::reason(&error)))
                .and_then(|value| decode_span(value, resource, &name))
        };
        match read {
            Ok(span) => export.spans.push(span),
            Err((trace, reason)) => {
                export.rejected += 1;
                if !trace.is_empty() {
                    *export.lost.entry(trace).or_default() += 1;
                }
                export.bad(scope.start_of(part), part.get(), &reason);
            }
        }
    });
}

/// The error names the trace where it is known.
fn decode_span(
    value: Value,
    resource: &Arc<Attributes>,
    scope: &Arc<str>,
) -> Result<OtlpSpan, (String, String)> {
    let Value::Object(map) = value else {
        return Err((String::new(), "it is not an object".to_owned()));
    };
    let get = |names: [&str; 2]| names.iter().find_map(|name| map.get(*name));
    let trace_id = id(get(["traceId", "trace_id"]), 16)
        .ok_or_else(|| (String::new(), "it has no trace id".to_owned()))?;
    let span_id = id(get(["spanId", "span_id"]), 8)
        .ok_or_else(|| (trace_id.clone(), "it has no span id".to_owned()))?;
    let status = map.get("status");
    let (status_code, status_message) = decode_status(status);
    let events = get(["events", "events"]).and_then(Value::as_array);
    let mut dropped = [
        ["droppedAttributesCount", "dropped_attributes_count"],
        ["droppedEventsCount", "dropped_events_count"],
        ["droppedLinksCount", "dropped_links_count"],
    ]
    .into_iter()
    .fold(0_u64, |sum, names| sum.saturating_add(count(get(names))));
    let events = events
        .into_iter()
        .flatten()
        .filter_map(|event| decode_event(event, &mut dropped))
        .collect();
    Ok(OtlpSpan {
        parent_id: id(get(["parentSpanId", "parent_span_id"]), 8),
        name: map
            .get("name")
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned(),
        side: decode_side(map.get("kind")),
        start: time(get(["startTimeUnixNano", "start_time_unix_nano"])),
        end: time(get(["endTimeUnixNano", "end_time_unix_nano"])),
        status: status_code,
        status_message,
        attributes: attributes(map.get("attributes")),
        events,
        dropped,
        resource: Arc::clone(resource),
        scope: Arc::clone(scope),
        trace_id,
        span_id,
    })
}

fn decode_event(event: &Value, dropped: &mut u64) -> Option<OtlpEvent> {
    let event = event.as_object()?;
    let get = |names: [&str; 2]| names.iter().find_map(|name| event.get(*name));
    *dropped = dropped.saturating_add(count(get([
        "droppedAttributesCount",
        "dropped_attributes_count",
    ])));
    Some(OtlpEvent {
        name: event.get("name")?.as_str()?.to_owned(),
        at: time(get(["timeUnixNano", "time_unix_nano"])),
        attributes: attributes(event.get("attributes")),
    })
}

/// Status codes come as numbers, as their full names, and as plain words.
fn decode_status(status: Option<&Value>) -> (Status, Option<String>) {
    let code = status.and_then(|status| status.get("code"));
    let code = match code {
        Some(Value::Number(number)) => match number.as_u64() {
            Some(1) => Status::Ok,
            Some(2) => Status::Error,
            _ => Status::Unset,
        },
        Some(Value::String(name)) => {
            let name = name.to_ascii_lowercase();
            match name.strip_prefix("status_code_").unwrap_or(&name) {
                "ok" | "1" => Status::Ok,
                "error" | "2" => Status::Error,
                _ => Status::Unset,
            }
        }
        _ => Status::Unset,
    };
    let message = status
        .and_then(|status| status.get("message"))
        .and_then(Value::as_str)
        .filter(|message| !message.is_empty())
        .map(str::to_owned);
    (code, message)
}

fn decode_side(kind: Option<&Value>) -> Side {
    let name = match kind {
        Some(Value::Number(number)) => number.to_string(),
        Some(Value::String(name)) => name.to_ascii_lowercase(),
        _ => return Side::Internal,
    };
    match name.strip_prefix("span_kind_").unwrap_or(&name) {
        "2" | "server" => Side::Server,
        "3" | "client" => Side::Client,
        "4" | "producer" => Side::Producer,
        "5" | "consumer" => Side::Consumer,
        _ => Side::Internal,
    }
}

/// An id of `length` bytes as lower-case hex, whether written as hex, as a UUID or as base64
/// (protobuf's own JSON); another text as it is. All zeros means none.
fn id(value: Option<&Value>, length: usize) -> Option<String> {
    let text = value?.as_str()?.trim();
    let bare: String = text.chars().filter(|c| *c != '-').collect();
    let hex = if bare.len() == length * 2 && bare.bytes().all(|b| b.is_ascii_hexdigit()) {
        bare.to_ascii_lowercase()
    } else if let Some(bytes) = base64(text).filter(|bytes| bytes.len() == length) {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    } else {
        text.to_owned()
    };
    (!hex.bytes().all(|b| b == b'0')).then_some(hex)
}

/// Nanoseconds since 1970, as a string or number; RFC 3339 as some exporters write. 0 means none.
fn time(value: Option<&Value>) -> Option<Timestamp> {
    let nanoseconds = match value? {
        Value::Number(number) => number
            .as_i64()
            .map(i128::from)
            .or_else(|| number.as_u64().map(i128::from))
            .or_else(|| number.as_f64().map(|float| float as i128))?,
        Value::String(text) => match text.parse::<i128>() {
            Ok(number) => number,
            Err(_) => return text.parse().ok(),
        },
        _ => return None,
    };
    (nanoseconds != 0)
        .then(|| Timestamp::from_nanosecond(nanoseconds).ok())
        .flatten()
}

fn count(value: Option<&Value>) -> u64 {
    match value {
        Some(Value::Number(number)) => number.as_u64().unwrap_or(0),
        Some(Value::String(text)) => text.parse().unwrap_or(0),
        _ => 0,
    }
}

/// A list of `{key, value}`, or a plain object as some writers make it.
fn attributes(value: Option<&Value>) -> Attributes {
    match value {
        Some(Value::Array(pairs)) => pairs
            .iter()
            .filter_map(|pair| {
                let key = pair.get("key")?.as_str()?.to_owned();
                Some((key, any_value(pair.get("value").unwrap_or(&Value::Null))))
            })
            .collect(),
        Some(Value::Object(map)) => map
            .iter()
            .map(|(key, value)| (key.clone(), any_value(value)))
            .collect(),
        _ => Attributes::new(),
    }
}

/// OTLP's typed value as plain JSON. What is not wrapped in a type is taken as it is. Nesting is
/// bounded by the JSON reader's 128 levels.
fn any_value(value: &Value) -> Value {
    let Value::Object(map) = value else {
        return value.clone();
    };
    let Some((kind, inner)) = map.iter().next().filter(|_| map.len() == 1) else {
        return if map.is_empty() {
            Value::Null
        } else {
            value.clone()
        };
    };
    match (kind.as_str(), inner) {
        ("stringValue" | "string_value" | "boolValue" | "bool_value", _) => inner.clone(),
        ("intValue" | "int_value", Value::String(text)) => text
            .parse::<i64>()
            .map_or_else(|_| inner.clone(), Value::from),
        // `NaN` and infinities are strings in protobuf's JSON and stay strings.
        ("doubleValue" | "double_value", Value::String(text)) => text
            .parse::<f64>()
            .ok()
            .and_then(serde_json::Number::from_f64)
            .map_or_else(|| inner.clone(), Value::Number),
        ("intValue" | "int_value" | "doubleValue" | "double_value", _) => inner.clone(),
        ("arrayValue" | "array_value", _) => {
            let values = inner.get("values").unwrap_or(inner).as_array();
            Value::Array(values.into_iter().flatten().map(any_value).collect())
        }
        ("kvlistValue" | "kvlist_value", _) => {
            let pairs = inner.get("values").filter(|values| values.is_array());
            Value::Object(attributes(pairs).into_iter().collect())
        }
        // Bodies come as bytes from some clients; as text they can be read and redacted.
        ("bytesValue" | "bytes_value", Value::String(text)) => base64(text)
            .and_then(|bytes| String::from_utf8(bytes).ok())
            .map_or_else(|| inner.clone(), Value::String),
        _ => value.clone(),
    }
}

/// Standard and URL-safe base64, padded or not; none when it is not base64.
fn base64(text: &str) -> Option<Vec<u8>> {
    const LENIENT: GeneralPurposeConfig = GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true);
    const PLAIN: GeneralPurpose = GeneralPurpose::new(&STANDARD, LENIENT);
    const FOR_URLS: GeneralPurpose = GeneralPurpose::new(&URL_SAFE, LENIENT);
    let engine = if text.contains(['-', '_']) {
        FOR_URLS
    } else {
        PLAIN
    };
    engine.decode(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn typed_values_are_read_however_they_are_written() {
        for (wire, plain) in [
            (json!({"stringValue": "a"}), json!("a")),
            (json!({"intValue": "5"}), json!(5)),
            (json!({"intValue": 5}), json!(5)),
            (json!({"doubleValue": "NaN"}), json!("NaN")),
            (json!({"doubleValue": null}), json!(null)),
            (json!({"doubleValue": "1.5"}), json!(1.5)),
            (json!({"arrayValue": {}}), json!([])),
            (
                json!({"arrayValue": {"values": [{"boolValue": true}, {}]}}),
                json!([true, null]),
            ),
            (json!({"kvlistValue": {}}), json!({})),
            (
                json!({"kvlistValue": {"values": [{"key": "k", "value": {"intValue": "1"}}]}}),
                json!({"k": 1}),
            ),
            (json!({"bytesValue": "aGVsbG8="}), json!("hello")),
            (json!({"bytesValue": "//79"}), json!("//79")),
            (json!({}), json!(null)),
            (json!("plain"), json!("plain")),
        ] {
            assert_eq!(any_value(&wire), plain, "{wire}");
        }
    }

    #[test]
    fn ids_are_hex_whatever_they_were() {
        let hex = "0af7651916cd43dd8448eb211c80319c";
        for written in [
            hex,
            "0AF7651916CD43DD8448EB211C80319C",
            "0af76519-16cd-43dd-8448-eb211c80319c",
            "CvdlGRbNQ92ESOshHIAxnA==",
        ] {
            assert_eq!(
                id(Some(&json!(written)), 16).as_deref(),
                Some(hex),
                "{written}"
            );
        }
        assert_eq!(id(Some(&json!("0000000000000000")), 8), None);
        assert_eq!(id(Some(&json!("")), 8), None);
        assert_eq!(id(Some(&json!("run-1")), 16).as_deref(), Some("run-1"));
    }

    #[test]
    fn times_are_nanoseconds_in_any_type_and_nonsense_is_none() {
        let nanosecond: Timestamp = "1970-01-01T00:00:00.000000001Z".parse().expect("valid");
        for (written, time_read) in [
            (json!("1"), Some(nanosecond)),
            (json!(1), Some(nanosecond)),
            (json!("1970-01-01T00:00:00.000000001Z"), Some(nanosecond)),
            (json!(0), None),
            (json!("999999999999999999999999999999"), None),
            (json!(1e300), None),
            (json!("soon"), None),
            (json!(null), None),
        ] {
            assert_eq!(time(Some(&written)), time_read, "{written}");
        }
    }
}
