//! From rows of Langfuse to traces: observations as the API and exports write them, scores, and the
//! traces of releases before 4.
//!
//! A row becomes a span with Langfuse's own attributes, which the dialect `langfuse` understands, and
//! what instrumentation of others left in its metadata; so whatever an agent was traced with, its
//! calls are read by the code that reads OpenTelemetry's.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::Arc;

use archal_core::clock::Timestamp;
use archal_core::diagnostic::Diagnostic;
use archal_core::push::{Kept, KeptSpan};
use archal_core::source::DecodedTrace;
use archal_core::trace::{Score, ScoreOrigin, Status, Trace};
use serde_json::{Map, Value, json};

use crate::findings;
use crate::merge::{put_scores, take_place_of};
use crate::normalise::shown;
use crate::otlp::{self, Attributes, OtlpSpan, Request};

/// A row, with what it is. Redaction goes by the names inside.
pub(crate) const OBSERVATION: &str = "observation";
/// A score.
pub(crate) const SCORE: &str = "score";
/// A trace, which releases before 4 keep.
pub(crate) const TRACE: &str = "trace";
/// On a row whose content was too large to be fetched.
pub(crate) const CUT: &str = "archal.cut";
/// On the row of a trace: how many of its observations could not be fetched.
pub(crate) const LOST: &str = "archal.lost";

/// A row's fields, in the names of the API or those of exports.
pub(crate) struct Fields<'a>(pub(crate) &'a Map<String, Value>);

impl<'a> Fields<'a> {
    /// A field that is there and not null: `traceId`, or `trace_id`.
    pub(crate) fn get(&self, name: &str) -> Option<&'a Value> {
        let there = |value: &&Value| !value.is_null();
        self.0.get(name).filter(there).or_else(|| {
            let mut snake = String::with_capacity(name.len() + 4);
            for c in name.chars() {
                if c.is_ascii_uppercase() {
                    snake.push('_');
                }
                snake.push(c.to_ascii_lowercase());
            }
            self.0.get(&snake).filter(there)
        })
    }

    /// A text that is not empty.
    pub(crate) fn text(&self, name: &str) -> Option<&'a str> {
        self.get(name)?.as_str().filter(|text| !text.is_empty())
    }

    /// A time.
    pub(crate) fn time(&self, name: &str) -> Option<Timestamp> {
        time(self.text(name)?)
    }
}

/// RFC 3339, and what ClickHouse writes: UTC without saying so.
pub(crate) fn time(text: &str) -> Option<Timestamp> {
    if let Ok(time) = text.parse() {
        return Some(time);
    }
    let civil: jiff::civil::DateTime = text.parse().ok()?;
    civil
        .to_zoned(jiff::tz::TimeZone::UTC)
        .ok()
        .map(|zoned| zoned.timestamp())
}

/// Puts one trace together, and adds it to what was given out. None where there is nothing but scores.
pub(crate) fn assemble(
    id: &str,
    kept: Kept,
    diagnostics: &mut Vec<Diagnostic>,
) -> Option<DecodedTrace> {
    let mut rows = Sorted::default();
    let mut lost = kept.lost;
    for one in kept.spans {
        if !rows.add(one.body) {
            lost = lost.saturating_add(1);
        }
    }
    let part = rows.assemble(id, lost, diagnostics);
    let mut whole = match (kept.earlier, part) {
        (Some(earlier), Some(part)) => take_place_of(earlier, part),
        (Some(earlier), None) => earlier,
        (None, Some(part)) => part,
        (None, None) => {
            if lost == 0 && !rows.scores.is_empty() {
                findings::add(
                    diagnostics,
                    Diagnostic::note(
                        "langfuse/score-alone",
                        format!(
                            "trace `{}` has scores, and began before what is read",
                            shown(id)
                        ),
                    ),
                );
            }
            return None;
        }
    };
    rows.score(&mut whole.trace);
    Some(whole)
}

/// The same of rows of a file. One with scores alone gives a part of its trace, without a span, for another
/// file has the rest.
pub(crate) fn assemble_part(
    id: &str,
    kept: Kept,
    diagnostics: &mut Vec<Diagnostic>,
) -> Option<DecodedTrace> {
    let is_score = |row: &KeptSpan| row.body.get(SCORE).is_some();
    if !kept.spans.iter().all(is_score) {
        return assemble(id, kept, diagnostics);
    }
    let mut rows = Sorted::default();
    let mut part = DecodedTrace::default();
    for one in kept.spans {
        let project = Fields(one.body.get(SCORE)?.as_object()?)
            .text("projectId")
            .map(str::to_owned);
        part.project = part.project.or(project);
        rows.add(one.body);
    }
    id.clone_into(&mut part.trace.id);
    rows.score(&mut part.trace);
    Some(part)
}

/// Rows of one trace by what they are, in the order of their ids.
#[derive(Default)]
struct Sorted {
    observations: BTreeMap<String, Map<String, Value>>,
    scores: BTreeMap<String, Map<String, Value>>,
    trace: Option<Map<String, Value>>,
}

impl Sorted {
    /// Takes a row; false where it is none.
    fn add(&mut self, body: Value) -> bool {
        let Value::Object(mut body) = body else {
            return false;
        };
        let mut take = |name: &str| match body.remove(name) {
            Some(Value::Object(row)) => Some(row),
            _ => None,
        };
        let id = |row: &Map<String, Value>| row.get("id")?.as_str().map(str::to_owned);
        if let Some(row) = take(OBSERVATION) {
            let Some(id) = id(&row) else { return false };
            keep_newer(&mut self.observations, id, row);
        } else if let Some(row) = take(SCORE) {
            let Some(id) = id(&row) else { return false };
            keep_newer(&mut self.scores, id, row);
        } else if let Some(row) = take(TRACE) {
            let mut both: BTreeMap<(), _> =
                self.trace.take().map(|old| ((), old)).into_iter().collect();
            keep_newer(&mut both, (), row);
            self.trace = both.into_values().next();
        } else {
            return false;
        }
        true
    }

    fn assemble(
        &self,
        id: &str,
        lost: u64,
        diagnostics: &mut Vec<Diagnostic>,
    ) -> Option<DecodedTrace> {
        let mut request = Request::default();
        let left_out = self.trace.as_ref().and_then(|row| row.get(LOST)?.as_u64());
        let lost = lost.saturating_add(left_out.unwrap_or_default());
        request.lost.insert(id.to_owned(), lost);
        let mut cut = Vec::new();
        for row in self.observations.values() {
            if row.contains_key(CUT) {
                cut.extend(row.get("id").and_then(Value::as_str));
            }
            request.spans.push(self.span(id, row));
        }
        request.spans.extend(self.root(id));
        let mut decoded = otlp::assemble(request, diagnostics).pop()?;
        let rows = || self.trace.iter().chain(self.observations.values());
        decoded.project = rows().find_map(|row| Fields(row).text("projectId").map(str::to_owned));
        for (place, span) in decoded.trace.spans.iter().enumerate() {
            if cut.contains(&span.id.as_str()) {
                let places = ["input", "output"].map(|at| format!("spans[{place}].{at}"));
                decoded.trace.completeness.truncated.extend(places);
            }
        }
        self.tell(&mut decoded.trace);
        if self.trace.as_ref().is_some_and(|row| row.contains_key(CUT)) {
            let root = root_id(id);
            let spans = &decoded.trace.spans;
            let at = spans.iter().position(|span| span.id == root);
            let place = at.map_or_else(String::new, |place| format!("spans[{place}]."));
            let places = ["input", "output"].map(|at| format!("{place}{at}"));
            decoded.trace.completeness.truncated.extend(places);
        }
        Some(decoded)
    }

    fn span(&self, trace: &str, row: &Map<String, Value>) -> OtlpSpan {
        let fields = Fields(row);
        let mut span = OtlpSpan {
            trace_id: trace.to_owned(),
            span_id: fields.text("id").unwrap_or_default().to_owned(),
            name: fields.text("name").unwrap_or_default().to_owned(),
            start: fields.time("startTime"),
            end: fields.time("endTime"),
            ..OtlpSpan::default()
        };
        if span.name.is_empty() {
            span.name = fields.text("type").unwrap_or("span").to_lowercase();
        }
        span.parent_id = fields
            .text("parentObservationId")
            // What an SDK marks as root may have a parent that Langfuse never saw.
            .filter(|parent| {
                fields.get("isRootObservation") != Some(&Value::Bool(true))
                    || self.observations.contains_key(*parent)
            })
            .map(str::to_owned);
        if span.parent_id.is_none() && self.has_root_of_its_own() {
            span.parent_id = Some(root_id(trace));
        }
        let level = fields.text("level").unwrap_or("DEFAULT");
        let message = fields.text("statusMessage").map(str::to_owned);
        if level.eq_ignore_ascii_case("error") {
            span.status = Status::Error;
            span.status_message = message;
        } else if let Some(message) = message {
            let name = "langfuse.observation.status_message";
            span.attributes.insert(name.to_owned(), message.into());
        }
        describe(&mut span, &fields);
        span
    }

    /// Whether spans without a parent get one: a trace of a release before 4 is the root of several.
    fn has_root_of_its_own(&self) -> bool {
        let tops = self
            .observations
            .values()
            .filter(|row| Fields(row).text("parentObservationId").is_none());
        self.trace.is_some() && tops.count() != 1
    }

    fn root(&self, trace: &str) -> Option<OtlpSpan> {
        let row = self.trace.as_ref().filter(|_| self.has_root_of_its_own())?;
        let fields = Fields(row);
        let times = |name: &'static str| {
            let times = self.observations.values();
            times.filter_map(move |row| Fields(row).time(name))
        };
        let mut span = OtlpSpan {
            trace_id: trace.to_owned(),
            span_id: root_id(trace),
            name: fields.text("name").unwrap_or("trace").to_owned(),
            start: fields
                .time("timestamp")
                .or_else(|| times("startTime").min()),
            end: times("endTime").max(),
            ..OtlpSpan::default()
        };
        span.attributes
            .insert("langfuse.observation.type".to_owned(), "agent".into());
        describe(&mut span, &fields);
        Some(span)
    }

    /// What Langfuse says of the trace as a whole.
    fn tell(&self, trace: &mut Trace) {
        let rows = self.trace.iter().chain(self.observations.values());
        for row in rows.clone() {
            let fields = Fields(row);
            let is_trace = self
                .trace
                .as_ref()
                .is_some_and(|one| std::ptr::eq(one, row));
            let text = |name: &str| fields.text(name).map(str::to_owned);
            trace.session_id = trace.session_id.take().or_else(|| text("sessionId"));
            trace.user_id = trace.user_id.take().or_else(|| text("userId"));
            trace.release = trace.release.take().or_else(|| text("release"));
            if !is_trace {
                continue;
            }
            if let Some(name) = text("name") {
                trace.name = name;
            }
            if let Some(Value::Array(tags)) = fields.get("tags") {
                let tags = tags.iter().filter_map(Value::as_str);
                trace.tags = tags.map(str::to_owned).collect();
            }
            // Groups that were not asked for come empty, and are then not known.
            trace.input = fields.get("input").cloned().or(trace.input.take());
            trace.output = fields.get("output").cloned().or(trace.output.take());
            if let Some(Value::Object(metadata)) = fields.get("metadata") {
                trace.metadata.extend(metadata.clone());
            }
        }
        if self.trace.is_none()
            && let Some(name) = rows.clone().find_map(|row| Fields(row).text("traceName"))
        {
            name.clone_into(&mut trace.name);
        }
        trace.completeness.content = crate::normalise::has_content(trace);
    }

    fn score(&self, trace: &mut Trace) {
        put_scores(trace, self.scores.values().filter_map(score));
    }
}

/// Of two versions of a row the one that was changed later stays; of others the one with more text, so that
/// their order does not matter.
fn keep_newer<K: Ord>(rows: &mut BTreeMap<K, Map<String, Value>>, id: K, row: Map<String, Value>) {
    let age = |row: &Map<String, Value>| {
        let text = serde_json::to_string(row).unwrap_or_default();
        (Fields(row).time("updatedAt"), text.len(), text)
    };
    match rows.entry(id) {
        Entry::Vacant(place) => {
            place.insert(row);
        }
        Entry::Occupied(mut place) => {
            if age(place.get()) < age(&row) {
                place.insert(row);
            }
        }
    }
}

/// What a release since 4 calls the root that it makes of a trace.
pub(crate) fn root_id(trace: &str) -> String {
    format!("t-{trace}")
}

/// Puts what a row says into attributes.
fn describe(span: &mut OtlpSpan, fields: &Fields<'_>) {
    let mut metadata = match fields.get("metadata") {
        Some(Value::Object(metadata)) => metadata.clone(),
        Some(other) => Map::from_iter([("value".to_owned(), other.clone())]),
        None => Map::new(),
    };
    let mut object = |name: &str| match metadata.remove(name).map(|value| parsed(&value)) {
        Some(Value::Object(inner)) => inner,
        Some(other) => {
            metadata.insert(name.to_owned(), other);
            Map::new()
        }
        None => Map::new(),
    };
    // What came over OpenTelemetry keeps what it was there.
    let native = object("attributes");
    let resource: Attributes = object("resourceAttributes").into_iter().collect();
    if let Some(scope) = object("scope").get("name").and_then(Value::as_str) {
        span.scope = Arc::from(scope);
    }
    span.resource = Arc::new(resource);
    let mut put = |name: &str, value: Option<Value>| {
        if let Some(value) = value {
            span.attributes.insert(name.to_owned(), value);
        }
    };
    for (name, value) in native {
        if !name.starts_with("langfuse.") {
            put(&name, Some(value));
        }
    }
    for (name, value) in metadata {
        put(
            &format!("langfuse.observation.metadata.{name}"),
            Some(value),
        );
    }
    let text = |name: &str| fields.text(name).map(Value::from);
    let kind = fields.text("type").map(|kind| kind.to_lowercase().into());
    put("langfuse.observation.type", kind);
    put("langfuse.observation.input", fields.get("input").cloned());
    put("langfuse.observation.output", fields.get("output").cloned());
    put(
        "langfuse.observation.model.name",
        text("providedModelName").or_else(|| text("model")),
    );
    let parameters = fields.get("modelParameters").map(parsed);
    put(
        "langfuse.observation.model.parameters",
        parameters.filter(|value| value.as_object().is_none_or(|map| !map.is_empty())),
    );
    put("langfuse.observation.usage_details", usage(fields));
    put("langfuse.observation.cost_details", costs(fields));
    for (name, field) in [
        ("langfuse.observation.prompt.name", "promptName"),
        ("langfuse.observation.prompt.version", "promptVersion"),
        ("langfuse.observation.tool_definitions", "toolDefinitions"),
    ] {
        put(
            name,
            fields.get(field).filter(|value| !is_empty(value)).cloned(),
        );
    }
    put("session.id", text("sessionId"));
    put("user.id", text("userId"));
    put("langfuse.trace.tags", fields.get("tags").cloned());
    // Where nobody said, Langfuse writes `default`.
    let environment = fields.text("environment").filter(|name| *name != "default");
    put("langfuse.environment", environment.map(Value::from));
    put("langfuse.release", text("release"));
    put("langfuse.version", text("version"));
    let level = fields.text("level").filter(|level| *level != "DEFAULT");
    put("langfuse.observation.level", level.map(Value::from));
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Array(items) => items.is_empty(),
        Value::Object(map) => map.is_empty(),
        Value::String(text) => text.is_empty(),
        _ => false,
    }
}

fn usage(fields: &Fields<'_>) -> Option<Value> {
    ["usageDetails", "usage"]
        .iter()
        .filter_map(|name| match fields.get(name).map(parsed) {
            Some(Value::Object(mut map)) => {
                // ClickHouse writes large numbers as text.
                map.retain(|_, count| match count {
                    Value::String(text) => text.parse::<f64>().is_ok(),
                    other => other.is_number(),
                });
                Some(map)
            }
            _ => None,
        })
        .find(|map| !map.is_empty())
        .map(Value::Object)
}

/// What it cost, where that is known: nothing of it is a cost of nothing.
fn costs(fields: &Fields<'_>) -> Option<Value> {
    if let Some(costs @ Value::Object(map)) = fields.get("costDetails").map(parsed).as_ref()
        && !map.is_empty()
    {
        return Some(costs.clone());
    }
    let total = ["totalCost", "calculatedTotalCost"]
        .iter()
        .find_map(|name| match fields.get(name)? {
            Value::String(text) => text.parse::<f64>().ok(),
            other => other.as_f64(),
        });
    total
        .filter(|total| *total > 0.0)
        .map(|total| json!({"total": total}))
}

/// JSON in a string parsed, anything else as it is.
pub(crate) fn parsed(value: &Value) -> Value {
    match value {
        Value::String(text) if text.trim_start().starts_with(['{', '[']) => {
            crate::raw::value(text).unwrap_or_else(|_| value.clone())
        }
        other => other.clone(),
    }
}

fn score(row: &Map<String, Value>) -> Option<Score> {
    let fields = Fields(row);
    let text = fields.get("stringValue");
    let value = match fields.text("dataType") {
        Some("BOOLEAN") => match fields.get("value") {
            Some(Value::Number(number)) => Value::Bool(number.as_f64() != Some(0.0)),
            other => other.cloned()?,
        },
        Some("NUMERIC") | None => fields.get("value").cloned()?,
        // Before release 3 of that API the number of a category stood in `value`.
        Some(_) => text.or_else(|| fields.get("value")).cloned()?,
    };
    Some(Score {
        name: fields.text("name")?.to_owned(),
        value,
        origin: match fields.text("source") {
            Some("ANNOTATION") => ScoreOrigin::Human,
            Some("EVAL") => ScoreOrigin::Eval,
            _ => ScoreOrigin::Api,
        },
        comment: fields.text("comment").map(str::to_owned),
    })
}
