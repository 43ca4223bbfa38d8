//! Reviews, the threads of their comments, and the comments.

use std::sync::Arc;

use super::comment::{WRITTEN, may, reasons, wrote};
use super::people::actor;
use super::reaction::REACTABLE;
use super::{git, pull, repo_named};
use crate::engine::graphql::arguments::Args;
use crate::engine::graphql::connection::Connection;
use crate::engine::graphql::model::Field::{
    Always, By, Empty, Int, Null, ProseOrEmpty, Text, Time,
};
use crate::engine::graphql::model::{Fault, Field, Object, Outcome, Type, Value};
use crate::engine::key::same;
use crate::engine::pack::Call;
use crate::engine::root::Root;
use crate::engine::row::Row;
use crate::github::access::{self, Permission};
use crate::github::pulls::{comments, reviews, threads as thread};
use crate::github::render::WEB;
use crate::github::tables::{ISSUES, PULLS, issue, issue_key, repo_of, review, review_comment};

/// The types.
pub(super) const TYPES: &[Type] = &[
    Type {
        name: "PullRequestReview",
        fields: &[REVIEW, WRITTEN, REACTABLE],
        gaps: &[],
    },
    Type {
        name: "PullRequestReviewComment",
        fields: &[COMMENT, WRITTEN, REACTABLE],
        gaps: &[],
    },
    Type {
        name: "PullRequestReviewThread",
        fields: &[THREAD],
        gaps: &[],
    },
];

fn pull_row(call: &Call<'_>, it: &Object) -> Result<Arc<Row>, Fault> {
    let found = pull::row_of(call.root(), it.shown()?).cloned();
    found.ok_or_else(|| Fault::gap("graphql:PullRequest"))
}

/// The row of [`PULLS`] that `acme/webapp#7` names.
fn pull_named(root: &Root, name: &str) -> Option<Arc<Row>> {
    root.get(PULLS, &issue_key(name)?).cloned()
}

fn listed<'r>(rows: impl Iterator<Item = (&'r Arc<Row>, bool)>) -> Value {
    Connection::keyed(rows.map(|(row, shown)| {
        let id = row.text(review::NODE_ID).to_owned();
        (id, shown, Object::row("PullRequestReview", row))
    }))
    .into()
}

/// `reviews` of a pull request.
pub(super) fn of_pull(call: &Call<'_>, it: &Object, args: &Args) -> Outcome {
    let root = call.root();
    let row = pull_row(call, it)?;
    let states = args.any_of("states");
    let rows = reviews::of(root, &row).filter(|row| reviews::seen_by(row, call.caller.as_deref()));
    Ok(listed(rows.map(|row| {
        let fits = args
            .text("author")
            .is_none_or(|login| same(row.text(review::USER), login))
            && states
                .as_ref()
                .is_none_or(|states| states.contains(&row.text(review::STATE)));
        (row, fits)
    })))
}

/// `latestReviews`, or those of them that approve or want changes.
pub(super) fn latest(call: &Call<'_>, it: &Object, args: &Args, opinionated: bool) -> Outcome {
    let root = call.root();
    let row = pull_row(call, it)?;
    if opinionated {
        let writers = args.bool("writersOnly") == Some(true);
        let repo_name = repo_of(&crate::github::pulls::name(&row)).to_owned();
        let rows = reviews::latest(root, &row).into_iter().filter(|row| {
            let login = row.text(review::USER);
            !writers
                || root
                    .named(crate::github::tables::REPOS, &repo_name)
                    .is_some_and(|of| {
                        let user = root.get(
                            crate::github::tables::USERS,
                            &crate::engine::key::Key::folded(login),
                        );
                        access::permission(root, of, user.map(AsRef::as_ref))
                            >= Some(Permission::Push)
                    })
        });
        return Ok(listed(rows.map(|row| (row, true))));
    }
    let mut out: Vec<&Arc<Row>> = Vec::new();
    for one in reviews::of(root, &row).filter(|row| row.text(review::STATE) != "PENDING") {
        out.retain(|known| !same(known.text(review::USER), one.text(review::USER)));
        out.push(one);
    }
    Ok(listed(out.into_iter().map(|row| (row, true))))
}

/// `viewerLatestReview`.
pub(super) fn of_viewer(call: &Call<'_>, it: &Object, _: &Args) -> Outcome {
    let row = pull_row(call, it)?;
    let own = reviews::of(call.root(), &row).filter(|row| wrote(call, row.text(review::USER)));
    Ok(own
        .last()
        .map(|row| Object::row("PullRequestReview", row))
        .into())
}

const REVIEW: &[(&str, Field)] = &[
    ("id", Text(review::NODE_ID)),
    ("databaseId", Int(review::ID)),
    (
        "fullDatabaseId",
        By(|_, it, _| Ok(it.shown()?.int(review::ID).to_string().into())),
    ),
    ("state", Text(review::STATE)),
    ("body", ProseOrEmpty(review::BODY)),
    (
        "bodyText",
        By(|_, it, _| Ok(super::markdown::text(it.shown()?, review::BODY))),
    ),
    (
        "bodyHTML",
        By(|_, it, _| Ok(super::markdown::html(it.shown()?, review::BODY))),
    ),
    ("createdAt", Time(review::CREATED_AT)),
    ("updatedAt", Time(review::UPDATED_AT)),
    ("submittedAt", Time(review::SUBMITTED_AT)),
    ("publishedAt", Time(review::SUBMITTED_AT)),
    ("authorAssociation", Text(review::AUTHOR_ASSOCIATION)),
    (
        "author",
        By(|call, it, _| Ok(actor(call.root(), it.shown()?.text_or_null(review::USER)))),
    ),
    (
        "authorCanPushToRepository",
        By(|call, it, _| {
            let row = it.shown()?;
            let root = call.root();
            let of = root.named(
                crate::github::tables::REPOS,
                repo_of(row.text(review::PULL)),
            );
            let key = crate::engine::key::Key::folded(row.text(review::USER));
            let user = root.get(crate::github::tables::USERS, &key);
            Ok(of
                .and_then(|of| access::permission(root, of, Some(user?)))
                .is_some_and(|held| held >= Permission::Push)
                .into())
        }),
    ),
    (
        "commit",
        By(|call, it, _| {
            let row = it.shown()?;
            Ok(git::commit_named(
                call,
                repo_of(row.text(review::PULL)),
                row.text(review::COMMIT_ID),
            ))
        }),
    ),
    (
        "pullRequest",
        By(|call, it, _| Ok(pull::named(call, it.shown()?.text(review::PULL)))),
    ),
    (
        "repository",
        By(|call, it, _| repository(call, it.shown()?.text(review::PULL))),
    ),
    (
        "comments",
        By(|call, it, _| Ok(comment_list(reviews::comments_of(call.root(), it.shown()?)))),
    ),
    ("onBehalfOf", Empty),
    ("isMinimized", Always(false)),
    ("minimizedReason", Null),
    ("url", By(review_address)),
    ("resourcePath", By(review_address)),
    (
        "viewerDidAuthor",
        By(|call, it, _| Ok(wrote(call, it.shown()?.text(review::USER)).into())),
    ),
    (
        "viewerCanUpdate",
        By(|call, it, _| Ok(wrote(call, it.shown()?.text(review::USER)).into())),
    ),
    (
        "viewerCanDelete",
        By(|call, it, _| {
            let row = it.shown()?;
            Ok(
                (row.text(review::STATE) == "PENDING" && wrote(call, row.text(review::USER)))
                    .into(),
            )
        }),
    ),
    (
        "viewerCanMinimize",
        By(|call, it, _| {
            Ok(may(
                call,
                repo_of(it.shown()?.text(review::PULL)),
                Permission::Push,
            )
            .into())
        }),
    ),
    (
        "viewerCannotUpdateReasons",
        By(|call, it, _| reasons(wrote(call, it.shown()?.text(review::USER)).into())),
    ),
];

fn repository(call: &Call<'_>, name: &str) -> Outcome {
    Ok(repo_named(call, repo_of(name))
        .map(|row| Object::row("Repository", &row))
        .into())
}

fn page_of(name: &str) -> String {
    let (repo_name, number) = name.split_once('#').unwrap_or((name, ""));
    format!("{WEB}/{repo_name}/pull/{number}")
}

fn review_address(_: &Call<'_>, it: &Object, _: &Args) -> Outcome {
    let row = it.shown()?;
    let id = row.int(review::ID);
    Ok(format!("{}#pullrequestreview-{id}", page_of(row.text(review::PULL))).into())
}

fn comment_list<'r>(rows: impl Iterator<Item = &'r Arc<Row>>) -> Value {
    Connection::keyed(rows.map(|row| {
        let id = row.text(review_comment::NODE_ID).to_owned();
        (id, true, Object::row("PullRequestReviewComment", row))
    }))
    .into()
}

fn number(it: &Object, column: usize) -> Outcome {
    let row = it.shown()?;
    Ok(match row.int(column) {
        0 => Value::Null,
        number => number.into(),
    })
}

fn commit(call: &Call<'_>, it: &Object, column: usize) -> Outcome {
    let row = it.shown()?;
    let repo_name = repo_of(row.text(review_comment::PULL));
    Ok(git::commit_named(call, repo_name, row.text(column)))
}

fn subject(it: &Object) -> Outcome {
    let file = it.shown()?.text(review_comment::SUBJECT_TYPE) == "file";
    Ok(if file { "FILE" } else { "LINE" }.into())
}

fn may_change(call: &Call<'_>, it: &Object, _: &Args) -> Outcome {
    let row = it.shown()?;
    let repo_name = repo_of(row.text(review_comment::PULL));
    let own = wrote(call, row.text(review_comment::USER));
    Ok((own || may(call, repo_name, Permission::Push)).into())
}

const COMMENT: &[(&str, Field)] = &[
    ("id", Text(review_comment::NODE_ID)),
    ("databaseId", Int(review_comment::ID)),
    (
        "fullDatabaseId",
        By(|_, it, _| Ok(it.shown()?.int(review_comment::ID).to_string().into())),
    ),
    ("body", ProseOrEmpty(review_comment::BODY)),
    (
        "bodyText",
        By(|_, it, _| Ok(super::markdown::text(it.shown()?, review_comment::BODY))),
    ),
    (
        "bodyHTML",
        By(|_, it, _| Ok(super::markdown::html(it.shown()?, review_comment::BODY))),
    ),
    ("createdAt", Time(review_comment::CREATED_AT)),
    ("draftedAt", Time(review_comment::CREATED_AT)),
    ("publishedAt", Time(review_comment::CREATED_AT)),
    ("updatedAt", Time(review_comment::UPDATED_AT)),
    (
        "authorAssociation",
        Text(review_comment::AUTHOR_ASSOCIATION),
    ),
    (
        "author",
        By(|call, it, _| {
            Ok(actor(
                call.root(),
                it.shown()?.text_or_null(review_comment::USER),
            ))
        }),
    ),
    ("path", Text(review_comment::PATH)),
    ("diffHunk", ProseOrEmpty(review_comment::DIFF_HUNK)),
    ("line", By(|_, it, _| number(it, review_comment::LINE))),
    (
        "startLine",
        By(|_, it, _| number(it, review_comment::START_LINE)),
    ),
    (
        "originalLine",
        By(|_, it, _| number(it, review_comment::ORIGINAL_LINE)),
    ),
    (
        "originalStartLine",
        By(|_, it, _| number(it, review_comment::ORIGINAL_START_LINE)),
    ),
    (
        "position",
        By(|_, it, _| number(it, review_comment::POSITION)),
    ),
    ("originalPosition", Int(review_comment::ORIGINAL_POSITION)),
    (
        "outdated",
        By(|_, it, _| Ok(thread::is_outdated(it.shown()?).into())),
    ),
    ("subjectType", By(|_, it, _| subject(it))),
    (
        "state",
        By(|call, it, _| {
            let public = comments::is_public(call.root(), it.shown()?);
            Ok(if public { "SUBMITTED" } else { "PENDING" }.into())
        }),
    ),
    (
        "commit",
        By(|call, it, _| commit(call, it, review_comment::COMMIT_ID)),
    ),
    (
        "originalCommit",
        By(|call, it, _| commit(call, it, review_comment::ORIGINAL_COMMIT_ID)),
    ),
    (
        "pullRequest",
        By(|call, it, _| Ok(pull::named(call, it.shown()?.text(review_comment::PULL)))),
    ),
    (
        "pullRequestReview",
        By(|call, it, _| {
            let row = comments::review_of(call.root(), it.shown()?);
            Ok(row.map(|row| Object::row("PullRequestReview", row)).into())
        }),
    ),
    (
        "replyTo",
        By(|call, it, _| {
            let row = it.shown()?;
            let root = call.root();
            let to = row.int(review_comment::IN_REPLY_TO);
            let of = pull_named(root, row.text(review_comment::PULL));
            let found = of.and_then(|of| {
                comments::of(root, &of)
                    .find(|one| one.int(review_comment::ID) == to)
                    .cloned()
            });
            Ok(found
                .map(|row| Object::row("PullRequestReviewComment", &row))
                .into())
        }),
    ),
    (
        "repository",
        By(|call, it, _| repository(call, it.shown()?.text(review_comment::PULL))),
    ),
    ("isMinimized", Always(false)),
    ("minimizedReason", Null),
    ("url", By(comment_address)),
    ("resourcePath", By(comment_address)),
    (
        "viewerDidAuthor",
        By(|call, it, _| Ok(wrote(call, it.shown()?.text(review_comment::USER)).into())),
    ),
    ("viewerCanUpdate", By(may_change)),
    ("viewerCanDelete", By(may_change)),
    ("viewerCanMinimize", By(may_change)),
    (
        "viewerCannotUpdateReasons",
        By(|call, it, args| reasons(may_change(call, it, args)?)),
    ),
];

fn comment_address(_: &Call<'_>, it: &Object, _: &Args) -> Outcome {
    let row = it.shown()?;
    let id = row.int(review_comment::ID);
    Ok(format!(
        "{}#discussion_r{id}",
        page_of(row.text(review_comment::PULL))
    )
    .into())
}

/// A thread, which its first comment stands for.
pub(super) fn thread_object(first: &Arc<Row>) -> Object {
    Object::row("PullRequestReviewThread", first)
}

/// `reviewThreads` of a pull request.
pub(super) fn threads(call: &Call<'_>, it: &Object, _: &Args) -> Outcome {
    let root = call.root();
    let row = pull_row(call, it)?;
    let firsts = thread::of(root, &row).into_iter();
    let seen = firsts.filter(|first| comments::seen_by(root, first, call.caller.as_deref()));
    Ok(
        Connection::keyed(seen.map(|first| (thread::id(root, first), true, thread_object(first))))
            .into(),
    )
}

/// The thread of an id.
pub(super) fn thread_of(call: &Call<'_>, id: &str) -> Result<Arc<Row>, Fault> {
    let root = call.root();
    let found = thread::find(root, id).filter(|first| {
        let repo_name = repo_of(first.text(review_comment::PULL));
        comments::seen_by(root, first, call.caller.as_deref())
            && repo_named(call, repo_name).is_some()
    });
    found.cloned().ok_or_else(|| super::nodes::unknown(id))
}

fn resolves(call: &Call<'_>, it: &Object) -> Result<bool, Fault> {
    let row = it.shown()?;
    let name = row.text(review_comment::PULL);
    let root = call.root();
    let opened = issue_key(name)
        .and_then(|key| root.get(ISSUES, &key))
        .is_some_and(|on| wrote(call, on.text(issue::USER)));
    Ok(opened || may(call, repo_of(name), Permission::Push))
}

fn resolved(it: &Object) -> Result<bool, Fault> {
    Ok(it
        .shown()?
        .text_or_null(review_comment::RESOLVED_BY)
        .is_some())
}

const THREAD: &[(&str, Field)] = &[
    (
        "id",
        By(|call, it, _| Ok(thread::id(call.root(), it.shown()?).into())),
    ),
    ("path", Text(review_comment::PATH)),
    ("line", By(|_, it, _| number(it, review_comment::LINE))),
    (
        "startLine",
        By(|_, it, _| number(it, review_comment::START_LINE)),
    ),
    (
        "originalLine",
        By(|_, it, _| number(it, review_comment::ORIGINAL_LINE)),
    ),
    (
        "originalStartLine",
        By(|_, it, _| number(it, review_comment::ORIGINAL_START_LINE)),
    ),
    (
        "diffSide",
        By(|_, it, _| {
            let left = it
                .shown()?
                .text(review_comment::SIDE)
                .eq_ignore_ascii_case("left");
            Ok(if left { "LEFT" } else { "RIGHT" }.into())
        }),
    ),
    (
        "startDiffSide",
        By(|_, it, _| {
            let side = it.shown()?.text_or_null(review_comment::START_SIDE);
            Ok(side.map(str::to_uppercase).into())
        }),
    ),
    ("subjectType", By(|_, it, _| subject(it))),
    ("isResolved", By(|_, it, _| Ok(resolved(it)?.into()))),
    (
        "isCollapsed",
        By(|_, it, _| Ok((resolved(it)? || thread::is_outdated(it.shown()?)).into())),
    ),
    (
        "isOutdated",
        By(|_, it, _| Ok(thread::is_outdated(it.shown()?).into())),
    ),
    (
        "resolvedBy",
        By(|call, it, _| {
            Ok(actor(
                call.root(),
                it.shown()?.text_or_null(review_comment::RESOLVED_BY),
            ))
        }),
    ),
    (
        "pullRequest",
        By(|call, it, _| Ok(pull::named(call, it.shown()?.text(review_comment::PULL)))),
    ),
    (
        "repository",
        By(|call, it, _| repository(call, it.shown()?.text(review_comment::PULL))),
    ),
    (
        "comments",
        By(|call, it, _| {
            let first = it.shown()?;
            let root = call.root();
            let Some(of) = pull_named(root, first.text(review_comment::PULL)) else {
                return Ok(Connection::default().into());
            };
            let rows = thread::comments_of(root, &of, first).into_iter();
            Ok(comment_list(rows.filter(|row| {
                comments::seen_by(root, row, call.caller.as_deref())
            })))
        }),
    ),
    ("viewerCanReply", Always(true)),
    (
        "viewerCanResolve",
        By(|call, it, _| Ok((!resolved(it)? && resolves(call, it)?).into())),
    ),
    (
        "viewerCanUnresolve",
        By(|call, it, _| Ok((resolved(it)? && resolves(call, it)?).into())),
    ),
];
