//! A session: clones on their starting states, the route that brings the agent's traffic to
//! them, and the evidence of every call.
//!
//! One thread serves everything a session listens on; each clone is called by it alone, in the
//! order in which requests are complete, so the same calls leave the same evidence.

mod authority;
mod door;
pub mod egress;
mod environment;
pub mod evidence;
mod exchange;
mod fault;
pub mod inside;
mod ledger;
mod localize;
mod loopback;
mod mcp;
pub mod names;
pub mod open;
mod outside;
mod passage;
mod record;
pub mod recording;
mod remembered;
pub mod route;
mod seats;
mod server;
pub mod service;
pub mod stdio;
mod stream;
mod times;
mod transfer;
mod trust;
mod trust_store;
mod webhooks;

pub use egress::Egress;
pub use inside::Inside;
pub use open::{CloneEnd, ClonePlan, Session, SessionConfig, SessionEnd, SessionError};
pub use route::{RouteLevel, RouteReport};
