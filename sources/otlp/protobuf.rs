//! A reader of OTLP protobuf.
//!
//! The messages are written down here and not taken from `opentelemetry-proto`: that crate brings
//! the whole SDK, and its types refuse a request for one bad span. Here groups and spans stay bytes
//! until their turn, so a bad one costs itself; text is bytes too, because an attribute cut in the
//! middle of a character is still worth reading.

use std::sync::Arc;

use archal_core::diagnostic::Diagnostic;
use archal_core::trace::Status;
use bytes::Bytes;
use jiff::Timestamp;
use prost::Message;
use serde_json::{Number, Value};

use super::elements::{self, Shape};
use super::events;
use super::model::{Attributes, OtlpEvent, OtlpSpan, Side};
use super::request::{MAX_SPANS, Request, Undecodable};

/// Reads the body of `ExportTraceServiceRequest`, which is also that of `TracesData`. Bad spans are
/// rejected one by one.
///
/// # Errors
///
/// When the body is no such message; then nothing of it can be read.
pub fn decode_protobuf(body: impl Into<Bytes>) -> Result<Request, Undecodable> {
    decode(body.into(), Shape::Span, &mut span)
}

/// Reads the body of `ExportLogsServiceRequest`: events of spans are kept, other records are
/// counted.
///
/// # Errors
///
/// When the body is no such message; then nothing of it can be read.
pub fn decode_protobuf_logs(body: impl Into<Bytes>) -> Result<Request, Undecodable> {
    decode(body.into(), Shape::Record, &mut log_record)
}

/// Characters of a reason: exporters log it whole.
const MOST_OF_CAUSE: usize = 160;

/// What a group says of each of its items.
struct Group {
    resource: Arc<Attributes>,
    scope: Arc<str>,
}

type ReadItem = dyn FnMut(Bytes, &Group, &mut Request);

/// Elements that may still come.
struct Room(usize);

impl Room {
    /// Whether a message finds room, which it has then.
    fn take(&mut self, bytes: &[u8], shape: Shape) -> bool {
        let most = self.0.min(elements::OF_A_SPAN);
        match elements::count(bytes, shape, most) {
            Some(count) => {
                self.0 -= count;
                true
            }
            None => false,
        }
    }

    fn has_parts(bytes: &[u8], shape: Shape) -> bool {
        elements::count(bytes, shape, MAX_SPANS).is_some()
    }
}

fn decode(body: Bytes, shape: Shape, item: &mut ReadItem) -> Result<Request, Undecodable> {
    if !Room::has_parts(&body, Shape::Groups) {
        let reason = format!("it has more than {MAX_SPANS} groups");
        return Err(Undecodable::NotProtobuf(reason));
    }
    let mut room = Room(elements::OF_A_REQUEST);
    let groups = ResourceGroups::decode(body)
        .map_err(|error| Undecodable::NotProtobuf(cause(&error.to_string())))?
        .groups;
    let mut request = Request::default();
    let mut read = 0_usize;
    for group in groups {
        if !Room::has_parts(&group, Shape::Items) {
            request.reject(None, bad("its group has too many parts"));
            continue;
        }
        let Ok(group) = ResourceGroup::decode(group) else {
            request.reject(None, bad("a group of spans of one resource is no message"));
            continue;
        };
        // A resource that cannot be read takes nothing from the spans.
        let resource = group.resource.unwrap_or_default();
        let resource = if room.take(&resource, Shape::Resource) {
            Resource::decode(resource)
        } else {
            Ok(Resource::default())
        };
        let resource = Arc::new(attributes(resource.unwrap_or_default().attributes));
        for scope in group.scopes {
            if !Room::has_parts(&scope, Shape::Items) {
                request.reject(None, bad("its group has too many parts"));
                continue;
            }
            let Ok(scope) = ScopeGroup::decode(scope) else {
                request.reject(None, bad("a group of spans of one scope is no message"));
                continue;
            };
            let name = Scope::decode(scope.scope.unwrap_or_default()).unwrap_or_default();
            let group = Group {
                resource: Arc::clone(&resource),
                scope: Arc::from(text(&name.name)),
            };
            for bytes in scope.items {
                read += 1;
                if read > MAX_SPANS {
                    request.reject(None, bad(&format!("there are more than {MAX_SPANS}")));
                } else if !room.take(&bytes, shape) {
                    let reason = format!(
                        "it has more than {} attributes, or its request more than {}",
                        elements::OF_A_SPAN,
                        elements::OF_A_REQUEST
                    );
                    request.reject(None, bad(&reason));
                } else {
                    item(bytes, &group, &mut request);
                }
            }
        }
    }
    Ok(request)
}

/// The end of what the decoder says, where the cause stands: it names every message on the way down.
fn cause(error: &str) -> String {
    let skipped = error.chars().count().saturating_sub(MOST_OF_CAUSE);
    if skipped == 0 {
        return error.to_owned();
    }
    format!("…{}", error.chars().skip(skipped).collect::<String>())
}

fn bad(reason: &str) -> Diagnostic {
    Diagnostic::warning("trace/bad-span", format!("a span cannot be read: {reason}"))
}

fn span(bytes: Bytes, group: &Group, request: &mut Request) {
    let wire = match Span::decode(bytes) {
        Ok(wire) => wire,
        Err(error) => return request.reject(None, bad(&cause(&error.to_string()))),
    };
    let Some(trace_id) = id(&wire.trace_id) else {
        return request.reject(None, bad("it has no trace id"));
    };
    let Some(span_id) = id(&wire.span_id) else {
        return request.reject(Some(trace_id), bad("it has no span id"));
    };
    let mut dropped = [
        wire.dropped_attributes_count,
        wire.dropped_events_count,
        wire.dropped_links_count,
    ]
    .into_iter()
    .fold(0_u64, |sum, count| sum.saturating_add(u64::from(count)));
    let events = wire
        .events
        .into_iter()
        .map(|event| {
            dropped = dropped.saturating_add(u64::from(event.dropped_attributes_count));
            OtlpEvent {
                name: text(&event.name),
                at: time(event.time_unix_nano),
                attributes: attributes(event.attributes),
            }
        })
        .collect();
    let status = wire.status.unwrap_or_default();
    request.spans.push(OtlpSpan {
        trace_id,
        span_id,
        parent_id: id(&wire.parent_span_id),
        name: text(&wire.name),
        side: match wire.kind {
            2 => Side::Server,
            3 => Side::Client,
            4 => Side::Producer,
            5 => Side::Consumer,
            _ => Side::Internal,
        },
        start: time(wire.start_time_unix_nano),
        end: time(wire.end_time_unix_nano),
        status: match status.code {
            1 => Status::Ok,
            2 => Status::Error,
            _ => Status::Unset,
        },
        status_message: Some(text(&status.message)).filter(|message| !message.is_empty()),
        attributes: attributes(wire.attributes),
        events,
        dropped,
        resource: Arc::clone(&group.resource),
        scope: Arc::clone(&group.scope),
    });
}

fn log_record(bytes: Bytes, _group: &Group, request: &mut Request) {
    let wire = match LogRecord::decode(bytes) {
        Ok(wire) => wire,
        Err(error) => {
            let reason = format!("a log record cannot be read: {error}");
            return request.reject(None, Diagnostic::warning("trace/bad-event", reason));
        }
    };
    let at = time(wire.time_unix_nano).or_else(|| time(wire.observed_time_unix_nano));
    let record = events::Record {
        trace_id: id(&wire.trace_id),
        span_id: id(&wire.span_id),
        name: text(&wire.event_name),
        at,
        body: wire.body.map_or(Value::Null, any_value),
        attributes: attributes(wire.attributes),
    };
    match events::of_a_span(record) {
        Some(event) => request.events.push(event),
        None => request.other_logs += 1,
    }
}

/// An id as lower-case hex. None, zeros and what is longer than any id mean none.
fn id(bytes: &[u8]) -> Option<String> {
    (bytes.len() <= super::values::MAX_ID / 2 && bytes.iter().any(|byte| *byte != 0))
        .then(|| bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

fn time(nanoseconds: u64) -> Option<Timestamp> {
    (nanoseconds != 0)
        .then(|| Timestamp::from_nanosecond(i128::from(nanoseconds)).ok())
        .flatten()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn attributes(pairs: Vec<KeyValue>) -> Attributes {
    pairs
        .into_iter()
        .map(|pair| {
            let value = pair.value.map_or(Value::Null, any_value);
            (text(&pair.key), value)
        })
        .collect()
}

/// Nesting is bounded by the 100 levels that prost reads.
fn any_value(value: AnyValue) -> Value {
    match value.value {
        None => Value::Null,
        Some(OneValue::String(bytes)) => Value::String(text(&bytes)),
        Some(OneValue::Bool(truth)) => Value::Bool(truth),
        Some(OneValue::Int(number)) => Value::from(number),
        // JSON has no word for these; protobuf's own JSON writes them so.
        Some(OneValue::Double(number)) => match Number::from_f64(number) {
            Some(number) => Value::Number(number),
            None if number.is_nan() => Value::from("NaN"),
            None if number > 0.0 => Value::from("Infinity"),
            None => Value::from("-Infinity"),
        },
        Some(OneValue::Array(list)) => {
            Value::Array(list.values.into_iter().map(any_value).collect())
        }
        Some(OneValue::KeyValues(list)) => {
            Value::Object(attributes(list.values).into_iter().collect())
        }
        // Bodies come as bytes from some clients; as text they can be read and redacted.
        Some(OneValue::Bytes(bytes)) => match str::from_utf8(&bytes) {
            Ok(text) => Value::from(text),
            Err(_) => Value::String(super::values::as_base64(&bytes)),
        },
    }
}

// The messages of opentelemetry-proto 1, with the fields that are read.

#[derive(Clone, PartialEq, Message)]
struct ResourceGroups {
    #[prost(bytes = "bytes", repeated, tag = "1")]
    groups: Vec<Bytes>,
}

#[derive(Clone, PartialEq, Message)]
struct ResourceGroup {
    #[prost(bytes = "bytes", optional, tag = "1")]
    resource: Option<Bytes>,
    #[prost(bytes = "bytes", repeated, tag = "2")]
    scopes: Vec<Bytes>,
}

#[derive(Clone, PartialEq, Message)]
struct ScopeGroup {
    #[prost(bytes = "bytes", optional, tag = "1")]
    scope: Option<Bytes>,
    #[prost(bytes = "bytes", repeated, tag = "2")]
    items: Vec<Bytes>,
}

#[derive(Clone, PartialEq, Message)]
struct Resource {
    #[prost(message, repeated, tag = "1")]
    attributes: Vec<KeyValue>,
}

#[derive(Clone, PartialEq, Message)]
struct Scope {
    #[prost(bytes = "bytes", tag = "1")]
    name: Bytes,
}

#[derive(Clone, PartialEq, Message)]
struct Span {
    #[prost(bytes = "bytes", tag = "1")]
    trace_id: Bytes,
    #[prost(bytes = "bytes", tag = "2")]
    span_id: Bytes,
    #[prost(bytes = "bytes", tag = "4")]
    parent_span_id: Bytes,
    #[prost(bytes = "bytes", tag = "5")]
    name: Bytes,
    #[prost(int32, tag = "6")]
    kind: i32,
    #[prost(fixed64, tag = "7")]
    start_time_unix_nano: u64,
    #[prost(fixed64, tag = "8")]
    end_time_unix_nano: u64,
    #[prost(message, repeated, tag = "9")]
    attributes: Vec<KeyValue>,
    #[prost(uint32, tag = "10")]
    dropped_attributes_count: u32,
    #[prost(message, repeated, tag = "11")]
    events: Vec<Event>,
    #[prost(uint32, tag = "12")]
    dropped_events_count: u32,
    #[prost(uint32, tag = "14")]
    dropped_links_count: u32,
    #[prost(message, optional, tag = "15")]
    status: Option<WireStatus>,
}

#[derive(Clone, PartialEq, Message)]
struct Event {
    #[prost(fixed64, tag = "1")]
    time_unix_nano: u64,
    #[prost(bytes = "bytes", tag = "2")]
    name: Bytes,
    #[prost(message, repeated, tag = "3")]
    attributes: Vec<KeyValue>,
    #[prost(uint32, tag = "4")]
    dropped_attributes_count: u32,
}

#[derive(Clone, PartialEq, Message)]
struct WireStatus {
    #[prost(bytes = "bytes", tag = "2")]
    message: Bytes,
    #[prost(int32, tag = "3")]
    code: i32,
}

#[derive(Clone, PartialEq, Message)]
struct LogRecord {
    #[prost(fixed64, tag = "1")]
    time_unix_nano: u64,
    #[prost(message, optional, tag = "5")]
    body: Option<AnyValue>,
    #[prost(message, repeated, tag = "6")]
    attributes: Vec<KeyValue>,
    #[prost(bytes = "bytes", tag = "9")]
    trace_id: Bytes,
    #[prost(bytes = "bytes", tag = "10")]
    span_id: Bytes,
    #[prost(fixed64, tag = "11")]
    observed_time_unix_nano: u64,
    #[prost(bytes = "bytes", tag = "12")]
    event_name: Bytes,
}

#[derive(Clone, PartialEq, Message)]
struct KeyValue {
    #[prost(bytes = "bytes", tag = "1")]
    key: Bytes,
    #[prost(message, optional, tag = "2")]
    value: Option<AnyValue>,
}

#[derive(Clone, PartialEq, Message)]
struct AnyValue {
    #[prost(oneof = "OneValue", tags = "1, 2, 3, 4, 5, 6, 7")]
    value: Option<OneValue>,
}

#[derive(Clone, PartialEq, prost::Oneof)]
enum OneValue {
    #[prost(bytes = "bytes", tag = "1")]
    String(Bytes),
    #[prost(bool, tag = "2")]
    Bool(bool),
    #[prost(int64, tag = "3")]
    Int(i64),
    #[prost(double, tag = "4")]
    Double(f64),
    #[prost(message, tag = "5")]
    Array(ArrayValue),
    #[prost(message, tag = "6")]
    KeyValues(KeyValueList),
    #[prost(bytes = "bytes", tag = "7")]
    Bytes(Bytes),
}

#[derive(Clone, PartialEq, Message)]
struct ArrayValue {
    #[prost(message, repeated, tag = "1")]
    values: Vec<AnyValue>,
}

#[derive(Clone, PartialEq, Message)]
struct KeyValueList {
    #[prost(message, repeated, tag = "1")]
    values: Vec<KeyValue>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use prost::encoding::{WireType, encode_key, encode_varint};

    fn string(value: &[u8]) -> AnyValue {
        AnyValue {
            value: Some(OneValue::String(Bytes::copy_from_slice(value))),
        }
    }

    fn pair(key: &str, value: AnyValue) -> KeyValue {
        KeyValue {
            key: Bytes::copy_from_slice(key.as_bytes()),
            value: Some(value),
        }
    }

    /// The bytes of lists in lists: to encode them as messages would recurse as deep.
    fn nested(levels: usize) -> Vec<u8> {
        let wrapped = |tag: u32, inner: &[u8]| {
            let mut out = Vec::new();
            encode_key(tag, WireType::LengthDelimited, &mut out);
            encode_varint(inner.len() as u64, &mut out);
            out.extend_from_slice(inner);
            out
        };
        let value = (0..levels).fold(wrapped(1, b"deep"), |inner, _| {
            wrapped(5, &wrapped(1, &inner))
        });
        wrapped(9, &[wrapped(1, b"a"), wrapped(2, &value)].concat())
    }

    fn with_nested(span: &Bytes, levels: usize) -> Bytes {
        Bytes::from([span.to_vec(), nested(levels)].concat())
    }

    fn a_span(id: u8, value: AnyValue) -> Bytes {
        let span = Span {
            trace_id: Bytes::from_static(&[1; 16]),
            span_id: Bytes::copy_from_slice(&[id; 8]),
            attributes: vec![pair("a", value)],
            kind: 3,
            ..Span::default()
        };
        Bytes::from(span.encode_to_vec())
    }

    fn body(items: Vec<Bytes>) -> Vec<u8> {
        let scope = ScopeGroup {
            scope: Some(Bytes::from_static(&[0xff])),
            items,
        };
        let group = ResourceGroup {
            resource: None,
            scopes: vec![Bytes::from(scope.encode_to_vec())],
        };
        let groups = ResourceGroups {
            groups: vec![Bytes::from(group.encode_to_vec())],
        };
        groups.encode_to_vec()
    }

    #[test]
    fn a_bad_span_costs_itself_and_a_cut_character_nothing() {
        let no_id = Span {
            trace_id: Bytes::from_static(&[1; 16]),
            ..Span::default()
        };
        let request = decode_protobuf(body(vec![
            a_span(2, string(b"caf\xc3")),
            Bytes::from_static(b"\x0a\xff"),
            Bytes::from(no_id.encode_to_vec()),
            with_nested(&a_span(3, string(b"flat")), 10_000),
            with_nested(&a_span(4, string(b"flat")), 20),
        ]))
        .expect("the envelope is good");
        let ids: Vec<&str> = request
            .spans
            .iter()
            .map(|span| span.span_id.as_str())
            .collect();
        assert_eq!(ids, ["0202020202020202", "0404040404040404"]);
        assert_eq!(request.spans[0].attributes["a"], "caf\u{fffd}");
        assert_eq!(request.rejected, 3);
        assert_eq!(request.lost[&"01".repeat(16)], 1);
        assert!(request.rejection().is_some());
    }

    #[test]
    fn a_span_of_a_million_attributes_costs_itself() {
        let bomb = [
            a_span(2, string(b"a")).to_vec(),
            [0x4a, 0].repeat(1_000_000),
        ]
        .concat();
        let request = decode_protobuf(body(vec![Bytes::from(bomb), a_span(3, string(b"b"))]));
        let request = request.expect("the envelope is good");
        assert_eq!((request.spans.len(), request.rejected), (1, 1));
    }

    #[test]
    fn what_is_no_message_is_an_error_and_nothing_is_an_empty_request() {
        assert_eq!(decode_protobuf(Bytes::new()), Ok(Request::default()));
        assert!(matches!(
            decode_protobuf(&b"{\"resourceSpans\":[]}"[..]),
            Err(Undecodable::NotProtobuf(_))
        ));
    }

    #[test]
    fn numbers_that_json_lacks_are_named() {
        let value = |double| {
            any_value(AnyValue {
                value: Some(OneValue::Double(double)),
            })
        };
        assert_eq!(value(1.5), Value::from(1.5));
        assert_eq!(value(f64::NAN), Value::from("NaN"));
        assert_eq!(value(f64::NEG_INFINITY), Value::from("-Infinity"));
    }
}
