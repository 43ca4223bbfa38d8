//! OpenTelemetry's GenAI semantic conventions, new names and old ones.
//!
//! The conventions have no pinned release, so both are read: content as attributes (1.37 and
//! later, as JSON strings or structured), content as events, and indexed `gen_ai.prompt.N.…`.

use archal_core::trace::{
    LlmCall, Message, Part, Score, ScoreOrigin, Span, SpanKind, Status, ToolCall, Usage,
};
use serde_json::{Map, Value, json};

use super::attributes::{Taking, text_of};
use super::model::{OtlpEvent, OtlpSpan};
use super::{http, messages};

/// A span as the trace has it, and what it says of the whole trace.
#[derive(Debug, Default)]
pub(super) struct Adapted {
    pub(super) span: Span,
    pub(super) facts: Facts,
    /// Places of the span whose text was cut.
    pub(super) truncated: Vec<String>,
    pub(super) dropped: u64,
}

/// What one span says of its whole trace.
#[derive(Debug, Default)]
pub(super) struct Facts {
    pub(super) input: Option<Value>,
    pub(super) output: Option<Value>,
    pub(super) model: Option<String>,
    pub(super) session: Option<String>,
    pub(super) user: Option<String>,
    pub(super) environment: Option<String>,
    pub(super) release: Option<String>,
    pub(super) tags: Vec<String>,
    pub(super) scores: Vec<Score>,
}

/// Messages of a span by where they were said.
#[derive(Default)]
struct Conversation {
    input: Vec<Message>,
    output: Vec<Message>,
}

pub(super) fn adapt(from: OtlpSpan) -> Adapted {
    let mut taking = Taking::new(from.attributes);
    let operation = taking.text(&["gen_ai.operation.name"]);
    let http = http::exchange(&mut taking, from.side);
    let kind = kind_of(operation.as_deref(), &taking, http.is_some());
    let mut events = sort_events(from.events, &mut taking);
    let conversation = conversation(&mut taking, &mut events);
    let tool = (kind == SpanKind::Tool).then(|| tool(&mut taking, &from.name, &events));
    let mut facts = Facts {
        scores: events.scores,
        session: taking.text(&["gen_ai.conversation.id", "session.id"]),
        user: taking.text(&["user.id", "enduser.id"]),
        environment: taking.text(&["deployment.environment.name", "deployment.environment"]),
        release: taking.text(&["service.version"]),
        tags: tags(&mut taking),
        ..Facts::default()
    };
    let (mut input, mut output) = (
        taking.json(&["input", "input.value", "archal.input"], "input"),
        taking.json(&["output", "output.value", "archal.output"], "output"),
    );
    facts.input = conversation
        .input
        .iter()
        .find(|message| message.role == "user")
        .and_then(messages::text)
        .map(Value::String)
        .or_else(|| input.clone());
    facts.output = conversation
        .output
        .iter()
        .rev()
        .filter(|message| message.role != "tool")
        .find_map(messages::text)
        .map(Value::String)
        .or_else(|| output.clone());
    let llm = if kind == SpanKind::Llm {
        let llm = llm(&mut taking, conversation);
        facts.model = llm.model.clone();
        Some(llm)
    } else {
        facts.model = taking.peek_text(&["gen_ai.response.model", "gen_ai.request.model"]);
        // An agent's own messages are its input and output; only a call of a model has turns,
        // and what a tool said stands in its call.
        if kind != SpanKind::Tool {
            input = input.or_else(|| as_value(&conversation.input));
            output = output.or_else(|| as_value(&conversation.output));
        }
        None
    };
    let error_type = taking.peek_text(&["error.type", "exception.type"]);
    let error = from.status_message.or(events.exception).or_else(|| {
        (from.status == Status::Error)
            .then_some(error_type)
            .flatten()
    });
    if !events.others.is_empty() {
        taking.put("otel.events", Value::Array(events.others));
    }
    let (attributes, truncated) = taking.rest();
    Adapted {
        span: Span {
            id: from.span_id,
            parent_id: from.parent_id,
            name: from.name,
            kind,
            started_at: from.start,
            ended_at: from.end,
            status: from.status,
            error,
            input,
            output,
            tool,
            http,
            llm,
            attributes,
        },
        facts,
        truncated,
        dropped: from.dropped,
    }
}

fn kind_of(operation: Option<&str>, taking: &Taking, is_http: bool) -> SpanKind {
    match operation {
        Some("chat" | "text_completion" | "generate_content" | "embeddings" | "completion") => {
            SpanKind::Llm
        }
        Some("execute_tool") => SpanKind::Tool,
        Some("retrieval") => SpanKind::Retrieval,
        Some("create_agent" | "invoke_agent" | "invoke_workflow" | "plan") => SpanKind::Agent,
        Some(other) if other.ends_with("_memory") => SpanKind::Retrieval,
        _ if taking.has("gen_ai.tool.name") => SpanKind::Tool,
        _ if is_http => SpanKind::Http,
        _ if taking.has("gen_ai.agent.name") => SpanKind::Agent,
        _ if taking.has("gen_ai.request.model") || taking.has("gen_ai.response.model") => {
            SpanKind::Llm
        }
        _ => SpanKind::Other,
    }
}

/// Events of a span by what they carry.
#[derive(Default)]
struct Events {
    exception: Option<String>,
    scores: Vec<Score>,
    input: Vec<Message>,
    output: Vec<Message>,
    /// The result in a `gen_ai.tool.message` on the tool's own span.
    tool_result: Option<Value>,
    others: Vec<Value>,
}

fn sort_events(events: Vec<OtlpEvent>, taking: &mut Taking) -> Events {
    let mut sorted = Events::default();
    for event in events {
        let attribute = |name: &str| event.attributes.get(name);
        match event.name.as_str() {
            "exception" => {
                let kind = attribute("exception.type").and_then(text_of);
                let message = attribute("exception.message").and_then(text_of);
                let text = match (kind, message) {
                    (Some(kind), Some(message)) => Some(format!("{kind}: {message}")),
                    (kind, message) => message.or(kind),
                };
                sorted.exception = sorted.exception.or(text);
                // The stack stays with the span: it tells where in the agent it broke.
                if attribute("exception.stacktrace").is_some() {
                    sorted.others.push(as_event(&event));
                }
            }
            "gen_ai.evaluation.result" => sorted.scores.extend(score(&event)),
            "gen_ai.client.inference.operation.details" => {
                // The same attributes as on the span, structured; the span's own win.
                for (name, value) in event.attributes {
                    if !taking.has(&name) {
                        taking.put(&name, value);
                    }
                }
            }
            "gen_ai.system.message" => sorted.input.extend(said(&event, "system")),
            "gen_ai.user.message" => sorted.input.extend(said(&event, "user")),
            "gen_ai.assistant.message" => sorted.input.extend(said(&event, "assistant")),
            "gen_ai.tool.message" => {
                let message = said(&event, "tool");
                sorted.tool_result = sorted.tool_result.or_else(|| {
                    message
                        .iter()
                        .flat_map(|message| &message.parts)
                        .find_map(|part| match part {
                            Part::ToolResult { result, .. } => result.clone(),
                            _ => None,
                        })
                });
                sorted.input.extend(message);
            }
            "gen_ai.choice" => sorted.output.extend(said(&event, "assistant")),
            "gen_ai.content.prompt" => {
                let prompt = attribute("gen_ai.prompt").cloned();
                let prompt = prompt.and_then(|prompt| taking.parsed(prompt, "llm.messages"));
                sorted.input.extend(
                    prompt
                        .iter()
                        .flat_map(|value| messages::read(value, "user").messages),
                );
            }
            "gen_ai.content.completion" => {
                let answer = attribute("gen_ai.completion").cloned();
                let answer = answer.and_then(|answer| taking.parsed(answer, "llm.messages"));
                sorted.output.extend(
                    answer
                        .iter()
                        .flat_map(|value| messages::read(value, "assistant").messages),
                );
            }
            _ => sorted.others.push(as_event(&event)),
        }
    }
    sorted
}

/// A message event of 1.36 and before: its body stands in its attributes, whole or in parts.
fn said(event: &OtlpEvent, role: &str) -> Vec<Message> {
    let body = ["gen_ai.event.content", "body", "event.body"]
        .iter()
        .find_map(|name| event.attributes.get(*name))
        .map(json_of);
    let mut map: Map<String, Value> = match body {
        Some(Value::Object(map)) => map,
        Some(other) => Map::from_iter([("content".to_owned(), other)]),
        None => event
            .attributes
            .iter()
            .map(|(name, value)| (name.clone(), json_of(value)))
            .collect(),
    };
    let said_anything = ["content", "parts", "tool_calls", "message"]
        .iter()
        .any(|field| map.get(*field).is_some_and(|value| !value.is_null()));
    if !said_anything {
        return Vec::new();
    }
    map.entry("role").or_insert_with(|| Value::from(role));
    messages::read(&Value::Object(map), role).messages
}

fn json_of(value: &Value) -> Value {
    match value {
        Value::String(text) if text.trim_start().starts_with(['{', '[']) => {
            serde_json::from_str(text).unwrap_or_else(|_| value.clone())
        }
        other => other.clone(),
    }
}

fn as_event(event: &OtlpEvent) -> Value {
    json!({"name": event.name, "at": event.at, "attributes": event.attributes})
}

fn score(event: &OtlpEvent) -> Option<Score> {
    let attribute = |name: &str| event.attributes.get(name);
    Some(Score {
        name: attribute("gen_ai.evaluation.name").and_then(text_of)?,
        value: attribute("gen_ai.evaluation.score.value")
            .or_else(|| attribute("gen_ai.evaluation.score.label"))
            .cloned()
            .unwrap_or_default(),
        origin: ScoreOrigin::Eval,
        comment: attribute("gen_ai.evaluation.explanation").and_then(text_of),
    })
}

fn conversation(taking: &mut Taking, events: &mut Events) -> Conversation {
    let mut input = Vec::new();
    for (name, role) in [
        ("gen_ai.system_instructions", "system"),
        ("gen_ai.input.messages", "user"),
        ("gen_ai.prompt", "user"),
    ] {
        input.extend(messages_in(taking, name, role));
    }
    input.extend(indexed(taking, "gen_ai.prompt", "user"));
    let mut output = messages_in(taking, "gen_ai.output.messages", "assistant");
    output.extend(messages_in(taking, "gen_ai.completion", "assistant"));
    output.extend(indexed(taking, "gen_ai.completion", "assistant"));
    // Events repeat what attributes say where an SDK writes both.
    if input.is_empty() {
        input = std::mem::take(&mut events.input);
    }
    if output.is_empty() {
        output = std::mem::take(&mut events.output);
    }
    Conversation { input, output }
}

/// Messages in one attribute; it stays when something in it has no place in a message.
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

/// `gen_ai.prompt.0.content`, `gen_ai.completion.0.tool_calls.0.name` and their like.
fn indexed(taking: &mut Taking, prefix: &str, role: &str) -> Vec<Message> {
    taking
        .indexed(prefix, "llm.messages")
        .into_values()
        .flat_map(|fields| {
            let mut inner = Taking::new(fields);
            let calls: Vec<Value> = inner
                .indexed("tool_calls", "llm.messages")
                .into_values()
                .map(|call| Value::Object(call.into_iter().collect()))
                .collect();
            let (fields, cut) = inner.rest();
            taking.truncated.extend(cut);
            let mut message: Map<String, Value> = fields
                .into_iter()
                .map(|(name, value)| (name, json_of(&value)))
                .collect();
            if !calls.is_empty() {
                message.insert("tool_calls".to_owned(), Value::Array(calls));
            }
            messages::read(&Value::Object(message), role).messages
        })
        .collect()
}

/// A list of messages as a value of a span that is no call of a model.
fn as_value(messages: &[Message]) -> Option<Value> {
    match messages {
        [] => None,
        [only] if only.parts.len() == 1 && messages::text(only).is_some() => {
            messages::text(only).map(Value::String)
        }
        several => serde_json::to_value(several).ok(),
    }
}

fn tool(taking: &mut Taking, span_name: &str, events: &Events) -> ToolCall {
    let name = taking
        .text(&["gen_ai.tool.name"])
        .unwrap_or_else(|| span_name.trim_start_matches("execute_tool ").to_owned());
    let arguments = taking.json(
        &[
            "gen_ai.tool.call.arguments",
            "gen_ai.tool.arguments",
            "gen_ai.tool.input",
        ],
        "tool.arguments",
    );
    let result = taking
        .json(
            &[
                "gen_ai.tool.call.result",
                "gen_ai.tool.result",
                "gen_ai.tool.output",
            ],
            "tool.result",
        )
        .or_else(|| events.tool_result.clone());
    ToolCall {
        name,
        call_id: taking.text(&["gen_ai.tool.call.id"]),
        arguments,
        result_is_error: result.as_ref().is_some_and(says_error),
        result,
    }
}

/// Whether a tool's answer says of itself that it is an error: MCP's flag, an `error` with
/// something in it, or a text that begins like one. Not whether the call failed.
pub(crate) fn says_error(result: &Value) -> bool {
    let says = |value: &Value| match value {
        Value::Null | Value::Bool(false) => false,
        Value::String(text) => !text.is_empty(),
        Value::Array(items) => !items.is_empty(),
        Value::Object(map) => !map.is_empty(),
        _ => true,
    };
    match result {
        Value::Object(map) => {
            ["isError", "is_error"]
                .iter()
                .any(|name| map.get(*name) == Some(&Value::Bool(true)))
                || ["error", "errors"]
                    .iter()
                    .any(|name| map.get(*name).is_some_and(says))
                || ["ok", "success"]
                    .iter()
                    .any(|name| map.get(*name) == Some(&Value::Bool(false)))
        }
        Value::String(text) => {
            let start: String = text.trim_start().chars().take(16).collect();
            let start = start.to_ascii_lowercase();
            start.starts_with("error:")
                || start.starts_with("error ")
                || start.starts_with("traceback (most")
        }
        _ => false,
    }
}

fn llm(taking: &mut Taking, conversation: Conversation) -> LlmCall {
    let requested = taking.text(&["gen_ai.request.model"]);
    let mut messages = conversation.input;
    messages.extend(conversation.output);
    LlmCall {
        model: taking.text(&["gen_ai.response.model"]).or(requested),
        messages,
        usage: Usage {
            input_tokens: taking
                .count(&["gen_ai.usage.input_tokens", "gen_ai.usage.prompt_tokens"]),
            output_tokens: taking.count(&[
                "gen_ai.usage.output_tokens",
                "gen_ai.usage.completion_tokens",
            ]),
            cached_tokens: taking.count(&[
                "gen_ai.usage.cache_read.input_tokens",
                "gen_ai.usage.cache_read_input_tokens",
            ]),
            cost_usd: taking
                .value(&["gen_ai.usage.cost", "gen_ai.usage.cost_usd"])
                .and_then(|cost| cost.as_f64()),
        },
    }
}

fn tags(taking: &mut Taking) -> Vec<String> {
    match taking.value(&["archal.tags", "trace.tags", "tags"]) {
        Some(Value::Array(tags)) => tags.iter().filter_map(text_of).collect(),
        Some(Value::String(tags)) => tags
            .split(',')
            .map(|tag| tag.trim().to_owned())
            .filter(|tag| !tag.is_empty())
            .collect(),
        _ => Vec::new(),
    }
}
