//! Clones made for one run: they answer for hosts that no clone models, with what was recorded.
//!
//! They are no part of the catalogue, and criteria do not see them: they have no state, and what
//! they know ends with the recording.

use archal_core::clone::CloneDescriptor;
use serde_json::Value;

/// The name of the one that answers for services.
pub const REPLAY: &str = "replay";
/// The name of the one that answers for models.
pub const MODEL: &str = "model";

/// Whether a clone of that name is one.
pub fn is_one(name: &str) -> bool {
    name == REPLAY || name == MODEL
}

/// A clone made for one run.
#[derive(Debug, Clone)]
pub struct StandIn {
    /// What it is: [`REPLAY`] or [`MODEL`].
    pub clone: &'static CloneDescriptor,
    /// The hosts it answers for, lower case.
    pub hosts: Vec<String>,
    /// What it opens on.
    pub recorded: Value,
}

/// A request that a stand-in has no answer to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unrecorded {
    /// The stand-in.
    pub stand_in: String,
    /// What was asked, or in what it differs from the recording.
    pub what: String,
}
