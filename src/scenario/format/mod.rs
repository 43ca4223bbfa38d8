//! Reading and writing scenario markdown.
//!
//! A file is `# Title` and sections; [`parse`] gives back the scenario when nothing in it is
//! wrong, and everything that is wrong with its place otherwise. [`write()`] makes a file that
//! reads back as the same scenario.

mod blocks;
mod bullets;
mod condition;
pub mod fault;
mod inference;
mod parse;
mod sections;
mod seeds;
mod sentences;
mod settings;
mod write;

#[cfg(test)]
mod round_trip;
#[cfg(test)]
mod tests;

pub(in crate::scenario) use bullets::slug;
pub use parse::{MAX_BYTES, is_meant_as_scenario, load, parse};
pub use write::write;
