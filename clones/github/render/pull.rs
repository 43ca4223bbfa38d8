//! Pull requests.

use super::repo::Detail as RepoDetail;
use super::{API, WEB, repo, user};
use crate::engine::key::{Key, folded};
use crate::engine::root::Root;
use crate::engine::row::Row;
use crate::engine::writer::Writer;
use crate::github::tables::{
    ISSUES, LABELS, PULLS, REPOS, REVIEW_COMMENTS, REVIEW_COMMENTS_BY_PULL, TEAMS, issue, owner_of,
    pull,
};

/// What GitHub computes of one pull request when it is asked for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::github) struct Merging {
    /// Whether it can be merged without conflict; none where it is not open.
    pub mergeable: Option<bool>,
    /// Whether its commits can be put on top of the base.
    pub rebaseable: bool,
    /// `clean`, `dirty`, `blocked` and so on.
    pub state: &'static str,
    /// The commits that the head has and the base has not.
    pub commits: usize,
    /// Lines that come.
    pub additions: usize,
    /// Lines that go.
    pub deletions: usize,
    /// Files that differ.
    pub files: usize,
}

/// A pull request without what it shows of other rows. Those are many and change without it, so
/// [`pull`] writes it each time; this stands in for the fingerprint.
pub(in crate::github) fn unrendered(_: &Root, row: &Row, out: &mut Writer) {
    out.raw("{").key("number").int(row.int(pull::NUMBER));
    out.key("repo").text(row.text(pull::REPO)).raw("}");
}

/// A pull request; with `merging` as its own address shows it, else as lists do.
pub(in crate::github) fn pull(root: &Root, row: &Row, merging: Option<&Merging>, out: &mut Writer) {
    let Some(on) = root.get(ISSUES, &root.key(PULLS, row)) else {
        // A pull request goes with its issue.
        out.raw("null");
        return;
    };
    let repo = row.text(pull::REPO);
    let number = row.int(pull::NUMBER);
    let repository = format!("{API}/repos/{repo}");
    let url = format!("{repository}/pulls/{number}");
    let issue_url = format!("{repository}/issues/{number}");
    let html_url = format!("{WEB}/{repo}/pull/{number}");
    let statuses = format!("{repository}/statuses/{}", row.text(pull::HEAD_SHA));
    out.raw("{");
    out.key("url").text(&url);
    out.key("id").int(row.int(pull::ID));
    out.key("node_id").text(row.text(pull::NODE_ID));
    out.key("html_url").text(&html_url);
    out.key("diff_url").text(&format!("{html_url}.diff"));
    out.key("patch_url").text(&format!("{html_url}.patch"));
    out.key("issue_url").text(&issue_url);
    out.key("number").int(number);
    out.key("state").text(on.text(issue::STATE));
    out.key("locked").bool(on.bool(issue::LOCKED));
    out.key("title").prose(on, issue::TITLE);
    out.key("user");
    user::named(root, on.text_or_null(issue::USER), out);
    out.key("body").prose(on, issue::BODY);
    out.key("created_at").time(on.time(issue::CREATED_AT));
    out.key("updated_at").time(on.time(issue::UPDATED_AT));
    out.key("closed_at").time(on.time(issue::CLOSED_AT));
    out.key("merged_at").time(row.time(pull::MERGED_AT));
    out.key("merge_commit_sha")
        .text_or_null(row.text_or_null(pull::MERGE_COMMIT_SHA));
    out.key("assignee");
    user::named(root, on.texts(issue::ASSIGNEES).next(), out);
    users(root, "assignees", on.texts(issue::ASSIGNEES), out);
    requested(root, row, ("requested_reviewers", "requested_teams"), out);
    out.key("labels").raw("[");
    for name in on.texts(issue::LABELS) {
        if let Some(label) = root.get(LABELS, &Key::new([folded(repo), folded(name)])) {
            out.item().rendered(&root.rendered(LABELS, label).0);
        }
    }
    out.raw("]");
    out.key("milestone");
    super::issue::milestone(root, on, out);
    out.key("draft").bool(row.bool(pull::DRAFT));
    out.key("commits_url").text(&format!("{url}/commits"));
    out.key("review_comments_url")
        .text(&format!("{url}/comments"));
    out.key("review_comment_url")
        .text(&format!("{repository}/pulls/comments{{/number}}"));
    out.key("comments_url")
        .text(&format!("{issue_url}/comments"));
    out.key("statuses_url").text(&statuses);
    let head = Side {
        repo: row.text(pull::HEAD_REPO),
        branch: row.text(pull::HEAD),
        sha: row.text(pull::HEAD_SHA),
    };
    let base = Side {
        repo,
        branch: row.text(pull::BASE),
        sha: row.text(pull::BASE_SHA),
    };
    out.key("head");
    side(root, &head, out);
    out.key("base");
    side(root, &base, out);
    out.key("_links").raw("{");
    for (name, address) in [
        ("self", url.clone()),
        ("html", html_url),
        ("issue", issue_url.clone()),
        ("comments", format!("{issue_url}/comments")),
        ("review_comments", format!("{url}/comments")),
        (
            "review_comment",
            format!("{repository}/pulls/comments{{/number}}"),
        ),
        ("commits", format!("{url}/commits")),
        ("statuses", statuses),
    ] {
        out.key(name).raw("{").key("href").text(&address).raw("}");
    }
    out.raw("}");
    out.key("author_association")
        .text(on.text(issue::AUTHOR_ASSOCIATION));
    out.key("auto_merge");
    auto_merge(root, row, out);
    out.key("active_lock_reason")
        .text_or_null(on.text_or_null(issue::LOCK_REASON));
    if let Some(merging) = merging {
        merged(root, row, on, merging, out);
    }
    out.raw("}");
}

/// What only the pull request's own address shows.
fn merged(root: &Root, row: &Row, on: &Row, merging: &Merging, out: &mut Writer) {
    out.key("merged").bool(row.time(pull::MERGED_AT).is_some());
    match merging.mergeable {
        None => out.raw(r#","mergeable":null,"rebaseable":null"#),
        Some(mergeable) => {
            out.key("mergeable").bool(mergeable);
            out.key("rebaseable").bool(merging.rebaseable)
        }
    };
    out.key("mergeable_state").text(merging.state);
    out.key("merged_by");
    user::named(root, row.text_or_null(pull::MERGED_BY), out);
    let comments = root.count(
        REVIEW_COMMENTS,
        REVIEW_COMMENTS_BY_PULL,
        &root.key(PULLS, row),
    );
    out.key("comments").int(super::issue::comments(root, on));
    out.key("review_comments").int(int(comments));
    out.key("maintainer_can_modify")
        .bool(row.bool(pull::MAINTAINER_CAN_MODIFY));
    out.key("commits").int(int(merging.commits));
    out.key("additions").int(int(merging.additions));
    out.key("deletions").int(int(merging.deletions));
    out.key("changed_files").int(int(merging.files));
}

fn int(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// One side of a pull request.
struct Side<'a> {
    repo: &'a str,
    branch: &'a str,
    sha: &'a str,
}

fn side(root: &Root, of: &Side<'_>, out: &mut Writer) {
    let owner = owner_of(of.repo);
    out.raw("{");
    out.key("label").text(&format!("{owner}:{}", of.branch));
    out.key("ref").text(of.branch);
    out.key("sha").text(of.sha);
    out.key("user");
    user::named(root, Some(owner), out);
    out.key("repo");
    match root.named(REPOS, of.repo) {
        Some(row) => repo::repo(root, row, RepoDetail::Listed, None, out),
        // The fork is gone.
        None => {
            out.raw("null");
        }
    }
    out.raw("}");
}

fn users<'a>(root: &Root, name: &str, logins: impl Iterator<Item = &'a str>, out: &mut Writer) {
    out.key(name).raw("[");
    for login in logins {
        out.item();
        user::named(root, Some(login), out);
    }
    out.raw("]");
}

/// Who was asked for a review: users and teams under these names.
pub(in crate::github) fn requested(root: &Root, row: &Row, names: (&str, &str), out: &mut Writer) {
    users(root, names.0, row.texts(pull::REVIEWERS), out);
    out.key(names.1).raw("[");
    for slug in row.texts(pull::TEAMS) {
        if let Some(team) = team(root, row, slug) {
            out.item();
            super::team::team(root, team, out);
        }
    }
    out.raw("]");
}

/// A team of the repository's owner, by its slug.
pub(in crate::github) fn team<'r>(root: &'r Root, row: &Row, slug: &str) -> Option<&'r Row> {
    let owner = owner_of(row.text(pull::REPO));
    root.named(TEAMS, &format!("{owner}/{slug}"))
        .map(AsRef::as_ref)
}

fn auto_merge(root: &Root, row: &Row, out: &mut Writer) {
    let Some(method) = row.text_or_null(pull::AUTO_MERGE_METHOD) else {
        out.raw("null");
        return;
    };
    out.raw("{").key("enabled_by");
    user::named(root, row.text_or_null(pull::AUTO_MERGE_BY), out);
    out.key("merge_method").text(method);
    for (name, column) in [
        ("commit_title", pull::AUTO_MERGE_TITLE),
        ("commit_message", pull::AUTO_MERGE_MESSAGE),
    ] {
        out.key(name);
        match row.text_or_null(column) {
            Some(_) => out.prose(row, column),
            None => out.text(""),
        };
    }
    out.raw("}");
}
