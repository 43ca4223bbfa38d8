//! LangSmith's OpenTelemetry exporter: a run's inputs and outputs, whole, as JSON in `gen_ai.prompt`
//! and `gen_ai.completion`.

use archal_core::trace::{Message, SpanKind};
use serde_json::Value;

use super::plain::tags;
use super::{Dialect, Heading, Said, places, unwrapped};
use crate::otlp::attributes::Taking;
use crate::otlp::messages;

pub(super) const DIALECT: Dialect = Dialect {
    name: "langsmith",
    fits: |taking, _| taking.has("langsmith.span.kind") || taking.has("langsmith.trace.name"),
    read,
};

fn read(taking: &mut Taking, heading: &mut Heading<'_>) -> Said {
    let run = taking.text(&["langsmith.span.kind"]).unwrap_or_default();
    let kind = match run.as_str() {
        "llm" | "embedding" => SpanKind::Llm,
        "tool" => SpanKind::Tool,
        "retriever" => SpanKind::Retrieval,
        _ => SpanKind::Other,
    };
    let (at_input, at_output) = places(Some(kind));
    let inputs = taking.json(&["gen_ai.prompt"], at_input);
    let outputs = taking.json(&["gen_ai.completion"], at_output);
    // It repeats the kind of run in words that are not all of the conventions.
    taking.text(&["gen_ai.operation.name"]);
    let metadata = |name: &str| format!("langsmith.metadata.{name}");
    let mut said = Said {
        kind: Some(kind),
        session: taking.text(&[
            &metadata("session_id"),
            &metadata("thread_id"),
            &metadata("conversation_id"),
        ]),
        user: taking.text(&[&metadata("user_id")]),
        tags: tags(taking, &["langsmith.span.tags"]),
        ..Said::default()
    };
    if kind == SpanKind::Llm {
        said.asked = conversation(inputs.as_ref(), "user");
        said.answered = conversation(outputs.as_ref(), "assistant");
        // What was not understood as messages stays whole.
        said.input = inputs.filter(|_| said.asked.is_empty());
        said.output = outputs.filter(|_| said.answered.is_empty());
        return said;
    }
    if kind == SpanKind::Tool {
        said.tool = Some(heading.name.to_owned());
        said.call_id = taking.text(&[&metadata("tool_call_id")]);
    }
    said.input = inputs.map(|value| parsed(unwrapped(value, "input")));
    said.output = outputs
        .map(|value| unwrapped(value, "output"))
        .filter(|value| !value.is_null());
    said
}

/// Messages in a run's inputs or outputs: those of a model's API, and those of LangChain, which
/// wraps them in lists of lists and in what it needs to make objects of them again.
fn conversation(value: Option<&Value>, role: &str) -> Vec<Message> {
    let Some(Value::Object(map)) = value else {
        return Vec::new();
    };
    let list = ["messages", "choices", "generations", "output"]
        .iter()
        .find_map(|name| map.get(*name));
    let Some(list) = list else {
        // The outputs of a wrapped client may be the message itself.
        return if map.contains_key("role") {
            messages::read(&Value::Object(map.clone()), role).messages
        } else {
            Vec::new()
        };
    };
    let mut said = Vec::new();
    let mut items: Vec<&Value> = vec![list];
    // Two levels of lists at most.
    for _ in 0..2 {
        items = items
            .into_iter()
            .flat_map(|item| match item {
                Value::Array(inner) => inner.iter().collect(),
                other => vec![other],
            })
            .collect();
    }
    for item in items {
        let message = item.get("message").unwrap_or(item);
        match message.get("kwargs") {
            Some(kwargs @ Value::Object(_)) => {
                let role = match kwargs.get("type").and_then(Value::as_str) {
                    Some("human") => "user",
                    Some("ai") => "assistant",
                    Some(other) => other,
                    None => role,
                };
                let mut kwargs = kwargs.clone();
                if let Value::Object(map) = &mut kwargs {
                    map.remove("type");
                }
                said.extend(messages::read(&kwargs, role).messages);
            }
            _ => said.extend(messages::read(message, role).messages),
        }
    }
    said
}

/// LangChain hands a tool its arguments as text.
fn parsed(value: Value) -> Value {
    super::json_of(&value)
}
