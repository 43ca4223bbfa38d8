//! What recorded results of the tools prove of GitHub's answers: the trimming of [`super::shapes`]
//! read backwards. What a result leaves out stays out.

use std::collections::BTreeMap;

use archal_core::clone::{CloneRequest, RecordedTool, Restored};
use serde_json::{Map, Value, json};

use super::shapes::of;
use crate::engine::mcp::number_or;

/// Tools whose result shows the answer to another request than the one asked about.
const LATER: &[(&str, &str)] = &[
    ("actions_get", "actions/download-artifact"),
    ("actions_get", "actions/download-workflow-run-logs"),
    ("add_comment_to_pending_review", "users/get-authenticated"),
    ("create_branch", "git/get-ref"),
    ("create_branch", "repos/get"),
    ("create_or_update_file", "repos/get-content"),
    ("delete_file", "git/get-commit"),
    ("delete_file", "git/get-ref"),
    ("get_file_contents", "git/get-ref"),
    ("get_file_contents", "git/get-tree"),
    ("get_file_contents", "repos/get"),
    ("get_job_logs", "actions/download-job-logs-for-workflow-run"),
    ("get_job_logs", "actions/list-jobs-for-workflow-run"),
    ("get_repository_tree", "repos/get"),
    ("get_tag", "git/get-ref"),
    ("get_teams", "users/get-authenticated"),
    ("issue_write", "issues/get"),
    ("pull_request_review_write", "pulls/get"),
    ("pull_request_review_write", "users/get-authenticated"),
    ("push_files", "git/get-commit"),
    ("push_files", "git/get-ref"),
    ("push_files", "repos/get"),
    ("update_pull_request", "pulls/get"),
];

/// Tools whose results have a shape of their own; nothing is read of them.
const UNREAD: &[&str] = &[
    "assign_copilot_to_issue",
    "list_dependabot_alerts",
    "list_issue_fields",
    "projects_get",
    "projects_list",
    "projects_write",
    "request_copilot_review",
];

/// Words of errors that are none of GitHub's.
const ON_THE_WAY: &[&str] = &[
    "connect",
    "deadline",
    "dial tcp",
    "EOF",
    "rate limit",
    "timed out",
    "timeout",
    "TLS",
];

/// The answer to a request of a recorded tool call.
pub(super) fn restore(recorded: &RecordedTool<'_>, request: &CloneRequest) -> Option<Restored> {
    if recorded.is_error {
        return refusal(recorded.result, request);
    }
    let operation = recorded.operation?;
    if let Some(implied) = implied(recorded, operation) {
        return Some(implied);
    }
    // What is read of a pull request begins with the pull request itself.
    let is_other = recorded.tool == "pull_request_read"
        && operation == "pulls/get"
        && recorded.arguments.get("method") != Some(&Value::from("get"));
    let is_unread = UNREAD.contains(&recorded.tool) || operation == "graphql";
    if is_other || is_unread || LATER.contains(&(recorded.tool, operation)) {
        return None;
    }
    if request.method == "GET" {
        read(recorded, request)
    } else {
        written(recorded, request)
    }
}

fn answered(status: u16, body: Value) -> Restored {
    Restored {
        status,
        body: Some(body),
        ..Restored::default()
    }
}

/// The answer to a request that must have come before the result could be what it is.
fn implied(recorded: &RecordedTool<'_>, operation: &str) -> Option<Restored> {
    let given = |name: &str| {
        recorded
            .arguments
            .get(name)?
            .as_str()
            .filter(|text| !text.is_empty())
    };
    match (recorded.tool, operation) {
        // The tool makes a file where there is none, and changes one whose SHA it is told.
        ("create_or_update_file", "repos/get-content") => Some(match given("sha") {
            None => answered(404, json!({"message": "Not Found"})),
            Some(sha) => answered(
                200,
                json!({"type": "file", "path": given("path")?, "sha": sha}),
            ),
        }),
        // A new branch points to what the one it comes from points to.
        ("create_branch", "git/get-ref") => {
            let object = &recorded.result["object"];
            let from = format!("refs/heads/{}", given("from_branch")?);
            object["sha"]
                .is_string()
                .then(|| answered(200, json!({"ref": from, "object": object})))
        }
        _ => None,
    }
}

/// The status that the words of a refusal name, where they are about this request.
fn refusal(result: &Value, request: &CloneRequest) -> Option<Restored> {
    let text = result.as_str()?;
    if text.contains("Could not resolve to a") {
        return Some(answered(404, json!({"message": "Not Found"})));
    }
    // The words of the official server's client: `METHOD URL: status message [errors]`; of 422 it
    // hands on the message alone.
    let Some((before, rest)) = text.split_once("https://") else {
        let is_said =
            text.starts_with("failed to ") && !ON_THE_WAY.iter().any(|word| text.contains(word));
        let (_, message) = text
            .split_once(": ")
            .filter(|_| is_said && request.method != "GET")?;
        return Some(answered(422, json!({"message": message})));
    };
    let (url, rest) = rest.split_once(": ")?;
    let path = url.find('/').map_or("", |at| &url[at..]);
    let is_it = before.trim_end().ends_with(&request.method)
        && path.split('?').next() == Some(&*request.path);
    if !is_it {
        return None;
    }
    let (status, message) = rest.split_once(' ').unwrap_or((rest, ""));
    let status = status
        .parse()
        .ok()
        .filter(|status| (400..600).contains(status))?;
    let message = message
        .rsplit_once(" [")
        .map_or(message, |(message, _)| message);
    Some(answered(status, json!({"message": message})))
}

fn read(recorded: &RecordedTool<'_>, request: &CloneRequest) -> Option<Restored> {
    let result = recorded.result;
    if recorded.tool == "issue_read" && recorded.operation == Some("issues/get-parent") {
        return None;
    }
    let full = |trimmed: &Value| {
        let mut body = whole(trimmed);
        empty(recorded, &mut body);
        body
    };
    let Some((items, envelope)) = listed(result) else {
        return result.is_object().then(|| answered(200, full(result)));
    };
    let items: Vec<Value> = items.iter().map(full).collect();
    let count = items.len() as u64;
    let total = ["totalCount", "total_count"]
        .iter()
        .find_map(|name| result[*name].as_u64());
    let body = match envelope {
        None => Value::Array(items),
        Some(_) if request.path.starts_with("/search/") => {
            let incomplete = result["incomplete_results"].as_bool().unwrap_or_default();
            json!({
                "total_count": total.unwrap_or(count),
                "incomplete_results": incomplete,
                "items": items,
            })
        }
        Some("issues" | "labels") => Value::Array(items),
        Some(name) => json!({"total_count": total.unwrap_or(count), name: items}),
    };
    let mut restored = answered(200, body);
    if let Some(more) = result["pageInfo"]["hasNextPage"].as_bool() {
        // A cursor stands for a page; the tool itself reads from the first one to find its place.
        let size = number_or(recorded.arguments, "perPage", 30).ok()?;
        restored.query = Some(paged(&request.query, recorded.page, size));
        if more {
            let next = format!(
                "<https://api.github.com{}?page={}>; rel=\"next\"",
                request.path,
                recorded.page + 1
            );
            restored.headers.insert("link".to_owned(), next);
        } else {
            all_of_it(&mut restored.headers);
        }
    } else if envelope == Some("labels") && total == Some(count) {
        all_of_it(&mut restored.headers);
    }
    Some(restored)
}

/// GitHub names its media type in every answer, and leaves `Link` out where nothing follows.
fn all_of_it(headers: &mut BTreeMap<String, String>) {
    headers.insert(
        "x-github-media-type".to_owned(),
        "github.v3; format=json".to_owned(),
    );
}

/// A query at another page.
fn paged(query: &str, page: u64, size: i64) -> String {
    form_urlencoded::Serializer::new(String::new())
        .extend_pairs(
            form_urlencoded::parse(query.as_bytes())
                .filter(|(name, _)| name != "page" && name != "per_page"),
        )
        .append_pair("page", &page.to_string())
        .append_pair("per_page", &size.to_string())
        .finish()
}

/// The items of a result that is a list, and the field that they stand in.
fn listed(result: &Value) -> Option<(&Vec<Value>, Option<&str>)> {
    if let Value::Array(items) = result {
        return Some((items, None));
    }
    let fields = result.as_object()?;
    let counts = ["totalCount", "total_count", "pageInfo"];
    if !counts.iter().any(|name| fields.contains_key(*name)) {
        return None;
    }
    let mut lists = fields
        .iter()
        .filter_map(|(name, value)| Some((value.as_array()?, Some(name.as_str()))));
    let found = lists.next()?;
    lists.next().is_none().then_some(found)
}

/// An object as REST has it, with the fields that the trimmed one keeps.
fn whole(trimmed: &Value) -> Value {
    let Value::Object(fields) = trimmed else {
        return trimmed.clone();
    };
    let mut out = Map::new();
    for (name, value) in fields {
        let person = |value: &Value| match value {
            Value::String(login) => json!({"login": login}),
            other => whole(other),
        };
        let value = match (name.as_str(), value) {
            ("state", Value::String(state)) => Value::from(state.to_lowercase()),
            ("assignees" | "requested_reviewers", Value::Array(people)) => {
                people.iter().map(person).collect()
            }
            ("closed_by" | "merged_by", login) => person(login),
            ("user" | "author" | "actor", Value::Object(_)) => whole(value),
            ("milestone", Value::String(title)) => json!({"title": title}),
            ("profile_url", url) => {
                out.insert("html_url".to_owned(), url.clone());
                continue;
            }
            // What GraphQL calls an id is no number.
            ("id", Value::String(id)) => match id.parse::<u64>() {
                Ok(id) => Value::from(id),
                Err(_) => {
                    out.insert("node_id".to_owned(), value.clone());
                    continue;
                }
            },
            ("details", Value::Object(details)) => {
                out.extend(details.clone());
                continue;
            }
            (_, value) => value.clone(),
        };
        out.insert(name.clone(), value);
    }
    out.into()
}

/// Puts in what tools on issues leave out where it is empty. What they never show stays out.
fn empty(recorded: &RecordedTool<'_>, body: &mut Value) {
    let is_listed = recorded.tool == "list_issues";
    let is_whole = recorded.tool == "issue_read" && recorded.operation == Some("issues/get");
    let Some(fields) = body.as_object_mut().filter(|_| is_listed || is_whole) else {
        return;
    };
    let asked = recorded.arguments.get("fields").and_then(Value::as_array);
    let is_asked = |name: &str| {
        asked.is_none_or(|asked| asked.is_empty() || asked.iter().any(|one| one == name))
    };
    let is_open = fields.get("state") == Some(&Value::from("open"));
    let mut left_out = vec![
        ("body", Value::Null),
        ("labels", json!([])),
        ("comments", json!(0)),
    ];
    if is_whole {
        left_out.extend([("locked", json!(false)), ("state_reason", Value::Null)]);
    }
    if is_whole || is_open {
        left_out.extend([("closed_at", Value::Null), ("closed_by", Value::Null)]);
    }
    for (name, value) in left_out {
        if is_asked(name) {
            fields.entry(name).or_insert(value);
        }
    }
}

/// Writing tools say which object it was, no more.
fn written(recorded: &RecordedTool<'_>, request: &CloneRequest) -> Option<Restored> {
    let created = request.method == "POST";
    let result = recorded.result;
    let Value::Object(_) = result else {
        // Words that it is done are all there is.
        return (request.method == "DELETE").then(|| Restored {
            status: 204,
            ..Restored::default()
        });
    };
    let mut body = whole(result);
    let url = of(result, "url").to_owned();
    if let (Some(fields), false) = (body.as_object_mut(), url.is_empty()) {
        fields.remove("url");
        let last = url.rsplit('/').next().unwrap_or_default();
        if let Some((number, comment)) = last.split_once("#issuecomment-") {
            if let Ok(id) = comment.parse::<u64>() {
                fields.insert("id".to_owned(), id.into());
            }
            let issue = format!(
                "https://api.github.com{}",
                request.path.trim_end_matches("/comments")
            );
            if request.path.ends_with(&format!("/{number}/comments")) {
                fields.insert("issue_url".to_owned(), issue.into());
            }
        } else if let Ok(number) = last.parse::<u64>() {
            fields.insert("number".to_owned(), number.into());
        }
        fields.insert("html_url".to_owned(), url.into());
    }
    Some(answered(if created { 201 } else { 200 }, body))
}
