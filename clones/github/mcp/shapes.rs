//! Results of tools: the official server's trimmed objects, and its words for refusals.

use serde::Serialize;
use serde_json::{Map, Value, json};

use super::Failure;
use crate::engine::mcp::Answered;

/// A result as text; a map is sorted by key, as Go writes one.
pub(super) fn text(result: &impl Serialize) -> String {
    // Texts, numbers and lists of them: there is nothing in a result that cannot be written.
    serde_json::to_string(result).unwrap_or_default()
}

/// An issue.
#[derive(Serialize)]
pub(super) struct Issue<'a> {
    number: &'a Value,
    title: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    body: &'a str,
    state: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    state_reason: Option<&'a str>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    locked: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    html_url: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    author_association: Option<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    labels: Vec<&'a str>,
    assignees: Vec<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    milestone: Option<&'a str>,
    #[serde(skip_serializing_if = "is_zero")]
    comments: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    reactions: Option<Value>,
    created_at: &'a str,
    updated_at: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    closed_at: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    closed_by: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    issue_type: Option<&'a str>,
    #[serde(flatten)]
    relations: Option<Relations>,
}

/// What an issue has to do with others.
#[derive(Serialize)]
struct Relations {
    has_parent: bool,
    has_children: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    parent: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sub_issues_summary: Option<Value>,
    closed_by_pull_requests: Value,
}

impl Relations {
    /// Those that GraphQL tells of an issue.
    fn of(issue: &Value) -> Self {
        let reference = |of: &Value| {
            json!({
                "number": of["number"],
                "title": of["title"],
                "state": of["state"],
                "url": of["url"],
                "repository": of["repository"]["nameWithOwner"],
            })
        };
        let parent = &issue["parent"];
        let summary = &issue["subIssuesSummary"];
        let total = summary["total"].as_i64().unwrap_or_default();
        let closing = &issue["closedByPullRequestsReferences"];
        let references = closing["nodes"].as_array().into_iter().flatten();
        Self {
            has_parent: parent.is_object(),
            has_children: total > 0,
            parent: parent.is_object().then(|| reference(parent)),
            sub_issues_summary: (total > 0).then(|| {
                json!({
                    "total": total,
                    "completed": summary["completed"],
                    "percent_completed": summary["percentCompleted"],
                })
            }),
            closed_by_pull_requests: json!({
                "total_count": closing["totalCount"],
                "references": references.map(reference).collect::<Vec<_>>(),
            }),
        }
    }
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "the signature that serde calls"
)]
fn is_zero(number: &i64) -> bool {
    *number == 0
}

impl<'a> Issue<'a> {
    /// As `issue_read` shows it; `related` is what GraphQL tells of it, null where it does not.
    pub(super) fn whole(issue: &'a Value, related: &Value) -> Self {
        let closed_by = &issue["closed_by"]["login"];
        Self {
            state: of(issue, "state").to_owned(),
            state_reason: issue["state_reason"].as_str(),
            locked: issue["locked"].as_bool().unwrap_or_default(),
            html_url: issue["html_url"].as_str(),
            user: user(&issue["user"]),
            author_association: issue["author_association"].as_str(),
            reactions: reactions(&issue["reactions"]),
            closed_at: issue["closed_at"].as_str(),
            closed_by: closed_by.as_str(),
            milestone: issue["milestone"]["title"].as_str(),
            issue_type: issue["type"]["name"].as_str(),
            relations: related.is_object().then(|| Relations::of(related)),
            ..Self::listed(issue)
        }
    }

    /// As `list_issues` shows it, which asks GraphQL: states in capitals, and less of everything.
    pub(super) fn listed(issue: &'a Value) -> Self {
        Self {
            number: &issue["number"],
            title: of(issue, "title"),
            body: of(issue, "body"),
            state: of(issue, "state").to_uppercase(),
            state_reason: None,
            locked: false,
            html_url: None,
            user: Some(json!({"login": of(&issue["user"], "login")})),
            author_association: None,
            labels: each(&issue["labels"], "name"),
            assignees: each(&issue["assignees"], "login"),
            comments: issue["comments"].as_i64().unwrap_or_default(),
            reactions: None,
            created_at: of(issue, "created_at"),
            updated_at: of(issue, "updated_at"),
            closed_at: None,
            closed_by: None,
            milestone: None,
            issue_type: None,
            relations: None,
        }
    }
}

/// A text field; empty where it is null.
pub(super) fn of<'a>(object: &'a Value, field: &str) -> &'a str {
    object[field].as_str().unwrap_or_default()
}

pub(super) fn each<'a>(items: &'a Value, field: &str) -> Vec<&'a str> {
    let items = items.as_array().map_or(&[] as &[Value], Vec::as_slice);
    items
        .iter()
        .filter_map(|item| item[field].as_str())
        .collect()
}

/// A user inside other objects.
pub(super) fn user(user: &Value) -> Option<Value> {
    user.is_object().then(|| {
        json!({
            "login": user["login"],
            "id": user["id"],
            "profile_url": user["html_url"],
            "avatar_url": user["avatar_url"],
        })
    })
}

fn reactions(reactions: &Value) -> Option<Value> {
    let mut kept = reactions.as_object()?.clone();
    kept.remove("url");
    Some(kept.into())
}

/// A comment.
pub(super) fn comment(comment: &Value) -> Value {
    let mut out = json!({
        "id": comment["id"],
        "body": comment["body"],
        "html_url": comment["html_url"],
        "user": user(&comment["user"]),
        "author_association": comment["author_association"],
        "reactions": reactions(&comment["reactions"]),
        "created_at": comment["created_at"],
        "updated_at": comment["updated_at"],
    });
    without_empty(&mut out);
    out
}

/// A label as the tools that ask GraphQL show it.
pub(super) fn label(label: &Value) -> Value {
    json!({
        "id": label["node_id"],
        "name": label["name"],
        "color": label["color"],
        "description": of(label, "description"),
    })
}

/// What writing tools answer: which object it was.
pub(super) fn written(object: &Value) -> Value {
    json!({"id": object["id"].to_string(), "url": object["html_url"]})
}

/// The caller.
pub(super) fn profile(user: &Value) -> Value {
    let mut details = Map::new();
    for name in [
        "name",
        "company",
        "blog",
        "location",
        "email",
        "bio",
        "twitter_username",
        "public_repos",
        "public_gists",
        "followers",
        "following",
        "created_at",
        "updated_at",
        "private_gists",
        "total_private_repos",
        "owned_private_repos",
    ] {
        let value = &user[name];
        let always = matches!(
            name,
            "public_repos" | "public_gists" | "followers" | "following"
        );
        let is_zero = value.is_null() || value == "" || value == 0;
        if always || !is_zero {
            details.insert(name.to_owned(), value.clone());
        }
    }
    json!({
        "login": user["login"],
        "id": user["id"],
        "profile_url": user["html_url"],
        "avatar_url": user["avatar_url"],
        "details": details,
    })
}

/// Fields of an issue that the official server's client does not know, and so does not hand on.
const UNKNOWN: &[&str] = &[
    "issue_dependencies_summary",
    "performed_via_github_app",
    "score",
    "sub_issues_summary",
    "timeline_url",
];

/// The parent of an issue as `issue_read` shows it.
pub(super) fn parent(issue: &Value) -> Value {
    let repository = of(issue, "repository_url");
    let repository = repository
        .split_once("/repos/")
        .map_or("", |(_, name)| name);
    json!({
        "number": issue["number"],
        "title": issue["title"],
        "state": of(issue, "state").to_uppercase(),
        "url": issue["html_url"],
        "repository": repository,
    })
}

/// A reaction that was added below `path`.
pub(super) fn reacted(path: &str, reaction: &Value) -> Value {
    let id = reaction["id"].to_string();
    let url = format!("https://api.github.com{path}/{id}");
    json!({"id": id, "url": url})
}

/// An issue as `search_issues` shows it: whole, less what is null or empty.
pub(super) fn found(issue: &Value) -> Value {
    let mut out = issue.clone();
    if let Value::Object(fields) = &mut out {
        fields.retain(|name, _| !UNKNOWN.contains(&name.as_str()));
    }
    without_empty(&mut out);
    out
}

pub(super) fn without_empty(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.values_mut().for_each(without_empty);
            fields.retain(|_, value| {
                !value.is_null() && value.as_array().is_none_or(|items| !items.is_empty())
            });
        }
        Value::Array(items) => items.iter_mut().for_each(without_empty),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// An object with only the fields asked for; the whole where none is.
pub(super) fn only(object: Value, fields: &[&str]) -> Value {
    match object {
        Value::Object(all) if !fields.is_empty() => all
            .into_iter()
            .filter(|(name, _)| fields.contains(&name.as_str()))
            .collect::<Map<_, _>>()
            .into(),
        other => other,
    }
}

/// What GitHub's client library says of a refusal.
pub(super) fn client_error(answered: &Answered) -> String {
    let errors = answered.body["errors"].as_array();
    let errors: Vec<String> = errors
        .into_iter()
        .flatten()
        .map(|error| {
            format!(
                "{{Resource:{} Field:{} Code:{} Message:{}}}",
                of(error, "resource"),
                of(error, "field"),
                of(error, "code"),
                of(error, "message")
            )
        })
        .collect();
    format!(
        "{} {}: {} {} [{}]",
        answered.method,
        answered.url,
        answered.status,
        of(&answered.body, "message"),
        errors.join(" ")
    )
}

/// The refusal of a tool that asks REST.
pub(super) fn refused(what: &str, answered: &Answered) -> Failure {
    if answered.status != 422 {
        return Failure::Refused(format!("{what}: {}", client_error(answered)));
    }
    let mut lines = vec![of(&answered.body, "message").to_owned()];
    for error in answered.body["errors"].as_array().into_iter().flatten() {
        let mut line = [of(error, "resource"), of(error, "field")]
            .into_iter()
            .filter(|part| !part.is_empty())
            .collect::<Vec<_>>()
            .join(".");
        let (code, message) = (of(error, "code"), of(error, "message"));
        match (line.is_empty(), code.is_empty()) {
            (false, false) => line.push_str(&format!(" ({code})")),
            (true, _) => line.push_str(code),
            (false, true) => {}
        }
        if !message.is_empty() {
            let colon = if line.is_empty() { "" } else { ": " };
            line.push_str(&format!("{colon}{message}"));
        }
        lines.push(line);
    }
    Failure::Refused(format!("{what}: {}", lines.join("\n")))
}

/// The refusal of a tool that asks GraphQL; `missing` says what a 404 means there.
pub(super) fn refused_graph(what: &str, answered: &Answered, missing: &str) -> Failure {
    let taken = answered.body["errors"]
        .as_array()
        .into_iter()
        .flatten()
        .any(|error| error["code"] == "already_exists");
    let reason = match answered.status {
        404 => missing.to_owned(),
        422 if taken => "Name has already been taken".to_owned(),
        501 => client_error(answered),
        _ => of(&answered.body, "message").to_owned(),
    };
    Failure::Refused(format!("{what}: {reason}"))
}

/// What GraphQL says of a repository that is not there, or not for the caller.
pub(super) fn no_repository(owner: &str, repo: &str) -> String {
    format!("Could not resolve to a Repository with the name '{owner}/{repo}'.")
}

/// What GraphQL says of an issue that is not there.
pub(super) fn no_issue(number: i64) -> String {
    format!("Could not resolve to an Issue with the number of {number}.")
}
