//! Criteria decided without a model: CEL expressions over the state of the clones, the calls
//! that were made and the run.
//!
//! The CEL crate evaluates without types, so that a misspelt field over an empty list would be
//! silently true. Here an expression is first checked against the schemas the clones publish:
//! [`compile`] refuses unknown names with the nearest right one, and [`evaluate()`] runs what
//! passed within bounds of steps and time.

mod check;
mod compile;
mod cost;
mod evaluate;
mod evidence;
mod fold;
mod functions;
mod literals;
mod references;
mod rules;
pub mod sentence;
mod syntax;
mod types;
mod values;
mod world;

#[cfg(test)]
mod tests;

pub use compile::{Compiled, compile, decisive, references};
pub use evaluate::{CriterionResult, CriterionStatus, evaluate};
pub use evidence::EvidenceRow;
pub use literals::{Literal, LiteralKind, literals};
pub use references::{CollectionReference, Decisive, References};
pub use world::{CallFact, CloneWorld, RunFact, World};
