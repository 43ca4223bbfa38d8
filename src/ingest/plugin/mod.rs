//! Plugins: trace sources that somebody else wrote, as programs of their own.
//!
//! - [`programs`]: starting them, held and limited as all children are.
//! - [`trust`]: whom a file must belong to before it is started or loaded.

pub mod programs;
pub mod trust;
