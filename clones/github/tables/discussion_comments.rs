//! Comments on discussions, and replies to them.

use archal_core::clone::SeedTable;

use super::discussion_categories::unrendered;
use super::{ASSOCIATIONS, DISCUSSION_COMMENTS, DISCUSSIONS, INT, TEXT, TIME};
use crate::engine::key::{Key, Part, folded};
use crate::engine::table::{By, Column, Index, OnDelete, Relation, Standard, Table, seed_fields};

/// Columns of [`DISCUSSION_COMMENTS`].
pub(in crate::github) mod discussion_comment {
    pub(in crate::github) const DISCUSSION: usize = 0;
    pub(in crate::github) const ID: usize = 1;
    pub(in crate::github) const NODE_ID: usize = 2;
    pub(in crate::github) const BODY: usize = 3;
    pub(in crate::github) const USER: usize = 4;
    pub(in crate::github) const AUTHOR_ASSOCIATION: usize = 5;
    pub(in crate::github) const REPLY_TO: usize = 6;
    pub(in crate::github) const UPVOTES: usize = 7;
    pub(in crate::github) const CREATED_AT: usize = 8;
    pub(in crate::github) const UPDATED_AT: usize = 9;
    pub(in crate::github) const DELETED_AT: usize = 10;
}

/// Comments of a discussion, oldest first.
pub(in crate::github) const COMMENTS_BY_DISCUSSION: usize = 0;

const COLUMNS: &[Column; 11] = &[
    Column::new("discussion", TEXT, "The discussion, `acme/webapp#7`.")
        .required()
        .of("discussions"),
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
    Column::new("reply_to", INT, "The number of the comment it replies to.").proved(),
    Column::new("upvotes", INT, "How many voted for it.").or(Standard::Int(1)),
    Column::new(
        "created_at",
        TIME,
        "When it was written; when the discussion was started where absent.",
    )
    .proved(),
    Column::new(
        "updated_at",
        TIME,
        "When it changed last; `created_at` where absent.",
    )
    .proved(),
    Column::new(
        "deleted_at",
        TIME,
        "When it was deleted; one with replies stays, without its text.",
    ),
];

/// The table of a seed document.
pub(super) const SEED: SeedTable = SeedTable {
    name: "discussion_comments",
    key: "owner/repo#discussioncomment-id",
    fields: &seed_fields(COLUMNS),
};

/// The table.
pub(super) const TABLE: Table = Table {
    seed: &SEED,
    columns: COLUMNS,
    key: &[
        By::Before(discussion_comment::DISCUSSION, '#'),
        By::Column(discussion_comment::ID),
    ],
    indexes: &[Index {
        group: &[
            By::Before(discussion_comment::DISCUSSION, '#'),
            By::NumberAfter(discussion_comment::DISCUSSION, '#'),
        ],
        order: &[
            By::Column(discussion_comment::CREATED_AT),
            By::Column(discussion_comment::ID),
        ],
    }],
    name_of: |row| {
        let discussion = row.text(discussion_comment::DISCUSSION);
        let repo = discussion
            .split_once('#')
            .map_or(discussion, |(repo, _)| repo);
        format!(
            "{repo}#discussioncomment-{}",
            row.int(discussion_comment::ID)
        )
    },
    find: |name| {
        let (repo, id) = name.split_once("#discussioncomment-")?;
        Some(Key::new([folded(repo), Part::Int(id.parse().ok()?)]))
    },
    id: Some((discussion_comment::ID, 8_500_000)),
    prose: &[discussion_comment::BODY],
    render: unrendered,
};

/// What binds it to other tables.
pub(super) const RELATIONS: &[Relation] = &[Relation {
    from: DISCUSSION_COMMENTS,
    to: DISCUSSIONS,
    index: COMMENTS_BY_DISCUSSION,
    on_delete: OnDelete::Remove,
}];
