//! Letting a fixer change the agent, and proving what it did.
//!
//! - [`choice`]: who repairs.
//! - [`driven`]: the fixer that is a coding agent or any command.
//! - [`confinement`]: its files, its network and its calls held to what it needs.
//! - [`hosts`]: the hosts that it needs.
//! - [`cycles`]: the fixer that is cycles of agents with reviewers.
//! - [`brief`]: the files a fixer is given.
//! - [`candidate`]: what a fixer left, by the rules, kept before anything else is done with it.
//! - [`checked`]: what runs with an unfinished change say to whoever makes it.
//! - [`conduct`]: what a fixer did beside repairing the agent, by the name of a rule.
//! - [`repair`]: from a reproduced failure to a proven patch, or the reason there is none.
//! - [`rules`]: which files a fixer may change, and which only with review. [`ruling`]: what they
//!   make of the tree that one left.
//! - [`proof`]: red before, green after, nothing else broken.
//! - [`trial`]: a small repair, to see that a fixer works.
//! - [`variation`]: the same failure under other names, which the fixer never saw.
//! - [`weakened`]: whether a changed file tests less than it did.
//! - [`publish`]: the regression that is kept, the branch, the draft pull request, read back.

pub mod brief;
pub mod candidate;
pub mod checked;
pub mod choice;
pub mod conduct;
pub mod confinement;
pub mod cycles;
pub mod driven;
pub mod hosts;
pub mod proof;
pub mod publish;
pub mod repair;
pub mod rules;
pub mod ruling;
pub mod trial;
pub mod variation;
pub mod weakened;
