//! Mutations of pull requests.

use std::sync::Arc;

use serde_json::{Value as Json, json};

use super::issues::{belongings, logins, on_issue, shown};
use super::{Body, operate, owner_and_name, payload, refused};
use crate::engine::graphql::arguments::Args;
use crate::engine::graphql::model::{Fault, Mutation, Object};
use crate::engine::key::Key;
use crate::engine::pack::{Call, Refusal};
use crate::engine::row::Row;
use crate::github::access::{self, Permission};
use crate::github::graphql::{comment, nodes, people, pull as pull_type};
use crate::github::pulls::change::{AutoMerge, set_auto_merge, set_draft};
use crate::github::tables::{USERS, issue, owner_of, pull, repo};

/// The mutations.
pub(super) const ALL: &[Mutation] = &[
    Mutation {
        name: "closePullRequest",
        run: |call, input| {
            state(
                call,
                input,
                "ClosePullRequest",
                "ClosePullRequestPayload",
                "closed",
            )
        },
    },
    Mutation {
        name: "convertPullRequestToDraft",
        run: |call, input| {
            draft(
                call,
                input,
                "ConvertPullRequestToDraft",
                "ConvertPullRequestToDraftPayload",
                true,
            )
        },
    },
    Mutation {
        name: "createPullRequest",
        run: create,
    },
    Mutation {
        name: "disablePullRequestAutoMerge",
        run: |call, input| {
            auto(
                call,
                input,
                "DisablePullRequestAutoMerge",
                "DisablePullRequestAutoMergePayload",
            )
        },
    },
    Mutation {
        name: "enablePullRequestAutoMerge",
        run: |call, input| {
            auto(
                call,
                input,
                "EnablePullRequestAutoMerge",
                "EnablePullRequestAutoMergePayload",
            )
        },
    },
    Mutation {
        name: "markPullRequestReadyForReview",
        run: |call, input| {
            let of = "MarkPullRequestReadyForReview";
            draft(
                call,
                input,
                of,
                "MarkPullRequestReadyForReviewPayload",
                false,
            )
        },
    },
    Mutation {
        name: "mergePullRequest",
        run: merge,
    },
    Mutation {
        name: "reopenPullRequest",
        run: |call, input| {
            state(
                call,
                input,
                "ReopenPullRequest",
                "ReopenPullRequestPayload",
                "open",
            )
        },
    },
    Mutation {
        name: "requestReviews",
        run: request_reviews,
    },
    Mutation {
        name: "updatePullRequest",
        run: update,
    },
    Mutation {
        name: "updatePullRequestBranch",
        run: |call, input| {
            let on = on_of(call, input, "pullRequestId")?;
            let body = Body::default().copy(input, "expectedHeadOid", "expected_head_sha");
            on_pull(
                call,
                "UpdatePullRequestBranch",
                "pulls/update-branch",
                &on,
                &body.done(),
            )?;
            shown(call, "UpdatePullRequestBranchPayload", "pullRequest", &on)
        },
    },
];

/// The issue row of the pull request that an input names.
pub(super) fn on_of(call: &Call<'_>, input: &Args, field: &str) -> Result<Arc<Row>, Fault> {
    nodes::row(
        call,
        input.text(field).unwrap_or_default(),
        &["PullRequest"],
    )
}

/// The row of [`PULLS`] of an issue row.
pub(super) fn row_of(call: &Call<'_>, on: &Row) -> Result<Arc<Row>, Fault> {
    let found = pull_type::row_of(call.root(), on).cloned();
    found.ok_or_else(|| nodes::unknown(on.text(issue::NODE_ID)))
}

/// Runs an operation on a pull request.
pub(super) fn on_pull(
    call: &mut Call<'_>,
    mutation: &str,
    id: &str,
    on: &Row,
    body: &Json,
) -> Result<Json, Fault> {
    let number = on.int(issue::NUMBER).to_string();
    let [owner, name] = owner_and_name(on.text(issue::REPO));
    operate(
        call,
        mutation,
        id,
        &[owner, name, ("pull_number", number.as_str())],
        body,
    )
}

fn state(
    call: &mut Call<'_>,
    input: &Args,
    mutation: &str,
    of: &'static str,
    state: &str,
) -> Result<Object, Fault> {
    let on = on_of(call, input, "pullRequestId")?;
    on_pull(
        call,
        mutation,
        "pulls/update",
        &on,
        &json!({"state": state}),
    )?;
    shown(call, of, "pullRequest", &on)
}

/// REST has no operation for it: who wrote the pull request and who may push can do it.
fn draft(
    call: &mut Call<'_>,
    input: &Args,
    mutation: &str,
    of: &'static str,
    draft: bool,
) -> Result<Object, Fault> {
    let on = on_of(call, input, "pullRequestId")?;
    let row = row_of(call, &on)?;
    may_write(call, &on)
        .and_then(|()| set_draft(call, &row, draft))
        .map_err(|refusal| refused(call, mutation, &refusal))?;
    shown(call, of, "pullRequest", &on)
}

/// Whether the caller wrote the pull request or may push.
fn may_write(call: &Call<'_>, on: &Row) -> Result<(), Refusal> {
    access::login(call)?;
    let own = comment::wrote(call, on.text(issue::USER));
    (own || comment::may(call, on.text(issue::REPO), Permission::Push))
        .then_some(())
        .ok_or_else(access::forbidden)
}

fn create(call: &mut Call<'_>, input: &Args) -> Result<Object, Fault> {
    let id = input.text("repositoryId").unwrap_or_default();
    let repo_row = nodes::row(call, id, &["Repository"])?;
    let mut body = Body::default()
        .copy(input, "title", "title")
        .copy(input, "body", "body")
        .copy(input, "baseRefName", "base")
        .copy(input, "headRefName", "head")
        .copy(input, "draft", "draft")
        .copy(input, "maintainerCanModify", "maintainer_can_modify");
    if let Some(id) = input.text("headRepositoryId") {
        let head = nodes::row(call, id, &["Repository"])?;
        let name = head.text(repo::FULL_NAME);
        let branch = input.text("headRefName").unwrap_or_default();
        body = body
            .set("head", format!("{}:{branch}", owner_of(name)))
            .set("head_repo", name);
    }
    let params = owner_and_name(repo_row.text(repo::FULL_NAME));
    let made = operate(
        call,
        "CreatePullRequest",
        "pulls/create",
        &params,
        &body.done(),
    )?;
    let id = made["node_id"].as_str().unwrap_or_default();
    payload(
        "CreatePullRequestPayload",
        vec![("pullRequest", nodes::find(call, id)?.into())],
    )
}

fn update(call: &mut Call<'_>, input: &Args) -> Result<Object, Fault> {
    let on = on_of(call, input, "pullRequestId")?;
    let mut body = Body::default()
        .copy(input, "title", "title")
        .copy(input, "body", "body")
        .copy(input, "baseRefName", "base")
        .copy(input, "maintainerCanModify", "maintainer_can_modify");
    if let Some(state) = input.text("state") {
        body = body.set("state", state.to_lowercase());
    }
    on_pull(call, "UpdatePullRequest", "pulls/update", &on, &body.done())?;
    // What it shares with issues is changed as theirs is.
    let shared = belongings(call, input, Body::default())?.done();
    if shared.as_object().is_some_and(|fields| !fields.is_empty()) {
        on_issue(call, "UpdatePullRequest", "issues/update", &on, &shared)?;
    }
    shown(call, "UpdatePullRequestPayload", "pullRequest", &on)
}

fn merge(call: &mut Call<'_>, input: &Args) -> Result<Object, Fault> {
    let on = on_of(call, input, "pullRequestId")?;
    let method = pull_type::method(input.text("mergeMethod"));
    let body = Body::default()
        .set("merge_method", method.name())
        .copy(input, "commitHeadline", "commit_title")
        .copy(input, "commitBody", "commit_message")
        .copy(input, "expectedHeadOid", "sha");
    on_pull(call, "MergePullRequest", "pulls/merge", &on, &body.done())?;
    shown(call, "MergePullRequestPayload", "pullRequest", &on)
}

/// REST has no operation for it.
fn auto(
    call: &mut Call<'_>,
    input: &Args,
    mutation: &'static str,
    of: &'static str,
) -> Result<Object, Fault> {
    let on = on_of(call, input, "pullRequestId")?;
    let row = row_of(call, &on)?;
    let wanted = mutation.starts_with("Enable").then(|| AutoMerge {
        method: pull_type::method(input.text("mergeMethod")),
        title: input.text("commitHeadline").map(str::to_owned),
        message: input.text("commitBody").map(str::to_owned),
    });
    may_write(call, &on)
        .and_then(|()| set_auto_merge(call, &row, wanted))
        .map_err(|refusal| refused(call, mutation, &refusal))?;
    shown(call, of, "pullRequest", &on)
}

fn request_reviews(call: &mut Call<'_>, input: &Args) -> Result<Object, Fault> {
    let on = on_of(call, input, "pullRequestId")?;
    let users = logins(call, &input.texts("userIds").unwrap_or_default())?;
    let teams = super::team_slugs(call, &input.texts("teamIds").unwrap_or_default())?;
    let of = "RequestReviews";
    // Without `union` those who are not named any more are not asked any more.
    if input.bool("union") != Some(true) {
        let row = row_of(call, &on)?;
        let gone = |column: usize, kept: &[String]| -> Vec<String> {
            row.texts(column)
                .filter(|name| !kept.iter().any(|one| crate::engine::key::same(one, name)))
                .map(str::to_owned)
                .collect()
        };
        let body = json!({
            "reviewers": gone(pull::REVIEWERS, &users),
            "team_reviewers": gone(pull::TEAMS, &teams),
        });
        if body["reviewers"] != json!([]) || body["team_reviewers"] != json!([]) {
            on_pull(call, of, "pulls/remove-requested-reviewers", &on, &body)?;
        }
    }
    let body = json!({"reviewers": users, "team_reviewers": teams});
    on_pull(call, of, "pulls/request-reviewers", &on, &body)?;
    let last = users
        .last()
        .and_then(|login| call.root().get(USERS, &Key::folded(login)));
    let edge = last.map(|row| {
        let cursor = super::comments::CURSOR;
        Object::made(
            "UserEdge",
            vec![
                ("cursor", cursor.into()),
                ("node", people::account(row).into()),
            ],
        )
    });
    let mut done = shown(call, "RequestReviewsPayload", "pullRequest", &on)?;
    done.made.push(("requestedReviewersEdge", edge.into()));
    Ok(done)
}
