//! What the commands of `archal clone` that open sessions, or ask them, share.
//!
//! - [`starting`]: which clones, on which states.
//! - [`serving`]: running a session to its end.
//! - [`reaching`]: finding one that runs, and asking it.

pub(crate) mod reaching;
pub(crate) mod serving;
pub(crate) mod starting;
