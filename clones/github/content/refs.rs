//! The operations on refs, and the tags that releases make.

use std::sync::Arc;

use archal_core::clone::Stamp;
use archal_core::diagnostic::Diagnostic;
use serde_json::json;

use crate::engine::git::{Kind as ObjectKind, Oid};
use crate::engine::input::{Input, Kind};
use crate::engine::pack::{Call, Completing, Refusal, Reply};
use crate::engine::root::Root;
use crate::engine::row::Row;
use crate::engine::writer::Writer;
use crate::github::access::{self, Permission, not_found};
use crate::github::complete::content::named_node_id;
use crate::github::dialect::{invalid, page};
use crate::github::render::API;
use crate::github::tables::{REPOS, protection, repo};
use crate::github::{protections, refs};

/// The answer where there is nothing in a repository.
pub(in crate::github) fn empty() -> Refusal {
    Refusal::new(409, "Git Repository is empty.")
}

/// Guard: something is in the repository.
pub(in crate::github) fn not_empty(call: &mut Call<'_>) -> Result<(), Refusal> {
    let repo = access::repo_name(call)?;
    if refs::is_empty(call.root(), &repo) {
        return Err(empty());
    }
    Ok(())
}

/// The commit that a name stands for, with `~2` or `^` behind it.
pub(in crate::github) fn commit_of(root: &Root, repo: &str, asked: &str) -> Option<Oid> {
    let at = asked.find(['~', '^']).unwrap_or(asked.len());
    let (name, mut rest) = asked.split_at(at);
    let mut oid = refs::resolve(root, repo, name)?;
    while !rest.is_empty() {
        let back = rest.starts_with('~');
        let behind = rest.strip_prefix(['~', '^'])?;
        let digits = behind.bytes().take_while(u8::is_ascii_digit).count();
        let (digits, left) = behind.split_at(digits);
        let number: usize = if digits.is_empty() {
            1
        } else {
            digits.parse().ok()?
        };
        rest = left;
        if back {
            for _ in 0..number {
                oid = *root.objects().commit(&oid)?.parents.first()?;
            }
        } else if let Some(parent) = number.checked_sub(1) {
            oid = *root.objects().commit(&oid)?.parents.get(parent)?;
        }
    }
    Some(oid)
}

/// The commit that the call names.
pub(in crate::github) fn commit(call: &Call<'_>, asked: &str) -> Result<Oid, Refusal> {
    let repo = access::repo_name(call)?;
    match commit_of(call.root(), &repo, asked) {
        Some(oid) => Ok(oid),
        None => refs::commit(call, asked),
    }
}

/// Why the caller may not write to a branch directly; none where they may.
pub(in crate::github) fn protected(
    call: &Call<'_>,
    repo: &str,
    branch: &str,
) -> Result<Option<Refusal>, Refusal> {
    let login = access::login(call)?;
    let admin = access::may(call, Permission::Admin)?;
    let root = call.root();
    Ok(protections::against_write(
        root, repo, branch, &login, admin,
    ))
}

/// The tag of a release that is published: the time of its commit, the tag made where it is
/// missing.
pub(in crate::github) fn tag_for_release(
    call: &mut Call<'_>,
    repo: &str,
    tag: &str,
    target: &str,
) -> Result<Option<Stamp>, Refusal> {
    if refs::is_empty(call.root(), repo) {
        return Err(Refusal::new(422, "Validation Failed").with(vec![json!({
            "resource": "Release", "code": "custom", "message": "Repository is empty."
        })]));
    }
    let known = refs::tag(call.root(), repo, tag);
    let oid = match known {
        Some(oid) => call.root().objects().peel_to_commit(&oid),
        None => commit_of(call.root(), repo, target),
    };
    let oid = oid.ok_or_else(|| invalid("Release", "target_commitish", "invalid"))?;
    if known.is_none() {
        refs::set(call, repo, &format!("{}{tag}", refs::TAGS), Some(oid));
    }
    let commit = call.root().objects().commit(&oid);
    let base = call.root().base();
    Ok(commit.map(|commit| {
        let at = commit.committer.at();
        // What was committed in the run was committed by a call.
        Stamp {
            at,
            by_call: at >= base,
        }
    }))
}

/// The same for a release that a seed has.
pub(in crate::github) fn tag_in_seed(cx: &mut Completing<'_>, repo: &str, tag: &str, target: &str) {
    let root = cx.transaction.root();
    // A seed without history says nothing of what its tags stand for.
    if refs::is_empty(root, repo) || refs::tag(root, repo, tag).is_some() {
        return;
    }
    match commit_of(root, repo, target) {
        Some(oid) => refs::seed(cx, repo, &format!("{}{tag}", refs::TAGS), &oid),
        None => {
            let problem = format!("{target:?} is no branch or commit of {repo}");
            cx.diagnostics
                .push(Diagnostic::error("seed/dangling", problem));
        }
    }
}

fn write(root: &Root, of: &Row, name: &str, oid: &Oid, out: &mut Writer) {
    let url = format!("{API}/repos/{}/git", of.text(repo::FULL_NAME));
    let kind = root.objects().kind(oid).unwrap_or(ObjectKind::Commit);
    out.raw("{").key("ref").text(name);
    out.key("node_id")
        .text(&named_node_id("REF", of.int(repo::ID), name));
    out.key("url").text(&format!("{url}/{name}"));
    out.key("object").raw("{").key("sha").oid(oid);
    out.key("type").text(kind.name());
    out.key("url")
        .text(&format!("{url}/{}s/{oid}", kind.name()))
        .raw("}}");
}

fn reply(call: &Call<'_>, status: u16, of: &Arc<Row>, name: &str, oid: &Oid) -> Reply {
    let mut writer = Writer::new(call.root());
    write(call.root(), of, name, oid, &mut writer);
    Reply::written(status, writer.finish(), 0)
}

/// The full name of the ref that the path names.
fn asked(call: &Call<'_>) -> String {
    let name = call.param("ref");
    format!("refs/{}", name.strip_prefix("refs/").unwrap_or(name))
}

/// `GET …/git/ref/{ref}`.
pub(in crate::github) fn get(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let of = call.row(REPOS)?;
    let name = asked(call);
    let oid = refs::get(call.root(), of.text(repo::FULL_NAME), &name).ok_or_else(not_found)?;
    Ok(reply(call, 200, &of, &name, &oid))
}

/// `GET …/git/matching-refs/{ref}`.
pub(in crate::github) fn list_matching(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let of = call.row(REPOS)?;
    let prefix = asked(call);
    let root = call.root();
    let found: Vec<(&str, Oid)> = refs::below(root, of.text(repo::FULL_NAME), &prefix).collect();
    let page = page(call, found.len());
    let mut writer = Writer::new(root);
    writer.raw("[");
    for (name, oid) in found.iter().skip(page.skip()).take(page.take()) {
        writer.item();
        write(root, &of, name, oid, &mut writer);
    }
    writer.raw("]");
    let mut reply = Reply::written(200, writer.finish(), page.fingerprint());
    reply.page = Some(page);
    Ok(reply)
}

const NEW: &[Input] = &[
    Input::new("ref", Kind::Text).required(),
    Input::new("sha", Kind::Text).required(),
];

/// The object that a body names by its whole id.
fn object(sha: &str) -> Result<Oid, Refusal> {
    sha.parse().map_err(|_| {
        let problem = "The sha parameter must be exactly 40 characters and contain only [0-9a-f].";
        Refusal::new(422, problem)
    })
}

/// `POST …/git/refs`.
pub(in crate::github) fn create(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let inputs = access::body(call, NEW)?;
    let of = call.row(REPOS)?;
    let repo_name = of.text(repo::FULL_NAME);
    let name = inputs.text("ref").unwrap_or_default();
    if !name.starts_with("refs/") || name.matches('/').count() < 2 {
        let problem = "Reference name must start with 'refs' and have at least two slashes";
        return Err(Refusal::new(422, problem));
    }
    let oid = object(inputs.text("sha").unwrap_or_default())?;
    refs::create(call, repo_name, name, oid)?;
    let mut reply = reply(call, 201, &of, name, &oid);
    reply.location = Some(format!("{API}/repos/{repo_name}/git/{name}"));
    Ok(reply)
}

const CHANGE: &[Input] = &[
    Input::new("sha", Kind::Text).required(),
    Input::new("force", Kind::Bool),
];

/// `PATCH …/git/refs/{ref}`.
pub(in crate::github) fn update(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let inputs = access::body(call, CHANGE)?;
    let of = call.row(REPOS)?;
    let repo_name = of.text(repo::FULL_NAME);
    let name = asked(call);
    let oid = object(inputs.text("sha").unwrap_or_default())?;
    let old = refs::get(call.root(), repo_name, &name);
    let branch = name.strip_prefix(refs::HEADS);
    if let (Some(branch), Some(old)) = (branch, old) {
        let kept = protections::of(call.root(), repo_name, branch);
        let kept = kept.is_some_and(|row| !row.bool(protection::FORCE));
        let follows = call.root().objects().is_ancestor(&old, &oid);
        let refused = protected(call, repo_name, branch)?.is_some() && oid != old;
        if refused || (kept && !follows && inputs.bool("force") == Some(true)) {
            return Err(Refusal::new(422, "Cannot update this protected ref."));
        }
    }
    let force = inputs.bool("force").unwrap_or(false);
    refs::update(call, repo_name, &name, oid, force)?;
    Ok(reply(call, 200, &of, &name, &oid))
}

/// `DELETE …/git/refs/{ref}`.
pub(in crate::github) fn delete(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let of = call.row(REPOS)?;
    let repo_name = of.text(repo::FULL_NAME);
    let name = asked(call);
    if refs::get(call.root(), repo_name, &name).is_none() {
        return Err(Refusal::new(422, "Reference does not exist"));
    }
    if let Some(branch) = name.strip_prefix(refs::HEADS) {
        if branch == of.text(repo::DEFAULT_BRANCH) {
            return Err(Refusal::new(422, "Cannot delete the default branch"));
        }
        let kept = protections::of(call.root(), repo_name, branch);
        if kept.is_some_and(|row| !row.bool(protection::DELETIONS)) {
            return Err(Refusal::new(422, "Cannot delete this protected ref."));
        }
    }
    refs::set(call, repo_name, &name, None);
    Ok(Reply::empty())
}
