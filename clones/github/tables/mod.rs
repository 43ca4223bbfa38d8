//! The tables of the GitHub clone: a file each. A column's constant is its place in its table.
//!
//! - [`users`], [`repos`], [`labels`], [`issues`], [`comments`].
//! - [`pulls`], [`reviews`], [`review_comments`]: pull requests.
//! - [`events`], [`notifications`], [`reactions`], [`repo_subscriptions`], [`thread_subscriptions`].
//! - [`refs`]: git's names for objects.
//! - [`tokens`], [`former_names`].

mod comments;
mod dependencies;
mod events;
mod former_names;
mod issue_field_values;
mod issue_fields;
mod issue_types;
mod issues;
mod labels;
mod milestones;
mod notifications;
mod pulls;
mod reactions;
mod refs;
mod repo_subscriptions;
mod repos;
mod review_comments;
mod reviews;
mod sub_issues;
mod thread_subscriptions;
mod tokens;
mod users;

use archal_core::clone::{FieldKind, SeedTable};

use crate::engine::table::{Relation, Table, TableId};

pub(super) use comments::*;
pub(super) use dependencies::*;
pub(super) use events::*;
pub(super) use former_names::*;
pub(super) use issue_field_values::*;
pub(super) use issue_fields::*;
pub(super) use issue_types::*;
pub(super) use issues::*;
pub(super) use labels::*;
pub(super) use milestones::*;
pub(super) use notifications::*;
pub(super) use pulls::*;
pub(super) use reactions::*;
pub(super) use refs::*;
pub(super) use repo_subscriptions::*;
pub(super) use repos::*;
pub(super) use review_comments::*;
pub(super) use reviews::*;
pub(super) use sub_issues::*;
pub(super) use thread_subscriptions::*;
pub(super) use tokens::*;
pub(super) use users::*;

/// Lists the tables, parents before children: a constant for the place of each, and the lists
/// that the descriptor and the engine take.
macro_rules! tables {
    ($($(#[$doc:meta])* $id:ident = $file:ident,)*) => {
        #[expect(
            clippy::upper_case_acronyms,
            non_camel_case_types,
            reason = "they are the names of the constants"
        )]
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
    /// The refs' table.
    REFS = refs,
    /// The labels' table.
    LABELS = labels,
    /// The milestones' table.
    MILESTONES = milestones,
    /// The table of types of issues.
    ISSUE_TYPES = issue_types,
    /// The table of fields of issues.
    ISSUE_FIELDS = issue_fields,
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
    /// The table of what issues hold in fields.
    ISSUE_FIELD_VALUES = issue_field_values,
    /// The table of parents and their sub-issues.
    SUB_ISSUES = sub_issues,
    /// The table of what waits for what.
    DEPENDENCIES = dependencies,
    /// The table of what happened to issues.
    EVENTS = events,
    /// The reactions' table.
    REACTIONS = reactions,
    /// The table of notification threads.
    NOTIFICATIONS = notifications,
    /// The table of who follows which issue.
    THREAD_SUBSCRIPTIONS = thread_subscriptions,
    /// The table of who watches which repository.
    REPO_SUBSCRIPTIONS = repo_subscriptions,
    /// The tokens' table.
    TOKENS = tokens,
    /// The table of names that repositories had before.
    FORMER_NAMES = former_names,
}

/// What binds them.
pub(super) const RELATIONS: &[&[Relation]] = &[
    comments::RELATIONS,
    dependencies::RELATIONS,
    events::RELATIONS,
    issue_field_values::RELATIONS,
    issue_fields::RELATIONS,
    issue_types::RELATIONS,
    issues::RELATIONS,
    labels::RELATIONS,
    milestones::RELATIONS,
    notifications::RELATIONS,
    pulls::RELATIONS,
    reactions::RELATIONS,
    refs::RELATIONS,
    repo_subscriptions::RELATIONS,
    review_comments::RELATIONS,
    reviews::RELATIONS,
    sub_issues::RELATIONS,
    thread_subscriptions::RELATIONS,
    tokens::RELATIONS,
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
