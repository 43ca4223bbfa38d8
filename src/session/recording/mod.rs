//! Recording: calls of a child to hosts that were named go through to the real services, and are kept.
//!
//! Nothing else is looked into: connections to other hosts are handed on as they are and counted.
//! The way to a named host is that of every session (its network, its names, its authority), only
//! that behind it is the service itself, whose certificate is verified as the client would have done.
//!
//! - [`named`]: which hosts are named.
//! - [`recorder`]: what is kept, and its bounds; [`body`]: bodies as they go through.
//! - `upstream`: connections to the services; `forward`: one request; `connection`: what comes in;
//!   `peer`: whose processes may.
//! - [`open`]: the recording as a whole.

pub mod body;
mod connection;
mod forward;
pub mod named;
pub mod open;
mod peer;
pub mod recorder;
mod upstream;

pub(super) use connection::{Recording, connection};
