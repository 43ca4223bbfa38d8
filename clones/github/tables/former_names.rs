//! Names that repositories had before.

use archal_core::clone::SeedTable;

use super::{INT, TEXT, repo_key};
use crate::engine::table::{By, Column, Table, seed_fields};
use crate::github::render::unrendered;

/// Columns of [`super::FORMER_NAMES`].
pub(in crate::github) mod former_name {
    pub(in crate::github) const NAME: usize = 0;
    pub(in crate::github) const REPO: usize = 1;
    pub(in crate::github) const REPO_ID: usize = 2;
}

const COLUMNS: &[Column; 3] = &[
    Column::new("name", TEXT, "The name it had, `acme/old`.").required(),
    Column::new("repo", TEXT, "The repository.")
        .required()
        .of("repos"),
    Column::new(
        "repository_id",
        INT,
        "The repository's number, by which it is found whatever its name; follows from `repo`.",
    ),
];

/// The table of a seed document.
pub(super) const SEED: SeedTable = SeedTable {
    name: "former_names",
    key: "owner/repo",
    fields: &seed_fields(COLUMNS),
};

/// The table.
pub(super) const TABLE: Table = Table {
    seed: &SEED,
    columns: COLUMNS,
    key: &[By::Folded(former_name::NAME)],
    indexes: &[],
    name_of: |row| row.text(former_name::NAME).to_owned(),
    find: repo_key,
    id: None,
    prose: &[],
    render: unrendered,
};
