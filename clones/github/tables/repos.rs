//! Repositories.

use archal_core::clone::{FieldKind, SeedTable};

use super::{BOOL, INT, TEXT, TEXTS, TIME};
use crate::engine::key::Key;
use crate::engine::table::{By, Column, Index, Standard, Table, seed_fields};
use crate::github::render;

/// Columns of [`REPOS`].
pub(in crate::github) mod repo {
    pub(in crate::github) const FULL_NAME: usize = 0;
    pub(in crate::github) const ID: usize = 1;
    pub(in crate::github) const NODE_ID: usize = 2;
    pub(in crate::github) const OWNER: usize = 3;
    pub(in crate::github) const PRIVATE: usize = 4;
    pub(in crate::github) const DESCRIPTION: usize = 5;
    pub(in crate::github) const HOMEPAGE: usize = 6;
    pub(in crate::github) const LANGUAGE: usize = 7;
    pub(in crate::github) const TOPICS: usize = 8;
    pub(in crate::github) const FORK: usize = 9;
    pub(in crate::github) const ARCHIVED: usize = 10;
    pub(in crate::github) const HAS_ISSUES: usize = 11;
    pub(in crate::github) const DEFAULT_BRANCH: usize = 12;
    pub(in crate::github) const STARGAZERS: usize = 13;
    pub(in crate::github) const FORKS: usize = 14;
    pub(in crate::github) const SIZE: usize = 15;
    pub(in crate::github) const PERMISSION: usize = 16;
    pub(in crate::github) const COLLABORATORS: usize = 17;
    pub(in crate::github) const NEXT_ISSUE_NUMBER: usize = 18;
    pub(in crate::github) const CREATED_AT: usize = 19;
    pub(in crate::github) const UPDATED_AT: usize = 20;
    pub(in crate::github) const PUSHED_AT: usize = 21;
    pub(in crate::github) const HAS_PROJECTS: usize = 22;
    pub(in crate::github) const HAS_WIKI: usize = 23;
    pub(in crate::github) const HAS_DISCUSSIONS: usize = 24;
    pub(in crate::github) const IS_TEMPLATE: usize = 25;
    pub(in crate::github) const ALLOW_SQUASH_MERGE: usize = 26;
    pub(in crate::github) const ALLOW_MERGE_COMMIT: usize = 27;
    pub(in crate::github) const ALLOW_REBASE_MERGE: usize = 28;
    pub(in crate::github) const ALLOW_AUTO_MERGE: usize = 29;
    pub(in crate::github) const DELETE_BRANCH_ON_MERGE: usize = 30;
    pub(in crate::github) const ALLOW_UPDATE_BRANCH: usize = 31;
    pub(in crate::github) const ALLOW_FORKING: usize = 32;
    pub(in crate::github) const WEB_COMMIT_SIGNOFF_REQUIRED: usize = 33;
    pub(in crate::github) const SQUASH_MERGE_COMMIT_TITLE: usize = 34;
    pub(in crate::github) const SQUASH_MERGE_COMMIT_MESSAGE: usize = 35;
    pub(in crate::github) const MERGE_COMMIT_TITLE: usize = 36;
    pub(in crate::github) const MERGE_COMMIT_MESSAGE: usize = 37;
    pub(in crate::github) const LICENSE: usize = 38;
    pub(in crate::github) const PARENT: usize = 39;
    pub(in crate::github) const COLLABORATOR_ROLES: usize = 40;
    pub(in crate::github) const FILES: usize = 41;
}

/// Repositories of an owner, by name.
pub(in crate::github) const REPOS_BY_OWNER: usize = 0;

/// The repository of a number.
pub(in crate::github) const REPOS_BY_ID: usize = 1;

/// Forks of a repository, by number.
pub(in crate::github) const REPOS_BY_PARENT: usize = 2;

/// A map of texts.
const FILES: FieldKind = FieldKind::Object(&[]);

const COLUMNS: &[Column; 42] = &[
    Column::new("full_name", TEXT, "Owner and name, `acme/webapp`.").required(),
    Column::new("id", INT, "GitHub's number; generated where absent."),
    Column::new("node_id", TEXT, "The GraphQL id; follows from `id` where absent."),
    Column::new("owner", TEXT, "The owner; follows from `full_name` where absent.").of("users"),
    Column::new("private", BOOL, "Whether only members see it.").or(Standard::Bool(false)),
    Column::new("description", TEXT, "One line about it."),
    Column::new("homepage", TEXT, "Its website."),
    Column::new("language", TEXT, "The main language."),
    Column::new("topics", TEXTS, "Its topics.").or(Standard::Empty),
    Column::new("fork", BOOL, "Whether it is a fork.").or(Standard::Bool(false)),
    Column::new("archived", BOOL, "Whether it takes no writes any more.").or(Standard::Bool(false)),
    Column::new("has_issues", BOOL, "Whether it has issues.").or(Standard::Bool(true)),
    Column::new("default_branch", TEXT, "The default branch.").or(Standard::Text("main")),
    Column::new("stargazers_count", INT, "How many starred it.").or(Standard::Int(0)),
    Column::new("forks_count", INT, "How many forked it.").or(Standard::Int(0)),
    Column::new("size", INT, "Its size in KB.").or(Standard::Int(0)),
    Column::new(
        "permission",
        TEXT,
        "What the actor may do; `admin` in the actor's own and in organisations, `pull` elsewhere where absent.",
    )
    .one_of(&["none", "pull", "triage", "push", "maintain", "admin"]),
    Column::new(
        "collaborators",
        TEXTS,
        "Who can be assigned beside a user who owns it; everybody in `users` where absent.",
    )
    .of("users"),
    Column::new(
        "next_issue_number",
        INT,
        "The least number of a new issue, where issues that are not in the seed took some.",
    ),
    Column::new("created_at", TIME, "When it was made; 400 days ago where absent."),
    Column::new("updated_at", TIME, "When it changed last; `created_at` where absent."),
    Column::new("pushed_at", TIME, "When it was pushed to last; `updated_at` where absent."),
    Column::new("has_projects", BOOL, "Whether it has projects.").or(Standard::Bool(true)),
    Column::new("has_wiki", BOOL, "Whether it has a wiki.").or(Standard::Bool(true)),
    Column::new("has_discussions", BOOL, "Whether it has discussions.").or(Standard::Bool(false)),
    Column::new("is_template", BOOL, "Whether repositories can be made from it.").or(Standard::Bool(false)),
    Column::new("allow_squash_merge", BOOL, "Whether pull requests may be squashed.").or(Standard::Bool(true)),
    Column::new("allow_merge_commit", BOOL, "Whether pull requests may be merged with a merge commit.").or(Standard::Bool(true)),
    Column::new("allow_rebase_merge", BOOL, "Whether pull requests may be rebased.").or(Standard::Bool(true)),
    Column::new("allow_auto_merge", BOOL, "Whether pull requests may be merged as soon as they can be.").or(Standard::Bool(false)),
    Column::new("delete_branch_on_merge", BOOL, "Whether a merge deletes the head branch.").or(Standard::Bool(false)),
    Column::new("allow_update_branch", BOOL, "Whether head branches that are behind may always be updated.").or(Standard::Bool(false)),
    Column::new("allow_forking", BOOL, "Whether a private repository may be forked.").or(Standard::Bool(true)),
    Column::new("web_commit_signoff_required", BOOL, "Whether commits made on the web must be signed off.").or(Standard::Bool(false)),
    Column::new("squash_merge_commit_title", TEXT, "The title of squashed commits.").or(Standard::Text("COMMIT_OR_PR_TITLE")).one_of(&["PR_TITLE", "COMMIT_OR_PR_TITLE"]),
    Column::new("squash_merge_commit_message", TEXT, "The message of squashed commits.").or(Standard::Text("COMMIT_MESSAGES")).one_of(&["PR_BODY", "COMMIT_MESSAGES", "BLANK"]),
    Column::new("merge_commit_title", TEXT, "The title of merge commits.").or(Standard::Text("MERGE_MESSAGE")).one_of(&["PR_TITLE", "MERGE_MESSAGE"]),
    Column::new("merge_commit_message", TEXT, "The message of merge commits.").or(Standard::Text("PR_TITLE")).one_of(&["PR_BODY", "PR_TITLE", "BLANK"]),
    Column::new("license", TEXT, "The SPDX id of its licence, `MIT`."),
    Column::new("parent", TEXT, "The repository it was forked from."),
    Column::new("collaborator_roles", TEXTS, "What collaborators may do where it is not `push`, each `login:admin`.").or(Standard::Empty),
    Column::new("files", FILES, "The files of a first commit on the default branch: path and text."),
];

/// The table of a seed document.
pub(super) const SEED: SeedTable = SeedTable {
    name: "repos",
    key: "owner/repo",
    fields: &seed_fields(COLUMNS),
};

/// The table.
pub(super) const TABLE: Table = Table {
    seed: &SEED,
    columns: COLUMNS,
    key: &[By::Folded(repo::FULL_NAME)],
    indexes: &[
        Index {
            group: &[By::Before(repo::FULL_NAME, '/')],
            order: &[By::Folded(repo::FULL_NAME)],
        },
        Index {
            group: &[By::Column(repo::ID)],
            order: &[By::Folded(repo::FULL_NAME)],
        },
        Index {
            group: &[By::Folded(repo::PARENT)],
            order: &[By::Column(repo::ID)],
        },
    ],
    name_of: |row| row.text(repo::FULL_NAME).to_owned(),
    find: repo_key,
    id: Some((repo::ID, 760_000_000)),
    prose: &[],
    render: render::repo::unrendered,
};

/// The key of a repository by its full name.
pub(in crate::github) fn repo_key(name: &str) -> Option<Key> {
    let (owner, repo) = name.split_once('/')?;
    let fits = !owner.is_empty() && !repo.is_empty() && !repo.contains(['/', '#', ':']);
    fits.then(|| Key::folded(name))
}

/// The owner's half of a full name.
pub(in crate::github) fn owner_of(full_name: &str) -> &str {
    full_name
        .split_once('/')
        .map_or(full_name, |(owner, _)| owner)
}

/// The second half of a full name.
pub(in crate::github) fn name_of(full_name: &str) -> &str {
    full_name
        .split_once('/')
        .map_or(full_name, |(_, name)| name)
}
