//! Tokens beside the one the clone always knows.

use archal_core::clone::SeedTable;

use super::{BOOL, REPOS, TEXT, TEXTS, TOKENS, USERS, repo};
use crate::engine::key::Key;
use crate::engine::table::{By, Column, Index, OnDelete, Relation, Standard, Table, seed_fields};
use crate::github::render::unrendered;

/// Columns of [`TOKENS`].
pub(in crate::github) mod token {
    pub(in crate::github) const NAME: usize = 0;
    pub(in crate::github) const USER: usize = 1;
    pub(in crate::github) const KIND: usize = 2;
    pub(in crate::github) const SCOPES: usize = 3;
    pub(in crate::github) const EXPIRED: usize = 4;
    pub(in crate::github) const REPOSITORIES: usize = 5;
}

const TOKENS_BY_USER: usize = 0;
const TOKENS_BY_REPO: usize = 1;

const COLUMNS: &[Column; 6] = &[
    Column::new(
        "name",
        TEXT,
        "Its name, at most 20 letters and digits; the token is `ghp_archalDummy`, the name and zeros up to 40 characters, and likewise for the other kinds.",
    )
    .required(),
    Column::new("user", TEXT, "Whose it is; the actor where absent.").of("users"),
    Column::new("kind", TEXT, "What kind of token.")
        .one_of(&["app-installation", "classic", "fine-grained", "oauth"])
        .or(Standard::Text("classic")),
    Column::new(
        "scopes",
        TEXTS,
        "What it may do: scopes such as `repo` and `read:org`; of fine-grained and installation tokens permissions such as `issues:write`.",
    )
    .or(Standard::Empty),
    Column::new("expired", BOOL, "Whether it has expired.").or(Standard::Bool(false)),
    Column::new(
        "repositories",
        TEXTS,
        "The repositories that a fine-grained or installation token is for; all of its user's where absent.",
    )
    .of("repos"),
];

/// The table of a seed document.
pub(super) const SEED: SeedTable = SeedTable {
    name: "tokens",
    key: "name",
    fields: &seed_fields(COLUMNS),
};

/// The table.
pub(super) const TABLE: Table = Table {
    seed: &SEED,
    columns: COLUMNS,
    key: &[By::Column(token::NAME)],
    indexes: &[
        Index {
            group: &[By::Folded(token::USER)],
            order: &[By::Column(token::NAME)],
        },
        Index {
            group: &[By::Each(token::REPOSITORIES)],
            order: &[By::Column(token::NAME)],
        },
    ],
    name_of: |row| row.text(token::NAME).to_owned(),
    find: token_key,
    id: None,
    prose: &[],
    render: unrendered,
};

/// What binds it to other tables.
pub(super) const RELATIONS: &[Relation] = &[
    Relation {
        from: TOKENS,
        to: USERS,
        index: TOKENS_BY_USER,
        on_delete: OnDelete::Remove,
    },
    Relation {
        from: TOKENS,
        to: REPOS,
        index: TOKENS_BY_REPO,
        on_delete: OnDelete::Unlink {
            list: token::REPOSITORIES,
            name: repo::FULL_NAME,
        },
    },
];

fn token_key(name: &str) -> Option<Key> {
    let fits = (1..=20).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_alphanumeric());
    fits.then(|| Key::new([crate::engine::key::Part::Text(name.into())]))
}
