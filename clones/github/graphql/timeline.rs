//! What happened to an issue or pull request, in order.

use std::sync::Arc;

use archal_core::clone::Stamp;

use super::issue::{address, name_of};
use super::people::actor;
use super::{git, repo_named};
use crate::engine::graphql::arguments::Args;
use crate::engine::graphql::connection::{Connection, Item};
use crate::engine::graphql::model::{Object, Outcome, Value};
use crate::engine::key::{Key, Part, folded};
use crate::engine::pack::Call;
use crate::engine::row::Row;
use crate::github::issue_lists::time;
use crate::github::pulls::{compare, reviews};
use crate::github::tables::{
    COMMENTS, COMMENTS_BY_ISSUE, EVENTS, EVENTS_BY_ISSUE, ISSUES, LABELS, PULLS, REVIEWS, comment,
    event, issue, pull, repo_of, review,
};

/// Events of REST and their types in the schema.
const EVENT_TYPES: &[(&str, &str)] = &[
    ("assigned", "AssignedEvent"),
    ("auto_merge_disabled", "AutoMergeDisabledEvent"),
    ("auto_merge_enabled", "AutoMergeEnabledEvent"),
    ("base_ref_changed", "BaseRefChangedEvent"),
    ("closed", "ClosedEvent"),
    ("convert_to_draft", "ConvertToDraftEvent"),
    ("cross-referenced", "CrossReferencedEvent"),
    ("demilestoned", "DemilestonedEvent"),
    ("head_ref_deleted", "HeadRefDeletedEvent"),
    ("head_ref_force_pushed", "HeadRefForcePushedEvent"),
    ("head_ref_restored", "HeadRefRestoredEvent"),
    ("labeled", "LabeledEvent"),
    ("locked", "LockedEvent"),
    ("mentioned", "MentionedEvent"),
    ("merged", "MergedEvent"),
    ("milestoned", "MilestonedEvent"),
    ("parent_issue_added", "ParentIssueAddedEvent"),
    ("parent_issue_removed", "ParentIssueRemovedEvent"),
    ("pinned", "PinnedEvent"),
    ("ready_for_review", "ReadyForReviewEvent"),
    ("referenced", "ReferencedEvent"),
    ("renamed", "RenamedTitleEvent"),
    ("reopened", "ReopenedEvent"),
    ("review_dismissed", "ReviewDismissedEvent"),
    ("review_request_removed", "ReviewRequestRemovedEvent"),
    ("review_requested", "ReviewRequestedEvent"),
    ("sub_issue_added", "SubIssueAddedEvent"),
    ("sub_issue_removed", "SubIssueRemovedEvent"),
    ("subscribed", "SubscribedEvent"),
    ("transferred", "TransferredEvent"),
    ("unassigned", "UnassignedEvent"),
    ("unlabeled", "UnlabeledEvent"),
    ("unlocked", "UnlockedEvent"),
    ("unpinned", "UnpinnedEvent"),
    ("unsubscribed", "UnsubscribedEvent"),
    ("user_blocked", "UserBlockedEvent"),
];

/// `timelineItems`, or the older `timeline`.
pub(super) fn items(call: &Call<'_>, it: &Object, args: &Args) -> Outcome {
    let root = call.root();
    let on = it.shown()?;
    let key = root.key(ISSUES, on);
    let mut all: Vec<(Option<Stamp>, i64, u64, String, Object)> = Vec::new();
    let mut add = |at: Option<Stamp>, version: u64, id: &str, object: Object| {
        all.push((
            at,
            at.map_or(0, |at| at.at.as_second()),
            version,
            id.to_owned(),
            object,
        ));
    };
    let rows = root.group(COMMENTS, COMMENTS_BY_ISSUE, &key);
    for row in rows.into_iter().flat_map(|rows| rows.values()) {
        let id = row.text(comment::NODE_ID);
        let at = row.time(comment::CREATED_AT);
        add(at, row.version(), id, Object::row("IssueComment", row));
    }
    let rows = root.group(EVENTS, EVENTS_BY_ISSUE, &key);
    for row in rows.into_iter().flat_map(|rows| rows.values()) {
        if let Some(object) = of_event(call, it, row) {
            let id = row.text(event::NODE_ID);
            add(row.time(event::CREATED_AT), row.version(), id, object);
        }
    }
    if let Some(row) = root.get(PULLS, &key) {
        let seen = reviews::of(root, row).filter(|row| row.text(review::STATE) != "PENDING");
        for row in seen {
            let id = row.text(review::NODE_ID);
            let at = row.time(review::SUBMITTED_AT);
            add(at, row.version(), id, Object::row("PullRequestReview", row));
        }
        let commits = compare::of(root, row)
            .map(|at| at.commits(root))
            .unwrap_or_default();
        for (oid, _) in commits {
            let object = Object::part("PullRequestCommit", on, &oid.to_string());
            add(row.time(pull::CREATED_AT), 0, "", object);
        }
    }
    // What happened within a second stays in the order in which it was written.
    all.sort_by_key(|(at, seconds, version, ..)| {
        (*seconds, at.is_some_and(|at| at.by_call), *version)
    });
    let kinds = args.any_of("itemTypes");
    let since = args.text("since").and_then(time);
    let skip = usize::try_from(args.int("skip").unwrap_or(0)).unwrap_or(0);
    let mut passed = 0;
    let mut connection = Connection::default();
    for (at, _, _, id, node) in all {
        let fits = kinds.as_ref().is_none_or(|kinds| {
            let name = enum_name(node.of);
            kinds.iter().any(|kind| *kind == name)
        }) && since.is_none_or(|since| at.is_some_and(|at| at.at >= since));
        if fits {
            passed += 1;
        }
        connection.items.push(Item {
            node,
            key: id,
            shown: fits && passed > skip,
            edge: Vec::new(),
        });
    }
    let total = connection.total();
    Ok(connection
        .with(vec![
            ("filteredCount", total.into()),
            ("pageCount", total.into()),
            ("updatedAt", on.time(issue::UPDATED_AT).into()),
        ])
        .into())
}

/// `LabeledEvent` as `LABELED_EVENT`.
fn enum_name(of: &str) -> String {
    let mut out = String::new();
    for (at, one) in of.char_indices() {
        if one.is_ascii_uppercase() && at > 0 {
            out.push('_');
        }
        out.push(one.to_ascii_uppercase());
    }
    out
}

fn of_event(call: &Call<'_>, it: &Object, row: &Arc<Row>) -> Option<Object> {
    let root = call.root();
    let what = row.text(event::EVENT);
    let (_, of) = EVENT_TYPES.iter().find(|(name, _)| *name == what)?;
    let on = it.row.as_ref()?;
    let repo_name = repo_of(row.text(event::ISSUE));
    let about: Value = it.clone().into();
    let kind = if it.of == "PullRequest" {
        "pull"
    } else {
        "issues"
    };
    let url = format!("{}#event-{}", address(on, kind), row.int(event::ID));
    let by = actor(root, row.text_or_null(event::ACTOR));
    let commit = git::commit_named(call, repo_name, row.text(event::COMMIT_ID));
    let mut made: Vec<(&'static str, Value)> = vec![
        ("id", row.text(event::NODE_ID).into()),
        ("databaseId", row.int(event::ID).into()),
        ("createdAt", row.time(event::CREATED_AT).into()),
        ("actor", by.clone()),
        ("url", url.clone().into()),
        ("resourcePath", url.into()),
        ("pullRequest", about.clone()),
        ("subject", about.clone()),
    ];
    let said = |column: usize| row.text_or_null(column).map(Value::said).into();
    match what {
        "labeled" | "unlabeled" => {
            let name = row.text(event::LABEL);
            let key = Key::new([folded(repo_name), folded(name)]);
            let label = match root.get(LABELS, &key) {
                Some(row) => Object::row("Label", row),
                // The label is gone; what it was then is still known.
                None => gone_label(call, repo_name, name, row.text(event::LABEL_COLOR)),
            };
            made.push(("label", label.into()));
            made.push(("labelable", about));
        }
        "assigned" | "unassigned" => {
            let who = actor(root, row.text_or_null(event::ASSIGNEE));
            made.push(("assignee", who.clone()));
            made.push(("user", who));
            made.push(("assignable", about));
        }
        "milestoned" | "demilestoned" => {
            made.push(("milestoneTitle", Value::said(row.text(event::MILESTONE))));
        }
        "renamed" => {
            made.push(("previousTitle", said(event::RENAME_FROM)));
            made.push(("currentTitle", said(event::RENAME_TO)));
        }
        "base_ref_changed" => {
            made.push(("previousRefName", said(event::RENAME_FROM)));
            made.push(("currentRefName", said(event::RENAME_TO)));
        }
        "locked" | "unlocked" => {
            let reason = row.text_or_null(event::LOCK_REASON).map(name_of);
            made.push(("lockReason", reason.into()));
            made.push(("lockable", about));
        }
        "closed" | "reopened" => {
            let reason = row.text_or_null(event::STATE_REASON).map(name_of);
            made.push(("stateReason", reason.into()));
            made.push(("closable", about));
            made.push(("closer", commit));
        }
        "merged" => {
            let merged = root.get(PULLS, &root.key(ISSUES, on))?;
            made.push(("commit", commit));
            made.push(("mergeRefName", merged.text(pull::BASE).into()));
        }
        "head_ref_deleted" | "head_ref_restored" => {
            let merged = root.get(PULLS, &root.key(ISSUES, on))?;
            made.push(("headRefName", merged.text(pull::HEAD).into()));
        }
        "referenced" => {
            made.push(("commit", commit));
            made.push(("isCrossRepository", false.into()));
            made.push(("isDirectReference", false.into()));
            let of = repo_named(call, repo_name).map(|row| Object::row("Repository", &row));
            made.push(("commitRepository", of.into()));
        }
        "cross-referenced" => {
            let source = root.named(ISSUES, row.text(event::SOURCE))?;
            repo_named(call, source.text(issue::REPO))?;
            let crosses = !crate::engine::key::same(source.text(issue::REPO), repo_name);
            made.push(("source", super::issue::object(root, source).into()));
            made.push(("target", about));
            made.push(("referencedAt", row.time(event::CREATED_AT).into()));
            made.push(("isCrossRepository", crosses.into()));
            let closes = crate::github::pulls::keywords::closes(
                source.text(issue::BODY),
                source.text(issue::REPO),
            );
            let own = row.text(event::ISSUE);
            let is_pull = root.get(PULLS, &root.key(ISSUES, source)).is_some();
            let will = is_pull
                && closes
                    .iter()
                    .any(|name| crate::engine::key::same(name, own));
            made.push(("willCloseTarget", will.into()));
        }
        "review_requested" | "review_request_removed" => {
            let who = actor(root, row.text_or_null(event::REQUESTED_REVIEWER));
            made.push(("requestedReviewer", who));
        }
        "review_dismissed" => {
            let key = Key::new([folded(repo_name), Part::Int(row.int(event::REVIEW_ID))]);
            let found = root.get(REVIEWS, &key);
            made.push((
                "review",
                found
                    .map(|row| Object::row("PullRequestReview", row))
                    .into(),
            ));
            made.push(("dismissalMessage", said(event::MESSAGE)));
            let state = row.text_or_null(event::REVIEW_STATE).map(name_of);
            made.push(("previousReviewState", state.into()));
        }
        "sub_issue_added" | "sub_issue_removed" | "parent_issue_added" | "parent_issue_removed" => {
            let source = root.named(ISSUES, row.text(event::SOURCE));
            let other: Value = source.map(|row| super::issue::object(root, row)).into();
            let field = if what.starts_with("sub") {
                "subIssue"
            } else {
                "parent"
            };
            made.push((field, other));
        }
        "auto_merge_enabled" => made.push(("enabler", by)),
        "auto_merge_disabled" => made.push(("disabler", by)),
        "pinned" | "unpinned" => made.push(("issue", about)),
        _ => {}
    }
    Some(Object::made(of, made))
}

fn gone_label(call: &Call<'_>, repo_name: &str, name: &str, color: &str) -> Object {
    let url = format!("{}/{repo_name}/labels/{name}", crate::github::render::WEB);
    let of = repo_named(call, repo_name).map(|row| Object::row("Repository", &row));
    Object::made(
        "Label",
        vec![
            (
                "id",
                super::nodes::made("LA", &format!("{repo_name}:{name}")).into(),
            ),
            ("name", Value::text(name)),
            ("color", color.into()),
            ("description", Value::Null),
            ("isDefault", false.into()),
            ("url", url.clone().into()),
            ("resourcePath", url.into()),
            ("repository", of.into()),
        ],
    )
}
