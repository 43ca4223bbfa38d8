//! Runs of workflows.

use archal_core::clone::SeedTable;

use super::{BOOL, INT, TEXT, TIME, WORKFLOW_RUNS, WORKFLOWS};
use crate::engine::key::{Key, Part, folded};
use crate::engine::table::{By, Column, Index, OnDelete, Relation, Standard, Table, seed_fields};
use crate::github::render;

/// Columns of [`super::WORKFLOW_RUNS`].
pub(in crate::github) mod run {
    pub(in crate::github) const WORKFLOW: usize = 0;
    pub(in crate::github) const ID: usize = 1;
    pub(in crate::github) const NODE_ID: usize = 2;
    pub(in crate::github) const NUMBER: usize = 3;
    pub(in crate::github) const ATTEMPT: usize = 4;
    pub(in crate::github) const EVENT: usize = 5;
    pub(in crate::github) const STATUS: usize = 6;
    pub(in crate::github) const CONCLUSION: usize = 7;
    pub(in crate::github) const BRANCH: usize = 8;
    pub(in crate::github) const SHA: usize = 9;
    pub(in crate::github) const TITLE: usize = 10;
    pub(in crate::github) const ACTOR: usize = 11;
    pub(in crate::github) const TRIGGERING_ACTOR: usize = 12;
    pub(in crate::github) const CREATED_AT: usize = 13;
    pub(in crate::github) const STARTED_AT: usize = 14;
    pub(in crate::github) const UPDATED_AT: usize = 15;
    pub(in crate::github) const LOGS_DELETED: usize = 16;
}

/// Runs of a repository.
pub(in crate::github) const RUNS_BY_REPO: usize = 0;
/// Runs of a workflow.
pub(in crate::github) const RUNS_BY_WORKFLOW: usize = 1;

const COLUMNS: &[Column; 17] = &[
    Column::new(
        "workflow",
        TEXT,
        "The workflow, `acme/webapp:.github/workflows/ci.yml`.",
    )
    .required()
    .of("workflows"),
    Column::new(
        "id",
        INT,
        "GitHub's number, by which jobs and artifacts refer to it; generated where absent.",
    ),
    Column::new(
        "node_id",
        TEXT,
        "The GraphQL id; follows from `id` where absent.",
    ),
    Column::new(
        "run_number",
        INT,
        "Its number among the runs of its workflow; the next one where absent.",
    ),
    Column::new("run_attempt", INT, "Which attempt.").or(Standard::Int(1)),
    Column::new("event", TEXT, "What started it.").or(Standard::Text("push")),
    Column::new("status", TEXT, "How far it is.")
        .one_of(&[
            "completed",
            "in_progress",
            "pending",
            "queued",
            "requested",
            "waiting",
        ])
        .or(Standard::Text("completed"))
        .proved(),
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
        "stale",
        "success",
        "timed_out",
    ])
    .proved(),
    Column::new(
        "head_branch",
        TEXT,
        "The branch; the default branch where absent.",
    ),
    Column::new(
        "head_sha",
        TEXT,
        "The commit; that of the branch where absent.",
    ),
    Column::new(
        "display_title",
        TEXT,
        "What it is shown as; the workflow's name where absent.",
    ),
    Column::new("actor", TEXT, "Who started it; the actor where absent.").of("users"),
    Column::new(
        "triggering_actor",
        TEXT,
        "Who started the attempt; `actor` where absent.",
    )
    .of("users"),
    Column::new(
        "created_at",
        TIME,
        "When it was made; a day ago where absent.",
    ),
    Column::new(
        "run_started_at",
        TIME,
        "When the attempt began; `created_at` where absent.",
    ),
    Column::new(
        "updated_at",
        TIME,
        "When it changed last; `run_started_at` where absent.",
    ),
    Column::new("logs_deleted", BOOL, "Whether its logs were deleted.").or(Standard::Bool(false)),
];

/// The table of a seed document.
pub(super) const SEED: SeedTable = SeedTable {
    name: "workflow_runs",
    key: "owner/repo:run-id",
    fields: &seed_fields(COLUMNS),
};

/// The table.
pub(super) const TABLE: Table = Table {
    seed: &SEED,
    columns: COLUMNS,
    key: &[By::Before(run::WORKFLOW, ':'), By::Column(run::ID)],
    indexes: &[
        Index {
            group: &[By::Before(run::WORKFLOW, ':')],
            order: &[By::Column(run::CREATED_AT), By::Column(run::ID)],
        },
        Index {
            group: &[
                By::Before(run::WORKFLOW, ':'),
                By::AfterAsIs(run::WORKFLOW, ':'),
            ],
            order: &[By::Column(run::CREATED_AT), By::Column(run::ID)],
        },
    ],
    name_of: |row| run_name(row.text(run::WORKFLOW), row.int(run::ID)),
    find: run_key,
    id: Some((run::ID, 30_433_000_000)),
    prose: &[run::TITLE],
    render: render::actions::run,
};

/// What binds it to other tables.
pub(super) const RELATIONS: &[Relation] = &[Relation {
    from: WORKFLOW_RUNS,
    to: WORKFLOWS,
    index: RUNS_BY_WORKFLOW,
    on_delete: OnDelete::Remove,
}];

/// A run as seeds name it, `acme/webapp:30433642`; `of` is its workflow, or whatever begins with
/// its repository and a colon.
pub(in crate::github) fn run_name(of: &str, id: i64) -> String {
    let repo = of.split_once(':').map_or(of, |(repo, _)| repo);
    format!("{repo}:{id}")
}

/// The key of a run, a job or an artifact as seeds write it.
pub(in crate::github) fn run_key(name: &str) -> Option<Key> {
    let (repo, id) = name.split_once(':')?;
    Some(Key::new([folded(repo), Part::Int(id.parse().ok()?)]))
}
