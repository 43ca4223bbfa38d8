//! Tools against the state, in the shapes and words of the official server.

use std::fmt::Write as _;

use archal_core::clone::{Arguments, CloneRequest, ServiceClone, ToolAnswer};
use jiff::SignedDuration;
use serde_json::Value;

use super::FACE;
use crate::github::access::TOKEN;
use crate::github::check::{base, open};

/// Calls a tool, `list_issues {"owner": "acme"}`; what it asked of the clone and what it answered.
pub(super) fn call(clone: &mut dyn ServiceClone, line: &str) -> (Vec<String>, ToolAnswer) {
    let (name, arguments) = line.split_once(' ').unwrap_or((line, "{}"));
    let arguments: Arguments = serde_json::from_str(arguments).expect("an object");
    let tool = FACE.tools.iter().find(|tool| tool.name == name);
    let tool = tool.expect("a tool");
    let mut asked = Vec::new();
    let mut ask = |mut request: CloneRequest| {
        let bearer = format!("Bearer {TOKEN}");
        request.headers.push(("authorization".to_owned(), bearer));
        let response = clone.call(&request, base() + SignedDuration::from_mins(1));
        let operation = response.operation.or(response.unmodelled.as_deref());
        let operation = operation.unwrap_or("nothing").to_owned();
        let is_declared = tool.operations.contains(&operation.as_str());
        assert!(
            is_declared || response.unmodelled.is_some(),
            "{name} does not declare {operation}"
        );
        asked.push(format!("{operation} {}", response.status));
        response
    };
    let answer = (tool.call)(&arguments, &mut ask);
    (asked, answer)
}

pub(super) fn check(clone: &mut dyn ServiceClone, lines: &[&str]) -> String {
    let mut out = String::new();
    for line in lines {
        let (asked, answer) = call(clone, line);
        // Writing to a String cannot fail.
        _ = writeln!(out, "{line}");
        for operation in asked {
            _ = writeln!(out, "  {operation}");
        }
        _ = writeln!(out, "  {answer:?}");
    }
    out
}

pub(super) fn json(clone: &mut dyn ServiceClone, line: &str) -> Value {
    match call(clone, line).1 {
        ToolAnswer::Text(text) => serde_json::from_str(&text).expect("JSON"),
        other => panic!("{line}: {other:?}"),
    }
}

#[test]
fn an_issue_is_opened_read_changed_commented_and_closed() {
    let clone = &mut *open("small-project");
    let repo = r#""owner":"octocat","repo":"hello-service""#;
    let lines = [
        format!(r#"issue_write {{"method":"create",{repo},"title":"New","labels":["bug"]}}"#),
        format!(
            r#"issue_write {{"method":"update",{repo},"issue_number":9,"assignees":["octocat"],"labels":[],"state":"closed","state_reason":"not_planned"}}"#
        ),
        format!(r#"add_issue_comment {{{repo},"issue_number":9,"body":"Done."}}"#),
        format!(r#"issue_read {{"method":"get",{repo},"issue_number":9}}"#),
        format!(r#"issue_read {{"method":"get_comments",{repo},"issue_number":"9"}}"#),
        format!(r#"issue_read {{"method":"get_labels",{repo},"issue_number":1}}"#),
        format!(r#"issue_write {{"method":"update",{repo},"issue_number":9,"state":"open"}}"#),
    ];
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    insta::assert_snapshot!(check(clone, &lines), @r#"
    issue_write {"method":"create","owner":"octocat","repo":"hello-service","title":"New","labels":["bug"]}
      issues/create 201
      Text("{\"id\":\"2200004055\",\"url\":\"https://github.com/octocat/hello-service/issues/9\"}")
    issue_write {"method":"update","owner":"octocat","repo":"hello-service","issue_number":9,"assignees":["octocat"],"labels":[],"state":"closed","state_reason":"not_planned"}
      issues/update 200
      Text("{\"id\":\"2200004055\",\"url\":\"https://github.com/octocat/hello-service/issues/9\"}")
    add_issue_comment {"owner":"octocat","repo":"hello-service","issue_number":9,"body":"Done."}
      issues/create-comment 201
      Text("{\"id\":\"1900003858\",\"url\":\"https://github.com/octocat/hello-service/issues/9#issuecomment-1900003858\"}")
    issue_read {"method":"get","owner":"octocat","repo":"hello-service","issue_number":9}
      issues/get 200
      graphql 200
      Text("{\"number\":9,\"title\":\"New\",\"state\":\"closed\",\"state_reason\":\"not_planned\",\"html_url\":\"https://github.com/octocat/hello-service/issues/9\",\"user\":{\"avatar_url\":\"https://avatars.githubusercontent.com/u/583231?v=4\",\"id\":583231,\"login\":\"octocat\",\"profile_url\":\"https://github.com/octocat\"},\"author_association\":\"OWNER\",\"assignees\":[\"octocat\"],\"comments\":1,\"reactions\":{\"+1\":0,\"-1\":0,\"confused\":0,\"eyes\":0,\"heart\":0,\"hooray\":0,\"laugh\":0,\"rocket\":0,\"total_count\":0},\"created_at\":\"2026-01-10T12:01:00Z\",\"updated_at\":\"2026-01-10T12:01:00Z\",\"closed_at\":\"2026-01-10T12:01:00Z\",\"closed_by\":\"octocat\",\"has_parent\":false,\"has_children\":false,\"closed_by_pull_requests\":{\"references\":[],\"total_count\":0}}")
    issue_read {"method":"get_comments","owner":"octocat","repo":"hello-service","issue_number":"9"}
      issues/list-comments 200
      Text("[{\"author_association\":\"OWNER\",\"body\":\"Done.\",\"created_at\":\"2026-01-10T12:01:00Z\",\"html_url\":\"https://github.com/octocat/hello-service/issues/9#issuecomment-1900003858\",\"id\":1900003858,\"reactions\":{\"+1\":0,\"-1\":0,\"confused\":0,\"eyes\":0,\"heart\":0,\"hooray\":0,\"laugh\":0,\"rocket\":0,\"total_count\":0},\"updated_at\":\"2026-01-10T12:01:00Z\",\"user\":{\"avatar_url\":\"https://avatars.githubusercontent.com/u/583231?v=4\",\"id\":583231,\"login\":\"octocat\",\"profile_url\":\"https://github.com/octocat\"}}]")
    issue_read {"method":"get_labels","owner":"octocat","repo":"hello-service","issue_number":1}
      issues/list-labels-on-issue 200
      Text("{\"labels\":[{\"color\":\"d73a4a\",\"description\":\"Something isn't working\",\"id\":\"LA_kwDOLUywUs8AAAABg24jXw\",\"name\":\"bug\"}],\"totalCount\":1}")
    issue_write {"method":"update","owner":"octocat","repo":"hello-service","issue_number":9,"state":"open"}
      issues/update 200
      Text("{\"id\":\"2200004055\",\"url\":\"https://github.com/octocat/hello-service/issues/9\"}")
    "#);
}

#[test]
fn what_is_wrong_is_said_in_the_official_servers_words() {
    let clone = &mut *open("small-project");
    let repo = r#""owner":"octocat","repo":"hello-service""#;
    let lines = [
        r#"issue_read {"method":"get","repo":"hello-service","issue_number":1}"#.to_owned(),
        format!(r#"issue_read {{"method":"get",{repo},"issue_number":999}}"#),
        format!(r#"issue_read {{"method":"peek",{repo},"issue_number":1}}"#),
        format!(r#"issue_write {{"method":"create",{repo}}}"#),
        format!(r#"issue_write {{"method":"create",{repo},"title":"New","assignees":["nobody"]}}"#),
        format!(r#"issue_write {{"method":"update",{repo},"issue_number":999,"title":"x"}}"#),
        format!(
            r#"issue_write {{"method":"update",{repo},"issue_number":1,"state":"closed","state_reason":"duplicate","duplicate_of":999}}"#
        ),
        format!(r#"add_issue_comment {{{repo},"issue_number":1}}"#),
        r#"list_issues {"owner":"octocat","repo":"nothing"}"#.to_owned(),
        format!(r#"list_issues {{{repo},"page":2}}"#),
        format!(r#"list_issues {{{repo},"after":"nonsense"}}"#),
        format!(r#"list_issues {{{repo},"since":"yesterday"}}"#),
        r#"search_issues {"query":"repo:octocat/nothing crash"}"#.to_owned(),
        format!(r#"get_label {{{repo},"name":"nope"}}"#),
        format!(r#"label_write {{"method":"create",{repo},"name":"bug","color":"ffffff"}}"#),
        format!(r#"label_write {{"method":"update",{repo},"name":"bug"}}"#),
    ];
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    insta::assert_snapshot!(check(clone, &lines), @r#"
    issue_read {"method":"get","repo":"hello-service","issue_number":1}
      Refused("missing required parameter: owner")
    issue_read {"method":"get","owner":"octocat","repo":"hello-service","issue_number":999}
      issues/get 404
      Fault("failed to get issue: GET https://api.github.com/repos/octocat/hello-service/issues/999: 404 Not Found []")
    issue_read {"method":"peek","owner":"octocat","repo":"hello-service","issue_number":1}
      Refused("unknown method: peek")
    issue_write {"method":"create","owner":"octocat","repo":"hello-service"}
      Refused("missing required parameter: title")
    issue_write {"method":"create","owner":"octocat","repo":"hello-service","title":"New","assignees":["nobody"]}
      issues/create 422
      Refused("failed to create issue: Validation Failed\nIssue.assignees (invalid)")
    issue_write {"method":"update","owner":"octocat","repo":"hello-service","issue_number":999,"title":"x"}
      issues/update 404
      Refused("failed to update issue: PATCH https://api.github.com/repos/octocat/hello-service/issues/999: 404 Not Found []")
    issue_write {"method":"update","owner":"octocat","repo":"hello-service","issue_number":1,"state":"closed","state_reason":"duplicate","duplicate_of":999}
      issues/get 404
      Refused("Failed to find issues: Could not resolve to an Issue with the number of 999.")
    add_issue_comment {"owner":"octocat","repo":"hello-service","issue_number":1}
      Refused("at least one of body or reaction is required")
    list_issues {"owner":"octocat","repo":"nothing"}
      issues/list-for-repo 404
      Refused("failed to list issues: Could not resolve to a Repository with the name 'octocat/nothing'.")
    list_issues {"owner":"octocat","repo":"hello-service","page":2}
      Refused("This tool uses cursor-based pagination. Use the 'after' parameter with the 'endCursor' value from the previous response instead of 'page'.")
    list_issues {"owner":"octocat","repo":"hello-service","after":"nonsense"}
      Refused("failed to list issues: `nonsense` does not appear to be a valid cursor.")
    list_issues {"owner":"octocat","repo":"hello-service","since":"yesterday"}
      Refused("failed to list issues: invalid ISO 8601 timestamp: yesterday (supported formats: YYYY-MM-DDThh:mm:ssZ or YYYY-MM-DD)")
    search_issues {"query":"repo:octocat/nothing crash"}
      search/issues-and-pull-requests 422
      Refused("failed to search issues: GET https://api.github.com/search/issues?q=is%3Aissue+repo%3Aoctocat%2Fnothing+crash&page=1&per_page=30: 422 Validation Failed [{Resource:Search Field:q Code:invalid Message:The listed users and repositories cannot be searched either because the resources do not exist or you do not have permission to view them.}]")
    get_label {"owner":"octocat","repo":"hello-service","name":"nope"}
      issues/get-label 404
      Refused("label 'nope' not found in octocat/hello-service")
    label_write {"method":"create","owner":"octocat","repo":"hello-service","name":"bug","color":"ffffff"}
      issues/create-label 422
      Refused("Failed to create label: Name has already been taken")
    label_write {"method":"update","owner":"octocat","repo":"hello-service","name":"bug"}
      Refused("at least one of new_name, color, or description must be provided for update")
    "#);
}

#[test]
fn sub_issues_parents_reactions_and_types_are_there() {
    let clone = &mut *open("enterprise-repo");
    let issue =
        |repo, number| format!(r#""owner":"globex","repo":"{repo}","issue_number":{number}"#);
    let lines = [
        format!(
            r#"issue_read {{"method":"get_parent",{}}}"#,
            issue("platform", 2)
        ),
        format!(
            r#"issue_read {{"method":"get_parent",{}}}"#,
            issue("platform", 1)
        ),
        format!(
            r#"issue_read {{"method":"get_parent",{}}}"#,
            issue("platform", 99)
        ),
        format!(
            r#"add_issue_comment {{{},"reaction":"heart"}}"#,
            issue("platform", 1)
        ),
        format!(
            r#"add_issue_comment {{{},"reaction":"heart","body":"B"}}"#,
            issue("platform", 99)
        ),
        format!(
            r#"issue_write {{"method":"update",{},"type":"Bug"}}"#,
            issue("platform", 1)
        ),
        format!(
            r#"issue_write {{"method":"update",{},"type":"Odd"}}"#,
            issue("platform", 1)
        ),
    ];
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    insta::assert_snapshot!(check(clone, &lines), @r#"
    issue_read {"method":"get_parent","owner":"globex","repo":"platform","issue_number":2}
      issues/get-parent 200
      Text("{\"parent\":{\"number\":1,\"repository\":\"globex/platform\",\"state\":\"OPEN\",\"title\":\"Move builds to the new runners\",\"url\":\"https://github.com/globex/platform/issues/1\"}}")
    issue_read {"method":"get_parent","owner":"globex","repo":"platform","issue_number":1}
      issues/get-parent 404
      issues/get 200
      Text("{\"parent\":null}")
    issue_read {"method":"get_parent","owner":"globex","repo":"platform","issue_number":99}
      issues/get-parent 404
      issues/get 404
      Refused("failed to get issue parent: Could not resolve to an Issue with the number of 99.")
    add_issue_comment {"owner":"globex","repo":"platform","issue_number":1,"reaction":"heart"}
      reactions/create-for-issue 201
      Text("{\"id\":\"240001194\",\"url\":\"https://api.github.com/repos/globex/platform/issues/1/reactions/240001194\"}")
    add_issue_comment {"owner":"globex","repo":"platform","issue_number":99,"reaction":"heart","body":"B"}
      reactions/create-for-issue 404
      Refused("failed to add reaction to issue: POST https://api.github.com/repos/globex/platform/issues/99/reactions: 404 Not Found []")
    issue_write {"method":"update","owner":"globex","repo":"platform","issue_number":1,"type":"Bug"}
      issues/update 200
      Text("{\"id\":\"2200000118\",\"url\":\"https://github.com/globex/platform/issues/1\"}")
    issue_write {"method":"update","owner":"globex","repo":"platform","issue_number":1,"type":"Odd"}
      issues/update 422
      Refused("failed to update issue: Validation Failed\nIssue.type (invalid)")
    "#);
    let read = format!(
        r#"issue_read {{"method":"get_sub_issues",{}}}"#,
        issue("platform", 1)
    );
    let listed = json(clone, &read);
    let numbers = [&listed[0]["number"], &listed[1]["number"]];
    assert_eq!(numbers, [2, 3]);
}

#[test]
fn labels_are_made_changed_listed_and_deleted() {
    let clone = &mut *open("small-project");
    let repo = r#""owner":"octocat","repo":"hello-service""#;
    let lines = [
        format!(r#"label_write {{"method":"create",{repo},"name":"two words","color":"00ff00"}}"#),
        format!(
            r#"label_write {{"method":"UPDATE",{repo},"name":"two words","new_name":"one/word","description":"x"}}"#
        ),
        format!(r#"get_label {{{repo},"name":"one/word"}}"#),
        format!(r#"label_write {{"method":"delete",{repo},"name":"one/word"}}"#),
        format!(r#"get_label {{{repo},"name":"one/word"}}"#),
    ];
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    insta::assert_snapshot!(check(clone, &lines), @r#"
    label_write {"method":"create","owner":"octocat","repo":"hello-service","name":"two words","color":"00ff00"}
      issues/create-label 201
      Text("label 'two words' created successfully")
    label_write {"method":"UPDATE","owner":"octocat","repo":"hello-service","name":"two words","new_name":"one/word","description":"x"}
      issues/update-label 200
      Text("label 'one/word' updated successfully")
    get_label {"owner":"octocat","repo":"hello-service","name":"one/word"}
      issues/get-label 200
      Text("{\"color\":\"00ff00\",\"description\":\"x\",\"id\":\"LA_kwDOLUywUs8AAAABg240xQ\",\"name\":\"one/word\"}")
    label_write {"method":"delete","owner":"octocat","repo":"hello-service","name":"one/word"}
      issues/delete-label 204
      Text("label 'one/word' deleted successfully")
    get_label {"owner":"octocat","repo":"hello-service","name":"one/word"}
      issues/get-label 404
      Refused("label 'one/word' not found in octocat/hello-service")
    "#);
    let listed = json(clone, &format!("list_label {{{repo}}}"));
    assert_eq!(listed["totalCount"], 9);
    assert_eq!(listed["labels"][0]["name"], "bug");
}

fn numbers(listed: &Value) -> Vec<i64> {
    let items = listed["issues"].as_array().or(listed["items"].as_array());
    items
        .expect("a list")
        .iter()
        .map(|issue| issue["number"].as_i64().expect("a number"))
        .collect()
}

#[test]
fn a_cursor_leads_on_even_when_what_stood_there_has_left_the_list() {
    let clone = &mut *open("stale-issues");
    let repo = r#""owner":"acme","repo":"webapp""#;
    let mut seen = Vec::new();
    let mut after = String::new();
    let mut pages = 0;
    loop {
        let line = format!(r#"list_issues {{{repo},"state":"OPEN","perPage":20{after}}}"#);
        let page = json(clone, &line);
        pages += 1;
        assert!(pages < 10, "the cursor leads nowhere");
        for number in numbers(&page) {
            seen.push(number);
            // Those that stay would come again if the cursor led nowhere.
            if number % 2 == 0 {
                continue;
            }
            let line = format!(
                r#"issue_write {{"method":"update",{repo},"issue_number":{number},"state":"closed"}}"#
            );
            json(clone, &line);
        }
        if page["pageInfo"]["hasNextPage"] != true {
            break;
        }
        after = format!(r#","after":{}"#, page["pageInfo"]["endCursor"]);
    }
    let mut sorted = seen.clone();
    sorted.sort_unstable_by(|a, b| b.cmp(a));
    sorted.dedup();
    assert_eq!((pages, seen.len()), (3, 46));
    assert_eq!(seen, sorted, "newest first, each once");
}

#[test]
fn lists_filter_sort_and_trim() {
    let clone = &mut *open("stale-issues");
    let repo = r#""owner":"acme","repo":"webapp""#;
    let list = |clone: &mut dyn ServiceClone, rest: &str| {
        json(clone, &format!("list_issues {{{repo}{rest}}}"))
    };
    let all = list(clone, r#","perPage":100"#);
    assert_eq!(all["totalCount"], 52);
    let closed = list(clone, r#","state":"closed""#);
    assert!(
        closed["issues"]
            .as_array()
            .expect("a list")
            .iter()
            .all(|issue| issue["state"] == "CLOSED")
    );
    let of_label = |clone: &mut dyn ServiceClone, labels: &str| {
        let rest = format!(r#","perPage":100,"labels":[{labels}]"#);
        numbers(&list(clone, &rest))
    };
    let bugs = of_label(clone, r#""bug""#);
    let kept = of_label(clone, r#""keep-open""#);
    let either = of_label(clone, r#""bug","keep-open""#);
    let mut expected: Vec<i64> = bugs.iter().chain(&kept).copied().collect();
    expected.sort_unstable_by(|a, b| b.cmp(a));
    expected.dedup();
    assert_eq!(either, expected, "several labels mean any of them");
    let oldest = list(
        clone,
        r#","orderBy":"created_at","direction":"asc","perPage":1,"fields":["number","assignees"]"#,
    );
    assert_eq!(
        oldest["issues"].to_string(),
        r#"[{"assignees":[],"number":1}]"#
    );
    let found = json(
        clone,
        r#"search_issues {"query":"CSV export state:open","owner":"acme","repo":"webapp","fields":["number","title"]}"#,
    );
    assert!(numbers(&found).contains(&2), "{found}");
}

#[test]
fn labels_and_names_are_no_qualifiers() {
    let clone = &mut *open("stale-issues");
    let repo = r#""owner":"acme","repo":"webapp""#;
    for name in [r#"x\" is:closed \""#, "a, b", r"back\\"] {
        let label = format!(r#"label_write {{{repo},"method":"create","name":"{name}"}}"#);
        call(clone, &label);
    }
    let made = json(
        clone,
        &format!(
            r#"issue_write {{{repo},"method":"create","title":"t","labels":["x\" is:closed \"","a, b"]}}"#
        ),
    );
    assert!(made["url"].is_string(), "{made}");
    let mut count = |labels: &str| {
        let line = format!(r#"list_issues {{{repo},"perPage":100,"labels":[{labels}]}}"#);
        json(clone, &line)["totalCount"].as_u64().expect("a count")
    };
    let bugs = count(r#""bug""#);
    assert!(bugs > 0);
    assert_eq!(count(r#""none","x\" is:closed""#), 0);
    assert_eq!(
        count(r#""none","x\" is:closed \"""#),
        1,
        "its own name finds it"
    );
    assert_eq!(count(r#""a, b""#), 1, "a comma ends no label");
    assert_eq!(count(r#""bug","x\" label:\"none""#), bugs);
    assert_eq!(count(r#""bug","back\\""#), bugs);
    let refused = [
        r#"{"owner":"acme/webapp is:closed","repo":"x","labels":["bug","none"]}"#,
        r#"{"owner":"acme","repo":"webapp is:closed","labels":["bug","none"]}"#,
        r#"{"owner":"acme","repo":"webapp user:acme","labels":["a,b"]}"#,
    ]
    .map(|given| format!("{:?}", call(clone, &format!("list_issues {given}")).1));
    insta::assert_snapshot!(refused.join("\n"), @r#"
    Refused("failed to list issues: Could not resolve to a Repository with the name 'acme/webapp is:closed/x'.")
    Refused("failed to list issues: Could not resolve to a Repository with the name 'acme/webapp is:closed'.")
    Refused("failed to list issues: Could not resolve to a Repository with the name 'acme/webapp user:acme'.")
    "#);
}
