//! The files and commits of a pull request, and both as text.

use super::compare::{self, Compared};
use crate::engine::git::Oid;
use crate::engine::pack::{Call, Refusal, Reply};
use crate::engine::row::Row;
use crate::engine::writer::Writer;
use crate::github::access::not_found;
use crate::github::content::commits::{self, Form};
use crate::github::dialect::page;
use crate::github::refs;
use crate::github::tables::{PULLS, REPOS, pull};

/// Files and commits beyond these many are not listed, as GitHub does.
const MOST_FILES: usize = 3_000;
const MOST_COMMITS: usize = 250;

/// `GET …/pulls/{pull_number}/files`.
pub(in crate::github) fn list(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let row = call.row(PULLS)?;
    let root = call.root();
    let compared = compare::of(root, &row);
    let files = compared.map(|at| at.files(root)).unwrap_or_default();
    let page = page(call, files.len().min(MOST_FILES));
    let mut out = Writer::with_capacity(root, 16_384, 16_384);
    out.raw("[");
    let shown = files.iter().take(MOST_FILES);
    for file in shown.skip(page.skip()).take(page.take()) {
        if let Some(Compared { head, from, .. }) = compared {
            out.item();
            commits::file(row.text(pull::REPO), file, &head, &from, root, &mut out);
        }
    }
    out.raw("]");
    let mut reply = Reply::written(200, out.finish(), page.fingerprint());
    reply.page = Some(page);
    Ok(reply)
}

/// `GET …/pulls/{pull_number}/commits`.
pub(in crate::github) fn commits(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let row = call.row(PULLS)?;
    let of = call.row(REPOS)?;
    let root = call.root();
    let compared = compare::of(root, &row);
    let between = compared.map(|at| at.commits(root)).unwrap_or_default();
    let page = page(call, between.len().min(MOST_COMMITS));
    let mut out = Writer::with_capacity(root, 16_384, 16_384);
    out.raw("[");
    let shown = between.iter().take(MOST_COMMITS);
    for (oid, commit) in shown.skip(page.skip()).take(page.take()) {
        out.item();
        commits::listed(root, &of, oid, commit, &mut out);
    }
    out.raw("]");
    let mut reply = Reply::written(200, out.finish(), page.fingerprint());
    reply.page = Some(page);
    Ok(reply)
}

/// The pull request as `git diff` or `git format-patch` writes it.
pub(super) fn as_text(call: &Call<'_>, row: &Row, form: Form) -> Result<Reply, Refusal> {
    let root = call.root();
    let Compared { base, head, from } = compare::of(root, row).ok_or_else(not_found)?;
    let objects = root.objects();
    let text = if form == Form::Patch {
        objects.format_patch(Some(&base), &head)
    } else {
        let tree = |oid: &Oid| objects.commit(oid).map(|commit| commit.tree);
        let (before, after) = tree(&from).zip(tree(&head)).ok_or_else(not_found)?;
        objects.unified_diff(&before, &after)
    };
    let text = text.map_err(|failure| refs::failed(&failure))?;
    Ok(commits::plain(call, form, text))
}
