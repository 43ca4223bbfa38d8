//! What commands that make runs of scenarios share.
//!
//! - [`options`]: the options that say what a suite is made of.
//! - [`loading`]: scenario files, made ready.
//! - [`resolved`]: the agent that is found, and how its runs are made.

pub(crate) mod loading;
pub(crate) mod options;
pub(crate) mod resolved;
