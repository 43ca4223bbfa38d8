//! Issues and who is assigned to them, as a client meets them.

use serde_json::json;

use super::check::{check, json as body, open, open_at, send};
use archal_core::clone::Seed;

const REPO: &str = "/repos/octocat/hello-service";

/// A history of calls below the repository of `small-project`.
fn history(lines: &[&str], shown: &[&str]) -> String {
    let mut clone = open("small-project");
    let lines: Vec<String> = lines.iter().map(|line| line.replace("~", REPO)).collect();
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    check(clone.as_mut(), &lines, shown).replace(REPO, "~")
}

#[test]
fn lists_go_from_the_newest_open_one_and_take_every_filter() {
    let out = history(
        &[
            "GET ~/issues",
            "GET ~/issues?state=closed",
            "GET ~/issues?state=all&per_page=2&page=2",
            "GET ~/issues?direction=asc&per_page=2",
            "GET ~/issues?labels=BUG,help%20wanted",
            "GET ~/issues?labels=bug&state=closed",
            "GET ~/issues?assignee=monalisa",
            "GET ~/issues?assignee=none&creator=octocat",
            "GET ~/issues?assignee=*",
            "GET ~/issues?sort=updated",
            "GET ~/issues?sort=comments&direction=desc",
            "GET ~/issues?since=2026-01-06T00:00:00Z",
            "GET ~/issues?since=2026-01-06T00%3A00%3A00%2B00%3A00&state=all",
            "GET ~/issues?milestone=none&per_page=1",
            "GET ~/issues?milestone=*",
            "GET ~/issues?milestone=4",
            "GET ~/issues?state=ajar",
            "GET ~/issues?assignee=nobody",
            "GET ~/issues?since=yesterday",
            "GET ~/issues?page=99",
            "GET ~/issues?per_page=0&page=-1",
        ],
        &["/number"],
    );
    insta::assert_snapshot!(out, @r#"
    GET ~/issues
      200
      8
      7
      6
      4
      2
      1
    GET ~/issues?state=closed
      200
      5
      3
    GET ~/issues?state=all&per_page=2&page=2
      200
      6
      5
    GET ~/issues?direction=asc&per_page=2
      200
      1
      2
    GET ~/issues?labels=BUG,help%20wanted
      200
      4
    GET ~/issues?labels=bug&state=closed
      200
    GET ~/issues?assignee=monalisa
      200
      7
    GET ~/issues?assignee=none&creator=octocat
      200
      2
    GET ~/issues?assignee=*
      200
      7
      1
    GET ~/issues?sort=updated
      200
      8
      4
      7
      1
      6
      2
    GET ~/issues?sort=comments&direction=desc
      200
      4
      1
      8
      6
      7
      2
    GET ~/issues?since=2026-01-06T00:00:00Z
      200
      8
      4
    GET ~/issues?since=2026-01-06T00%3A00%3A00%2B00%3A00&state=all
      200
      8
      4
    GET ~/issues?milestone=none&per_page=1
      200
      8
    GET ~/issues?milestone=*
      200
    GET ~/issues?milestone=4
      422
      {"documentation_url":"https://docs.github.com/rest/issues/issues#list-repository-issues","errors":[{"code":"invalid","field":"milestone","resource":"Issue","value":"4"}],"message":"Validation Failed","status":"422"}
    GET ~/issues?state=ajar
      422
      {"documentation_url":"https://docs.github.com/rest/issues/issues#list-repository-issues","errors":[{"code":"invalid","field":"state","resource":"Issue","value":"ajar"}],"message":"Validation Failed","status":"422"}
    GET ~/issues?assignee=nobody
      422
      {"documentation_url":"https://docs.github.com/rest/issues/issues#list-repository-issues","errors":[{"code":"invalid","field":"assignee","resource":"Issue","value":"nobody"}],"message":"Validation Failed","status":"422"}
    GET ~/issues?since=yesterday
      422
      {"documentation_url":"https://docs.github.com/rest/issues/issues#list-repository-issues","errors":[{"code":"invalid","field":"since","resource":"Issue","value":"yesterday"}],"message":"Validation Failed","status":"422"}
    GET ~/issues?page=99
      200
    GET ~/issues?per_page=0&page=-1
      200
      8
      7
      6
      4
      2
      1
    "#);
}

#[test]
fn an_issue_is_opened_changed_closed_and_opened_again() {
    let out = history(
        &[
            r#"POST ~/issues {"title":"T","body":"B","labels":["BUG","new one"],"assignees":["MonaLisa"]}"#,
            r#"PATCH ~/issues/9 {"title":"U","body":null,"labels":[{"name":"question"}],"assignees":[]}"#,
            r#"PATCH ~/issues/9 {"state":"closed"}"#,
            r#"PATCH ~/issues/9 {"state":"closed","state_reason":"duplicate"}"#,
            r#"PATCH ~/issues/9 {"state":"open"}"#,
            r#"PATCH ~/issues/9 {"state":"open"}"#,
            r#"POST ~/issues {"title":7}"#,
        ],
        &[
            "/number",
            "/title",
            "/body",
            "/state",
            "/state_reason",
            "/closed_at",
            "/closed_by/login",
            "/assignee/login",
            "/labels",
            "/author_association",
        ],
    );
    insta::assert_snapshot!(out, @r#"
    POST ~/issues {"title":"T","body":"B","labels":["BUG","new one"],"assignees":["MonaLisa"]}
      201
      added labels octocat/hello-service:new one
      added issues octocat/hello-service#9
      added events octocat/hello-service#event-15000000682
      added events octocat/hello-service#event-15000001441
      added events octocat/hello-service#event-15000002208
      added notifications 9000000347
      9 "T" "B" "open" null null "monalisa" [{"color":"d73a4a","default":true,"description":"Something isn't working","id":6500000607,"name":"bug","node_id":"LA_kwDOLUywUs8AAAABg24jXw","url":"https://api.github.com~/labels/bug"},{"color":"ededed","default":false,"description":null,"id":6500005061,"name":"new one","node_id":"LA_kwDOLUywUs8AAAABg240xQ","url":"https://api.github.com~/labels/new%20one"}] "OWNER"
    PATCH ~/issues/9 {"title":"U","body":null,"labels":[{"name":"question"}],"assignees":[]}
      200
      changed issues octocat/hello-service#9
      added events octocat/hello-service#event-15000002913
      added events octocat/hello-service#event-15000003625
      added events octocat/hello-service#event-15000003703
      added events octocat/hello-service#event-15000003718
      added events octocat/hello-service#event-15000003750
      9 "U" null "open" null null [{"color":"d876e3","default":true,"description":"Further information is requested","id":6500003877,"name":"question","node_id":"LA_kwDOLUywUs8AAAABg24wJQ","url":"https://api.github.com~/labels/question"}] "OWNER"
    PATCH ~/issues/9 {"state":"closed"}
      200
      changed issues octocat/hello-service#9
      added events octocat/hello-service#event-15000004695
      9 "U" null "closed" "completed" "+run" "octocat" [{"color":"d876e3","default":true,"description":"Further information is requested","id":6500003877,"name":"question","node_id":"LA_kwDOLUywUs8AAAABg24wJQ","url":"https://api.github.com~/labels/question"}] "OWNER"
    PATCH ~/issues/9 {"state":"closed","state_reason":"duplicate"}
      200
      changed issues octocat/hello-service#9
      9 "U" null "closed" "duplicate" "+run" "octocat" [{"color":"d876e3","default":true,"description":"Further information is requested","id":6500003877,"name":"question","node_id":"LA_kwDOLUywUs8AAAABg24wJQ","url":"https://api.github.com~/labels/question"}] "OWNER"
    PATCH ~/issues/9 {"state":"open"}
      200
      changed issues octocat/hello-service#9
      added events octocat/hello-service#event-15000005105
      9 "U" null "open" "reopened" null [{"color":"d876e3","default":true,"description":"Further information is requested","id":6500003877,"name":"question","node_id":"LA_kwDOLUywUs8AAAABg24wJQ","url":"https://api.github.com~/labels/question"}] "OWNER"
    PATCH ~/issues/9 {"state":"open"}
      200
      9 "U" null "open" "reopened" null [{"color":"d876e3","default":true,"description":"Further information is requested","id":6500003877,"name":"question","node_id":"LA_kwDOLUywUs8AAAABg24wJQ","url":"https://api.github.com~/labels/question"}] "OWNER"
    POST ~/issues {"title":7}
      201
      added issues octocat/hello-service#10
      10 "7" null "open" null null [] "OWNER"
    "#);
}

#[test]
fn bad_bodies_are_refused_in_githubs_words_and_change_nothing() {
    let out = history(
        &[
            "POST ~/issues {",
            "POST ~/issues [1]",
            "POST ~/issues",
            r#"POST ~/issues {"title":""}"#,
            r#"POST ~/issues {"title":["x"]}"#,
            r#"POST ~/issues {"title":"x","labels":"bug"}"#,
            r#"POST ~/issues {"title":"x","labels":["made on the way", 3]}"#,
            r#"POST ~/issues {"title":"x","labels":["made on the way"],"milestone":3}"#,
            r#"POST ~/issues {"title":"x","assignees":["nobody"]}"#,
            r#"PATCH ~/issues/1 {"state":"ajar"}"#,
            r#"PATCH ~/issues/1 {"state":"closed","state_reason":"bored"}"#,
            r#"PATCH ~/issues/99 {"state":"closed"}"#,
            "GET ~/issues/0",
            "GET ~/labels/made%20on%20the%20way",
        ],
        &[],
    );
    insta::assert_snapshot!(out, @r#"
    POST ~/issues {
      400
      {"documentation_url":"https://docs.github.com/rest/issues/issues#create-an-issue","message":"Problems parsing JSON","status":"400"}
    POST ~/issues [1]
      400
      {"documentation_url":"https://docs.github.com/rest/issues/issues#create-an-issue","message":"Body should be a JSON object","status":"400"}
    POST ~/issues
      422
      {"documentation_url":"https://docs.github.com/rest/issues/issues#create-an-issue","message":"Invalid request.\n\n\"title\" wasn't supplied.","status":"422"}
    POST ~/issues {"title":""}
      422
      {"documentation_url":"https://docs.github.com/rest/issues/issues#create-an-issue","errors":[{"code":"missing_field","field":"title","resource":"Issue"}],"message":"Validation Failed","status":"422"}
    POST ~/issues {"title":["x"]}
      422
      {"documentation_url":"https://docs.github.com/rest/issues/issues#create-an-issue","message":"Invalid request.\n\nFor 'properties/title', [\"x\"] is not a string.","status":"422"}
    POST ~/issues {"title":"x","labels":"bug"}
      422
      {"documentation_url":"https://docs.github.com/rest/issues/issues#create-an-issue","message":"Invalid request.\n\nFor 'properties/labels', \"bug\" is not an array.","status":"422"}
    POST ~/issues {"title":"x","labels":["made on the way", 3]}
      422
      {"documentation_url":"https://docs.github.com/rest/issues/issues#create-an-issue","message":"Invalid request.\n\nFor 'properties/labels/1', 3 is not a string.","status":"422"}
    POST ~/issues {"title":"x","labels":["made on the way"],"milestone":3}
      422
      {"documentation_url":"https://docs.github.com/rest/issues/issues#create-an-issue","errors":[{"code":"invalid","field":"milestone","resource":"Issue","value":3}],"message":"Validation Failed","status":"422"}
    POST ~/issues {"title":"x","assignees":["nobody"]}
      422
      {"documentation_url":"https://docs.github.com/rest/issues/issues#create-an-issue","errors":[{"code":"invalid","field":"assignees","resource":"Issue","value":"nobody"}],"message":"Validation Failed","status":"422"}
    PATCH ~/issues/1 {"state":"ajar"}
      422
      {"documentation_url":"https://docs.github.com/rest/issues/issues#update-an-issue","errors":[{"code":"invalid","field":"state","resource":"Issue","value":"ajar"}],"message":"Validation Failed","status":"422"}
    PATCH ~/issues/1 {"state":"closed","state_reason":"bored"}
      422
      {"documentation_url":"https://docs.github.com/rest/issues/issues#update-an-issue","errors":[{"code":"invalid","field":"state_reason","resource":"Issue","value":"bored"}],"message":"Validation Failed","status":"422"}
    PATCH ~/issues/99 {"state":"closed"}
      404
      {"documentation_url":"https://docs.github.com/rest/issues/issues#update-an-issue","message":"Not Found","status":"404"}
    GET ~/issues/0
      404
      {"documentation_url":"https://docs.github.com/rest/issues/issues#get-an-issue","message":"Not Found","status":"404"}
    GET ~/labels/made%20on%20the%20way
      404
      {"documentation_url":"https://docs.github.com/rest/issues/labels#get-a-label","message":"Not Found","status":"404"}
    "#);
    let mut clone = open("small-project");
    let long = format!(r#"POST {REPO}/issues {{"title":"{}"}}"#, "x".repeat(257));
    let refusal = body(&send(clone.as_mut(), &long));
    assert_eq!(
        refusal["errors"][0]["message"],
        "title is too long (maximum is 256 characters)"
    );
}

#[test]
fn assignees_come_and_go_and_strangers_are_passed_over() {
    let out = history(
        &[
            r#"POST ~/issues/1/assignees {"assignees":["monalisa","nobody","octocat"]}"#,
            r#"DELETE ~/issues/1/assignees {"assignees":["OCTOCAT"]}"#,
            r#"DELETE ~/issues/1/assignees {"assignees":["hubot-dev"]}"#,
            r#"POST ~/issues/1/assignees {"assignees":7}"#,
            "GET ~/assignees",
            "GET ~/assignees/hubot-dev",
            "GET ~/assignees/nobody",
        ],
        &["/login", "/assignees/0/login", "/assignees/1/login"],
    );
    insta::assert_snapshot!(out, @r#"
    POST ~/issues/1/assignees {"assignees":["monalisa","nobody","octocat"]}
      201
      changed issues octocat/hello-service#1
      added events octocat/hello-service#event-15000000682
      added notifications 9000000347
      "octocat" "monalisa"
    DELETE ~/issues/1/assignees {"assignees":["OCTOCAT"]}
      200
      changed issues octocat/hello-service#1
      added events octocat/hello-service#event-15000001441
      "monalisa"
    DELETE ~/issues/1/assignees {"assignees":["hubot-dev"]}
      200
      "monalisa"
    POST ~/issues/1/assignees {"assignees":7}
      422
      {"documentation_url":"https://docs.github.com/rest/issues/assignees#add-assignees-to-an-issue","message":"Invalid request.\n\nFor 'properties/assignees', 7 is not an array.","status":"422"}
    GET ~/assignees
      200
      "hubot-dev"
      "monalisa"
      "octocat"
    GET ~/assignees/hubot-dev
      204
    GET ~/assignees/nobody
      404
      {"documentation_url":"https://docs.github.com/rest/issues/assignees#check-if-a-user-can-be-assigned","message":"Not Found","status":"404"}
    "#);
}

#[test]
fn texts_that_repeat_a_time_are_the_same_evidence() {
    let mut clone = open("small-project");
    let line = format!(r#"POST {REPO}/issues/1/comments {{"body":"opened 2025-11-30T12:00:00Z"}}"#);
    let response = send(clone.as_mut(), &line);
    assert_eq!(body(&response)["body"], "opened 2025-11-30T12:00:00Z");
    let evidence: serde_json::Value =
        serde_json::from_slice(&response.body.evidence).expect("JSON");
    assert_eq!(evidence["body"], "opened -41d");
    assert_eq!(
        clone
            .state()
            .evidence_text("/x?since=2025-11-30T12%3A00%3A00Z&y=2025-11-30T12:00:01Z"),
        "/x?since=-41d&y=2025-11-30T12:00:01Z"
    );
}

#[test]
fn a_repository_says_what_it_does_not_take() {
    let document = json!({
        "actor": "me",
        "users": [{"login": "me"}, {"login": "other"}, {"login": "org", "type": "Organization"}],
        "repos": [
            {"full_name": "other/public"},
            {"full_name": "other/private", "private": true, "permission": "none"},
            {"full_name": "org/old", "archived": true},
            {"full_name": "org/bare", "has_issues": false},
            {"full_name": "org/triaged", "permission": "triage"},
        ],
        "labels": [{"repo": "other/public", "name": "bug"}],
        "issues": [
            {"repo": "other/public", "number": 1, "title": "T", "user": "other"},
            {"repo": "other/public", "number": 2, "title": "T", "user": "me"},
            {"repo": "other/public", "number": 3, "title": "T", "user": "other", "locked": true},
            {"repo": "other/private", "number": 1, "title": "T", "user": "other"},
            {"repo": "org/old", "number": 1, "title": "T"},
            {"repo": "org/triaged", "number": 1, "title": "T", "user": "other"},
        ],
    });
    let mut clone = open_at(Seed::Document(&document), super::check::base());
    let out = check(
        clone.as_mut(),
        &[
            "GET /repos/other/private",
            "GET /repos/other/private/issues/1",
            "GET /repos/Other/PUBLIC/issues/1",
            r#"PATCH /repos/other/public/issues/1 {"state":"closed"}"#,
            r#"PATCH /repos/other/public/issues/2 {"state":"closed","labels":["bug"]}"#,
            r#"POST /repos/other/public/issues {"title":"Mine","labels":["bug"],"assignees":["other"]}"#,
            r#"POST /repos/other/public/issues/1/labels {"labels":["bug"]}"#,
            r#"POST /repos/other/public/labels {"name":"x"}"#,
            r#"POST /repos/other/public/issues/1/comments {"body":"hello"}"#,
            r#"POST /repos/other/public/issues/3/comments {"body":"hello"}"#,
            r#"POST /repos/org/old/issues {"title":"x"}"#,
            "GET /repos/org/old/issues",
            "GET /repos/org/bare/issues",
            r#"PATCH /repos/org/triaged/issues/1 {"state":"closed"}"#,
            r#"POST /repos/org/triaged/labels {"name":"x"}"#,
        ],
        &[
            "/number",
            "/state",
            "/labels",
            "/assignees",
            "/author_association",
        ],
    );
    insta::assert_snapshot!(out, @r#"
    GET /repos/other/private
      404
      {"documentation_url":"https://docs.github.com/rest/repos/repos#get-a-repository","message":"Not Found","status":"404"}
    GET /repos/other/private/issues/1
      404
      {"documentation_url":"https://docs.github.com/rest/issues/issues#get-an-issue","message":"Not Found","status":"404"}
    GET /repos/Other/PUBLIC/issues/1
      200
      1 "open" [] [] "OWNER"
    PATCH /repos/other/public/issues/1 {"state":"closed"}
      403
      {"documentation_url":"https://docs.github.com/rest/issues/issues#update-an-issue","message":"Must have admin rights to Repository.","status":"403"}
    PATCH /repos/other/public/issues/2 {"state":"closed","labels":["bug"]}
      200
      changed issues other/public#2
      added events other/public#event-15000000682
      2 "closed" [] [] "NONE"
    POST /repos/other/public/issues {"title":"Mine","labels":["bug"],"assignees":["other"]}
      201
      added issues other/public#4
      4 "open" [] [] "NONE"
    POST /repos/other/public/issues/1/labels {"labels":["bug"]}
      403
      {"documentation_url":"https://docs.github.com/rest/issues/labels#add-labels-to-an-issue","message":"Must have admin rights to Repository.","status":"403"}
    POST /repos/other/public/labels {"name":"x"}
      403
      {"documentation_url":"https://docs.github.com/rest/issues/labels#create-a-label","message":"Must have admin rights to Repository.","status":"403"}
    POST /repos/other/public/issues/1/comments {"body":"hello"}
      201
      added comments other/public#issuecomment-1900000642
      changed issues other/public#1
      added thread_subscriptions me:other/public#1
      added notifications 9000000347
      "NONE"
    POST /repos/other/public/issues/3/comments {"body":"hello"}
      403
      {"documentation_url":"https://docs.github.com/rest/issues/comments#create-an-issue-comment","message":"Unable to create comment because issue is locked.","status":"403"}
    POST /repos/org/old/issues {"title":"x"}
      403
      {"documentation_url":"https://docs.github.com/rest/issues/issues#create-an-issue","message":"Repository was archived so is read-only.","status":"403"}
    GET /repos/org/old/issues
      200
      1 "open" [] [] "NONE"
    GET /repos/org/bare/issues
      410
      {"documentation_url":"https://docs.github.com/rest/issues/issues#list-repository-issues","message":"Issues has been disabled in this repository.","status":"410"}
    PATCH /repos/org/triaged/issues/1 {"state":"closed"}
      200
      changed issues org/triaged#1
      added events org/triaged#event-15000002208
      added notifications 9000000385
      1 "closed" [] [] "NONE"
    POST /repos/org/triaged/labels {"name":"x"}
      403
      {"documentation_url":"https://docs.github.com/rest/issues/labels#create-a-label","message":"Must have admin rights to Repository.","status":"403"}
    "#);
}
