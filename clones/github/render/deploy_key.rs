//! Deploy keys.

use super::API;
use crate::engine::root::Root;
use crate::engine::row::Row;
use crate::engine::writer::Writer;
use crate::github::tables::deploy_key;

/// The address of a deploy key.
pub(in crate::github) fn url(row: &Row) -> String {
    let (repo, id) = (row.text(deploy_key::REPO), row.int(deploy_key::ID));
    format!("{API}/repos/{repo}/keys/{id}")
}

/// A deploy key.
pub(in crate::github) fn deploy_key(_: &Root, row: &Row, out: &mut Writer) {
    out.raw("{");
    out.key("id").int(row.int(deploy_key::ID));
    out.key("key").text(row.text(deploy_key::KEY));
    out.key("url").text(&url(row));
    out.key("title").text(row.text(deploy_key::TITLE));
    out.key("verified").bool(row.bool(deploy_key::VERIFIED));
    out.key("created_at").time(row.time(deploy_key::CREATED_AT));
    out.key("read_only").bool(row.bool(deploy_key::READ_ONLY));
    out.key("added_by")
        .text_or_null(row.text_or_null(deploy_key::ADDED_BY));
    out.key("last_used").raw("null");
    out.key("enabled").bool(true);
    out.raw("}");
}
