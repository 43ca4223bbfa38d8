//! Git as the service has it: an append-only, content-addressed store of objects that all states
//! of a clone share, so that a state itself holds only refs.
//!
//! - [`oid`], [`object`]: ids, and what commits, tags and trees are in bytes.
//! - [`objects`], [`saved`]: the store. [`aliases`]: what evidence writes for ids that follow the clock.
//! - [`tree`], [`history`], [`diff`]: paths, ancestry and changes. [`reach`]: what leads to an object.
//! - [`disk`], [`files`], [`program`]: the store as a bare repository, for what the git command does.
//! - [`merge`], [`archive`]: three-way merges and archives, by that command.
//! - [`serve`], [`packet`]: what git clients talk to, and how.

pub(crate) mod aliases;
pub(crate) mod archive;
pub(crate) mod diff;
pub(crate) mod disk;
mod files;
pub(crate) mod history;
pub(crate) mod merge;
pub(crate) mod object;
pub(crate) mod objects;
#[cfg(test)]
mod objects_tests;
pub(crate) mod oid;
pub(crate) mod packet;
pub(crate) mod program;
mod reach;
pub(crate) mod saved;
pub(crate) mod serve;
pub(crate) mod tree;

pub(crate) use diff::{ChangeStatus, FileChange};
pub(crate) use merge::Merged;
pub(crate) use object::{Commit, Kind, Mode, Signature, Tag, TreeEntry};
pub(crate) use objects::Objects;
pub(crate) use oid::Oid;
pub(crate) use program::GitFailure;
pub(crate) use tree::{DEEPEST, LONGEST_PATH, MOST_ENTRIES, PathChange};
