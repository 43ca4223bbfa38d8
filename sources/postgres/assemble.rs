//! Rows of one trace to the trace: its spans as OpenTelemetry's are, and what its own row says over
//! what they say of it.

use std::sync::Arc;

use archal_core::clock::Timestamp;
use archal_core::diagnostic::Diagnostic;
use archal_core::push::Kept;
use archal_core::source::DecodedTrace;
use archal_core::trace::{Score, Status, Trace};
use serde_json::{Map, Value, json};

use super::row::is_nobody;
use crate::mapping;
use crate::merge::{add_scores, cut_places, merge, put_cut_places};
use crate::normalise::{has_content, normalise};
use crate::otlp::dialects::columns::PREFIX;
use crate::otlp::{self, OtlpEvent, OtlpSpan, Request, Side};

/// Puts a trace together; none where no row can be read.
pub(super) fn assemble(
    trace: &str,
    kept: Kept,
    findings: &mut Vec<Diagnostic>,
) -> Option<DecodedTrace> {
    let mut lost = kept.lost;
    let mut request = Request::default();
    let mut own: Vec<Body> = Vec::new();
    // By the ids of their spans: what was too large.
    let mut cut: Vec<(String, String)> = Vec::new();
    for row in kept.spans {
        match Body::of(row.body) {
            Some(body) if body.is_span => {
                lost = lost.saturating_add(body.dropped);
                match span(trace, body, &mut cut) {
                    Some(span) => request.spans.push(span),
                    None => lost = lost.saturating_add(1),
                }
            }
            Some(body) => own.push(body),
            None => lost = lost.saturating_add(1),
        }
    }
    if own.is_empty() && request.spans.is_empty() && kept.earlier.is_none() {
        return None;
    }
    // That of a root, and of several the same one whatever the order of the rows.
    let services = request.spans.iter().filter_map(|span| {
        let service = text(span.resource.get("service.name"))?;
        Some((span.parent_id.is_some(), &span.span_id, service))
    });
    let mut project = services.min().map(|(_, _, service)| service);
    request.lost.insert(trace.to_owned(), lost);
    let mut decoded = otlp::assemble(request, findings).pop().unwrap_or_default();
    trace.clone_into(&mut decoded.trace.id);
    decoded.trace.completeness.dropped = decoded.trace.completeness.dropped.max(lost);
    // The rows of one trace are one, however often it was changed; of several, all are asked.
    own.sort_by_cached_key(|body| body.fields.to_string());
    for body in own {
        project = text(body.fields.get("project")).or(project);
        overlay(&mut decoded.trace, body, findings);
    }
    decoded.project = project.or(decoded.project);
    let mut places: Vec<(String, String)> = cut_places(&decoded.trace).collect();
    places.append(&mut cut);
    let whole: Vec<String> = std::mem::take(&mut decoded.trace.completeness.truncated)
        .into_iter()
        .filter(|place| !place.starts_with("spans["))
        .collect();
    normalise(&mut decoded.trace, findings);
    put_cut_places(&mut decoded.trace, places);
    decoded.trace.completeness.truncated.extend(whole);
    decoded.trace.completeness.content = has_content(&decoded.trace);
    Some(match kept.earlier {
        Some(earlier) => merge(earlier, decoded),
        None => decoded,
    })
}

/// A row as it was kept.
struct Body {
    is_span: bool,
    fields: Value,
    others: Map<String, Value>,
    /// Fields whose value was too large.
    cut: Vec<String>,
    dropped: u64,
}

impl Body {
    fn of(mut body: Value) -> Option<Self> {
        let is_span = match body.get("row")?.as_str()? {
            "spans" => true,
            "traces" => false,
            _ => return None,
        };
        let mut take = |name: &str| body.get_mut(name).map(Value::take).unwrap_or_default();
        Some(Self {
            is_span,
            fields: Some(take("fields")).filter(Value::is_object)?,
            others: match take("others") {
                Value::Object(others) => others,
                _ => Map::new(),
            },
            cut: serde_json::from_value(take("cut")).unwrap_or_default(),
            dropped: take("dropped").as_u64().unwrap_or(0),
        })
    }

    fn take(&mut self, name: &str) -> Option<Value> {
        self.fields
            .get_mut(name)
            .map(Value::take)
            .filter(|value| !value.is_null())
    }

    fn text(&mut self, name: &str) -> Option<String> {
        text(self.take(name).as_ref())
    }

    fn time(&mut self, name: &str) -> Option<Timestamp> {
        mapping::time(self.take(name)?).as_str()?.parse().ok()
    }

    /// When it ended: said, or as long after it began as it took.
    fn end(&mut self, start: Option<Timestamp>) -> Option<Timestamp> {
        let took = self.take("durationMs").and_then(|took| match took {
            Value::Number(took) => took.as_f64(),
            Value::String(took) => took.parse().ok(),
            _ => None,
        });
        self.time("endedAt").or_else(|| {
            let nanoseconds = took.filter(|took| *took >= 0.0)? * 1e6;
            start?
                .checked_add(std::time::Duration::from_nanos(nanoseconds as u64))
                .ok()
        })
    }

    fn status(&mut self) -> Status {
        // OpenTelemetry's numbers and names stand beside everybody else's words.
        match self.take("status") {
            Some(Value::Number(code)) if code.as_u64() == Some(2) => Status::Error,
            Some(Value::Number(code)) if code.as_u64() == Some(1) => Status::Ok,
            Some(Value::String(word)) => {
                let word = word.trim_start_matches("STATUS_CODE_");
                match mapping::status(&Value::from(word)) {
                    "ok" => Status::Ok,
                    "error" => Status::Error,
                    _ => Status::Unset,
                }
            }
            Some(Value::Bool(true)) => Status::Ok,
            Some(Value::Bool(false)) => Status::Error,
            _ => Status::Unset,
        }
    }

    /// The text of an error, whatever form it has.
    fn error(&mut self) -> Option<String> {
        match self.take("error")? {
            Value::Object(map) => ["message", "error", "name"]
                .iter()
                .find_map(|name| text(map.get(*name)))
                .or_else(|| (!map.is_empty()).then(|| Value::Object(map).to_string())),
            Value::Bool(_) => None,
            other => text(Some(&other)),
        }
    }
}

/// A scalar as text that is not empty.
fn text(value: Option<&Value>) -> Option<String> {
    match value? {
        Value::String(text) => Some(text.clone()).filter(|text| !text.is_empty()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// Fields that the dialect of columns reads, and the places in a span that they fill.
const COLUMNS: &[(&str, &str)] = &[
    ("input", "input"),
    ("output", "output"),
    ("messages", "llm.messages"),
    ("model", "llm.model"),
    ("toolName", "tool.name"),
    ("toolCallId", "tool.callId"),
    ("toolArguments", "tool.arguments"),
    ("toolResult", "tool.result"),
    ("inputTokens", "llm.usage"),
    ("outputTokens", "llm.usage"),
    ("cachedTokens", "llm.usage"),
    ("costUsd", "llm.usage"),
    ("sessionId", "sessionId"),
    ("userId", "userId"),
    ("tags", "tags"),
];

/// Fields that have a name in OpenTelemetry, and the places that they fill.
const ATTRIBUTES: &[(&str, &str, &str)] = &[
    ("httpMethod", "http.request.method", "http.method"),
    ("httpUrl", "url.full", "http.url"),
    ("httpStatus", "http.response.status_code", "http.status"),
    (
        "httpRequestBody",
        "archal.http.request_body",
        "http.requestBody",
    ),
    (
        "httpResponseBody",
        "archal.http.response_body",
        "http.responseBody",
    ),
    ("environment", "deployment.environment.name", "environment"),
    ("release", "service.version", "release"),
];

fn span(trace: &str, mut body: Body, cut: &mut Vec<(String, String)>) -> Option<OtlpSpan> {
    let id = body.text("id")?;
    let mut attributes = otlp::attributes_of(body.take("attributes"));
    let resource = otlp::attributes_of(body.take("resource"));
    if let Some(metadata) = body.take("metadata") {
        attributes.insert("metadata".to_owned(), metadata);
    }
    attributes.extend(std::mem::take(&mut body.others));
    let kind = body.text("kind");
    let word = kind
        .as_deref()
        .map(|kind| mapping::kind(&Value::from(kind)));
    if let Some(word) = word.filter(|word| *word != "other") {
        attributes.insert(format!("{PREFIX}kind"), Value::from(word));
    }
    for (field, _) in COLUMNS {
        if let Some(value) = body.take(field) {
            attributes.insert(format!("{PREFIX}{field}"), value);
        }
    }
    for (field, name, _) in ATTRIBUTES {
        if let Some(value) = body.take(field) {
            attributes.insert((*name).to_owned(), value);
        }
    }
    let mut resource_attributes = resource;
    if let Some(project) = body.text("project") {
        resource_attributes.insert("service.name".to_owned(), Value::String(project));
    }
    for field in &body.cut {
        let columns = COLUMNS.iter().map(|(field, place)| (*field, *place));
        let others = ATTRIBUTES.iter().map(|(field, _, place)| (*field, *place));
        let place = columns.chain(others).find(|(name, _)| name == field);
        let place = place.map_or(format!("attributes.{field}"), |(_, place)| place.to_owned());
        cut.push((id.clone(), format!(".{place}")));
    }
    let start = body.time("startedAt");
    let end = body.end(start);
    let error = body.error();
    let status = match body.status() {
        Status::Unset if error.is_some() => Status::Error,
        said => said,
    };
    Some(OtlpSpan {
        trace_id: trace.to_owned(),
        span_id: id,
        parent_id: body.text("parentId").filter(|id| !is_nobody(id)),
        name: body
            .text("name")
            .or_else(|| kind.clone())
            .unwrap_or_default(),
        side: side(kind.as_deref()),
        start,
        end,
        status,
        status_message: error,
        attributes,
        events: events(body.take("events")),
        dropped: 0,
        resource: Arc::new(resource_attributes),
        scope: Arc::from(body.text("scope").unwrap_or_default()),
    })
}

fn side(kind: Option<&str>) -> Side {
    let kind = kind.unwrap_or_default().to_ascii_uppercase();
    match kind.trim_start_matches("SPAN_KIND_") {
        "SERVER" | "2" => Side::Server,
        "CLIENT" | "3" => Side::Client,
        "PRODUCER" | "4" => Side::Producer,
        "CONSUMER" | "5" => Side::Consumer,
        _ => Side::Internal,
    }
}

fn events(value: Option<Value>) -> Vec<OtlpEvent> {
    let Some(Value::Array(events)) = value else {
        return Vec::new();
    };
    events
        .into_iter()
        .filter_map(|mut event| {
            let at = ["at", "timestamp", "time", "timeUnixNano", "time_unix_nano"]
                .iter()
                .find_map(|name| event.get(*name).cloned())
                .and_then(|at| mapping::time(at).as_str()?.parse().ok());
            Some(OtlpEvent {
                name: text(event.get("name"))?,
                at,
                attributes: otlp::attributes_of(event.get_mut("attributes").map(Value::take)),
            })
        })
        .collect()
}

/// What a trace's own row says, over what its spans say.
fn overlay(trace: &mut Trace, mut body: Body, findings: &mut Vec<Diagnostic>) {
    fn put<T>(slot: &mut Option<T>, said: Option<T>) {
        if said.is_some() {
            *slot = said;
        }
    }
    if let Some(messages) = body.take("messages").filter(|_| trace.spans.is_empty()) {
        conversation(trace, messages, findings);
    }
    let started = body.time("startedAt");
    put(&mut trace.ended_at, body.end(started.or(trace.started_at)));
    // A row is often written when the run ended: what a span says of the beginning is earlier then.
    trace.started_at = [trace.started_at, started].into_iter().flatten().min();
    if let Some(name) = body.text("name") {
        trace.name = name;
    }
    put(&mut trace.error, body.error());
    match body.status() {
        Status::Unset if trace.error.is_some() => trace.status = Status::Error,
        Status::Unset => {}
        said => trace.status = said,
    }
    put(&mut trace.input, body.take("input"));
    put(&mut trace.output, body.take("output"));
    put(&mut trace.model, body.text("model"));
    put(&mut trace.session_id, body.text("sessionId"));
    put(&mut trace.user_id, body.text("userId"));
    put(&mut trace.environment, body.text("environment"));
    put(&mut trace.release, body.text("release"));
    let tags: Vec<String> = match body.take("tags") {
        Some(Value::Array(tags)) => tags.iter().filter_map(|tag| text(Some(tag))).collect(),
        Some(Value::String(tags)) => tags
            .split(',')
            .map(|tag| tag.trim().to_owned())
            .filter(|tag| !tag.is_empty())
            .collect(),
        _ => Vec::new(),
    };
    if !tags.is_empty() {
        trace.tags = tags;
    }
    add_scores(&mut trace.scores, scores(body.take("scores")));
    match body.take("metadata") {
        Some(Value::Object(metadata)) => trace.metadata.extend(metadata),
        Some(other) => drop(trace.metadata.insert("metadata".to_owned(), other)),
        None => {}
    }
    trace.metadata.extend(std::mem::take(&mut body.others));
    let places = ["input", "output", "messages"];
    let cut = body
        .cut
        .iter()
        .filter(|field| places.contains(&field.as_str()));
    trace.completeness.truncated.extend(cut.cloned());
    trace.completeness.dropped = trace.completeness.dropped.saturating_add(body.dropped);
}

/// A conversation in a column, read as a file of one is.
fn conversation(trace: &mut Trace, messages: Value, findings: &mut Vec<Diagnostic>) {
    let record = json!({"id": trace.id, "messages": messages}).to_string();
    let mut decoded = crate::file::decode(record.as_bytes());
    findings.append(&mut decoded.diagnostics);
    if let Some(read) = decoded.traces.pop() {
        trace.spans = read.trace.spans;
        trace.input = read.trace.input;
        trace.output = read.trace.output;
        trace.model = read.trace.model;
    }
}

/// Scores: a number, an object of names and values, or a list of scores.
fn scores(value: Option<Value>) -> Vec<Score> {
    let one = |name: &str, value: Value| Score {
        name: name.to_owned(),
        value,
        origin: archal_core::trace::ScoreOrigin::default(),
        comment: None,
    };
    match value {
        Some(Value::Array(list)) => list
            .into_iter()
            .filter_map(|score| serde_json::from_value(score).ok())
            .collect(),
        Some(Value::Object(map)) => map
            .into_iter()
            .filter(|(_, value)| !value.is_null())
            .map(|(name, value)| one(&name, value))
            .collect(),
        Some(value) => vec![one("score", value)],
        None => Vec::new(),
    }
}
