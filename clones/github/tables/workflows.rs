//! Workflows of repositories.

use archal_core::clone::SeedTable;

use super::{INT, REPOS, TEXT, TEXTS, TIME, WORKFLOWS};
use crate::engine::key::{Key, Part, folded};
use crate::engine::table::{By, Column, Index, OnDelete, Relation, Standard, Table, seed_fields};
use crate::github::render::unrendered;
use archal_core::clone::{FieldKind, ViewField};

/// Columns of [`super::WORKFLOWS`].
pub(in crate::github) mod workflow {
    pub(in crate::github) const REPO: usize = 0;
    pub(in crate::github) const PATH: usize = 1;
    pub(in crate::github) const ID: usize = 2;
    pub(in crate::github) const NODE_ID: usize = 3;
    pub(in crate::github) const NAME: usize = 4;
    pub(in crate::github) const STATE: usize = 5;
    pub(in crate::github) const TRIGGERS: usize = 6;
    pub(in crate::github) const INPUTS: usize = 7;
    pub(in crate::github) const JOBS: usize = 8;
    pub(in crate::github) const OUTCOME: usize = 9;
    pub(in crate::github) const CREATED_AT: usize = 10;
    pub(in crate::github) const UPDATED_AT: usize = 11;
}

/// Workflows of a repository.
pub(in crate::github) const WORKFLOWS_BY_REPO: usize = 0;

const COLUMNS: &[Column; 12] = &[
    Column::new("repo", TEXT, "The repository.").required().of("repos"),
    Column::new("path", TEXT, "The file, `.github/workflows/ci.yml`.").required(),
    Column::new("id", INT, "GitHub's number; generated where absent."),
    Column::new("node_id", TEXT, "The GraphQL id; follows from `id` where absent."),
    Column::new("name", TEXT, "The name; the path where absent."),
    Column::new("state", TEXT, "Whether it runs.").one_of(&["active", "deleted", "disabled_fork", "disabled_inactivity", "disabled_manually"]).or(Standard::Text("active")),
    Column::new("triggers", TEXTS, "What it runs on; `push` and `workflow_dispatch` where absent."),
    Column::new("inputs", INPUTS, "What a dispatch gives it.").or(Standard::Empty),
    Column::new("jobs", TEXTS, "The jobs of a new run; `build` where absent."),
    Column::new("outcome", TEXT, "What becomes of a run that a call starts: it stays queued, or it is completed at once with that conclusion.").one_of(&["queued", "success", "failure"]).or(Standard::Text("queued")),
    Column::new("created_at", TIME, "When it was made; 200 days ago where absent."),
    Column::new("updated_at", TIME, "When it changed last; `created_at` where absent."),
];

/// The table of a seed document.
pub(super) const SEED: SeedTable = SeedTable {
    name: "workflows",
    key: "owner/repo:path",
    fields: &seed_fields(COLUMNS),
};

/// The table.
pub(super) const TABLE: Table = Table {
    seed: &SEED,
    columns: COLUMNS,
    key: &[By::Folded(workflow::REPO), By::Column(workflow::PATH)],
    indexes: &[Index {
        group: &[By::Folded(workflow::REPO)],
        order: &[By::Column(workflow::ID)],
    }],
    name_of: |row| format!("{}:{}", row.text(workflow::REPO), row.text(workflow::PATH)),
    find: workflow_key,
    id: Some((workflow::ID, 161_000_000)),
    prose: &[],
    render: unrendered,
};

/// What binds it to other tables.
pub(super) const RELATIONS: &[Relation] = &[Relation {
    from: WORKFLOWS,
    to: REPOS,
    index: WORKFLOWS_BY_REPO,
    on_delete: OnDelete::Remove,
}];

/// The key of a workflow as seeds write it, `acme/webapp:.github/workflows/ci.yml`.
pub(in crate::github) fn workflow_key(name: &str) -> Option<Key> {
    let (repo, path) = name.split_once(':')?;
    Some(Key::new([folded(repo), Part::Text(path.into())]))
}

const INPUTS: FieldKind = FieldKind::List(&FieldKind::Object(&[
    optional("name", FieldKind::Text, false),
    optional("required", FieldKind::Bool, true),
    optional("default", FieldKind::Text, true),
    optional("options", FieldKind::List(&FieldKind::Text), true),
]));

const fn optional(name: &'static str, kind: FieldKind, nullable: bool) -> ViewField {
    ViewField {
        name,
        kind,
        nullable,
    }
}
