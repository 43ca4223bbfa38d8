//! Running a traced failure again until it shows or does not.
//!
//! - [`identity`]: what makes two failures the same failure.
//! - [`decision`]: what one attempt showed, and what several add up to.
//! - [`interval`]: how sure k of n is.
//! - [`private`]: folders of this process alone.
//! - [`workplace`]: the private copy of the repository in which a harness or a fixer runs.
//! - [`attempts`]: the attempts themselves.

pub mod attempts;
pub mod decision;
pub mod identity;
pub mod interval;
pub mod private;
pub mod workplace;
