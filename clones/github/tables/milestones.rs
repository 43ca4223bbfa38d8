//! Milestones.

use archal_core::clone::SeedTable;

use super::{INT, MILESTONES, REPOS, TEXT, TIME};
use crate::engine::key::{Key, Part, folded};
use crate::engine::table::{By, Column, Index, OnDelete, Relation, Standard, Table, seed_fields};
use crate::github::render;

/// Columns of [`MILESTONES`].
pub(in crate::github) mod milestone {
    pub(in crate::github) const REPO: usize = 0;
    pub(in crate::github) const NUMBER: usize = 1;
    pub(in crate::github) const ID: usize = 2;
    pub(in crate::github) const NODE_ID: usize = 3;
    pub(in crate::github) const TITLE: usize = 4;
    pub(in crate::github) const STATE: usize = 5;
    pub(in crate::github) const DESCRIPTION: usize = 6;
    pub(in crate::github) const CREATOR: usize = 7;
    pub(in crate::github) const CREATED_AT: usize = 8;
    pub(in crate::github) const UPDATED_AT: usize = 9;
    pub(in crate::github) const CLOSED_AT: usize = 10;
    pub(in crate::github) const DUE_ON: usize = 11;
    pub(in crate::github) const DUE_ON_AS_SENT: usize = 12;
}

/// Milestones of a repository, by number.
pub(in crate::github) const MILESTONES_BY_REPO: usize = 0;

const COLUMNS: &[Column; 13] = &[
    Column::new("repo", TEXT, "The repository, `acme/webapp`.")
        .required()
        .of("repos"),
    Column::new("number", INT, "The number in the repository.").required(),
    Column::new("id", INT, "GitHub's number; generated where absent."),
    Column::new(
        "node_id",
        TEXT,
        "The GraphQL id; follows from `id` where absent.",
    ),
    Column::new("title", TEXT, "The title.").required(),
    Column::new("state", TEXT, "Open or closed.")
        .one_of(&["open", "closed"])
        .or(Standard::Text("open")),
    Column::new("description", TEXT, "What it is for."),
    Column::new("creator", TEXT, "Who made it; the actor where absent.").of("users"),
    Column::new(
        "created_at",
        TIME,
        "When it was made; 60 days ago where absent.",
    ),
    Column::new(
        "updated_at",
        TIME,
        "When it changed last; `closed_at` or `created_at` where absent.",
    ),
    Column::new(
        "closed_at",
        TIME,
        "When it was closed; `updated_at` where a closed one has none.",
    ),
    Column::new("due_on", TIME, "When it is due."),
    Column::new(
        "due_on_as_sent",
        TEXT,
        "When it is due where a call said so: a client's own date is no time of this clone.",
    ),
];

/// The table of a seed document.
pub(super) const SEED: SeedTable = SeedTable {
    name: "milestones",
    key: "owner/repo/milestones/number",
    fields: &seed_fields(COLUMNS),
};

/// The table.
pub(super) const TABLE: Table = Table {
    seed: &SEED,
    columns: COLUMNS,
    key: &[By::Folded(milestone::REPO), By::Column(milestone::NUMBER)],
    indexes: &[Index {
        group: &[By::Folded(milestone::REPO)],
        order: &[By::Column(milestone::NUMBER)],
    }],
    name_of: |row| {
        let number = row.int(milestone::NUMBER);
        format!("{}/milestones/{number}", row.text(milestone::REPO))
    },
    find: |name| {
        let (repo, number) = name.split_once("/milestones/")?;
        let number = number.parse().ok().filter(|number| *number > 0)?;
        Some(milestone_key(repo, number))
    },
    id: Some((milestone::ID, 11_000_000)),
    prose: &[
        milestone::TITLE,
        milestone::DESCRIPTION,
        milestone::DUE_ON_AS_SENT,
    ],
    render: render::milestone::milestone,
};

/// What binds it to other tables.
pub(super) const RELATIONS: &[Relation] = &[Relation {
    from: MILESTONES,
    to: REPOS,
    index: MILESTONES_BY_REPO,
    on_delete: OnDelete::Remove,
}];

/// The key of a milestone of a repository.
pub(in crate::github) fn milestone_key(repo: &str, number: i64) -> Key {
    Key::new([folded(repo), Part::Int(number)])
}
