//! Runs whose clocks stand at a time: clones, Python and Node agree on it, and an agent that cannot
//! be told says nothing.

use serde_json::Value;

use super::world;

const SCENARIO: &str = "# Check

## Setup

acme/shop has an issue.

## Prompt

Say what day it is.

## Success Criteria

- [D] `run.exitCode == 0`

## Config

clones: github
clock: fixed 2026-01-31T09:00:00Z
timeout: 20
";

/// Opens an issue and prints the time by the agent's own clock and by the service's.
const PYTHON: &str = r#"
import datetime, json, os, ssl, time, urllib.request
body = json.dumps({"title": "x"}).encode()
request = urllib.request.Request(
    "https://api.github.com/repos/acme/shop/issues", data=body,
    headers={"authorization": "Bearer " + os.environ["GITHUB_TOKEN"]})
with urllib.request.urlopen(request, context=ssl.create_default_context(), timeout=20) as response:
    issue = json.load(response)
now = datetime.datetime.now(datetime.timezone.utc)
print(json.dumps({"text": " ".join([now.isoformat(), str(time.time()), issue["created_at"]])}))
"#;

/// The same without the service.
const NODE: &str =
    "console.log(JSON.stringify({text: `${new Date().toISOString()} ${Date.now()}`}));";

fn run(name: &str, harness: &str) -> Value {
    let world = world();
    world.write("check.md", SCENARIO);
    world.write(name, harness);
    let output = world.run(&["run", "check.md", "--harness", name, "-o", "json"]);
    output.json()["scenarios"][0]["results"][0].clone()
}

#[test]
fn the_agent_and_the_clones_are_at_the_same_time() {
    let python = run("harness.py", PYTHON);
    assert_eq!(
        python["answer"], "2026-01-31T09:00:00+00:00 1769850000.0 2026-01-31T09:00:00Z",
        "{python}"
    );
    assert_eq!(python["base"], "2026-01-31T09:00:00Z");
    let node = run("harness.mjs", NODE);
    assert_eq!(
        node["answer"], "2026-01-31T09:00:00.000Z 1769850000000",
        "{node}"
    );
    for result in [python, node] {
        assert_eq!(result["status"], "passed", "{result}");
    }
}

#[test]
fn a_run_whose_agent_cannot_be_told_the_time_says_nothing() {
    let result = run("harness.sh", "echo done");
    assert_eq!(result["status"], "inconclusive", "{result}");
    assert_eq!(
        result["inconclusive"][0],
        "the agent's clock could not be fixed: it started neither Node nor Python"
    );
}
