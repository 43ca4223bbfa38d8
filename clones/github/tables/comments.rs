//! Comments.

use archal_core::clone::SeedTable;

use super::{ASSOCIATIONS, COMMENTS, INT, ISSUES, TEXT, TIME, issue_key};
use crate::engine::key::{Key, Part, folded};
use crate::engine::row::Row;
use crate::engine::table::{By, Column, Index, OnDelete, Relation, Table, seed_fields};
use crate::github::render;

/// Columns of [`COMMENTS`].
pub(in crate::github) mod comment {
    pub(in crate::github) const ISSUE: usize = 0;
    pub(in crate::github) const ID: usize = 1;
    pub(in crate::github) const NODE_ID: usize = 2;
    pub(in crate::github) const BODY: usize = 3;
    pub(in crate::github) const USER: usize = 4;
    pub(in crate::github) const AUTHOR_ASSOCIATION: usize = 5;
    pub(in crate::github) const CREATED_AT: usize = 6;
    pub(in crate::github) const UPDATED_AT: usize = 7;
    pub(in crate::github) const PLACE: usize = 8;
    pub(in crate::github) const PINNED_AT: usize = 9;
    pub(in crate::github) const PINNED_BY: usize = 10;
}

/// Comments of an issue, oldest first.
pub(in crate::github) const COMMENTS_BY_ISSUE: usize = 0;
/// Comments of a repository, oldest first.
pub(in crate::github) const COMMENTS_BY_REPO: usize = 1;

const COLUMNS: &[Column; 11] = &[
    Column::new("issue", TEXT, "The issue, `acme/webapp#7`.")
        .required()
        .of("issues"),
    Column::new("id", INT, "GitHub's number; generated where absent."),
    Column::new(
        "node_id",
        TEXT,
        "The GraphQL id; follows from `id` where absent.",
    ),
    Column::new("body", TEXT, "The text.").required(),
    Column::new("user", TEXT, "Who wrote it; the actor where absent.")
        .of("users")
        .proved(),
    Column::new(
        "author_association",
        TEXT,
        "What the author is to the repository; follows from the rest where absent.",
    )
    .one_of(ASSOCIATIONS),
    Column::new(
        "created_at",
        TIME,
        "When it was written; when the issue was opened where absent.",
    )
    .proved(),
    Column::new(
        "updated_at",
        TIME,
        "When it changed last; `created_at` where absent.",
    )
    .proved(),
    Column::new(
        "place",
        INT,
        "Its place among the events of the issue that happened in the same second.",
    ),
    Column::new("pinned_at", TIME, "When it was pinned."),
    Column::new("pinned_by", TEXT, "Who pinned it.").of("users"),
];

/// The table of a seed document.
pub(super) const SEED: SeedTable = SeedTable {
    name: "comments",
    key: "owner/repo#issuecomment-id",
    fields: &seed_fields(COLUMNS),
};

/// The table.
pub(super) const TABLE: Table = Table {
    seed: &SEED,
    columns: COLUMNS,
    key: &[By::Before(comment::ISSUE, '#'), By::Column(comment::ID)],
    indexes: &[
        Index {
            group: &[
                By::Before(comment::ISSUE, '#'),
                By::NumberAfter(comment::ISSUE, '#'),
            ],
            order: COMMENT_ORDER,
        },
        Index {
            group: &[By::Before(comment::ISSUE, '#')],
            order: COMMENT_ORDER,
        },
    ],
    name_of: |row| comment_name(row.text(comment::ISSUE), row.int(comment::ID)),
    find: comment_key,
    id: Some((comment::ID, 1_900_000_000)),
    prose: &[comment::BODY],
    render: render::comment::comment,
};

const COMMENT_ORDER: &[By] = &[By::Column(comment::CREATED_AT), By::Column(comment::ID)];

/// What binds it to other tables.
pub(super) const RELATIONS: &[Relation] = &[Relation {
    from: COMMENTS,
    to: ISSUES,
    index: COMMENTS_BY_ISSUE,
    on_delete: OnDelete::Remove,
}];

/// The key of a comment as GitHub's anchors have it, `acme/webapp#issuecomment-7`.
pub(in crate::github) fn comment_key(name: &str) -> Option<Key> {
    let (repo, id) = name.split_once("#issuecomment-")?;
    Some(Key::new([folded(repo), Part::Int(id.parse().ok()?)]))
}

/// A comment as GitHub's anchors have it; `issue` is its issue or its repository.
pub(in crate::github) fn comment_name(issue: &str, id: i64) -> String {
    let repo = issue.split_once('#').map_or(issue, |(repo, _)| repo);
    format!("{repo}#issuecomment-{id}")
}

/// The key of the issue a comment belongs to.
pub(in crate::github) fn issue_of(row: &Row) -> Option<Key> {
    issue_key(row.text(comment::ISSUE))
}
