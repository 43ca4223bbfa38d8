//! `archal run`: the agent's harness against clones, scored, with its evidence kept.
//!
//! - [`harness`]: which program is the agent, and how it is started.
//! - [`environment`]: what that program finds in its environment.
//! - [`answer`]: what it said, from its stdout.
//! - `metrics_file`, [`trace_file`]: what it left in files; `left`: keeping them.
//! - [`judged`]: the criteria that a judge decides.
//! - [`scenarios`]: scenario files made ready to run.
//! - [`scrub`]: secrets taken out of what a child printed or left behind.
//! - [`seeds`]: the starting state of each clone of a scenario.
//! - [`request`]: what was asked for.
//! - [`ready`]: a scenario with all that its runs need.
//! - [`plan`]: which runs a suite is made of, and which of them are finished.
//! - [`fingerprint`]: whether the agent is the one it was.
//! - [`stand_in`]: clones made for one run, of what was recorded.
//! - [`estimate`]: what they may take, from what earlier ones took.
//! - [`attempt`]: one run, from seed to criteria.
//! - [`result`]: the same as it is kept.
//! - [`cost`]: what it cost.
//! - [`discarded`]: runs that count for nothing, and what they cost.
//! - [`score`]: what runs add up to.
//! - [`tally`]: one criterion over all runs.
//! - [`report`]: a whole suite as it is kept.
//! - [`totals`]: what its scenarios add up to.
//! - [`workers`]: runs made at once.
//! - [`suite`]: the runs of a plan, and their summary on disk.
//! - [`transcript`]: a run as it went.
//! - [`kept`]: suites and runs read back from the disk.
//! - [`terminal`]: a suite for a person.
//! - [`render`]: a suite in every other form in which it is read.

pub mod answer;
pub mod attempt;
pub mod cost;
pub mod discarded;
pub mod environment;
pub mod estimate;
pub mod fingerprint;
pub mod harness;
pub mod judged;
pub mod kept;
mod left;
mod metrics_file;
pub mod plan;
pub mod ready;
pub mod render;
pub mod report;
pub mod request;
pub mod result;
pub mod scenarios;
pub mod score;
pub mod scrub;
pub mod seeds;
pub mod stand_in;
pub mod suite;
pub mod tally;
pub mod terminal;
pub mod totals;
pub mod trace_file;
pub mod transcript;
pub mod trouble;
pub mod workers;
