//! Scenarios: the markdown format, where scenario files are found, and the criteria that
//! decide a run on state, calls and outcome without a model.
//!
//! - [`spec`]: the types of a scenario.
//! - [`mod@format`]: reading and writing scenario markdown.
//! - [`criteria`]: compiling and evaluating CEL criteria against the schemas of the clones.
//! - [`matching`]: which traces a scenario is for.
//! - [`discover`]: scenario files in files, folders and patterns.
//! - [`mod@setup`]: starting states in words.
//! - [`mod@untouched`]: what a scenario is before any agent has done anything.
//! - [`mod@draft`]: a scenario to start from.
//! - `number_words`: numbers as words, in criteria and in starting states.

pub mod criteria;
pub mod discover;
pub mod draft;
pub mod format;
pub mod matching;
mod number_words;
pub mod setup;
pub mod spec;
pub mod untouched;

#[cfg(test)]
mod fixture;

pub use spec::{Check, Criterion, Scenario, ScenarioConfig, SeedBlock, SeedChoice};
