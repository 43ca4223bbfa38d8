//! Mutations of issues, and those that issues and pull requests share.

use std::sync::Arc;

use serde_json::{Value as Json, json};

use super::{Body, operate, owner_and_name, payload};
use crate::engine::graphql::arguments::Args;
use crate::engine::graphql::model::{Fault, Mutation, Object, Value};
use crate::engine::pack::Call;
use crate::engine::row::Row;
use crate::github::access::{self, Permission};
use crate::github::graphql::{comment, nodes, people};
use crate::github::tables::{ISSUES, REPOS, issue, label, repo, user};
use crate::github::{changes, related, transfers};

/// The mutations.
pub(super) const ALL: &[Mutation] = &[
    Mutation {
        name: "addAssigneesToAssignable",
        run: |call, input| {
            assign(
                call,
                input,
                "AddAssigneesToAssignable",
                "issues/add-assignees",
            )
        },
    },
    Mutation {
        name: "addLabelsToLabelable",
        run: |call, input| label_with(call, input, "AddLabelsToLabelable", "issues/add-labels"),
    },
    Mutation {
        name: "clearLabelsFromLabelable",
        run: |call, input| {
            let of = "ClearLabelsFromLabelable";
            let row = subject(call, input, "labelableId")?;
            on_issue(call, of, "issues/remove-all-labels", &row, &json!({}))?;
            shown(call, "ClearLabelsFromLabelablePayload", "labelable", &row)
        },
    },
    Mutation {
        name: "closeIssue",
        run: close,
    },
    Mutation {
        name: "createIssue",
        run: create,
    },
    Mutation {
        name: "deleteIssue",
        run: delete,
    },
    Mutation {
        name: "lockLockable",
        run: |call, input| lock(call, input, true),
    },
    Mutation {
        name: "removeAssigneesFromAssignable",
        run: |call, input| {
            assign(
                call,
                input,
                "RemoveAssigneesFromAssignable",
                "issues/remove-assignees",
            )
        },
    },
    Mutation {
        name: "removeLabelsFromLabelable",
        run: unlabel,
    },
    Mutation {
        name: "reopenIssue",
        run: |call, input| {
            let row = an_issue(call, input, "issueId")?;
            let body = json!({"state": "open"});
            on_issue(call, "ReopenIssue", "issues/update", &row, &body)?;
            shown(call, "ReopenIssuePayload", "issue", &row)
        },
    },
    Mutation {
        name: "transferIssue",
        run: transfer,
    },
    Mutation {
        name: "unlockLockable",
        run: |call, input| lock(call, input, false),
    },
    Mutation {
        name: "updateIssue",
        run: update,
    },
];

fn an_issue(call: &Call<'_>, input: &Args, field: &str) -> Result<Arc<Row>, Fault> {
    nodes::row(call, input.text(field).unwrap_or_default(), &["Issue"])
}

/// An issue or pull request.
fn subject(call: &Call<'_>, input: &Args, field: &str) -> Result<Arc<Row>, Fault> {
    let id = input.text(field).unwrap_or_default();
    nodes::row(call, id, &["Issue", "PullRequest"])
}

/// Runs an operation on an issue or pull request.
pub(super) fn on_issue(
    call: &mut Call<'_>,
    mutation: &str,
    id: &str,
    row: &Row,
    body: &Json,
) -> Result<Json, Fault> {
    let number = row.int(issue::NUMBER).to_string();
    let [owner, name] = owner_and_name(row.text(issue::REPO));
    let params = [owner, name, ("issue_number", number.as_str())];
    operate(call, mutation, id, &params, body)
}

/// A payload that shows the row as it is now.
pub(super) fn shown(
    call: &Call<'_>,
    of: &'static str,
    field: &'static str,
    row: &Row,
) -> Result<Object, Fault> {
    let now = nodes::find(call, row.text(issue::NODE_ID))?;
    payload(of, vec![("actor", actor(call)), (field, now.into())])
}

fn actor(call: &Call<'_>) -> Value {
    call.caller.as_ref().map(people::account).into()
}

/// The logins of accounts by their ids.
pub(super) fn logins(call: &Call<'_>, ids: &[&str]) -> Result<Vec<String>, Fault> {
    ids.iter()
        .map(|id| {
            let row = nodes::row(call, id, &["User", "Bot"])?;
            Ok(row.text(user::LOGIN).to_owned())
        })
        .collect()
}

/// The names of labels by their ids.
pub(super) fn label_names(call: &Call<'_>, ids: &[&str]) -> Result<Vec<String>, Fault> {
    ids.iter()
        .map(|id| {
            let row = nodes::row(call, id, &["Label"])?;
            Ok(row.text(label::NAME).to_owned())
        })
        .collect()
}

/// Labels, assignees and milestone of an input in the fields of REST.
pub(super) fn belongings(call: &Call<'_>, input: &Args, body: Body) -> Result<Body, Fault> {
    let mut body = body;
    if let Some(ids) = input.texts("labelIds") {
        body = body.set("labels", label_names(call, &ids)?);
    }
    if let Some(ids) = input.texts("assigneeIds") {
        body = body.set("assignees", logins(call, &ids)?);
    }
    if input.has("milestoneId") {
        body = match input.text("milestoneId") {
            None => body.set("milestone", Json::Null),
            Some(id) => body.set("milestone", nodes::milestone_number(call, id)?),
        };
    }
    Ok(body)
}

fn create(call: &mut Call<'_>, input: &Args) -> Result<Object, Fault> {
    let id = input.text("repositoryId").unwrap_or_default();
    let repo_row = nodes::row(call, id, &["Repository"])?;
    let body = Body::default()
        .copy(input, "title", "title")
        .copy(input, "body", "body");
    let body = belongings(call, input, body)?.done();
    let params = owner_and_name(repo_row.text(repo::FULL_NAME));
    let made = operate(call, "CreateIssue", "issues/create", &params, &body)?;
    let id = made["node_id"].as_str().unwrap_or_default();
    payload(
        "CreateIssuePayload",
        vec![("issue", nodes::find(call, id)?.into())],
    )
}

fn update(call: &mut Call<'_>, input: &Args) -> Result<Object, Fault> {
    let row = an_issue(call, input, "id")?;
    let mut body = Body::default()
        .copy(input, "title", "title")
        .copy(input, "body", "body");
    if let Some(state) = input.text("state") {
        body = body.set("state", state.to_lowercase());
    }
    let body = belongings(call, input, body)?.done();
    on_issue(call, "UpdateIssue", "issues/update", &row, &body)?;
    shown(call, "UpdateIssuePayload", "issue", &row)
}

fn close(call: &mut Call<'_>, input: &Args) -> Result<Object, Fault> {
    let row = an_issue(call, input, "issueId")?;
    let reason = input.text("stateReason").map(str::to_lowercase);
    let duplicate = match input.text("duplicateIssueId") {
        None => None,
        Some(id) => Some(nodes::row(call, id, &["Issue", "PullRequest"])?),
    };
    let reason = match (reason, &duplicate) {
        (None, Some(_)) => Some("duplicate".to_owned()),
        (reason, _) => reason,
    };
    let mut body = Body::default().set("state", "closed");
    if let Some(reason) = reason {
        body = body.set("state_reason", reason);
    }
    on_issue(call, "CloseIssue", "issues/update", &row, &body.done())?;
    shown(call, "CloseIssuePayload", "issue", &row)
}

/// REST has no operation that deletes an issue; only administrators may.
fn delete(call: &mut Call<'_>, input: &Args) -> Result<Object, Fault> {
    let row = an_issue(call, input, "issueId")?;
    let repo_name = row.text(issue::REPO);
    let of = call.root().named(REPOS, repo_name);
    let reaches = of.is_some_and(|of| access::reaches(call, of, "issues", "write"));
    if !reaches || !comment::may(call, repo_name, Permission::Admin) {
        let refusal = access::forbidden();
        return Err(super::refused(call, "DeleteIssue", &refusal));
    }
    let key = call.root().key(ISSUES, &row);
    let last = call
        .root()
        .last_number(ISSUES, &crate::engine::key::Key::folded(repo_name));
    // Its number is not given out again.
    if let Some(repo_row) = call.root().named(REPOS, repo_name).cloned()
        && last == row.int(issue::NUMBER)
    {
        let mut draft = repo_row.draft();
        let next = (last + 1).max(repo_row.int(repo::NEXT_ISSUE_NUMBER));
        draft.set(
            repo::NEXT_ISSUE_NUMBER,
            archal_core::clone::ViewValue::Int(next),
        );
        call.transaction.put(REPOS, draft);
    }
    // What it was bound to is shown without it.
    let beside = related::beside(call.root(), &key);
    call.transaction.remove(ISSUES, &key);
    changes::show_milestone_anew(call, repo_name, row.int(issue::MILESTONE));
    for key in beside {
        if call.root().get(ISSUES, &key).is_some() {
            call.transaction.render_anew(ISSUES, &key);
        }
    }
    let repo_row = call.root().named(REPOS, repo_name);
    let repository = repo_row.map(|row| Object::row("Repository", row));
    payload(
        "DeleteIssuePayload",
        vec![("repository", repository.into())],
    )
}

/// REST has no operation that transfers an issue.
fn transfer(call: &mut Call<'_>, input: &Args) -> Result<Object, Fault> {
    let row = an_issue(call, input, "issueId")?;
    let to = nodes::row(
        call,
        input.text("repositoryId").unwrap_or_default(),
        &["Repository"],
    )?;
    let make_labels = input.bool("createLabelsIfMissing").unwrap_or(false);
    let moved = transfers::transfer(call, &row, &to, make_labels)
        .map_err(|refusal| super::refused(call, "TransferIssue", &refusal))?;
    shown(call, "TransferIssuePayload", "issue", &moved)
}

fn lock(call: &mut Call<'_>, input: &Args, on: bool) -> Result<Object, Fault> {
    let row = subject(call, input, "lockableId")?;
    if on {
        let mut body = Body::default();
        if let Some(reason) = input.text("lockReason") {
            let reason = match reason {
                "OFF_TOPIC" => "off-topic".to_owned(),
                reason => reason.to_lowercase().replace('_', " "),
            };
            body = body.set("lock_reason", reason);
        }
        on_issue(call, "LockLockable", "issues/lock", &row, &body.done())?;
        shown(call, "LockLockablePayload", "lockedRecord", &row)
    } else {
        on_issue(call, "UnlockLockable", "issues/unlock", &row, &json!({}))?;
        shown(call, "UnlockLockablePayload", "unlockedRecord", &row)
    }
}

fn assign(
    call: &mut Call<'_>,
    input: &Args,
    mutation: &'static str,
    id: &str,
) -> Result<Object, Fault> {
    let row = subject(call, input, "assignableId")?;
    let names = logins(call, &input.texts("assigneeIds").unwrap_or_default())?;
    on_issue(call, mutation, id, &row, &json!({"assignees": names}))?;
    let of = match mutation {
        "AddAssigneesToAssignable" => "AddAssigneesToAssignablePayload",
        _ => "RemoveAssigneesFromAssignablePayload",
    };
    shown(call, of, "assignable", &row)
}

fn label_with(
    call: &mut Call<'_>,
    input: &Args,
    mutation: &str,
    id: &str,
) -> Result<Object, Fault> {
    let row = subject(call, input, "labelableId")?;
    let names = label_names(call, &input.texts("labelIds").unwrap_or_default())?;
    on_issue(call, mutation, id, &row, &json!({"labels": names}))?;
    shown(call, "AddLabelsToLabelablePayload", "labelable", &row)
}

fn unlabel(call: &mut Call<'_>, input: &Args) -> Result<Object, Fault> {
    let row = subject(call, input, "labelableId")?;
    let gone = label_names(call, &input.texts("labelIds").unwrap_or_default())?;
    let left: Vec<&str> = row
        .texts(issue::LABELS)
        .filter(|name| !gone.iter().any(|one| crate::engine::key::same(one, name)))
        .collect();
    let mutation = "RemoveLabelsFromLabelable";
    on_issue(
        call,
        mutation,
        "issues/set-labels",
        &row,
        &json!({"labels": left}),
    )?;
    shown(call, "RemoveLabelsFromLabelablePayload", "labelable", &row)
}
