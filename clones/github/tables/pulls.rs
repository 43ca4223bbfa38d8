//! Pull requests: what an issue of the same number has beside it.

use archal_core::clone::{FieldKind, SeedTable};

use super::{BOOL, INT, ISSUES, PULLS, TEXT, TEXTS, TIME, issue_key};
use crate::engine::table::{By, Column, Index, OnDelete, Relation, Standard, Table, seed_fields};
use crate::github::render;

/// Columns of [`PULLS`].
pub(in crate::github) mod pull {
    pub(in crate::github) const REPO: usize = 0;
    pub(in crate::github) const NUMBER: usize = 1;
    pub(in crate::github) const ID: usize = 2;
    pub(in crate::github) const NODE_ID: usize = 3;
    pub(in crate::github) const HEAD_REPO: usize = 4;
    pub(in crate::github) const HEAD: usize = 5;
    pub(in crate::github) const HEAD_SHA: usize = 6;
    pub(in crate::github) const BASE: usize = 7;
    pub(in crate::github) const BASE_SHA: usize = 8;
    pub(in crate::github) const DRAFT: usize = 9;
    pub(in crate::github) const MAINTAINER_CAN_MODIFY: usize = 10;
    pub(in crate::github) const MERGED_AT: usize = 11;
    pub(in crate::github) const MERGED_BY: usize = 12;
    pub(in crate::github) const MERGE_COMMIT_SHA: usize = 13;
    pub(in crate::github) const REVIEWERS: usize = 14;
    pub(in crate::github) const TEAMS: usize = 15;
    pub(in crate::github) const AUTO_MERGE_METHOD: usize = 16;
    pub(in crate::github) const AUTO_MERGE_BY: usize = 17;
    pub(in crate::github) const AUTO_MERGE_TITLE: usize = 18;
    pub(in crate::github) const AUTO_MERGE_MESSAGE: usize = 19;
    pub(in crate::github) const AUTO_MERGE_AT: usize = 20;
    // What a seed may say here instead of in `issues`; null in every state.
    pub(in crate::github) const TITLE: usize = 21;
    pub(in crate::github) const BODY: usize = 22;
    pub(in crate::github) const STATE: usize = 23;
    pub(in crate::github) const USER: usize = 24;
    pub(in crate::github) const LABELS: usize = 25;
    pub(in crate::github) const ASSIGNEES: usize = 26;
    pub(in crate::github) const CREATED_AT: usize = 27;
    pub(in crate::github) const UPDATED_AT: usize = 28;
    pub(in crate::github) const CLOSED_AT: usize = 29;
    pub(in crate::github) const FILES: usize = 30;
    pub(in crate::github) const REMOVED: usize = 31;
}

/// Pull requests of a repository, by number.
pub(in crate::github) const PULLS_BY_REPO: usize = 0;
/// The issue of a pull request.
pub(in crate::github) const PULLS_BY_ISSUE: usize = 1;
/// Pull requests from a branch, which is `owner/repo` and the branch.
pub(in crate::github) const PULLS_BY_HEAD: usize = 2;
/// Pull requests into a branch.
pub(in crate::github) const PULLS_BY_BASE: usize = 3;

const COLUMNS: &[Column; 32] = &[
    Column::new("repo", TEXT, "The repository it is for, `acme/webapp`.")
        .required()
        .of("repos"),
    Column::new(
        "number",
        INT,
        "The number, which is also that of its row in `issues`.",
    )
    .required(),
    Column::new("id", INT, "GitHub's number; generated where absent."),
    Column::new(
        "node_id",
        TEXT,
        "The GraphQL id; follows from `id` where absent.",
    ),
    Column::new(
        "head_repo",
        TEXT,
        "The repository of the head, a fork or `repo`; `repo` where absent.",
    ),
    Column::new(
        "head",
        TEXT,
        "The branch that is to be merged; `patch-` and the number where absent.",
    )
    .proved(),
    Column::new(
        "head_sha",
        TEXT,
        "The commit at the head; the branch's where absent.",
    ),
    Column::new(
        "base",
        TEXT,
        "The branch it is to be merged into; the default branch where absent.",
    )
    .proved(),
    Column::new(
        "base_sha",
        TEXT,
        "The commit of the base it is compared with; the branch's where absent.",
    ),
    Column::new("draft", BOOL, "Whether it is a draft.")
        .or(Standard::Bool(false))
        .proved(),
    Column::new(
        "maintainer_can_modify",
        BOOL,
        "Whether those who may write to the base may push to its head.",
    )
    .or(Standard::Bool(false)),
    Column::new("merged_at", TIME, "When it was merged.").proved(),
    Column::new(
        "merged_by",
        TEXT,
        "Who merged it; the actor where a merged one has none.",
    )
    .of("users"),
    Column::new("merge_commit_sha", TEXT, "The commit that merged it."),
    Column::new(
        "requested_reviewers",
        TEXTS,
        "Logins that were asked for a review.",
    )
    .or(Standard::Empty)
    .of("users")
    .proved(),
    Column::new(
        "requested_teams",
        TEXTS,
        "Slugs of teams that were asked for a review.",
    )
    .or(Standard::Empty),
    Column::new(
        "auto_merge_method",
        TEXT,
        "How it is merged as soon as it may be; it is not where absent.",
    )
    .one_of(&["merge", "squash", "rebase"]),
    Column::new("auto_merge_by", TEXT, "Who asked for that.").of("users"),
    Column::new(
        "auto_merge_title",
        TEXT,
        "The title of the commit it is then merged with.",
    ),
    Column::new(
        "auto_merge_message",
        TEXT,
        "The rest of that commit's message.",
    ),
    Column::new("auto_merge_at", TIME, "When that was asked for."),
    Column::new(
        "title",
        TEXT,
        "The title, where `issues` has no row for it; the head where absent.",
    ),
    Column::new("body", TEXT, "The text, where `issues` has no row for it."),
    Column::new(
        "state",
        TEXT,
        "Open or closed, where `issues` has no row for it; closed where merged.",
    )
    .one_of(&["open", "closed"]),
    Column::new(
        "user",
        TEXT,
        "Who opened it, where `issues` has no row for it.",
    )
    .of("users"),
    Column::new(
        "labels",
        TEXTS,
        "Names of labels, where `issues` has no row for it.",
    ),
    Column::new(
        "assignees",
        TEXTS,
        "Logins, where `issues` has no row for it.",
    )
    .of("users"),
    Column::new(
        "created_at",
        TIME,
        "When it was opened, where `issues` has no row for it.",
    ),
    Column::new(
        "updated_at",
        TIME,
        "When it changed last, where `issues` has no row for it.",
    ),
    Column::new(
        "closed_at",
        TIME,
        "When it was closed, where `issues` has no row for it.",
    ),
    Column::new(
        "files",
        FieldKind::Object(&[]),
        "What the head has other than the base, where its branch is not there: path and text. A head that is not named has one new file.",
    ),
    Column::new(
        "removed",
        TEXTS,
        "Paths that the head has no more, where its branch is not there.",
    ),
];

/// The table of a seed document.
pub(super) const SEED: SeedTable = SeedTable {
    name: "pulls",
    key: "owner/repo#number",
    fields: &seed_fields(COLUMNS),
};

/// The table.
pub(super) const TABLE: Table = Table {
    seed: &SEED,
    columns: COLUMNS,
    key: &[By::Folded(pull::REPO), By::Column(pull::NUMBER)],
    indexes: &[
        Index {
            group: &[By::Folded(pull::REPO)],
            order: &[By::Column(pull::NUMBER)],
        },
        Index {
            group: &[By::Folded(pull::REPO), By::Column(pull::NUMBER)],
            order: &[By::Column(pull::NUMBER)],
        },
        Index {
            group: &[By::Folded(pull::HEAD_REPO), By::Column(pull::HEAD)],
            order: &[By::Folded(pull::REPO), By::Column(pull::NUMBER)],
        },
        Index {
            group: &[By::Folded(pull::REPO), By::Column(pull::BASE)],
            order: &[By::Column(pull::NUMBER)],
        },
    ],
    name_of: |row| format!("{}#{}", row.text(pull::REPO), row.int(pull::NUMBER)),
    find: issue_key,
    id: Some((pull::ID, 1_500_000_000)),
    prose: &[pull::AUTO_MERGE_TITLE, pull::AUTO_MERGE_MESSAGE],
    render: render::pull::unrendered,
};

/// What binds it to other tables.
pub(super) const RELATIONS: &[Relation] = &[Relation {
    from: PULLS,
    to: ISSUES,
    index: PULLS_BY_ISSUE,
    on_delete: OnDelete::Remove,
}];
