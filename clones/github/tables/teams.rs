//! Teams of organisations.

use archal_core::clone::SeedTable;

use super::{INT, TEAMS, TEXT, TEXTS, TIME, USERS};
use super::{pair_key, pair_name, user};
use crate::engine::table::{By, Column, Index, OnDelete, Relation, Standard, Table, seed_fields};
use crate::github::render;

/// Columns of [`super::TEAMS`].
pub(in crate::github) mod team {
    pub(in crate::github) const ORG: usize = 0;
    pub(in crate::github) const SLUG: usize = 1;
    pub(in crate::github) const NAME: usize = 2;
    pub(in crate::github) const ID: usize = 3;
    pub(in crate::github) const NODE_ID: usize = 4;
    pub(in crate::github) const DESCRIPTION: usize = 5;
    pub(in crate::github) const PRIVACY: usize = 6;
    pub(in crate::github) const NOTIFICATIONS: usize = 7;
    pub(in crate::github) const PERMISSION: usize = 8;
    pub(in crate::github) const PARENT: usize = 9;
    pub(in crate::github) const MEMBERS: usize = 10;
    pub(in crate::github) const MAINTAINERS: usize = 11;
    pub(in crate::github) const CREATED_AT: usize = 12;
    pub(in crate::github) const UPDATED_AT: usize = 13;
}

/// Teams of an organisation.
pub(in crate::github) const TEAMS_BY_ORG: usize = 0;
/// Teams of a member.
pub(in crate::github) const TEAMS_BY_MEMBER: usize = 1;
/// Teams of a maintainer.
pub(in crate::github) const TEAMS_BY_MAINTAINER: usize = 2;

const COLUMNS: &[Column; 14] = &[
    Column::new("org", TEXT, "The organisation.")
        .required()
        .of("users"),
    Column::new(
        "slug",
        TEXT,
        "The name in addresses; follows from `name` where absent.",
    ),
    Column::new("name", TEXT, "The name.").required(),
    Column::new("id", INT, "GitHub's number; generated where absent."),
    Column::new(
        "node_id",
        TEXT,
        "The GraphQL id; follows from `id` where absent.",
    ),
    Column::new("description", TEXT, "What it is for."),
    Column::new(
        "privacy",
        TEXT,
        "Who sees it: the members of the organisation, or its own only.",
    )
    .one_of(&["closed", "secret"])
    .or(Standard::Text("closed")),
    Column::new(
        "notification_setting",
        TEXT,
        "Whether mentions of it notify.",
    )
    .one_of(&["notifications_disabled", "notifications_enabled"])
    .or(Standard::Text("notifications_enabled")),
    Column::new(
        "permission",
        TEXT,
        "What it may do with a repository that it is given.",
    )
    .one_of(&["admin", "maintain", "pull", "push", "triage"])
    .or(Standard::Text("pull")),
    Column::new("parent", TEXT, "The slug of the team above it."),
    Column::new("members", TEXTS, "Its members.")
        .of("users")
        .or(Standard::Empty),
    Column::new("maintainers", TEXTS, "Its members that manage it.")
        .of("users")
        .or(Standard::Empty),
    Column::new(
        "created_at",
        TIME,
        "When it was made; 300 days ago where absent.",
    ),
    Column::new(
        "updated_at",
        TIME,
        "When it changed last; `created_at` where absent.",
    ),
];

/// The table of a seed document.
pub(super) const SEED: SeedTable = SeedTable {
    name: "teams",
    key: "org/slug",
    fields: &seed_fields(COLUMNS),
};

/// The table.
pub(super) const TABLE: Table = Table {
    seed: &SEED,
    columns: COLUMNS,
    key: &[By::Folded(team::ORG), By::Folded(team::SLUG)],
    indexes: &[
        Index {
            group: &[By::Folded(team::ORG)],
            order: &[By::Folded(team::SLUG)],
        },
        Index {
            group: &[By::Each(team::MEMBERS)],
            order: &[By::Folded(team::ORG), By::Folded(team::SLUG)],
        },
        Index {
            group: &[By::Each(team::MAINTAINERS)],
            order: &[By::Folded(team::ORG), By::Folded(team::SLUG)],
        },
    ],
    name_of: pair_name,
    find: pair_key,
    id: Some((team::ID, 9_800_000)),
    prose: &[],
    render: render::team::team,
};

/// What binds it to other tables.
pub(super) const RELATIONS: &[Relation] = &[
    Relation {
        from: TEAMS,
        to: USERS,
        index: TEAMS_BY_ORG,
        on_delete: OnDelete::Remove,
    },
    Relation {
        from: TEAMS,
        to: USERS,
        index: TEAMS_BY_MEMBER,
        on_delete: OnDelete::Unlink {
            list: team::MEMBERS,
            name: user::LOGIN,
        },
    },
    Relation {
        from: TEAMS,
        to: USERS,
        index: TEAMS_BY_MAINTAINER,
        on_delete: OnDelete::Unlink {
            list: team::MAINTAINERS,
            name: user::LOGIN,
        },
    },
];
