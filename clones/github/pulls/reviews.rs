//! Reviews: begun, submitted, changed, dismissed, taken back.

use std::sync::Arc;

use archal_core::clone::ViewValue;
use serde_json::Value;

use super::comments::{self, NewComment};
use super::{compare, issue_of, name};
use crate::engine::input::{Input, Inputs, Kind};
use crate::engine::key::{Key, same};
use crate::engine::pack::{Call, Refusal, Reply};
use crate::engine::root::Root;
use crate::engine::row::{Draft, Row, list, text};
use crate::github::access::{self, Permission};
use crate::github::dialect::page;
use crate::github::events::{self, Details};
use crate::github::issues::check_body;
use crate::github::tables::{
    PULLS, REPOS, REVIEW_COMMENTS, REVIEW_COMMENTS_BY_REVIEW, REVIEWS, REVIEWS_BY_PULL, USERS,
    issue, pull, repo_of, review, review_comment, user,
};

const NEW: &[Input] = &[
    Input::new("commit_id", Kind::TextOrNull),
    Input::new("body", Kind::TextOrNull),
    Input::new("event", Kind::TextOrNull),
    Input::new("comments", Kind::Any),
];
const SUBMIT: &[Input] = &[
    Input::new("body", Kind::TextOrNull),
    Input::new("event", Kind::Text).required(),
];
/// What a body that changes a review holds.
pub(in crate::github) const CHANGE: &[Input] = &[Input::new("body", Kind::Text).required()];
const DISMISS: &[Input] = &[
    Input::new("message", Kind::Text).required(),
    Input::new("event", Kind::TextOrNull),
];

/// What a submitted review says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::github) enum Event {
    /// It may be merged.
    Approve,
    /// It may not yet be merged.
    RequestChanges,
    /// Neither.
    Comment,
}

impl Event {
    /// The event of that name.
    pub(in crate::github) fn named(name: &str) -> Option<Self> {
        match name {
            "APPROVE" => Some(Self::Approve),
            "REQUEST_CHANGES" => Some(Self::RequestChanges),
            "COMMENT" => Some(Self::Comment),
            _ => None,
        }
    }

    fn state(self) -> &'static str {
        match self {
            Self::Approve => "APPROVED",
            Self::RequestChanges => "CHANGES_REQUESTED",
            Self::Comment => "COMMENTED",
        }
    }
}

/// A review to be.
pub(in crate::github) struct NewReview {
    /// What it says; it is not submitted where absent.
    pub event: Option<Event>,
    /// Its text.
    pub body: String,
    /// The commit it is about; the head where absent.
    pub commit: Option<String>,
    /// Its comments on the diff.
    pub comments: Vec<NewComment>,
}

/// `Unprocessable Entity` with one reason, as reviews are refused.
pub(super) fn unprocessable(reason: impl Into<String>) -> Refusal {
    Refusal::new(422, "Unprocessable Entity").with(vec![Value::from(reason.into())])
}

/// The pull request of a review.
pub(super) fn pull_of<'r>(root: &'r Root, row: &Row) -> Option<&'r Arc<Row>> {
    root.named(PULLS, row.text(review::PULL))
}

/// Whether a caller sees a review: one that is not submitted is its author's.
pub(in crate::github) fn seen_by(row: &Row, caller: Option<&Row>) -> bool {
    row.text(review::STATE) != "PENDING"
        || caller.is_some_and(|caller| same(caller.text(user::LOGIN), row.text(review::USER)))
}

/// The reviews of a pull request, oldest first.
pub(in crate::github) fn of<'r>(
    root: &'r Root,
    pull: &Row,
) -> impl Iterator<Item = &'r Arc<Row>> + use<'r> {
    let key = root.key(PULLS, pull);
    root.group(REVIEWS, REVIEWS_BY_PULL, &key)
        .into_iter()
        .flat_map(|rows| rows.values())
}

/// The review of a user that is not submitted yet.
pub(in crate::github) fn pending(root: &Root, pull: &Row, login: &str) -> Option<Arc<Row>> {
    of(root, pull)
        .find(|row| row.text(review::STATE) == "PENDING" && same(row.text(review::USER), login))
        .cloned()
}

/// `GET …/reviews`.
pub(in crate::github) fn list_of_pull(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let row = call.row(PULLS)?;
    let root = call.root();
    let rows: Vec<_> = of(root, &row)
        .filter(|row| seen_by(row, call.caller.as_deref()))
        .collect();
    let page = page(call, rows.len());
    let rows = rows.into_iter().skip(page.skip()).take(page.take());
    Ok(Reply::rows(root, REVIEWS, rows, Some(page)))
}

/// `GET …/reviews/{review_id}/comments`.
pub(in crate::github) fn list_comments(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let row = call.row(REVIEWS)?;
    let root = call.root();
    let rows: Vec<_> = comments_of(root, &row).collect();
    let page = page(call, rows.len());
    let rows = rows.into_iter().skip(page.skip()).take(page.take());
    Ok(Reply::rows(root, REVIEW_COMMENTS, rows, Some(page)))
}

/// The comments of a review, oldest first.
pub(in crate::github) fn comments_of<'r>(
    root: &'r Root,
    row: &Row,
) -> impl Iterator<Item = &'r Arc<Row>> + use<'r> {
    let key = root.key(REVIEWS, row);
    root.group(REVIEW_COMMENTS, REVIEW_COMMENTS_BY_REVIEW, &key)
        .into_iter()
        .flat_map(|rows| rows.values())
}

/// `POST …/reviews`.
pub(in crate::github) fn create(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let inputs = access::body(call, NEW)?;
    let event = match inputs.text("event").filter(|event| !event.is_empty()) {
        None => None,
        Some(name) => Some(event(name)?),
    };
    let comments = match inputs.value("comments") {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::Array(items)) => items
            .iter()
            .enumerate()
            .map(|(at, item)| NewComment::read(at, item))
            .collect::<Result<_, _>>()?,
        Some(other) => {
            return Err(Refusal::new(
                422,
                format!("Invalid request.\n\nFor 'properties/comments', {other} is not an array."),
            ));
        }
    };
    let row = call.row(PULLS)?;
    let new = NewReview {
        event,
        body: inputs.text("body").unwrap_or_default().to_owned(),
        commit: inputs.text("commit_id").map(str::to_owned),
        comments,
    };
    let row = begin(call, &row, new)?;
    Ok(Reply::row(200, call.root(), REVIEWS, &row))
}

fn event(name: &str) -> Result<Event, Refusal> {
    Event::named(name).ok_or_else(|| {
        Refusal::new(
            422,
            format!(
                "Invalid request.\n\n{name} is not a member of [\"APPROVE\", \
                 \"REQUEST_CHANGES\", \"COMMENT\"]."
            ),
        )
    })
}

/// Begins a review, with its comments; submits it where it says something.
pub(in crate::github) fn begin(
    call: &mut Call<'_>,
    pull: &Row,
    new: NewReview,
) -> Result<Arc<Row>, Refusal> {
    let login = access::login(call)?;
    check_body("PullRequestReview", Some(&new.body))?;
    if pending(call.root(), pull, &login).is_some() {
        return Err(unprocessable(
            "User can only have one pending review per pull request",
        ));
    }
    comments::check_lock(call, pull)?;
    let commit = match &new.commit {
        None => pull.text(pull::HEAD_SHA).to_owned(),
        Some(commit) if compare::has_commit(call.root(), pull, commit) => commit.clone(),
        Some(_) => {
            return Err(unprocessable(
                "The commit_id is not part of the pull request",
            ));
        }
    };
    if let Some(event) = new.event {
        check_event(call, pull, event, &new.body, !new.comments.is_empty())?;
    }
    let mut draft = blank(call, pull, &login, &commit);
    draft.set(review::BODY, text(new.body.as_str()));
    let mut row = call.transaction.put(REVIEWS, draft);
    for comment in &new.comments {
        comments::add(call, pull, &row, comment).map_err(comments::in_review)?;
    }
    if let Some(event) = new.event {
        row = finish(call, &row, event, None)?;
    }
    Ok(row)
}

/// A review that is not submitted.
fn blank(call: &mut Call<'_>, pull: &Row, login: &str, commit: &str) -> Draft {
    let mut draft = call.root().blank(REVIEWS);
    draft.set(review::PULL, text(name(pull)));
    let id = call.transaction.next_id(REVIEWS);
    draft.set(review::ID, ViewValue::Int(id));
    draft.set(review::USER, text(login));
    draft.set(review::BODY, text(""));
    draft.set(review::STATE, text("PENDING"));
    draft.set(review::COMMIT_ID, text(commit));
    draft.set(review::CREATED_AT, ViewValue::Time(call.now));
    draft.set(review::UPDATED_AT, ViewValue::Time(call.now));
    super::seed::name_review(call.root(), &mut draft);
    draft
}

/// The review that a single comment is submitted with.
pub(super) fn of_one_comment(
    call: &mut Call<'_>,
    pull: &Row,
    commit: &str,
) -> Result<Arc<Row>, Refusal> {
    let login = access::login(call)?;
    let mut draft = blank(call, pull, &login, commit);
    draft.set(review::STATE, text("COMMENTED"));
    draft.set(review::SUBMITTED_AT, ViewValue::Time(call.now));
    let place = events::place(call);
    draft.set(review::PLACE, ViewValue::Int(place));
    Ok(call.transaction.put(REVIEWS, draft))
}

fn check_event(
    call: &Call<'_>,
    pull: &Row,
    event: Event,
    body: &str,
    has_comments: bool,
) -> Result<(), Refusal> {
    let own = same(
        issue_of(call.root(), pull)?.text(issue::USER),
        &access::login(call)?,
    );
    match event {
        Event::Approve if own => Err(unprocessable(
            "Review Can not approve your own pull request",
        )),
        Event::RequestChanges if own => Err(unprocessable(
            "Review Can not request changes on your own pull request",
        )),
        Event::RequestChanges | Event::Comment if body.trim().is_empty() && !has_comments => {
            Err(unprocessable("Review Body can't be blank"))
        }
        _ => Ok(()),
    }
}

/// `POST …/reviews/{review_id}/events`.
pub(in crate::github) fn submit(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let inputs = access::body(call, SUBMIT)?;
    let event = event(inputs.text("event").unwrap_or_default())?;
    let row = call.row(REVIEWS)?;
    let body = inputs.text("body").map(str::to_owned);
    let row = submitted(call, &row, event, body)?;
    Ok(Reply::row(200, call.root(), REVIEWS, &row))
}

/// Submits a review that was begun.
pub(in crate::github) fn submitted(
    call: &mut Call<'_>,
    row: &Row,
    event: Event,
    body: Option<String>,
) -> Result<Arc<Row>, Refusal> {
    if row.text(review::STATE) != "PENDING" {
        return Err(unprocessable(
            "Can not submit a review that was already submitted",
        ));
    }
    let pull = pull_of(call.root(), row)
        .cloned()
        .ok_or_else(access::not_found)?;
    let says = body.as_deref().unwrap_or(row.text(review::BODY));
    let has_comments = comments_of(call.root(), row).next().is_some();
    check_body("PullRequestReview", Some(says))?;
    check_event(call, &pull, event, says, has_comments)?;
    finish(call, row, event, body)
}

/// Writes what a review says, and what follows from it.
fn finish(
    call: &mut Call<'_>,
    row: &Row,
    event: Event,
    body: Option<String>,
) -> Result<Arc<Row>, Refusal> {
    let mut draft = row.draft();
    if let Some(body) = body {
        draft.set(review::BODY, text(body));
    }
    draft.set(review::STATE, text(event.state()));
    draft.set(review::SUBMITTED_AT, ViewValue::Time(call.now));
    draft.set(review::UPDATED_AT, ViewValue::Time(call.now));
    let place = events::place(call);
    draft.set(review::PLACE, ViewValue::Int(place));
    let row = call.transaction.put(REVIEWS, draft);
    comments::publish(call, &row);
    let Some(pull) = pull_of(call.root(), &row).cloned() else {
        return Err(access::not_found());
    };
    // Who reviewed is not asked any more.
    let login = row.text(review::USER);
    let waits = |one: &&str| !same(one, login);
    let left: Vec<String> = pull
        .texts(pull::REVIEWERS)
        .filter(waits)
        .map(str::to_owned)
        .collect();
    if left.len() == pull.texts(pull::REVIEWERS).count() {
        super::touch(call, &pull);
    } else {
        let mut draft = pull.draft();
        draft.set(pull::REVIEWERS, list(left));
        super::put(call, draft);
    }
    let url = format!("{}/reviews/{}", super::url(&pull), row.int(review::ID));
    let words: Vec<String> = comments_of(call.root(), &row)
        .map(|comment| comment.text(review_comment::BODY).to_owned())
        .collect();
    let said = format!("{}\n{}", row.text(review::BODY), words.join("\n"));
    super::said(call, &pull, &said, &url);
    super::merge::when_ready(call, &pull);
    Ok(row)
}

/// `PUT …/reviews/{review_id}`.
pub(in crate::github) fn change(
    call: &mut Call<'_>,
    old: &Row,
    inputs: Inputs,
) -> Result<Draft, Refusal> {
    let body = inputs.text("body").unwrap_or_default();
    check_body("PullRequestReview", Some(body))?;
    let mut draft = old.draft();
    draft.set(review::BODY, text(body));
    if draft != old.draft() {
        draft.set(review::UPDATED_AT, ViewValue::Time(call.now));
    }
    Ok(draft)
}

/// A review that changed changes its pull request.
pub(in crate::github) fn touch_pull(call: &mut Call<'_>, row: &Row) {
    if let Some(pull) = pull_of(call.root(), row).cloned() {
        super::touch(call, &pull);
    }
}

/// `PUT …/reviews/{review_id}/dismissals`.
pub(in crate::github) fn dismiss(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let inputs = access::body(call, DISMISS)?;
    let message = inputs.text("message").unwrap_or_default().to_owned();
    let row = call.row(REVIEWS)?;
    let row = dismissed(call, &row, &message)?;
    Ok(Reply::row(200, call.root(), REVIEWS, &row))
}

/// Takes away the weight of a review.
pub(in crate::github) fn dismissed(
    call: &mut Call<'_>,
    row: &Row,
    message: &str,
) -> Result<Arc<Row>, Refusal> {
    let state = row.text(review::STATE);
    if !matches!(state, "APPROVED" | "CHANGES_REQUESTED") {
        let state = state.to_lowercase();
        return Err(unprocessable(format!(
            "Can not dismiss a {state} pull request review"
        )));
    }
    if message.trim().is_empty() {
        return Err(unprocessable("Message can't be blank"));
    }
    let mut draft = row.draft();
    draft.set(review::STATE, text("DISMISSED"));
    draft.set(review::UPDATED_AT, ViewValue::Time(call.now));
    let state = row.text(review::STATE).to_lowercase();
    let row = call.transaction.put(REVIEWS, draft);
    touch_pull(call, &row);
    if let Some(pull) = pull_of(call.root(), &row).cloned() {
        let details = Details {
            review: Some((row.int(review::ID), &state)),
            message: Some(message).filter(|message| !message.is_empty()),
            ..Details::default()
        };
        super::happened(call, &pull, "review_dismissed", details);
    }
    Ok(row)
}

/// `DELETE …/reviews/{review_id}`.
pub(in crate::github) fn delete(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let row = call.row(REVIEWS)?;
    let reply = Reply::row(200, call.root(), REVIEWS, &row);
    deleted(call, &row)?;
    Ok(reply)
}

/// Takes back a review that is not submitted, with its comments.
pub(in crate::github) fn deleted(call: &mut Call<'_>, row: &Row) -> Result<(), Refusal> {
    if row.text(review::STATE) != "PENDING" {
        return Err(unprocessable(
            "Can not delete a non-pending pull request review",
        ));
    }
    let keys: Vec<Key> = comments_of(call.root(), row)
        .map(|row| call.root().key(REVIEW_COMMENTS, row))
        .collect();
    for key in keys {
        call.transaction.remove(REVIEW_COMMENTS, &key);
    }
    let key = call.root().key(REVIEWS, row);
    call.transaction.remove(REVIEWS, &key);
    Ok(())
}

/// What the reviews of a pull request come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(in crate::github) struct Opinions {
    /// How many with write access approve it.
    pub approvals: usize,
    /// Whether somebody with write access wants changes.
    pub changes_requested: bool,
}

/// The last word of each who may write.
pub(in crate::github) fn opinions(root: &Root, pull: &Row) -> Opinions {
    let mut out = Opinions::default();
    for row in latest(root, pull) {
        let Some(repo) = root.named(REPOS, repo_of(row.text(review::PULL))) else {
            continue;
        };
        let writer = root
            .get(USERS, &Key::folded(row.text(review::USER)))
            .and_then(|user| access::permission(root, repo, Some(user)))
            .is_some_and(|permission| permission >= Permission::Push);
        match row.text(review::STATE) {
            "APPROVED" if writer => out.approvals += 1,
            "CHANGES_REQUESTED" if writer => out.changes_requested = true,
            _ => {}
        }
    }
    out
}

/// The last review of each reviewer that approves, wants changes or was dismissed.
pub(in crate::github) fn latest<'r>(root: &'r Root, pull: &Row) -> Vec<&'r Arc<Row>> {
    let mut out: Vec<&Arc<Row>> = Vec::new();
    for row in of(root, pull) {
        if !matches!(
            row.text(review::STATE),
            "APPROVED" | "CHANGES_REQUESTED" | "DISMISSED"
        ) {
            continue;
        }
        out.retain(|known| !same(known.text(review::USER), row.text(review::USER)));
        out.push(row);
    }
    out
}

/// `REVIEW_REQUIRED`, `APPROVED` or `CHANGES_REQUESTED`; none where no review is asked for.
pub(in crate::github) fn decision(root: &Root, pull: &Row) -> Option<&'static str> {
    let opinions = opinions(root, pull);
    let needed = super::rules::of(root, pull).approvals;
    if opinions.changes_requested {
        Some("CHANGES_REQUESTED")
    } else if needed > opinions.approvals {
        Some("REVIEW_REQUIRED")
    } else if opinions.approvals > 0 {
        Some("APPROVED")
    } else {
        None
    }
}
