//! What happens around the machine: agents are started, their words kept, their commits taken and merged.
//!
//! - [`stage`]: what a run works with, and its records.
//! - [`process`]: a record for every process.
//! - [`agent`]: one agent, contained, in a copy of its own.
//! - [`change`]: the Maker's commits, taken as data.
//! - [`command`]: the user's own commands: hooks and tests.
//! - [`landing`]: the merge, before anybody sees it and after.
//! - [`held`]: what a repair is held to before it is reviewed.
//! - [`drive`]: the loop. [`act`]: what its Act does. [`check`]: its reviews.
//! - `shadows`: failure modes of roles. `telling`: what is told of an agent. `money`: what
//!   it may cost.
//! - [`signals`]: what the words of a task ask for. [`begin`]: a new run, and one that goes on. [`cut_off`]: agents that archal left behind. [`ending`]:
//!   how one ends.

pub mod act;
pub mod agent;
pub mod begin;
pub mod change;
pub mod check;
pub mod command;
pub mod cut_off;
pub mod drive;
pub mod ending;
pub mod held;
pub mod landing;
mod money;
pub mod process;
#[cfg(test)]
mod random_tests;
mod shadows;
pub mod signals;
pub mod stage;
mod telling;
