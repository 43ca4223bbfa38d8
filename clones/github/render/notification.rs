//! Notification threads and subscriptions.

use super::{API, repo};
use crate::engine::root::Root;
use crate::engine::row::Row;
use crate::engine::writer::Writer;
use crate::github::issues::is_pull;
use crate::github::tables::{
    ISSUES, REPOS, issue, notification, repo_subscription, thread_subscription,
};

/// The address of an issue or pull request as notifications have it.
pub(in crate::github) fn subject_url(root: &Root, row: &Row) -> String {
    let area = if is_pull(root, row) {
        "pulls"
    } else {
        "issues"
    };
    let (repo, number) = (row.text(issue::REPO), row.int(issue::NUMBER));
    format!("{API}/repos/{repo}/{area}/{number}")
}

/// A thread.
pub(in crate::github) fn thread(root: &Root, row: &Row, out: &mut Writer) {
    let id = row.int(notification::ID);
    let subject = root.named(ISSUES, row.text(notification::SUBJECT));
    let url = match subject {
        Some(subject) => Some(subject_url(root, subject)),
        None => row.text_or_null(notification::URL).map(str::to_owned),
    };
    out.raw("{");
    out.key("id").text(&id.to_string());
    out.key("unread").bool(row.bool(notification::UNREAD));
    out.key("reason").text(row.text(notification::REASON));
    out.key("updated_at")
        .time(row.time(notification::UPDATED_AT));
    out.key("last_read_at")
        .time(row.time(notification::LAST_READ_AT));
    out.key("subject").raw("{");
    match subject {
        Some(subject) => out.key("title").prose(subject, issue::TITLE),
        None => out.key("title").prose(row, notification::TITLE),
    };
    out.key("url").text_or_null(url.as_deref());
    let latest = row.text_or_null(notification::LATEST_COMMENT_URL);
    out.key("latest_comment_url")
        .text_or_null(latest.or(url.as_deref()));
    out.key("type").text(row.text(notification::TYPE));
    out.raw("}");
    out.key("repository");
    match root.named(REPOS, row.text(notification::REPO)) {
        Some(row) => repo::simple(root, row, out),
        None => _ = out.raw("null"),
    }
    let thread = format!("{API}/notifications/threads/{id}");
    out.key("url").text(&thread);
    out.key("subscription_url")
        .text(&format!("{thread}/subscription"));
    out.raw("}");
}

/// What a user hears of a thread; without a row they follow it because of what they did.
pub(in crate::github) fn thread_subscription(thread: &Row, row: Option<&Row>, out: &mut Writer) {
    let id = thread.int(notification::ID);
    let repo = thread.text(notification::REPO);
    let address = format!("{API}/notifications/threads/{id}");
    let ignored = row.is_some_and(|row| row.bool(thread_subscription::IGNORED));
    out.raw("{");
    out.key("subscribed").bool(!ignored);
    out.key("ignored").bool(ignored);
    let reason = match row {
        Some(row) => row.text_or_null(thread_subscription::REASON),
        None => thread.text_or_null(notification::REASON),
    };
    out.key("reason").text_or_null(reason);
    let since = row.and_then(|row| row.time(thread_subscription::CREATED_AT));
    out.key("created_at").time(since);
    out.key("url").text(&format!("{address}/subscription"));
    out.key("thread_url").text(&address);
    out.key("repository_url")
        .text(&format!("{API}/repos/{repo}"));
    out.raw("}");
}

/// What a user hears of a repository.
pub(in crate::github) fn repo_subscription(_: &Root, row: &Row, out: &mut Writer) {
    let url = format!("{API}/repos/{}", row.text(repo_subscription::REPO));
    out.raw("{");
    out.key("subscribed")
        .bool(row.bool(repo_subscription::SUBSCRIBED));
    out.key("ignored")
        .bool(row.bool(repo_subscription::IGNORED));
    out.key("reason").raw("null");
    out.key("created_at")
        .time(row.time(repo_subscription::CREATED_AT));
    out.key("url").text(&format!("{url}/subscription"));
    out.key("repository_url").text(&url);
    out.raw("}");
}
