//! Pull requests. An object shows the row of the issue that a pull request is; what issues do not
//! have stands in a row of its own.

use std::sync::Arc;

use super::comment::{WRITTEN, may, wrote};
use super::issue::{COMMON, address};
use super::label::directed;
use super::people::{account, actor};
use super::reaction::REACTABLE;
use super::{git, nodes, repo_named};
use crate::engine::git::{ChangeStatus, Oid};
use crate::engine::graphql::arguments::Args;
use crate::engine::graphql::connection::Connection;
use crate::engine::graphql::model::Field::{Always, By, Empty, Null};
use crate::engine::graphql::model::{Fault, Field, Object, Outcome, Type, Value};
use crate::engine::key::{Key, Part, folded, same};
use crate::engine::pack::Call;
use crate::engine::root::Root;
use crate::engine::row::Row;
use crate::github::access::Permission;
use crate::github::issue_lists::order_of;
use crate::github::pulls::{compare, keywords, merge::Method, merging, reviews};
use crate::github::refs;
use crate::github::tables::{
    ISSUES, ISSUES_BY_REPO, PULLS, USERS, issue, issue_key, owner_of, pull, repo, user,
};

/// The types.
pub(super) const TYPES: &[Type] = &[
    Type {
        name: "PullRequest",
        fields: &[COMMON, WRITTEN, REACTABLE, PULL, ENDS, STANDING],
        gaps: &["projectV2"],
    },
    Type {
        name: "PullRequestCommit",
        fields: &[&[
            (
                "id",
                By(|_, it, _| {
                    let row = it.shown()?;
                    Ok(
                        nodes::made("PURC", &format!("{}:{}", address(row, "pull"), it.part))
                            .into(),
                    )
                }),
            ),
            (
                "commit",
                By(|call, it, _| {
                    Ok(git::commit_named(
                        call,
                        it.shown()?.text(issue::REPO),
                        &it.part,
                    ))
                }),
            ),
            (
                "pullRequest",
                By(|_, it, _| Ok(Object::row("PullRequest", it.shown()?).into())),
            ),
            ("url", By(commit_address)),
            ("resourcePath", By(commit_address)),
        ]],
        gaps: &[],
    },
];

fn commit_address(_: &Call<'_>, it: &Object, _: &Args) -> Outcome {
    Ok(format!("{}/commits/{}", address(it.shown()?, "pull"), it.part).into())
}

/// The row that a pull request has beside its issue's.
pub(super) fn row_of<'r>(root: &'r Root, on: &Row) -> Option<&'r Arc<Row>> {
    root.get(PULLS, &root.key(ISSUES, on))
}

fn pull_row(call: &Call<'_>, it: &Object) -> Result<Arc<Row>, Fault> {
    let found = row_of(call.root(), it.shown()?).cloned();
    found.ok_or_else(|| Fault::gap("graphql:PullRequest"))
}

/// The object of a row of [`PULLS`].
pub(super) fn object(root: &Root, row: &Row) -> Option<Object> {
    let on = root.get(ISSUES, &root.key(PULLS, row))?;
    Some(Object::row("PullRequest", on))
}

/// The pull request that `acme/webapp#7` names.
pub(super) fn named(call: &Call<'_>, name: &str) -> Value {
    let root = call.root();
    let on = issue_key(name).and_then(|key| root.get(ISSUES, &key));
    on.map(|on| Object::row("PullRequest", on)).into()
}

const PULL: &[(&str, Field)] = &[
    (
        "state",
        By(|call, it, _| {
            let row = pull_row(call, it)?;
            let closed = it.shown()?.text(issue::STATE) == "closed";
            Ok(match (row.time(pull::MERGED_AT), closed) {
                (Some(_), _) => "MERGED",
                (None, true) => "CLOSED",
                (None, false) => "OPEN",
            }
            .into())
        }),
    ),
    (
        "isDraft",
        By(|call, it, _| Ok(pull_row(call, it)?.bool(pull::DRAFT).into())),
    ),
    (
        "merged",
        By(|call, it, _| Ok(pull_row(call, it)?.time(pull::MERGED_AT).is_some().into())),
    ),
    (
        "mergedAt",
        By(|call, it, _| Ok(pull_row(call, it)?.time(pull::MERGED_AT).into())),
    ),
    (
        "mergedBy",
        By(|call, it, _| {
            let row = pull_row(call, it)?;
            Ok(actor(call.root(), row.text_or_null(pull::MERGED_BY)))
        }),
    ),
    (
        "mergeCommit",
        By(|call, it, _| {
            let row = pull_row(call, it)?;
            if row.time(pull::MERGED_AT).is_none() {
                return Ok(Value::Null);
            }
            Ok(git::commit_named(
                call,
                row.text(pull::REPO),
                row.text(pull::MERGE_COMMIT_SHA),
            ))
        }),
    ),
    ("potentialMergeCommit", Null),
    (
        "permalink",
        By(|_, it, _| Ok(address(it.shown()?, "pull").into())),
    ),
    (
        "checksUrl",
        By(|_, it, _| Ok(format!("{}/checks", address(it.shown()?, "pull")).into())),
    ),
    (
        "checksResourcePath",
        By(|_, it, _| Ok(format!("{}/checks", address(it.shown()?, "pull")).into())),
    ),
    (
        "revertUrl",
        By(|_, it, _| Ok(format!("{}/revert", address(it.shown()?, "pull")).into())),
    ),
    (
        "revertResourcePath",
        By(|_, it, _| Ok(format!("{}/revert", address(it.shown()?, "pull")).into())),
    ),
    (
        "additions",
        By(|call, it, _| Ok(merged(call, it)?.additions.into())),
    ),
    (
        "deletions",
        By(|call, it, _| Ok(merged(call, it)?.deletions.into())),
    ),
    (
        "changedFiles",
        By(|call, it, _| Ok(merged(call, it)?.files.into())),
    ),
    (
        "mergeable",
        By(|call, it, _| {
            Ok(match merged(call, it)?.mergeable {
                Some(true) => "MERGEABLE",
                Some(false) => "CONFLICTING",
                None => "UNKNOWN",
            }
            .into())
        }),
    ),
    (
        "mergeStateStatus",
        By(|call, it, _| Ok(merged(call, it)?.state.to_uppercase().into())),
    ),
    (
        "canBeRebased",
        By(|call, it, _| Ok(merged(call, it)?.rebaseable.into())),
    ),
    ("files", By(files)),
    ("commits", By(commits)),
    ("closingIssuesReferences", By(closing)),
    (
        "statusCheckRollup",
        By(|call, it, args| {
            let row = pull_row(call, it)?;
            match git::commit_named(call, row.text(pull::REPO), row.text(pull::HEAD_SHA)) {
                Value::Object(commit) => super::checks::rollup(call, &commit, args),
                _ => Ok(Value::Null),
            }
        }),
    ),
    (
        "reviewDecision",
        By(|call, it, _| Ok(reviews::decision(call.root(), &*pull_row(call, it)?).into())),
    ),
    ("reviews", By(super::review::of_pull)),
    (
        "latestReviews",
        By(|call, it, args| super::review::latest(call, it, args, false)),
    ),
    (
        "latestOpinionatedReviews",
        By(|call, it, args| super::review::latest(call, it, args, true)),
    ),
    ("viewerLatestReview", By(super::review::of_viewer)),
    ("reviewThreads", By(super::review::threads)),
    ("reviewRequests", By(requests)),
    ("viewerLatestReviewRequest", Null),
    ("suggestedReviewers", Empty),
    ("autoMergeRequest", By(auto_merge)),
    (
        "maintainerCanModify",
        By(|call, it, _| Ok(pull_row(call, it)?.bool(pull::MAINTAINER_CAN_MODIFY).into())),
    ),
    (
        "totalCommentsCount",
        By(|call, it, _| {
            let row = pull_row(call, it)?;
            let root = call.root();
            let on = crate::github::render::issue::comments(root, it.shown()?);
            let inside = crate::github::pulls::comments::of(root, &row).count();
            Ok((on + i64::try_from(inside).unwrap_or(0)).into())
        }),
    ),
    ("isInMergeQueue", Always(false)),
    ("isMergeQueueEnabled", Always(false)),
    ("mergeQueue", Null),
    ("mergeQueueEntry", Null),
];

fn merged(call: &Call<'_>, it: &Object) -> Result<crate::github::render::pull::Merging, Fault> {
    Ok(merging::of(call.root(), &*pull_row(call, it)?))
}

/// Where it comes from and where it goes.
const ENDS: &[(&str, Field)] = &[
    (
        "baseRefName",
        By(|call, it, _| Ok(pull_row(call, it)?.text(pull::BASE).into())),
    ),
    (
        "headRefName",
        By(|call, it, _| Ok(pull_row(call, it)?.text(pull::HEAD).into())),
    ),
    (
        "headRefOid",
        By(|call, it, _| Ok(pull_row(call, it)?.text(pull::HEAD_SHA).into())),
    ),
    (
        "baseRefOid",
        By(|call, it, _| {
            let row = pull_row(call, it)?;
            Ok(compare::of(call.root(), &row)
                .map_or_else(
                    || row.text(pull::BASE_SHA).to_owned(),
                    |at| at.base.to_string(),
                )
                .into())
        }),
    ),
    (
        "baseRef",
        By(|call, it, _| {
            let row = pull_row(call, it)?;
            Ok(end(call, row.text(pull::REPO), row.text(pull::BASE)))
        }),
    ),
    (
        "headRef",
        By(|call, it, _| {
            let row = pull_row(call, it)?;
            Ok(end(call, row.text(pull::HEAD_REPO), row.text(pull::HEAD)))
        }),
    ),
    (
        "baseRepository",
        By(|call, it, _| Ok(repository(call, pull_row(call, it)?.text(pull::REPO)))),
    ),
    (
        "headRepository",
        By(|call, it, _| Ok(repository(call, pull_row(call, it)?.text(pull::HEAD_REPO)))),
    ),
    (
        "headRepositoryOwner",
        By(|call, it, _| {
            let row = pull_row(call, it)?;
            let login = owner_of(row.text(pull::HEAD_REPO));
            Ok(call
                .root()
                .get(USERS, &Key::folded(login))
                .map(account)
                .into())
        }),
    ),
    (
        "isCrossRepository",
        By(|call, it, _| {
            let row = pull_row(call, it)?;
            Ok((!same(row.text(pull::HEAD_REPO), row.text(pull::REPO))).into())
        }),
    ),
];

fn repository(call: &Call<'_>, name: &str) -> Value {
    repo_named(call, name)
        .map(|row| Object::row("Repository", &row))
        .into()
}

fn end(call: &Call<'_>, repo_name: &str, branch: &str) -> Value {
    let full = format!("refs/heads/{branch}");
    let found = refs::get(call.root(), repo_name, &full);
    found
        .and_then(|_| repo_named(call, repo_name))
        .map(|row| git::reference(&row, &full))
        .into()
}

/// What the caller may do.
const STANDING: &[(&str, Field)] = &[
    ("viewerCanEditFiles", By(|call, it, _| pushes(call, it))),
    ("viewerCanUpdateBranch", By(|call, it, _| pushes(call, it))),
    (
        "viewerCanApplySuggestion",
        By(|call, it, _| pushes(call, it)),
    ),
    (
        "viewerCanDeleteHeadRef",
        By(|call, it, _| {
            let row = pull_row(call, it)?;
            let closed = it.shown()?.text(issue::STATE) == "closed";
            Ok((closed && may(call, row.text(pull::HEAD_REPO), Permission::Push)).into())
        }),
    ),
    (
        "viewerCanEnableAutoMerge",
        By(|call, it, _| {
            let row = pull_row(call, it)?;
            let blocked = merging::of(call.root(), &row).state == "blocked";
            let allowed = may(call, row.text(pull::REPO), Permission::Push);
            Ok((blocked && allowed && row.text_or_null(pull::AUTO_MERGE_METHOD).is_none()).into())
        }),
    ),
    (
        "viewerCanDisableAutoMerge",
        By(|call, it, _| {
            let row = pull_row(call, it)?;
            let allowed = may(call, row.text(pull::REPO), Permission::Push);
            Ok((allowed && row.text_or_null(pull::AUTO_MERGE_METHOD).is_some()).into())
        }),
    ),
    (
        "viewerCanMergeAsAdmin",
        By(|call, it, _| {
            let row = pull_row(call, it)?;
            Ok(crate::github::pulls::rules::may_bypass(call, &row).into())
        }),
    ),
    (
        "viewerMergeHeadlineText",
        By(|call, it, args| {
            let row = pull_row(call, it)?;
            Ok(Value::said(headline(
                it.shown()?,
                &row,
                args.text("mergeType"),
            )))
        }),
    ),
    (
        "viewerMergeBodyText",
        By(|call, it, args| {
            let row = pull_row(call, it)?;
            Ok(Value::said(merge_body(
                call,
                it.shown()?,
                &row,
                args.text("mergeType"),
            )))
        }),
    ),
];

fn pushes(call: &Call<'_>, it: &Object) -> Outcome {
    let row = pull_row(call, it)?;
    let own = wrote(call, it.shown()?.text(issue::USER));
    Ok((own || may(call, row.text(pull::HEAD_REPO), Permission::Push)).into())
}

fn headline(on: &Row, row: &Row, method: Option<&str>) -> String {
    let number = row.int(pull::NUMBER);
    match method {
        Some("SQUASH") => format!("{} (#{number})", on.text(issue::TITLE)),
        Some("REBASE") => String::new(),
        _ => format!(
            "Merge pull request #{number} from {}/{}",
            owner_of(row.text(pull::HEAD_REPO)),
            row.text(pull::HEAD)
        ),
    }
}

fn merge_body(call: &Call<'_>, on: &Row, row: &Row, method: Option<&str>) -> String {
    match method {
        Some("REBASE") => String::new(),
        Some("SQUASH") => {
            let root = call.root();
            let commits = compare::of(root, row)
                .map(|at| at.commits(root))
                .unwrap_or_default();
            match commits.as_slice() {
                [(_, only)] => only
                    .message
                    .split_once("\n\n")
                    .map_or(String::new(), |(_, rest)| rest.trim().to_owned()),
                several => several
                    .iter()
                    .map(|(_, commit)| format!("* {}", commit.message.trim()))
                    .collect::<Vec<_>>()
                    .join("\n\n"),
            }
        }
        _ => on.text(issue::TITLE).to_owned(),
    }
}

fn files(call: &Call<'_>, it: &Object, _: &Args) -> Outcome {
    let root = call.root();
    let row = pull_row(call, it)?;
    let files = compare::of(root, &row)
        .map(|at| at.files(root))
        .unwrap_or_default();
    Ok(Connection::of(files.iter().map(|file| {
        let kind = match file.status {
            ChangeStatus::Added => "ADDED",
            ChangeStatus::Removed => "DELETED",
            ChangeStatus::Renamed => "RENAMED",
            _ => "MODIFIED",
        };
        Object::made(
            "PullRequestChangedFile",
            vec![
                ("path", Value::text(file.path.as_str())),
                ("additions", file.additions.into()),
                ("deletions", file.deletions.into()),
                ("changeType", kind.into()),
                ("viewerViewedState", "UNVIEWED".into()),
            ],
        )
    }))
    .into())
}

fn commits(call: &Call<'_>, it: &Object, _: &Args) -> Outcome {
    let root = call.root();
    let row = pull_row(call, it)?;
    let on = it.shown()?;
    let commits = compare::of(root, &row)
        .map(|at| at.commits(root))
        .unwrap_or_default();
    let nodes = commits
        .iter()
        .map(|(oid, _)| Object::part("PullRequestCommit", on, &oid.to_string()));
    Ok(Connection::of(nodes).into())
}

/// The issues that its text says it closes.
fn closing(call: &Call<'_>, it: &Object, _: &Args) -> Outcome {
    let on = it.shown()?;
    let root = call.root();
    let names = keywords::closes(on.text(issue::BODY), on.text(issue::REPO));
    let found = names.iter().filter_map(|name| {
        let row = root.get(ISSUES, &issue_key(name)?)?;
        let is_issue = row_of(root, row).is_none();
        let seen = repo_named(call, row.text(issue::REPO)).is_some();
        (is_issue && seen).then(|| Object::row("Issue", row))
    });
    Ok(Connection::of(found).into())
}

fn requests(call: &Call<'_>, it: &Object, _: &Args) -> Outcome {
    let row = pull_row(call, it)?;
    let on = it.shown()?;
    let root = call.root();
    let users = row.texts(pull::REVIEWERS).filter_map(|login| {
        let account = root.get(USERS, &Key::folded(login)).map(account)?;
        Some((login.to_owned(), account))
    });
    let teams = row.texts(pull::TEAMS).filter_map(|slug| {
        let team = super::social::team_named(call, owner_of(row.text(pull::REPO)), slug)?;
        Some((format!("team/{slug}"), team))
    });
    Ok(Connection::of(users.chain(teams).map(|(name, reviewer)| {
        Object::made(
            "ReviewRequest",
            vec![
                (
                    "id",
                    nodes::made("RR", &format!("{}/{name}", address(on, "pull"))).into(),
                ),
                ("databaseId", Value::Null),
                ("asCodeOwner", false.into()),
                ("pullRequest", Object::row("PullRequest", on).into()),
                ("requestedReviewer", reviewer.into()),
            ],
        )
    }))
    .into())
}

fn auto_merge(call: &Call<'_>, it: &Object, _: &Args) -> Outcome {
    let row = pull_row(call, it)?;
    let Some(method) = row.text_or_null(pull::AUTO_MERGE_METHOD) else {
        return Ok(Value::Null);
    };
    let by = call
        .root()
        .get(USERS, &Key::folded(row.text(pull::AUTO_MERGE_BY)));
    Ok(Object::made(
        "AutoMergeRequest",
        vec![
            (
                "authorEmail",
                by.and_then(|row| row.text_or_null(user::EMAIL)).into(),
            ),
            (
                "commitHeadline",
                row.text_or_null(pull::AUTO_MERGE_TITLE)
                    .map(Value::said)
                    .into(),
            ),
            (
                "commitBody",
                row.text_or_null(pull::AUTO_MERGE_MESSAGE)
                    .map(Value::said)
                    .into(),
            ),
            ("enabledAt", row.time(pull::AUTO_MERGE_AT).into()),
            ("enabledBy", by.map(account).into()),
            ("mergeMethod", method.to_uppercase().into()),
            (
                "pullRequest",
                Object::row("PullRequest", it.shown()?).into(),
            ),
        ],
    )
    .into())
}

/// How a pull request is merged, by the schema's name.
pub(super) fn method(name: Option<&str>) -> Method {
    let name = name.unwrap_or("MERGE").to_lowercase();
    Method::named(&name).unwrap_or(Method::Merge)
}

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
