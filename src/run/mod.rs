//! `archal run`: the agent's harness against clones, scored, with its evidence kept.
//!
//! - [`harness`]: which program is the agent, and how it is started.
//! - [`environment`]: what that program finds in its environment.
//! - [`answer`]: what it said, from its stdout.
//! - [`scenarios`]: scenario files made ready to run.
//! - [`scrub`]: secrets taken out of what a child printed or left behind.
//! - [`seeds`]: the starting state of each clone of a scenario.
//! - [`attempt`]: one run, from seed to criteria.
//! - [`score`]: what runs add up to.
//! - [`suite`]: scenarios one after the other, their evidence and summary on disk.
//! - [`terminal`]: the same for a person.

pub mod answer;
pub mod attempt;
pub mod environment;
pub mod harness;
pub mod scenarios;
pub mod score;
pub mod scrub;
pub mod seeds;
pub mod suite;
pub mod terminal;
