//! Notification threads.

use archal_core::clone::SeedTable;

use super::{BOOL, INT, NOTIFICATIONS, REPOS, TEXT, TIME};
use crate::engine::key::{Key, Part};
use crate::engine::root::Root;
use crate::engine::row::Row;
use crate::engine::table::{By, Column, Index, OnDelete, Relation, Standard, Table, seed_fields};
use crate::engine::writer::Writer;

/// Columns of [`NOTIFICATIONS`].
pub(in crate::github) mod notification {
    pub(in crate::github) const USER: usize = 0;
    pub(in crate::github) const ID: usize = 1;
    pub(in crate::github) const REPO: usize = 2;
    pub(in crate::github) const SUBJECT: usize = 3;
    pub(in crate::github) const TYPE: usize = 4;
    pub(in crate::github) const TITLE: usize = 5;
    pub(in crate::github) const URL: usize = 6;
    pub(in crate::github) const LATEST_COMMENT_URL: usize = 7;
    pub(in crate::github) const REASON: usize = 8;
    pub(in crate::github) const UNREAD: usize = 9;
    pub(in crate::github) const DONE: usize = 10;
    pub(in crate::github) const UPDATED_AT: usize = 11;
    pub(in crate::github) const LAST_READ_AT: usize = 12;
}

/// Threads of a user, the one that changed least recently first.
pub(in crate::github) const NOTIFICATIONS_BY_USER: usize = 0;
/// Threads about a repository.
pub(in crate::github) const NOTIFICATIONS_BY_REPO: usize = 1;
/// The thread of a user about a subject: login, issue, and address where it is no issue.
pub(in crate::github) const NOTIFICATIONS_BY_SUBJECT: usize = 2;

const COLUMNS: &[Column; 13] = &[
    Column::new(
        "user",
        TEXT,
        "Whose inbox it is in; the actor where absent.",
    )
    .of("users"),
    Column::new("id", INT, "The thread's number; generated where absent."),
    Column::new(
        "repo",
        TEXT,
        "The repository; that of `subject` where absent.",
    )
    .of("repos"),
    Column::new(
        "subject",
        TEXT,
        "The issue or pull request, `acme/webapp#7`.",
    )
    .of("issues"),
    Column::new(
        "type",
        TEXT,
        "What it is about; follows from `subject` where absent.",
    )
    .one_of(&[
        "CheckSuite",
        "Commit",
        "Discussion",
        "Issue",
        "PullRequest",
        "Release",
        "RepositoryInvitation",
        "RepositoryVulnerabilityAlert",
    ]),
    Column::new("title", TEXT, "The title, where `subject` has none."),
    Column::new("url", TEXT, "The API address, where there is no `subject`."),
    Column::new(
        "latest_comment_url",
        TEXT,
        "The API address of the newest comment; that of the subject where absent.",
    ),
    Column::new("reason", TEXT, "Why it was sent.")
        .one_of(&[
            "approval_requested",
            "assign",
            "author",
            "ci_activity",
            "comment",
            "invitation",
            "manual",
            "member_feature_requested",
            "mention",
            "review_requested",
            "security_advisory_credit",
            "security_alert",
            "state_change",
            "subscribed",
            "team_mention",
        ])
        .or(Standard::Text("subscribed")),
    Column::new("unread", BOOL, "Whether it has not been read.").or(Standard::Bool(true)),
    Column::new("done", BOOL, "Whether it was put away.").or(Standard::Bool(false)),
    Column::new(
        "updated_at",
        TIME,
        "When something happened last; when the subject changed last where absent.",
    ),
    Column::new("last_read_at", TIME, "When it was read last."),
];

/// The table of a seed document.
pub(super) const SEED: SeedTable = SeedTable {
    name: "notifications",
    key: "id",
    fields: &seed_fields(COLUMNS),
};

/// The table.
pub(super) const TABLE: Table = Table {
    seed: &SEED,
    columns: COLUMNS,
    key: &[By::Column(notification::ID)],
    indexes: &[
        Index {
            group: &[By::Folded(notification::USER)],
            order: &[
                By::Column(notification::UPDATED_AT),
                By::Column(notification::ID),
            ],
        },
        Index {
            group: &[By::Folded(notification::REPO)],
            order: &[By::Column(notification::ID)],
        },
        Index {
            group: &[
                By::Folded(notification::USER),
                By::Folded(notification::SUBJECT),
                By::Folded(notification::URL),
            ],
            order: &[By::Column(notification::ID)],
        },
    ],
    name_of: |row| row.int(notification::ID).to_string(),
    find: |name| Some(Key::new([Part::Int(name.parse().ok()?)])),
    id: Some((notification::ID, 9_000_000_000)),
    prose: &[notification::TITLE],
    render: unrendered,
};

/// A thread shows its subject and repository as they are when asked, so it is written each time;
/// this stands in for the fingerprint.
fn unrendered(_: &Root, row: &Row, out: &mut Writer) {
    out.raw("{").key("id").int(row.int(notification::ID));
    out.raw("}");
}

/// What binds it to other tables.
pub(super) const RELATIONS: &[Relation] = &[Relation {
    from: NOTIFICATIONS,
    to: REPOS,
    index: NOTIFICATIONS_BY_REPO,
    on_delete: OnDelete::Remove,
}];
