//! Content of the GenAI conventions as events: one for each message up to 1.36, one for all after.

use archal_core::trace::{Message, Part, Score, ScoreOrigin};
use serde_json::{Map, Value};

use super::json_of;
use crate::otlp::attributes::{Taking, text_of};
use crate::otlp::messages;
use crate::otlp::model::{Attributes, OtlpEvent};

/// What events tell.
#[derive(Default)]
pub(super) struct Told {
    pub(super) asked: Vec<Message>,
    pub(super) answered: Vec<Message>,
    pub(super) scores: Vec<Score>,
    /// The result in a `gen_ai.tool.message` on the tool's own span.
    pub(super) tool_result: Option<Value>,
}

/// Takes the events that are these conventions', and leaves the others.
pub(super) fn take(events: &mut Vec<OtlpEvent>, taking: &mut Taking) -> Told {
    let mut told = Told::default();
    events.retain_mut(|event| {
        match event.name.as_str() {
            // What archal said itself is no evidence of anything.
            "gen_ai.evaluation.result" if is_own(event) => {}
            "gen_ai.evaluation.result" => told.scores.extend(score(event)),
            "gen_ai.client.inference.operation.details" => details(event, taking),
            "gen_ai.content.prompt" => {
                let said = content(event, taking, "gen_ai.prompt", "user");
                told.asked.extend(said);
            }
            "gen_ai.content.completion" => {
                let said = content(event, taking, "gen_ai.completion", "assistant");
                told.answered.extend(said);
            }
            name => {
                let body = body_of(&event.attributes);
                return !message(name, body, &mut told);
            }
        }
        false
    });
    told
}

/// Adds a message event of 1.36 and before; false when it is none.
pub(super) fn message(event: &str, body: Map<String, Value>, told: &mut Told) -> bool {
    match event {
        "gen_ai.system.message" => told.asked.extend(said(body, "system")),
        "gen_ai.user.message" => told.asked.extend(said(body, "user")),
        "gen_ai.assistant.message" => told.asked.extend(said(body, "assistant")),
        "gen_ai.tool.message" => {
            let said = said(body, "tool");
            let result = || {
                let parts = said.iter().flat_map(|message| &message.parts);
                parts.into_iter().find_map(|part| match part {
                    Part::ToolResult { result, .. } => result.clone(),
                    _ => None,
                })
            };
            told.tool_result = told.tool_result.take().or_else(result);
            told.asked.extend(said);
        }
        "gen_ai.choice" => told.answered.extend(said(body, "assistant")),
        _ => return false,
    }
    true
}

/// The same attributes as on the span, structured; the span's own win.
fn details(event: &mut OtlpEvent, taking: &mut Taking) {
    let mut attributes = std::mem::take(&mut event.attributes);
    // Before 1.37 was out some SDKs sent them as a body.
    if let Some(Value::Object(body)) = attributes.remove("body") {
        attributes.extend(body);
    }
    for (name, value) in attributes {
        if !taking.has(&name) {
            taking.put(&name, value);
        }
    }
}

/// A message's body: whole in one attribute, or its fields as attributes.
fn body_of(attributes: &Attributes) -> Map<String, Value> {
    let body = ["gen_ai.event.content", "body", "event.body"]
        .iter()
        .find_map(|name| attributes.get(*name))
        .map(json_of);
    match body {
        Some(Value::Object(map)) => map,
        Some(other) => Map::from_iter([("content".to_owned(), other)]),
        None => attributes
            .iter()
            .map(|(name, value)| (name.clone(), json_of(value)))
            .collect(),
    }
}

fn said(mut body: Map<String, Value>, role: &str) -> Vec<Message> {
    let said_anything = ["content", "parts", "tool_calls", "message"]
        .iter()
        .any(|field| body.get(*field).is_some_and(|value| !value.is_null()));
    if !said_anything {
        return Vec::new();
    }
    body.entry("role").or_insert_with(|| Value::from(role));
    messages::read(&Value::Object(body), role).messages
}

/// Messages in one attribute of an event.
fn content(event: &OtlpEvent, taking: &mut Taking, name: &str, role: &str) -> Vec<Message> {
    let value = event.attributes.get(name).cloned();
    value
        .and_then(|value| taking.parsed(value, "llm.messages"))
        .map(|value| messages::read(&value, role).messages)
        .unwrap_or_default()
}

/// Whether a result is one that archal sent.
fn is_own(event: &OtlpEvent) -> bool {
    event.attributes.contains_key("archal.result.id")
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
