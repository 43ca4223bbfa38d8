//! Statuses of commits.

use archal_core::clone::SeedTable;

use super::{INT, REPOS, STATUSES, TEXT, TIME};
use crate::engine::key::{Key, Part, folded};
use crate::engine::table::{By, Column, Index, OnDelete, Relation, Standard, Table, seed_fields};
use crate::github::render;

/// Columns of [`STATUSES`].
pub(in crate::github) mod status {
    pub(in crate::github) const REPO: usize = 0;
    pub(in crate::github) const SHA: usize = 1;
    pub(in crate::github) const STATE: usize = 2;
    pub(in crate::github) const ID: usize = 3;
    pub(in crate::github) const NODE_ID: usize = 4;
    pub(in crate::github) const CONTEXT: usize = 5;
    pub(in crate::github) const DESCRIPTION: usize = 6;
    pub(in crate::github) const TARGET_URL: usize = 7;
    pub(in crate::github) const CREATOR: usize = 8;
    pub(in crate::github) const CREATED_AT: usize = 9;
    pub(in crate::github) const UPDATED_AT: usize = 10;
}

/// Statuses of a repository, by number.
pub(in crate::github) const STATUSES_BY_REPO: usize = 0;

/// Statuses of a commit, by number.
pub(in crate::github) const STATUSES_BY_COMMIT: usize = 1;

const COLUMNS: &[Column; 11] = &[
    Column::new("repo", TEXT, "The repository, `acme/webapp`.")
        .required()
        .of("repos"),
    Column::new(
        "sha",
        TEXT,
        "The commit; a branch or a tag stands for its commit.",
    )
    .required(),
    Column::new("state", TEXT, "What came of it.")
        .required()
        .one_of(&["error", "failure", "pending", "success"]),
    Column::new("id", INT, "GitHub's number; generated where absent."),
    Column::new(
        "node_id",
        TEXT,
        "The GraphQL id; follows from `id` where absent.",
    ),
    Column::new(
        "context",
        TEXT,
        "What tells it from other statuses of the commit.",
    )
    .or(Standard::Text("default")),
    Column::new("description", TEXT, "One line about it."),
    Column::new("target_url", TEXT, "Where more is to be read."),
    Column::new("creator", TEXT, "Who set it; the actor where absent.").of("users"),
    Column::new(
        "created_at",
        TIME,
        "When it was set; 1 day ago where absent.",
    ),
    Column::new(
        "updated_at",
        TIME,
        "When it changed last; `created_at` where absent.",
    ),
];

/// The table of a seed document.
pub(super) const SEED: SeedTable = SeedTable {
    name: "statuses",
    key: "owner/repo:id",
    fields: &seed_fields(COLUMNS),
};

/// The table.
pub(super) const TABLE: Table = Table {
    seed: &SEED,
    columns: COLUMNS,
    key: &[By::Folded(status::REPO), By::Column(status::ID)],
    indexes: &[
        Index {
            group: &[By::Folded(status::REPO)],
            order: &[By::Column(status::ID)],
        },
        Index {
            group: &[By::Folded(status::REPO), By::Column(status::SHA)],
            order: &[By::Column(status::ID)],
        },
    ],
    name_of: |row| format!("{}:{}", row.text(status::REPO), row.int(status::ID)),
    find: status_key,
    id: Some((status::ID, 32000000000)),
    prose: &[status::DESCRIPTION],
    render: render::status::status,
};

/// What binds it to other tables.
pub(super) const RELATIONS: &[Relation] = &[Relation {
    from: STATUSES,
    to: REPOS,
    index: STATUSES_BY_REPO,
    on_delete: OnDelete::Remove,
}];

/// The key as people write it, `acme/webapp:7`.
pub(in crate::github) fn status_key(name: &str) -> Option<Key> {
    let (repo, id) = name.rsplit_once(':')?;
    Some(Key::new([folded(repo), Part::Int(id.parse().ok()?)]))
}
