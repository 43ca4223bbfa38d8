//! Comments on the diff of a pull request.

use archal_core::clone::ViewValue;

use super::{API, WEB, reaction, user};
use crate::engine::root::Root;
use crate::engine::row::Row;
use crate::engine::writer::Writer;
use crate::github::tables::review_comment;

/// A comment. What the description calls a number is null once the comment is outdated, as
/// GitHub has it.
pub(in crate::github) fn review_comment(root: &Root, row: &Row, out: &mut Writer) {
    let (repo, number) = row
        .text(review_comment::PULL)
        .split_once('#')
        .unwrap_or_default();
    let id = row.int(review_comment::ID);
    let url = format!("{API}/repos/{repo}/pulls/comments/{id}");
    let html_url = format!("{WEB}/{repo}/pull/{number}#discussion_r{id}");
    let pull_url = format!("{API}/repos/{repo}/pulls/{number}");
    out.raw("{");
    out.key("url").text(&url);
    out.key("pull_request_review_id");
    number_or_null(row, review_comment::REVIEW, out);
    out.key("id").int(id);
    out.key("node_id").text(row.text(review_comment::NODE_ID));
    out.key("diff_hunk")
        .text(row.text(review_comment::DIFF_HUNK));
    out.key("path").text(row.text(review_comment::PATH));
    out.key("commit_id")
        .text(row.text(review_comment::COMMIT_ID));
    out.key("original_commit_id")
        .text(row.text(review_comment::ORIGINAL_COMMIT_ID));
    out.key("user");
    user::named(root, row.text_or_null(review_comment::USER), out);
    out.key("body").prose(row, review_comment::BODY);
    out.key("created_at")
        .time(row.time(review_comment::CREATED_AT));
    out.key("updated_at")
        .time(row.time(review_comment::UPDATED_AT));
    out.key("html_url").text(&html_url);
    out.key("pull_request_url").text(&pull_url);
    out.key("_links").raw("{");
    for (name, address) in [
        ("self", &url),
        ("html", &html_url),
        ("pull_request", &pull_url),
    ] {
        out.key(name).raw("{").key("href").text(address).raw("}");
    }
    out.raw("}");
    out.key("author_association")
        .text(row.text(review_comment::AUTHOR_ASSOCIATION));
    out.key("reactions");
    reaction::rollup(root, row.text(review_comment::NODE_ID), &url, out);
    for (name, column) in [
        ("start_line", review_comment::START_LINE),
        ("original_start_line", review_comment::ORIGINAL_START_LINE),
    ] {
        out.key(name);
        number_or_null(row, column, out);
    }
    out.key("start_side")
        .text_or_null(row.text_or_null(review_comment::START_SIDE));
    for (name, column) in [
        ("line", review_comment::LINE),
        ("original_line", review_comment::ORIGINAL_LINE),
    ] {
        out.key(name);
        number_or_null(row, column, out);
    }
    out.key("side").text(row.text(review_comment::SIDE));
    for (name, column) in [
        ("original_position", review_comment::ORIGINAL_POSITION),
        ("position", review_comment::POSITION),
    ] {
        out.key(name);
        number_or_null(row, column, out);
    }
    if let ViewValue::Int(first) = row.value(review_comment::IN_REPLY_TO) {
        out.key("in_reply_to_id").int(*first);
    }
    out.key("subject_type")
        .text(row.text(review_comment::SUBJECT_TYPE));
    out.raw("}");
}

fn number_or_null(row: &Row, column: usize, out: &mut Writer) {
    match row.value(column) {
        ViewValue::Int(number) => out.int(*number),
        _ => out.raw("null"),
    };
}
