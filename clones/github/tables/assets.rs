//! Files of releases.

use archal_core::clone::SeedTable;

use super::{ASSETS, INT, RELEASES, TEXT, TIME};
use crate::engine::key::{Key, Part, folded};
use crate::engine::table::{By, Column, Index, OnDelete, Relation, Standard, Table, seed_fields};
use crate::github::render;

/// Columns of [`ASSETS`].
pub(in crate::github) mod asset {
    pub(in crate::github) const REPO: usize = 0;
    pub(in crate::github) const RELEASE: usize = 1;
    pub(in crate::github) const TAG: usize = 2;
    pub(in crate::github) const NAME: usize = 3;
    pub(in crate::github) const ID: usize = 4;
    pub(in crate::github) const NODE_ID: usize = 5;
    pub(in crate::github) const LABEL: usize = 6;
    pub(in crate::github) const CONTENT_TYPE: usize = 7;
    pub(in crate::github) const CONTENT: usize = 8;
    pub(in crate::github) const SHA: usize = 9;
    pub(in crate::github) const SIZE: usize = 10;
    pub(in crate::github) const DIGEST: usize = 11;
    pub(in crate::github) const DOWNLOADS: usize = 12;
    pub(in crate::github) const UPLOADER: usize = 13;
    pub(in crate::github) const CREATED_AT: usize = 14;
    pub(in crate::github) const UPDATED_AT: usize = 15;
}

/// Files of a release, by number.
pub(in crate::github) const ASSETS_BY_RELEASE: usize = 0;

const COLUMNS: &[Column; 16] = &[
    Column::new("repo", TEXT, "The repository, `acme/webapp`.")
        .required()
        .of("repos"),
    Column::new(
        "release_id",
        INT,
        "The release, by its `id`; the newest with `tag_name` where absent.",
    ),
    Column::new("tag_name", TEXT, "The tag of the release."),
    Column::new("name", TEXT, "The name of the file.").required(),
    Column::new("id", INT, "GitHub's number; generated where absent."),
    Column::new(
        "node_id",
        TEXT,
        "The GraphQL id; follows from `id` where absent.",
    ),
    Column::new("label", TEXT, "What is shown in place of the name."),
    Column::new("content_type", TEXT, "The media type.")
        .or(Standard::Text("application/octet-stream")),
    Column::new("content", TEXT, "The text of the file."),
    Column::new(
        "sha",
        TEXT,
        "The object that holds the file; follows from `content` where absent.",
    ),
    Column::new(
        "size",
        INT,
        "How many bytes it has; follows from `content` where absent.",
    ),
    Column::new(
        "digest",
        TEXT,
        "The SHA-256 of its bytes; follows from `content` where absent.",
    ),
    Column::new("download_count", INT, "How often it was fetched.").or(Standard::Int(0)),
    Column::new(
        "uploader",
        TEXT,
        "Who uploaded it; the author of the release where absent.",
    )
    .of("users"),
    Column::new(
        "created_at",
        TIME,
        "When it was uploaded; that of the release where absent.",
    ),
    Column::new(
        "updated_at",
        TIME,
        "When it changed last; `created_at` where absent.",
    ),
];

/// The table of a seed document.
pub(super) const SEED: SeedTable = SeedTable {
    name: "release_assets",
    key: "owner/repo:id",
    fields: &seed_fields(COLUMNS),
};

/// The table.
pub(super) const TABLE: Table = Table {
    seed: &SEED,
    columns: COLUMNS,
    key: &[By::Folded(asset::REPO), By::Column(asset::ID)],
    indexes: &[Index {
        group: &[By::Folded(asset::REPO), By::Column(asset::RELEASE)],
        order: &[By::Column(asset::ID)],
    }],
    name_of: |row| format!("{}:{}", row.text(asset::REPO), row.int(asset::ID)),
    find: asset_key,
    id: Some((asset::ID, 310000000)),
    prose: &[],
    render: render::release::asset,
};

/// What binds it to other tables.
pub(super) const RELATIONS: &[Relation] = &[Relation {
    from: ASSETS,
    to: RELEASES,
    index: ASSETS_BY_RELEASE,
    on_delete: OnDelete::Remove,
}];

/// The key as people write it, `acme/webapp:7`.
pub(in crate::github) fn asset_key(name: &str) -> Option<Key> {
    let (repo, id) = name.rsplit_once(':')?;
    Some(Key::new([folded(repo), Part::Int(id.parse().ok()?)]))
}
