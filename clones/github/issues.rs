//! Issues: listing, opening and changing them.

use std::cmp::Reverse;
use std::sync::Arc;

use archal_core::clone::ViewValue;
use jiff::Timestamp;

use super::access::{self, Permission};
use super::dialect::{invalid, invalid_value, page};
use super::tables::{
    ISSUES, ISSUES_BY_LABEL, ISSUES_BY_REPO, ISSUES_BY_STATE, REPOS, USERS, issue, repo, user,
};
use super::{complete, labels, render};
use crate::engine::input::{Input, Inputs, Kind};
use crate::engine::key::{Key, Part, folded, same};
use crate::engine::pack::{Call, Refusal, Reply};
use crate::engine::root::Root;
use crate::engine::row::{Draft, Row, list as texts, text};

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
    input("title", Kind::Title, true),
    input("body", Kind::TextOrNull, false),
    input("labels", Kind::Names, false),
    input("assignees", Kind::Texts, false),
    input("assignee", Kind::TextOrNull, false),
    input("milestone", Kind::Any, false),
];

/// What a body of `PATCH …/issues/{issue_number}` holds.
pub(super) const CHANGE: &[Input] = &[
    input("title", Kind::Title, false),
    input("body", Kind::TextOrNull, false),
    input("state", Kind::Text, false),
    input("state_reason", Kind::TextOrNull, false),
    input("labels", Kind::Names, false),
    input("assignees", Kind::Texts, false),
    input("assignee", Kind::TextOrNull, false),
    input("milestone", Kind::Any, false),
];

const fn input(name: &'static str, kind: Kind, required: bool) -> Input {
    Input {
        name,
        kind,
        required,
    }
}

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
pub(super) fn is_pull(_: &Root, _: &Row) -> bool {
    false
}

/// `GET …/issues/{issue_number}`.
pub(super) fn get(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let row = call.row(ISSUES)?;
    let mut reply = Reply::row(200, call.root(), ISSUES, &row);
    reply.modified = row.time(issue::UPDATED_AT);
    Ok(reply)
}

/// `GET …/issues`.
pub(super) fn list(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let asked = Asked::read(call)?;
    let root = call.root();
    let rows = asked.group(root);
    let rows = rows.into_iter().flat_map(|rows| rows.values());
    if asked.takes_all() {
        // The index has this very order and knows its size: nothing is scanned or sorted.
        let page = page(call, root.count(ISSUES, asked.index(), &asked.key()));
        return Ok(if asked.ascending {
            let rows = rows.skip(page.skip()).take(page.take());
            Reply::rows(root, ISSUES, rows, Some(page))
        } else {
            let rows = rows.rev().skip(page.skip()).take(page.take());
            Reply::rows(root, ISSUES, rows, Some(page))
        });
    }
    let mut rows: Vec<&Arc<Row>> = rows.filter(|row| asked.shows(row)).collect();
    asked.sort(root, &mut rows);
    let page = page(call, rows.len());
    let rows = rows.into_iter().skip(page.skip()).take(page.take());
    Ok(Reply::rows(root, ISSUES, rows, Some(page)))
}

/// What a list of issues asks for.
struct Asked {
    repo: String,
    state: Option<&'static str>,
    labels: Vec<String>,
    assignee: Option<String>,
    creator: Option<String>,
    mentioned: Option<String>,
    since: Option<Timestamp>,
    milestone: bool,
    sort: Sort,
    ascending: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sort {
    Created,
    Updated,
    Comments,
}

impl Asked {
    fn read(call: &Call<'_>) -> Result<Self, Refusal> {
        let state = match call.query("state") {
            None | Some("open") => Some("open"),
            Some("closed") => Some("closed"),
            Some("all") => None,
            Some(other) => return Err(invalid_value("Issue", "state", other)),
        };
        let since = match call.query("since") {
            None => None,
            Some(text) => match time(text) {
                Some(time) => Some(time),
                None => return Err(invalid_value("Issue", "since", text)),
            },
        };
        let assignee = call.query("assignee").map(str::to_owned);
        if let Some(name) = &assignee
            && name != "none"
            && name != "*"
            && call.root().get(USERS, &Key::folded(name)).is_none()
        {
            return Err(invalid_value("Issue", "assignee", name));
        }
        // No issue has a milestone, so `none` shows all, `*` nothing, and a number is unknown.
        let milestone = match call.query("milestone") {
            None | Some("none") => false,
            Some("*") => true,
            Some(other) => return Err(invalid_value("Issue", "milestone", other)),
        };
        Ok(Self {
            repo: access::repo_name(call)?,
            state,
            labels: call
                .query("labels")
                .map(|names| {
                    names
                        .split(',')
                        .map(|name| name.trim().to_owned())
                        .collect()
                })
                .unwrap_or_default(),
            assignee,
            creator: call.query("creator").map(str::to_owned),
            mentioned: call.query("mentioned").map(str::to_owned),
            since,
            milestone,
            sort: match call.query("sort") {
                Some("updated") => Sort::Updated,
                Some("comments") => Sort::Comments,
                _ => Sort::Created,
            },
            ascending: call.query("direction") == Some("asc"),
        })
    }

    fn index(&self) -> usize {
        match (self.labels.is_empty(), self.state) {
            (false, _) => ISSUES_BY_LABEL,
            (true, Some(_)) => ISSUES_BY_STATE,
            (true, None) => ISSUES_BY_REPO,
        }
    }

    fn key(&self) -> Key {
        let repo = folded(&self.repo);
        match (self.labels.first(), self.state) {
            (Some(label), _) => Key::new([repo, folded(label)]),
            (None, Some(state)) => Key::new([repo, Part::Text(state.into())]),
            (None, None) => Key::new([repo]),
        }
    }

    fn group<'r>(&self, root: &'r Root) -> Option<&'r crate::engine::root::Group> {
        root.group(ISSUES, self.index(), &self.key())
    }

    /// Whether the group is the list as it stands.
    fn takes_all(&self) -> bool {
        self.labels.is_empty()
            && self.assignee.is_none()
            && self.creator.is_none()
            && self.mentioned.is_none()
            && self.since.is_none()
            && !self.milestone
            && self.sort == Sort::Created
    }

    fn shows(&self, row: &Row) -> bool {
        let has_label = |name: &String| row.texts(issue::LABELS).any(|label| same(label, name));
        let mentions = |login: &String| {
            let body = row.text(issue::BODY).to_lowercase();
            body.contains(&format!("@{}", login.to_lowercase()))
        };
        !self.milestone
            && self
                .state
                .is_none_or(|state| row.text(issue::STATE) == state)
            && self.labels.iter().all(has_label)
            && self.assignee.as_deref().is_none_or(|name| match name {
                "none" => row.texts(issue::ASSIGNEES).next().is_none(),
                "*" => row.texts(issue::ASSIGNEES).next().is_some(),
                name => row.texts(issue::ASSIGNEES).any(|login| same(login, name)),
            })
            && self
                .creator
                .as_ref()
                .is_none_or(|name| same(row.text(issue::USER), name))
            && self.mentioned.as_ref().is_none_or(mentions)
            && self.since.is_none_or(|since| {
                row.time(issue::UPDATED_AT)
                    .is_some_and(|updated| updated.at >= since)
            })
    }

    fn sort(&self, root: &Root, rows: &mut [&Arc<Row>]) {
        let rank = |row: &&Arc<Row>| {
            let number = row.int(issue::NUMBER);
            match self.sort {
                Sort::Created => (row.seconds(issue::CREATED_AT), 0, number),
                Sort::Updated => (row.seconds(issue::UPDATED_AT), order_of(row), number),
                Sort::Comments => (render::issue::comments(root, row), 0, number),
            }
        };
        if self.ascending {
            rows.sort_by_cached_key(rank);
        } else {
            rows.sort_by_cached_key(|row| Reverse(rank(row)));
        }
    }
}

/// The order of rows that calls changed within one second: that of the calls, so that a list
/// does not depend on the clock.
pub(super) fn order_of(row: &Row) -> u64 {
    match row.time(issue::UPDATED_AT) {
        Some(stamp) if stamp.by_call => row.version(),
        _ => 0,
    }
}

/// A time as GitHub's queries take it: RFC 3339, or a date.
pub(super) fn time(text: &str) -> Option<Timestamp> {
    // A plus that was not encoded arrives as a space.
    let text = text.replace(' ', "+");
    text.parse()
        .or_else(|_| format!("{text}T00:00:00Z").parse())
        .or_else(|_| format!("{text}Z").parse())
        .ok()
}

/// Makes the row of a new issue.
pub(super) fn make(call: &mut Call<'_>, inputs: Inputs) -> Result<Draft, Refusal> {
    let repo = call.row(REPOS)?;
    let repo_name = repo.text(repo::FULL_NAME).to_owned();
    let author = access::login(call)?;
    check_text(&inputs)?;
    check_milestone(&inputs)?;
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
    let last = call.root().last_number(ISSUES, &Key::folded(&repo_name));
    let number = (last + 1).max(repo.int(repo::NEXT_ISSUE_NUMBER));
    draft.set(issue::NUMBER, ViewValue::Int(number));
    let id = call.transaction.next_id(ISSUES);
    draft.set(issue::ID, ViewValue::Int(id));
    complete::name_issue(call.root(), &mut draft);
    Ok(draft)
}

/// Changes an issue as a body asks.
pub(super) fn change(call: &mut Call<'_>, old: &Row, inputs: Inputs) -> Result<Draft, Refusal> {
    check_text(&inputs)?;
    check_milestone(&inputs)?;
    let manages = access::may(call, Permission::Triage)?;
    let mut draft = old.draft();
    if let Some(title) = inputs.text("title") {
        draft.set(issue::TITLE, text(title));
    }
    if inputs.has("body") {
        draft.set(issue::BODY, text_or_null(inputs.text("body")));
    }
    change_state(call, old, &inputs, &mut draft)?;
    let assignees = assignees_asked(call, &inputs)?;
    if manages {
        if let Some(names) = inputs.texts("labels") {
            let names = labels::known_or_made(call, &names)?;
            draft.set(issue::LABELS, texts(names));
        }
        if let Some(assignees) = assignees {
            draft.set(issue::ASSIGNEES, texts(assignees));
        }
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
    if let Some(title) = inputs.text("title") {
        if title.trim().is_empty() {
            return Err(invalid("Issue", "title", "missing_field"));
        }
        if title.chars().count() > LONGEST_TITLE {
            return Err(too_long("Issue", "title", LONGEST_TITLE));
        }
    }
    check_body("Issue", inputs.text("body"))
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

fn check_milestone(inputs: &Inputs) -> Result<(), Refusal> {
    match inputs.value("milestone") {
        None | Some(serde_json::Value::Null) => Ok(()),
        Some(other) => Err(invalid_value("Issue", "milestone", &other.to_string())),
    }
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
