//! Which events a change of the state is.

use std::sync::Arc;

use archal_core::clone::Stamp;

use crate::engine::pack::Announcing;
use crate::engine::row::Row;
use crate::engine::table::TableId;
use crate::engine::transaction::Entry;
use crate::github::tables::{
    CHECK_RUNS, COMMENTS, EVENTS, HOOKS, ISSUES, LABELS, MILESTONES, PULLS, REFS, RELEASES, REPOS,
    REVIEW_COMMENTS, REVIEWS, STARS, STATUSES, WORKFLOW_RUNS, WORKFLOWS, check_run, comment, event,
    hook, issue, issue_key, label, milestone, pull, reference, release, repo, repo_of, review,
    review_comment, run, star, status,
};

/// Something that happened in a repository.
#[derive(Debug)]
pub(super) struct Happened {
    /// The event's name: `issues`.
    pub event: &'static str,
    /// What was done, where the event says so: `opened`.
    pub action: Option<String>,
    /// The repository, `acme/webapp`.
    pub repo: String,
    /// What is shown of it, by the payload's names.
    pub parts: Vec<(&'static str, Part)>,
    /// The only webhook that is told, where it is about one.
    pub only: Option<Arc<Row>>,
}

/// A part of a payload.
#[derive(Debug)]
pub(super) enum Part {
    /// A row as lists show it.
    Row(TableId, Arc<Row>),
    /// A pull request.
    Pull(Arc<Row>),
    /// A text.
    Text(String),
    /// What was another way before: names of fields and their texts.
    Changes(Vec<(&'static str, String)>),
    /// A time, or null.
    Time(Option<Stamp>),
    /// A ref that was moved, made or deleted.
    Push(Moved),
    /// A webhook that is tried.
    Ping(Arc<Row>),
}

/// A ref and the ids of what it named before and names now.
#[derive(Debug)]
pub(super) struct Moved {
    /// Its whole name.
    pub name: String,
    /// None where it is new.
    pub before: Option<String>,
    /// None where it is gone.
    pub after: Option<String>,
}

/// What a change is, in the order in which it was made.
pub(super) fn all(of: &Announcing<'_>) -> Vec<Happened> {
    let mut all = Vec::new();
    for (at, entry) in of.journal.iter().enumerate() {
        if entry.shown_only {
            continue;
        }
        // A row that a call writes twice is told of once, as it is in the end.
        let later = of.journal[at + 1..]
            .iter()
            .any(|other| other.table == entry.table && other.key == entry.key);
        if !later {
            let first = of
                .journal
                .iter()
                .find(|other| other.table == entry.table && other.key == entry.key);
            let before = first.and_then(|first| first.before.clone());
            if before.is_some() || entry.after.is_some() {
                all.extend(happened(of, entry, before.as_ref()));
            }
        }
    }
    if of.operation == "repos/ping-webhook" {
        let found = of.found.iter().find(|(table, _)| *table == HOOKS);
        all.extend(found.map(|(_, row)| ping(row)));
    }
    if of.operation == "repos/test-push-webhook" {
        let found = of.found.iter().find(|(table, _)| *table == HOOKS);
        all.extend(found.and_then(|(_, row)| last_push(of, row)));
    }
    all
}

/// What brought the default branch to where it is, for a webhook that is told of pushes; none where
/// nothing was ever pushed. Of which push a commit came is not kept: it is taken for one by itself.
fn last_push(of: &Announcing<'_>, to: &Arc<Row>) -> Option<Happened> {
    let mut events = to.texts(hook::EVENTS);
    if !events.any(|event| matches!(event, "*" | "push")) {
        return None;
    }
    let repo = of.after.named(REPOS, to.text(hook::REPO))?;
    let full_name = repo.text(repo::FULL_NAME);
    let name = format!("refs/heads/{}", repo.text(repo::DEFAULT_BRANCH));
    let row = of.after.named(REFS, &format!("{full_name}:{name}"))?;
    let sha = row.text(reference::SHA);
    let commit = sha.parse().ok();
    let commit = commit.and_then(|oid| of.after.objects().commit(&oid));
    let before = commit.and_then(|commit| commit.parents.first().map(ToString::to_string));
    let moved = Moved {
        name,
        before,
        after: Some(sha.to_owned()),
    };
    Some(Happened {
        event: "push",
        action: None,
        repo: full_name.to_owned(),
        parts: vec![("ref", Part::Push(moved))],
        only: Some(Arc::clone(to)),
    })
}

fn ping(row: &Arc<Row>) -> Happened {
    Happened {
        event: "ping",
        action: None,
        repo: row.text(hook::REPO).to_owned(),
        parts: vec![("hook", Part::Ping(Arc::clone(row)))],
        only: Some(Arc::clone(row)),
    }
}

fn happened(of: &Announcing<'_>, entry: &Entry, before: Option<&Arc<Row>>) -> Option<Happened> {
    let after = entry.after.as_ref();
    let row = after.or(before)?;
    let made = match (before, after) {
        (None, Some(_)) => "created",
        (Some(_), None) => "deleted",
        _ => "edited",
    };
    let whole = |event, action: &str, repo: &str, name| {
        Some(Happened {
            event,
            action: Some(action.to_owned()),
            repo: repo.to_owned(),
            parts: vec![(name, Part::Row(entry.table, Arc::clone(row)))],
            only: None,
        })
    };
    match entry.table {
        HOOKS if made == "created" => Some(ping(row)),
        ISSUES => issue_changed(of, before, after),
        EVENTS if made == "created" => issue_event(of, row),
        COMMENTS => {
            let on = of.after.named(ISSUES, row.text(comment::ISSUE))?;
            let mut told = whole(
                "issue_comment",
                made,
                repo_of(row.text(comment::ISSUE)),
                "comment",
            )?;
            told.parts
                .insert(0, ("issue", Part::Row(ISSUES, Arc::clone(on))));
            if let (Some(before), "edited") = (before, made) {
                if before.text(comment::BODY) == row.text(comment::BODY) {
                    return None;
                }
                let changes = changes(before, row, &[(comment::BODY, "body")]);
                told.parts.push(changes);
            }
            Some(told)
        }
        LABELS => {
            let mut told = whole("label", made, row.text(label::REPO), "label")?;
            if let (Some(before), Some(after)) = (before, after) {
                let shown = [
                    (label::NAME, "name"),
                    (label::COLOR, "color"),
                    (label::DESCRIPTION, "description"),
                ];
                told.parts.push(changes(before, after, &shown));
            }
            Some(told)
        }
        MILESTONES => {
            let state = |row: &Row| row.text(milestone::STATE).to_owned();
            let action = match (before.map(|row| state(row)), after.map(|row| state(row))) {
                (Some(a), Some(b)) if a != b && b == "closed" => "closed",
                (Some(a), Some(b)) if a != b => "opened",
                _ => made,
            };
            let mut told = whole("milestone", action, row.text(milestone::REPO), "milestone")?;
            if let (Some(before), Some(after), "edited") = (before, after, action) {
                let shown = [
                    (milestone::TITLE, "title"),
                    (milestone::DESCRIPTION, "description"),
                ];
                told.parts.push(changes(before, after, &shown));
            }
            Some(told)
        }
        PULLS => pull_changed(of, before, after),
        REFS => Some(Happened {
            event: "push",
            action: None,
            repo: row.text(reference::REPO).to_owned(),
            parts: vec![("ref", Part::Push(moved(row, before, after)))],
            only: None,
        })
        .filter(|_| is_pushed(row.text(reference::NAME))),
        RELEASES => {
            let is_out = |row: &Arc<Row>| !row.bool(release::DRAFT);
            let action = match (before, after) {
                (None, Some(row)) if is_out(row) => "published",
                (Some(a), Some(b)) if !is_out(a) && is_out(b) => "published",
                _ => made,
            };
            let mut told = whole("release", action, row.text(release::REPO), "release")?;
            if let (Some(before), Some(after), "edited") = (before, after, action) {
                let shown = [(release::NAME, "name"), (release::BODY, "body")];
                told.parts.push(changes(before, after, &shown));
            }
            Some(told)
        }
        REVIEWS => review_changed(of, before, after),
        REVIEW_COMMENTS => {
            let on = of.after.named(PULLS, row.text(review_comment::PULL))?;
            let repo = repo_of(row.text(review_comment::PULL));
            let mut told = whole("pull_request_review_comment", made, repo, "comment")?;
            if let (Some(before), Some(after)) = (before, after) {
                if before.text(review_comment::BODY) == after.text(review_comment::BODY) {
                    return None;
                }
                let changes = changes(before, after, &[(review_comment::BODY, "body")]);
                told.parts.push(changes);
            }
            told.parts
                .push(("pull_request", Part::Pull(Arc::clone(on))));
            Some(told)
        }
        STARS => {
            let mut told = whole("star", made, row.text(star::REPO), "star")?;
            let starred_at = after.and_then(|row| row.time(star::STARRED_AT));
            told.parts = vec![("starred_at", Part::Time(starred_at))];
            Some(told)
        }
        CHECK_RUNS => {
            let is_over = |row: &Arc<Row>| row.text(check_run::STATUS) == "completed";
            let action = match (before, after) {
                (_, None) => return None,
                (before, Some(row)) if is_over(row) && !before.is_some_and(is_over) => "completed",
                (None, _) => "created",
                _ => return None,
            };
            whole("check_run", action, row.text(check_run::REPO), "check_run")
        }
        WORKFLOW_RUNS => {
            let state = |row: &Arc<Row>| row.text(run::STATUS).to_owned();
            let now = after.map(state)?;
            if before.map(state).as_ref() == Some(&now) {
                return None;
            }
            let action = match now.as_str() {
                "completed" => "completed",
                "in_progress" => "in_progress",
                _ => "requested",
            };
            let name = row.text(run::WORKFLOW);
            let repo = name.split_once(':').map_or(name, |(repo, _)| repo);
            let mut told = whole("workflow_run", action, repo, "workflow_run")?;
            let workflow = of.after.named(WORKFLOWS, name)?;
            let workflow = Part::Row(WORKFLOWS, Arc::clone(workflow));
            told.parts.push(("workflow", workflow));
            Some(told)
        }
        STATUSES if made == "created" => {
            let mut told = whole("status", made, row.text(status::REPO), "status")?;
            told.action = None;
            Some(told)
        }
        REPOS => {
            let archived = |row: &Arc<Row>| row.bool(repo::ARCHIVED);
            let action = match (before, after) {
                (Some(a), Some(b)) if !archived(a) && archived(b) => "archived",
                (Some(a), Some(b)) if archived(a) && !archived(b) => "unarchived",
                (Some(a), Some(b)) if a.bool(repo::PRIVATE) != b.bool(repo::PRIVATE) => {
                    if b.bool(repo::PRIVATE) {
                        "privatized"
                    } else {
                        "publicized"
                    }
                }
                (Some(a), Some(b)) if a.text(repo::DESCRIPTION) != b.text(repo::DESCRIPTION) => {
                    "edited"
                }
                _ => return None,
            };
            let mut told = whole(
                "repository",
                action,
                row.text(repo::FULL_NAME),
                "repository",
            )?;
            told.parts.clear();
            if let (Some(before), Some(after), "edited") = (before, after, action) {
                let shown = [(repo::DESCRIPTION, "description")];
                told.parts.push(changes(before, after, &shown));
            }
            Some(told)
        }
        _ => None,
    }
}

fn moved(row: &Row, before: Option<&Arc<Row>>, after: Option<&Arc<Row>>) -> Moved {
    let sha = |row: &Arc<Row>| row.text(reference::SHA).to_owned();
    Moved {
        name: row.text(reference::NAME).to_owned(),
        before: before.map(sha),
        after: after.map(sha),
    }
}

/// Whether a move of a ref is a push: heads of pull requests are kept by GitHub itself.
fn is_pushed(name: &str) -> bool {
    name.starts_with("refs/heads/") || name.starts_with("refs/tags/")
}

/// What becomes of an issue: what has an event of its own is told by that.
fn issue_changed(
    of: &Announcing<'_>,
    before: Option<&Arc<Row>>,
    after: Option<&Arc<Row>>,
) -> Option<Happened> {
    let row = after.or(before)?;
    let (repo, number) = (row.text(issue::REPO), row.int(issue::NUMBER));
    let name = format!("{repo}#{number}");
    if of.after.named(PULLS, &name).is_some() {
        // A new one is told of by its own row.
        let (before, after) = (before?, after?);
        let changes = edited(before, after)?;
        return on_pull(of, &name, "edited", vec![changes]);
    }
    let mut parts = vec![("issue", Part::Row(ISSUES, Arc::clone(row)))];
    let action = match (before, after) {
        (None, _) => "opened",
        (_, None) => "deleted",
        (Some(before), Some(after)) => {
            parts.push(edited(before, after)?);
            "edited"
        }
    };
    Some(Happened {
        event: "issues",
        action: Some(action.to_owned()),
        repo: repo.to_owned(),
        parts,
        only: None,
    })
}

fn edited(before: &Row, after: &Row) -> Option<(&'static str, Part)> {
    let shown = [(issue::TITLE, "title"), (issue::BODY, "body")];
    let changed = |(column, _): &(usize, _)| before.text(*column) != after.text(*column);
    let is_edited = shown.iter().any(changed);
    is_edited.then(|| changes(before, after, &shown))
}

/// What columns held that hold something else now.
fn changes(before: &Row, after: &Row, shown: &[(usize, &'static str)]) -> (&'static str, Part) {
    let changed = shown
        .iter()
        .filter(|(column, _)| before.text(*column) != after.text(*column))
        .map(|(column, name)| (*name, before.text(*column).to_owned()));
    ("changes", Part::Changes(changed.collect()))
}

/// What an event of an issue or a pull request tells.
fn issue_event(of: &Announcing<'_>, row: &Row) -> Option<Happened> {
    let name = row.text(event::ISSUE);
    let on = of.after.named(ISSUES, name)?;
    let is_pull = of.after.named(PULLS, name).is_some();
    let action = match row.text(event::EVENT) {
        // Closed by the merge, which says the same.
        "closed" if is_pull && row.text_or_null(event::COMMIT_ID).is_some() => return None,
        "merged" => "closed",
        kind @ ("closed" | "reopened" | "labeled" | "unlabeled" | "assigned" | "unassigned"
        | "milestoned" | "demilestoned" | "locked" | "unlocked" | "pinned" | "unpinned") => kind,
        kind @ ("review_requested" | "review_request_removed" | "ready_for_review") if is_pull => {
            kind
        }
        "convert_to_draft" if is_pull => "converted_to_draft",
        _ => return None,
    };
    let mut parts = Vec::new();
    let repo = repo_of(name);
    if let Some(label) = row.text_or_null(event::LABEL) {
        let key = format!("{repo}:{label}");
        parts.extend(
            of.after
                .named(LABELS, &key)
                .map(|row| ("label", Part::Row(LABELS, Arc::clone(row)))),
        );
    }
    let people = [
        (event::ASSIGNEE, "assignee"),
        (event::REQUESTED_REVIEWER, "requested_reviewer"),
    ];
    for (column, name) in people {
        let login = row.text_or_null(column);
        let user = login.and_then(|login| of.after.named(crate::github::tables::USERS, login));
        parts.extend(user.map(|row| {
            let row = Arc::clone(row);
            (name, Part::Row(crate::github::tables::USERS, row))
        }));
    }
    if let Some(title) = row.text_or_null(event::MILESTONE) {
        let rows = of.after.rows(MILESTONES).values();
        let mut rows = rows
            .filter(|row| row.text(milestone::REPO) == repo && row.text(milestone::TITLE) == title);
        parts.extend(
            rows.next()
                .map(|row| ("milestone", Part::Row(MILESTONES, Arc::clone(row)))),
        );
    }
    if is_pull {
        return on_pull(of, name, action, parts);
    }
    parts.insert(0, ("issue", Part::Row(ISSUES, Arc::clone(on))));
    Some(Happened {
        event: "issues",
        action: Some(action.to_owned()),
        repo: repo.to_owned(),
        parts,
        only: None,
    })
}

fn on_pull(
    of: &Announcing<'_>,
    name: &str,
    action: &str,
    mut parts: Vec<(&'static str, Part)>,
) -> Option<Happened> {
    let row = of.after.named(PULLS, name)?;
    let number = issue_key(name).map(|_| row.int(pull::NUMBER).to_string())?;
    parts.insert(0, ("number", Part::Text(number)));
    parts.insert(1, ("pull_request", Part::Pull(Arc::clone(row))));
    Some(Happened {
        event: "pull_request",
        action: Some(action.to_owned()),
        repo: repo_of(name).to_owned(),
        parts,
        only: None,
    })
}

fn pull_changed(
    of: &Announcing<'_>,
    before: Option<&Arc<Row>>,
    after: Option<&Arc<Row>>,
) -> Option<Happened> {
    let after = after?;
    let name = format!("{}#{}", after.text(pull::REPO), after.int(pull::NUMBER));
    let Some(before) = before else {
        return on_pull(of, &name, "opened", Vec::new());
    };
    let (old, new) = (before.text(pull::HEAD_SHA), after.text(pull::HEAD_SHA));
    if old == new || !after.is_null(pull::MERGED_AT) {
        return None;
    }
    let parts = vec![
        ("before", Part::Text(old.to_owned())),
        ("after", Part::Text(new.to_owned())),
    ];
    on_pull(of, &name, "synchronize", parts)
}

fn review_changed(
    of: &Announcing<'_>,
    before: Option<&Arc<Row>>,
    after: Option<&Arc<Row>>,
) -> Option<Happened> {
    let after = after?;
    let state = |row: &Arc<Row>| row.text(review::STATE).to_owned();
    let (old, new) = (before.map(state), state(after));
    let action = match (old.as_deref(), new.as_str()) {
        (_, "PENDING") => return None,
        (None | Some("PENDING"), _) => "submitted",
        (Some(old), "DISMISSED") if old != "DISMISSED" => "dismissed",
        _ => "edited",
    };
    let on = of.after.named(PULLS, after.text(review::PULL))?;
    Some(Happened {
        event: "pull_request_review",
        action: Some(action.to_owned()),
        repo: repo_of(after.text(review::PULL)).to_owned(),
        parts: vec![
            ("review", Part::Row(REVIEWS, Arc::clone(after))),
            ("pull_request", Part::Pull(Arc::clone(on))),
        ],
        only: None,
    })
}
