//! Benchmarks of clones.
fn main() {}
