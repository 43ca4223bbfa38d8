//! Stars that users gave repositories.

use archal_core::clone::SeedTable;

use super::{REPOS, STARS, TEXT, TIME, USERS};
use super::{pair_key, pair_name};
use crate::engine::table::{By, Column, Index, OnDelete, Relation, Table, seed_fields};
use crate::github::render::unrendered;

/// Columns of [`super::STARS`].
pub(in crate::github) mod star {
    pub(in crate::github) const USER: usize = 0;
    pub(in crate::github) const REPO: usize = 1;
    pub(in crate::github) const STARRED_AT: usize = 2;
}

/// Stars of a user, oldest first.
pub(in crate::github) const STARS_BY_USER: usize = 0;
/// Stars of a repository, oldest first.
pub(in crate::github) const STARS_BY_REPO: usize = 1;

const COLUMNS: &[Column; 3] = &[
    Column::new("user", TEXT, "Who gave it.")
        .required()
        .of("users"),
    Column::new("repo", TEXT, "The repository.")
        .required()
        .of("repos"),
    Column::new("starred_at", TIME, "When; 10 days ago where absent."),
];

/// The table of a seed document.
pub(super) const SEED: SeedTable = SeedTable {
    name: "stars",
    key: "user/owner/repo",
    fields: &seed_fields(COLUMNS),
};

/// The table.
pub(super) const TABLE: Table = Table {
    seed: &SEED,
    columns: COLUMNS,
    key: &[By::Folded(star::USER), By::Folded(star::REPO)],
    indexes: &[
        Index {
            group: &[By::Folded(star::USER)],
            order: &[By::Column(star::STARRED_AT), By::Folded(star::REPO)],
        },
        Index {
            group: &[By::Folded(star::REPO)],
            order: &[By::Column(star::STARRED_AT), By::Folded(star::USER)],
        },
    ],
    name_of: pair_name,
    find: pair_key,
    id: None,
    prose: &[],
    render: unrendered,
};

/// What binds it to other tables.
pub(super) const RELATIONS: &[Relation] = &[
    Relation {
        from: STARS,
        to: USERS,
        index: STARS_BY_USER,
        on_delete: OnDelete::Remove,
    },
    Relation {
        from: STARS,
        to: REPOS,
        index: STARS_BY_REPO,
        on_delete: OnDelete::Remove,
    },
];
