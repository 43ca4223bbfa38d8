//! Names that issues had before they were transferred.

use archal_core::clone::SeedTable;

use super::{ISSUES, MOVED_ISSUES, TEXT, issue_key};
use crate::engine::table::{By, Column, Index, OnDelete, Relation, Table, seed_fields};
use crate::github::render::unrendered;

/// Columns of [`MOVED_ISSUES`].
pub(in crate::github) mod moved_issue {
    pub(in crate::github) const NAME: usize = 0;
    pub(in crate::github) const ISSUE: usize = 1;
}

/// Former names of an issue.
pub(in crate::github) const MOVED_ISSUES_BY_ISSUE: usize = 0;

const COLUMNS: &[Column; 2] = &[
    Column::new("name", TEXT, "What it was called, `acme/old#7`.").required(),
    Column::new("issue", TEXT, "What it is called now.")
        .required()
        .of("issues"),
];

/// The table of a seed document.
pub(super) const SEED: SeedTable = SeedTable {
    name: "moved_issues",
    key: "owner/repo#number",
    fields: &seed_fields(COLUMNS),
};

/// The table.
pub(super) const TABLE: Table = Table {
    seed: &SEED,
    columns: COLUMNS,
    key: &[
        By::Before(moved_issue::NAME, '#'),
        By::NumberAfter(moved_issue::NAME, '#'),
    ],
    indexes: &[Index {
        group: &[
            By::Before(moved_issue::ISSUE, '#'),
            By::NumberAfter(moved_issue::ISSUE, '#'),
        ],
        order: &[By::Folded(moved_issue::NAME)],
    }],
    name_of: |row| row.text(moved_issue::NAME).to_owned(),
    find: issue_key,
    id: None,
    prose: &[],
    render: unrendered,
};

/// What binds it to other tables.
pub(super) const RELATIONS: &[Relation] = &[Relation {
    from: MOVED_ISSUES,
    to: ISSUES,
    index: MOVED_ISSUES_BY_ISSUE,
    on_delete: OnDelete::Remove,
}];
