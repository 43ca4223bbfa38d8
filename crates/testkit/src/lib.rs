//! The test environment and fakes of archal. Development only.
//!
//! - [`braintrust`]: Braintrust's data plane, on a [`loopback`] server that can answer badly.
//! - [`cli`]: runs the built binary in a world of its own.
//! - [`echo_clone`]: a clone small enough to know by heart.
//! - [`fake_judge`]: a model server that answers what a test has written down.
//! - [`langfuse`]: Langfuse's public API, on a [`loopback`] server that can answer badly.
//! - [`postgres`]: a PostgreSQL of the system's.
//! - [`stand_in_judge`]: what such a server says by two simple rules.
//! - [`till_clone`]: a second one, for scenarios with two.
//! - [`FakeClock`], [`SequentialIds`]: time and ids that repeat.

pub mod braintrust;
pub mod cli;
pub mod echo_clone;
pub mod fake_judge;
pub mod langfuse;
pub mod loopback;
pub mod postgres;
pub mod stand_in_judge;
pub mod till_clone;

pub use archal_core::clock::FakeClock;
pub use archal_core::id::SequentialIds;
