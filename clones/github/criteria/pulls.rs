//! What criteria see of pull requests, their reviews and the comments on their diffs.

use archal_core::clone::{Collection, FieldKind, ViewRow, ViewValue};

use super::{
    BOOL, INT, PERSON, PERSONS, REPOSITORY, TAGS, TEXT, TIME, field, labels_of, nullable, person,
    repository, view,
};
use crate::engine::root::Root;
use crate::engine::row::{Row, text};
use crate::github::pulls::reviews;
use crate::github::render;
use crate::github::tables::{
    ISSUES, PULLS, REVIEW_COMMENTS, REVIEWS, issue, pull, repo_of, review, review_comment,
};

const END: FieldKind = FieldKind::Object(&[field("ref", TEXT)]);

/// Pull requests.
pub(super) const OF_PULLS: Collection = Collection {
    name: "pulls",
    about: "Pull requests, in order of repository and number",
    fields: &[
        field("number", INT),
        field("id", INT),
        field("repository", REPOSITORY),
        field("title", TEXT),
        nullable("body", TEXT),
        field("state", TEXT),
        field("draft", BOOL),
        field("locked", BOOL),
        nullable("user", PERSON),
        field("labels", TAGS),
        nullable("assignee", PERSON),
        field("assignees", PERSONS),
        field("requested_reviewers", PERSONS),
        field("head", END),
        field("base", END),
        field("merged", BOOL),
        nullable("merged_at", TIME),
        nullable("merged_by", PERSON),
        field("approvals", INT),
        field("changes_requested", BOOL),
        field("comments", INT),
        field("created_at", TIME),
        field("updated_at", TIME),
        nullable("closed_at", TIME),
        field("html_url", TEXT),
    ],
};

/// Reviews.
pub(super) const OF_REVIEWS: Collection = Collection {
    name: "reviews",
    about: "Reviews of pull requests, in order of repository and id",
    fields: &[
        field("id", INT),
        field("repository", REPOSITORY),
        field("pull_number", INT),
        field("state", TEXT),
        field("body", TEXT),
        nullable("user", PERSON),
        nullable("submitted_at", TIME),
        field("html_url", TEXT),
    ],
};

/// Comments on diffs.
pub(super) const OF_REVIEW_COMMENTS: Collection = Collection {
    name: "review_comments",
    about: "Comments on the diffs of pull requests, in order of repository and id",
    fields: &[
        field("id", INT),
        field("repository", REPOSITORY),
        field("pull_number", INT),
        field("path", TEXT),
        nullable("line", INT),
        field("body", TEXT),
        nullable("user", PERSON),
        field("resolved", BOOL),
        field("created_at", TIME),
        field("updated_at", TIME),
        field("html_url", TEXT),
    ],
};

/// Whether an issue row is a pull request.
pub(super) fn is_pull(root: &Root, row: &Row) -> bool {
    root.get(PULLS, &root.key(ISSUES, row)).is_some()
}

/// Whether an issue row is an issue.
pub(super) fn is_issue(root: &Root, row: &Row) -> bool {
    !is_pull(root, row)
}

/// A pull request, which is looked at through the issue that it is.
pub(super) fn of_pull(root: &Root, on: &Row) -> ViewRow {
    let Some(row) = root.get(PULLS, &root.key(ISSUES, on)) else {
        // The view shows none that is no pull request.
        return view(ISSUES, on, Vec::new());
    };
    let repo = on.text(issue::REPO);
    let people = |logins: Vec<&str>| {
        let people = logins.into_iter().map(|login| person(root, Some(login)));
        ViewValue::List(people.collect())
    };
    let end = |branch: &str| ViewValue::Object(vec![("ref", text(branch))]);
    let opinions = reviews::opinions(root, row);
    let url = render::issue::pull_page(repo, on.int(issue::NUMBER), true);
    let of_issue = |column: usize| on.value(column).clone();
    let fields = vec![
        ("number", of_issue(issue::NUMBER)),
        ("id", row.value(pull::ID).clone()),
        ("repository", repository(repo)),
        ("title", of_issue(issue::TITLE)),
        ("body", of_issue(issue::BODY)),
        ("state", of_issue(issue::STATE)),
        ("draft", row.value(pull::DRAFT).clone()),
        ("locked", of_issue(issue::LOCKED)),
        ("user", person(root, on.text_or_null(issue::USER))),
        ("labels", labels_of(root, on)),
        ("assignee", person(root, on.texts(issue::ASSIGNEES).next())),
        ("assignees", people(on.texts(issue::ASSIGNEES).collect())),
        (
            "requested_reviewers",
            people(row.texts(pull::REVIEWERS).collect()),
        ),
        ("head", end(row.text(pull::HEAD))),
        ("base", end(row.text(pull::BASE))),
        (
            "merged",
            ViewValue::Bool(row.time(pull::MERGED_AT).is_some()),
        ),
        ("merged_at", row.value(pull::MERGED_AT).clone()),
        ("merged_by", person(root, row.text_or_null(pull::MERGED_BY))),
        (
            "approvals",
            ViewValue::Int(i64::try_from(opinions.approvals).unwrap_or(i64::MAX)),
        ),
        (
            "changes_requested",
            ViewValue::Bool(opinions.changes_requested),
        ),
        (
            "comments",
            ViewValue::Int(render::issue::comments(root, on)),
        ),
        ("created_at", of_issue(issue::CREATED_AT)),
        ("updated_at", of_issue(issue::UPDATED_AT)),
        ("closed_at", of_issue(issue::CLOSED_AT)),
        ("html_url", text(url)),
    ];
    view(ISSUES, on, fields)
}

/// Repository and number of the pull request that a row belongs to.
fn of(name: &str) -> (&str, i64) {
    let number = name
        .split_once('#')
        .and_then(|(_, number)| number.parse().ok());
    (repo_of(name), number.unwrap_or(0))
}

/// A review.
pub(super) fn of_review(root: &Root, row: &Row) -> ViewRow {
    let (repo, number) = of(row.text(review::PULL));
    let page = render::issue::pull_page(repo, number, true);
    let url = format!("{page}#pullrequestreview-{}", row.int(review::ID));
    let fields = vec![
        ("id", row.value(review::ID).clone()),
        ("repository", repository(repo)),
        ("pull_number", ViewValue::Int(number)),
        ("state", row.value(review::STATE).clone()),
        ("body", text(row.text(review::BODY))),
        ("user", person(root, row.text_or_null(review::USER))),
        ("submitted_at", row.value(review::SUBMITTED_AT).clone()),
        ("html_url", text(url)),
    ];
    view(REVIEWS, row, fields)
}

/// A comment on a diff.
pub(super) fn of_review_comment(root: &Root, row: &Row) -> ViewRow {
    let (repo, number) = of(row.text(review_comment::PULL));
    let page = render::issue::pull_page(repo, number, true);
    let url = format!("{page}#discussion_r{}", row.int(review_comment::ID));
    let value = |column: usize| row.value(column).clone();
    let resolved = row.text_or_null(review_comment::RESOLVED_BY).is_some();
    let fields = vec![
        ("id", value(review_comment::ID)),
        ("repository", repository(repo)),
        ("pull_number", ViewValue::Int(number)),
        ("path", value(review_comment::PATH)),
        ("line", value(review_comment::LINE)),
        ("body", value(review_comment::BODY)),
        ("user", person(root, row.text_or_null(review_comment::USER))),
        ("resolved", ViewValue::Bool(resolved)),
        ("created_at", value(review_comment::CREATED_AT)),
        ("updated_at", value(review_comment::UPDATED_AT)),
        ("html_url", text(url)),
    ];
    view(REVIEW_COMMENTS, row, fields)
}
