//! `archal run` on harnesses and scenarios that are wrong: a clear message each, its exit code,
//! no process left, nothing lost.

use std::fs;

use archal_testkit::cli::{Output, TestEnv};
use serde_json::Value;

use super::{evidence, run_without_namespaces, world};

const SCENARIO: &str = "# Check

## Prompt

Do it.

## Success Criteria

- [D] `run.exitCode == 0`

## Config

clones: github
timeout: 2
";

fn run(world: &TestEnv, harness: &str) -> Output {
    world.write("check.md", SCENARIO);
    world.write("harness.sh", harness);
    world.run(&["run", "check.md", "-o", "json"])
}

fn result(output: &Output) -> Value {
    output.json()["scenarios"][0]["results"][0].clone()
}

/// Processes whose environment carries the marker.
fn processes_with(marker: &str) -> usize {
    fs::read_dir("/proc")
        .expect("a process file system")
        .filter_map(|entry| fs::read(entry.ok()?.path().join("environ")).ok())
        .filter(|environment| {
            environment
                .windows(marker.len())
                .any(|window| window == marker.as_bytes())
        })
        .count()
}

/// Hangs, ignores the request to end, forks, and escapes into a session of its own.
const HANGING: &str =
    "trap '' TERM\nsetsid sh -c 'sleep 1000 & sleep 1000' &\n(sleep 1000 &)\nsleep 1000\n";

#[test]
fn one_that_hangs_forks_and_escapes_is_stopped_with_all_it_started() {
    let mut world = world();
    let marker = format!("archal-test-held-{}", std::process::id());
    world.set("MARKER", marker.clone());
    let output = run(&world, HANGING);
    let result = result(&output);
    assert_eq!(result["harness"]["how"], "timed_out", "{result}");
    assert_eq!(result["containment"], "namespaces");
    assert_eq!(output.code, Some(1), "{output}");
    assert_eq!(processes_with(&marker), 0);
}

#[test]
fn it_is_stopped_without_namespaces_too() {
    let mut world = world();
    let marker = format!("archal-test-pgroup-{}", std::process::id());
    world.set("MARKER", marker.clone());
    world.write("check.md", SCENARIO);
    world.write("harness.sh", HANGING);
    let output = run_without_namespaces(&world, &["run", "check.md", "-o", "json"]);
    let document: Value = serde_json::from_slice(&output.stdout).expect("one JSON document");
    let result = &document["scenarios"][0]["results"][0];
    assert_eq!(result["harness"]["how"], "timed_out", "{result}");
    assert_eq!(result["containment"], "pgroup");
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(processes_with(&marker), 0);
}

#[test]
fn one_that_floods_its_output_is_read_to_its_end_and_cut() {
    let world = world();
    let output = run(&world, "head -c 50000000 /dev/zero | tr '\\0' 'x'\n");
    let result = result(&output);
    assert_eq!(result["harness"]["code"], 0, "{}", output.stderr);
    let kept = fs::metadata(evidence(&world, &result).join("stdout"))
        .expect("written")
        .len();
    assert!(kept < 9_000_000, "{kept}");
    assert_eq!(output.code, Some(0), "{output}");
}

#[test]
fn one_that_fails_scores_nothing() {
    let world = world();
    let output = run(&world, "echo oh no >&2\nexit 3\n");
    let result = result(&output);
    assert_eq!(result["score"], 0.0);
    let said = fs::read_to_string(evidence(&world, &result).join("stderr")).expect("written");
    assert_eq!(said, "oh no\n");
    assert_eq!(output.code, Some(1), "{output}");
}

#[test]
fn a_call_to_a_real_service_without_a_clone_is_refused_and_fails_the_run() {
    let world = world();
    world.write(
        "harness.py",
        "import urllib.request\ntry:\n    urllib.request.urlopen('https://api.stripe.com/v1/charges', timeout=5)\nexcept OSError as error:\n    print(error)\n",
    );
    world.write("check.md", SCENARIO);
    let output = world.run(&["run", "check.md", "--harness", "harness.py", "-o", "json"]);
    let result = result(&output);
    assert_eq!(result["refused"][0]["host"], "api.stripe.com", "{result}");
    let criteria = result["criteria"].as_array().expect("a list");
    assert!(
        criteria
            .iter()
            .any(|one| one["id"] == "no-escape" && one["status"] == "fail")
    );
    assert_eq!(output.code, Some(1), "{output}");
}

#[test]
fn no_harness_no_prompt_unknown_key_and_unwritable_state_each_have_their_message() {
    let world = world();
    world.write("check.md", SCENARIO);
    let none = world.run(&["run", "check.md"]).ended(3);
    assert!(none.stderr.contains("no harness found"), "{}", none.stderr);
    let gone = world
        .run(&["run", "check.md", "--harness", "gone.py"])
        .ended(3);
    assert!(
        gone.stderr.contains("gone.py does not exist"),
        "{}",
        gone.stderr
    );

    world.write("mute.md", &SCENARIO.replace("## Prompt\n\nDo it.\n\n", ""));
    world.write("harness.sh", "true\n");
    let mute = world.run(&["run", "mute.md"]).ended(2);
    assert!(mute.stderr.contains("prompt"), "{}", mute.stderr);

    world.write(
        "wrong.md",
        &SCENARIO.replace(
            "run.exitCode",
            "github.issues.filter(i, i.stat == 'x').size()",
        ),
    );
    let wrong = world.run(&["run", "wrong.md"]).ended(2);
    assert!(
        wrong.stderr.contains("stat") && wrong.stderr.contains("state"),
        "{}",
        wrong.stderr
    );

    world.write(".archal.json", "{\"scenarois\": []}");
    let unknown = world.run(&["run", "check.md"]).ended(2);
    assert!(unknown.stderr.contains("scenarios"), "{}", unknown.stderr);

    world.write(".archal.json", "{}");
    world.write("blocked", "a file where the state folder should be");
    let mut world = world;
    world.set("ARCHAL_STATE_DIR", "blocked/below");
    let unwritable = world.run(&["run", "check.md"]).ended(3);
    assert!(
        unwritable.stderr.contains("ARCHAL_STATE_DIR"),
        "{}",
        unwritable.stderr
    );
}

#[test]
fn a_criterion_that_raises_makes_the_run_inconclusive() {
    let world = world();
    world.write("harness.sh", "true\n");
    world.write(
        "check.md",
        &SCENARIO.replace("run.exitCode == 0", "1 / size(calls) == 1"),
    );
    let output = world.run(&["run", "check.md", "-o", "json"]);
    assert_eq!(result(&output)["status"], "inconclusive");
    assert_eq!(result(&output)["score"], Value::Null);
    assert_eq!(output.code, Some(4), "{output}");
}
