//! What archal keeps on disk: where it lies ([`layout`]) and how it is written ([`atomic`]).

pub mod atomic;
pub mod layout;
