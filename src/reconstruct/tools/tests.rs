//! Calls of tools as frameworks record them, and what they are told to be.

use std::collections::BTreeMap;

use archal_core::clone::{CloneDescriptor, OpenClone, Seed, ToolAnswer};
use archal_core::trace::{Completeness, HttpExchange, Span, SpanKind, Status, ToolCall, Trace};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::Tools;
use crate::reconstruct::exchanges::{self, TracedCalls};
use crate::reconstruct::replay::Replay;
use crate::reconstruct::{Context, Reconstruction, reconstruct};

fn github() -> &'static CloneDescriptor {
    let mut clones = archal_clones::ALL.iter();
    clones.find(|clone| clone.name == "github").expect("github")
}

fn base() -> Timestamp {
    "2026-03-01T12:00:00Z".parse().expect("valid")
}

fn tools(mappings: &Value) -> Tools {
    let mappings: BTreeMap<String, crate::config::schema::ToolMapping> =
        serde_json::from_value(mappings.clone()).expect("mappings");
    Tools::of(&mappings)
}

fn span(name: &str, arguments: &Value, result: &Value) -> Span {
    Span {
        kind: SpanKind::Tool,
        tool: Some(ToolCall {
            name: name.to_owned(),
            arguments: Some(arguments.clone()),
            result: (!result.is_null()).then(|| result.clone()),
            ..ToolCall::default()
        }),
        ..Span::default()
    }
}

/// A trace of spans, a second apart, named `s0`, `s1` and so on.
fn trace(mut spans: Vec<Span>) -> Trace {
    for (at, span) in spans.iter_mut().enumerate() {
        if span.id.is_empty() {
            span.id = format!("s{at}");
        }
        let seconds = i64::try_from(at).expect("few");
        span.started_at = Some(base() + jiff::SignedDuration::from_secs(seconds));
    }
    Trace {
        id: "t".to_owned(),
        started_at: Some(base()),
        spans,
        ..Trace::default()
    }
}

fn context(tools: &Tools) -> Context<'_> {
    Context {
        clones: archal_clones::ALL,
        tools,
        owned: &[],
    }
}

/// What the calls were told to be, one line each.
fn told(traced: &TracedCalls<'_>) -> String {
    let mut lines: Vec<String> = traced
        .calls
        .iter()
        .map(|call| {
            let status = call
                .http
                .status
                .map_or_else(|| "?".to_owned(), |status| status.to_string());
            let mut line = format!("{} {} -> {status}", call.span, call.line());
            for (mark, body) in [
                (">", &call.http.request_body),
                ("<", &call.http.response_body),
            ] {
                if let Some(body) = body {
                    line.push_str(&format!(" {mark} {body}"));
                }
            }
            line
        })
        .collect();
    lines.extend(traced.missing().iter().map(|missing| {
        format!(
            "{} {} of {}: {}",
            missing.span, missing.field, missing.entity, missing.why
        )
    }));
    lines.extend(
        traced
            .unmapped
            .iter()
            .filter(|tool| tool.sign.is_none())
            .map(|tool| format!("{} is not mapped: {}", tool.tool, tool.mapping)),
    );
    lines.join("\n")
}

fn told_of(mappings: &Value, spans: Vec<Span>) -> String {
    let tools = tools(mappings);
    let trace = trace(spans);
    told(&exchanges::of(&trace, &context(&tools)))
}

/// How frameworks write down the text that a tool answers.
fn wrappings(text: &str) -> [Value; 4] {
    [
        json!({"content": [{"type": "text", "text": text}]}),
        json!(text),
        json!([{"type": "text", "text": text}]),
        json!({"type": "tool", "content": text, "tool_call_id": "c", "status": "success"}),
    ]
}

/// A run of an agent with the official tools on a named seed, recorded as tool spans alone.
fn run(seed: &str, calls: &[(&str, Value)]) -> Trace {
    let github = github();
    let mut clone = (github.open)(&OpenClone {
        base: base(),
        ids: 0,
        seed: Seed::Named(seed),
    })
    .expect("a seed");
    let face = github.mcp.expect("tools");
    let credential = github.credentials[0].1;
    let prefixes = ["mcp__github__", "github-", "github.", "functions.", ""];
    let mut spans = Vec::new();
    let mut cursor = Value::Null;
    for (at, (name, arguments)) in calls.iter().enumerate() {
        let tool = face
            .tools
            .iter()
            .find(|tool| tool.name == *name)
            .expect("a tool");
        let mut arguments = arguments.clone();
        if arguments["after"] == "next" {
            arguments["after"] = cursor.clone();
        }
        let now = base() + jiff::SignedDuration::from_secs(i64::try_from(at).expect("few"));
        let mut ask = |mut request: archal_core::clone::CloneRequest| {
            let header = ("authorization".to_owned(), format!("Bearer {credential}"));
            request.headers.push(header);
            clone.call(&request, now)
        };
        let given = arguments.as_object().expect("an object");
        let (text, is_error) = match (tool.call)(given, &mut ask) {
            ToolAnswer::Text(text) => (text, false),
            ToolAnswer::Refused(text) | ToolAnswer::Fault(text) => (text, true),
            other => panic!("{name}: {other:?}"),
        };
        let read: Value = serde_json::from_str(&text).unwrap_or_default();
        cursor = read["pageInfo"]["endCursor"].clone();
        let prefix = prefixes[at % prefixes.len()];
        let result = if is_error {
            json!({"content": [{"type": "text", "text": text}], "isError": true})
        } else {
            wrappings(&text)[at % 4].clone()
        };
        spans.push(span(&format!("{prefix}{name}"), &arguments, &result));
    }
    trace(spans)
}

fn replayed(trace: &Trace) -> (Reconstruction, Replay) {
    let tools = Tools::default();
    let context = context(&tools);
    let rebuilt = reconstruct(trace, &context);
    let traced = exchanges::of(trace, &context);
    let replay = Replay::run(&rebuilt, &traced, context.clones).expect("a seed");
    (rebuilt, replay)
}

#[test]
fn a_run_of_official_tools_is_rebuilt_and_replayed_from_tool_spans_alone() {
    let repo = json!({"owner": "acme", "repo": "webapp"});
    let with = |more: Value| {
        let mut all = repo.clone();
        all.as_object_mut()
            .expect("an object")
            .extend(more.as_object().expect("an object").clone());
        all
    };
    let recorded = run(
        "stale-issues",
        &[
            ("get_me", json!({})),
            ("list_issues", with(json!({"state": "OPEN", "perPage": 30}))),
            (
                "list_issues",
                with(json!({"state": "OPEN", "perPage": 30, "after": "next"})),
            ),
            (
                "issue_read",
                with(json!({"method": "get", "issue_number": 3})),
            ),
            (
                "issue_read",
                with(json!({"method": "get_comments", "issue_number": 3})),
            ),
            (
                "add_issue_comment",
                with(json!({"issue_number": 3, "body": "Closing."})),
            ),
            (
                "issue_write",
                with(json!({"method": "update", "issue_number": 3, "state": "closed"})),
            ),
            (
                "issue_read",
                with(json!({"method": "get", "issue_number": 3})),
            ),
            (
                "issue_read",
                with(json!({"method": "get", "issue_number": 9999})),
            ),
            (
                "issue_write",
                with(json!({"method": "create", "title": "Follow up"})),
            ),
        ],
    );
    let tools = Tools::default();
    let traced = exchanges::of(&recorded, &context(&tools));
    insta::assert_snapshot!(told(&traced).lines().map(|line| line[..line.floor_char_boundary(160)].trim_end()).collect::<Vec<_>>().join("\n"), @r#"
    s0 GET /user -> 200 < {"avatar_url":"https://avatars.githubusercontent.com/u/83000941?v=4","created_at":"2024-10-17T12:00:00Z","followers":0,"following":0,"html
    s1 GET /repos/acme/webapp/issues?sort=created&direction=desc&state=open&page=1&per_page=30 -> 200 < [{"assignees":[],"body":null,"closed_at":null,"closed_by":nu
    s2 GET /repos/acme/webapp/issues?sort=created&direction=desc&state=open&page=2&per_page=30 -> 200 < [{"assignees":[],"body":"Steps to reproduce:\n\n1. Open the
    s3 GET /repos/acme/webapp/issues/3 -> 200 < {"assignees":[],"author_association":"NONE","body":"Seen by two customers this week.","closed_at":null,"closed_by":n
    s4 GET /repos/acme/webapp/issues/3/comments?page=1&per_page=30 -> 200 < [{"author_association":"NONE","body":"Any news?","created_at":"2025-01-17T12:00:00Z","ht
    s5 POST /repos/acme/webapp/issues/3/comments -> 201 > {"body":"Closing."} < {"html_url":"https://github.com/acme/webapp/issues/3#issuecomment-1900009213","id":1
    s6 PATCH /repos/acme/webapp/issues/3 -> 200 > {"state":"closed","state_reason":"completed"} < {"html_url":"https://github.com/acme/webapp/issues/3","id":2200001
    s7 GET /repos/acme/webapp/issues/3 -> 200 < {"assignees":[],"author_association":"NONE","body":"Seen by two customers this week.","closed_at":"2026-03-01T12:00:
    s8 GET /repos/acme/webapp/issues/9999 -> 404 < {"message":"Not Found"}
    s9 POST /repos/acme/webapp/issues -> 201 > {"title":"Follow up"} < {"html_url":"https://github.com/acme/webapp/issues/53","id":2200025795,"number":53}
    "#);
    let (rebuilt, replay) = replayed(&recorded);
    insta::assert_debug_snapshot!(replay.agreement(), @"
    Agreement {
        calls: 10,
        agreeing: 10,
        skipped: 0,
        differences: [],
    }
    ");
    let missing: Vec<String> = rebuilt
        .missing
        .iter()
        .map(|missing| format!("{} of {}: {}", missing.field, missing.entity, missing.why))
        .collect();
    insta::assert_snapshot!(missing.join("\n"), @"");
}

#[test]
fn sdk_methods_are_the_operations_they_are_named_after() {
    let issues = json!([{"number": 7, "title": "t", "state": "open"}]);
    let envelope = json!({"data": issues, "status": 200, "headers": {"Link": "<x>; rel=\"next\""}, "url": "u"});
    let repo = json!({"owner": "acme", "repo": "webapp", "state": "open", "per_page": 2});
    insta::assert_snapshot!(told_of(&json!({}), vec![
        span("octokit.rest.issues.listForRepo", &repo, &json!({"data": issues, "headers": {"link": ""}})),
        span("octokit.rest.issues.listForRepo", &repo, &envelope),
        span("github.issues.list_for_repo", &json!({"kwargs": repo}), &issues),
        span("octokit.request", &json!(["GET /repos/{owner}/{repo}/issues", repo]), &envelope),
        span("issues_update", &json!({"owner": "acme", "repo": "webapp", "issueNumber": 7, "state": "closed"}), &json!("done")),
        span("repo.get_issue", &json!({"repo": "acme/webapp", "number": 7}), &json!({"number": 7})),
        span("Repository.get_issue", &json!({"self": "Repository(full_name=\"acme/webapp\")", "number": 8}), &json!("UnknownObjectException: 404 {\"message\": \"Not Found\"}")),
        span("octokit.issues.get", &json!({"owner": "acme"}), &json!({})),
        span("issues_get", &json!({"ticket": 7}), &json!({})),
        span("release.update_release", &json!({"owner": "acme", "repo": "webapp", "id": 3, "name": "n", "message": "m"}), &json!("done")),
        span("repo.create_file", &json!({"repo": "acme/webapp", "path": "a.md", "message": "m", "content": "hi"}), &json!("done")),
        span("Github.get_user", &json!({}), &json!({"login": "acme"})),
        span("Github.get_user", &json!({"login": "mona"}), &json!({"login": "mona"})),
    ]), @r#"
    s0 GET /repos/acme/webapp/issues?per_page=2&state=open -> 200 < [{"number":7,"state":"open","title":"t"}]
    s1 GET /repos/acme/webapp/issues?per_page=2&state=open -> 200 < [{"number":7,"state":"open","title":"t"}]
    s2 GET /repos/acme/webapp/issues?per_page=2&state=open -> 200 < [{"number":7,"state":"open","title":"t"}]
    s3 GET /repos/acme/webapp/issues?per_page=2&state=open -> 200 < [{"number":7,"state":"open","title":"t"}]
    s4 PATCH /repos/acme/webapp/issues/7 -> 200 > {"state":"closed"} < {"number":7}
    s5 GET /repos/acme/webapp/issues/7 -> 200 < {"number":7}
    s6 GET /repos/acme/webapp/issues/8 -> 404 < {"message":"UnknownObjectException: 404 {\"message\": \"Not Found\"}"}
    s9 PATCH /repos/acme/webapp/releases/3 -> 200 > {"body":"m","name":"n"} < {"id":3}
    s10 PUT /repos/acme/webapp/contents/a.md -> 200 > {"content":"aGk=","message":"m"}
    s11 GET /user -> 200 < {"login":"acme"}
    s12 GET /users/mona -> 200 < {"login":"mona"}
    s7 arguments of tool octokit.issues.get: issues/get needs `repo`, and the call has no argument of that name
    s8 mapping of tool issues_get: nothing says what it calls, and its name says what is done to issues, and github has such
    "#);
}

#[test]
fn a_name_alone_is_not_believed() {
    let own = json!({"repository": "acme/webapp", "state": "open"});
    insta::assert_snapshot!(told_of(&json!({}), vec![
        // A function of the agent's own that is called like an official tool.
        span("list_issues", &own, &json!([])),
        span("mcp__gh__list_issues", &json!({"owner": "acme", "repo": "webapp"}), &json!({"issues": [], "totalCount": 0, "pageInfo": {"hasNextPage": false}})),
        span("mcp__jira__list_issues", &own, &json!([])),
        span("github-delete_repository", &json!({"owner": "a"}), &json!({})),
        span("issue_read", &json!({"method": "get", "owner": "acme", "repo": "webapp"}), &json!("missing required parameter: issue_number")),
        span("calculator", &json!({"expression": "1+1"}), &json!("2")),
        span("update_plan", &json!({"steps": []}), &json!("ok")),
    ]), @r#"
    s1 GET /repos/acme/webapp/issues?sort=created&direction=desc&state=all&page=1&per_page=30 -> 200 < []
    s3 call of tool github-delete_repository: the github clone does not model this tool
    s0 mapping of tool list_issues: nothing says what it calls, and its name says what is done to issues, and github has such
    s2 mapping of tool mcp__jira__list_issues: nothing says what it calls, and its name says what is done to issues, and github has such
    calculator is not mapped: {"call":"<METHOD> /<path>?expression={expression}","clone":"github"}
    update_plan is not mapped: {"call":"<METHOD> /<path>?steps={steps}","clone":"github"}
    "#);
}

#[test]
fn the_repository_says_what_its_own_tools_are() {
    let mappings = json!({
        "list_open": {"clone": "github", "call": "GET /repos/{+repository}/issues?state=open&labels={label}", "result": "/issues"},
        "close_*": {"clone": "github", "call": "PATCH /repos/{+repository}/issues/{number}", "body": {"state": "closed", "state_reason": "{reason}"}, "error": "/error"},
        "close_it": {"clone": "github", "call": "POST /repos/{owner}/{repo}/issues"},
        "note_*": {"local": true},
        "stripe_*": {"clone": "stripe", "call": "GET /v1/charges"},
    });
    insta::assert_snapshot!(told_of(&mappings, vec![
        span("list_open", &json!({"repository": "acme/webapp", "label": null}), &json!({"issues": [{"number": 7}], "took": 3})),
        span("list_open", &json!({"repository": "acme/webapp", "label": "a b"}), &json!({"issues": []})),
        span("close_issue", &json!({"repository": "acme/webapp", "number": 7, "reason": "not_planned"}), &json!("Closed.")),
        span("close_issue", &json!({"repository": "acme/webapp", "number": 9}), &json!({"error": {"status": 404}})),
        span("close_issue", &json!({"repository": "acme/webapp"}), &json!("Closed.")),
        span("close_it", &json!({"owner": "acme", "repo": "webapp", "title": "t", "labels": ["x"]}), &json!({"number": 12})),
        span("note_down", &json!({}), &json!("ok")),
        span("stripe_charges", &json!({}), &json!([])),
        // A mapped name wins over the official one.
        span("add_issue_comment", &json!({"owner": "acme", "repo": "webapp", "issue_number": 7, "body": "b"}), &json!({"id": "5000000001", "url": "https://github.com/acme/webapp/issues/7#issuecomment-5000000001"})),
    ]), @r#"
    s0 GET /repos/acme/webapp/issues?state=open -> 200 < [{"number":7}]
    s1 GET /repos/acme/webapp/issues?state=open&labels=a+b -> 200 < []
    s2 PATCH /repos/acme/webapp/issues/7 -> 200 > {"state":"closed","state_reason":"not_planned"} < {"number":7}
    s3 PATCH /repos/acme/webapp/issues/9 -> 404 > {"state":"closed"} < {"message":"{\"status\":404}"}
    s5 POST /repos/acme/webapp/issues -> 201 > {"labels":["x"],"title":"t"} < {"number":12}
    s8 POST /repos/acme/webapp/issues/7/comments -> 201 > {"body":"b"} < {"html_url":"https://github.com/acme/webapp/issues/7#issuecomment-5000000001","id":5000000001,"issue_url":"https://api.github.com/repos/acme/webapp/issues/7"}
    s4 arguments of tool close_issue: its mapping in `tools` needs the argument `number`, and the call has none
    s7 clone of tool stripe_charges: its mapping in `tools` names the clone `stripe`, and there is none
    "#);
}

#[test]
fn what_is_seen_twice_counts_once() {
    let http = |id: &str, parent: &str, body: Option<Value>| Span {
        id: id.to_owned(),
        parent_id: Some(parent.to_owned()),
        kind: SpanKind::Http,
        http: Some(HttpExchange {
            method: "GET".to_owned(),
            url: "https://api.github.com/repos/acme/webapp/issues/7".to_owned(),
            status: Some(200),
            response_body: body,
            ..HttpExchange::default()
        }),
        ..Span::default()
    };
    let tool = |id: &str, parent: Option<&str>, name: &str, result: &Value| Span {
        id: id.to_owned(),
        parent_id: parent.map(str::to_owned),
        ..span(
            name,
            &json!({"method": "get", "owner": "acme", "repo": "webapp", "issue_number": 7}),
            result,
        )
    };
    let issue = json!({"number": 7, "state": "open"});
    let cases = [
        // The request has its body: the tool is only who sent it.
        vec![
            tool("t", None, "issue_read", &issue),
            http("h", "t", Some(issue.clone())),
        ],
        // It has none: the tool's result shows more.
        vec![tool("t", None, "issue_read", &issue), http("h", "t", None)],
        // Nobody knows the tool, and the request says it all, or says at least what is missing.
        vec![
            tool("t", None, "look_at_ticket", &issue),
            http("h", "t", None),
        ],
        // A framework's span around the client's.
        vec![
            tool("o", None, "look_at_ticket", &issue),
            tool("t", Some("o"), "issue_read", &issue),
        ],
        vec![
            tool("o", None, "issue_read", &issue),
            tool("t", Some("o"), "mcp__github__issue_read", &json!(null)),
        ],
        // A span that is its own parent, and two that are each other's.
        vec![tool("t", Some("t"), "issue_read", &issue)],
        vec![
            tool("a", Some("b"), "issue_read", &issue),
            tool("b", Some("a"), "calculator", &issue),
        ],
    ];
    let mut made = tool("t", None, "issue_read", &issue);
    made.attributes = [(
        "archal.toolCall.joined".to_owned(),
        json!("from messages alone"),
    )]
    .into();
    made.ended_at = Some(base() + jiff::SignedDuration::from_secs(9));
    // Nobody stands above a request in the time of a call that only messages tell of.
    let beside = http("h", "agent", Some(issue.clone()));
    let cases = cases.into_iter().chain([vec![made, beside]]);
    let lines: Vec<String> = cases.map(|spans| told_of(&json!({}), spans)).collect();
    insta::assert_snapshot!(lines.join("\n--\n"), @r#"
    h GET /repos/acme/webapp/issues/7 -> 200 < {"number":7,"state":"open"}
    --
    t GET /repos/acme/webapp/issues/7 -> 200 < {"body":null,"closed_at":null,"closed_by":null,"comments":0,"labels":[],"locked":false,"number":7,"state":"open","state_reason":null}
    --
    h GET /repos/acme/webapp/issues/7 -> 200
    --
    t GET /repos/acme/webapp/issues/7 -> 200 < {"body":null,"closed_at":null,"closed_by":null,"comments":0,"labels":[],"locked":false,"number":7,"state":"open","state_reason":null}
    --
    o GET /repos/acme/webapp/issues/7 -> 200 < {"body":null,"closed_at":null,"closed_by":null,"comments":0,"labels":[],"locked":false,"number":7,"state":"open","state_reason":null}
    --
    t GET /repos/acme/webapp/issues/7 -> 200 < {"body":null,"closed_at":null,"closed_by":null,"comments":0,"labels":[],"locked":false,"number":7,"state":"open","state_reason":null}
    --
    a GET /repos/acme/webapp/issues/7 -> 200 < {"body":null,"closed_at":null,"closed_by":null,"comments":0,"labels":[],"locked":false,"number":7,"state":"open","state_reason":null}
    --
    h GET /repos/acme/webapp/issues/7 -> 200 < {"number":7,"state":"open"}
    "#);
}

#[test]
fn a_request_that_no_span_shows_does_not_go_with_the_others() {
    let http = |id: &str, parent: &str, method: &str| Span {
        id: id.to_owned(),
        parent_id: Some(parent.to_owned()),
        kind: SpanKind::Http,
        http: Some(HttpExchange {
            method: method.to_owned(),
            url: "https://api.github.com/repos/Acme/webapp/issues/7".to_owned(),
            status: Some(200),
            response_body: Some(json!({"number": 7, "state": "open"})),
            ..HttpExchange::default()
        }),
        ..Span::default()
    };
    let named = |id: &str, name: &str, arguments: &Value| Span {
        id: id.to_owned(),
        ..span(name, arguments, &json!("Done."))
    };
    let from_messages = |mut made: Span| {
        made.attributes = [(
            "archal.toolCall.joined".to_owned(),
            json!("from messages alone"),
        )]
        .into();
        made.ended_at = Some(base() + jiff::SignedDuration::from_secs(9));
        made
    };
    let seven = json!({"owner": "acme", "repo": "webapp", "number": 7});
    let mappings = json!({
        "look": {"clone": "github", "call": "GET /repos/{owner}/{repo}/issues/{number}"},
        "shut": {"clone": "github", "call": "PATCH /repos/{owner}/{repo}/issues/{number}", "body": {"state": "closed"}},
    });
    let look = || from_messages(named("look", "look", &seven));
    let shut = || from_messages(named("shut", "shut", &seven));
    let own = |id: &str| from_messages(named(id, "triage_issue", &seven));
    let lines: Vec<String> = [
        // Two calls of one turn, and the write's own request was not recorded.
        vec![look(), shut(), http("h", "agent", "GET")],
        // Both were.
        vec![
            look(),
            shut(),
            http("h", "agent", "GET"),
            http("p", "agent", "PATCH"),
        ],
        // The same below a span of the tool.
        vec![named("shut", "shut", &seven), http("h", "shut", "GET")],
        vec![
            named("shut", "shut", &seven),
            http("h", "shut", "GET"),
            http("p", "shut", "PATCH"),
        ],
        // Tools that nothing tells: a request for each, or one too few.
        vec![
            own("one"),
            own("two"),
            http("h", "agent", "GET"),
            http("p", "agent", "PATCH"),
        ],
        vec![own("one"), own("two"), http("h", "agent", "GET")],
    ]
    .into_iter()
    .map(|spans| told_of(&mappings, spans))
    .collect();
    insta::assert_snapshot!(lines.join("\n--\n"), @r#"
    shut PATCH /repos/acme/webapp/issues/7 -> 200 > {"state":"closed"} < {"number":7}
    h GET /repos/Acme/webapp/issues/7 -> 200 < {"number":7,"state":"open"}
    --
    h GET /repos/Acme/webapp/issues/7 -> 200 < {"number":7,"state":"open"}
    p PATCH /repos/Acme/webapp/issues/7 -> 200 < {"number":7,"state":"open"}
    --
    shut PATCH /repos/acme/webapp/issues/7 -> 200 > {"state":"closed"} < {"number":7}
    h GET /repos/Acme/webapp/issues/7 -> 200 < {"number":7,"state":"open"}
    --
    h GET /repos/Acme/webapp/issues/7 -> 200 < {"number":7,"state":"open"}
    p PATCH /repos/Acme/webapp/issues/7 -> 200 < {"number":7,"state":"open"}
    --
    h GET /repos/Acme/webapp/issues/7 -> 200 < {"number":7,"state":"open"}
    p PATCH /repos/Acme/webapp/issues/7 -> 200 < {"number":7,"state":"open"}
    --
    h GET /repos/Acme/webapp/issues/7 -> 200 < {"number":7,"state":"open"}
    triage_issue is not mapped: {"call":"<METHOD> /<path>?number={number}&owner={owner}&repo={repo}","clone":"github"}
    "#);
}

#[test]
fn what_succeeded_may_name_a_status() {
    let mappings = json!({
        "shut": {"clone": "github", "call": "PATCH /repos/{owner}/{repo}/issues/{number}", "body": {"state": "closed"}},
    });
    let seven = json!({"owner": "acme", "repo": "webapp", "number": 7});
    insta::assert_snapshot!(told_of(&mappings, vec![
        span("shut", &seven, &json!("Closed #7 \"API gives HTTP 503\"")),
        span("shut", &seven, &json!("HTTP 503")),
    ]), @r#"
    s0 PATCH /repos/acme/webapp/issues/7 -> 200 > {"state":"closed"} < {"number":7}
    s1 PATCH /repos/acme/webapp/issues/7 -> 503 > {"state":"closed"} < {"message":"HTTP 503"}
    "#);
}

#[test]
fn what_is_cut_or_failed_on_the_way_proves_nothing() {
    let arguments = json!({"method": "get", "owner": "acme", "repo": "webapp", "issue_number": 7});
    let mut failed = span("github.issue_read", &arguments, &json!(null));
    failed.status = Status::Error;
    failed.error = Some("ReadTimeout: timed out".to_owned());
    let mut recorded = trace(vec![
        span(
            "github.issue_read",
            &arguments,
            &json!("{\"number\": 7, \"title\": \"a long ti"),
        ),
        failed,
        span(
            "github.issue_read",
            &arguments,
            &json!({"number": 7, "state": "open"}),
        ),
        span(
            "github.issue_read",
            &arguments,
            &json!({"isError": true, "content": [{"type": "text",
            "text": "failed to get issue: GET https://api.github.com/repos/acme/webapp/issues/7: 503 Service Unavailable []"}]}),
        ),
    ]);
    recorded.completeness = Completeness {
        truncated: vec!["spans[2].tool.result".to_owned()],
        ..Completeness::default()
    };
    let (rebuilt, replay) = replayed(&recorded);
    let missing: Vec<String> = rebuilt
        .missing
        .iter()
        .map(|missing| {
            format!(
                "{} {} of {}: {}",
                missing.span, missing.field, missing.entity, missing.why
            )
        })
        .collect();
    insta::assert_snapshot!(missing.join("\n"), @"
    s0 response of GET /repos/acme/webapp/issues/7: tool github.issue_read: its result was cut: its JSON does not end
    s2 response of GET /repos/acme/webapp/issues/7: tool github.issue_read: its result was cut by whoever wrote it
    ");
    let skipped: Vec<String> = replay
        .calls
        .iter()
        .filter_map(|call| Some(format!("{}: {}", call.span, call.skipped.as_ref()?)))
        .collect();
    insta::assert_snapshot!(skipped.join("\n"), @"
    s1: there was no answer: timed out
    s3: the service answered 503
    ");
}
