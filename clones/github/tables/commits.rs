//! Commits as seeds tell of them. Git keeps the commits themselves: no row of this table stays.

use archal_core::clone::{FieldKind, SeedTable};

use super::{TEXT, TEXTS, TIME};
use crate::engine::key::Key;
use crate::engine::table::{By, Column, Table, seed_fields};

/// Columns of [`super::COMMITS`].
pub(in crate::github) mod commit {
    pub(in crate::github) const REPO: usize = 0;
    pub(in crate::github) const MESSAGE: usize = 1;
    pub(in crate::github) const BRANCH: usize = 2;
    pub(in crate::github) const FROM: usize = 3;
    pub(in crate::github) const AUTHOR: usize = 4;
    pub(in crate::github) const DATE: usize = 5;
    pub(in crate::github) const FILES: usize = 6;
    pub(in crate::github) const REMOVED: usize = 7;
}

const COLUMNS: &[Column; 8] = &[
    Column::new("repo", TEXT, "The repository, `acme/webapp`.")
        .required()
        .of("repos"),
    Column::new("message", TEXT, "The message.").required(),
    Column::new(
        "branch",
        TEXT,
        "The branch; the default branch where absent.",
    ),
    Column::new(
        "from",
        TEXT,
        "Where a branch that is not there yet begins: a branch, tag or commit as it is so far; the default branch where absent.",
    ),
    Column::new("author", TEXT, "Who made it; the actor where absent.").of("users"),
    Column::new(
        "date",
        TIME,
        "When it was made; an hour after the commit before it where absent.",
    ),
    Column::new(
        "files",
        FieldKind::Object(&[]),
        "Files that it adds or changes: path and text.",
    ),
    Column::new("removed", TEXTS, "Paths that it removes."),
];

/// The table of a seed document.
pub(super) const SEED: SeedTable = SeedTable {
    name: "commits",
    key: "owner/repo:message",
    fields: &seed_fields(COLUMNS),
};

/// The table, which never has a row.
pub(super) const TABLE: Table = Table {
    seed: &SEED,
    columns: COLUMNS,
    key: &[By::Folded(commit::REPO), By::Column(commit::MESSAGE)],
    indexes: &[],
    name_of: |row| format!("{}:{}", row.text(commit::REPO), row.text(commit::MESSAGE)),
    find: |name| Some(Key::folded(name)),
    id: None,
    prose: &[],
    render: |_, _, _| {},
};
