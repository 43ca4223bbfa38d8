//! From a span as read to a span of a trace: the dialects are asked in their order, and what they
//! say is put where a trace has it.

use archal_core::trace::{LlmCall, Message, Score, Span, SpanKind, Status, ToolCall};
use serde_json::{Value, json};

use super::attributes::{Taking, text_of};
use super::dialects::{DIALECTS, Heading, Said};
use super::model::{OtlpEvent, OtlpSpan};
use super::tools::says_error;
use super::{http, messages};

/// A span as the trace has it, and what it says of the whole trace.
#[derive(Debug, Default)]
pub(super) struct Adapted {
    pub(super) span: Span,
    pub(super) facts: Facts,
    /// Places of the span whose text was cut.
    pub(super) truncated: Vec<String>,
    pub(super) dropped: u64,
    /// What the span spoke; none where nothing in it was understood.
    pub(super) dialect: Option<&'static str>,
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
    /// How many of the last messages of a model's call it answered.
    pub(super) answers: usize,
}

pub(super) fn adapt(from: OtlpSpan) -> Adapted {
    let mut taking = Taking::new(from.attributes);
    let exchange = http::exchange(&mut taking, from.side);
    let mut heading = Heading {
        name: &from.name,
        scope: &from.scope,
        events: from.events,
    };
    let mut said = Said::default();
    let mut dialect = exchange.as_ref().map(|_| "http");
    for one in DIALECTS {
        if (one.fits)(&taking, &heading) {
            dialect = dialect.or(Some(one.name));
            said.fill((one.read)(&mut taking, &mut heading));
        }
    }
    let kind = kind_of(&said, exchange.is_some());
    let others = heading.events;
    let (exception, others) = exceptions(others);
    let mut facts = Facts {
        input: first_question(&said),
        output: last_answer(&said),
        model: said.model.clone(),
        session: said.session.take(),
        user: said.user.take(),
        environment: taking.text(&[
            "deployment.environment.name",
            "deployment.environment",
            "langfuse.environment",
        ]),
        release: taking.text(&["service.version", "langfuse.release"]),
        tags: std::mem::take(&mut said.tags),
        scores: std::mem::take(&mut said.scores),
        answers: said.answered.len(),
    };
    let failed = from.status == Status::Error;
    let tool = (kind == SpanKind::Tool).then(|| tool(&mut said, &from.name));
    let llm = (kind == SpanKind::Llm).then(|| llm(&mut said));
    if kind == SpanKind::Tool {
        // What a tool was asked is no question to the agent.
        facts.input = None;
        facts.output = None;
    } else {
        // An agent's own messages are its input and output; only a call of a model has turns.
        said.input = said.input.or_else(|| as_value(&said.asked));
        said.output = said.output.or_else(|| as_value(&said.answered));
    }
    let error_type = taking.peek_text(&["error.type", "exception.type"]);
    let error = from.status_message.or(exception);
    let error = error.or_else(|| failed.then_some(error_type).flatten());
    if !others.is_empty() {
        taking.put("otel.events", Value::Array(others));
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
            error: error.map(without_stack),
            input: said.input,
            output: said.output,
            tool,
            http: exchange,
            llm,
            attributes,
        },
        facts,
        truncated,
        dropped: from.dropped,
        dialect,
    }
}

fn kind_of(said: &Said, is_http: bool) -> SpanKind {
    let firm = said.kind.filter(|kind| *kind != SpanKind::Other);
    match firm {
        Some(kind) => kind,
        None if is_http => SpanKind::Http,
        None => said.kind.or(said.likely).unwrap_or(SpanKind::Other),
    }
}

/// The first exception as text, and the events to keep.
fn exceptions(events: Vec<OtlpEvent>) -> (Option<String>, Vec<Value>) {
    let mut first = None;
    let mut others = Vec::new();
    for event in events {
        let text = |name: &str| event.attributes.get(name).and_then(text_of);
        if event.name == "exception" {
            let told = match (text("exception.type"), text("exception.message")) {
                (Some(kind), Some(message)) => Some(format!("{kind}: {message}")),
                (kind, message) => message.or(kind),
            };
            first = first.or(told);
            // The stack stays with the span: it tells where in the agent it broke.
            if !event.attributes.contains_key("exception.stacktrace") {
                continue;
            }
        }
        let kept = json!({"name": event.name, "at": event.at, "attributes": event.attributes});
        others.push(kept);
    }
    (first, others)
}

/// An error without the stack that some SDKs write behind it.
fn without_stack(mut error: String) -> String {
    if let Some(at) = error.find("\n\nTraceback (most recent call last)") {
        error.truncate(at);
    }
    error
}

/// What the user asked: the first words of a user, else what came in.
fn first_question(said: &Said) -> Option<Value> {
    let user = |messages: &[Message]| {
        let asked = messages.iter().find(|message| message.role == "user");
        asked.and_then(messages::text).map(Value::String)
    };
    user(&said.asked).or_else(|| {
        let input = said.input.as_ref()?;
        let list = input.get("messages").filter(|list| list.is_array());
        list.and_then(|list| user(&messages::read(list, "user").messages))
            .or_else(|| Some(only_text(input).clone()))
    })
}

/// What was answered: the last words that are no tool's, else what came out.
fn last_answer(said: &Said) -> Option<Value> {
    let messages = said.answered.iter().rev();
    messages
        .filter(|message| message.role != "tool")
        .find_map(messages::text)
        .map(Value::String)
        .or_else(|| said.output.as_ref().map(|output| only_text(output).clone()))
}

/// The text in an object that has nothing else: the one argument or result of a function.
fn only_text(value: &Value) -> &Value {
    match value {
        Value::Object(map) if map.len() == 1 => map
            .values()
            .next()
            .filter(|inner| inner.is_string())
            .unwrap_or(value),
        _ => value,
    }
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

fn tool(said: &mut Said, span_name: &str) -> ToolCall {
    let name = said
        .tool
        .take()
        .unwrap_or_else(|| span_name.trim_start_matches("execute_tool ").to_owned());
    let result = said.output.take();
    ToolCall {
        name,
        call_id: said.call_id.take(),
        arguments: said.input.take(),
        result_is_error: result.as_ref().is_some_and(says_error),
        result,
    }
}

fn llm(said: &mut Said) -> LlmCall {
    let mut messages = std::mem::take(&mut said.asked);
    messages.append(&mut said.answered);
    LlmCall {
        model: said.model.take(),
        messages,
        usage: std::mem::take(&mut said.usage),
    }
}
