//! What issues hold in the fields of their organisation.

use archal_core::clone::SeedTable;

use super::{ISSUE_FIELD_VALUES, ISSUE_FIELDS, ISSUES, TEXT, TEXTS, issue_key, org_key};
use crate::engine::key::{Key, folded};
use crate::engine::root::Root;
use crate::engine::row::Row;
use crate::engine::table::{By, Column, Index, OnDelete, Relation, Table, seed_fields};
use crate::engine::writer::Writer;

/// Columns of [`ISSUE_FIELD_VALUES`].
pub(in crate::github) mod field_value {
    pub(in crate::github) const ISSUE: usize = 0;
    pub(in crate::github) const FIELD: usize = 1;
    pub(in crate::github) const VALUES: usize = 2;
}

/// Values of an issue.
pub(in crate::github) const VALUES_BY_ISSUE: usize = 0;
/// Values of a field.
pub(in crate::github) const VALUES_BY_FIELD: usize = 1;

const COLUMNS: &[Column; 3] = &[
    Column::new("issue", TEXT, "The issue, `acme/webapp#7`.")
        .required()
        .of("issues"),
    Column::new("field", TEXT, "The field, `acme:Priority`.")
        .required()
        .of("issue_fields"),
    Column::new(
        "values",
        TEXTS,
        "The value; the options chosen of one that has several.",
    )
    .required(),
];

/// The table of a seed document.
pub(super) const SEED: SeedTable = SeedTable {
    name: "issue_field_values",
    key: "owner/repo#number=org:name",
    fields: &seed_fields(COLUMNS),
};

/// The table.
pub(super) const TABLE: Table = Table {
    seed: &SEED,
    columns: COLUMNS,
    key: &[
        By::Folded(field_value::ISSUE),
        By::Folded(field_value::FIELD),
    ],
    indexes: &[
        Index {
            group: &[
                By::Before(field_value::ISSUE, '#'),
                By::NumberAfter(field_value::ISSUE, '#'),
            ],
            order: &[By::Folded(field_value::FIELD)],
        },
        Index {
            group: &[
                By::Before(field_value::FIELD, ':'),
                By::After(field_value::FIELD, ':'),
            ],
            order: &[By::Folded(field_value::ISSUE)],
        },
    ],
    name_of: |row| {
        format!(
            "{}={}",
            row.text(field_value::ISSUE),
            row.text(field_value::FIELD)
        )
    },
    find: |name| {
        let (issue, field) = name.split_once('=')?;
        issue_key(issue).and(org_key(field))?;
        Some(Key::new([folded(issue), folded(field)]))
    },
    id: None,
    prose: &[],
    render: unrendered,
};

/// What binds it to other tables.
pub(super) const RELATIONS: &[Relation] = &[
    Relation {
        from: ISSUE_FIELD_VALUES,
        to: ISSUES,
        index: VALUES_BY_ISSUE,
        on_delete: OnDelete::Remove,
    },
    Relation {
        from: ISSUE_FIELD_VALUES,
        to: ISSUE_FIELDS,
        index: VALUES_BY_FIELD,
        on_delete: OnDelete::Remove,
    },
];

/// A value shows its field and options as they are, so it is written each time.
fn unrendered(_: &Root, _: &Row, out: &mut Writer) {
    out.raw("{}");
}
