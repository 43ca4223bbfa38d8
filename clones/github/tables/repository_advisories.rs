//! Security advisories of repositories.

use archal_core::clone::SeedTable;

use super::label_key;
use super::{INT, REPO_ADVISORIES, REPOS, TEXT, TEXTS, TIME};
use crate::engine::table::{By, Column, Index, OnDelete, Relation, Standard, Table, seed_fields};
use crate::github::render::unrendered;

/// Columns of [`super::REPO_ADVISORIES`].
pub(in crate::github) mod repo_advisory {
    pub(in crate::github) const REPO: usize = 0;
    pub(in crate::github) const GHSA: usize = 1;
    pub(in crate::github) const CVE: usize = 2;
    pub(in crate::github) const SUMMARY: usize = 3;
    pub(in crate::github) const DESCRIPTION: usize = 4;
    pub(in crate::github) const SEVERITY: usize = 5;
    pub(in crate::github) const ECOSYSTEM: usize = 6;
    pub(in crate::github) const PACKAGE: usize = 7;
    pub(in crate::github) const RANGE: usize = 8;
    pub(in crate::github) const PATCHED: usize = 9;
    pub(in crate::github) const CWES: usize = 10;
    pub(in crate::github) const VECTOR: usize = 11;
    pub(in crate::github) const SCORE: usize = 12;
    pub(in crate::github) const NUMBER: usize = 13;
    pub(in crate::github) const STATE: usize = 14;
    pub(in crate::github) const AUTHOR: usize = 15;
    pub(in crate::github) const CREATED_AT: usize = 16;
    pub(in crate::github) const UPDATED_AT: usize = 17;
    pub(in crate::github) const PUBLISHED_AT: usize = 18;
    pub(in crate::github) const CLOSED_AT: usize = 19;
}

/// Advisories of a repository.
pub(in crate::github) const REPO_ADVISORIES_BY_REPO: usize = 0;

const COLUMNS: &[Column; 20] = &[
    Column::new("repo", TEXT, "The repository.")
        .required()
        .of("repos"),
    Column::new("ghsa_id", TEXT, "Its id; generated where absent."),
    Column::new("cve_id", TEXT, "Its CVE id."),
    Column::new("summary", TEXT, "One line.").required(),
    Column::new("description", TEXT, "All of it; `summary` where absent."),
    Column::new("severity", TEXT, "How bad it is.")
        .one_of(&["critical", "high", "low", "medium", "unknown"])
        .or(Standard::Text("high")),
    Column::new("ecosystem", TEXT, "Where the package is from.")
        .one_of(&[
            "actions", "composer", "erlang", "go", "maven", "npm", "nuget", "other", "pip", "pub",
            "rubygems", "rust", "swift",
        ])
        .or(Standard::Text("npm")),
    Column::new("package", TEXT, "The package."),
    Column::new(
        "vulnerable_version_range",
        TEXT,
        "Its versions that are concerned.",
    ),
    Column::new(
        "first_patched_version",
        TEXT,
        "The first version that is not.",
    ),
    Column::new("cwe_ids", TEXTS, "The kinds of weakness.").or(Standard::Empty),
    Column::new("cvss_vector_string", TEXT, "The CVSS vector."),
    Column::new("cvss_score", TEXT, "The CVSS score, `9.8`."),
    Column::new(
        "number",
        INT,
        "The number that `ghsa_id` follows from; generated where absent.",
    ),
    Column::new("state", TEXT, "How far it is.")
        .one_of(&["closed", "draft", "published", "triage", "withdrawn"])
        .or(Standard::Text("draft")),
    Column::new("author", TEXT, "Who wrote it; the actor where absent.").of("users"),
    Column::new(
        "created_at",
        TIME,
        "When it was made; 14 days ago where absent.",
    ),
    Column::new(
        "updated_at",
        TIME,
        "When it changed last; `created_at` where absent.",
    ),
    Column::new("published_at", TIME, "When it was published."),
    Column::new("closed_at", TIME, "When it was closed."),
];

/// The table of a seed document.
pub(super) const SEED: SeedTable = SeedTable {
    name: "repository_advisories",
    key: "owner/repo:GHSA-xxxx-xxxx-xxxx",
    fields: &seed_fields(COLUMNS),
};

/// The table.
pub(super) const TABLE: Table = Table {
    seed: &SEED,
    columns: COLUMNS,
    key: &[
        By::Folded(repo_advisory::REPO),
        By::Folded(repo_advisory::GHSA),
    ],
    indexes: &[Index {
        group: &[By::Folded(repo_advisory::REPO)],
        order: &[By::Column(repo_advisory::NUMBER)],
    }],
    name_of: |row| {
        format!(
            "{}:{}",
            row.text(repo_advisory::REPO),
            row.text(repo_advisory::GHSA)
        )
    },
    find: label_key,
    id: Some((repo_advisory::NUMBER, 40_000)),
    prose: &[repo_advisory::SUMMARY, repo_advisory::DESCRIPTION],
    render: unrendered,
};

/// What binds it to other tables.
pub(super) const RELATIONS: &[Relation] = &[Relation {
    from: REPO_ADVISORIES,
    to: REPOS,
    index: REPO_ADVISORIES_BY_REPO,
    on_delete: OnDelete::Remove,
}];
