//! Types of issues that an organisation has.

use archal_core::clone::SeedTable;

use super::{BOOL, INT, ISSUE_TYPES, TEXT, TIME, USERS};
use crate::engine::key::{Key, folded};
use crate::engine::table::{By, Column, Index, OnDelete, Relation, Standard, Table, seed_fields};
use crate::github::render;

/// Columns of [`ISSUE_TYPES`].
pub(in crate::github) mod issue_type {
    pub(in crate::github) const ORG: usize = 0;
    pub(in crate::github) const NAME: usize = 1;
    pub(in crate::github) const ID: usize = 2;
    pub(in crate::github) const NODE_ID: usize = 3;
    pub(in crate::github) const DESCRIPTION: usize = 4;
    pub(in crate::github) const COLOR: usize = 5;
    pub(in crate::github) const IS_ENABLED: usize = 6;
    pub(in crate::github) const CREATED_AT: usize = 7;
    pub(in crate::github) const UPDATED_AT: usize = 8;
}

/// Types of an organisation in order of their making.
pub(in crate::github) const ISSUE_TYPES_BY_ORG: usize = 0;

/// The colours of types and of options.
pub(in crate::github) const COLORS: &[&str] = &[
    "gray", "blue", "green", "yellow", "orange", "red", "pink", "purple",
];

const COLUMNS: &[Column; 9] = &[
    Column::new("org", TEXT, "The organisation.")
        .required()
        .of("users"),
    Column::new("name", TEXT, "The name.").required(),
    Column::new("id", INT, "GitHub's number; generated where absent."),
    Column::new(
        "node_id",
        TEXT,
        "The GraphQL id; follows from `id` where absent.",
    ),
    Column::new("description", TEXT, "What it is for."),
    Column::new("color", TEXT, "The colour.").one_of(COLORS),
    Column::new("is_enabled", BOOL, "Whether issues can get it.").or(Standard::Bool(true)),
    Column::new(
        "created_at",
        TIME,
        "When it was made; 400 days ago where absent.",
    ),
    Column::new(
        "updated_at",
        TIME,
        "When it changed last; `created_at` where absent.",
    ),
];

/// The table of a seed document.
pub(super) const SEED: SeedTable = SeedTable {
    name: "issue_types",
    key: "org:name",
    fields: &seed_fields(COLUMNS),
};

/// The table.
pub(super) const TABLE: Table = Table {
    seed: &SEED,
    columns: COLUMNS,
    key: &[By::Folded(issue_type::ORG), By::Folded(issue_type::NAME)],
    indexes: &[Index {
        group: &[By::Folded(issue_type::ORG)],
        order: &[By::Column(issue_type::ID)],
    }],
    name_of: |row| {
        format!(
            "{}:{}",
            row.text(issue_type::ORG),
            row.text(issue_type::NAME)
        )
    },
    find: org_key,
    id: Some((issue_type::ID, 24_000_000)),
    prose: &[],
    render: render::field::issue_type,
};

/// What binds it to other tables.
pub(super) const RELATIONS: &[Relation] = &[Relation {
    from: ISSUE_TYPES,
    to: USERS,
    index: ISSUE_TYPES_BY_ORG,
    on_delete: OnDelete::Remove,
}];

/// The key of what an organisation has by name, `acme:Bug`.
pub(in crate::github) fn org_key(name: &str) -> Option<Key> {
    let (org, name) = name.split_once(':')?;
    (!name.is_empty()).then(|| Key::new([folded(org), folded(name)]))
}
