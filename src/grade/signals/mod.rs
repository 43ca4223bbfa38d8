//! Tier 1: what the shape of a trace shows, without knowing what was right.

use archal_core::grade::Finding;
use archal_core::trace::Trace;

/// What the shape of `trace` shows.
pub fn find(_trace: &Trace) -> Vec<Finding> {
    Vec::new()
}
