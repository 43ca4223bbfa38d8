//! Deploy keys.

use archal_core::clone::SeedTable;

use super::{BOOL, DEPLOY_KEYS, INT, REPOS, TEXT, TIME};
use crate::engine::key::{Key, Part, folded};
use crate::engine::table::{By, Column, Index, OnDelete, Relation, Standard, Table, seed_fields};
use crate::github::render;

/// Columns of [`DEPLOY_KEYS`].
pub(in crate::github) mod deploy_key {
    pub(in crate::github) const REPO: usize = 0;
    pub(in crate::github) const KEY: usize = 1;
    pub(in crate::github) const ID: usize = 2;
    pub(in crate::github) const TITLE: usize = 3;
    pub(in crate::github) const READ_ONLY: usize = 4;
    pub(in crate::github) const VERIFIED: usize = 5;
    pub(in crate::github) const ADDED_BY: usize = 6;
    pub(in crate::github) const CREATED_AT: usize = 7;
}

/// Deploy keys of a repository, by number.
pub(in crate::github) const DEPLOY_KEYS_BY_REPO: usize = 0;

const COLUMNS: &[Column; 8] = &[
    Column::new("repo", TEXT, "The repository, `acme/webapp`.")
        .required()
        .of("repos"),
    Column::new("key", TEXT, "The public key.").required(),
    Column::new("id", INT, "GitHub's number; generated where absent."),
    Column::new("title", TEXT, "What it is called.").or(Standard::Text("")),
    Column::new("read_only", BOOL, "Whether it may only read.").or(Standard::Bool(true)),
    Column::new("verified", BOOL, "Whether GitHub verified it.").or(Standard::Bool(true)),
    Column::new("added_by", TEXT, "Who added it.").of("users"),
    Column::new(
        "created_at",
        TIME,
        "When it was added; 30 days ago where absent.",
    ),
];

/// The table of a seed document.
pub(super) const SEED: SeedTable = SeedTable {
    name: "deploy_keys",
    key: "owner/repo:id",
    fields: &seed_fields(COLUMNS),
};

/// The table.
pub(super) const TABLE: Table = Table {
    seed: &SEED,
    columns: COLUMNS,
    key: &[By::Folded(deploy_key::REPO), By::Column(deploy_key::ID)],
    indexes: &[Index {
        group: &[By::Folded(deploy_key::REPO)],
        order: &[By::Column(deploy_key::ID)],
    }],
    name_of: |row| format!("{}:{}", row.text(deploy_key::REPO), row.int(deploy_key::ID)),
    find: deploy_key_key,
    id: Some((deploy_key::ID, 101000000)),
    prose: &[],
    render: render::deploy_key::deploy_key,
};

/// What binds it to other tables.
pub(super) const RELATIONS: &[Relation] = &[Relation {
    from: DEPLOY_KEYS,
    to: REPOS,
    index: DEPLOY_KEYS_BY_REPO,
    on_delete: OnDelete::Remove,
}];

/// The key as people write it, `acme/webapp:7`.
pub(in crate::github) fn deploy_key_key(name: &str) -> Option<Key> {
    let (repo, id) = name.rsplit_once(':')?;
    Some(Key::new([folded(repo), Part::Int(id.parse().ok()?)]))
}
