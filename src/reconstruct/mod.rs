//! The state of the services as it was before a trace began, from the trace itself.
//!
//! Reads in a trace are evidence of state at that moment, writes are undone to get the state
//! before. Everything here is a pure function of the trace and the clones' descriptors; what
//! the trace does not prove is listed in `missing`, never guessed.
//!
//! - [`exchanges`]: which spans were calls of a cloned service.
//! - `world`: the facts those calls prove, applied in order.
//! - [`seed`]: the seed documents the facts add up to, and what is missing.
//! - [`replay`]: the trace's own calls run again on that state, response by response.

pub mod exchanges;
pub mod replay;
pub mod seed;
mod world;

use archal_core::clone::CloneDescriptor;
use archal_core::trace::Trace;

pub use seed::{Missing, Reconstruction};

/// Rebuilds the state before `trace` began.
pub fn reconstruct(trace: &Trace, clones: &[CloneDescriptor]) -> Reconstruction {
    let calls = exchanges::of(trace, clones);
    let world = world::World::of(&calls, clones);
    seed::assemble(trace, &calls, world, clones)
}
