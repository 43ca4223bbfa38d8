//! A suite in every form in which it is read: each a plain function from what was kept to text.
//!
//! - [`words`]: statuses, times and amounts as every form writes them.
//! - [`quote`]: text that others wrote, cut and made harmless.
//! - [`significance`]: what two rates of few runs say about each other.
//! - [`compare`]: what got worse, better or cannot be told between two suites.
//! - [`junit`]: for what reads test results: Jenkins, GitLab, GitHub.
//! - [`github`]: the summary of a step and annotations of a workflow.
//! - [`html`]: one file that opens from a disk.

pub mod compare;
pub mod github;
pub mod html;
pub mod junit;
pub mod quote;
#[cfg(test)]
pub(crate) mod sample;
pub mod significance;
pub mod words;
