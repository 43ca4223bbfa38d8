//! Releases.

use archal_core::clone::SeedTable;

use super::{BOOL, INT, RELEASES, REPOS, TEXT, TIME};
use crate::engine::key::{Key, Part, folded};
use crate::engine::table::{By, Column, Index, OnDelete, Relation, Standard, Table, seed_fields};
use crate::github::render;

/// Columns of [`RELEASES`].
pub(in crate::github) mod release {
    pub(in crate::github) const REPO: usize = 0;
    pub(in crate::github) const TAG: usize = 1;
    pub(in crate::github) const ID: usize = 2;
    pub(in crate::github) const NODE_ID: usize = 3;
    pub(in crate::github) const TARGET: usize = 4;
    pub(in crate::github) const NAME: usize = 5;
    pub(in crate::github) const BODY: usize = 6;
    pub(in crate::github) const DRAFT: usize = 7;
    pub(in crate::github) const PRERELEASE: usize = 8;
    pub(in crate::github) const LATEST: usize = 9;
    pub(in crate::github) const AUTHOR: usize = 10;
    pub(in crate::github) const CREATED_AT: usize = 11;
    pub(in crate::github) const PUBLISHED_AT: usize = 12;
    pub(in crate::github) const UPDATED_AT: usize = 13;
}

/// Releases of a repository, oldest first.
pub(in crate::github) const RELEASES_BY_REPO: usize = 0;

/// Releases of a tag.
pub(in crate::github) const RELEASES_BY_TAG: usize = 1;

const COLUMNS: &[Column; 14] = &[
    Column::new("repo", TEXT, "The repository, `acme/webapp`.")
        .required()
        .of("repos"),
    Column::new(
        "tag_name",
        TEXT,
        "The tag; made on `target_commitish` where the repository lacks it.",
    )
    .required(),
    Column::new("id", INT, "GitHub's number; generated where absent."),
    Column::new(
        "node_id",
        TEXT,
        "The GraphQL id; follows from `id` where absent.",
    ),
    Column::new(
        "target_commitish",
        TEXT,
        "The branch or commit that a missing tag is made on; the default branch where absent.",
    ),
    Column::new("name", TEXT, "The title."),
    Column::new("body", TEXT, "The notes, in Markdown."),
    Column::new("draft", BOOL, "Whether only people who may write see it.")
        .or(Standard::Bool(false)),
    Column::new(
        "prerelease",
        BOOL,
        "Whether it is not ready for production.",
    )
    .or(Standard::Bool(false)),
    Column::new(
        "latest",
        BOOL,
        "Whether it was chosen as the latest (`make_latest`); by version and date where absent.",
    ),
    Column::new("author", TEXT, "Who made it; the actor where absent.").of("users"),
    Column::new(
        "created_at",
        TIME,
        "The time of its commit; 10 days ago where absent.",
    ),
    Column::new(
        "published_at",
        TIME,
        "When it was published; `created_at` where absent and no draft.",
    ),
    Column::new(
        "updated_at",
        TIME,
        "When it changed last; `published_at` where absent.",
    ),
];

/// The table of a seed document.
pub(super) const SEED: SeedTable = SeedTable {
    name: "releases",
    key: "owner/repo:id",
    fields: &seed_fields(COLUMNS),
};

/// The table.
pub(super) const TABLE: Table = Table {
    seed: &SEED,
    columns: COLUMNS,
    key: &[By::Folded(release::REPO), By::Column(release::ID)],
    indexes: &[
        Index {
            group: &[By::Folded(release::REPO)],
            order: &[By::Column(release::CREATED_AT), By::Column(release::ID)],
        },
        Index {
            group: &[By::Folded(release::REPO), By::Column(release::TAG)],
            order: &[By::Column(release::ID)],
        },
    ],
    name_of: |row| format!("{}:{}", row.text(release::REPO), row.int(release::ID)),
    find: release_key,
    id: Some((release::ID, 190000000)),
    prose: &[release::NAME, release::BODY],
    render: render::release::release,
};

/// What binds it to other tables.
pub(super) const RELATIONS: &[Relation] = &[Relation {
    from: RELEASES,
    to: REPOS,
    index: RELEASES_BY_REPO,
    on_delete: OnDelete::Remove,
}];

/// The key as people write it, `acme/webapp:7`.
pub(in crate::github) fn release_key(name: &str) -> Option<Key> {
    let (repo, id) = name.rsplit_once(':')?;
    Some(Key::new([folded(repo), Part::Int(id.parse().ok()?)]))
}
