//! Attempts on a state that was rebuilt from calls of the clone, beside those calls.

use archal_core::clone::Seed;
use jiff::Timestamp;
use serde_json::{Value, json};
use std::borrow::Cow;

use super::Proven;
use crate::reconstruct::replay::Replay;
use crate::reconstruct::tools::Tools;
use crate::reconstruct::truth_tests::{github, open, open_at, rebuilt, request, traced};
use crate::reconstruct::{Context, Owned, exchanges};
use crate::scenario::criteria::CallFact;

/// What a run on the state that `shown` proves may not be held to, after it made these calls.
fn gap(shown: &[&str], asked: &[&str], owned: &[Owned]) -> String {
    gap_beside(&[], shown, asked, owned)
}

/// The same where some of these calls were those of somebody else, so that the trace does not have
/// them.
fn gap_beside(others: &[&str], shown: &[&str], asked: &[&str], owned: &[Owned]) -> String {
    let mut service = open(Seed::Named("stale-issues"));
    let lines: Vec<String> = shown.iter().map(|line| (*line).to_owned()).collect();
    let mut trace = traced(service.as_mut(), &lines);
    trace
        .spans
        .retain(|span| !others.contains(&span.name.as_str()));
    let rebuilt = rebuilt(&trace, owned);
    assert_eq!(rebuilt.missing, []);
    let context = Context {
        clones: archal_clones::ALL,
        tools: &Tools::default(),
        owned,
    };
    let calls = exchanges::of(&trace, &context);
    let replay = Replay::run(&rebuilt, &calls, archal_clones::ALL).expect("a state that opens");
    let proven = Proven::of(&calls, &rebuilt, Some(&replay), &context);
    let mut clone = open_at(Seed::Document(&rebuilt.seeds["github"]), later());
    let calls: Vec<CallFact> = (1..)
        .zip(asked)
        .map(|(seq, line)| {
            let request = request(line);
            let response = clone.call(&request, later());
            let parsed = |bytes: &[u8]| serde_json::from_slice::<Value>(bytes).ok();
            let sent = parsed(&request.body);
            CallFact {
                seq,
                clone: "github".to_owned(),
                operation: response.operation.map(str::to_owned),
                tool: None,
                method: request.method.clone(),
                changes: (github().changes)(
                    &request.host,
                    &request.method,
                    &request.path,
                    sent.as_ref(),
                ),
                path: request.path.clone(),
                query: request.query.clone(),
                status: i64::from(response.status),
                request: sent.map(Cow::Owned),
                response: parsed(&response.body.evidence).map(Cow::Owned),
            }
        })
        .collect();
    let told = proven.gap(&calls, later(), archal_clones::ALL);
    told.map_or_else(|| "-".to_owned(), |gap| gap.cause)
}

/// When the attempts begin, another day than the trace.
fn later() -> Timestamp {
    "2026-03-01T09:00:00Z".parse().expect("a time")
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
        // A list of which the trace shows another part.
        &["GET /repos/acme/webapp/issues?labels=bug"],
        // Answers of which nothing is taken.
        &["GET /repos/acme/webapp/commits"],
        &["GET /repos/acme/webapp/branches"],
        &["GET /repos/acme/webapp/contents"],
        &["GET /orgs/acme/members"],
        &["GET /repos/acme/webapp/issues/7/timeline"],
        &["GET /repos/acme/webapp/collaborators/web-lead"],
        &[
            r#"POST /graphql {"query":"{repository(owner:\"acme\",name:\"webapp\"){labels(first:50){nodes{name}}}}"}"#,
        ],
        // Looking without a body is no change.
        &[
            "HEAD /repos/acme/webapp/issues/7",
            "HEAD /repos/acme/webapp/labels",
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
    of issues the rebuilt state has those that the trace shows, and no call of the trace shows all that /repos/acme/webapp/issues?labels=bug lists
    the rebuilt state refuses GET /repos/acme/webapp/commits with 409, and no call of the trace shows whether the service would have
    GET /repos/acme/webapp/branches is answered by the clone, and no call of the trace shows what the service answers
    the rebuilt state has nothing at GET /repos/acme/webapp/contents, and no call of the trace shows whether the service had
    GET /orgs/acme/members is answered by the clone, and no call of the trace shows what the service answers
    GET /repos/acme/webapp/issues/7/timeline is answered by the clone, and no call of the trace shows what the service answers
    the rebuilt state has nothing at GET /repos/acme/webapp/collaborators/web-lead, and no call of the trace shows whether the service had
    POST /graphql is answered by the clone, and no call of the trace shows what the service answers
    HEAD /repos/acme/webapp/labels is answered by the clone, and no call of the trace shows what the service answers
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

#[test]
fn what_the_trace_read_is_known_where_the_state_answers_alike() {
    let members = "GET /orgs/acme/members";
    let branches = "GET /repos/acme/webapp/branches";
    let shown = ["GET /user", REPO, OPEN, members, branches];
    let told = [members, branches].map(|line| gap(&shown, &[line], &[]));
    assert_eq!(told, ["-", "-"]);
}

#[test]
fn lists_named_by_a_time_are_the_same_as_far_from_the_beginning() {
    let since =
        |time: &str| format!("GET /repos/acme/webapp/issues?since={time}&state=all&per_page=100");
    let shown = since("2025-12-11T12:00:00Z");
    let shown = ["GET /user", REPO, &shown];
    assert_eq!(gap(&shown, &[&since("2026-01-30T09:00:20Z")], &[]), "-");
    let other = gap(&shown, &[&since("2026-01-20T09:00:20Z")], &[]);
    assert!(other.starts_with("of issues"), "{other}");
}

#[test]
fn what_an_attempt_changed_is_its_own_and_no_more() {
    let part = r#"POST /graphql {"query":"{repository(owner:\"acme\",name:\"webapp\"){issue(number:7){number title state}}}"}"#;
    let shown = ["GET /user", REPO, part];
    let read = "GET /repos/acme/webapp/issues/7";
    let told = gap(&shown, &[CLOSE, read], &[]);
    assert!(told.contains("which no call of the trace shows"), "{told}");
    let set = r#"PATCH /repos/acme/webapp/issues/7 {"state":"closed","body":"b","labels":[],"assignees":[],"milestone":null}"#;
    assert_eq!(gap(&shown, &[set, part], &[]), "-");
}

#[test]
fn a_refusal_for_another_reason_is_not_that_of_the_trace() {
    let planned =
        |number: u64| format!("PATCH /repos/acme/webapp/issues/7 {{\"milestone\":{number}}}");
    let typed = r#"PATCH /repos/acme/webapp/issues/7 {"type":"Nope"}"#;
    let shown = ["GET /user", REPO, OPEN, &planned(77)];
    assert_eq!(gap(&shown, &[&planned(77)], &[]), "-");
    let other = gap(&shown, &[typed], &[]);
    assert!(other.contains("with 422"), "{other}");
}

#[test]
fn rows_of_another_repository_say_nothing_of_a_list() {
    let owned = Owned {
        origin: "archal/seeds/github.json".to_owned(),
        clone: "github".to_owned(),
        document: json!({
            "users": [{"login": "acme", "type": "Organization"}],
            "repos": [{"full_name": "acme/other"}],
            "labels": [{"repo": "acme/other", "name": "mine", "color": "ffffff"}],
        }),
    };
    let shown = ["GET /user", REPO, OPEN];
    let labels = gap(
        &shown,
        &["GET /repos/acme/webapp/labels"],
        std::slice::from_ref(&owned),
    );
    assert!(labels.starts_with("of labels"), "{labels}");
}

#[test]
fn who_is_passed_over_in_silence_is_so_in_the_trace_or_is_not_known() {
    let assign = r#"POST /repos/acme/webapp/issues/7/assignees {"assignees":["zed"]}"#;
    let shown = ["GET /user", REPO, OPEN];
    let told = gap(&shown, &[assign], &[]);
    assert!(told.contains("passes over zed at POST"), "{told}");
    assert_eq!(gap(&[&shown[..], &[assign]].concat(), &[assign], &[]), "-");
}

#[test]
fn what_somebody_else_changed_meanwhile_is_known_as_often_as_the_trace_saw_it_before() {
    const ISSUE: &str = "GET /repos/acme/webapp/issues/7";
    let told = |asked: &[&str]| {
        let shown = [REPO, ISSUE, ISSUE, CLOSE, ISSUE];
        gap_beside(&[CLOSE], &shown, asked, &[])
    };
    assert_eq!(told(&[ISSUE, ISSUE]), "-");
    insta::assert_snapshot!(told(&[ISSUE, ISSUE, ISSUE]), @"GET /repos/acme/webapp/issues/7 shows closed_by of issues acme/webapp#7, which somebody else changed while the trace was under way: the rebuilt state has it as it was before");
    // What the attempt set itself is no longer as it was.
    assert_eq!(told(&[ISSUE, ISSUE, CLOSE]), "-");
    // Where the agent changed it itself, the state follows.
    let own = |asked: &[&str]| gap(&[REPO, ISSUE, CLOSE, ISSUE], asked, &[]);
    assert_eq!(own(&[ISSUE, ISSUE, ISSUE]), "-");
}
