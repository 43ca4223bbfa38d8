//! Plugins: trace sources that somebody else wrote, as programs of their own.
//!
//! - [`library`]: what is done in the process that a shared library is loaded into.
//! - [`programs`]: starting them, held and limited as all children are.
//! - [`trust`]: whom a file must belong to before it is started or loaded.

pub mod library;
pub mod programs;
pub mod trust;
