//! OpenTelemetry: from OTLP to traces.
//!
//! Shared by the `file` source and by what receives OTLP:
//!
//! - [`decode_json`], [`decode_protobuf`]: a request into [`Request`], span by span, however loosely
//!   it is written; a bad span costs itself.
//! - [`assemble`]: spans that came in any order, put together to traces.
//! - `model`: spans and events as read, before any dialect has looked at them.
//! - `direct`: OTLP JSON as the protocol publishes it, read in one go.
//! - `events`: events of spans that came as log records; `late`: those of spans that were given out.
//! - `values`: values of OTLP JSON, however loosely they are written.
//! - `span`: from a span as read to a span of a trace, with `dialects`, `http`, `messages` and
//!   `attributes`, which know what attributes mean.
//! - `elements`: how much a protobuf message holds, before it is read;
//! - `tools`: the calls of tools of one trace, each told once.

pub(crate) mod json;

mod assemble;
mod attributes;
pub(crate) mod dialects;
mod direct;
mod elements;
mod events;
mod http;
pub(crate) mod late;
pub(crate) mod messages;
mod model;
mod protobuf;
mod request;
mod span;
mod tools;
mod values;

#[cfg(test)]
pub(crate) mod alike;
#[cfg(test)]
mod golden;
#[cfg(test)]
mod hostile;
#[cfg(test)]
mod repeated;
#[cfg(test)]
mod tests;

pub use assemble::assemble;
pub use json::decode_json;
pub use model::{Attributes, OtlpEvent, OtlpSpan, Side};
pub use protobuf::{decode_protobuf, decode_protobuf_logs};
pub use request::{LooseEvent, Request, Undecodable};
pub(crate) use tools::says_error;
pub(crate) use values::attributes as attributes_of;
pub(crate) use values::trace_id;
