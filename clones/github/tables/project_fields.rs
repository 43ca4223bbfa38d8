//! Fields of projects.

use archal_core::clone::SeedTable;

use super::in_project_key;
use super::{INT, PROJECT_FIELDS, PROJECTS, TEXT, TEXTS, TIME};
use crate::engine::table::{By, Column, Index, OnDelete, Relation, Standard, Table, seed_fields};
use crate::github::render::unrendered;

/// Columns of [`super::PROJECT_FIELDS`].
pub(in crate::github) mod project_field {
    pub(in crate::github) const PROJECT: usize = 0;
    pub(in crate::github) const ID: usize = 1;
    pub(in crate::github) const NODE_ID: usize = 2;
    pub(in crate::github) const NAME: usize = 3;
    pub(in crate::github) const TYPE: usize = 4;
    pub(in crate::github) const OPTIONS: usize = 5;
    pub(in crate::github) const CREATED_AT: usize = 6;
    pub(in crate::github) const UPDATED_AT: usize = 7;
}

/// Fields of a project.
pub(in crate::github) const FIELDS_BY_PROJECT: usize = 0;

const COLUMNS: &[Column; 8] = &[
    Column::new("project", TEXT, "The project, `acme/3`.")
        .required()
        .of("projects"),
    Column::new("id", INT, "GitHub's number; generated where absent."),
    Column::new(
        "node_id",
        TEXT,
        "The GraphQL id; follows from `id` where absent.",
    ),
    Column::new("name", TEXT, "The name.").required(),
    Column::new("data_type", TEXT, "What it holds.")
        .one_of(&[
            "assignees",
            "date",
            "iteration",
            "labels",
            "linked_pull_requests",
            "milestone",
            "number",
            "repository",
            "reviewers",
            "single_select",
            "text",
            "title",
        ])
        .or(Standard::Text("text")),
    Column::new("options", TEXTS, "What a single select may hold.").or(Standard::Empty),
    Column::new(
        "created_at",
        TIME,
        "When it was made; when the project was made where absent.",
    ),
    Column::new(
        "updated_at",
        TIME,
        "When it changed last; `created_at` where absent.",
    ),
];

/// The table of a seed document.
pub(super) const SEED: SeedTable = SeedTable {
    name: "project_fields",
    key: "owner/number:field-id",
    fields: &seed_fields(COLUMNS),
};

/// The table.
pub(super) const TABLE: Table = Table {
    seed: &SEED,
    columns: COLUMNS,
    key: &[
        By::Before(project_field::PROJECT, '/'),
        By::NumberAfter(project_field::PROJECT, '/'),
        By::Column(project_field::ID),
    ],
    indexes: &[Index {
        group: &[
            By::Before(project_field::PROJECT, '/'),
            By::NumberAfter(project_field::PROJECT, '/'),
        ],
        order: &[By::Column(project_field::ID)],
    }],
    name_of: |row| {
        format!(
            "{}:{}",
            row.text(project_field::PROJECT),
            row.int(project_field::ID)
        )
    },
    find: in_project_key,
    id: Some((project_field::ID, 190_000_000)),
    prose: &[],
    render: unrendered,
};

/// What binds it to other tables.
pub(super) const RELATIONS: &[Relation] = &[Relation {
    from: PROJECT_FIELDS,
    to: PROJECTS,
    index: FIELDS_BY_PROJECT,
    on_delete: OnDelete::Remove,
}];
