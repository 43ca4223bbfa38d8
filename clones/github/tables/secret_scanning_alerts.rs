//! Alerts of secret scanning.

use archal_core::clone::SeedTable;

use super::issue_key;
use super::{BOOL, INT, REPOS, SECRET_ALERTS, TEXT, TIME};
use crate::engine::table::{By, Column, Index, OnDelete, Relation, Standard, Table, seed_fields};
use crate::github::render::unrendered;

/// Columns of [`super::SECRET_ALERTS`].
pub(in crate::github) mod secret_alert {
    pub(in crate::github) const REPO: usize = 0;
    pub(in crate::github) const NUMBER: usize = 1;
    pub(in crate::github) const STATE: usize = 2;
    pub(in crate::github) const TYPE: usize = 3;
    pub(in crate::github) const TYPE_NAME: usize = 4;
    pub(in crate::github) const SECRET: usize = 5;
    pub(in crate::github) const VALIDITY: usize = 6;
    pub(in crate::github) const RESOLUTION: usize = 7;
    pub(in crate::github) const RESOLVED_AT: usize = 8;
    pub(in crate::github) const RESOLVED_BY: usize = 9;
    pub(in crate::github) const RESOLUTION_COMMENT: usize = 10;
    pub(in crate::github) const BYPASSED: usize = 11;
    pub(in crate::github) const SHA: usize = 12;
    pub(in crate::github) const PATH: usize = 13;
    pub(in crate::github) const START_LINE: usize = 14;
    pub(in crate::github) const END_LINE: usize = 15;
    pub(in crate::github) const START_COLUMN: usize = 16;
    pub(in crate::github) const END_COLUMN: usize = 17;
    pub(in crate::github) const CREATED_AT: usize = 18;
    pub(in crate::github) const UPDATED_AT: usize = 19;
}

/// Those of a repository, oldest first.
pub(in crate::github) const SECRET_ALERTS_BY_REPO: usize = 0;

const COLUMNS: &[Column; 20] = &[
    Column::new("repo", TEXT, "The repository.")
        .required()
        .of("repos"),
    Column::new("number", INT, "Its number in the repository.").required(),
    Column::new("state", TEXT, "Whether it stands.")
        .one_of(&["open", "resolved"])
        .or(Standard::Text("open")),
    Column::new(
        "secret_type",
        TEXT,
        "What kind of secret, `github_personal_access_token`.",
    )
    .required(),
    Column::new(
        "secret_type_display_name",
        TEXT,
        "The same for people; `secret_type` where absent.",
    ),
    Column::new("secret", TEXT, "The secret. Never write a real one.").required(),
    Column::new("validity", TEXT, "Whether it works.")
        .one_of(&["active", "inactive", "unknown"])
        .or(Standard::Text("unknown")),
    Column::new("resolution", TEXT, "How it was resolved.").one_of(&[
        "false_positive",
        "revoked",
        "used_in_tests",
        "wont_fix",
    ]),
    Column::new("resolved_at", TIME, "When."),
    Column::new("resolved_by", TEXT, "By whom.").of("users"),
    Column::new("resolution_comment", TEXT, "What was said of it."),
    Column::new(
        "push_protection_bypassed",
        BOOL,
        "Whether push protection was bypassed.",
    )
    .or(Standard::Bool(false)),
    Column::new("commit_sha", TEXT, "The commit it was found on.")
        .or(Standard::Text("0000000000000000000000000000000000000000")),
    Column::new("path", TEXT, "The file.").or(Standard::Text("src/index.js")),
    Column::new("start_line", INT, "The first line.").or(Standard::Int(1)),
    Column::new("end_line", INT, "The last line; `start_line` where absent."),
    Column::new("start_column", INT, "The first column.").or(Standard::Int(1)),
    Column::new("end_column", INT, "The last column.").or(Standard::Int(80)),
    Column::new(
        "created_at",
        TIME,
        "When it was found; 14 days ago where absent.",
    ),
    Column::new(
        "updated_at",
        TIME,
        "When it changed last; `created_at` where absent.",
    ),
];

/// The table of a seed document.
pub(super) const SEED: SeedTable = SeedTable {
    name: "secret_scanning_alerts",
    key: "owner/repo#number",
    fields: &seed_fields(COLUMNS),
};

/// The table.
pub(super) const TABLE: Table = Table {
    seed: &SEED,
    columns: COLUMNS,
    key: &[
        By::Folded(secret_alert::REPO),
        By::Column(secret_alert::NUMBER),
    ],
    indexes: &[Index {
        group: &[By::Folded(secret_alert::REPO)],
        order: &[By::Column(secret_alert::NUMBER)],
    }],
    name_of: |row| {
        format!(
            "{}#{}",
            row.text(secret_alert::REPO),
            row.int(secret_alert::NUMBER)
        )
    },
    find: issue_key,
    id: None,
    prose: &[secret_alert::RESOLUTION_COMMENT],
    render: unrendered,
};

/// What binds it to other tables.
pub(super) const RELATIONS: &[Relation] = &[Relation {
    from: SECRET_ALERTS,
    to: REPOS,
    index: SECRET_ALERTS_BY_REPO,
    on_delete: OnDelete::Remove,
}];
