//! Searches as a client meets them.

use serde_json::Value;

use crate::github::check::{json as body, open, request, send};

/// The numbers or names of what a search finds.
fn found(seed: &str, target: &str, pointer: &str) -> Vec<String> {
    let mut clone = open(seed);
    let response = send(clone.as_mut(), &format!("GET {target}"));
    let body = body(&response);
    assert_eq!(response.status, 200, "{target}: {body}");
    let items = body["items"].as_array().cloned().unwrap_or_default();
    items
        .iter()
        .map(|item| match item.pointer(pointer) {
            Some(Value::String(text)) => text.clone(),
            Some(value) => value.to_string(),
            None => "-".to_owned(),
        })
        .collect()
}

#[test]
fn issues_are_found_by_every_qualifier() {
    let mut out = String::new();
    for query in [
        "is:issue+type:Bug",
        "repo:globex/platform+repo:globex/payments+is:closed",
        "org:globex+label:compliance+-repo:globex/payments",
        "org:globex+no:milestone+is:open+type:Feature",
        "milestone:q3+assignee:lena-fischer",
        "org:globex+is:blocked",
        "parent-issue:globex/platform%231",
        "commenter:sofia-rossi+OR+(author:noah-berg+label:blocked)",
        "mentions:globex-agent",
        "involves:@me",
        "reactions:>0",
        "ledger+in:title",
        "\"half a cent\"+NOT+audit",
        "created:2025-11-25..2025-12-31+sort:created-asc",
        "org:globex+language:java+is:open+sort:comments-desc",
    ] {
        let target = format!("/search/issues?q={query}");
        let numbers = found("enterprise-repo", &target, "/html_url");
        let names: Vec<&str> = numbers
            .iter()
            .filter_map(|url| url.strip_prefix("https://github.com/globex/"))
            .collect();
        out.push_str(&format!("{query}: {}\n", names.join(" ")));
    }
    insta::assert_snapshot!(out, @r#"
    is:issue+type:Bug: web-console/issues/1 platform/issues/5 payments/issues/2
    repo:globex/platform+repo:globex/payments+is:closed: platform/issues/3 payments/issues/4
    org:globex+label:compliance+-repo:globex/payments: web-console/issues/3 platform/issues/4
    org:globex+no:milestone+is:open+type:Feature: payments/issues/3
    milestone:q3+assignee:lena-fischer: payments/issues/1
    org:globex+is:blocked: web-console/issues/3 platform/issues/2
    parent-issue:globex/platform%231: platform/issues/3 platform/issues/2
    commenter:sofia-rossi+OR+(author:noah-berg+label:blocked): web-console/issues/1 web-console/issues/3
    mentions:globex-agent: web-console/issues/1
    involves:@me: web-console/issues/1
    reactions:>0: payments/issues/2 web-console/issues/2
    ledger+in:title: payments/issues/2
    "half a cent"+NOT+audit: payments/issues/2
    created:2025-11-25..2025-12-31+sort:created-asc: platform/issues/4 payments/issues/1 payments/issues/3 web-console/issues/3 handbook/issues/2 payments/issues/2 platform/issues/5 web-console/issues/1
    org:globex+language:java+is:open+sort:comments-desc: payments/issues/2 payments/issues/3 payments/issues/1
    "#);
}

#[test]
fn repositories_users_and_labels_are_found() {
    let repos = |query: &str| {
        let target = format!("/search/repositories?q={query}");
        found("large-backlog", &target, "/name")
    };
    assert_eq!(repos("shop+sort:stars-asc"), ["mobile-app", "storefront"]);
    assert_eq!(repos("org:northwind+language:go"), ["orders-api"]);
    assert_eq!(repos("stars:60..100+NOT+mobile"), ["orders-api"]);
    assert_eq!(repos("created:>2030-01-01"), Vec::<String>::new());
    let users = |query: &str| {
        let target = format!("/search/users?q={query}");
        found("large-backlog", &target, "/login")
    };
    assert_eq!(users("ana"), ["ana-reyes"]);
    assert_eq!(users("type:org"), ["northwind"]);
    assert_eq!(users("repos:>3"), ["northwind"]);
}

#[test]
fn limits_are_githubs() {
    let mut clone = open("large-backlog");
    let mut status =
        |query: &str| send(clone.as_mut(), &format!("GET /search/issues?{query}")).status;
    assert_eq!(status("q=is:issue&per_page=100&page=3"), 200);
    assert_eq!(status("q=is:issue&per_page=100&page=11"), 422);
    assert_eq!(status(&format!("q={}", "a".repeat(257))), 422);
    assert_eq!(status("q=a+OR+b+OR+c+OR+d+OR+e+OR+f+OR+g"), 422);
    assert_eq!(status("q=repo:northwind/nothing"), 422);
    assert_eq!(status("sort=created"), 422);
}

#[test]
fn pages_of_a_search_are_the_whole_once() {
    let mut all = Vec::new();
    for page in 1..=4 {
        let target = format!("/search/issues?q=is:open+label:bug&per_page=25&page={page}");
        all.extend(found("large-backlog", &target, "/id"));
    }
    let whole = found(
        "large-backlog",
        "/search/issues?q=is:open+label:bug&per_page=100",
        "/id",
    );
    assert_eq!(all, whole);
    assert!(whole.len() > 25);
}

#[test]
fn code_and_commits_are_found_on_default_branches_with_their_matches() {
    let mut clone = open("small-project");
    let repo = "/repos/octocat/hello-service";
    for (path, content) in [
        ("src/main.ts", "Y29uc3QgYW5zd2VyID0gNDI7Cg=="),
        ("docs/answer.md", "dGhlIGFuc3dlcgo="),
    ] {
        let line = format!(
            r#"PUT {repo}/contents/{path} {{"message":"Adds {path}","content":"{content}"}}"#
        );
        assert_eq!(send(clone.as_mut(), &line).status, 201);
    }
    let mut paths = |query: &str| -> Vec<String> {
        let line = format!("GET /search/code?q={query}");
        let body = body(&send(clone.as_mut(), &line));
        let items = body["items"].as_array().cloned().unwrap_or_default();
        items
            .iter()
            .map(|item| item["path"].as_str().unwrap_or_default().to_owned())
            .collect()
    };
    assert_eq!(paths("answer"), ["docs/answer.md", "src/main.ts"]);
    assert_eq!(paths("answer+language:typescript"), ["src/main.ts"]);
    assert_eq!(paths("answer+path:docs"), ["docs/answer.md"]);
    assert_eq!(paths("answer+in:path"), ["docs/answer.md"]);
    assert_eq!(paths("filename:main+extension:ts"), ["src/main.ts"]);
    let mut asking = request("GET /search/code?q=answer+path:src");
    asking.headers.push((
        "accept".to_owned(),
        "application/vnd.github.text-match+json".to_owned(),
    ));
    let told = body(&clone.call(&asking, crate::github::check::base()));
    insta::assert_snapshot!(told["items"][0]["text_matches"][0]["matches"], @r#"[{"indices":[6,12],"text":"answer"}]"#);
    let commits = body(&send(
        clone.as_mut(),
        "GET /search/commits?q=adds+author:octocat+sort:author-date",
    ));
    assert_eq!(commits["total_count"], 2, "{commits}");
}
