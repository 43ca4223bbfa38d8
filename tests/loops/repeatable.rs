//! The same calls in the same order leave the same bytes, whatever the clock does between them.

use super::{evidence, world};

const AGENT: &str = r#"
import json, os, ssl, time, urllib.request
https = urllib.request.HTTPSHandler(context=ssl.create_default_context())
opener = urllib.request.build_opener(https)
def call(method, path, body=None):
    time.sleep(float(os.environ.get("PAUSE", "0")))
    request = urllib.request.Request(
        "https://api.github.com" + path, method=method,
        data=None if body is None else json.dumps(body).encode(),
        headers={"Authorization": "Bearer " + os.environ["GITHUB_TOKEN"]})
    return json.load(opener.open(request))
issues = call("GET", "/repos/acme/webapp/issues?per_page=5")
made = call("POST", "/repos/acme/webapp/issues", {"title": "New", "labels": ["bug"]})
call("POST", f"/repos/acme/webapp/issues/{made['number']}/comments",
     {"body": "hello"})
call("PATCH", f"/repos/acme/webapp/issues/{made['number']}", {"state": "closed"})
call("GET", f"/repos/acme/webapp/issues?state=all&since={issues[-1]['updated_at']}")
print(json.dumps({"text": "done"}))
"#;

const SCENARIO: &str = "# Repeat

## Prompt

Do it.

## Success Criteria

- [D] `run.exitCode == 0`

## Config

clones: github
seed: github:stale-issues
";

#[test]
fn a_pause_between_calls_changes_no_byte_of_the_evidence() {
    let mut world = world();
    world.write("agent.py", AGENT);
    world.write("repeat.md", SCENARIO);
    let mut run = |pause: &str| {
        world.set("PAUSE", pause);
        let document = world
            .run(&["run", "repeat.md", "--harness", "agent.py", "-o", "json"])
            .ended(0)
            .json();
        let folder = evidence(&world, &document["scenarios"][0]["results"][0]);
        [
            "calls.jsonl",
            "state-before.json",
            "state-after.json",
            "diff.json",
        ]
        .map(|name| std::fs::read_to_string(folder.join(name)).expect("written"))
    };
    let quick = run("0");
    assert_eq!(quick[0].lines().count(), 5);
    assert!(
        quick[0].contains("+run"),
        "times set by calls are written as such"
    );
    assert_eq!(run("1"), quick);
}
