//! A recorded turn as each protocol answers it, whole or as a stream.

use archal_core::clock::Timestamp;
use archal_core::clone::CloneResponse;
use bytes::Bytes;
use serde_json::{Value, json};

use super::conversation::{Item, Protocol};
use super::turns::Turn;

/// A turn that is answered.
#[derive(Debug, Clone, Copy)]
pub struct Answer<'a> {
    /// The protocol of the request.
    pub protocol: Protocol,
    /// What was recorded.
    pub turn: &'a Turn,
    /// Its position, from 1.
    pub number: usize,
    /// When the trace began; the same in every attempt, as evidence must be.
    pub started: Timestamp,
    /// What the request asks of the form of the answer.
    pub request: &'a Value,
}

/// A call of a tool that a turn asks for.
struct Call<'a> {
    id: String,
    name: &'a str,
    arguments: &'a Value,
}

impl Answer<'_> {
    /// The answer.
    pub fn response(&self) -> CloneResponse {
        let is_stream = self.request["stream"] == true;
        let (kind, body) = match (self.protocol, is_stream) {
            (Protocol::Chat, false) => ("application/json", self.chat().to_string()),
            (Protocol::Chat, true) => ("text/event-stream", self.chat_stream()),
            (Protocol::Messages, false) => ("application/json", self.message().to_string()),
            (Protocol::Messages, true) => ("text/event-stream", self.message_stream()),
            (Protocol::Responses, false) => ("application/json", self.responses().to_string()),
            (Protocol::Responses, true) => ("text/event-stream", self.responses_stream()),
        };
        CloneResponse {
            status: 200,
            headers: vec![("content-type", kind.to_owned())],
            body: Bytes::from(body).into(),
            ..CloneResponse::default()
        }
    }

    fn id(&self, prefix: &str) -> String {
        format!("{prefix}recorded{}", self.number)
    }

    fn model(&self) -> Value {
        let asked = self.request["model"].as_str();
        Value::from(self.turn.model.as_deref().or(asked).unwrap_or("recorded"))
    }

    fn text(&self) -> Option<String> {
        let texts: Vec<&str> = self
            .turn
            .answer
            .iter()
            .filter_map(|item| match item {
                Item::Text { text, .. } => Some(text.as_str()),
                Item::Call { .. } | Item::Result { .. } | Item::Media => None,
            })
            .collect();
        (!texts.is_empty()).then(|| texts.join("\n"))
    }

    fn calls(&self) -> Vec<Call<'_>> {
        let calls = self.turn.answer.iter().filter_map(|item| match item {
            Item::Call {
                id,
                name,
                arguments,
            } => Some((id, name, arguments)),
            Item::Text { .. } | Item::Result { .. } | Item::Media => None,
        });
        calls
            .enumerate()
            .map(|(at, (id, name, arguments))| Call {
                // An agent gives it back with the tool's answer, and nothing else is done with it.
                id: id
                    .clone()
                    .unwrap_or_else(|| format!("call_{}_{}", self.number, at + 1)),
                name,
                arguments,
            })
            .collect()
    }

    fn tokens(&self) -> (u64, u64) {
        let usage = &self.turn.usage;
        (
            usage.input_tokens.unwrap_or_default(),
            usage.output_tokens.unwrap_or_default(),
        )
    }

    fn chat_usage(&self) -> Value {
        let (input, output) = self.tokens();
        json!({"prompt_tokens": input, "completion_tokens": output, "total_tokens": input + output})
    }

    fn chat_calls(&self, with_index: bool) -> Vec<Value> {
        let calls = self.calls();
        calls
            .iter()
            .enumerate()
            .map(|(at, call)| {
                let mut value = json!({
                    "id": call.id,
                    "type": "function",
                    "function": {"name": call.name, "arguments": argument_text(call.arguments)},
                });
                if with_index {
                    value["index"] = Value::from(at);
                }
                value
            })
            .collect()
    }

    fn chat_finish(&self) -> &'static str {
        match self.calls().is_empty() {
            true => "stop",
            false => "tool_calls",
        }
    }

    fn chat(&self) -> Value {
        let mut message = json!({"role": "assistant", "content": self.text(), "refusal": null});
        let calls = self.chat_calls(false);
        if !calls.is_empty() {
            message["tool_calls"] = Value::from(calls);
        }
        json!({
            "id": self.id("chatcmpl-"),
            "object": "chat.completion",
            "created": self.started.as_second(),
            "model": self.model(),
            "choices": [{
                "index": 0,
                "message": message,
                "logprobs": null,
                "finish_reason": self.chat_finish(),
            }],
            "usage": self.chat_usage(),
        })
    }

    fn chat_stream(&self) -> String {
        let chunk = |choices: Value| {
            json!({
                "id": self.id("chatcmpl-"),
                "object": "chat.completion.chunk",
                "created": self.started.as_second(),
                "model": self.model(),
                "choices": choices,
            })
        };
        let delta = |delta: Value, finish: Option<&str>| {
            chunk(json!([{
                "index": 0, "delta": delta, "logprobs": null, "finish_reason": finish,
            }]))
        };
        let mut events = vec![delta(json!({"role": "assistant", "content": ""}), None)];
        events.extend(
            self.text()
                .map(|text| delta(json!({"content": text}), None)),
        );
        let calls = self.chat_calls(true);
        if !calls.is_empty() {
            events.push(delta(json!({"tool_calls": calls}), None));
        }
        events.push(delta(json!({}), Some(self.chat_finish())));
        if self.request["stream_options"]["include_usage"] == true {
            let mut last = chunk(json!([]));
            last["usage"] = self.chat_usage();
            events.push(last);
        }
        let lines: String = events
            .iter()
            .map(|event| format!("data: {event}\n\n"))
            .collect();
        format!("{lines}data: [DONE]\n\n")
    }

    fn message_blocks(&self) -> Vec<Value> {
        let text = self
            .text()
            .map(|text| json!({"type": "text", "text": text}));
        let calls = self.calls();
        let calls = calls.iter().map(|call| {
            json!({"type": "tool_use", "id": call.id, "name": call.name, "input": call.arguments})
        });
        text.into_iter().chain(calls).collect()
    }

    fn message(&self) -> Value {
        let (input, output) = self.tokens();
        json!({
            "id": self.id("msg_"),
            "type": "message",
            "role": "assistant",
            "model": self.model(),
            "content": self.message_blocks(),
            "stop_reason": self.message_stop(),
            "stop_sequence": null,
            "usage": {"input_tokens": input, "output_tokens": output},
        })
    }

    fn message_stop(&self) -> &'static str {
        match self.calls().is_empty() {
            true => "end_turn",
            false => "tool_use",
        }
    }

    fn message_stream(&self) -> String {
        let (input, output) = self.tokens();
        let mut start = self.message();
        start["content"] = json!([]);
        start["stop_reason"] = Value::Null;
        start["usage"] = json!({"input_tokens": input, "output_tokens": 0});
        let mut events = vec![json!({"type": "message_start", "message": start})];
        for (index, block) in self.message_blocks().into_iter().enumerate() {
            let (empty, delta) = match block["type"].as_str() {
                Some("text") => (
                    json!({"type": "text", "text": ""}),
                    json!({"type": "text_delta", "text": block["text"]}),
                ),
                _ => (
                    json!({"type": "tool_use", "id": block["id"], "name": block["name"], "input": {}}),
                    json!({"type": "input_json_delta", "partial_json": block["input"].to_string()}),
                ),
            };
            events.extend([
                json!({"type": "content_block_start", "index": index, "content_block": empty}),
                json!({"type": "content_block_delta", "index": index, "delta": delta}),
                json!({"type": "content_block_stop", "index": index}),
            ]);
        }
        events.extend([
            json!({
                "type": "message_delta",
                "delta": {"stop_reason": self.message_stop(), "stop_sequence": null},
                "usage": {"output_tokens": output},
            }),
            json!({"type": "message_stop"}),
        ]);
        named(&events)
    }

    fn response_items(&self) -> Vec<Value> {
        let text = self.text().map(|text| {
            json!({
                "type": "message",
                "id": self.id("msg_"),
                "status": "completed",
                "role": "assistant",
                "content": [{"type": "output_text", "text": text, "annotations": []}],
            })
        });
        let calls = self.calls();
        let calls = calls.iter().enumerate().map(|(at, call)| {
            json!({
                "type": "function_call",
                "id": format!("fc_{}_{}", self.number, at + 1),
                "call_id": call.id,
                "name": call.name,
                "arguments": argument_text(call.arguments),
                "status": "completed",
            })
        });
        text.into_iter().chain(calls).collect()
    }

    fn responses(&self) -> Value {
        let (input, output) = self.tokens();
        json!({
            "id": self.id("resp_"),
            "object": "response",
            "created_at": self.started.as_second(),
            "status": "completed",
            "error": null,
            "incomplete_details": null,
            "instructions": self.request["instructions"],
            "metadata": {},
            "model": self.model(),
            "output": self.response_items(),
            "parallel_tool_calls": true,
            "temperature": 1.0,
            "tool_choice": "auto",
            "tools": [],
            "top_p": 1.0,
            "usage": {
                "input_tokens": input,
                "input_tokens_details": {"cached_tokens": 0},
                "output_tokens": output,
                "output_tokens_details": {"reasoning_tokens": 0},
                "total_tokens": input + output,
            },
        })
    }

    fn responses_stream(&self) -> String {
        let whole = self.responses();
        let mut begun = whole.clone();
        begun["status"] = Value::from("in_progress");
        begun["output"] = json!([]);
        begun["usage"] = Value::Null;
        let mut events = vec![
            json!({"type": "response.created", "response": begun}),
            json!({"type": "response.in_progress", "response": begun}),
        ];
        for (at, item) in self.response_items().into_iter().enumerate() {
            let id = item["id"].clone();
            let mut empty = item.clone();
            empty["status"] = Value::from("in_progress");
            let place = |kind: &str| json!({"type": kind, "item_id": id, "output_index": at});
            let mut parts = Vec::new();
            if item["type"] == "message" {
                empty["content"] = json!([]);
                let part = item["content"][0].clone();
                let text = part["text"].clone();
                let mut bare = part.clone();
                bare["text"] = Value::from("");
                for (kind, name, value) in [
                    ("response.content_part.added", "part", bare),
                    ("response.output_text.delta", "delta", text.clone()),
                    ("response.output_text.done", "text", text),
                    ("response.content_part.done", "part", part),
                ] {
                    let mut event = place(kind);
                    event["content_index"] = Value::from(0);
                    event[name] = value;
                    parts.push(event);
                }
            } else {
                empty["arguments"] = Value::from("");
                for (kind, name) in [
                    ("response.function_call_arguments.delta", "delta"),
                    ("response.function_call_arguments.done", "arguments"),
                ] {
                    let mut event = place(kind);
                    event[name] = item["arguments"].clone();
                    parts.push(event);
                }
            }
            let added = "response.output_item.added";
            let done = "response.output_item.done";
            events.push(json!({"type": added, "output_index": at, "item": empty}));
            events.extend(parts);
            events.push(json!({"type": done, "output_index": at, "item": item}));
        }
        events.push(json!({"type": "response.completed", "response": whole}));
        for (at, event) in events.iter_mut().enumerate() {
            event["sequence_number"] = Value::from(at);
        }
        named(&events)
    }
}

/// Arguments as the text that a model writes.
fn argument_text(arguments: &Value) -> String {
    match arguments {
        Value::Null => "{}".to_owned(),
        // A model may write what is no JSON; it was kept as it was.
        Value::String(text) => text.clone(),
        document => document.to_string(),
    }
}

/// Events that are named by their type.
fn named(events: &[Value]) -> String {
    events
        .iter()
        .map(|event| {
            let name = event["type"].as_str().unwrap_or_default();
            format!("event: {name}\ndata: {event}\n\n")
        })
        .collect()
}
