//! OpenLLMetry and the Traceloop SDK: decorated functions with what came in and out, and calls of
//! models with numbered messages, in newer releases with those of the GenAI conventions.

use archal_core::trace::SpanKind;
use serde_json::Value;

use super::gen_ai::indexed;
use super::{Dialect, Heading, Said, places, unwrapped_arguments};
use crate::otlp::attributes::Taking;

pub(super) const DIALECT: Dialect = Dialect {
    name: "openllmetry",
    fits: |taking, _| {
        taking.has_prefix("traceloop.")
            || taking.has_prefix("gen_ai.prompt.")
            || taking.has_prefix("gen_ai.completion.")
            || taking.has("llm.request.type")
            || taking.has_prefix("llm.prompts.")
    },
    read,
};

fn read(taking: &mut Taking, _: &mut Heading<'_>) -> Said {
    let kind = match taking.text(&["traceloop.span.kind"]).as_deref() {
        Some("workflow" | "agent") => Some(SpanKind::Agent),
        Some("tool") => Some(SpanKind::Tool),
        Some("task") => Some(SpanKind::Other),
        _ => taking
            .text(&["llm.request.type"])
            .filter(|kind| kind != "unknown")
            .map(|_| SpanKind::Llm),
    };
    let (at_input, at_output) = places(kind);
    let input = taking.json(&["traceloop.entity.input"], at_input);
    let output = taking.json(&["traceloop.entity.output"], at_output);
    let is_tool = kind == Some(SpanKind::Tool);
    let mut asked = indexed(taking, "gen_ai.prompt", "user");
    asked.extend(indexed(taking, "llm.prompts", "user"));
    let mut answered = indexed(taking, "gen_ai.completion", "assistant");
    answered.extend(indexed(taking, "llm.completions", "assistant"));
    let mut association = taking.prefixed("traceloop.association.properties.");
    let mut text = |names: &[&str]| {
        let name = names.iter().find(|name| association.contains_key(**name))?;
        association
            .remove(*name)
            .as_ref()
            .and_then(crate::otlp::attributes::text_of)
    };
    let session = text(&["session_id", "thread_id", "conversation_id"]);
    let user = text(&["user_id", "user"]);
    for (name, value) in association {
        taking.put(&format!("traceloop.association.properties.{name}"), value);
    }
    Said {
        kind,
        asked,
        answered,
        input: input.map(|value| inner(unwrapped_arguments(value), "inputs")),
        output: output.map(|value| inner(value, "outputs")),
        tool: taking.text(&["traceloop.entity.name"]).filter(|_| is_tool),
        session,
        user,
        ..Said::default()
    }
}

/// What a callback of LangChain wraps in `inputs` or `outputs`, beside tags and metadata.
fn inner(value: Value, name: &str) -> Value {
    match value {
        Value::Object(mut map) if map.contains_key(name) && map.contains_key("kwargs") => {
            map.remove(name).unwrap_or_default()
        }
        other => other,
    }
}
