//! Projects of users and organisations.

use archal_core::clone::SeedTable;

use super::{BOOL, INT, PROJECTS, TEXT, TIME, USERS};
use crate::engine::key::{Key, Part, folded};
use crate::engine::table::{By, Column, Index, OnDelete, Relation, Standard, Table, seed_fields};
use crate::github::render::unrendered;

/// Columns of [`super::PROJECTS`].
pub(in crate::github) mod project {
    pub(in crate::github) const OWNER: usize = 0;
    pub(in crate::github) const NUMBER: usize = 1;
    pub(in crate::github) const ID: usize = 2;
    pub(in crate::github) const NODE_ID: usize = 3;
    pub(in crate::github) const CREATOR: usize = 4;
    pub(in crate::github) const TITLE: usize = 5;
    pub(in crate::github) const DESCRIPTION: usize = 6;
    pub(in crate::github) const SHORT: usize = 7;
    pub(in crate::github) const PUBLIC: usize = 8;
    pub(in crate::github) const STATE: usize = 9;
    pub(in crate::github) const CLOSED_AT: usize = 10;
    pub(in crate::github) const CREATED_AT: usize = 11;
    pub(in crate::github) const UPDATED_AT: usize = 12;
}

/// Projects of an owner.
pub(in crate::github) const PROJECTS_BY_OWNER: usize = 0;

const COLUMNS: &[Column; 13] = &[
    Column::new("owner", TEXT, "The user or organisation.")
        .required()
        .of("users"),
    Column::new("number", INT, "Its number there.").required(),
    Column::new("id", INT, "GitHub's number; generated where absent."),
    Column::new(
        "node_id",
        TEXT,
        "The GraphQL id; follows from `id` where absent.",
    ),
    Column::new("creator", TEXT, "Who made it; the actor where absent.").of("users"),
    Column::new("title", TEXT, "The title.").required(),
    Column::new("description", TEXT, "What it is for, at length."),
    Column::new("short_description", TEXT, "What it is for."),
    Column::new("public", BOOL, "Whether everybody sees it.").or(Standard::Bool(false)),
    Column::new("state", TEXT, "Whether it is open.")
        .one_of(&["closed", "open"])
        .or(Standard::Text("open")),
    Column::new("closed_at", TIME, "When it was closed."),
    Column::new(
        "created_at",
        TIME,
        "When it was made; 90 days ago where absent.",
    ),
    Column::new(
        "updated_at",
        TIME,
        "When it changed last; `created_at` where absent.",
    ),
];

/// The table of a seed document.
pub(super) const SEED: SeedTable = SeedTable {
    name: "projects",
    key: "owner/number",
    fields: &seed_fields(COLUMNS),
};

/// The table.
pub(super) const TABLE: Table = Table {
    seed: &SEED,
    columns: COLUMNS,
    key: &[By::Folded(project::OWNER), By::Column(project::NUMBER)],
    indexes: &[Index {
        group: &[By::Folded(project::OWNER)],
        order: &[By::Column(project::NUMBER)],
    }],
    name_of: |row| format!("{}/{}", row.text(project::OWNER), row.int(project::NUMBER)),
    find: project_key,
    id: Some((project::ID, 15_000_000)),
    prose: &[project::TITLE, project::DESCRIPTION],
    render: unrendered,
};

/// What binds it to other tables.
pub(super) const RELATIONS: &[Relation] = &[Relation {
    from: PROJECTS,
    to: USERS,
    index: PROJECTS_BY_OWNER,
    on_delete: OnDelete::Remove,
}];

/// The key of a project as seeds write it, `acme/3`.
pub(in crate::github) fn project_key(name: &str) -> Option<Key> {
    let (owner, number) = name.split_once('/')?;
    Some(Key::new([folded(owner), Part::Int(number.parse().ok()?)]))
}

/// The key of a field or an item of a project, `acme/3:7`.
pub(in crate::github) fn in_project_key(name: &str) -> Option<Key> {
    let (project, id) = name.split_once(':')?;
    let (owner, number) = project.split_once('/')?;
    Some(Key::new([
        folded(owner),
        Part::Int(number.parse().ok()?),
        Part::Int(id.parse().ok()?),
    ]))
}
