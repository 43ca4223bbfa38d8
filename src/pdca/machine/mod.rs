//! What a run does next, as plain values: no process, no file, no clock.
//!
//! - [`course`]: where a run is, and what follows from each thing that happens.
//! - [`ruling`]: what follows from the reviews of a cycle, a table.
//! - [`breaks`]: what ends a run that does not come closer.

pub mod breaks;
pub mod course;
pub mod ruling;

#[cfg(test)]
mod random_tests;
