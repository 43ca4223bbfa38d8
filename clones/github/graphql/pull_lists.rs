//! Lists of pull requests.

use std::sync::Arc;

use super::label::directed;
use super::pull::{object, row_of};
use super::repo_named;
use crate::engine::git::Oid;
use crate::engine::graphql::arguments::Args;
use crate::engine::graphql::connection::Connection;
use crate::engine::graphql::model::{Fault, Object, Outcome, Value};
use crate::engine::key::{Key, Part, folded, same};
use crate::engine::pack::Call;
use crate::engine::row::Row;
use crate::github::issue_lists::order_of;
use crate::github::pulls::compare;
use crate::github::tables::{ISSUES, ISSUES_BY_REPO, PULLS, issue, pull, repo, user};

/// `pullRequest` of a repository.
pub(super) fn one(call: &Call<'_>, it: &Object, args: &Args) -> Outcome {
    let number = args.int("number").unwrap_or_default();
    let name = it.shown()?.text(repo::FULL_NAME);
    let key = Key::new([folded(name), Part::Int(number)]);
    let root = call.root();
    let found = root.get(PULLS, &key).and_then(|row| object(root, row));
    found.map(Value::from).ok_or_else(|| {
        Fault::new(
            "NOT_FOUND",
            format!("Could not resolve to a PullRequest with the number of {number}."),
        )
    })
}

/// `pullRequests` of a repository.
pub(super) fn of_repo(call: &Call<'_>, it: &Object, args: &Args) -> Outcome {
    let root = call.root();
    let key = Key::folded(it.shown()?.text(repo::FULL_NAME));
    let rows = root.group(ISSUES, ISSUES_BY_REPO, &key);
    Ok(listed(
        call,
        rows.into_iter().flat_map(|rows| rows.values()).collect(),
        args,
    ))
}

/// `pullRequests` that somebody opened.
pub(super) fn of_author(call: &Call<'_>, it: &Object, args: &Args) -> Outcome {
    let login = it.shown()?.text(user::LOGIN);
    let rows = call.root().rows(ISSUES).values();
    let rows = rows.filter(|row| {
        same(row.text(issue::USER), login) && repo_named(call, row.text(issue::REPO)).is_some()
    });
    Ok(listed(call, rows.collect(), args))
}

/// `associatedPullRequests` of a branch: those whose head it is.
pub(super) fn of_head(call: &Call<'_>, it: &Object, args: &Args) -> Outcome {
    let name = it.shown()?.text(repo::FULL_NAME);
    let Some(branch) = it.part.strip_prefix("refs/heads/") else {
        return Ok(Connection::default().into());
    };
    let root = call.root();
    let rows = root.rows(ISSUES).values().filter(|on| {
        row_of(root, on).is_some_and(|row| {
            same(row.text(pull::HEAD_REPO), name) && row.text(pull::HEAD) == branch
        })
    });
    Ok(listed(call, rows.collect(), args))
}

/// `associatedPullRequests` of a commit: those that have it, or brought it.
pub(super) fn with_commit(call: &Call<'_>, it: &Object) -> Outcome {
    let root = call.root();
    let name = it.shown()?.text(repo::FULL_NAME);
    let sha: Option<Oid> = it.part.parse().ok();
    let rows = root.rows(PULLS).values().filter(|row| {
        same(row.text(pull::REPO), name)
            && (row.text(pull::MERGE_COMMIT_SHA) == &*it.part
                || compare::of(root, row)
                    .is_some_and(|at| at.commits(root).iter().any(|(oid, _)| Some(*oid) == sha)))
    });
    Ok(Connection::of(rows.filter_map(|row| object(root, row))).into())
}

/// A connection of pull requests by `states`, `labels`, `baseRefName`, `headRefName`, `orderBy`.
pub(super) fn listed(call: &Call<'_>, rows: Vec<&Arc<Row>>, args: &Args) -> Value {
    let root = call.root();
    let mut rows: Vec<&Arc<Row>> = rows
        .into_iter()
        .filter(|on| row_of(root, on).is_some())
        .collect();
    let order = args.object("orderBy");
    let descending = order.text("direction") == Some("DESC");
    match order.text("field") {
        Some("UPDATED_AT") => directed(&mut rows, descending, |row| {
            let number = row.int(issue::NUMBER);
            (row.seconds(issue::UPDATED_AT), order_of(row), number)
        }),
        Some("COMMENTS") => directed(&mut rows, descending, |row| {
            (
                crate::github::render::issue::comments(root, row),
                row.int(issue::NUMBER),
            )
        }),
        _ => directed(&mut rows, descending, |row| {
            (row.seconds(issue::CREATED_AT), row.int(issue::NUMBER))
        }),
    }
    let labels = args.any_of("labels");
    let states = args.any_of("states");
    let shown = |on: &Row| {
        let Some(row) = row_of(root, on) else {
            return false;
        };
        let state = match (row.time(pull::MERGED_AT), on.text(issue::STATE)) {
            (Some(_), _) => "MERGED",
            (None, "closed") => "CLOSED",
            _ => "OPEN",
        };
        states.as_ref().is_none_or(|states| states.contains(&state))
            && labels.as_ref().is_none_or(|labels| {
                labels
                    .iter()
                    .any(|name| on.texts(issue::LABELS).any(|label| same(label, name)))
            })
            && args
                .text("baseRefName")
                .is_none_or(|name| row.text(pull::BASE) == name)
            && args
                .text("headRefName")
                .is_none_or(|name| row.text(pull::HEAD) == name)
    };
    Connection::keyed(rows.into_iter().map(|on| {
        let id = on.text(issue::NODE_ID).to_owned();
        (id, shown(on), Object::row("PullRequest", on))
    }))
    .into()
}
