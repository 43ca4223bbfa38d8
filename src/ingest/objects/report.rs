//! What became of a pass over a store of objects.

use crate::ingest::import::ImportReport;

/// What became of a pass, with what became of the traces.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ObjectsReport {
    /// What was read of the objects.
    pub traces: ImportReport,
    /// Pages of the listing.
    pub pages: u64,
    /// Objects that were listed.
    pub listed: u64,
    /// Of those, how many are not wanted: by their name, or because they are older than was asked for.
    pub skipped: u64,
    /// How many are known as they are.
    pub known: u64,
    /// How many are there in another version than the one that is known.
    pub changed: u64,
    /// Objects that could not be read.
    pub failed_objects: u64,
    /// Objects that are known and not there any more. Their traces stay.
    pub gone: u64,
    /// Requests that were made, without those that were tried again.
    pub requests: u64,
    /// Whether it went on where an earlier one was cut off.
    pub is_resumed: bool,
    /// Whether everything was listed.
    pub is_full: bool,
}
