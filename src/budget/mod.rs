//! What attempts may cost and did cost.
//!
//! Money is counted before it is spent. An attempt that may cost something first reserves what it
//! is expected to cost in the user's ledger, one SQLite file for all projects; it is refused when
//! that would go beyond the cap of its trace or of the day. What it really cost is charged when it
//! ends. A cost that nobody knows stays unknown and is counted as such.
//!
//! - [`amount`]: dollars, without floating point.
//! - [`cap`]: the caps and where they come from.
//! - [`prices`]: what tokens cost, with version and date.
//! - [`entry`]: an attempt in the ledger.
//! - [`ledger`]: reserve, meter, charge, release.
//! - [`recovery`]: what a crash left open.
//! - [`repair`]: the way on from a broken ledger.
//! - [`spent`]: what an attempt spent, by its own word.
//! - [`summary`]: what was spent, for people and programs.

pub mod amount;
pub mod cap;
pub mod entry;
pub mod ledger;
pub mod prices;
pub mod recovery;
pub mod repair;
pub mod spent;
pub mod standing;
pub mod summary;

#[cfg(test)]
mod interleavings;
