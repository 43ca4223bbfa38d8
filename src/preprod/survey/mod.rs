//! What the files of a repository show of its agent: for `archal init` and `archal preprod plan`.
//!
//! - `services`: what shows which service and model. `repository`, `manifests`: what is there.

mod manifests;
pub(crate) mod repository;
pub(crate) mod services;
