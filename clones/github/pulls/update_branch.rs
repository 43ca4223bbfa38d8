//! Bringing the head of a pull request up to date with its base.

use super::{compare, merging, signatures};
use crate::engine::git::{Commit, Merged, Oid};
use crate::engine::input::{Input, Kind};
use crate::engine::pack::{Call, Refusal, Reply};
use crate::engine::row::Row;
use crate::engine::writer::Writer;
use crate::github::access::{self, Permission, forbidden, not_found};
use crate::github::content::people;
use crate::github::events;
use crate::github::refs;
use crate::github::render::{API, WEB};
use crate::github::tables::{PULLS, REPOS, pull};

const ASKED: &[Input] = &[Input::new("expected_head_sha", Kind::TextOrNull)];

/// `PUT …/pulls/{pull_number}/update-branch`.
pub(in crate::github) fn update(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let inputs = access::body(call, ASKED)?;
    let row = call.row(PULLS)?;
    updated(call, &row, inputs.text("expected_head_sha"))?;
    let mut writer = Writer::new(call.root());
    let page = format!(
        "{WEB}/{}/pull/{}",
        row.text(pull::REPO),
        row.int(pull::NUMBER)
    );
    let url = page.replace(WEB, &format!("{API}/repos"));
    writer.raw("{");
    writer.key("message").text("Updating pull request branch.");
    writer.key("url").text(&url).raw("}");
    Ok(Reply::new(202, writer.finish()))
}

/// Merges the base into the head; the commit that the head is at then.
pub(in crate::github) fn updated(
    call: &mut Call<'_>,
    row: &Row,
    expected: Option<&str>,
) -> Result<Oid, Refusal> {
    let refused = |message: &str| Refusal::new(422, message.to_owned());
    let root = call.root();
    if !super::is_open(root, row) {
        return Err(refused("Pull request is closed."));
    }
    if expected.is_some_and(|expected| expected != row.text(pull::HEAD_SHA)) {
        return Err(refused("expected head sha didn’t match current head ref."));
    }
    let head_repo = row.text(pull::HEAD_REPO).to_owned();
    let of = root.named(REPOS, &head_repo).ok_or_else(not_found)?;
    let writes = |row: &Row| {
        access::permission(root, row, call.caller.as_deref())
            .is_some_and(|permission| permission >= Permission::Push)
    };
    let maintains = row.bool(pull::MAINTAINER_CAN_MODIFY)
        && root
            .named(REPOS, row.text(pull::REPO))
            .is_some_and(|of| writes(of));
    if !writes(of) && !maintains {
        return Err(forbidden());
    }
    let at = compare::of(root, row).ok_or_else(|| refused("Pull request has no base."))?;
    if at.from == at.base {
        return Err(refused("There are no new commits on the base branch."));
    }
    let tree = match merging::merged(root.objects(), &at.head, &at.base) {
        Ok(Merged::Clean(tree)) => tree,
        Ok(Merged::Conflict(_)) => {
            return Err(refused("merge conflict between base and head"));
        }
        Err(failure) => return Err(refs::failed(&failure)),
    };
    let message = format!(
        "Merge branch '{}' into {}",
        row.text(pull::BASE),
        row.text(pull::HEAD)
    );
    let tip = events::commit(
        root,
        &Commit {
            tree,
            parents: vec![at.head, at.base],
            author: people::of_caller(call)?,
            committer: signatures::web(call.now),
            message,
            signature: None,
        },
    );
    let branch = row.text(pull::HEAD).to_owned();
    refs::move_branch(call, &head_repo, &branch, at.head, tip)?;
    Ok(tip)
}
