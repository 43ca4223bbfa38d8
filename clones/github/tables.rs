//! The tables of the GitHub clone. A column's constant is its place in its table.

use archal_core::clone::{FieldKind, SeedTable};

use super::render;
use crate::engine::key::{Key, Part, folded};
use crate::engine::row::Row;
use crate::engine::table::{
    By, Column, Index, OnDelete, Relation, Standard, Table, TableId, seed_fields,
};

const BOOL: FieldKind = FieldKind::Bool;
const INT: FieldKind = FieldKind::Int;
const TEXT: FieldKind = FieldKind::Text;
const TIME: FieldKind = FieldKind::Time;
const TEXTS: FieldKind = FieldKind::List(&FieldKind::Text);

/// The users' and organisations' table.
pub(super) const USERS: TableId = 0;
/// The repositories' table.
pub(super) const REPOS: TableId = 1;
/// The labels' table.
pub(super) const LABELS: TableId = 2;
/// The issues' table.
pub(super) const ISSUES: TableId = 3;
/// The comments' table.
pub(super) const COMMENTS: TableId = 4;

/// Columns of [`USERS`].
pub(super) mod user {
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
}

/// Columns of [`REPOS`].
pub(super) mod repo {
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
}

/// Columns of [`LABELS`].
pub(super) mod label {
    pub(in crate::github) const REPO: usize = 0;
    pub(in crate::github) const NAME: usize = 1;
    pub(in crate::github) const ID: usize = 2;
    pub(in crate::github) const NODE_ID: usize = 3;
    pub(in crate::github) const COLOR: usize = 4;
    pub(in crate::github) const DESCRIPTION: usize = 5;
    pub(in crate::github) const DEFAULT: usize = 6;
}

/// Columns of [`ISSUES`].
pub(super) mod issue {
    pub(in crate::github) const REPO: usize = 0;
    pub(in crate::github) const NUMBER: usize = 1;
    pub(in crate::github) const ID: usize = 2;
    pub(in crate::github) const NODE_ID: usize = 3;
    pub(in crate::github) const TITLE: usize = 4;
    pub(in crate::github) const BODY: usize = 5;
    pub(in crate::github) const STATE: usize = 6;
    pub(in crate::github) const STATE_REASON: usize = 7;
    pub(in crate::github) const LABELS: usize = 8;
    pub(in crate::github) const ASSIGNEES: usize = 9;
    pub(in crate::github) const USER: usize = 10;
    pub(in crate::github) const AUTHOR_ASSOCIATION: usize = 11;
    pub(in crate::github) const LOCKED: usize = 12;
    pub(in crate::github) const LOCK_REASON: usize = 13;
    pub(in crate::github) const CREATED_AT: usize = 14;
    pub(in crate::github) const UPDATED_AT: usize = 15;
    pub(in crate::github) const CLOSED_AT: usize = 16;
    pub(in crate::github) const CLOSED_BY: usize = 17;
}

/// Columns of [`COMMENTS`].
pub(super) mod comment {
    pub(in crate::github) const ISSUE: usize = 0;
    pub(in crate::github) const ID: usize = 1;
    pub(in crate::github) const NODE_ID: usize = 2;
    pub(in crate::github) const BODY: usize = 3;
    pub(in crate::github) const USER: usize = 4;
    pub(in crate::github) const AUTHOR_ASSOCIATION: usize = 5;
    pub(in crate::github) const CREATED_AT: usize = 6;
    pub(in crate::github) const UPDATED_AT: usize = 7;
}

/// Repositories of an owner, by name.
pub(super) const REPOS_BY_OWNER: usize = 0;
/// Issues of a repository, oldest first.
pub(super) const ISSUES_BY_REPO: usize = 0;
/// Issues of a repository in one state, oldest first.
pub(super) const ISSUES_BY_STATE: usize = 1;
/// Issues of a repository with one label, oldest first.
pub(super) const ISSUES_BY_LABEL: usize = 2;
/// Comments of an issue, oldest first.
pub(super) const COMMENTS_BY_ISSUE: usize = 0;
/// Comments of a repository, oldest first.
pub(super) const COMMENTS_BY_REPO: usize = 1;
/// Labels of a repository, by name.
pub(super) const LABELS_BY_REPO: usize = 0;

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

const USER_COLUMNS: &[Column; 15] = &[
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
];

const REPO_COLUMNS: &[Column; 22] = &[
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
];

const LABEL_COLUMNS: &[Column; 7] = &[
    Column::new("repo", TEXT, "The repository, `acme/webapp`.")
        .required()
        .of("repos"),
    Column::new("name", TEXT, "The name.").required(),
    Column::new("id", INT, "GitHub's number; generated where absent."),
    Column::new(
        "node_id",
        TEXT,
        "The GraphQL id; follows from `id` where absent.",
    ),
    Column::new("color", TEXT, "Six hex digits.").or(Standard::Text("ededed")),
    Column::new("description", TEXT, "What it is for."),
    Column::new(
        "default",
        BOOL,
        "Whether GitHub made it with the repository.",
    )
    .or(Standard::Bool(false)),
];

const ISSUE_COLUMNS: &[Column; 18] = &[
    Column::new("repo", TEXT, "The repository, `acme/webapp`.")
        .required()
        .of("repos"),
    Column::new("number", INT, "The number in the repository.").required(),
    Column::new("id", INT, "GitHub's number; generated where absent."),
    Column::new(
        "node_id",
        TEXT,
        "The GraphQL id; follows from `id` where absent.",
    ),
    Column::new("title", TEXT, "The title.").required(),
    Column::new("body", TEXT, "The text.").proved(),
    Column::new("state", TEXT, "Open or closed.")
        .one_of(&["open", "closed"])
        .or(Standard::Text("open"))
        .proved(),
    Column::new("state_reason", TEXT, "Why it is in that state.").one_of(&[
        "completed",
        "reopened",
        "not_planned",
        "duplicate",
    ]),
    Column::new("labels", TEXTS, "Names of labels of the repository.")
        .or(Standard::Empty)
        .proved(),
    Column::new("assignees", TEXTS, "Logins.")
        .or(Standard::Empty)
        .of("users")
        .proved(),
    Column::new("user", TEXT, "Who opened it; the actor where absent.")
        .of("users")
        .proved(),
    Column::new(
        "author_association",
        TEXT,
        "What the author is to the repository; follows from the rest where absent.",
    )
    .one_of(ASSOCIATIONS),
    Column::new("locked", BOOL, "Whether only members may comment.")
        .or(Standard::Bool(false))
        .proved(),
    Column::new("active_lock_reason", TEXT, "Why it is locked.").one_of(&[
        "off-topic",
        "too heated",
        "resolved",
        "spam",
    ]),
    Column::new(
        "created_at",
        TIME,
        "When it was opened; 30 days ago where absent.",
    )
    .proved(),
    Column::new(
        "updated_at",
        TIME,
        "When it changed last; `closed_at` or `created_at` where absent.",
    )
    .proved(),
    Column::new(
        "closed_at",
        TIME,
        "When it was closed; `updated_at` where a closed one has none.",
    )
    .proved(),
    Column::new("closed_by", TEXT, "Who closed it.").of("users"),
];

const COMMENT_COLUMNS: &[Column; 8] = &[
    Column::new("issue", TEXT, "The issue, `acme/webapp#7`.")
        .required()
        .of("issues"),
    Column::new("id", INT, "GitHub's number; generated where absent."),
    Column::new(
        "node_id",
        TEXT,
        "The GraphQL id; follows from `id` where absent.",
    ),
    Column::new("body", TEXT, "The text.").required(),
    Column::new("user", TEXT, "Who wrote it; the actor where absent.")
        .of("users")
        .proved(),
    Column::new(
        "author_association",
        TEXT,
        "What the author is to the repository; follows from the rest where absent.",
    )
    .one_of(ASSOCIATIONS),
    Column::new(
        "created_at",
        TIME,
        "When it was written; when the issue was opened where absent.",
    )
    .proved(),
    Column::new(
        "updated_at",
        TIME,
        "When it changed last; `created_at` where absent.",
    )
    .proved(),
];

/// The seed's tables as the descriptor lists them.
pub(super) const SEED_TABLES: &[SeedTable] = &[
    SeedTable {
        name: "users",
        key: "login",
        fields: &seed_fields(USER_COLUMNS),
    },
    SeedTable {
        name: "repos",
        key: "owner/repo",
        fields: &seed_fields(REPO_COLUMNS),
    },
    SeedTable {
        name: "labels",
        key: "owner/repo:name",
        fields: &seed_fields(LABEL_COLUMNS),
    },
    SeedTable {
        name: "issues",
        key: "owner/repo#number",
        fields: &seed_fields(ISSUE_COLUMNS),
    },
    SeedTable {
        name: "comments",
        key: "owner/repo#issuecomment-id",
        fields: &seed_fields(COMMENT_COLUMNS),
    },
];

/// The tables.
pub(super) const TABLES: &[Table] = &[
    Table {
        seed: &SEED_TABLES[USERS],
        columns: USER_COLUMNS,
        key: &[By::Folded(user::LOGIN)],
        indexes: &[],
        name_of: |row| row.text(user::LOGIN).to_owned(),
        find: |name| Some(Key::folded(name)),
        id: Some((user::ID, 83_000_000)),
        prose: &[],
        render: render::user::simple,
    },
    Table {
        seed: &SEED_TABLES[REPOS],
        columns: REPO_COLUMNS,
        key: &[By::Folded(repo::FULL_NAME)],
        indexes: &[Index {
            group: &[By::Before(repo::FULL_NAME, '/')],
            order: &[By::Folded(repo::FULL_NAME)],
        }],
        name_of: |row| row.text(repo::FULL_NAME).to_owned(),
        find: repo_key,
        id: Some((repo::ID, 760_000_000)),
        prose: &[],
        render: render::repo::unrendered,
    },
    Table {
        seed: &SEED_TABLES[LABELS],
        columns: LABEL_COLUMNS,
        key: &[By::Folded(label::REPO), By::Folded(label::NAME)],
        indexes: &[Index {
            group: &[By::Folded(label::REPO)],
            order: &[By::Folded(label::NAME)],
        }],
        name_of: |row| format!("{}:{}", row.text(label::REPO), row.text(label::NAME)),
        find: label_key,
        id: Some((label::ID, 6_500_000_000)),
        prose: &[],
        render: render::label::label,
    },
    Table {
        seed: &SEED_TABLES[ISSUES],
        columns: ISSUE_COLUMNS,
        key: &[By::Folded(issue::REPO), By::Column(issue::NUMBER)],
        indexes: &[
            Index {
                group: &[By::Folded(issue::REPO)],
                order: ISSUE_ORDER,
            },
            Index {
                group: &[By::Folded(issue::REPO), By::Column(issue::STATE)],
                order: ISSUE_ORDER,
            },
            Index {
                group: &[By::Folded(issue::REPO), By::Each(issue::LABELS)],
                order: ISSUE_ORDER,
            },
        ],
        name_of: |row| format!("{}#{}", row.text(issue::REPO), row.int(issue::NUMBER)),
        find: issue_key,
        id: Some((issue::ID, 2_200_000_000)),
        prose: &[issue::TITLE, issue::BODY],
        render: render::issue::issue,
    },
    Table {
        seed: &SEED_TABLES[COMMENTS],
        columns: COMMENT_COLUMNS,
        key: &[By::Before(comment::ISSUE, '#'), By::Column(comment::ID)],
        indexes: &[
            Index {
                group: &[
                    By::Before(comment::ISSUE, '#'),
                    By::NumberAfter(comment::ISSUE, '#'),
                ],
                order: COMMENT_ORDER,
            },
            Index {
                group: &[By::Before(comment::ISSUE, '#')],
                order: COMMENT_ORDER,
            },
        ],
        name_of: |row| comment_name(row.text(comment::ISSUE), row.int(comment::ID)),
        find: comment_key,
        id: Some((comment::ID, 1_900_000_000)),
        prose: &[comment::BODY],
        render: render::comment::comment,
    },
];

const ISSUE_ORDER: &[By] = &[By::Column(issue::CREATED_AT), By::Column(issue::NUMBER)];
const COMMENT_ORDER: &[By] = &[By::Column(comment::CREATED_AT), By::Column(comment::ID)];

/// What binds them.
pub(super) const RELATIONS: &[Relation] = &[
    Relation {
        from: ISSUES,
        to: REPOS,
        index: ISSUES_BY_REPO,
        on_delete: OnDelete::Remove,
    },
    Relation {
        from: LABELS,
        to: REPOS,
        index: LABELS_BY_REPO,
        on_delete: OnDelete::Remove,
    },
    Relation {
        from: COMMENTS,
        to: ISSUES,
        index: COMMENTS_BY_ISSUE,
        on_delete: OnDelete::Remove,
    },
    Relation {
        from: ISSUES,
        to: LABELS,
        index: ISSUES_BY_LABEL,
        on_delete: OnDelete::Unlink {
            list: issue::LABELS,
            name: label::NAME,
        },
    },
];

/// The key of a repository by its full name.
pub(super) fn repo_key(name: &str) -> Option<Key> {
    let (owner, repo) = name.split_once('/')?;
    let fits = !owner.is_empty() && !repo.is_empty() && !repo.contains(['/', '#', ':']);
    fits.then(|| Key::folded(name))
}

/// The key of an issue as people write it, `acme/webapp#7`.
pub(super) fn issue_key(name: &str) -> Option<Key> {
    let (repo, number) = name.split_once('#')?;
    let number = number.parse().ok().filter(|number| *number > 0)?;
    Some(Key::new([folded(repo), Part::Int(number)]))
}

/// The key of a label as people write it, `acme/webapp:bug`.
pub(super) fn label_key(name: &str) -> Option<Key> {
    let (repo, label) = name.split_once(':')?;
    (!label.is_empty()).then(|| Key::new([folded(repo), folded(label)]))
}

/// The key of a comment as GitHub's anchors have it, `acme/webapp#issuecomment-7`.
pub(super) fn comment_key(name: &str) -> Option<Key> {
    let (repo, id) = name.split_once("#issuecomment-")?;
    Some(Key::new([folded(repo), Part::Int(id.parse().ok()?)]))
}

/// A comment as GitHub's anchors have it; `issue` is its issue or its repository.
pub(super) fn comment_name(issue: &str, id: i64) -> String {
    let repo = issue.split_once('#').map_or(issue, |(repo, _)| repo);
    format!("{repo}#issuecomment-{id}")
}

/// The repository that an issue or comment row belongs to by name.
pub(super) fn repo_of(name: &str) -> &str {
    name.split_once('#').map_or(name, |(repo, _)| repo)
}

/// The owner's half of a full name.
pub(super) fn owner_of(full_name: &str) -> &str {
    full_name
        .split_once('/')
        .map_or(full_name, |(owner, _)| owner)
}

/// The second half of a full name.
pub(super) fn name_of(full_name: &str) -> &str {
    full_name
        .split_once('/')
        .map_or(full_name, |(_, name)| name)
}

/// The key of the issue a comment belongs to.
pub(super) fn issue_of(row: &Row) -> Option<Key> {
    issue_key(row.text(comment::ISSUE))
}
