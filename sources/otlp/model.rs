//! OTLP spans as read, before any dialect has looked at them.

use std::collections::BTreeMap;
use std::sync::Arc;

use archal_core::trace::Status;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Attributes by name.
pub type Attributes = BTreeMap<String, Value>;

/// A span of one export.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct OtlpSpan {
    /// The trace's id, lower-case hex where it is one.
    pub trace_id: String,
    /// The span's id, lower-case hex where it is one.
    pub span_id: String,
    /// The parent's id; none for a root.
    pub parent_id: Option<String>,
    /// The name.
    pub name: String,
    /// The side of a call it is.
    pub side: Side,
    /// When it began.
    pub start: Option<Timestamp>,
    /// When it ended.
    pub end: Option<Timestamp>,
    /// How it ended.
    pub status: Status,
    /// The text of an error status.
    pub status_message: Option<String>,
    /// Its attributes.
    pub attributes: Attributes,
    /// What happened in it, in the order written.
    pub events: Vec<OtlpEvent>,
    /// Attributes, events and links its writer dropped.
    pub dropped: u64,
    /// What sent it.
    pub resource: Arc<Attributes>,
    /// The name of the instrumentation that made it.
    pub scope: Arc<str>,
}

/// Which side of a call a span is (OTLP calls it kind).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Side {
    /// Not said, or work inside one process.
    #[default]
    Internal,
    /// The one that answers.
    Server,
    /// The one that asks.
    Client,
    /// The one that sends a message.
    Producer,
    /// The one that takes a message.
    Consumer,
}

/// A point in time of a span.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct OtlpEvent {
    /// The name.
    pub name: String,
    /// When it was.
    pub at: Option<Timestamp>,
    /// Its attributes.
    pub attributes: Attributes,
}
