//! Whether a trace shows a real failure.
//!
//! Four tiers look at it, cheap ones first; what the agent says of itself counts for nothing.
//!
//! - [`whole`]: the tiers put together.
//! - [`facts`]: the trace as all tiers read it.
//! - [`signals`]: findings from the shape of the trace (tier 1).
//! - [`claims`]: findings from the last answer against the calls (tier 2).
//! - [`state`]: findings from the replayed state by the matched scenario (tier 3).
//! - [`judged`]: findings of a judge, where nothing else decides (tier 4).
//! - [`rules`]: findings from what the repository asks of every trace (tier 3).
//! - `negation`: what must hold where a finding fired.
//! - [`scene`]: what a trace shows, as rules read it.
//! - [`ended`]: how its run ended.
//! - [`tiers`]: which tier a finding is of, and what each came to.
//! - [`verdict`]: what all findings come to.
//! - [`measure`]: how good all this is, on labelled runs.
//! - [`matching`]: which scenario a trace belongs to.
//! - [`document`]: what is written down.

pub mod claims;
pub mod document;
pub mod ended;
pub mod facts;
pub mod judged;
pub mod matching;
pub mod measure;
mod negation;
pub mod rules;
pub mod scene;
pub mod signals;
pub mod state;
pub mod tiers;
pub mod verdict;
pub mod whole;

#[cfg(test)]
mod pairs_tests;
#[cfg(test)]
pub(crate) mod recording_tests;

#[cfg(test)]
mod tests;

pub use document::Grade;
