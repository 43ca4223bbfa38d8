//! Commits.

use std::sync::Arc;

use archal_core::clone::Rendered;
use percent_encoding::utf8_percent_encode;

use super::people;
use super::refs as named;
use crate::engine::fingerprint;
use crate::engine::git::{ChangeStatus, Commit, FileChange, Objects, Oid};
use crate::engine::pack::{Call, Refusal, Reply};
use crate::engine::root::Root;
use crate::engine::row::Row;
use crate::engine::writer::Writer;
use crate::github::access::not_found;
use crate::github::complete::content::named_node_id;
use crate::github::dialect::{invalid_value, page};
use crate::github::render::{API, PATH, WEB};
use crate::github::tables::{REPOS, repo};
use crate::github::{issue_lists, refs};

/// The most files of one answer.
pub(in crate::github) const MOST_FILES: usize = 300;

/// What a media type asks for beside JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::github) enum Form {
    /// JSON.
    Json,
    /// The id alone.
    Sha,
    /// What `git diff` says.
    Diff,
    /// What `git format-patch` says.
    Patch,
}

/// The form that a request asks for.
pub(in crate::github) fn form(call: &Call<'_>) -> Form {
    let accepted = call.request.header("accept").unwrap_or_default();
    let asked = |kind: &str| {
        [".v3.", "."]
            .iter()
            .any(|version| accepted.contains(&format!("application/vnd.github{version}{kind}")))
    };
    if asked("sha") {
        Form::Sha
    } else if asked("diff") {
        Form::Diff
    } else if asked("patch") {
        Form::Patch
    } else {
        Form::Json
    }
}

/// A text in place of JSON.
pub(in crate::github) fn plain(call: &Call<'_>, form: Form, text: String) -> Reply {
    let kind = match form {
        Form::Sha => "application/vnd.github.sha; charset=utf-8",
        Form::Diff => "application/vnd.github.diff; charset=utf-8",
        Form::Patch => "application/vnd.github.patch; charset=utf-8",
        Form::Json => "application/json; charset=utf-8",
    };
    let evidence = call.root().said(&text).unwrap_or_else(|| text.clone());
    let body = Rendered {
        wire: text.into_bytes().into(),
        evidence: evidence.into_bytes().into(),
    };
    let mut reply = Reply::written(200, body, 0);
    reply.content_type = Some(kind.into());
    reply
}

/// A text that may repeat a time.
pub(in crate::github) fn prose(root: &Root, text: &str, out: &mut Writer) {
    match root.said(text) {
        Some(said) => out.both(text, &said),
        None => out.text(text),
    };
}

/// Whether a commit is signed, and by whom.
pub(in crate::github) fn verification(signature: Option<&str>, out: &mut Writer) {
    out.raw("{").key("verified").bool(false);
    // No key of a user is known here, so a signature is never one of theirs.
    let reason = if signature.is_some() {
        "unknown_key"
    } else {
        "unsigned"
    };
    out.key("reason").text(reason);
    out.key("signature").text_or_null(signature);
    out.key("payload").raw("null");
    out.key("verified_at").raw("null").raw("}");
}

/// A commit as lists of commits show it, left open for more fields.
pub(in crate::github) fn open(root: &Root, of: &Row, oid: &Oid, commit: &Commit, out: &mut Writer) {
    let name = of.text(repo::FULL_NAME);
    let url = format!("{API}/repos/{name}/commits/{oid}");
    let git = format!("{API}/repos/{name}/git");
    out.raw("{").key("sha").oid(oid);
    out.key("node_id")
        .text(&named_node_id("C", of.int(repo::ID), &oid.to_string()));
    out.key("commit").raw("{").key("author");
    people::write_signature(root, &commit.author, out);
    out.key("committer");
    people::write_signature(root, &commit.committer, out);
    out.key("message");
    prose(root, commit.message.trim_end_matches('\n'), out);
    out.key("tree").raw("{").key("sha").oid(&commit.tree);
    out.key("url")
        .text(&format!("{git}/trees/{}", commit.tree))
        .raw("}");
    out.key("url").text(&format!("{git}/commits/{oid}"));
    out.key("comment_count").int(0);
    out.key("verification");
    verification(commit.signature.as_deref(), out);
    out.raw("}");
    out.key("url").text(&url);
    out.key("html_url")
        .text(&format!("{WEB}/{name}/commit/{oid}"));
    out.key("comments_url").text(&format!("{url}/comments"));
    out.key("author");
    people::write_account(root, &commit.author.email, out);
    out.key("committer");
    people::write_account(root, &commit.committer.email, out);
    out.key("parents").raw("[");
    for parent in &commit.parents {
        out.item().raw("{").key("sha").oid(parent);
        out.key("url")
            .text(&format!("{API}/repos/{name}/commits/{parent}"));
        out.key("html_url")
            .text(&format!("{WEB}/{name}/commit/{parent}"))
            .raw("}");
    }
    out.raw("]");
}

/// A commit as lists of commits show it.
pub(in crate::github) fn listed(
    root: &Root,
    of: &Row,
    oid: &Oid,
    commit: &Commit,
    out: &mut Writer,
) {
    open(root, of, oid, commit, out);
    out.raw("}");
}

/// What changed in a commit against its first parent.
pub(in crate::github) fn changes(objects: &Objects, commit: &Commit) -> Arc<Vec<FileChange>> {
    objects.diff(&before(objects, commit), &commit.tree)
}

fn before(objects: &Objects, commit: &Commit) -> Oid {
    let parent = commit.parents.first().and_then(|oid| objects.commit(oid));
    parent.map_or_else(|| objects.empty_tree(), |parent| parent.tree)
}

/// A changed file; `at` is the commit that has it, `gone` the one that had it before.
pub(in crate::github) fn file(
    name: &str,
    change: &FileChange,
    at: &Oid,
    gone: &Oid,
    root: &Root,
    out: &mut Writer,
) {
    let at = if change.status == ChangeStatus::Removed {
        gone
    } else {
        at
    };
    let path = utf8_percent_encode(&change.path, PATH);
    let count = |lines: usize| i64::try_from(lines).unwrap_or(i64::MAX);
    out.raw("{").key("sha").oid(&change.oid);
    out.key("filename").text(&change.path);
    out.key("status").text(change.status.name());
    out.key("additions").int(count(change.additions));
    out.key("deletions").int(count(change.deletions));
    out.key("changes")
        .int(count(change.additions + change.deletions));
    out.key("blob_url")
        .text(&format!("{WEB}/{name}/blob/{at}/{path}"));
    out.key("raw_url")
        .text(&format!("{WEB}/{name}/raw/{at}/{path}"));
    out.key("contents_url")
        .text(&format!("{API}/repos/{name}/contents/{path}?ref={at}"));
    if let Some(patch) = &change.patch {
        out.key("patch");
        prose(root, patch, out);
    }
    if let Some(previous) = &change.previous_path {
        out.key("previous_filename").text(previous);
    }
    out.raw("}");
}

/// A commit with what changed in it.
pub(in crate::github) fn full(
    root: &Root,
    of: &Row,
    oid: &Oid,
    commit: &Commit,
    (skip, take): (usize, usize),
    out: &mut Writer,
) {
    let objects = root.objects();
    let changes = changes(objects, commit);
    let sum = |of: fn(&FileChange) -> usize| {
        let lines: usize = changes.iter().map(of).sum();
        i64::try_from(lines).unwrap_or(i64::MAX)
    };
    let (added, gone) = (sum(|one| one.additions), sum(|one| one.deletions));
    open(root, of, oid, commit, out);
    out.key("stats").raw("{").key("total").int(added + gone);
    out.key("additions").int(added);
    out.key("deletions").int(gone).raw("}");
    out.key("files").raw("[");
    let parent = commit.parents.first().unwrap_or(oid);
    for change in changes.iter().skip(skip).take(take) {
        out.item();
        file(of.text(repo::FULL_NAME), change, oid, parent, root, out);
    }
    out.raw("]}");
}

/// `GET …/commits`.
pub(in crate::github) fn list(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let of = call.row(REPOS)?;
    let name = of.text(repo::FULL_NAME);
    let root = call.root();
    let from = call.query("sha").unwrap_or("HEAD");
    let from = named::commit_of(root, name, from)
        .ok_or_else(|| refs::gap(root, name, from).unwrap_or_else(not_found))?;
    let time = |field: &str| match call.query(field) {
        None => Ok(None),
        Some(text) => match issue_lists::time(text) {
            None => Err(invalid_value("Commit", field, text)),
            Some(at) => Ok(Some(at.as_second())),
        },
    };
    let (since, until) = (time("since")?, time("until")?);
    let fits = |commit: &Commit| {
        let at = commit.committer.seconds;
        since.is_none_or(|since| at >= since)
            && until.is_none_or(|until| at <= until)
            && call
                .query("author")
                .is_none_or(|asked| people::is(root, &commit.author, asked))
            && call
                .query("committer")
                .is_none_or(|asked| people::is(root, &commit.committer, asked))
    };
    let objects = root.objects();
    let path = call.query("path").map(|path| path.trim_matches('/'));
    let found: Vec<(Oid, Commit)> = match path.filter(|path| !path.is_empty()) {
        None => objects
            .log(&from)
            .filter(|(_, commit)| fits(commit))
            .collect(),
        Some(path) => objects
            .changes_of(&from, path)
            .filter(|(_, commit)| fits(commit))
            .collect(),
    };
    let page = page(call, found.len());
    let mut writer = Writer::with_capacity(root, 16_384, 16_384);
    writer.raw("[");
    for (oid, commit) in found.iter().skip(page.skip()).take(page.take()) {
        writer.item();
        listed(root, &of, oid, commit, &mut writer);
    }
    writer.raw("]");
    let mut reply = Reply::written(200, writer.finish(), page.fingerprint());
    reply.page = Some(page);
    Ok(reply)
}

/// `GET …/commits/{ref}`.
pub(in crate::github) fn get(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let of = call.row(REPOS)?;
    let oid = named::commit(call, call.param("ref"))?;
    let root = call.root();
    let objects = root.objects();
    let commit = objects.commit(&oid).ok_or_else(not_found)?;
    let asked = form(call);
    match asked {
        Form::Json => {}
        Form::Sha => return Ok(plain(call, asked, oid.to_string())),
        Form::Diff => {
            let diff = objects.unified_diff(&before(objects, &commit), &commit.tree);
            let diff = diff.map_err(|failure| refs::failed(&failure))?;
            return Ok(plain(call, asked, diff));
        }
        Form::Patch => {
            let patch = objects.format_patch(None, &oid);
            let patch = patch.map_err(|failure| refs::failed(&failure))?;
            return Ok(plain(call, asked, patch));
        }
    }
    let files = changes(objects, &commit).len();
    let page = crate::engine::page::Page::asked(call, MOST_FILES as u64, MOST_FILES as u64, files);
    let mut writer = Writer::with_capacity(root, 16_384, 16_384);
    let range = (page.skip(), page.take());
    full(root, &of, &oid, &commit, range, &mut writer);
    let mut reply = Reply::written(
        200,
        writer.finish(),
        fingerprint::mix(0, page.fingerprint()),
    );
    reply.page = Some(page);
    Ok(reply)
}

/// The commit before a commit.
pub(in crate::github) fn first_parent(root: &Root, sha: &str) -> Option<String> {
    let commit = root.objects().commit(&sha.parse().ok()?)?;
    commit.parents.first().map(Oid::to_string)
}

/// A commit as check suites and workflow runs show it.
pub(in crate::github) fn brief(root: &Root, sha: &str, out: &mut Writer) {
    let commit = sha.parse().ok().and_then(|oid| root.objects().commit(&oid));
    let Some(commit) = commit else {
        // A seed of a trace names commits that it does not hold.
        out.raw("{").key("id").text(sha);
        out.key("tree_id").text(&Oid::ZERO.to_string());
        out.key("message").text("");
        out.key("timestamp").text("1970-01-01T00:00:00Z");
        out.raw(r#","author":null,"committer":null}"#);
        return;
    };
    out.raw("{").key("id").text(sha);
    out.key("tree_id").oid(&commit.tree);
    out.key("message");
    prose(root, commit.message.trim_end_matches('\n'), out);
    out.key("timestamp");
    people::write_time(root, &commit.committer, out);
    for (name, who) in [("author", &commit.author), ("committer", &commit.committer)] {
        out.key(name).raw("{").key("name").text(&who.name);
        out.key("email").text(&who.email).raw("}");
    }
    out.raw("}");
}

/// The branches whose head is a commit: `GET …/commits/{commit_sha}/branches-where-head`.
pub(in crate::github) fn branches_where_head(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let of = call.row(REPOS)?;
    let name = of.text(repo::FULL_NAME);
    let oid = named::commit(call, call.param("commit_sha"))?;
    let root = call.root();
    let mut writer = Writer::new(root);
    writer.raw("[");
    for branch in refs::branches_at(root, name, &oid.to_string()) {
        writer.item();
        super::branches::short(root, name, &branch, &oid, &mut writer);
    }
    writer.raw("]");
    Ok(Reply::written(200, writer.finish(), of.version()))
}
