//! The post-prod loop: import, grade, seed, reproduce, fix.
//!
//! Each trace is a job that goes through five stages and ends in a terminal status. What is
//! missing is named, never guessed, and every stage leaves its artifact under `.archal/attach/`.
//!
//! - [`job`]: statuses, and what is told of a job.
//! - [`options`]: what the loop may do.
//! - [`ready`]: what the loop stands on: the repository at HEAD, its scenarios and harness.
//! - [`engine`]: one pass over a trace directory.
//! - [`stages`]: one trace through its stages.
//! - `fixing`: the last of them.
//! - [`handoff`]: a pass for a person.
//! - [`state`]: what is known between two lives of the process.
//! - [`inbox`]: failures as a person looks at them and decides.
//! - [`notify`]: telling a person of failures.
//! - [`retention`]: what goes because it is old.

pub mod engine;
mod fixing;
pub mod handoff;
pub mod inbox;
pub mod job;
pub mod notify;
pub mod options;
pub mod ready;
pub mod retention;
pub mod stages;
pub mod state;
