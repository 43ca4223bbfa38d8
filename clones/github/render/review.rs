//! Reviews.

use super::{API, WEB, user};
use crate::engine::root::Root;
use crate::engine::row::Row;
use crate::engine::writer::Writer;
use crate::github::tables::review;

/// A review.
pub(in crate::github) fn review(root: &Root, row: &Row, out: &mut Writer) {
    with_state(root, row, row.text(review::STATE), out);
}

/// A review as events tell it.
pub(in crate::github) fn told(root: &Root, row: &Row, out: &mut Writer) {
    with_state(root, row, &row.text(review::STATE).to_lowercase(), out);
}

fn with_state(root: &Root, row: &Row, state: &str, out: &mut Writer) {
    let (repo, number) = row.text(review::PULL).split_once('#').unwrap_or_default();
    let id = row.int(review::ID);
    let html_url = format!("{WEB}/{repo}/pull/{number}#pullrequestreview-{id}");
    let pull_url = format!("{API}/repos/{repo}/pulls/{number}");
    out.raw("{");
    out.key("id").int(id);
    out.key("node_id").text(row.text(review::NODE_ID));
    out.key("user");
    user::named(root, row.text_or_null(review::USER), out);
    out.key("body");
    match row.text_or_null(review::BODY) {
        Some(_) => out.prose(row, review::BODY),
        None => out.text(""),
    };
    out.key("state").text(state);
    out.key("html_url").text(&html_url);
    out.key("pull_request_url").text(&pull_url);
    out.key("author_association")
        .text(row.text(review::AUTHOR_ASSOCIATION));
    out.key("_links").raw("{");
    for (name, address) in [("html", &html_url), ("pull_request", &pull_url)] {
        out.key(name).raw("{").key("href").text(address).raw("}");
    }
    out.raw("}");
    if row.text(review::STATE) != "PENDING" {
        out.key("submitted_at").time(row.time(review::SUBMITTED_AT));
    }
    out.key("commit_id")
        .text_or_null(row.text_or_null(review::COMMIT_ID));
    out.raw("}");
}
