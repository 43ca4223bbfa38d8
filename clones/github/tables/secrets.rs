//! Secrets of workflows.

use archal_core::clone::SeedTable;

use super::label_key;
use super::{REPOS, SECRETS, TEXT, TIME};
use crate::engine::table::{By, Column, Index, OnDelete, Relation, Table, seed_fields};
use crate::github::render;

/// Columns of [`super::SECRETS`].
pub(in crate::github) mod secret {
    pub(in crate::github) const REPO: usize = 0;
    pub(in crate::github) const NAME: usize = 1;
    pub(in crate::github) const CREATED_AT: usize = 2;
    pub(in crate::github) const UPDATED_AT: usize = 3;
}

/// Secrets of a repository.
pub(in crate::github) const SECRETS_BY_REPO: usize = 0;

const COLUMNS: &[Column; 4] = &[
    Column::new("repo", TEXT, "The repository.")
        .required()
        .of("repos"),
    Column::new("name", TEXT, "The name, in capitals.").required(),
    Column::new(
        "created_at",
        TIME,
        "When it was made; 100 days ago where absent.",
    ),
    Column::new(
        "updated_at",
        TIME,
        "When it changed last; `created_at` where absent.",
    ),
];

/// The table of a seed document.
pub(super) const SEED: SeedTable = SeedTable {
    name: "secrets",
    key: "owner/repo:NAME",
    fields: &seed_fields(COLUMNS),
};

/// The table.
pub(super) const TABLE: Table = Table {
    seed: &SEED,
    columns: COLUMNS,
    key: &[By::Folded(secret::REPO), By::Folded(secret::NAME)],
    indexes: &[Index {
        group: &[By::Folded(secret::REPO)],
        order: &[By::Folded(secret::NAME)],
    }],
    name_of: |row| format!("{}:{}", row.text(secret::REPO), row.text(secret::NAME)),
    find: label_key,
    id: None,
    prose: &[],
    render: render::actions::secret,
};

/// What binds it to other tables.
pub(super) const RELATIONS: &[Relation] = &[Relation {
    from: SECRETS,
    to: REPOS,
    index: SECRETS_BY_REPO,
    on_delete: OnDelete::Remove,
}];
