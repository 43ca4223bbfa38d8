//! Rows as GitHub's REST API shows them.

pub(super) mod comment;
pub(super) mod event;
pub(super) mod field;
pub(super) mod issue;
pub(super) mod label;
pub(super) mod milestone;
pub(super) mod notification;
pub(super) mod pull;
pub(super) mod reaction;
pub(super) mod repo;
pub(super) mod review;
pub(super) mod review_comment;
pub(super) mod user;

/// Where all addresses in bodies begin.
pub(super) const API: &str = "https://api.github.com";
/// Where pages for people begin.
pub(super) const WEB: &str = "https://github.com";
