//! A suite with every kind of outcome, for tests of the forms in which it is read.

use serde_json::{Value, json};

use crate::run::report::SuiteReport;
use crate::run::result::RunResult;
use crate::run::{tally, totals};

/// What agents, judges and titles may hold.
pub(crate) const HOSTILE: &str = "</script><img src=x onerror=alert(1)> | `*_ \u{1b}[31mred\u{202e} ::error::x ##[error]y {{ 7*7 }}";

/// A suite of scenarios that passed, flaked, failed, said nothing, held for nothing and are in
/// quarantine.
pub(crate) fn suite() -> SuiteReport {
    let four = |status: &str, rows: Value, why: &str| {
        json!({"id": "exactly-4", "label": "Exactly 4 issues are closed", "kind": "D", "status": status,
            "vacuous": false, "cel": "size(github.issues.filter(i, i.state == \"closed\")) == 4",
            "rows": rows, "explanation": why})
    };
    let polite = |status: &str, quotes: Value| {
        json!({"id": "polite", "label": "Each comment explains the reason politely", "kind": "P",
            "status": status, "vacuous": false, "quotes": quotes,
            "judge": {"model": "m-1", "cached": true, "costUsd": 0.0031, "costSource": "reported"}})
    };
    let row = |number: u32| json!({"number": number, "state": "closed"});
    let passed = |index: u32, status: &str| {
        run(
            "triage",
            "Triage new bugs",
            index,
            "passed",
            json!(100.0),
            json!([
                four("pass", json!([row(1)]), "4 is 4"),
                polite(status, json!(["Closed as stale."]))
            ]),
        )
    };
    let mut flaky = run(
        "triage",
        "Triage new bugs",
        2,
        "failed",
        json!(50.0),
        json!([
            four(
                "fail",
                json!([row(1), row(2), row(3), row(4), row(5), row(6), row(7)]),
                "7 is not 4"
            ),
            polite("pass", json!(["Closed as stale."])),
        ]),
    );
    flaky["durationMs"] = json!(61_204);
    let crashed = |index: u32| {
        let mut run = run(
            "refund",
            "Refund by policy",
            index,
            "failed",
            json!(0.0),
            json!([
                {"id": "amb", "label": "4 issues are closed", "kind": "D", "status": "fail", "vacuous": false,
                 "sentence": "4 issues are closed", "cel": "size(github.issues) == 4", "explanation": "6 is not 4",
                 "ambiguous": {"finalState": false, "change": true, "rewrites": ["exactly 4 issues were closed"]}},
            ]),
        );
        run["harness"] = json!({"how": "exited", "code": 1});
        run["answer"] = json!(HOSTILE);
        run
    };
    let mut void = run(
        "label",
        HOSTILE,
        1,
        "inconclusive",
        Value::Null,
        json!([four("error", json!([]), "no such key: milestone"),]),
    );
    void["inconclusive"] = json!(["criterion exactly-4 raised: no such key: milestone"]);
    void["route"] = json!({"level": "proxy", "reason": "no user namespaces"});
    let empty = run(
        "weekend",
        "Weekends",
        1,
        "passed",
        json!(100.0),
        json!([
            {"id": "all", "label": "All weekend issues have a comment", "kind": "D", "status": "pass",
             "vacuous": true, "cel": "[].all(i, true)", "explanation": "there was nothing to hold for"},
        ]),
    );
    let mut late = run("late", "In time", 1, "failed", json!(0.0), json!([]));
    late["harness"] = json!({"how": "timed_out"});
    late["durationMs"] = json!(90_000);
    let in_time = run("late", "In time", 2, "passed", json!(100.0), json!([]));
    let scenarios = json!([
        scenario(
            "passed",
            json!([passed(1, "pass")]),
            json!({"scenario": "fine", "title": "Fine"})
        ),
        scenario(
            "flaky",
            json!([passed(1, "pass"), flaky, passed(3, "unsure")]),
            json!({"scenario": "triage", "title": "Triage new bugs", "tags": ["bugs"]})
        ),
        scenario(
            "failed",
            json!([crashed(1), crashed(2)]),
            json!({"scenario": "refund", "title": "Refund by policy", "planned": 3})
        ),
        scenario(
            "inconclusive",
            json!([void]),
            json!({"scenario": "label", "title": HOSTILE})
        ),
        scenario(
            "passed",
            json!([empty]),
            json!({"scenario": "weekend", "title": "Weekends",
            "vacuous": "every criterion holds on the untouched starting state"})
        ),
        scenario(
            "flaky",
            json!([late, in_time]),
            json!({"scenario": "late", "title": "In time",
            "quarantine": {"owner": "support", "since": "2026-10-02"}})
        ),
    ]);
    let mut report: SuiteReport = serde_json::from_value(json!({
        "suite": "suite-0001", "startedAt": "2026-11-21T17:00:00.5Z", "finishedAt": "2026-11-21T17:03:12.9Z",
        "command": {"harness": ["node", "agent.mjs"], "jobs": 2, "strict": false, "model": "m-2"},
        "totals": totals::of(&[]), "scenarios": scenarios, "cost": {"unknownRuns": 0}, "resumed": 1,
        "tags": [{"tag": "bugs", "threshold": 90.0, "satisfaction": 83.3, "scenarios": 1, "status": "flaky"}],
        "stopped": {"reason": "budget", "explanation": "the budget of $1.00 is spent", "left": 1},
    }))
    .expect("a suite");
    for scenario in &mut report.scenarios {
        scenario.criteria = tally::of(&scenario.results);
    }
    report.totals = totals::of(&report.scenarios);
    report
}

/// One run, as its file has it.
fn run(
    scenario: &str,
    title: &str,
    index: u32,
    status: &str,
    score: Value,
    criteria: Value,
) -> Value {
    json!({
        "schema": "archal.run", "version": 1, "runId": format!("run-{scenario}{index}"), "scenario": scenario,
        "title": title, "index": index, "suite": "suite-0001", "base": "2026-11-01T09:00:00Z",
        "route": {"level": "isolated"}, "containment": "namespaces", "processLimit": "rlimit",
        "harness": {"how": "exited", "code": 0}, "answer": "Closed 4 stale issues.\nNothing else.",
        "durationMs": 412, "calls": 3, "criteria": criteria, "refused": [], "unmodelled": [],
        "inconclusive": [], "status": status, "score": score,
        "evidence": format!("/repo/.archal/cache/runs/run-{scenario}{index}"),
    })
}

fn scenario(status: &str, results: Value, rest: Value) -> Value {
    let runs: Vec<RunResult> = serde_json::from_value(results.clone()).expect("runs");
    let scores: Vec<f64> = runs.iter().filter_map(|run| run.score.score).collect();
    let passed = results
        .as_array()
        .into_iter()
        .flatten()
        .filter(|run| run["status"] == "passed");
    #[expect(clippy::cast_precision_loss, reason = "a few runs")]
    let mean = (!scores.is_empty()).then(|| scores.iter().sum::<f64>() / scores.len() as f64);
    let mut whole = json!({
        "path": format!("/repo/archal/{}.md", rest["scenario"].as_str().unwrap_or_default()), "tags": [],
        "threshold": 100.0, "status": status, "satisfaction": mean, "passed": passed.count(),
        "runs": runs.len(), "planned": runs.len(), "results": results,
    });
    let fields = rest.as_object().cloned().unwrap_or_default();
    whole.as_object_mut().expect("an object").extend(fields);
    whole
}
