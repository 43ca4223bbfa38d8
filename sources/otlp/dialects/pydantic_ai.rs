//! Pydantic AI, which Logfire switches on: messages as one attribute, in the first version of its
//! format as the events of the GenAI conventions, since the second as its messages.

use archal_core::trace::{Message, SpanKind};
use serde_json::Value;

use super::gen_ai_events::{self, Told};
use super::{Dialect, Heading, Said, messages_in};
use crate::otlp::attributes::Taking;

pub(super) const DIALECT: Dialect = Dialect {
    name: "pydantic-ai",
    fits: |taking, heading| {
        heading.scope == "pydantic-ai"
            || taking.has_prefix("pydantic_ai.")
            || taking.has("all_messages_events")
            || taking.has("tool_arguments")
    },
    read,
};

fn read(taking: &mut Taking, _: &mut Heading<'_>) -> Said {
    let is_agent = taking.has("all_messages_events")
        || taking.has("pydantic_ai.all_messages")
        || taking.has("final_result");
    let is_tool = taking.has("gen_ai.tool.name");
    let mut said = Said::default();
    if is_agent {
        said.kind = Some(SpanKind::Agent);
        let told = events(taking, "all_messages_events");
        said.asked = told.asked;
        said.answered = told.answered;
        if said.asked.is_empty() {
            let all = messages_in(taking, "pydantic_ai.all_messages", "user");
            (said.asked, said.answered) = last_answer_apart(all);
        }
        said.output = taking.json(&["final_result"], "output");
    } else if is_tool {
        said.kind = Some(SpanKind::Tool);
        said.input = taking.json(&["tool_arguments"], "tool.arguments");
        said.output = taking.json(&["tool_response"], "tool.result");
    } else {
        let told = events(taking, "events");
        said.asked = told.asked;
        said.answered = told.answered;
    }
    said
}

/// A list of message events, each with its name beside its body.
fn events(taking: &mut Taking, name: &str) -> Told {
    let mut told = Told::default();
    let Some(value) = taking.json(&[name], "llm.messages") else {
        return told;
    };
    let Value::Array(items) = &value else {
        taking.put(name, value);
        return told;
    };
    for item in items {
        let Value::Object(body) = item else { continue };
        let event = body.get("event.name").and_then(Value::as_str);
        gen_ai_events::message(event.unwrap_or_default(), body.clone(), &mut told);
    }
    told
}

/// All messages of a run, of which the last are the agent's answer.
fn last_answer_apart(mut all: Vec<Message>) -> (Vec<Message>, Vec<Message>) {
    let answer = match all.last() {
        Some(last) if last.role == "assistant" => all.pop().into_iter().collect(),
        _ => Vec::new(),
    };
    (all, answer)
}
