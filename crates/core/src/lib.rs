//! The nouns of archal and the sockets its plug points fill.
//!
//! Everything here is a value or a trait: no disk, no network, no process, no
//! wall clock. What differs between two runs (time, ids, environment) comes in
//! as an argument, so that every crate above can be tested with values.
//!
//! - [`trace`]: the trace model and the `archal.trace.upload-batch` format.
//! - [`redact`]: which values never reach a disk, a log, a model or a child.
//! - [`diagnostic`]: what is wrong with an input, where, and what mends it.
//! - [`clock`], [`id`], [`environment`]: the world as arguments.
//! - [`hash`]: stable content hashes. [`graphql`]: questions and changes.
//! - [`confined`]: how far a child was confined, and what it was refused.
//! - [`pull`], [`push`]: how a [`source`] is asked, and is sent to. [`reach`]: whom it asks with what.
//! - [`program`]: programs of somebody else's that a source talks with.
//! - [`source`], [`clone`], [`grade`], [`fixer`]: the plug points.

pub mod clock;
pub mod clone;
pub mod confined;
pub mod diagnostic;
pub mod environment;
pub mod fixer;
pub mod grade;
pub mod graphql;
pub mod hash;
pub mod id;
pub mod program;
pub mod pull;
pub mod push;
pub mod reach;
pub mod redact;
pub mod source;
pub mod stability;
pub mod trace;
