//! Invitations to repositories.

use archal_core::clone::SeedTable;

use super::{INT, INVITATIONS, REPOS, TEXT, TIME};
use crate::engine::key::{Key, Part, folded};
use crate::engine::table::{By, Column, Index, OnDelete, Relation, Standard, Table, seed_fields};

/// Columns of [`INVITATIONS`].
pub(in crate::github) mod invitation {
    pub(in crate::github) const REPO: usize = 0;
    pub(in crate::github) const INVITEE: usize = 1;
    pub(in crate::github) const ID: usize = 2;
    pub(in crate::github) const NODE_ID: usize = 3;
    pub(in crate::github) const INVITER: usize = 4;
    pub(in crate::github) const PERMISSIONS: usize = 5;
    pub(in crate::github) const CREATED_AT: usize = 6;
}

/// Invitations to a repository, by number.
pub(in crate::github) const INVITATIONS_BY_REPO: usize = 0;

const COLUMNS: &[Column; 7] = &[
    Column::new("repo", TEXT, "The repository, `acme/webapp`.")
        .required()
        .of("repos"),
    Column::new("invitee", TEXT, "Who is invited.")
        .required()
        .of("users"),
    Column::new("id", INT, "GitHub's number; generated where absent."),
    Column::new(
        "node_id",
        TEXT,
        "The GraphQL id; follows from `id` where absent.",
    ),
    Column::new("inviter", TEXT, "Who invited; the actor where absent.").of("users"),
    Column::new("permissions", TEXT, "What they are to be.")
        .or(Standard::Text("write"))
        .one_of(&["read", "triage", "write", "maintain", "admin"]),
    Column::new(
        "created_at",
        TIME,
        "When they were invited; 1 day ago where absent.",
    ),
];

/// The table of a seed document.
pub(super) const SEED: SeedTable = SeedTable {
    name: "repo_invitations",
    key: "owner/repo:id",
    fields: &seed_fields(COLUMNS),
};

/// The table.
pub(super) const TABLE: Table = Table {
    seed: &SEED,
    columns: COLUMNS,
    key: &[By::Folded(invitation::REPO), By::Column(invitation::ID)],
    indexes: &[Index {
        group: &[By::Folded(invitation::REPO)],
        order: &[By::Column(invitation::ID)],
    }],
    name_of: |row| format!("{}:{}", row.text(invitation::REPO), row.int(invitation::ID)),
    find: invitation_key,
    id: Some((invitation::ID, 220000000)),
    prose: &[],
    // An invitation shows its repository, so it is written each time.
    render: |_, _, _| {},
};

/// What binds it to other tables.
pub(super) const RELATIONS: &[Relation] = &[Relation {
    from: INVITATIONS,
    to: REPOS,
    index: INVITATIONS_BY_REPO,
    on_delete: OnDelete::Remove,
}];

/// The key as people write it, `acme/webapp:7`.
pub(in crate::github) fn invitation_key(name: &str) -> Option<Key> {
    let (repo, id) = name.rsplit_once(':')?;
    Some(Key::new([folded(repo), Part::Int(id.parse().ok()?)]))
}
