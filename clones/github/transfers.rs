//! Transferring issues to other repositories. What belongs to an issue goes with it, and its
//! former address leads to the new one.

use std::sync::Arc;

use archal_core::clone::ViewValue;

use super::access::{self, Permission};
use super::events::{self, Details};
use super::render::API;
use super::tables::{
    COMMENTS, COMMENTS_BY_ISSUE, DEPENDENCIES, DEPENDENCIES_BY_BLOCKER, DEPENDENCIES_BY_ISSUE,
    EVENTS, EVENTS_BY_ISSUE, ISSUE_FIELD_VALUES, ISSUES, ITEMS_BY_ISSUE, LABELS, MILESTONES,
    MILESTONES_BY_REPO, MOVED_ISSUES, MOVED_ISSUES_BY_ISSUE, NOTIFICATIONS, PROJECT_ITEMS,
    REACTIONS, REACTIONS_BY_SUBJECT, REPOS, SUB_ISSUES, SUB_ISSUES_BY_PARENT,
    SUBSCRIPTIONS_BY_ISSUE, TABLES, THREAD_SUBSCRIPTIONS, VALUES_BY_ISSUE, comment, dependency,
    event, field_value, issue, issue_key, label, milestone, milestone_key, moved_issue,
    notification, owner_of, project_item, reaction, repo, sub_issue, thread_subscription,
};
use super::{changes, complete, issues, labels, related, render};
use crate::engine::key::{Key, folded, same};
use crate::engine::pack::{Call, Refusal};
use crate::engine::row::{Draft, Row, list, text};
use crate::engine::table::TableId;

/// Transfers an issue to another repository of the same owner, and answers it as it is there.
/// Labels that are not there are left behind, or made where `make_labels` says so.
pub(super) fn transfer(
    call: &mut Call<'_>,
    row: &Row,
    to: &Row,
    make_labels: bool,
) -> Result<Arc<Row>, Refusal> {
    let (from_repo, to_repo) = (
        row.text(issue::REPO).to_owned(),
        to.text(repo::FULL_NAME).to_owned(),
    );
    check(call, row, to)?;
    let from = related::name(row);
    let last = call.root().last_number(ISSUES, &Key::folded(&to_repo));
    let number = (last + 1).max(to.int(repo::NEXT_ISSUE_NUMBER));
    let name = format!("{to_repo}#{number}");
    let mut draft = row.draft();
    draft.set(issue::REPO, text(to_repo.as_str()));
    draft.set(issue::NUMBER, ViewValue::Int(number));
    let id = call.transaction.next_id(ISSUES);
    draft.set(issue::ID, ViewValue::Int(id));
    draft.set(issue::NODE_ID, ViewValue::Null);
    draft.set(issue::UPDATED_AT, ViewValue::Time(call.now));
    carry_labels(call, row, &to_repo, make_labels, &mut draft)?;
    carry_milestone(call, row, &to_repo, &mut draft);
    let assignees: Vec<String> = row
        .texts(issue::ASSIGNEES)
        .filter(|login| access::assignable(call.root(), to, login))
        .map(str::to_owned)
        .collect();
    draft.set(issue::ASSIGNEES, list(assignees));
    complete::name_issue(call.root(), &mut draft);
    keep_number(call, row);
    let moved = call.transaction.replace(ISSUES, row, draft);
    rename(call, &from, &name);
    react_there(call, row, &moved);
    leave_address(call, &from, &name);
    let key = call.root().key(ISSUES, &moved);
    events::add(call, &key, "transferred", Details::default());
    changes::show_milestone_anew(call, &from_repo, row.int(issue::MILESTONE));
    changes::show_milestone_anew(call, &to_repo, moved.int(issue::MILESTONE));
    related::show_anew(call, &key);
    call.transaction.render_anew(ISSUES, &key);
    Ok(call.root().get(ISSUES, &key).cloned().unwrap_or(moved))
}

/// The number that an issue leaves behind is not given out again.
fn keep_number(call: &mut Call<'_>, row: &Row) {
    if let Some(of) = call.root().named(REPOS, row.text(issue::REPO)).cloned() {
        let next = row.int(issue::NUMBER) + 1;
        let mut draft = of.draft();
        let next = next.max(of.int(repo::NEXT_ISSUE_NUMBER));
        draft.set(repo::NEXT_ISSUE_NUMBER, ViewValue::Int(next));
        call.transaction.put(REPOS, draft);
    }
}

fn check(call: &Call<'_>, row: &Row, to: &Row) -> Result<(), Refusal> {
    let root = call.root();
    let refuse = |message: &'static str| Err(Refusal::new(422, message));
    let of = root
        .named(REPOS, row.text(issue::REPO))
        .ok_or_else(access::not_found)?;
    let writes = |repo: &Row| {
        access::sees(call, repo).is_some_and(|own| own >= Permission::Push)
            && access::reaches(call, repo, "issues", "write")
    };
    if !writes(of) || !writes(to) {
        return Err(access::forbidden());
    }
    let (from, there) = (of.text(repo::FULL_NAME), to.text(repo::FULL_NAME));
    if same(from, there) {
        return refuse("The issue is in this repository already.");
    }
    if !same(owner_of(from), owner_of(there)) {
        return refuse("Issues can only be transferred to repositories of the same owner.");
    }
    if of.bool(repo::PRIVATE) && !to.bool(repo::PRIVATE) {
        return refuse("Issues of private repositories cannot be transferred to public ones.");
    }
    if !to.bool(repo::HAS_ISSUES) || to.bool(repo::ARCHIVED) {
        return refuse("The repository takes no issues.");
    }
    if issues::is_pull(root, row) {
        return refuse("Pull requests cannot be transferred.");
    }
    Ok(())
}

fn carry_labels(
    call: &mut Call<'_>,
    row: &Row,
    to: &str,
    make: bool,
    draft: &mut Draft,
) -> Result<(), Refusal> {
    let mut names = Vec::new();
    for name in row.texts(issue::LABELS) {
        let there = Key::new([folded(to), folded(name)]);
        if let Some(known) = call.root().get(LABELS, &there) {
            names.push(known.text(label::NAME).to_owned());
        } else if make {
            let here = Key::new([folded(row.text(issue::REPO)), folded(name)]);
            let Some(old) = call.root().get(LABELS, &here).cloned() else {
                continue;
            };
            let mut fresh = labels::fresh_in(call, to, name);
            fresh.set(label::COLOR, old.value(label::COLOR).clone());
            fresh.set(label::DESCRIPTION, old.value(label::DESCRIPTION).clone());
            call.transaction.put(LABELS, fresh);
            names.push(name.to_owned());
        }
    }
    draft.set(issue::LABELS, list(names));
    Ok(())
}

/// A milestone of the same title takes the place of the old one.
fn carry_milestone(call: &Call<'_>, row: &Row, to: &str, draft: &mut Draft) {
    let root = call.root();
    let old = milestone_key(row.text(issue::REPO), row.int(issue::MILESTONE));
    let there = root.get(MILESTONES, &old).and_then(|old| {
        root.group(MILESTONES, MILESTONES_BY_REPO, &Key::folded(to))?
            .values()
            .find(|row| same(row.text(milestone::TITLE), old.text(milestone::TITLE)))
    });
    let number = there.map(|row| row.value(milestone::NUMBER).clone());
    draft.set(issue::MILESTONE, number.unwrap_or(ViewValue::Null));
}

/// Everything that names an issue names it anew.
fn rename(call: &mut Call<'_>, from: &str, to: &str) {
    let Some(key) = issue_key(from) else { return };
    for (table, index, column) in [
        (COMMENTS, COMMENTS_BY_ISSUE, comment::ISSUE),
        (EVENTS, EVENTS_BY_ISSUE, event::ISSUE),
        (ISSUE_FIELD_VALUES, VALUES_BY_ISSUE, field_value::ISSUE),
        (SUB_ISSUES, SUB_ISSUES_BY_PARENT, sub_issue::PARENT),
        (DEPENDENCIES, DEPENDENCIES_BY_ISSUE, dependency::ISSUE),
        (
            DEPENDENCIES,
            DEPENDENCIES_BY_BLOCKER,
            dependency::BLOCKED_BY,
        ),
        (
            THREAD_SUBSCRIPTIONS,
            SUBSCRIPTIONS_BY_ISSUE,
            thread_subscription::ISSUE,
        ),
        (MOVED_ISSUES, MOVED_ISSUES_BY_ISSUE, moved_issue::ISSUE),
        (PROJECT_ITEMS, ITEMS_BY_ISSUE, project_item::ISSUE),
    ] {
        let rows = call.root().group(table, index, &key);
        let rows: Vec<Arc<Row>> = rows
            .map(|rows| rows.values().cloned().collect())
            .unwrap_or_default();
        write(call, table, column, to, rows);
    }
    for (table, column) in [
        (SUB_ISSUES, sub_issue::ISSUE),
        (EVENTS, event::SOURCE),
        (NOTIFICATIONS, notification::SUBJECT),
    ] {
        let rows = call.root().rows(table).values();
        let rows = rows.filter(|row| same(row.text(column), from));
        let rows: Vec<Arc<Row>> = rows.cloned().collect();
        write(call, table, column, to, rows);
    }
}

fn write(call: &mut Call<'_>, table: TableId, column: usize, to: &str, rows: Vec<Arc<Row>>) {
    for row in rows {
        let mut draft = row.draft();
        draft.set(column, text(to));
        if table == NOTIFICATIONS {
            let repo = to.split_once('#').map_or(to, |(repo, _)| repo);
            draft.set(notification::REPO, text(repo));
        }
        call.transaction.replace(table, &row, draft);
    }
}

/// The reactions follow the issue to its new GraphQL id.
fn react_there(call: &mut Call<'_>, old: &Row, new: &Row) {
    let group = render::reaction::group(old.text(issue::NODE_ID));
    let rows = call.root().group(REACTIONS, REACTIONS_BY_SUBJECT, &group);
    let rows: Vec<Arc<Row>> = rows
        .map(|rows| rows.values().cloned().collect())
        .unwrap_or_default();
    for row in rows {
        let mut draft = row.draft();
        draft.set(reaction::SUBJECT, new.value(issue::NODE_ID).clone());
        call.transaction.replace(REACTIONS, &row, draft);
    }
}

fn leave_address(call: &mut Call<'_>, from: &str, to: &str) {
    let mut draft = Draft::empty(TABLES[MOVED_ISSUES].columns.len());
    draft.set(moved_issue::NAME, text(from));
    draft.set(moved_issue::ISSUE, text(to));
    call.transaction.put(MOVED_ISSUES, draft);
}

/// The way to an issue that was transferred, where the caller sees it.
pub(super) fn moved(call: &Call<'_>, key: &Key) -> Option<Refusal> {
    let root = call.root();
    let bond = root.get(MOVED_ISSUES, key)?;
    let row = root.named(ISSUES, bond.text(moved_issue::ISSUE))?;
    let of = root.named(REPOS, row.text(issue::REPO))?;
    access::sees(call, of)?;
    let mut url = format!(
        "{API}/repositories/{}/issues/{}",
        of.int(repo::ID),
        row.int(issue::NUMBER)
    );
    // `/repos/acme/old/issues/7/comments` leads to the comments there.
    if let Some(rest) = call.request.path.splitn(7, '/').nth(6) {
        url.push('/');
        url.push_str(rest);
    }
    let mut refusal = Refusal::new(301, "Moved Permanently")
        .see("guides/best-practices-for-using-the-rest-api#follow-redirects");
    refusal.fields.push(("url", url.as_str().into()));
    refusal.headers.push(("location", url));
    Some(refusal)
}
