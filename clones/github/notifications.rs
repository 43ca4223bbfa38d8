//! Who is told of what happens, and reading and putting away what one was told.

use archal_core::clone::ViewValue;

use super::access;
use super::issues::is_pull;
use super::tables::{
    COMMENTS, COMMENTS_BY_ISSUE, ISSUES, NOTIFICATIONS, NOTIFICATIONS_BY_SUBJECT,
    REPO_SUBSCRIPTIONS, REPOS, SUBSCRIPTIONS_BY_ISSUE, SUBSCRIPTIONS_BY_REPO, TABLES,
    THREAD_SUBSCRIPTIONS, USERS, comment, issue, notification, repo_subscription,
    thread_subscription, user,
};
use crate::engine::key::{Key, folded, same};
use crate::engine::pack::Call;
use crate::engine::root::Root;
use crate::engine::row::{Draft, Row, text};

/// What a notification is about.
#[derive(Debug, Clone)]
pub(super) struct Thread {
    /// The repository.
    pub repo: String,
    /// `Issue`, `PullRequest`, `Release`, `Commit`, `CheckSuite`.
    pub kind: &'static str,
    /// The issue or pull request, `acme/webapp#7`; empty for other kinds.
    pub subject: String,
    /// The title and API address of other kinds.
    pub other: Option<(String, String)>,
    /// The API address of the comment or review that is new.
    pub latest_comment_url: Option<String>,
}

impl Thread {
    /// The thread of an issue or a pull request; `latest` is the address of what is new there.
    pub(super) fn of_issue(root: &Root, row: &Row, latest: Option<String>) -> Self {
        Self {
            repo: row.text(issue::REPO).to_owned(),
            kind: if is_pull(root, row) {
                "PullRequest"
            } else {
                "Issue"
            },
            subject: format!("{}#{}", row.text(issue::REPO), row.int(issue::NUMBER)),
            other: None,
            latest_comment_url: latest,
        }
    }
}

/// Tells a user of something, for a reason such as `mention`, `assign` or `review_requested`.
/// Nobody is told of what they did themselves, of what they cannot see, or of what they ignore.
pub(super) fn tell(call: &mut Call<'_>, thread: &Thread, login: &str, reason: &str) {
    if !listens(call, thread, login) {
        return;
    }
    let url = thread.other.as_ref().map(|(_, url)| url.as_str());
    let group = Key::new([
        folded(login),
        folded(&thread.subject),
        folded(url.unwrap_or_default()),
    ]);
    let known = call
        .root()
        .group(NOTIFICATIONS, NOTIFICATIONS_BY_SUBJECT, &group)
        .and_then(|rows| rows.values().next().cloned());
    let mut draft = match &known {
        Some(row) => row.draft(),
        None => fresh(call, thread, login),
    };
    draft.set(notification::REASON, text(reason));
    draft.set(notification::UNREAD, ViewValue::Bool(true));
    draft.set(notification::DONE, ViewValue::Bool(false));
    draft.set(notification::UPDATED_AT, ViewValue::Time(call.now));
    if let Some(latest) = &thread.latest_comment_url {
        draft.set(notification::LATEST_COMMENT_URL, text(latest.as_str()));
    }
    call.transaction.put(NOTIFICATIONS, draft);
}

/// Makes a user follow an issue because of a mention or the like, unless they chose already.
pub(super) fn follow(call: &mut Call<'_>, thread: &Thread, login: &str, reason: &str) {
    let key = Key::new([folded(login), folded(&thread.subject)]);
    if thread.subject.is_empty() || call.root().get(THREAD_SUBSCRIPTIONS, &key).is_some() {
        return;
    }
    let mut draft = Draft::empty(TABLES[THREAD_SUBSCRIPTIONS].columns.len());
    draft.set(thread_subscription::USER, text(login));
    draft.set(thread_subscription::ISSUE, text(thread.subject.as_str()));
    draft.set(thread_subscription::IGNORED, ViewValue::Bool(false));
    draft.set(thread_subscription::REASON, text(reason));
    draft.set(thread_subscription::CREATED_AT, ViewValue::Time(call.now));
    call.transaction.put(THREAD_SUBSCRIPTIONS, draft);
}

/// Makes a user who commented on an issue follow it, unless they hear of it anyway.
pub(super) fn take_part(call: &mut Call<'_>, key: &Key, login: &str) {
    let Some(row) = call.root().get(ISSUES, key).cloned() else {
        return;
    };
    let own = same(row.text(issue::USER), login);
    if !own && !row.texts(issue::ASSIGNEES).any(|one| same(one, login)) {
        let thread = Thread::of_issue(call.root(), &row, None);
        follow(call, &thread, login, "comment");
    }
}

fn fresh(call: &mut Call<'_>, thread: &Thread, login: &str) -> Draft {
    let mut draft = Draft::empty(TABLES[NOTIFICATIONS].columns.len());
    let id = call.transaction.next_id(NOTIFICATIONS);
    draft.set(notification::USER, text(login));
    draft.set(notification::ID, ViewValue::Int(id));
    draft.set(notification::REPO, text(thread.repo.as_str()));
    draft.set(notification::TYPE, text(thread.kind));
    if !thread.subject.is_empty() {
        draft.set(notification::SUBJECT, text(thread.subject.as_str()));
    }
    if let Some((title, url)) = &thread.other {
        draft.set(notification::TITLE, text(title.as_str()));
        draft.set(notification::URL, text(url.as_str()));
    }
    draft
}

/// Whether a user hears of a thread at all.
fn listens(call: &Call<'_>, thread: &Thread, login: &str) -> bool {
    let root = call.root();
    let own = call
        .caller
        .as_ref()
        .is_some_and(|caller| same(caller.text(user::LOGIN), login));
    let Some(row) = root.get(USERS, &Key::folded(login)) else {
        return false;
    };
    let sees = root
        .named(REPOS, &thread.repo)
        .is_some_and(|repo| access::permission(root, repo, Some(row)).is_some());
    let ignores_repo = root
        .get(
            REPO_SUBSCRIPTIONS,
            &Key::new([folded(login), folded(&thread.repo)]),
        )
        .is_some_and(|row| row.bool(repo_subscription::IGNORED));
    let ignores_thread = root
        .get(
            THREAD_SUBSCRIPTIONS,
            &Key::new([folded(login), folded(&thread.subject)]),
        )
        .is_some_and(|row| row.bool(thread_subscription::IGNORED));
    let person = row.text(user::TYPE) != "Organization";
    person && !own && sees && !ignores_repo && !ignores_thread
}

/// Tells everybody who takes part in an issue or pull request, follows it or watches its
/// repository, but for those in `told`, who were told for a better reason.
pub(super) fn tell_all(call: &mut Call<'_>, key: &Key, latest: Option<String>, told: &[String]) {
    let Some(row) = call.root().get(ISSUES, key).cloned() else {
        return;
    };
    let thread = Thread::of_issue(call.root(), &row, latest);
    let mut audience: Vec<(String, &'static str)> = Vec::new();
    for (login, reason) in listeners(call.root(), &row, key) {
        let known = told.iter().any(|one| same(one, &login))
            || audience.iter().any(|(one, _)| same(one, &login));
        if !known {
            audience.push((login, reason));
        }
    }
    for (login, reason) in audience {
        tell(call, &thread, &login, reason);
    }
}

/// Who hears of an issue and why, the best reason of a user first.
fn listeners(root: &Root, row: &Row, key: &Key) -> Vec<(String, &'static str)> {
    let mut out = Vec::new();
    let author = row.text(issue::USER).to_owned();
    out.push((author, "author"));
    let assignees = row.texts(issue::ASSIGNEES);
    out.extend(assignees.map(|login| (login.to_owned(), "assign")));
    let group = |table, index, key: &Key| {
        let rows = root.group(table, index, key);
        rows.into_iter().flat_map(|rows| rows.values())
    };
    for row in group(THREAD_SUBSCRIPTIONS, SUBSCRIPTIONS_BY_ISSUE, key) {
        let reason = match row.text(thread_subscription::REASON) {
            "mention" => "mention",
            "comment" => "comment",
            _ => "manual",
        };
        out.push((row.text(thread_subscription::USER).to_owned(), reason));
    }
    // Who commented in this run follows the issue; who did before stands first in the group.
    let seeded = |row: &&std::sync::Arc<Row>| {
        let written = row.time(comment::CREATED_AT);
        written.is_some_and(|stamp| !stamp.by_call)
    };
    for row in group(COMMENTS, COMMENTS_BY_ISSUE, key).take_while(seeded) {
        out.push((row.text(comment::USER).to_owned(), "comment"));
    }
    let repo = Key::folded(row.text(issue::REPO));
    for row in group(REPO_SUBSCRIPTIONS, SUBSCRIPTIONS_BY_REPO, &repo) {
        if row.bool(repo_subscription::SUBSCRIBED) {
            out.push((row.text(repo_subscription::USER).to_owned(), "subscribed"));
        }
    }
    out
}
