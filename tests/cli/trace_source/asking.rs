//! `archal trace-source connect`, `test` and `sync` of services that are asked, against their servers on the
//! loopback.

use std::collections::BTreeMap;
use std::fs;
use std::sync::Arc;
use std::time::Duration;

use archal_core::clock::Clock;
use archal_testkit::FakeClock;
use archal_testkit::cli::TestEnv;
use archal_testkit::{braintrust, langfuse};
use serde_json::{Value, json};

use super::environment;

/// Requests for a thousand traces of three rows each.
const LANGFUSE_REQUESTS: usize = 40;
/// The same of Braintrust.
const BRAINTRUST_REQUESTS: usize = 20;

/// The server's time; all of what it has is long quiet.
fn clock() -> Arc<FakeClock> {
    Arc::new(FakeClock::new(
        "2026-03-02T00:00:00Z".parse().expect("a time"),
    ))
}

fn asked(environment: &TestEnv, arguments: &[&str], code: i32) -> Value {
    let all: Vec<&str> = ["trace-source"]
        .iter()
        .chain(arguments)
        .chain(&["--json"])
        .copied()
        .collect();
    environment.run(&all).ended(code).json()
}

/// What each trace answered, in the batch files, the last file of a trace being the newest.
fn answers(environment: &TestEnv) -> BTreeMap<String, Value> {
    let folder = environment.repo().join(".archal/traces");
    let mut files: Vec<_> = fs::read_dir(folder)
        .expect("a folder")
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|kind| kind == "json"))
        .collect();
    files.sort();
    let mut answers = BTreeMap::new();
    for file in files {
        let text = fs::read_to_string(file).expect("a file");
        let batch: Value = serde_json::from_str(&text).expect("a batch");
        for trace in batch["traces"].as_array().expect("a list") {
            let id = trace["id"].as_str().expect("an id").to_owned();
            answers.insert(id, trace["output"].clone());
        }
    }
    answers
}

fn told(report: &Value) -> [u64; 4] {
    ["new", "updated", "unchanged", "failed"].map(|name| report[name].as_u64().expect("a count"))
}

fn observation(trace: &str, output: &str, updated: &str) -> Value {
    json!({
        "id": format!("{trace}-root"), "traceId": trace, "projectId": langfuse::PROJECT, "type": "AGENT", "name": "triage",
        "parentObservationId": null, "isRootObservation": true, "level": "DEFAULT",
        "startTime": "2026-03-01T10:00:00.000Z", "endTime": "2026-03-01T10:00:05.000Z",
        "createdAt": updated, "updatedAt": updated, "input": "close stale issues", "output": output,
    })
}

#[test]
fn langfuse_is_asked_and_what_changed_is_written_again() {
    let clock = clock();
    let time = Arc::clone(&clock) as Arc<dyn Clock>;
    let server = langfuse::Langfuse::new(langfuse::Release::Four, time);
    let seen = "2026-03-01T10:00:06.000Z";
    server.state().observations = (0..1_000)
        .flat_map(|number| {
            let trace = format!("t{number}");
            let root = observation(&trace, "done", seen);
            let below = |kind: &str| {
                let mut row = observation(&trace, "seen", seen);
                row["id"] = json!(format!("{trace}-{kind}"));
                row["parentObservationId"] = root["id"].clone();
                row["isRootObservation"] = json!(false);
                row["type"] = json!(kind);
                row
            };
            [below("GENERATION"), below("TOOL"), root.clone()]
        })
        .collect();
    let score = |trace: &str| {
        json!({"id": format!("s-{trace}"), "name": "helpful", "value": 0, "dataType": "NUMERIC", "source": "API",
            "timestamp": seen, "subject": {"kind": "trace", "id": trace}})
    };
    server.state().scores = vec![score("t1"), score("of-another-time")];
    let mut environment = environment();
    let host = format!("host={}", server.url());
    let connect = ["connect", "langfuse", "--name", "prod", "--option", &host];
    asked(&environment, &connect, 0);

    // Nobody set the variables.
    let failed = environment.run(&["trace-source", "sync", "prod"]).ended(2);
    assert!(
        failed.stderr.contains("LANGFUSE_PUBLIC_KEY"),
        "{}",
        failed.stderr
    );

    environment.set("LANGFUSE_PUBLIC_KEY", langfuse::PUBLIC_KEY);
    environment.set("LANGFUSE_SECRET_KEY", "sk-lf-wrong");
    let failed = environment.run(&["trace-source", "sync", "prod"]).ended(3);
    assert!(
        failed.stderr.contains("Invalid credentials"),
        "{}",
        failed.stderr
    );

    environment.set("LANGFUSE_SECRET_KEY", langfuse::SECRET_KEY);
    let report = environment
        .run(&["trace-source", "test", "prod", "--json"])
        .json();
    let ready: Vec<&str> = report["parts"]
        .as_array()
        .expect("a list")
        .iter()
        .filter(|part| part["status"] == "ready")
        .filter_map(|part| part["name"].as_str())
        .collect();
    for part in ["reach", "credentials", "schema", "scores", "traces"] {
        assert!(ready.contains(&part), "{part}: {report:#}");
    }

    server.state().asked.clear();
    let report = asked(&environment, &["sync", "prod"], 0);
    assert_eq!(told(&report), [1_000, 0, 0, 0], "{report:#}");
    // What docs/sources-langfuse.md says of a thousand traces.
    let requests = server.state().asked.len();
    assert!(requests <= LANGFUSE_REQUESTS, "{requests}");
    // The other score is of a trace that nobody has read: no failure.
    assert_eq!(report["unmade"], 1, "{report:#}");
    assert_eq!(answers(&environment).len(), 1_000);
    let report = asked(&environment, &["sync", "prod"], 0);
    assert_eq!(told(&report)[..2], [0, 0], "{report:#}");

    // A day later somebody has corrected one.
    clock.advance(Duration::from_secs(25 * 3_600));
    for row in &mut server.state().observations {
        if row["id"] == "t7-root" {
            *row = observation("t7", "not done", "2026-03-02T20:00:00.000Z");
        }
    }
    let report = asked(&environment, &["sync", "prod"], 0);
    assert_eq!(told(&report)[..2], [0, 1], "{report:#}");
    assert_eq!(answers(&environment)["t7"], json!("not done"));
    let whole =
        fs::read_to_string(environment.repo().join(".archal/trace-sources.json")).expect("a file");
    assert!(!whole.contains(langfuse::SECRET_KEY), "{whole}");
}

#[test]
fn braintrust_is_asked_and_what_changed_is_written_again() {
    let server = braintrust::Braintrust::new(clock());
    let at = "2026-03-01T10:00:00Z".parse().expect("a time");
    let row = |trace: usize, output: &str| {
        json!({"id": format!("r{trace}"), "span_id": format!("t{trace}"), "root_span_id": format!("t{trace}"), "is_root": true,
            "span_parents": null, "span_attributes": {"name": "triage", "type": "task"}, "input": "close stale issues",
            "output": output, "metrics": {"start": 1772359200.0, "end": 1772359204.5}})
    };
    for trace in 0..1_000 {
        let root = row(trace, "done");
        for kind in ["llm", "tool"] {
            let mut below = row(trace, "seen");
            below["id"] = json!(format!("r{trace}-{kind}"));
            below["span_id"] = json!(format!("t{trace}-{kind}"));
            below["span_parents"] = json!([root["span_id"]]);
            below["is_root"] = json!(false);
            below["span_attributes"] = json!({"name": kind, "type": kind});
            server.state().write(below, at);
        }
        server.state().write(root, at);
    }
    let mut environment = environment();
    environment.set("BRAINTRUST_API_KEY", braintrust::KEY);
    let host = format!("host={}", server.url());
    let project = format!("project={}", braintrust::NAME);
    let connect = [
        "connect",
        "braintrust",
        "--option",
        &host,
        "--option",
        &project,
        "--option",
        "perMinute=10000",
    ];
    asked(&environment, &connect, 0);
    let report = asked(&environment, &["sync", "braintrust"], 0);
    assert_eq!(told(&report), [1_000, 0, 0, 0], "{report:#}");
    // What docs/sources-braintrust.md says of a thousand traces.
    let requests = server.state().asked.len();
    assert!(requests <= BRAINTRUST_REQUESTS, "{requests}");
    server.state().write(
        row(7, "not done"),
        "2026-03-01T12:00:00Z".parse().expect("a time"),
    );
    let report = asked(&environment, &["sync", "braintrust"], 0);
    assert_eq!(told(&report)[..2], [0, 1], "{report:#}");
    let answers = answers(&environment);
    assert_eq!(answers.len(), 1_000);
    assert_eq!(
        (&answers["t7"], &answers["t8"]),
        (&json!("not done"), &json!("done"))
    );
}
