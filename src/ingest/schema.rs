//! JSON Schemas of what import reads and writes.

use archal_core::trace::Batch;
use schemars::schema_for;
use serde_json::Value;

use super::artifact::ImportArtifact;

/// The JSON Schema of `archal.trace.upload-batch`, as `archal schema trace` prints it.
pub fn batch() -> Value {
    schema_for!(Batch).to_value()
}

/// The JSON Schema of the import artifact.
pub fn import() -> Value {
    schema_for!(ImportArtifact).to_value()
}
