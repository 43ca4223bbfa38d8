//! OpenTelemetry: from OTLP to traces.
//!
//! Shared by the `file` source and by what receives OTLP:
//!
//! - [`decode_json`], [`decode_protobuf`]: a request into [`Request`], span by span, however loosely
//!   it is written; a bad span costs itself.
//! - [`assemble`]: spans that came in any order, put together to traces.
//! - `model`: spans and events as read, before any dialect has looked at them.
//! - `events`: events of spans that came as log records.
//! - `values`: values of OTLP JSON, however loosely they are written.
//! - `genai`, `http`, `messages`, `attributes`: what attributes mean.

pub(crate) mod json;

mod assemble;
mod attributes;
mod events;
mod genai;
mod http;
pub(crate) mod messages;
mod model;
mod protobuf;
mod request;
mod values;

#[cfg(test)]
mod tests;

pub use assemble::assemble;
pub(crate) use genai::says_error;
pub use json::decode_json;
pub use model::{Attributes, OtlpEvent, OtlpSpan, Side};
pub use protobuf::{decode_protobuf, decode_protobuf_logs};
pub use request::{LooseEvent, Request, Undecodable};
