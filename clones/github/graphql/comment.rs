//! Comments on issues, and what comments of every kind have in common.

use super::people::actor;
use super::reaction::REACTABLE;
use super::{issue as issue_type, repo_named};
use crate::engine::graphql::arguments::Args;
use crate::engine::graphql::model::Field::{
    Always, By, Empty, Int, Null, ProseOrEmpty, Text, Time,
};
use crate::engine::graphql::model::{Fault, Field, Object, Outcome, Type, Value};
use crate::engine::key::same;
use crate::engine::pack::Call;
use crate::engine::row::Row;
use crate::github::access::{self, Permission};
use crate::github::render::WEB;
use crate::github::tables::{ISSUES, REPOS, comment, issue_of, repo_of};

/// The types.
pub(super) const TYPES: &[Type] = &[Type {
    name: "IssueComment",
    fields: &[
        &[
            ("id", Text(comment::NODE_ID)),
            ("databaseId", Int(comment::ID)),
            (
                "fullDatabaseId",
                By(|_, it, _| Ok(it.shown()?.int(comment::ID).to_string().into())),
            ),
            ("body", ProseOrEmpty(comment::BODY)),
            (
                "bodyText",
                By(|_, it, _| Ok(super::markdown::text(it.shown()?, comment::BODY))),
            ),
            (
                "bodyHTML",
                By(|_, it, _| Ok(super::markdown::html(it.shown()?, comment::BODY))),
            ),
            ("createdAt", Time(comment::CREATED_AT)),
            ("publishedAt", Time(comment::CREATED_AT)),
            ("updatedAt", Time(comment::UPDATED_AT)),
            ("authorAssociation", Text(comment::AUTHOR_ASSOCIATION)),
            (
                "author",
                By(|call, it, _| Ok(actor(call.root(), it.shown()?.text_or_null(comment::USER)))),
            ),
            ("url", By(url)),
            ("resourcePath", By(url)),
            ("issue", By(of_issue)),
            (
                "pullRequest",
                By(|call, it, args| {
                    Ok(match of_issue(call, it, args)? {
                        Value::Object(object) if object.of == "PullRequest" => (*object).into(),
                        _ => Value::Null,
                    })
                }),
            ),
            (
                "repository",
                By(|call, it, _| {
                    let name = repo_of(it.shown()?.text(comment::ISSUE));
                    Ok(repo_named(call, name)
                        .map(|row| Object::row("Repository", &row))
                        .into())
                }),
            ),
            ("isMinimized", Always(false)),
            ("minimizedReason", Null),
            (
                "viewerDidAuthor",
                By(|call, it, _| Ok(wrote(call, it.shown()?.text(comment::USER)).into())),
            ),
            ("viewerCanUpdate", By(may_change)),
            ("viewerCanDelete", By(may_change)),
            (
                "viewerCanMinimize",
                By(|call, it, _| {
                    let name = repo_of(it.shown()?.text(comment::ISSUE));
                    Ok(may(call, name, Permission::Push).into())
                }),
            ),
            (
                "viewerCannotUpdateReasons",
                By(|call, it, args| reasons(may_change(call, it, args)?)),
            ),
        ],
        WRITTEN,
        REACTABLE,
    ],
    gaps: &[],
}];

/// What everything that people write has.
pub(super) const WRITTEN: &[(&str, Field)] = &[
    ("createdViaEmail", Always(false)),
    ("includesCreatedEdit", Always(false)),
    ("editor", Null),
    ("lastEditedAt", Null),
    ("userContentEdits", Empty),
];

/// Why the caller may not change it.
pub(super) fn reasons(may: Value) -> Outcome {
    Ok(match may {
        Value::Bool(true) => Value::List(Vec::new()),
        _ => vec!["INSUFFICIENT_ACCESS"].into(),
    })
}

/// Whether the caller is that author.
pub(super) fn wrote(call: &Call<'_>, login: &str) -> bool {
    access::login(call).is_ok_and(|caller| same(&caller, login))
}

/// Whether the caller may do at least that with a repository.
pub(super) fn may(call: &Call<'_>, repo_name: &str, least: Permission) -> bool {
    let root = call.root();
    let row: Option<&Row> = root.named(REPOS, repo_name).map(AsRef::as_ref);
    row.and_then(|row| access::sees(call, row))
        .is_some_and(|held| held >= least)
}

fn may_change(call: &Call<'_>, it: &Object, _: &Args) -> Outcome {
    let row = it.shown()?;
    let repo_name = repo_of(row.text(comment::ISSUE));
    Ok((wrote(call, row.text(comment::USER)) || may(call, repo_name, Permission::Push)).into())
}

fn url(call: &Call<'_>, it: &Object, args: &Args) -> Outcome {
    let row = it.shown()?;
    let number = row
        .text(comment::ISSUE)
        .split_once('#')
        .map_or("", |(_, number)| number);
    let kind = match of_issue(call, it, args)? {
        Value::Object(object) if object.of == "PullRequest" => "pull",
        _ => "issues",
    };
    let repo_name = repo_of(row.text(comment::ISSUE));
    let id = row.int(comment::ID);
    Ok(format!("{WEB}/{repo_name}/{kind}/{number}#issuecomment-{id}").into())
}

fn of_issue(call: &Call<'_>, it: &Object, _: &Args) -> Outcome {
    let root = call.root();
    let row = issue_of(it.shown()?).and_then(|key| root.get(ISSUES, &key));
    let row = row.ok_or_else(|| Fault::gap("graphql:IssueComment.issue"))?;
    Ok(issue_type::object(root, row).into())
}
