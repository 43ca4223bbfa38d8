//! What archal keeps on disk: where it lies ([`layout`]), how files are written ([`atomic`],
//! [`json`], [`lines`]), how databases are opened ([`database`]), what leads out of a repository ([`inside`])
//! and how much room there is ([`space`]).

pub mod atomic;
pub mod database;
pub mod inside;
pub mod json;
pub mod layout;
pub mod lines;
pub mod space;
