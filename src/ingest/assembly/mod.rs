//! From spans in any order to traces in batch files.
//!
//! [`state`] knows which spans of which trace lie where in the spool, and when a trace is to be given
//! out: it holds places, not spans, so memory does not grow with what spans hold. [`packer`] reads
//! them, puts traces together and writes [`batch`] files; [`given`] knows which file has a trace of which
//! the spool has let go, and [`opened`] reads it again.

pub mod batch;
pub mod given;
pub mod opened;
pub mod packer;
pub mod state;

pub use state::{Assembly, Pace};
