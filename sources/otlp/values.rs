//! Values of OTLP JSON, however loosely they are written.

use archal_core::trace::Status;
use base64::Engine;
use base64::alphabet::{STANDARD, URL_SAFE};
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use jiff::Timestamp;
use serde_json::{Number, Value};

use super::model::{Attributes, Side};

/// Bytes of a text that is an id at most.
pub(super) const MAX_ID: usize = 256;

/// Status codes come as numbers, as their full names, and as plain words.
pub(super) fn status(written: Option<&Value>) -> (Status, Option<String>) {
    let code = written.and_then(|status| status.get("code"));
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
    let message = written
        .and_then(|status| status.get("message"))
        .and_then(Value::as_str)
        .filter(|message| !message.is_empty())
        .map(str::to_owned);
    (code, message)
}

pub(super) fn side(kind: Option<&Value>) -> Side {
    match kind {
        Some(Value::Number(number)) => side_of_number(number),
        Some(Value::String(name)) => side_of_text(name),
        _ => Side::Internal,
    }
}

pub(super) fn side_of_number(number: &Number) -> Side {
    match number.as_u64() {
        Some(2) => Side::Server,
        Some(3) => Side::Client,
        Some(4) => Side::Producer,
        Some(5) => Side::Consumer,
        _ => Side::Internal,
    }
}

pub(super) fn side_of_text(name: &str) -> Side {
    let name = name.to_ascii_lowercase();
    match name.strip_prefix("span_kind_").unwrap_or(&name) {
        "2" | "server" => Side::Server,
        "3" | "client" => Side::Client,
        "4" | "producer" => Side::Producer,
        "5" | "consumer" => Side::Consumer,
        _ => Side::Internal,
    }
}

/// An id of `length` bytes as lower-case hex, whether written as hex, as a UUID or as base64
/// (protobuf's own JSON); another text of up to [`MAX_ID`] bytes as it is. All zeros means none.
pub(super) fn id(value: Option<&Value>, length: usize) -> Option<String> {
    id_of(value?.as_str()?, length)
}

/// The id of a trace, as [`assemble`](super::assemble) names it.
pub(crate) fn trace_id(text: &str) -> Option<String> {
    id_of(text, 16)
}

/// [`id`] of a text.
pub(super) fn id_of(text: &str, length: usize) -> Option<String> {
    let text = text.trim();
    if text.len() > MAX_ID {
        return None;
    }
    let is_hex = |b: u8| b.is_ascii_digit() || matches!(b, b'a'..=b'f');
    if text.len() == length * 2 && text.bytes().all(is_hex) {
        // As good as always.
        return (!text.bytes().all(|b| b == b'0')).then(|| text.to_owned());
    }
    let bare: String = text.chars().filter(|c| *c != '-').collect();
    let hex = if bare.len() == length * 2 && bare.bytes().all(|b| b.is_ascii_hexdigit()) {
        bare.to_ascii_lowercase()
    } else if let Some(bytes) = base64(text).filter(|bytes| bytes.len() == length) {
        as_hex(&bytes)
    } else {
        text.to_owned()
    };
    (!hex.bytes().all(|b| b == b'0')).then_some(hex)
}

fn as_hex(bytes: &[u8]) -> String {
    let digit = |half: u8| char::from_digit(half.into(), 16).unwrap_or_default();
    let digits = bytes
        .iter()
        .flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]);
    let mut text = String::with_capacity(bytes.len() * 2);
    text.extend(digits);
    text
}

/// Nanoseconds since 1970, as a string or number; RFC 3339 as some exporters write. 0 means none.
pub(super) fn time(value: Option<&Value>) -> Option<Timestamp> {
    match value? {
        Value::Number(number) => time_of_number(number),
        Value::String(text) => time_of_text(text),
        _ => None,
    }
}

pub(super) fn time_of_number(number: &Number) -> Option<Timestamp> {
    let nanoseconds = number
        .as_i64()
        .map(i128::from)
        .or_else(|| number.as_u64().map(i128::from))
        .or_else(|| number.as_f64().map(|float| float as i128))?;
    instant(nanoseconds)
}

pub(super) fn time_of_text(text: &str) -> Option<Timestamp> {
    // The wider type takes a multiple of the time, and is for what is no time.
    if let Ok(nanoseconds) = text.parse::<u64>() {
        return instant(nanoseconds.into());
    }
    match text.parse::<i128>() {
        Ok(nanoseconds) => instant(nanoseconds),
        Err(_) => text.parse().ok(),
    }
}

fn instant(nanoseconds: i128) -> Option<Timestamp> {
    (nanoseconds != 0)
        .then(|| Timestamp::from_nanosecond(nanoseconds).ok())
        .flatten()
}

pub(super) fn count(value: Option<&Value>) -> u64 {
    match value {
        Some(Value::Number(number)) => number.as_u64().unwrap_or(0),
        Some(Value::String(text)) => count_of_text(text),
        _ => 0,
    }
}

pub(super) fn count_of_text(text: &str) -> u64 {
    text.parse().unwrap_or(0)
}

/// A list of `{key, value}`, or a plain object as some writers make it.
pub(crate) fn attributes(value: Option<Value>) -> Attributes {
    match value {
        Some(Value::Array(pairs)) => pairs
            .into_iter()
            .filter_map(|pair| {
                let Value::Object(mut pair) = pair else {
                    return None;
                };
                let Value::String(key) = pair.remove("key")? else {
                    return None;
                };
                Some((key, any_value(pair.remove("value").unwrap_or_default())))
            })
            .collect(),
        Some(Value::Object(map)) => map
            .into_iter()
            .map(|(key, value)| (key, any_value(value)))
            .collect(),
        _ => Attributes::new(),
    }
}

/// OTLP's typed value as plain JSON. What is not wrapped in a type is taken as it is. Nesting is
/// bounded by the JSON reader's 128 levels.
pub(super) fn any_value(value: Value) -> Value {
    let map = match value {
        Value::Object(map) if map.len() <= 1 => map,
        plain => return plain,
    };
    match map.into_iter().next() {
        Some((kind, inner)) => typed(&kind, inner),
        None => Value::Null,
    }
}

/// The value of a type.
pub(super) fn typed(kind: &str, inner: Value) -> Value {
    match (kind, inner) {
        ("stringValue" | "string_value" | "boolValue" | "bool_value", inner) => inner,
        ("intValue" | "int_value", Value::String(text)) => match text.parse::<i64>() {
            Ok(number) => number.into(),
            Err(_) => text.into(),
        },
        // `NaN` and infinities are strings in protobuf's JSON and stay strings.
        ("doubleValue" | "double_value", Value::String(text)) => text
            .parse::<f64>()
            .ok()
            .and_then(Number::from_f64)
            .map_or_else(|| text.into(), Value::Number),
        ("intValue" | "int_value" | "doubleValue" | "double_value", inner) => inner,
        ("arrayValue" | "array_value", inner) => {
            let values = match inner {
                Value::Object(mut list) => list.remove("values"),
                bare => Some(bare),
            };
            match values {
                Some(Value::Array(values)) => values.into_iter().map(any_value).collect(),
                _ => Value::Array(Vec::new()),
            }
        }
        ("kvlistValue" | "kvlist_value", inner) => {
            let pairs = match inner {
                Value::Object(mut list) => list.remove("values").filter(Value::is_array),
                _ => None,
            };
            Value::Object(attributes(pairs).into_iter().collect())
        }
        // Bodies come as bytes from some clients; as text they can be read and redacted.
        ("bytesValue" | "bytes_value", Value::String(text)) => base64(&text)
            .and_then(|bytes| String::from_utf8(bytes).ok())
            .unwrap_or(text)
            .into(),
        (_, inner) => Value::Object([(kind.to_owned(), inner)].into_iter().collect()),
    }
}

/// Bytes as base64, as protobuf's JSON writes them.
pub(super) fn as_base64(bytes: &[u8]) -> String {
    base64::prelude::BASE64_STANDARD.encode(bytes)
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
            assert_eq!(any_value(wire.clone()), plain, "{wire}");
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
        assert!(id(Some(&json!("a".repeat(MAX_ID))), 16).is_some());
        assert_eq!(id(Some(&json!("a".repeat(MAX_ID + 1))), 16), None);
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
