//! Running coding agents without a person: one adapter, driven by a table with a row for each
//! program, and any command beside them.
//!
//! An agent's word is never taken for what it did: a run counts as done when it exited with 0, gave
//! its end record, reported no error and the tree changed.
//!
//! - [`table`]: the agents, a row each.
//! - [`records`]: what an agent's output says: its end, its errors, its refusals, its usage.
//! - [`answer`]: what it said last.
//! - [`outcome`]: from that, the exit and the tree to an outcome.
//! - [`usage`]: tokens, and what they cost.
//! - [`run`]: a contained run from prompt to outcome.
//! - [`advice`]: what to do after a run that did not repair.
//! - [`found`]: where a program is, and which version.

pub mod advice;
pub mod answer;
pub mod found;
pub mod outcome;
pub mod records;
pub mod run;
pub mod table;
pub mod usage;

mod dialects;

#[cfg(test)]
mod captured_tests;
