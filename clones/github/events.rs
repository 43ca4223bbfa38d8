//! What happens to issues and pull requests is written down, and read as their events.

use archal_core::clone::ViewValue;

use super::complete;
use super::tables::{EVENTS, ISSUES, LABELS, TABLES, event, issue, label};
use crate::engine::git::{Commit, Oid};
use crate::engine::key::{Key, folded};
use crate::engine::pack::Call;
use crate::engine::root::Root;
use crate::engine::row::{Draft, text};
use crate::github::tables::user;

/// What an event says beside who, when and on which issue. What does not belong to its kind
/// stays absent.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Details<'a> {
    /// Who did it, where it is not the caller: who is mentioned, who subscribed.
    pub actor: Option<&'a str>,
    /// The commit that did it: `closed`, `referenced`, `merged`, `head_ref_force_pushed`.
    pub commit_id: Option<&'a str>,
    /// The label's name: `labeled`, `unlabeled`.
    pub label: Option<&'a str>,
    /// Whom: `assigned`, `unassigned`.
    pub assignee: Option<&'a str>,
    /// The milestone's title: `milestoned`, `demilestoned`.
    pub milestone: Option<&'a str>,
    /// The titles before and after: `renamed`.
    pub rename: Option<(&'a str, &'a str)>,
    /// Why: `locked`.
    pub lock_reason: Option<&'a str>,
    /// Why: `closed`, `reopened`.
    pub state_reason: Option<&'a str>,
    /// Whose review: `review_requested`, `review_request_removed`.
    pub requested_reviewer: Option<&'a str>,
    /// Which team's review, `acme/web`: the same.
    pub requested_team: Option<&'a str>,
    /// Number and state before of the review: `review_dismissed`.
    pub review: Option<(i64, &'a str)>,
    /// What was said: `review_dismissed`.
    pub message: Option<&'a str>,
    /// The other issue, `acme/webapp#7`: `cross-referenced`, `sub_issue_added` and the like.
    pub source: Option<&'a str>,
    /// The types after and before: `issue_type_added`, `issue_type_changed`.
    pub issue_type: (Option<&'a str>, Option<&'a str>),
}

/// Writes down that something happened to an issue or a pull request: `closed`, `labeled`.
pub(super) fn add(call: &mut Call<'_>, issue_key: &Key, what: &str, details: Details<'_>) {
    let Some(on) = call.root().get(ISSUES, issue_key).cloned() else {
        return;
    };
    let caller = call.caller.as_ref().map(|row| row.text(user::LOGIN));
    let actor = details.actor.or(caller).map(str::to_owned);
    let name = format!("{}#{}", on.text(issue::REPO), on.int(issue::NUMBER));
    let color = details.label.and_then(|label| {
        let key = Key::new([folded(on.text(issue::REPO)), folded(label)]);
        let row = call.root().get(LABELS, &key)?;
        Some(row.text(label::COLOR).to_owned())
    });
    let mut draft = Draft::empty(TABLES[EVENTS].columns.len());
    let id = place(call);
    draft.set(event::ISSUE, text(name));
    draft.set(event::ID, ViewValue::Int(id));
    draft.set(event::EVENT, text(what));
    draft.set(event::CREATED_AT, ViewValue::Time(call.now));
    for (column, value) in [
        (event::ACTOR, actor.as_deref()),
        (event::COMMIT_ID, details.commit_id),
        (event::LABEL, details.label),
        (event::LABEL_COLOR, color.as_deref()),
        (event::ASSIGNEE, details.assignee),
        (event::MILESTONE, details.milestone),
        (event::RENAME_FROM, details.rename.map(|(from, _)| from)),
        (event::RENAME_TO, details.rename.map(|(_, to)| to)),
        (event::LOCK_REASON, details.lock_reason),
        (event::STATE_REASON, details.state_reason),
        (event::REQUESTED_REVIEWER, details.requested_reviewer),
        (event::REQUESTED_TEAM, details.requested_team),
        (event::REVIEW_STATE, details.review.map(|(_, state)| state)),
        (event::MESSAGE, details.message),
        (event::SOURCE, details.source),
        (event::ISSUE_TYPE, details.issue_type.0),
        (event::PREV_ISSUE_TYPE, details.issue_type.1),
    ] {
        draft.set(column, value.map_or(ViewValue::Null, text));
    }
    let review = details.review.map(|(id, _)| ViewValue::Int(id));
    draft.set(event::REVIEW_ID, review.unwrap_or(ViewValue::Null));
    complete::name_event(call.root(), &mut draft);
    call.transaction.put(EVENTS, draft);
}

/// Adds a commit that a call makes, after what happened so far.
pub(super) fn commit(root: &Root, commit: &Commit) -> Oid {
    let oid = root.objects().put_commit(commit);
    root.objects().placed(oid, root.last_id(EVENTS));
    oid
}

/// A place in the order of what happens: comments and reviews take one too, so that a timeline
/// keeps the order of calls within one second.
pub(super) fn place(call: &mut Call<'_>) -> i64 {
    call.transaction.next_id(EVENTS)
}
