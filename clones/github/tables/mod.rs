//! The tables of the GitHub clone: a file each. A column's constant is its place in its table.
//!
//! - [`users`], [`repos`], [`labels`], [`issues`], [`comments`].
//! - [`pulls`], [`reviews`], [`review_comments`]: pull requests.

mod comments;
mod issues;
mod labels;
mod pulls;
mod repos;
mod review_comments;
mod reviews;
mod users;

use archal_core::clone::{FieldKind, SeedTable};

use crate::engine::table::{Relation, Table, TableId};

pub(super) use comments::*;
pub(super) use issues::*;
pub(super) use labels::*;
pub(super) use pulls::*;
pub(super) use repos::*;
pub(super) use review_comments::*;
pub(super) use reviews::*;
pub(super) use users::*;

/// Lists the tables, parents before children: a constant for the place of each, and the lists
/// that the descriptor and the engine take.
macro_rules! tables {
    ($($(#[$doc:meta])* $id:ident = $file:ident,)*) => {
        #[expect(clippy::upper_case_acronyms, reason = "they are the names of the constants")]
        enum Place { $($id,)* }
        $($(#[$doc])* pub(super) const $id: TableId = Place::$id as TableId;)*

        /// The seed's tables as the descriptor lists them.
        pub(super) const SEED_TABLES: &[SeedTable] = &[$($file::SEED,)*];

        /// The tables.
        pub(super) const TABLES: &[Table] = &[$($file::TABLE,)*];
    };
}

tables! {
    /// The users' and organisations' table.
    USERS = users,
    /// The repositories' table.
    REPOS = repos,
    /// The labels' table.
    LABELS = labels,
    /// The issues' table.
    ISSUES = issues,
    /// The pull requests' table.
    PULLS = pulls,
    /// The reviews' table.
    REVIEWS = reviews,
    /// The table of comments on diffs.
    REVIEW_COMMENTS = review_comments,
    /// The comments' table.
    COMMENTS = comments,
}

/// What binds them.
pub(super) const RELATIONS: &[&[Relation]] = &[
    comments::RELATIONS,
    issues::RELATIONS,
    labels::RELATIONS,
    pulls::RELATIONS,
    review_comments::RELATIONS,
    reviews::RELATIONS,
];

const BOOL: FieldKind = FieldKind::Bool;
const INT: FieldKind = FieldKind::Int;
const TEXT: FieldKind = FieldKind::Text;
const TIME: FieldKind = FieldKind::Time;
const TEXTS: FieldKind = FieldKind::List(&FieldKind::Text);

const ASSOCIATIONS: &[&str] = &[
    "COLLABORATOR",
    "CONTRIBUTOR",
    "FIRST_TIMER",
    "FIRST_TIME_CONTRIBUTOR",
    "MANNEQUIN",
    "MEMBER",
    "NONE",
    "OWNER",
];
