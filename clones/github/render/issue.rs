//! Issues.

use std::sync::Arc;

use super::{API, WEB, field, reaction, user};
use crate::engine::key::{Key, Part, folded};
use crate::engine::root::Root;
use crate::engine::row::Row;
use crate::engine::writer::Writer;
use crate::github::tables::{
    COMMENTS, COMMENTS_BY_ISSUE, ISSUE_TYPES, ISSUES, LABELS, MILESTONES, PULLS, issue,
    milestone_key, pull,
};
use crate::github::{comments as on_issue, issue_fields, related};

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
    let pull = pull_of(root, row);
    let page = pull_page(repo, number, pull.is_some());
    out.key("html_url").text(&page);
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
    out.key("milestone");
    milestone(root, row, out);
    out.key("comments").int(comments(root, row));
    out.key("created_at").time(row.time(issue::CREATED_AT));
    out.key("updated_at").time(row.time(issue::UPDATED_AT));
    out.key("closed_at").time(row.time(issue::CLOSED_AT));
    out.key("author_association")
        .text(row.text(issue::AUTHOR_ASSOCIATION));
    out.key("active_lock_reason")
        .text_or_null(row.text_or_null(issue::LOCK_REASON));
    bonds(root, &root.key(ISSUES, row), out);
    out.key("type");
    match issue_fields::type_of(root, row) {
        Some(row) => out.rendered(&root.rendered(ISSUE_TYPES, row).0),
        None => out.raw("null"),
    };
    out.key("issue_field_values");
    field::values(root, &root.key(ISSUES, row), out);
    if let Some(pull) = pull {
        pull_request(pull, out);
    }
    out.key("body").prose(row, issue::BODY);
    out.key("closed_by");
    user::named(root, row.text_or_null(issue::CLOSED_BY), out);
    out.key("reactions");
    reaction::rollup(root, row.text(issue::NODE_ID), &url, out);
    out.key("timeline_url").text(&format!("{url}/timeline"));
    out.key("performed_via_github_app").raw("null");
    out.key("state_reason")
        .text_or_null(row.text_or_null(issue::STATE_REASON));
    out.key("pinned_comment");
    match on_issue::pinned(root, row) {
        Some(row) => out.rendered(&root.rendered(COMMENTS, row).0),
        None => out.raw("null"),
    };
    out.raw("}");
}

/// Its parent, and how far what it is bound to has come.
fn bonds(root: &Root, key: &Key, out: &mut Writer) {
    if let Some(parent) = related::parent(root, key) {
        let (repo, number) = (parent.text(issue::REPO), parent.int(issue::NUMBER));
        out.key("parent_issue_url")
            .text(&format!("{API}/repos/{repo}/issues/{number}"));
    }
    let closed = |rows: &[Arc<Row>]| {
        let closed = rows.iter().filter(|row| row.text(issue::STATE) == "closed");
        closed.count()
    };
    let below = related::sub_issues(root, key);
    let completed = closed(&below);
    let percent = (completed * 100).checked_div(below.len()).unwrap_or(0);
    out.key("sub_issues_summary").raw("{");
    out.key("total").raw(&below.len().to_string());
    out.key("completed").raw(&completed.to_string());
    out.key("percent_completed").raw(&percent.to_string());
    out.raw("}");
    out.key("issue_dependencies_summary").raw("{");
    for (open, total, rows) in [
        (
            "blocked_by",
            "total_blocked_by",
            related::blockers(root, key),
        ),
        ("blocking", "total_blocking", related::blocked(root, key)),
    ] {
        let left = rows.len() - closed(&rows);
        out.key(open).raw(&left.to_string());
        out.key(total).raw(&rows.len().to_string());
    }
    out.raw("}");
}

/// The pull request that an issue is, where it is one.
pub(in crate::github) fn pull_of<'r>(root: &'r Root, row: &Row) -> Option<&'r Row> {
    root.get(PULLS, &root.key(ISSUES, row)).map(AsRef::as_ref)
}

/// The page for people of an issue or a pull request.
pub(in crate::github) fn pull_page(repo: &str, number: i64, pull: bool) -> String {
    let kind = if pull { "pull" } else { "issues" };
    format!("{WEB}/{repo}/{kind}/{number}")
}

/// What an issue that is a pull request has beside others.
fn pull_request(row: &Row, out: &mut Writer) {
    let (repo, number) = (row.text(pull::REPO), row.int(pull::NUMBER));
    let page = pull_page(repo, number, true);
    out.key("draft").bool(row.bool(pull::DRAFT));
    out.key("pull_request").raw("{");
    out.key("url")
        .text(&format!("{API}/repos/{repo}/pulls/{number}"));
    out.key("html_url").text(&page);
    out.key("diff_url").text(&format!("{page}.diff"));
    out.key("patch_url").text(&format!("{page}.patch"));
    out.key("merged_at").time(row.time(pull::MERGED_AT));
    out.raw("}");
}

/// The milestone of an issue or a pull request.
pub(super) fn milestone(root: &Root, row: &Row, out: &mut Writer) {
    let key = milestone_key(row.text(issue::REPO), row.int(issue::MILESTONE));
    match root.get(MILESTONES, &key) {
        Some(row) => out.rendered(&root.rendered(MILESTONES, row).0),
        None => out.raw("null"),
    };
}
