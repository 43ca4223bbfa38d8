//! Protection of branches.

use archal_core::clone::SeedTable;

use super::{BOOL, INT, PROTECTIONS, REPOS, TEXT, TEXTS};
use crate::engine::key::{Key, Part, folded};
use crate::engine::table::{By, Column, Index, OnDelete, Relation, Standard, Table, seed_fields};
use crate::github::render;

/// Columns of [`PROTECTIONS`].
pub(in crate::github) mod protection {
    pub(in crate::github) const REPO: usize = 0;
    pub(in crate::github) const BRANCH: usize = 1;
    pub(in crate::github) const ID: usize = 2;
    pub(in crate::github) const CONTEXTS: usize = 3;
    pub(in crate::github) const STRICT: usize = 4;
    pub(in crate::github) const REVIEWS: usize = 5;
    pub(in crate::github) const DISMISS_STALE_REVIEWS: usize = 6;
    pub(in crate::github) const CODE_OWNERS: usize = 7;
    pub(in crate::github) const LAST_PUSH: usize = 8;
    pub(in crate::github) const DISMISSAL_USERS: usize = 9;
    pub(in crate::github) const ENFORCE_ADMINS: usize = 10;
    pub(in crate::github) const PUSH_USERS: usize = 11;
    pub(in crate::github) const PUSH_TEAMS: usize = 12;
    pub(in crate::github) const PUSH_APPS: usize = 13;
    pub(in crate::github) const LINEAR: usize = 14;
    pub(in crate::github) const FORCE: usize = 15;
    pub(in crate::github) const DELETIONS: usize = 16;
    pub(in crate::github) const BLOCK_CREATIONS: usize = 17;
    pub(in crate::github) const CONVERSATIONS: usize = 18;
    pub(in crate::github) const LOCK: usize = 19;
    pub(in crate::github) const FORK_SYNCING: usize = 20;
    pub(in crate::github) const SIGNATURES: usize = 21;

    /// What is on or off of a branch, as bodies name it.
    pub(in crate::github) const SWITCHES: [(&str, usize); 7] = [
        ("required_linear_history", LINEAR),
        ("allow_force_pushes", FORCE),
        ("allow_deletions", DELETIONS),
        ("block_creations", BLOCK_CREATIONS),
        ("required_conversation_resolution", CONVERSATIONS),
        ("lock_branch", LOCK),
        ("allow_fork_syncing", FORK_SYNCING),
    ];
}

/// Protected branches of a repository, by name.
pub(in crate::github) const PROTECTIONS_BY_REPO: usize = 0;

const COLUMNS: &[Column; 22] = &[
    Column::new("repo", TEXT, "The repository, `acme/webapp`.")
        .required()
        .of("repos"),
    Column::new("branch", TEXT, "The branch.").required(),
    Column::new("id", INT, "GitHub's number; generated where absent."),
    Column::new(
        "contexts",
        TEXTS,
        "Checks that must pass before a merge; none are required where absent.",
    ),
    Column::new(
        "strict",
        BOOL,
        "Whether a branch must be up to date with its base before a merge.",
    )
    .or(Standard::Bool(false)),
    Column::new(
        "required_approving_review_count",
        INT,
        "How many must approve a pull request; reviews are not required where absent.",
    ),
    Column::new(
        "dismiss_stale_reviews",
        BOOL,
        "Whether a push takes approvals back.",
    )
    .or(Standard::Bool(false)),
    Column::new(
        "require_code_owner_reviews",
        BOOL,
        "Whether code owners must approve.",
    )
    .or(Standard::Bool(false)),
    Column::new(
        "require_last_push_approval",
        BOOL,
        "Whether somebody else than the last pusher must approve.",
    )
    .or(Standard::Bool(false)),
    Column::new("dismissal_users", TEXTS, "Who alone may dismiss reviews.").of("users"),
    Column::new(
        "enforce_admins",
        BOOL,
        "Whether it binds administrators too.",
    )
    .or(Standard::Bool(false)),
    Column::new(
        "push_users",
        TEXTS,
        "Who alone may push; everybody who may write where absent.",
    )
    .of("users"),
    Column::new("push_teams", TEXTS, "Which teams alone may push, by slug."),
    Column::new("push_apps", TEXTS, "Which apps alone may push, by slug."),
    Column::new(
        "required_linear_history",
        BOOL,
        "Whether merge commits are refused.",
    )
    .or(Standard::Bool(false)),
    Column::new(
        "allow_force_pushes",
        BOOL,
        "Whether the branch may be moved to what does not follow it.",
    )
    .or(Standard::Bool(false)),
    Column::new(
        "allow_deletions",
        BOOL,
        "Whether the branch may be deleted.",
    )
    .or(Standard::Bool(false)),
    Column::new(
        "block_creations",
        BOOL,
        "Whether only those who may push may create the branch.",
    )
    .or(Standard::Bool(false)),
    Column::new(
        "required_conversation_resolution",
        BOOL,
        "Whether conversations must be resolved before a merge.",
    )
    .or(Standard::Bool(false)),
    Column::new("lock_branch", BOOL, "Whether the branch takes no writes.")
        .or(Standard::Bool(false)),
    Column::new(
        "allow_fork_syncing",
        BOOL,
        "Whether a locked branch may be synced with its upstream.",
    )
    .or(Standard::Bool(false)),
    Column::new(
        "required_signatures",
        BOOL,
        "Whether commits must be signed.",
    )
    .or(Standard::Bool(false)),
];

/// The table of a seed document.
pub(super) const SEED: SeedTable = SeedTable {
    name: "branch_protections",
    key: "owner/repo:branch",
    fields: &seed_fields(COLUMNS),
};

/// The table.
pub(super) const TABLE: Table = Table {
    seed: &SEED,
    columns: COLUMNS,
    key: &[By::Folded(protection::REPO), By::Column(protection::BRANCH)],
    indexes: &[Index {
        group: &[By::Folded(protection::REPO)],
        order: &[By::Column(protection::BRANCH)],
    }],
    name_of: |row| {
        format!(
            "{}:{}",
            row.text(protection::REPO),
            row.text(protection::BRANCH)
        )
    },
    find: protection_key,
    id: Some((protection::ID, 61000000)),
    prose: &[],
    render: render::protection::unrendered,
};

/// What binds it to other tables.
pub(super) const RELATIONS: &[Relation] = &[Relation {
    from: PROTECTIONS,
    to: REPOS,
    index: PROTECTIONS_BY_REPO,
    on_delete: OnDelete::Remove,
}];

/// The key as people write it, `acme/webapp:main`.
pub(in crate::github) fn protection_key(name: &str) -> Option<Key> {
    let (repo, branch) = name.split_once(':')?;
    (!branch.is_empty()).then(|| protection_of(repo, branch))
}

/// The key of the protection of a branch.
pub(in crate::github) fn protection_of(repo: &str, branch: &str) -> Key {
    Key::new([folded(repo), Part::Text(branch.into())])
}
