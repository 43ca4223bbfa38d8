//! Fields that the issues of an organisation have.

use archal_core::clone::SeedTable;

use super::{INT, ISSUE_FIELDS, TEXT, TEXTS, TIME, USERS, org_key};
use crate::engine::table::{By, Column, Index, OnDelete, Relation, Standard, Table, seed_fields};
use crate::github::render;

/// Columns of [`ISSUE_FIELDS`].
pub(in crate::github) mod issue_field {
    pub(in crate::github) const ORG: usize = 0;
    pub(in crate::github) const NAME: usize = 1;
    pub(in crate::github) const ID: usize = 2;
    pub(in crate::github) const NODE_ID: usize = 3;
    pub(in crate::github) const DESCRIPTION: usize = 4;
    pub(in crate::github) const DATA_TYPE: usize = 5;
    pub(in crate::github) const VISIBILITY: usize = 6;
    pub(in crate::github) const OPTIONS: usize = 7;
    pub(in crate::github) const OPTION_COLORS: usize = 8;
    pub(in crate::github) const OPTION_DESCRIPTIONS: usize = 9;
    pub(in crate::github) const CREATED_AT: usize = 10;
    pub(in crate::github) const UPDATED_AT: usize = 11;
}

/// Fields of an organisation in order of their making.
pub(in crate::github) const ISSUE_FIELDS_BY_ORG: usize = 0;

const COLUMNS: &[Column; 12] = &[
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
    Column::new("data_type", TEXT, "What it holds.")
        .one_of(&["text", "date", "single_select", "multi_select", "number"])
        .or(Standard::Text("text")),
    Column::new("visibility", TEXT, "Who sees it.")
        .one_of(&["organization_members_only", "all"])
        .or(Standard::Text("all")),
    Column::new("options", TEXTS, "The names to choose from, in order.").or(Standard::Empty),
    Column::new(
        "option_colors",
        TEXTS,
        "The colours of the options, in the same order; gray where absent.",
    )
    .or(Standard::Empty),
    Column::new(
        "option_descriptions",
        TEXTS,
        "What the options mean, in the same order.",
    )
    .or(Standard::Empty),
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
    name: "issue_fields",
    key: "org:name",
    fields: &seed_fields(COLUMNS),
};

/// The table.
pub(super) const TABLE: Table = Table {
    seed: &SEED,
    columns: COLUMNS,
    key: &[By::Folded(issue_field::ORG), By::Folded(issue_field::NAME)],
    indexes: &[Index {
        group: &[By::Folded(issue_field::ORG)],
        order: &[By::Column(issue_field::ID)],
    }],
    name_of: |row| {
        format!(
            "{}:{}",
            row.text(issue_field::ORG),
            row.text(issue_field::NAME)
        )
    },
    find: org_key,
    id: Some((issue_field::ID, 1_200_000)),
    prose: &[],
    render: render::field::field,
};

/// What binds it to other tables.
pub(super) const RELATIONS: &[Relation] = &[Relation {
    from: ISSUE_FIELDS,
    to: USERS,
    index: ISSUE_FIELDS_BY_ORG,
    on_delete: OnDelete::Remove,
}];
