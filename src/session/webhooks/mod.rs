//! Webhooks of the clones on their way to the agent's own servers.
//!
//! - `outbox`: what waits and what became of it, in order; the thread that sends.
//! - `send`: where a delivery may go, and one attempt to bring it there.
//! - `tls`: TLS to receivers.
//! - `written`: a delivery as a line of `webhooks.jsonl`.

mod outbox;
mod send;
mod tls;
mod written;

pub(super) use outbox::{NotAgain, Outbox, Recent};
pub(super) use send::Outcome;
pub(super) use written::whole;
