//! From raw calls to the evidence files.
//!
//! `calls.jsonl` and the state files hold nothing that depends on the clock, the machine or a
//! port; what does stands in `timings.jsonl`.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use archal_core::clock::Timestamp;
use archal_core::clone::{CloneRequest, CloneResponse, CloneState, RowChange, RowDiff};
use archal_core::hash;
use archal_core::redact::{Literals, RedactionCounts, Redactor};
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::evidence::{CallRecord, CallTiming, EncodedMessage, RecordedMessage, RefusedEgress};
use super::exchange;
use super::ledger::RawCall;
use super::open::{CloneEnd, SessionEnd};
use super::remembered::Remembered;
use super::server::Shared;
use super::times;
use crate::store::atomic::{self, Durability, WriteError};

/// Request headers that differ between runs of the same client: ids of its own tracing, clocks,
/// and lengths that follow from redacted or compressed bodies.
const VARYING: &[&str] = &[
    "baggage",
    "content-length",
    "date",
    "expect",
    "sentry-trace",
    "traceparent",
    "tracestate",
    "x-amz-date",
    "x-amzn-trace-id",
    "x-cloud-trace-context",
    "x-request-id",
    "x-stripe-client-telemetry",
];

/// What takes secrets out: those known by value first, because the rules may take a part of one
/// for a whole.
#[derive(Clone, Copy)]
pub(super) struct Clean<'a> {
    pub(super) redactor: &'a Redactor,
    pub(super) literals: &'a Literals,
}

impl Clean<'_> {
    pub(super) fn value(self, value: &mut Value, counts: &mut RedactionCounts) {
        self.literals.value(value);
        self.redactor.value(value, counts);
    }

    pub(super) fn url(self, url: &str, counts: &mut RedactionCounts) -> String {
        self.redactor.url(&self.literals.text(url), counts)
    }

    pub(super) fn text(self, text: &str) -> String {
        self.literals.text(text).into_owned()
    }

    /// What was refused, whose name the child chose.
    pub(super) fn refused(self, egress: RefusedEgress) -> RefusedEgress {
        RefusedEgress {
            host: self.literals.host(&egress.host),
            reason: self.literals.host(&egress.reason),
            ..egress
        }
    }

    /// Names that were asked for.
    pub(super) fn hosts(self, names: Vec<String>) -> Vec<String> {
        let clean = |name: String| self.literals.host(&name);
        names.into_iter().map(clean).collect()
    }
}

/// Encodes raw calls, redacted.
pub(super) fn calls(
    shared: &Shared,
    raw: Vec<RawCall>,
    clean: Clean<'_>,
) -> (Vec<CallRecord>, Vec<CallTiming>) {
    let mut remembered = Remembered::default();
    let remembered = &mut remembered;
    raw.into_iter()
        .map(|call| {
            let hosted = &shared.clones[call.clone];
            let state = hosted.state();
            let exact = times::exact(&call.response.body.wire, &call.response.body.evidence);
            let timing = timing(&call, exact);
            let message = |headers, response: &CloneResponse, counts: &mut RedactionCounts| {
                let body = body(&response.body.evidence, clean, counts);
                RecordedMessage { headers, body }
            };
            let name = hosted.clone.name;
            let record = record(name, state.as_ref(), call, clean, remembered, message);
            (record, timing)
        })
        .unzip()
}

/// Encodes a raw call of a clone for a line of its file, redacted.
pub(super) fn line(
    name: &str,
    state: &dyn CloneState,
    call: RawCall,
    clean: Clean<'_>,
    remembered: &mut Remembered,
) -> (CallRecord<EncodedMessage>, CallTiming) {
    let (body, exact) = remembered.body(&call.response.body, clean);
    let timing = timing(&call, exact);
    let message = |headers, _: &CloneResponse, _: &mut RedactionCounts| {
        let body = Arc::clone(&body);
        EncodedMessage { headers, body }
    };
    let record = record(name, state, call, clean, remembered, message);
    (record, timing)
}

fn record<M>(
    name: &str,
    state: &dyn CloneState,
    call: RawCall,
    clean: Clean<'_>,
    remembered: &mut Remembered,
    message: impl FnOnce(BTreeMap<String, String>, &CloneResponse, &mut RedactionCounts) -> M,
) -> CallRecord<M> {
    let mut counts = RedactionCounts::new();
    let RawCall {
        seq,
        mcp,
        request,
        response,
        ..
    } = call;
    let path = if request.query.is_empty() {
        request.path.clone()
    } else {
        format!("{}?{}", request.path, request.query)
    };
    let path = clean.url(&state.evidence_text(&path), &mut counts);
    let answered = response
        .headers
        .iter()
        .map(|(name, value)| (*name, value.as_str()));
    let answered = headers(state, answered, clean, remembered, &mut counts);
    CallRecord {
        seq,
        clone: name.to_owned(),
        operation: response.operation.map(str::to_owned),
        unmodelled: response.unmodelled.as_deref().map(|text| clean.text(text)),
        mcp,
        host: request.host.clone(),
        method: request.method.clone(),
        path,
        principal: response.principal.as_deref().map(|text| clean.text(text)),
        fault: response.fault.map(|fault| fault.to_string()),
        request: request_message(
            state,
            &request,
            response.request_said.as_deref(),
            clean,
            remembered,
            &mut counts,
        ),
        status: response.status,
        response: message(answered, &response, &mut counts),
        changes: response
            .changes
            .into_iter()
            .map(|change| RowChange {
                key: clean.text(&state.evidence_text(&change.key)),
                ..change
            })
            .collect(),
        root_before: response.root_before,
        root_after: response.root_after,
    }
}

fn request_message(
    state: &dyn CloneState,
    request: &CloneRequest,
    said: Option<&str>,
    clean: Clean<'_>,
    remembered: &mut Remembered,
    counts: &mut RedactionCounts,
) -> RecordedMessage {
    let given = request
        .headers
        .iter()
        .filter(|(name, _)| !VARYING.contains(&name.as_str()))
        .map(|(name, value)| (name.as_str(), value.as_str()));
    let is_form = request
        .header("content-type")
        .is_some_and(|kind| kind.starts_with("application/x-www-form-urlencoded"));
    let body = match std::str::from_utf8(said.map_or(&request.body, str::as_bytes)) {
        Ok(text) => {
            let text = state.evidence_text(text);
            // `curl -d` and urllib call everything a form that nobody says a type of.
            if is_form && !text.trim_start().starts_with(['{', '[']) {
                let redacted = clean.url(&format!("?{text}"), counts);
                Value::from(redacted.strip_prefix('?').unwrap_or_default())
            } else {
                body(text.as_bytes(), clean, counts)
            }
        }
        Err(_) => body(&request.body, clean, counts),
    };
    RecordedMessage {
        headers: headers(state, given, clean, remembered, counts),
        body: if said.is_none() && request.body.is_empty() {
            Value::Null
        } else {
            body
        },
    }
}

/// Headers by lower-case name; several of one name are joined as HTTP has it.
fn headers<'a>(
    state: &dyn CloneState,
    given: impl Iterator<Item = (&'a str, &'a str)>,
    clean: Clean<'_>,
    remembered: &mut Remembered,
    counts: &mut RedactionCounts,
) -> BTreeMap<String, String> {
    let mut headers: BTreeMap<String, String> = BTreeMap::new();
    for (name, value) in given {
        let value = clean.text(&state.evidence_text(value));
        headers
            .entry(name.to_ascii_lowercase())
            .and_modify(|held| {
                held.push_str(", ");
                held.push_str(&value);
            })
            .or_insert(value);
    }
    for (name, value) in &mut headers {
        *value = remembered.header(name, std::mem::take(value), clean, counts);
    }
    headers
}

/// A body as evidence has it: JSON, text, or what it was.
pub(super) fn body(bytes: &[u8], clean: Clean<'_>, counts: &mut RedactionCounts) -> Value {
    if bytes.is_empty() {
        return Value::Null;
    }
    let mut value = match serde_json::from_slice(bytes) {
        Ok(value) => value,
        Err(_) => match std::str::from_utf8(bytes) {
            Ok(text) => Value::from(text),
            Err(_) => Value::from(format!("[{} bytes, {}]", bytes.len(), hash::sha256(bytes))),
        },
    };
    clean.value(&mut value, counts);
    value
}

fn timing(call: &RawCall, times: Vec<String>) -> CallTiming {
    let mut headers: BTreeMap<String, String> = call
        .response
        .volatile_headers
        .iter()
        .map(|(name, value)| (name.to_ascii_lowercase(), value.clone()))
        .collect();
    headers.insert("date".to_owned(), exchange::http_date(call.at));
    CallTiming {
        seq: call.seq,
        at: call.at.to_string(),
        wall: call.wall.to_string(),
        latency_us: u64::try_from(call.latency.as_micros()).unwrap_or(u64::MAX),
        headers,
        times,
    }
}

/// Writes the evidence files of a session.
pub(super) fn write(
    folder: &Path,
    end: &SessionEnd,
    timings: &[CallTiming],
    clean: Clean<'_>,
) -> Result<(), WriteError> {
    lines(&folder.join("calls.jsonl"), &end.calls)?;
    lines(&folder.join("timings.jsonl"), timings)?;
    lines(&folder.join("egress.jsonl"), &end.refused)?;
    lines(&folder.join("webhooks.jsonl"), &end.webhooks)?;
    write_states(folder, &end.clones, clean)
}

/// Writes what the clones were at the start, what they are, and what is different.
pub(super) fn write_states(
    folder: &Path,
    ended: &[CloneEnd],
    clean: Clean<'_>,
) -> Result<(), WriteError> {
    let json = |name: &str, values: Map<String, Value>| {
        let mut counts = RedactionCounts::new();
        let values: Map<String, Value> = values
            .into_iter()
            .map(|(clone, mut value)| {
                // Each on its own, so that a clone's name is never taken for the name of a secret.
                clean.value(&mut value, &mut counts);
                (clone, value)
            })
            .collect();
        atomic::write_json(&folder.join(name), &values, Durability::Derived)
    };
    let states = |state: fn(&CloneEnd) -> &dyn CloneState| {
        ended
            .iter()
            .map(|clone| (clone.name.to_owned(), state(clone).to_json()))
            .collect()
    };
    json("state-before.json", states(|clone| clone.before.as_ref()))?;
    json("state-after.json", states(|clone| clone.after.as_ref()))?;
    let diffs = ended
        .iter()
        .map(|clone| {
            let mut value = diff(&clone.diff, clone.after.base());
            // Rows hold what callers wrote as they wrote it: times they repeat among it.
            evidence_texts(clone.after.as_ref(), &mut value);
            (clone.name.to_owned(), value)
        })
        .collect();
    json("diff.json", diffs)
}

/// Every string of a value as evidence writes it.
pub(super) fn evidence_texts(state: &dyn CloneState, value: &mut Value) {
    match value {
        Value::String(text) => *text = state.evidence_text(text),
        Value::Array(items) => items
            .iter_mut()
            .for_each(|item| evidence_texts(state, item)),
        Value::Object(fields) => fields
            .values_mut()
            .for_each(|field| evidence_texts(state, field)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn lines<T: Serialize>(path: &Path, items: &[T]) -> Result<(), WriteError> {
    atomic::write(path, &encoded(path, items)?, Durability::Derived)
}

/// Each item as a line of JSON; the path is for the error.
pub(super) fn encoded<T: Serialize>(path: &Path, items: &[T]) -> Result<Vec<u8>, WriteError> {
    let mut bytes = Vec::new();
    for item in items {
        push_line(path, &mut bytes, item)?;
    }
    Ok(bytes)
}

/// One more item as a line of JSON.
pub(super) fn push_line<T: Serialize>(
    path: &Path,
    bytes: &mut Vec<u8>,
    item: &T,
) -> Result<(), WriteError> {
    serde_json::to_writer(&mut *bytes, item).map_err(|source| WriteError::Encode {
        path: path.to_owned(),
        source,
    })?;
    bytes.push(b'\n');
    Ok(())
}

/// `{collection: {added[], removed[], changed[{key, before, after, fields[]}]}}`.
pub(super) fn diff(rows: &[RowDiff], base: Timestamp) -> Value {
    #[derive(Default)]
    struct Changes {
        added: Vec<Value>,
        removed: Vec<Value>,
        changed: Vec<Value>,
    }
    let mut collections: BTreeMap<&str, Changes> = BTreeMap::new();
    for row in rows {
        let changes = collections.entry(row.collection).or_default();
        match (&row.before, &row.after) {
            (None, Some(after)) => changes.added.push(after.to_json(base)),
            (Some(before), None) => changes.removed.push(before.to_json(base)),
            (Some(before), Some(after)) => {
                let fields: Vec<&str> = before
                    .fields
                    .iter()
                    .zip(&after.fields)
                    .filter(|((_, before), (_, after))| before != after)
                    .map(|((name, _), _)| *name)
                    .collect();
                changes.changed.push(json!({
                    "key": after.key,
                    "before": before.to_json(base),
                    "after": after.to_json(base),
                    "fields": fields,
                }));
            }
            (None, None) => {}
        }
    }
    collections
        .into_iter()
        .map(|(name, changes)| {
            let changes = json!({
                "added": changes.added,
                "removed": changes.removed,
                "changed": changes.changed,
            });
            (name.to_owned(), changes)
        })
        .collect::<Map<_, _>>()
        .into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_are_json_or_text_or_described() {
        let redactor = Redactor::new([1; 32], []);
        let clean = Clean {
            redactor: &redactor,
            literals: &Literals::new(&redactor, ["acme-9f37bc2e"]),
        };
        let mut counts = RedactionCounts::new();
        assert_eq!(body(b"", clean, &mut counts), Value::Null);
        assert_eq!(body(b"{\"a\":1}", clean, &mut counts), json!({"a": 1}));
        assert_eq!(body(b"hello", clean, &mut counts), json!("hello"));
        let described = body(b"\xff\xfe", clean, &mut counts);
        assert!(
            described
                .as_str()
                .is_some_and(|text| text.starts_with("[2 bytes, sha256:"))
        );
        let secret = body(b"{\"password\":\"p\"}", clean, &mut counts);
        assert_eq!(secret["password"], json!(redactor.placeholder("p")));
        let known = body(
            b"{\"acme-9f37bc2e\":\"is acme-9f37bc2e\"}",
            clean,
            &mut counts,
        );
        assert!(!known.to_string().contains("acme-"), "{known}");
    }
}
