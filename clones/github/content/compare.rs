//! What one commit has that another has not.

use percent_encoding::utf8_percent_encode;

use super::commits::{self, Form, MOST_FILES};
use super::refs as named;
use crate::engine::git::{Commit, Oid};
use crate::engine::pack::{Call, Refusal, Reply};
use crate::engine::page::Page;
use crate::engine::root::Root;
use crate::engine::row::Row;
use crate::engine::writer::Writer;
use crate::github::access::{self, not_found};
use crate::github::refs;
use crate::github::render::repo::source_of;
use crate::github::render::{API, PATH, WEB};
use crate::github::tables::{REPOS, owner_of, repo};

/// The commits of one answer where the query does not say.
const COMMITS: u64 = 250;

/// The commit that one end of a comparison names: `branch`, `owner:branch` or
/// `owner:repo:branch` of the same network.
fn end(call: &Call<'_>, of: &Row, asked: &str) -> Option<Oid> {
    let root = call.root();
    let own = of.text(repo::FULL_NAME);
    let parts: Vec<&str> = asked.split(':').collect();
    let (name, branch) = match parts.as_slice() {
        [branch] => (own.to_owned(), *branch),
        [owner, branch] => (in_network(root, of, owner)?, *branch),
        [owner, name, branch] => (format!("{owner}/{name}"), *branch),
        _ => return None,
    };
    let row = root.named(REPOS, &name)?;
    let network = |row: &Row| source_of(root, row).text(repo::FULL_NAME).to_owned();
    if network(row) != network(of) {
        return None;
    }
    access::permission(root, row, call.caller.as_deref())?;
    named::commit_of(root, &name, branch)
}

/// The repository of an owner in the network of another one.
fn in_network(root: &Root, of: &Row, owner: &str) -> Option<String> {
    let own = of.text(repo::FULL_NAME);
    if crate::engine::key::same(owner_of(own), owner) {
        return Some(own.to_owned());
    }
    let network = source_of(root, of).text(repo::FULL_NAME).to_owned();
    let found = root.rows(REPOS).values().find(|row| {
        crate::engine::key::same(owner_of(row.text(repo::FULL_NAME)), owner)
            && source_of(root, row).text(repo::FULL_NAME) == network
    });
    found.map(|row| row.text(repo::FULL_NAME).to_owned())
}

/// `GET …/compare/{basehead}`.
pub(in crate::github) fn compare(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let of = call.row(REPOS)?;
    let asked = call.param("basehead").to_owned();
    let (base_name, head_name) = asked.split_once("...").ok_or_else(not_found)?;
    let base = end(call, &of, base_name).ok_or_else(not_found)?;
    let head = end(call, &of, head_name).ok_or_else(not_found)?;
    let root = call.root();
    let objects = root.objects();
    let common = objects.merge_base(&base, &head).ok_or_else(|| {
        let problem = format!("No common ancestor between {base_name} and {head_name}.");
        Refusal::new(404, problem)
    })?;
    let commit = |oid: &Oid| objects.commit(oid).ok_or_else(not_found);
    let (base_commit, head_commit) = (commit(&base)?, commit(&head)?);
    let common_commit = commit(&common)?;
    let form = commits::form(call);
    match form {
        Form::Diff => {
            let diff = objects.unified_diff(&common_commit.tree, &head_commit.tree);
            return Ok(commits::plain(
                call,
                form,
                diff.map_err(|failure| refs::failed(&failure))?,
            ));
        }
        Form::Patch => {
            let patch = objects.format_patch(Some(&base), &head);
            return Ok(commits::plain(
                call,
                form,
                patch.map_err(|failure| refs::failed(&failure))?,
            ));
        }
        Form::Json | Form::Sha => {}
    }
    let (ahead, behind) = objects.ahead_behind(&base, &head);
    let mut between = objects.between(&base, &head);
    between.reverse();
    let page = Page::asked(call, COMMITS, COMMITS, between.len());
    let name = of.text(repo::FULL_NAME);
    let mut writer = Writer::with_capacity(root, 32_768, 32_768);
    let status = match (ahead, behind) {
        (0, 0) => "identical",
        (_, 0) => "ahead",
        (0, _) => "behind",
        _ => "diverged",
    };
    let path = utf8_percent_encode(&asked, PATH);
    let html = format!("{WEB}/{name}/compare/{path}");
    writer.raw("{").key("url");
    writer.text(&format!("{API}/repos/{name}/compare/{path}"));
    writer.key("html_url").text(&html);
    let short = |name: &str, oid: &Oid| format!("{}:{}", owner_of(name), objects.short(oid, 7));
    let ends = format!("{}...{}", short(name, &base), short(name, &head));
    writer
        .key("permalink_url")
        .text(&format!("{WEB}/{name}/compare/{ends}"));
    writer.key("diff_url").text(&format!("{html}.diff"));
    writer.key("patch_url").text(&format!("{html}.patch"));
    for (field, oid, commit) in [
        ("base_commit", &base, &base_commit),
        ("merge_base_commit", &common, &common_commit),
    ] {
        writer.key(field);
        commits::listed(root, &of, oid, commit, &mut writer);
    }
    let count = |number: usize| i64::try_from(number).unwrap_or(i64::MAX);
    writer.key("status").text(status);
    writer.key("ahead_by").int(count(ahead));
    writer.key("behind_by").int(count(behind));
    writer.key("total_commits").int(count(ahead));
    writer.key("commits").raw("[");
    let shown: Vec<&(Oid, Commit)> = between.iter().skip(page.skip()).take(page.take()).collect();
    for (oid, commit) in shown {
        writer.item();
        commits::listed(root, &of, oid, commit, &mut writer);
    }
    writer.raw("]");
    writer.key("files").raw("[");
    // Files stand on the first page only.
    if page.number == 1 {
        let changes = objects.diff(&common_commit.tree, &head_commit.tree);
        for change in changes.iter().take(MOST_FILES) {
            writer.item();
            commits::file(name, change, &head, &common, root, &mut writer);
        }
    }
    writer.raw("]}");
    let mut reply = Reply::written(200, writer.finish(), page.fingerprint());
    if call.query("per_page").is_some() || call.query("page").is_some() {
        reply.page = Some(page);
    }
    Ok(reply)
}
