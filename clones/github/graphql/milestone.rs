//! Milestones.

use std::sync::Arc;

use super::comment::may;
use super::label::directed;
use super::people::actor;
use super::{lists, repo_named};
use crate::engine::graphql::arguments::Args;
use crate::engine::graphql::connection::Connection;
use crate::engine::graphql::model::Field::{By, Int, Prose, Text, Time};
use crate::engine::graphql::model::{Object, Outcome, Type, Value};
use crate::engine::key::{Key, Part, folded};
use crate::engine::pack::Call;
use crate::engine::row::Row;
use crate::github::access::Permission;
use crate::github::render::WEB;
use crate::github::tables::{
    ISSUES, ISSUES_BY_REPO, MILESTONES, MILESTONES_BY_REPO, issue, milestone, repo,
};

/// The types.
pub(super) const TYPES: &[Type] = &[Type {
    name: "Milestone",
    fields: &[&[
        ("id", Text(milestone::NODE_ID)),
        ("number", Int(milestone::NUMBER)),
        ("title", Prose(milestone::TITLE)),
        ("description", Prose(milestone::DESCRIPTION)),
        ("createdAt", Time(milestone::CREATED_AT)),
        ("updatedAt", Time(milestone::UPDATED_AT)),
        ("closedAt", Time(milestone::CLOSED_AT)),
        ("dueOn", Time(milestone::DUE_ON)),
        (
            "state",
            By(|_, it, _| Ok(it.shown()?.text(milestone::STATE).to_uppercase().into())),
        ),
        (
            "closed",
            By(|_, it, _| Ok((it.shown()?.text(milestone::STATE) == "closed").into())),
        ),
        (
            "creator",
            By(|call, it, _| {
                Ok(actor(
                    call.root(),
                    it.shown()?.text_or_null(milestone::CREATOR),
                ))
            }),
        ),
        (
            "repository",
            By(|call, it, _| {
                let name = it.shown()?.text(milestone::REPO);
                Ok(repo_named(call, name)
                    .map(|row| Object::row("Repository", &row))
                    .into())
            }),
        ),
        ("url", By(address)),
        ("resourcePath", By(address)),
        ("viewerCanClose", By(manages)),
        ("viewerCanReopen", By(manages)),
        (
            "progressPercentage",
            By(|call, it, _| {
                let rows = issues_of(call, it.shown()?);
                let closed = rows.iter().filter(|row| row.text(issue::STATE) == "closed");
                let (closed, all) = (closed.count() as f64, rows.len() as f64);
                Ok(Value::Float(if all > 0.0 {
                    closed * 100.0 / all
                } else {
                    0.0
                }))
            }),
        ),
        (
            "issues",
            By(|call, it, args| Ok(lists::issues(call, issues_of(call, it.shown()?), args))),
        ),
        (
            "pullRequests",
            By(|call, it, args| {
                Ok(super::pull::listed(
                    call,
                    issues_of(call, it.shown()?),
                    args,
                ))
            }),
        ),
    ]],
    gaps: &[],
}];

fn address(_: &Call<'_>, it: &Object, _: &Args) -> Outcome {
    let row = it.shown()?;
    let number = row.int(milestone::NUMBER);
    Ok(format!("{WEB}/{}/milestone/{number}", row.text(milestone::REPO)).into())
}

fn manages(call: &Call<'_>, it: &Object, _: &Args) -> Outcome {
    Ok(may(call, it.shown()?.text(milestone::REPO), Permission::Triage).into())
}

fn issues_of<'r>(call: &'r Call<'_>, row: &Row) -> Vec<&'r Arc<Row>> {
    let key = Key::folded(row.text(milestone::REPO));
    let rows = call.root().group(ISSUES, ISSUES_BY_REPO, &key);
    let rows = rows.into_iter().flat_map(|rows| rows.values());
    let number = row.int(milestone::NUMBER);
    rows.filter(|on| on.int(issue::MILESTONE) == number)
        .collect()
}

/// `milestone` of an issue.
pub(super) fn of_issue(call: &Call<'_>, it: &Object, _: &Args) -> Outcome {
    let row = it.shown()?;
    let key = Key::new([
        folded(row.text(issue::REPO)),
        Part::Int(row.int(issue::MILESTONE)),
    ]);
    Ok(call
        .root()
        .get(MILESTONES, &key)
        .map(|row| Object::row("Milestone", row))
        .into())
}

/// `milestone` of a repository.
pub(super) fn one(call: &Call<'_>, it: &Object, args: &Args) -> Outcome {
    let key = Key::new([
        folded(it.shown()?.text(repo::FULL_NAME)),
        Part::Int(args.int("number").unwrap_or_default()),
    ]);
    Ok(call
        .root()
        .get(MILESTONES, &key)
        .map(|row| Object::row("Milestone", row))
        .into())
}

/// `milestones` of a repository.
pub(super) fn of_repo(call: &Call<'_>, it: &Object, args: &Args) -> Outcome {
    let key = Key::folded(it.shown()?.text(repo::FULL_NAME));
    let rows = call.root().group(MILESTONES, MILESTONES_BY_REPO, &key);
    let mut rows: Vec<&Arc<Row>> = rows.into_iter().flat_map(|rows| rows.values()).collect();
    let order = args.object("orderBy");
    let descending = order.text("direction") == Some("DESC");
    let field = order.text("field").unwrap_or("NUMBER").to_owned();
    directed(&mut rows, descending, |row| {
        let first = match field.as_str() {
            "DUE_DATE" => row.seconds(milestone::DUE_ON),
            "CREATED_AT" => row.seconds(milestone::CREATED_AT),
            "UPDATED_AT" => row.seconds(milestone::UPDATED_AT),
            _ => 0,
        };
        (first, row.int(milestone::NUMBER))
    });
    let states = args.any_of("states");
    let text = args.text("query").unwrap_or_default().to_lowercase();
    Ok(Connection::keyed(rows.into_iter().map(|row| {
        let shown = states.as_ref().is_none_or(|states| {
            states
                .iter()
                .any(|state| state.eq_ignore_ascii_case(row.text(milestone::STATE)))
        }) && row.text(milestone::TITLE).to_lowercase().contains(&text);
        let id = row.text(milestone::NODE_ID).to_owned();
        (id, shown, Object::row("Milestone", row))
    }))
    .into())
}
