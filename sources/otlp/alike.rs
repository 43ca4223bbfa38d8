//! Whatever an export holds, the direct reader and the lenient one read the same.

use proptest::prelude::*;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::Request;
use super::direct::read;
use super::json::decode_by;
use crate::raw::Record;

/// Exports with all that the reader takes.
const EXPORTS: &[&str] = &[
    include_str!("fixtures/python-sdk.json"),
    include_str!("fixtures/sdk/otel_events.json"),
    include_str!("fixtures/sdk/otel_events.logs.json"),
    include_str!("fixtures/sdk/pydantic_ai_v2.json"),
    include_str!("fixtures/sdk/logfire_http.json"),
    TYPES,
];
const TYPES: &str = r#"{"resourceSpans": [{"scopeSpans": [{"spans": [{
        "traceId": "0AF7651916CD43DD8448EB211C80319C", "spanId": "b7ad6b7169203331", "kind": "SPAN_KIND_CLIENT",
        "startTimeUnixNano": 1, "endTimeUnixNano": "2026-01-01T00:00:00Z", "droppedLinksCount": "7",
        "status": {"code": "STATUS_CODE_ERROR", "message": "no"}, "flags": 256, "links": [{}], "attributes": [
            {"key": "a", "value": {"arrayValue": {"values": [{"intValue": "5"}, {"boolValue": true}, {}]}}},
            {"key": "b", "value": {"kvlistValue": {"values": [{"key": "k", "value": {"doubleValue": "NaN"}},
                {"key": "l", "value": {"arrayValue": {"values": [{"doubleValue": 1.5}, {"bytesValue": "aGVsbG8="}]}}}]}}},
            {"key": "a", "value": {"kvlistValue": {}}}, {"key": "c"}, {"key": "d", "value": {"intValue": 3}}]}],
        "scope": {"name": "s", "version": "1"}}], "resource": {"attributes": [{"key": "service.name", "value": {"stringValue": "x"}}]}}]}"#;

/// What the lenient reader makes of an export, and what this one and then that one do.
fn both(text: &str) -> [Request; 2] {
    let record = Record::of(text, 0).expect("JSON");
    let readers: [fn(&RawValue, &mut Request) -> bool; 2] = [|_, _| false, read];
    readers.map(|first| {
        let mut request = Request::default();
        decode_by(&record, &mut request, first);
        request
    })
}

#[test]
fn what_sdks_export_is_read_in_one_go() {
    for text in EXPORTS {
        let record = Record::of(text, 0).expect("JSON");
        let lists = ["resourceSpans", "resourceLogs"].iter();
        for list in lists.filter_map(|name| record.fields.get(*name)) {
            let mut request = Request::default();
            assert!(read(list, &mut request), "{text}");
            assert!(!request.spans.is_empty() || !request.events.is_empty());
        }
        let [lenient, direct] = both(text);
        assert_eq!(lenient, direct);
    }
}

/// Puts something else in the place to which the steps lead.
pub(crate) fn change(value: &mut Value, steps: &[proptest::sample::Index], odd: &Value) {
    let inner: Vec<&mut Value> = match value {
        Value::Array(items) => items.iter_mut().collect(),
        Value::Object(map) => map.values_mut().collect(),
        _ => Vec::new(),
    };
    match steps.split_first() {
        Some((step, steps)) if !inner.is_empty() => {
            let at = step.index(inner.len());
            if let Some(inner) = inner.into_iter().nth(at) {
                change(inner, steps, odd);
            }
        }
        _ => *value = odd.clone(),
    }
}

fn odd() -> impl Strategy<Value = Value> {
    let nested = |levels| (0..levels).fold(json!({}), |inner, _| json!([inner]));
    let typed = |levels| {
        (0..levels).fold(
            json!({"intValue": "1"}),
            |inner, _| json!({"arrayValue": {"values": [inner]}}),
        )
    };
    let written = json!({"stringValue": "a", "intValue": "1"});
    proptest::sample::select(vec![
        json!(null),
        json!([]),
        json!({}),
        json!(""),
        json!("00000000"),
        json!("text"),
        json!(true),
        json!(-1),
        json!(2.5),
        json!(u64::MAX),
        json!([null]),
        json!([[]]),
        json!({"key": "k"}),
        json!({"stringValue": 1}),
        json!({"intValue": "x"}),
        json!({"doubleValue": null}),
        json!({"bytesValue": "//79"}),
        json!({"code": 2}),
        json!({"arrayValue": []}),
        json!({"kvlistValue": {"values": 1}}),
        json!({"own": 1}),
        written,
        nested(20),
        nested(99),
        nested(101),
        typed(5),
        typed(15),
        typed(16),
        typed(17),
        typed(30),
    ])
}

proptest! {
    #[test]
    fn whatever_is_odd_is_read_as_the_lenient_reader_does(
        export in proptest::sample::select(EXPORTS.to_vec()),
        places in proptest::collection::vec(
            (proptest::collection::vec(any::<proptest::sample::Index>(), 1..12), odd()),
            0..3,
        ),
        names in proptest::sample::subsequence(vec![
            ("\"traceId\"", "\"trace_id\""), ("\"parentSpanId\"", "\"parent_span_id\""),
            ("\"scopeSpans\"", "\"scope_spans\""), ("\"scope\"", "\"instrumentationLibrary\""),
            ("\"spans\":", "\"spans\":[],\"spans\":"),
            ("\"droppedLinksCount\":", "\"droppedLinksCount\":2,\"droppedLinksCount\":"),
            ("\"stringValue\"", "\"string_value\""), ("\"events\"", "\"extra\""),
            ("\"timeUnixNano\"", "\"time_unix_nano\""), ("\"startTimeUnixNano\":\"1", "\"startTimeUnixNano\":\"-1"),
        ], 0..2),
    ) {
        let mut value: Value = serde_json::from_str(export).expect("JSON");
        for (steps, odd) in places {
            change(&mut value, &steps, &odd);
        }
        prop_assume!(value.is_object());
        let mut text = value.to_string();
        for (from, to) in names {
            text = text.replace(from, to);
        }
        let [lenient, direct] = both(&text);
        prop_assert_eq!(lenient, direct);
    }
}
