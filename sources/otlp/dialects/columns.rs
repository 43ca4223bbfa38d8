//! Columns of a table that somebody mapped, or whose names say what they are: they count before
//! whatever else a span has. The sources that read tables put them into attributes by these names.

use archal_core::trace::{Message, SpanKind, Usage};
use serde_json::Value;

use super::{Dialect, Heading, Said, messages_in};
use crate::otlp::attributes::Taking;

pub(super) const DIALECT: Dialect = Dialect {
    name: "columns",
    fits: |taking, _| taking.has_prefix(PREFIX),
    read,
};

/// What attributes that were columns begin with.
pub(crate) const PREFIX: &str = "archal.column.";

fn read(taking: &mut Taking, _: &mut Heading<'_>) -> Said {
    let tool = taking.text(&["archal.column.toolName"]);
    let kind = taking
        .text(&["archal.column.kind"])
        .and_then(|kind| serde_json::from_value(Value::String(kind)).ok())
        .filter(|kind| *kind != SpanKind::Other)
        .or(tool.as_ref().map(|_| SpanKind::Tool));
    let mut said = Said {
        kind,
        tool,
        call_id: taking.text(&["archal.column.toolCallId"]),
        model: taking.text(&["archal.column.model"]),
        usage: Usage {
            input_tokens: taking.count(&["archal.column.inputTokens"]),
            output_tokens: taking.count(&["archal.column.outputTokens"]),
            cached_tokens: taking.count(&["archal.column.cachedTokens"]),
            cost_usd: taking
                .text(&["archal.column.costUsd"])
                .and_then(|cost| cost.parse().ok()),
        },
        session: taking.text(&["archal.column.sessionId"]),
        user: taking.text(&["archal.column.userId"]),
        tags: super::plain::tags(taking, &["archal.column.tags"]),
        ..Said::default()
    };
    let arguments = taking.json(&["archal.column.toolArguments"], "tool.arguments");
    let result = taking.json(&["archal.column.toolResult"], "tool.result");
    if said.kind == Some(SpanKind::Llm) {
        conversation(taking, &mut said);
    }
    let (at_input, at_output) = super::places(said.kind);
    said.input = arguments.or_else(|| taking.json(&["archal.column.input"], at_input));
    said.output = result.or_else(|| taking.json(&["archal.column.output"], at_output));
    said
}

/// What a model was asked and answered: its messages, of which the last may be the answer.
fn conversation(taking: &mut Taking, said: &mut Said) {
    said.asked = messages_in(taking, "archal.column.messages", "user");
    if said.asked.is_empty() {
        said.asked = messages_in(taking, "archal.column.input", "user");
    }
    said.answered = messages_in(taking, "archal.column.output", "assistant");
    let is_answer = |last: &Message| last.role == "assistant";
    if said.answered.is_empty() && said.asked.last().is_some_and(is_answer) {
        said.answered.extend(said.asked.pop());
    }
}
