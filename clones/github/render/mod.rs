//! Rows as GitHub's REST API shows them.

pub(super) mod actions;
pub(super) mod advisory;
pub(super) mod alert;
pub(super) mod check;
pub(super) mod comment;
pub(super) mod deploy_key;
pub(super) mod event;
pub(super) mod field;
pub(super) mod gist;
pub(super) mod hook;
pub(super) mod issue;
pub(super) mod label;
pub(super) mod license;
pub(super) mod milestone;
pub(super) mod notification;
pub(super) mod org;
pub(super) mod project;
pub(super) mod protection;
pub(super) mod pull;
pub(super) mod reaction;
pub(super) mod release;
pub(super) mod repo;
pub(super) mod review;
pub(super) mod review_comment;
pub(super) mod status;
pub(super) mod team;
pub(super) mod user;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC};

use crate::engine::root::Root;
use crate::engine::row::Row;
use crate::engine::writer::Writer;

/// What stays as it is in the path of an address.
pub(super) const PATH: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~')
    .remove(b'/')
    .remove(b'@')
    .remove(b'+');

/// Writes a row that no operation answers as it is.
pub(super) fn unrendered(_: &Root, _: &Row, out: &mut Writer) {
    out.raw("{}");
}

/// Where all addresses in bodies begin.
pub(super) const API: &str = "https://api.github.com";
/// Where pages for people begin.
pub(super) const WEB: &str = "https://github.com";
