//! OpenTelemetry's GenAI semantic conventions, new names and old ones.
//!
//! The conventions have no pinned release, so all are read: content as attributes (1.37 and later,
//! as JSON strings or structured), as events, and indexed `gen_ai.prompt.N.…`, which the conventions
//! never had but many writers do.

use archal_core::trace::{Message, SpanKind, Usage};
use serde_json::{Map, Value};

use super::gen_ai_events::{self, Told};
use super::{Dialect, Heading, Said, json_of, messages_in};
use crate::otlp::attributes::Taking;
use crate::otlp::messages;

pub(super) const DIALECT: Dialect = Dialect {
    name: "otel-genai",
    fits: |taking, heading| {
        taking.has_prefix("gen_ai.")
            || heading
                .events
                .iter()
                .any(|event| event.name.starts_with("gen_ai."))
    },
    read,
};

fn read(taking: &mut Taking, heading: &mut Heading<'_>) -> Said {
    let mut told = gen_ai_events::take(&mut heading.events, taking);
    let operation = taking.text(&["gen_ai.operation.name"]);
    let (kind, likely) = kind_of(operation.as_deref(), taking);
    let (asked, answered) = conversation(taking, &mut told);
    let is_tool = kind == Some(SpanKind::Tool);
    let (input, output) = if is_tool {
        tool_values(taking, told.tool_result)
    } else {
        (None, None)
    };
    let named = taking.peek_text(&["gen_ai.response.model", "gen_ai.request.model"]);
    let model_call = kind.or(likely) == Some(SpanKind::Llm);
    if model_call {
        taking.text(&["gen_ai.request.model"]);
        taking.text(&["gen_ai.response.model"]);
    }
    Said {
        kind,
        likely,
        asked,
        answered,
        input,
        output,
        tool: taking.text(&["gen_ai.tool.name"]).filter(|_| is_tool),
        call_id: taking.text(&["gen_ai.tool.call.id"]).filter(|_| is_tool),
        model: named,
        usage: if model_call {
            usage(taking)
        } else {
            Usage::default()
        },
        session: taking.text(&["gen_ai.conversation.id"]),
        scores: told.scores,
        ..Said::default()
    }
}

fn kind_of(operation: Option<&str>, taking: &Taking) -> (Option<SpanKind>, Option<SpanKind>) {
    let kind = match operation {
        Some("chat" | "text_completion" | "generate_content" | "embeddings" | "completion") => {
            Some(SpanKind::Llm)
        }
        Some("execute_tool") => Some(SpanKind::Tool),
        Some("retrieval") => Some(SpanKind::Retrieval),
        Some("create_agent" | "invoke_agent" | "invoke_workflow" | "plan") => Some(SpanKind::Agent),
        Some(other) if other.ends_with("_memory") => Some(SpanKind::Retrieval),
        // A step of an agent, as `@ai-sdk/otel` has them: neither the agent nor its model.
        Some("agent_step") => Some(SpanKind::Other),
        _ if taking.has("gen_ai.tool.name") => Some(SpanKind::Tool),
        _ => None,
    };
    let likely = if taking.has("gen_ai.agent.name") {
        Some(SpanKind::Agent)
    } else if taking.has("gen_ai.request.model") || taking.has("gen_ai.response.model") {
        Some(SpanKind::Llm)
    } else {
        None
    };
    (kind, likely)
}

fn tool_values(taking: &mut Taking, told: Option<Value>) -> (Option<Value>, Option<Value>) {
    let arguments = taking.json(
        &[
            "gen_ai.tool.call.arguments",
            "gen_ai.tool.arguments",
            "gen_ai.tool.input",
        ],
        "tool.arguments",
    );
    let result = taking.json(
        &[
            "gen_ai.tool.call.result",
            "gen_ai.tool.result",
            "gen_ai.tool.output",
        ],
        "tool.result",
    );
    (arguments, result.or(told))
}

fn usage(taking: &mut Taking) -> Usage {
    Usage {
        input_tokens: taking.count(&["gen_ai.usage.input_tokens", "gen_ai.usage.prompt_tokens"]),
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
    }
}

fn conversation(taking: &mut Taking, told: &mut Told) -> (Vec<Message>, Vec<Message>) {
    let mut asked = Vec::new();
    for (name, role) in [
        ("gen_ai.system_instructions", "system"),
        ("gen_ai.input.messages", "user"),
        ("gen_ai.prompt", "user"),
    ] {
        asked.extend(messages_in(taking, name, role));
    }
    asked.extend(indexed(taking, "gen_ai.prompt", "user"));
    let mut answered = messages_in(taking, "gen_ai.output.messages", "assistant");
    answered.extend(messages_in(taking, "gen_ai.completion", "assistant"));
    answered.extend(indexed(taking, "gen_ai.completion", "assistant"));
    // Events repeat what attributes say where an SDK writes both.
    if asked.is_empty() {
        asked = std::mem::take(&mut told.asked);
    }
    if answered.is_empty() {
        answered = std::mem::take(&mut told.answered);
    }
    (asked, answered)
}

/// `gen_ai.prompt.0.content`, `gen_ai.completion.0.tool_calls.0.name` and their like.
pub(super) fn indexed(taking: &mut Taking, prefix: &str, role: &str) -> Vec<Message> {
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
