//! Services and models that answer as they did in the trace: clones made for the attempts at it.
//!
//! They are less than clones: they know what was asked once, and nothing else. The first request
//! that the trace does not have ends what an attempt can say.
//!
//! - [`replay`]: services without a clone.
//! - [`model`]: the agent's model; [`turns`]: what it said; [`conversation`]: what it was asked, as
//!   each protocol writes it; [`answers`]: what it says, in the same protocols.
//! - `playing`: what both are as clones.

pub mod answers;
pub mod conversation;
pub mod model;
mod playing;
pub mod replay;
pub mod turns;
