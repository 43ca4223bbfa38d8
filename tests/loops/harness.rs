//! `archal run` on harnesses that end, print and leave behind what no harness should: the right
//! status and message each, and nothing that stays.

use std::fs;

use archal_testkit::cli::{Output, TestEnv};
use serde_json::Value;

use super::world;

const SCENARIO: &str = "# Check

## Prompt

Do it.

## Success Criteria

- [D] `run.exitCode == 0`

## Config

clones: github
timeout: 20
";

/// Runs a shell script as the harness; the result of its run.
fn run(world: &TestEnv, harness: &str) -> (Output, Value) {
    world.write("check.md", SCENARIO);
    world.write("harness.sh", harness);
    let output = world.run(&["run", "check.md", "-o", "json"]);
    let result = output.json()["scenarios"][0]["results"][0].clone();
    (output, result)
}

/// What a run that ended by itself came to: exit code of archal, how it ended, answer, notes.
fn outcome(harness: &str) -> String {
    let (output, result) = run(&world(), harness);
    let notes = result["notes"].as_array().cloned().unwrap_or_default();
    format!(
        "exit {} {} {} {}",
        output.code.unwrap_or(-1),
        result["harness"],
        result["answer"],
        Value::from(notes)
    )
}

#[test]
fn how_it_ends_and_what_it_says_is_told_as_it_is() {
    let scripts = [
        "kill -SEGV $$",
        "exit 7",
        "exec >&- 2>&-\nexit 0",
        "printf '{\"text\": \"half'",
        "printf '\\377\\376 {\"text\": \"odd\"} \\0'",
        "echo one >&2\necho two",
        "echo; echo",
    ];
    let told: Vec<String> = scripts.iter().map(|script| outcome(script)).collect();
    insta::assert_snapshot!(told.join("\n"), @r#"
    exit 1 {"how":"killed","signal":11} "" []
    exit 1 {"code":7,"how":"exited"} "" []
    exit 0 {"code":0,"how":"exited"} "" []
    exit 0 {"code":0,"how":"exited"} "{\"text\": \"half" []
    exit 0 {"code":0,"how":"exited"} "odd" []
    exit 0 {"code":0,"how":"exited"} "two" []
    exit 0 {"code":0,"how":"exited"} "" []
    "#);
}

#[test]
fn what_it_leaves_running_neither_stays_nor_holds_it_up() {
    let mut world = world();
    let marker = format!("archal-test-left-{}", std::process::id());
    world.set("MARKER", marker.clone());
    // A daemon that holds the pipes, for which the run would wait until it is out of time, and a
    // child that nobody waits for.
    let left = "setsid sh -c 'trap \"\" TERM HUP; sleep 1000' &\n(exit 3) &\nexec sleep 0\n";
    let (output, result) = run(&world, left);
    assert_eq!(output.code, Some(0), "{output}");
    assert_eq!(result["harness"]["code"], 0, "{result}");
    let left = fs::read_dir("/proc")
        .expect("a process file system")
        .filter_map(|entry| fs::read(entry.ok()?.path().join("environ")).ok())
        .filter(|all| {
            all.windows(marker.len())
                .any(|part| part == marker.as_bytes())
        })
        .count();
    assert_eq!(left, 0);
}

#[test]
fn files_that_are_none_are_noted_and_change_nothing() {
    let scripts = [
        "ln -s /etc/hostname \"$AGENT_METRICS_FILE\"",
        "mkfifo \"$AGENT_METRICS_FILE\"",
        "mkdir \"$AGENT_TRACE_FILE\"",
        "truncate -s 100M \"$AGENT_METRICS_FILE\"",
        "head -c 70000 /dev/zero | tr '\\0' 1 > \"$AGENT_METRICS_FILE\"",
        "echo 'oops {' > \"$AGENT_METRICS_FILE\"",
        "echo '{\"inputTokens\": \"many\", \"costUsd\": -1, \"model\": \"m\"}' > \"$AGENT_METRICS_FILE\"",
        "echo '{\"inputTokens\": 10, \"outputTokens\": 2, \"costUsd\": 0.5, \"steps\": 3}' > \"$AGENT_METRICS_FILE\"",
        "echo 'not a trace' > \"$AGENT_TRACE_FILE\"",
    ];
    let told: Vec<String> = scripts.iter().map(|script| outcome(script)).collect();
    insta::assert_snapshot!(told.join("\n"), @r#"
    exit 0 {"code":0,"how":"exited"} "" ["AGENT_METRICS_FILE: it is a link and was not kept"]
    exit 0 {"code":0,"how":"exited"} "" ["AGENT_METRICS_FILE: it is no file and was not kept"]
    exit 0 {"code":0,"how":"exited"} "" ["AGENT_TRACE_FILE: it is a folder and was not kept"]
    exit 0 {"code":0,"how":"exited"} "" ["AGENT_METRICS_FILE: it is larger than 64 MiB and was not kept"]
    exit 0 {"code":0,"how":"exited"} "" ["AGENT_METRICS_FILE: it is no JSON: number out of range at line 1 column 70000"]
    exit 0 {"code":0,"how":"exited"} "" ["AGENT_METRICS_FILE: it is no JSON: expected value at line 1 column 1"]
    exit 0 {"code":0,"how":"exited"} "" ["AGENT_METRICS_FILE: inputTokens is not a whole number","AGENT_METRICS_FILE: costUsd is not an amount in US dollars"]
    exit 0 {"code":0,"how":"exited"} "" []
    exit 0 {"code":0,"how":"exited"} "" ["AGENT_TRACE_FILE: line 1 is not JSON: expected ident"]
    "#);
}

#[test]
fn the_variables_of_a_harness_are_those_of_the_documentation() {
    let mut world = world();
    world.set("GITHUB_TOKEN", "ghp_0123456789real0123456789real01234567");
    world.set("HTTPS_PROXY", "http://elsewhere.example:1");
    let (output, result) = run(
        &world,
        "env | grep -E '^(AGENT|ARCHAL|GITHUB|GH|HTTPS|NODE_EXTRA|SSL_CERT)' | sed 's/=.*//' | sort
case \"$GITHUB_TOKEN\" in *real*) echo the real token ;; *) echo a dummy token ;; esac",
    );
    assert_eq!(output.code, Some(0), "{output}");
    let names = result["answer"].as_str().expect("text");
    insta::assert_snapshot!(names, @r"
    AGENT_METRICS_FILE
    AGENT_RUN_MODE
    AGENT_SESSION_ID
    AGENT_TASK
    AGENT_TRACE_FILE
    ARCHAL_ENGINE_MODE
    ARCHAL_ENGINE_TASK
    ARCHAL_MCP_CONFIG
    GH_TOKEN
    GITHUB_TOKEN
    NODE_EXTRA_CA_CERTS
    SSL_CERT_FILE
    a dummy token
    ");
}
