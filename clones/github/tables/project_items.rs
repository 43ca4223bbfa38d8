//! Items of projects.

use archal_core::clone::SeedTable;

use super::in_project_key;
use super::{INT, ISSUES, PROJECT_ITEMS, PROJECTS, TEXT, TIME};
use crate::engine::table::{By, Column, Index, OnDelete, Relation, Standard, Table, seed_fields};
use crate::github::render::unrendered;
use archal_core::clone::{FieldKind, ViewField};

/// Columns of [`super::PROJECT_ITEMS`].
pub(in crate::github) mod project_item {
    pub(in crate::github) const PROJECT: usize = 0;
    pub(in crate::github) const ID: usize = 1;
    pub(in crate::github) const NODE_ID: usize = 2;
    pub(in crate::github) const ISSUE: usize = 3;
    pub(in crate::github) const TITLE: usize = 4;
    pub(in crate::github) const BODY: usize = 5;
    pub(in crate::github) const CREATOR: usize = 6;
    pub(in crate::github) const VALUES: usize = 7;
    pub(in crate::github) const ARCHIVED_AT: usize = 8;
    pub(in crate::github) const CREATED_AT: usize = 9;
    pub(in crate::github) const UPDATED_AT: usize = 10;
}

/// Items of a project.
pub(in crate::github) const ITEMS_BY_PROJECT: usize = 0;
/// Items of an issue.
pub(in crate::github) const ITEMS_BY_ISSUE: usize = 1;

const COLUMNS: &[Column; 11] = &[
    Column::new("project", TEXT, "The project, `acme/3`.")
        .required()
        .of("projects"),
    Column::new("id", INT, "GitHub's number; generated where absent."),
    Column::new(
        "node_id",
        TEXT,
        "The GraphQL id; follows from `id` where absent.",
    ),
    Column::new(
        "issue",
        TEXT,
        "The issue or pull request, `acme/webapp#7`; none where it is a draft.",
    )
    .of("issues"),
    Column::new("title", TEXT, "The title of a draft."),
    Column::new("body", TEXT, "The text of a draft."),
    Column::new("creator", TEXT, "Who added it; the actor where absent.").of("users"),
    Column::new("values", VALUES, "What it holds in which field.").or(Standard::Empty),
    Column::new("archived_at", TIME, "When it was archived."),
    Column::new(
        "created_at",
        TIME,
        "When it was added; 30 days ago where absent.",
    ),
    Column::new(
        "updated_at",
        TIME,
        "When it changed last; `created_at` where absent.",
    ),
];

/// The table of a seed document.
pub(super) const SEED: SeedTable = SeedTable {
    name: "project_items",
    key: "owner/number:item-id",
    fields: &seed_fields(COLUMNS),
};

/// The table.
pub(super) const TABLE: Table = Table {
    seed: &SEED,
    columns: COLUMNS,
    key: &[
        By::Before(project_item::PROJECT, '/'),
        By::NumberAfter(project_item::PROJECT, '/'),
        By::Column(project_item::ID),
    ],
    indexes: &[
        Index {
            group: &[
                By::Before(project_item::PROJECT, '/'),
                By::NumberAfter(project_item::PROJECT, '/'),
            ],
            order: &[By::Column(project_item::ID)],
        },
        Index {
            group: &[
                By::Before(project_item::ISSUE, '#'),
                By::NumberAfter(project_item::ISSUE, '#'),
            ],
            order: &[
                By::Before(project_item::PROJECT, '/'),
                By::NumberAfter(project_item::PROJECT, '/'),
                By::Column(project_item::ID),
            ],
        },
    ],
    name_of: |row| {
        format!(
            "{}:{}",
            row.text(project_item::PROJECT),
            row.int(project_item::ID)
        )
    },
    find: in_project_key,
    id: Some((project_item::ID, 130_000_000)),
    prose: &[project_item::TITLE, project_item::BODY],
    render: unrendered,
};

/// What binds it to other tables.
pub(super) const RELATIONS: &[Relation] = &[
    Relation {
        from: PROJECT_ITEMS,
        to: PROJECTS,
        index: ITEMS_BY_PROJECT,
        on_delete: OnDelete::Remove,
    },
    Relation {
        from: PROJECT_ITEMS,
        to: ISSUES,
        index: ITEMS_BY_ISSUE,
        on_delete: OnDelete::Remove,
    },
];

const VALUES: FieldKind = FieldKind::List(&FieldKind::Object(&[
    ViewField {
        name: "field",
        kind: FieldKind::Text,
        nullable: false,
    },
    ViewField {
        name: "value",
        kind: FieldKind::Text,
        nullable: false,
    },
]));
