//! What a push does to pull requests: those from the branch follow it, those into it may be
//! merged by it.

use std::sync::Arc;

use archal_core::clone::ViewValue;

use super::patch::{self, Side};
use super::{change, comments, compare, happened, merge, now, put, reviews, rules};
use crate::engine::git::Oid;
use crate::engine::key::{Key, Part, folded};
use crate::engine::pack::{Call, Refusal};
use crate::engine::root::Root;
use crate::engine::row::{Row, text};
use crate::engine::transaction::Transaction;
use crate::github::events::Details;
use crate::github::refs::Pushed;
use crate::github::tables::{
    PULLS, PULLS_BY_BASE, PULLS_BY_HEAD, PULLS_BY_REPO, REFS, REVIEW_COMMENTS, REVIEWS, check_run,
    pull, reference, review, review_comment, status,
};

/// A ref was made, moved or deleted.
pub(in crate::github) fn follow(call: &mut Call<'_>, pushed: &Pushed) {
    let Some(branch) = pushed.branch() else {
        return;
    };
    let repo = pushed.repo.as_str();
    for row in open(call.root(), PULLS_BY_BASE, repo, branch) {
        match pushed.after {
            Some(after) => base_moved(call, &row, pushed.before, after),
            None => base_gone(call, &row, repo, branch),
        }
    }
    for row in open(call.root(), PULLS_BY_HEAD, repo, branch) {
        match pushed.after {
            Some(after) => head_moved(call, &row, after),
            // A pull request without a head is closed. Who may delete a branch is known by then.
            None => {
                happened(call, &row, "head_ref_deleted", Details::default());
                _ = change::close(call, &row);
            }
        }
    }
}

/// Keeps the head of a pull request where git finds it, `refs/pull/7/head`, whatever becomes of
/// its branch or its fork.
pub(super) fn keep(transaction: &mut Transaction, repo: &str, number: i64, sha: &str) {
    let mut draft = transaction.root().blank(REFS);
    draft
        .set(reference::REPO, text(repo))
        .set(reference::NAME, text(format!("refs/pull/{number}/head")))
        .set(reference::SHA, text(sha));
    transaction.put(REFS, draft);
}

/// A check of a commit came to something: what waits for it may be merged now.
fn checked(call: &mut Call<'_>, repo: &str, sha: &str) {
    let waiting: Vec<Arc<Row>> = call
        .root()
        .group(PULLS, PULLS_BY_REPO, &Key::folded(repo))
        .into_iter()
        .flat_map(|rows| rows.values())
        .filter(|row| row.text_or_null(pull::AUTO_MERGE_METHOD).is_some())
        .filter(|row| row.text(pull::HEAD_SHA) == sha)
        .cloned()
        .collect();
    for row in waiting {
        merge::when_ready(call, &row);
    }
}

/// A commit got a status.
pub(in crate::github) fn status_set(call: &mut Call<'_>, row: &Row) {
    checked(call, row.text(status::REPO), row.text(status::SHA));
}

/// A check run of a commit began or ended.
pub(in crate::github) fn run_changed(call: &mut Call<'_>, row: &Row) {
    checked(
        call,
        row.text(check_run::REPO),
        row.text(check_run::HEAD_SHA),
    );
}

/// The open pull requests from or into a branch.
fn open(root: &Root, index: usize, repo: &str, branch: &str) -> Vec<Arc<Row>> {
    let key = Key::new([folded(repo), Part::Text(branch.into())]);
    root.group(PULLS, index, &key)
        .into_iter()
        .flat_map(|rows| rows.values())
        .filter(|row| super::is_open(root, row))
        .cloned()
        .collect()
}

/// A base that has all of the head has merged it, whoever pushed that.
fn base_moved(call: &mut Call<'_>, row: &Row, before: Option<Oid>, after: Oid) {
    let Some(head) = compare::oid(row, pull::HEAD_SHA) else {
        return;
    };
    let objects = Arc::clone(call.root().objects());
    if objects.is_ancestor(&head, &after) {
        let base = before.or_else(|| compare::oid(row, pull::BASE_SHA));
        _ = merge::write_merged(call, row, &base.unwrap_or(after), &after);
    } else {
        merge::when_ready(call, row);
    }
}

/// A base that is deleted closes what should go into it. Where it was itself merged, what should
/// go into it goes where it went.
fn base_gone(call: &mut Call<'_>, row: &Row, repo: &str, branch: &str) {
    let root = call.root();
    let key = Key::new([folded(repo), Part::Text(branch.into())]);
    let went = root
        .group(PULLS, PULLS_BY_HEAD, &key)
        .into_iter()
        .flat_map(|rows| rows.values())
        .rfind(|other| other.time(pull::MERGED_AT).is_some())
        .map(|other| other.text(pull::BASE).to_owned());
    if let Some(base) = went {
        let changes = change::Changes {
            base: Some(base),
            ..change::Changes::default()
        };
        if change::changed(call, row, &changes).is_ok() {
            return;
        }
    }
    _ = change::close(call, row);
}

/// A branch has another name: what should go into it goes there.
pub(in crate::github) fn base_renamed(
    call: &mut Call<'_>,
    repo: &str,
    old: &str,
    new: &str,
) -> Result<(), Refusal> {
    for row in open(call.root(), PULLS_BY_BASE, repo, old) {
        let changes = change::Changes {
            base: Some(new.to_owned()),
            ..change::Changes::default()
        };
        change::changed(call, &row, &changes)?;
    }
    Ok(())
}

fn head_moved(call: &mut Call<'_>, row: &Row, after: Oid) {
    let root = call.root();
    let base = compare::branch(root, row.text(pull::REPO), row.text(pull::BASE));
    let mut draft = row.draft();
    draft.set(pull::HEAD_SHA, text(after.to_string()));
    if let Some(base) = base {
        draft.set(pull::BASE_SHA, text(base.to_string()));
    }
    if draft == row.draft() {
        return;
    }
    let empty = base.is_some_and(|base| root.objects().is_ancestor(&after, &base));
    let forced = compare::oid(row, pull::HEAD_SHA)
        .is_some_and(|before| !root.objects().is_ancestor(&before, &after));
    let row = put(call, draft);
    keep(
        &mut call.transaction,
        row.text(pull::REPO),
        row.int(pull::NUMBER),
        row.text(pull::HEAD_SHA),
    );
    if forced {
        let sha = after.to_string();
        let details = Details {
            commit_id: Some(&sha),
            ..Details::default()
        };
        happened(call, &row, "head_ref_force_pushed", details);
    }
    if empty {
        // Nothing is left that the base has not.
        _ = change::close(call, &row);
        return;
    }
    place_comments(call, &row);
    if rules::of(call.root(), &row).dismiss_stale {
        dismiss_approvals(call, &row);
    }
    merge::when_ready(call, &row);
}

/// A push takes approvals back where the base asks for that.
fn dismiss_approvals(call: &mut Call<'_>, row: &Row) {
    let approvals: Vec<Arc<Row>> = reviews::of(call.root(), row)
        .filter(|row| row.text(review::STATE) == "APPROVED")
        .cloned()
        .collect();
    for approval in approvals {
        let mut draft = approval.draft();
        draft.set(review::STATE, text("DISMISSED"));
        draft.set(review::UPDATED_AT, ViewValue::Time(call.now));
        call.transaction.put(REVIEWS, draft);
    }
}

/// Finds the lines of all comments again after the head or the base changed; those that are not
/// in the diff any more are outdated.
pub(in crate::github) fn place_comments(call: &mut Call<'_>, row: &Row) {
    let Ok(row) = now(call, row) else { return };
    let rows: Vec<Arc<Row>> = comments::of(call.root(), &row)
        .filter(|comment| *comment.value(review_comment::POSITION) != ViewValue::Null)
        .cloned()
        .collect();
    for comment in rows {
        let mut draft = comment.draft();
        let found = place(call.root(), &row, &comment);
        match &found {
            Some(found) => {
                let head = row.text(pull::HEAD_SHA);
                draft.set(review_comment::COMMIT_ID, text(head));
                draft.set(review_comment::POSITION, ViewValue::Int(found.position));
                if let Some(line) = found.line {
                    draft.set(review_comment::LINE, ViewValue::Int(line));
                }
                let start = found.start.map_or(ViewValue::Null, ViewValue::Int);
                draft.set(review_comment::START_LINE, start);
            }
            None => {
                for column in [
                    review_comment::POSITION,
                    review_comment::LINE,
                    review_comment::START_LINE,
                ] {
                    draft.set(column, ViewValue::Null);
                }
            }
        }
        if draft != comment.draft() {
            call.transaction.put(REVIEW_COMMENTS, draft);
        }
    }
}

/// Where a comment stands in a new diff.
struct Found {
    position: i64,
    line: Option<i64>,
    start: Option<i64>,
}

fn place(root: &Root, row: &Row, comment: &Row) -> Option<Found> {
    let path = comment.text(review_comment::PATH);
    let patch = compare::patch_of(root, row, row.text(pull::HEAD_SHA), path)?;
    if comment.text(review_comment::SUBJECT_TYPE) == "file" {
        return Some(Found {
            position: comment.int(review_comment::POSITION),
            line: None,
            start: None,
        });
    }
    let between = changes_between(root, row, comment, path);
    let moved = |side: Option<&str>, line: i64| {
        let side = side.and_then(Side::named).unwrap_or(Side::Right);
        let line = match (side, &between) {
            (Side::Right, Some(between)) => patch::moved(between, line)?,
            _ => line,
        };
        Some((side, line))
    };
    let (side, line) = moved(
        comment.text_or_null(review_comment::SIDE),
        comment.int(review_comment::LINE),
    )?;
    let position = patch::position_of(&patch, side, line)?;
    let start = match comment.value(review_comment::START_LINE) {
        ViewValue::Int(start) => {
            let side = comment.text_or_null(review_comment::START_SIDE);
            let (side, start) = moved(side, *start)?;
            patch::position_of(&patch, side, start)?;
            Some(start)
        }
        _ => None,
    };
    Some(Found {
        position,
        line: Some(line),
        start,
    })
}

/// What changed in a file between the commit that a comment counts in and the head.
fn changes_between(root: &Root, row: &Row, comment: &Row, path: &str) -> Option<String> {
    let objects = root.objects();
    let tree = |oid: Option<Oid>| Some(objects.commit(&oid?)?.tree);
    let before = tree(compare::oid(comment, review_comment::COMMIT_ID))?;
    let after = tree(compare::oid(row, pull::HEAD_SHA))?;
    let files = objects.diff(&before, &after);
    let file = files.iter().find(|file| file.path == path)?;
    file.patch.clone()
}
