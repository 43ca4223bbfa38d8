//! Streams of events, as models answer in, as the one document that the same call would have
//! answered without a stream.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::reproduce::recorded::conversation::Protocol;

/// Most items of one kind that a stream is made of; positions are numbers that the text chooses.
const ITEMS: usize = 4096;

/// The document that a stream of a protocol amounts to, as far as it came; none where it is none of
/// its events.
pub fn joined(protocol: Protocol, stream: &str) -> Option<Value> {
    let events: Vec<Value> = data(stream)
        .iter()
        .filter_map(|data| serde_json::from_str(data).ok())
        .collect();
    if events.is_empty() {
        return None;
    }
    match protocol {
        Protocol::Chat => chat(&events),
        Protocol::Messages => messages(&events),
        Protocol::Responses => responses(&events),
    }
}

/// What events hold, several lines of one joined.
fn data(stream: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut current: Option<String> = None;
    for line in stream.split('\n') {
        let line = line.strip_suffix('\r').unwrap_or(line);
        if line.is_empty() {
            found.extend(current.take());
            continue;
        }
        let Some(part) = line.strip_prefix("data:") else {
            continue;
        };
        let part = part.strip_prefix(' ').unwrap_or(part);
        match &mut current {
            Some(known) => {
                known.push('\n');
                known.push_str(part);
            }
            None => current = Some(part.to_owned()),
        }
    }
    found.extend(current);
    found
}

/// Adds a text to what a field has.
fn append(map: &mut Map<String, Value>, name: &str, more: &Value) {
    let Some(more) = more.as_str() else {
        return;
    };
    match map.get_mut(name) {
        Some(Value::String(text)) => text.push_str(more),
        _ => {
            map.insert(name.to_owned(), Value::from(more));
        }
    }
}

fn position(value: &Value) -> Option<usize> {
    let at = value.as_u64().unwrap_or(0);
    usize::try_from(at).ok().filter(|at| *at < ITEMS)
}

fn chat(events: &[Value]) -> Option<Value> {
    let mut message = Map::new();
    let mut calls: BTreeMap<usize, Map<String, Value>> = BTreeMap::new();
    let mut whole = Map::new();
    for event in events {
        for name in ["id", "model", "usage"] {
            if !event[name].is_null() {
                whole.insert(name.to_owned(), event[name].clone());
            }
        }
        // Of several answers to one request the first is the one that agents go on with.
        let choices = event["choices"].as_array().into_iter().flatten();
        let first = choices.filter(|choice| choice["index"].as_u64().unwrap_or(0) == 0);
        for choice in first {
            let delta = &choice["delta"];
            for name in ["content", "refusal"] {
                append(&mut message, name, &delta[name]);
            }
            for call in delta["tool_calls"].as_array().into_iter().flatten() {
                let Some(at) = position(&call["index"]) else {
                    continue;
                };
                let known = calls.entry(at).or_default();
                if let Some(id) = call["id"].as_str().filter(|id| !id.is_empty()) {
                    known.insert("id".to_owned(), Value::from(id));
                }
                append(known, "name", &call["function"]["name"]);
                append(known, "arguments", &call["function"]["arguments"]);
            }
        }
    }
    if message.is_empty() && calls.is_empty() {
        return None;
    }
    let calls: Vec<Value> = calls
        .into_values()
        .map(|call| {
            json!({"id": call.get("id"), "type": "function", "function": {
                "name": call.get("name"), "arguments": call.get("arguments"),
            }})
        })
        .collect();
    message.insert("role".to_owned(), Value::from("assistant"));
    if !calls.is_empty() {
        message.insert("tool_calls".to_owned(), Value::from(calls));
    }
    whole.insert(
        "choices".to_owned(),
        json!([{"index": 0, "message": message}]),
    );
    Some(Value::Object(whole))
}

fn messages(events: &[Value]) -> Option<Value> {
    let mut whole = Map::new();
    let mut blocks: BTreeMap<usize, Map<String, Value>> = BTreeMap::new();
    let mut arguments: BTreeMap<usize, String> = BTreeMap::new();
    let mut usage = Map::new();
    for event in events {
        match event["type"].as_str() {
            Some("message_start") => {
                if let Some(message) = event["message"].as_object() {
                    whole = message.clone();
                    usage.extend(
                        message
                            .get("usage")
                            .and_then(Value::as_object)
                            .cloned()
                            .unwrap_or_default(),
                    );
                }
            }
            Some("content_block_start") => {
                let block = event["content_block"].as_object();
                if let (Some(at), Some(block)) = (position(&event["index"]), block) {
                    blocks.insert(at, block.clone());
                }
            }
            Some("content_block_delta") => {
                let Some(at) = position(&event["index"]) else {
                    continue;
                };
                let delta = &event["delta"];
                let block = blocks.entry(at).or_default();
                append(block, "text", &delta["text"]);
                append(block, "thinking", &delta["thinking"]);
                if let Some(part) = delta["partial_json"].as_str() {
                    arguments.entry(at).or_default().push_str(part);
                }
            }
            Some("message_delta") => {
                usage.extend(event["usage"].as_object().cloned().unwrap_or_default());
            }
            _ => {}
        }
    }
    if whole.is_empty() && blocks.is_empty() {
        return None;
    }
    for (at, text) in arguments {
        // Arguments that broke off are kept as the text they are.
        let value = serde_json::from_str(&text).unwrap_or(Value::String(text));
        if let Some(block) = blocks.get_mut(&at) {
            block.insert("input".to_owned(), value);
        }
    }
    let blocks: Vec<Value> = blocks.into_values().map(Value::Object).collect();
    whole.insert("content".to_owned(), Value::from(blocks));
    whole.insert("usage".to_owned(), Value::Object(usage));
    Some(Value::Object(whole))
}

fn responses(events: &[Value]) -> Option<Value> {
    let is_end = |event: &&Value| {
        matches!(
            event["type"].as_str(),
            Some("response.completed" | "response.incomplete" | "response.failed")
        )
    };
    if let Some(end) = events.iter().rev().find(is_end) {
        return Some(end["response"].clone());
    }
    let done = |event: &&Value| event["type"] == "response.output_item.done";
    let items: Vec<Value> = events
        .iter()
        .filter(done)
        .map(|event| event["item"].clone())
        .collect();
    let begun = events
        .iter()
        .find(|event| event["type"] == "response.created");
    let mut whole = begun?["response"].as_object()?.clone();
    whole.insert("output".to_owned(), Value::from(items));
    Some(Value::Object(whole))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_of_chat_is_its_text_its_calls_and_its_usage() {
        let stream = "\
data: {\"id\":\"c\",\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"\"}}]}\n\n\
data: {\"id\":\"c\",\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Hel\"}}]}\r\n\r\n\
data: {\"id\":\"c\",\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"lo\"}},{\"index\":1,\"delta\":{\"content\":\"other\"}}]}\n\n\
: a comment\n\n\
data: {\"choices\":[{\"index\":0,\"delta\":{\"tool_calls\":[{\"index\":0,\"id\":\"c1\",\"function\":{\"name\":\"close\",\"arguments\":\"\"}}]}}]}\n\n\
data: {\"choices\":[{\"index\":0,\"delta\":{\"tool_calls\":[{\"index\":0,\"function\":{\"arguments\":\"{\\\"n\\\":\"}}]}}]}\n\n\
data: {\"choices\":[{\"index\":0,\"delta\":{\"tool_calls\":[{\"index\":0,\"function\":{\"arguments\":\"7}\"}}]}}]}\n\n\
data: {\"choices\":[],\"usage\":{\"prompt_tokens\":5,\"completion_tokens\":2}}\n\n\
data: [DONE]\n\n";
        let joined = joined(Protocol::Chat, stream).expect("a document");
        insta::assert_json_snapshot!(joined, @r#"
        {
          "choices": [
            {
              "index": 0,
              "message": {
                "content": "Hello",
                "role": "assistant",
                "tool_calls": [
                  {
                    "function": {
                      "arguments": "{\"n\":7}",
                      "name": "close"
                    },
                    "id": "c1",
                    "type": "function"
                  }
                ]
              }
            }
          ],
          "id": "c",
          "model": "m",
          "usage": {
            "completion_tokens": 2,
            "prompt_tokens": 5
          }
        }
        "#);
    }

    #[test]
    fn a_stream_of_messages_is_its_blocks_and_its_usage() {
        let events = [
            json!({"type": "message_start", "message": {"model": "m", "role": "assistant", "content": [], "usage": {"input_tokens": 9, "output_tokens": 1}}}),
            json!({"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}),
            json!({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "Hi"}}),
            json!({"type": "content_block_start", "index": 1, "content_block": {"type": "tool_use", "id": "t", "name": "close", "input": {}}}),
            json!({"type": "content_block_delta", "index": 1, "delta": {"type": "input_json_delta", "partial_json": "{\"n\""}}),
            json!({"type": "content_block_delta", "index": 1, "delta": {"type": "input_json_delta", "partial_json": ":7}"}}),
            json!({"type": "content_block_delta", "index": 4_000_000_000_u64, "delta": {"text": "x"}}),
            json!({"type": "message_delta", "delta": {"stop_reason": "tool_use"}, "usage": {"output_tokens": 4}}),
        ];
        let stream: String = events
            .iter()
            .map(|event| format!("event: x\ndata: {event}\n\n"))
            .collect();
        let joined = joined(Protocol::Messages, &stream).expect("a document");
        let expected = json!({
            "model": "m", "role": "assistant", "usage": {"input_tokens": 9, "output_tokens": 4},
            "content": [{"type": "text", "text": "Hi"}, {"type": "tool_use", "id": "t", "name": "close", "input": {"n": 7}}],
        });
        assert_eq!(joined, expected);
    }

    #[test]
    fn a_stream_of_responses_is_the_last_one_or_what_was_done_before_it_broke_off() {
        let created = json!({"type": "response.created", "response": {"model": "m", "output": []}});
        let item = json!({"type": "message", "content": [{"type": "output_text", "text": "Hi"}]});
        let done = json!({"type": "response.output_item.done", "item": item});
        let end =
            json!({"type": "response.completed", "response": {"model": "m", "output": [item]}});
        let stream = |events: &[&Value]| -> String {
            events
                .iter()
                .map(|event| format!("data: {event}\n\n"))
                .collect()
        };
        let expected = json!({"model": "m", "output": [item]});
        for events in [&[&created, &done, &end][..], &[&created, &done]] {
            assert_eq!(
                joined(Protocol::Responses, &stream(events)),
                Some(expected.clone())
            );
        }
        assert_eq!(joined(Protocol::Responses, "no stream"), None);
    }
}
