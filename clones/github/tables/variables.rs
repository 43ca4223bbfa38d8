//! Variables of workflows.

use archal_core::clone::SeedTable;

use super::label_key;
use super::{REPOS, TEXT, TIME, VARIABLES};
use crate::engine::table::{By, Column, Index, OnDelete, Relation, Table, seed_fields};
use crate::github::render;

/// Columns of [`super::VARIABLES`].
pub(in crate::github) mod variable {
    pub(in crate::github) const REPO: usize = 0;
    pub(in crate::github) const NAME: usize = 1;
    pub(in crate::github) const VALUE: usize = 2;
    pub(in crate::github) const CREATED_AT: usize = 3;
    pub(in crate::github) const UPDATED_AT: usize = 4;
}

/// Variables of a repository.
pub(in crate::github) const VARIABLES_BY_REPO: usize = 0;

const COLUMNS: &[Column; 5] = &[
    Column::new("repo", TEXT, "The repository.")
        .required()
        .of("repos"),
    Column::new("name", TEXT, "The name, in capitals.").required(),
    Column::new("value", TEXT, "What it stands for.").required(),
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
    name: "variables",
    key: "owner/repo:NAME",
    fields: &seed_fields(COLUMNS),
};

/// The table.
pub(super) const TABLE: Table = Table {
    seed: &SEED,
    columns: COLUMNS,
    key: &[By::Folded(variable::REPO), By::Folded(variable::NAME)],
    indexes: &[Index {
        group: &[By::Folded(variable::REPO)],
        order: &[By::Folded(variable::NAME)],
    }],
    name_of: |row| format!("{}:{}", row.text(variable::REPO), row.text(variable::NAME)),
    find: label_key,
    id: None,
    prose: &[variable::VALUE],
    render: render::actions::variable,
};

/// What binds it to other tables.
pub(super) const RELATIONS: &[Relation] = &[Relation {
    from: VARIABLES,
    to: REPOS,
    index: VARIABLES_BY_REPO,
    on_delete: OnDelete::Remove,
}];
