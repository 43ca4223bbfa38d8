//! Check runs.

use archal_core::clone::SeedTable;

use super::check_suites::{CONCLUSIONS, STATUSES_OF_CHECKS};
use super::{CHECK_RUNS, CHECK_SUITES, INT, TEXT, TIME};
use crate::engine::key::{Key, Part, folded};
use crate::engine::table::{By, Column, Index, OnDelete, Relation, Standard, Table, seed_fields};
use crate::github::render;

/// Columns of [`CHECK_RUNS`].
pub(in crate::github) mod check_run {
    pub(in crate::github) const REPO: usize = 0;
    pub(in crate::github) const NAME: usize = 1;
    pub(in crate::github) const HEAD_SHA: usize = 2;
    pub(in crate::github) const ID: usize = 3;
    pub(in crate::github) const NODE_ID: usize = 4;
    pub(in crate::github) const SUITE: usize = 5;
    pub(in crate::github) const STATUS: usize = 6;
    pub(in crate::github) const CONCLUSION: usize = 7;
    pub(in crate::github) const APP: usize = 8;
    pub(in crate::github) const EXTERNAL_ID: usize = 9;
    pub(in crate::github) const DETAILS_URL: usize = 10;
    pub(in crate::github) const OUTPUT_TITLE: usize = 11;
    pub(in crate::github) const OUTPUT_SUMMARY: usize = 12;
    pub(in crate::github) const OUTPUT_TEXT: usize = 13;
    pub(in crate::github) const ANNOTATIONS: usize = 14;
    pub(in crate::github) const STARTED_AT: usize = 15;
    pub(in crate::github) const COMPLETED_AT: usize = 16;
}

/// Check runs of a suite, by number.
pub(in crate::github) const CHECK_RUNS_BY_SUITE: usize = 0;

/// Check runs of a commit, by number.
pub(in crate::github) const CHECK_RUNS_BY_COMMIT: usize = 1;

const COLUMNS: &[Column; 17] = &[
    Column::new("repo", TEXT, "The repository, `acme/webapp`.")
        .required()
        .of("repos"),
    Column::new("name", TEXT, "The name of the check.").required(),
    Column::new(
        "head_sha",
        TEXT,
        "The commit; a branch or a tag stands for its commit.",
    )
    .required(),
    Column::new("id", INT, "GitHub's number; generated where absent."),
    Column::new(
        "node_id",
        TEXT,
        "The GraphQL id; follows from `id` where absent.",
    ),
    Column::new(
        "check_suite_id",
        INT,
        "The suite, by its `id`; the one of the commit and app where absent, made where there is none.",
    ),
    Column::new(
        "status",
        TEXT,
        "How far it is; `completed` where it has a conclusion and nothing is said.",
    )
    .one_of(STATUSES_OF_CHECKS),
    Column::new("conclusion", TEXT, "What came of it.").one_of(CONCLUSIONS),
    Column::new("app", TEXT, "The slug of the app that runs it.")
        .or(Standard::Text("github-actions")),
    Column::new("external_id", TEXT, "The app's own name for it."),
    Column::new("details_url", TEXT, "Where more is to be read."),
    Column::new("output_title", TEXT, "The title of its output."),
    Column::new(
        "output_summary",
        TEXT,
        "The summary of its output, in Markdown.",
    ),
    Column::new("output_text", TEXT, "The rest of its output, in Markdown."),
    Column::new(
        "annotations",
        TEXT,
        "The notes on lines of files, as a JSON list.",
    ),
    Column::new("started_at", TIME, "When it began; 1 day ago where absent."),
    Column::new(
        "completed_at",
        TIME,
        "When it ended; `started_at` where absent and completed.",
    ),
];

/// The table of a seed document.
pub(super) const SEED: SeedTable = SeedTable {
    name: "check_runs",
    key: "owner/repo:id",
    fields: &seed_fields(COLUMNS),
};

/// The table.
pub(super) const TABLE: Table = Table {
    seed: &SEED,
    columns: COLUMNS,
    key: &[By::Folded(check_run::REPO), By::Column(check_run::ID)],
    indexes: &[
        Index {
            group: &[By::Folded(check_run::REPO), By::Column(check_run::SUITE)],
            order: &[By::Column(check_run::ID)],
        },
        Index {
            group: &[By::Folded(check_run::REPO), By::Column(check_run::HEAD_SHA)],
            order: &[By::Column(check_run::ID)],
        },
    ],
    name_of: |row| format!("{}:{}", row.text(check_run::REPO), row.int(check_run::ID)),
    find: check_run_key,
    id: Some((check_run::ID, 52000000000)),
    prose: &[
        check_run::OUTPUT_TITLE,
        check_run::OUTPUT_SUMMARY,
        check_run::OUTPUT_TEXT,
    ],
    render: render::check::run,
};

/// What binds it to other tables.
pub(super) const RELATIONS: &[Relation] = &[Relation {
    from: CHECK_RUNS,
    to: CHECK_SUITES,
    index: CHECK_RUNS_BY_SUITE,
    on_delete: OnDelete::Remove,
}];

/// The key as people write it, `acme/webapp:7`.
pub(in crate::github) fn check_run_key(name: &str) -> Option<Key> {
    let (repo, id) = name.rsplit_once(':')?;
    Some(Key::new([folded(repo), Part::Int(id.parse().ok()?)]))
}
