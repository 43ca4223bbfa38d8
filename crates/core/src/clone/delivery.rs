//! What a service tells others by itself: deliveries of webhooks, and what became of them.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use jiff::Timestamp;

use super::Rendered;

/// One delivery of a webhook. The clone makes it with the call that caused it; sending it is for
/// the host.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Delivery {
    /// Its id, in the service's form; the same calls give the same ids.
    pub id: String,
    /// The natural key of the webhook's row, `acme/webapp:7`.
    pub hook: String,
    /// What happened, as the service names it: `issues.opened`.
    pub event: String,
    /// Where it goes.
    pub url: String,
    /// Whether any certificate of the receiver will do.
    pub unchecked: bool,
    /// Headers that are the same for the same calls.
    pub headers: Vec<(&'static str, String)>,
    /// Headers that depend on the clock, as a signature of a body with times does.
    pub volatile_headers: Vec<(&'static str, String)>,
    /// The body.
    pub body: Rendered,
    /// Whether it was delivered before and somebody wants it once more.
    pub again: bool,
}

/// One attempt to bring a delivery to its receiver. The host tells the clone of it, which may show
/// it to whoever asks the service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// What was to be delivered.
    pub delivery: Arc<Delivery>,
    /// The virtual time at which it was let go.
    pub at: Timestamp,
    /// How long it took.
    pub took: Duration,
    /// What it came to.
    pub outcome: Result<Receipt, Missed>,
}

/// What a receiver answered.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Receipt {
    /// The status.
    pub status: u16,
    /// The headers, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body, or its beginning.
    pub body: Bytes,
}

/// Why no receiver answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Missed {
    /// There was no connection to one, or it broke off.
    Unreachable,
    /// It took too long.
    TimedOut,
}
