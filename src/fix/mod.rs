//! Letting a fixer change the agent, and proving what it did.
//!
//! - [`command`]: the fixer that is any program.
//! - [`brief`]: the files a fixer is given.
//! - [`candidate`]: what a fixer left, by the rules, kept before anything else is done with it.
//! - [`repair`]: from a reproduced failure to a proven patch, or the reason there is none.
//! - [`rules`]: which files a fixer may change, and which only with review.
//! - [`proof`]: red before, green after, nothing else broken.
//! - [`publish`]: the regression that is kept, the branch, the draft pull request, read back.

pub mod brief;
pub mod candidate;
pub mod command;
pub mod proof;
pub mod publish;
pub mod repair;
pub mod rules;
