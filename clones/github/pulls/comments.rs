//! Comments on the diff of a pull request.

use std::cmp::Reverse;
use std::sync::Arc;

use archal_core::clone::ViewValue;
use serde_json::{Value, json};

use super::patch::{self, Side};
use super::{compare, issue_of, name, reviews};
use crate::engine::input::{Input, Inputs, Kind};
use crate::engine::key::{Key, Part, folded};
use crate::engine::pack::{Call, Refusal, Reply};
use crate::engine::root::Root;
use crate::engine::row::{Draft, Row, text};
use crate::github::access::{self, Permission};
use crate::github::dialect::{invalid, invalid_value, page};
use crate::github::issue_lists::time;
use crate::github::issues::check_body;
use crate::github::tables::{
    PULLS, REPOS, REVIEW_COMMENTS, REVIEW_COMMENTS_BY_PULL, REVIEW_COMMENTS_BY_REPO, REVIEWS,
    issue, pull, repo, repo_of, review, review_comment,
};

const RESOURCE: &str = "PullRequestReviewComment";

const NEW: &[Input] = &[
    Input::new("body", Kind::Text).required(),
    Input::new("commit_id", Kind::TextOrNull),
    Input::new("path", Kind::TextOrNull),
    Input::new("position", Kind::Int),
    Input::new("side", Kind::TextOrNull),
    Input::new("line", Kind::Int),
    Input::new("start_line", Kind::Int),
    Input::new("start_side", Kind::TextOrNull),
    Input::new("in_reply_to", Kind::Int),
    Input::new("subject_type", Kind::TextOrNull),
];
/// What a body that changes a comment or answers one holds.
pub(in crate::github) const TEXT: &[Input] = &[Input::new("body", Kind::Text).required()];

/// A comment to be.
#[derive(Debug, Clone)]
pub(in crate::github) struct NewComment {
    /// The file.
    pub path: String,
    /// Its text.
    pub body: String,
    /// Where in the file.
    pub place: Place,
}

/// Where in a file a comment is to stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::github) enum Place {
    /// On a line, or on several of which it is the last.
    Line {
        /// The side of the diff.
        side: Side,
        /// The line.
        line: i64,
        /// The first of several lines.
        start: Option<(Side, i64)>,
    },
    /// So many lines below the first hunk header.
    Position(i64),
    /// The file as a whole.
    File,
}

impl NewComment {
    /// Reads an item of the `comments` of a new review.
    pub(super) fn read(at: usize, item: &Value) -> Result<Self, Refusal> {
        let wrong = |what: &str| {
            Refusal::new(
                422,
                format!("Invalid request.\n\nFor 'properties/comments/items/{at}', {what}"),
            )
        };
        let Some(object) = item.as_object() else {
            return Err(wrong(&format!("{item} is not an object.")));
        };
        let needed = |field: &str| match object.get(field) {
            Some(Value::String(value)) => Ok(value.clone()),
            Some(other) => Err(wrong(&format!("{other} is not a string."))),
            None => Err(wrong(&format!("\"{field}\" wasn't supplied."))),
        };
        let (path, body) = (needed("path")?, needed("body")?);
        let number = |field: &str| object.get(field).and_then(Value::as_i64);
        let side = |field: &str| object.get(field).and_then(Value::as_str);
        let place = Place::read(
            number("line"),
            side("side"),
            (number("start_line"), side("start_side")),
            number("position"),
            object.get("subject_type").and_then(Value::as_str),
        );
        let place = place.ok_or_else(|| wrong("\"position\" wasn't supplied."))?;
        Ok(Self { path, body, place })
    }
}

impl Place {
    fn read(
        line: Option<i64>,
        side: Option<&str>,
        start: (Option<i64>, Option<&str>),
        position: Option<i64>,
        subject: Option<&str>,
    ) -> Option<Self> {
        let side = side.and_then(Side::named).unwrap_or(Side::Right);
        match (subject, line, position) {
            (Some("file"), ..) => Some(Self::File),
            (_, Some(line), _) => Some(Self::Line {
                side,
                line,
                start: start
                    .0
                    .map(|line| (start.1.and_then(Side::named).unwrap_or(side), line)),
            }),
            (_, None, Some(position)) => Some(Self::Position(position)),
            (_, None, None) => None,
        }
    }
}

/// Whether a caller sees a comment: those of a review that is not submitted are its author's.
pub(in crate::github) fn seen_by(root: &Root, row: &Row, caller: Option<&Row>) -> bool {
    review_of(root, row).is_none_or(|review| reviews::seen_by(review, caller))
}

/// The review that a comment belongs to.
pub(in crate::github) fn review_of<'r>(root: &'r Root, row: &Row) -> Option<&'r Arc<Row>> {
    let repo = folded(repo_of(row.text(review_comment::PULL)));
    let id = Part::Int(row.int(review_comment::REVIEW));
    root.get(REVIEWS, &Key::new([repo, id]))
}

/// Whether a comment is of a review that was submitted.
pub(in crate::github) fn is_public(root: &Root, row: &Row) -> bool {
    review_of(root, row).is_none_or(|review| review.text(review::STATE) != "PENDING")
}

/// The comments of a pull request, oldest first.
pub(in crate::github) fn of<'r>(
    root: &'r Root,
    pull: &Row,
) -> impl Iterator<Item = &'r Arc<Row>> + use<'r> {
    let key = root.key(PULLS, pull);
    root.group(REVIEW_COMMENTS, REVIEW_COMMENTS_BY_PULL, &key)
        .into_iter()
        .flat_map(|rows| rows.values())
}

/// `GET …/pulls/{pull_number}/comments`.
pub(in crate::github) fn list_of_pull(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let row = call.row(PULLS)?;
    let root = call.root();
    answer(call, of(root, &row).collect())
}

/// `GET …/pulls/comments`.
pub(in crate::github) fn list_of_repo(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let row = call.row(REPOS)?;
    let root = call.root();
    let key = Key::folded(row.text(repo::FULL_NAME));
    let rows = root.group(REVIEW_COMMENTS, REVIEW_COMMENTS_BY_REPO, &key);
    answer(
        call,
        rows.into_iter().flat_map(|rows| rows.values()).collect(),
    )
}

fn answer(call: &Call<'_>, mut rows: Vec<&Arc<Row>>) -> Result<Reply, Refusal> {
    let since = match call.query("since") {
        None => None,
        Some(text) => Some(time(text).ok_or_else(|| invalid_value(RESOURCE, "since", text))?),
    };
    let root = call.root();
    rows.retain(|row| {
        is_public(root, row)
            && since.is_none_or(|since| {
                row.time(review_comment::UPDATED_AT)
                    .is_some_and(|updated| updated.at >= since)
            })
    });
    let rank = |row: &&Arc<Row>| {
        let (column, by_change) = match call.query("sort") {
            Some("updated") => (review_comment::UPDATED_AT, true),
            _ => (review_comment::CREATED_AT, false),
        };
        // Calls within one second stay in their order, so that a list does not depend on the
        // clock.
        let by_call = by_change && row.time(column).is_some_and(|stamp| stamp.by_call);
        let order = if by_call { row.version() } else { 0 };
        (row.seconds(column), order, row.int(review_comment::ID))
    };
    // Without a sort GitHub goes from the oldest and takes no direction.
    if call.query("sort").is_some() && call.query("direction") == Some("desc") {
        rows.sort_by_cached_key(|row| Reverse(rank(row)));
    } else {
        rows.sort_by_cached_key(rank);
    }
    let page = page(call, rows.len());
    let rows = rows.into_iter().skip(page.skip()).take(page.take());
    Ok(Reply::rows(root, REVIEW_COMMENTS, rows, Some(page)))
}

/// `POST …/pulls/{pull_number}/comments`.
pub(in crate::github) fn create(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let inputs = access::body(call, NEW)?;
    let pull = call.row(PULLS)?;
    let body = inputs.text("body").unwrap_or_default().to_owned();
    let number = |field: &str| inputs.int(field);
    let row = if let Some(first) = number("in_reply_to") {
        let key = Key::new([folded(pull.text(pull::REPO)), Part::Int(first)]);
        let first = call.root().get(REVIEW_COMMENTS, &key).cloned();
        let first = first.ok_or_else(|| invalid(RESOURCE, "in_reply_to", "invalid"))?;
        answer_to(call, &pull, &first, &body)?
    } else {
        let place = Place::read(
            number("line"),
            inputs.text("side"),
            (number("start_line"), inputs.text("start_side")),
            number("position"),
            inputs.text("subject_type"),
        );
        let place = place.ok_or_else(|| {
            Refusal::new(
                422,
                "Invalid request.\n\nNo subschema in \"oneOf\" matched.\n\"position\" wasn't \
                 supplied.\n\"in_reply_to\" wasn't supplied.\n\"subject_type\" wasn't \
                 supplied.\n\"line\" wasn't supplied.",
            )
        })?;
        let absent = |field: &str| {
            Refusal::new(
                422,
                format!("Invalid request.\n\n\"{field}\" wasn't supplied."),
            )
        };
        let path = inputs
            .text("path")
            .ok_or_else(|| absent("path"))?
            .to_owned();
        let commit = inputs
            .text("commit_id")
            .ok_or_else(|| absent("commit_id"))?
            .to_owned();
        let new = NewComment { path, body, place };
        alone(call, &pull, &commit, &new)?
    };
    let mut reply = Reply::row(201, call.root(), REVIEW_COMMENTS, &row);
    reply.location = Some(url(&row));
    Ok(reply)
}

/// A comment that is submitted as it is written.
fn alone(
    call: &mut Call<'_>,
    pull: &Row,
    commit: &str,
    new: &NewComment,
) -> Result<Arc<Row>, Refusal> {
    if !compare::has_commit(call.root(), pull, commit) {
        return Err(custom(
            "commit_id",
            "commit_id is not part of the pull request",
        ));
    }
    check_lock(call, pull)?;
    check_no_pending(call, pull)?;
    let review = reviews::of_one_comment(call, pull, commit)?;
    let row = add(call, pull, &review, new)?;
    super::touch(call, pull);
    super::said(call, pull, &new.body, &url(&row));
    Ok(row)
}

fn check_no_pending(call: &Call<'_>, pull: &Row) -> Result<(), Refusal> {
    let login = access::login(call)?;
    match reviews::pending(call.root(), pull, &login) {
        None => Ok(()),
        Some(_) => Err(Refusal::new(422, "Validation Failed").with(vec![json!({
            "resource": "PullRequestReview",
            "code": "custom",
            "field": "user_id",
            "message": "user_id can only have one pending review per pull request",
        })])),
    }
}

/// Refuses to comment on a locked pull request those who may not.
pub(super) fn check_lock(call: &Call<'_>, pull: &Row) -> Result<(), Refusal> {
    let locked = issue_of(call.root(), pull)?.bool(issue::LOCKED);
    if locked && !access::may(call, Permission::Triage)? {
        return Err(Refusal::new(
            403,
            "Unable to create comment because issue is locked.",
        ));
    }
    Ok(())
}

/// `POST …/comments/{comment_id}/replies`.
pub(in crate::github) fn reply(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let inputs = access::body(call, TEXT)?;
    let (pull, first) = (call.row(PULLS)?, call.row(REVIEW_COMMENTS)?);
    let body = inputs.text("body").unwrap_or_default().to_owned();
    let row = answer_to(call, &pull, &first, &body)?;
    let mut reply = Reply::row(201, call.root(), REVIEW_COMMENTS, &row);
    reply.location = Some(url(&row));
    Ok(reply)
}

/// Answers the first comment of a thread.
pub(in crate::github) fn answer_to(
    call: &mut Call<'_>,
    pull: &Row,
    first: &Row,
    body: &str,
) -> Result<Arc<Row>, Refusal> {
    if *first.value(review_comment::IN_REPLY_TO) != ViewValue::Null {
        return Err(invalid(RESOURCE, "in_reply_to", "invalid"));
    }
    check_text(body)?;
    check_lock(call, pull)?;
    // An answer in a thread joins the review that its author has begun.
    let login = access::login(call)?;
    let review = match reviews::pending(call.root(), pull, &login) {
        Some(review) => review,
        None => {
            let commit = first.text(review_comment::COMMIT_ID).to_owned();
            reviews::of_one_comment(call, pull, &commit)?
        }
    };
    let mut draft = first.draft();
    for column in [review_comment::RESOLVED_BY, review_comment::NODE_ID] {
        draft.set(column, ViewValue::Null);
    }
    draft.set(review_comment::AUTHOR_ASSOCIATION, ViewValue::Null);
    let id = first.value(review_comment::ID).clone();
    draft.set(review_comment::IN_REPLY_TO, id);
    let row = write(call, &review, body, draft);
    super::touch(call, pull);
    if is_public(call.root(), &row) {
        super::said(call, pull, body, &url(&row));
    }
    Ok(row)
}

/// Adds a comment to a review.
pub(in crate::github) fn add(
    call: &mut Call<'_>,
    pull: &Row,
    review: &Row,
    new: &NewComment,
) -> Result<Arc<Row>, Refusal> {
    check_text(&new.body)?;
    let mut draft = call.root().blank(REVIEW_COMMENTS);
    draft.set(review_comment::PULL, text(name(pull)));
    draft.set(review_comment::PATH, text(new.path.as_str()));
    let commit = review.text(review::COMMIT_ID);
    draft.set(review_comment::COMMIT_ID, text(commit));
    draft.set(review_comment::ORIGINAL_COMMIT_ID, text(commit));
    place(call.root(), pull, commit, new, &mut draft)?;
    Ok(write(call, review, &new.body, draft))
}

/// Writes a comment whose place is known.
fn write(call: &mut Call<'_>, review: &Row, body: &str, mut draft: Draft) -> Arc<Row> {
    let id = call.transaction.next_id(REVIEW_COMMENTS);
    draft.set(review_comment::ID, ViewValue::Int(id));
    draft.set(review_comment::REVIEW, review.value(review::ID).clone());
    draft.set(review_comment::USER, review.value(review::USER).clone());
    draft.set(review_comment::BODY, text(body));
    draft.set(review_comment::CREATED_AT, ViewValue::Time(call.now));
    draft.set(review_comment::UPDATED_AT, ViewValue::Time(call.now));
    super::seed::name_comment(call.root(), &mut draft);
    call.transaction.put(REVIEW_COMMENTS, draft)
}

/// Finds the place of a comment in the diff.
pub(super) fn place(
    root: &Root,
    pull: &Row,
    commit: &str,
    new: &NewComment,
    draft: &mut Draft,
) -> Result<(), Refusal> {
    let Some(patch) = compare::patch_of(root, pull, commit, &new.path) else {
        return Err(unresolved("path", None));
    };
    draft.set(review_comment::SUBJECT_TYPE, text("line"));
    let (side, line, start) = match new.place {
        Place::File => {
            draft.set(review_comment::SUBJECT_TYPE, text("file"));
            draft.set(review_comment::SIDE, text("RIGHT"));
            for column in [review_comment::POSITION, review_comment::ORIGINAL_POSITION] {
                draft.set(column, ViewValue::Int(1));
            }
            draft.set(review_comment::DIFF_HUNK, text(""));
            return Ok(());
        }
        Place::Position(position) => {
            let (side, line) =
                patch::line_at(&patch, position).ok_or_else(|| unresolved("position", None))?;
            (side, line, None)
        }
        Place::Line { side, line, start } => (side, line, start),
    };
    let outside = |field: &'static str| unresolved(field, Some("must be part of the diff"));
    let position = patch::position_of(&patch, side, line).ok_or_else(|| outside("line"))?;
    if let Some((start_side, start_line)) = start {
        let first = patch::position_of(&patch, start_side, start_line)
            .ok_or_else(|| outside("start_line"))?;
        if first >= position {
            return Err(unresolved("start_line", Some("must precede the end line.")));
        }
        draft.set(review_comment::START_SIDE, text(start_side.name()));
        for column in [
            review_comment::START_LINE,
            review_comment::ORIGINAL_START_LINE,
        ] {
            draft.set(column, ViewValue::Int(start_line));
        }
    }
    draft.set(review_comment::SIDE, text(side.name()));
    for (column, value) in [
        (review_comment::LINE, line),
        (review_comment::ORIGINAL_LINE, line),
        (review_comment::POSITION, position),
        (review_comment::ORIGINAL_POSITION, position),
    ] {
        draft.set(column, ViewValue::Int(value));
    }
    let hunk = patch::hunk_down_to(&patch, position);
    draft.set(review_comment::DIFF_HUNK, text(hunk));
    Ok(())
}

fn unresolved(field: &str, what: Option<&str>) -> Refusal {
    let field = format!("pull_request_review_thread.{field}");
    let first = match what {
        Some(what) => json!({
            "resource": RESOURCE,
            "code": "custom",
            "field": field,
            "message": format!("{field} {what}"),
        }),
        None => json!({"resource": RESOURCE, "code": "invalid", "field": field}),
    };
    let second = json!({
        "resource": RESOURCE,
        "code": "missing_field",
        "field": "pull_request_review_thread.diff_hunk",
    });
    Refusal::new(422, "Validation Failed").with(vec![first, second])
}

/// The same refusal where a whole review is refused for one of its comments.
pub(super) fn in_review(refusal: Refusal) -> Refusal {
    let field = refusal
        .errors
        .first()
        .and_then(|error| error["field"].as_str());
    match field.and_then(|field| field.strip_prefix("pull_request_review_thread.")) {
        Some("path") => reviews::unprocessable("Path could not be resolved"),
        Some("line") => reviews::unprocessable("Line could not be resolved"),
        Some("start_line") => reviews::unprocessable("Start line could not be resolved"),
        Some("position") => reviews::unprocessable("Position could not be resolved"),
        _ => refusal,
    }
}

fn custom(field: &str, message: &str) -> Refusal {
    Refusal::new(422, "Validation Failed").with(vec![json!({
        "resource": RESOURCE,
        "code": "custom",
        "field": field,
        "message": message,
    })])
}

fn check_text(body: &str) -> Result<(), Refusal> {
    if body.trim().is_empty() {
        return Err(invalid(RESOURCE, "body", "missing_field"));
    }
    check_body(RESOURCE, Some(body))
}

/// Changes a comment as a body asks.
pub(in crate::github) fn change(
    call: &mut Call<'_>,
    old: &Row,
    inputs: Inputs,
) -> Result<Draft, Refusal> {
    let body = inputs.text("body").unwrap_or_default();
    check_text(body)?;
    let mut draft = old.draft();
    draft.set(review_comment::BODY, text(body));
    if draft != old.draft() {
        draft.set(review_comment::UPDATED_AT, ViewValue::Time(call.now));
    }
    Ok(draft)
}

/// A comment that changed or went changes its pull request.
pub(in crate::github) fn touch_pull(call: &mut Call<'_>, row: &Row) {
    let pull = call.root().named(PULLS, row.text(review_comment::PULL));
    if let Some(pull) = pull.cloned() {
        super::touch(call, &pull);
    }
}

/// What is left of a thread after its first comment went is headed by the next.
pub(in crate::github) fn gone(call: &mut Call<'_>, row: &Row) {
    touch_pull(call, row);
    if *row.value(review_comment::IN_REPLY_TO) != ViewValue::Null {
        return;
    }
    let root = call.root();
    let Some(pull) = root.named(PULLS, row.text(review_comment::PULL)) else {
        return;
    };
    let id = row.int(review_comment::ID);
    let left: Vec<Arc<Row>> = of(root, pull)
        .filter(|one| one.int(review_comment::IN_REPLY_TO) == id)
        .cloned()
        .collect();
    let Some(first) = left
        .first()
        .map(|row| row.value(review_comment::ID).clone())
    else {
        return;
    };
    for (at, one) in left.iter().enumerate() {
        let mut draft = one.draft();
        if at == 0 {
            draft.set(review_comment::IN_REPLY_TO, ViewValue::Null);
            let by = row.value(review_comment::RESOLVED_BY).clone();
            draft.set(review_comment::RESOLVED_BY, by);
        } else {
            draft.set(review_comment::IN_REPLY_TO, first.clone());
        }
        call.transaction.put(REVIEW_COMMENTS, draft);
    }
}

/// The comments of a review that is submitted were written then.
pub(super) fn publish(call: &mut Call<'_>, review: &Row) {
    let rows: Vec<Arc<Row>> = reviews::comments_of(call.root(), review).cloned().collect();
    for row in rows {
        let mut draft = row.draft();
        draft.set(review_comment::UPDATED_AT, ViewValue::Time(call.now));
        call.transaction.put(REVIEW_COMMENTS, draft);
    }
}

/// The address of a comment.
pub(in crate::github) fn url(row: &Row) -> String {
    format!(
        "{}/repos/{}/pulls/comments/{}",
        crate::github::render::API,
        repo_of(row.text(review_comment::PULL)),
        row.int(review_comment::ID)
    )
}
