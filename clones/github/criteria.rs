//! The criteria view: what criteria say of GitHub's state, in its REST field names.
//!
//! - [`activity`]: what happens to issues.
//! - [`content`]: what is in repositories.
//! - [`pulls`]: pull requests.
//! - [`social`]: runs, gists, teams, stars, alerts, projects.

mod activity;
mod content;
mod pulls;
mod social;

use std::sync::Arc;

use archal_core::clone::{Collection, FieldKind, ViewField, ViewRow, ViewValue};

use super::render;
use super::tables::{
    COMMENTS, EVENTS, ISSUES, LABELS, MILESTONES, NOTIFICATIONS, PULLS, REACTIONS, REPOS,
    REVIEW_COMMENTS, REVIEWS, TABLES, USERS, comment, issue, label, name_of, owner_of, repo,
    repo_of, user,
};
use crate::engine::key::{Key, folded};
use crate::engine::pack::{Derived, View};
use crate::engine::root::Root;
use crate::engine::row::{Row, text};

const fn field(name: &'static str, kind: FieldKind) -> ViewField {
    ViewField {
        name,
        kind,
        nullable: false,
    }
}

const fn nullable(name: &'static str, kind: FieldKind) -> ViewField {
    ViewField {
        name,
        kind,
        nullable: true,
    }
}

const BOOL: FieldKind = FieldKind::Bool;
const INT: FieldKind = FieldKind::Int;
const TEXT: FieldKind = FieldKind::Text;
const TIME: FieldKind = FieldKind::Time;

const PERSON: FieldKind =
    FieldKind::Object(&[field("login", TEXT), field("id", INT), field("type", TEXT)]);
const PERSONS: FieldKind = FieldKind::List(&PERSON);
const TAG: FieldKind = FieldKind::Object(&[
    field("name", TEXT),
    field("color", TEXT),
    nullable("description", TEXT),
]);
const TAGS: FieldKind = FieldKind::List(&TAG);
const TEXTS: FieldKind = FieldKind::List(&FieldKind::Text);
const REPOSITORY: FieldKind = FieldKind::Object(&[field("full_name", TEXT), field("name", TEXT)]);
// Only what never changes, so that a comment does not change with its issue.
const ON_ISSUE: FieldKind = FieldKind::Object(&[field("number", INT)]);

/// The collections.
pub(super) const COLLECTIONS: &[Collection] = &[
    Collection {
        name: "users",
        about: "Users and organisations",
        fields: &[
            field("login", TEXT),
            field("id", INT),
            field("type", TEXT),
            nullable("name", TEXT),
            nullable("company", TEXT),
            nullable("email", TEXT),
            field("created_at", TIME),
        ],
    },
    Collection {
        name: "repos",
        about: "Repositories",
        fields: &[
            field("full_name", TEXT),
            field("name", TEXT),
            field("id", INT),
            field("owner", PERSON),
            field("private", BOOL),
            field("visibility", TEXT),
            nullable("description", TEXT),
            nullable("language", TEXT),
            field("topics", TEXTS),
            field("fork", BOOL),
            field("archived", BOOL),
            field("has_issues", BOOL),
            field("default_branch", TEXT),
            field("stargazers_count", INT),
            field("created_at", TIME),
            field("updated_at", TIME),
        ],
    },
    Collection {
        name: "issues",
        about: "Issues, in order of repository and number",
        fields: &[
            field("number", INT),
            field("id", INT),
            field("repository", REPOSITORY),
            field("title", TEXT),
            nullable("body", TEXT),
            field("state", TEXT),
            nullable("state_reason", TEXT),
            field("locked", BOOL),
            nullable("user", PERSON),
            field("labels", TAGS),
            nullable("assignee", PERSON),
            field("assignees", PERSONS),
            field("comments", INT),
            field("created_at", TIME),
            field("updated_at", TIME),
            nullable("closed_at", TIME),
            nullable("closed_by", PERSON),
            nullable("milestone", activity::IN_MILESTONE),
            nullable("type", TEXT),
            nullable("parent", activity::OTHER_ISSUE),
            field("reactions", activity::REACTED),
            field("html_url", TEXT),
        ],
    },
    Collection {
        name: "comments",
        about: "Comments on issues, in order of repository and id",
        fields: &[
            field("id", INT),
            field("repository", REPOSITORY),
            field("issue", ON_ISSUE),
            field("issue_url", TEXT),
            field("body", TEXT),
            nullable("user", PERSON),
            field("created_at", TIME),
            field("updated_at", TIME),
            field("html_url", TEXT),
        ],
    },
    Collection {
        name: "labels",
        about: "Labels of repositories, in order of repository and name",
        fields: &[
            field("name", TEXT),
            field("id", INT),
            field("repository", REPOSITORY),
            field("color", TEXT),
            nullable("description", TEXT),
            field("default", BOOL),
        ],
    },
    activity::OF_MILESTONES,
    activity::OF_REACTIONS,
    activity::OF_EVENTS,
    activity::OF_NOTIFICATIONS,
    pulls::OF_PULLS,
    pulls::OF_REVIEWS,
    pulls::OF_REVIEW_COMMENTS,
    content::OF_BRANCHES,
    content::OF_COMMITS,
    content::OF_FILES,
    content::OF_RELEASES,
    content::OF_STATUSES,
    content::OF_CHECK_RUNS,
    social::COLLECTIONS[0],
    social::COLLECTIONS[1],
    social::COLLECTIONS[2],
    social::COLLECTIONS[3],
    social::COLLECTIONS[4],
    social::COLLECTIONS[5],
    social::COLLECTIONS[6],
    social::COLLECTIONS[7],
];

/// Each collection with its table.
pub(super) const VIEWS: &[View] = &[
    View {
        name: "users",
        table: USERS,
        shows: None,
        row: of_user,
    },
    View {
        name: "repos",
        table: REPOS,
        shows: None,
        row: of_repo,
    },
    View {
        name: "issues",
        table: ISSUES,
        shows: Some(pulls::is_issue),
        row: of_issue,
    },
    View {
        name: "comments",
        table: COMMENTS,
        shows: None,
        row: of_comment,
    },
    View {
        name: "labels",
        table: LABELS,
        shows: None,
        row: of_label,
    },
    View {
        name: "milestones",
        table: MILESTONES,
        shows: None,
        row: activity::of_milestone,
    },
    View {
        name: "reactions",
        table: REACTIONS,
        shows: None,
        row: activity::of_reaction,
    },
    View {
        name: "events",
        table: EVENTS,
        shows: None,
        row: activity::of_event,
    },
    View {
        name: "notifications",
        table: NOTIFICATIONS,
        shows: None,
        row: activity::of_notification,
    },
    View {
        name: "pulls",
        table: ISSUES,
        shows: Some(pulls::is_pull),
        row: pulls::of_pull,
    },
    View {
        name: "reviews",
        table: REVIEWS,
        shows: None,
        row: pulls::of_review,
    },
    View {
        name: "review_comments",
        table: REVIEW_COMMENTS,
        shows: None,
        row: pulls::of_review_comment,
    },
    content::BRANCHES,
    content::RELEASES_VIEW,
    content::STATUSES_VIEW,
    content::CHECK_RUNS_VIEW,
    social::VIEWS[0],
    social::VIEWS[1],
    social::VIEWS[2],
    social::VIEWS[3],
    social::VIEWS[4],
    social::VIEWS[5],
    social::VIEWS[6],
    social::VIEWS[7],
];

/// Collections that are found through rows of a table.
pub(super) const DERIVED: &[Derived] = content::DERIVED;

fn of_user(_: &Root, row: &Row) -> ViewRow {
    let fields = [
        ("login", user::LOGIN),
        ("id", user::ID),
        ("type", user::TYPE),
        ("name", user::NAME),
        ("company", user::COMPANY),
        ("email", user::EMAIL),
        ("created_at", user::CREATED_AT),
    ];
    view(USERS, row, columns(row, &fields))
}

fn of_repo(root: &Root, row: &Row) -> ViewRow {
    let full_name = row.text(repo::FULL_NAME);
    let private = row.bool(repo::PRIVATE);
    let mut fields = vec![
        ("full_name", text(full_name)),
        ("name", text(name_of(full_name))),
        ("id", row.value(repo::ID).clone()),
        ("owner", person(root, Some(owner_of(full_name)))),
        ("private", ViewValue::Bool(private)),
        (
            "visibility",
            text(if private { "private" } else { "public" }),
        ),
    ];
    fields.extend(columns(
        row,
        &[
            ("description", repo::DESCRIPTION),
            ("language", repo::LANGUAGE),
            ("topics", repo::TOPICS),
            ("fork", repo::FORK),
            ("archived", repo::ARCHIVED),
            ("has_issues", repo::HAS_ISSUES),
            ("default_branch", repo::DEFAULT_BRANCH),
            ("stargazers_count", repo::STARGAZERS),
        ],
    ));
    fields.extend(columns(
        row,
        &[
            ("created_at", repo::CREATED_AT),
            ("updated_at", repo::UPDATED_AT),
        ],
    ));
    view(REPOS, row, fields)
}

fn of_issue(root: &Root, row: &Row) -> ViewRow {
    let repo = row.text(issue::REPO);
    let assignees = row
        .texts(issue::ASSIGNEES)
        .map(|login| person(root, Some(login)));
    let url = render::issue::pull_page(repo, row.int(issue::NUMBER), false);
    let value = |column: usize| row.value(column).clone();
    let fields = vec![
        ("number", value(issue::NUMBER)),
        ("id", value(issue::ID)),
        ("repository", repository(repo)),
        ("title", value(issue::TITLE)),
        ("body", value(issue::BODY)),
        ("state", value(issue::STATE)),
        ("state_reason", value(issue::STATE_REASON)),
        ("locked", value(issue::LOCKED)),
        ("user", person(root, row.text_or_null(issue::USER))),
        ("labels", labels_of(root, row)),
        ("assignee", person(root, row.texts(issue::ASSIGNEES).next())),
        ("assignees", ViewValue::List(assignees.collect())),
        (
            "comments",
            ViewValue::Int(render::issue::comments(root, row)),
        ),
        ("created_at", value(issue::CREATED_AT)),
        ("updated_at", value(issue::UPDATED_AT)),
        ("closed_at", value(issue::CLOSED_AT)),
        (
            "closed_by",
            person(root, row.text_or_null(issue::CLOSED_BY)),
        ),
        ("milestone", activity::milestone_of(root, row)),
        ("type", value(issue::TYPE)),
        ("parent", activity::parent_of(root, row)),
        ("reactions", activity::reactions_of(root, row)),
        ("html_url", text(url)),
    ];
    view(ISSUES, row, fields)
}

/// The labels of an issue or a pull request.
fn labels_of(root: &Root, row: &Row) -> ViewValue {
    let repo = row.text(issue::REPO);
    let labels = row.texts(issue::LABELS).filter_map(|name| {
        let row = root.get(LABELS, &Key::new([folded(repo), folded(name)]))?;
        Some(ViewValue::Object(columns(
            row,
            &[
                ("name", label::NAME),
                ("color", label::COLOR),
                ("description", label::DESCRIPTION),
            ],
        )))
    });
    ViewValue::List(labels.collect())
}

fn of_comment(root: &Root, row: &Row) -> ViewRow {
    let on = row.text(comment::ISSUE);
    let (repo, number) = on.split_once('#').unwrap_or((on, ""));
    let on = ViewValue::Object(vec![(
        "number",
        ViewValue::Int(number.parse().unwrap_or(0)),
    )]);
    let id = row.int(comment::ID);
    let api = format!("{}/repos/{repo}/issues/{number}", render::API);
    let is_pull = root.named(PULLS, row.text(comment::ISSUE)).is_some();
    let page = render::issue::pull_page(repo, number.parse().unwrap_or(0), is_pull);
    let web = format!("{page}#issuecomment-{id}");
    let value = |column: usize| row.value(column).clone();
    let fields = vec![
        ("id", value(comment::ID)),
        ("repository", repository(repo_of(repo))),
        ("issue", on),
        ("issue_url", text(api)),
        ("body", value(comment::BODY)),
        ("user", person(root, row.text_or_null(comment::USER))),
        ("created_at", value(comment::CREATED_AT)),
        ("updated_at", value(comment::UPDATED_AT)),
        ("html_url", text(web)),
    ];
    view(COMMENTS, row, fields)
}

fn of_label(_: &Root, row: &Row) -> ViewRow {
    let mut fields = columns(row, &[("name", label::NAME), ("id", label::ID)]);
    fields.push(("repository", repository(row.text(label::REPO))));
    fields.extend(columns(
        row,
        &[
            ("color", label::COLOR),
            ("description", label::DESCRIPTION),
            ("default", label::DEFAULT),
        ],
    ));
    view(LABELS, row, fields)
}

fn view(table: usize, row: &Row, fields: Vec<(&'static str, ViewValue)>) -> ViewRow {
    ViewRow {
        key: (TABLES[table].name_of)(row),
        fields,
    }
}

fn columns(row: &Row, of: &[(&'static str, usize)]) -> Vec<(&'static str, ViewValue)> {
    of.iter()
        .map(|(name, column)| (*name, row.value(*column).clone()))
        .collect()
}

fn person(root: &Root, login: Option<&str>) -> ViewValue {
    let row: Option<&Arc<Row>> = login.and_then(|login| root.get(USERS, &Key::folded(login)));
    row.map_or(ViewValue::Null, |row| {
        ViewValue::Object(columns(
            row,
            &[
                ("login", user::LOGIN),
                ("id", user::ID),
                ("type", user::TYPE),
            ],
        ))
    })
}

fn repository(full_name: &str) -> ViewValue {
    ViewValue::Object(vec![
        ("full_name", text(full_name)),
        ("name", text(name_of(full_name))),
    ])
}
