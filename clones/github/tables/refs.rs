//! Refs of repositories: branches, tags and what else git finds objects by.

use archal_core::clone::SeedTable;

use super::{REFS, REPOS, TEXT};
use crate::engine::key::{Key, Part, folded};
use crate::engine::table::{By, Column, Index, OnDelete, Relation, Table, seed_fields};

/// Columns of [`REFS`].
pub(in crate::github) mod reference {
    pub(in crate::github) const REPO: usize = 0;
    pub(in crate::github) const NAME: usize = 1;
    pub(in crate::github) const SHA: usize = 2;
}

/// Refs of a repository, by full name.
pub(in crate::github) const REFS_BY_REPO: usize = 0;

const COLUMNS: &[Column; 3] = &[
    Column::new("repo", TEXT, "The repository, `acme/webapp`.")
        .required()
        .of("repos"),
    Column::new("ref", TEXT, "The full name, `refs/heads/main`.").required(),
    Column::new(
        "sha",
        TEXT,
        "The object: its id, or a branch, tag or commit that is there already.",
    )
    .required(),
];

/// The table of a seed document.
pub(super) const SEED: SeedTable = SeedTable {
    name: "refs",
    key: "owner/repo:refs/heads/main",
    fields: &seed_fields(COLUMNS),
};

/// The table.
pub(super) const TABLE: Table = Table {
    seed: &SEED,
    columns: COLUMNS,
    // Names of refs are told apart by case.
    key: &[By::Folded(reference::REPO), By::Column(reference::NAME)],
    indexes: &[Index {
        group: &[By::Folded(reference::REPO)],
        order: &[By::Column(reference::NAME)],
    }],
    name_of: |row| {
        format!(
            "{}:{}",
            row.text(reference::REPO),
            row.text(reference::NAME)
        )
    },
    find: ref_key,
    id: None,
    prose: &[],
    render: crate::github::refs::render,
};

/// What binds it to other tables.
pub(super) const RELATIONS: &[Relation] = &[Relation {
    from: REFS,
    to: REPOS,
    index: REFS_BY_REPO,
    on_delete: OnDelete::Remove,
}];

/// The key of a ref as people write it, `acme/webapp:refs/heads/main`.
pub(in crate::github) fn ref_key(name: &str) -> Option<Key> {
    let (repo, name) = name.split_once(':')?;
    name.starts_with("refs/").then(|| ref_of(repo, name))
}

/// The key of a ref by its full name.
pub(in crate::github) fn ref_of(repo: &str, name: &str) -> Key {
    Key::new([folded(repo), Part::Text(name.into())])
}
