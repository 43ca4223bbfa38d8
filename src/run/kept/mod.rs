//! Suites and runs read back from `.archal/cache`.
//!
//! - [`shelf`]: which there are, the newest first.
//! - [`lookup`]: the one that was meant: an id, its beginning, or `last`.
//! - [`evidence`]: what a run left, cut to what can be shown.
//! - [`prune`]: which may go.
//! - [`documents`]: what is told of them as JSON.
//!
//! What stands there may be half written, of another version or not archal's at all: it is left
//! alone, and said.

pub mod documents;
pub mod evidence;
pub mod lookup;
pub mod prune;
pub mod shelf;
