//! The calls of tools of one trace, each told once.
//!
//! One call stands in up to three places: in the model's answer that asks for it, in a span of its
//! own, and in every later prompt with its result. They are joined by the call's id. Spans of SDKs
//! that write no ids are joined by name and arguments, in order, which is said on the span; a call
//! that has no span gets one made of the messages, which is said as well.

use std::collections::{BTreeMap, BTreeSet};

use archal_core::trace::{Part, Span, SpanKind, ToolCall};
use jiff::Timestamp;
use serde_json::Value;

/// Says on a span how its call's id was found, or that the span was made of messages.
const JOINED: &str = "archal.toolCall.joined";
/// Calls made into spans of one trace at most; each has a name in some message.
const MAX_MADE: usize = 10_000;

/// Joins spans of tools with the messages that name their calls.
pub(super) fn join(spans: &mut Vec<Span>) {
    let told = told(spans);
    guess_ids(spans, &told);
    let mut seen: BTreeSet<String> = BTreeSet::new();
    for span in spans.iter_mut() {
        let failed = span.status == archal_core::trace::Status::Error;
        let Some(tool) = span.tool.as_mut() else {
            continue;
        };
        let Some(id) = &tool.call_id else { continue };
        seen.insert(id.clone());
        let Some(call) = told.get(id) else { continue };
        if tool.arguments.is_none() {
            tool.arguments.clone_from(&call.arguments);
        }
        // A call that failed has no result: what the model was told then is the framework's word.
        if tool.result.is_none() && !failed {
            tool.result.clone_from(&call.result);
            tool.result_is_error = tool.result.as_ref().is_some_and(says_error);
        }
    }
    let made = told
        .into_iter()
        .filter(|(id, call)| !seen.contains(id) && !call.name.is_empty())
        .take(MAX_MADE)
        .map(|(id, call)| made_span(id, call));
    spans.extend(made.collect::<Vec<_>>());
}

/// What messages tell of one call.
#[derive(Default)]
struct Told {
    name: String,
    arguments: Option<Value>,
    result: Option<Value>,
    /// The call of a model that asked for it first.
    asker: String,
    parent: Option<String>,
    asked_at: Option<Timestamp>,
    answered_at: Option<Timestamp>,
    /// Its place among all calls.
    place: usize,
}

/// The calls in the messages of models, by id. The spans are in order of time.
fn told(spans: &[Span]) -> BTreeMap<String, Told> {
    let mut told: BTreeMap<String, Told> = BTreeMap::new();
    for span in spans {
        let messages = span.llm.iter().flat_map(|llm| &llm.messages);
        for part in messages.flat_map(|message| &message.parts) {
            let place = told.len();
            match part {
                Part::ToolCall {
                    id: Some(id),
                    name,
                    arguments,
                } => {
                    let call = told.entry(id.clone()).or_insert_with(|| Told {
                        place,
                        ..Told::default()
                    });
                    if call.name.is_empty() {
                        call.name.clone_from(name);
                        call.asker.clone_from(&span.id);
                        // A model that is called outside of any agent stands for its agent.
                        call.parent = span.parent_id.clone().or(Some(span.id.clone()));
                        call.asked_at = span.ended_at.or(span.started_at);
                    }
                    if call.arguments.is_none() {
                        call.arguments.clone_from(arguments);
                    }
                }
                Part::ToolResult {
                    id: Some(id),
                    result: Some(result),
                } => {
                    let call = told.entry(id.clone()).or_insert_with(|| Told {
                        place,
                        ..Told::default()
                    });
                    if call.result.is_none() {
                        call.result = Some(result.clone());
                        call.answered_at = span.started_at;
                    }
                }
                _ => {}
            }
        }
    }
    told
}

/// Gives spans without a call's id the id of the first call in messages that no other span has, of
/// the same name and arguments.
fn guess_ids(spans: &mut [Span], told: &BTreeMap<String, Told>) {
    let named: BTreeSet<&str> = spans
        .iter()
        .filter_map(|span| span.tool.as_ref()?.call_id.as_deref())
        .collect();
    let mut free: Vec<(&String, &Told)> = told
        .iter()
        .filter(|(id, call)| !named.contains(id.as_str()) && !call.name.is_empty())
        .collect();
    free.sort_by_key(|(_, call)| call.place);
    let mut by_content: BTreeMap<(String, String), Vec<&String>> = BTreeMap::new();
    for (id, call) in free.into_iter().rev() {
        by_content
            .entry(key(&call.name, call.arguments.as_ref()))
            .or_default()
            .push(id);
    }
    let mut found = Vec::new();
    for (place, span) in spans.iter().enumerate() {
        let Some(tool) = span.tool.as_ref().filter(|tool| tool.call_id.is_none()) else {
            continue;
        };
        let key = key(&tool.name, tool.arguments.as_ref());
        if let Some(id) = by_content.get_mut(&key).and_then(Vec::pop) {
            found.push((place, id.clone()));
        }
    }
    for (place, id) in found {
        let span = &mut spans[place];
        if let Some(tool) = span.tool.as_mut() {
            tool.call_id = Some(id);
        }
        let how = Value::from("by name, arguments and order");
        span.attributes.insert(JOINED.to_owned(), how);
    }
}

fn key(name: &str, arguments: Option<&Value>) -> (String, String) {
    let arguments = arguments.filter(|value| !value.as_object().is_some_and(|map| map.is_empty()));
    let text = arguments.map_or_else(String::new, Value::to_string);
    (name.to_owned(), text)
}

fn made_span(id: String, call: Told) -> Span {
    let result_is_error = call.result.as_ref().is_some_and(says_error);
    Span {
        id: format!("{}/{id}", call.asker),
        parent_id: call.parent,
        name: call.name.clone(),
        kind: SpanKind::Tool,
        started_at: call.asked_at,
        ended_at: call.answered_at,
        tool: Some(ToolCall {
            name: call.name,
            call_id: Some(id),
            arguments: call.arguments,
            result: call.result,
            result_is_error,
        }),
        attributes: [(JOINED.to_owned(), Value::from("from messages alone"))].into(),
        ..Span::default()
    }
}

/// Whether a tool's answer says of itself that it is an error: MCP's flag, an `error` with
/// something in it, or a text that begins like one. Not whether the call failed.
pub(crate) fn says_error(result: &Value) -> bool {
    let says = |value: &Value| match value {
        Value::Null | Value::Bool(false) => false,
        Value::String(text) => !text.is_empty(),
        Value::Array(items) => !items.is_empty(),
        Value::Object(map) => !map.is_empty(),
        _ => true,
    };
    match result {
        Value::Object(map) => {
            ["isError", "is_error"]
                .iter()
                .any(|name| map.get(*name) == Some(&Value::Bool(true)))
                || ["error", "errors"]
                    .iter()
                    .any(|name| map.get(*name).is_some_and(says))
                || ["ok", "success"]
                    .iter()
                    .any(|name| map.get(*name) == Some(&Value::Bool(false)))
        }
        Value::String(text) => {
            let start: String = text.trim_start().chars().take(16).collect();
            let start = start.to_ascii_lowercase();
            start.starts_with("error:")
                || start.starts_with("error ")
                || start.starts_with("traceback (most")
        }
        _ => false,
    }
}
