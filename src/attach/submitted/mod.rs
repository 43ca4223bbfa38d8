//! Commands of archal that are jobs of the watcher: runs that a person handed to it, and runs for
//! commits.
//!
//! A job is a row, and its work a child that writes its artifacts itself and goes on where they are;
//! so a job that was cut off begins again with the same command. One of a kind runs at a time, in
//! the watcher's pool, and money is counted by the command in the user's ledger.
//!
//! - [`job`]: what is handed over, how a job stands, and what is told of it.
//! - [`queue`]: which is next, running it, and its end.
//! - `head`: where HEAD is; [`commits`]: when a commit is run.
//!
//! A further kind of command is a line in [`job::words`] and [`job::document`], and a source in
//! `queue::Submitted::sources`.

pub mod commits;
mod head;
pub mod job;
pub mod queue;
