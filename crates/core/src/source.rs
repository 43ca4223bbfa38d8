//! The plug point of trace sources.
//!
//! The engine owns files, cursors, retries and redaction; a source owns a format. Issue by
//! issue the trait widens with the sources that need it; today a source decodes the bytes
//! of one file.

use std::path::Path;

use crate::diagnostic::Diagnostic;
use crate::stability::Stability;
use crate::trace::{BatchSource, Trace};

/// What one file held: whatever could be read, and what could not.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Decoded {
    /// The dialect that was detected: `batch`, `otlp-json`; none where nothing was understood.
    pub dialect: Option<&'static str>,
    /// What the file says of its origin; empty where it says nothing.
    pub origin: BatchSource,
    /// Whether the writer had finished; a false one is looked at again when it changes.
    pub complete: bool,
    /// Whether the file is a list of records, so that the whole records of an unfinished file
    /// are good on their own.
    pub by_record: bool,
    /// The traces, assembled and normalised, not yet redacted; `revision` is still empty.
    /// The project each belongs to stands beside it, where its root names one.
    pub traces: Vec<DecodedTrace>,
    /// What could not be read, with place and reason.
    pub diagnostics: Vec<Diagnostic>,
}

/// A trace and what the file says of its origin.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct DecodedTrace {
    /// The source this trace names, where a file holds traces of several.
    pub source: Option<String>,
    /// The project its batch names, else the root's `service.name`.
    pub project: Option<String>,
    /// The trace.
    pub trace: Trace,
}

/// A trace source as the catalogue lists it.
#[derive(Debug, Clone, Copy)]
pub struct SourceDescriptor {
    /// The provider's name, a lower-snake noun.
    pub name: &'static str,
    /// One line for lists.
    pub about: &'static str,
    /// How far it can be relied on.
    pub stability: Stability,
    /// Whether this source reads files by that name (`.tmp`, dot-files and the like are not read).
    pub accepts: fn(path: &Path) -> bool,
    /// Decodes one file's bytes. Total: bad input is diagnostics, never a panic or an error.
    pub decode: fn(bytes: &[u8]) -> Decoded,
}
