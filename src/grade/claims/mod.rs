//! Tier 2: what the agent's last answer says was done, against the calls that would have done it.

use archal_core::grade::Finding;
use archal_core::trace::Trace;

/// What the last answer of `trace` claims and no call backs.
pub fn find(_trace: &Trace) -> Vec<Finding> {
    Vec::new()
}
