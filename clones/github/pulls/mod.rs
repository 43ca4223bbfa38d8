//! Pull requests: an issue of the same number has their title, text, state and labels, a row of
//! their own the rest.
//!
//! - [`paths`]: which one a path names, and who may change it.
//! - [`list`], [`open`], [`change`]: reading, opening, changing, closing.
//! - [`compare`], [`patch`], [`files`]: what the head has that the base has not.
//! - [`merging`], [`rules`], [`merge`], [`keywords`]: whether it can be merged, and doing it.
//! - [`heads`]: what a push does to pull requests; [`update_branch`]: the base merged into the head.
//! - [`reviews`], [`comments`], [`threads`], [`reviewers`]: what people say of it.
//! - [`signatures`]: people as commits name them. [`seed`]: starting states. [`qualifiers`]: searches.

pub(super) mod change;
pub(super) mod closing;
pub(super) mod comments;
pub(super) mod compare;
pub(super) mod files;
pub(super) mod heads;
pub(super) mod keywords;
pub(super) mod list;
pub(super) mod merge;
pub(super) mod merging;
pub(super) mod open;
pub(super) mod patch;
pub(super) mod paths;
pub(super) mod qualifiers;
pub(super) mod reviewers;
pub(super) mod reviews;
pub(super) mod rules;
pub(super) mod seed;
mod signatures;
pub(super) mod threads;
pub(super) mod update_branch;

use std::sync::Arc;

use archal_core::clone::ViewValue;

use super::access::not_found;
use super::changes;
use super::events::{self, Details};
use super::notifications::{self, Thread};
use super::tables::{ISSUES, PULLS, issue, pull};
use super::{issues, render};
use crate::engine::fingerprint::mix;
use crate::engine::pack::{Call, Refusal, Reply};
use crate::engine::root::Root;
use crate::engine::row::{Draft, Row};
use crate::engine::writer::Writer;

/// `acme/webapp#7`.
pub(super) fn name(row: &Row) -> String {
    format!("{}#{}", row.text(pull::REPO), row.int(pull::NUMBER))
}

/// The issue that a pull request is.
pub(super) fn issue_of<'r>(root: &'r Root, row: &Row) -> Result<&'r Arc<Row>, Refusal> {
    root.get(ISSUES, &root.key(PULLS, row))
        .ok_or_else(not_found)
}

/// Whether a pull request is open.
pub(super) fn is_open(root: &Root, row: &Row) -> bool {
    issue_of(root, row).is_ok_and(|on| on.text(issue::STATE) == "open")
}

/// The pull request as it stands in the transaction.
pub(super) fn now(call: &Call<'_>, row: &Row) -> Result<Arc<Row>, Refusal> {
    let root = call.root();
    let found = root.get(PULLS, &root.key(PULLS, row));
    found.cloned().ok_or_else(not_found)
}

/// Writes a changed pull request, and that it changed.
pub(super) fn put(call: &mut Call<'_>, draft: Draft) -> Arc<Row> {
    let row = call.transaction.put(PULLS, draft);
    touch(call, &row);
    row
}

/// Writes down that a pull request changed.
pub(super) fn touch(call: &mut Call<'_>, row: &Row) {
    let key = call.root().key(PULLS, row);
    issues::touch(call, &key);
}

/// Changes the issue that a pull request is.
pub(super) fn put_issue(
    call: &mut Call<'_>,
    row: &Row,
    change: impl FnOnce(&mut Draft),
) -> Result<Arc<Row>, Refusal> {
    let on = issue_of(call.root(), row)?;
    let mut draft = on.draft();
    change(&mut draft);
    draft.set(issue::UPDATED_AT, ViewValue::Time(call.now));
    Ok(call.transaction.put(ISSUES, draft))
}

/// Writes down that something happened to a pull request.
pub(super) fn happened(call: &mut Call<'_>, row: &Row, what: &str, details: Details<'_>) {
    let key = call.root().key(PULLS, row);
    events::add(call, &key, what, details);
}

/// Tells a user of a pull request.
pub(super) fn tell(call: &mut Call<'_>, row: &Row, login: &str, reason: &str) {
    if let Ok(on) = issue_of(call.root(), row) {
        let thread = Thread::of_issue(call.root(), on, None);
        notifications::tell(call, &thread, login, reason);
    }
}

/// Follows up on what somebody says of a pull request: who is named or follows it hears of it.
pub(super) fn said(call: &mut Call<'_>, row: &Row, text: &str, latest: &str) {
    let key = call.root().key(PULLS, row);
    let latest = Some(latest.to_owned());
    let told = changes::say(call, &key, text, "", latest.clone());
    notifications::tell_all(call, &key, latest, &told);
}

/// The address of a pull request.
pub(super) fn url(row: &Row) -> String {
    format!(
        "{}/repos/{}/pulls/{}",
        render::API,
        row.text(pull::REPO),
        row.int(pull::NUMBER)
    )
}

/// A pull request as its own address shows it.
pub(super) fn reply(call: &Call<'_>, status: u16, row: &Row) -> Result<Reply, Refusal> {
    let root = call.root();
    let merging = merging::of(root, row);
    let mut writer = Writer::with_capacity(root, 16_384, 16_384);
    render::pull::pull(root, row, Some(&merging), &mut writer);
    let on = issue_of(root, row)?;
    let mut reply = Reply::written(status, writer.finish(), mix(row.version(), on.version()));
    reply.modified = on.time(issue::UPDATED_AT);
    Ok(reply)
}

/// A pull request as lists show it.
pub(super) fn reply_as_listed(call: &Call<'_>, status: u16, row: &Row) -> Reply {
    let root = call.root();
    let mut writer = Writer::with_capacity(root, 16_384, 16_384);
    render::pull::pull(root, row, None, &mut writer);
    Reply::written(status, writer.finish(), row.version())
}
