//! Which pull request, review or comment a path names, and who may do what to it.

use std::sync::Arc;

use crate::engine::key::{Key, Part, folded, same};
use crate::engine::pack::{Call, Refusal};
use crate::engine::row::Row;
use crate::engine::table::TableId;
use crate::github::access::{self, Permission, forbidden, login, not_found};
use crate::github::tables::{
    ISSUES, PULLS, REPOS, REVIEW_COMMENTS, REVIEWS, issue, repo, review, review_comment,
};

fn find(call: &mut Call<'_>, table: TableId, param: &str) -> Result<Arc<Row>, Refusal> {
    let repo = call.row(REPOS)?;
    let number = call.number(param);
    let key = Key::new([folded(repo.text(repo::FULL_NAME)), Part::Int(number)]);
    let row = call.root().get(table, &key).cloned();
    let row = row.ok_or_else(not_found)?;
    call.found.push((table, Arc::clone(&row)));
    Ok(row)
}

/// Guard: the path names a pull request of the repository.
pub(in crate::github) fn known_pull(call: &mut Call<'_>) -> Result<(), Refusal> {
    find(call, PULLS, "pull_number")?;
    find(call, ISSUES, "pull_number").map(drop)
}

/// Guard: the path names a review of the pull request. One that is not submitted is its author's.
pub(in crate::github) fn known_review(call: &mut Call<'_>) -> Result<(), Refusal> {
    let pull = call.row(PULLS)?;
    let row = find(call, REVIEWS, "review_id")?;
    let of_pull = super::reviews::pull_of(call.root(), &row)
        .is_some_and(|of| call.root().key(PULLS, of) == call.root().key(PULLS, &pull));
    if of_pull && super::reviews::seen_by(&row, call.caller.as_deref()) {
        Ok(())
    } else {
        Err(not_found())
    }
}

/// Guard: the path names a comment on a diff in the repository.
pub(in crate::github) fn known_comment(call: &mut Call<'_>) -> Result<(), Refusal> {
    let row = find(call, REVIEW_COMMENTS, "comment_id")?;
    if super::comments::seen_by(call.root(), &row, call.caller.as_deref()) {
        Ok(())
    } else {
        Err(not_found())
    }
}

/// Guard: the comment is on the pull request that the path names.
pub(in crate::github) fn comment_of_pull(call: &mut Call<'_>) -> Result<(), Refusal> {
    let (row, pull) = (call.row(REVIEW_COMMENTS)?, call.row(PULLS)?);
    let name = super::name(&pull);
    if same(row.text(review_comment::PULL), &name) {
        Ok(())
    } else {
        Err(not_found())
    }
}

/// Guard: the caller opened the pull request or may write to its repository.
pub(in crate::github) fn may_change(call: &mut Call<'_>) -> Result<(), Refusal> {
    let own = same(call.row(ISSUES)?.text(issue::USER), &login(call)?);
    (own || access::may(call, Permission::Triage)?)
        .then_some(())
        .ok_or_else(forbidden)
}

/// Guard: the caller wrote the review.
pub(in crate::github) fn own_review(call: &mut Call<'_>) -> Result<(), Refusal> {
    same(call.row(REVIEWS)?.text(review::USER), &login(call)?)
        .then_some(())
        .ok_or_else(forbidden)
}

/// Guard: the caller wrote the comment or may write to the repository.
pub(in crate::github) fn may_change_comment(call: &mut Call<'_>) -> Result<(), Refusal> {
    let own = same(
        call.row(REVIEW_COMMENTS)?.text(review_comment::USER),
        &login(call)?,
    );
    (own || access::may(call, Permission::Push)?)
        .then_some(())
        .ok_or_else(forbidden)
}
