//! What attributes mean, by who wrote them.
//!
//! Each dialect is one file with a plain function from attributes to what they say, and a line in
//! [`DIALECTS`]. A span may speak several (an SDK's own names beside OpenTelemetry's): they are asked
//! in the order of that table, and what one has said the next ones do not say again. The first that
//! fits names the span.
//!
//! - `columns`: columns of tables, by archal's own names.
//! - `ai_sdk`: Vercel AI SDK up to 6. Release 7 with `@ai-sdk/otel` speaks `gen_ai`.
//! - `braintrust`: Braintrust's exporters, and its rows.
//! - `langfuse`: Langfuse's SDKs since release 3, and its rows.
//! - `langsmith`: LangSmith's OpenTelemetry exporter.
//! - `pydantic_ai`: Pydantic AI, which Logfire switches on.
//! - `openllmetry`: OpenLLMetry and the Traceloop SDK.
//! - `openinference`: OpenInference (Phoenix, Arize).
//! - `gen_ai`, `gen_ai_events`: OpenTelemetry's GenAI conventions, new names and old ones.
//! - `plain`: names without a convention, archal's own among them.

mod ai_sdk;
mod braintrust;
pub(crate) mod columns;
mod gen_ai;
mod gen_ai_events;
mod langfuse;
mod langsmith;
mod openinference;
mod openllmetry;
mod plain;
mod pydantic_ai;

use archal_core::trace::{Message, Part, Score, SpanKind, Usage};
use serde_json::{Map, Value};

use super::attributes::Taking;
use super::messages;
use super::model::OtlpEvent;

/// One way to name what a span was.
pub(super) struct Dialect {
    /// What reports call it.
    pub(super) name: &'static str,
    /// Whether a span speaks it.
    pub(super) fits: fn(&Taking, &Heading<'_>) -> bool,
    /// Takes what it understands.
    pub(super) read: fn(&mut Taking, &mut Heading<'_>) -> Said,
}

/// The dialects in the order in which they are asked.
pub(super) const DIALECTS: &[Dialect] = &[
    columns::DIALECT,
    langfuse::DIALECT,
    braintrust::DIALECT,
    ai_sdk::DIALECT,
    langsmith::DIALECT,
    pydantic_ai::DIALECT,
    openllmetry::DIALECT,
    openinference::DIALECT,
    gen_ai::DIALECT,
    plain::DIALECT,
];

/// What a span says beside its attributes.
pub(super) struct Heading<'a> {
    /// The span's name.
    pub(super) name: &'a str,
    /// The instrumentation that made it.
    pub(super) scope: &'a str,
    /// Its events; a dialect takes those that are its own.
    pub(super) events: Vec<OtlpEvent>,
}

/// What a span says, as far as one dialect understands it.
#[derive(Debug, Default)]
pub(super) struct Said {
    /// What kind of step it is.
    pub(super) kind: Option<SpanKind>,
    /// What kind it is where it is no HTTP call.
    pub(super) likely: Option<SpanKind>,
    /// Messages to a model or an agent.
    pub(super) asked: Vec<Message>,
    /// Its messages.
    pub(super) answered: Vec<Message>,
    /// What came in; a tool's arguments.
    pub(super) input: Option<Value>,
    /// What came out; a tool's result.
    pub(super) output: Option<Value>,
    /// The tool's name.
    pub(super) tool: Option<String>,
    /// The id of the tool's call.
    pub(super) call_id: Option<String>,
    /// The model that answered, else the one that was asked.
    pub(super) model: Option<String>,
    /// Tokens and cost.
    pub(super) usage: Usage,
    pub(super) session: Option<String>,
    pub(super) user: Option<String>,
    pub(super) tags: Vec<String>,
    pub(super) scores: Vec<Score>,
}

impl Said {
    /// Fills what is not said yet.
    pub(super) fn fill(&mut self, other: Self) {
        self.kind = self.kind.or(other.kind);
        self.likely = self.likely.or(other.likely);
        if self.asked.is_empty() {
            self.asked = other.asked;
        }
        if self.answered.is_empty() {
            self.answered = other.answered;
        }
        fill(&mut self.input, other.input);
        fill(&mut self.output, other.output);
        fill(&mut self.tool, other.tool);
        fill(&mut self.call_id, other.call_id);
        fill(&mut self.model, other.model);
        fill(&mut self.usage.input_tokens, other.usage.input_tokens);
        fill(&mut self.usage.output_tokens, other.usage.output_tokens);
        fill(&mut self.usage.cached_tokens, other.usage.cached_tokens);
        fill(&mut self.usage.cost_usd, other.usage.cost_usd);
        fill(&mut self.session, other.session);
        fill(&mut self.user, other.user);
        if self.tags.is_empty() {
            self.tags = other.tags;
        }
        self.scores.extend(other.scores);
    }
}

fn fill<T>(slot: &mut Option<T>, other: Option<T>) {
    if slot.is_none() {
        *slot = other;
    }
}

/// Where cut text of a span's input is noted, by what the input is.
fn places(kind: Option<SpanKind>) -> (&'static str, &'static str) {
    match kind {
        Some(SpanKind::Tool) => ("tool.arguments", "tool.result"),
        Some(SpanKind::Llm) => ("llm.messages", "llm.messages"),
        _ => ("input", "output"),
    }
}

/// Arguments as a decorator of Python functions writes them, as the caller meant them:
/// `{"args": [], "kwargs": {…}}` is the named ones, and one argument without a name is itself.
fn unwrapped_arguments(value: Value) -> Value {
    let Value::Object(map) = &value else {
        return value;
    };
    let (Some(Value::Array(args)), Some(Value::Object(kwargs)), 2) =
        (map.get("args"), map.get("kwargs"), map.len())
    else {
        return value;
    };
    match (args.as_slice(), kwargs.is_empty()) {
        ([], _) => Value::Object(kwargs.clone()),
        ([only], true) => only.clone(),
        _ => value,
    }
}

/// The value of the only field of an object that has this name; anything else as it is.
fn unwrapped(value: Value, name: &str) -> Value {
    match value {
        Value::Object(mut map) if map.len() == 1 && map.contains_key(name) => {
            map.remove(name).unwrap_or_default()
        }
        other => other,
    }
}

/// What was said in a call of a model, of a value that may be something else, too: one that is no
/// conversation stays in its slot, and one of which something has no place in a message stays under its
/// name beside the messages.
fn spoken(taking: &mut Taking, name: &str, slot: &mut Option<Value>, role: &str) -> Vec<Message> {
    let Some(value) = slot.take() else {
        return Vec::new();
    };
    match conversation(&value, role) {
        Some((said, is_whole)) => {
            if !is_whole {
                taking.put(name, value);
            }
            said
        }
        None => {
            *slot = Some(value);
            Vec::new()
        }
    }
}

/// The messages of a value, and whether nothing of it was left out; none where it is no conversation.
fn conversation(value: &Value, role: &str) -> Option<(Vec<Message>, bool)> {
    let list = match value {
        Value::Object(map) => ["messages", "choices", "contents", "input"]
            .iter()
            .find_map(|name| map.get(*name).filter(|list| list.is_array())),
        _ => None,
    };
    let mut read = messages::read(list.unwrap_or(value), role);
    let system = value.get("system").and_then(Value::as_str);
    if let Some(system) = system.filter(|_| list.is_some()) {
        let text = system.to_owned();
        let system = Message {
            role: "system".to_owned(),
            parts: vec![Part::Text { text }],
        };
        read.messages.insert(0, system);
    }
    // An object that is no message reads as one that says nothing.
    let says = read.messages.iter().any(|said| !said.parts.is_empty());
    says.then_some((read.messages, read.whole))
}

/// Messages said in one attribute; it stays when something in it has no place in a message.
fn messages_in(taking: &mut Taking, name: &str, role: &str) -> Vec<Message> {
    let Some(raw) = taking.value(&[name]) else {
        return Vec::new();
    };
    let Some(value) = taking.parsed(raw.clone(), "llm.messages") else {
        return Vec::new();
    };
    let read = messages::read(&value, role);
    if !read.whole {
        taking.put(name, raw);
    }
    read.messages
}

/// JSON in a string parsed, anything else as it is.
fn json_of(value: &Value) -> Value {
    match value {
        Value::String(text) if text.trim_start().starts_with(['{', '[']) => {
            crate::raw::value(text).unwrap_or_else(|_| value.clone())
        }
        other => other.clone(),
    }
}

/// An object of fields that are there.
fn object<const N: usize>(fields: [(&str, Option<Value>); N]) -> Value {
    let map: Map<String, Value> = fields
        .into_iter()
        .filter_map(|(name, value)| Some((name.to_owned(), value?)))
        .collect();
    Value::Object(map)
}
