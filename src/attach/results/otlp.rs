//! Results on the wire: an OTLP request for logs, in protobuf.
//!
//! The messages of opentelemetry-proto 1, with the fields that are written.

use prost::Message;
use serde_json::Value;

use super::event::{ResultEvent, Scored};

/// Severity `INFO`.
const INFO: i32 = 9;
/// The longest that is kept of a receiver's words, in characters.
const LONGEST: usize = 240;

/// The request for some results, all of one resource: archal.
pub(super) fn request(events: &[ResultEvent]) -> Vec<u8> {
    let records = events
        .iter()
        .flat_map(|event| event.scored.iter().map(|scored| record(event, scored)))
        .collect();
    ExportLogs {
        resource_logs: vec![ResourceLogs {
            resource: Some(Resource {
                attributes: vec![
                    text("service.name", "archal"),
                    text("service.version", env!("CARGO_PKG_VERSION")),
                ],
            }),
            scope_logs: vec![ScopeLogs {
                scope: Some(Scope {
                    name: "archal.grade".to_owned(),
                    version: env!("CARGO_PKG_VERSION").to_owned(),
                }),
                log_records: records,
            }],
        }],
    }
    .encode_to_vec()
}

/// What a receiver says of what it took.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Partly {
    /// How many events it did not keep.
    pub(super) rejected: u64,
    /// Why, in its own words.
    pub(super) message: String,
}

/// What the reply to a request says beside that it was taken; nothing where all is well. It comes in
/// protobuf, and from some receivers in JSON.
pub(super) fn partly(reply: &[u8]) -> Option<Partly> {
    let partly = if reply.first() == Some(&b'{') {
        let reply: Value = serde_json::from_slice(reply).ok()?;
        let partial = reply.get("partialSuccess")?;
        let rejected = partial.get("rejectedLogRecords");
        // In JSON, whole numbers of 64 bits are texts.
        let rejected = rejected.and_then(|count| match count {
            Value::String(count) => count.parse().ok(),
            count => count.as_i64(),
        });
        let message = partial.get("errorMessage").and_then(Value::as_str);
        PartialSuccess {
            rejected: rejected.unwrap_or_default(),
            message: message.unwrap_or_default().to_owned(),
        }
    } else {
        ExportLogsReply::decode(reply).ok()?.partial?
    };
    let rejected = u64::try_from(partly.rejected).unwrap_or_default();
    let is_seen = |c: &char| !c.is_control();
    let words: Vec<&str> = partly.message.split_whitespace().collect();
    let message = words.join(" ");
    let message: String = message.chars().filter(is_seen).take(LONGEST).collect();
    (rejected > 0 || !message.is_empty()).then_some(Partly { rejected, message })
}

fn record(event: &ResultEvent, scored: &Scored) -> LogRecord {
    let at = u64::try_from(event.at.as_nanosecond()).unwrap_or_default();
    let trace_id = id(&event.trace, 16);
    let span_id = scored.span.as_deref().and_then(|span| id(span, 8));
    let mut attributes = vec![
        text("gen_ai.evaluation.name", &scored.name),
        text("archal.result.id", &event.key),
        text("archal.trace.revision", &event.revision),
    ];
    let mut add = |name: &str, value: Option<&String>| {
        attributes.extend(value.map(|value| text(name, value)));
    };
    add("gen_ai.evaluation.score.label", scored.label.as_ref());
    add("gen_ai.evaluation.explanation", scored.explanation.as_ref());
    add("error.type", scored.error.as_ref());
    // What cannot be the parent by its id is named.
    if trace_id.is_none() {
        attributes.push(text("archal.trace.id", &event.trace));
    }
    if let Some(span) = scored
        .span
        .as_ref()
        .filter(|_| trace_id.is_none() || span_id.is_none())
    {
        attributes.push(text("archal.span.id", span));
    }
    if !event.project.is_empty() {
        attributes.push(text("archal.trace.project", &event.project));
    }
    if let Some(value) = scored.score {
        attributes.push(KeyValue {
            key: "gen_ai.evaluation.score.value".to_owned(),
            value: Some(AnyValue {
                value: Some(OneValue::Double(value)),
            }),
        });
    }
    LogRecord {
        time_unix_nano: at,
        severity_number: INFO,
        attributes,
        // A span is one of a trace.
        span_id: span_id.filter(|_| trace_id.is_some()).unwrap_or_default(),
        trace_id: trace_id.unwrap_or_default(),
        observed_time_unix_nano: at,
        event_name: "gen_ai.evaluation.result".to_owned(),
    }
}

/// An id as OpenTelemetry has it: so many bytes in hexadecimal, not all zero.
fn id(text: &str, bytes: usize) -> Option<Vec<u8>> {
    if text.len() != 2 * bytes || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    let decoded: Vec<u8> = (0..bytes)
        .filter_map(|at| u8::from_str_radix(text.get(2 * at..2 * at + 2)?, 16).ok())
        .collect();
    decoded.iter().any(|byte| *byte != 0).then_some(decoded)
}

fn text(key: &str, value: &str) -> KeyValue {
    KeyValue {
        key: key.to_owned(),
        value: Some(AnyValue {
            value: Some(OneValue::String(value.to_owned())),
        }),
    }
}

#[derive(Clone, PartialEq, Message)]
struct ExportLogs {
    #[prost(message, repeated, tag = "1")]
    resource_logs: Vec<ResourceLogs>,
}

#[derive(Clone, PartialEq, Message)]
struct ExportLogsReply {
    #[prost(message, optional, tag = "1")]
    partial: Option<PartialSuccess>,
}

#[derive(Clone, PartialEq, Message)]
struct PartialSuccess {
    #[prost(int64, tag = "1")]
    rejected: i64,
    #[prost(string, tag = "2")]
    message: String,
}

#[derive(Clone, PartialEq, Message)]
struct ResourceLogs {
    #[prost(message, optional, tag = "1")]
    resource: Option<Resource>,
    #[prost(message, repeated, tag = "2")]
    scope_logs: Vec<ScopeLogs>,
}

#[derive(Clone, PartialEq, Message)]
struct Resource {
    #[prost(message, repeated, tag = "1")]
    attributes: Vec<KeyValue>,
}

#[derive(Clone, PartialEq, Message)]
struct ScopeLogs {
    #[prost(message, optional, tag = "1")]
    scope: Option<Scope>,
    #[prost(message, repeated, tag = "2")]
    log_records: Vec<LogRecord>,
}

#[derive(Clone, PartialEq, Message)]
struct Scope {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(string, tag = "2")]
    version: String,
}

#[derive(Clone, PartialEq, Message)]
struct LogRecord {
    #[prost(fixed64, tag = "1")]
    time_unix_nano: u64,
    #[prost(int32, tag = "2")]
    severity_number: i32,
    #[prost(message, repeated, tag = "6")]
    attributes: Vec<KeyValue>,
    #[prost(bytes = "vec", tag = "9")]
    trace_id: Vec<u8>,
    #[prost(bytes = "vec", tag = "10")]
    span_id: Vec<u8>,
    #[prost(fixed64, tag = "11")]
    observed_time_unix_nano: u64,
    #[prost(string, tag = "12")]
    event_name: String,
}

#[derive(Clone, PartialEq, Message)]
struct KeyValue {
    #[prost(string, tag = "1")]
    key: String,
    #[prost(message, optional, tag = "2")]
    value: Option<AnyValue>,
}

#[derive(Clone, PartialEq, Message)]
struct AnyValue {
    #[prost(oneof = "OneValue", tags = "1, 4")]
    value: Option<OneValue>,
}

#[derive(Clone, PartialEq, prost::Oneof)]
enum OneValue {
    #[prost(string, tag = "1")]
    String(String),
    #[prost(double, tag = "4")]
    Double(f64),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_receiver_did_not_keep_is_read_in_both_forms() {
        let kept = |rejected, message: &str| {
            Some(Partly {
                rejected,
                message: message.to_owned(),
            })
        };
        let reply = ExportLogsReply {
            partial: Some(PartialSuccess {
                rejected: 2,
                message: "too\n old\u{1b}".to_owned(),
            }),
        };
        assert_eq!(partly(&reply.encode_to_vec()), kept(2, "too old"));
        let json = |partial: &str| partly(format!("{{\"partialSuccess\":{partial}}}").as_bytes());
        assert_eq!(json(r#"{"rejectedLogRecords":"3"}"#), kept(3, ""));
        assert_eq!(json(r#"{"rejectedLogRecords":3}"#), kept(3, ""));
        assert_eq!(json(r#"{"errorMessage":"soon"}"#), kept(0, "soon"));
        for fine in ["{}", r#"{"rejectedLogRecords":-1}"#, "[]"] {
            assert_eq!(json(fine), None, "{fine}");
        }
        for fine in [&b""[..], b"\x0a\x00", b"ok", b"{", b"<html>"] {
            assert_eq!(partly(fine), None, "{fine:?}");
        }
    }

    #[test]
    fn only_what_is_an_id_of_opentelemetry_is_a_parent() {
        let trace = "6513270e269e0d37f2a74de452e6b438";
        assert_eq!(id(trace, 16).map(|bytes| bytes.len()), Some(16));
        assert_eq!(id(&trace.to_uppercase(), 16), id(trace, 16));
        for other in [
            "",
            "t-1",
            &"0".repeat(32),
            &trace[..30],
            "é513270e269e0d37f2a74de452e6b43",
        ] {
            assert_eq!(id(other, 16), None, "{other}");
        }
    }
}
