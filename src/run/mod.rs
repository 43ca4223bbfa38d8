//! `archal run`: the agent's harness against clones, scored, with its evidence kept.
//!
//! - [`harness`]: which program is the agent, and how it is started.
//! - [`environment`]: what that program finds in its environment.
//! - [`answer`]: what it said, from its stdout.
//! - [`scenarios`]: scenario files made ready to run.
//! - [`scrub`]: secrets taken out of what a child printed or left behind.
//! - [`seeds`]: the starting state of each clone of a scenario.
//! - [`attempt`]: one run, from seed to criteria.
//! - [`result`]: the same as it is kept.
//! - [`score`]: what runs add up to.
//! - [`tally`]: one criterion over all runs.
//! - [`report`]: a whole suite as it is kept.
//! - [`totals`]: what its scenarios add up to.
//! - [`suite`]: scenarios run as often as wanted, their evidence and summary on disk.
//! - [`transcript`]: a run as it went.
//! - [`kept`]: suites and runs read back from the disk.
//! - [`terminal`]: a suite for a person.
//! - [`render`]: a suite in every other form in which it is read.

pub mod answer;
pub mod attempt;
pub mod environment;
pub mod harness;
pub mod kept;
pub mod render;
pub mod report;
pub mod result;
pub mod scenarios;
pub mod score;
pub mod scrub;
pub mod seeds;
pub mod suite;
pub mod tally;
pub mod terminal;
pub mod totals;
pub mod transcript;
