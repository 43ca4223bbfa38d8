//! Who watches which repository, or wants to hear nothing of it.

use archal_core::clone::SeedTable;

use super::{BOOL, REPO_SUBSCRIPTIONS, REPOS, TEXT, TIME, repo_key};
use crate::engine::key::{Key, folded};
use crate::engine::table::{By, Column, Index, OnDelete, Relation, Standard, Table, seed_fields};
use crate::github::render;

/// Columns of [`REPO_SUBSCRIPTIONS`].
pub(in crate::github) mod repo_subscription {
    pub(in crate::github) const USER: usize = 0;
    pub(in crate::github) const REPO: usize = 1;
    pub(in crate::github) const SUBSCRIBED: usize = 2;
    pub(in crate::github) const IGNORED: usize = 3;
    pub(in crate::github) const CREATED_AT: usize = 4;
}

/// Subscriptions to a repository, by login.
pub(in crate::github) const SUBSCRIPTIONS_BY_REPO: usize = 0;
/// Subscriptions of a user, by repository.
pub(in crate::github) const REPO_SUBSCRIPTIONS_BY_USER: usize = 1;

const COLUMNS: &[Column; 5] = &[
    Column::new("user", TEXT, "Who; the actor where absent.").of("users"),
    Column::new("repo", TEXT, "The repository, `acme/webapp`.")
        .required()
        .of("repos"),
    Column::new("subscribed", BOOL, "Whether they hear of everything.").or(Standard::Bool(true)),
    Column::new("ignored", BOOL, "Whether they want to hear nothing.").or(Standard::Bool(false)),
    Column::new("created_at", TIME, "Since when; a day ago where absent."),
];

/// The table of a seed document.
pub(super) const SEED: SeedTable = SeedTable {
    name: "repo_subscriptions",
    key: "user:owner/repo",
    fields: &seed_fields(COLUMNS),
};

/// The table.
pub(super) const TABLE: Table = Table {
    seed: &SEED,
    columns: COLUMNS,
    key: &[
        By::Folded(repo_subscription::USER),
        By::Folded(repo_subscription::REPO),
    ],
    indexes: &[
        Index {
            group: &[By::Folded(repo_subscription::REPO)],
            order: &[By::Folded(repo_subscription::USER)],
        },
        Index {
            group: &[By::Folded(repo_subscription::USER)],
            order: &[By::Folded(repo_subscription::REPO)],
        },
    ],
    name_of: |row| {
        format!(
            "{}:{}",
            row.text(repo_subscription::USER),
            row.text(repo_subscription::REPO)
        )
    },
    find: |name| {
        let (user, repo) = name.split_once(':')?;
        repo_key(repo)?;
        Some(Key::new([folded(user), folded(repo)]))
    },
    id: None,
    prose: &[],
    render: render::notification::repo_subscription,
};

/// What binds it to other tables.
pub(super) const RELATIONS: &[Relation] = &[Relation {
    from: REPO_SUBSCRIPTIONS,
    to: REPOS,
    index: SUBSCRIPTIONS_BY_REPO,
    on_delete: OnDelete::Remove,
}];
