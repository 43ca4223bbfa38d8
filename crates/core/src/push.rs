//! The plug point of sources that are pushed to: they answer requests and hand on what came.
//!
//! The engine owns ports, redaction, the spool and assembly; a source owns its protocol. What it
//! takes from a request it hands over as a [`Delivery`], and it answers "well" only when the engine
//! says that the delivery is on the disk.

use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::net::TcpListener;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use crate::diagnostic::Diagnostic;
use crate::source::DecodedTrace;

/// Work that a source or the engine waits for.
pub type Waiting<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// What one request brought, decoded and not yet redacted.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Delivery {
    /// What several of its spans have in common, a resource for example: kept once.
    pub shared: Vec<Value>,
    /// Its spans.
    pub spans: Vec<PushedSpan>,
    /// Traces that came whole.
    pub traces: Vec<DecodedTrace>,
    /// How many spans of each trace could not be read, by the trace's id.
    pub lost: BTreeMap<String, u64>,
}

/// A span, as far as the engine has to know it, and the rest in a form that only its source reads.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct PushedSpan {
    /// The id of its trace.
    pub trace: String,
    /// Whether it is the end of its trace's root: without a parent, and with an end.
    pub ends_root: bool,
    /// Its place in [`Delivery::shared`].
    pub shared: Option<usize>,
    /// The span as [`PushSource::assemble`] reads it. Redaction goes by the names of keys in it, so
    /// attributes stand in it as an object.
    pub body: Value,
}

/// A span when its trace is put together.
#[derive(Debug, Clone, PartialEq)]
pub struct KeptSpan {
    /// What it has in common with others.
    pub shared: Option<Arc<Value>>,
    /// What [`PushedSpan::body`] was, redacted.
    pub body: Value,
}

/// What there is of one trace when it is put together.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Kept {
    /// Its spans, in whatever order they came and however often.
    pub spans: Vec<KeptSpan>,
    /// How many could not be read or were too many.
    pub lost: u64,
    /// The trace as it was given out, where it has spans that are not among these.
    pub earlier: Option<DecodedTrace>,
}

/// Why a delivery was not taken. Nothing of it is kept, and it may be sent again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// In one sentence, without a full stop.
    pub reason: String,
    /// When it is worth another try.
    pub retry_after: Duration,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.reason)
    }
}

/// Where a source hands over what came.
pub trait Intake: Send + Sync {
    /// Redacts a delivery and queues it, on the caller's thread: not one that serves connections.
    /// What is returned says when it is on the disk.
    fn take(&self, delivery: Delivery) -> Waiting<Result<(), Refusal>>;
}

/// A listener that a push source needs.
#[derive(Debug, Clone, Copy)]
pub struct Door {
    /// What it speaks, for messages: `http`, `grpc`.
    pub name: &'static str,
    /// The option that says where it is, or that it is off.
    pub option: &'static str,
}

/// What a push source is given to serve.
pub struct Service {
    /// For each of [`PushSource::doors`], in that order, what listens there; none where it is off.
    pub listeners: Vec<Option<TcpListener>>,
    /// Where to hand over what comes.
    pub intake: Arc<dyn Intake>,
    /// The largest body of a request, unpacked, in bytes.
    pub most_body: usize,
    /// Which field of somebody's own JSON is what, for a source that reads such.
    pub mapping: BTreeMap<String, String>,
    /// What clients must send as bearer token, where one is needed.
    pub token: Option<String>,
    /// Ends when no more requests are to be taken; those under way are answered.
    pub stop: Waiting<()>,
}

/// The side of a source that is pushed to.
#[derive(Clone, Copy)]
pub struct PushSource {
    /// What it listens on.
    pub doors: &'static [Door],
    /// Whether it takes no request without a token.
    pub needs_token: bool,
    /// Checks a mapping; the texts say what is wrong and what would be right.
    pub check_mapping: fn(&BTreeMap<String, String>) -> Result<(), Vec<String>>,
    /// Serves until it is stopped, on a runtime of tokio with timers and sockets.
    pub serve: fn(Service) -> Waiting<()>,
    /// Puts one trace together, by its id: the same spans give the same trace, and with what was
    /// given out earlier the union of both. None where no span can be read, and where nothing is
    /// added to what was given out.
    pub assemble: fn(&str, Kept, &mut Vec<Diagnostic>) -> Option<DecodedTrace>,
}

impl fmt::Debug for PushSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PushSource")
            .field("doors", &self.doors)
            .field("needs_token", &self.needs_token)
            .finish_non_exhaustive()
    }
}
