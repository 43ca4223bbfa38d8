//! The trace model and the `archal.trace.upload-batch` format, version 1.
//!
//! A trace is the full record of one run of an agent: what it was asked, each call of a
//! model, tool or service, and what it answered. Identity is (source, project, trace id);
//! the revision hashes the normalised, redacted content, so that reading the same content
//! again is a no-op and late spans make a new revision.

use std::collections::BTreeMap;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::hash;

/// The value of `schema` in a batch file.
pub const BATCH_SCHEMA: &str = "archal.trace.upload-batch";
/// The version of the batch format written here.
pub const BATCH_VERSION: u32 = 1;

/// A file of traces as written to a trace directory.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Batch {
    /// Always [`BATCH_SCHEMA`].
    pub schema: String,
    /// The format's version; this release reads and writes [`BATCH_VERSION`].
    pub version: u32,
    /// Whether the writer had finished; a reader waits while it is false.
    pub complete: bool,
    /// Where the traces come from.
    #[serde(default)]
    pub source: BatchSource,
    /// The traces.
    #[serde(default)]
    pub traces: Vec<Trace>,
}

/// Where a batch comes from.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct BatchSource {
    /// The name of the source in the registry; part of each trace's identity.
    #[serde(default)]
    pub name: Option<String>,
    /// The provider that read it: `file`, `otel`, …
    #[serde(default)]
    pub provider: Option<String>,
    /// The project or service; part of each trace's identity.
    #[serde(default)]
    pub project: Option<String>,
}

/// What makes a trace the same trace.
#[derive(
    Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "camelCase")]
pub struct TraceIdentity {
    /// The source's name; `file` where none is known.
    pub source: String,
    /// The project, or the root's `service.name`; may be empty.
    pub project: String,
    /// The id the tracing system gave it. Hostile text: never a path, see [`Self::path_name`].
    pub trace: String,
}

impl TraceIdentity {
    /// The name this trace has in paths and commands: the id where it is safe as one, else
    /// at most 40 safe characters, `-`, and 8 hex digits of the identity.
    pub fn path_name(&self) -> String {
        if is_safe_name(&self.trace) {
            return self.trace.clone();
        }
        self.hashed_name()
    }

    /// The name with 8 hex digits of the identity, for an id that another source or project
    /// also has.
    pub fn hashed_name(&self) -> String {
        let safe: String = self
            .trace
            .chars()
            .filter(|c| c.is_ascii_alphanumeric())
            .take(40)
            .collect();
        let stem = if safe.is_empty() { "trace" } else { &safe };
        let whole = format!("{}\0{}\0{}", self.source, self.project, self.trace);
        format!("{stem}-{}", hash::short(&whole))
    }
}

/// `[A-Za-z0-9][A-Za-z0-9._-]{0,63}`.
fn is_safe_name(id: &str) -> bool {
    id.len() <= 64
        && id.starts_with(|c: char| c.is_ascii_alphanumeric())
        && id
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-'))
}

/// How something ended, as its writer said. The agent's own word counts for nothing in grading.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// Said to have gone well.
    Ok,
    /// Said to have failed.
    Error,
    /// Not said.
    #[default]
    Unset,
}

/// The record of one run of an agent.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Trace {
    /// The id the tracing system gave it.
    pub id: String,
    /// What kind of run it was: the root's name.
    pub name: String,
    /// Hash of the content, see [`Trace::revision_of`]; a given one is recomputed.
    pub revision: String,
    /// When the root began, UTC.
    pub started_at: Option<Timestamp>,
    /// When the root ended, UTC.
    pub ended_at: Option<Timestamp>,
    /// How the root says it ended.
    pub status: Status,
    /// The root's error text.
    pub error: Option<String>,
    /// What the agent was asked.
    pub input: Option<Value>,
    /// What the agent answered last.
    pub output: Option<Value>,
    /// The model, where one is named.
    pub model: Option<String>,
    /// The conversation it belongs to.
    pub session_id: Option<String>,
    /// The person it ran for.
    pub user_id: Option<String>,
    /// Deployment environment, `prod`.
    pub environment: Option<String>,
    /// The version of the agent that ran.
    pub release: Option<String>,
    /// Free labels.
    pub tags: Vec<String>,
    /// Anything else its writer attached.
    pub metadata: BTreeMap<String, Value>,
    /// Scores that people or evaluators attached.
    pub scores: Vec<Score>,
    /// What is known to be missing.
    pub completeness: Completeness,
    /// The spans in order of start time, then id.
    pub spans: Vec<Span>,
}

impl Trace {
    /// The hash of the trace's content without its `revision` field.
    pub fn revision_of(&self) -> String {
        let mut content = self.clone();
        content.revision = String::new();
        hash::of_json(&content)
    }

    /// Gives the trace the revision of its content.
    pub fn renew_revision(&mut self) {
        self.revision = String::new();
        self.revision = hash::of_json(self);
    }

    /// The input as text: the string itself, or its JSON.
    pub fn input_text(&self) -> Option<String> {
        self.input.as_ref().map(|input| match input {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        })
    }
}

/// What is known to be missing from a trace. Missing content is never the agent's fault.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Completeness {
    /// Whether any message, argument, result or body was captured at all.
    pub content: bool,
    /// Paths of values that were cut, `spans[3].http.responseBody`.
    pub truncated: Vec<String>,
    /// Attributes, events or spans the writer says it dropped.
    pub dropped: u64,
    /// Spans whose parent is not in the trace.
    pub orphans: u64,
}

impl Default for Completeness {
    fn default() -> Self {
        Self {
            content: true,
            truncated: Vec::new(),
            dropped: 0,
            orphans: 0,
        }
    }
}

/// A score that came with the trace.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Score {
    /// What was scored.
    pub name: String,
    /// The value in the scorer's own scale.
    pub value: Value,
    /// Who gave it.
    #[serde(default)]
    pub origin: ScoreOrigin,
    /// Why.
    #[serde(default)]
    pub comment: Option<String>,
}

/// Who gave a score.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ScoreOrigin {
    /// A person.
    Human,
    /// An evaluator.
    Eval,
    /// A program over the API.
    #[default]
    Api,
}

/// What a span stands for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum SpanKind {
    /// The agent or one of its steps.
    Agent,
    /// A call of a model.
    Llm,
    /// A call of a tool.
    Tool,
    /// A look-up in a knowledge base.
    Retrieval,
    /// A call of a service over HTTP.
    Http,
    /// A point in time.
    Event,
    /// Anything else.
    #[default]
    Other,
}

/// One step of a run.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Span {
    /// The id, unique in its trace.
    pub id: String,
    /// The span this one is part of.
    pub parent_id: Option<String>,
    /// The span's name as written.
    pub name: String,
    /// What it stands for.
    pub kind: SpanKind,
    /// When it began, UTC.
    pub started_at: Option<Timestamp>,
    /// When it ended, UTC.
    pub ended_at: Option<Timestamp>,
    /// How it says it ended.
    pub status: Status,
    /// Its error text.
    pub error: Option<String>,
    /// Its input, where the dialect has one.
    pub input: Option<Value>,
    /// Its output, where the dialect has one.
    pub output: Option<Value>,
    /// The tool call, for tool spans.
    pub tool: Option<ToolCall>,
    /// The exchange, for HTTP spans.
    pub http: Option<HttpExchange>,
    /// The model call, for model spans.
    pub llm: Option<LlmCall>,
    /// Attributes not understood by any dialect, as written.
    pub attributes: BTreeMap<String, Value>,
}

/// A tool call. That the call failed (`span.error`) and that the tool answered with an error
/// text (`result_is_error`) are different facts.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct ToolCall {
    /// The tool's name.
    pub name: String,
    /// The id the model gave the call.
    pub call_id: Option<String>,
    /// The arguments; null where they were not captured.
    pub arguments: Option<Value>,
    /// The result; null where it was not captured.
    pub result: Option<Value>,
    /// Whether the tool's answer says of itself that it is an error.
    pub result_is_error: bool,
}

/// One HTTP request and its response.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct HttpExchange {
    /// The method in capitals.
    pub method: String,
    /// The absolute URL.
    pub url: String,
    /// The status; null where no response was captured.
    pub status: Option<u16>,
    /// Request headers that were captured, names in lower case.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub request_headers: BTreeMap<String, String>,
    /// Response headers that were captured, names in lower case.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub response_headers: BTreeMap<String, String>,
    /// The request body: JSON where it is JSON, else text; null where not captured or empty.
    pub request_body: Option<Value>,
    /// The response body: JSON where it is JSON, else text; null where not captured or empty.
    pub response_body: Option<Value>,
}

/// A call of a model.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct LlmCall {
    /// The model.
    pub model: Option<String>,
    /// Messages sent and received, in order.
    pub messages: Vec<Message>,
    /// Tokens and cost.
    pub usage: Usage,
}

/// Tokens and cost of a call. Unknown stays null: it is not zero.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Usage {
    /// Tokens sent.
    pub input_tokens: Option<u64>,
    /// Tokens received.
    pub output_tokens: Option<u64>,
    /// Tokens served from a cache.
    pub cached_tokens: Option<u64>,
    /// Cost in US dollars.
    pub cost_usd: Option<f64>,
}

/// One message of a conversation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Message {
    /// `system`, `user`, `assistant`, `tool`.
    pub role: String,
    /// Its parts in order.
    pub parts: Vec<Part>,
}

/// A part of a message.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Part {
    /// Text.
    Text {
        /// The text.
        text: String,
    },
    /// The model asks for a tool.
    ToolCall {
        /// The call's id.
        id: Option<String>,
        /// The tool's name.
        name: String,
        /// Its arguments.
        arguments: Option<Value>,
    },
    /// A tool's answer handed back to the model.
    ToolResult {
        /// The call's id.
        id: Option<String>,
        /// The answer.
        result: Option<Value>,
    },
    /// A reference to something that is not text; never fetched.
    Media {
        /// Where it is.
        #[serde(rename = "ref")]
        reference: String,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(trace: &str) -> String {
        TraceIdentity {
            source: "file".to_owned(),
            project: String::new(),
            trace: trace.to_owned(),
        }
        .path_name()
    }

    #[test]
    fn safe_ids_name_themselves_and_hostile_ones_are_renamed() {
        assert_eq!(named("t-1"), "t-1");
        assert!(named("../../x").starts_with("x-"));
        assert!(named("").starts_with("trace-"));
        assert!(named(".hidden").starts_with("hidden-"));
        assert_ne!(named("a/b"), named("a\\b"));
    }

    #[test]
    fn the_revision_follows_the_content_and_ignores_the_given_one() {
        let mut trace = Trace {
            id: "t-1".to_owned(),
            ..Trace::default()
        };
        let first = trace.revision_of();
        trace.revision = "sha256:made-up".to_owned();
        assert_eq!(trace.revision_of(), first);
        trace.output = Some(Value::from("done"));
        assert_ne!(trace.revision_of(), first);
    }
}
