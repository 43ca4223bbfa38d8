//! What happened to issues.

use super::{API, repo, user};
use crate::engine::key::{Key, folded};
use crate::engine::root::Root;
use crate::engine::row::Row;
use crate::engine::writer::Writer;
use crate::github::tables::{
    ISSUE_TYPES, ISSUES, REPOS, event, issue, issue_type as type_column, owner_of, repo_of,
};

/// An event as the lists of an issue's events show it.
pub(in crate::github) fn event(root: &Root, row: &Row, out: &mut Writer) {
    let repo = repo_of(row.text(event::ISSUE));
    let kind = row.text(event::EVENT);
    let id = row.int(event::ID);
    out.raw("{");
    out.key("id").int(id);
    out.key("node_id").text(row.text(event::NODE_ID));
    out.key("url")
        .text(&format!("{API}/repos/{repo}/issues/events/{id}"));
    out.key("actor");
    user::named(root, row.text_or_null(event::ACTOR), out);
    out.key("event").text(kind);
    let commit = row.text_or_null(event::COMMIT_ID);
    out.key("commit_id").text_or_null(commit);
    let address = commit.map(|sha| format!("{API}/repos/{repo}/commits/{sha}"));
    out.key("commit_url").text_or_null(address.as_deref());
    out.key("created_at").time(row.time(event::CREATED_AT));
    details(root, row, kind, out);
    out.key("performed_via_github_app").raw("null");
    out.raw("}");
}

/// A reference from another issue, as timelines show it.
pub(in crate::github) fn cross_reference(root: &Root, row: &Row, out: &mut Writer) {
    out.raw("{");
    out.key("actor");
    user::named(root, row.text_or_null(event::ACTOR), out);
    out.key("created_at").time(row.time(event::CREATED_AT));
    out.key("updated_at").time(row.time(event::CREATED_AT));
    out.key("source").raw("{");
    out.key("type").text("issue");
    if let Some(source) = root.named(ISSUES, row.text(event::SOURCE)) {
        out.key("issue").reopened(&root.rendered(ISSUES, source).0);
        if let Some(of) = root.named(REPOS, source.text(issue::REPO)) {
            out.key("repository");
            repo::repo(root, of, repo::Detail::Listed, None, out);
        }
        out.raw("}");
    }
    out.raw("}");
    out.key("event").text("cross-referenced");
    out.raw("}");
}

fn details(root: &Root, row: &Row, kind: &str, out: &mut Writer) {
    let person = |name: &str, column: usize, out: &mut Writer| {
        out.key(name);
        user::named(root, row.text_or_null(column), out);
    };
    match kind {
        "labeled" | "unlabeled" => {
            out.key("label").raw("{");
            out.key("name").text(row.text(event::LABEL));
            out.key("color").text(row.text(event::LABEL_COLOR));
            out.raw("}");
        }
        "assigned" | "unassigned" => {
            person("assignee", event::ASSIGNEE, out);
            person("assigner", event::ACTOR, out);
        }
        "milestoned" | "demilestoned" => {
            out.key("milestone").raw("{");
            out.key("title").text(row.text(event::MILESTONE));
            out.raw("}");
        }
        "renamed" => {
            out.key("rename").raw("{");
            out.key("from").prose(row, event::RENAME_FROM);
            out.key("to").prose(row, event::RENAME_TO);
            out.raw("}");
        }
        "locked" => {
            out.key("lock_reason")
                .text_or_null(row.text_or_null(event::LOCK_REASON));
        }
        "closed" | "reopened" => {
            out.key("state_reason")
                .text_or_null(row.text_or_null(event::STATE_REASON));
        }
        "review_requested" | "review_request_removed" => {
            person("review_requester", event::ACTOR, out);
            if row.text_or_null(event::REQUESTED_REVIEWER).is_some() {
                person("requested_reviewer", event::REQUESTED_REVIEWER, out);
            }
        }
        "review_dismissed" => {
            out.key("dismissed_review").raw("{");
            out.key("state").text(row.text(event::REVIEW_STATE));
            out.key("review_id").int(row.int(event::REVIEW_ID));
            out.key("dismissal_message").prose(row, event::MESSAGE);
            out.key("dismissal_commit_id")
                .text_or_null(row.text_or_null(event::COMMIT_ID));
            out.raw("}");
        }
        "issue_type_added" | "issue_type_removed" | "issue_type_changed" => {
            for (name, column) in [
                ("issue_type", event::ISSUE_TYPE),
                ("prev_issue_type", event::PREV_ISSUE_TYPE),
            ] {
                if let Some(kind) = row.text_or_null(column) {
                    out.key(name);
                    issue_type(root, repo_of(row.text(event::ISSUE)), kind, out);
                }
            }
        }
        _ => {}
    }
    if let Some((name, source)) = referred(kind).zip(row.text_or_null(event::SOURCE)) {
        out.key(name);
        reference(root, source, out);
    }
}

/// What an event calls the other issue it is about.
fn referred(kind: &str) -> Option<&'static str> {
    match kind {
        "sub_issue_added" | "sub_issue_removed" => Some("sub_issue"),
        "parent_issue_added" | "parent_issue_removed" => Some("parent_issue"),
        "blocked_by_added" | "blocked_by_removed" => Some("blocked_by"),
        "blocking_added" | "blocking_removed" => Some("blocking"),
        _ => None,
    }
}

/// A type of issues as events show it; its number is lost with it.
fn issue_type(root: &Root, repo: &str, name: &str, out: &mut Writer) {
    let key = Key::new([folded(owner_of(repo)), folded(name)]);
    let row = root.get(ISSUE_TYPES, &key);
    out.raw("{");
    out.key("id")
        .int(row.map_or(0, |row| row.int(type_column::ID)));
    out.key("name").text(name);
    out.key("color")
        .text_or_null(row.and_then(|row| row.text_or_null(type_column::COLOR)));
    out.raw("}");
}

/// Another issue inside an event; null where it is gone.
fn reference(root: &Root, name: &str, out: &mut Writer) {
    let Some(row) = root.named(ISSUES, name) else {
        out.raw("null");
        return;
    };
    out.raw("{");
    out.key("number").int(row.int(issue::NUMBER));
    out.key("title").prose(row, issue::TITLE);
    out.key("state").text(row.text(issue::STATE));
    out.key("state_reason")
        .text_or_null(row.text_or_null(issue::STATE_REASON));
    out.key("repository");
    match root.named(REPOS, row.text(issue::REPO)) {
        Some(repo) => repo::simple(root, repo, out),
        None => _ = out.raw("null"),
    }
    out.key("issue_type");
    match row.text_or_null(issue::TYPE) {
        Some(kind) => issue_type(root, row.text(issue::REPO), kind, out),
        None => _ = out.raw("null"),
    }
    out.raw("}");
}
