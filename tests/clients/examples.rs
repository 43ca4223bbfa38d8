//! The example agents with the published clients they name: each has a scenario that passes, one
//! that fails, one that is flaky and one that times out.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use archal_testkit::cli::{Output, TestEnv};
use serde_json::Value;

use super::clients;

/// A world whose repository is an example, with its dependencies as its README installs them.
fn example(name: &str, dependencies: (&str, &str)) -> TestEnv {
    let mut world = TestEnv::new(env!("CARGO_BIN_EXE_archal"));
    world.with_callers_programs();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("examples")
        .join(name);
    copy(&folder, &world.repo());
    let (from, to) = dependencies;
    symlink(clients().join(from), world.repo().join(to)).expect("a link");
    world
}

fn copy(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).expect("a folder") {
        let entry = entry.expect("an entry");
        let (from, to) = (entry.path(), to.join(entry.file_name()));
        if from.is_dir() {
            // What somebody who tried it here left behind is not part of it.
            if !["node_modules", ".venv", ".archal"]
                .iter()
                .any(|name| from.ends_with(name))
            {
                fs::create_dir(&to).expect("a new folder");
                copy(&from, &to);
            }
        } else {
            fs::copy(&from, &to).expect("copied");
        }
    }
}

fn run(world: &TestEnv, scenarios: &[&str]) -> Output {
    let paths: Vec<String> = scenarios
        .iter()
        .map(|name| format!("scenarios/{name}.md"))
        .collect();
    let mut arguments = vec!["run", "-o", "json"];
    arguments.extend(paths.iter().map(String::as_str));
    world.run(&arguments)
}

/// What came of each scenario: status, runs that passed, how the last harness ended.
fn outcomes(output: &Output) -> Vec<String> {
    let document = output.json();
    let scenarios = document["scenarios"].as_array().expect("a list");
    scenarios
        .iter()
        .map(|scenario| {
            let results = scenario["results"].as_array().expect("a list");
            for result in results {
                assert_eq!(result["unmodelled"], serde_json::json!([]), "{result}");
                assert_eq!(result["refused"], serde_json::json!([]), "{result}");
            }
            let last = results.last().expect("a run");
            format!(
                "{} {}/{} {}",
                scenario["status"].as_str().unwrap_or_default(),
                scenario["passed"],
                scenario["runs"],
                last["harness"]["how"].as_str().unwrap_or_default()
            )
        })
        .collect()
}

/// Runs the scenarios by what becomes of them.
fn check(world: &TestEnv, passes: &str, fails: &str, is_flaky: (&str, &str), times_out: &str) {
    let output = run(world, &[passes]).ended(0);
    assert_eq!(outcomes(&output), ["passed 1/1 exited"], "{output}");
    let (name, tally) = is_flaky;
    let output = run(world, &[name]).ended(4);
    assert_eq!(
        outcomes(&output),
        [format!("flaky {tally} exited")],
        "{output}"
    );
    let output = run(world, &[fails, times_out]).ended(1);
    let expected = ["failed 0/1 exited", "failed 0/1 timed_out"];
    assert_eq!(outcomes(&output), expected, "{output}");
}

#[test]
fn a_typescript_agent_with_octokit() {
    let world = example("triage-octokit", ("js/node_modules", "node_modules"));
    check(
        &world,
        "label-new-issues",
        "close-duplicates",
        ("welcome-authors", "1/2"),
        "wait-for-approval",
    );
}

#[test]
fn a_python_agent_with_pygithub() {
    let world = example("labels-pygithub", ("python", ".venv"));
    check(
        &world,
        "merge-labels",
        "delete-unused",
        ("describe-labels", "2/3"),
        "drain-label",
    );
}

#[test]
fn an_agent_that_speaks_nothing_but_mcp() {
    let world = example("digest-mcp", ("js/node_modules", "node_modules"));
    check(
        &world,
        "unassigned-bugs",
        "every-open-issue",
        ("weekly-digest", "2/3"),
        "wait-for-answer",
    );
    let output = run(&world, &["unassigned-bugs"]).ended(0);
    let folder = output.json()["scenarios"][0]["results"][0]["evidence"].clone();
    let folder = folder
        .as_str()
        .expect("a path")
        .replace("$TEST_ENV/repo", "");
    let folder = world.repo().join(folder.trim_start_matches('/'));
    let calls = fs::read_to_string(folder.join("calls.jsonl")).expect("written");
    let tools: Vec<Value> = calls
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).expect("JSON"))
        .map(|call| call["mcp"]["tool"].clone())
        .collect();
    assert!(tools.iter().any(|tool| tool == "list_issues"), "{tools:?}");
    assert_eq!(tools.last(), Some(&Value::from("issue_write")));
    // The policy stood before the task.
    let trace = fs::read_to_string(folder.join("agent-trace.json")).expect("written");
    assert!(trace.contains("Never mention an issue"), "{trace}");
}
