//! Members of organisations.

use archal_core::clone::SeedTable;

use super::{BOOL, ORG_MEMBERS, TEXT, USERS};
use super::{pair_key, pair_name};
use crate::engine::table::{By, Column, Index, OnDelete, Relation, Standard, Table, seed_fields};
use crate::github::render::unrendered;

/// Columns of [`super::ORG_MEMBERS`].
pub(in crate::github) mod org_member {
    pub(in crate::github) const ORG: usize = 0;
    pub(in crate::github) const USER: usize = 1;
    pub(in crate::github) const ROLE: usize = 2;
    pub(in crate::github) const PUBLIC: usize = 3;
}

/// Members of an organisation.
pub(in crate::github) const MEMBERS_BY_ORG: usize = 0;
/// Organisations of a user.
pub(in crate::github) const ORGS_BY_MEMBER: usize = 1;

const COLUMNS: &[Column; 4] = &[
    Column::new("org", TEXT, "The organisation.")
        .required()
        .of("users"),
    Column::new("user", TEXT, "The member.")
        .required()
        .of("users"),
    Column::new("role", TEXT, "What they are in it.")
        .one_of(&["admin", "member"])
        .or(Standard::Text("member")),
    Column::new(
        "public",
        BOOL,
        "Whether everybody sees that they are in it.",
    )
    .or(Standard::Bool(false)),
];

/// The table of a seed document.
pub(super) const SEED: SeedTable = SeedTable {
    name: "org_members",
    key: "org/user",
    fields: &seed_fields(COLUMNS),
};

/// The table.
pub(super) const TABLE: Table = Table {
    seed: &SEED,
    columns: COLUMNS,
    key: &[By::Folded(org_member::ORG), By::Folded(org_member::USER)],
    indexes: &[
        Index {
            group: &[By::Folded(org_member::ORG)],
            order: &[By::Folded(org_member::USER)],
        },
        Index {
            group: &[By::Folded(org_member::USER)],
            order: &[By::Folded(org_member::ORG)],
        },
    ],
    name_of: pair_name,
    find: pair_key,
    id: None,
    prose: &[],
    render: unrendered,
};

/// What binds it to other tables.
pub(super) const RELATIONS: &[Relation] = &[
    Relation {
        from: ORG_MEMBERS,
        to: USERS,
        index: MEMBERS_BY_ORG,
        on_delete: OnDelete::Remove,
    },
    Relation {
        from: ORG_MEMBERS,
        to: USERS,
        index: ORGS_BY_MEMBER,
        on_delete: OnDelete::Remove,
    },
];
