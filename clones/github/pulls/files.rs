//! The files and commits of a pull request, and both as text.

use archal_core::clone::Stamp;
use jiff::Timestamp;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::compare::{self, Compared};
use crate::engine::git::{Commit, FileChange, Oid, Signature};
use crate::engine::key::same;
use crate::engine::pack::{Call, Refusal, Reply};
use crate::engine::root::Root;
use crate::engine::row::Row;
use crate::engine::writer::Writer;
use crate::github::access::not_found;
use crate::github::complete::{node_id, repo_id};
use crate::github::dialect::page;
use crate::github::refs;
use crate::github::render::{API, WEB};
use crate::github::tables::{PULLS, USERS, pull, user};

/// Files and commits beyond these many are not listed, as GitHub does.
const MOST_FILES: usize = 3_000;
const MOST_COMMITS: usize = 250;

/// What stays as it is in a path that is one segment of an address.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~');

/// `GET …/pulls/{pull_number}/files`.
pub(in crate::github) fn list(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let row = call.row(PULLS)?;
    let root = call.root();
    let compared = compare::of(root, &row);
    let files = compared.map(|at| at.files(root)).unwrap_or_default();
    let page = page(call, files.len().min(MOST_FILES));
    let mut out = Writer::with_capacity(root, 16_384, 16_384);
    out.raw("[");
    for file in files
        .iter()
        .take(MOST_FILES)
        .skip(page.skip())
        .take(page.take())
    {
        write_file(
            row.text(pull::REPO),
            row.text(pull::HEAD_SHA),
            file,
            out.item(),
        );
    }
    out.raw("]");
    let mut reply = Reply::written(200, out.finish(), page.fingerprint());
    reply.page = Some(page);
    Ok(reply)
}

fn write_file(repo: &str, sha: &str, file: &FileChange, out: &mut Writer) {
    let path = utf8_percent_encode(&file.path, SEGMENT);
    out.raw("{");
    out.key("sha").text(&file.oid.to_string());
    out.key("filename").text(&file.path);
    out.key("status").text(file.status.name());
    for (name, count) in [
        ("additions", file.additions),
        ("deletions", file.deletions),
        ("changes", file.additions + file.deletions),
    ] {
        out.key(name).raw(&count.to_string());
    }
    out.key("blob_url")
        .text(&format!("{WEB}/{repo}/blob/{sha}/{path}"));
    out.key("raw_url")
        .text(&format!("{WEB}/{repo}/raw/{sha}/{path}"));
    out.key("contents_url")
        .text(&format!("{API}/repos/{repo}/contents/{path}?ref={sha}"));
    if let Some(patch) = &file.patch {
        out.key("patch").text(patch);
    }
    if let Some(previous) = &file.previous_path {
        out.key("previous_filename").text(previous);
    }
    out.raw("}");
}

/// `GET …/pulls/{pull_number}/commits`.
pub(in crate::github) fn commits(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let row = call.row(PULLS)?;
    let root = call.root();
    let compared = compare::of(root, &row);
    let commits = compared.map(|at| at.commits(root)).unwrap_or_default();
    let page = page(call, commits.len().min(MOST_COMMITS));
    let mut out = Writer::with_capacity(root, 16_384, 16_384);
    out.raw("[");
    for (oid, commit) in commits
        .iter()
        .take(MOST_COMMITS)
        .skip(page.skip())
        .take(page.take())
    {
        write_commit(root, row.text(pull::REPO), oid, commit, out.item());
    }
    out.raw("]");
    let mut reply = Reply::written(200, out.finish(), page.fingerprint());
    reply.page = Some(page);
    Ok(reply)
}

fn write_commit(root: &Root, repo: &str, oid: &Oid, commit: &Commit, out: &mut Writer) {
    let url = format!("{API}/repos/{repo}/commits/{oid}");
    let git = format!("{API}/repos/{repo}/git");
    out.raw("{");
    out.key("sha").text(&oid.to_string());
    out.key("node_id")
        .text(&node_id("C", &[repo_id(root, repo), 0]));
    out.key("commit").raw("{");
    out.key("author");
    person(&commit.author, out);
    out.key("committer");
    person(&commit.committer, out);
    out.key("message").text(&commit.message);
    out.key("tree").raw("{");
    out.key("sha").text(&commit.tree.to_string());
    out.key("url")
        .text(&format!("{git}/trees/{}", commit.tree))
        .raw("}");
    out.key("url").text(&format!("{git}/commits/{oid}"));
    out.raw(r#","comment_count":0,"verification":{"verified":false,"reason":"unsigned","signature":null,"payload":null,"verified_at":null}}"#);
    out.key("url").text(&url);
    out.key("html_url")
        .text(&format!("{WEB}/{repo}/commit/{oid}"));
    out.key("comments_url").text(&format!("{url}/comments"));
    out.key("author");
    account(root, &commit.author, out);
    out.key("committer");
    account(root, &commit.committer, out);
    out.key("parents").raw("[");
    for parent in &commit.parents {
        out.item().raw("{");
        out.key("sha").text(&parent.to_string());
        out.key("url")
            .text(&format!("{API}/repos/{repo}/commits/{parent}"));
        out.key("html_url")
            .text(&format!("{WEB}/{repo}/commit/{parent}"))
            .raw("}");
    }
    out.raw("]}");
}

fn person(of: &Signature, out: &mut Writer) {
    let at = Timestamp::from_second(of.seconds).unwrap_or(Timestamp::UNIX_EPOCH);
    out.raw("{").key("name").text(&of.name);
    out.key("email").text(&of.email);
    out.key("date").time(Some(Stamp { at, by_call: false }));
    out.raw("}");
}

fn account(root: &Root, of: &Signature, out: &mut Writer) {
    let found = root.rows(USERS).values().find(|row| {
        same(row.text(user::EMAIL), &of.email)
            || of.email.ends_with(&format!(
                "+{}@users.noreply.github.com",
                row.text(user::LOGIN)
            ))
    });
    match found {
        Some(row) => out.rendered(&root.rendered(USERS, row).0),
        None => out.raw("null"),
    };
}

/// The pull request as `git diff` writes it.
pub(super) fn diff(call: &Call<'_>, row: &Row) -> Result<Reply, Refusal> {
    let root = call.root();
    let at = compare::of(root, row).ok_or_else(not_found)?;
    let objects = root.objects();
    let tree = |oid: &Oid| objects.commit(oid).map(|commit| commit.tree);
    let (Some(from), Some(head)) = (tree(&at.from), tree(&at.head)) else {
        return Err(not_found());
    };
    let text = objects
        .unified_diff(&from, &head)
        .map_err(|failure| refs::failed(&failure))?;
    Ok(plain(root, &text, "diff"))
}

/// The commits of the pull request as `git format-patch` writes them.
pub(super) fn mails(call: &Call<'_>, row: &Row) -> Result<Reply, Refusal> {
    let root = call.root();
    let Compared { base, head, .. } = compare::of(root, row).ok_or_else(not_found)?;
    let text = root
        .objects()
        .format_patch(Some(&base), &head)
        .map_err(|failure| refs::failed(&failure))?;
    Ok(plain(root, &text, "patch"))
}

fn plain(root: &Root, text: &str, kind: &str) -> Reply {
    let mut out = Writer::new(root);
    out.raw(text);
    let body = out.finish();
    let mut reply = Reply::written(200, body, 0);
    reply.content_type = Some(format!("application/vnd.github.{kind}; charset=utf-8").into());
    reply
}
