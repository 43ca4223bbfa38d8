//! Repositories.

use archal_core::clone::SeedTable;

use super::{BOOL, INT, TEXT, TEXTS, TIME};
use crate::engine::key::Key;
use crate::engine::table::{By, Column, Index, Standard, Table, seed_fields};
use crate::github::render;

/// Columns of [`REPOS`].
pub(in crate::github) mod repo {
    pub(in crate::github) const FULL_NAME: usize = 0;
    pub(in crate::github) const ID: usize = 1;
    pub(in crate::github) const NODE_ID: usize = 2;
    pub(in crate::github) const OWNER: usize = 3;
    pub(in crate::github) const PRIVATE: usize = 4;
    pub(in crate::github) const DESCRIPTION: usize = 5;
    pub(in crate::github) const HOMEPAGE: usize = 6;
    pub(in crate::github) const LANGUAGE: usize = 7;
    pub(in crate::github) const TOPICS: usize = 8;
    pub(in crate::github) const FORK: usize = 9;
    pub(in crate::github) const ARCHIVED: usize = 10;
    pub(in crate::github) const HAS_ISSUES: usize = 11;
    pub(in crate::github) const DEFAULT_BRANCH: usize = 12;
    pub(in crate::github) const STARGAZERS: usize = 13;
    pub(in crate::github) const FORKS: usize = 14;
    pub(in crate::github) const SIZE: usize = 15;
    pub(in crate::github) const PERMISSION: usize = 16;
    pub(in crate::github) const COLLABORATORS: usize = 17;
    pub(in crate::github) const NEXT_ISSUE_NUMBER: usize = 18;
    pub(in crate::github) const CREATED_AT: usize = 19;
    pub(in crate::github) const UPDATED_AT: usize = 20;
    pub(in crate::github) const PUSHED_AT: usize = 21;
}

/// Repositories of an owner, by name.
pub(in crate::github) const REPOS_BY_OWNER: usize = 0;

const COLUMNS: &[Column; 22] = &[
    Column::new("full_name", TEXT, "Owner and name, `acme/webapp`.").required(),
    Column::new("id", INT, "GitHub's number; generated where absent."),
    Column::new("node_id", TEXT, "The GraphQL id; follows from `id` where absent."),
    Column::new("owner", TEXT, "The owner; follows from `full_name` where absent.").of("users"),
    Column::new("private", BOOL, "Whether only members see it.").or(Standard::Bool(false)),
    Column::new("description", TEXT, "One line about it."),
    Column::new("homepage", TEXT, "Its website."),
    Column::new("language", TEXT, "The main language."),
    Column::new("topics", TEXTS, "Its topics.").or(Standard::Empty),
    Column::new("fork", BOOL, "Whether it is a fork.").or(Standard::Bool(false)),
    Column::new("archived", BOOL, "Whether it takes no writes any more.").or(Standard::Bool(false)),
    Column::new("has_issues", BOOL, "Whether it has issues.").or(Standard::Bool(true)),
    Column::new("default_branch", TEXT, "The default branch.").or(Standard::Text("main")),
    Column::new("stargazers_count", INT, "How many starred it.").or(Standard::Int(0)),
    Column::new("forks_count", INT, "How many forked it.").or(Standard::Int(0)),
    Column::new("size", INT, "Its size in KB.").or(Standard::Int(0)),
    Column::new(
        "permission",
        TEXT,
        "What the actor may do; `admin` in the actor's own and in organisations, `pull` elsewhere where absent.",
    )
    .one_of(&["none", "pull", "triage", "push", "maintain", "admin"]),
    Column::new(
        "collaborators",
        TEXTS,
        "Who can be assigned beside a user who owns it; everybody in `users` where absent.",
    )
    .of("users"),
    Column::new(
        "next_issue_number",
        INT,
        "The least number of a new issue, where issues that are not in the seed took some.",
    ),
    Column::new("created_at", TIME, "When it was made; 400 days ago where absent."),
    Column::new("updated_at", TIME, "When it changed last; `created_at` where absent."),
    Column::new("pushed_at", TIME, "When it was pushed to last; `updated_at` where absent."),
];

/// The table of a seed document.
pub(super) const SEED: SeedTable = SeedTable {
    name: "repos",
    key: "owner/repo",
    fields: &seed_fields(COLUMNS),
};

/// The table.
pub(super) const TABLE: Table = Table {
    seed: &SEED,
    columns: COLUMNS,
    key: &[By::Folded(repo::FULL_NAME)],
    indexes: &[Index {
        group: &[By::Before(repo::FULL_NAME, '/')],
        order: &[By::Folded(repo::FULL_NAME)],
    }],
    name_of: |row| row.text(repo::FULL_NAME).to_owned(),
    find: repo_key,
    id: Some((repo::ID, 760_000_000)),
    prose: &[],
    render: render::repo::unrendered,
};

/// The key of a repository by its full name.
pub(in crate::github) fn repo_key(name: &str) -> Option<Key> {
    let (owner, repo) = name.split_once('/')?;
    let fits = !owner.is_empty() && !repo.is_empty() && !repo.contains(['/', '#', ':']);
    fits.then(|| Key::folded(name))
}

/// The owner's half of a full name.
pub(in crate::github) fn owner_of(full_name: &str) -> &str {
    full_name
        .split_once('/')
        .map_or(full_name, |(owner, _)| owner)
}

/// The second half of a full name.
pub(in crate::github) fn name_of(full_name: &str) -> &str {
    full_name
        .split_once('/')
        .map_or(full_name, |(_, name)| name)
}
