//! Check suites.

use archal_core::clone::SeedTable;

use super::{CHECK_SUITES, INT, REPOS, TEXT, TIME};
use crate::engine::key::{Key, Part, folded};
use crate::engine::table::{By, Column, Index, OnDelete, Relation, Standard, Table, seed_fields};
use crate::github::render;

/// Columns of [`CHECK_SUITES`].
pub(in crate::github) mod check_suite {
    pub(in crate::github) const REPO: usize = 0;
    pub(in crate::github) const HEAD_SHA: usize = 1;
    pub(in crate::github) const ID: usize = 2;
    pub(in crate::github) const NODE_ID: usize = 3;
    pub(in crate::github) const HEAD_BRANCH: usize = 4;
    pub(in crate::github) const APP: usize = 5;
    pub(in crate::github) const STATUS: usize = 6;
    pub(in crate::github) const CONCLUSION: usize = 7;
    pub(in crate::github) const CREATED_AT: usize = 8;
    pub(in crate::github) const UPDATED_AT: usize = 9;
}

/// Check suites of a repository, by number.
pub(in crate::github) const CHECK_SUITES_BY_REPO: usize = 0;

/// Check suites of a commit, by number.
pub(in crate::github) const CHECK_SUITES_BY_COMMIT: usize = 1;

const COLUMNS: &[Column; 10] = &[
    Column::new("repo", TEXT, "The repository, `acme/webapp`.")
        .required()
        .of("repos"),
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
    Column::new("head_branch", TEXT, "The branch it was pushed to."),
    Column::new("app", TEXT, "The slug of the app whose suite it is.")
        .or(Standard::Text("github-actions")),
    Column::new(
        "status",
        TEXT,
        "How far it is; follows from its runs where absent.",
    )
    .one_of(STATUSES_OF_CHECKS),
    Column::new(
        "conclusion",
        TEXT,
        "What came of it; follows from its runs where absent.",
    )
    .one_of(CONCLUSIONS),
    Column::new("created_at", TIME, "When it began; 1 day ago where absent."),
    Column::new(
        "updated_at",
        TIME,
        "When it changed last; `created_at` where absent.",
    ),
];

/// The table of a seed document.
pub(super) const SEED: SeedTable = SeedTable {
    name: "check_suites",
    key: "owner/repo:id",
    fields: &seed_fields(COLUMNS),
};

/// The table.
pub(super) const TABLE: Table = Table {
    seed: &SEED,
    columns: COLUMNS,
    key: &[By::Folded(check_suite::REPO), By::Column(check_suite::ID)],
    indexes: &[
        Index {
            group: &[By::Folded(check_suite::REPO)],
            order: &[By::Column(check_suite::ID)],
        },
        Index {
            group: &[
                By::Folded(check_suite::REPO),
                By::Column(check_suite::HEAD_SHA),
            ],
            order: &[By::Column(check_suite::ID)],
        },
    ],
    name_of: |row| {
        format!(
            "{}:{}",
            row.text(check_suite::REPO),
            row.int(check_suite::ID)
        )
    },
    find: check_suite_key,
    id: Some((check_suite::ID, 41000000000)),
    prose: &[],
    render: render::check::unrendered,
};

/// What binds it to other tables.
pub(super) const RELATIONS: &[Relation] = &[Relation {
    from: CHECK_SUITES,
    to: REPOS,
    index: CHECK_SUITES_BY_REPO,
    on_delete: OnDelete::Remove,
}];

/// The key as people write it, `acme/webapp:7`.
pub(in crate::github) fn check_suite_key(name: &str) -> Option<Key> {
    let (repo, id) = name.rsplit_once(':')?;
    Some(Key::new([folded(repo), Part::Int(id.parse().ok()?)]))
}

/// How far a check may be.
pub(in crate::github) const STATUSES_OF_CHECKS: &[&str] = &[
    "queued",
    "in_progress",
    "completed",
    "waiting",
    "requested",
    "pending",
];

/// What may come of a check.
pub(in crate::github) const CONCLUSIONS: &[&str] = &[
    "action_required",
    "cancelled",
    "failure",
    "neutral",
    "skipped",
    "stale",
    "success",
    "timed_out",
];
