//! Which issue waits for which.

use archal_core::clone::SeedTable;

use super::{DEPENDENCIES, ISSUES, TEXT, issue_key};
use crate::engine::key::{Key, folded};
use crate::engine::root::Root;
use crate::engine::row::Row;
use crate::engine::table::{By, Column, Index, OnDelete, Relation, Table, seed_fields};
use crate::engine::writer::Writer;

/// Columns of [`DEPENDENCIES`].
pub(in crate::github) mod dependency {
    pub(in crate::github) const ISSUE: usize = 0;
    pub(in crate::github) const BLOCKED_BY: usize = 1;
}

/// What an issue waits for.
pub(in crate::github) const DEPENDENCIES_BY_ISSUE: usize = 0;
/// What waits for an issue.
pub(in crate::github) const DEPENDENCIES_BY_BLOCKER: usize = 1;

const COLUMNS: &[Column; 2] = &[
    Column::new("issue", TEXT, "The issue that waits, `acme/webapp#7`.")
        .required()
        .of("issues"),
    Column::new("blocked_by", TEXT, "The issue it waits for.")
        .required()
        .of("issues"),
];

/// The table of a seed document.
pub(super) const SEED: SeedTable = SeedTable {
    name: "dependencies",
    key: "owner/repo#number<owner/repo#number",
    fields: &seed_fields(COLUMNS),
};

/// The table.
pub(super) const TABLE: Table = Table {
    seed: &SEED,
    columns: COLUMNS,
    key: &[
        By::Folded(dependency::ISSUE),
        By::Folded(dependency::BLOCKED_BY),
    ],
    indexes: &[
        Index {
            group: &[
                By::Before(dependency::ISSUE, '#'),
                By::NumberAfter(dependency::ISSUE, '#'),
            ],
            order: &[By::Folded(dependency::BLOCKED_BY)],
        },
        Index {
            group: &[
                By::Before(dependency::BLOCKED_BY, '#'),
                By::NumberAfter(dependency::BLOCKED_BY, '#'),
            ],
            order: &[By::Folded(dependency::ISSUE)],
        },
    ],
    name_of: |row| {
        let (issue, blocker) = (
            row.text(dependency::ISSUE),
            row.text(dependency::BLOCKED_BY),
        );
        format!("{issue}<{blocker}")
    },
    find: |name| {
        let (issue, blocker) = name.split_once('<')?;
        issue_key(issue).and(issue_key(blocker))?;
        Some(Key::new([folded(issue), folded(blocker)]))
    },
    id: None,
    prose: &[],
    render: unrendered,
};

/// Lists show the issues, not what binds them.
fn unrendered(_: &Root, _: &Row, out: &mut Writer) {
    out.raw("{}");
}

/// What binds it to other tables.
pub(super) const RELATIONS: &[Relation] = &[
    Relation {
        from: DEPENDENCIES,
        to: ISSUES,
        index: DEPENDENCIES_BY_ISSUE,
        on_delete: OnDelete::Remove,
    },
    Relation {
        from: DEPENDENCIES,
        to: ISSUES,
        index: DEPENDENCIES_BY_BLOCKER,
        on_delete: OnDelete::Remove,
    },
];
