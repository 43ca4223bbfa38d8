//! Langfuse: what its SDKs since release 3 export, and what `crate::langfuse` makes of the rows that it
//! gives back.

use archal_core::trace::{SpanKind, Usage};
use serde_json::{Map, Value};

use super::plain::tags;
use super::{Dialect, Heading, Said, json_of, places, spoken};
use crate::otlp::attributes::Taking;

pub(super) const DIALECT: Dialect = Dialect {
    name: "langfuse",
    fits: |taking, _| {
        taking.has_prefix("langfuse.observation.") || taking.has_prefix("langfuse.trace.")
    },
    read,
};

const INPUT: &str = "langfuse.observation.input";
const OUTPUT: &str = "langfuse.observation.output";
const MODEL: &str = "langfuse.observation.model.name";

fn read(taking: &mut Taking, heading: &mut Heading<'_>) -> Said {
    let written = taking.text(&["langfuse.observation.type"]);
    let kind = match written.as_deref().unwrap_or_default() {
        "" if taking.has(MODEL) => SpanKind::Llm,
        "generation" | "embedding" => SpanKind::Llm,
        "tool" => SpanKind::Tool,
        "agent" => SpanKind::Agent,
        "retriever" => SpanKind::Retrieval,
        "event" => SpanKind::Event,
        // What a guardrail or an evaluator says is not the agent's word.
        _ => SpanKind::Other,
    };
    if let Some(written) = written.filter(|_| kind == SpanKind::Other) {
        taking.put("langfuse.observation.type", Value::String(written));
    }
    let (at_input, at_output) = places(Some(kind));
    let mut said = Said {
        kind: Some(kind),
        input: taking.json(&[INPUT, "langfuse.trace.input"], at_input),
        output: taking.json(&[OUTPUT, "langfuse.trace.output"], at_output),
        model: taking.text(&[MODEL]),
        usage: usage(taking),
        session: taking.text(&["session.id", "langfuse.session.id"]),
        user: taking.text(&["user.id", "langfuse.user.id"]),
        tags: tags(taking, &["langfuse.trace.tags"]),
        ..Said::default()
    };
    match kind {
        SpanKind::Llm => {
            said.asked = spoken(taking, INPUT, &mut said.input, "user");
            said.answered = spoken(taking, OUTPUT, &mut said.output, "assistant");
        }
        SpanKind::Tool => {
            said.tool = Some(heading.name.to_owned());
            said.call_id = taking.text(&["gen_ai.tool.call.id"]);
            said.input = said.input.map(|input| json_of(&input));
            if let Some((id, result)) = said.output.as_ref().and_then(answer_of_a_tool) {
                said.call_id = said.call_id.or(id);
                said.output = Some(result);
            }
        }
        _ => {}
    }
    said
}

/// The call's id and the result of what agents hand on as a message of a tool.
fn answer_of_a_tool(output: &Value) -> Option<(Option<String>, Value)> {
    let map = output.as_object()?;
    let is_message = map.contains_key("tool_call_id") && map.contains_key("content");
    let text = |name: &str| map.get(name)?.as_str().map(str::to_owned);
    is_message.then(|| {
        let result = map.get("content").map(json_of).unwrap_or_default();
        (text("tool_call_id"), result)
    })
}

fn usage(taking: &mut Taking) -> Usage {
    let mut details = |name: &str| match taking.json(&[name], "attributes") {
        Some(Value::Object(details)) => details,
        _ => Map::new(),
    };
    let tokens = details("langfuse.observation.usage_details");
    let costs = details("langfuse.observation.cost_details");
    // Kinds of tokens are told apart by what their names hold: `input_cached_tokens`.
    let sum = |is_meant: &dyn Fn(&str) -> bool| {
        let mut of = tokens
            .iter()
            .filter(|(name, _)| is_meant(&name.to_ascii_lowercase()))
            .filter_map(|(_, count)| number(count))
            .filter(|count| *count >= 0.0)
            .peekable();
        of.peek().is_some().then(|| of.sum::<f64>() as u64)
    };
    let cost = costs.get("total").and_then(number).or_else(|| {
        let mut of = costs.values().filter_map(number).peekable();
        of.peek().is_some().then(|| of.sum())
    });
    Usage {
        input_tokens: sum(&|name| name.contains("input") || name.contains("prompt")),
        output_tokens: sum(&|name| name.contains("output") || name.contains("completion")),
        cached_tokens: sum(&|name| {
            name.contains("cached") || (name.contains("cache") && name.contains("read"))
        }),
        cost_usd: cost.filter(|cost| cost.is_finite()),
    }
}

/// Prices come as text from some releases.
fn number(value: &Value) -> Option<f64> {
    match value {
        Value::String(text) => text.parse().ok(),
        other => other.as_f64(),
    }
}
