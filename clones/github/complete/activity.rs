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
    COMMENTS, ISSUES, LABELS, SUB_ISSUES, SUB_ISSUES_BY_PARENT, comment, event, issue, issue_field,
    issue_key, issue_type, label, milestone, notification, reaction, repo_of, repo_subscription,
    sub_issue, thread_subscription,
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

/// Fills in a milestone.
pub(super) fn milestone(cx: &mut Completing<'_>, draft: &mut Draft) {
    draft.or(milestone::CREATOR, || actor(cx));
    draft.or(milestone::CREATED_AT, || days_ago(cx, 60));
    copy(draft, milestone::UPDATED_AT, milestone::CLOSED_AT);
    copy(draft, milestone::UPDATED_AT, milestone::CREATED_AT);
    if draft.text(milestone::STATE) == "closed" {
        copy(draft, milestone::CLOSED_AT, milestone::UPDATED_AT);
    } else if !draft.is_null(milestone::CLOSED_AT) {
        let problem = "an open milestone has no closed_at";
        cx.diagnostics
            .push(Diagnostic::error("seed/state", problem));
    }
    name_milestone(cx.transaction.root(), draft);
}

/// Gives a milestone its GraphQL id.
pub(in crate::github) fn name_milestone(root: &Root, draft: &mut Draft) {
    let ids = [
        repo_id(root, draft.text(milestone::REPO)),
        draft.int(milestone::ID),
    ];
    draft.or(milestone::NODE_ID, || text(node_id("MI", &ids)));
}

/// Puts a sub-issue behind those the parent has.
pub(super) fn sub_issue(cx: &Completing<'_>, draft: &mut Draft) {
    let parent = issue_key(draft.text(sub_issue::PARENT));
    let root = cx.transaction.root();
    let siblings = parent.and_then(|key| root.group(SUB_ISSUES, SUB_ISSUES_BY_PARENT, &key));
    let last = siblings.and_then(|rows| rows.values().next_back());
    let last = last.map_or(0, |row| row.int(sub_issue::POSITION));
    draft.or(sub_issue::POSITION, || ViewValue::Int(last + 1));
}

/// Fills in a type of issues.
pub(super) fn issue_type(cx: &Completing<'_>, draft: &mut Draft) {
    draft.or(issue_type::CREATED_AT, || days_ago(cx, 400));
    copy(draft, issue_type::UPDATED_AT, issue_type::CREATED_AT);
    name_issue_type(draft);
}

/// Gives a type of issues its GraphQL id.
pub(in crate::github) fn name_issue_type(draft: &mut Draft) {
    let id = draft.int(issue_type::ID);
    draft.or(issue_type::NODE_ID, || text(node_id("IT", &[id])));
}

/// Fills in a field of issues.
pub(super) fn issue_field(cx: &Completing<'_>, draft: &mut Draft) {
    draft.or(issue_field::CREATED_AT, || days_ago(cx, 400));
    copy(draft, issue_field::UPDATED_AT, issue_field::CREATED_AT);
    name_issue_field(draft);
}

/// Gives a field of issues its GraphQL id.
pub(in crate::github) fn name_issue_field(draft: &mut Draft) {
    let id = draft.int(issue_field::ID);
    draft.or(issue_field::NODE_ID, || text(node_id("IF", &[id])));
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
