//! Where tests of redaction tell their figures: `cargo test -p archal-core redact -- --nocapture`.
#![expect(clippy::print_stdout, reason = "the figures are for people")]

/// Shows a figure.
pub(super) fn figure(text: &str) {
    println!("{text}");
}
