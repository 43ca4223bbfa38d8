//! Threads: the comments that answer one, which stands for the thread.

use std::sync::Arc;

use archal_core::clone::ViewValue;

use super::comments;
use crate::engine::key::{Key, Part, folded};
use crate::engine::pack::{Call, Refusal};
use crate::engine::root::Root;
use crate::engine::row::{Row, text};
use crate::github::access::{self, Permission, forbidden};
use crate::github::complete::{node_id, repo_id};
use crate::github::tables::{REPOS, REVIEW_COMMENTS, issue, repo_of, review_comment};

/// The first comment of each thread of a pull request, oldest first.
pub(in crate::github) fn of<'r>(root: &'r Root, pull: &Row) -> Vec<&'r Arc<Row>> {
    comments::of(root, pull)
        .filter(|row| *row.value(review_comment::IN_REPLY_TO) == ViewValue::Null)
        .collect()
}

/// All comments of a thread, oldest first.
pub(in crate::github) fn comments_of<'r>(
    root: &'r Root,
    pull: &Row,
    first: &Row,
) -> Vec<&'r Arc<Row>> {
    let id = first.int(review_comment::ID);
    comments::of(root, pull)
        .filter(|row| {
            row.int(review_comment::ID) == id || row.int(review_comment::IN_REPLY_TO) == id
        })
        .collect()
}

/// The GraphQL id of a thread.
pub(in crate::github) fn id(root: &Root, first: &Row) -> String {
    let repo = repo_of(first.text(review_comment::PULL));
    node_id(
        "PRRT",
        &[repo_id(root, repo), first.int(review_comment::ID)],
    )
}

/// The first comment of the thread with that GraphQL id.
pub(in crate::github) fn find<'r>(root: &'r Root, thread: &str) -> Option<&'r Arc<Row>> {
    root.rows(REVIEW_COMMENTS).values().find(|row| {
        *row.value(review_comment::IN_REPLY_TO) == ViewValue::Null && id(root, row) == thread
    })
}

/// Whether the lines that a thread is about are not in the diff any more.
pub(in crate::github) fn is_outdated(first: &Row) -> bool {
    *first.value(review_comment::POSITION) == ViewValue::Null
}

/// Resolves a thread, or takes that back.
pub(in crate::github) fn resolve(
    call: &mut Call<'_>,
    first: &Row,
    resolved: bool,
) -> Result<Arc<Row>, Refusal> {
    let login = access::login(call)?;
    let name = first.text(review_comment::PULL);
    let root = call.root();
    let repo = root.named(REPOS, repo_of(name));
    let repo = repo.ok_or_else(access::not_found)?;
    let writes = access::sees(call, repo).is_some_and(|permission| permission >= Permission::Push);
    let key = crate::github::tables::issue_key(name);
    let opened = key
        .and_then(|key| root.get(crate::github::tables::ISSUES, &key))
        .is_some_and(|on| crate::engine::key::same(on.text(issue::USER), &login));
    if !writes && !opened {
        return Err(forbidden());
    }
    let by = if resolved {
        text(login)
    } else {
        ViewValue::Null
    };
    if *first.value(review_comment::RESOLVED_BY) == by {
        let key = Key::new([
            folded(repo_of(name)),
            Part::Int(first.int(review_comment::ID)),
        ]);
        return root
            .get(REVIEW_COMMENTS, &key)
            .cloned()
            .ok_or_else(access::not_found);
    }
    let mut draft = first.draft();
    draft.set(review_comment::RESOLVED_BY, by);
    let row = call.transaction.put(REVIEW_COMMENTS, draft);
    comments::touch_pull(call, &row);
    Ok(row)
}
