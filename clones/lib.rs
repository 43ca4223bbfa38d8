//! Placeholder.

/// Empty until the first clone is merged.
pub const ALL: &[archal_core::clone::CloneDescriptor] = &[];
