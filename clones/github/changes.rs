//! What follows from a change of an issue: its events, who is told, and what shows it.

use super::events::{self, Details};
use super::notifications::{self, Thread};
use super::tables::{ISSUES, ISSUES_BY_MILESTONE, MILESTONES, issue, milestone, milestone_key};
use super::{mentions, related};
use crate::engine::key::{Key, Part, folded};
use crate::engine::pack::Call;
use crate::engine::row::Row;

/// Follows up on an issue that a call opened, or changed from `before`. Whoever writes a row of
/// issues calls it once with the row as it was and as it is.
pub(super) fn record(call: &mut Call<'_>, before: Option<&Row>, after: &Row) {
    let key = call.root().key(ISSUES, after);
    // An issue begins open, untitled and bare, and being opened is no event.
    let had = |column: usize| before.map(|row| row.value(column));
    let changed = |column: usize| had(column).is_some_and(|old| old != after.value(column));
    let mut told: Vec<String> = Vec::new();

    titles_and_types(call, &key, before, after);
    names(
        call,
        &key,
        before,
        after,
        issue::LABELS,
        |call, key, gained, name| {
            let what = if gained { "labeled" } else { "unlabeled" };
            let label = Some(name);
            events::add(
                call,
                key,
                what,
                Details {
                    label,
                    ..Details::default()
                },
            );
        },
    );
    names(
        call,
        &key,
        before,
        after,
        issue::ASSIGNEES,
        |call, key, gained, name| {
            let what = if gained { "assigned" } else { "unassigned" };
            let assignee = Some(name);
            events::add(
                call,
                key,
                what,
                Details {
                    assignee,
                    ..Details::default()
                },
            );
            if gained {
                told.push(name.to_owned());
            }
        },
    );
    let thread = Thread::of_issue(call.root(), after, None);
    for login in &told {
        notifications::tell(call, &thread, login, "assign");
    }
    milestones(call, &key, before, after);
    if changed(issue::LOCKED) {
        let locked = after.bool(issue::LOCKED);
        let details = Details {
            lock_reason: after.text_or_null(issue::LOCK_REASON),
            ..Details::default()
        };
        events::add(
            call,
            &key,
            if locked { "locked" } else { "unlocked" },
            details,
        );
    }
    let text_changed = before.is_none() || changed(issue::BODY) || changed(issue::TITLE);
    if text_changed {
        let old = before.map(|row| row.text(issue::BODY)).unwrap_or_default();
        let mentioned = say(call, &key, after.text(issue::BODY), old, None);
        told.extend(mentioned);
    }
    if changed(issue::STATE) {
        let state = after.text(issue::STATE);
        let reason = after.text_or_null(issue::STATE_REASON);
        let (what, state_reason) = match state {
            // Completed is what closing means where nothing else is said.
            "closed" => ("closed", reason.filter(|reason| *reason != "completed")),
            _ => ("reopened", None),
        };
        events::add(
            call,
            &key,
            what,
            Details {
                state_reason,
                ..Details::default()
            },
        );
        notifications::tell_all(call, &key, None, &told);
        related::show_anew(call, &key);
    } else if before.is_none() {
        notifications::tell_all(call, &key, None, &told);
    }
}

fn titles_and_types(call: &mut Call<'_>, key: &Key, before: Option<&Row>, after: &Row) {
    if let Some(before) = before
        && before.text(issue::TITLE) != after.text(issue::TITLE)
    {
        let rename = Some((before.text(issue::TITLE), after.text(issue::TITLE)));
        events::add(
            call,
            key,
            "renamed",
            Details {
                rename,
                ..Details::default()
            },
        );
    }
    let old = before.and_then(|row| row.text_or_null(issue::TYPE));
    let new = after.text_or_null(issue::TYPE);
    let what = match (old, new) {
        (None, Some(_)) => "issue_type_added",
        (Some(_), None) => "issue_type_removed",
        (Some(old), Some(new)) if old != new => "issue_type_changed",
        _ => return,
    };
    let issue_type = (new, old);
    events::add(
        call,
        key,
        what,
        Details {
            issue_type,
            ..Details::default()
        },
    );
}

/// Calls `each` for every name that the list gained, then for every one it lost.
fn names(
    call: &mut Call<'_>,
    key: &Key,
    before: Option<&Row>,
    after: &Row,
    column: usize,
    mut each: impl FnMut(&mut Call<'_>, &Key, bool, &str),
) {
    let old: Vec<&str> = before
        .map(|row| row.texts(column).collect())
        .unwrap_or_default();
    let new: Vec<&str> = after.texts(column).collect();
    for name in new.iter().filter(|name| !old.contains(name)) {
        each(call, key, true, name);
    }
    for name in old.iter().filter(|name| !new.contains(name)) {
        each(call, key, false, name);
    }
}

fn milestones(call: &mut Call<'_>, key: &Key, before: Option<&Row>, after: &Row) {
    let repo = after.text(issue::REPO);
    let old = before.map_or(0, |row| row.int(issue::MILESTONE));
    let new = after.int(issue::MILESTONE);
    if old != new {
        for (number, what) in [(old, "demilestoned"), (new, "milestoned")] {
            let row = call.root().get(MILESTONES, &milestone_key(repo, number));
            if let Some(title) = row.map(|row| row.text(milestone::TITLE).to_owned()) {
                let milestone = Some(title.as_str());
                events::add(
                    call,
                    key,
                    what,
                    Details {
                        milestone,
                        ..Details::default()
                    },
                );
            }
        }
    }
    let state = before.map(|row| row.text(issue::STATE));
    if old != new || state != Some(after.text(issue::STATE)) {
        show_milestone_anew(call, repo, old);
        if old != new {
            show_milestone_anew(call, repo, new);
        }
    }
}

/// A milestone and its issues show how far it is.
pub(super) fn show_milestone_anew(call: &mut Call<'_>, repo: &str, number: i64) {
    if number == 0 {
        return;
    }
    let key = milestone_key(repo, number);
    call.transaction.render_anew(MILESTONES, &key);
    let group = Key::new([folded(repo), Part::Int(number)]);
    let issues: Vec<Key> = call
        .root()
        .group(ISSUES, ISSUES_BY_MILESTONE, &group)
        .into_iter()
        .flat_map(|rows| rows.values())
        .map(|row| call.root().key(ISSUES, row))
        .collect();
    for key in issues {
        call.transaction.render_anew(ISSUES, &key);
    }
}

/// Follows up on a text that says something new: users it mentions hear of it, and issues it
/// refers to tell where. Answers who was told.
pub(super) fn say(
    call: &mut Call<'_>,
    key: &Key,
    new: &str,
    old: &str,
    latest: Option<String>,
) -> Vec<String> {
    let Some(row) = call.root().get(ISSUES, key).cloned() else {
        return Vec::new();
    };
    let before = mentions::users(call.root(), old);
    let mut told = Vec::new();
    let thread = Thread::of_issue(call.root(), &row, latest);
    for login in mentions::users(call.root(), new) {
        if before.contains(&login) {
            continue;
        }
        for what in ["mentioned", "subscribed"] {
            let actor = Some(login.as_str());
            events::add(
                call,
                key,
                what,
                Details {
                    actor,
                    ..Details::default()
                },
            );
        }
        notifications::follow(call, &thread, &login, "mention");
        notifications::tell(call, &thread, &login, "mention");
        told.push(login);
    }
    let repo = row.text(issue::REPO);
    let known = mentions::issues(call.root(), old, repo);
    let source = format!("{repo}#{}", row.int(issue::NUMBER));
    for target in mentions::issues(call.root(), new, repo) {
        if known.contains(&target) || target == *key {
            continue;
        }
        let source = Some(source.as_str());
        events::add(
            call,
            &target,
            "cross-referenced",
            Details {
                source,
                ..Details::default()
            },
        );
    }
    told
}
