//! Issues.

use super::{API, WEB, reaction, user};
use crate::engine::key::{Key, Part, folded};
use crate::engine::root::Root;
use crate::engine::row::Row;
use crate::engine::writer::Writer;
use crate::github::tables::{COMMENTS, COMMENTS_BY_ISSUE, LABELS, issue};

/// How many comments an issue has.
pub(in crate::github) fn comments(root: &Root, row: &Row) -> i64 {
    let key = Key::new([
        folded(row.text(issue::REPO)),
        Part::Int(row.int(issue::NUMBER)),
    ]);
    let count = root.count(COMMENTS, COMMENTS_BY_ISSUE, &key);
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// An issue.
pub(in crate::github) fn issue(root: &Root, row: &Row, out: &mut Writer) {
    let repo = row.text(issue::REPO);
    let number = row.int(issue::NUMBER);
    let repository = format!("{API}/repos/{repo}");
    let url = format!("{repository}/issues/{number}");
    out.raw("{");
    out.key("url").text(&url);
    out.key("repository_url").text(&repository);
    out.key("labels_url")
        .text(&format!("{url}/labels{{/name}}"));
    out.key("comments_url").text(&format!("{url}/comments"));
    out.key("events_url").text(&format!("{url}/events"));
    out.key("html_url")
        .text(&format!("{WEB}/{repo}/issues/{number}"));
    out.key("id").int(row.int(issue::ID));
    out.key("node_id").text(row.text(issue::NODE_ID));
    out.key("number").int(number);
    out.key("title").prose(row, issue::TITLE);
    out.key("user");
    user::named(root, row.text_or_null(issue::USER), out);
    out.key("labels").raw("[");
    for name in row.texts(issue::LABELS) {
        if let Some(label) = root.get(LABELS, &Key::new([folded(repo), folded(name)])) {
            out.item().rendered(&root.rendered(LABELS, label).0);
        }
    }
    out.raw("]");
    out.key("state").text(row.text(issue::STATE));
    out.key("locked").bool(row.bool(issue::LOCKED));
    out.key("assignee");
    user::named(root, row.texts(issue::ASSIGNEES).next(), out);
    out.key("assignees").raw("[");
    for login in row.texts(issue::ASSIGNEES) {
        out.item();
        user::named(root, Some(login), out);
    }
    out.raw("]");
    out.key("milestone").raw("null");
    out.key("comments").int(comments(root, row));
    out.key("created_at").time(row.time(issue::CREATED_AT));
    out.key("updated_at").time(row.time(issue::UPDATED_AT));
    out.key("closed_at").time(row.time(issue::CLOSED_AT));
    out.key("author_association")
        .text(row.text(issue::AUTHOR_ASSOCIATION));
    out.key("active_lock_reason")
        .text_or_null(row.text_or_null(issue::LOCK_REASON));
    out.key("sub_issues_summary")
        .raw(r#"{"total":0,"completed":0,"percent_completed":0}"#);
    out.key("issue_dependencies_summary")
        .raw(r#"{"blocked_by":0,"total_blocked_by":0,"blocking":0,"total_blocking":0}"#);
    out.key("body").prose(row, issue::BODY);
    out.key("closed_by");
    user::named(root, row.text_or_null(issue::CLOSED_BY), out);
    out.key("reactions");
    reaction::rollup(root, row.text(issue::NODE_ID), &url, out);
    out.key("timeline_url").text(&format!("{url}/timeline"));
    out.key("performed_via_github_app").raw("null");
    out.key("state_reason")
        .text_or_null(row.text_or_null(issue::STATE_REASON));
    out.raw("}");
}
