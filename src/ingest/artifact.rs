//! The import artifact: `imports/<trace>.json`.

use std::path::{Path, PathBuf};

use archal_core::diagnostic::Diagnostic;
use archal_core::redact::RedactionCounts;
use archal_core::trace::{Trace, TraceIdentity};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::file::{FileReport, Imported};
use crate::store::atomic::{self, Durability, WriteError};
use crate::store::layout::Layout;

/// The value of `schema` in an import artifact.
pub const IMPORT_SCHEMA: &str = "archal.trace.import";
/// The version of the artifact written here.
pub const IMPORT_VERSION: u32 = 1;

/// What the import stage leaves behind of one trace: the normalised, redacted trace, who it is
/// and where it came from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ImportArtifact {
    /// Always [`IMPORT_SCHEMA`].
    pub schema: String,
    /// The artifact's version.
    pub version: u32,
    /// What makes it this trace.
    pub identity: TraceIdentity,
    /// The file it was read from.
    pub file: PathBuf,
    /// The dialect that was detected.
    pub dialect: Option<String>,
    /// How often each redaction rule fired in this trace.
    pub redactions: RedactionCounts,
    /// What could not be read in its file.
    pub diagnostics: Vec<Diagnostic>,
    /// The trace.
    pub trace: Trace,
}

impl ImportArtifact {
    /// The artifact of one trace of a file.
    pub fn new(report: &FileReport, imported: &Imported) -> Self {
        Self {
            schema: IMPORT_SCHEMA.to_owned(),
            version: IMPORT_VERSION,
            identity: imported.identity.clone(),
            file: report.path.clone(),
            dialect: report.dialect.clone(),
            redactions: imported.redactions.clone(),
            diagnostics: report.diagnostics.clone(),
            trace: imported.trace.clone(),
        }
    }
}

/// An [`ImportArtifact`] as it is written, of what is at hand: a trace may be large.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Written<'a> {
    schema: &'a str,
    version: u32,
    identity: &'a TraceIdentity,
    file: &'a Path,
    dialect: Option<&'a str>,
    redactions: &'a RedactionCounts,
    diagnostics: &'a [Diagnostic],
    trace: &'a Trace,
}

/// The bytes of the artifact of one trace of a file.
pub fn bytes(report: &FileReport, imported: &Imported) -> Result<Vec<u8>, WriteError> {
    let written = Written {
        schema: IMPORT_SCHEMA,
        version: IMPORT_VERSION,
        identity: &imported.identity,
        file: &report.path,
        dialect: report.dialect.as_deref(),
        redactions: &imported.redactions,
        diagnostics: &report.diagnostics,
        trace: &imported.trace,
    };
    atomic::json_bytes(&report.path, &written)
}

/// Where the artifact of a trace lies, `path_name` being its `<trace>`.
pub fn artifact_path(layout: &Layout, path_name: &str) -> PathBuf {
    layout.attach("imports").join(format!("{path_name}.json"))
}

/// Writes the artifact of a trace; it can be derived again, so it is renamed into place without sync.
pub fn write(path: &Path, artifact: &ImportArtifact) -> Result<(), WriteError> {
    atomic::write_json(path, artifact, Durability::Derived)
}
