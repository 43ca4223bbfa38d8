//! Dialect `messages`: a conversation in the shape that chat APIs take it in.
//!
//! A record is an object with a list `messages`; the other fields say what run it was. Calls are
//! joined to their results by id; a conversation whose calls are written in the text is read by
//! [`textual`].

mod textual;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, VecDeque};

use archal_core::diagnostic::Diagnostic;
use archal_core::hash;
use archal_core::source::{Decoded, DecodedTrace};
use archal_core::trace::{LlmCall, Message, Part, Score, Span, SpanKind, Status, ToolCall, Trace};
use serde_json::{Map, Value};

use super::rows::fields;
use super::{Dialect, Wanted};
use crate::document::Document;
use crate::findings;
use crate::normalise::{has_content, normalise, shown};
use crate::otlp::{messages, says_error};
use crate::raw::{self, Record};

pub(super) const DIALECT: Dialect = Dialect {
    name: "messages",
    fits,
    read,
    traces: None,
};

/// Records one file may give.
const MAX_TRACES: usize = 100_000;
/// Messages of one record that are read.
const MAX_MESSAGES: usize = 200_000;

fn fits(record: &Record<'_>) -> bool {
    record.list(&["messages"]).is_some()
}

fn read(records: &[Record<'_>], document: &Document<'_>, _: Wanted<'_>, decoded: &mut Decoded) {
    for record in records.iter().take(MAX_TRACES) {
        let one = read_record(record, document, decoded);
        decoded.traces.push(one);
    }
    if let Some(beyond) = records
        .len()
        .checked_sub(MAX_TRACES)
        .filter(|more| *more > 0)
    {
        findings::add(
            &mut decoded.diagnostics,
            Diagnostic::error(
                "trace/too-many",
                format!("a file gives at most {MAX_TRACES} traces; left out: {beyond}"),
            )
            .with_help("split it into smaller files"),
        );
    }
}

fn read_record(
    record: &Record<'_>,
    document: &Document<'_>,
    decoded: &mut Decoded,
) -> DecodedTrace {
    let mut fields = fields(record, "messages", document, decoded);
    let mut trace = Trace {
        id: taken_text(&mut fields, &["id", "trace_id", "traceId", "instance_id"])
            .unwrap_or_else(|| format!("messages-{}", hash::short(record.text))),
        name: taken_text(&mut fields, &["name"]).unwrap_or_else(|| "messages".to_owned()),
        model: taken_text(&mut fields, &["model"]),
        session_id: taken_text(&mut fields, &["session_id", "sessionId", "conversation_id"]),
        user_id: taken_text(&mut fields, &["user_id", "userId"]),
        environment: taken_text(&mut fields, &["environment"]),
        release: taken_text(&mut fields, &["release"]),
        started_at: taken_time(&mut fields, &["started_at", "startedAt", "timestamp"]),
        ended_at: taken_time(&mut fields, &["ended_at", "endedAt"]),
        ..Trace::default()
    };
    trace.error = match fields.get("error") {
        Some(Value::String(text)) if !text.is_empty() => Some(text.clone()),
        _ => None,
    };
    trace.status = match fields.get("status").and_then(Value::as_str) {
        _ if trace.error.is_some() => Status::Error,
        Some("ok") => Status::Ok,
        Some("error") => Status::Error,
        _ => Status::Unset,
    };
    trace.tags = texts(fields.remove("tags"));
    trace.scores = scores(fields.remove("scores"));
    let source = taken_text(&mut fields, &["source"]);
    let project = taken_text(&mut fields, &["project"]);
    let mut conversation = Conversation::default();
    if let Some(system) = fields.remove("system") {
        conversation.add(&system, "system");
    }
    each_message(record, document, decoded, &mut trace, &mut conversation);
    if let Some(Value::Object(more)) = fields.remove("metadata") {
        fields.extend(more);
    }
    trace.metadata = fields.into_iter().collect();
    conversation.finish(&mut trace);
    normalise(&mut trace, &mut decoded.diagnostics);
    trace.completeness.content = has_content(&trace);
    DecodedTrace {
        source,
        project,
        trace,
        ..DecodedTrace::default()
    }
}

fn each_message(
    record: &Record<'_>,
    document: &Document<'_>,
    decoded: &mut Decoded,
    trace: &mut Trace,
    conversation: &mut Conversation,
) {
    let Some(list) = record.list(&["messages"]) else {
        return;
    };
    let mut position = 0_usize;
    raw::each_item(list, |part| {
        position += 1;
        let bad = if position > MAX_MESSAGES {
            "there are too many".to_owned()
        } else {
            match raw::value(part.get()) {
                Ok(value @ Value::Object(_)) => return conversation.add(&value, "user"),
                Ok(_) => "it is not an object".to_owned(),
                Err(error) => raw::reason(&error),
            }
        };
        trace.completeness.dropped = trace.completeness.dropped.saturating_add(1);
        let start = record.start_of(part);
        findings::add(
            &mut decoded.diagnostics,
            Diagnostic::warning(
                "trace/bad-message",
                format!(
                    "message {} of trace `{}` cannot be read: {bad}",
                    position - 1,
                    shown(&trace.id)
                ),
            )
            .at(document.place(start..start + part.get().len())),
        );
    });
}

/// The messages of one record as they come.
#[derive(Default)]
struct Conversation {
    messages: Vec<Said>,
}

/// A message and what the model of messages has no place for.
struct Said {
    message: Message,
    /// The tool that answered, where the message names it.
    tool: Option<String>,
    /// Whether the message says of its results that they are errors, by place among the parts.
    errors: Vec<bool>,
    model: Option<String>,
}

impl Conversation {
    fn add(&mut self, value: &Value, role: &str) {
        let function_call = value
            .get("function_call")
            .filter(|call| call.get("name").is_some());
        let answers_function = value.get("role").and_then(Value::as_str) == Some("function");
        let mut adapted;
        let mut value = value;
        if function_call.is_some() || answers_function {
            // The shape before there were several calls in a message.
            adapted = value.clone();
            if let (Some(call), Some(map)) = (function_call, adapted.as_object_mut()) {
                map.insert("tool_calls".to_owned(), Value::Array(vec![call.clone()]));
            }
            if let (true, Some(map)) = (answers_function, adapted.as_object_mut()) {
                map.insert("role".to_owned(), Value::from("tool"));
            }
            value = &adapted;
        }
        let failed = |value: &Value| {
            ["is_error", "isError"]
                .iter()
                .any(|name| value.get(*name) == Some(&Value::Bool(true)))
                || value.get("status").and_then(Value::as_str) == Some("error")
        };
        let whole = failed(value);
        // The blocks that are results, in order; a message that is one has no such blocks.
        let blocks: Vec<bool> = value
            .get("content")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter(|block| {
                block
                    .get("type")
                    .and_then(Value::as_str)
                    .is_some_and(|kind| kind.contains("result"))
            })
            .map(failed)
            .collect();
        let text = |name: &str| value.get(name).and_then(Value::as_str).map(str::to_owned);
        let (tool, model) = (text("name"), text("model"));
        for message in messages::read(value, role).messages {
            let mut results = 0;
            let errors = message
                .parts
                .iter()
                .map(|part| {
                    if !matches!(part, Part::ToolResult { .. }) {
                        return false;
                    }
                    results += 1;
                    whole || blocks.get(results - 1).copied().unwrap_or_default()
                })
                .collect();
            self.messages.push(Said {
                message,
                tool: tool.clone(),
                errors,
                model: model.clone(),
            });
        }
    }

    /// Makes spans of the messages: one for each answer of the model, one for each call of a
    /// tool.
    fn finish(mut self, trace: &mut Trace) {
        textual::rewrite(&mut self.messages);
        trace.input = self
            .messages
            .iter()
            .find(|said| said.message.role == "user")
            .and_then(|said| messages::text(&said.message))
            .map(Value::String);
        trace.output = self
            .messages
            .iter()
            .rev()
            .find(|said| said.message.role == "assistant")
            .filter(|said| {
                !said
                    .message
                    .parts
                    .iter()
                    .any(|part| matches!(part, Part::ToolCall { .. }))
            })
            .and_then(|said| messages::text(&said.message))
            .map(Value::String);
        let mut spans = Spans {
            spans: Vec::new(),
            open: BTreeMap::new(),
            unnamed: VecDeque::new(),
            // Spans without times are in order of their ids.
            width: self.messages.len().to_string().len(),
        };
        let mut before = Vec::new();
        let last = self.messages.len();
        for (position, said) in self.messages.into_iter().enumerate() {
            for (part, failed) in said.message.parts.iter().zip(&said.errors) {
                if let Part::ToolResult { id, result } = part {
                    let tool = said.tool.as_deref();
                    spans.result(id.as_deref(), tool, result.as_ref(), *failed, position);
                }
            }
            let speaks = said.message.role == "assistant";
            let parts = said.message.parts.clone();
            before.push(said.message);
            if speaks {
                let model = said.model.or_else(|| trace.model.clone());
                trace.model = trace.model.take().or_else(|| model.clone());
                spans.turn(position, SpanKind::Llm, model, std::mem::take(&mut before));
                for (place, part) in parts.into_iter().enumerate() {
                    if let Part::ToolCall {
                        id,
                        name,
                        arguments,
                    } = part
                    {
                        spans.call(position, place, id, name, arguments);
                    }
                }
            }
        }
        if !before.is_empty() {
            spans.turn(last, SpanKind::Event, None, before);
        }
        trace.spans = spans.spans;
    }
}

/// The spans of a conversation while it is read.
struct Spans {
    spans: Vec<Span>,
    /// Calls without a result, by id: the places of their spans.
    open: BTreeMap<String, VecDeque<usize>>,
    /// The same of calls that have no id.
    unnamed: VecDeque<usize>,
    width: usize,
}

impl Spans {
    fn id(&self, position: usize) -> String {
        format!("m{position:0width$}", width = self.width)
    }

    fn turn(
        &mut self,
        position: usize,
        kind: SpanKind,
        model: Option<String>,
        messages: Vec<Message>,
    ) {
        self.spans.push(Span {
            id: self.id(position),
            name: if kind == SpanKind::Llm {
                "chat".to_owned()
            } else {
                "message".to_owned()
            },
            kind,
            llm: Some(LlmCall {
                model,
                messages,
                ..LlmCall::default()
            }),
            ..Span::default()
        });
    }

    fn call(
        &mut self,
        position: usize,
        place: usize,
        id: Option<String>,
        name: String,
        arguments: Option<Value>,
    ) {
        let at = self.spans.len();
        match &id {
            Some(id) => self.open.entry(id.clone()).or_default().push_back(at),
            None => self.unnamed.push_back(at),
        }
        self.spans.push(Span {
            id: format!("{}.c{place:03}", self.id(position)),
            name: name.clone(),
            kind: SpanKind::Tool,
            tool: Some(ToolCall {
                name,
                call_id: id,
                arguments,
                ..ToolCall::default()
            }),
            ..Span::default()
        });
    }

    fn result(
        &mut self,
        id: Option<&str>,
        tool: Option<&str>,
        result: Option<&Value>,
        failed: bool,
        position: usize,
    ) {
        let at = match id {
            Some(id) => self.open.get_mut(id).and_then(VecDeque::pop_front),
            None => self.unnamed.pop_front().or_else(|| {
                // One call is open and one answer comes: they belong together.
                let mut open = self.open.values_mut().filter(|places| !places.is_empty());
                let only = open.next()?;
                open.next().is_none().then(|| only.pop_front())?
            }),
        };
        let at = at.unwrap_or_else(|| {
            // The call itself was not captured, what it answered was.
            let name = tool.unwrap_or("unknown").to_owned();
            self.spans.push(Span {
                id: format!("{}.r{:03}", self.id(position), self.spans.len()),
                name: name.clone(),
                kind: SpanKind::Tool,
                tool: Some(ToolCall {
                    name,
                    call_id: id.map(str::to_owned),
                    ..ToolCall::default()
                }),
                ..Span::default()
            });
            self.spans.len() - 1
        });
        if let Some(tool) = self.spans.get_mut(at).and_then(|span| span.tool.as_mut()) {
            tool.result = result.filter(|result| !result.is_null()).map(flat);
            tool.result_is_error = failed
                || tool
                    .result
                    .as_ref()
                    .is_some_and(|result| says_error(result) || textual::exited_badly(result));
        }
    }
}

/// A result that is a list of text blocks as its text, parsed where that is JSON.
fn flat(result: &Value) -> Value {
    let Value::Array(blocks) = result else {
        return result.clone();
    };
    let texts: Option<Vec<&str>> = blocks
        .iter()
        .map(|block| {
            (block.get("type").and_then(Value::as_str) == Some("text"))
                .then(|| block.get("text").and_then(Value::as_str))
                .flatten()
        })
        .collect();
    match texts {
        Some(texts) if !texts.is_empty() => {
            let text = texts.join("\n");
            if text.trim_start().starts_with(['{', '[']) {
                raw::value(&text).unwrap_or(Value::String(text))
            } else {
                Value::String(text)
            }
        }
        _ => result.clone(),
    }
}

fn taken_text(fields: &mut Map<String, Value>, names: &[&str]) -> Option<String> {
    let name = names.iter().find(|name| match fields.get(**name) {
        Some(Value::String(text)) => !text.is_empty(),
        Some(Value::Number(_)) => true,
        _ => false,
    })?;
    match fields.remove(*name)? {
        Value::String(text) => Some(text),
        other => Some(other.to_string()),
    }
}

fn taken_time(fields: &mut Map<String, Value>, names: &[&str]) -> Option<jiff::Timestamp> {
    names.iter().find_map(|name| {
        let time = fields.get(*name)?.as_str()?.parse().ok()?;
        fields.remove(*name);
        Some(time)
    })
}

fn texts(value: Option<Value>) -> Vec<String> {
    match value {
        Some(Value::Array(items)) => items
            .into_iter()
            .filter_map(|item| item.as_str().map(str::to_owned))
            .collect(),
        _ => Vec::new(),
    }
}

fn scores(value: Option<Value>) -> Vec<Score> {
    match value {
        Some(Value::Array(items)) => items
            .into_iter()
            .filter_map(|item| serde_json::from_value(item).ok())
            .collect(),
        _ => Vec::new(),
    }
}
