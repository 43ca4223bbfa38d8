//! What teams may do with repositories.

use archal_core::clone::SeedTable;

use super::{REPOS, TEAM_REPOS, TEAMS, TEXT};
use crate::engine::key::{Key, folded};
use crate::engine::table::{By, Column, Index, OnDelete, Relation, Table, seed_fields};
use crate::github::render::unrendered;

/// Columns of [`super::TEAM_REPOS`].
pub(in crate::github) mod team_repo {
    pub(in crate::github) const TEAM: usize = 0;
    pub(in crate::github) const REPO: usize = 1;
    pub(in crate::github) const PERMISSION: usize = 2;
}

/// Repositories of a team.
pub(in crate::github) const REPOS_BY_TEAM: usize = 0;
/// Teams of a repository.
pub(in crate::github) const TEAMS_BY_REPO: usize = 1;

const COLUMNS: &[Column; 3] = &[
    Column::new("team", TEXT, "The team, `acme/core`.")
        .required()
        .of("teams"),
    Column::new("repo", TEXT, "The repository.")
        .required()
        .of("repos"),
    Column::new(
        "permission",
        TEXT,
        "What the team may do with it; `permission` of the team where absent.",
    )
    .one_of(&["admin", "maintain", "pull", "push", "triage"]),
];

/// The table of a seed document.
pub(super) const SEED: SeedTable = SeedTable {
    name: "team_repos",
    key: "org/slug:owner/repo",
    fields: &seed_fields(COLUMNS),
};

/// The table.
pub(super) const TABLE: Table = Table {
    seed: &SEED,
    columns: COLUMNS,
    key: &[By::Folded(team_repo::TEAM), By::Folded(team_repo::REPO)],
    indexes: &[
        Index {
            group: &[
                By::Before(team_repo::TEAM, '/'),
                By::After(team_repo::TEAM, '/'),
            ],
            order: &[By::Folded(team_repo::REPO)],
        },
        Index {
            group: &[By::Folded(team_repo::REPO)],
            order: &[By::Folded(team_repo::TEAM)],
        },
    ],
    name_of: |row| {
        format!(
            "{}:{}",
            row.text(team_repo::TEAM),
            row.text(team_repo::REPO)
        )
    },
    find: |name| {
        let (team, repo) = name.split_once(':')?;
        Some(Key::new([folded(team), folded(repo)]))
    },
    id: None,
    prose: &[],
    render: unrendered,
};

/// What binds it to other tables.
pub(super) const RELATIONS: &[Relation] = &[
    Relation {
        from: TEAM_REPOS,
        to: TEAMS,
        index: REPOS_BY_TEAM,
        on_delete: OnDelete::Remove,
    },
    Relation {
        from: TEAM_REPOS,
        to: REPOS,
        index: TEAMS_BY_REPO,
        on_delete: OnDelete::Remove,
    },
];
