//! The state of the services as it was before a trace began, from the trace itself.
//!
//! Reads in a trace are evidence of state at that moment, writes are undone to get the state
//! before. Everything here is a pure function of the trace and the clones' descriptors; what
//! the trace does not prove is listed in `missing`, never guessed.
//!
//! - [`exchanges`]: which spans were calls of a cloned service.
//! - [`tools`]: which calls of tools were calls of a cloned service.
//! - [`hosts`]: which hosts are no service. `faults`: which calls failed outside its state.
//! - `world`: the facts those calls prove, applied in order.
//! - [`owned`]: the states that the repository owns.
//! - [`seed`]: the seed documents the facts add up to, and what is missing.
//! - [`replay`]: the trace's own calls run again on that state, response by response.
//! - [`explain`]: what a rebuilt state rests on.
//! - [`proven`]: which answers of it to other calls rest on anything.

pub mod exchanges;
pub mod explain;
mod faults;
pub mod hosts;
#[cfg(test)]
mod mutation_tests;
pub mod owned;
pub mod proven;
pub mod replay;
pub mod seed;
pub mod tools;
#[cfg(test)]
mod truth_tests;
mod world;

use archal_core::clock::truncate_to_second;
use archal_core::clone::CloneDescriptor;
use archal_core::trace::Trace;
use jiff::Timestamp;
use serde_json::Value;

pub use seed::{Conflict, ConflictKind, Missing, Reconstruction, Synthesised};

/// What a trace's calls are read with.
#[derive(Debug, Clone, Copy)]
pub struct Context<'a> {
    /// The clones there are.
    pub clones: &'a [CloneDescriptor],
    /// What the repository says of its agent's own tools.
    pub tools: &'a tools::Tools,
    /// States the repository owns. They fill what a trace does not show; where both speak, the trace
    /// is right.
    pub owned: &'a [Owned],
}

/// A starting state that the repository owns.
#[derive(Debug, Clone, PartialEq)]
pub struct Owned {
    /// Where it is written, for people: `archal/seeds/github.json`.
    pub origin: String,
    /// The clone.
    pub clone: String,
    /// A document of the clone's seed schema.
    pub document: Value,
}

/// Rebuilds the state before `trace` began.
pub fn reconstruct(trace: &Trace, context: &Context<'_>) -> Reconstruction {
    let calls = exchanges::of(trace, context);
    let base = trace
        .started_at
        .or_else(|| calls.calls.first().and_then(|call| call.at))
        .map_or(Timestamp::UNIX_EPOCH, truncate_to_second);
    let world = world::World::of(&calls, context.clones, base);
    seed::assemble(base, &calls, world, context)
}
