//! Mutations of reviews, their comments and threads.

use std::sync::Arc;

use serde_json::{Value as Json, json};

use super::pulls::{on_of, on_pull, row_of};
use super::{operate, owner_and_name, payload, refused};
use crate::engine::graphql::arguments::Args;
use crate::engine::graphql::model::{Fault, Mutation, Object, Value};
use crate::engine::key::same;
use crate::engine::pack::{Call, Refusal};
use crate::engine::row::Row;
use crate::github::access;
use crate::github::graphql::{nodes, review as review_type};
use crate::github::pulls::comments::{self, NewComment, Place};
use crate::github::pulls::patch::Side;
use crate::github::pulls::{reviews, threads};
use crate::github::tables::{ISSUES, REPOS, issue_key, repo_of, review, review_comment};

/// The mutations.
pub(super) const ALL: &[Mutation] = &[
    Mutation {
        name: "addPullRequestReview",
        run: add,
    },
    Mutation {
        name: "addPullRequestReviewComment",
        run: add_comment,
    },
    Mutation {
        name: "addPullRequestReviewThread",
        run: add_thread,
    },
    Mutation {
        name: "addPullRequestReviewThreadReply",
        run: reply,
    },
    Mutation {
        name: "deletePullRequestReview",
        run: |call, input| {
            let row = review_of(call, input)?;
            on_review(
                call,
                "DeletePullRequestReview",
                "pulls/delete-pending-review",
                &row,
                &json!({}),
            )?;
            let gone = Object::row("PullRequestReview", &row);
            payload(
                "DeletePullRequestReviewPayload",
                vec![("pullRequestReview", gone.into())],
            )
        },
    },
    Mutation {
        name: "deletePullRequestReviewComment",
        run: |call, input| {
            let id = input.text("id").unwrap_or_default();
            let row = nodes::row(call, id, &["PullRequestReviewComment"])?;
            on_comment(
                call,
                "DeletePullRequestReviewComment",
                "pulls/delete-review-comment",
                &row,
                &json!({}),
            )?;
            let gone = Object::row("PullRequestReviewComment", &row);
            payload(
                "DeletePullRequestReviewCommentPayload",
                vec![
                    ("pullRequestReviewComment", gone.into()),
                    ("pullRequestReview", Value::Null),
                ],
            )
        },
    },
    Mutation {
        name: "dismissPullRequestReview",
        run: |call, input| {
            let row = review_of(call, input)?;
            let body = json!({"message": input.text("message"), "event": "DISMISS"});
            on_review(
                call,
                "DismissPullRequestReview",
                "pulls/dismiss-review",
                &row,
                &body,
            )?;
            review_payload(call, "DismissPullRequestReviewPayload", &row)
        },
    },
    Mutation {
        name: "resolveReviewThread",
        run: |call, input| resolve(call, input, true),
    },
    Mutation {
        name: "submitPullRequestReview",
        run: submit,
    },
    Mutation {
        name: "unresolveReviewThread",
        run: |call, input| resolve(call, input, false),
    },
    Mutation {
        name: "updatePullRequestReview",
        run: |call, input| {
            let row = review_of(call, input)?;
            let body = json!({"body": input.text("body")});
            on_review(
                call,
                "UpdatePullRequestReview",
                "pulls/update-review",
                &row,
                &body,
            )?;
            review_payload(call, "UpdatePullRequestReviewPayload", &row)
        },
    },
    Mutation {
        name: "updatePullRequestReviewComment",
        run: |call, input| {
            let id = input.text("pullRequestReviewCommentId").unwrap_or_default();
            let row = nodes::row(call, id, &["PullRequestReviewComment"])?;
            let body = json!({"body": input.text("body")});
            on_comment(
                call,
                "UpdatePullRequestReviewComment",
                "pulls/update-review-comment",
                &row,
                &body,
            )?;
            payload(
                "UpdatePullRequestReviewCommentPayload",
                vec![("pullRequestReviewComment", nodes::find(call, id)?.into())],
            )
        },
    },
];

fn review_of(call: &Call<'_>, input: &Args) -> Result<Arc<Row>, Fault> {
    let id = input.text("pullRequestReviewId").unwrap_or_default();
    nodes::row(call, id, &["PullRequestReview"])
}

fn review_payload(call: &Call<'_>, of: &'static str, row: &Row) -> Result<Object, Fault> {
    let now = nodes::find(call, row.text(review::NODE_ID))?;
    payload(of, vec![("pullRequestReview", now.into())])
}

fn on_review(
    call: &mut Call<'_>,
    mutation: &str,
    id: &str,
    row: &Row,
    body: &Json,
) -> Result<Json, Fault> {
    let name = row.text(review::PULL);
    let number = name.split_once('#').map_or("", |(_, number)| number);
    let review_id = row.int(review::ID).to_string();
    let [owner, repo_name] = owner_and_name(repo_of(name));
    let params = [
        owner,
        repo_name,
        ("pull_number", number),
        ("review_id", review_id.as_str()),
    ];
    operate(call, mutation, id, &params, body)
}

fn on_comment(
    call: &mut Call<'_>,
    mutation: &str,
    id: &str,
    row: &Row,
    body: &Json,
) -> Result<Json, Fault> {
    let comment_id = row.int(review_comment::ID).to_string();
    let [owner, name] = owner_and_name(repo_of(row.text(review_comment::PULL)));
    let params = [owner, name, ("comment_id", comment_id.as_str())];
    operate(call, mutation, id, &params, body)
}

fn add(call: &mut Call<'_>, input: &Args) -> Result<Object, Fault> {
    let on = on_of(call, input, "pullRequestId")?;
    let mut items: Vec<Json> = Vec::new();
    for item in input.items("comments") {
        items.push(json!({
            "path": item.text("path"), "body": item.text("body"), "position": item.int("position"),
        }));
    }
    for item in input.items("threads") {
        let mut thread = json!({
            "path": item.text("path"), "body": item.text("body"),
            "line": item.int("line"), "side": item.text("side"),
        });
        if let Some(start) = item.int("startLine") {
            thread["start_line"] = json!(start);
            thread["start_side"] = json!(item.text("startSide"));
        }
        items.push(thread);
    }
    let mut body = json!({"comments": items});
    for (from, to) in [
        ("body", "body"),
        ("event", "event"),
        ("commitOID", "commit_id"),
    ] {
        if let Some(value) = input.get(from) {
            body[to] = value.clone();
        }
    }
    let made = on_pull(
        call,
        "AddPullRequestReview",
        "pulls/create-review",
        &on,
        &body,
    )?;
    let id = made["node_id"].as_str().unwrap_or_default();
    let node = nodes::find(call, id)?;
    let cursor = super::comments::CURSOR;
    let edge = Object::made(
        "PullRequestReviewEdge",
        vec![("cursor", cursor.into()), ("node", node.clone().into())],
    );
    payload(
        "AddPullRequestReviewPayload",
        vec![
            ("pullRequestReview", node.into()),
            ("reviewEdge", edge.into()),
        ],
    )
}

/// The review that an input names, or the pending one of the caller; begun where there is none.
fn begun(call: &mut Call<'_>, input: &Args) -> Result<(Arc<Row>, Arc<Row>), Fault> {
    let (on, row) = match input.text("pullRequestReviewId") {
        Some(_) => {
            let row = review_of(call, input)?;
            let on = issue_key(row.text(review::PULL))
                .and_then(|key| call.root().get(ISSUES, &key).cloned());
            (on.ok_or_else(|| nodes::unknown(""))?, Some(row))
        }
        None => (on_of(call, input, "pullRequestId")?, None),
    };
    let pull_row = row_of(call, &on)?;
    let login = access::login(call).unwrap_or_default();
    let row = match row {
        Some(row)
            if row.text(review::STATE) == "PENDING" && same(row.text(review::USER), &login) =>
        {
            row
        }
        Some(_) => {
            return Err(Fault::new(
                "UNPROCESSABLE",
                "Comments can only be added to one's own pending review",
            ));
        }
        None => match reviews::pending(call.root(), &pull_row, &login) {
            Some(row) => row,
            None => {
                let mutation = "AddPullRequestReviewThread";
                let made = on_pull(call, mutation, "pulls/create-review", &on, &json!({}))?;
                let id = made["node_id"].as_str().unwrap_or_default();
                nodes::row(call, id, &["PullRequestReview"])?
            }
        },
    };
    Ok((pull_row, row))
}

/// Adds a comment to a pending review. REST has no operation for it.
fn add_to(
    call: &mut Call<'_>,
    mutation: &str,
    pull_row: &Row,
    row: &Row,
    new: &NewComment,
) -> Result<Arc<Row>, Fault> {
    let repo_name = repo_of(row.text(review::PULL)).to_owned();
    // What the guards of a path would have found.
    let repo_row = call.root().named(REPOS, &repo_name).cloned();
    let mut found = Vec::new();
    if let Some(repo_row) = repo_row {
        found.push((REPOS, repo_row));
    }
    let kept = std::mem::replace(&mut call.found, found);
    let done = access::writable(call).and_then(|()| comments::add(call, pull_row, row, new));
    call.found = kept;
    done.map_err(|refusal: Refusal| refused(call, mutation, &refusal))
}

fn add_thread(call: &mut Call<'_>, input: &Args) -> Result<Object, Fault> {
    let (pull_row, row) = begun(call, input)?;
    let side = |name: &str| match input.text(name) {
        Some("LEFT") => Side::Left,
        _ => Side::Right,
    };
    let place = match (input.text("subjectType"), input.int("line")) {
        (Some("FILE"), _) => Place::File,
        (_, Some(line)) => Place::Line {
            side: side("side"),
            line,
            start: input.int("startLine").map(|line| (side("startSide"), line)),
        },
        (_, None) => {
            return Err(Fault::new(
                "UNPROCESSABLE",
                "Line must be provided for a thread on a line",
            ));
        }
    };
    let new = NewComment {
        path: input.text("path").unwrap_or_default().to_owned(),
        body: input.text("body").unwrap_or_default().to_owned(),
        place,
    };
    let first = add_to(call, "AddPullRequestReviewThread", &pull_row, &row, &new)?;
    let thread = review_type::thread_object(&first);
    payload(
        "AddPullRequestReviewThreadPayload",
        vec![("thread", thread.into())],
    )
}

fn add_comment(call: &mut Call<'_>, input: &Args) -> Result<Object, Fault> {
    let mutation = "AddPullRequestReviewComment";
    let row = match input.text("inReplyTo") {
        Some(id) => {
            let first = nodes::row(call, id, &["PullRequestReviewComment"])?;
            answer(
                call,
                mutation,
                &first,
                input.text("body").unwrap_or_default(),
            )?
        }
        None => {
            let (pull_row, row) = begun(call, input)?;
            let new = NewComment {
                path: input.text("path").unwrap_or_default().to_owned(),
                body: input.text("body").unwrap_or_default().to_owned(),
                place: Place::Position(input.int("position").unwrap_or_default()),
            };
            add_to(call, mutation, &pull_row, &row, &new)?
        }
    };
    let made = Object::row("PullRequestReviewComment", &row);
    let cursor = super::comments::CURSOR;
    let edge = Object::made(
        "PullRequestReviewCommentEdge",
        vec![("cursor", cursor.into()), ("node", made.clone().into())],
    );
    payload(
        "AddPullRequestReviewCommentPayload",
        vec![("comment", made.into()), ("commentEdge", edge.into())],
    )
}

fn answer(call: &mut Call<'_>, mutation: &str, first: &Row, body: &str) -> Result<Arc<Row>, Fault> {
    let name = first.text(review_comment::PULL);
    let number = name.split_once('#').map_or("", |(_, number)| number);
    let id = first.int(review_comment::ID).to_string();
    let [owner, repo_name] = owner_and_name(repo_of(name));
    let params = [
        owner,
        repo_name,
        ("pull_number", number),
        ("comment_id", id.as_str()),
    ];
    let body = json!({"body": body});
    let made = operate(
        call,
        mutation,
        "pulls/create-reply-for-review-comment",
        &params,
        &body,
    )?;
    let id = made["node_id"].as_str().unwrap_or_default();
    nodes::row(call, id, &["PullRequestReviewComment"])
}

fn reply(call: &mut Call<'_>, input: &Args) -> Result<Object, Fault> {
    let thread = input.text("pullRequestReviewThreadId").unwrap_or_default();
    let first = review_type::thread_of(call, thread)?;
    let body = input.text("body").unwrap_or_default();
    let row = answer(call, "AddPullRequestReviewThreadReply", &first, body)?;
    let made = Object::row("PullRequestReviewComment", &row);
    payload(
        "AddPullRequestReviewThreadReplyPayload",
        vec![("comment", made.into())],
    )
}

fn submit(call: &mut Call<'_>, input: &Args) -> Result<Object, Fault> {
    let row = match input.text("pullRequestReviewId") {
        Some(_) => review_of(call, input)?,
        None => {
            let on = on_of(call, input, "pullRequestId")?;
            let pull_row = row_of(call, &on)?;
            let login = access::login(call).unwrap_or_default();
            let pending = reviews::pending(call.root(), &pull_row, &login);
            pending.ok_or_else(|| {
                Fault::new("UNPROCESSABLE", "There is no pending review to submit")
            })?
        }
    };
    let mut body = json!({"event": input.text("event")});
    if let Some(text) = input.text("body") {
        body["body"] = json!(text);
    }
    on_review(
        call,
        "SubmitPullRequestReview",
        "pulls/submit-review",
        &row,
        &body,
    )?;
    review_payload(call, "SubmitPullRequestReviewPayload", &row)
}

fn resolve(call: &mut Call<'_>, input: &Args, on: bool) -> Result<Object, Fault> {
    let id = input.text("threadId").unwrap_or_default();
    let first = review_type::thread_of(call, id)?;
    let (mutation, of) = match on {
        true => ("ResolveReviewThread", "ResolveReviewThreadPayload"),
        false => ("UnresolveReviewThread", "UnresolveReviewThreadPayload"),
    };
    let row =
        threads::resolve(call, &first, on).map_err(|refusal| refused(call, mutation, &refusal))?;
    let thread = review_type::thread_object(&row);
    payload(of, vec![("thread", thread.into())])
}
