//! Statuses of commits.

use super::{API, user};
use crate::engine::key::Key;
use crate::engine::root::Root;
use crate::engine::row::Row;
use crate::engine::writer::Writer;
use crate::github::tables::{USERS, status, user as user_column};

/// A status as lists of statuses show it.
pub(in crate::github) fn status(root: &Root, row: &Row, out: &mut Writer) {
    out.raw("{");
    fields(root, row, out);
    out.key("creator");
    user::named(root, row.text_or_null(status::CREATOR), out);
    out.raw("}");
}

/// A status inside the combined status of its commit.
pub(in crate::github) fn simple(root: &Root, row: &Row, out: &mut Writer) {
    out.raw("{");
    fields(root, row, out);
    out.raw("}");
}

/// The address of a status.
pub(in crate::github) fn url(row: &Row) -> String {
    let (repo, sha) = (row.text(status::REPO), row.text(status::SHA));
    format!("{API}/repos/{repo}/statuses/{sha}")
}

fn fields(root: &Root, row: &Row, out: &mut Writer) {
    out.key("url").text(&url(row));
    let creator = root.get(USERS, &Key::folded(row.text(status::CREATOR)));
    out.key("avatar_url");
    match creator {
        None => out.raw("null"),
        Some(creator) => out.text(&format!(
            "https://avatars.githubusercontent.com/u/{}?v=4",
            creator.int(user_column::ID)
        )),
    };
    out.key("id").int(row.int(status::ID));
    out.key("node_id").text(row.text(status::NODE_ID));
    out.key("state").text(row.text(status::STATE));
    out.key("description").prose(row, status::DESCRIPTION);
    out.key("target_url")
        .text_or_null(row.text_or_null(status::TARGET_URL));
    out.key("context").text(row.text(status::CONTEXT));
    out.key("created_at").time(row.time(status::CREATED_AT));
    out.key("updated_at").time(row.time(status::UPDATED_AT));
}
