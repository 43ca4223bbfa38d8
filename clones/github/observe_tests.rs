//! What recorded exchanges prove is enough to rebuild the state they came from.

use std::collections::{BTreeMap, BTreeSet};

use archal_core::clone::{
    CloneRequest, CloneResponse, Exchange, Fact, Observation, Seed, ServiceClone,
};
use jiff::SignedDuration;
use serde_json::{Map, Value, json};

use super::DESCRIPTOR;
use super::check::{base, json as body, open, open_at, request};

fn observe(request: &CloneRequest, response: &CloneResponse) -> Observation {
    let sent: Option<Value> = serde_json::from_slice(&request.body).ok();
    let got = body(response);
    let headers: BTreeMap<String, String> = response
        .headers
        .iter()
        .map(|(name, value)| ((*name).to_owned(), value.clone()))
        .collect();
    (DESCRIPTOR.observe)(&Exchange {
        method: &request.method,
        host: &request.host,
        path: &request.path,
        query: &request.query,
        request_body: sent.as_ref(),
        status: response.status,
        response_headers: &headers,
        response_body: (!got.is_null()).then_some(&got),
    })
}

fn replay(clone: &mut dyn ServiceClone, lines: &[&str]) -> Vec<(CloneRequest, CloneResponse)> {
    let mut now = base();
    lines
        .iter()
        .map(|line| {
            now += SignedDuration::from_secs(7);
            let request = request(line);
            let response = clone.call(&request, now);
            (request, response)
        })
        .collect()
}

/// The starting state that facts prove: the first value of each field that no call had set.
fn rebuilt(facts: &[Fact]) -> Value {
    type Key = (&'static str, String);
    let mut rows: BTreeMap<Key, Map<String, Value>> = BTreeMap::new();
    let mut set: BTreeSet<(Key, String)> = BTreeSet::new();
    let mut made: BTreeSet<Key> = BTreeSet::new();
    let mut actor = Value::Null;
    for fact in facts {
        match fact {
            Fact::Row {
                table,
                key,
                fields,
                written,
            } => {
                let key = (*table, key.clone());
                let row = rows.entry(key.clone()).or_default();
                set.extend(written.iter().map(|name| (key.clone(), (*name).to_owned())));
                for (name, value) in fields {
                    if !set.contains(&(key.clone(), name.clone())) {
                        row.entry(name.clone()).or_insert_with(|| value.clone());
                    }
                }
            }
            Fact::Created { table, key } => {
                made.insert((*table, key.clone()));
            }
            Fact::Actor { key } => actor = Value::from(key.as_str()),
            Fact::Implied { .. }
            | Fact::Standin { .. }
            | Fact::Part { .. }
            | Fact::Written { .. }
            | Fact::Uncertain { .. }
            | Fact::OfNode { .. }
            | Fact::Deleted { .. }
            | Fact::Absent { .. }
            | Fact::PassedOver { .. }
            | Fact::Page { .. }
            | Fact::Count { .. } => {}
        }
    }
    let mut document = Map::from_iter([("actor".to_owned(), actor)]);
    for table in DESCRIPTOR.tables {
        let of_table = rows.iter().filter(|((name, _), _)| *name == table.name);
        let rows = of_table.filter(|(key, _)| !made.contains(*key));
        let rows = rows.map(|(_, row)| Value::Object(row.clone())).collect();
        document.insert(table.name.to_owned(), rows);
    }
    Value::Object(document)
}

const READS: &[&str] = &[
    "GET /user",
    "GET /users/acme",
    "GET /users/web-lead",
    "GET /users/web-dev",
    "GET /users/support-desk",
    "GET /users/qa-desk",
    "GET /repos/acme/webapp",
    "GET /repos/acme/webapp/labels",
    "GET /repos/acme/webapp/issues?state=all&per_page=30",
    "GET /repos/acme/webapp/issues?state=all&per_page=30&page=2",
    "GET /repos/acme/webapp/issues/comments?per_page=100",
];

const WRITES: &[&str] = &[
    r#"PATCH /repos/acme/webapp/issues/7 {"state":"closed","state_reason":"not_planned"}"#,
    r#"POST /repos/acme/webapp/issues/7/comments {"body":"Closed as stale."}"#,
    r#"POST /repos/acme/webapp/issues/8/labels {"labels":["needs-info"]}"#,
    r#"DELETE /repos/acme/webapp/issues/2/labels/keep-open"#,
    r#"POST /repos/acme/webapp/issues {"title":"New one","labels":["bug"],"assignees":["web-dev"]}"#,
    r#"POST /repos/acme/webapp/labels {"name":"fresh","color":"ffffff"}"#,
    r#"PATCH /repos/acme/webapp/issues/53 {"title":"Newer one"}"#,
    "GET /repos/acme/webapp/issues?per_page=30",
    "GET /repos/acme/webapp/issues/7",
    "GET /repos/acme/webapp/issues/7/comments",
    "GET /search/issues?q=repo:acme/webapp+is:open+label:keep-open",
    "GET /repos/acme/webapp/issues/999",
];

#[test]
fn a_recorded_history_rebuilds_a_state_that_answers_alike() {
    let lines: Vec<&str> = READS.iter().chain(WRITES).copied().collect();
    let mut first = open("stale-issues");
    let start = first.state().to_json();
    let recorded = replay(first.as_mut(), &lines);
    let mut facts = Vec::new();
    for (request, response) in &recorded {
        let observed = observe(request, response);
        assert_eq!(observed.gaps, Vec::<String>::new(), "{}", request.path);
        assert_eq!(observed.operation, response.operation);
        facts.extend(observed.facts);
    }
    let document = rebuilt(&facts);
    let mut second = open_at(Seed::Document(&document), base());
    let mut rebuilt = second.state().to_json();
    // The floor for new numbers is not part of the named seed.
    if let Some(repo) = rebuilt["repos"][0].as_object_mut() {
        assert_eq!(repo.remove("next_issue_number"), Some(json!(53)));
    }
    // Who made an issue as a member is one; where a seed names no members its own caller is one.
    assert_eq!(rebuilt["org_members"][0]["user"], "acme-bot");
    rebuilt["org_members"] = json!([]);
    assert_eq!(rebuilt, start);
    for ((request, one), (_, other)) in recorded.iter().zip(replay(second.as_mut(), &lines)) {
        assert_eq!(one.status, other.status, "{}", request.path);
        assert_eq!(body(one), body(&other), "{}", request.path);
    }
}

#[test]
fn who_may_write_is_proved_to_be_no_member() {
    let seed = json!({
        "actor": "desk-bot",
        "users": [{"login": "acme", "type": "Organization"}, {"login": "desk-bot"}, {"login": "ada"}],
        "org_members": [{"org": "acme", "user": "ada"}],
        "repos": [{"full_name": "acme/shop", "permission": "push"}],
    });
    let mut clone = open_at(Seed::Document(&seed), base());
    let lines = [
        r#"POST /repos/acme/shop/issues {"title":"New"}"#,
        r#"POST /repos/acme/shop/issues/1/comments {"body":"Seen"}"#,
    ];
    for (request, response) in replay(clone.as_mut(), &lines) {
        assert_eq!(body(&response)["author_association"], "COLLABORATOR");
        for fact in observe(&request, &response).facts {
            assert!(
                !matches!(
                    &fact,
                    Fact::Row {
                        table: "org_members",
                        ..
                    } | Fact::Implied { field: "type", .. }
                ),
                "{fact:?}"
            );
        }
    }
}

#[test]
fn a_partial_history_proves_rows_that_load() {
    // Nothing but an agent's usual reads: two pages and one write.
    let lines = [
        "GET /repos/acme/webapp/issues?state=open&per_page=30&page=1",
        "GET /repos/acme/webapp/issues?state=open&per_page=30&page=2",
        r#"PATCH /repos/acme/webapp/issues/2 {"state":"closed"}"#,
    ];
    let mut clone = open("stale-issues");
    let recorded = replay(clone.as_mut(), &lines);
    let facts: Vec<Fact> = recorded
        .iter()
        .flat_map(|(request, response)| observe(request, response).facts)
        .collect();
    let document = rebuilt(&facts);
    assert_eq!(document["issues"].as_array().map(Vec::len), Some(46));
    let issues = document["issues"].as_array().expect("a list");
    for field in DESCRIPTOR
        .tables
        .iter()
        .find(|table| table.name == "issues")
        .expect("a table")
        .fields
    {
        if field.must_be_proved {
            assert!(
                issues.iter().all(|issue| issue.get(field.name).is_some()),
                "{}",
                field.name
            );
        }
    }
    // The write does not show what was before it; the list does.
    assert_eq!(
        issues
            .iter()
            .find(|issue| issue["number"] == 2)
            .map(|issue| &issue["state"]),
        Some(&json!("open"))
    );
    let pages: Vec<_> = facts
        .iter()
        .filter_map(|fact| match fact {
            Fact::Page {
                list,
                page,
                per_page,
                keys,
                more,
                ..
            } => Some((list.as_str(), *page, *per_page, keys.len(), *more)),
            _ => None,
        })
        .collect();
    let list = "/repos/acme/webapp/issues?state=open";
    assert_eq!(
        pages,
        [
            (list, 1, 30, 30, Some(true)),
            (list, 2, 30, 16, Some(false))
        ]
    );
    let mut document = document;
    document["actor"] = json!("support-desk");
    open_at(Seed::Document(&document), base());
}

/// The facts of one exchange, one a line, without the rows that the path alone proves.
fn facts(line: &str, status: u16, response: Option<Value>) -> String {
    let request = request(line);
    let sent: Option<Value> = serde_json::from_slice(&request.body).ok();
    let headers = BTreeMap::new();
    let observed = (DESCRIPTOR.observe)(&Exchange {
        method: &request.method,
        host: "api.github.com",
        path: &request.path,
        query: &request.query,
        request_body: sent.as_ref(),
        status,
        response_headers: &headers,
        response_body: response.as_ref(),
    });
    let mut lines = vec![format!("{:?}", observed.operation)];
    lines.extend(observed.facts.iter().map(|fact| format!("{fact:?}")));
    lines.extend(observed.gaps.iter().map(|gap| format!("gap {gap}")));
    lines.join("\n")
}

#[test]
fn refusals_absences_and_deletions_prove_what_they_show() {
    let out = [
        facts(
            "GET /repos/a/b/issues/9",
            404,
            Some(json!({"message": "Not Found"})),
        ),
        facts("PATCH /repos/a/b/issues/9 {}", 404, None),
        facts("PATCH /repos/a/b/issues/9 {}", 403, None),
        facts("POST /repos/a/b/issues {}", 422, None),
        facts("DELETE /repos/a/b/issues/comments/5", 204, None),
        facts("DELETE /repos/a/b/labels/old%20one", 204, None),
        facts("DELETE /repos/a/b/issues/9/labels", 204, None),
        facts("GET /repos/a/b/pulls", 200, Some(json!([]))),
        facts("GET /repos/a/b/issues", 200, None),
        facts(
            "GET /repos/a/b/issues?page=2&state=all&per_page=1",
            200,
            Some(json!([{"number": 3, "pull_request": {}}])),
        ),
        facts(
            "PATCH /repos/a/b/labels/x {\"new_name\":\"y\"}",
            200,
            Some(json!({"name": "y"})),
        ),
    ];
    insta::assert_snapshot!(out.join("\n---\n"), @r##"
    Some("issues/get")
    Absent { table: "issues", key: "a/b#9" }
    ---
    Some("issues/update")
    ---
    Some("issues/update")
    ---
    Some("issues/create")
    ---
    Some("issues/delete-comment")
    Row { table: "users", key: "a", fields: {"login": String("a")}, written: [] }
    Row { table: "repos", key: "a/b", fields: {"full_name": String("a/b")}, written: [] }
    Deleted { table: "comments", key: "a/b#issuecomment-5" }
    ---
    Some("issues/delete-label")
    Row { table: "users", key: "a", fields: {"login": String("a")}, written: [] }
    Row { table: "repos", key: "a/b", fields: {"full_name": String("a/b")}, written: [] }
    Implied { table: "repos", key: "a/b", field: "permission", value: String("push") }
    Uncertain { tables: ["issues"], prefix: "a/b#", fields: ["labels"] }
    Deleted { table: "labels", key: "a/b:old one" }
    ---
    Some("issues/remove-all-labels")
    Row { table: "users", key: "a", fields: {"login": String("a")}, written: [] }
    Row { table: "repos", key: "a/b", fields: {"full_name": String("a/b")}, written: [] }
    Row { table: "issues", key: "a/b#9", fields: {"number": Number(9), "repo": String("a/b")}, written: [] }
    Implied { table: "repos", key: "a/b", field: "permission", value: String("push") }
    Row { table: "issues", key: "a/b#9", fields: {"labels": Array [], "number": Number(9), "repo": String("a/b")}, written: ["labels", "updated_at"] }
    ---
    Some("pulls/list")
    Row { table: "users", key: "a", fields: {"login": String("a")}, written: [] }
    Row { table: "repos", key: "a/b", fields: {"full_name": String("a/b")}, written: [] }
    Page { table: "pulls", list: "/repos/a/b/pulls", page: 1, per_page: 30, keys: [], more: Some(false), only: None }
    ---
    Some("issues/list-for-repo")
    Row { table: "users", key: "a", fields: {"login": String("a")}, written: [] }
    Row { table: "repos", key: "a/b", fields: {"full_name": String("a/b")}, written: [] }
    gap issues/list-for-repo: the response body was not captured
    ---
    Some("issues/list-for-repo")
    Row { table: "users", key: "a", fields: {"login": String("a")}, written: [] }
    Row { table: "repos", key: "a/b", fields: {"full_name": String("a/b")}, written: [] }
    Row { table: "pulls", key: "a/b#3", fields: {"number": Number(3), "repo": String("a/b")}, written: [] }
    Standin { table: "repos", key: "a/b", field: "files", value: Object {"README.md": String("# b\n")} }
    Row { table: "issues", key: "a/b#3", fields: {"number": Number(3), "repo": String("a/b")}, written: [] }
    Page { table: "issues", list: "/repos/a/b/issues?state=all", page: 2, per_page: 1, keys: ["a/b#3"], more: None, only: Some([("repo", String("a/b"))]) }
    ---
    Some("issues/update-label")
    Row { table: "users", key: "a", fields: {"login": String("a")}, written: [] }
    Row { table: "repos", key: "a/b", fields: {"full_name": String("a/b")}, written: [] }
    Row { table: "labels", key: "a/b:x", fields: {"name": String("x"), "repo": String("a/b")}, written: [] }
    Implied { table: "repos", key: "a/b", field: "permission", value: String("push") }
    Uncertain { tables: ["issues"], prefix: "a/b#", fields: ["labels"] }
    Deleted { table: "labels", key: "a/b:x" }
    Created { table: "labels", key: "a/b:y" }
    Row { table: "labels", key: "a/b:y", fields: {"name": String("y"), "repo": String("a/b")}, written: ["repo", "name", "id", "node_id", "color", "description", "default"] }
    "##);
}

proptest::proptest! {
    #[test]
    fn any_body_is_read(text in "[\\[\\]{}\",:a-z0-9]{0,30}", at in 0..super::manifest::OPERATIONS.len(), status in 200..206_u16) {
        let info = super::manifest::OPERATIONS[at];
        let path = info.path.replace("{issue_number}", "1").replace("{comment_id}", "1");
        let value = serde_json::from_str(&text).unwrap_or(json!([{"login": text.clone(), "number": 1, "url": text.clone()}]));
        facts(&format!("{} {path}", info.method), status, Some(value));
    }
}
