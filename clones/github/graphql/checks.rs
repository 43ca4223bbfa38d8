//! What became of a commit: statuses, check runs and suites, and all of them together.

use std::sync::Arc;

use super::people::actor;
use super::{git, nodes, repo_named};
use crate::engine::graphql::arguments::Args;
use crate::engine::graphql::connection::Connection;
use crate::engine::graphql::model::Field::{By, Empty, Int, Null, Prose, Text, Time};
use crate::engine::graphql::model::{Fault, Field, Object, Outcome, Type, Value};
use crate::engine::key::{Key, Part, folded};
use crate::engine::pack::Call;
use crate::engine::root::Root;
use crate::engine::row::Row;
use crate::github::checks::{outcome, runs_of_commit};
use crate::github::pulls::rules;
use crate::github::render::WEB;
use crate::github::statuses;
use crate::github::tables::{
    CHECK_RUNS, CHECK_RUNS_BY_SUITE, CHECK_SUITES, CHECK_SUITES_BY_COMMIT, ISSUES, PULLS,
    check_run, check_suite, issue, repo, status,
};

/// The types.
pub(super) const TYPES: &[Type] = &[
    Type {
        name: "StatusContext",
        fields: &[STATUS],
        gaps: &[],
    },
    Type {
        name: "CheckRun",
        fields: &[RUN],
        gaps: &["annotations", "steps", "deployment"],
    },
    Type {
        name: "CheckSuite",
        fields: &[SUITE],
        gaps: &["workflowRun", "creator", "push"],
    },
];

const STATUS: &[(&str, Field)] = &[
    ("id", Text(status::NODE_ID)),
    ("context", Text(status::CONTEXT)),
    ("description", Prose(status::DESCRIPTION)),
    (
        "state",
        By(|_, it, _| Ok(it.shown()?.text(status::STATE).to_uppercase().into())),
    ),
    ("targetUrl", Text(status::TARGET_URL)),
    ("createdAt", Time(status::CREATED_AT)),
    (
        "creator",
        By(|call, it, _| {
            Ok(actor(
                call.root(),
                it.shown()?.text_or_null(status::CREATOR),
            ))
        }),
    ),
    (
        "commit",
        By(|call, it, _| {
            let row = it.shown()?;
            Ok(git::commit_named(
                call,
                row.text(status::REPO),
                row.text(status::SHA),
            ))
        }),
    ),
    (
        "isRequired",
        By(|call, it, args| {
            let row = it.shown()?;
            required(
                call,
                args,
                row.text(status::REPO),
                row.text(status::CONTEXT),
            )
        }),
    ),
];

/// Whether the base of the pull request that the arguments name waits for a check of that name.
fn required(call: &Call<'_>, args: &Args, repo_name: &str, name: &str) -> Outcome {
    let root = call.root();
    let on = match (args.text("pullRequestId"), args.int("pullRequestNumber")) {
        (Some(id), _) => Some(nodes::row(call, id, &["PullRequest"])?),
        (None, Some(number)) => {
            let key = Key::new([folded(repo_name), Part::Int(number)]);
            root.get(ISSUES, &key).cloned()
        }
        (None, None) => None,
    };
    let Some(on) = on else {
        return Err(Fault::new(
            "UNPROCESSABLE",
            "pullRequestId or pullRequestNumber is required to check if it is required",
        ));
    };
    let key = Key::new([
        folded(on.text(issue::REPO)),
        Part::Int(on.int(issue::NUMBER)),
    ]);
    let contexts = root
        .get(PULLS, &key)
        .map(|row| rules::of(root, row).contexts)
        .unwrap_or_default();
    Ok(contexts.iter().any(|context| context == name).into())
}

const RUN: &[(&str, Field)] = &[
    ("id", Text(check_run::NODE_ID)),
    ("databaseId", Int(check_run::ID)),
    ("name", Text(check_run::NAME)),
    ("externalId", Text(check_run::EXTERNAL_ID)),
    (
        "status",
        By(|_, it, _| Ok(it.shown()?.text(check_run::STATUS).to_uppercase().into())),
    ),
    (
        "conclusion",
        By(|_, it, _| {
            Ok(it
                .shown()?
                .text_or_null(check_run::CONCLUSION)
                .map(str::to_uppercase)
                .into())
        }),
    ),
    ("startedAt", Time(check_run::STARTED_AT)),
    ("completedAt", Time(check_run::COMPLETED_AT)),
    ("title", Prose(check_run::OUTPUT_TITLE)),
    ("summary", Prose(check_run::OUTPUT_SUMMARY)),
    ("text", Prose(check_run::OUTPUT_TEXT)),
    ("url", By(run_address)),
    ("resourcePath", By(run_address)),
    ("permalink", By(run_address)),
    (
        "detailsUrl",
        By(
            |call, it, args| match it.shown()?.text_or_null(check_run::DETAILS_URL) {
                Some(url) => Ok(url.into()),
                None => run_address(call, it, args),
            },
        ),
    ),
    (
        "checkSuite",
        By(|call, it, _| {
            let row = it.shown()?;
            let repo_part = folded(row.text(check_run::REPO));
            let key = Key::new([repo_part, Part::Int(row.int(check_run::SUITE))]);
            Ok(call
                .root()
                .get(CHECK_SUITES, &key)
                .map(|row| Object::row("CheckSuite", row))
                .into())
        }),
    ),
    (
        "repository",
        By(|call, it, _| repository(call, it.shown()?.text(check_run::REPO))),
    ),
    ("pendingDeploymentRequest", Null),
    (
        "isRequired",
        By(|call, it, args| {
            let row = it.shown()?;
            required(
                call,
                args,
                row.text(check_run::REPO),
                row.text(check_run::NAME),
            )
        }),
    ),
];

fn run_address(_: &Call<'_>, it: &Object, _: &Args) -> Outcome {
    let row = it.shown()?;
    let (name, id) = (row.text(check_run::REPO), row.int(check_run::ID));
    Ok(format!("{WEB}/{name}/runs/{id}").into())
}

fn repository(call: &Call<'_>, name: &str) -> Outcome {
    Ok(repo_named(call, name)
        .map(|row| Object::row("Repository", &row))
        .into())
}

const SUITE: &[(&str, Field)] = &[
    ("id", Text(check_suite::NODE_ID)),
    ("databaseId", Int(check_suite::ID)),
    ("createdAt", Time(check_suite::CREATED_AT)),
    ("updatedAt", Time(check_suite::UPDATED_AT)),
    (
        "status",
        By(|call, it, _| Ok(outcome(call.root(), it.shown()?).0.to_uppercase().into())),
    ),
    (
        "conclusion",
        By(|call, it, _| {
            Ok(outcome(call.root(), it.shown()?)
                .1
                .map(|one| one.to_uppercase())
                .into())
        }),
    ),
    (
        "app",
        By(|_, it, _| Ok(app(it.shown()?.text(check_suite::APP)).into())),
    ),
    (
        "branch",
        By(|call, it, _| {
            let row = it.shown()?;
            let full = format!("refs/heads/{}", row.text(check_suite::HEAD_BRANCH));
            let repo_row = repo_named(call, row.text(check_suite::REPO));
            let found = crate::github::refs::get(call.root(), row.text(check_suite::REPO), &full);
            Ok(found
                .and(repo_row)
                .map(|row| git::reference(&row, &full))
                .into())
        }),
    ),
    (
        "checkRuns",
        By(|call, it, args| {
            let row = it.shown()?;
            let key = Key::new([
                folded(row.text(check_suite::REPO)),
                Part::Int(row.int(check_suite::ID)),
            ]);
            let rows = call.root().group(CHECK_RUNS, CHECK_RUNS_BY_SUITE, &key);
            let by = args.object("filterBy");
            let rows = rows
                .into_iter()
                .flat_map(|rows| rows.values())
                .filter(|row| {
                    by.text("checkName")
                        .is_none_or(|name| row.text(check_run::NAME) == name)
                        && by.text("status").is_none_or(|wanted| {
                            row.text(check_run::STATUS).eq_ignore_ascii_case(wanted)
                        })
                });
            Ok(Connection::of(rows.map(|row| Object::row("CheckRun", row))).into())
        }),
    ),
    (
        "commit",
        By(|call, it, _| {
            let row = it.shown()?;
            Ok(git::commit_named(
                call,
                row.text(check_suite::REPO),
                row.text(check_suite::HEAD_SHA),
            ))
        }),
    ),
    (
        "repository",
        By(|call, it, _| repository(call, it.shown()?.text(check_suite::REPO))),
    ),
    ("url", By(suite_address)),
    ("resourcePath", By(suite_address)),
    ("matchingPullRequests", Empty),
];

fn suite_address(_: &Call<'_>, it: &Object, _: &Args) -> Outcome {
    let row = it.shown()?;
    let sha = row.text(check_suite::HEAD_SHA);
    let id = row.int(check_suite::ID);
    let name = row.text(check_suite::REPO);
    Ok(format!("{WEB}/{name}/commit/{sha}/checks?check_suite_id={id}").into())
}

fn app(slug: &str) -> Object {
    let name = match slug {
        "github-actions" => "GitHub Actions".to_owned(),
        slug => slug.to_owned(),
    };
    Object::made(
        "App",
        vec![
            ("id", nodes::made("A", slug).into()),
            ("name", name.into()),
            ("slug", slug.into()),
            ("url", format!("{WEB}/apps/{slug}").into()),
            ("logoBackgroundColor", "ffffff".into()),
        ],
    )
}

/// The repository and the id of a commit.
fn at(it: &Object) -> Result<(&str, &str), Fault> {
    Ok((it.shown()?.text(repo::FULL_NAME), &it.part))
}

/// `checkSuites` of a commit.
pub(super) fn suites(call: &Call<'_>, it: &Object, _: &Args) -> Outcome {
    let (name, sha) = at(it)?;
    let key = Key::new([folded(name), Part::Text(sha.into())]);
    let rows = call
        .root()
        .group(CHECK_SUITES, CHECK_SUITES_BY_COMMIT, &key);
    let rows = rows.into_iter().flat_map(|rows| rows.values());
    Ok(Connection::of(rows.map(|row| Object::row("CheckSuite", row))).into())
}

/// `status` of a commit: its statuses together; null where it has none.
pub(super) fn status_of(call: &Call<'_>, it: &Object, _: &Args) -> Outcome {
    let (name, sha) = at(it)?;
    let rows = statuses::newest(call.root(), name, sha);
    if rows.is_empty() {
        return Ok(Value::Null);
    }
    let contexts: Vec<Object> = rows.iter().map(context).collect();
    Ok(Object::made(
        "Status",
        vec![
            ("id", nodes::made("ST", &format!("{name}@{sha}")).into()),
            (
                "state",
                statuses::combined_state(&rows).to_uppercase().into(),
            ),
            ("combinedContexts", Connection::of(contexts.clone()).into()),
            ("contexts", contexts.into()),
            ("commit", it.clone().into()),
        ],
    )
    .into())
}

fn context(row: &Arc<Row>) -> Object {
    Object::row("StatusContext", row)
}

/// The last check run of each name.
fn last_runs(root: &Root, name: &str, sha: &str) -> Vec<Arc<Row>> {
    let mut out: Vec<Arc<Row>> = Vec::new();
    let mut rows = runs_of_commit(root, name, sha);
    rows.sort_by_key(|row| row.int(check_run::ID));
    for row in rows {
        out.retain(|known| known.text(check_run::NAME) != row.text(check_run::NAME));
        out.push(row);
    }
    out
}

/// `statusCheckRollup` of a commit: null where nothing checked it.
pub(super) fn rollup(call: &Call<'_>, it: &Object, _: &Args) -> Outcome {
    let (name, sha) = at(it)?;
    let root = call.root();
    let runs = last_runs(root, name, sha);
    let states = statuses::newest(root, name, sha);
    if runs.is_empty() && states.is_empty() {
        return Ok(Value::Null);
    }
    let of_run = |row: &Arc<Row>| match row.text_or_null(check_run::CONCLUSION) {
        None => "PENDING",
        Some("success" | "neutral" | "skipped") => "SUCCESS",
        Some("startup_failure" | "stale") => "ERROR",
        Some(_) => "FAILURE",
    };
    let of_state = |row: &Arc<Row>| match row.text(status::STATE) {
        "success" => "SUCCESS",
        "failure" => "FAILURE",
        "error" => "ERROR",
        _ => "PENDING",
    };
    let all: Vec<&str> = runs
        .iter()
        .map(of_run)
        .chain(states.iter().map(of_state))
        .collect();
    let state = ["FAILURE", "ERROR", "PENDING"]
        .into_iter()
        .find(|state| all.contains(state))
        .unwrap_or("SUCCESS");
    let contexts = runs
        .iter()
        .map(|row| Object::row("CheckRun", row))
        .chain(states.iter().map(context));
    let contexts = Connection::of(contexts).with(vec![
        ("checkRunCount", runs.len().into()),
        ("statusContextCount", states.len().into()),
    ]);
    Ok(Object::made(
        "StatusCheckRollup",
        vec![
            ("id", nodes::made("SCR", &format!("{name}@{sha}")).into()),
            ("state", state.into()),
            ("commit", it.clone().into()),
            ("contexts", contexts.into()),
        ],
    )
    .into())
}
