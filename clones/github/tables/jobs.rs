//! Jobs of workflow runs.

use archal_core::clone::SeedTable;

use super::{INT, JOBS, TEXT, TEXTS, TIME, WORKFLOW_RUNS};
use super::{run_key, run_name};
use crate::engine::table::{By, Column, Index, OnDelete, Relation, Standard, Table, seed_fields};
use crate::github::render;
use archal_core::clone::{FieldKind, ViewField};

/// Columns of [`super::JOBS`].
pub(in crate::github) mod job {
    pub(in crate::github) const RUN: usize = 0;
    pub(in crate::github) const ID: usize = 1;
    pub(in crate::github) const NODE_ID: usize = 2;
    pub(in crate::github) const NAME: usize = 3;
    pub(in crate::github) const ATTEMPT: usize = 4;
    pub(in crate::github) const STATUS: usize = 5;
    pub(in crate::github) const CONCLUSION: usize = 6;
    pub(in crate::github) const STEPS: usize = 7;
    pub(in crate::github) const LOG: usize = 8;
    pub(in crate::github) const LABELS: usize = 9;
    pub(in crate::github) const CREATED_AT: usize = 10;
    pub(in crate::github) const STARTED_AT: usize = 11;
    pub(in crate::github) const COMPLETED_AT: usize = 12;
}

/// Jobs of a run.
pub(in crate::github) const JOBS_BY_RUN: usize = 0;

const COLUMNS: &[Column; 13] = &[
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
        "run_attempt",
        INT,
        "The attempt of the run; the latest where absent.",
    ),
    Column::new("status", TEXT, "How far it is; the run's where absent.").one_of(&[
        "completed",
        "in_progress",
        "pending",
        "queued",
        "requested",
        "waiting",
    ]),
    Column::new(
        "conclusion",
        TEXT,
        "How it ended; `success` of a completed one where absent.",
    )
    .one_of(&[
        "action_required",
        "cancelled",
        "failure",
        "neutral",
        "skipped",
        "success",
        "timed_out",
    ]),
    Column::new("steps", STEPS, "Its steps, in order.").or(Standard::Empty),
    Column::new("log", TEXT, "What it printed, without the times."),
    Column::new(
        "labels",
        TEXTS,
        "What runner it asks for; `ubuntu-latest` where absent.",
    ),
    Column::new(
        "created_at",
        TIME,
        "When it was made; when the run's attempt began where absent.",
    ),
    Column::new(
        "started_at",
        TIME,
        "When it began; `created_at` where absent.",
    ),
    Column::new(
        "completed_at",
        TIME,
        "When it ended; `started_at` of a completed one where absent.",
    ),
];

/// The table of a seed document.
pub(super) const SEED: SeedTable = SeedTable {
    name: "jobs",
    key: "owner/repo:job-id",
    fields: &seed_fields(COLUMNS),
};

/// The table.
pub(super) const TABLE: Table = Table {
    seed: &SEED,
    columns: COLUMNS,
    key: &[By::Before(job::RUN, ':'), By::Column(job::ID)],
    indexes: &[Index {
        group: &[By::Before(job::RUN, ':'), By::NumberAfter(job::RUN, ':')],
        order: &[By::Column(job::ID)],
    }],
    name_of: |row| run_name(row.text(job::RUN), row.int(job::ID)),
    find: run_key,
    id: Some((job::ID, 87_100_000_000)),
    prose: &[job::LOG],
    render: render::actions::job,
};

/// What binds it to other tables.
pub(super) const RELATIONS: &[Relation] = &[Relation {
    from: JOBS,
    to: WORKFLOW_RUNS,
    index: JOBS_BY_RUN,
    on_delete: OnDelete::Remove,
}];

const STEPS: FieldKind = FieldKind::List(&FieldKind::Object(&[
    field("name", FieldKind::Text, false),
    field("status", FieldKind::Text, true),
    field("conclusion", FieldKind::Text, true),
    field("started_at", FieldKind::Time, true),
    field("completed_at", FieldKind::Time, true),
]));

const fn field(name: &'static str, kind: FieldKind, nullable: bool) -> ViewField {
    ViewField {
        name,
        kind,
        nullable,
    }
}
