//! Comments on gists.

use archal_core::clone::SeedTable;

use super::run_key;
use super::{GIST_COMMENTS, GISTS, INT, TEXT, TIME};
use crate::engine::table::{By, Column, Index, OnDelete, Relation, Table, seed_fields};
use crate::github::render;

/// Columns of [`super::GIST_COMMENTS`].
pub(in crate::github) mod gist_comment {
    pub(in crate::github) const GIST: usize = 0;
    pub(in crate::github) const ID: usize = 1;
    pub(in crate::github) const NODE_ID: usize = 2;
    pub(in crate::github) const USER: usize = 3;
    pub(in crate::github) const BODY: usize = 4;
    pub(in crate::github) const CREATED_AT: usize = 5;
    pub(in crate::github) const UPDATED_AT: usize = 6;
}

/// Comments on a gist, oldest first.
pub(in crate::github) const COMMENTS_BY_GIST: usize = 0;

const COLUMNS: &[Column; 7] = &[
    Column::new("gist", TEXT, "The gist.")
        .required()
        .of("gists"),
    Column::new("id", INT, "GitHub's number; generated where absent."),
    Column::new(
        "node_id",
        TEXT,
        "The GraphQL id; follows from `id` where absent.",
    ),
    Column::new("user", TEXT, "Who wrote it; the actor where absent.").of("users"),
    Column::new("body", TEXT, "The text.").required(),
    Column::new(
        "created_at",
        TIME,
        "When it was written; when the gist was made where absent.",
    ),
    Column::new(
        "updated_at",
        TIME,
        "When it changed last; `created_at` where absent.",
    ),
];

/// The table of a seed document.
pub(super) const SEED: SeedTable = SeedTable {
    name: "gist_comments",
    key: "id:comment-id",
    fields: &seed_fields(COLUMNS),
};

/// The table.
pub(super) const TABLE: Table = Table {
    seed: &SEED,
    columns: COLUMNS,
    key: &[By::Folded(gist_comment::GIST), By::Column(gist_comment::ID)],
    indexes: &[Index {
        group: &[By::Folded(gist_comment::GIST)],
        order: &[By::Column(gist_comment::ID)],
    }],
    name_of: |row| {
        format!(
            "{}:{}",
            row.text(gist_comment::GIST),
            row.int(gist_comment::ID)
        )
    },
    find: run_key,
    id: Some((gist_comment::ID, 5_300_000)),
    prose: &[gist_comment::BODY],
    render: render::gist::comment,
};

/// What binds it to other tables.
pub(super) const RELATIONS: &[Relation] = &[Relation {
    from: GIST_COMMENTS,
    to: GISTS,
    index: COMMENTS_BY_GIST,
    on_delete: OnDelete::Remove,
}];
