//! OpenTelemetry: from OTLP to traces.
//!
//! Shared by the `file` source and by what receives OTLP: [`json`] reads exports span by span,
//! however loosely they are written, into [`model`]'s spans; [`assemble`] puts spans that came
//! in any order together to traces; `genai` and `http` know what attributes mean.

pub mod assemble;
pub mod json;
pub mod model;

mod attributes;
mod genai;
mod http;
mod messages;

#[cfg(test)]
mod tests;
