//! Made-up secrets and what is none: what the rules find, and what they leave alone.
//!
//! - [`generator`]: a text that matches an expression, from a number.
//! - `recall`: every rule, in every place of a trace. `benign`: how much is taken for a secret
//!   that is none. `options`: what users add, placeholders, files. `laws`: what holds for any input. `tests`: where figures are told.

mod benign;
mod generator;
mod laws;
mod options;
mod recall;
mod tests;

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::trace::{HttpExchange, LlmCall, Message, Part, Score, Span, ToolCall, Trace};

/// A trace that holds a text in one place.
type Plant = fn(&str) -> Trace;

/// Every place of a trace that holds text, by name.
const PLACES: &[(&str, Plant)] = &[
    ("trace.name", |text| Trace {
        name: text.to_owned(),
        ..Trace::default()
    }),
    ("trace.error", |text| Trace {
        error: Some(text.to_owned()),
        ..Trace::default()
    }),
    ("trace.input", |text| Trace {
        input: Some(text.into()),
        ..Trace::default()
    }),
    ("trace.output", |text| Trace {
        output: Some(json!({"a": [{"b": text}]})),
        ..Trace::default()
    }),
    ("trace.sessionId", |text| Trace {
        session_id: Some(text.to_owned()),
        ..Trace::default()
    }),
    ("trace.userId", |text| Trace {
        user_id: Some(text.to_owned()),
        ..Trace::default()
    }),
    ("trace.environment", |text| Trace {
        environment: Some(text.to_owned()),
        ..Trace::default()
    }),
    ("trace.release", |text| Trace {
        release: Some(text.to_owned()),
        ..Trace::default()
    }),
    ("trace.tags", |text| Trace {
        tags: vec![text.to_owned()],
        ..Trace::default()
    }),
    ("trace.metadata", |text| Trace {
        metadata: [("note".to_owned(), text.into())].into(),
        ..Trace::default()
    }),
    ("trace.metadata nested", |text| Trace {
        metadata: [("x".to_owned(), json!([[text]]))].into(),
        ..Trace::default()
    }),
    ("score.comment", |text| Trace {
        scores: vec![Score {
            name: "s".to_owned(),
            value: Value::Null,
            origin: Default::default(),
            comment: Some(text.to_owned()),
        }],
        ..Trace::default()
    }),
    ("score.value", |text| Trace {
        scores: vec![Score {
            name: "s".to_owned(),
            value: text.into(),
            origin: Default::default(),
            comment: None,
        }],
        ..Trace::default()
    }),
    ("span.name", |text| {
        span(Span {
            name: text.to_owned(),
            ..Span::default()
        })
    }),
    ("span.error", |text| {
        span(Span {
            error: Some(text.to_owned()),
            ..Span::default()
        })
    }),
    ("span.input", |text| {
        span(Span {
            input: Some(json!({"prompt": text})),
            ..Span::default()
        })
    }),
    ("span.output", |text| {
        span(Span {
            output: Some(text.into()),
            ..Span::default()
        })
    }),
    ("tool.arguments", |text| {
        tool(Some(json!({"command": text})), None)
    }),
    ("tool.result", |text| tool(None, Some(text.into()))),
    ("tool.result, JSON in a string", |text| {
        tool(
            None,
            Some(json!({"content": json!({"text": text}).to_string()})),
        )
    }),
    ("tool.result, JSON in JSON in a string", |text| {
        tool(
            None,
            Some(json!({"content": json!({"text": json!([text]).to_string()}).to_string()})),
        )
    }),
    ("http.requestHeaders", |text| {
        http(HttpExchange {
            request_headers: headers(text),
            ..HttpExchange::default()
        })
    }),
    ("http.responseHeaders", |text| {
        http(HttpExchange {
            response_headers: headers(text),
            ..HttpExchange::default()
        })
    }),
    ("http.requestBody", |text| {
        http(HttpExchange {
            request_body: Some(text.into()),
            ..HttpExchange::default()
        })
    }),
    ("http.responseBody", |text| {
        http(HttpExchange {
            response_body: Some(json!([{"body": text}])),
            ..HttpExchange::default()
        })
    }),
    ("llm text", |text| {
        llm(Part::Text {
            text: text.to_owned(),
        })
    }),
    ("llm tool call", |text| {
        llm(Part::ToolCall {
            id: None,
            name: "t".to_owned(),
            arguments: Some(json!({"x": text})),
        })
    }),
    ("llm tool result", |text| {
        llm(Part::ToolResult {
            id: None,
            result: Some(text.into()),
        })
    }),
    ("attributes", |text| {
        span(Span {
            attributes: [("app.note".to_owned(), text.into())].into(),
            ..Span::default()
        })
    }),
    ("attributes, pairs", |text| {
        span(Span {
            attributes: [("h".to_owned(), json!([["x-note", text]]))].into(),
            ..Span::default()
        })
    }),
    ("trace.id", |text| Trace {
        id: text.to_owned(),
        ..Trace::default()
    }),
    ("trace.model", |text| Trace {
        model: Some(text.to_owned()),
        ..Trace::default()
    }),
    ("trace.metadata, a key", |text| Trace {
        metadata: [(text.to_owned(), 1.into())].into(),
        ..Trace::default()
    }),
    ("score.name", |text| Trace {
        scores: vec![Score {
            name: text.to_owned(),
            value: 1.into(),
            origin: Default::default(),
            comment: None,
        }],
        ..Trace::default()
    }),
    ("span.id", |text| {
        span(Span {
            id: text.to_owned(),
            ..Span::default()
        })
    }),
    ("span.parentId", |text| {
        span(Span {
            parent_id: Some(text.to_owned()),
            ..Span::default()
        })
    }),
    ("tool.name", |text| {
        span(Span {
            tool: Some(ToolCall {
                name: text.to_owned(),
                ..ToolCall::default()
            }),
            ..Span::default()
        })
    }),
    ("tool.callId", |text| {
        span(Span {
            tool: Some(ToolCall {
                call_id: Some(text.to_owned()),
                ..ToolCall::default()
            }),
            ..Span::default()
        })
    }),
    ("tool.arguments, a key", |text| {
        tool(Some(json!({"headers": [{text: 1}]})), None)
    }),
    ("llm.model", |text| {
        span(Span {
            llm: Some(LlmCall {
                model: Some(text.to_owned()),
                ..LlmCall::default()
            }),
            ..Span::default()
        })
    }),
    ("llm role", |text| {
        span(Span {
            llm: Some(LlmCall {
                messages: vec![Message {
                    role: text.to_owned(),
                    parts: Vec::new(),
                }],
                ..LlmCall::default()
            }),
            ..Span::default()
        })
    }),
    ("llm tool call, its id and name", |text| {
        llm(Part::ToolCall {
            id: Some(text.to_owned()),
            name: text.to_owned(),
            arguments: None,
        })
    }),
    ("llm tool result, its id", |text| {
        llm(Part::ToolResult {
            id: Some(text.to_owned()),
            result: None,
        })
    }),
    ("attributes, a key", |text| {
        span(Span {
            attributes: [(text.to_owned(), 1.into())].into(),
            ..Span::default()
        })
    }),
    ("attributes, named pairs", |text| {
        span(Span {
            attributes: [("h".to_owned(), json!([{"name": "x-note", "value": text}]))].into(),
            ..Span::default()
        })
    }),
];

fn span(span: Span) -> Trace {
    Trace {
        spans: vec![span],
        ..Trace::default()
    }
}

fn tool(arguments: Option<Value>, result: Option<Value>) -> Trace {
    span(Span {
        tool: Some(ToolCall {
            arguments,
            result,
            ..ToolCall::default()
        }),
        ..Span::default()
    })
}

fn http(http: HttpExchange) -> Trace {
    span(Span {
        http: Some(http),
        ..Span::default()
    })
}

fn llm(part: Part) -> Trace {
    let messages = vec![Message {
        role: "user".to_owned(),
        parts: vec![part],
    }];
    span(Span {
        llm: Some(LlmCall {
            messages,
            ..LlmCall::default()
        }),
        ..Span::default()
    })
}

fn headers(text: &str) -> BTreeMap<String, String> {
    [("x-note".to_owned(), text.to_owned())].into()
}

/// Whether a text stands in any string of a value, also in strings that hold JSON.
fn holds(value: &Value, text: &str) -> bool {
    match value {
        Value::String(inner) => {
            inner.contains(text)
                || serde_json::from_str::<Value>(inner)
                    .is_ok_and(|inner| !inner.is_number() && holds(&inner, text))
        }
        Value::Array(items) => items.iter().any(|item| holds(item, text)),
        Value::Object(map) => map.values().any(|inner| holds(inner, text)),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}
