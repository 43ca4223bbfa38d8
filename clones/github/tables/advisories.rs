//! Advisories of the GitHub Advisory Database.

use archal_core::clone::SeedTable;

use super::{TEXT, TEXTS, TIME};
use crate::engine::key::Key;
use crate::engine::table::{By, Column, Standard, Table, seed_fields};
use crate::github::render::unrendered;

/// Columns of [`super::ADVISORIES`].
pub(in crate::github) mod advisory {
    pub(in crate::github) const GHSA: usize = 0;
    pub(in crate::github) const CVE: usize = 1;
    pub(in crate::github) const SUMMARY: usize = 2;
    pub(in crate::github) const DESCRIPTION: usize = 3;
    pub(in crate::github) const SEVERITY: usize = 4;
    pub(in crate::github) const ECOSYSTEM: usize = 5;
    pub(in crate::github) const PACKAGE: usize = 6;
    pub(in crate::github) const RANGE: usize = 7;
    pub(in crate::github) const PATCHED: usize = 8;
    pub(in crate::github) const CWES: usize = 9;
    pub(in crate::github) const VECTOR: usize = 10;
    pub(in crate::github) const SCORE: usize = 11;
    pub(in crate::github) const TYPE: usize = 12;
    pub(in crate::github) const REFERENCES: usize = 13;
    pub(in crate::github) const PUBLISHED_AT: usize = 14;
    pub(in crate::github) const UPDATED_AT: usize = 15;
    pub(in crate::github) const WITHDRAWN_AT: usize = 16;
}

const COLUMNS: &[Column; 17] = &[
    Column::new("ghsa_id", TEXT, "Its id.").required(),
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
    Column::new("type", TEXT, "Who looked at it.")
        .one_of(&["malware", "reviewed", "unreviewed"])
        .or(Standard::Text("reviewed")),
    Column::new("references", TEXTS, "Where more is to be read.").or(Standard::Empty),
    Column::new(
        "published_at",
        TIME,
        "When it was published; 60 days ago where absent.",
    ),
    Column::new(
        "updated_at",
        TIME,
        "When it changed last; `published_at` where absent.",
    ),
    Column::new("withdrawn_at", TIME, "When it was withdrawn."),
];

/// The table of a seed document.
pub(super) const SEED: SeedTable = SeedTable {
    name: "advisories",
    key: "GHSA-xxxx-xxxx-xxxx",
    fields: &seed_fields(COLUMNS),
};

/// The table.
pub(super) const TABLE: Table = Table {
    seed: &SEED,
    columns: COLUMNS,
    key: &[By::Folded(advisory::GHSA)],
    indexes: &[],
    name_of: |row| row.text(advisory::GHSA).to_owned(),
    find: |name| Some(Key::folded(name)),
    id: None,
    prose: &[],
    render: unrendered,
};
