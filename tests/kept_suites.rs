//! What `.archal/cache` holds after suites were run, written by hand: every kind of outcome, and
//! text that no report may obey.

use archal_testkit::cli::TestEnv;
use serde_json::{Value, json};

/// What agents, judges and titles may hold.
pub(crate) const HOSTILE: &str =
    "</script><img src=x onerror=alert(1)> | `*_ \u{1b}[31mred\u{202e} ::error::x ##[error]y";

/// Writes a suite of three scenarios: one passed, one failed, one that passed in some runs. With
/// `mended`, the second one passed too.
pub(crate) fn write(world: &TestEnv, suite: &str, day: u32, mended: bool) {
    let run = |scenario: &str, title: &str, index: u32, holds: bool| -> Value {
        let id = format!("run-{suite}-{scenario}-{index}");
        let folder = format!(".archal/cache/runs/{id}");
        let result = json!({
            "schema": "archal.run", "version": 1, "runId": id, "scenario": scenario, "title": title,
            "index": index, "suite": suite, "base": "2026-11-01T09:00:00Z",
            "route": {"level": "isolated"}, "containment": "namespaces", "processLimit": "rlimit",
            "harness": {"how": "exited", "code": 0}, "answer": HOSTILE, "durationMs": 412, "calls": 1,
            "criteria": [{
                "id": "closed", "label": "Exactly 4 issues are closed", "kind": "D",
                "status": if holds { "pass" } else { "fail" }, "vacuous": false,
                "cel": "size(github.issues.filter(i, i.state == \"closed\")) == 4",
                "rows": [{"key": "acme/webapp#7", "value": {"number": 7, "state": "closed", "title": HOSTILE}}],
                "explanation": if holds { "4 is 4" } else { "1 is not 4" },
            }],
            "refused": [], "unmodelled": [], "inconclusive": [],
            "status": if holds { "passed" } else { "failed" }, "score": if holds { 100.0 } else { 0.0 },
            "evidence": world.repo().join(&folder),
        });
        let message = json!({"headers": {}, "body": {"title": HOSTILE, "state": "closed"}});
        let call = json!({
            "seq": 1, "clone": "github", "operation": "issues/update", "host": "api.github.com",
            "method": "PATCH", "path": "/repos/acme/webapp/issues/7", "principal": "acme-bot",
            "request": message, "status": 200, "response": message,
            "changes": [{"table": "issues", "key": "acme/webapp#7", "change": "changed"}],
            "rootBefore": 0, "rootAfter": 1,
        });
        let diff = json!({"github": {"issues": {"added": [{"title": HOSTILE}], "removed": [{"number": 3}],
            "changed": [{"key": "acme/webapp#7", "before": {"state": "open"}, "after": {"state": "closed"},
                "fields": ["state"]}]}}});
        let transcript = json!({"schema": "archal.transcript", "version": 1, "entries": [
            {"kind": "task", "text": "Close them."}, {"kind": "answer", "text": HOSTILE},
            {"kind": "end", "outcome": {"how": "exited", "code": 0}}]});
        for (name, text) in [
            ("result.json", result.to_string()),
            ("calls.jsonl", format!("{call}\n")),
            ("diff.json", diff.to_string()),
            ("transcript.json", transcript.to_string()),
            ("stdout", HOSTILE.to_owned()),
            ("stderr", format!("::add-mask::x\n{HOSTILE}\n")),
        ] {
            world.write(format!("{folder}/{name}"), &text);
        }
        result
    };
    let scenario = |id: &str, title: &str, status: &str, holds: &[bool]| -> Value {
        let results: Vec<Value> = holds
            .iter()
            .zip(1..)
            .map(|(holds, index)| run(id, title, index, *holds))
            .collect();
        let passed = holds.iter().filter(|holds| **holds).count();
        #[expect(clippy::cast_precision_loss, reason = "a few runs")]
        let mean = passed as f64 * 100.0 / holds.len() as f64;
        json!({
            "scenario": id, "title": title, "path": world.repo().join(format!("archal/{id}.md")), "tags": [],
            "threshold": 100.0, "status": status, "satisfaction": mean, "passed": passed,
            "runs": holds.len(), "planned": holds.len(), "results": results,
            "criteria": [{"id": "closed", "label": "Exactly 4 issues are closed", "kind": "D", "passed": passed,
                "failed": holds.len() - passed, "unsure": 0, "errors": 0, "notEvaluated": 0, "vacuous": 0}],
        })
    };
    let second = if mended { "passed" } else { "failed" };
    let scenarios = [
        scenario("fine", "Fine", "passed", &[true]),
        scenario("hard", HOSTILE, second, &[mended, mended]),
        scenario("shaky", "Shaky", "flaky", &[true, false]),
    ];
    let failed = usize::from(!mended);
    let passed_runs = if mended { 4 } else { 2 };
    let summary = json!({
        "schema": "archal.run-summary", "version": 1, "suite": suite,
        "startedAt": format!("2026-11-{day:02}T17:00:00Z"), "finishedAt": format!("2026-11-{day:02}T17:00:03Z"),
        "command": {"harness": ["node", "agent.mjs"], "jobs": 1, "strict": false},
        "totals": {"scenarios": 3, "passed": 2 - failed, "failed": failed, "flaky": 1, "inconclusive": 0,
            "quarantined": 0, "runs": 5, "runsPassed": passed_runs, "runsFailed": 5 - passed_runs,
            "runsInconclusive": 0, "harnessMs": 2060},
        "scenarios": scenarios, "cost": {"unknownRuns": 5},
    });
    let summary = summary.to_string();
    world.write(
        format!(".archal/cache/suites/{suite}/summary.json"),
        &summary,
    );
    world.write(".archal/cache/last-run.json", &summary);
}
