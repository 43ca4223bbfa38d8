//! OpenInference, the conventions of Phoenix and Arize: lists are flattened into numbered attributes.

use archal_core::trace::{Message, SpanKind, Usage};
use serde_json::{Map, Value, json};

use super::plain::tags;
use super::{Dialect, Heading, Said, places, unwrapped_arguments};
use crate::otlp::attributes::Taking;
use crate::otlp::messages;
use crate::otlp::model::Attributes;

pub(super) const DIALECT: Dialect = Dialect {
    name: "openinference",
    fits: |taking, heading| {
        taking.has("openinference.span.kind")
            || heading.scope.starts_with("openinference.")
            || taking.has_prefix("llm.input_messages.")
    },
    read,
};

fn read(taking: &mut Taking, _: &mut Heading<'_>) -> Said {
    let kind = taking.text(&["openinference.span.kind"]).map(kind_of);
    let asked = indexed(taking, "llm.input_messages", "user");
    let answered = indexed(taking, "llm.output_messages", "assistant");
    let (at_input, at_output) = places(kind);
    let mut input = taking.json(&["input.value"], at_input);
    let mut output = taking.json(&["output.value"], at_output);
    taking.text(&["input.mime_type"]);
    taking.text(&["output.mime_type"]);
    if kind == Some(SpanKind::Llm) {
        // The raw request and response, which the messages say again.
        input = input.filter(|_| asked.is_empty());
        output = output.filter(|_| answered.is_empty());
    }
    let is_tool = kind == Some(SpanKind::Tool);
    if is_tool {
        // Older writers put the arguments where newer ones put the tool's schema.
        input = input
            .or_else(|| taking.json(&["tool.parameters"], at_input))
            .map(unwrapped_arguments);
    }
    Said {
        kind,
        asked,
        answered,
        input,
        output,
        tool: taking.text(&["tool.name"]).filter(|_| is_tool),
        call_id: taking
            .text(&["tool.id", "tool_call.id"])
            .filter(|_| is_tool),
        model: taking.text(&["llm.model_name", "embedding.model_name"]),
        usage: Usage {
            input_tokens: taking.count(&["llm.token_count.prompt"]),
            output_tokens: taking.count(&["llm.token_count.completion"]),
            cached_tokens: taking.count(&["llm.token_count.prompt_details.cache_read"]),
            cost_usd: taking
                .value(&["llm.cost.total"])
                .and_then(|cost| cost.as_f64()),
        },
        session: taking.text(&["session.id"]),
        user: taking.text(&["user.id"]),
        tags: tags(taking, &["tag.tags"]),
        ..Said::default()
    }
}

fn kind_of(name: String) -> SpanKind {
    match name.to_ascii_uppercase().as_str() {
        "LLM" | "EMBEDDING" => SpanKind::Llm,
        "TOOL" => SpanKind::Tool,
        "AGENT" => SpanKind::Agent,
        "RETRIEVER" | "RERANKER" => SpanKind::Retrieval,
        // Chains, prompts, guardrails, and evaluators: what a judge says is not the agent's word.
        _ => SpanKind::Other,
    }
}

/// `llm.input_messages.0.message.content` and its like.
fn indexed(taking: &mut Taking, prefix: &str, role: &str) -> Vec<Message> {
    let slots = taking.indexed(prefix, "llm.messages");
    let mut said = Vec::new();
    for fields in slots.into_values() {
        let fields = without_prefix(fields, "message.");
        let mut inner = Taking::new(fields);
        let calls = numbered(&mut inner, "tool_calls", "tool_call.");
        let contents = numbered(&mut inner, "contents", "message_content.");
        let (fields, cut) = inner.rest();
        taking.truncated.extend(cut);
        let mut message: Map<String, Value> = fields.into_iter().collect();
        if !calls.is_empty() {
            let calls = calls.into_iter().map(call).collect();
            message.insert("tool_calls".to_owned(), Value::Array(calls));
        }
        if !contents.is_empty() {
            let contents = contents.into_iter().map(content).collect();
            message.insert("content".to_owned(), Value::Array(contents));
        }
        said.extend(messages::read(&Value::Object(message), role).messages);
    }
    said
}

/// Fields of numbered things one level deeper.
fn numbered(taking: &mut Taking, name: &str, prefix: &str) -> Vec<Attributes> {
    taking
        .indexed(name, "llm.messages")
        .into_values()
        .map(|fields| without_prefix(fields, prefix))
        .collect()
}

fn without_prefix(fields: Attributes, prefix: &str) -> Attributes {
    fields
        .into_iter()
        .map(|(name, value)| match name.strip_prefix(prefix) {
            Some(rest) => (rest.to_owned(), value),
            None => (name, value),
        })
        .collect()
}

fn call(mut fields: Attributes) -> Value {
    let mut field = |name: &str| fields.remove(name).unwrap_or_default();
    json!({
        "id": field("id"),
        "name": field("function.name"),
        "arguments": field("function.arguments"),
    })
}

fn content(fields: Attributes) -> Value {
    let mut map: Map<String, Value> = Map::new();
    for (name, value) in fields {
        // `message_content.image.image.url`.
        let name = if name.ends_with("url") { "url" } else { &name };
        map.insert(name.to_owned(), value);
    }
    Value::Object(map)
}
