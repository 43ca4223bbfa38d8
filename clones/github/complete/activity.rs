//! What follows in seed rows of events, reactions, notifications and subscriptions.

use archal_core::clone::ViewValue;
use archal_core::diagnostic::Diagnostic;

use super::{actor, copy, days_ago, node_id, repo_id};
use crate::engine::key::{Key, folded};
use crate::engine::pack::Completing;
use crate::engine::root::Root;
use crate::engine::row::{Draft, text};
use crate::github::issues::is_pull;
use crate::github::tables::{
    COMMENTS, ISSUES, LABELS, comment, event, issue, label, notification, reaction, repo_of,
    repo_subscription, thread_subscription,
};

/// Fills in an event.
pub(super) fn event(cx: &Completing<'_>, draft: &mut Draft) {
    let root = cx.transaction.root();
    let on = draft.text(event::ISSUE).to_owned();
    let label = Key::new([folded(repo_of(&on)), folded(draft.text(event::LABEL))]);
    if let Some(row) = root.get(LABELS, &label) {
        draft.or(event::LABEL_COLOR, || row.value(label::COLOR).clone());
    }
    if !draft.is_null(event::LABEL) {
        draft.or(event::LABEL_COLOR, || text("ededed"));
    }
    draft.or(event::ACTOR, || actor(cx));
    let changed = root.named(ISSUES, &on);
    draft.or(event::CREATED_AT, || {
        changed.map_or(ViewValue::Null, |row| row.value(issue::UPDATED_AT).clone())
    });
    name_event(root, draft);
}

/// Gives an event its GraphQL id.
pub(in crate::github) fn name_event(root: &Root, draft: &mut Draft) {
    let kind = match draft.text(event::EVENT) {
        "assigned" => "AE",
        "closed" => "CE",
        "convert_to_draft" => "CTDE",
        "demilestoned" => "DEME",
        "head_ref_deleted" => "HRDE",
        "head_ref_force_pushed" => "HRFPE",
        "labeled" => "LE",
        "locked" => "LOE",
        "mentioned" => "MEE",
        "merged" => "ME",
        "milestoned" => "MIE",
        "ready_for_review" => "RFRE",
        "referenced" => "REFE",
        "renamed" => "RTE",
        "reopened" => "REE",
        "review_requested" => "RRE",
        "subscribed" => "SE",
        "unassigned" => "UNASSE",
        "unlabeled" => "UNLE",
        "unlocked" => "UNLOE",
        _ => "EV",
    };
    let repo = repo_of(draft.text(event::ISSUE)).to_owned();
    let ids = [repo_id(root, &repo), draft.int(event::ID)];
    draft.or(event::NODE_ID, || text(node_id(kind, &ids)));
}

/// Fills in a reaction: what it is to is named by its GraphQL id from here on.
pub(super) fn reaction(cx: &mut Completing<'_>, draft: &mut Draft) {
    let subject = draft.text(reaction::SUBJECT).to_owned();
    let root = cx.transaction.root();
    let named = |table, column: usize| {
        let row = root.named(table, &subject)?;
        Some(row.text(column).to_owned())
    };
    let found = named(ISSUES, issue::NODE_ID).or_else(|| named(COMMENTS, comment::NODE_ID));
    if found.is_none() && subject.contains('#') {
        let problem = format!("subject names {subject:?}, which is no row of issues or comments");
        cx.diagnostics
            .push(Diagnostic::error("seed/dangling", problem));
    }
    draft.set(reaction::SUBJECT, text(found.unwrap_or(subject)));
    draft.or(reaction::USER, || actor(cx));
    draft.or(reaction::CREATED_AT, || days_ago(cx, 1));
    name_reaction(draft);
}

/// Gives a reaction its GraphQL id.
pub(in crate::github) fn name_reaction(draft: &mut Draft) {
    let id = draft.int(reaction::ID);
    draft.or(reaction::NODE_ID, || text(node_id("REA", &[id])));
}

/// Fills in a notification.
pub(super) fn notification(cx: &mut Completing<'_>, draft: &mut Draft) {
    draft.or(notification::USER, || actor(cx));
    let subject = draft.text(notification::SUBJECT).to_owned();
    let root = cx.transaction.root();
    if let Some(row) = root.named(ISSUES, &subject) {
        draft.or(notification::REPO, || text(repo_of(&subject)));
        let kind = if is_pull(root, row) {
            "PullRequest"
        } else {
            "Issue"
        };
        draft.or(notification::TYPE, || text(kind));
        draft.or(notification::UPDATED_AT, || {
            row.value(issue::UPDATED_AT).clone()
        });
    }
    draft.or(notification::UPDATED_AT, || days_ago(cx, 1));
    if !draft.get(notification::UNREAD).eq(&ViewValue::Bool(true)) {
        copy(draft, notification::LAST_READ_AT, notification::UPDATED_AT);
    }
    let lacks = |column: usize| draft.is_null(column);
    if lacks(notification::REPO)
        || lacks(notification::TYPE)
        || (subject.is_empty() && lacks(notification::TITLE))
    {
        let problem = "a notification has a subject, or repo, type and title";
        cx.diagnostics
            .push(Diagnostic::error("seed/notification", problem));
    }
}

/// Fills in who follows an issue.
pub(super) fn thread_subscription(cx: &Completing<'_>, draft: &mut Draft) {
    draft.or(thread_subscription::USER, || actor(cx));
    draft.or(thread_subscription::CREATED_AT, || days_ago(cx, 1));
}

/// Fills in who watches a repository.
pub(super) fn repo_subscription(cx: &Completing<'_>, draft: &mut Draft) {
    draft.or(repo_subscription::USER, || actor(cx));
    draft.or(repo_subscription::CREATED_AT, || days_ago(cx, 1));
}
