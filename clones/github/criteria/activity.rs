//! What criteria see of what happens to issues: milestones, reactions, events and notifications.

use archal_core::clone::{Collection, FieldKind, Stamp, ViewRow, ViewValue};

use super::{
    BOOL, INT, PERSON, REPOSITORY, TEXT, TIME, columns, field, nullable, person, repository, view,
};
use crate::engine::root::Root;
use crate::engine::row::{Row, text};
use crate::github::tables::{
    EVENTS, ISSUES, MILESTONES, NOTIFICATIONS, REACTIONS, REACTIONS_BY_SUBJECT, event, issue,
    milestone, milestone_key, notification, reaction, repo_of,
};
use crate::github::{milestones, related, render};

/// A milestone inside an issue: its state is not shown, so that an issue does not change with it.
pub(super) const IN_MILESTONE: FieldKind =
    FieldKind::Object(&[field("number", INT), field("title", TEXT)]);

/// Another issue inside an issue.
pub(super) const OTHER_ISSUE: FieldKind =
    FieldKind::Object(&[field("number", INT), field("repository", REPOSITORY)]);

/// How many reactions an issue has.
pub(super) const REACTED: FieldKind = FieldKind::Object(&[field("total_count", INT)]);

/// Milestones.
pub(super) const OF_MILESTONES: Collection = Collection {
    name: "milestones",
    about: "Milestones, in order of repository and number",
    fields: &[
        field("number", INT),
        field("id", INT),
        field("repository", REPOSITORY),
        field("title", TEXT),
        nullable("description", TEXT),
        field("state", TEXT),
        nullable("creator", PERSON),
        field("open_issues", INT),
        field("closed_issues", INT),
        nullable("due_on", TIME),
        field("created_at", TIME),
        nullable("closed_at", TIME),
    ],
};

/// Reactions.
pub(super) const OF_REACTIONS: Collection = Collection {
    name: "reactions",
    about: "Reactions, in order of the GraphQL id of what they are to",
    fields: &[
        field("id", INT),
        field("subject", TEXT),
        field("content", TEXT),
        nullable("user", PERSON),
        field("created_at", TIME),
    ],
};

/// Events.
pub(super) const OF_EVENTS: Collection = Collection {
    name: "events",
    about: "What happened to issues and pull requests, in order of repository and id",
    fields: &[
        field("id", INT),
        field("repository", REPOSITORY),
        field("issue_number", INT),
        field("event", TEXT),
        nullable("actor", PERSON),
        nullable("label", TEXT),
        nullable("assignee", PERSON),
        nullable("milestone", TEXT),
        nullable("commit_id", TEXT),
        field("created_at", TIME),
    ],
};

/// Notifications.
pub(super) const OF_NOTIFICATIONS: Collection = Collection {
    name: "notifications",
    about: "Notification threads, in order of id",
    fields: &[
        field("id", INT),
        nullable("user", PERSON),
        field("repository", REPOSITORY),
        nullable("subject", TEXT),
        field("type", TEXT),
        field("reason", TEXT),
        field("unread", BOOL),
        field("done", BOOL),
        field("updated_at", TIME),
    ],
};

/// The milestone of an issue.
pub(super) fn milestone_of(root: &Root, row: &Row) -> ViewValue {
    let key = milestone_key(row.text(issue::REPO), row.int(issue::MILESTONE));
    root.get(MILESTONES, &key).map_or(ViewValue::Null, |row| {
        ViewValue::Object(columns(
            row,
            &[("number", milestone::NUMBER), ("title", milestone::TITLE)],
        ))
    })
}

/// The parent of an issue.
pub(super) fn parent_of(root: &Root, row: &Row) -> ViewValue {
    related::parent(root, &root.key(ISSUES, row)).map_or(ViewValue::Null, |row| {
        ViewValue::Object(vec![
            ("number", row.value(issue::NUMBER).clone()),
            ("repository", repository(row.text(issue::REPO))),
        ])
    })
}

/// How many reactions an issue has.
pub(super) fn reactions_of(root: &Root, row: &Row) -> ViewValue {
    let group = render::reaction::group(row.text(issue::NODE_ID));
    let count = root.count(REACTIONS, REACTIONS_BY_SUBJECT, &group);
    let count = i64::try_from(count).unwrap_or(i64::MAX);
    ViewValue::Object(vec![("total_count", ViewValue::Int(count))])
}

/// A milestone.
pub(super) fn of_milestone(root: &Root, row: &Row) -> ViewRow {
    let value = |column: usize| row.value(column).clone();
    let (open, closed) = render::milestone::progress(root, row);
    let due = milestones::due(row).map_or(ViewValue::Null, |at| {
        ViewValue::Time(Stamp { at, by_call: false })
    });
    let fields = vec![
        ("number", value(milestone::NUMBER)),
        ("id", value(milestone::ID)),
        ("repository", repository(row.text(milestone::REPO))),
        ("title", value(milestone::TITLE)),
        ("description", value(milestone::DESCRIPTION)),
        ("state", value(milestone::STATE)),
        (
            "creator",
            person(root, row.text_or_null(milestone::CREATOR)),
        ),
        ("open_issues", ViewValue::Int(open)),
        ("closed_issues", ViewValue::Int(closed)),
        ("due_on", due),
        ("created_at", value(milestone::CREATED_AT)),
        ("closed_at", value(milestone::CLOSED_AT)),
    ];
    view(MILESTONES, row, fields)
}

/// A reaction.
pub(super) fn of_reaction(root: &Root, row: &Row) -> ViewRow {
    let value = |column: usize| row.value(column).clone();
    let fields = vec![
        ("id", value(reaction::ID)),
        ("subject", value(reaction::SUBJECT)),
        ("content", value(reaction::CONTENT)),
        ("user", person(root, row.text_or_null(reaction::USER))),
        ("created_at", value(reaction::CREATED_AT)),
    ];
    view(REACTIONS, row, fields)
}

/// An event.
pub(super) fn of_event(root: &Root, row: &Row) -> ViewRow {
    let value = |column: usize| row.value(column).clone();
    let on = row.text(event::ISSUE);
    let number = on
        .split_once('#')
        .and_then(|(_, number)| number.parse().ok());
    let fields = vec![
        ("id", value(event::ID)),
        ("repository", repository(repo_of(on))),
        ("issue_number", ViewValue::Int(number.unwrap_or(0))),
        ("event", value(event::EVENT)),
        ("actor", person(root, row.text_or_null(event::ACTOR))),
        ("label", value(event::LABEL)),
        ("assignee", person(root, row.text_or_null(event::ASSIGNEE))),
        ("milestone", value(event::MILESTONE)),
        ("commit_id", value(event::COMMIT_ID)),
        ("created_at", value(event::CREATED_AT)),
    ];
    view(EVENTS, row, fields)
}

/// A notification thread.
pub(super) fn of_notification(root: &Root, row: &Row) -> ViewRow {
    let value = |column: usize| row.value(column).clone();
    let subject = row.text_or_null(notification::SUBJECT);
    let subject = subject.or(row.text_or_null(notification::TITLE));
    let fields = vec![
        ("id", value(notification::ID)),
        ("user", person(root, row.text_or_null(notification::USER))),
        ("repository", repository(row.text(notification::REPO))),
        ("subject", subject.map_or(ViewValue::Null, text)),
        ("type", value(notification::TYPE)),
        ("reason", value(notification::REASON)),
        ("unread", value(notification::UNREAD)),
        ("done", value(notification::DONE)),
        ("updated_at", value(notification::UPDATED_AT)),
    ];
    view(NOTIFICATIONS, row, fields)
}
