//! Issues bound to other issues: parents with sub-issues, and what waits for what.

use std::sync::Arc;

use archal_core::clone::ViewValue;

use super::dialect::page;
use super::events::{self, Details};
use super::tables::{
    DEPENDENCIES, DEPENDENCIES_BY_BLOCKER, DEPENDENCIES_BY_ISSUE, ISSUES, REPOS, SUB_ISSUES,
    SUB_ISSUES_BY_PARENT, TABLES, dependency, issue, issue_key, sub_issue,
};
use super::{access, issues};
use crate::engine::input::{Input, Inputs, Kind};
use crate::engine::key::{Key, folded};
use crate::engine::pack::{Call, Refusal, Reply};
use crate::engine::root::Root;
use crate::engine::row::{Draft, Row, text};
use crate::engine::running::read;
use crate::engine::table::TableId;

/// Most sub-issues of a parent.
const MOST_SUB_ISSUES: usize = 100;
/// How deep sub-issues nest.
const DEEPEST: usize = 8;
/// Most issues that one waits for.
const MOST_BLOCKERS: usize = 50;

const SUB_ISSUE: &[Input] = &[
    any("sub_issue_id", true),
    any("replace_parent", false),
    any("after_id", false),
    any("before_id", false),
];

const BLOCKER: &[Input] = &[any("issue_id", true)];

const fn any(name: &'static str, required: bool) -> Input {
    Input {
        name,
        kind: Kind::Any,
        required,
    }
}

/// The issues that rows of a group name in a column.
fn named(root: &Root, table: TableId, index: usize, key: &Key, column: usize) -> Vec<Arc<Row>> {
    let rows = root.group(table, index, key);
    let rows = rows.into_iter().flat_map(|rows| rows.values());
    rows.filter_map(|row| root.named(ISSUES, row.text(column)).cloned())
        .collect()
}

/// The sub-issues of an issue in their order.
pub(super) fn sub_issues(root: &Root, key: &Key) -> Vec<Arc<Row>> {
    named(
        root,
        SUB_ISSUES,
        SUB_ISSUES_BY_PARENT,
        key,
        sub_issue::ISSUE,
    )
}

/// The parent of an issue.
pub(super) fn parent<'r>(root: &'r Root, key: &Key) -> Option<&'r Arc<Row>> {
    let bond = root.get(SUB_ISSUES, key)?;
    root.named(ISSUES, bond.text(sub_issue::PARENT))
}

/// What an issue waits for.
pub(super) fn blockers(root: &Root, key: &Key) -> Vec<Arc<Row>> {
    let index = DEPENDENCIES_BY_ISSUE;
    named(root, DEPENDENCIES, index, key, dependency::BLOCKED_BY)
}

/// What waits for an issue.
pub(super) fn blocked(root: &Root, key: &Key) -> Vec<Arc<Row>> {
    let index = DEPENDENCIES_BY_BLOCKER;
    named(root, DEPENDENCIES, index, key, dependency::ISSUE)
}

/// What is bound to an issue shows how it stands now.
pub(super) fn show_anew(call: &mut Call<'_>, key: &Key) {
    for key in beside(call.root(), key) {
        call.transaction.render_anew(ISSUES, &key);
    }
}

/// The issues that tell of an issue: its parent, what it waits for and what waits for it.
pub(super) fn beside(root: &Root, key: &Key) -> Vec<Key> {
    let parent = parent(root, key).map(|row| root.key(ISSUES, row));
    let bound = blockers(root, key).into_iter().chain(blocked(root, key));
    bound
        .map(|row| root.key(ISSUES, &row))
        .chain(parent)
        .collect()
}

/// The name of an issue, `acme/webapp#7`.
pub(super) fn name(row: &Row) -> String {
    (TABLES[ISSUES].name_of)(row)
}

fn failed(what: &str) -> Refusal {
    Refusal::new(422, what.to_owned())
}

/// The issue whose number GitHub-wide a body names, where the caller sees it.
fn asked(call: &Call<'_>, inputs: &Inputs, field: &str) -> Result<Option<Arc<Row>>, Refusal> {
    let Some(value) = inputs.value(field).filter(|value| !value.is_null()) else {
        return Ok(None);
    };
    let id = value.as_i64().ok_or_else(|| {
        let shown = value.to_string();
        failed(&format!(
            "Invalid request.\n\nFor 'properties/{field}', {shown} is not an integer."
        ))
    })?;
    by_id(call, id).map(Some)
}

fn by_id(call: &Call<'_>, id: i64) -> Result<Arc<Row>, Refusal> {
    let root = call.root();
    let row = root.rows(ISSUES).values().find(|row| {
        row.int(issue::ID) == id
            && root
                .named(REPOS, row.text(issue::REPO))
                .is_some_and(|repo| access::sees(call, repo).is_some())
    });
    row.cloned().ok_or_else(access::not_found)
}

fn rows(call: &Call<'_>, rows: &[Arc<Row>]) -> Reply {
    let seen: Vec<&Arc<Row>> = rows
        .iter()
        .filter(|row| {
            let root = call.root();
            let repo = root.named(REPOS, row.text(issue::REPO));
            repo.is_some_and(|repo| access::sees(call, repo).is_some())
        })
        .collect();
    let page = page(call, seen.len());
    let shown = seen.into_iter().skip(page.skip()).take(page.take());
    Reply::rows(call.root(), ISSUES, shown, Some(page))
}

/// `GET …/issues/{issue_number}/sub_issues`.
pub(super) fn list(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let row = call.row(ISSUES)?;
    let key = call.root().key(ISSUES, &row);
    Ok(rows(call, &sub_issues(call.root(), &key)))
}

/// `GET …/issues/{issue_number}/parent`.
pub(super) fn get_parent(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let row = call.row(ISSUES)?;
    let key = call.root().key(ISSUES, &row);
    let row = parent(call.root(), &key).cloned();
    let row = row.ok_or_else(access::not_found)?;
    Ok(Reply::row(200, call.root(), ISSUES, &row))
}

/// `POST …/issues/{issue_number}/sub_issues`.
pub(super) fn add(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let inputs = read(call, SUB_ISSUE, call.root().pack())?;
    let child = asked(call, &inputs, "sub_issue_id")?.ok_or_else(access::not_found)?;
    let replace = inputs.value("replace_parent") == Some(&serde_json::Value::Bool(true));
    let row = call.row(ISSUES)?;
    bind(call, &row, &child, replace)?;
    answer(call, 201, &row)
}

fn answer(call: &Call<'_>, status: u16, row: &Row) -> Result<Reply, Refusal> {
    let key = call.root().key(ISSUES, row);
    let row = call.root().get(ISSUES, &key).cloned();
    let row = row.ok_or_else(access::not_found)?;
    Ok(Reply::row(status, call.root(), ISSUES, &row))
}

/// Makes an issue the last sub-issue of another one.
pub(super) fn bind(
    call: &mut Call<'_>,
    parent_row: &Row,
    child: &Row,
    replace: bool,
) -> Result<(), Refusal> {
    const WHAT: &str = "An error occurred while adding the sub-issue to the parent issue.";
    let root = call.root();
    let (key, child_key) = (root.key(ISSUES, parent_row), root.key(ISSUES, child));
    if key == child_key {
        return Err(failed(&format!("{WHAT} Issue cannot be its own sub-issue")));
    }
    if issues::is_pull(root, parent_row) || issues::is_pull(root, child) {
        return Err(failed(&format!(
            "{WHAT} Sub issue may not be a pull request"
        )));
    }
    let old = parent(root, &child_key).map(|row| root.key(ISSUES, row));
    if old.as_ref() == Some(&key) || (old.is_some() && !replace) {
        return Err(failed(&format!(
            "{WHAT} Issue may not contain duplicate sub-issues and Sub issue may only have one parent"
        )));
    }
    let mut above = Some(key.clone());
    let mut depth = 1;
    while let Some(at) = above {
        if at == child_key {
            return Err(failed(&format!(
                "{WHAT} Sub issue may not be an ancestor of its parent"
            )));
        }
        depth += 1;
        above = parent(root, &at).map(|row| root.key(ISSUES, row));
    }
    if depth + height(root, &child_key, DEEPEST) > DEEPEST + 1 {
        return Err(failed(&format!(
            "{WHAT} Sub issues may not be nested more than {DEEPEST} levels"
        )));
    }
    let siblings = sub_issues(root, &key).len();
    if siblings >= MOST_SUB_ISSUES {
        return Err(failed(&format!(
            "{WHAT} Parent cannot have more than {MOST_SUB_ISSUES} sub-issues"
        )));
    }
    if let Some(old) = old.and_then(|old| call.root().get(ISSUES, &old).cloned()) {
        unbind(call, &old, child);
    }
    place(
        call,
        parent_row,
        child,
        last_position(call.root(), &key) + 1,
    );
    let (parent_name, child_name) = (name(parent_row), name(child));
    tell(call, &key, "sub_issue_added", &child_name);
    tell(call, &child_key, "parent_issue_added", &parent_name);
    Ok(())
}

/// How many levels of sub-issues there are below an issue, no more than `most`.
fn height(root: &Root, key: &Key, most: usize) -> usize {
    if most == 0 {
        return 0;
    }
    let below = sub_issues(root, key);
    let below = below
        .iter()
        .map(|row| 1 + height(root, &root.key(ISSUES, row), most - 1));
    below.max().unwrap_or(0)
}

fn last_position(root: &Root, key: &Key) -> i64 {
    let rows = root.group(SUB_ISSUES, SUB_ISSUES_BY_PARENT, key);
    let last = rows.and_then(|rows| rows.values().next_back());
    last.map_or(0, |row| row.int(sub_issue::POSITION))
}

fn place(call: &mut Call<'_>, parent_row: &Row, child: &Row, position: i64) {
    let mut draft = Draft::empty(TABLES[SUB_ISSUES].columns.len());
    draft.set(sub_issue::ISSUE, text(name(child)));
    draft.set(sub_issue::PARENT, text(name(parent_row)));
    draft.set(sub_issue::POSITION, ViewValue::Int(position));
    call.transaction.put(SUB_ISSUES, draft);
}

/// Takes a sub-issue from its parent.
fn unbind(call: &mut Call<'_>, parent_row: &Row, child: &Row) {
    let root = call.root();
    let (key, child_key) = (root.key(ISSUES, parent_row), root.key(ISSUES, child));
    call.transaction.remove(SUB_ISSUES, &child_key);
    let (parent_name, child_name) = (name(parent_row), name(child));
    tell(call, &key, "sub_issue_removed", &child_name);
    tell(call, &child_key, "parent_issue_removed", &parent_name);
}

fn tell(call: &mut Call<'_>, key: &Key, what: &str, source: &str) {
    let source = Some(source);
    let details = Details {
        source,
        ..Details::default()
    };
    events::add(call, key, what, details);
    call.transaction.render_anew(ISSUES, key);
}

/// `DELETE …/issues/{issue_number}/sub_issue`.
pub(super) fn remove(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let inputs = read(call, SUB_ISSUE, call.root().pack())?;
    let child = asked(call, &inputs, "sub_issue_id")?.ok_or_else(access::not_found)?;
    let row = call.row(ISSUES)?;
    check_child(call, &row, &child)?;
    unbind(call, &row, &child);
    answer(call, 200, &row)
}

fn check_child(call: &Call<'_>, row: &Row, child: &Row) -> Result<(), Refusal> {
    let root = call.root();
    let found = parent(root, &root.key(ISSUES, child));
    let own = found.is_some_and(|found| root.key(ISSUES, found) == root.key(ISSUES, row));
    own.then_some(()).ok_or_else(access::not_found)
}

/// `PATCH …/issues/{issue_number}/sub_issues/priority`.
pub(super) fn reprioritize(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let inputs = read(call, SUB_ISSUE, call.root().pack())?;
    let child = asked(call, &inputs, "sub_issue_id")?.ok_or_else(access::not_found)?;
    let row = call.row(ISSUES)?;
    check_child(call, &row, &child)?;
    let after = asked(call, &inputs, "after_id")?;
    let before = asked(call, &inputs, "before_id")?;
    let (neighbour, behind) = match (after, before) {
        (Some(neighbour), None) => (neighbour, true),
        (None, Some(neighbour)) => (neighbour, false),
        _ => return Err(failed("Either after_id or before_id must be specified.")),
    };
    let key = call.root().key(ISSUES, &row);
    let mut order = sub_issues(call.root(), &key);
    order.retain(|one| name(one) != name(&child));
    let at = order.iter().position(|one| name(one) == name(&neighbour));
    let at = at.ok_or_else(|| failed("The neighbour is not a sub-issue of the same parent."))?;
    order.insert(at + usize::from(behind), child);
    for (at, child) in order.iter().enumerate() {
        let position = i64::try_from(at).unwrap_or(i64::MAX);
        place(call, &row, child, position.saturating_add(1));
    }
    answer(call, 200, &row)
}

/// `GET …/issues/{issue_number}/dependencies/blocked_by`.
pub(super) fn list_blockers(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let row = call.row(ISSUES)?;
    let key = call.root().key(ISSUES, &row);
    Ok(rows(call, &blockers(call.root(), &key)))
}

/// `GET …/issues/{issue_number}/dependencies/blocking`.
pub(super) fn list_blocked(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let row = call.row(ISSUES)?;
    let key = call.root().key(ISSUES, &row);
    Ok(rows(call, &blocked(call.root(), &key)))
}

/// `POST …/issues/{issue_number}/dependencies/blocked_by`.
pub(super) fn add_blocker(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let inputs = read(call, BLOCKER, call.root().pack())?;
    let blocker = asked(call, &inputs, "issue_id")?.ok_or_else(access::not_found)?;
    let row = call.row(ISSUES)?;
    let (key, other) = (
        call.root().key(ISSUES, &row),
        call.root().key(ISSUES, &blocker),
    );
    let known = blockers(call.root(), &key);
    let waits = |one: &Arc<Row>| call.root().key(ISSUES, one) == other;
    if key == other {
        return Err(failed("An issue cannot be blocked by itself."));
    }
    if known.iter().any(waits) {
        return Err(failed("The dependency already exists."));
    }
    if known.len() >= MOST_BLOCKERS {
        return Err(failed(&format!(
            "An issue cannot be blocked by more than {MOST_BLOCKERS} issues."
        )));
    }
    if waits_for(call.root(), &other, &key) {
        return Err(failed("The dependency would make a circle."));
    }
    let mut draft = Draft::empty(TABLES[DEPENDENCIES].columns.len());
    draft.set(dependency::ISSUE, text(name(&row)));
    draft.set(dependency::BLOCKED_BY, text(name(&blocker)));
    call.transaction.put(DEPENDENCIES, draft);
    tell(call, &key, "blocked_by_added", &name(&blocker));
    tell(call, &other, "blocking_added", &name(&row));
    answer(call, 201, &blocker)
}

/// Whether an issue waits for another one, by way of others too.
fn waits_for(root: &Root, key: &Key, other: &Key) -> bool {
    let mut seen = vec![key.clone()];
    let mut at = 0;
    while let Some(key) = seen.get(at).cloned() {
        for row in blockers(root, &key) {
            let key = root.key(ISSUES, &row);
            if key == *other {
                return true;
            }
            if !seen.contains(&key) {
                seen.push(key);
            }
        }
        at += 1;
    }
    false
}

/// `DELETE …/issues/{issue_number}/dependencies/blocked_by/{issue_id}`.
pub(super) fn remove_blocker(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let blocker = by_id(call, call.number("issue_id"))?;
    let row = call.row(ISSUES)?;
    let bond = Key::new([folded(&name(&row)), folded(&name(&blocker))]);
    if call.root().get(DEPENDENCIES, &bond).is_none() {
        return Err(access::not_found());
    }
    call.transaction.remove(DEPENDENCIES, &bond);
    let keys = [name(&row), name(&blocker)].map(|name| issue_key(&name));
    if let [Some(key), Some(other)] = keys {
        tell(call, &key, "blocked_by_removed", &name(&blocker));
        tell(call, &other, "blocking_removed", &name(&row));
    }
    answer(call, 200, &blocker)
}
