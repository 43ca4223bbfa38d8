//! Messages of a conversation, in the shapes that GenAI conventions and model APIs have.

use archal_core::hash;
use archal_core::trace::{Message, Part};
use serde_json::{Map, Value, json};

use super::attributes::text_of;

/// Messages and whether nothing of the value was left out.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Read {
    pub(crate) messages: Vec<Message>,
    pub(crate) whole: bool,
}

/// Reads a list of messages, one message, or plain text said by `role`.
pub(crate) fn read(value: &Value, role: &str) -> Read {
    let mut read = Read {
        whole: true,
        ..Read::default()
    };
    match value {
        Value::Array(items) if items.iter().all(is_part) && !items.is_empty() => {
            // System instructions are a list of parts without a message around them.
            let parts = parts(value, &mut read.whole);
            read.messages.push(Message {
                role: role.to_owned(),
                parts,
            });
        }
        Value::Array(items) => {
            for item in items {
                message(item, role, &mut read);
            }
        }
        Value::Object(map) => match map.get("messages") {
            Some(Value::Array(items)) => {
                for item in items {
                    message(item, role, &mut read);
                }
            }
            _ => message(value, role, &mut read),
        },
        other => message(other, role, &mut read),
    }
    read
}

/// The text parts of a message, one to a line; none where it has none.
pub(crate) fn text(message: &Message) -> Option<String> {
    let texts: Vec<&str> = message
        .parts
        .iter()
        .filter_map(|part| match part {
            Part::Text { text } if !text.is_empty() => Some(text.as_str()),
            _ => None,
        })
        .collect();
    (!texts.is_empty()).then(|| texts.join("\n"))
}

/// One part of the conventions: it has a type and is no message.
fn is_part(value: &Value) -> bool {
    value.get("type").is_some_and(Value::is_string)
        && value.get("role").is_none()
        && value.get("parts").is_none()
}

fn message(value: &Value, role: &str, read: &mut Read) {
    let Value::Object(map) = value else {
        if let Some(text) = text_of(value) {
            read.messages.push(Message {
                role: role.to_owned(),
                parts: vec![Part::Text { text }],
            });
        } else if !value.is_null() {
            read.whole = false;
        }
        return;
    };
    // A choice of a model API has the message one level deeper.
    if let Some(inner @ Value::Object(_)) = map.get("message") {
        return message(inner, role, read);
    }
    let role = map
        .get("role")
        .and_then(Value::as_str)
        .unwrap_or(role)
        .to_owned();
    let mut found = match map.get("parts").or_else(|| map.get("content")) {
        Some(Value::Null) | None => Vec::new(),
        Some(content) => parts(content, &mut read.whole),
    };
    let call_id = map.get("tool_call_id").and_then(text_of);
    if role == "tool"
        && !found
            .iter()
            .any(|part| matches!(part, Part::ToolResult { .. }))
    {
        // A tool's answer in a model API's shape: the content is the result.
        let result = map.get("content").map(parsed);
        let id = call_id.or_else(|| map.get("id").and_then(text_of));
        found = vec![Part::ToolResult { id, result }];
    }
    for call in map
        .get("tool_calls")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
    {
        match tool_call(call) {
            Some(part) => found.push(part),
            None => read.whole = false,
        }
    }
    read.messages.push(Message { role, parts: found });
}

fn parts(content: &Value, whole: &mut bool) -> Vec<Part> {
    match content {
        Value::Array(items) => items
            .iter()
            .filter_map(|item| {
                let read = part(item);
                *whole &= read.is_some();
                read
            })
            .collect(),
        single => {
            let read = part(single);
            *whole &= read.is_some();
            read.into_iter().collect()
        }
    }
}

/// A part of a message; none where this model of messages has no place for it (reasoning).
fn part(value: &Value) -> Option<Part> {
    let Value::Object(map) = value else {
        return text_of(value).map(|text| Part::Text { text });
    };
    let string = |names: &[&str]| {
        names
            .iter()
            .find_map(|name| map.get(*name).and_then(text_of))
    };
    let kind = map.get("type").and_then(Value::as_str).unwrap_or("text");
    match kind {
        "text" | "input_text" | "output_text" | "refusal" => {
            string(&["content", "text", "refusal"]).map(|text| Part::Text { text })
        }
        "tool_call" | "tool_use" | "function_call" | "server_tool_call" | "function"
        | "tool-call" => tool_call(value),
        "tool_call_response"
        | "tool_result"
        | "tool_response"
        | "function_call_output"
        | "server_tool_call_response"
        | "tool-result" => Some(Part::ToolResult {
            id: string(&["id", "tool_use_id", "tool_call_id", "call_id", "toolCallId"]),
            result: tool_result(map),
        }),
        "uri" | "file" | "image_url" | "image" | "audio" | "video" | "document" => {
            let nested = map.get("image_url").and_then(|inner| inner.get("url"));
            let reference = string(&["uri", "url", "file_id", "id", "image_url"])
                .or_else(|| nested.and_then(text_of))
                .unwrap_or_else(|| format!("{kind}:not-captured"));
            Some(Part::Media { reference })
        }
        // The bytes themselves are not kept, what they were is.
        "blob" => {
            let kind = string(&["mime_type", "modality"]).unwrap_or_else(|| "bytes".to_owned());
            let content = string(&["content", "data"]).unwrap_or_default();
            Some(Part::Media {
                reference: format!("blob:{kind}:{}", hash::short(&content)),
            })
        }
        _ => None,
    }
}

/// What a tool answered. Where the part says that it is an error, the result says so as MCP's do.
fn tool_result(part: &Map<String, Value>) -> Option<Value> {
    // The schema says `response`, its own examples say `result`.
    let names = [
        "response",
        "result",
        "content",
        "output",
        "server_tool_call_response",
    ];
    let result = names.iter().find_map(|name| part.get(*name)).map(parsed)?;
    let flagged = ["is_error", "isError"]
        .iter()
        .any(|name| part.get(*name) == Some(&Value::Bool(true)));
    let (result, failed) = match typed(&result) {
        Some((kind, value)) => (value.clone(), kind.starts_with("error")),
        None => (result, false),
    };
    Some(if flagged || failed {
        json!({"isError": true, "content": result})
    } else {
        result
    })
}

/// The kind and value of a result as AI SDK wraps them since release 5.
fn typed(result: &Value) -> Option<(&str, &Value)> {
    let map = result.as_object().filter(|map| map.len() == 2)?;
    let kind = map.get("type")?.as_str()?;
    let known = matches!(
        kind,
        "json" | "text" | "content" | "error-json" | "error-text"
    );
    Some((kind, map.get("value")?)).filter(|_| known)
}

/// A call in the conventions' shape or in a model API's.
fn tool_call(value: &Value) -> Option<Part> {
    let function = value.get("function").filter(|inner| inner.is_object());
    let inner = function
        .or_else(|| {
            value
                .get("server_tool_call")
                .filter(|inner| inner.is_object())
        })
        .unwrap_or(value);
    let string = |from: &Value, names: &[&str]| {
        names
            .iter()
            .find_map(|name| from.get(*name).and_then(text_of))
    };
    let name = string(value, &["name", "toolName"]).or_else(|| string(inner, &["name"]))?;
    Some(Part::ToolCall {
        id: string(value, &["id", "call_id", "tool_call_id", "toolCallId"]),
        name,
        arguments: ["arguments", "input", "args"]
            .iter()
            .find_map(|field| inner.get(*field))
            .filter(|arguments| !arguments.is_null())
            .map(parsed),
    })
}

/// JSON in a string parsed, anything else as it is.
fn parsed(value: &Value) -> Value {
    match value {
        Value::String(text) if text.trim_start().starts_with(['{', '[']) => {
            crate::raw::value(text).unwrap_or_else(|_| value.clone())
        }
        other => other.clone(),
    }
}
