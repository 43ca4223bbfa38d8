//! What a service tells others by itself: deliveries of webhooks.

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
}
