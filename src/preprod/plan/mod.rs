//! `archal preprod plan`: what a repository has and lacks for the loop, and scenarios to begin with.
//!
//! - `inspect`: what is there, without running anything.
//! - [`tools`]: tools that the agent's code declares.
//! - [`starters`]: scenarios to begin with.
//! - [`document`]: the plan, `preprod-plan.json`.

pub mod document;
pub(crate) mod inspect;
pub mod starters;
pub mod tools;
