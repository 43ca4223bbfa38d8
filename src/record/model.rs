//! What a call of a model said and was told, whichever of the protocols it spoke.

use archal_core::trace::{LlmCall, Message, Part, Usage};
use serde_json::Value;

use crate::reproduce::recorded::conversation::Protocol;

/// A call of a model.
#[derive(Debug, Clone, PartialEq)]
pub struct ModelCall {
    /// What a trace has of it.
    pub call: LlmCall,
    /// How many of the last messages are what the model answered.
    pub answered: usize,
    /// The calls of tools whose results the request says are errors.
    pub failed: Vec<String>,
}

impl ModelCall {
    /// The positions, among all parts of the messages, of results that are errors: ids may hold what
    /// is taken out of them.
    pub fn failures(&self) -> Vec<usize> {
        let parts = self.call.messages.iter().flat_map(|message| &message.parts);
        let failed = parts.enumerate().filter(|(_, part)| match part {
            Part::ToolResult { id: Some(id), .. } => self.failed.contains(id),
            _ => false,
        });
        failed.map(|(at, _)| at).collect()
    }
}

/// The protocol of a request; none where it only looks like one of a model's.
pub fn protocol(method: &str, path: &str, request: &Value) -> Option<Protocol> {
    let protocol = Protocol::of(method, path)?;
    let says_model = request["model"].is_string();
    let is_one = match protocol {
        Protocol::Chat => request["messages"].is_array(),
        // Other services have messages and responses, too.
        Protocol::Messages => says_model && request["messages"].is_array(),
        Protocol::Responses => {
            says_model && (request["input"].is_array() || request["input"].is_string())
        }
    };
    is_one.then_some(protocol)
}

/// Reads a call: its request, and its answer where one came.
pub fn read(protocol: Protocol, request: &Value, answer: Option<&Value>) -> ModelCall {
    let mut reading = Reading::default();
    match protocol {
        Protocol::Chat => {
            for message in list(&request["messages"]) {
                reading.chat(message);
            }
        }
        Protocol::Messages => {
            reading.blocks("system", &request["system"]);
            for message in list(&request["messages"]) {
                reading.blocks(role(message, "user"), &message["content"]);
            }
        }
        Protocol::Responses => {
            reading.blocks("system", &request["instructions"]);
            match &request["input"] {
                input @ Value::String(_) => reading.blocks("user", input),
                input => {
                    for item in list(input) {
                        reading.item(item);
                    }
                }
            }
        }
    }
    let asked = reading.messages.len();
    if let Some(answer) = answer {
        match protocol {
            Protocol::Chat => {
                if let Some(choice) = list(&answer["choices"]).first() {
                    reading.chat(&choice["message"]);
                }
            }
            Protocol::Messages => reading.blocks("assistant", &answer["content"]),
            Protocol::Responses => {
                for item in list(&answer["output"]) {
                    reading.item(item);
                }
            }
        }
    }
    let answered = reading.messages.len() - asked;
    let of_answer = answer.and_then(|answer| answer["model"].as_str());
    let model = of_answer.or(request["model"].as_str());
    ModelCall {
        call: LlmCall {
            model: model.map(str::to_owned),
            messages: reading.messages,
            usage: answer.map(usage).unwrap_or_default(),
        },
        answered,
        failed: reading.failed,
    }
}

/// What a model answered in words, in the last so many messages; none where it asked for tools or said nothing.
pub fn said(call: &LlmCall, answered: usize) -> Option<String> {
    let from = call.messages.len().saturating_sub(answered);
    let parts = || {
        call.messages[from..]
            .iter()
            .flat_map(|message| &message.parts)
    };
    if parts().any(|part| matches!(part, Part::ToolCall { .. })) {
        return None;
    }
    let texts: Vec<&str> = parts()
        .filter_map(|part| match part {
            Part::Text { text } => Some(text.as_str()),
            Part::ToolCall { .. } | Part::ToolResult { .. } | Part::Media { .. } => None,
        })
        .collect();
    (!texts.is_empty()).then(|| texts.join("\n"))
}

/// Tokens under the names of all three. What was read from a cache is a part of what was sent.
fn usage(answer: &Value) -> Usage {
    let usage = &answer["usage"];
    let number = |names: &[&str]| names.iter().find_map(|name| usage.pointer(name)?.as_u64());
    // Of these one protocol does not count what its cache has in what was sent.
    let read = number(&["/cache_read_input_tokens"]);
    let written = number(&["/cache_creation_input_tokens"]);
    let apart = read.unwrap_or(0).saturating_add(written.unwrap_or(0));
    let input = number(&["/prompt_tokens", "/input_tokens"]);
    Usage {
        input_tokens: input.map(|input| input.saturating_add(apart)),
        output_tokens: number(&["/completion_tokens", "/output_tokens"]),
        cached_tokens: read.or(number(&[
            "/prompt_tokens_details/cached_tokens",
            "/input_tokens_details/cached_tokens",
        ])),
        cost_usd: None,
    }
}

#[derive(Default)]
struct Reading {
    messages: Vec<Message>,
    failed: Vec<String>,
}

impl Reading {
    fn add(&mut self, role: &str, parts: Vec<Part>) {
        if parts.is_empty() {
            return;
        }
        let role = if role == "developer" { "system" } else { role };
        self.messages.push(Message {
            role: role.to_owned(),
            parts,
        });
    }

    fn chat(&mut self, message: &Value) {
        let role = role(message, "user");
        if matches!(role, "tool" | "function") {
            let id = text(message, "tool_call_id");
            let result = Some(result(&message["content"]));
            return self.add("tool", vec![Part::ToolResult { id, result }]);
        }
        let mut parts = self.parts(&message["content"]);
        parts.extend(text(message, "refusal").map(|text| Part::Text { text }));
        parts.extend(list(&message["tool_calls"]).iter().map(|call| {
            let of = match call["type"].as_str() {
                Some("custom") => ("custom", "input"),
                _ => ("function", "arguments"),
            };
            called(text(call, "id"), &call[of.0], of.1)
        }));
        self.add(role, parts);
    }

    fn blocks(&mut self, role: &str, content: &Value) {
        let parts = self.parts(content);
        self.add(role, parts);
    }

    fn item(&mut self, item: &Value) {
        match item["type"].as_str() {
            Some("function_call") => {
                self.add(
                    "assistant",
                    vec![called(text(item, "call_id"), item, "arguments")],
                );
            }
            Some("custom_tool_call") => {
                self.add(
                    "assistant",
                    vec![called(text(item, "call_id"), item, "input")],
                );
            }
            Some("function_call_output" | "custom_tool_call_output") => {
                let id = text(item, "call_id");
                let result = Some(result(&item["output"]));
                self.add("tool", vec![Part::ToolResult { id, result }]);
            }
            // What the model thought is between it and its provider.
            Some("reasoning" | "item_reference") => {}
            _ => self.blocks(role(item, "user"), &item["content"]),
        }
    }

    /// Content that is a text or a list of blocks.
    fn parts(&mut self, content: &Value) -> Vec<Part> {
        match content {
            Value::String(text) if !text.is_empty() => {
                let text = text.clone();
                return vec![Part::Text { text }];
            }
            _ => {}
        }
        let mut parts = Vec::new();
        for block in list(content) {
            match block["type"].as_str() {
                Some("text" | "input_text" | "output_text" | "refusal") => {
                    let said = text(block, "text").or_else(|| text(block, "refusal"));
                    let said = said.filter(|text| !text.is_empty());
                    parts.extend(said.map(|text| Part::Text { text }));
                }
                Some("tool_use") => parts.push(called(text(block, "id"), block, "input")),
                Some("tool_result") => {
                    let id = text(block, "tool_use_id");
                    if block["is_error"] == true {
                        self.failed.extend(id.clone());
                    }
                    let result = Some(result(&block["content"]));
                    parts.push(Part::ToolResult { id, result });
                }
                Some("thinking" | "redacted_thinking") => {}
                kind => parts.push(Part::Media {
                    // The thing itself may be megabytes long.
                    reference: kind.unwrap_or("unknown").to_owned(),
                }),
            }
        }
        parts
    }
}

fn called(id: Option<String>, of: &Value, arguments: &str) -> Part {
    Part::ToolCall {
        id,
        name: text(of, "name").unwrap_or_default(),
        arguments: of.get(arguments).map(document),
    }
}

/// What a tool answered: texts joined, read as JSON where they are.
fn result(content: &Value) -> Value {
    let Value::Array(blocks) = content else {
        return document(content);
    };
    let texts: Vec<&str> = blocks
        .iter()
        .filter_map(|block| block["text"].as_str())
        .collect();
    document(&Value::from(texts.join("\n")))
}

fn document(value: &Value) -> Value {
    match value {
        Value::String(text) => {
            serde_json::from_str(text).unwrap_or_else(|_| Value::from(text.as_str()))
        }
        other => other.clone(),
    }
}

fn role<'a>(message: &'a Value, otherwise: &'a str) -> &'a str {
    message["role"].as_str().unwrap_or(otherwise)
}

fn text(value: &Value, name: &str) -> Option<String> {
    value[name].as_str().map(str::to_owned)
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn chat() -> (Value, Value) {
        let request = json!({"model": "m", "messages": [
            {"role": "developer", "content": "Be kind."},
            {"role": "user", "content": [{"type": "text", "text": "Close issue 7."}]},
            {"role": "assistant", "content": null, "tool_calls": [
                {"id": "c1", "type": "function", "function": {"name": "close", "arguments": "{\"number\": 7}"}},
            ]},
            {"role": "tool", "tool_call_id": "c1", "content": "{\"state\": \"closed\"}"},
        ]});
        let answer = json!({"model": "m-1", "choices": [{"message": {"role": "assistant", "content": "Done."}}],
            "usage": {"prompt_tokens": 30, "completion_tokens": 2, "prompt_tokens_details": {"cached_tokens": 8}}});
        (request, answer)
    }

    #[test]
    fn one_conversation_is_the_same_in_every_protocol() {
        let messages = json!({
            "model": "m",
            "system": [{"type": "text", "text": "Be kind."}],
            "messages": [
                {"role": "user", "content": "Close issue 7."},
                {"role": "assistant", "content": [
                    {"type": "thinking", "thinking": "hm"},
                    {"type": "tool_use", "id": "c1", "name": "close", "input": {"number": 7}},
                ]},
                {"role": "tool", "content": [
                    {"type": "tool_result", "tool_use_id": "c1", "content": [{"type": "text", "text": "{\"state\":\"closed\"}"}]},
                ]},
            ],
        });
        let message = json!({"model": "m-1", "role": "assistant", "content": [{"type": "text", "text": "Done."}],
            "usage": {"input_tokens": 22, "cache_read_input_tokens": 8, "output_tokens": 2}});
        let responses = json!({
            "model": "m",
            "instructions": "Be kind.",
            "input": [
                {"role": "user", "content": [{"type": "input_text", "text": "Close issue 7."}]},
                {"type": "reasoning", "summary": []},
                {"type": "function_call", "call_id": "c1", "name": "close", "arguments": "{\"number\":7}"},
                {"type": "function_call_output", "call_id": "c1", "output": "{\"state\":\"closed\"}"},
            ],
        });
        let response = json!({"model": "m-1",
            "output": [{"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "Done."}]}],
            "usage": {"input_tokens": 30, "output_tokens": 2, "input_tokens_details": {"cached_tokens": 8}}});
        let (request, answer) = chat();
        let first = read(Protocol::Chat, &request, Some(&answer));
        assert_eq!(read(Protocol::Messages, &messages, Some(&message)), first);
        assert_eq!(
            read(Protocol::Responses, &responses, Some(&response)),
            first
        );
        assert_eq!(said(&first.call, first.answered).as_deref(), Some("Done."));
        let roles: Vec<&str> = first
            .call
            .messages
            .iter()
            .map(|one| one.role.as_str())
            .collect();
        assert_eq!(roles, ["system", "user", "assistant", "tool", "assistant"]);
        assert_eq!(first.call.model.as_deref(), Some("m-1"));
        let usage = &first.call.usage;
        let tokens = (usage.input_tokens, usage.output_tokens, usage.cached_tokens);
        assert_eq!(tokens, (Some(30), Some(2), Some(8)));
    }

    #[test]
    fn results_that_are_errors_are_told_and_a_turn_of_tools_says_nothing() {
        let request = json!({"model": "m", "messages": [{"role": "user", "content": [
            {"type": "tool_result", "tool_use_id": "c1", "is_error": true, "content": "no such issue"},
            {"type": "image", "source": {"type": "base64", "data": "AAAA"}},
        ]}]});
        let answer = json!({"content": [{"type": "text", "text": "Hm."}, {"type": "tool_use", "id": "c2", "name": "x", "input": {}}]});
        let call = read(Protocol::Messages, &request, Some(&answer));
        assert_eq!(call.failed, ["c1"]);
        assert_eq!(call.failures(), [0]);
        assert_eq!(said(&call.call, call.answered), None);
        assert!(!format!("{call:?}").contains("AAAA"));
    }

    #[test]
    fn other_services_with_such_paths_are_no_models() {
        let (request, _) = chat();
        let of = |path: &str, request: &Value| protocol("POST", path, request);
        assert_eq!(of("/v1/chat/completions", &request), Some(Protocol::Chat));
        assert_eq!(of("/v1/messages", &request), Some(Protocol::Messages));
        assert_eq!(of("/channels/1/messages", &json!({"content": "hi"})), None);
        assert_eq!(of("/forms/responses", &json!({"input": "x"})), None);
        assert_eq!(protocol("GET", "/v1/messages", &request), None);
    }
}
