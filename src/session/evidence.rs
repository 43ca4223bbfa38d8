//! What a session writes down of each call.

use std::collections::BTreeMap;
use std::sync::Arc;

use archal_core::clone::RowChange;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;

/// One exchange with a clone: a line of `calls.jsonl`. The same calls in the same order give the
/// same bytes; what differs between runs stands in `timings.jsonl`.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CallRecord<M = RecordedMessage> {
    /// Position in the session, from 1.
    pub seq: u64,
    /// The clone that answered.
    pub clone: String,
    /// The operation, where one is modelled.
    pub operation: Option<String>,
    /// The published operation that is not modelled, where the call was for one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unmodelled: Option<String>,
    /// The tool call it was part of, where it came over MCP.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mcp: Option<McpCall>,
    /// The host the client named.
    pub host: String,
    /// The method.
    pub method: String,
    /// Path and query.
    pub path: String,
    /// Who the clone took the caller for.
    pub principal: Option<String>,
    /// What went wrong on purpose, as `--fault` writes it. The status is then what the service would
    /// have said; the client may have seen no answer at all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fault: Option<String>,
    /// Request headers and body, redacted.
    pub request: RecordedMessage,
    /// The status answered.
    pub status: u16,
    /// Response headers and body, redacted.
    pub response: M,
    /// The rows it changed.
    pub changes: Vec<RowChange>,
    /// The state's version before.
    pub root_before: u64,
    /// The state's version after.
    pub root_after: u64,
}

/// A call of a tool over MCP, which may make several calls to operations.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct McpCall {
    /// The tool.
    pub tool: String,
    /// Its position among the tool calls of the session, from 1.
    pub call: u64,
}

/// Headers and body of one direction.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RecordedMessage {
    /// Headers by lower-case name; volatile and hop-by-hop ones left out.
    pub headers: BTreeMap<String, String>,
    /// JSON where it is JSON, else text; null where empty.
    pub body: Value,
}

/// A [`RecordedMessage`] whose body is JSON text already.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct EncodedMessage {
    /// Headers by lower-case name.
    pub(super) headers: BTreeMap<String, String>,
    /// The body.
    pub(super) body: Arc<RawValue>,
}

/// The parts of a call that depend on the clock and the machine: a line of `timings.jsonl`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CallTiming {
    /// The call's position.
    pub seq: u64,
    /// Virtual time of the call, exact.
    pub at: String,
    /// Wall time of the call, exact.
    pub wall: String,
    /// From the whole request read to the response handed over, in microseconds.
    pub latency_us: u64,
    /// Response headers that depend on the clock: `date`, rate-limit resets.
    pub headers: BTreeMap<String, String>,
    /// The exact times that `calls.jsonl` writes as offsets or `+run`, in order of occurrence in the response.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub times: Vec<String>,
}

/// A delivery of a webhook: a line of `webhooks.jsonl`, in the order of what happened.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct WebhookRecord {
    /// The position of the call that caused it; null where the record of calls was full.
    pub seq: Option<u64>,
    /// The clone that made it.
    pub clone: String,
    /// Its id, in the service's form; twice where it was delivered twice on purpose.
    pub id: String,
    /// The webhook, `acme/webapp:7`.
    pub hook: String,
    /// What happened, `issues.opened`.
    pub event: String,
    /// Where it was to go.
    pub url: String,
    /// Its headers without signatures, which follow the clock, and its body, redacted.
    pub request: RecordedMessage,
    /// `answered`, `failed` (it was tried and nobody answered) or `not-sent`.
    pub outcome: String,
    /// What the receiver answered.
    pub status: Option<u16>,
    /// Why there is no answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What went wrong on purpose with the call that caused it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fault: Option<String>,
}

/// Something the child tried to reach and was refused, or a handshake that failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RefusedEgress {
    /// `connect`, `name` (a name that was asked for), `tls` (a client that did not trust the CA) or
    /// `unreachable` (an allowed host that could not be reached).
    pub kind: String,
    /// The host or address.
    pub host: String,
    /// The port, where one is known.
    pub port: Option<u16>,
    /// Why, for a person.
    pub reason: String,
}
