//! The git command, as archal uses it.
//!
//! Every call runs with the user's and the system's configuration out of reach, hooks off and
//! no terminal. A repository that a fixer could write to is never given to git as a repository:
//! its files are read through a private object store ([`workspace`]), so that nothing planted
//! in its `.git` is ever run.

pub mod command;
pub mod workspace;
