//! The test environment and fakes of archal. Development only.
//!
//! - [`cli`]: runs the built binary in a world of its own.
//! - [`FakeClock`], [`SequentialIds`]: time and ids that repeat.

pub mod cli;

pub use archal_core::clock::FakeClock;
pub use archal_core::id::SequentialIds;
