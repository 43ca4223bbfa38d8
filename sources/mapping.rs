//! Which fields of somebody's own JSON are which of a trace: a mapping in, batches out.
//!
//! A key is a field of a trace (`id`, `input`) or of its spans (`span.id`, `span.tool.name`); its
//! value is where that stands: `run.id`, `steps.0.text`, or a JSON pointer. What is made of it is
//! an archal batch, which is read as any other.

use std::collections::BTreeMap;

use archal_core::trace::{BATCH_SCHEMA, BATCH_VERSION};
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use crate::server::known_fields;

/// What a field holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Holds {
    /// Anything.
    Value,
    /// A text or number that names something.
    Name,
    /// A time: RFC 3339, or seconds, milliseconds, microseconds or nanoseconds since 1970.
    Time,
    /// A status: `ok`, `error`, or other words for them.
    Status,
    /// A kind of span.
    Kind,
}

/// The fields of a trace, and where they stand in a batch.
const TRACE: &[(&str, &str, Holds)] = &[
    ("id", "/id", Holds::Name),
    ("name", "/name", Holds::Name),
    ("startedAt", "/startedAt", Holds::Time),
    ("endedAt", "/endedAt", Holds::Time),
    ("status", "/status", Holds::Status),
    ("error", "/error", Holds::Name),
    ("input", "/input", Holds::Value),
    ("output", "/output", Holds::Value),
    ("model", "/model", Holds::Name),
    ("sessionId", "/sessionId", Holds::Name),
    ("userId", "/userId", Holds::Name),
    ("environment", "/environment", Holds::Name),
    ("release", "/release", Holds::Name),
    ("tags", "/tags", Holds::Value),
    ("metadata", "/metadata", Holds::Value),
];

/// The same of a span.
const SPAN: &[(&str, &str, Holds)] = &[
    ("span.id", "/id", Holds::Name),
    ("span.parentId", "/parentId", Holds::Name),
    ("span.name", "/name", Holds::Name),
    ("span.kind", "/kind", Holds::Kind),
    ("span.startedAt", "/startedAt", Holds::Time),
    ("span.endedAt", "/endedAt", Holds::Time),
    ("span.status", "/status", Holds::Status),
    ("span.error", "/error", Holds::Name),
    ("span.input", "/input", Holds::Value),
    ("span.output", "/output", Holds::Value),
    ("span.tool.name", "/tool/name", Holds::Name),
    ("span.tool.callId", "/tool/callId", Holds::Name),
    ("span.tool.arguments", "/tool/arguments", Holds::Value),
    ("span.tool.result", "/tool/result", Holds::Value),
    ("span.http.method", "/http/method", Holds::Name),
    ("span.http.url", "/http/url", Holds::Name),
    ("span.http.status", "/http/status", Holds::Value),
    ("span.http.requestBody", "/http/requestBody", Holds::Value),
    ("span.http.responseBody", "/http/responseBody", Holds::Value),
    ("span.llm.model", "/llm/model", Holds::Name),
    ("span.attributes", "/attributes", Holds::Value),
];

/// Keys that say where lists are, and the project of all traces.
const OTHERS: &[&str] = &["traces", "spans", "project"];

/// What one row of somebody's own shape is.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Mapped {
    /// A trace with all its spans.
    Trace(Value),
    /// A span, and what is known of its trace.
    Span {
        /// Fields of the trace, its id among them.
        trace: Value,
        /// The span.
        span: Value,
    },
}

/// Where the fields stand in a body.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Mapping {
    paths: BTreeMap<String, Vec<String>>,
}

impl Mapping {
    /// Of fields and where they stand.
    ///
    /// # Errors
    ///
    /// For each field that is none.
    pub(crate) fn of(fields: &BTreeMap<String, String>) -> Result<Self, Vec<String>> {
        let all = TRACE.iter().chain(SPAN).map(|(name, _, _)| *name);
        let names: Vec<&str> = all.chain(OTHERS.iter().copied()).collect();
        known_fields(fields, &names)?;
        let paths = fields
            .iter()
            .map(|(name, path)| (name.clone(), steps(path)))
            .collect();
        Ok(Self { paths })
    }

    /// The batch of a body.
    pub(crate) fn batch(&self, body: Value) -> Value {
        let traces = match self.find("traces", &body) {
            Some(found) => found.clone(),
            None => body.clone(),
        };
        let traces = match traces {
            Value::Array(traces) => traces,
            one => vec![one],
        };
        let project = self.find("project", &body).cloned().map(named);
        let traces: Vec<Value> = traces.iter().map(|trace| self.trace(trace)).collect();
        json!({
            "schema": BATCH_SCHEMA,
            "version": BATCH_VERSION,
            "complete": true,
            "source": {"project": project},
            "traces": traces,
        })
    }

    /// What a row is: a whole trace, or one span and what it says of its trace.
    pub(crate) fn row(&self, row: &Value) -> Mapped {
        let has_list = row.get("spans").is_some_and(Value::is_array);
        let is_span = !self.has("spans")
            && !has_list
            && self.paths.keys().any(|name| name.starts_with("span."));
        if !is_span {
            return Mapped::Trace(self.trace(row));
        }
        // Where a row is a span, its own names are those of the span.
        let said = TRACE.iter().filter(|(name, ..)| self.has(name));
        Mapped::Span {
            trace: self.fields(said, "", row),
            span: self.fields(SPAN, "span.", row),
        }
    }

    /// The project that a row names.
    pub(crate) fn project(&self, row: &Value) -> Option<String> {
        match named(self.find("project", row)?.clone()) {
            Value::String(project) => Some(project),
            _ => None,
        }
    }

    fn trace(&self, from: &Value) -> Value {
        let mut trace = self.fields(TRACE, "", from);
        let spans = self
            .find("spans", from)
            .or_else(|| from.get("spans").filter(|_| !self.has("spans")));
        if let Some(Value::Array(spans)) = spans {
            let spans = spans.iter().map(|span| self.fields(SPAN, "span.", span));
            put(&mut trace, "/spans", spans.collect::<Vec<Value>>().into());
        }
        trace
    }

    /// The fields of a list; one without a key stands under its own name.
    fn fields<'a>(
        &self,
        list: impl IntoIterator<Item = &'a (&'a str, &'a str, Holds)>,
        prefix: &str,
        from: &Value,
    ) -> Value {
        let mut made = Value::Object(Map::new());
        for (name, place, holds) in list {
            let found = if self.has(name) {
                self.find(name, from)
            } else {
                let bare = name.strip_prefix(prefix).unwrap_or(name);
                at(from, &steps(bare))
            };
            if let Some(found) = found.filter(|found| !found.is_null()) {
                put(&mut made, place, holds.read(found.clone()));
            }
        }
        made
    }

    fn has(&self, name: &str) -> bool {
        self.paths.contains_key(name)
    }

    fn find<'a>(&self, name: &str, from: &'a Value) -> Option<&'a Value> {
        at(from, self.paths.get(name)?)
    }
}

/// The steps of `a.b.0` or `/a/b/0`.
fn steps(path: &str) -> Vec<String> {
    match path.strip_prefix('/') {
        Some(pointer) => pointer
            .split('/')
            .map(|step| step.replace("~1", "/").replace("~0", "~"))
            .collect(),
        None => path.split('.').map(str::to_owned).collect(),
    }
}

fn at<'a>(from: &'a Value, steps: &[String]) -> Option<&'a Value> {
    steps.iter().try_fold(from, |value, step| match value {
        Value::Object(map) => map.get(step),
        Value::Array(list) => list.get(step.parse::<usize>().ok()?),
        _ => None,
    })
}

/// Puts a value at a place of one or two steps.
fn put(into: &mut Value, place: &str, value: Value) {
    let mut into = into;
    let mut steps = place.trim_start_matches('/').split('/').peekable();
    while let (Some(step), Value::Object(map)) = (steps.next(), into) {
        if steps.peek().is_none() {
            map.insert(step.to_owned(), value);
            return;
        }
        into = map.entry(step).or_insert_with(|| Value::Object(Map::new()));
    }
}

impl Holds {
    fn read(self, value: Value) -> Value {
        match self {
            Self::Value => value,
            Self::Name => named(value),
            Self::Time => time(value),
            Self::Status => status(&value).into(),
            Self::Kind => kind(&value).into(),
        }
    }
}

/// Numbers name things, too.
fn named(value: Value) -> Value {
    match value {
        Value::String(_) => value,
        other => other.to_string().into(),
    }
}

/// A time as RFC 3339, where it is one.
pub(crate) fn time(value: Value) -> Value {
    let number = match &value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    };
    let Some(number) = number.filter(|number| number.is_finite()) else {
        return value;
    };
    // By size: seconds have ten digits in our time.
    let to_nanoseconds = match number.abs() {
        size if size < 1e11 => 1e9,
        size if size < 1e14 => 1e6,
        size if size < 1e17 => 1e3,
        _ => 1.0,
    };
    let exact = value.as_i64().map(i128::from);
    let nanoseconds = match exact {
        Some(whole) => whole.saturating_mul(to_nanoseconds as i128),
        None => (number * to_nanoseconds) as i128,
    };
    match Timestamp::from_nanosecond(nanoseconds) {
        Ok(time) => time.to_string().into(),
        Err(_) => value,
    }
}

/// A status by the words that there are for it.
pub(crate) fn status(value: &Value) -> &'static str {
    let text = match value {
        Value::Bool(true) => "ok".to_owned(),
        Value::Bool(false) => "error".to_owned(),
        Value::String(text) => text.to_lowercase(),
        _ => String::new(),
    };
    match text.as_str() {
        "ok" | "success" | "succeeded" | "completed" | "complete" | "done" => "ok",
        "error" | "failed" | "failure" | "fail" | "errored" => "error",
        _ => "unset",
    }
}

/// A kind of span by the words that there are for it.
pub(crate) fn kind(value: &Value) -> &'static str {
    let text = value.as_str().unwrap_or_default().to_lowercase();
    match text.as_str() {
        "agent" | "workflow" | "agent_run" | "workflow_run" => "agent",
        "llm" | "generation" | "model" | "chat" | "completion" | "llm_generation"
        | "model_generation" => "llm",
        "tool" | "function" | "tool_call" | "function_call" | "mcp_tool_call" => "tool",
        "retrieval" | "retriever" => "retrieval",
        "http" | "request" => "http",
        "event" => "event",
        _ => "other",
    }
}

#[cfg(test)]
mod tests {
    use archal_core::trace::{SpanKind, Status};

    use super::*;

    fn options(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs
            .iter()
            .map(|(name, path)| ((*name).to_owned(), (*path).to_owned()))
            .collect()
    }

    #[test]
    fn a_row_is_a_span_where_the_mapping_is_of_spans_and_the_row_has_no_list() {
        let mapping = Mapping::of(&options(&[
            ("id", "trace_id"),
            ("span.id", "span_id"),
            ("span.endedAt", "end"),
        ]))
        .expect("fields");
        let row = json!({"trace_id": "t", "span_id": 3, "name": "step", "end": 1_772_366_400});
        assert_eq!(
            mapping.row(&row),
            Mapped::Span {
                trace: json!({"id": "t"}),
                span: json!({"id": "3", "name": "step", "endedAt": "2026-03-01T12:00:00Z"}),
            }
        );
        let row = json!({"trace_id": "t", "spans": [{"span_id": 3}]});
        let whole = json!({"id": "t", "spans": [{"id": "3"}]});
        assert_eq!(mapping.row(&row), Mapped::Trace(whole));
    }

    #[test]
    fn somebodys_own_json_becomes_a_trace() {
        let mapping = Mapping::of(&options(&[
            ("traces", "data.runs"),
            ("project", "data.app"),
            ("id", "/run~1id"),
            ("startedAt", "begin"),
            ("input", "messages.0.text"),
            ("status", "success"),
            ("spans", "steps"),
            ("span.id", "n"),
            ("span.kind", "type"),
            ("span.tool.name", "fn.name"),
            ("span.tool.arguments", "fn.args"),
        ]))
        .expect("fields");
        let body = json!({"data": {"app": "triage", "runs": [{
            "run/id": 7, "name": "nightly", "begin": 1_772_366_400_250_u64, "success": false,
            "messages": [{"text": "close stale issues"}],
            "steps": [{"n": 1, "type": "function", "name": "close",
                       "fn": {"name": "close_issue", "args": {"number": 4}}}],
        }]}});
        let batch = mapping.batch(body).to_string();
        let decoded = crate::file::decode(batch.as_bytes());
        assert_eq!(decoded.diagnostics, []);
        assert_eq!(decoded.traces[0].project.as_deref(), Some("triage"));
        let trace = &decoded.traces[0].trace;
        assert_eq!((trace.id.as_str(), trace.name.as_str()), ("7", "nightly"));
        assert_eq!(trace.status, Status::Error);
        assert_eq!(
            trace.started_at.map(|at| at.to_string()).as_deref(),
            Some("2026-03-01T12:00:00.25Z")
        );
        assert_eq!(trace.input, Some(json!("close stale issues")));
        let span = &trace.spans[0];
        assert_eq!((span.id.as_str(), span.kind), ("1", SpanKind::Tool));
        let tool = span.tool.as_ref().expect("a tool");
        assert_eq!(tool.name, "close_issue");
        assert_eq!(tool.arguments, Some(json!({"number": 4})));
    }

    #[test]
    fn times_are_read_by_their_size() {
        for (given, expected) in [
            (json!(1_772_366_400), "2026-03-01T12:00:00Z"),
            (json!(1_772_366_400.5), "2026-03-01T12:00:00.5Z"),
            (json!("1772366400000"), "2026-03-01T12:00:00Z"),
            (
                json!(1_772_366_400_000_001_i64),
                "2026-03-01T12:00:00.000001Z",
            ),
            (
                json!(1_772_366_400_000_000_001_i64),
                "2026-03-01T12:00:00.000000001Z",
            ),
            (json!("2026-03-01T12:00:00Z"), "2026-03-01T12:00:00Z"),
        ] {
            assert_eq!(time(given.clone()), json!(expected), "{given}");
        }
    }

    #[test]
    fn a_field_that_is_none_is_named_with_the_nearest() {
        let wrong = Mapping::of(&options(&[("span.tool.nam", "x")])).expect_err("wrong");
        assert!(wrong[0].contains("`span.tool.name`"), "{wrong:?}");
    }
}
