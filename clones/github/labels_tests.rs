//! Labels, comments, repositories, users and search as a client meets them.

use super::check::{check, open};

const REPO: &str = "/repos/octocat/hello-service";

fn history(lines: &[&str], shown: &[&str]) -> String {
    let mut clone = open("small-project");
    let lines: Vec<String> = lines.iter().map(|line| line.replace("~", REPO)).collect();
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    check(clone.as_mut(), &lines, shown).replace(REPO, "~")
}

#[test]
fn labels_are_kept_by_name_without_case() {
    let out = history(
        &[
            "GET ~/labels?per_page=3",
            "GET ~/labels/Good%20First%20Issue",
            r#"POST ~/labels {"name":"late","color":"ABCDEF","description":"d"}"#,
            r#"POST ~/labels {"name":"LATE"}"#,
            r#"POST ~/labels {"name":"x","color":"red"}"#,
            r#"POST ~/labels {"color":"ffffff"}"#,
            r#"PATCH ~/labels/bug {"new_name":"defect","color":"000000"}"#,
            "GET ~/issues/4/labels",
            r#"PATCH ~/labels/defect {"new_name":"question"}"#,
            r#"PATCH ~/labels/defect {"new_name":"Defect"}"#,
            "GET ~/labels/bug",
            "DELETE ~/labels/DEFECT",
            "GET ~/issues/4/labels",
            "DELETE ~/labels/defect",
        ],
        &["/name", "/color", "/description", "/url"],
    );
    insta::assert_snapshot!(out, @r#"
    GET ~/labels?per_page=3
      200
      "bug" "d73a4a" "Something isn't working" "https://api.github.com~/labels/bug"
      "documentation" "0075ca" "Improvements or additions to documentation" "https://api.github.com~/labels/documentation"
      "duplicate" "cfd3d7" "This issue or pull request already exists" "https://api.github.com~/labels/duplicate"
    GET ~/labels/Good%20First%20Issue
      200
      "good first issue" "7057ff" "Good for newcomers" "https://api.github.com~/labels/good%20first%20issue"
    POST ~/labels {"name":"late","color":"ABCDEF","description":"d"}
      201
      added labels octocat/hello-service:late
      "late" "abcdef" "d" "https://api.github.com~/labels/late"
    POST ~/labels {"name":"LATE"}
      422
      {"documentation_url":"https://docs.github.com/rest/issues/labels#create-a-label","errors":[{"code":"already_exists","field":"name","resource":"Label"}],"message":"Validation Failed","status":"422"}
    POST ~/labels {"name":"x","color":"red"}
      422
      {"documentation_url":"https://docs.github.com/rest/issues/labels#create-a-label","errors":[{"code":"invalid","field":"color","resource":"Label"}],"message":"Validation Failed","status":"422"}
    POST ~/labels {"color":"ffffff"}
      422
      {"documentation_url":"https://docs.github.com/rest/issues/labels#create-a-label","errors":[{"code":"missing_field","field":"name","resource":"Label"}],"message":"Validation Failed","status":"422"}
    PATCH ~/labels/bug {"new_name":"defect","color":"000000"}
      200
      removed labels octocat/hello-service:bug
      added labels octocat/hello-service:defect
      changed issues octocat/hello-service#1
      changed issues octocat/hello-service#4
      "defect" "000000" "Something isn't working" "https://api.github.com~/labels/defect"
    GET ~/issues/4/labels
      200
      "defect" "000000" "Something isn't working" "https://api.github.com~/labels/defect"
      "help wanted" "008672" "Extra attention is needed" "https://api.github.com~/labels/help%20wanted"
    PATCH ~/labels/defect {"new_name":"question"}
      422
      {"documentation_url":"https://docs.github.com/rest/issues/labels#update-a-label","errors":[{"code":"already_exists","field":"name","resource":"Label"}],"message":"Validation Failed","status":"422"}
    PATCH ~/labels/defect {"new_name":"Defect"}
      200
      changed labels octocat/hello-service:Defect
      changed issues octocat/hello-service#1
      changed issues octocat/hello-service#4
      "Defect" "000000" "Something isn't working" "https://api.github.com~/labels/Defect"
    GET ~/labels/bug
      404
      {"documentation_url":"https://docs.github.com/rest/issues/labels#get-a-label","message":"Not Found","status":"404"}
    DELETE ~/labels/DEFECT
      204
      removed labels octocat/hello-service:Defect
      changed issues octocat/hello-service#1
      changed issues octocat/hello-service#4
    GET ~/issues/4/labels
      200
      "help wanted" "008672" "Extra attention is needed" "https://api.github.com~/labels/help%20wanted"
    DELETE ~/labels/defect
      404
      {"documentation_url":"https://docs.github.com/rest/issues/labels#delete-a-label","message":"Not Found","status":"404"}
    "#);
}

#[test]
fn an_issue_gains_and_loses_labels() {
    let out = history(
        &[
            r#"POST ~/issues/2/labels {"labels":["bug","BUG","brand new"]}"#,
            r#"POST ~/issues/2/labels ["question",{"name":"wontfix"}]"#,
            r#"POST ~/issues/2/labels {"labels":["bug"]}"#,
            "DELETE ~/issues/2/labels/Brand%20New",
            "DELETE ~/issues/2/labels/invalid",
            r#"PUT ~/issues/2/labels {"labels":["invalid"]}"#,
            "GET ~/issues/2/labels",
            "DELETE ~/issues/2/labels",
            "GET ~/issues/2/labels",
            r#"POST ~/issues/2/labels {"label":["bug"]}"#,
            r#"POST ~/issues/2/labels {"labels":[7]}"#,
        ],
        &["/name"],
    );
    insta::assert_snapshot!(out, @r#"
    POST ~/issues/2/labels {"labels":["bug","BUG","brand new"]}
      200
      added labels octocat/hello-service:brand new
      changed issues octocat/hello-service#2
      added events octocat/hello-service#event-15000000682
      added events octocat/hello-service#event-15000001441
      "documentation"
      "good first issue"
      "bug"
      "brand new"
    POST ~/issues/2/labels ["question",{"name":"wontfix"}]
      200
      changed issues octocat/hello-service#2
      added events octocat/hello-service#event-15000002208
      added events octocat/hello-service#event-15000002913
      "documentation"
      "good first issue"
      "bug"
      "brand new"
      "question"
      "wontfix"
    POST ~/issues/2/labels {"labels":["bug"]}
      200
      "documentation"
      "good first issue"
      "bug"
      "brand new"
      "question"
      "wontfix"
    DELETE ~/issues/2/labels/Brand%20New
      200
      changed issues octocat/hello-service#2
      added events octocat/hello-service#event-15000003625
      "documentation"
      "good first issue"
      "bug"
      "question"
      "wontfix"
    DELETE ~/issues/2/labels/invalid
      404
      {"documentation_url":"https://docs.github.com/rest/issues/labels#remove-a-label-from-an-issue","message":"Label does not exist","status":"404"}
    PUT ~/issues/2/labels {"labels":["invalid"]}
      200
      changed issues octocat/hello-service#2
      added events octocat/hello-service#event-15000003703
      added events octocat/hello-service#event-15000003718
      added events octocat/hello-service#event-15000003750
      added events octocat/hello-service#event-15000004695
      added events octocat/hello-service#event-15000005105
      added events octocat/hello-service#event-15000005401
      "invalid"
    GET ~/issues/2/labels
      200
      "invalid"
    DELETE ~/issues/2/labels
      204
      changed issues octocat/hello-service#2
      added events octocat/hello-service#event-15000006120
    GET ~/issues/2/labels
      200
    POST ~/issues/2/labels {"label":["bug"]}
      422
      {"documentation_url":"https://docs.github.com/rest/issues/labels#add-labels-to-an-issue","message":"Invalid request.\n\n\"labels\" wasn't supplied.","status":"422"}
    POST ~/issues/2/labels {"labels":[7]}
      422
      {"documentation_url":"https://docs.github.com/rest/issues/labels#add-labels-to-an-issue","message":"Invalid request.\n\nFor 'properties/labels/0', 7 is not a string.","status":"422"}
    "#);
}

#[test]
fn comments_are_written_changed_and_deleted() {
    let out = history(
        &[
            "GET ~/issues/1/comments",
            "GET ~/issues/1/comments?since=2026-01-01T00:00:00Z",
            r#"POST ~/issues/1/comments {"body":"C"}"#,
            r#"PATCH ~/issues/comments/1900003858 {"body":"D"}"#,
            r#"PATCH ~/issues/comments/1900003858 {"body":" "}"#,
            "GET ~/issues/comments/1900003858",
            "GET ~/issues/comments?sort=created&direction=desc&per_page=2",
            "GET ~/issues/comments?per_page=2",
            "GET ~/issues/1",
            "DELETE ~/issues/comments/1900003858",
            "DELETE ~/issues/comments/1900003858",
            "GET ~/issues/1",
            r#"POST ~/issues/1/comments {"body":3}"#,
            r#"POST ~/issues/99/comments {"body":"C"}"#,
        ],
        &[
            "/body",
            "/comments",
            "/created_at",
            "/updated_at",
            "/author_association",
        ],
    );
    insta::assert_snapshot!(out, @r#"
    GET ~/issues/1/comments
      200
      "Confirmed. I would add a `SELECT 1` with a short timeout." "-40d" "-40d" "OWNER"
      "It happened again last night." "-12d" "-12d" "NONE"
    GET ~/issues/1/comments?since=2026-01-01T00:00:00Z
      200
    POST ~/issues/1/comments {"body":"C"}
      201
      added comments octocat/hello-service#issuecomment-1900003858
      changed issues octocat/hello-service#1
      added notifications 9000000347
      "C" "+run" "+run" "OWNER"
    PATCH ~/issues/comments/1900003858 {"body":"D"}
      200
      changed comments octocat/hello-service#issuecomment-1900003858
      changed issues octocat/hello-service#1
      "D" "+run" "+run" "OWNER"
    PATCH ~/issues/comments/1900003858 {"body":" "}
      422
      {"documentation_url":"https://docs.github.com/rest/issues/comments#update-an-issue-comment","errors":[{"code":"missing_field","field":"body","resource":"IssueComment"}],"message":"Validation Failed","status":"422"}
    GET ~/issues/comments/1900003858
      200
      "D" "+run" "+run" "OWNER"
    GET ~/issues/comments?sort=created&direction=desc&per_page=2
      200
      "D" "+run" "+run" "OWNER"
      "A token bucket in memory would do for a start." "-1d" "-1d" "OWNER"
    GET ~/issues/comments?per_page=2
      200
      "Confirmed. I would add a `SELECT 1` with a short timeout." "-40d" "-40d" "OWNER"
      "It happened again last night." "-12d" "-12d" "NONE"
    GET ~/issues/1
      200
      "`/healthz` never touches the pool, so the balancer keeps sending traffic." 3 "-41d" "+run" "NONE"
    DELETE ~/issues/comments/1900003858
      204
      removed comments octocat/hello-service#issuecomment-1900003858
      changed issues octocat/hello-service#1
    DELETE ~/issues/comments/1900003858
      404
      {"documentation_url":"https://docs.github.com/rest/issues/comments#delete-an-issue-comment","message":"Not Found","status":"404"}
    GET ~/issues/1
      200
      "`/healthz` never touches the pool, so the balancer keeps sending traffic." 2 "-41d" "+run" "NONE"
    POST ~/issues/1/comments {"body":3}
      422
      {"documentation_url":"https://docs.github.com/rest/issues/comments#create-an-issue-comment","message":"Invalid request.\n\nFor 'properties/body', 3 is not a string.","status":"422"}
    POST ~/issues/99/comments {"body":"C"}
      404
      {"documentation_url":"https://docs.github.com/rest/issues/comments#create-an-issue-comment","message":"Not Found","status":"404"}
    "#);
}

#[test]
fn repositories_and_users_are_shown_to_who_may_see_them() {
    let out = history(
        &[
            "GET ~",
            "GET /user/repos",
            "GET /user/repos?visibility=private",
            "GET /users/octocat/repos",
            "GET /users/monalisa/repos",
            "GET /users/nobody/repos",
            "GET /orgs/octocat/repos",
            "GET /user",
            "GET /users/MonaLisa",
            "GET /users/nobody",
        ],
        &[
            "/full_name",
            "/permissions",
            "/open_issues_count",
            "/login",
            "/public_repos",
            "/plan/name",
        ],
    );
    insta::assert_snapshot!(out, @r#"
    GET ~
      200
      "octocat/hello-service" {"admin":true,"maintain":true,"pull":true,"push":true,"triage":true} 6
    GET /user/repos
      200
      "octocat/hello-service" {"admin":true,"maintain":true,"pull":true,"push":true,"triage":true} 6
    GET /user/repos?visibility=private
      200
    GET /users/octocat/repos
      200
      "octocat/hello-service" {"admin":true,"maintain":true,"pull":true,"push":true,"triage":true} 6
    GET /users/monalisa/repos
      200
    GET /users/nobody/repos
      404
      {"documentation_url":"https://docs.github.com/rest/repos/repos#list-repositories-for-a-user","message":"Not Found","status":"404"}
    GET /orgs/octocat/repos
      404
      {"documentation_url":"https://docs.github.com/rest/repos/repos#list-organization-repositories","message":"Not Found","status":"404"}
    GET /user
      200
      "octocat" 1 "free"
    GET /users/MonaLisa
      200
      "monalisa" 0
    GET /users/nobody
      404
      {"documentation_url":"https://docs.github.com/rest/users/users#get-a-user","message":"Not Found","status":"404"}
    "#);
}

#[test]
fn searches_take_githubs_qualifiers() {
    let searches = [
        "repo:octocat/hello-service is:issue is:open",
        "repo:octocat/hello-service crash in:title",
        "crash",
        "\"Which version\"",
        "\"Which version\" in:comments",
        "state:closed reason:\"not planned\"",
        "label:bug label:\"help wanted\"",
        "label:bug,question",
        "-label:bug is:open author:octocat",
        "no:label",
        "no:assignee is:open -author:@me",
        "assignee:octocat",
        "created:>2025-12-31",
        "created:2025-12-01..2025-12-15",
        "updated:<2025-12-20 is:open",
        "closed:>=2025-12-18",
        "comments:>1",
        "is:pr",
        "user:octocat commenter:monalisa",
        "repo:octocat/nothing",
        "sort:updated-asc is:open",
        "nonsense:x crash",
    ];
    let lines: Vec<String> = searches
        .iter()
        .map(|search| {
            let query: String = form_urlencoded::byte_serialize(search.as_bytes()).collect();
            format!("GET /search/issues?q={query}")
        })
        .collect();
    let mut clone = open("small-project");
    let mut out = String::new();
    for (search, line) in searches.iter().zip(&lines) {
        let found = super::check::json(&super::check::send(clone.as_mut(), line));
        let numbers: Vec<String> = found["items"]
            .as_array()
            .map(|items| {
                items
                    .iter()
                    .map(|item| item["number"].to_string())
                    .collect()
            })
            .unwrap_or_else(|| vec![found["message"].to_string()]);
        out.push_str(&format!("{search}: [{}]\n", numbers.join(" ")));
    }
    insta::assert_snapshot!(out, @r#"
    repo:octocat/hello-service is:issue is:open: [8 7 6 4 2 1]
    repo:octocat/hello-service crash in:title: [5 4]
    crash: [5 4]
    "Which version": [4]
    "Which version" in:comments: [4]
    state:closed reason:"not planned": [5]
    label:bug label:"help wanted": [4]
    label:bug,question: [6 4 1]
    -label:bug is:open author:octocat: [7 2]
    no:label: [8]
    no:assignee is:open -author:@me: [8 6 4]
    assignee:octocat: [1]
    created:>2025-12-31: [8 7]
    created:2025-12-01..2025-12-15: [3 2]
    updated:<2025-12-20 is:open: [2]
    closed:>=2025-12-18: [5 3]
    comments:>1: [4 1]
    is:pr: []
    user:octocat commenter:monalisa: [4]
    repo:octocat/nothing: ["Validation Failed"]
    sort:updated-asc is:open: [2 6 1 7 4 8]
    nonsense:x crash: []
    "#);
    let lines = [
        "GET /search/issues?q=is:issue&per_page=3&page=2&sort=created&order=asc",
        "GET /search/issues?q=is:issue&per_page=100&page=11",
        "GET /search/issues",
    ];
    let shown = [
        "/total_count",
        "/incomplete_results",
        "/items/0/number",
        "/items/0/score",
    ];
    insta::assert_snapshot!(check(clone.as_mut(), &lines, &shown), @r#"
    GET /search/issues?q=is:issue&per_page=3&page=2&sort=created&order=asc
      200
      8 false 4 1.0
    GET /search/issues?q=is:issue&per_page=100&page=11
      422
      {"documentation_url":"https://docs.github.com/rest/search/search#search-issues-and-pull-requests","message":"Only the first 1000 search results are available","status":"422"}
    GET /search/issues
      422
      {"documentation_url":"https://docs.github.com/rest/search/search#search-issues-and-pull-requests","errors":[{"code":"missing","field":"q","resource":"Search"}],"message":"Validation Failed","status":"422"}
    "#);
}
