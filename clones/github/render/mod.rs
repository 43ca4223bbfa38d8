//! Rows as GitHub's REST API shows them.

use crate::engine::root::Root;
use crate::engine::row::Row;
use crate::engine::writer::Writer;

pub(super) mod actions;
pub(super) mod comment;
pub(super) mod event;
pub(super) mod issue;
pub(super) mod label;
pub(super) mod notification;
pub(super) mod org;
pub(super) mod reaction;
pub(super) mod repo;
pub(super) mod team;
pub(super) mod user;

/// Writes a row that no operation answers as it is.
pub(super) fn unrendered(_: &Root, _: &Row, out: &mut Writer) {
    out.raw("{}");
}

/// Where all addresses in bodies begin.
pub(super) const API: &str = "https://api.github.com";
/// Where pages for people begin.
pub(super) const WEB: &str = "https://github.com";
