//! A proven patch made public: a branch, a draft pull request or an issue, read back before
//! anything is said of it.
//!
//! - [`mod@regression`]: the failure kept as a scenario with its seed.
//! - [`details`]: the text of a pull request, with the table of the proof.
//! - [`target`]: which repository of which service a remote is.
//! - [`secrets`]: whether a patch holds what must not be published.
//! - [`record`]: what was published, or why not: `pr.json`.
//! - [`decision`]: what may be written, from what the remote holds now.
//! - [`branch`]: the commit, made with an index of its own.
//! - [`program`]: git and gh as the user has set them up.
//! - [`push`]: the remote written by git.
//! - [`request`]: one call of the service, by `gh` or over REST.
//! - [`service`]: pull requests, issues and checks as the service has them.
//! - [`readback`]: what is published held to what was proved.
//! - [`place`]: where a fix is published, and whether it may be.
//! - `issue`: an issue that holds the patch.
//! - [`publication`]: all of it in order.

pub mod branch;
pub mod decision;
pub mod details;
mod issue;
pub mod place;
pub mod program;
pub mod publication;
pub mod push;
pub mod readback;
pub mod record;
pub mod regression;
pub mod request;
pub mod secrets;
pub mod service;
pub mod target;

pub use regression::{FOLDER, earlier, regression};
