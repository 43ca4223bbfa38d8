//! Refs, commits, trees, files and tags.

use std::sync::Arc;

use archal_core::clone::Stamp;
use jiff::Timestamp;

use super::nodes;
use super::people::account;
use crate::engine::git::{Commit, Kind, Oid, Signature};
use crate::engine::graphql::arguments::Args;
use crate::engine::graphql::connection::Connection;
use crate::engine::graphql::model::Field::{Always, By, Empty, Null};
use crate::engine::graphql::model::{Fault, Field, Object, Outcome, Type, Value};
use crate::engine::key::same;
use crate::engine::pack::Call;
use crate::engine::root::Root;
use crate::engine::row::Row;
use crate::github::refs;
use crate::github::render::WEB;
use crate::github::tables::{USERS, repo, user};

/// The types. Each object is a part of its repository: a commit by its id, a ref by its name.
pub(super) const TYPES: &[Type] = &[
    Type {
        name: "Commit",
        fields: &[OBJECT, COMMIT],
        gaps: &["deployments", "signature"],
    },
    Type {
        name: "Tree",
        fields: &[OBJECT, TREE],
        gaps: &[],
    },
    Type {
        name: "Blob",
        fields: &[OBJECT, BLOB],
        gaps: &[],
    },
    Type {
        name: "Tag",
        fields: &[OBJECT, TAG],
        gaps: &[],
    },
    Type {
        name: "Ref",
        fields: &[REF],
        gaps: &["compare", "rules", "refUpdateRule"],
    },
];

/// The repository that an object is in.
pub(super) fn repo_of(it: &Object) -> Result<&Arc<Row>, Fault> {
    it.shown()
}

/// The full name of that repository.
pub(super) fn name_of(it: &Object) -> Result<&str, Fault> {
    Ok(repo_of(it)?.text(repo::FULL_NAME))
}

/// The id of an object.
pub(super) fn oid(it: &Object) -> Result<Oid, Fault> {
    it.part
        .parse()
        .map_err(|_| Fault::gap(format!("graphql:{}.oid", it.of)))
}

/// A git object of a repository; none where there is none of that id.
pub(super) fn object(root: &Root, repo_row: &Arc<Row>, oid: &Oid) -> Option<Object> {
    let of = match root.objects().kind(oid)? {
        Kind::Commit => "Commit",
        Kind::Tree => "Tree",
        Kind::Blob => "Blob",
        Kind::Tag => "Tag",
    };
    Some(Object::part(of, repo_row, &oid.to_string()))
}

/// A commit.
pub(super) fn commit(repo_row: &Arc<Row>, oid: &Oid) -> Object {
    Object::part("Commit", repo_row, &oid.to_string())
}

/// A commit of a repository by name and by the text of its id; null where it is not there.
pub(super) fn commit_named(call: &Call<'_>, repo_name: &str, sha: &str) -> Value {
    let repo_row = super::repo_named(call, repo_name);
    let found = sha.parse::<Oid>().ok().zip(repo_row);
    found
        .filter(|(oid, _)| call.root().objects().has(oid))
        .map(|(oid, row)| commit(&row, &oid))
        .into()
}

/// A ref by its full name.
pub(super) fn reference(repo_row: &Arc<Row>, name: &str) -> Object {
    Object::part("Ref", repo_row, name)
}

/// What every object of git has.
const OBJECT: &[(&str, Field)] = &[
    ("oid", By(|_, it, _| Ok(it.part.to_string().into()))),
    (
        "abbreviatedOid",
        By(|call, it, _| Ok(call.root().objects().short(&oid(it)?, 7).into())),
    ),
    (
        "id",
        By(|_, it, _| {
            let kind = match it.of {
                "Commit" => "C",
                "Tree" => "T",
                "Blob" => "B",
                _ => "TA",
            };
            Ok(nodes::named_id(kind, repo_of(it)?, &it.part).into())
        }),
    ),
    (
        "repository",
        By(|_, it, _| Ok(Object::row("Repository", repo_of(it)?).into())),
    ),
    ("commitUrl", By(|_, it, _| Ok(web(it, "commit")?.into()))),
    (
        "commitResourcePath",
        By(|_, it, _| Ok(web(it, "commit")?.into())),
    ),
];

fn web(it: &Object, what: &str) -> Result<String, Fault> {
    Ok(format!("{WEB}/{}/{what}/{}", name_of(it)?, it.part))
}

/// A commit as git has it.
pub(super) fn read(call: &Call<'_>, it: &Object) -> Result<Commit, Fault> {
    let found = call.root().objects().commit(&oid(it)?);
    found.ok_or_else(|| Fault::gap("graphql:Commit"))
}

fn stamp(call: &Call<'_>, seconds: i64) -> Stamp {
    let at = Timestamp::from_second(seconds).unwrap_or(Timestamp::UNIX_EPOCH);
    // The clock of whoever made a commit in a run is that of the run.
    let by_call = at >= call.root().base();
    Stamp { at, by_call }
}

fn person(call: &Call<'_>, of: &Signature) -> Object {
    let root = call.root();
    let found = root.rows(USERS).values().find(|row| {
        let own = format!("{}@users.noreply.github.com", row.text(user::LOGIN));
        let mail = row.text(user::EMAIL);
        (!mail.is_empty() && same(mail, &of.email))
            || of.email == own
            || of.email.ends_with(&format!("+{own}"))
    });
    let avatar = found.map_or_else(
        || "https://avatars.githubusercontent.com/u/0?v=4".to_owned(),
        |row| {
            format!(
                "https://avatars.githubusercontent.com/u/{}?v=4",
                row.int(user::ID)
            )
        },
    );
    let found = found.map(account).filter(|account| account.of == "User");
    Object::made(
        "GitActor",
        vec![
            ("name", Value::text(of.name.as_str())),
            ("email", Value::text(of.email.as_str())),
            ("date", stamp(call, of.seconds).into()),
            ("avatarUrl", avatar.into()),
            ("user", found.into()),
        ],
    )
}

/// The rest of a message after its first line.
fn body_of(message: &str) -> &str {
    message
        .split_once('\n')
        .map_or("", |(_, rest)| rest.trim_start_matches('\n'))
}

const COMMIT: &[(&str, Field)] = &[
    (
        "message",
        By(|call, it, _| Ok(Value::said(read(call, it)?.message))),
    ),
    (
        "messageHeadline",
        By(|call, it, _| Ok(Value::said(read(call, it)?.headline()))),
    ),
    (
        "messageBody",
        By(|call, it, _| Ok(Value::said(body_of(&read(call, it)?.message)))),
    ),
    (
        "messageHeadlineHTML",
        By(|call, it, _| Ok(Value::said(nodes::escape(read(call, it)?.headline())))),
    ),
    (
        "messageBodyHTML",
        By(|call, it, _| {
            Ok(Value::said(nodes::escape(body_of(
                &read(call, it)?.message,
            ))))
        }),
    ),
    (
        "committedDate",
        By(|call, it, _| Ok(stamp(call, read(call, it)?.committer.seconds).into())),
    ),
    (
        "authoredDate",
        By(|call, it, _| Ok(stamp(call, read(call, it)?.author.seconds).into())),
    ),
    ("pushedDate", Null),
    (
        "author",
        By(|call, it, _| Ok(person(call, &read(call, it)?.author).into())),
    ),
    (
        "committer",
        By(|call, it, _| Ok(person(call, &read(call, it)?.committer).into())),
    ),
    (
        "authors",
        By(|call, it, _| {
            let author = person(call, &read(call, it)?.author);
            Ok(Connection::of([author]).into())
        }),
    ),
    (
        "authoredByCommitter",
        By(|call, it, _| {
            let commit = read(call, it)?;
            Ok((commit.author.email == commit.committer.email).into())
        }),
    ),
    (
        "committedViaWeb",
        By(|call, it, _| Ok((read(call, it)?.committer.email == "noreply@github.com").into())),
    ),
    ("onBehalfOf", Null),
    (
        "additions",
        By(|call, it, _| Ok(changed(call, it)?.0.into())),
    ),
    (
        "deletions",
        By(|call, it, _| Ok(changed(call, it)?.1.into())),
    ),
    (
        "changedFiles",
        By(|call, it, _| Ok(changed(call, it)?.2.into())),
    ),
    (
        "changedFilesIfAvailable",
        By(|call, it, _| Ok(changed(call, it)?.2.into())),
    ),
    ("url", By(|_, it, _| Ok(web(it, "commit")?.into()))),
    ("resourcePath", By(|_, it, _| Ok(web(it, "commit")?.into()))),
    ("treeUrl", By(|_, it, _| Ok(web(it, "tree")?.into()))),
    (
        "treeResourcePath",
        By(|_, it, _| Ok(web(it, "tree")?.into())),
    ),
    ("tarballUrl", By(|_, it, _| archive(it, "legacy.tar.gz"))),
    ("zipballUrl", By(|_, it, _| archive(it, "legacy.zip"))),
    (
        "tree",
        By(|call, it, _| {
            let tree = read(call, it)?.tree;
            Ok(object(call.root(), repo_of(it)?, &tree).into())
        }),
    ),
    (
        "parents",
        By(|call, it, _| {
            let row = repo_of(it)?;
            let parents = read(call, it)?.parents;
            Ok(Connection::of(parents.iter().map(|oid| commit(row, oid))).into())
        }),
    ),
    ("history", By(history)),
    ("file", By(file)),
    ("blame", By(super::blame::of_file)),
    ("status", By(super::checks::status_of)),
    ("statusCheckRollup", By(super::checks::rollup)),
    ("checkSuites", By(super::checks::suites)),
    (
        "associatedPullRequests",
        By(|call, it, _| super::pull_lists::with_commit(call, it)),
    ),
    ("comments", Empty),
    ("submodules", Empty),
    ("viewerCanSubscribe", Always(false)),
    ("viewerSubscription", Null),
];

fn archive(it: &Object, kind: &str) -> Outcome {
    let name = name_of(it)?;
    Ok(format!("https://codeload.github.com/{name}/{kind}/{}", it.part).into())
}

/// Lines added and deleted against the first parent, and how many files.
fn changed(call: &Call<'_>, it: &Object) -> Result<(i64, i64, i64), Fault> {
    let objects = call.root().objects();
    let commit = read(call, it)?;
    let parent = commit.parents.first().and_then(|oid| objects.commit(oid));
    let before = parent.map_or_else(|| objects.empty_tree(), |parent| parent.tree);
    let files = objects.diff(&before, &commit.tree);
    let sum = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
    let additions: usize = files.iter().map(|file| file.additions).sum();
    let deletions: usize = files.iter().map(|file| file.deletions).sum();
    Ok((sum(additions), sum(deletions), sum(files.len())))
}

/// `history`: newest first, those that changed a path, within times, of an author.
fn history(call: &Call<'_>, it: &Object, args: &Args) -> Outcome {
    let row = repo_of(it)?;
    let objects = call.root().objects();
    let at = oid(it)?;
    let author = args.object("author");
    let mails = author.texts("emails").unwrap_or_default();
    let login = author
        .text("id")
        .map(|id| nodes::row(call, id, &["User"]))
        .transpose()?;
    let time = |name: &str| args.text(name).and_then(crate::github::issue_lists::time);
    let (since, until) = (time("since"), time("until"));
    let commits: Vec<(Oid, Commit)> = match args.text("path").filter(|path| !path.is_empty()) {
        Some(path) => objects.changes_of(&at, path).collect(),
        None => objects.log(&at).collect(),
    };
    let shown = commits.into_iter().filter(|(_, commit)| {
        let written = stamp(call, commit.committer.seconds).at;
        (mails.is_empty() || mails.iter().any(|mail| same(mail, &commit.author.email)))
            && login
                .as_ref()
                .is_none_or(|row| same(row.text(user::EMAIL), &commit.author.email))
            && since.is_none_or(|since| written >= since)
            && until.is_none_or(|until| written <= until)
    });
    Ok(Connection::of(shown.map(|(oid, _)| commit(row, &oid))).into())
}

fn file(call: &Call<'_>, it: &Object, args: &Args) -> Outcome {
    let path = args.text("path").unwrap_or_default();
    let objects = call.root().objects();
    let tree = read(call, it)?.tree;
    let Some(found) = objects.entry_at(&tree, path) else {
        return Err(Fault::new(
            "NOT_FOUND",
            format!("Could not resolve file for path '{path}'."),
        ));
    };
    Ok(entry(
        call,
        repo_of(it)?,
        path,
        found.mode.octal(),
        &found.name,
        &found.oid,
    )
    .into())
}

fn entry(call: &Call<'_>, row: &Arc<Row>, path: &str, mode: &str, name: &str, oid: &Oid) -> Object {
    use base64::Engine as _;
    let encode = |text: &str| base64::engine::general_purpose::STANDARD.encode(text);
    let objects = call.root().objects();
    let kind = objects.kind(oid).map_or("commit", Kind::name);
    let blob = objects.blob(oid);
    let text = blob
        .as_ref()
        .and_then(|bytes| std::str::from_utf8(bytes).ok());
    let extension = name
        .rsplit_once('.')
        .map_or(String::new(), |(_, rest)| format!(".{rest}"));
    Object::made(
        "TreeEntry",
        vec![
            ("name", Value::text(name)),
            ("nameRaw", encode(name).into()),
            ("path", Value::text(path)),
            ("pathRaw", encode(path).into()),
            ("mode", i64::from_str_radix(mode, 8).unwrap_or(0).into()),
            ("type", kind.into()),
            ("oid", oid.to_string().into()),
            ("object", object(call.root(), row, oid).into()),
            ("size", blob.as_ref().map_or(0, |bytes| bytes.len()).into()),
            ("lineCount", text.map(|text| text.lines().count()).into()),
            ("extension", extension.into()),
            ("isGenerated", false.into()),
            ("language", Value::Null),
            ("submodule", Value::Null),
            ("repository", Object::row("Repository", row).into()),
        ],
    )
}

const TREE: &[(&str, Field)] = &[(
    "entries",
    By(|call, it, _| {
        let row = repo_of(it)?;
        let entries = call.root().objects().tree(&oid(it)?).unwrap_or_default();
        let entries = entries
            .iter()
            .map(|one| entry(call, row, &one.name, one.mode.octal(), &one.name, &one.oid));
        Ok(entries.collect::<Vec<_>>().into())
    }),
)];

/// Files longer than this many bytes are cut.
const LONGEST: usize = 512_000;

const BLOB: &[(&str, Field)] = &[
    (
        "byteSize",
        By(|call, it, _| Ok(bytes(call, it)?.len().into())),
    ),
    (
        "isBinary",
        By(|call, it, _| Ok(bytes(call, it)?.contains(&0).into())),
    ),
    (
        "isTruncated",
        By(|call, it, _| Ok((bytes(call, it)?.len() > LONGEST).into())),
    ),
    (
        "text",
        By(|call, it, _| {
            let bytes = bytes(call, it)?;
            if bytes.contains(&0) {
                return Ok(Value::Null);
            }
            let text = String::from_utf8_lossy(&bytes[..bytes.len().min(LONGEST)]);
            Ok(Value::said(text.as_ref()))
        }),
    ),
];

fn bytes(call: &Call<'_>, it: &Object) -> Result<bytes::Bytes, Fault> {
    let found = call.root().objects().blob(&oid(it)?);
    found.ok_or_else(|| Fault::gap("graphql:Blob"))
}

const TAG: &[(&str, Field)] = &[
    (
        "name",
        By(|call, it, _| Ok(Value::text(tag(call, it)?.name))),
    ),
    (
        "message",
        By(|call, it, _| Ok(Value::said(tag(call, it)?.message))),
    ),
    (
        "tagger",
        By(|call, it, _| Ok(tag(call, it)?.tagger.map(|of| person(call, &of)).into())),
    ),
    (
        "target",
        By(|call, it, _| {
            let target = tag(call, it)?.object;
            Ok(object(call.root(), repo_of(it)?, &target).into())
        }),
    ),
];

fn tag(call: &Call<'_>, it: &Object) -> Result<crate::engine::git::Tag, Fault> {
    let found = call.root().objects().tag(&oid(it)?);
    found.ok_or_else(|| Fault::gap("graphql:Tag"))
}

const REF: &[(&str, Field)] = &[
    ("branchProtectionRule", By(super::protection::of_ref)),
    (
        "id",
        By(|_, it, _| Ok(nodes::named_id("REF", repo_of(it)?, &it.part).into())),
    ),
    (
        "name",
        By(|_, it, _| {
            Ok(Value::text(
                it.part
                    .rsplit_once(prefix(&it.part))
                    .map_or("", |(_, name)| name),
            ))
        }),
    ),
    ("prefix", By(|_, it, _| Ok(prefix(&it.part).into()))),
    (
        "repository",
        By(|_, it, _| Ok(Object::row("Repository", repo_of(it)?).into())),
    ),
    (
        "target",
        By(|call, it, _| {
            let found = refs::get(call.root(), name_of(it)?, &it.part);
            let found = found.and_then(|oid| {
                let row = it.row.as_ref()?;
                object(call.root(), row, &oid)
            });
            Ok(found.into())
        }),
    ),
    ("associatedPullRequests", By(super::pull_lists::of_head)),
];

/// `refs/heads/` of `refs/heads/feature/x`.
fn prefix(name: &str) -> &str {
    let end = name.match_indices('/').nth(1).map_or(0, |(at, _)| at + 1);
    &name[..end]
}
