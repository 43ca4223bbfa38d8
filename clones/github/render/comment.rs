//! Comments on issues.

use super::issue::pull_page;
use super::{API, reaction, user};
use crate::engine::root::Root;
use crate::engine::row::Row;
use crate::engine::writer::Writer;
use crate::github::tables::{PULLS, comment};

/// A comment.
pub(in crate::github) fn comment(root: &Root, row: &Row, out: &mut Writer) {
    let (repo, number) = row.text(comment::ISSUE).split_once('#').unwrap_or_default();
    let id = row.int(comment::ID);
    let url = format!("{API}/repos/{repo}/issues/comments/{id}");
    out.raw("{");
    out.key("url").text(&url);
    let pull = root.named(PULLS, row.text(comment::ISSUE)).is_some();
    let page = pull_page(repo, number.parse().unwrap_or(0), pull);
    out.key("html_url")
        .text(&format!("{page}#issuecomment-{id}"));
    out.key("issue_url")
        .text(&format!("{API}/repos/{repo}/issues/{number}"));
    out.key("id").int(id);
    out.key("node_id").text(row.text(comment::NODE_ID));
    out.key("user");
    user::named(root, row.text_or_null(comment::USER), out);
    out.key("created_at").time(row.time(comment::CREATED_AT));
    out.key("updated_at").time(row.time(comment::UPDATED_AT));
    out.key("body").prose(row, comment::BODY);
    out.key("author_association")
        .text(row.text(comment::AUTHOR_ASSOCIATION));
    out.key("reactions");
    reaction::rollup(root, row.text(comment::NODE_ID), &url, out);
    out.key("performed_via_github_app").raw("null");
    if row.time(comment::PINNED_AT).is_some() {
        out.key("pin").raw("{");
        out.key("pinned_at").time(row.time(comment::PINNED_AT));
        out.key("pinned_by");
        user::named(root, row.text_or_null(comment::PINNED_BY), out);
        out.raw("}");
    }
    out.raw("}");
}
