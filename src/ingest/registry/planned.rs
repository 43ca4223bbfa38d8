//! Providers that the design names and this version does not have. They are refused by name, so
//! that nobody waits for traces that never come.

/// Names of such providers, sorted, with what each will read.
pub const PLANNED: &[(&str, &str)] = &[];

/// What a planned provider will read; none of any other name.
pub fn planned(provider: &str) -> Option<&'static str> {
    PLANNED
        .iter()
        .find(|(name, _)| *name == provider)
        .map(|(_, reads)| *reads)
}
