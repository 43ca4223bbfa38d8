//! What archal keeps on disk: where it lies ([`layout`]), how files are written ([`atomic`]) and
//! how databases are opened ([`database`]).

pub mod atomic;
pub mod database;
pub mod layout;
