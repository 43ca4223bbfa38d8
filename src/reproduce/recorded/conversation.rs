//! What an agent asks its model, as one list of items, however its protocol writes it: texts, calls
//! of tools and their results.

use archal_core::trace::{Message, Part};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::reproduce::likeness::{self, Fields, Unlike, first_difference, same_text};

/// Most characters of a text that are shown beside another one.
const AROUND: usize = 40;

/// A protocol of model providers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// Chat completions of OpenAI, which many providers speak.
    Chat,
    /// Responses of OpenAI.
    Responses,
    /// Messages of Anthropic.
    Messages,
}

impl Protocol {
    /// The protocol of requests to a path; none where it is not replayed.
    pub fn of(method: &str, path: &str) -> Option<Self> {
        let path = path.trim_end_matches('/');
        match method {
            "POST" if path.ends_with("/chat/completions") => Some(Self::Chat),
            "POST" if path.ends_with("/responses") => Some(Self::Responses),
            "POST" if path.ends_with("/messages") => Some(Self::Messages),
            _ => None,
        }
    }
}

/// One item of a conversation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Item {
    /// Text.
    Text {
        /// `system`, `user` or `assistant`.
        role: String,
        /// The text.
        text: String,
    },
    /// The model asks for a tool.
    Call {
        /// The call's id.
        id: Option<String>,
        /// The tool.
        name: String,
        /// Its arguments; null where they were not recorded.
        arguments: Value,
    },
    /// What a tool answered.
    Result {
        /// The answer; null where it was not recorded.
        result: Value,
    },
    /// Something that is not text.
    Media,
}

/// What a trace has of a conversation.
pub fn of_messages(messages: &[Message]) -> Vec<Item> {
    let mut items = Vec::new();
    for message in messages {
        for part in &message.parts {
            match part {
                // A dialect may write what a tool answered as text in the tool's role.
                Part::Text { text } if message.role == "tool" => items.push(Item::Result {
                    result: parsed(text),
                }),
                Part::Text { text } => add_text(&mut items, &message.role, text),
                Part::ToolCall {
                    id,
                    name,
                    arguments,
                } => items.push(Item::Call {
                    id: id.clone(),
                    name: name.clone(),
                    arguments: document(arguments.as_ref()),
                }),
                Part::ToolResult { result, .. } => items.push(Item::Result {
                    result: document(result.as_ref()),
                }),
                Part::Media { .. } => items.push(Item::Media),
            }
        }
    }
    items
}

/// What a request asks.
pub fn of_request(protocol: Protocol, body: &Value) -> Vec<Item> {
    let mut items = Vec::new();
    match protocol {
        Protocol::Chat => {
            for message in list(&body["messages"]) {
                chat_message(&mut items, message);
            }
        }
        Protocol::Messages => {
            blocks(&mut items, "system", &body["system"]);
            for message in list(&body["messages"]) {
                let role = message["role"].as_str().unwrap_or("user");
                blocks(&mut items, role, &message["content"]);
            }
        }
        Protocol::Responses => {
            blocks(&mut items, "system", &body["instructions"]);
            match &body["input"] {
                Value::String(text) => add_text(&mut items, "user", text),
                input => {
                    for item in list(input) {
                        response_item(&mut items, item);
                    }
                }
            }
        }
    }
    items
}

fn chat_message(items: &mut Vec<Item>, message: &Value) {
    let role = message["role"].as_str().unwrap_or("user");
    if matches!(role, "tool" | "function") {
        items.push(Item::Result {
            result: content(&message["content"]),
        });
        return;
    }
    blocks(items, role, &message["content"]);
    for call in list(&message["tool_calls"]) {
        let function = &call["function"];
        items.push(Item::Call {
            id: call["id"].as_str().map(str::to_owned),
            name: function["name"].as_str().unwrap_or_default().to_owned(),
            arguments: document(function.get("arguments")),
        });
    }
}

fn response_item(items: &mut Vec<Item>, item: &Value) {
    match item["type"].as_str() {
        Some("function_call") => items.push(Item::Call {
            id: item["call_id"].as_str().map(str::to_owned),
            name: item["name"].as_str().unwrap_or_default().to_owned(),
            arguments: document(item.get("arguments")),
        }),
        Some("function_call_output") => items.push(Item::Result {
            result: document(item.get("output")),
        }),
        // What the model thought is between it and its provider.
        Some("reasoning" | "item_reference") => {}
        _ => blocks(
            items,
            item["role"].as_str().unwrap_or("user"),
            &item["content"],
        ),
    }
}

/// Content that is a text or a list of blocks.
fn blocks(items: &mut Vec<Item>, role: &str, content_of: &Value) {
    if let Value::String(text) = content_of {
        return add_text(items, role, text);
    }
    for block in list(content_of) {
        match block["type"].as_str() {
            Some("text" | "input_text" | "output_text") => {
                add_text(items, role, block["text"].as_str().unwrap_or_default());
            }
            Some("tool_use") => items.push(Item::Call {
                id: block["id"].as_str().map(str::to_owned),
                name: block["name"].as_str().unwrap_or_default().to_owned(),
                arguments: block["input"].clone(),
            }),
            Some("tool_result") => items.push(Item::Result {
                result: content(&block["content"]),
            }),
            Some("thinking" | "redacted_thinking" | "refusal") => {}
            _ => items.push(Item::Media),
        }
    }
}

/// What a tool answered: texts joined, read as JSON where they are.
fn content(content: &Value) -> Value {
    match content {
        Value::Array(parts) => {
            let texts: Vec<&str> = parts
                .iter()
                .filter_map(|part| part["text"].as_str())
                .collect();
            parsed(&texts.join("\n"))
        }
        other => document(Some(other)),
    }
}

fn document(value: Option<&Value>) -> Value {
    match value {
        Some(Value::String(text)) => parsed(text),
        Some(other) => other.clone(),
        None => Value::Null,
    }
}

fn parsed(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|_| Value::from(text))
}

/// Texts of one role that follow each other are one: dialects and clients cut them differently.
fn add_text(items: &mut Vec<Item>, role: &str, text: &str) {
    let role = match role {
        "developer" => "system",
        "human" => "user",
        "ai" | "model" => "assistant",
        role => role,
    };
    if text.trim().is_empty() {
        return;
    }
    if let Some(Item::Text {
        role: last,
        text: known,
    }) = items.last_mut()
        && last == role
    {
        known.push('\n');
        known.push_str(text);
        return;
    }
    items.push(Item::Text {
        role: role.to_owned(),
        text: text.to_owned(),
    });
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

/// In what a request differs from the recorded one, half a sentence; none where it does not. A
/// recording may lack the instructions, or have no more than what was new.
pub fn unlike(recorded: &[Item], asked: &[Item]) -> Option<String> {
    let is_system = |item: &&Item| matches!(item, Item::Text { role, .. } if role == "system");
    let has_system = recorded.iter().any(|item| is_system(&item));
    let asked: Vec<&Item> = asked
        .iter()
        .filter(|item| has_system || !is_system(item))
        .collect();
    let end = asked.len().saturating_sub(recorded.len());
    let of_end = first_unlike(recorded, &asked[end..], end);
    of_end.as_ref()?;
    // Told from the beginning, which is where people look.
    match first_unlike(recorded, &asked, 0) {
        Some(text) => Some(text),
        None => of_end,
    }
}

fn first_unlike(recorded: &[Item], asked: &[&Item], skipped: usize) -> Option<String> {
    for (at, (theirs, ours)) in recorded.iter().zip(asked).enumerate() {
        if let Some(text) = item_unlike(theirs, ours) {
            return Some(format!("part {}: {text}", at + skipped + 1));
        }
    }
    (recorded.len() != asked.len()).then(|| {
        let parts = |count: usize| match count {
            1 => "1 part".to_owned(),
            count => format!("{count} parts"),
        };
        format!(
            "it has {} where the trace has {}",
            parts(asked.len()),
            parts(recorded.len())
        )
    })
}

fn item_unlike(theirs: &Item, ours: &Item) -> Option<String> {
    let both = |theirs: &str, ours: &str| format!("{ours} where the trace has {theirs}");
    match (theirs, ours) {
        (
            Item::Text { role, text },
            Item::Text {
                role: our_role,
                text: our_text,
            },
        ) => {
            if role != our_role {
                let told = both(
                    &format!("a text of the {role}"),
                    &format!("a text of the {our_role}"),
                );
                return Some(told);
            }
            let parts = parts_unlike(text, our_text)?;
            Some(format!("the {role}'s text is {}", both(&parts.0, &parts.1)))
        }
        (
            Item::Call {
                name, arguments, ..
            },
            Item::Call {
                name: our_name,
                arguments: our_arguments,
                ..
            },
        ) => {
            if name != our_name {
                return Some(both(
                    &format!("a call of {name}"),
                    &format!("a call of {our_name}"),
                ));
            }
            let unlike = known(arguments, our_arguments, Fields::Exact)?;
            Some(format!(
                "the call of {name} has `{}` {}",
                unlike.at,
                both(&unlike.first, &unlike.second)
            ))
        }
        (Item::Result { result }, Item::Result { result: our_result }) => {
            if let (Value::String(theirs), Value::String(ours)) = (result, our_result) {
                let parts = parts_unlike(theirs, ours)?;
                return Some(format!("a tool answered {}", both(&parts.0, &parts.1)));
            }
            let unlike = known(result, our_result, Fields::Common)?;
            let at = match unlike.at.as_str() {
                "" => String::new(),
                at => format!(" `{at}`"),
            };
            Some(format!(
                "a tool answered{at} {}",
                both(&unlike.first, &unlike.second)
            ))
        }
        (Item::Media, Item::Media) => None,
        (theirs, ours) => Some(both(kind(theirs), kind(ours))),
    }
}

/// What was not recorded differs in nothing.
fn known(theirs: &Value, ours: &Value, fields: Fields) -> Option<Unlike> {
    (!theirs.is_null())
        .then(|| first_difference(theirs, ours, fields))
        .flatten()
}

/// The part of each of two texts at which they differ.
fn parts_unlike(theirs: &str, ours: &str) -> Option<(String, String)> {
    if same_text(theirs, ours) {
        return None;
    }
    let common = theirs
        .chars()
        .zip(ours.chars())
        .take_while(|(one, other)| one == other)
        .count();
    let from = common.saturating_sub(AROUND / 2);
    let part = |text: &str| {
        let start = if from > 0 { "…" } else { "" };
        let rest: String = text.chars().skip(from).collect();
        format!("\"{start}{}\"", likeness::cut(&rest))
    };
    Some((part(theirs), part(ours)))
}

fn kind(item: &Item) -> &'static str {
    match item {
        Item::Text { role, .. } if role == "system" => "instructions",
        Item::Text { role, .. } if role == "assistant" => "a text of the model",
        Item::Text { .. } => "a text of the user",
        Item::Call { .. } => "a call of a tool",
        Item::Result { .. } => "a tool's answer",
        Item::Media => "something that is not text",
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn chat() -> Value {
        json!({"messages": [
            {"role": "system", "content": "Be kind."},
            {"role": "user", "content": [{"type": "text", "text": "Close issue 7."}]},
            {"role": "assistant", "content": null, "tool_calls": [
                {"id": "c1", "type": "function", "function": {"name": "close", "arguments": "{\"number\": 7}"}},
            ]},
            {"role": "tool", "tool_call_id": "c1", "content": "{\"state\": \"closed\"}"},
        ]})
    }

    #[test]
    fn one_conversation_is_the_same_in_every_protocol() {
        let messages = json!({
            "system": [{"type": "text", "text": "Be kind."}],
            "messages": [
                {"role": "user", "content": "Close issue 7."},
                {"role": "assistant", "content": [
                    {"type": "thinking", "thinking": "hm"},
                    {"type": "tool_use", "id": "c1", "name": "close", "input": {"number": 7}},
                ]},
                {"role": "user", "content": [
                    {"type": "tool_result", "tool_use_id": "c1", "content": [{"type": "text", "text": "{\"state\":\"closed\"}"}]},
                ]},
            ],
        });
        let responses = json!({
            "instructions": "Be kind.",
            "input": [
                {"role": "user", "content": [{"type": "input_text", "text": "Close issue 7."}]},
                {"type": "reasoning", "summary": []},
                {"type": "function_call", "call_id": "c1", "name": "close", "arguments": "{\"number\":7}"},
                {"type": "function_call_output", "call_id": "c1", "output": "{\"state\":\"closed\"}"},
            ],
        });
        let items = of_request(Protocol::Chat, &chat());
        assert_eq!(items.len(), 4, "{items:?}");
        assert_eq!(of_request(Protocol::Messages, &messages), items);
        assert_eq!(of_request(Protocol::Responses, &responses), items);
    }

    #[test]
    fn what_a_recording_may_lack_makes_no_difference_and_everything_else_is_said() {
        let asked = of_request(Protocol::Chat, &chat());
        assert_eq!(unlike(&asked, &asked), None);
        assert_eq!(
            unlike(&asked[1..], &asked),
            None,
            "no instructions were recorded"
        );
        assert_eq!(
            unlike(&asked[3..], &asked),
            None,
            "only what was new was recorded"
        );
        let with = |at: usize, item: Item| {
            let mut items = asked.clone();
            items[at] = item;
            items
        };
        let text = |role: &str, text: &str| Item::Text {
            role: role.to_owned(),
            text: text.to_owned(),
        };
        let call = |name: &str, arguments: Value| Item::Call {
            id: None,
            name: name.to_owned(),
            arguments,
        };
        let result = |result: Value| Item::Result { result };
        assert_eq!(unlike(&with(3, result(Value::Null)), &asked), None);
        let told: Vec<String> = [
            with(1, text("user", "Close issue 9.")),
            with(1, text("assistant", "Close issue 7.")),
            with(2, call("open", json!({"number": 7}))),
            with(2, call("close", json!({"number": 9}))),
            with(3, result(json!({"state": "open"}))),
            with(3, result(json!("closed it"))),
            with(3, text("user", "x")),
            [&asked[..], &asked[3..]].concat(),
        ]
        .iter()
        .map(|recorded| unlike(recorded, &asked).unwrap_or_default())
        .collect();
        insta::assert_snapshot!(told.join("\n"), @r#"
        part 2: the user's text is "Close issue 7." where the trace has "Close issue 9."
        part 2: a text of the user where the trace has a text of the assistant
        part 3: a call of close where the trace has a call of open
        part 3: the call of close has `number` 7 where the trace has 9
        part 4: a tool answered `state` "closed" where the trace has "open"
        part 4: a tool answered an object of 1 fields where the trace has "closed it"
        part 4: a tool's answer where the trace has a text of the user
        it has 4 parts where the trace has 5 parts
        "#);
    }
}
