//! Comments on issues.

use std::sync::Arc;

use archal_core::clone::ViewValue;

use super::dialect::{invalid, invalid_value, page};
use super::tables::{
    COMMENTS, COMMENTS_BY_REPO, ISSUES, REPOS, comment, issue, issue_of, repo, repo_of,
};
use super::{
    access, changes, complete, events, issue_lists, issues, notifications, reactions, render,
};
use crate::engine::input::{Input, Inputs, Kind};
use crate::engine::key::{Key, Part, folded};
use crate::engine::pack::{Call, Refusal, Reply};
use crate::engine::root::Root;
use crate::engine::route::Filter;
use crate::engine::row::{Draft, Row, text};

/// What a body that writes a comment holds.
pub(super) const TEXT: &[Input] = &[Input {
    name: "body",
    kind: Kind::Text,
    required: true,
}];

/// The address of a comment.
pub(super) fn url(row: &Row) -> String {
    format!(
        "{}/repos/{}/issues/comments/{}",
        render::API,
        repo_of(row.text(comment::ISSUE)),
        row.int(comment::ID)
    )
}

/// The key of the issue that the path names.
pub(super) fn of_issue(call: &Call<'_>) -> Result<Key, Refusal> {
    let row = call.row(ISSUES)?;
    Ok(call.root().key(ISSUES, &row))
}

/// Comments that changed since a time the query names.
pub(super) fn since(call: &Call<'_>) -> Result<Filter, Refusal> {
    let since = match call.query("since") {
        None => return Ok(Box::new(|_, _| true)),
        Some(text) => {
            issue_lists::time(text).ok_or_else(|| invalid_value("IssueComment", "since", text))?
        }
    };
    Ok(Box::new(move |_, row| {
        row.time(comment::UPDATED_AT)
            .is_some_and(|updated| updated.at >= since)
    }))
}

/// `GET …/issues/comments`.
pub(super) fn list_for_repo(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let shows = since(call)?;
    let repo = call.row(REPOS)?;
    let root = call.root();
    let group = root.group(
        COMMENTS,
        COMMENTS_BY_REPO,
        &Key::folded(repo.text(repo::FULL_NAME)),
    );
    let mut rows: Vec<_> = group
        .into_iter()
        .flat_map(|rows| rows.values())
        .filter(|row| shows(root, row))
        .collect();
    match call.query("sort") {
        Some("created") => {}
        Some("updated") => rows.sort_by_key(|row| {
            let updated = row.time(comment::UPDATED_AT);
            // Calls within one second stay in their order, so that a list does not depend on
            // the clock.
            let by_call = updated.is_some_and(|stamp| stamp.by_call);
            let order = if by_call { row.version() } else { 0 };
            let seconds = row.seconds(comment::UPDATED_AT);
            (seconds, order, row.int(comment::ID))
        }),
        // Without a sort GitHub goes by number and takes no direction.
        _ => rows.sort_by_key(|row| row.int(comment::ID)),
    }
    let newest_first = match (call.query("sort"), call.query("direction")) {
        (None, _) | (_, Some("asc")) => false,
        (Some(_), _) => true,
    };
    if newest_first {
        rows.reverse();
    }
    let page = page(call, rows.len());
    let rows = rows.into_iter().skip(page.skip()).take(page.take());
    Ok(Reply::rows(root, COMMENTS, rows, Some(page)))
}

/// Makes the row of a new comment.
pub(super) fn make(call: &mut Call<'_>, inputs: Inputs) -> Result<Draft, Refusal> {
    let on = call.row(ISSUES)?;
    let body = checked(&inputs)?;
    if on.bool(issue::LOCKED) && !access::may(call, access::Permission::Triage)? {
        return Err(Refusal::new(
            403,
            "Unable to create comment because issue is locked.",
        ));
    }
    let author = access::login(call)?;
    let id = call.transaction.next_id(COMMENTS);
    let place = events::place(call);
    let name = format!("{}#{}", on.text(issue::REPO), on.int(issue::NUMBER));
    let mut draft = Draft::empty(call.root().pack().tables[COMMENTS].columns.len());
    draft.set(comment::ISSUE, text(name));
    draft.set(comment::ID, ViewValue::Int(id));
    draft.set(comment::PLACE, ViewValue::Int(place));
    draft.set(comment::BODY, text(body));
    draft.set(comment::USER, text(author));
    draft.set(comment::CREATED_AT, ViewValue::Time(call.now));
    draft.set(comment::UPDATED_AT, ViewValue::Time(call.now));
    complete::name_comment(call.root(), &mut draft);
    Ok(draft)
}

/// Changes a comment as a body asks.
pub(super) fn change(call: &mut Call<'_>, old: &Row, inputs: Inputs) -> Result<Draft, Refusal> {
    let mut draft = old.draft();
    draft.set(comment::BODY, text(checked(&inputs)?));
    if draft != old.draft() {
        draft.set(comment::UPDATED_AT, ViewValue::Time(call.now));
    }
    Ok(draft)
}

/// What a new comment brings about.
pub(super) fn said(call: &mut Call<'_>, row: &Row) {
    touch_issue(call, row);
    if let Some(key) = issue_of(row) {
        let told = changes::say(call, &key, row.text(comment::BODY), "", Some(url(row)));
        notifications::take_part(call, &key, row.text(comment::USER));
        notifications::tell_all(call, &key, Some(url(row)), &told);
    }
}

/// What a changed comment brings about.
pub(super) fn said_anew(call: &mut Call<'_>, row: &Row) {
    touch_issue(call, row);
    if let (Some(key), Ok(old)) = (issue_of(row), call.row(COMMENTS)) {
        let (new, old) = (row.text(comment::BODY), old.text(comment::BODY));
        changes::say(call, &key, new, old, Some(url(row)));
    }
}

/// What goes with a comment.
pub(super) fn gone(call: &mut Call<'_>, row: &Row) {
    reactions::clear(call, row.text(comment::NODE_ID));
    touch_issue(call, row);
}

/// A comment that came, changed or went changes its issue.
fn touch_issue(call: &mut Call<'_>, row: &Row) {
    if let Some(key) = issue_of(row) {
        issues::touch(call, &key);
    }
}

/// `PUT …/issues/comments/{comment_id}/pin`: an issue has one pinned comment.
pub(super) fn pin(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let row = call.row(COMMENTS)?;
    let key = issue_of(&row).ok_or_else(access::not_found)?;
    let on = call.root().get(ISSUES, &key).cloned();
    let on = on.ok_or_else(access::not_found)?;
    if let Some(old) = pinned(call.root(), &on).cloned()
        && old.int(comment::ID) != row.int(comment::ID)
    {
        unpinned(call, &old);
    }
    let mut draft = row.draft();
    draft.set(comment::PINNED_AT, ViewValue::Time(call.now));
    draft.set(comment::PINNED_BY, text(access::login(call)?));
    let row = call.transaction.put(COMMENTS, draft);
    let mut draft = on.draft();
    draft.set(issue::PINNED_COMMENT, row.value(comment::ID).clone());
    call.transaction.put(ISSUES, draft);
    Ok(Reply::row(200, call.root(), COMMENTS, &row))
}

/// `DELETE …/issues/comments/{comment_id}/pin`.
pub(super) fn unpin(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let row = call.row(COMMENTS)?;
    unpinned(call, &row);
    let on = issue_of(&row).and_then(|key| call.root().get(ISSUES, &key).cloned());
    if let Some(on) = on.filter(|on| on.value(issue::PINNED_COMMENT) == row.value(comment::ID)) {
        let mut draft = on.draft();
        draft.set(issue::PINNED_COMMENT, ViewValue::Null);
        call.transaction.put(ISSUES, draft);
    }
    Ok(Reply::empty())
}

fn unpinned(call: &mut Call<'_>, row: &Row) {
    let mut draft = row.draft();
    draft.set(comment::PINNED_AT, ViewValue::Null);
    draft.set(comment::PINNED_BY, ViewValue::Null);
    if draft != row.draft() {
        call.transaction.put(COMMENTS, draft);
    }
}

/// The comment that is pinned to an issue.
pub(super) fn pinned<'r>(root: &'r Root, on: &Row) -> Option<&'r Arc<Row>> {
    let id = on.int(issue::PINNED_COMMENT);
    let key = Key::new([folded(on.text(issue::REPO)), Part::Int(id)]);
    root.get(COMMENTS, &key).filter(|_| id != 0)
}

fn checked(inputs: &Inputs) -> Result<String, Refusal> {
    let body = inputs.text("body").unwrap_or_default();
    if body.trim().is_empty() {
        return Err(invalid("IssueComment", "body", "missing_field"));
    }
    issues::check_body("IssueComment", Some(body))?;
    Ok(body.to_owned())
}
