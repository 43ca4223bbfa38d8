//! Built-in trace sources.
//!
//! A source is a folder here and a line in [`ALL`]. It owns a format; files, retries, cursors
//! and redaction belong to the engine.

use archal_core::source::SourceDescriptor;

pub mod braintrust;
pub mod custom;
pub mod file;
#[cfg(feature = "gcs")]
pub mod gcs;
pub mod http;
pub mod langfuse;
pub mod otel;
pub mod otlp;
pub mod postgres;
#[cfg(feature = "aws")]
pub mod s3;

mod client;
mod document;
mod findings;
mod mapping;
mod merge;
mod normalise;
#[cfg(any(feature = "aws", feature = "gcs"))]
mod objects;
mod raw;
mod server;
mod straight;

pub use server::unpack;

/// Every built-in source, sorted by name.
pub const ALL: &[SourceDescriptor] = &[
    braintrust::SOURCE,
    custom::SOURCE,
    file::SOURCE,
    #[cfg(feature = "gcs")]
    gcs::SOURCE,
    http::SOURCE,
    langfuse::SOURCE,
    otel::SOURCE,
    postgres::POSTGRES,
    #[cfg(feature = "aws")]
    s3::SOURCE,
    postgres::SUPABASE,
];
