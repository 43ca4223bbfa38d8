//! Alerts of code scanning.

use archal_core::clone::SeedTable;

use super::issue_key;
use super::{CODE_ALERTS, INT, REPOS, TEXT, TEXTS, TIME};
use crate::engine::table::{By, Column, Index, OnDelete, Relation, Standard, Table, seed_fields};
use crate::github::render::unrendered;

/// Columns of [`super::CODE_ALERTS`].
pub(in crate::github) mod code_alert {
    pub(in crate::github) const REPO: usize = 0;
    pub(in crate::github) const NUMBER: usize = 1;
    pub(in crate::github) const STATE: usize = 2;
    pub(in crate::github) const RULE_ID: usize = 3;
    pub(in crate::github) const RULE: usize = 4;
    pub(in crate::github) const SEVERITY: usize = 5;
    pub(in crate::github) const SECURITY_SEVERITY: usize = 6;
    pub(in crate::github) const TAGS: usize = 7;
    pub(in crate::github) const TOOL: usize = 8;
    pub(in crate::github) const TOOL_VERSION: usize = 9;
    pub(in crate::github) const REF: usize = 10;
    pub(in crate::github) const SHA: usize = 11;
    pub(in crate::github) const MESSAGE: usize = 12;
    pub(in crate::github) const PATH: usize = 13;
    pub(in crate::github) const START_LINE: usize = 14;
    pub(in crate::github) const END_LINE: usize = 15;
    pub(in crate::github) const START_COLUMN: usize = 16;
    pub(in crate::github) const END_COLUMN: usize = 17;
    pub(in crate::github) const CREATED_AT: usize = 18;
    pub(in crate::github) const UPDATED_AT: usize = 19;
    pub(in crate::github) const FIXED_AT: usize = 20;
    pub(in crate::github) const DISMISSED_AT: usize = 21;
    pub(in crate::github) const DISMISSED_BY: usize = 22;
    pub(in crate::github) const DISMISSED_REASON: usize = 23;
    pub(in crate::github) const DISMISSED_COMMENT: usize = 24;
}

/// Those of a repository, oldest first.
pub(in crate::github) const CODE_ALERTS_BY_REPO: usize = 0;

const COLUMNS: &[Column; 25] = &[
    Column::new("repo", TEXT, "The repository.")
        .required()
        .of("repos"),
    Column::new("number", INT, "Its number in the repository.").required(),
    Column::new("state", TEXT, "Whether it stands.")
        .one_of(&["dismissed", "fixed", "open"])
        .or(Standard::Text("open")),
    Column::new("rule_id", TEXT, "The rule, `js/sql-injection`.").required(),
    Column::new(
        "rule_description",
        TEXT,
        "What the rule is about; its id where absent.",
    ),
    Column::new("severity", TEXT, "How bad it is.")
        .one_of(&["error", "none", "note", "warning"])
        .or(Standard::Text("error")),
    Column::new(
        "security_severity_level",
        TEXT,
        "How bad it is for security.",
    )
    .one_of(&["critical", "high", "low", "medium"]),
    Column::new("tags", TEXTS, "What the rule is tagged with.").or(Standard::Empty),
    Column::new("tool_name", TEXT, "Who found it.").or(Standard::Text("CodeQL")),
    Column::new("tool_version", TEXT, "The version of the tool."),
    Column::new(
        "ref",
        TEXT,
        "The ref it was found on; that of the default branch where absent.",
    ),
    Column::new("commit_sha", TEXT, "The commit it was found on.")
        .or(Standard::Text("0000000000000000000000000000000000000000")),
    Column::new(
        "message",
        TEXT,
        "What is wrong there; `rule_description` where absent.",
    ),
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
    Column::new("fixed_at", TIME, "When it was fixed."),
    Column::new("dismissed_at", TIME, "When it was dismissed."),
    Column::new("dismissed_by", TEXT, "Who dismissed it.").of("users"),
    Column::new("dismissed_reason", TEXT, "Why.").one_of(&[
        "false positive",
        "mitigated",
        "used in tests",
        "won't fix",
    ]),
    Column::new("dismissed_comment", TEXT, "What was said of it."),
];

/// The table of a seed document.
pub(super) const SEED: SeedTable = SeedTable {
    name: "code_scanning_alerts",
    key: "owner/repo#number",
    fields: &seed_fields(COLUMNS),
};

/// The table.
pub(super) const TABLE: Table = Table {
    seed: &SEED,
    columns: COLUMNS,
    key: &[By::Folded(code_alert::REPO), By::Column(code_alert::NUMBER)],
    indexes: &[Index {
        group: &[By::Folded(code_alert::REPO)],
        order: &[By::Column(code_alert::NUMBER)],
    }],
    name_of: |row| {
        format!(
            "{}#{}",
            row.text(code_alert::REPO),
            row.int(code_alert::NUMBER)
        )
    },
    find: issue_key,
    id: None,
    prose: &[code_alert::DISMISSED_COMMENT],
    render: unrendered,
};

/// What binds it to other tables.
pub(super) const RELATIONS: &[Relation] = &[Relation {
    from: CODE_ALERTS,
    to: REPOS,
    index: CODE_ALERTS_BY_REPO,
    on_delete: OnDelete::Remove,
}];
