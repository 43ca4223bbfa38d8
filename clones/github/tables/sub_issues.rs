//! Parents and their sub-issues.

use archal_core::clone::SeedTable;

use super::{INT, ISSUES, SUB_ISSUES, TEXT, issue_key};
use crate::engine::root::Root;
use crate::engine::row::Row;
use crate::engine::table::{By, Column, Index, OnDelete, Relation, Table, seed_fields};
use crate::engine::writer::Writer;

/// Columns of [`SUB_ISSUES`].
pub(in crate::github) mod sub_issue {
    pub(in crate::github) const ISSUE: usize = 0;
    pub(in crate::github) const PARENT: usize = 1;
    pub(in crate::github) const POSITION: usize = 2;
}

/// Sub-issues of a parent in their order.
pub(in crate::github) const SUB_ISSUES_BY_PARENT: usize = 0;
/// The parent of an issue.
const SUB_ISSUES_BY_ISSUE: usize = 1;

const COLUMNS: &[Column; 3] = &[
    Column::new("issue", TEXT, "The sub-issue, `acme/webapp#7`.")
        .required()
        .of("issues"),
    Column::new("parent", TEXT, "Its parent.")
        .required()
        .of("issues"),
    Column::new(
        "position",
        INT,
        "Its place among the sub-issues of the parent; the last where absent.",
    ),
];

/// The table of a seed document.
pub(super) const SEED: SeedTable = SeedTable {
    name: "sub_issues",
    key: "owner/repo#number",
    fields: &seed_fields(COLUMNS),
};

/// The table.
pub(super) const TABLE: Table = Table {
    seed: &SEED,
    columns: COLUMNS,
    key: &[
        By::Before(sub_issue::ISSUE, '#'),
        By::NumberAfter(sub_issue::ISSUE, '#'),
    ],
    indexes: &[
        Index {
            group: &[
                By::Before(sub_issue::PARENT, '#'),
                By::NumberAfter(sub_issue::PARENT, '#'),
            ],
            order: &[
                By::Column(sub_issue::POSITION),
                By::Folded(sub_issue::ISSUE),
            ],
        },
        Index {
            group: &[
                By::Before(sub_issue::ISSUE, '#'),
                By::NumberAfter(sub_issue::ISSUE, '#'),
            ],
            order: &[By::Folded(sub_issue::ISSUE)],
        },
    ],
    name_of: |row| row.text(sub_issue::ISSUE).to_owned(),
    find: issue_key,
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
        from: SUB_ISSUES,
        to: ISSUES,
        index: SUB_ISSUES_BY_PARENT,
        on_delete: OnDelete::Remove,
    },
    Relation {
        from: SUB_ISSUES,
        to: ISSUES,
        index: SUB_ISSUES_BY_ISSUE,
        on_delete: OnDelete::Remove,
    },
];
