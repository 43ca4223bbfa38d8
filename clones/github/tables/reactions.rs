//! Reactions to issues, pull requests, comments and releases.

use archal_core::clone::SeedTable;

use super::{INT, TEXT, TIME};
use crate::engine::key::{Key, Part};
use crate::engine::table::{By, Column, Index, Relation, Table, seed_fields};
use crate::github::render;

/// Columns of [`super::REACTIONS`].
pub(in crate::github) mod reaction {
    pub(in crate::github) const SUBJECT: usize = 0;
    pub(in crate::github) const ID: usize = 1;
    pub(in crate::github) const NODE_ID: usize = 2;
    pub(in crate::github) const USER: usize = 3;
    pub(in crate::github) const CONTENT: usize = 4;
    pub(in crate::github) const CREATED_AT: usize = 5;
}

/// Reactions to an object by its GraphQL id, oldest first.
pub(in crate::github) const REACTIONS_BY_SUBJECT: usize = 0;

/// What a reaction can be, in GitHub's order.
pub(in crate::github) const CONTENTS: &[&str] = &[
    "+1", "-1", "laugh", "hooray", "confused", "heart", "rocket", "eyes",
];

const COLUMNS: &[Column; 6] = &[
    Column::new(
        "subject",
        TEXT,
        "What it is to: `acme/webapp#7`, `acme/webapp#issuecomment-3`, or a GraphQL id.",
    )
    .required(),
    Column::new("id", INT, "GitHub's number; generated where absent."),
    Column::new(
        "node_id",
        TEXT,
        "The GraphQL id; follows from `id` where absent.",
    ),
    Column::new("user", TEXT, "Who reacted; the actor where absent.").of("users"),
    Column::new("content", TEXT, "The reaction.")
        .required()
        .one_of(CONTENTS),
    Column::new("created_at", TIME, "When; a day ago where absent."),
];

/// The table of a seed document.
pub(super) const SEED: SeedTable = SeedTable {
    name: "reactions",
    key: "subject/id",
    fields: &seed_fields(COLUMNS),
};

/// The table.
pub(super) const TABLE: Table = Table {
    seed: &SEED,
    columns: COLUMNS,
    key: &[By::Column(reaction::SUBJECT), By::Column(reaction::ID)],
    indexes: &[Index {
        group: &[By::Column(reaction::SUBJECT)],
        order: &[By::Column(reaction::ID)],
    }],
    name_of: |row| format!("{}/{}", row.text(reaction::SUBJECT), row.int(reaction::ID)),
    find: reaction_key,
    id: Some((reaction::ID, 240_000_000)),
    prose: &[],
    render: render::reaction::reaction,
};

/// What binds it to other tables: nothing, since what it is to stands in one of several.
pub(super) const RELATIONS: &[Relation] = &[];

/// The key of a reaction, the GraphQL id of what it is to and its number.
fn reaction_key(name: &str) -> Option<Key> {
    let (subject, id) = name.rsplit_once('/')?;
    Some(Key::new([
        Part::Text(subject.into()),
        Part::Int(id.parse().ok()?),
    ]))
}
