//! What is in repositories: history, files, branches and tags, over git objects and rows of refs.
//!
//! - [`refs`]: names for commits, and the operations on refs.
//! - [`commits`], [`compare`]: commits and what changed between them.
//! - [`files`], [`reading`]: files by their path. [`data`]: git's objects as they are.
//! - [`branches`], [`merging`]: branches, tags and what is merged without a pull request.
//! - [`people`]: who wrote a commit. [`statistics`]: contributors and languages.
//! - [`history`]: what seeds say of the past. [`notes`]: the notes of a release.

pub(super) mod branches;
pub(super) mod commits;
pub(super) mod compare;
pub(super) mod data;
pub(super) mod files;
pub(super) mod history;
pub(super) mod merging;
pub(super) mod notes;
pub(super) mod people;
pub(super) mod reading;
pub(super) mod refs;
pub(super) mod statistics;
