//! How far a plug-in can be relied on.

use schemars::JsonSchema;
use serde::Serialize;

/// How far a source, clone, grader or fixer can be relied on; shown wherever it is listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Stability {
    /// Works and is tested; its formats may still change between releases.
    Beta,
    /// Formats and behaviour change only with a new version of them.
    Stable,
}
