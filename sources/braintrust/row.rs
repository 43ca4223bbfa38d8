//! From an answer of Braintrust to rows of the engine.

use archal_core::clock::Timestamp;
use archal_core::hash;
use archal_core::pull::Row;
use serde_json::{Map, Value};

/// The span a row is; none where it does not say of which trace it is, or was deleted.
pub(crate) fn span(mut row: Map<String, Value>) -> Option<Row> {
    for value in row.values_mut() {
        without_bytes(value);
    }
    row.remove("_pagination_key");
    if is_deleted(&row) {
        return None;
    }
    let text = |name: &str| row.get(name)?.as_str().filter(|text| !text.is_empty());
    let id = text("id").or(text("span_id"))?.to_owned();
    let ended = metric(&row, "end");
    Some(Row {
        trace: text("root_span_id").or(text("span_id"))?.to_owned(),
        version: version(&row),
        ends_root: is_root(&row) && ended.is_some(),
        at: ended.or_else(|| text("created")?.parse().ok()),
        body: Value::Object(row),
        id,
    })
}

/// What its span goes by.
pub(crate) fn span_id(row: &Map<String, Value>) -> Option<&str> {
    let text = |name: &str| row.get(name)?.as_str().filter(|text| !text.is_empty());
    text("span_id").or(text("id"))
}

/// The number of the write that made it so.
pub(crate) fn version(row: &Map<String, Value>) -> Option<i64> {
    match row.get("_xact_id")? {
        Value::String(text) => text.parse().ok(),
        other => other.as_i64(),
    }
}

/// Whether the words in it are a judge's and not the agent's.
pub(crate) fn is_of_a_scorer(row: &Map<String, Value>) -> bool {
    let about = row.get("span_attributes").and_then(Value::as_object);
    let about = |name: &str| about.and_then(|about| about.get(name)?.as_str());
    about("purpose") == Some("scorer")
}

/// Whether it tells that there is no such row any more.
pub(crate) fn is_deleted(row: &Map<String, Value>) -> bool {
    row.get("_object_delete") == Some(&Value::Bool(true))
}

/// Whether nothing is above it.
pub(crate) fn is_root(row: &Map<String, Value>) -> bool {
    match row.get("is_root") {
        Some(Value::Bool(is_root)) => *is_root,
        _ => parents(row).next().is_none(),
    }
}

/// The spans it is part of.
pub(crate) fn parents(row: &Map<String, Value>) -> impl Iterator<Item = &str> {
    let parents = row.get("span_parents").and_then(Value::as_array);
    parents.into_iter().flatten().filter_map(Value::as_str)
}

/// A time among its numbers: seconds since 1970.
pub(crate) fn metric(row: &Map<String, Value>, name: &str) -> Option<Timestamp> {
    let seconds = row.get("metrics")?.get(name)?.as_f64()?;
    Timestamp::from_microsecond((seconds * 1e6).round() as i64).ok()
}

/// Attachments that lie in the row itself become references. Reading has bounded how deep this goes.
fn without_bytes(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(without_bytes),
        Value::Object(map) => {
            let is_inline = map.get("type").and_then(Value::as_str) == Some("inline_attachment");
            for (name, value) in map {
                match value {
                    Value::String(text)
                        if is_inline && name == "src" && text.starts_with("data:") =>
                    {
                        let kind = text["data:".len()..]
                            .split([';', ','])
                            .next()
                            .unwrap_or_default();
                        *value = format!("blob:{kind}:{}", hash::short(text)).into();
                    }
                    other => without_bytes(other),
                }
            }
        }
        _ => {}
    }
}
