//! Branches as seeds tell of them. Refs are what they become: no row of this table stays.

use archal_core::clone::{FieldKind, SeedTable};

use super::{BOOL, TEXT};
use crate::engine::key::Key;
use crate::engine::table::{By, Column, Standard, Table, seed_fields};

/// Columns of [`super::BRANCHES`].
pub(in crate::github) mod branch {
    pub(in crate::github) const REPO: usize = 0;
    pub(in crate::github) const NAME: usize = 1;
    pub(in crate::github) const FROM: usize = 2;
    pub(in crate::github) const PROTECTED: usize = 3;
    pub(in crate::github) const FILES: usize = 4;
}

const COLUMNS: &[Column; 5] = &[
    Column::new("repo", TEXT, "The repository, `acme/webapp`.")
        .required()
        .of("repos"),
    Column::new("name", TEXT, "The name.").required(),
    Column::new(
        "from",
        TEXT,
        "Where it begins, unless commits made it: a branch, tag or commit; the default branch where absent.",
    ),
    Column::new(
        "protected",
        BOOL,
        "Whether it takes changes through approved pull requests only.",
    )
    .or(Standard::Bool(false)),
    Column::new(
        "files",
        FieldKind::Object(&[]),
        "Files that it has otherwise than where it begins, in a commit of their own: path and text.",
    ),
];

/// The table of a seed document.
pub(super) const SEED: SeedTable = SeedTable {
    name: "branches",
    key: "owner/repo:name",
    fields: &seed_fields(COLUMNS),
};

/// The table, which never has a row.
pub(super) const TABLE: Table = Table {
    seed: &SEED,
    columns: COLUMNS,
    key: &[By::Folded(branch::REPO), By::Column(branch::NAME)],
    indexes: &[],
    name_of: |row| format!("{}:{}", row.text(branch::REPO), row.text(branch::NAME)),
    find: |name| Some(Key::folded(name)),
    id: None,
    prose: &[],
    render: |_, _, _| {},
};
