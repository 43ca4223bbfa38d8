//! Issues, and what pull requests have in common with them.

use std::sync::Arc;

use super::comment::{WRITTEN, may, reasons, wrote};
use super::people::{actor, users};
use super::reaction::REACTABLE;
use super::repo_named;
use crate::engine::graphql::arguments::Args;
use crate::engine::graphql::connection::Connection;
use crate::engine::graphql::model::Field::{
    Always, By, Empty, Int, Prose, ProseOrEmpty, Text, Time,
};
use crate::engine::graphql::model::{Field, Object, Outcome, Type, Value};
use crate::engine::key::{Key, Part, folded, same};
use crate::engine::pack::Call;
use crate::engine::root::Root;
use crate::engine::row::Row;
use crate::github::access::Permission;
use crate::github::pulls::keywords::closes;
use crate::github::related;
use crate::github::render::WEB;
use crate::github::tables::{
    COMMENTS, COMMENTS_BY_ISSUE, ISSUES, PULLS, SUBSCRIPTIONS_BY_ISSUE, THREAD_SUBSCRIPTIONS,
    comment, issue, pull, thread_subscription,
};

/// The types.
pub(super) const TYPES: &[Type] = &[Type {
    name: "Issue",
    fields: &[COMMON, WRITTEN, REACTABLE, ISSUE],
    gaps: &["projectV2"],
}];

/// The object that a row is: an issue or a pull request.
pub(super) fn object(root: &Root, row: &Arc<Row>) -> Object {
    let of = match super::pull::row_of(root, row) {
        Some(_) => "PullRequest",
        None => "Issue",
    };
    Object::row(of, row)
}

/// What issues and pull requests have in common.
pub(super) const COMMON: &[(&str, Field)] = &[
    ("id", Text(issue::NODE_ID)),
    ("databaseId", Int(issue::ID)),
    (
        "fullDatabaseId",
        By(|_, it, _| Ok(it.shown()?.int(issue::ID).to_string().into())),
    ),
    ("number", Int(issue::NUMBER)),
    ("title", Prose(issue::TITLE)),
    (
        "titleHTML",
        By(|_, it, _| {
            Ok(Value::said(super::nodes::escape(
                it.shown()?.text(issue::TITLE),
            )))
        }),
    ),
    ("body", ProseOrEmpty(issue::BODY)),
    (
        "bodyText",
        By(|_, it, _| Ok(super::markdown::text(it.shown()?, issue::BODY))),
    ),
    (
        "bodyHTML",
        By(|_, it, _| Ok(super::markdown::html(it.shown()?, issue::BODY))),
    ),
    ("createdAt", Time(issue::CREATED_AT)),
    ("publishedAt", Time(issue::CREATED_AT)),
    ("updatedAt", Time(issue::UPDATED_AT)),
    ("closedAt", Time(issue::CLOSED_AT)),
    (
        "closed",
        By(|_, it, _| Ok((it.shown()?.text(issue::STATE) == "closed").into())),
    ),
    ("locked", Field::Bool(issue::LOCKED)),
    (
        "activeLockReason",
        By(|_, it, _| {
            let reason = it.shown()?.text_or_null(issue::LOCK_REASON);
            Ok(reason.map(name_of).into())
        }),
    ),
    ("authorAssociation", Text(issue::AUTHOR_ASSOCIATION)),
    (
        "author",
        By(|call, it, _| Ok(actor(call.root(), it.shown()?.text_or_null(issue::USER)))),
    ),
    (
        "assignees",
        By(|call, it, _| Ok(users(call.root(), it.shown()?.texts(issue::ASSIGNEES)))),
    ),
    (
        "labels",
        By(|call, it, args| {
            let row = it.shown()?;
            let names = row.texts(issue::LABELS);
            Ok(super::label::of_names(
                call.root(),
                row.text(issue::REPO),
                names,
                args,
            ))
        }),
    ),
    ("comments", By(comments)),
    ("participants", By(participants)),
    (
        "repository",
        By(|call, it, _| {
            let name = it.shown()?.text(issue::REPO);
            Ok(repo_named(call, name)
                .map(|row| Object::row("Repository", &row))
                .into())
        }),
    ),
    ("url", By(url)),
    ("resourcePath", By(url)),
    ("milestone", By(super::milestone::of_issue)),
    ("timelineItems", By(super::timeline::items)),
    ("timeline", By(super::timeline::items)),
    ("viewerSubscription", By(subscription)),
    ("projectItems", By(super::project::of_issue)),
    ("projectsV2", By(super::project::projects_of_issue)),
    ("projectCards", Empty),
    ("isReadByViewer", Always(true)),
    (
        "viewerDidAuthor",
        By(|call, it, _| Ok(wrote(call, it.shown()?.text(issue::USER)).into())),
    ),
    ("viewerCanUpdate", By(may_change)),
    ("viewerCanClose", By(may_change)),
    ("viewerCanReopen", By(may_change)),
    ("viewerCanSubscribe", Always(true)),
    (
        "viewerCanLabel",
        By(|call, it, _| Ok(may(call, it.shown()?.text(issue::REPO), Permission::Triage).into())),
    ),
    (
        "viewerCanDelete",
        By(|call, it, _| Ok(may(call, it.shown()?.text(issue::REPO), Permission::Admin).into())),
    ),
    (
        "viewerCannotUpdateReasons",
        By(|call, it, args| reasons(may_change(call, it, args)?)),
    ),
    (
        "hovercard",
        By(|_, _, _| Ok(Object::made("Hovercard", Vec::new()).into())),
    ),
];

const ISSUE: &[(&str, Field)] = &[
    (
        "state",
        By(|_, it, _| Ok(it.shown()?.text(issue::STATE).to_uppercase().into())),
    ),
    (
        "stateReason",
        By(|_, it, args| {
            let reason = it.shown()?.text_or_null(issue::STATE_REASON);
            // Those who do not say that they know the reason are told the one before it was made.
            let knows = args.bool("enableDuplicate") == Some(true);
            Ok(match reason {
                Some("duplicate") if !knows => "NOT_PLANNED".into(),
                reason => reason.map(name_of).into(),
            })
        }),
    ),
    (
        "bodyUrl",
        By(|_, it, _| {
            let row = it.shown()?;
            Ok(format!("{}#issue-{}", address(row, "issues"), row.int(issue::ID)).into())
        }),
    ),
    (
        "bodyResourcePath",
        By(|_, it, _| {
            let row = it.shown()?;
            Ok(format!("{}#issue-{}", address(row, "issues"), row.int(issue::ID)).into())
        }),
    ),
    ("isPinned", Always(false)),
    (
        "parent",
        By(|call, it, _| {
            let root = call.root();
            let row = related::parent(root, &key(it.shown()?));
            Ok(row.map(|row| Object::row("Issue", row)).into())
        }),
    ),
    ("trackedIssuesCount", By(|_, _, _| Ok(Value::Int(0)))),
    (
        "subIssuesSummary",
        By(|call, it, _| {
            let rows = related::sub_issues(call.root(), &key(it.shown()?));
            let closed = rows
                .iter()
                .filter(|row| row.text(issue::STATE) == "closed")
                .count();
            let count = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
            Ok(summary(count(rows.len()), count(closed)))
        }),
    ),
    (
        "subIssues",
        By(|call, it, _| {
            let rows = related::sub_issues(call.root(), &key(it.shown()?));
            Ok(Connection::keyed(rows.iter().map(|row| {
                let id = row.text(issue::NODE_ID).to_owned();
                (
                    id,
                    repo_named(call, row.text(issue::REPO)).is_some(),
                    Object::row("Issue", row),
                )
            }))
            .into())
        }),
    ),
    ("trackedIssues", Empty),
    ("trackedInIssues", Empty),
    ("linkedBranches", Empty),
    ("closedByPullRequestsReferences", By(closed_by)),
];

/// The summary of sub-issues.
pub(super) fn summary(total: i64, completed: i64) -> Value {
    let percent = if total == 0 {
        0
    } else {
        completed * 100 / total
    };
    Object::made(
        "SubIssuesSummary",
        vec![
            ("total", total.into()),
            ("completed", completed.into()),
            ("percentCompleted", percent.into()),
        ],
    )
    .into()
}

/// A word of REST as an enum's value: `too heated` is `TOO_HEATED`.
pub(super) fn name_of(word: &str) -> String {
    word.to_uppercase().replace([' ', '-'], "_")
}

/// The address of an issue for people.
pub(super) fn address(row: &Row, kind: &str) -> String {
    format!(
        "{WEB}/{}/{kind}/{}",
        row.text(issue::REPO),
        row.int(issue::NUMBER)
    )
}

fn url(_: &Call<'_>, it: &Object, _: &Args) -> Outcome {
    let kind = if it.of == "PullRequest" {
        "pull"
    } else {
        "issues"
    };
    Ok(address(it.shown()?, kind).into())
}

fn may_change(call: &Call<'_>, it: &Object, _: &Args) -> Outcome {
    let row = it.shown()?;
    let own = wrote(call, row.text(issue::USER));
    Ok((own || may(call, row.text(issue::REPO), Permission::Triage)).into())
}

fn subscription(call: &Call<'_>, it: &Object, _: &Args) -> Outcome {
    let root = call.root();
    let login = crate::github::access::login(call).unwrap_or_default();
    let rows = root.group(
        THREAD_SUBSCRIPTIONS,
        SUBSCRIPTIONS_BY_ISSUE,
        &key(it.shown()?),
    );
    let own = rows
        .into_iter()
        .flat_map(|rows| rows.values())
        .find(|row| same(row.text(thread_subscription::USER), &login));
    Ok(match own {
        None => "UNSUBSCRIBED",
        Some(row) if row.bool(thread_subscription::IGNORED) => "IGNORED",
        Some(_) => "SUBSCRIBED",
    }
    .into())
}

/// The pull requests whose text says that they close it; those that were closed unmerged only
/// where they are asked for.
fn closed_by(call: &Call<'_>, it: &Object, args: &Args) -> Outcome {
    let root = call.root();
    let own = related::name(it.shown()?);
    let all = args.bool("includeClosedPrs") == Some(true);
    let mut found: Vec<&Arc<Row>> = root
        .rows(PULLS)
        .values()
        .filter_map(|row| root.get(ISSUES, &root.key(PULLS, row)).map(|on| (row, on)))
        .filter(|(row, on)| {
            let open = on.text(issue::STATE) == "open";
            let merged = row.time(pull::MERGED_AT).is_some();
            (open || merged || all)
                && repo_named(call, on.text(issue::REPO)).is_some()
                && closes(on.text(issue::BODY), on.text(issue::REPO))
                    .iter()
                    .any(|name| same(name, &own))
        })
        .map(|(_, on)| on)
        .collect();
    if args.bool("orderByState") == Some(true) {
        found.sort_by_key(|on| on.text(issue::STATE) != "open");
    }
    Ok(Connection::of(found.into_iter().map(|on| Object::row("PullRequest", on))).into())
}

/// The key of an issue's row.
pub(super) fn key(row: &Row) -> Key {
    Key::new([
        folded(row.text(issue::REPO)),
        Part::Int(row.int(issue::NUMBER)),
    ])
}

fn comments(call: &Call<'_>, it: &Object, args: &Args) -> Outcome {
    let rows = call
        .root()
        .group(COMMENTS, COMMENTS_BY_ISSUE, &key(it.shown()?));
    let mut rows: Vec<&Arc<Row>> = rows.into_iter().flat_map(|rows| rows.values()).collect();
    let order = args.object("orderBy");
    if order.text("field") == Some("UPDATED_AT") {
        let descending = order.text("direction") == Some("DESC");
        super::label::directed(&mut rows, descending, |row| {
            let by_call = row
                .time(comment::UPDATED_AT)
                .is_some_and(|stamp| stamp.by_call);
            let then = if by_call { row.version() } else { 0 };
            (row.seconds(comment::UPDATED_AT), then, row.int(comment::ID))
        });
    }
    Ok(Connection::keyed(rows.into_iter().map(|row| {
        let id = row.text(comment::NODE_ID).to_owned();
        (id, true, Object::row("IssueComment", row))
    }))
    .into())
}

/// Who wrote the issue, comments on it or is assigned to it.
fn participants(call: &Call<'_>, it: &Object, _: &Args) -> Outcome {
    let row = it.shown()?;
    let root = call.root();
    let mut logins: Vec<&str> = Vec::new();
    let rows = root.group(COMMENTS, COMMENTS_BY_ISSUE, &key(row));
    let authors = rows.into_iter().flat_map(|rows| rows.values());
    let authors = authors.map(|row| row.text(comment::USER));
    for login in std::iter::once(row.text(issue::USER))
        .chain(row.texts(issue::ASSIGNEES))
        .chain(authors)
    {
        if !login.is_empty() && !logins.contains(&login) {
            logins.push(login);
        }
    }
    Ok(users(root, logins.into_iter()))
}
