//! The post-prod loop: import, grade, seed, reproduce, fix.
//!
//! Each trace is a job that goes through five stages and ends in a terminal status. What is
//! missing is named, never guessed, and every stage leaves its artifact under `.archal/attach/`.
//!
//! - [`job`]: statuses, and what is told of a job.
//! - [`flags`], [`settings`], [`options`]: what the loop may do.
//! - [`ready`]: what the loop stands on: the repository at HEAD, its scenarios and harness.
//! - [`state`]: what is known between two lives of the process.
//! - [`engine`]: what all work on a repository's traces shares.
//! - [`intake`]: from a file that was read to graded jobs.
//! - [`grading`], [`seeding`], `reproducing`, `fixing`: the stages; [`journal`] keeps their paid steps.
//! - `manifest`: what reproducing leaves; `released`: the same on the commit of the trace.
//! - [`desk`]: the queue of files and jobs; [`watcher`]: the threads
//!   around it; [`service`]: what other processes ask it.
//! - `kept`: what a job leaves so that a lost state is derived again without paying twice.
//! - `turns`: one step at a time for a trace; `lead`: which trace of a group is worked on;
//!   `sweep`: what a killed process left.
//! - `telling`: notices while archal works; `upkeep`: what is old goes; `room`: low disks.
//! - [`reprocess`]: ended jobs that are opened again.
//! - [`submitted`]: commands that are jobs of the watcher, and commits that are run.
//! - [`check`], [`evidence`]: what is ready and what is missing, before anything is done.
//! - [`hosted`]: sources of the registry that run inside the watcher.
//! - `recording`: the settings of SDKs that bring what traces lack.
//! - [`inbox`]: failures as a person looks at them and decides; [`notice`]: telling them.
//! - [`results`]: verdicts sent back to where traces are kept.
//! - [`retention`]: what goes because it is old.
//! - [`report`], [`status`], [`handoff`]: where jobs stand, for programs and for people.

pub mod check;
pub mod desk;
pub mod engine;
pub mod evidence;
mod fixing;
pub mod flags;
pub mod grading;
pub mod handoff;
pub mod hosted;
pub mod inbox;
pub mod intake;
pub mod job;
pub mod journal;
mod kept;
pub mod lead;
mod manifest;
pub mod notice;
pub mod options;
pub mod ready;
mod recording;
mod released;
pub mod report;
pub mod reprocess;
mod reproducing;
pub mod results;
pub mod retention;
mod room;
pub mod seeding;
pub mod service;
pub mod settings;
pub mod state;
pub mod status;
pub mod submitted;
mod sweep;
mod telling;
mod turns;
mod upkeep;
pub mod watcher;
