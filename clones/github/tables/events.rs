//! What happened to issues and pull requests.

use archal_core::clone::SeedTable;

use super::{EVENTS, INT, ISSUES, TEXT, TIME};
use crate::engine::key::{Key, Part, folded};
use crate::engine::table::{By, Column, Index, OnDelete, Relation, Table, seed_fields};
use crate::github::render;

/// Columns of [`EVENTS`].
pub(in crate::github) mod event {
    pub(in crate::github) const ISSUE: usize = 0;
    pub(in crate::github) const ID: usize = 1;
    pub(in crate::github) const NODE_ID: usize = 2;
    pub(in crate::github) const EVENT: usize = 3;
    pub(in crate::github) const ACTOR: usize = 4;
    pub(in crate::github) const CREATED_AT: usize = 5;
    pub(in crate::github) const COMMIT_ID: usize = 6;
    pub(in crate::github) const LABEL: usize = 7;
    pub(in crate::github) const LABEL_COLOR: usize = 8;
    pub(in crate::github) const ASSIGNEE: usize = 9;
    pub(in crate::github) const MILESTONE: usize = 10;
    pub(in crate::github) const RENAME_FROM: usize = 11;
    pub(in crate::github) const RENAME_TO: usize = 12;
    pub(in crate::github) const LOCK_REASON: usize = 13;
    pub(in crate::github) const STATE_REASON: usize = 14;
    pub(in crate::github) const REQUESTED_REVIEWER: usize = 15;
    pub(in crate::github) const REQUESTED_TEAM: usize = 16;
    pub(in crate::github) const REVIEW_ID: usize = 17;
    pub(in crate::github) const REVIEW_STATE: usize = 18;
    pub(in crate::github) const MESSAGE: usize = 19;
    pub(in crate::github) const SOURCE: usize = 20;
    pub(in crate::github) const ISSUE_TYPE: usize = 21;
    pub(in crate::github) const PREV_ISSUE_TYPE: usize = 22;
}

/// Events of an issue, oldest first.
pub(in crate::github) const EVENTS_BY_ISSUE: usize = 0;
/// Events of a repository, oldest first.
pub(in crate::github) const EVENTS_BY_REPO: usize = 1;

const COLUMNS: &[Column; 23] = &[
    Column::new("issue", TEXT, "The issue or pull request, `acme/webapp#7`.")
        .required()
        .of("issues"),
    Column::new("id", INT, "GitHub's number; generated where absent."),
    Column::new(
        "node_id",
        TEXT,
        "The GraphQL id; follows from `id` where absent.",
    ),
    Column::new("event", TEXT, "What happened: `closed`, `labeled`.").required(),
    Column::new("actor", TEXT, "Who did it; the actor where absent.").of("users"),
    Column::new(
        "created_at",
        TIME,
        "When; when the issue changed last where absent.",
    ),
    Column::new("commit_id", TEXT, "The commit that did it."),
    Column::new("label", TEXT, "The label's name then."),
    Column::new("label_color", TEXT, "The label's colour then."),
    Column::new("assignee", TEXT, "Who was assigned or unassigned.").of("users"),
    Column::new("milestone", TEXT, "The milestone's title then."),
    Column::new("rename_from", TEXT, "The title before."),
    Column::new("rename_to", TEXT, "The title after."),
    Column::new("lock_reason", TEXT, "Why it was locked."),
    Column::new("state_reason", TEXT, "Why it was closed or opened again."),
    Column::new("requested_reviewer", TEXT, "Who was asked for a review.").of("users"),
    Column::new(
        "requested_team",
        TEXT,
        "The team that was asked, `acme/web`.",
    ),
    Column::new("review_id", INT, "The review that was dismissed."),
    Column::new("review_state", TEXT, "The state of the review before."),
    Column::new("message", TEXT, "What was said on dismissing it."),
    Column::new(
        "source",
        TEXT,
        "The other issue: the one that refers to it, its parent, its sub-issue.",
    ),
    Column::new("issue_type", TEXT, "The type it got."),
    Column::new("prev_issue_type", TEXT, "The type it had."),
];

/// The table of a seed document.
pub(super) const SEED: SeedTable = SeedTable {
    name: "events",
    key: "owner/repo#event-id",
    fields: &seed_fields(COLUMNS),
};

/// The table.
pub(super) const TABLE: Table = Table {
    seed: &SEED,
    columns: COLUMNS,
    key: &[By::Before(event::ISSUE, '#'), By::Column(event::ID)],
    indexes: &[
        Index {
            group: &[
                By::Before(event::ISSUE, '#'),
                By::NumberAfter(event::ISSUE, '#'),
            ],
            order: EVENT_ORDER,
        },
        Index {
            group: &[By::Before(event::ISSUE, '#')],
            order: EVENT_ORDER,
        },
    ],
    name_of: |row| {
        let issue = row.text(event::ISSUE);
        let repo = issue.split_once('#').map_or(issue, |(repo, _)| repo);
        format!("{repo}#event-{}", row.int(event::ID))
    },
    find: event_key,
    id: Some((event::ID, 15_000_000_000)),
    prose: &[event::RENAME_FROM, event::RENAME_TO, event::MESSAGE],
    render: render::event::event,
};

const EVENT_ORDER: &[By] = &[By::Column(event::CREATED_AT), By::Column(event::ID)];

/// What binds it to other tables.
pub(super) const RELATIONS: &[Relation] = &[Relation {
    from: EVENTS,
    to: ISSUES,
    index: EVENTS_BY_ISSUE,
    on_delete: OnDelete::Remove,
}];

/// The key of an event as GitHub's anchors have it, `acme/webapp#event-7`.
fn event_key(name: &str) -> Option<Key> {
    let (repo, id) = name.split_once("#event-")?;
    Some(Key::new([folded(repo), Part::Int(id.parse().ok()?)]))
}
