//! Who follows whom.

use archal_core::clone::SeedTable;

use super::{FOLLOWS, TEXT, USERS};
use super::{pair_key, pair_name};
use crate::engine::table::{By, Column, Index, OnDelete, Relation, Table, seed_fields};
use crate::github::render::unrendered;

/// Columns of [`super::FOLLOWS`].
pub(in crate::github) mod follow {
    pub(in crate::github) const USER: usize = 0;
    pub(in crate::github) const TARGET: usize = 1;
}

/// Whom a user follows.
pub(in crate::github) const FOLLOWED_BY: usize = 0;
/// Who follows a user.
pub(in crate::github) const FOLLOWERS_OF: usize = 1;

const COLUMNS: &[Column; 2] = &[
    Column::new("user", TEXT, "Who follows.")
        .required()
        .of("users"),
    Column::new("target", TEXT, "Whom.").required().of("users"),
];

/// The table of a seed document.
pub(super) const SEED: SeedTable = SeedTable {
    name: "follows",
    key: "user/target",
    fields: &seed_fields(COLUMNS),
};

/// The table.
pub(super) const TABLE: Table = Table {
    seed: &SEED,
    columns: COLUMNS,
    key: &[By::Folded(follow::USER), By::Folded(follow::TARGET)],
    indexes: &[
        Index {
            group: &[By::Folded(follow::USER)],
            order: &[By::Folded(follow::TARGET)],
        },
        Index {
            group: &[By::Folded(follow::TARGET)],
            order: &[By::Folded(follow::USER)],
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
        from: FOLLOWS,
        to: USERS,
        index: FOLLOWED_BY,
        on_delete: OnDelete::Remove,
    },
    Relation {
        from: FOLLOWS,
        to: USERS,
        index: FOLLOWERS_OF,
        on_delete: OnDelete::Remove,
    },
];
