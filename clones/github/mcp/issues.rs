//! Tools on one issue, and the caller.

use archal_core::clone::Arguments;
use serde_json::{Map, Value, json};

use super::plain;
use super::shapes::{self, refused, refused_graph};
use super::{Failure, Outcome};
use crate::engine::mcp::{
    Asker, number, number_or, required_number, required_text, segment, text, texts,
};

/// Results a page, where a tool is not told.
const PAGE: i64 = 30;
const REACTIONS: &[&str] = &[
    "+1", "-1", "laugh", "confused", "heart", "hooray", "rocket", "eyes",
];

/// The path of a repository's things.
pub(super) fn repository(owner: &str, repo: &str) -> String {
    format!("/repos/{}/{}", segment(owner), segment(repo))
}

/// `get_me`.
pub(super) fn me(_: &Arguments, asker: &mut Asker<'_>) -> Outcome {
    let answered = asker.get("/user", &[]);
    if !answered.succeeded() {
        return Err(refused("failed to get user", &answered));
    }
    Ok(shapes::text(&shapes::profile(&answered.body)))
}

/// `issue_read`.
pub(super) fn read(arguments: &Arguments, asker: &mut Asker<'_>) -> Outcome {
    let method = required_text(arguments, "method")?;
    let owner = required_text(arguments, "owner")?;
    let repo = required_text(arguments, "repo")?;
    let issue = required_number(arguments, "issue_number")?;
    let page = number_or(arguments, "page", 1)?.to_string();
    let size = number_or(arguments, "perPage", PAGE)?.to_string();
    let paging = [("page", page.as_str()), ("per_page", size.as_str())];
    let path = format!("{}/issues/{issue}", repository(owner, repo));
    match method {
        "get" => {
            let answered = asker.get(&path, &[]);
            if !answered.succeeded() {
                let error = shapes::client_error(&answered);
                return Err(Failure::Fault(format!("failed to get issue: {error}")));
            }
            let related = related(asker, &answered.body["node_id"]);
            Ok(shapes::text(&shapes::Issue::whole(
                &answered.body,
                &related,
            )))
        }
        "get_comments" => {
            let answered = asker.get(&format!("{path}/comments"), &paging);
            let Value::Array(comments) = &answered.body else {
                let error = shapes::client_error(&answered);
                let text = format!("failed to get issue comments: {error}");
                return Err(Failure::Fault(text));
            };
            let comments: Vec<Value> = comments.iter().map(shapes::comment).collect();
            Ok(shapes::text(&comments))
        }
        "get_labels" => {
            let answered = asker.get(&format!("{path}/labels"), &[("per_page", "100")]);
            let Value::Array(labels) = &answered.body else {
                let missing = shapes::no_issue(issue);
                let what = "Failed to get issue labels";
                return Err(refused_graph(what, &answered, &missing));
            };
            let labels: Vec<Value> = labels.iter().map(shapes::label).collect();
            let total = labels.len();
            Ok(shapes::text(
                &json!({"labels": labels, "totalCount": total}),
            ))
        }
        "get_sub_issues" => {
            let answered = asker.get(&format!("{path}/sub_issues"), &paging);
            let Value::Array(issues) = &answered.body else {
                return Err(refused("failed to list sub-issues", &answered));
            };
            let issues: Vec<Value> = issues.iter().map(shapes::found).collect();
            Ok(shapes::text(&issues))
        }
        "get_parent" => {
            let answered = asker.get(&format!("{path}/parent"), &[]);
            if !answered.succeeded() {
                // Without a parent the answer is null; without the issue it is a refusal.
                let own = asker.get(&path, &[]);
                if own.succeeded() {
                    return Ok(shapes::text(&json!({"parent": null})));
                }
                let missing = shapes::no_issue(issue);
                return Err(refused_graph("failed to get issue parent", &own, &missing));
            }
            Ok(shapes::text(
                &json!({"parent": shapes::parent(&answered.body)}),
            ))
        }
        other => Err(Failure::Refused(format!("unknown method: {other}"))),
    }
}

/// What GraphQL tells of an issue's parent, children and the pull requests that close it; null where
/// it tells nothing, which leaves the issue without.
fn related(asker: &mut Asker<'_>, id: &Value) -> Value {
    // A recording shows the issue trimmed, and nothing of this.
    if !id.is_string() {
        return Value::Null;
    }
    let other = "number title state url repository { nameWithOwner }";
    let query = format!(
        "query($ids: [ID!]!) {{ nodes(ids: $ids) {{ ... on Issue {{ parent {{ {other} }} closedByPullRequestsReferences(first: 5, includeClosedPrs: true, orderByState: true) {{ totalCount nodes {{ {other} }} }} subIssuesSummary {{ total completed percentCompleted }} }} }} }}"
    );
    let data = plain::graph(asker, &query, &json!({"ids": [id]}), "");
    data.map_or(Value::Null, |mut data| data["nodes"][0].take())
}

/// `add_issue_comment`.
pub(super) fn comment(arguments: &Arguments, asker: &mut Asker<'_>) -> Outcome {
    let owner = required_text(arguments, "owner")?;
    let repo = required_text(arguments, "repo")?;
    let issue = required_number(arguments, "issue_number")?;
    let comment = number(arguments, "comment_id")?;
    let body = given(arguments, "body")?;
    let reaction = given(arguments, "reaction")?;
    let refuse = |text: &str| Err(Failure::Refused(text.to_owned()));
    if comment.is_some_and(|id| id < 1) {
        return refuse("comment_id must be greater than 0");
    }
    if comment.is_some() && body.is_some() {
        return refuse("comment_id cannot be combined with body");
    }
    if comment.is_some() && reaction.is_none() {
        return refuse("comment_id can only be provided when reaction is provided");
    }
    if body.is_none() && reaction.is_none() {
        return refuse("at least one of body or reaction is required");
    }
    if body == Some("") {
        return refuse("body cannot be empty when provided");
    }
    if reaction.is_some_and(|reaction| !REACTIONS.contains(&reaction)) {
        return refuse(
            "reaction must be one of +1, -1, laugh, confused, heart, hooray, rocket, eyes",
        );
    }
    let path = format!("{}/issues", repository(owner, repo));
    let mut reacted = None;
    if let Some(reaction) = reaction {
        let body = json!({"content": reaction});
        let (path, what) = match comment {
            Some(id) => (
                format!("{path}/comments/{id}/reactions"),
                "failed to add reaction to issue comment",
            ),
            None => (
                format!("{path}/{issue}/reactions"),
                "failed to add reaction to issue",
            ),
        };
        let answered = asker.write("POST", &path, &body);
        if !answered.succeeded() {
            return Err(refused(what, &answered));
        }
        reacted = Some(shapes::reacted(&path, &answered.body));
    }
    let mut commented = None;
    if body.is_some() {
        let body = json!({"body": body});
        let answered = asker.write("POST", &format!("{path}/{issue}/comments"), &body);
        if !answered.succeeded() {
            return Err(refused("failed to create comment", &answered));
        }
        commented = Some(shapes::written(&answered.body));
    }
    Ok(match (commented, reacted) {
        (Some(comment), Some(reaction)) => {
            shapes::text(&json!({"comment": comment, "reaction": reaction}))
        }
        (one, other) => shapes::text(&one.or(other)),
    })
}

/// A text argument that may be absent.
fn given<'a>(arguments: &'a Arguments, name: &str) -> Result<Option<&'a str>, Failure> {
    if arguments.contains_key(name) {
        Ok(Some(text(arguments, name)?))
    } else {
        Ok(None)
    }
}

/// `issue_write`.
pub(super) fn write(arguments: &Arguments, asker: &mut Asker<'_>) -> Outcome {
    let method = required_text(arguments, "method")?;
    let owner = required_text(arguments, "owner")?;
    let repo = required_text(arguments, "repo")?;
    let title = text(arguments, "title")?;
    let body = text(arguments, "body")?;
    let assignees = texts(arguments, "assignees")?;
    let labels = texts(arguments, "labels")?;
    let milestone = number(arguments, "milestone")?.filter(|number| *number != 0);
    let state = text(arguments, "state")?;
    let reason = text(arguments, "state_reason")?;
    let duplicate_of = number(arguments, "duplicate_of")?.filter(|number| *number != 0);
    let refuse = |text: &str| Err(Failure::Refused(text.to_owned()));
    if duplicate_of.is_some() && reason != "duplicate" {
        return refuse("duplicate_of can only be used when state_reason is 'duplicate'");
    }
    if state == "closed" && reason == "duplicate" && duplicate_of.is_none() {
        return refuse("duplicate_of must be provided when state_reason is 'duplicate'");
    }
    if arguments.contains_key("issue_fields") {
        return Err(Failure::Unmodelled("custom fields of issues"));
    }
    let is_given = |name: &str| arguments.get(name).is_some_and(|value| !value.is_null());
    let mut fields = Map::new();
    if !title.is_empty() {
        fields.insert("title".to_owned(), title.into());
    }
    if !body.is_empty() {
        fields.insert("body".to_owned(), body.into());
    }
    if is_given("assignees") {
        fields.insert("assignees".to_owned(), assignees.into());
    }
    if is_given("labels") {
        fields.insert("labels".to_owned(), labels.into());
    }
    if is_given("type") {
        fields.insert("type".to_owned(), text(arguments, "type")?.into());
    }
    if let Some(milestone) = milestone {
        fields.insert("milestone".to_owned(), milestone.into());
    }
    let path = format!("{}/issues", repository(owner, repo));
    match method {
        "create" if title.is_empty() => refuse("missing required parameter: title"),
        "create" => {
            let answered = asker.write("POST", &path, &fields.into());
            if !answered.succeeded() {
                return Err(refused("failed to create issue", &answered));
            }
            Ok(shapes::text(&shapes::written(&answered.body)))
        }
        "update" => {
            let issue = required_number(arguments, "issue_number")?;
            if let Some(other) = duplicate_of.filter(|_| state == "closed") {
                let answered = asker.get(&format!("{path}/{other}"), &[]);
                if !answered.succeeded() {
                    let missing = shapes::no_issue(other);
                    return Err(refused_graph("Failed to find issues", &answered, &missing));
                }
            }
            match state {
                "" => {}
                "closed" => {
                    let reason = match reason {
                        "not_planned" | "duplicate" => reason,
                        _ => "completed",
                    };
                    fields.insert("state".to_owned(), "closed".into());
                    fields.insert("state_reason".to_owned(), reason.into());
                }
                other => {
                    fields.insert("state".to_owned(), other.into());
                }
            }
            let answered = asker.write("PATCH", &format!("{path}/{issue}"), &fields.into());
            if !answered.succeeded() {
                return Err(refused("failed to update issue", &answered));
            }
            Ok(shapes::text(&shapes::written(&answered.body)))
        }
        _ => refuse("invalid method, must be either 'create' or 'update'"),
    }
}
