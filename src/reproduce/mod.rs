//! Running a traced failure again until it shows or does not.
//!
//! - [`identity`]: what makes two failures the same failure.
//! - [`generated`]: the scenario of a failure that nobody wrote one for.
//! - [`decision`]: what one attempt showed, and what several add up to.
//! - [`private`]: folders of this process alone.
//! - [`workplace`]: the private copy of the repository in which a harness or a fixer runs.
//! - [`dependencies`]: what is installed there; [`editable`]: and leads to the checkout.
//! - [`seat`]: a workplace that is opened when it is needed; [`pool`]: idle ones.
//! - [`slot`]: the folder of one attempt's evidence.
//! - [`attempts`]: the attempts themselves; [`rounds`]: several of them side by side.
//! - [`dates`]: whether a failure is about days of the calendar.
//! - [`showing`]: what an attempt showed.
//! - [`course`]: the calls of a run; [`difference`]: in what two runs differ; [`likeness`]: and in
//!   what two values do.
//! - [`recorded`]: services and models that answer as they did in the trace.
//! - [`release`]: the commit that a trace ran at.
//! - [`journal`]: what was begun, what it cost, what came of it; [`memory`]: one for a single pass.
//! - [`spent`]: what an attempt spent; [`estimate`]: what it may spend;
//!   [`metering`]: reading it while it is being spent.

pub mod attempts;
pub mod course;
pub mod dates;
pub mod decision;
pub mod dependencies;
pub mod difference;
pub mod editable;
pub mod estimate;
pub mod generated;
pub mod identity;
pub mod journal;
pub mod likeness;
pub mod memory;
pub mod metering;
pub mod pool;
pub mod private;
pub mod recorded;
pub mod release;
pub mod rounds;
pub mod seat;
pub mod showing;
pub mod slot;
pub mod workplace;

pub use crate::budget::spent;
