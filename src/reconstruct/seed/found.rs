//! What was found beside the seed documents: contradictions, what was made up, what is missing.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// One thing the trace does not prove.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Missing {
    /// The clone.
    pub clone: String,
    /// The row, list or call: `issues acme/webapp#41`.
    pub entity: String,
    /// The field, page or part of it: `state`, `page 2`, `responseBody`.
    pub field: String,
    /// Why it matters.
    pub why: String,
    /// The span that referred to it.
    pub span: String,
    /// How to supply it.
    pub how: String,
}

/// One thing that was made up because it must be there and no call of the trace shows it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Synthesised {
    /// The clone.
    pub clone: String,
    /// The row or list: `issues acme/webapp#41`.
    pub entity: String,
    /// The field; empty for whole rows.
    pub field: String,
    /// Why it had to be, and what stands there.
    pub why: String,
    /// The span that referred to it.
    pub span: String,
}

/// Evidence that contradicts other evidence. The earlier one was kept.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Conflict {
    /// The clone.
    pub clone: String,
    /// The row: `issues acme/webapp#41`.
    pub entity: String,
    /// The field; empty where it is about the row being there.
    pub field: String,
    /// What was kept.
    pub kept: Value,
    /// The span that says so.
    pub kept_span: String,
    /// What speaks against it.
    pub other: Value,
    /// The span that says that.
    pub span: String,
    /// What it means.
    pub kind: ConflictKind,
}

/// What a contradiction means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum ConflictKind {
    /// Somebody else changed it while the trace was under way: from that span on the rebuilt state
    /// cannot answer as the service did.
    OutsideChange,
    /// Both cannot be true.
    Contradiction,
}

impl fmt::Display for Conflict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            clone,
            entity,
            field,
            kept,
            kept_span,
            other,
            span,
            kind,
        } = self;
        let mark = if field.is_empty() { "" } else { " " };
        write!(
            f,
            "{clone} {entity}{mark}{field} is {kept} in {kept_span} and {other} in {span}: "
        )?;
        f.write_str(match kind {
            ConflictKind::OutsideChange => {
                "no call of the trace changed it, so somebody else did meanwhile"
            }
            ConflictKind::Contradiction => "both cannot be true; the first was kept",
        })
    }
}

impl fmt::Display for Synthesised {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mark = if self.field.is_empty() { "" } else { " " };
        let Self {
            clone,
            entity,
            field,
            why,
            span,
        } = self;
        write!(f, "{clone} {entity}{mark}{field}: {why} ({span})")
    }
}

/// How people supply a part of a clone's state.
pub(super) fn how(clone: &str) -> String {
    format!("record the call that reads it, or say it in archal/seeds/{clone}.json")
}
