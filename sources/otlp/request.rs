//! What one export holds, in whatever encoding it came.

use std::collections::BTreeMap;

use archal_core::diagnostic::Diagnostic;
use serde::{Deserialize, Serialize};

use super::model::{OtlpEvent, OtlpSpan};
use crate::findings;

/// Spans one request may hold; a trace of an agent has dozens to thousands.
pub(super) const MAX_SPANS: usize = 1_000_000;

/// Spans and events of one or more exports, as read.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Request {
    /// The spans, in the order written.
    pub spans: Vec<OtlpSpan>,
    /// Events that came apart from their spans, as log records.
    pub events: Vec<LooseEvent>,
    /// How many spans of each trace could not be read, as far as their trace is known.
    pub lost: BTreeMap<String, u64>,
    /// How many spans or log records could not be read: what a server answers as
    /// `rejected_spans` or `rejected_log_records`.
    pub rejected: u64,
    /// Log records that are no events, which are not read.
    pub other_logs: u64,
    /// What could not be read, with its byte range where the request is JSON. None quotes what
    /// was sent: it may hold a secret.
    pub diagnostics: Vec<Diagnostic>,
}

/// An event of a span that was sent as a log record.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct LooseEvent {
    /// The trace of its span.
    pub trace_id: String,
    /// Its span.
    pub span_id: String,
    /// The event; a body that is no map stands in the attribute `body`.
    pub event: OtlpEvent,
}

/// Why a whole request cannot be read: the sender gets 400 and should not send it again.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Undecodable {
    /// It is no protobuf message of OTLP.
    #[error("the body is no OTLP protobuf: {0}")]
    NotProtobuf(String),
    /// It is not JSON.
    #[error("the body is not JSON: {0}")]
    NotJson(String),
    /// It is JSON, but neither traces nor logs.
    #[error("the body has neither `resourceSpans` nor `resourceLogs`")]
    NotAnExport,
}

impl Request {
    /// Why spans were rejected, as `error_message` of a partial success: the first reason.
    pub fn rejection(&self) -> Option<&str> {
        let first = self.diagnostics.first().filter(|_| self.rejected > 0)?;
        Some(&first.message)
    }

    /// Notes a span, record or group of them that cannot be read.
    pub(super) fn reject(&mut self, trace: Option<String>, finding: Diagnostic) {
        self.rejected = self.rejected.saturating_add(1);
        if let Some(trace) = trace {
            *self.lost.entry(trace).or_default() += 1;
        }
        findings::add(&mut self.diagnostics, finding);
    }

    /// Whether another span finds room.
    pub(super) fn has_room(&self) -> bool {
        self.spans.len().saturating_add(self.events.len()) < MAX_SPANS
    }
}

impl From<Vec<OtlpSpan>> for Request {
    fn from(spans: Vec<OtlpSpan>) -> Self {
        Self {
            spans,
            ..Self::default()
        }
    }
}
