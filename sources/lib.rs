//! Placeholder.

/// Empty until the first source is merged.
pub const ALL: &[archal_core::source::SourceDescriptor] = &[];
