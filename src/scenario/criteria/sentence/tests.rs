//! Sentences that are understood, sentences that are refused, and what the former say of states.
//!
//! - [`clones`]: clones and states written as JSON. [`corpus`]: the sentences kept as data.
//! - [`laws`]: what holds of every sentence.

mod clones;
mod corpus;
mod laws;

use archal_core::clone::CloneDescriptor;

/// A clone that is shipped.
fn real(name: &str) -> &'static CloneDescriptor {
    archal_clones::ALL
        .iter()
        .find(|clone| clone.name == name)
        .expect("a clone of that name")
}
