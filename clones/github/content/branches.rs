//! Branches and tags as lists show them.

use std::sync::Arc;

use percent_encoding::utf8_percent_encode;

use super::commits;
use crate::engine::git::Oid;
use crate::engine::input::{Input, Kind};
use crate::engine::key::Key;
use crate::engine::pack::{Call, Refusal, Reply};
use crate::engine::root::Root;
use crate::engine::row::{Row, text};
use crate::engine::writer::Writer;
use crate::github::access::{self, Permission, forbidden};
use crate::github::complete::content::named_node_id;
use crate::github::dialect::page;
use crate::github::render::{API, PATH, WEB, protection as shown};
use crate::github::tables::{
    PROTECTIONS, RELEASES, RELEASES_BY_REPO, REPOS, protection, release, repo,
};
use crate::github::{protections, pulls, refs};

/// A branch with the address of its commit, and whether it is protected.
pub(in crate::github) fn short(root: &Root, name: &str, branch: &str, oid: &Oid, out: &mut Writer) {
    open_short(root, name, branch, oid, out);
    out.raw("}");
}

fn open_short(root: &Root, name: &str, branch: &str, oid: &Oid, out: &mut Writer) {
    out.raw("{").key("name").text(branch);
    out.key("commit").raw("{").key("sha").oid(oid);
    out.key("url")
        .text(&format!("{API}/repos/{name}/commits/{oid}"))
        .raw("}");
    let protected = protections::of(root, name, branch).is_some();
    out.key("protected").bool(protected);
}

/// `GET …/branches`.
pub(in crate::github) fn list(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let of = call.row(REPOS)?;
    let name = of.text(repo::FULL_NAME);
    let root = call.root();
    let asked = call
        .query("protected")
        .map(|asked| matches!(asked, "true" | "1"));
    let found: Vec<(&str, Oid)> = refs::branches(root, name)
        .filter(|(branch, _)| {
            asked.is_none_or(|asked| protections::of(root, name, branch).is_some() == asked)
        })
        .collect();
    let page = page(call, found.len());
    let mut writer = Writer::new(root);
    writer.raw("[");
    for (branch, oid) in found.iter().skip(page.skip()).take(page.take()) {
        writer.item();
        open_short(root, name, branch, oid, &mut writer);
        let row = protections::of(root, name, branch).map(AsRef::as_ref);
        if row.is_some() {
            writer.key("protection");
            shown::summary(row, &mut writer);
            writer.key("protection_url").text(&shown::url(name, branch));
        }
        writer.raw("}");
    }
    writer.raw("]");
    let mut reply = Reply::written(200, writer.finish(), page.fingerprint());
    reply.page = Some(page);
    Ok(reply)
}

fn full(root: &Root, of: &Row, branch: &str, oid: &Oid, out: &mut Writer) {
    let name = of.text(repo::FULL_NAME);
    out.raw("{").key("name").text(branch);
    out.key("commit");
    match root.objects().commit(oid) {
        Some(commit) => commits::listed(root, of, oid, &commit, out),
        None => {
            out.raw("null");
        }
    }
    let path = utf8_percent_encode(branch, PATH);
    out.key("_links").raw("{").key("self");
    out.text(&format!("{API}/repos/{name}/branches/{path}"));
    out.key("html")
        .text(&format!("{WEB}/{name}/tree/{path}"))
        .raw("}");
    let row = protections::of(root, name, branch).map(AsRef::as_ref);
    out.key("protected").bool(row.is_some());
    out.key("protection");
    shown::summary(row, out);
    out.key("protection_url").text(&shown::url(name, branch));
    out.raw("}");
}

fn reply(call: &Call<'_>, status: u16, of: &Row, branch: &str, oid: &Oid) -> Reply {
    let mut writer = Writer::with_capacity(call.root(), 8_192, 8_192);
    full(call.root(), of, branch, oid, &mut writer);
    Reply::written(status, writer.finish(), 0)
}

/// `GET …/branches/{branch}`.
pub(in crate::github) fn get(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let of = call.row(REPOS)?;
    let branch = call.param("branch");
    let oid = refs::branch(call.root(), of.text(repo::FULL_NAME), branch);
    let oid = oid.ok_or_else(|| Refusal::new(404, "Branch not found"))?;
    Ok(reply(call, 200, &of, branch, &oid))
}

const NEW_NAME: &[Input] = &[Input::new("new_name", Kind::Text).required()];

/// `POST …/branches/{branch}/rename`.
pub(in crate::github) fn rename(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let inputs = access::body(call, NEW_NAME)?;
    let of = call.row(REPOS)?;
    let name = of.text(repo::FULL_NAME).to_owned();
    let old = call.param("branch").to_owned();
    let new = inputs.text("new_name").unwrap_or_default().to_owned();
    let oid = refs::branch(call.root(), &name, &old);
    let oid = oid.ok_or_else(|| Refusal::new(404, "Branch not found"))?;
    let is_default = of.text(repo::DEFAULT_BRANCH) == old;
    if is_default && !access::may(call, Permission::Admin)? {
        return Err(forbidden());
    }
    if !refs::well_formed(&format!("{}{new}", refs::HEADS)) {
        return Err(Refusal::new(
            422,
            format!("New name {new:?} is not a valid branch name."),
        ));
    }
    if refs::branch(call.root(), &name, &new).is_some() {
        return Err(Refusal::new(422, format!("Branch {new} already exists.")));
    }
    refs::set(call, &name, &format!("{}{new}", refs::HEADS), Some(oid));
    if let Some(row) = protections::of(call.root(), &name, &old).cloned() {
        let mut draft = row.draft();
        draft.set(protection::BRANCH, text(new.as_str()));
        call.transaction.replace(PROTECTIONS, &row, draft);
    }
    if is_default && let Some(row) = call.root().named(REPOS, &name).cloned() {
        let mut draft = row.draft();
        draft.set(repo::DEFAULT_BRANCH, text(new.as_str()));
        call.transaction.put(REPOS, draft);
    }
    // What is about the branch is of the new one before the old one goes.
    pulls::heads::base_renamed(call, &name, &old, &new)?;
    retarget_drafts(call, &name, &old, &new);
    refs::set(call, &name, &format!("{}{old}", refs::HEADS), None);
    Ok(reply(call, 201, &of, &new, &oid))
}

/// Draft releases get their tag on the branch by its new name.
fn retarget_drafts(call: &mut Call<'_>, repo_name: &str, old: &str, new: &str) {
    let group = call
        .root()
        .group(RELEASES, RELEASES_BY_REPO, &Key::folded(repo_name));
    let drafts: Vec<Arc<Row>> = group
        .into_iter()
        .flat_map(|rows| rows.values())
        .filter(|row| row.bool(release::DRAFT) && row.text(release::TARGET) == old)
        .cloned()
        .collect();
    for row in drafts {
        let mut draft = row.draft();
        draft.set(release::TARGET, text(new));
        call.transaction.put(RELEASES, draft);
    }
}

/// `GET …/tags`.
pub(in crate::github) fn list_tags(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let of = call.row(REPOS)?;
    let name = of.text(repo::FULL_NAME);
    let root = call.root();
    let mut found: Vec<(&str, Oid)> = refs::tags(root, name)
        .filter_map(|(tag, oid)| Some((tag, root.objects().peel_to_commit(&oid)?)))
        .collect();
    // The newest version comes first.
    found.sort_by_key(|(tag, _)| std::cmp::Reverse(natural(tag)));
    let page = page(call, found.len());
    let mut writer = Writer::new(root);
    writer.raw("[");
    for (tag, oid) in found.iter().skip(page.skip()).take(page.take()) {
        let full = format!("{}{tag}", refs::TAGS);
        let path = utf8_percent_encode(&full, PATH);
        writer.item().raw("{").key("name").text(tag);
        for (field, kind) in [("zipball_url", "zipball"), ("tarball_url", "tarball")] {
            writer
                .key(field)
                .text(&format!("{API}/repos/{name}/{kind}/{path}"));
        }
        writer.key("commit").raw("{").key("sha").oid(oid);
        writer
            .key("url")
            .text(&format!("{API}/repos/{name}/commits/{oid}"))
            .raw("}");
        writer
            .key("node_id")
            .text(&named_node_id("REF", of.int(repo::ID), &full))
            .raw("}");
    }
    writer.raw("]");
    let mut reply = Reply::written(200, writer.finish(), page.fingerprint());
    reply.page = Some(page);
    Ok(reply)
}

/// A name in pieces, in which numbers compare as numbers.
fn natural(name: &str) -> Vec<(String, u64)> {
    let mut pieces = Vec::new();
    let mut rest = name;
    while !rest.is_empty() {
        let words = rest
            .find(|c: char| c.is_ascii_digit())
            .unwrap_or(rest.len());
        let (word, tail) = rest.split_at(words);
        let digits = tail
            .find(|c: char| !c.is_ascii_digit())
            .unwrap_or(tail.len());
        let (number, tail) = tail.split_at(digits);
        pieces.push((word.to_owned(), number.parse().unwrap_or(u64::MAX)));
        rest = tail;
    }
    pieces
}

/// `GET …/tarball/{ref}` and `GET …/zipball/{ref}`: the archive is elsewhere.
fn archive(call: &Call<'_>, kind: &str) -> Result<Reply, Refusal> {
    let name = access::repo_name(call)?;
    let asked = call.param("ref").to_owned();
    let root = call.root();
    let shown = match refs::named(root, &name, &asked) {
        Some((full, _)) => full,
        None => refs::resolve(root, &name, &asked)
            .ok_or_else(access::not_found)?
            .to_string(),
    };
    let path = utf8_percent_encode(&shown, PATH);
    Ok(Reply {
        status: 302,
        location: Some(format!("https://codeload.github.com/{name}/{kind}/{path}")),
        ..Reply::default()
    })
}

/// `GET …/tarball/{ref}`.
pub(in crate::github) fn tarball(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    archive(call, "legacy.tar.gz")
}

/// `GET …/zipball/{ref}`.
pub(in crate::github) fn zipball(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    archive(call, "legacy.zip")
}
