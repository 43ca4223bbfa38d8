//! Reviews of pull requests.

use archal_core::clone::SeedTable;

use super::{ASSOCIATIONS, INT, PULLS, REVIEWS, TEXT, TIME};
use crate::engine::key::{Key, Part, folded};
use crate::engine::table::{By, Column, Index, OnDelete, Relation, Standard, Table, seed_fields};
use crate::github::render;

/// Columns of [`REVIEWS`].
pub(in crate::github) mod review {
    pub(in crate::github) const PULL: usize = 0;
    pub(in crate::github) const ID: usize = 1;
    pub(in crate::github) const NODE_ID: usize = 2;
    pub(in crate::github) const USER: usize = 3;
    pub(in crate::github) const BODY: usize = 4;
    pub(in crate::github) const STATE: usize = 5;
    pub(in crate::github) const COMMIT_ID: usize = 6;
    pub(in crate::github) const AUTHOR_ASSOCIATION: usize = 7;
    pub(in crate::github) const CREATED_AT: usize = 8;
    pub(in crate::github) const UPDATED_AT: usize = 9;
    pub(in crate::github) const SUBMITTED_AT: usize = 10;
    pub(in crate::github) const PLACE: usize = 11;
}

/// Reviews of a pull request, oldest first.
pub(in crate::github) const REVIEWS_BY_PULL: usize = 0;

const COLUMNS: &[Column; 12] = &[
    Column::new("pull", TEXT, "The pull request, `acme/webapp#7`.")
        .required()
        .of("pulls"),
    Column::new("id", INT, "GitHub's number; generated where absent."),
    Column::new(
        "node_id",
        TEXT,
        "The GraphQL id; follows from `id` where absent.",
    ),
    Column::new("user", TEXT, "Who wrote it; the actor where absent.")
        .of("users")
        .proved(),
    Column::new("body", TEXT, "The text.")
        .or(Standard::Text(""))
        .proved(),
    Column::new("state", TEXT, "What it says.")
        .one_of(&[
            "APPROVED",
            "CHANGES_REQUESTED",
            "COMMENTED",
            "DISMISSED",
            "PENDING",
        ])
        .or(Standard::Text("COMMENTED"))
        .proved(),
    Column::new(
        "commit_id",
        TEXT,
        "The commit it is about; the head of the pull request where absent.",
    ),
    Column::new(
        "author_association",
        TEXT,
        "What the author is to the repository; follows from the rest where absent.",
    )
    .one_of(ASSOCIATIONS),
    Column::new(
        "created_at",
        TIME,
        "When it was begun; `submitted_at`, or when the pull request was opened, where absent.",
    ),
    Column::new(
        "updated_at",
        TIME,
        "When it changed last; `created_at` where absent.",
    ),
    Column::new(
        "submitted_at",
        TIME,
        "When it was submitted; `created_at` where absent and not pending.",
    )
    .proved(),
    Column::new(
        "place",
        INT,
        "Its place among the events of the pull request that happened in the same second.",
    ),
];

/// The table of a seed document.
pub(super) const SEED: SeedTable = SeedTable {
    name: "reviews",
    key: "owner/repo#pullrequestreview-id",
    fields: &seed_fields(COLUMNS),
};

/// The table.
pub(super) const TABLE: Table = Table {
    seed: &SEED,
    columns: COLUMNS,
    key: &[By::Before(review::PULL, '#'), By::Column(review::ID)],
    indexes: &[Index {
        group: &[
            By::Before(review::PULL, '#'),
            By::NumberAfter(review::PULL, '#'),
        ],
        order: &[By::Column(review::CREATED_AT), By::Column(review::ID)],
    }],
    name_of: |row| {
        let pull = row.text(review::PULL);
        let repo = pull.split_once('#').map_or(pull, |(repo, _)| repo);
        format!("{repo}#pullrequestreview-{}", row.int(review::ID))
    },
    find: review_key,
    id: Some((review::ID, 1_400_000_000)),
    prose: &[review::BODY],
    render: render::review::review,
};

/// What binds it to other tables.
pub(super) const RELATIONS: &[Relation] = &[Relation {
    from: REVIEWS,
    to: PULLS,
    index: REVIEWS_BY_PULL,
    on_delete: OnDelete::Remove,
}];

/// The key of a review as GitHub's anchors have it, `acme/webapp#pullrequestreview-7`.
pub(in crate::github) fn review_key(name: &str) -> Option<Key> {
    let (repo, id) = name.split_once("#pullrequestreview-")?;
    Some(Key::new([folded(repo), Part::Int(id.parse().ok()?)]))
}
