//! Labels.

use archal_core::clone::SeedTable;

use super::{BOOL, INT, LABELS, REPOS, TEXT};
use crate::engine::key::{Key, folded};
use crate::engine::table::{By, Column, Index, OnDelete, Relation, Standard, Table, seed_fields};
use crate::github::render;

/// Columns of [`LABELS`].
pub(in crate::github) mod label {
    pub(in crate::github) const REPO: usize = 0;
    pub(in crate::github) const NAME: usize = 1;
    pub(in crate::github) const ID: usize = 2;
    pub(in crate::github) const NODE_ID: usize = 3;
    pub(in crate::github) const COLOR: usize = 4;
    pub(in crate::github) const DESCRIPTION: usize = 5;
    pub(in crate::github) const DEFAULT: usize = 6;
}

/// Labels of a repository, by name.
pub(in crate::github) const LABELS_BY_REPO: usize = 0;

const COLUMNS: &[Column; 7] = &[
    Column::new("repo", TEXT, "The repository, `acme/webapp`.")
        .required()
        .of("repos"),
    Column::new("name", TEXT, "The name.").required(),
    Column::new("id", INT, "GitHub's number; generated where absent."),
    Column::new(
        "node_id",
        TEXT,
        "The GraphQL id; follows from `id` where absent.",
    ),
    Column::new("color", TEXT, "Six hex digits.").or(Standard::Text("ededed")),
    Column::new("description", TEXT, "What it is for."),
    Column::new(
        "default",
        BOOL,
        "Whether GitHub made it with the repository.",
    )
    .or(Standard::Bool(false)),
];

/// The table of a seed document.
pub(super) const SEED: SeedTable = SeedTable {
    name: "labels",
    key: "owner/repo:name",
    fields: &seed_fields(COLUMNS),
};

/// The table.
pub(super) const TABLE: Table = Table {
    seed: &SEED,
    columns: COLUMNS,
    key: &[By::Folded(label::REPO), By::Folded(label::NAME)],
    indexes: &[Index {
        group: &[By::Folded(label::REPO)],
        order: &[By::Folded(label::NAME)],
    }],
    name_of: |row| format!("{}:{}", row.text(label::REPO), row.text(label::NAME)),
    find: label_key,
    id: Some((label::ID, 6_500_000_000)),
    prose: &[],
    render: render::label::label,
};

/// What binds it to other tables.
pub(super) const RELATIONS: &[Relation] = &[Relation {
    from: LABELS,
    to: REPOS,
    index: LABELS_BY_REPO,
    on_delete: OnDelete::Remove,
}];

/// The key of a label as people write it, `acme/webapp:bug`.
pub(in crate::github) fn label_key(name: &str) -> Option<Key> {
    let (repo, label) = name.split_once(':')?;
    (!label.is_empty()).then(|| Key::new([folded(repo), folded(label)]))
}
