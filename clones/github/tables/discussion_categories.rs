//! Categories of discussions. A repository has discussions where it has a category.

use archal_core::clone::SeedTable;

use super::{BOOL, DISCUSSION_CATEGORIES, INT, REPOS, TEXT, TIME};
use crate::engine::key::{Key, folded};
use crate::engine::root::Root;
use crate::engine::row::Row;
use crate::engine::table::{By, Column, Index, OnDelete, Relation, Standard, Table, seed_fields};
use crate::engine::writer::Writer;

/// Columns of [`DISCUSSION_CATEGORIES`].
pub(in crate::github) mod category {
    pub(in crate::github) const REPO: usize = 0;
    pub(in crate::github) const SLUG: usize = 1;
    pub(in crate::github) const NAME: usize = 2;
    pub(in crate::github) const ID: usize = 3;
    pub(in crate::github) const NODE_ID: usize = 4;
    pub(in crate::github) const EMOJI: usize = 5;
    pub(in crate::github) const DESCRIPTION: usize = 6;
    pub(in crate::github) const IS_ANSWERABLE: usize = 7;
    pub(in crate::github) const CREATED_AT: usize = 8;
}

/// Categories of a repository, by name.
pub(in crate::github) const CATEGORIES_BY_REPO: usize = 0;

const COLUMNS: &[Column; 9] = &[
    Column::new("repo", TEXT, "The repository, `acme/webapp`.")
        .required()
        .of("repos"),
    Column::new("slug", TEXT, "The name in addresses, `show-and-tell`.").required(),
    Column::new("name", TEXT, "The name; follows from `slug` where absent."),
    Column::new("id", INT, "GitHub's number; generated where absent."),
    Column::new(
        "node_id",
        TEXT,
        "The GraphQL id; follows from `id` where absent.",
    ),
    Column::new("emoji", TEXT, "The emoji's short name.").or(Standard::Text(":speech_balloon:")),
    Column::new("description", TEXT, "What it is for."),
    Column::new(
        "is_answerable",
        BOOL,
        "Whether a comment can be chosen as the answer.",
    )
    .or(Standard::Bool(false)),
    Column::new(
        "created_at",
        TIME,
        "When it was made; 400 days ago where absent.",
    ),
];

/// The table of a seed document.
pub(super) const SEED: SeedTable = SeedTable {
    name: "discussion_categories",
    key: "owner/repo:slug",
    fields: &seed_fields(COLUMNS),
};

/// The table.
pub(super) const TABLE: Table = Table {
    seed: &SEED,
    columns: COLUMNS,
    key: &[By::Folded(category::REPO), By::Folded(category::SLUG)],
    indexes: &[Index {
        group: &[By::Folded(category::REPO)],
        order: &[By::Folded(category::NAME), By::Folded(category::SLUG)],
    }],
    name_of: |row| format!("{}:{}", row.text(category::REPO), row.text(category::SLUG)),
    find: |name| {
        let (repo, slug) = name.split_once(':')?;
        (!slug.is_empty()).then(|| Key::new([folded(repo), folded(slug)]))
    },
    id: Some((category::ID, 32_000_000)),
    prose: &[],
    render: unrendered,
};

/// What binds it to other tables.
pub(super) const RELATIONS: &[Relation] = &[Relation {
    from: DISCUSSION_CATEGORIES,
    to: REPOS,
    index: CATEGORIES_BY_REPO,
    on_delete: OnDelete::Remove,
}];

/// REST shows none of it.
pub(super) fn unrendered(_: &Root, _: &Row, out: &mut Writer) {
    out.raw("{}");
}
