//! From the calls of a command that went through to a trace of it: what `archal record` writes.
//!
//! - [`hosts`]: whose calls are recorded, as the command line names them.
//! - [`spool`]: what is recorded, on the disk as it is recorded; [`call`]: one call as a span.
//! - [`content`]: bodies as a trace has them, decoded and bounded.
//! - [`events`]: streams of events as the one answer that they amount to; [`model`]: what a call of a
//!   model said and was told; [`tools`]: the calls of tools that models asked for.
//! - [`secrets`]: what must not stand in the trace, by name and by value.
//! - [`assemble`]: the trace; [`summary`]: what people are told of it.

pub mod assemble;
pub mod call;
pub mod content;
pub mod events;
pub mod hosts;
pub mod model;
pub mod secrets;
pub mod spool;
pub mod summary;
pub mod tools;
