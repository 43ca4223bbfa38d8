//! Discussions.

use archal_core::clone::SeedTable;

use super::discussion_categories::unrendered;
use super::{ASSOCIATIONS, BOOL, DISCUSSIONS, INT, REPOS, TEXT, TEXTS, TIME, issue_key};
use crate::engine::table::{By, Column, Index, OnDelete, Relation, Standard, Table, seed_fields};

/// Columns of [`DISCUSSIONS`].
pub(in crate::github) mod discussion {
    pub(in crate::github) const REPO: usize = 0;
    pub(in crate::github) const NUMBER: usize = 1;
    pub(in crate::github) const ID: usize = 2;
    pub(in crate::github) const NODE_ID: usize = 3;
    pub(in crate::github) const TITLE: usize = 4;
    pub(in crate::github) const BODY: usize = 5;
    pub(in crate::github) const CATEGORY: usize = 6;
    pub(in crate::github) const USER: usize = 7;
    pub(in crate::github) const AUTHOR_ASSOCIATION: usize = 8;
    pub(in crate::github) const STATE: usize = 9;
    pub(in crate::github) const STATE_REASON: usize = 10;
    pub(in crate::github) const LOCKED: usize = 11;
    pub(in crate::github) const LOCK_REASON: usize = 12;
    pub(in crate::github) const LABELS: usize = 13;
    pub(in crate::github) const ANSWER: usize = 14;
    pub(in crate::github) const ANSWER_CHOSEN_AT: usize = 15;
    pub(in crate::github) const ANSWER_CHOSEN_BY: usize = 16;
    pub(in crate::github) const UPVOTES: usize = 17;
    pub(in crate::github) const CREATED_AT: usize = 18;
    pub(in crate::github) const UPDATED_AT: usize = 19;
    pub(in crate::github) const CLOSED_AT: usize = 20;
}

/// Discussions of a repository, oldest first.
pub(in crate::github) const DISCUSSIONS_BY_REPO: usize = 0;

const COLUMNS: &[Column; 21] = &[
    Column::new("repo", TEXT, "The repository, `acme/webapp`.")
        .required()
        .of("repos"),
    Column::new(
        "number",
        INT,
        "The number, which no issue of the repository has.",
    )
    .required(),
    Column::new("id", INT, "GitHub's number; generated where absent."),
    Column::new(
        "node_id",
        TEXT,
        "The GraphQL id; follows from `id` where absent.",
    ),
    Column::new("title", TEXT, "The title.").required(),
    Column::new("body", TEXT, "The text.")
        .or(Standard::Text(""))
        .proved(),
    Column::new("category", TEXT, "The category's slug.").required(),
    Column::new("user", TEXT, "Who started it; the actor where absent.")
        .of("users")
        .proved(),
    Column::new(
        "author_association",
        TEXT,
        "What the author is to the repository; follows from the rest where absent.",
    )
    .one_of(ASSOCIATIONS),
    Column::new("state", TEXT, "Open or closed.")
        .one_of(&["open", "closed"])
        .or(Standard::Text("open"))
        .proved(),
    Column::new("state_reason", TEXT, "Why it is in that state.").one_of(&[
        "resolved",
        "outdated",
        "duplicate",
        "reopened",
    ]),
    Column::new("locked", BOOL, "Whether only members may comment.").or(Standard::Bool(false)),
    Column::new("active_lock_reason", TEXT, "Why it is locked.").one_of(&[
        "off-topic",
        "too heated",
        "resolved",
        "spam",
    ]),
    Column::new("labels", TEXTS, "Names of labels of the repository.").or(Standard::Empty),
    Column::new("answer", INT, "The number of the comment that answers it.").proved(),
    Column::new("answer_chosen_at", TIME, "When the answer was chosen."),
    Column::new("answer_chosen_by", TEXT, "Who chose the answer.").of("users"),
    Column::new("upvotes", INT, "How many voted for it.").or(Standard::Int(1)),
    Column::new(
        "created_at",
        TIME,
        "When it was started; 30 days ago where absent.",
    )
    .proved(),
    Column::new(
        "updated_at",
        TIME,
        "When it changed last; `created_at` where absent.",
    )
    .proved(),
    Column::new(
        "closed_at",
        TIME,
        "When it was closed; `updated_at` where a closed one has none.",
    ),
];

/// The table of a seed document.
pub(super) const SEED: SeedTable = SeedTable {
    name: "discussions",
    key: "owner/repo#number",
    fields: &seed_fields(COLUMNS),
};

/// The table.
pub(super) const TABLE: Table = Table {
    seed: &SEED,
    columns: COLUMNS,
    key: &[By::Folded(discussion::REPO), By::Column(discussion::NUMBER)],
    indexes: &[Index {
        group: &[By::Folded(discussion::REPO)],
        order: &[
            By::Column(discussion::CREATED_AT),
            By::Column(discussion::NUMBER),
        ],
    }],
    name_of: |row| {
        format!(
            "{}#{}",
            row.text(discussion::REPO),
            row.int(discussion::NUMBER)
        )
    },
    find: issue_key,
    id: Some((discussion::ID, 6_100_000)),
    prose: &[discussion::TITLE, discussion::BODY],
    render: unrendered,
};

/// What binds it to other tables.
pub(super) const RELATIONS: &[Relation] = &[Relation {
    from: DISCUSSIONS,
    to: REPOS,
    index: DISCUSSIONS_BY_REPO,
    on_delete: OnDelete::Remove,
}];
