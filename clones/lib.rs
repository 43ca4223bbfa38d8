//! Local stateful clones of services, and the engine they share.
//!
//! A clone is one folder: a manifest of constant data, and Rust only where the service computes
//! something. [`ALL`] is the catalogue; the composition root hands it to the rest of archal.

mod engine;
mod github;

use archal_core::clone::CloneDescriptor;

/// All clones, sorted by name.
pub const ALL: &[CloneDescriptor] = &[github::DESCRIPTOR];

#[cfg(test)]
mod tests {
    #[test]
    fn the_catalogue_is_sorted() {
        assert!(super::ALL.is_sorted_by_key(|clone| clone.name));
    }
}
