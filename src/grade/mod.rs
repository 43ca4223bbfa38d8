//! Whether a trace shows a real failure.
//!
//! Today one tier decides: the state the trace's calls lead to, judged by the `[D]` criteria of
//! the scenario that the trace matches. What the agent says of itself counts for nothing.
//!
//! - [`matching`]: which scenario a trace belongs to.
//! - [`state`]: findings from the replayed state.
//! - [`document`]: what is written down.

pub mod document;
pub mod matching;
pub mod state;

pub use document::Grade;
