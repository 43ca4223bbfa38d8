//! Branches merged without a pull request.

use super::refs as named;
use super::{commits, people};
use crate::engine::git::{Commit, Merged, Oid};
use crate::engine::input::{Input, Kind};
use crate::engine::pack::{Call, Refusal, Reply};
use crate::engine::writer::Writer;
use crate::github::access::{self, not_found};
use crate::github::events;
use crate::github::refs;
use crate::github::tables::{REPOS, owner_of, repo};

const MERGE: &[Input] = &[
    Input::new("base", Kind::Text).required(),
    Input::new("head", Kind::Text).required(),
    Input::new("commit_message", Kind::Text),
];

/// `POST …/merges`.
pub(in crate::github) fn merge(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let inputs = access::body(call, MERGE)?;
    let of = call.row(REPOS)?;
    let name = of.text(repo::FULL_NAME).to_owned();
    let base_name = inputs.text("base").unwrap_or_default();
    let head_name = inputs.text("head").unwrap_or_default();
    let base = refs::branch(call.root(), &name, base_name);
    let base = base.ok_or_else(|| Refusal::new(404, "Base does not exist"))?;
    let head = named::commit_of(call.root(), &name, head_name);
    let head = head.ok_or_else(|| Refusal::new(404, "Head does not exist"))?;
    if call.root().objects().is_ancestor(&head, &base) {
        return Ok(Reply::empty());
    }
    if let Some(refused) = named::protected(call, &name, base_name)? {
        return Err(refused);
    }
    let usual = format!("Merge {head_name} into {base_name}");
    let message = inputs.text("commit_message").unwrap_or(&usual);
    let (oid, commit) = merged(call, &name, base_name, base, head, message)?
        .ok_or_else(|| Refusal::new(409, "Merge conflict"))?;
    let root = call.root();
    let mut writer = Writer::with_capacity(root, 8_192, 8_192);
    let range = (0, commits::MOST_FILES);
    commits::full(root, &of, &oid, &commit, range, &mut writer);
    Ok(Reply::new(201, writer.finish()))
}

/// Commits the merge of two commits to a branch; none where they conflict.
fn merged(
    call: &mut Call<'_>,
    repo_name: &str,
    branch: &str,
    base: Oid,
    head: Oid,
    message: &str,
) -> Result<Option<(Oid, Commit)>, Refusal> {
    let who = people::of_caller(call)?;
    let objects = call.root().objects();
    let tree = match objects.merge(&base, &head) {
        Err(failure) => return Err(refs::failed(&failure)),
        Ok(Merged::Conflict(_)) => return Ok(None),
        Ok(Merged::Clean(tree)) => tree,
    };
    let commit = Commit {
        tree,
        parents: vec![base, head],
        author: who.clone(),
        committer: who,
        message: message.to_owned(),
        signature: None,
    };
    let oid = events::commit(call.root(), &commit);
    refs::move_branch(call, repo_name, branch, base, oid)?;
    Ok(Some((oid, commit)))
}

const UPSTREAM: &[Input] = &[Input::new("branch", Kind::Text).required()];

/// `POST …/merge-upstream`.
pub(in crate::github) fn merge_upstream(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let inputs = access::body(call, UPSTREAM)?;
    let of = call.row(REPOS)?;
    let name = of.text(repo::FULL_NAME).to_owned();
    let branch = inputs.text("branch").unwrap_or_default();
    let parent = call.root().named(REPOS, of.text(repo::PARENT)).cloned();
    let parent = parent.ok_or_else(|| {
        Refusal::new(
            422,
            "This repository is not a fork and has no upstream to sync with.",
        )
    })?;
    let own = refs::branch(call.root(), &name, branch).ok_or_else(not_found)?;
    let upstream_name = parent.text(repo::FULL_NAME).to_owned();
    let theirs = refs::branch(call.root(), &upstream_name, branch);
    let theirs = theirs.ok_or_else(|| {
        Refusal::new(
            422,
            format!("The upstream repository has no branch {branch}."),
        )
    })?;
    let label = format!("{}:{branch}", owner_of(&upstream_name));
    let objects = call.root().objects();
    let (kind, message) = if objects.is_ancestor(&theirs, &own) {
        (
            "none",
            format!("This branch is not behind the upstream {label}."),
        )
    } else if objects.is_ancestor(&own, &theirs) {
        refs::move_branch(call, &name, branch, own, theirs)?;
        let message = format!("Successfully fetched and fast-forwarded from the upstream {label}.");
        ("fast-forward", message)
    } else {
        let message = format!("Merge branch '{label}' into {branch}");
        merged(call, &name, branch, own, theirs, &message)?
            .ok_or_else(|| Refusal::new(409, "There are merge conflicts"))?;
        let message = format!("Successfully fetched and merged from the upstream {label}.");
        ("merge", message)
    };
    let mut writer = Writer::new(call.root());
    writer.raw("{").key("message").text(&message);
    writer.key("merge_type").text(kind);
    writer.key("base_branch").text(&label).raw("}");
    Ok(Reply::new(200, writer.finish()))
}
