//! Gists.

use archal_core::clone::SeedTable;

use super::user;
use super::{BOOL, GISTS, INT, TEXT, TEXTS, TIME, USERS};
use crate::engine::key::Key;
use crate::engine::table::{By, Column, Index, OnDelete, Relation, Standard, Table, seed_fields};
use crate::github::render::unrendered;
use archal_core::clone::{FieldKind, ViewField};

/// Columns of [`super::GISTS`].
pub(in crate::github) mod gist {
    pub(in crate::github) const ID: usize = 0;
    pub(in crate::github) const NUMBER: usize = 1;
    pub(in crate::github) const NODE_ID: usize = 2;
    pub(in crate::github) const USER: usize = 3;
    pub(in crate::github) const DESCRIPTION: usize = 4;
    pub(in crate::github) const PUBLIC: usize = 5;
    pub(in crate::github) const STARRED_BY: usize = 6;
    pub(in crate::github) const FORK_OF: usize = 7;
    pub(in crate::github) const HISTORY: usize = 8;
    pub(in crate::github) const CREATED_AT: usize = 9;
    pub(in crate::github) const UPDATED_AT: usize = 10;
}

/// Gists of a user, oldest first.
pub(in crate::github) const GISTS_BY_USER: usize = 0;
/// Gists that a user starred.
pub(in crate::github) const GISTS_BY_STAR: usize = 1;

const COLUMNS: &[Column; 11] = &[
    Column::new(
        "id",
        TEXT,
        "The hex number in addresses; generated where absent.",
    ),
    Column::new(
        "number",
        INT,
        "The number that `id` follows from; generated where absent.",
    ),
    Column::new(
        "node_id",
        TEXT,
        "The GraphQL id; follows from `id` where absent.",
    ),
    Column::new("user", TEXT, "Whose it is; the actor where absent.").of("users"),
    Column::new("description", TEXT, "What it is."),
    Column::new("public", BOOL, "Whether lists show it.").or(Standard::Bool(true)),
    Column::new("starred_by", TEXTS, "Who starred it.")
        .of("users")
        .or(Standard::Empty),
    Column::new("fork_of", TEXT, "The gist that it was copied from."),
    Column::new(
        "history",
        HISTORY,
        "Its revisions, oldest first; one where absent.",
    ),
    Column::new(
        "created_at",
        TIME,
        "When it was made; 20 days ago where absent.",
    ),
    Column::new(
        "updated_at",
        TIME,
        "When it changed last; `created_at` where absent.",
    ),
];

/// The table of a seed document.
pub(super) const SEED: SeedTable = SeedTable {
    name: "gists",
    key: "id",
    fields: &seed_fields(COLUMNS),
};

/// The table.
pub(super) const TABLE: Table = Table {
    seed: &SEED,
    columns: COLUMNS,
    key: &[By::Folded(gist::ID)],
    indexes: &[
        Index {
            group: &[By::Folded(gist::USER)],
            order: &[By::Column(gist::CREATED_AT), By::Column(gist::NUMBER)],
        },
        Index {
            group: &[By::Each(gist::STARRED_BY)],
            order: &[By::Column(gist::NUMBER)],
        },
    ],
    name_of: |row| row.text(gist::ID).to_owned(),
    find: |name| Some(Key::folded(name)),
    id: Some((gist::NUMBER, 120_000_000)),
    prose: &[gist::DESCRIPTION],
    render: unrendered,
};

/// What binds it to other tables.
pub(super) const RELATIONS: &[Relation] = &[
    Relation {
        from: GISTS,
        to: USERS,
        index: GISTS_BY_USER,
        on_delete: OnDelete::Remove,
    },
    Relation {
        from: GISTS,
        to: USERS,
        index: GISTS_BY_STAR,
        on_delete: OnDelete::Unlink {
            list: gist::STARRED_BY,
            name: user::LOGIN,
        },
    },
];

const HISTORY: FieldKind = FieldKind::List(&FieldKind::Object(&[
    field("version", FieldKind::Text),
    field("user", FieldKind::Text),
    field("committed_at", FieldKind::Time),
    field("additions", FieldKind::Int),
    field("deletions", FieldKind::Int),
]));

const fn field(name: &'static str, kind: FieldKind) -> ViewField {
    ViewField {
        name,
        kind,
        nullable: false,
    }
}
