//! Whether a trace shows a real failure.
//!
//! Today one tier decides: the state the trace's calls lead to, judged by the `[D]` criteria of
//! the scenario that the trace matches. What the agent says of itself counts for nothing.
//!
//! - [`claims`]: findings from the last answer against the calls.
//! - [`facts`]: the trace as all tiers read it.
//! - [`matching`]: which scenario a trace belongs to.
//! - [`measure`]: how good all this is, on labelled runs.
//! - [`signals`]: findings from the shape of the trace.
//! - [`state`]: findings from the replayed state.
//! - [`verdict`]: what all findings come to.
//! - [`document`]: what is written down.

pub mod claims;
pub mod document;
pub mod facts;
pub mod matching;
pub mod measure;
pub mod signals;
pub mod state;
pub mod verdict;

pub use document::Grade;
