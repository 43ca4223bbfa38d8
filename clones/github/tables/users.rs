//! Users and organisations.

use archal_core::clone::SeedTable;

use super::{BOOL, INT, TEXT, TIME};
use crate::engine::key::Key;
use crate::engine::table::{By, Column, Index, Standard, Table, seed_fields};
use crate::github::render;

/// Columns of [`USERS`].
pub(in crate::github) mod user {
    pub(in crate::github) const LOGIN: usize = 0;
    pub(in crate::github) const ID: usize = 1;
    pub(in crate::github) const NODE_ID: usize = 2;
    pub(in crate::github) const TYPE: usize = 3;
    pub(in crate::github) const SITE_ADMIN: usize = 4;
    pub(in crate::github) const NAME: usize = 5;
    pub(in crate::github) const COMPANY: usize = 6;
    pub(in crate::github) const BLOG: usize = 7;
    pub(in crate::github) const LOCATION: usize = 8;
    pub(in crate::github) const EMAIL: usize = 9;
    pub(in crate::github) const BIO: usize = 10;
    pub(in crate::github) const FOLLOWERS: usize = 11;
    pub(in crate::github) const FOLLOWING: usize = 12;
    pub(in crate::github) const CREATED_AT: usize = 13;
    pub(in crate::github) const UPDATED_AT: usize = 14;
    pub(in crate::github) const HIREABLE: usize = 15;
    pub(in crate::github) const TWITTER: usize = 16;
    pub(in crate::github) const DESCRIPTION: usize = 17;
    pub(in crate::github) const DEFAULT_PERMISSION: usize = 18;
}

/// Users of a mail address.
pub(in crate::github) const USERS_BY_EMAIL: usize = 0;

const COLUMNS: &[Column; 19] = &[
    Column::new("login", TEXT, "The login.").required(),
    Column::new("id", INT, "GitHub's number; generated where absent."),
    Column::new(
        "node_id",
        TEXT,
        "The GraphQL id; follows from `id` where absent.",
    ),
    Column::new("type", TEXT, "What kind of account.")
        .one_of(&["Bot", "Organization", "User"])
        .or(Standard::Text("User")),
    Column::new("site_admin", BOOL, "Whether GitHub employs them.").or(Standard::Bool(false)),
    Column::new("name", TEXT, "The full name."),
    Column::new("company", TEXT, "The company."),
    Column::new("blog", TEXT, "The website.").or(Standard::Text("")),
    Column::new("location", TEXT, "Where they are."),
    Column::new("email", TEXT, "The public mail address."),
    Column::new("bio", TEXT, "A few words."),
    Column::new("followers", INT, "How many follow them.").or(Standard::Int(0)),
    Column::new("following", INT, "How many they follow.").or(Standard::Int(0)),
    Column::new(
        "created_at",
        TIME,
        "When the account was made; 1000 days ago where absent.",
    ),
    Column::new(
        "updated_at",
        TIME,
        "When it changed last; `created_at` where absent.",
    ),
    Column::new("hireable", BOOL, "Whether they look for work."),
    Column::new("twitter_username", TEXT, "Their name on Twitter."),
    Column::new("description", TEXT, "What an organisation is for."),
    Column::new(
        "default_repository_permission",
        TEXT,
        "What members of an organisation may do with its repositories; `read` where absent.",
    )
    .one_of(&["admin", "none", "read", "write"]),
];

/// The table of a seed document.
pub(super) const SEED: SeedTable = SeedTable {
    name: "users",
    key: "login",
    fields: &seed_fields(COLUMNS),
};

/// The table.
pub(super) const TABLE: Table = Table {
    seed: &SEED,
    columns: COLUMNS,
    key: &[By::Folded(user::LOGIN)],
    indexes: &[Index {
        group: &[By::Folded(user::EMAIL)],
        order: &[By::Folded(user::LOGIN)],
    }],
    name_of: |row| row.text(user::LOGIN).to_owned(),
    find: |name| Some(Key::folded(name)),
    id: Some((user::ID, 83_000_000)),
    prose: &[],
    render: render::user::simple,
};
