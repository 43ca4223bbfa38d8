//! Issues.

use archal_core::clone::SeedTable;

use super::{ASSOCIATIONS, BOOL, INT, ISSUES, LABELS, REPOS, TEXT, TEXTS, TIME, label};
use crate::engine::key::{Key, Part, folded};
use crate::engine::table::{By, Column, Index, OnDelete, Relation, Standard, Table, seed_fields};
use crate::github::render;

/// Columns of [`ISSUES`].
pub(in crate::github) mod issue {
    pub(in crate::github) const REPO: usize = 0;
    pub(in crate::github) const NUMBER: usize = 1;
    pub(in crate::github) const ID: usize = 2;
    pub(in crate::github) const NODE_ID: usize = 3;
    pub(in crate::github) const TITLE: usize = 4;
    pub(in crate::github) const BODY: usize = 5;
    pub(in crate::github) const STATE: usize = 6;
    pub(in crate::github) const STATE_REASON: usize = 7;
    pub(in crate::github) const LABELS: usize = 8;
    pub(in crate::github) const ASSIGNEES: usize = 9;
    pub(in crate::github) const USER: usize = 10;
    pub(in crate::github) const AUTHOR_ASSOCIATION: usize = 11;
    pub(in crate::github) const LOCKED: usize = 12;
    pub(in crate::github) const LOCK_REASON: usize = 13;
    pub(in crate::github) const CREATED_AT: usize = 14;
    pub(in crate::github) const UPDATED_AT: usize = 15;
    pub(in crate::github) const CLOSED_AT: usize = 16;
    pub(in crate::github) const CLOSED_BY: usize = 17;
    pub(in crate::github) const MILESTONE: usize = 18;
    pub(in crate::github) const TYPE: usize = 19;
    pub(in crate::github) const PINNED_COMMENT: usize = 20;
}

/// Issues of a repository, oldest first.
pub(in crate::github) const ISSUES_BY_REPO: usize = 0;
/// Issues of a repository in one state, oldest first.
pub(in crate::github) const ISSUES_BY_STATE: usize = 1;
/// Issues of a repository with one label, oldest first.
pub(in crate::github) const ISSUES_BY_LABEL: usize = 2;
/// Issues of a repository with one milestone, oldest first; those without one are together.
pub(in crate::github) const ISSUES_BY_MILESTONE: usize = 3;

const COLUMNS: &[Column; 21] = &[
    Column::new("repo", TEXT, "The repository, `acme/webapp`.")
        .required()
        .of("repos"),
    Column::new("number", INT, "The number in the repository.").required(),
    Column::new("id", INT, "GitHub's number; generated where absent."),
    Column::new(
        "node_id",
        TEXT,
        "The GraphQL id; follows from `id` where absent.",
    ),
    Column::new("title", TEXT, "The title.").required(),
    Column::new("body", TEXT, "The text.").proved(),
    Column::new("state", TEXT, "Open or closed.")
        .one_of(&["open", "closed"])
        .or(Standard::Text("open"))
        .proved(),
    Column::new("state_reason", TEXT, "Why it is in that state.").one_of(&[
        "completed",
        "reopened",
        "not_planned",
        "duplicate",
    ]),
    Column::new("labels", TEXTS, "Names of labels of the repository.")
        .or(Standard::Empty)
        .proved(),
    Column::new("assignees", TEXTS, "Logins.")
        .or(Standard::Empty)
        .of("users")
        .proved(),
    Column::new("user", TEXT, "Who opened it; the actor where absent.")
        .of("users")
        .proved(),
    Column::new(
        "author_association",
        TEXT,
        "What the author is to the repository; follows from the rest where absent.",
    )
    .one_of(ASSOCIATIONS),
    Column::new("locked", BOOL, "Whether only members may comment.")
        .or(Standard::Bool(false))
        .proved(),
    Column::new("active_lock_reason", TEXT, "Why it is locked.").one_of(&[
        "off-topic",
        "too heated",
        "resolved",
        "spam",
    ]),
    Column::new(
        "created_at",
        TIME,
        "When it was opened; 30 days ago where absent.",
    )
    .proved(),
    Column::new(
        "updated_at",
        TIME,
        "When it changed last; `closed_at` or `created_at` where absent.",
    )
    .proved(),
    Column::new(
        "closed_at",
        TIME,
        "When it was closed; `updated_at` where a closed one has none.",
    )
    .proved(),
    Column::new("closed_by", TEXT, "Who closed it.").of("users"),
    Column::new(
        "milestone",
        INT,
        "The number of its milestone in the repository.",
    ),
    Column::new("type", TEXT, "The name of its type in the organisation."),
    Column::new(
        "pinned_comment",
        INT,
        "The number of the comment that is pinned to it.",
    ),
];

/// The table of a seed document.
pub(super) const SEED: SeedTable = SeedTable {
    name: "issues",
    key: "owner/repo#number",
    fields: &seed_fields(COLUMNS),
};

/// The table.
pub(super) const TABLE: Table = Table {
    seed: &SEED,
    columns: COLUMNS,
    key: &[By::Folded(issue::REPO), By::Column(issue::NUMBER)],
    indexes: &[
        Index {
            group: &[By::Folded(issue::REPO)],
            order: ISSUE_ORDER,
        },
        Index {
            group: &[By::Folded(issue::REPO), By::Column(issue::STATE)],
            order: ISSUE_ORDER,
        },
        Index {
            group: &[By::Folded(issue::REPO), By::Each(issue::LABELS)],
            order: ISSUE_ORDER,
        },
        Index {
            group: &[By::Folded(issue::REPO), By::Column(issue::MILESTONE)],
            order: ISSUE_ORDER,
        },
    ],
    name_of: |row| format!("{}#{}", row.text(issue::REPO), row.int(issue::NUMBER)),
    find: issue_key,
    id: Some((issue::ID, 2_200_000_000)),
    prose: &[issue::TITLE, issue::BODY],
    render: render::issue::issue,
};

const ISSUE_ORDER: &[By] = &[By::Column(issue::CREATED_AT), By::Column(issue::NUMBER)];

/// What binds it to other tables.
pub(super) const RELATIONS: &[Relation] = &[
    Relation {
        from: ISSUES,
        to: REPOS,
        index: ISSUES_BY_REPO,
        on_delete: OnDelete::Remove,
    },
    Relation {
        from: ISSUES,
        to: LABELS,
        index: ISSUES_BY_LABEL,
        on_delete: OnDelete::Unlink {
            list: issue::LABELS,
            name: label::NAME,
        },
    },
];

/// The key of an issue as people write it, `acme/webapp#7`.
pub(in crate::github) fn issue_key(name: &str) -> Option<Key> {
    let (repo, number) = name.split_once('#')?;
    let number = number.parse().ok().filter(|number| *number > 0)?;
    Some(Key::new([folded(repo), Part::Int(number)]))
}

/// The repository that an issue or comment row belongs to by name.
pub(in crate::github) fn repo_of(name: &str) -> &str {
    name.split_once('#').map_or(name, |(repo, _)| repo)
}
