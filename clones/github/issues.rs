//! Issues: opening, changing and locking them.

use std::sync::Arc;

use archal_core::clone::ViewValue;

use super::access::{self, Permission};
use super::dialect::{invalid, invalid_value};
use super::tables::{ISSUES, PULLS, REPOS, USERS, issue, repo, user};
use super::{changes, complete, issue_fields, issue_types, labels, milestones, pulls, render};
use crate::engine::input::{Input, Inputs, Kind};
use crate::engine::key::Key;
use crate::engine::pack::{Call, Refusal, Reply};
use crate::engine::root::Root;
use crate::engine::row::{Draft, Row, list as texts, text};
use crate::engine::running::read;

/// Most labels of an issue.
const MOST_LABELS: usize = 100;
/// Most assignees of an issue.
const MOST_ASSIGNEES: usize = 10;
/// Most characters of a title.
const LONGEST_TITLE: usize = 256;
/// Most characters of a body.
const LONGEST_BODY: usize = 65_536;

/// What a body of `POST …/issues` holds.
pub(super) const NEW: &[Input] = &[
    Input::new("title", Kind::Title).required(),
    Input::new("body", Kind::TextOrNull),
    Input::new("labels", Kind::Names),
    Input::new("assignees", Kind::Texts),
    Input::new("assignee", Kind::TextOrNull),
    Input::new("milestone", Kind::Any),
    Input::new("type", Kind::TextOrNull),
    Input::new("issue_field_values", Kind::Any),
];

/// What a body of `PATCH …/issues/{issue_number}` holds.
pub(super) const CHANGE: &[Input] = &[
    Input::new("title", Kind::Title),
    Input::new("body", Kind::TextOrNull),
    Input::new("state", Kind::Text),
    Input::new("state_reason", Kind::TextOrNull),
    Input::new("labels", Kind::Names),
    Input::new("assignees", Kind::Texts),
    Input::new("assignee", Kind::TextOrNull),
    Input::new("milestone", Kind::Any),
    Input::new("type", Kind::TextOrNull),
    Input::new("issue_field_values", Kind::Any),
];

/// What a body of `PUT …/issues/{issue_number}/lock` holds.
const LOCK: &[Input] = &[Input::new("lock_reason", Kind::TextOrNull)];

const LOCK_REASONS: &[&str] = &["off-topic", "too heated", "resolved", "spam"];

/// The address of an issue.
pub(super) fn url(row: &Row) -> String {
    format!(
        "{}/repos/{}/issues/{}",
        render::API,
        row.text(issue::REPO),
        row.int(issue::NUMBER)
    )
}

/// Whether an issue is a pull request.
pub(super) fn is_pull(root: &Root, row: &Row) -> bool {
    root.get(PULLS, &root.key(ISSUES, row)).is_some()
}

/// `GET …/issues/{issue_number}`.
pub(super) fn get(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let row = call.row(ISSUES)?;
    let mut reply = Reply::row(200, call.root(), ISSUES, &row);
    reply.modified = row.time(issue::UPDATED_AT);
    Ok(reply)
}

/// Makes the row of a new issue.
pub(super) fn make(call: &mut Call<'_>, inputs: Inputs) -> Result<Draft, Refusal> {
    let repo = call.row(REPOS)?;
    let repo_name = repo.text(repo::FULL_NAME).to_owned();
    let author = access::login(call)?;
    check_text(&inputs)?;
    let milestone = milestones::asked(call, &inputs)?;
    let assignees = assignees_asked(call, &inputs)?;
    let manages = access::may(call, Permission::Triage)?;
    let mut draft = Draft::empty(call.root().pack().tables[ISSUES].columns.len());
    draft.set(issue::REPO, text(repo_name.as_str()));
    draft.set(issue::TITLE, text(inputs.text("title").unwrap_or_default()));
    draft.set(issue::BODY, text_or_null(inputs.text("body")));
    draft.set(issue::STATE, text("open"));
    draft.set(issue::USER, text(author));
    draft.set(issue::LOCKED, ViewValue::Bool(false));
    draft.set(issue::CREATED_AT, ViewValue::Time(call.now));
    draft.set(issue::UPDATED_AT, ViewValue::Time(call.now));
    // Labels and assignees of those who may not set them are dropped, as GitHub does.
    let names = inputs
        .texts("labels")
        .filter(|_| manages)
        .unwrap_or_default();
    let names = labels::known_or_made(call, &names)?;
    draft.set(issue::LABELS, texts(names));
    let assignees = assignees.filter(|_| manages).unwrap_or_default();
    draft.set(issue::ASSIGNEES, texts(assignees));
    if let Some(milestone) = milestone.filter(|_| manages) {
        draft.set(issue::MILESTONE, milestone);
    }
    if let Some(kind) = issue_types::asked(call, &inputs)?.filter(|_| manages) {
        draft.set(issue::TYPE, kind);
    }
    let last = call.root().last_number(ISSUES, &Key::folded(&repo_name));
    let number = (last + 1).max(repo.int(repo::NEXT_ISSUE_NUMBER));
    draft.set(issue::NUMBER, ViewValue::Int(number));
    let id = call.transaction.next_id(ISSUES);
    draft.set(issue::ID, ViewValue::Int(id));
    complete::name_issue(call.root(), &mut draft);
    let name = format!("{repo_name}#{number}");
    issue_fields::write_asked(call, &name, &inputs)?;
    Ok(draft)
}

/// What a new issue brings about.
pub(super) fn opened(call: &mut Call<'_>, row: &Row) {
    changes::record(call, None, row);
}

/// What a changed issue brings about.
pub(super) fn changed(call: &mut Call<'_>, row: &Row) {
    if let Ok(before) = call.row(ISSUES) {
        changes::record(call, Some(&before), row);
    }
}

/// Puts a changed issue in the place of the one that the guards found, if it is another.
pub(super) fn write(call: &mut Call<'_>, draft: Draft) -> Result<Arc<Row>, Refusal> {
    let old = call.row(ISSUES)?;
    let draft = touched(call, &old, draft);
    if draft == old.draft() {
        return Ok(old);
    }
    let row = call.transaction.put(ISSUES, draft);
    changes::record(call, Some(&old), &row);
    let key = call.root().key(ISSUES, &row);
    // What follows from it may have rendered it anew.
    Ok(call.root().get(ISSUES, &key).cloned().unwrap_or(row))
}

/// `PUT …/issues/{issue_number}/lock`.
pub(super) fn lock(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let inputs = read(call, LOCK, call.root().pack())?;
    let reason = inputs.text("lock_reason");
    if let Some(reason) = reason
        && !LOCK_REASONS.contains(&reason)
    {
        return Err(invalid_value("Issue", "lock_reason", reason));
    }
    let mut draft = call.row(ISSUES)?.draft();
    draft.set(issue::LOCKED, ViewValue::Bool(true));
    draft.set(issue::LOCK_REASON, text_or_null(reason));
    write(call, draft)?;
    Ok(Reply::empty())
}

/// `DELETE …/issues/{issue_number}/lock`.
pub(super) fn unlock(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let mut draft = call.row(ISSUES)?.draft();
    draft.set(issue::LOCKED, ViewValue::Bool(false));
    draft.set(issue::LOCK_REASON, ViewValue::Null);
    write(call, draft)?;
    Ok(Reply::empty())
}

/// Changes an issue as a body asks.
pub(super) fn change(call: &mut Call<'_>, old: &Row, inputs: Inputs) -> Result<Draft, Refusal> {
    check_text(&inputs)?;
    let milestone = milestones::asked(call, &inputs)?;
    let manages = access::may(call, Permission::Triage)?;
    let mut draft = old.draft();
    if let Some(title) = inputs.text("title") {
        draft.set(issue::TITLE, text(title));
    }
    if inputs.has("body") {
        draft.set(issue::BODY, text_or_null(inputs.text("body")));
    }
    change_state(call, old, &inputs, &mut draft)?;
    pulls::change::as_issue(call, old, &mut draft)?;
    let assignees = assignees_asked(call, &inputs)?;
    if manages {
        if let Some(names) = inputs.texts("labels") {
            let names = labels::known_or_made(call, &names)?;
            draft.set(issue::LABELS, texts(names));
        }
        if let Some(assignees) = assignees {
            draft.set(issue::ASSIGNEES, texts(assignees));
        }
        if let Some(milestone) = milestone {
            draft.set(issue::MILESTONE, milestone);
        }
        if let Some(kind) = issue_types::asked(call, &inputs)? {
            draft.set(issue::TYPE, kind);
        }
    }
    let name = format!("{}#{}", old.text(issue::REPO), old.int(issue::NUMBER));
    if issue_fields::write_asked(call, &name, &inputs)? {
        draft.set(issue::UPDATED_AT, ViewValue::Time(call.now));
    }
    Ok(touched(call, old, draft))
}

fn change_state(
    call: &Call<'_>,
    old: &Row,
    inputs: &Inputs,
    draft: &mut Draft,
) -> Result<(), Refusal> {
    let reason = inputs.text("state_reason");
    if let Some(reason) = reason
        && !matches!(
            reason,
            "completed" | "not_planned" | "duplicate" | "reopened"
        )
    {
        return Err(invalid_value("Issue", "state_reason", reason));
    }
    let state = match inputs.text("state") {
        None => old.text(issue::STATE),
        Some(state @ ("open" | "closed")) => state,
        Some(other) => return Err(invalid_value("Issue", "state", other)),
    };
    match (old.text(issue::STATE), state) {
        ("open", "closed") => {
            let reason = reason.filter(|reason| *reason != "reopened");
            draft.set(issue::STATE, text("closed"));
            draft.set(issue::STATE_REASON, text(reason.unwrap_or("completed")));
            draft.set(issue::CLOSED_AT, ViewValue::Time(call.now));
            draft.set(issue::CLOSED_BY, text(access::login(call)?));
        }
        ("closed", "open") => {
            draft.set(issue::STATE, text("open"));
            draft.set(issue::STATE_REASON, text("reopened"));
            draft.set(issue::CLOSED_AT, ViewValue::Null);
            draft.set(issue::CLOSED_BY, ViewValue::Null);
        }
        ("closed", _) => {
            if let Some(reason) = reason.filter(|reason| *reason != "reopened") {
                draft.set(issue::STATE_REASON, text(reason));
            }
        }
        _ => {}
    }
    Ok(())
}

/// The draft with a new `updated_at`, where it changes anything.
pub(super) fn touched(call: &Call<'_>, old: &Row, mut draft: Draft) -> Draft {
    if draft != old.draft() {
        draft.set(issue::UPDATED_AT, ViewValue::Time(call.now));
    }
    draft
}

/// Sets `updated_at` of the issue that a comment belongs to.
pub(super) fn touch(call: &mut Call<'_>, key: &Key) {
    if let Some(row) = call.root().get(ISSUES, key).cloned() {
        let mut draft = row.draft();
        draft.set(issue::UPDATED_AT, ViewValue::Time(call.now));
        call.transaction.put(ISSUES, draft);
    }
}

fn check_text(inputs: &Inputs) -> Result<(), Refusal> {
    check_title_and_body("Issue", inputs)
}

/// Refuses a title or a body that GitHub does not take.
pub(super) fn check_title_and_body(resource: &str, inputs: &Inputs) -> Result<(), Refusal> {
    if let Some(title) = inputs.text("title") {
        if title.trim().is_empty() {
            return Err(invalid(resource, "title", "missing_field"));
        }
        if title.chars().count() > LONGEST_TITLE {
            return Err(too_long(resource, "title", LONGEST_TITLE));
        }
    }
    check_body(resource, inputs.text("body"))
}

/// Refuses a body that is longer than GitHub takes.
pub(super) fn check_body(resource: &str, body: Option<&str>) -> Result<(), Refusal> {
    match body {
        Some(body) if body.chars().count() > LONGEST_BODY => {
            Err(too_long(resource, "body", LONGEST_BODY))
        }
        _ => Ok(()),
    }
}

fn too_long(resource: &str, field: &str, most: usize) -> Refusal {
    Refusal::new(422, "Validation Failed").with(vec![serde_json::json!({
        "resource": resource,
        "field": field,
        "code": "custom",
        "message": format!("{field} is too long (maximum is {most} characters)"),
    })])
}

/// The logins a body asks for, as their rows write them; none where it does not ask.
fn assignees_asked(call: &Call<'_>, inputs: &Inputs) -> Result<Option<Vec<String>>, Refusal> {
    let names: Vec<&str> = match (inputs.texts("assignees"), inputs.has("assignee")) {
        (Some(names), _) => names,
        (None, true) => inputs
            .text("assignee")
            .filter(|name| !name.is_empty())
            .into_iter()
            .collect(),
        (None, false) => return Ok(None),
    };
    let repo = call.row(REPOS)?;
    let mut logins: Vec<String> = Vec::new();
    for name in names {
        if !access::assignable(call.root(), &repo, name) {
            return Err(invalid_value("Issue", "assignees", name));
        }
        push_login(call.root(), &mut logins, name);
    }
    logins.truncate(MOST_ASSIGNEES);
    Ok(Some(logins))
}

/// Adds a login as its row writes it, once.
pub(super) fn push_login(root: &Root, logins: &mut Vec<String>, name: &str) {
    if let Some(row) = root.get(USERS, &Key::folded(name)) {
        let login = row.text(user::LOGIN);
        if !logins.iter().any(|known| known == login) && logins.len() < MOST_ASSIGNEES {
            logins.push(login.to_owned());
        }
    }
}

/// Whether an issue would have more labels than GitHub takes.
pub(super) fn too_many_labels(count: usize) -> bool {
    count > MOST_LABELS
}

fn text_or_null(value: Option<&str>) -> ViewValue {
    value.map_or(ViewValue::Null, text)
}
