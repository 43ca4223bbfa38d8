//! Vercel AI SDK up to release 6: `experimental_telemetry`.

use archal_core::trace::{Message, SpanKind, Usage};
use serde_json::Value;

use super::plain::tags;
use super::{Dialect, Heading, Said, messages_in, object};
use crate::otlp::attributes::Taking;
use crate::otlp::messages;

pub(super) const DIALECT: Dialect = Dialect {
    name: "ai-sdk",
    fits: |taking, heading| {
        taking.has("ai.operationId") || (heading.scope == "ai" && taking.has_prefix("ai."))
    },
    read,
};

fn read(taking: &mut Taking, heading: &mut Heading<'_>) -> Said {
    let operation = taking
        .text(&["ai.operationId"])
        .unwrap_or_else(|| heading.name.to_owned());
    let kind = kind_of(&operation);
    // Named after the function and not after the service, whatever the attribute says.
    taking.text(&["resource.name"]);
    taking.text(&["operation.name"]);
    let metadata = |name: &str| format!("ai.telemetry.metadata.{name}");
    let said = Said {
        kind: Some(kind),
        session: taking.text(&[&metadata("sessionId"), &metadata("session_id")]),
        user: taking.text(&[&metadata("userId"), &metadata("user_id")]),
        tags: tags(taking, &[&metadata("tags")]),
        ..Said::default()
    };
    match kind {
        SpanKind::Tool => Said {
            tool: taking.text(&["ai.toolCall.name"]),
            call_id: taking.text(&["ai.toolCall.id"]),
            input: taking.json(&["ai.toolCall.args", "ai.toolCall.input"], "tool.arguments"),
            output: taking.json(&["ai.toolCall.result", "ai.toolCall.output"], "tool.result"),
            ..said
        },
        SpanKind::Other => said,
        _ => {
            let asked = asked(taking);
            let answered = answered(taking);
            // The whole call repeats the last step's tokens, in some releases their sum.
            let usage = usage(taking);
            Said {
                asked,
                answered,
                model: taking.text(&["ai.response.model", "ai.model.id"]),
                usage,
                ..said
            }
        }
    }
}

fn kind_of(operation: &str) -> SpanKind {
    match operation.strip_prefix("ai.").unwrap_or(operation) {
        "toolCall" => SpanKind::Tool,
        operation if operation.contains(".do") => SpanKind::Llm,
        "generateText" | "streamText" | "generateObject" | "streamObject" | "agent" => {
            SpanKind::Agent
        }
        _ => SpanKind::Other,
    }
}

fn asked(taking: &mut Taking) -> Vec<Message> {
    let messages = messages_in(taking, "ai.prompt.messages", "user");
    if !messages.is_empty() {
        return messages;
    }
    let prompt = taking.json(&["ai.prompt"], "llm.messages");
    let mut asked = Vec::new();
    match prompt {
        Some(Value::Object(map)) => {
            for (name, role) in [
                ("system", "system"),
                ("prompt", "user"),
                ("messages", "user"),
            ] {
                let said = map
                    .get(name)
                    .map(|value| messages::read(value, role).messages);
                asked.extend(said.unwrap_or_default());
            }
        }
        Some(other) => asked.extend(messages::read(&other, "user").messages),
        None => {}
    }
    asked
}

/// The answer's text, object and calls are attributes of their own; here they are one message.
fn answered(taking: &mut Taking) -> Vec<Message> {
    let text = taking
        .text(&["ai.response.text", "ai.result.text"])
        .map(Value::String);
    let object_said = taking
        .value(&["ai.response.object", "ai.result.object"])
        .map(|value| match value {
            Value::String(text) => Value::String(text),
            other => Value::String(other.to_string()),
        });
    let calls = taking.json(
        &["ai.response.toolCalls", "ai.result.toolCalls"],
        "llm.messages",
    );
    let calls = calls.filter(Value::is_array);
    let content = text.or(object_said);
    if content.is_none() && calls.is_none() {
        return Vec::new();
    }
    let message = object([("content", content), ("tool_calls", calls)]);
    messages::read(&message, "assistant").messages
}

fn usage(taking: &mut Taking) -> Usage {
    Usage {
        input_tokens: taking.count(&["ai.usage.inputTokens", "ai.usage.promptTokens"]),
        output_tokens: taking.count(&["ai.usage.outputTokens", "ai.usage.completionTokens"]),
        cached_tokens: taking.count(&[
            "ai.usage.cachedInputTokens",
            "ai.usage.inputTokenDetails.cacheReadTokens",
        ]),
        cost_usd: None,
    }
}
