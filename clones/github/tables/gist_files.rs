//! Files of gists, of all revisions.

use archal_core::clone::SeedTable;

use super::{GIST_FILES, GISTS, INT, TEXT};
use crate::engine::key::{Key, Part, folded};
use crate::engine::table::{By, Column, Index, OnDelete, Relation, Standard, Table, seed_fields};
use crate::github::render::unrendered;

/// Columns of [`super::GIST_FILES`].
pub(in crate::github) mod gist_file {
    pub(in crate::github) const GIST: usize = 0;
    pub(in crate::github) const REVISION: usize = 1;
    pub(in crate::github) const NAME: usize = 2;
    pub(in crate::github) const CONTENT: usize = 3;
}

/// Files of a gist, of all revisions.
pub(in crate::github) const FILES_BY_GIST: usize = 0;

const COLUMNS: &[Column; 4] = &[
    Column::new("gist", TEXT, "The gist.")
        .required()
        .of("gists"),
    Column::new("revision", INT, "The revision, from 1.").or(Standard::Int(1)),
    Column::new("filename", TEXT, "The name.").required(),
    Column::new("content", TEXT, "What is in it.").required(),
];

/// The table of a seed document.
pub(super) const SEED: SeedTable = SeedTable {
    name: "gist_files",
    key: "id@revision/filename",
    fields: &seed_fields(COLUMNS),
};

/// The table.
pub(super) const TABLE: Table = Table {
    seed: &SEED,
    columns: COLUMNS,
    key: &[
        By::Folded(gist_file::GIST),
        By::Column(gist_file::REVISION),
        By::Column(gist_file::NAME),
    ],
    indexes: &[Index {
        group: &[By::Folded(gist_file::GIST)],
        order: &[By::Column(gist_file::REVISION), By::Column(gist_file::NAME)],
    }],
    name_of: |row| {
        format!(
            "{}@{}/{}",
            row.text(gist_file::GIST),
            row.int(gist_file::REVISION),
            row.text(gist_file::NAME)
        )
    },
    find: |name| {
        let (gist, rest) = name.split_once('@')?;
        let (revision, file) = rest.split_once('/')?;
        Some(Key::new([
            folded(gist),
            Part::Int(revision.parse().ok()?),
            Part::Text(file.into()),
        ]))
    },
    id: None,
    prose: &[gist_file::CONTENT],
    render: unrendered,
};

/// What binds it to other tables.
pub(super) const RELATIONS: &[Relation] = &[Relation {
    from: GIST_FILES,
    to: GISTS,
    index: FILES_BY_GIST,
    on_delete: OnDelete::Remove,
}];
