//! Reading and putting away notifications, and choosing what to hear of.

use archal_core::clone::ViewValue;
use jiff::Timestamp;
use serde_json::json;

use super::access;
use super::dialect::invalid_value;
use super::issue_lists::time;
use super::render;
use super::tables::{
    NOTIFICATIONS, NOTIFICATIONS_BY_USER, REPO_SUBSCRIPTIONS, REPOS, TABLES, THREAD_SUBSCRIPTIONS,
    notification, repo, repo_subscription, thread_subscription,
};
use crate::engine::input::{Input, Inputs, Kind};
use crate::engine::key::{Key, Part, folded, same};
use crate::engine::pack::{Call, Refusal, Reply};
use crate::engine::page::Page;
use crate::engine::row::{Draft, Row, text};
use crate::engine::running::read;
use crate::engine::writer::Writer;
use std::sync::Arc;

/// Reasons of those who take part.
const PARTICIPATING: &[&str] = &[
    "assign",
    "author",
    "comment",
    "mention",
    "review_requested",
    "team_mention",
];

const READ: &[Input] = &[any("last_read_at"), any("read")];
const CHOICE: &[Input] = &[any("subscribed"), any("ignored")];

const fn any(name: &'static str) -> Input {
    Input {
        name,
        kind: Kind::Any,
        required: false,
    }
}

/// `GET /notifications`.
pub(super) fn list(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    listed(call, None, 50)
}

/// `GET /repos/{owner}/{repo}/notifications`.
pub(super) fn list_of_repo(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let repo = access::repo_name(call)?;
    listed(call, Some(&repo), 50)
}

fn limit(call: &Call<'_>, name: &str) -> Result<Option<Timestamp>, Refusal> {
    match call.query(name) {
        None => Ok(None),
        Some(text) => match time(text) {
            Some(at) => Ok(Some(at)),
            None => Err(invalid_value("Notification", name, text)),
        },
    }
}

fn listed(call: &Call<'_>, repo: Option<&str>, most: u64) -> Result<Reply, Refusal> {
    let login = access::login(call)?;
    let all = call.query("all") == Some("true");
    let participating = call.query("participating") == Some("true");
    let (since, before) = (limit(call, "since")?, limit(call, "before")?);
    let root = call.root();
    let rows: Vec<&Arc<Row>> = inbox(call, &login)
        .filter(|row| {
            let at = row.time(notification::UPDATED_AT).map(|stamp| stamp.at);
            (all || row.bool(notification::UNREAD))
                && (!participating || PARTICIPATING.contains(&row.text(notification::REASON)))
                && repo.is_none_or(|repo| same(row.text(notification::REPO), repo))
                && since.is_none_or(|since| at.is_some_and(|at| at >= since))
                && before.is_none_or(|before| at.is_some_and(|at| at < before))
        })
        .collect();
    let page = Page::asked(call, most, most, rows.len());
    // Whoever polls asks whether anything came since the newest one.
    let newest = rows
        .iter()
        .filter_map(|row| row.time(notification::UPDATED_AT));
    let newest = newest.max_by_key(|stamp| stamp.at);
    let mut writer = Writer::with_capacity(root, 16_384, 16_384);
    writer.raw("[");
    for row in rows.into_iter().skip(page.skip()).take(page.take()) {
        writer.item();
        render::notification::thread(root, row, &mut writer);
    }
    writer.raw("]");
    let mut reply = Reply::written(200, writer.finish(), page.fingerprint());
    reply.page = Some(page);
    reply.modified = newest;
    reply.headers.push(("x-poll-interval", "60".to_owned()));
    Ok(reply)
}

/// What is in a user's inbox, the newest first: nothing that was put away.
fn inbox<'r>(call: &'r Call<'_>, login: &str) -> impl Iterator<Item = &'r Arc<Row>> {
    let root = call.root();
    root.group(NOTIFICATIONS, NOTIFICATIONS_BY_USER, &Key::folded(login))
        .into_iter()
        .flat_map(|rows| rows.values().rev())
        .filter(|row| !row.bool(notification::DONE))
        .filter(|row| {
            let repo = root.named(REPOS, row.text(notification::REPO));
            repo.is_some_and(|repo| sees(call, repo))
        })
}

fn sees(call: &Call<'_>, repo: &Row) -> bool {
    access::sees(call, repo).is_some()
}

/// `PUT /notifications`.
pub(super) fn read_all(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let inputs = read(call, READ, call.root().pack())?;
    mark(call, &inputs, None)?;
    let body = json!({"message": "Notifications for all repositories are being marked as read in the background."});
    Ok(accepted(call, &body))
}

/// `PUT /repos/{owner}/{repo}/notifications`.
pub(super) fn read_repo(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let inputs = read(call, READ, call.root().pack())?;
    let repo = access::repo_name(call)?;
    mark(call, &inputs, Some(&repo))?;
    let message = format!("Notifications for {repo} are being marked as read in the background.");
    let url = format!("{}/repos/{repo}/notifications", render::API);
    Ok(accepted(call, &json!({"message": message, "url": url})))
}

fn accepted(call: &Call<'_>, body: &serde_json::Value) -> Reply {
    let mut writer = Writer::new(call.root());
    writer.raw(&body.to_string());
    Reply::new(202, writer.finish())
}

/// Marks what changed until a time as read, or as unread where the body says so.
fn mark(call: &mut Call<'_>, inputs: &Inputs, repo: Option<&str>) -> Result<(), Refusal> {
    let login = access::login(call)?;
    let until = match inputs
        .value("last_read_at")
        .filter(|value| !value.is_null())
    {
        None => None,
        Some(value) => {
            let sent = value.as_str().unwrap_or_default();
            let shown = value.to_string();
            Some(time(sent).ok_or_else(|| invalid_value("Notification", "last_read_at", &shown))?)
        }
    };
    let unread = inputs.value("read") == Some(&serde_json::Value::Bool(false));
    let rows: Vec<Arc<Row>> = inbox(call, &login)
        .filter(|row| repo.is_none_or(|repo| same(row.text(notification::REPO), repo)))
        .filter(|row| {
            let at = row.time(notification::UPDATED_AT).map(|stamp| stamp.at);
            until.is_none_or(|until| at.is_some_and(|at| at <= until))
        })
        .cloned()
        .collect();
    for row in rows {
        set_unread(call, &row, unread);
    }
    Ok(())
}

fn set_unread(call: &mut Call<'_>, row: &Row, unread: bool) {
    if row.bool(notification::UNREAD) == unread {
        return;
    }
    let mut draft = row.draft();
    draft.set(notification::UNREAD, ViewValue::Bool(unread));
    if !unread {
        draft.set(notification::LAST_READ_AT, ViewValue::Time(call.now));
    }
    call.transaction.put(NOTIFICATIONS, draft);
}

/// Guard: the path names a thread in the caller's inbox.
pub(super) fn known(call: &mut Call<'_>) -> Result<(), Refusal> {
    let login = access::login(call)?;
    let key = Key::new([Part::Int(call.number("thread_id"))]);
    let row = call.root().get(NOTIFICATIONS, &key).cloned();
    let row = row.filter(|row| same(row.text(notification::USER), &login));
    let row = row.filter(|row| {
        let repo = call.root().named(REPOS, row.text(notification::REPO));
        repo.is_some_and(|repo| sees(call, repo))
    });
    call.found
        .push((NOTIFICATIONS, row.ok_or_else(access::not_found)?));
    Ok(())
}

/// `GET /notifications/threads/{thread_id}`.
pub(super) fn get(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let row = call.row(NOTIFICATIONS)?;
    let root = call.root();
    let mut writer = Writer::new(root);
    render::notification::thread(root, &row, &mut writer);
    let mut reply = Reply::written(200, writer.finish(), row.version());
    reply.modified = row.time(notification::UPDATED_AT);
    Ok(reply)
}

/// `PATCH /notifications/threads/{thread_id}`.
pub(super) fn read_thread(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let row = call.row(NOTIFICATIONS)?;
    set_unread(call, &row, false);
    Ok(Reply {
        status: 205,
        ..Reply::default()
    })
}

/// `DELETE /notifications/threads/{thread_id}`.
pub(super) fn done(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let row = call.row(NOTIFICATIONS)?;
    let mut draft = row.draft();
    draft.set(notification::DONE, ViewValue::Bool(true));
    draft.set(notification::UNREAD, ViewValue::Bool(false));
    if draft != row.draft() {
        call.transaction.put(NOTIFICATIONS, draft);
    }
    Ok(Reply::empty())
}

/// The issue of the thread that the guards found; other threads cannot be followed on their own.
fn subject(call: &Call<'_>) -> Result<String, Refusal> {
    let row = call.row(NOTIFICATIONS)?;
    let subject = row.text_or_null(notification::SUBJECT).map(str::to_owned);
    subject.ok_or_else(access::not_found)
}

fn subscription_key(call: &Call<'_>) -> Result<Key, Refusal> {
    Ok(Key::new([
        folded(&access::login(call)?),
        folded(&subject(call)?),
    ]))
}

/// `GET /notifications/threads/{thread_id}/subscription`.
pub(super) fn get_subscription(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let key = subscription_key(call)?;
    shown(call, &key)
}

fn shown(call: &Call<'_>, key: &Key) -> Result<Reply, Refusal> {
    let thread = call.row(NOTIFICATIONS)?;
    let root = call.root();
    let row = root.get(THREAD_SUBSCRIPTIONS, key);
    let mut writer = Writer::new(root);
    render::notification::thread_subscription(&thread, row.map(AsRef::as_ref), &mut writer);
    let version = row.map_or(0, |row| row.version());
    Ok(Reply::written(200, writer.finish(), version))
}

fn truth(inputs: &Inputs, name: &'static str) -> Result<Option<bool>, Refusal> {
    match inputs.value(name) {
        None | Some(serde_json::Value::Null) => Ok(None),
        Some(serde_json::Value::Bool(value)) => Ok(Some(*value)),
        Some(other) => Err(Refusal::new(
            422,
            format!("Invalid request.\n\nFor 'properties/{name}', {other} is not a boolean."),
        )),
    }
}

/// `PUT /notifications/threads/{thread_id}/subscription`.
pub(super) fn set_subscription(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let inputs = read(call, CHOICE, call.root().pack())?;
    let ignored = truth(&inputs, "ignored")?.unwrap_or(false);
    let key = subscription_key(call)?;
    let mut draft = match call.root().get(THREAD_SUBSCRIPTIONS, &key) {
        Some(row) => row.draft(),
        None => {
            let mut draft = Draft::empty(TABLES[THREAD_SUBSCRIPTIONS].columns.len());
            draft.set(thread_subscription::USER, text(access::login(call)?));
            draft.set(thread_subscription::ISSUE, text(subject(call)?));
            draft.set(thread_subscription::REASON, text("manual"));
            draft.set(thread_subscription::CREATED_AT, ViewValue::Time(call.now));
            draft
        }
    };
    draft.set(thread_subscription::IGNORED, ViewValue::Bool(ignored));
    call.transaction.put(THREAD_SUBSCRIPTIONS, draft);
    shown(call, &key)
}

/// `DELETE /notifications/threads/{thread_id}/subscription`.
pub(super) fn delete_subscription(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let key = subscription_key(call)?;
    call.transaction.remove(THREAD_SUBSCRIPTIONS, &key);
    Ok(Reply::empty())
}

fn watch_key(call: &Call<'_>) -> Result<Key, Refusal> {
    Ok(Key::new([
        folded(&access::login(call)?),
        folded(&access::repo_name(call)?),
    ]))
}

/// `GET /repos/{owner}/{repo}/subscription`.
pub(super) fn get_watch(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let key = watch_key(call)?;
    let row = call.root().get(REPO_SUBSCRIPTIONS, &key).cloned();
    Ok(match row {
        Some(row) => Reply::row(200, call.root(), REPO_SUBSCRIPTIONS, &row),
        // Who does not watch it is told by the status alone.
        None => Reply {
            status: 404,
            ..Reply::default()
        },
    })
}

/// `PUT /repos/{owner}/{repo}/subscription`.
pub(super) fn set_watch(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let inputs = read(call, CHOICE, call.root().pack())?;
    let ignored = truth(&inputs, "ignored")?.unwrap_or(false);
    let subscribed = truth(&inputs, "subscribed")?.unwrap_or(!ignored);
    let key = watch_key(call)?;
    let mut draft = match call.root().get(REPO_SUBSCRIPTIONS, &key) {
        Some(row) => row.draft(),
        None => {
            let mut draft = Draft::empty(TABLES[REPO_SUBSCRIPTIONS].columns.len());
            let name = call.row(REPOS)?.text(repo::FULL_NAME).to_owned();
            draft.set(repo_subscription::USER, text(access::login(call)?));
            draft.set(repo_subscription::REPO, text(name));
            draft.set(repo_subscription::CREATED_AT, ViewValue::Time(call.now));
            draft
        }
    };
    draft.set(repo_subscription::SUBSCRIBED, ViewValue::Bool(subscribed));
    draft.set(repo_subscription::IGNORED, ViewValue::Bool(ignored));
    let row = call.transaction.put(REPO_SUBSCRIPTIONS, draft);
    Ok(Reply::row(200, call.root(), REPO_SUBSCRIPTIONS, &row))
}

/// `DELETE /repos/{owner}/{repo}/subscription`.
pub(super) fn delete_watch(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let key = watch_key(call)?;
    call.transaction.remove(REPO_SUBSCRIPTIONS, &key);
    Ok(Reply::empty())
}
