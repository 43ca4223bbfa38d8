//! Mutations of repositories, refs, stars, followers and sub-issues.

use serde_json::{Value as Json, json};

use super::issues::on_issue;
use super::{Body, operate, owner_and_name, payload};
use crate::engine::graphql::arguments::Args;
use crate::engine::graphql::model::{Fault, Mutation, Object, Value};
use crate::engine::pack::Call;
use crate::github::graphql::nodes;
use crate::github::tables::{issue, repo, user};

/// The mutations.
pub(super) const ALL: &[Mutation] = &[
    Mutation {
        name: "addStar",
        run: |call, input| star(call, input, "AddStar", "AddStarPayload"),
    },
    Mutation {
        name: "addSubIssue",
        run: add_sub_issue,
    },
    Mutation {
        name: "archiveRepository",
        run: |call, input| archive(call, input, true),
    },
    Mutation {
        name: "createRef",
        run: create_ref,
    },
    Mutation {
        name: "createRepository",
        run: create,
    },
    Mutation {
        name: "deleteRef",
        run: delete_ref,
    },
    Mutation {
        name: "followUser",
        run: |call, input| follow(call, input, "FollowUser", "FollowUserPayload"),
    },
    Mutation {
        name: "removeStar",
        run: |call, input| star(call, input, "RemoveStar", "RemoveStarPayload"),
    },
    Mutation {
        name: "removeSubIssue",
        run: remove_sub_issue,
    },
    Mutation {
        name: "unarchiveRepository",
        run: |call, input| archive(call, input, false),
    },
    Mutation {
        name: "unfollowUser",
        run: |call, input| follow(call, input, "UnfollowUser", "UnfollowUserPayload"),
    },
    Mutation {
        name: "updateRef",
        run: update_ref,
    },
    Mutation {
        name: "updateRepository",
        run: update,
    },
];

fn star(
    call: &mut Call<'_>,
    input: &Args,
    mutation: &str,
    of: &'static str,
) -> Result<Object, Fault> {
    let id = input.text("starrableId").unwrap_or_default();
    let row = nodes::row(call, id, &["Repository"])?;
    let operation = match mutation {
        "AddStar" => "activity/star-repo-for-authenticated-user",
        _ => "activity/unstar-repo-for-authenticated-user",
    };
    let params = owner_and_name(row.text(repo::FULL_NAME));
    operate(call, mutation, operation, &params, &json!({}))?;
    payload(of, vec![("starrable", nodes::find(call, id)?.into())])
}

fn follow(
    call: &mut Call<'_>,
    input: &Args,
    mutation: &str,
    of: &'static str,
) -> Result<Object, Fault> {
    let id = input.text("userId").unwrap_or_default();
    let row = nodes::row(call, id, &["User"])?;
    let operation = match mutation {
        "FollowUser" => "users/follow",
        _ => "users/unfollow",
    };
    let params = [("username", row.text(user::LOGIN))];
    operate(call, mutation, operation, &params, &json!({}))?;
    payload(of, vec![("user", nodes::find(call, id)?.into())])
}

fn add_sub_issue(call: &mut Call<'_>, input: &Args) -> Result<Object, Fault> {
    let id = input.text("issueId").unwrap_or_default();
    let row = nodes::row(call, id, &["Issue"])?;
    let sub = match (input.text("subIssueId"), input.text("subIssueUrl")) {
        (Some(sub), _) => nodes::find(call, sub)?,
        (None, Some(url)) => match crate::github::graphql::query::at(call, url)? {
            Value::Object(object) => *object,
            _ => return Err(nodes::unknown(url)),
        },
        (None, None) => {
            return Err(Fault::new(
                "UNPROCESSABLE",
                "subIssueId or subIssueUrl must be provided",
            ));
        }
    };
    let mut body = json!({"sub_issue_id": sub.shown()?.int(issue::ID)});
    if let Some(replace) = input.bool("replaceParent") {
        body["replace_parent"] = json!(replace);
    }
    on_issue(call, "AddSubIssue", "issues/add-sub-issue", &row, &body)?;
    bound(call, "AddSubIssuePayload", id, &sub)
}

fn remove_sub_issue(call: &mut Call<'_>, input: &Args) -> Result<Object, Fault> {
    let id = input.text("issueId").unwrap_or_default();
    let row = nodes::row(call, id, &["Issue"])?;
    let sub = nodes::find(call, input.text("subIssueId").unwrap_or_default())?;
    let body = json!({"sub_issue_id": sub.shown()?.int(issue::ID)});
    on_issue(
        call,
        "RemoveSubIssue",
        "issues/remove-sub-issue",
        &row,
        &body,
    )?;
    bound(call, "RemoveSubIssuePayload", id, &sub)
}

fn bound(call: &Call<'_>, of: &'static str, id: &str, sub: &Object) -> Result<Object, Fault> {
    let sub = nodes::find(call, sub.shown()?.text(issue::NODE_ID))?;
    payload(
        of,
        vec![
            ("issue", nodes::find(call, id)?.into()),
            ("subIssue", sub.into()),
        ],
    )
}

fn archive(call: &mut Call<'_>, input: &Args, on: bool) -> Result<Object, Fault> {
    let (mutation, of) = match on {
        true => ("ArchiveRepository", "ArchiveRepositoryPayload"),
        false => ("UnarchiveRepository", "UnarchiveRepositoryPayload"),
    };
    changed(call, input, mutation, of, &json!({"archived": on}))
}

fn changed(
    call: &mut Call<'_>,
    input: &Args,
    mutation: &str,
    of: &'static str,
    body: &Json,
) -> Result<Object, Fault> {
    let id = input.text("repositoryId").unwrap_or_default();
    let row = nodes::row(call, id, &["Repository"])?;
    let params = owner_and_name(row.text(repo::FULL_NAME));
    operate(call, mutation, "repos/update", &params, body)?;
    payload(of, vec![("repository", nodes::find(call, id)?.into())])
}

fn update(call: &mut Call<'_>, input: &Args) -> Result<Object, Fault> {
    let mut body = Body::default();
    for (from, to) in [
        ("name", "name"),
        ("description", "description"),
        ("homepageUrl", "homepage"),
        ("hasIssuesEnabled", "has_issues"),
        ("hasProjectsEnabled", "has_projects"),
        ("hasWikiEnabled", "has_wiki"),
        ("hasDiscussionsEnabled", "has_discussions"),
        ("template", "is_template"),
    ] {
        body = body.copy(input, from, to);
    }
    changed(
        call,
        input,
        "UpdateRepository",
        "UpdateRepositoryPayload",
        &body.done(),
    )
}

fn create(call: &mut Call<'_>, input: &Args) -> Result<Object, Fault> {
    let private = input.text("visibility") != Some("PUBLIC");
    let mut body = Body::default().set("private", private);
    for (from, to) in [
        ("name", "name"),
        ("description", "description"),
        ("homepageUrl", "homepage"),
        ("hasIssuesEnabled", "has_issues"),
        ("hasWikiEnabled", "has_wiki"),
        ("template", "is_template"),
    ] {
        body = body.copy(input, from, to);
    }
    let owner = match input.text("ownerId") {
        None => None,
        Some(id) => Some(nodes::row(call, id, &["User", "Organization"])?),
    };
    let org = owner.filter(|row| row.text(user::TYPE) == "Organization");
    let body = body.done();
    let made = match org {
        None => operate(
            call,
            "CreateRepository",
            "repos/create-for-authenticated-user",
            &[],
            &body,
        )?,
        Some(row) => {
            let params = [("org", row.text(user::LOGIN))];
            operate(
                call,
                "CreateRepository",
                "repos/create-in-org",
                &params,
                &body,
            )?
        }
    };
    let id = made["node_id"].as_str().unwrap_or_default();
    payload(
        "CreateRepositoryPayload",
        vec![("repository", nodes::find(call, id)?.into())],
    )
}

fn create_ref(call: &mut Call<'_>, input: &Args) -> Result<Object, Fault> {
    let id = input.text("repositoryId").unwrap_or_default();
    let row = nodes::row(call, id, &["Repository"])?;
    let name = input.text("name").unwrap_or_default();
    let body = json!({"ref": name, "sha": input.text("oid")});
    let params = owner_and_name(row.text(repo::FULL_NAME));
    operate(call, "CreateRef", "git/create-ref", &params, &body)?;
    let made = crate::github::graphql::git::reference(&row, name);
    payload("CreateRefPayload", vec![("ref", made.into())])
}

/// The repository and the short name, `heads/main`, of the ref that an input names.
fn named(call: &Call<'_>, input: &Args) -> Result<(Object, String), Fault> {
    let id = input.text("refId").unwrap_or_default();
    let found = nodes::find(call, id)?;
    match found.part.strip_prefix("refs/") {
        Some(name) if found.of == "Ref" => {
            let name = name.to_owned();
            Ok((found, name))
        }
        _ => Err(nodes::unknown(id)),
    }
}

fn update_ref(call: &mut Call<'_>, input: &Args) -> Result<Object, Fault> {
    let (found, name) = named(call, input)?;
    let body = json!({"sha": input.text("oid"), "force": input.bool("force")});
    let [owner, of] = owner_and_name(found.shown()?.text(repo::FULL_NAME));
    let params = [owner, of, ("ref", name.as_str())];
    operate(call, "UpdateRef", "git/update-ref", &params, &body)?;
    payload("UpdateRefPayload", vec![("ref", found.clone().into())])
}

fn delete_ref(call: &mut Call<'_>, input: &Args) -> Result<Object, Fault> {
    let (found, name) = named(call, input)?;
    let [owner, of] = owner_and_name(found.shown()?.text(repo::FULL_NAME));
    let params = [owner, of, ("ref", name.as_str())];
    operate(call, "DeleteRef", "git/delete-ref", &params, &json!({}))?;
    payload("DeleteRefPayload", Vec::new())
}
