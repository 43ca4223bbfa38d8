//! Webhooks.

use archal_core::clone::SeedTable;

use super::{BOOL, HOOKS, INT, REPOS, TEXT, TEXTS, TIME};
use crate::engine::key::{Key, Part, folded};
use crate::engine::table::{By, Column, Index, OnDelete, Relation, Standard, Table, seed_fields};
use crate::github::render;

/// Columns of [`HOOKS`].
pub(in crate::github) mod hook {
    pub(in crate::github) const REPO: usize = 0;
    pub(in crate::github) const URL: usize = 1;
    pub(in crate::github) const ID: usize = 2;
    pub(in crate::github) const EVENTS: usize = 3;
    pub(in crate::github) const ACTIVE: usize = 4;
    pub(in crate::github) const CONTENT_TYPE: usize = 5;
    pub(in crate::github) const SECRET: usize = 6;
    pub(in crate::github) const INSECURE_SSL: usize = 7;
    pub(in crate::github) const CREATED_AT: usize = 8;
    pub(in crate::github) const UPDATED_AT: usize = 9;
}

/// Webhooks of a repository, by number.
pub(in crate::github) const HOOKS_BY_REPO: usize = 0;

const COLUMNS: &[Column; 10] = &[
    Column::new("repo", TEXT, "The repository, `acme/webapp`.")
        .required()
        .of("repos"),
    Column::new("url", TEXT, "Where deliveries go.").required(),
    Column::new("id", INT, "GitHub's number; generated where absent."),
    Column::new("events", TEXTS, "What it is told of; `push` where absent."),
    Column::new("active", BOOL, "Whether it is told at all.").or(Standard::Bool(true)),
    Column::new("content_type", TEXT, "How deliveries are written.")
        .or(Standard::Text("form"))
        .one_of(&["form", "json"]),
    Column::new("secret", TEXT, "What deliveries are signed with."),
    Column::new(
        "insecure_ssl",
        TEXT,
        "`1` where the certificate of the receiver is not checked.",
    )
    .or(Standard::Text("0"))
    .one_of(&["0", "1"]),
    Column::new(
        "created_at",
        TIME,
        "When it was made; 30 days ago where absent.",
    ),
    Column::new(
        "updated_at",
        TIME,
        "When it changed last; `created_at` where absent.",
    ),
];

/// The table of a seed document.
pub(super) const SEED: SeedTable = SeedTable {
    name: "hooks",
    key: "owner/repo:id",
    fields: &seed_fields(COLUMNS),
};

/// The table.
pub(super) const TABLE: Table = Table {
    seed: &SEED,
    columns: COLUMNS,
    key: &[By::Folded(hook::REPO), By::Column(hook::ID)],
    indexes: &[Index {
        group: &[By::Folded(hook::REPO)],
        order: &[By::Column(hook::ID)],
    }],
    name_of: |row| format!("{}:{}", row.text(hook::REPO), row.int(hook::ID)),
    find: hook_key,
    id: Some((hook::ID, 480000000)),
    prose: &[],
    render: render::hook::hook,
};

/// What binds it to other tables.
pub(super) const RELATIONS: &[Relation] = &[Relation {
    from: HOOKS,
    to: REPOS,
    index: HOOKS_BY_REPO,
    on_delete: OnDelete::Remove,
}];

/// The key as people write it, `acme/webapp:7`.
pub(in crate::github) fn hook_key(name: &str) -> Option<Key> {
    let (repo, id) = name.rsplit_once(':')?;
    Some(Key::new([folded(repo), Part::Int(id.parse().ok()?)]))
}
