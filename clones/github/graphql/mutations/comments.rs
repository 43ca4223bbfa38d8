//! Mutations of comments on issues and pull requests.

use super::{Body, operate, owner_and_name, payload};
use crate::engine::graphql::arguments::Args;
use crate::engine::graphql::model::{Fault, Mutation, Object};
use crate::engine::pack::Call;
use crate::github::graphql::{issue as issue_type, nodes};
use crate::github::tables::{ISSUES, comment, issue, issue_key, repo_of};

/// The mutations.
pub(super) const ALL: &[Mutation] = &[
    Mutation {
        name: "addComment",
        run: add,
    },
    Mutation {
        name: "deleteIssueComment",
        run: delete,
    },
    Mutation {
        name: "updateIssueComment",
        run: update,
    },
];

fn add(call: &mut Call<'_>, input: &Args) -> Result<Object, Fault> {
    let id = input.text("subjectId").unwrap_or_default();
    let on = nodes::row(call, id, &["Issue", "PullRequest"])?;
    let number = on.int(issue::NUMBER).to_string();
    let [owner, name] = owner_and_name(on.text(issue::REPO));
    let params = [owner, name, ("issue_number", number.as_str())];
    let body = Body::default().copy(input, "body", "body").done();
    let made = operate(call, "AddComment", "issues/create-comment", &params, &body)?;
    let id = made["node_id"].as_str().unwrap_or_default();
    let node = nodes::find(call, id)?;
    let key = node
        .shown()
        .ok()
        .and_then(|row| issue_key(row.text(comment::ISSUE)));
    let subject = key.and_then(|key| call.root().get(ISSUES, &key));
    let subject = subject.map(|row| issue_type::object(call.root(), row));
    let edge = |of| {
        Object::made(
            of,
            vec![("cursor", CURSOR.into()), ("node", node.clone().into())],
        )
    };
    payload(
        "AddCommentPayload",
        vec![
            ("commentEdge", edge("IssueCommentEdge").into()),
            ("subject", subject.into()),
            ("timelineEdge", edge("IssueTimelineItemEdge").into()),
        ],
    )
}

/// The cursor of an edge that stands alone.
pub(super) const CURSOR: &str = "Y3Vyc29yOjE=";

fn update(call: &mut Call<'_>, input: &Args) -> Result<Object, Fault> {
    let id = input.text("id").unwrap_or_default();
    let old = nodes::row(call, id, &["IssueComment"])?;
    let number = old.int(comment::ID).to_string();
    let [owner, name] = owner_and_name(repo_of(old.text(comment::ISSUE)));
    let params = [owner, name, ("comment_id", number.as_str())];
    let body = Body::default().copy(input, "body", "body").done();
    operate(
        call,
        "UpdateIssueComment",
        "issues/update-comment",
        &params,
        &body,
    )?;
    payload(
        "UpdateIssueCommentPayload",
        vec![("issueComment", nodes::find(call, id)?.into())],
    )
}

fn delete(call: &mut Call<'_>, input: &Args) -> Result<Object, Fault> {
    let id = input.text("id").unwrap_or_default();
    let old = nodes::row(call, id, &["IssueComment"])?;
    let number = old.int(comment::ID).to_string();
    let [owner, name] = owner_and_name(repo_of(old.text(comment::ISSUE)));
    let params = [owner, name, ("comment_id", number.as_str())];
    let body = Body::default().done();
    operate(
        call,
        "DeleteIssueComment",
        "issues/delete-comment",
        &params,
        &body,
    )?;
    payload("DeleteIssueCommentPayload", Vec::new())
}
