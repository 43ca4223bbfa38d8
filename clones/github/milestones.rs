//! Milestones: making, changing and listing them.

use archal_core::clock::rfc3339_seconds;
use archal_core::clone::ViewValue;
use serde_json::json;

use super::dialect::{invalid, invalid_value, page};
use super::issue_lists::time;
use super::tables::{
    ISSUES, ISSUES_BY_MILESTONE, LABELS, MILESTONES, MILESTONES_BY_REPO, TABLES, issue, milestone,
};
use super::{access, changes, complete, render};
use crate::engine::input::{Input, Inputs, Kind};
use crate::engine::key::{Key, folded, same};
use crate::engine::pack::{Call, Refusal, Reply};
use crate::engine::row::{Draft, Row, text};

/// What a body of `POST …/milestones` holds.
pub(super) const NEW: &[Input] = &[
    Input::new("title", Kind::Title).required(),
    Input::new("state", Kind::Text),
    Input::new("description", Kind::TextOrNull),
    Input::new("due_on", Kind::TextOrNull),
];

/// What a body of `PATCH …/milestones/{milestone_number}` holds.
pub(super) const CHANGE: &[Input] = &[
    Input::new("title", Kind::Title),
    Input::new("state", Kind::Text),
    Input::new("description", Kind::TextOrNull),
    Input::new("due_on", Kind::TextOrNull),
];

/// The address of a milestone.
pub(super) fn url(row: &Row) -> String {
    render::milestone::url(row)
}

/// Guard: the path names a milestone of the repository.
pub(super) fn known(call: &mut Call<'_>) -> Result<(), Refusal> {
    let repo = access::repo_name(call)?;
    let key = super::tables::milestone_key(&repo, call.number("milestone_number"));
    let row = call.root().get(MILESTONES, &key).cloned();
    call.found
        .push((MILESTONES, row.ok_or_else(access::not_found)?));
    Ok(())
}

/// Makes the row of a new milestone.
pub(super) fn make(call: &mut Call<'_>, inputs: Inputs) -> Result<Draft, Refusal> {
    let repo = access::repo_name(call)?;
    let mut draft = Draft::empty(TABLES[MILESTONES].columns.len());
    draft.set(milestone::REPO, text(repo.as_str()));
    draft.set(milestone::STATE, text("open"));
    draft.set(milestone::CREATOR, text(access::login(call)?));
    draft.set(milestone::CREATED_AT, ViewValue::Time(call.now));
    draft.set(milestone::UPDATED_AT, ViewValue::Time(call.now));
    write(call, &inputs, &mut draft, None)?;
    let last = call.root().last_number(MILESTONES, &Key::folded(&repo));
    draft.set(milestone::NUMBER, ViewValue::Int(last + 1));
    let id = call.transaction.next_id(MILESTONES);
    draft.set(milestone::ID, ViewValue::Int(id));
    complete::name_milestone(call.root(), &mut draft);
    Ok(draft)
}

/// Changes a milestone as a body asks.
pub(super) fn change(call: &mut Call<'_>, old: &Row, inputs: Inputs) -> Result<Draft, Refusal> {
    let mut draft = old.draft();
    write(call, &inputs, &mut draft, Some(old))?;
    if draft != old.draft() {
        draft.set(milestone::UPDATED_AT, ViewValue::Time(call.now));
    }
    Ok(draft)
}

fn write(
    call: &Call<'_>,
    inputs: &Inputs,
    draft: &mut Draft,
    old: Option<&Row>,
) -> Result<(), Refusal> {
    if let Some(title) = inputs.text("title") {
        check_title(call, title.trim(), old)?;
        draft.set(milestone::TITLE, text(title.trim()));
    }
    if inputs.has("description") {
        let about = inputs.text("description");
        draft.set(milestone::DESCRIPTION, about.map_or(ViewValue::Null, text));
    }
    if inputs.has("due_on") {
        let due = match inputs.text("due_on").filter(|text| !text.is_empty()) {
            None => ViewValue::Null,
            Some(sent) => {
                let at = time(sent).ok_or_else(|| invalid_value("Milestone", "due_on", sent))?;
                text(rfc3339_seconds(at))
            }
        };
        draft.set(milestone::DUE_ON, ViewValue::Null);
        draft.set(milestone::DUE_ON_AS_SENT, due);
    }
    match inputs.text("state") {
        None => {}
        Some("open") => {
            draft.set(milestone::STATE, text("open"));
            draft.set(milestone::CLOSED_AT, ViewValue::Null);
        }
        Some("closed") => {
            if draft.text(milestone::STATE) != "closed" {
                draft.set(milestone::CLOSED_AT, ViewValue::Time(call.now));
            }
            draft.set(milestone::STATE, text("closed"));
        }
        Some(other) => return Err(invalid_value("Milestone", "state", other)),
    }
    Ok(())
}

fn check_title(call: &Call<'_>, title: &str, old: Option<&Row>) -> Result<(), Refusal> {
    if title.is_empty() {
        return Err(invalid("Milestone", "title", "missing_field"));
    }
    let repo = Key::folded(&access::repo_name(call)?);
    let taken = call
        .root()
        .group(MILESTONES, MILESTONES_BY_REPO, &repo)
        .into_iter()
        .flat_map(|rows| rows.values())
        .any(|row| {
            let own =
                old.is_some_and(|old| old.int(milestone::NUMBER) == row.int(milestone::NUMBER));
            !own && same(row.text(milestone::TITLE), title)
        });
    if taken {
        return Err(invalid("Milestone", "title", "already_exists"));
    }
    Ok(())
}

/// The issues of a milestone show it as it is now.
pub(super) fn show_anew(call: &mut Call<'_>, row: &Row) {
    changes::show_milestone_anew(call, row.text(milestone::REPO), row.int(milestone::NUMBER));
}

/// A milestone that goes leaves its issues.
pub(super) fn leave_issues(call: &mut Call<'_>, row: &Row) {
    let issues = call
        .root()
        .group(ISSUES, ISSUES_BY_MILESTONE, &render::milestone::group(row))
        .map(|rows| rows.values().cloned().collect::<Vec<_>>());
    for row in issues.unwrap_or_default() {
        let mut draft = row.draft();
        draft.set(issue::MILESTONE, ViewValue::Null);
        call.transaction.put(ISSUES, draft);
    }
}

/// `GET …/milestones`.
pub(super) fn list(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let state = match call.query("state") {
        None | Some("open") => Some("open"),
        Some("closed") => Some("closed"),
        Some("all") => None,
        Some(other) => return Err(invalid_value("Milestone", "state", other)),
    };
    let repo = Key::folded(&access::repo_name(call)?);
    let root = call.root();
    let rows = root.group(MILESTONES, MILESTONES_BY_REPO, &repo);
    let mut rows: Vec<_> = rows
        .into_iter()
        .flat_map(|rows| rows.values())
        .filter(|row| state.is_none_or(|state| row.text(milestone::STATE) == state))
        .collect();
    match call.query("sort") {
        Some("completeness") => rows.sort_by_key(|row| {
            let (open, closed) = render::milestone::progress(root, row);
            (closed * 1_000_000)
                .checked_div(open + closed)
                .unwrap_or_default()
        }),
        // What is due never comes last.
        _ => rows.sort_by_key(|row| due(row).map_or(i64::MAX, |at| at.as_second())),
    }
    if call.query("direction") == Some("desc") {
        rows.reverse();
    }
    let page = page(call, rows.len());
    let rows = rows.into_iter().skip(page.skip()).take(page.take());
    Ok(Reply::rows(root, MILESTONES, rows, Some(page)))
}

/// When a milestone is due.
pub(super) fn due(row: &Row) -> Option<jiff::Timestamp> {
    match row.text_or_null(milestone::DUE_ON_AS_SENT) {
        Some(sent) => time(sent),
        None => row.time(milestone::DUE_ON).map(|stamp| stamp.at),
    }
}

/// `GET …/milestones/{milestone_number}/labels`.
pub(super) fn labels(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let row = call.row(MILESTONES)?;
    let root = call.root();
    let issues = root.group(ISSUES, ISSUES_BY_MILESTONE, &render::milestone::group(&row));
    let mut keys: Vec<Key> = issues
        .into_iter()
        .flat_map(|rows| rows.values())
        .flat_map(|issue_row| issue_row.texts(issue::LABELS))
        .map(|name| Key::new([folded(row.text(milestone::REPO)), folded(name)]))
        .collect();
    keys.sort();
    keys.dedup();
    let rows: Vec<_> = keys
        .iter()
        .filter_map(|key| root.get(LABELS, key))
        .collect();
    let page = page(call, rows.len());
    let rows = rows.into_iter().skip(page.skip()).take(page.take());
    Ok(Reply::rows(root, LABELS, rows, Some(page)))
}

/// The milestone that a body gives an issue: a number of the repository, or null.
pub(super) fn asked(call: &Call<'_>, inputs: &Inputs) -> Result<Option<ViewValue>, Refusal> {
    let asked = match inputs.value("milestone") {
        None => return Ok(None),
        Some(serde_json::Value::Null) => return Ok(Some(ViewValue::Null)),
        Some(other) => other,
    };
    let number = match asked {
        serde_json::Value::String(text) => text.parse().ok(),
        other => other.as_i64(),
    };
    let repo = access::repo_name(call)?;
    let known = number.filter(|number| {
        let key = super::tables::milestone_key(&repo, *number);
        call.root().get(MILESTONES, &key).is_some()
    });
    match known {
        Some(number) => Ok(Some(ViewValue::Int(number))),
        None => Err(Refusal::new(422, "Validation Failed").with(vec![json!({
            "value": asked, "resource": "Issue", "field": "milestone", "code": "invalid"
        })])),
    }
}
