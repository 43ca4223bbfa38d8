//! Running a traced failure again until it shows or does not.
//!
//! - [`identity`]: what makes two failures the same failure.
//! - [`generated`]: the scenario of a failure that nobody wrote one for.
//! - [`decision`]: what one attempt showed, and what several add up to.
//! - [`private`]: folders of this process alone.
//! - [`workplace`]: the private copy of the repository in which a harness or a fixer runs.
//! - [`seat`]: a workplace that is opened when it is needed; [`pool`]: idle ones.
//! - [`slot`]: the folder of one attempt's evidence.
//! - [`attempts`]: the attempts themselves.
//! - [`journal`]: what was begun, what it cost, what came of it; [`memory`]: one for a single pass.
//! - [`spent`]: what an attempt spent; [`estimate`]: what it may spend;
//!   [`metering`]: reading it while it is being spent.

pub mod attempts;
pub mod decision;
pub mod estimate;
pub mod generated;
pub mod identity;
pub mod journal;
pub mod memory;
pub mod metering;
pub mod pool;
pub mod private;
pub mod seat;
pub mod slot;
pub mod workplace;

pub use crate::budget::spent;
