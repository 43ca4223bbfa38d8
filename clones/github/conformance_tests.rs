//! Every answer of a modelled operation is what GitHub publishes.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::PACK;
use super::check::{json as body, open, request, send, send_unsigned};
use super::manifest::{OPERATIONS, routes};
use super::published::PUBLISHED;
use crate::engine::route::published;

/// The part of the published description that describes the answers of modelled operations.
const RESPONSES: &str = include_str!("fixtures/responses.json");

/// Calls that reach every operation, in good cases and in bad ones.
const CALLS: &[&str] = &[
    "GET /user",
    "GET /user/repos",
    "GET /users/octocat",
    "GET /users/monalisa",
    "GET /users/nobody",
    "GET /users/octocat/repos",
    "GET /orgs/octocat/repos",
    "GET /repos/octocat/hello-service",
    "GET /repos/octocat/nothing",
    "GET /repos/octocat/hello-service/issues?state=all&per_page=100",
    "GET /repos/octocat/hello-service/issues?labels=bug,help%20wanted&sort=updated",
    "GET /repos/octocat/hello-service/issues?state=ajar",
    "GET /repos/octocat/hello-service/issues/4",
    "GET /repos/octocat/hello-service/issues/3",
    "GET /repos/octocat/hello-service/issues/400",
    r#"POST /repos/octocat/hello-service/issues {"title":"T","body":"B","labels":["bug","brand new"],"assignees":["monalisa"]}"#,
    r#"POST /repos/octocat/hello-service/issues {"title":" "}"#,
    r#"PATCH /repos/octocat/hello-service/issues/9 {"state":"closed","state_reason":"not_planned"}"#,
    r#"PATCH /repos/octocat/hello-service/issues/9 {"state":"open"}"#,
    "GET /repos/octocat/hello-service/issues/4/comments",
    "GET /repos/octocat/hello-service/issues/comments",
    r#"POST /repos/octocat/hello-service/issues/9/comments {"body":"C"}"#,
    r#"POST /repos/octocat/hello-service/issues/9/comments {"body":""}"#,
    "GET /repos/octocat/hello-service/issues/comments/1900003907",
    r#"PATCH /repos/octocat/hello-service/issues/comments/1900003907 {"body":"D"}"#,
    "DELETE /repos/octocat/hello-service/issues/comments/1900003907",
    "GET /repos/octocat/hello-service/labels",
    "GET /repos/octocat/hello-service/labels/good%20first%20issue",
    "GET /repos/octocat/hello-service/labels/none",
    r#"POST /repos/octocat/hello-service/labels {"name":"late","color":"ABCDEF","description":"d"}"#,
    r#"POST /repos/octocat/hello-service/labels {"name":"late"}"#,
    r#"PATCH /repos/octocat/hello-service/labels/late {"new_name":"later"}"#,
    "DELETE /repos/octocat/hello-service/labels/later",
    "GET /repos/octocat/hello-service/issues/9/labels",
    r#"POST /repos/octocat/hello-service/issues/9/labels {"labels":["question"]}"#,
    "DELETE /repos/octocat/hello-service/issues/9/labels/question",
    r#"PUT /repos/octocat/hello-service/issues/9/labels {"labels":["wontfix"]}"#,
    "DELETE /repos/octocat/hello-service/issues/9/labels",
    "GET /repos/octocat/hello-service/assignees",
    "GET /repos/octocat/hello-service/assignees/monalisa",
    "GET /repos/octocat/hello-service/assignees/nobody",
    r#"POST /repos/octocat/hello-service/issues/9/assignees {"assignees":["octocat"]}"#,
    r#"DELETE /repos/octocat/hello-service/issues/9/assignees {"assignees":["octocat"]}"#,
    "GET /search/issues?q=repo:octocat/hello-service+is:issue+crash",
    "GET /search/issues",
];

#[test]
fn every_answer_validates_against_the_published_description() {
    let description: Value = serde_json::from_str(RESPONSES).expect("JSON");
    let mut clone = open("small-project");
    let mut organised = open("stale-issues");
    let mut reached = BTreeSet::new();
    let mut wrong = Vec::new();
    let more = [
        "GET /orgs/acme/repos",
        "GET /repos/acme/webapp",
        "GET /users/acme",
    ];
    let calls = CALLS.iter().map(|call| (call, false));
    for (call, in_organisation) in calls.chain(more.iter().map(|call| (call, true))) {
        let clone = if in_organisation {
            organised.as_mut()
        } else {
            clone.as_mut()
        };
        let response = send(clone, call);
        let operation = response.operation.expect("a modelled operation");
        let status = response.status.to_string();
        if response.status < 400 {
            reached.insert(operation);
        }
        let Some(schema) = description["operations"][operation].get(&status) else {
            // A refusal that the description leaves out has the shape of all others.
            assert!(response.status >= 400, "{call}: {status} is not published");
            assert!(body(&response)["message"].is_string(), "{call}");
            continue;
        };
        if schema.is_null() {
            assert!(response.body.wire.is_empty(), "{call} has a body");
            continue;
        }
        let schema = json!({"allOf": [schema], "$defs": description["$defs"]});
        let validator = jsonschema::validator_for(&schema).expect("a schema");
        let found = body(&response);
        for error in validator.iter_errors(&found).take(5) {
            wrong.push(format!("{call}: {} {error}", error.instance_path()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let all: BTreeSet<&str> = routes().map(|route| route.info.id).collect();
    assert_eq!(reached, all, "every operation answers well once");
}

#[test]
fn operations_are_sorted_and_published_as_they_are() {
    assert!(OPERATIONS.is_sorted_by_key(|info| info.id));
    assert!(PUBLISHED.is_sorted_by_key(|published| published.0));
    for route in routes() {
        let info = route.info;
        let path = info
            .path
            .replace("{issue_number}", "1")
            .replace("{comment_id}", "1");
        let found = published(PUBLISHED, info.method, &path).expect("published");
        assert_eq!((found.0, found.2), (info.id, info.path));
        let (found, _) = PACK.find("", info.method, &path).expect("modelled");
        assert_eq!(found.info.id, info.id);
    }
}

#[test]
fn what_is_published_and_not_modelled_says_so() {
    let mut clone = open("empty");
    for (call, operation) in [
        ("GET /repos/a/b/pulls", "pulls/list"),
        ("GET /repos/a/b/contents/src/main.rs", "repos/get-content"),
        (
            "GET /repos/a/b/issues/events",
            "issues/list-events-for-repo",
        ),
        ("POST /graphql {}", "graphql"),
        ("PUT /repos/a/b/issues/1/lock", "issues/lock"),
    ] {
        let response = send(clone.as_mut(), call);
        assert_eq!(response.status, 501, "{call}");
        assert_eq!(response.unmodelled.as_deref(), Some(operation));
        assert_eq!(response.operation, None);
        assert!(
            response
                .headers
                .contains(&("x-clone-unmodelled", operation.to_owned()))
        );
        let message = format!("{operation} is not modelled by this local clone");
        assert_eq!(body(&response)["message"], message);
    }
    let response = send(clone.as_mut(), "GET /repos/a/b/nonsense");
    assert_eq!((response.status, response.unmodelled), (404, None));
}

#[test]
fn every_operation_survives_a_caller_without_credentials_and_strange_bodies() {
    let mut clone = open("small-project");
    for route in routes() {
        let path = route
            .info
            .path
            .replace("{owner}/{repo}", "octocat/hello-service")
            .replace("{issue_number}", "4")
            .replace("{comment_id}", "1900000001")
            .replace("{username}", "octocat")
            .replace("{assignee}", "octocat")
            .replace("{name}", "bug");
        for strange in [
            "",
            "[]",
            "{",
            "null",
            "\"x\"",
            "{\"labels\":3,\"assignees\":{},\"title\":[]}",
        ] {
            let line = format!("{} {path} {strange}", route.info.method);
            let unsigned = send_unsigned(clone.as_mut(), &line);
            if route.info.method != "GET" {
                assert!(matches!(unsigned.status, 401 | 404), "{line}");
                assert!(unsigned.changes.is_empty());
            }
            let status = send(clone.as_mut(), &line).status;
            assert!(status < 500, "{line}: {status}");
        }
        let (found, _) = PACK
            .find("", route.info.method, &request(&format!("GET {path}")).path)
            .expect("its own path");
        assert_eq!(found.info.id, route.info.id);
    }
}
