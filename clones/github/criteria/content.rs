//! What criteria see of what is in repositories: branches, commits, files, releases and checks.

use archal_core::clone::{Collection, FieldKind, Stamp, ViewRow, ViewValue};

use super::{
    BOOL, INT, PERSON, REPOSITORY, TEXT, TEXTS, TIME, columns, field, nullable, person, repository,
    view,
};
use crate::engine::git::{Commit, Mode, Oid};
use crate::engine::key::{Key, Part, folded};
use crate::engine::pack::{Derived, View};
use crate::engine::root::Root;
use crate::engine::row::{Row, text};
use crate::github::content::{commits, people};
use crate::github::refs::{self, HEADS};
use crate::github::tables::{
    ASSETS, ASSETS_BY_RELEASE, CHECK_RUNS, REFS, RELEASES, REPOS, STATUSES, asset, check_run,
    reference, release, repo, status, user,
};
use crate::github::{protections, render};

/// Files over this many bytes are shown without their content.
const LARGEST: usize = 1024 * 1024;

const FILES: FieldKind = FieldKind::List(&FieldKind::Object(&[
    field("filename", TEXT),
    field("status", TEXT),
    field("additions", INT),
    field("deletions", INT),
]));

/// Branches.
pub(super) const OF_BRANCHES: Collection = Collection {
    name: "branches",
    about: "Branches, in order of repository and name",
    fields: &[
        field("name", TEXT),
        field("repository", REPOSITORY),
        field("sha", TEXT),
        field("protected", BOOL),
        field("default", BOOL),
        field("commits", INT),
        field("message", TEXT),
    ],
};

/// Commits.
pub(super) const OF_COMMITS: Collection = Collection {
    name: "commits",
    about: "Commits that a branch leads to, in order of repository, the newest first",
    fields: &[
        field("sha", TEXT),
        field("repository", REPOSITORY),
        field("message", TEXT),
        nullable("author", PERSON),
        field("author_name", TEXT),
        field("author_email", TEXT),
        field("branches", TEXTS),
        field("parents", INT),
        field("files", FILES),
        field("created_at", TIME),
        field("html_url", TEXT),
    ],
};

/// Files.
pub(super) const OF_FILES: Collection = Collection {
    name: "files",
    about: "Files on the default branch, in order of repository and path",
    fields: &[
        field("path", TEXT),
        field("name", TEXT),
        field("repository", REPOSITORY),
        field("sha", TEXT),
        field("size", INT),
        nullable("content", TEXT),
    ],
};

/// Releases.
pub(super) const OF_RELEASES: Collection = Collection {
    name: "releases",
    about: "Releases, in order of repository and id",
    fields: &[
        field("id", INT),
        field("repository", REPOSITORY),
        field("tag_name", TEXT),
        field("target_commitish", TEXT),
        nullable("name", TEXT),
        nullable("body", TEXT),
        field("draft", BOOL),
        field("prerelease", BOOL),
        nullable("author", PERSON),
        field("assets", TEXTS),
        field("created_at", TIME),
        nullable("published_at", TIME),
        field("html_url", TEXT),
    ],
};

/// Statuses of commits.
pub(super) const OF_STATUSES: Collection = Collection {
    name: "statuses",
    about: "Statuses of commits, in order of repository and id",
    fields: &[
        field("id", INT),
        field("repository", REPOSITORY),
        field("sha", TEXT),
        field("state", TEXT),
        field("context", TEXT),
        nullable("description", TEXT),
        nullable("target_url", TEXT),
        nullable("creator", PERSON),
        field("created_at", TIME),
    ],
};

/// Check runs.
pub(super) const OF_CHECK_RUNS: Collection = Collection {
    name: "check_runs",
    about: "Check runs, in order of repository and id",
    fields: &[
        field("id", INT),
        field("repository", REPOSITORY),
        field("name", TEXT),
        field("head_sha", TEXT),
        field("status", TEXT),
        nullable("conclusion", TEXT),
        nullable("output_title", TEXT),
        nullable("output_summary", TEXT),
        nullable("started_at", TIME),
        nullable("completed_at", TIME),
    ],
};

/// Branches.
pub(super) const BRANCHES: View = View {
    name: "branches",
    table: REFS,
    shows: Some(is_branch),
    row: of_branch,
};

/// Releases.
pub(super) const RELEASES_VIEW: View = View {
    name: "releases",
    table: RELEASES,
    shows: None,
    row: of_release,
};

/// Statuses of commits.
pub(super) const STATUSES_VIEW: View = View {
    name: "statuses",
    table: STATUSES,
    shows: None,
    row: of_status,
};

/// Check runs.
pub(super) const CHECK_RUNS_VIEW: View = View {
    name: "check_runs",
    table: CHECK_RUNS,
    shows: None,
    row: of_check_run,
};

/// What is found through the row of a repository, which every push changes.
pub(super) const DERIVED: &[Derived] = &[
    Derived {
        name: "commits",
        table: REPOS,
        rows: commits_of,
    },
    Derived {
        name: "files",
        table: REPOS,
        rows: files_of,
    },
];

fn is_branch(_: &Root, row: &Row) -> bool {
    row.text(reference::NAME).starts_with(HEADS)
}

fn of_branch(root: &Root, row: &Row) -> ViewRow {
    let repo_name = row.text(reference::REPO);
    let full = row.text(reference::NAME);
    let name = full.strip_prefix(HEADS).unwrap_or(full);
    let objects = root.objects();
    let head: Option<Oid> = row.text(reference::SHA).parse().ok();
    let commit = head.and_then(|oid| objects.commit(&oid));
    let count = head.map_or(0, |oid| objects.log(&oid).count());
    let is_default = root
        .named(REPOS, repo_name)
        .is_some_and(|of| of.text(repo::DEFAULT_BRANCH) == name);
    let message = commit.map_or_else(String::new, |commit| commit.message);
    let fields = vec![
        ("name", text(name)),
        ("repository", repository(repo_name)),
        ("sha", row.value(reference::SHA).clone()),
        (
            "protected",
            ViewValue::Bool(protections::of(root, repo_name, name).is_some()),
        ),
        ("default", ViewValue::Bool(is_default)),
        ("commits", int(count)),
        ("message", text(message.trim_end())),
    ];
    view(REFS, row, fields)
}

fn int(number: usize) -> ViewValue {
    ViewValue::Int(i64::try_from(number).unwrap_or(i64::MAX))
}

fn commits_of(root: &Root, row: &Row) -> Vec<ViewRow> {
    let name = row.text(repo::FULL_NAME);
    let objects = root.objects();
    let mut found: Vec<(Oid, Commit, Vec<String>)> = Vec::new();
    for (branch, head) in refs::branches(root, name) {
        for (oid, commit) in objects.log(&head) {
            match found.iter_mut().find(|(known, ..)| *known == oid) {
                Some((_, _, branches)) => branches.push(branch.to_owned()),
                None => found.push((oid, commit, vec![branch.to_owned()])),
            }
        }
    }
    found.sort_by_key(|(_, commit, _)| std::cmp::Reverse(commit.committer.seconds));
    let rows = found.into_iter();
    rows.map(|(oid, commit, branches)| of_commit(root, name, oid, &commit, branches))
        .collect()
}

fn of_commit(
    root: &Root,
    repo_name: &str,
    oid: Oid,
    commit: &Commit,
    branches: Vec<String>,
) -> ViewRow {
    let account = people::account(root, &commit.author.email);
    let account = account.map(|row| row.text(user::LOGIN));
    let files = commits::changes(root.objects(), commit);
    let files = files.iter().map(|change| {
        ViewValue::Object(vec![
            ("filename", text(change.path.as_str())),
            ("status", text(change.status.name())),
            ("additions", int(change.additions)),
            ("deletions", int(change.deletions)),
        ])
    });
    let at = commit.committer.at();
    let by_call = at >= root.base();
    ViewRow {
        key: format!("{repo_name}@{oid}"),
        fields: vec![
            ("sha", text(oid.to_string())),
            ("repository", repository(repo_name)),
            ("message", text(commit.message.trim_end())),
            ("author", person(root, account)),
            ("author_name", text(commit.author.name.as_str())),
            ("author_email", text(commit.author.email.as_str())),
            (
                "branches",
                ViewValue::List(branches.into_iter().map(text).collect()),
            ),
            ("parents", int(commit.parents.len())),
            ("files", ViewValue::List(files.collect())),
            ("created_at", ViewValue::Time(Stamp { at, by_call })),
            (
                "html_url",
                text(format!("{}/{repo_name}/commit/{oid}", render::WEB)),
            ),
        ],
    }
}

fn files_of(root: &Root, row: &Row) -> Vec<ViewRow> {
    let name = row.text(repo::FULL_NAME);
    let objects = root.objects();
    let head = refs::branch(root, name, row.text(repo::DEFAULT_BRANCH));
    let Some(commit) = head.and_then(|oid| objects.commit(&oid)) else {
        return Vec::new();
    };
    let entries = objects.walk(&commit.tree).into_iter();
    entries
        .filter(|(_, entry)| !matches!(entry.mode, Mode::Tree | Mode::Submodule))
        .map(|(path, entry)| {
            let bytes = objects.blob(&entry.oid).unwrap_or_default();
            let content = std::str::from_utf8(&bytes)
                .ok()
                .filter(|_| bytes.len() <= LARGEST);
            ViewRow {
                key: format!("{name}:{path}"),
                fields: vec![
                    ("path", text(path.as_str())),
                    ("name", text(entry.name)),
                    ("repository", repository(name)),
                    ("sha", text(entry.oid.to_string())),
                    ("size", int(bytes.len())),
                    ("content", content.map_or(ViewValue::Null, text)),
                ],
            }
        })
        .collect()
}

fn of_release(root: &Root, row: &Row) -> ViewRow {
    let repo_name = row.text(release::REPO);
    let files = Key::new([folded(repo_name), Part::Int(row.int(release::ID))]);
    let files = root.group(ASSETS, ASSETS_BY_RELEASE, &files);
    let files = files.into_iter().flat_map(|files| files.values());
    let files = files.map(|file| file.value(asset::NAME).clone());
    let url = format!(
        "{}/{repo_name}/releases/tag/{}",
        render::WEB,
        render::release::web_tag(row)
    );
    let mut fields = columns(row, &[("id", release::ID)]);
    fields.push(("repository", repository(repo_name)));
    fields.extend(columns(
        row,
        &[
            ("tag_name", release::TAG),
            ("target_commitish", release::TARGET),
            ("name", release::NAME),
            ("body", release::BODY),
            ("draft", release::DRAFT),
            ("prerelease", release::PRERELEASE),
        ],
    ));
    fields.push(("author", person(root, row.text_or_null(release::AUTHOR))));
    fields.push(("assets", ViewValue::List(files.collect())));
    fields.extend(columns(
        row,
        &[
            ("created_at", release::CREATED_AT),
            ("published_at", release::PUBLISHED_AT),
        ],
    ));
    fields.push(("html_url", text(url)));
    view(RELEASES, row, fields)
}

fn of_status(root: &Root, row: &Row) -> ViewRow {
    let mut fields = columns(row, &[("id", status::ID)]);
    fields.push(("repository", repository(row.text(status::REPO))));
    fields.extend(columns(
        row,
        &[
            ("sha", status::SHA),
            ("state", status::STATE),
            ("context", status::CONTEXT),
            ("description", status::DESCRIPTION),
            ("target_url", status::TARGET_URL),
        ],
    ));
    fields.push(("creator", person(root, row.text_or_null(status::CREATOR))));
    fields.extend(columns(row, &[("created_at", status::CREATED_AT)]));
    view(STATUSES, row, fields)
}

fn of_check_run(_: &Root, row: &Row) -> ViewRow {
    let mut fields = columns(row, &[("id", check_run::ID)]);
    fields.push(("repository", repository(row.text(check_run::REPO))));
    fields.extend(columns(
        row,
        &[
            ("name", check_run::NAME),
            ("head_sha", check_run::HEAD_SHA),
            ("status", check_run::STATUS),
            ("conclusion", check_run::CONCLUSION),
            ("output_title", check_run::OUTPUT_TITLE),
            ("output_summary", check_run::OUTPUT_SUMMARY),
            ("started_at", check_run::STARTED_AT),
            ("completed_at", check_run::COMPLETED_AT),
        ],
    ));
    view(CHECK_RUNS, row, fields)
}
