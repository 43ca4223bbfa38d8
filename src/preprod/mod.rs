//! The loop before a change ships: the scenarios are run, failures classified, a fixer works within
//! bounds, everything is run again and validated.
//!
//! - [`status`]: how it ends. [`decide`]: its order, as plain functions.
//! - [`failure`]: failures as documents. [`classify`]: whose fault one is, by rules. [`scene`]: what
//!   those rules look at. [`second`]: the judge, where they leave it open.
//! - [`report`]: the result. [`handoff`], [`page`]: the same for whoever takes over, and as a page.
//! - [`artifacts`]: the files of a run.
//! - [`journal`]: paid steps: reserved, written down, charged once.
//! - [`carried`]: files in use that git does not track.
//! - [`differing`]: the checkout and a private copy beside each other.
//! - [`trial`]: every scenario in private copies. [`variation`]: a patch on one that the fixer never
//!   saw.
//! - [`brief`]: what a fixer is told. [`mending`]: one attempt of it. [`fixers`]: who it may be.
//! - [`validation`]: the validation command.
//! - [`course`]: the fix phase in order.
//! - [`pull_request`]: what is proved made public. [`details`]: its text. [`validated`]: what the
//!   command is told that opens it.
//! - [`plan`]: what a repository has and lacks for all that. `survey`: what its files show.

pub mod artifacts;
pub mod brief;
pub mod carried;
pub mod classify;
pub mod course;
pub mod decide;
pub mod details;
pub mod differing;
pub mod failure;
pub mod fixers;
pub mod handoff;
pub mod journal;
pub mod mending;
pub mod page;
pub mod plan;
pub mod pull_request;
pub mod report;
pub mod scene;
pub mod second;
pub mod status;
pub(crate) mod survey;
pub mod trial;
pub mod validated;
pub mod validation;
pub mod variation;
