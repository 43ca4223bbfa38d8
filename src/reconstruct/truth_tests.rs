//! What is rebuilt from the calls of a clone is the state that the clone began in: the test knows
//! the truth, because the service is the clone itself.

use std::collections::BTreeMap;

use archal_core::clone::{CloneDescriptor, CloneRequest, OpenClone, Seed, ServiceClone};
use archal_core::trace::{HttpExchange, Span, SpanKind, Trace};
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use serde_json::Value;

use super::replay::Replay;
use super::tools::Tools;
use super::{Context, Owned, Reconstruction, exchanges, reconstruct};

/// Tables of seeds that become something else and are in no state as rows.
const SPENT: &[&str] = &["branches", "commits"];
/// Columns that a state holds in other words than a seed.
const REWORDED: &[(&str, &str)] = &[
    ("reactions", "subject"),
    ("repos", "files"),
    // Who can be assigned is everybody where a seed does not say it.
    ("repos", "collaborators"),
    ("users", "default_repository_permission"),
    // A state has them from the issue that the thread is about.
    ("notifications", "title"),
    ("notifications", "url"),
    ("notifications", "latest_comment_url"),
    // Evidence writes the ids of commits in another way than answers do.
    ("workflow_runs", "head_sha"),
];

pub(super) fn github() -> &'static CloneDescriptor {
    let mut clones = archal_clones::ALL.iter();
    clones.find(|clone| clone.name == "github").expect("github")
}

pub(super) fn base() -> Timestamp {
    "2026-01-10T12:00:00Z".parse().expect("a time")
}

pub(super) fn open(seed: Seed<'_>) -> Box<dyn ServiceClone> {
    open_at(seed, base())
}

pub(super) fn open_at(seed: Seed<'_>, base: Timestamp) -> Box<dyn ServiceClone> {
    let how = OpenClone { base, ids: 7, seed };
    (github().open)(&how).expect("a seed that opens")
}

/// `POST /path?query {"body": 1}` with the clone's own credentials.
pub(super) fn request(line: &str) -> CloneRequest {
    let (method, rest) = line.split_once(' ').expect("a method");
    let (target, body) = rest.split_once(' ').unwrap_or((rest, ""));
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let token = github().credentials[0].1;
    CloneRequest {
        method: method.to_owned(),
        scheme: "https".to_owned(),
        host: "api.github.com".to_owned(),
        path: path.to_owned(),
        query: query.to_owned(),
        headers: vec![
            ("user-agent".to_owned(), "tests".to_owned()),
            ("accept".to_owned(), "application/json".to_owned()),
            ("authorization".to_owned(), format!("Bearer {token}")),
        ],
        body: body.to_owned().into(),
        spool: None,
    }
}

/// The trace that an agent leaves which makes these calls, one every seven seconds.
pub(super) fn traced(clone: &mut dyn ServiceClone, lines: &[String]) -> Trace {
    let mut at = base();
    let mut spans = Vec::new();
    for (number, line) in lines.iter().enumerate() {
        at += SignedDuration::from_secs(7);
        let request = request(line);
        let response = clone.call(&request, at);
        let json = |bytes: &[u8]| {
            serde_json::from_slice(bytes)
                .ok()
                .or_else(|| Some(Value::from(String::from_utf8(bytes.to_vec()).ok()?)))
                .filter(|_| !bytes.is_empty())
        };
        let mark = if request.query.is_empty() { "" } else { "?" };
        let headers: BTreeMap<String, String> = response
            .headers
            .iter()
            .map(|(name, value)| ((*name).to_owned(), value.clone()))
            .collect();
        spans.push(Span {
            id: format!("s{number:03}"),
            name: line.clone(),
            kind: SpanKind::Http,
            started_at: Some(at),
            ended_at: Some(at),
            http: Some(HttpExchange {
                method: request.method.clone(),
                url: format!(
                    "https://api.github.com{}{mark}{}",
                    request.path, request.query
                ),
                status: Some(response.status),
                response_headers: headers,
                request_body: json(&request.body),
                response_body: json(&response.body.wire),
                ..HttpExchange::default()
            }),
            ..Span::default()
        });
    }
    Trace {
        id: "t".to_owned(),
        started_at: Some(base()),
        spans,
        ..Trace::default()
    }
}

pub(super) fn rebuilt(trace: &Trace, owned: &[Owned]) -> Reconstruction {
    let context = Context {
        clones: archal_clones::ALL,
        tools: &Tools::default(),
        owned,
    };
    reconstruct(trace, &context)
}

/// Where the rebuilt state says of the time before what was not so; empty where it never does.
pub(super) fn wrong(rebuilt: &Reconstruction, truth: &Value) -> Vec<String> {
    let mut wrong = Vec::new();
    let Some(seed) = rebuilt.seeds.get("github").and_then(Value::as_object) else {
        return wrong;
    };
    for (table, rows) in seed {
        if SPENT.contains(&table.as_str()) || table == "actor" {
            continue;
        }
        let key = |row: &Value| (github().row_key)(table, row);
        let known: BTreeMap<String, &Value> = truth[table]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|row| Some((key(row)?, row)))
            .collect();
        for row in rows.as_array().into_iter().flatten() {
            let Some(name) = key(row) else {
                continue;
            };
            // Reactions are named by other ids.
            if table == "reactions" {
                continue;
            }
            // Whose credentials these are is in an organisation of which no member is named.
            let of_org = |one: &&Value| one["org"] == row["org"];
            let named = truth[table].as_array().into_iter().flatten();
            if table == "org_members" && named.filter(of_org).count() == 0 {
                continue;
            }
            let Some(true_row) = known.get(&name) else {
                wrong.push(format!("{table} {name} was not there"));
                continue;
            };
            for (field, value) in row.as_object().into_iter().flatten() {
                let path = format!("github {table} {name} {field}");
                let Some(span) = rebuilt.proofs.get(&path) else {
                    continue;
                };
                let was = true_row.get(field).unwrap_or(&Value::Null);
                let reworded = REWORDED.contains(&(table.as_str(), field.as_str()));
                // A number that was next is the least that may be given, which need not be said.
                let next = field == "next_issue_number" && was.is_null();
                // The interfaces list names in different orders.
                let sorted = |value: &Value| {
                    let mut items = value.as_array().cloned().unwrap_or_default();
                    items.sort_by_key(Value::to_string);
                    items
                };
                let reordered = value.is_array() && sorted(value) == sorted(was);
                if was != value && !reworded && !next && !reordered {
                    wrong.push(format!(
                        "{path} was {was}, and {span} is said to prove {value}"
                    ));
                }
            }
        }
    }
    wrong
}

fn replayed(trace: &Trace, rebuilt: &Reconstruction) -> Result<Vec<String>, Vec<String>> {
    let context = Context {
        clones: archal_clones::ALL,
        tools: &Tools::default(),
        owned: &[],
    };
    let traced = exchanges::of(trace, &context);
    match Replay::run(rebuilt, &traced, archal_clones::ALL) {
        Ok(replay) => Ok(replay
            .calls
            .iter()
            .filter(|call| !call.differences.is_empty())
            .map(|call| {
                format!(
                    "{} {}: {}",
                    call.method,
                    call.path,
                    call.differences.join("; ")
                )
            })
            .collect()),
        Err(found) => Err(found.into_iter().map(|one| one.message).collect()),
    }
}

/// What agents ask of a repository with issues; `{n}` is a number.
pub(super) const ISSUE_READS: &[&str] = &[
    "GET /user",
    "GET /repos/{repo}",
    "GET /repos/{repo}/labels?per_page=100",
    "GET /repos/{repo}/milestones?state=all",
    "GET /repos/{repo}/issues?state=all&per_page=100",
    "GET /repos/{repo}/issues?state=open&per_page=100&sort=updated&direction=asc",
    "GET /repos/{repo}/issues?per_page=100&labels=bug",
    "GET /repos/{repo}/issues/{n}",
    "GET /repos/{repo}/issues/{n}/comments",
    "GET /repos/{repo}/issues/{n}/labels",
    "GET /repos/{repo}/issues/{n}/events",
    "GET /repos/{repo}/issues/{n}/timeline",
    "GET /repos/{repo}/issues/{n}/sub_issues",
    "GET /repos/{repo}/issues/{n}/reactions",
    "GET /repos/{repo}/issues/comments?per_page=100",
    "GET /repos/{repo}/assignees",
    "GET /repos/{repo}/pulls?state=all",
    "GET /repos/{repo}/pulls/{n}",
    "GET /repos/{repo}/pulls/{n}/reviews",
    "GET /repos/{repo}/pulls/{n}/comments",
    "GET /repos/{repo}/branches",
    "GET /repos/{repo}/contents/README.md",
    "GET /repos/{repo}/commits",
    "GET /repos/{repo}/releases",
    "GET /repos/{repo}/releases/latest",
    "GET /repos/{repo}/readme",
    "GET /repos/{repo}/contents/missing.md",
    "GET /repos/{repo}/issues/{n}/parent",
    "GET /repos/{repo}/actions/runs",
    "GET /repos/{repo}/actions/workflows",
    "GET /search/issues?q=repo:{repo}+is:open&per_page=100",
    "GET /notifications",
    "GET /user/repos",
    "GET /orgs/{owner}",
    "GET /orgs/{owner}/members",
    "GET /orgs/{owner}/teams",
    r#"POST /graphql {"query":"query($o:String!,$n:String!){repository(owner:$o,name:$n){issues(first:50){pageInfo{hasNextPage endCursor} nodes{number title body state createdAt updatedAt closedAt author{login} labels(first:50){nodes{name color}} assignees(first:50){nodes{login}}}}}}","variables":{"o":"{owner}","n":"{name}"}}"#,
    r#"POST /graphql {"query":"{repository(owner:\"{owner}\",name:\"{name}\"){pullRequests(first:50){nodes{number title body state isDraft merged mergedAt headRefName baseRefName author{login} labels(first:50){nodes{name}}}}}}"}"#,
];

/// What they do to it.
const ISSUE_WRITES: &[&str] = &[
    r#"PATCH /repos/{repo}/issues/{n} {"state":"closed","state_reason":"not_planned"}"#,
    r#"PATCH /repos/{repo}/issues/{n} {"title":"Another title","labels":["bug"]}"#,
    r#"PATCH /repos/{repo}/issues/{n} {"milestone":null,"assignees":[]}"#,
    r#"POST /repos/{repo}/issues/{n}/comments {"body":"Closes nothing, see #1"}"#,
    r#"POST /repos/{repo}/issues/{n}/labels {"labels":["bug","brand-new"]}"#,
    r#"PUT /repos/{repo}/issues/{n}/labels {"labels":["bug"]}"#,
    "DELETE /repos/{repo}/issues/{n}/labels/bug",
    "DELETE /repos/{repo}/issues/{n}/labels",
    r#"PUT /repos/{repo}/issues/{n}/lock {"lock_reason":"resolved"}"#,
    "DELETE /repos/{repo}/issues/{n}/lock",
    r#"POST /repos/{repo}/issues {"title":"New","labels":["bug"],"body":"Text"}"#,
    r#"POST /repos/{repo}/labels {"name":"fresh","color":"ffffff"}"#,
    r#"PATCH /repos/{repo}/labels/bug {"new_name":"defect"}"#,
    "DELETE /repos/{repo}/labels/bug",
    r#"POST /repos/{repo}/milestones {"title":"Next"}"#,
    r#"PATCH /repos/{repo}/milestones/1 {"state":"closed"}"#,
    "DELETE /repos/{repo}/milestones/1",
    r#"POST /repos/{repo}/issues/{n}/reactions {"content":"eyes"}"#,
    r#"PUT /repos/{repo}/contents/notes.md {"message":"Add notes","content":"bm90ZXMK"}"#,
    r#"POST /repos/{repo}/pulls/{n}/reviews {"event":"APPROVE","body":"Good"}"#,
    r#"PATCH /repos/{repo}/pulls/{n} {"title":"Another title","state":"closed"}"#,
    r#"PUT /repos/{repo}/pulls/{n}/merge {}"#,
    "PUT /user/starred/{repo}",
    r#"PATCH /repos/{repo} {"description":"Another one"}"#,
];

/// The starting states and the repository in each that is worked on.
pub(super) const SEEDS: &[(&str, &str)] = &[
    ("ci-cd-pipeline", "acme/payments"),
    ("enterprise-repo", "globex/platform"),
    ("merge-conflict", "acme/checkout"),
    ("small-project", "octocat/hello-service"),
    ("stale-issues", "acme/webapp"),
];

pub(super) fn filled(template: &str, repo: &str, number: u32) -> String {
    let (owner, name) = repo.split_once('/').expect("a repository");
    template
        .replace("{repo}", repo)
        .replace("{owner}", owner)
        .replace("{name}", name)
        .replace("{n}", &number.to_string())
}

fn calls() -> impl Strategy<Value = (usize, Vec<(bool, usize, u32)>)> {
    let call = (any::<bool>(), 0..1_000_usize, 1..9_u32);
    (0..SEEDS.len(), prop::collection::vec(call, 1..14))
}

fn lines(seed: usize, calls: &[(bool, usize, u32)]) -> Vec<String> {
    let of = |(writes, at, number): &(bool, usize, u32)| {
        let templates = if *writes { ISSUE_WRITES } else { ISSUE_READS };
        filled(templates[at % templates.len()], SEEDS[seed].1, *number)
    };
    calls.iter().map(of).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_field_is_said_to_be_proved_that_was_otherwise(
        (seed, calls) in calls(),
        dropped in prop::collection::vec(0..4_u8, 14),
    ) {
        let lines = lines(seed, &calls);
        let mut clone = open(Seed::Named(SEEDS[seed].0));
        let truth = clone.state().to_json();
        let mut trace = traced(clone.as_mut(), &lines);
        let whole = rebuilt(&trace, &[]);
        prop_assert_eq!(wrong(&whole, &truth), Vec::<String>::new(), "{:#?}", lines);
        // Where nothing is missing the state opens.
        if whole.missing.is_empty() {
            let opened = replayed(&trace, &whole);
            prop_assert!(opened.is_ok(), "{:?} {:#?}", opened, lines);
        }
        // A read that was dropped takes proof away and adds none that is wrong.
        let mut at = 0;
        trace.spans.retain(|span| {
            at += 1;
            dropped[at - 1] > 0 || span.http.as_ref().is_some_and(|http| http.method != "GET")
        });
        let part = rebuilt(&trace, &[]);
        prop_assert_eq!(wrong(&part, &truth), Vec::<String>::new(), "{:#?}", lines);
        if part.missing.is_empty() {
            let opened = replayed(&trace, &part);
            prop_assert!(opened.is_ok(), "{:?} {:#?}", opened, lines);
        }
    }
}

/// An agent that looks at everything it works on, for each starting state.
#[test]
fn what_an_agent_saw_whole_is_rebuilt_and_answers_alike() {
    let mut told = Vec::new();
    for (seed, repo) in SEEDS {
        let mut lines: Vec<String> = [
            "GET /user",
            "GET /repos/{repo}",
            "GET /repos/{repo}/labels?per_page=100",
            "GET /repos/{repo}/assignees",
            "GET /repos/{repo}/issues?state=all&per_page=100",
            "GET /repos/{repo}/issues/comments?per_page=100",
        ]
        .iter()
        .map(|line| filled(line, repo, 1))
        .collect();
        lines.extend(
            [
                "GET /repos/{repo}/issues/{n}",
                r#"POST /repos/{repo}/issues/{n}/comments {"body":"Seen."}"#,
                r#"PATCH /repos/{repo}/issues/{n} {"state":"closed"}"#,
                "GET /repos/{repo}/issues?state=open&per_page=100",
                "GET /repos/{repo}/issues/999",
            ]
            .iter()
            .map(|line| filled(line, repo, 1)),
        );
        let mut clone = open(Seed::Named(seed));
        let truth = clone.state().to_json();
        let trace = traced(clone.as_mut(), &lines);
        let rebuilt = rebuilt(&trace, &[]);
        assert_eq!(wrong(&rebuilt, &truth), Vec::<String>::new(), "{seed}");
        told.push(format!(
            "{seed}: missing {:?}, replay {:?}",
            rebuilt
                .missing
                .iter()
                .map(|one| format!("{} {}", one.entity, one.field))
                .collect::<Vec<_>>(),
            replayed(&trace, &rebuilt)
        ));
    }
    insta::assert_snapshot!(told.join("\n"), @r#"
    ci-cd-pipeline: missing [], replay Ok(["GET /user: /public_gists: recorded 1, replayed 0"])
    enterprise-repo: missing [], replay Ok(["GET /repos/globex/platform: /subscribers_count: recorded 1, replayed 0", "GET /repos/globex/platform/issues?state=all&per_page=100: /1/issue_dependencies_summary/blocking: recorded 1, replayed 0; /1/issue_dependencies_summary/total_blocking: recorded 1, replayed 0; /3/issue_dependencies_summary/blocked_by: recorded 1, replayed 0; /3/issue_dependencies_summary/total_blocked_by: recorded 1, replayed 0", "GET /repos/globex/platform/issues?state=open&per_page=100: /1/issue_dependencies_summary/blocking: recorded 1, replayed 0; /1/issue_dependencies_summary/total_blocking: recorded 1, replayed 0; /2/issue_dependencies_summary/blocked_by: recorded 1, replayed 0; /2/issue_dependencies_summary/total_blocked_by: recorded 1, replayed 0"])
    merge-conflict: missing [], replay Ok([])
    small-project: missing [], replay Ok([])
    stale-issues: missing [], replay Ok([])
    "#);
}

#[test]
fn what_the_repository_owns_fills_what_the_trace_leaves_out_and_never_what_it_shows() {
    let lines = [
        "GET /user",
        "GET /repos/acme/webapp",
        r#"POST /repos/acme/webapp/issues/7/comments {"body":"Seen."}"#,
    ]
    .map(str::to_owned);
    let mut clone = open(Seed::Named("stale-issues"));
    let trace = traced(clone.as_mut(), &lines);
    let alone = rebuilt(&trace, &[]);
    assert!(
        alone
            .missing
            .iter()
            .any(|one| one.entity == "issues acme/webapp#7")
    );
    let owned = Owned {
        origin: "archal/seeds/github.json".to_owned(),
        clone: "github".to_owned(),
        document: serde_json::json!({
            "repos": [{"full_name": "acme/webapp", "description": "Not what the trace shows"}],
            "issues": [{"repo": "acme/webapp", "number": 7, "title": "Old", "body": "b",
                "state": "open", "labels": [], "assignees": [], "user": "web-dev", "locked": false,
                "created_at": "90d ago", "updated_at": "80d ago", "closed_at": null}],
        }),
    };
    let filled = rebuilt(&trace, std::slice::from_ref(&owned));
    assert_eq!(filled.missing, []);
    let proofs = |path: &str| filled.proofs.get(path).map(String::as_str);
    assert_eq!(
        proofs("github issues acme/webapp#7 title"),
        Some("archal/seeds/github.json")
    );
    assert_eq!(proofs("github repos acme/webapp description"), Some("s001"));
    // The repository counts issues that neither the trace nor the file shows.
    let differences = replayed(&trace, &filled).expect("a state that opens");
    assert_eq!(differences.len(), 1, "{differences:?}");
    assert!(differences[0].contains("/open_issues: recorded 46, replayed 1"));
}

/// Every write of the list before all reads, and after some: on two starting states, and on the
/// others in turn.
#[test]
fn no_read_after_a_write_is_taken_for_the_state_before_it() {
    let mut found = Vec::new();
    for (at, write) in ISSUE_WRITES.iter().enumerate() {
        for (seed, first) in [(1, 5), (2, 0), (at % SEEDS.len(), at % 2 * 5)] {
            let (seed, repo) = SEEDS[seed];
            let mut lines: Vec<String> = ISSUE_READS
                .iter()
                .map(|read| filled(read, repo, 2))
                .collect();
            lines.insert(first, filled(write, repo, 2));
            let mut clone = open(Seed::Named(seed));
            let truth = clone.state().to_json();
            let trace = traced(clone.as_mut(), &lines);
            let rebuilt = rebuilt(&trace, &[]);
            let refused = match replayed(&trace, &rebuilt) {
                Err(refused) if rebuilt.missing.is_empty() => refused,
                _ => Vec::new(),
            };
            for line in wrong(&rebuilt, &truth).into_iter().chain(refused) {
                found.push(format!("{seed}, {first} reads, then {write}: {line}"));
            }
        }
    }
    assert!(
        found.is_empty(),
        "{} wrong:\n{}",
        found.len(),
        found.join("\n")
    );
}
