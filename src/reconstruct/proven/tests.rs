//! Attempts on a state that was rebuilt from calls of the clone, beside those calls.

use archal_core::clone::Seed;
use serde_json::{Value, json};

use super::Proven;
use crate::reconstruct::tools::Tools;
use crate::reconstruct::truth_tests::{base, open, rebuilt, request, traced};
use crate::reconstruct::{Context, Owned, exchanges};
use crate::scenario::criteria::CallFact;

/// What a run on the state that `shown` proves may not be held to, after it made these calls.
fn gap(shown: &[&str], asked: &[&str], owned: &[Owned]) -> String {
    let mut service = open(Seed::Named("stale-issues"));
    let lines: Vec<String> = shown.iter().map(|line| (*line).to_owned()).collect();
    let trace = traced(service.as_mut(), &lines);
    let rebuilt = rebuilt(&trace, owned);
    assert_eq!(rebuilt.missing, []);
    let context = Context {
        clones: archal_clones::ALL,
        tools: &Tools::default(),
        owned,
    };
    let proven = Proven::of(&exchanges::of(&trace, &context), &rebuilt, &context);
    let mut clone = open(Seed::Document(&rebuilt.seeds["github"]));
    let calls: Vec<CallFact> = (1..)
        .zip(asked)
        .map(|(seq, line)| {
            let request = request(line);
            let response = clone.call(&request, base());
            let parsed = |bytes: &[u8]| serde_json::from_slice::<Value>(bytes).ok();
            let mark = if request.query.is_empty() { "" } else { "?" };
            CallFact {
                seq,
                clone: "github".to_owned(),
                operation: response.operation.map(str::to_owned),
                tool: None,
                method: request.method.clone(),
                path: format!("{}{mark}{}", request.path, request.query),
                status: i64::from(response.status),
                request: parsed(&request.body),
                response: parsed(&response.body.evidence),
            }
        })
        .collect();
    let told = proven.gap(&calls, archal_clones::ALL);
    told.unwrap_or_else(|| "-".to_owned())
}

const REPO: &str = "GET /repos/acme/webapp";
const OPEN: &str = "GET /repos/acme/webapp/issues?state=open&per_page=100";
const CLOSE: &str = r#"PATCH /repos/acme/webapp/issues/7 {"state":"closed"}"#;

#[test]
fn answers_that_rest_on_no_call_of_the_trace_are_found() {
    let asked: &[&[&str]] = &[
        &[REPO, OPEN, CLOSE, CLOSE],
        // The same list in another order, or less of it.
        &["GET /repos/acme/webapp/issues?direction=asc&sort=updated"],
        &["GET /repos/acme/webapp/issues?state=all"],
        &["GET /repos/acme/webapp/labels"],
        &["GET /search/issues?q=repo:acme/webapp+is:open"],
        &["GET /repos/acme/webapp/issues/7"],
        &[
            OPEN,
            r#"PATCH /repos/acme/webapp/issues/999 {"state":"closed"}"#,
        ],
        &["GET /repos/acme/webapp/issues/999"],
        &["GET /repos/acme/webapp/contents/CONTRIBUTING.md"],
        &["GET /repos/acme/webapp/readme"],
        &[r#"PATCH /repos/acme/webapp/issues/7 {"milestone":77}"#],
        &[r#"POST /repos/acme/webapp/issues {"body":"no title"}"#],
        &[
            r#"POST /graphql {"query":"{repository(owner:\"acme\",name:\"webapp\"){issue(number:999){title}}}"}"#,
        ],
        &[
            r#"POST /graphql {"query":"{repository(owner:\"acme\",name:\"webapp\"){issue(number:7){title}}}"}"#,
        ],
        // What an attempt made itself is there, and what it made twice is its own doing.
        &[
            r#"POST /repos/acme/webapp/labels {"name":"fresh","color":"ffffff"}"#,
            r#"POST /repos/acme/webapp/labels {"name":"fresh","color":"ffffff"}"#,
        ],
    ];
    let told: Vec<String> = asked
        .iter()
        .map(|lines| gap(&["GET /user", REPO, OPEN], lines, &[]))
        .collect();
    insta::assert_snapshot!(told.join("\n"), @r#"
    -
    -
    of issues the rebuilt state has those that the trace shows, and no call of the trace shows all that /repos/acme/webapp/issues?state=all lists
    of labels the rebuilt state has those that the trace shows, and no call of the trace shows all that /repos/acme/webapp/labels lists
    of issues the rebuilt state has those that the trace shows, and no call of the trace shows all that /search/issues?q=repo:acme/webapp+is:open lists
    -
    the rebuilt state has nothing at PATCH /repos/acme/webapp/issues/999, and no call of the trace shows whether the service had
    the rebuilt state has nothing at GET /repos/acme/webapp/issues/999, and no call of the trace shows whether the service had
    the rebuilt state has nothing at GET /repos/acme/webapp/contents/CONTRIBUTING.md, and no call of the trace shows whether the service had
    the rebuilt state has nothing at GET /repos/acme/webapp/readme, and no call of the trace shows whether the service had
    the rebuilt state refuses PATCH /repos/acme/webapp/issues/7 with 422, and no call of the trace shows whether the service would have
    -
    the rebuilt state answers POST /graphql with "Could not resolve to an Issue with the number of 999.", and no call of the trace shows whether the service would have
    -
    -
    "#);
}

#[test]
fn what_the_trace_was_refused_is_proved() {
    let missing = "GET /repos/acme/webapp/issues/999";
    let planned = r#"PATCH /repos/acme/webapp/issues/7 {"milestone":77}"#;
    let shown = ["GET /user", REPO, OPEN, missing, planned];
    assert_eq!(gap(&shown, &[missing, planned], &[]), "-");
}

#[test]
fn what_the_repository_owns_is_known_to_be_all() {
    let owned = Owned {
        origin: "archal/seeds/github.json".to_owned(),
        clone: "github".to_owned(),
        document: json!({
            "repos": [{"full_name": "acme/webapp"}],
            "labels": [{"repo": "acme/webapp", "name": "mine", "color": "ffffff"}],
        }),
    };
    let shown = ["GET /user", REPO, OPEN];
    let owned = std::slice::from_ref(&owned);
    assert_eq!(gap(&shown, &["GET /repos/acme/webapp/labels"], owned), "-");
    let milestones = gap(&shown, &["GET /repos/acme/webapp/milestones"], owned);
    assert!(milestones.starts_with("of milestones"), "{milestones}");
}
