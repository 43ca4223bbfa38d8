//! Alerts of Dependabot.

use archal_core::clone::SeedTable;

use super::issue_key;
use super::{DEPENDABOT_ALERTS, INT, REPOS, TEXT, TIME};
use crate::engine::table::{By, Column, Index, OnDelete, Relation, Standard, Table, seed_fields};
use crate::github::render::unrendered;

/// Columns of [`super::DEPENDABOT_ALERTS`].
pub(in crate::github) mod dependabot_alert {
    pub(in crate::github) const REPO: usize = 0;
    pub(in crate::github) const NUMBER: usize = 1;
    pub(in crate::github) const STATE: usize = 2;
    pub(in crate::github) const ADVISORY: usize = 3;
    pub(in crate::github) const MANIFEST: usize = 4;
    pub(in crate::github) const SCOPE: usize = 5;
    pub(in crate::github) const CREATED_AT: usize = 6;
    pub(in crate::github) const UPDATED_AT: usize = 7;
    pub(in crate::github) const FIXED_AT: usize = 8;
    pub(in crate::github) const DISMISSED_AT: usize = 9;
    pub(in crate::github) const DISMISSED_BY: usize = 10;
    pub(in crate::github) const DISMISSED_REASON: usize = 11;
    pub(in crate::github) const DISMISSED_COMMENT: usize = 12;
}

/// Those of a repository, oldest first.
pub(in crate::github) const DEPENDABOT_ALERTS_BY_REPO: usize = 0;

const COLUMNS: &[Column; 13] = &[
    Column::new("repo", TEXT, "The repository.")
        .required()
        .of("repos"),
    Column::new("number", INT, "Its number in the repository.").required(),
    Column::new("state", TEXT, "Whether it stands.")
        .one_of(&["auto_dismissed", "dismissed", "fixed", "open"])
        .or(Standard::Text("open")),
    Column::new("advisory", TEXT, "The advisory, by its GHSA id.")
        .required()
        .of("advisories"),
    Column::new("manifest_path", TEXT, "The file that names the package.")
        .or(Standard::Text("package-lock.json")),
    Column::new("scope", TEXT, "What it is needed for.")
        .one_of(&["development", "runtime"])
        .or(Standard::Text("runtime")),
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
        "fix_started",
        "inaccurate",
        "no_bandwidth",
        "not_used",
        "tolerable_risk",
    ]),
    Column::new("dismissed_comment", TEXT, "What was said of it."),
];

/// The table of a seed document.
pub(super) const SEED: SeedTable = SeedTable {
    name: "dependabot_alerts",
    key: "owner/repo#number",
    fields: &seed_fields(COLUMNS),
};

/// The table.
pub(super) const TABLE: Table = Table {
    seed: &SEED,
    columns: COLUMNS,
    key: &[
        By::Folded(dependabot_alert::REPO),
        By::Column(dependabot_alert::NUMBER),
    ],
    indexes: &[Index {
        group: &[By::Folded(dependabot_alert::REPO)],
        order: &[By::Column(dependabot_alert::NUMBER)],
    }],
    name_of: |row| {
        format!(
            "{}#{}",
            row.text(dependabot_alert::REPO),
            row.int(dependabot_alert::NUMBER)
        )
    },
    find: issue_key,
    id: None,
    prose: &[dependabot_alert::DISMISSED_COMMENT],
    render: unrendered,
};

/// What binds it to other tables.
pub(super) const RELATIONS: &[Relation] = &[Relation {
    from: DEPENDABOT_ALERTS,
    to: REPOS,
    index: DEPENDABOT_ALERTS_BY_REPO,
    on_delete: OnDelete::Remove,
}];
