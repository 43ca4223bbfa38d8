//! Labels.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::API;
use crate::engine::root::Root;
use crate::engine::row::Row;
use crate::engine::writer::Writer;
use crate::github::tables::label;

/// What stays as it is in a path segment.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~')
    .remove(b':');

/// The address of a label.
pub(in crate::github) fn url(repo: &str, name: &str) -> String {
    let name = utf8_percent_encode(name, SEGMENT);
    format!("{API}/repos/{repo}/labels/{name}")
}

/// A label.
pub(in crate::github) fn label(_: &Root, row: &Row, out: &mut Writer) {
    out.raw("{");
    out.key("id").int(row.int(label::ID));
    out.key("node_id").text(row.text(label::NODE_ID));
    out.key("url")
        .text(&url(row.text(label::REPO), row.text(label::NAME)));
    out.key("name").text(row.text(label::NAME));
    out.key("color").text(row.text(label::COLOR));
    out.key("default").bool(row.bool(label::DEFAULT));
    out.key("description")
        .text_or_null(row.text_or_null(label::DESCRIPTION));
    out.raw("}");
}
