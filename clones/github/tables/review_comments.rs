//! Comments on the diff of a pull request. The first of a thread stands for the thread.

use archal_core::clone::SeedTable;

use super::{ASSOCIATIONS, INT, PULLS, REVIEW_COMMENTS, TEXT, TIME};
use crate::engine::key::{Key, Part, folded};
use crate::engine::table::{By, Column, Index, OnDelete, Relation, Standard, Table, seed_fields};
use crate::github::render;

/// Columns of [`REVIEW_COMMENTS`].
pub(in crate::github) mod review_comment {
    pub(in crate::github) const PULL: usize = 0;
    pub(in crate::github) const ID: usize = 1;
    pub(in crate::github) const NODE_ID: usize = 2;
    pub(in crate::github) const REVIEW: usize = 3;
    pub(in crate::github) const IN_REPLY_TO: usize = 4;
    pub(in crate::github) const BODY: usize = 5;
    pub(in crate::github) const USER: usize = 6;
    pub(in crate::github) const AUTHOR_ASSOCIATION: usize = 7;
    pub(in crate::github) const PATH: usize = 8;
    pub(in crate::github) const SUBJECT_TYPE: usize = 9;
    pub(in crate::github) const SIDE: usize = 10;
    pub(in crate::github) const LINE: usize = 11;
    pub(in crate::github) const ORIGINAL_LINE: usize = 12;
    pub(in crate::github) const START_SIDE: usize = 13;
    pub(in crate::github) const START_LINE: usize = 14;
    pub(in crate::github) const ORIGINAL_START_LINE: usize = 15;
    pub(in crate::github) const POSITION: usize = 16;
    pub(in crate::github) const ORIGINAL_POSITION: usize = 17;
    pub(in crate::github) const COMMIT_ID: usize = 18;
    pub(in crate::github) const ORIGINAL_COMMIT_ID: usize = 19;
    pub(in crate::github) const DIFF_HUNK: usize = 20;
    pub(in crate::github) const RESOLVED_BY: usize = 21;
    pub(in crate::github) const CREATED_AT: usize = 22;
    pub(in crate::github) const UPDATED_AT: usize = 23;
}

/// Comments of a pull request, oldest first.
pub(in crate::github) const REVIEW_COMMENTS_BY_PULL: usize = 0;
/// Comments of a repository, oldest first.
pub(in crate::github) const REVIEW_COMMENTS_BY_REPO: usize = 1;
/// Comments of a review, oldest first.
pub(in crate::github) const REVIEW_COMMENTS_BY_REVIEW: usize = 2;

const COLUMNS: &[Column; 24] = &[
    Column::new("pull", TEXT, "The pull request, `acme/webapp#7`.")
        .required()
        .of("pulls"),
    Column::new("id", INT, "GitHub's number; generated where absent."),
    Column::new(
        "node_id",
        TEXT,
        "The GraphQL id; follows from `id` where absent.",
    ),
    Column::new(
        "pull_request_review_id",
        INT,
        "The review it belongs to; one is made for it where absent.",
    ),
    Column::new(
        "in_reply_to_id",
        INT,
        "The first comment of its thread; it begins one where absent.",
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
    Column::new("path", TEXT, "The file; that of the thread where absent.").proved(),
    Column::new(
        "subject_type",
        TEXT,
        "Whether it is about lines or the file.",
    )
    .one_of(&["line", "file"])
    .or(Standard::Text("line")),
    Column::new("side", TEXT, "Which side of the diff `line` is on.")
        .one_of(&["LEFT", "RIGHT"])
        .or(Standard::Text("RIGHT")),
    Column::new(
        "line",
        INT,
        "The line, the last where it is about several; it is outdated where absent.",
    ),
    Column::new(
        "original_line",
        INT,
        "The line it was written on; `line` where absent.",
    ),
    Column::new(
        "start_side",
        TEXT,
        "Which side of the diff `start_line` is on.",
    )
    .one_of(&["LEFT", "RIGHT"]),
    Column::new(
        "start_line",
        INT,
        "The first line where it is about several.",
    ),
    Column::new(
        "original_start_line",
        INT,
        "The first line it was written on; `start_line` where absent.",
    ),
    Column::new(
        "position",
        INT,
        "The line of the diff, counted below its first hunk header; follows from `line`.",
    ),
    Column::new(
        "original_position",
        INT,
        "The line of the diff it was written on; `position` where absent.",
    ),
    Column::new(
        "commit_id",
        TEXT,
        "The commit that `line` counts in; the head of the pull request where absent.",
    ),
    Column::new(
        "original_commit_id",
        TEXT,
        "The commit it was written on; `commit_id` where absent.",
    ),
    Column::new(
        "diff_hunk",
        TEXT,
        "The diff down to the line; follows from `line` where absent.",
    ),
    Column::new(
        "resolved_by",
        TEXT,
        "Who resolved the thread that it begins.",
    )
    .of("users"),
    Column::new(
        "created_at",
        TIME,
        "When it was written; when the pull request was opened where absent.",
    )
    .proved(),
    Column::new(
        "updated_at",
        TIME,
        "When it changed last; `created_at` where absent.",
    ),
];

/// The table of a seed document.
pub(super) const SEED: SeedTable = SeedTable {
    name: "review_comments",
    key: "owner/repo#discussion_rid",
    fields: &seed_fields(COLUMNS),
};

const ORDER: &[By] = &[
    By::Column(review_comment::CREATED_AT),
    By::Column(review_comment::ID),
];

/// The table.
pub(super) const TABLE: Table = Table {
    seed: &SEED,
    columns: COLUMNS,
    key: &[
        By::Before(review_comment::PULL, '#'),
        By::Column(review_comment::ID),
    ],
    indexes: &[
        Index {
            group: &[
                By::Before(review_comment::PULL, '#'),
                By::NumberAfter(review_comment::PULL, '#'),
            ],
            order: ORDER,
        },
        Index {
            group: &[By::Before(review_comment::PULL, '#')],
            order: ORDER,
        },
        Index {
            group: &[
                By::Before(review_comment::PULL, '#'),
                By::Column(review_comment::REVIEW),
            ],
            order: ORDER,
        },
    ],
    name_of: |row| {
        let pull = row.text(review_comment::PULL);
        let repo = pull.split_once('#').map_or(pull, |(repo, _)| repo);
        format!("{repo}#discussion_r{}", row.int(review_comment::ID))
    },
    find: review_comment_key,
    id: Some((review_comment::ID, 1_300_000_000)),
    prose: &[review_comment::BODY],
    render: render::review_comment::review_comment,
};

/// What binds it to other tables.
pub(super) const RELATIONS: &[Relation] = &[Relation {
    from: REVIEW_COMMENTS,
    to: PULLS,
    index: REVIEW_COMMENTS_BY_PULL,
    on_delete: OnDelete::Remove,
}];

/// The key of a comment as GitHub's anchors have it, `acme/webapp#discussion_r7`.
pub(in crate::github) fn review_comment_key(name: &str) -> Option<Key> {
    let (repo, id) = name.split_once("#discussion_r")?;
    Some(Key::new([folded(repo), Part::Int(id.parse().ok()?)]))
}
