//! A proven patch made public: a branch, a draft pull request or an issue, read back before
//! anything is said of it.
//!
//! - [`regression`]: the failure kept as a scenario with its seed.
//! - [`details`]: the text of a pull request, with the table of the proof.
//! - [`target`]: which repository of which service a remote is.
//! - [`record`]: what was published, or why not: `pr.json`.
//! - [`decision`]: what may be written, from what the remote holds now.
//! - [`branch`]: the commit, made with an index of its own.
//! - [`push`]: the remote read and written by git.
//! - [`request`]: one call of the service, by `gh` or over REST.
//! - [`service`]: pull requests, issues and checks as the service has them.
//! - [`readback`]: what is published held to what was proved.
//! - [`publication`]: all of it in order.

pub mod branch;
pub mod decision;
pub mod details;
pub mod publication;
pub mod push;
pub mod readback;
pub mod record;
pub mod regression;
pub mod request;
pub mod service;
pub mod target;

pub use regression::{FOLDER, regression};
