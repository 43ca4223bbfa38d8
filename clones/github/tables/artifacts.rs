//! Artifacts of workflow runs.

use archal_core::clone::SeedTable;

use super::{ARTIFACTS, BOOL, INT, TEXT, TIME, WORKFLOW_RUNS};
use super::{run_key, run_name};
use crate::engine::table::{By, Column, Index, OnDelete, Relation, Standard, Table, seed_fields};
use crate::github::render;

/// Columns of [`super::ARTIFACTS`].
pub(in crate::github) mod artifact {
    pub(in crate::github) const RUN: usize = 0;
    pub(in crate::github) const ID: usize = 1;
    pub(in crate::github) const NODE_ID: usize = 2;
    pub(in crate::github) const NAME: usize = 3;
    pub(in crate::github) const FILE: usize = 4;
    pub(in crate::github) const CONTENT: usize = 5;
    pub(in crate::github) const EXPIRED: usize = 6;
    pub(in crate::github) const CREATED_AT: usize = 7;
    pub(in crate::github) const EXPIRES_AT: usize = 8;
}

/// Artifacts of a run.
pub(in crate::github) const ARTIFACTS_BY_RUN: usize = 0;
/// Artifacts of a repository.
pub(in crate::github) const ARTIFACTS_BY_REPO: usize = 1;

const COLUMNS: &[Column; 9] = &[
    Column::new("run", TEXT, "The run, `acme/webapp:30433642`.")
        .required()
        .of("workflow_runs"),
    Column::new("id", INT, "GitHub's number; generated where absent."),
    Column::new(
        "node_id",
        TEXT,
        "The GraphQL id; follows from `id` where absent.",
    ),
    Column::new("name", TEXT, "The name.").required(),
    Column::new(
        "file",
        TEXT,
        "The file in it; `name` with `.txt` where absent.",
    ),
    Column::new("content", TEXT, "What is in the file.").or(Standard::Text("")),
    Column::new("expired", BOOL, "Whether it has expired.").or(Standard::Bool(false)),
    Column::new(
        "created_at",
        TIME,
        "When it was made; when the run changed last where absent.",
    ),
    Column::new(
        "expires_at",
        TIME,
        "When it expires; 90 days after `created_at` where absent.",
    ),
];

/// The table of a seed document.
pub(super) const SEED: SeedTable = SeedTable {
    name: "artifacts",
    key: "owner/repo:artifact-id",
    fields: &seed_fields(COLUMNS),
};

/// The table.
pub(super) const TABLE: Table = Table {
    seed: &SEED,
    columns: COLUMNS,
    key: &[By::Before(artifact::RUN, ':'), By::Column(artifact::ID)],
    indexes: &[
        Index {
            group: &[
                By::Before(artifact::RUN, ':'),
                By::NumberAfter(artifact::RUN, ':'),
            ],
            order: &[By::Column(artifact::ID)],
        },
        Index {
            group: &[By::Before(artifact::RUN, ':')],
            order: &[By::Column(artifact::ID)],
        },
    ],
    name_of: |row| run_name(row.text(artifact::RUN), row.int(artifact::ID)),
    find: run_key,
    id: Some((artifact::ID, 7_600_000_000)),
    prose: &[artifact::CONTENT],
    render: render::actions::artifact,
};

/// What binds it to other tables.
pub(super) const RELATIONS: &[Relation] = &[Relation {
    from: ARTIFACTS,
    to: WORKFLOW_RUNS,
    index: ARTIFACTS_BY_RUN,
    on_delete: OnDelete::Remove,
}];
