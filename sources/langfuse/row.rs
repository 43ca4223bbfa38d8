//! From an answer of Langfuse to rows of the engine.

use archal_core::clock::Timestamp;
use archal_core::pull::{Row, VERDICT};
use serde_json::{Map, Value};

use super::adapter::{Fields, LOST, OBSERVATION, SCORE, TRACE, time};
use crate::raw;

/// The observation a row is; none where it does not say of which trace it is.
pub(crate) fn observation(mut row: Map<String, Value>) -> Option<Row> {
    for name in ["input", "output"] {
        if let Some(value) = row.get_mut(name) {
            read_text(value);
        }
    }
    let fields = Fields(&row);
    let is_root = match fields.get("isRootObservation") {
        Some(Value::Bool(is_root)) => *is_root,
        _ => fields.text("parentObservationId").is_none(),
    };
    let ended = fields.time("endTime");
    Some(Row {
        trace: fields.text("traceId")?.to_owned(),
        id: format!("{OBSERVATION} {}", fields.text("id")?),
        version: version(&fields),
        ends_root: is_root && ended.is_some(),
        at: ended
            .max(fields.time("updatedAt"))
            .or(fields.time("startTime")),
        body: tagged(OBSERVATION, row),
    })
}

/// The score a row is; none where it is not one of a trace, and where archal itself wrote it: what it
/// said before is no evidence.
pub(crate) fn score(row: Map<String, Value>) -> Option<Row> {
    let fields = Fields(&row);
    if fields.text("name") == Some(VERDICT) {
        return None;
    }
    let subject = match fields.get("subject") {
        Some(Value::Object(subject)) => Some(Fields(subject)),
        _ => None,
    };
    let trace = match &subject {
        Some(subject) => match subject.text("kind") {
            Some("trace") => subject.text("id"),
            Some("observation") => subject.text("traceId"),
            _ => None,
        },
        None => fields.text("traceId"),
    };
    Some(Row {
        trace: trace?.to_owned(),
        id: format!("{SCORE} {}", fields.text("id")?),
        version: version(&fields),
        ends_root: false,
        at: fields.time("updatedAt").or(fields.time("timestamp")),
        body: tagged(SCORE, row),
    })
}

/// The trace a row is, of a release before 4; its observations say whether they have ended.
pub(crate) fn trace(mut row: Map<String, Value>, observations: &[Row]) -> Option<Row> {
    for name in ["observations", "scores"] {
        row.remove(name);
    }
    let ended = |row: &Row| {
        let Some(Value::Object(inner)) = row.body.get(OBSERVATION) else {
            return true;
        };
        let fields = Fields(inner);
        fields.text("parentObservationId").is_some() || fields.time("endTime").is_some()
    };
    let fields = Fields(&row);
    let id = fields.text("id")?.to_owned();
    Some(Row {
        id: TRACE.to_owned(),
        version: version(&fields),
        // Of one that lacks some it is not known.
        ends_root: fields.get(LOST).is_none() && observations.iter().all(ended),
        at: fields.time("updatedAt").or(fields.time("timestamp")),
        body: tagged(TRACE, row),
        trace: id,
    })
}

/// When a row was last touched.
pub(crate) fn touched(row: &Map<String, Value>) -> Option<Timestamp> {
    let at = |name: &str| Fields(row).text(name).and_then(time);
    at("updatedAt").max(at("createdAt"))
}

fn version(fields: &Fields<'_>) -> Option<i64> {
    fields.time("updatedAt").map(|time| time.as_microsecond())
}

fn tagged(name: &str, row: Map<String, Value>) -> Value {
    Value::Object(Map::from_iter([(name.to_owned(), Value::Object(row))]))
}

/// What an observation was given and gave comes as text, whatever it was.
fn read_text(value: &mut Value) {
    if let Value::String(text) = &*value
        && text.trim_start().starts_with(['{', '[', '"'])
        && let Ok(inner) = raw::value(text)
    {
        *value = inner;
    }
}
