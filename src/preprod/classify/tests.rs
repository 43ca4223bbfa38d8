//! Tests of the rules, on reports made by hand.

use serde_json::{Value, json};

use super::*;

/// A run of a scenario with what is said of it.
fn run(id: &str, more: Value) -> RunResult {
    let mut run = json!({
        "schema": "archal.run", "version": 1, "runId": id, "scenario": "s", "title": "S",
        "base": "2026-01-01T00:00:00Z", "route": {"level": "proxy"},
        "containment": "pgroup", "processLimit": "",
        "harness": {"how": "exited", "code": 0}, "answer": "", "durationMs": 1, "calls": 3,
        "criteria": [], "refused": [], "unmodelled": [], "inconclusive": [],
        "status": "failed", "score": 0.0, "evidence": "",
    });
    let fields = run.as_object_mut().expect("an object");
    fields.extend(more.as_object().cloned().expect("an object"));
    serde_json::from_value(run).expect("a run")
}

fn failed(id: &str) -> Value {
    json!({"id": id, "label": format!("{id} holds"), "kind": "D", "status": "fail", "vacuous": false})
}

fn report(status: &str, passed: usize, results: Vec<RunResult>) -> ScenarioReport {
    let mut report: ScenarioReport = serde_json::from_value(json!({
        "scenario": "s", "title": "S", "path": "s.md", "threshold": 100.0, "status": status,
        "satisfaction": null, "passed": passed, "runs": results.len(), "planned": 1, "results": [],
    }))
    .expect("a report");
    report.results = results;
    report
}

fn call(seq: u64, method: &str, path: &str, status: u16) -> CallSeen {
    CallSeen {
        seq,
        method: method.to_owned(),
        path: path.to_owned(),
        status,
        ..CallSeen::default()
    }
}

fn told(more: Value, calls: Vec<CallSeen>, scene: Scene) -> String {
    let scene = Scene {
        calls: [("r".to_owned(), calls)].into(),
        ..scene
    };
    let found = classify(&report("failed", 0, vec![run("r", more)]), &scene);
    assert!(!found.evidence.is_empty(), "{}", found.rule);
    let seen = &found.evidence[0];
    let at = seen.call.map_or_else(String::new, |seq| format!(" #{seq}"));
    format!("{} | {} |{at} {}", found.rule, found.summary, seen.seen)
}

#[test]
fn what_kept_a_run_from_showing_anything_comes_first() {
    let fails = || json!([failed("c1")]);
    let quiet = |more: Value| told(more, Vec::new(), Scene::default());
    let table = [
        quiet(json!({"harness": {"how": "not_started", "reason": "no python3"}, "calls": 0})),
        quiet(json!({"unmodelled": ["repos/fork"], "criteria": fails()})),
        quiet(json!({"inconclusive": [CLOCK_LOST], "criteria": fails()})),
        quiet(json!({
            "refused": [{"kind": "connect", "host": "api.example.com", "port": 443, "reason": "it has no clone"}],
            "criteria": fails(),
        })),
        quiet(json!({"harness": {"how": "timed_out"}, "criteria": fails()})),
        quiet(json!({"calls": 0, "criteria": fails()})),
        quiet(json!({"calls": 0, "harness": {"how": "exited", "code": 1}})),
        quiet(json!({"criteria": [{
            "id": "c1", "label": "c1 holds", "kind": "D", "status": "error", "vacuous": false,
            "explanation": "no such key",
        }]})),
        quiet(json!({"status": "inconclusive", "score": null, "inconclusive": ["too many calls"]})),
        quiet(
            json!({"status": "inconclusive", "score": null, "criteria": [{
                "id": "p", "label": "P", "kind": "P", "status": "not_evaluated", "vacuous": false,
            }]}),
        ),
        quiet(
            json!({"status": "inconclusive", "score": null, "criteria": [{
                "id": "p", "label": "P", "kind": "P", "status": "not_evaluated", "vacuous": false,
                "unjudged": "unavailable",
            }]}),
        ),
        quiet(
            json!({"status": "inconclusive", "score": null, "criteria": [{
                "id": "p", "label": "P", "kind": "P", "status": "not_evaluated", "vacuous": false,
                "unjudged": "budget",
            }]}),
        ),
    ];
    insta::assert_snapshot!(table.join("\n"), @"
    harness.not-started | the harness does not start | no python3
    clone.unmodelled | a clone does not model repos/fork | repos/fork
    harness.clock | the agent's clock could not be fixed: it started neither Node nor Python | the agent's clock could not be fixed: it started neither Node nor Python
    environment.egress | api.example.com could not be reached | api.example.com:443: it has no clone
    harness.timeout | the harness did not end in time | stopped after 1 ms
    harness.no-calls | the harness ended without a call | no call in calls.jsonl
    harness.boot | the harness failed before its first call | it exited with status 1
    scenario.criterion-raises | criterion c1 cannot be decided | no such key
    harness.inconclusive | too many calls | too many calls
    scenario.not-evaluated | no criterion was evaluated: all of them need a judge, and there is none | every criterion is not evaluated
    environment.judge | the judge could not be asked | criteria that a judge decides are open
    environment.judge-budget | the money for the judge is spent | criteria that a judge decides are open
    ");
}

#[test]
fn keys_limits_and_starting_states_come_before_the_agent() {
    let fails = || json!({"criteria": [failed("c1")]});
    let asks = |prompt: &str| Scene {
        prompt: prompt.to_owned(),
        ..Scene::default()
    };
    let faulty = CallSeen {
        is_fault: true,
        ..call(1, "GET", "/x", 429)
    };
    let given = Scene {
        given: ["c1".to_owned()].into(),
        ..Scene::default()
    };
    let two_readings = json!({"criteria": [{
        "id": "c1", "label": "c1", "kind": "D", "status": "fail", "vacuous": false,
        "ambiguous": {"finalState": true, "change": false, "rewrites": ["a", "b"]},
    }]});
    let table = [
        told(fails(), vec![call(1, "GET", "/x", 401)], Scene::default()),
        told(
            fails(),
            vec![call(1, "GET", "/x", 200), call(2, "GET", "/x", 429)],
            Scene::default(),
        ),
        told(fails(), vec![faulty], Scene::default()),
        told(
            fails(),
            vec![call(1, "GET", "/repos/acme/webapp/issues?state=open", 404)],
            asks("Close issues in acme/webapp"),
        ),
        // A path the agent made up is its own.
        told(
            fails(),
            vec![call(1, "GET", "/repos/other/thing", 404)],
            asks("Close issues in acme/webapp"),
        ),
        told(fails(), vec![call(1, "GET", "/x", 200)], given),
        told(
            two_readings,
            vec![call(1, "GET", "/x", 200)],
            Scene::default(),
        ),
    ];
    insta::assert_snapshot!(table.join("\n"), @"
    environment.auth | every call was refused for want of a key | #1 GET /x answered 401
    environment.rate-limit | the last call was over the limit | #2 GET /x answered 429
    agent.criterion | c1 holds does not hold | c1: c1 holds
    seed.not-there | the starting state does not have acme/webapp, which the task names | #1 GET /repos/acme/webapp/issues?state=open answered 404
    agent.wrong-arguments | a service refused what it sent, and it changed nothing | #1 GET /repos/other/thing answered 404
    scenario.contradicts-setup | what does not hold is about the starting state alone, which no agent changes | c1: c1 holds
    scenario.ambiguous | what does not hold can be read so that it does | c1: write a | b
    ");
}

#[test]
fn in_which_way_it_is_the_agents() {
    let about = || Scene {
        about_changes: ["c1".to_owned()].into(),
        ..Scene::default()
    };
    let changing = || CallSeen {
        has_changed: true,
        ..call(2, "PATCH", "/x", 200)
    };
    let fails = json!([failed("c1")]);
    let table = [
        told(
            json!({"criteria": fails, "harness": {"how": "exited", "code": 1}}),
            vec![call(1, "GET", "/x", 200)],
            about(),
        ),
        told(
            json!({"criteria": fails}),
            vec![call(1, "POST", "/x", 422)],
            about(),
        ),
        told(
            json!({"criteria": fails, "answer": "Closed all of them."}),
            vec![call(1, "GET", "/x", 200)],
            about(),
        ),
        told(
            json!({"criteria": fails, "answer": "Closed all of them."}),
            vec![call(1, "GET", "/x", 200), changing()],
            about(),
        ),
    ];
    insta::assert_snapshot!(table.join("\n"), @"
    agent.stopped-early | it failed after 3 calls | it exited with status 1
    agent.wrong-arguments | a service refused what it sent, and it changed nothing | #1 POST /x answered 422
    agent.unsupported-claim | it answered as if it were done, and no call changed anything | it said: Closed all of them.
    agent.criterion | c1 holds does not hold | c1: c1 holds
    ");
}

#[test]
fn runs_that_differ_are_flaky_only_where_the_agent_is_at_fault() {
    let pass = || run("p", json!({"status": "passed", "score": 100.0}));
    let scene = Scene {
        calls: [("r".to_owned(), vec![call(1, "GET", "/x", 200)])].into(),
        ..Scene::default()
    };
    let fail = |more: Value| run("r", more);
    let category = |status: &str, passed: usize, runs: Vec<RunResult>| {
        classify(&report(status, passed, runs), &scene).category
    };
    let red = || fail(json!({"criteria": [failed("c1")]}));
    assert_eq!(category("flaky", 1, vec![pass(), red()]), Category::Flaky);
    let gap = || fail(json!({"unmodelled": ["x"]}));
    assert_eq!(category("flaky", 1, vec![pass(), gap()]), Category::Clone);
    // The most frequent counts, and of equally frequent ones what shows nothing.
    assert_eq!(
        category("failed", 0, vec![red(), red(), gap()]),
        Category::Agent
    );
    assert_eq!(category("failed", 0, vec![red(), gap()]), Category::Clone);
    // Every run passes and the threshold is missed all the same.
    let told = classify(&report("failed", 1, vec![pass()]), &scene);
    assert_eq!(told.rule, "scenario.threshold");
}
