//! Findings of code quality.

use archal_core::clone::SeedTable;

use super::issue_key;
use super::{FINDINGS, INT, REPOS, TEXT, TIME};
use crate::engine::table::{By, Column, Index, OnDelete, Relation, Standard, Table, seed_fields};
use crate::github::render::unrendered;

/// Columns of [`super::FINDINGS`].
pub(in crate::github) mod finding {
    pub(in crate::github) const REPO: usize = 0;
    pub(in crate::github) const NUMBER: usize = 1;
    pub(in crate::github) const STATE: usize = 2;
    pub(in crate::github) const RULE_ID: usize = 3;
    pub(in crate::github) const TITLE: usize = 4;
    pub(in crate::github) const DESCRIPTION: usize = 5;
    pub(in crate::github) const SEVERITY: usize = 6;
    pub(in crate::github) const CATEGORY: usize = 7;
    pub(in crate::github) const MESSAGE: usize = 8;
    pub(in crate::github) const PATH: usize = 9;
    pub(in crate::github) const START_LINE: usize = 10;
    pub(in crate::github) const END_LINE: usize = 11;
    pub(in crate::github) const START_COLUMN: usize = 12;
    pub(in crate::github) const END_COLUMN: usize = 13;
    pub(in crate::github) const CREATED_AT: usize = 14;
    pub(in crate::github) const UPDATED_AT: usize = 15;
}

/// Those of a repository, oldest first.
pub(in crate::github) const FINDINGS_BY_REPO: usize = 0;

const COLUMNS: &[Column; 16] = &[
    Column::new("repo", TEXT, "The repository.")
        .required()
        .of("repos"),
    Column::new("number", INT, "Its number in the repository.").required(),
    Column::new("state", TEXT, "Whether it stands.")
        .one_of(&["dismissed", "open"])
        .or(Standard::Text("open")),
    Column::new("rule_id", TEXT, "The rule.").required(),
    Column::new(
        "title",
        TEXT,
        "What the rule is called; its id where absent.",
    ),
    Column::new(
        "description",
        TEXT,
        "What the rule is about; `title` where absent.",
    ),
    Column::new("severity", TEXT, "How bad it is.")
        .one_of(&["error", "none", "note", "warning"])
        .or(Standard::Text("warning")),
    Column::new("category", TEXT, "What it is about.")
        .one_of(&["maintainability", "none", "reliability"])
        .or(Standard::Text("maintainability")),
    Column::new(
        "message",
        TEXT,
        "What is wrong there; `description` where absent.",
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
];

/// The table of a seed document.
pub(super) const SEED: SeedTable = SeedTable {
    name: "code_quality_findings",
    key: "owner/repo#number",
    fields: &seed_fields(COLUMNS),
};

/// The table.
pub(super) const TABLE: Table = Table {
    seed: &SEED,
    columns: COLUMNS,
    key: &[By::Folded(finding::REPO), By::Column(finding::NUMBER)],
    indexes: &[Index {
        group: &[By::Folded(finding::REPO)],
        order: &[By::Column(finding::NUMBER)],
    }],
    name_of: |row| format!("{}#{}", row.text(finding::REPO), row.int(finding::NUMBER)),
    find: issue_key,
    id: None,
    prose: &[],
    render: unrendered,
};

/// What binds it to other tables.
pub(super) const RELATIONS: &[Relation] = &[Relation {
    from: FINDINGS,
    to: REPOS,
    index: FINDINGS_BY_REPO,
    on_delete: OnDelete::Remove,
}];
