//! What happens to issues, as a client meets it: events, milestones, bonds, reactions, inbox.

use serde_json::Value;

use super::check::{check, json as body, open, send};

const REPO: &str = "/repos/octocat/hello-service";

/// A history of calls below the repository of `small-project`.
fn history(lines: &[&str], shown: &[&str]) -> String {
    let mut clone = open("small-project");
    let lines: Vec<String> = lines.iter().map(|line| line.replace("~", REPO)).collect();
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    check(clone.as_mut(), &lines, shown).replace(REPO, "~")
}

#[test]
fn whatever_is_done_to_an_issue_is_an_event_in_its_order() {
    let out = history(
        &[
            r#"POST ~/milestones {"title":"v1"}"#,
            r#"PATCH ~/issues/2 {"title":"U","milestone":1,"labels":["question"],"assignees":["monalisa"]}"#,
            r#"PATCH ~/issues/2 {"state":"closed","state_reason":"not_planned"}"#,
            r#"PATCH ~/issues/2 {"state":"open","milestone":null}"#,
            r#"PUT ~/issues/2/lock {"lock_reason":"spam"}"#,
            "DELETE ~/issues/2/lock",
            r#"POST ~/issues/2/comments {"body":"@monalisa see #1, not `@hubot-dev` or a@hubot-dev"}"#,
            "GET ~/issues/2/timeline?per_page=100",
            "GET ~/issues/1/timeline",
            "GET ~/issues/events?per_page=2",
        ],
        &[
            "/event",
            "/actor/login",
            "/label/name",
            "/assignee/login",
            "/milestone/title",
            "/rename/to",
            "/state_reason",
            "/lock_reason",
            "/source/issue/number",
            "/issue/number",
        ],
    );
    let timelines = out
        .split_once("GET ~/issues/2/timeline")
        .map_or("", |(_, rest)| rest);
    insta::assert_snapshot!(timelines, @r#"
    ?per_page=100
      200
      "renamed" "octocat" "U"
      "labeled" "octocat" "question"
      "unlabeled" "octocat" "documentation"
      "unlabeled" "octocat" "good first issue"
      "assigned" "octocat" "monalisa"
      "milestoned" "octocat" "v1"
      "closed" "octocat" "not_planned"
      "demilestoned" "octocat" "v1"
      "reopened" "octocat" null
      "locked" "octocat" "spam"
      "unlocked" "octocat"
      "commented" "octocat"
      "mentioned" "monalisa"
      "subscribed" "monalisa"
    GET ~/issues/1/timeline
      200
      "commented" "octocat"
      "commented" "hubot-dev"
      "cross-referenced" "octocat" 2
    GET ~/issues/events?per_page=2
      200
      "subscribed" "monalisa" 2
      "mentioned" "monalisa" 2
    "#);
}

#[test]
fn milestones_count_their_issues_wherever_they_are_shown() {
    let out = history(
        &[
            r#"POST ~/milestones {"title":"v1","due_on":"2026-02-01T00:00:00Z"}"#,
            r#"PATCH ~/issues/1 {"milestone":1}"#,
            r#"PATCH ~/issues/2 {"milestone":1,"state":"closed"}"#,
            "GET ~/issues/1",
            "GET ~/milestones/1",
            r#"PATCH ~/milestones/1 {"title":"v1.0","state":"closed"}"#,
            "GET ~/issues/1",
            "GET ~/issues?milestone=*&state=all",
            "GET ~/issues?milestone=1&state=closed",
            "GET /search/issues?q=repo:octocat/hello-service+milestone:v1.0",
            "DELETE ~/milestones/1",
            "GET ~/issues/1",
            "GET ~/milestones?state=all",
        ],
        &[
            "/number",
            "/title",
            "/due_on",
            "/open_issues",
            "/closed_issues",
            "/milestone/title",
            "/milestone/state",
            "/milestone/open_issues",
            "/milestone/closed_issues",
            "/total_count",
        ],
    );
    insta::assert_snapshot!(out, @r#"
    POST ~/milestones {"title":"v1","due_on":"2026-02-01T00:00:00Z"}
      201
      added milestones octocat/hello-service/milestones/1
      1 "v1" "2026-02-01T00:00:00Z" 0 0
    PATCH ~/issues/1 {"milestone":1}
      200
      changed issues octocat/hello-service#1
      added events octocat/hello-service#event-15000000682
      1 "Health check answers 200 while the database is down" "v1" "open" 1 0
    PATCH ~/issues/2 {"milestone":1,"state":"closed"}
      200
      changed issues octocat/hello-service#2
      added events octocat/hello-service#event-15000001441
      added events octocat/hello-service#event-15000002208
      2 "Document the environment variables" "v1" "open" 1 1
    GET ~/issues/1
      200
      1 "Health check answers 200 while the database is down" "v1" "open" 1 1
    GET ~/milestones/1
      200
      1 "v1" "2026-02-01T00:00:00Z" 1 1
    PATCH ~/milestones/1 {"title":"v1.0","state":"closed"}
      200
      changed milestones octocat/hello-service/milestones/1
      1 "v1.0" "2026-02-01T00:00:00Z" 1 1
    GET ~/issues/1
      200
      1 "Health check answers 200 while the database is down" "v1.0" "closed" 1 1
    GET ~/issues?milestone=*&state=all
      200
      2 "Document the environment variables" "v1.0" "closed" 1 1
      1 "Health check answers 200 while the database is down" "v1.0" "closed" 1 1
    GET ~/issues?milestone=1&state=closed
      200
      2 "Document the environment variables" "v1.0" "closed" 1 1
    GET /search/issues?q=repo:octocat/hello-service+milestone:v1.0
      200
      2
    DELETE ~/milestones/1
      204
      removed milestones octocat/hello-service/milestones/1
      changed issues octocat/hello-service#1
      changed issues octocat/hello-service#2
    GET ~/issues/1
      200
      1 "Health check answers 200 while the database is down"
    GET ~/milestones?state=all
      200
    "#);
}

#[test]
fn a_reaction_is_there_once_and_counts() {
    let mut clone = open("small-project");
    let path = format!("{REPO}/issues/4");
    let mut react = |content: &str| {
        let line = format!(r#"POST {path}/reactions {{"content":"{content}"}}"#);
        send(clone.as_mut(), &line)
    };
    let (first, second) = (react("+1"), react("+1"));
    assert_eq!((first.status, second.status), (201, 200));
    assert_eq!(body(&first), body(&second));
    assert_eq!(react("heart").status, 201);
    assert_eq!(react("thumbs").status, 422);
    let rollup = body(&send(clone.as_mut(), &format!("GET {path}")))["reactions"].clone();
    assert_eq!(
        (&rollup["total_count"], &rollup["+1"]),
        (&Value::from(2), &Value::from(1))
    );
    let id = &body(&first)["id"];
    let line = format!("DELETE {path}/reactions/{id}");
    assert_eq!(send(clone.as_mut(), &line).status, 204);
    let listed = body(&send(clone.as_mut(), &format!("GET {path}/reactions")));
    assert_eq!(listed.as_array().map(Vec::len), Some(1));
    assert_eq!(listed[0]["content"], "heart");
}

#[test]
fn sub_issues_keep_their_order_and_never_make_a_circle() {
    let mut clone = open("small-project");
    let id = |clone: &mut dyn archal_core::clone::ServiceClone, number: i64| {
        body(&send(clone, &format!("GET {REPO}/issues/{number}")))["id"].clone()
    };
    let ids: Vec<Value> = (1..=4).map(|number| id(clone.as_mut(), number)).collect();
    let mut add = |parent: usize, child: usize, more: &str| {
        let child = &ids[child - 1];
        let line =
            format!(r#"POST {REPO}/issues/{parent}/sub_issues {{"sub_issue_id":{child}{more}}}"#);
        send(clone.as_mut(), &line).status
    };
    assert_eq!(
        (add(1, 2, ""), add(1, 3, ""), add(3, 4, "")),
        (201, 201, 201)
    );
    assert_eq!(add(1, 1, ""), 422, "itself");
    assert_eq!(add(1, 2, ""), 422, "twice");
    assert_eq!(add(4, 1, ""), 422, "its own ancestor");
    assert_eq!(add(2, 4, ""), 422, "a second parent");
    assert_eq!(add(2, 4, r#","replace_parent":true"#), 201);
    let line = format!(
        r#"PATCH {REPO}/issues/1/sub_issues/priority {{"sub_issue_id":{},"before_id":{}}}"#,
        ids[2], ids[1]
    );
    assert_eq!(send(clone.as_mut(), &line).status, 200);
    send(
        clone.as_mut(),
        &format!(r#"PATCH {REPO}/issues/2 {{"state":"closed"}}"#),
    );
    let listed = body(&send(
        clone.as_mut(),
        &format!("GET {REPO}/issues/1/sub_issues"),
    ));
    let numbers: Vec<&Value> = listed
        .as_array()
        .into_iter()
        .flatten()
        .map(|one| &one["number"])
        .collect();
    assert_eq!(numbers, [3, 2]);
    let parent = body(&send(clone.as_mut(), &format!("GET {REPO}/issues/1")));
    insta::assert_snapshot!(parent["sub_issues_summary"], @r#"{"completed":2,"percent_completed":100,"total":2}"#);
}

#[test]
fn what_an_issue_waits_for_is_counted_until_it_is_closed() {
    let mut clone = open("small-project");
    let second = body(&send(clone.as_mut(), &format!("GET {REPO}/issues/2")))["id"].clone();
    let first = body(&send(clone.as_mut(), &format!("GET {REPO}/issues/1")))["id"].clone();
    let mut wait = |number: i64, id: &Value| {
        let line =
            format!(r#"POST {REPO}/issues/{number}/dependencies/blocked_by {{"issue_id":{id}}}"#);
        send(clone.as_mut(), &line).status
    };
    assert_eq!(
        (wait(1, &second), wait(1, &second), wait(2, &first)),
        (201, 422, 422)
    );
    let mut summary = |number: i64| {
        let issue = body(&send(
            clone.as_mut(),
            &format!("GET {REPO}/issues/{number}"),
        ));
        issue["issue_dependencies_summary"].to_string()
    };
    insta::assert_snapshot!(summary(1), @r#"{"blocked_by":1,"blocking":0,"total_blocked_by":1,"total_blocking":0}"#);
    insta::assert_snapshot!(summary(2), @r#"{"blocked_by":0,"blocking":1,"total_blocked_by":0,"total_blocking":1}"#);
    send(
        clone.as_mut(),
        &format!(r#"PATCH {REPO}/issues/2 {{"state":"closed"}}"#),
    );
    let issue = body(&send(clone.as_mut(), &format!("GET {REPO}/issues/1")));
    assert_eq!(issue["issue_dependencies_summary"]["blocked_by"], 0);
    assert_eq!(issue["issue_dependencies_summary"]["total_blocked_by"], 1);
}

#[test]
fn an_inbox_is_read_put_away_and_filled_by_what_happens() {
    let out = check(
        open("enterprise-repo").as_mut(),
        &[
            "GET /notifications",
            "GET /notifications?all=true",
            "GET /notifications?participating=true",
            "GET /repos/globex/platform/notifications?all=true",
            "PUT /notifications {}",
            "GET /notifications",
            r#"POST /repos/globex/web-console/issues/1/comments {"body":"On it, @sofia-rossi"}"#,
        ],
        &["/subject/title", "/reason", "/unread", "/message"],
    );
    insta::assert_snapshot!(out, @r#"
    GET /notifications
      200
      "Invoices page is empty for new customers" "mention" true
    GET /notifications?all=true
      200
      "Invoices page is empty for new customers" "mention" true
      "Move the payments builds" "subscribed" false
    GET /notifications?participating=true
      200
      "Invoices page is empty for new customers" "mention" true
    GET /repos/globex/platform/notifications?all=true
      200
      "Move the payments builds" "subscribed" false
    PUT /notifications {}
      202
      changed notifications 9000000347
      "Notifications for all repositories are being marked as read in the background."
    GET /notifications
      200
    POST /repos/globex/web-console/issues/1/comments {"body":"On it, @sofia-rossi"}
      201
      added comments globex/web-console#issuecomment-1900001809
      changed issues globex/web-console#1
      added events globex/web-console#event-15000003703
      added events globex/web-console#event-15000003718
      added thread_subscriptions sofia-rossi:globex/web-console#1
      added notifications 9000000648
      added thread_subscriptions globex-agent:globex/web-console#1
      added notifications 9000000725
    "#);
}

#[test]
fn a_transferred_issue_is_found_at_its_old_address() {
    let mut clone = open("enterprise-repo");
    let node = |clone: &mut dyn archal_core::clone::ServiceClone, path: &str| {
        body(&send(clone, &format!("GET {path}")))["node_id"].to_string()
    };
    let issue = node(clone.as_mut(), "/repos/globex/handbook/issues/1");
    let to = node(clone.as_mut(), "/repos/globex/web-console");
    let query = format!(
        "mutation {{ transferIssue(input: {{issueId: {issue}, repositoryId: {to}}}) {{ issue {{ number }} }} }}"
    );
    let line = format!("POST /graphql {}", serde_json::json!({"query": query}));
    let moved = body(&send(clone.as_mut(), &line));
    assert_eq!(
        moved["data"]["transferIssue"]["issue"]["number"], 5,
        "{moved}"
    );
    let old = send(
        clone.as_mut(),
        "GET /repos/globex/handbook/issues/1/comments",
    );
    assert_eq!(old.status, 301);
    let location = old.headers.iter().find(|(name, _)| *name == "location");
    let path = location.and_then(|(_, url)| url.strip_prefix("https://api.github.com"));
    let there = send(
        clone.as_mut(),
        &format!("GET {}", path.expect("an address")),
    );
    assert_eq!(there.status, 200);
    let new = body(&send(
        clone.as_mut(),
        "GET /repos/globex/web-console/issues/5",
    ));
    assert_eq!(new["title"], "Who owns what");
}

#[test]
fn a_large_backlog_opens_fast_and_whole() {
    let clone = open("large-backlog");
    let issues = clone.state().rows("issues");
    assert_eq!(issues.len(), 300);
}
