//! `archal attach --check`: what is ready and what is missing, with nothing done.

use std::path::Path;
use std::process::Command;

use archal_testkit::cli::{Output, TestEnv};
use serde_json::Value;

use super::{git, listing, world};

const TRACE: &str = "examples/issue-janitor/traces/2026-11-20-sweep.otlp.json";

/// The example's agent, committed.
fn agent() -> TestEnv {
    let world = world();
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/issue-janitor");
    let status = Command::new("cp")
        .arg("-r")
        .args([&example, &world.repo().join("agent")])
        .status()
        .expect("cp starts");
    assert!(status.success());
    git(&world, "agent", &["init", "--quiet", "-b", "main"]);
    git(&world, "agent", &["add", "--all"]);
    git(&world, "agent", &["commit", "--quiet", "-m", "first"]);
    world
}

fn check(world: &TestEnv, more: &[&str]) -> Output {
    let arguments = ["attach", "agent/traces", "--repo", "agent", "--check"];
    world
        .run(&[&arguments[..], more].concat())
        .with(r"HEAD [0-9a-f]{12}", "HEAD <commit>")
}

/// One part of the document.
fn part(output: &Output, name: &str) -> Value {
    let document = output.json();
    let parts = document["parts"].as_array().expect("a list").clone();
    let found = parts.into_iter().find(|part| part["name"] == name);
    found.unwrap_or_else(|| panic!("no part {name}: {output}"))
}

fn is_held_by_namespaces(output: &Output) -> bool {
    output
        .stdout
        .contains("isolated: the agent reaches the clones and nothing else")
}

#[test]
fn everything_ready_is_said_and_nothing_is_written() {
    let world = agent();
    let before = listing(&world.repo());
    let fixer = [
        "--fix-command",
        "python3 fix.py",
        "--allow-external-execution",
    ];
    let output = check(&world, &fixer);
    assert!(is_held_by_namespaces(&output), "{output}");
    insta::assert_snapshot!(output, @r"
    exit code: 0
    ----- stdout -----
    ok      directory      $TEST_ENV/repo/agent/traces: 1 file, watched by events
    ok      traces         1 of 1 file read, 1 trace (otlp-json: http, otel-genai); 0 values redacted
    ok      evidence       score 100 of 100: the state can be rebuilt from 1 of 1 trace
                           tools: 32/32 with arguments, 32/32 with results; HTTP: 62/62 request bodies, 64/64 response bodies
                           possible: import 1; grade by signals 1, by claims 1, by state 1; seed 1; reproduce and fix 1
    ok      configuration  agent/.archal.json; policy fix
    ok      repository     $TEST_ENV/repo/agent at HEAD <commit>, branch main
    ok      scenarios      1 scenario; 1 of 1 sample trace matched by one
    ok      clones         github (in 1 scenario)
    ok      harness        python3 agent.py
                           it starts in a private copy; without a task it ends with status 1
                           its last word: issue-janitor: the task names no repository (owner/name) or no number of days
    ok      route          isolated: the agent reaches the clones and nothing else
    ok      sandbox        namespaces: nothing outlives archal, and children see the repository read-only; a fixer is confined whole
    ok      fixer          python3 fix.py
    ok      budget         $1.00 a trace, $5.00 a day; $5.00 left today
    ok      state          $TEST_ENV/repo/agent/.archal; no watcher runs
    -       git remote     none; none is needed, since a proven fix is a patch
    ok      redaction key  made at the first import, $TEST_ENV/home/.local/state/archal/redaction.key
    ready: nothing is missing
    ----- stderr -----
    ");
    assert_eq!(listing(&world.repo()), before);
    assert!(!world.repo().join("agent/.archal").exists());
    assert!(!world.home().join(".local/state/archal").exists());
}

#[test]
fn everything_missing_is_said_with_what_mends_it() {
    let world = world();
    world.write("agent/notes.txt", "no repository\n");
    let output = check(&world, &["--execution-policy", "reproduce"]);
    assert!(is_held_by_namespaces(&output), "{output}");
    insta::assert_snapshot!(output, @r"
    exit code: 3
    ----- stdout -----
    missing directory      $TEST_ENV/repo/agent/traces does not exist
                           hint: archal attach $TEST_ENV/repo/agent/traces --repo $TEST_ENV/repo/agent --create
    limited traces         no trace file is there yet; attach waits for the first
                           hint: archal schema trace  # the format of a batch file; OTLP JSON is read too
    -       evidence       there is no trace to look at
    ok      configuration  no .archal.json, so the defaults; policy reproduce
    missing repository     $TEST_ENV/repo/agent is no git repository
                           hint: git -C $TEST_ENV/repo/agent init && git -C $TEST_ENV/repo/agent add --all && git -C $TEST_ENV/repo/agent commit -m first
    -       agent          scenarios and harness are looked at when repository and configuration can be used
    ok      route          isolated: the agent reaches the clones and nothing else
    ok      sandbox        namespaces: nothing outlives archal, and children see the repository read-only
    -       fixer          not needed: the policy is reproduce
    ok      budget         $1.00 a trace, $5.00 a day; $5.00 left today
    ok      state          $TEST_ENV/repo/agent/.archal; no watcher runs
    -       git remote     none; none is needed, since a proven fix is a patch
    ok      redaction key  made at the first import, $TEST_ENV/home/.local/state/archal/redaction.key
    not ready: directory, repository
    ----- stderr -----
    ");
}

#[test]
fn traces_without_content_name_the_setting_that_captures_it() {
    let world = agent();
    let text = world.read(format!(
        "agent/{}",
        &TRACE["examples/issue-janitor/".len()..]
    ));
    let mut trace: Value = serde_json::from_str(&text).expect("JSON");
    let spans = trace["resourceSpans"][0]["scopeSpans"][0]["spans"]
        .as_array_mut()
        .expect("spans");
    for span in spans {
        if let Some(attributes) = span["attributes"].as_array_mut() {
            attributes.retain(|one| {
                let key = one["key"].as_str().unwrap_or_default();
                !key.contains("response.body") && !key.contains("call.result")
            });
        }
    }
    std::fs::remove_dir_all(world.repo().join("agent/traces")).expect("there");
    world.write("agent/traces/bare.json", &trace.to_string());
    world.write("agent/traces/noise.json", "{\"no\": \"trace\"}");
    let output = check(&world, &["--execution-policy", "grade", "--json"]).ended(3);
    let evidence = part(&output, "evidence");
    assert_eq!(evidence["status"], "missing", "{evidence}");
    let hints = evidence["hints"].to_string();
    assert!(hints.contains("http.response.body"), "{hints}");
    assert!(
        hints.contains("OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"),
        "{hints}"
    );
    let document = output.json();
    assert_eq!(document["evidence"]["rebuilt"], 0);
    assert_eq!(document["evidence"]["responseBodies"]["there"], 0);
    let traces = part(&output, "traces");
    assert_eq!(traces["status"], "limited", "{traces}");
    assert!(
        traces["notes"].to_string().contains("noise.json"),
        "{traces}"
    );
    // What was committed and is gone from the checkout is left out, and said.
    let repository = part(&output, "repository");
    assert!(
        repository["notes"].to_string().contains("2026-11-20-sweep"),
        "{repository}"
    );
}

#[test]
fn set_up_and_harness_run_only_where_the_policy_is_the_permission() {
    let world = agent();
    let ran = world.repo().join("ran");
    let config = |setup: &str| {
        let text = serde_json::json!({
            "agent": {"command": "python3", "args": ["agent.py"]},
            "scenarios": ["archal"],
            "workspace": {"setup": setup},
            // It writes where the test can see it.
            "attach": {"sandbox": "off"},
        });
        world.write("agent/.archal.json", &text.to_string());
    };
    config(&format!("touch '{}'", ran.display()));
    let harness = |policy: &str| {
        let output = check(&world, &["--execution-policy", policy, "--json"]);
        part(&output, "harness")
    };
    assert_eq!(harness("grade")["status"], "ready");
    assert!(!ran.exists());
    assert_eq!(harness("reproduce")["status"], "ready");
    assert!(ran.exists());

    config("echo no network >&2; exit 3");
    let failed = harness("reproduce");
    assert_eq!(failed["status"], "missing", "{failed}");
    assert!(
        failed["detail"].to_string().contains("no network"),
        "{failed}"
    );

    config("rm agent.py");
    let absent = harness("reproduce");
    assert_eq!(absent["status"], "missing", "{absent}");
}

#[test]
fn a_configuration_that_cannot_be_used_comes_first() {
    let world = agent();
    world.write("agent/.archal.json", r#"{"scenarioz": []}"#);
    let output = check(&world, &["--json"]).ended(3);
    let configuration = part(&output, "configuration");
    assert_eq!(configuration["status"], "missing");
    assert!(configuration["notes"].to_string().contains("scenarioz"));
    assert_eq!(part(&output, "traces")["status"], "unneeded");
    assert_eq!(output.json()["ready"], false);
}

#[test]
fn it_goes_with_nothing_that_does_something() {
    let world = agent();
    for flag in ["--once", "--foreground", "--create"] {
        let refused = check(&world, &[flag]).ended(2);
        assert!(refused.stderr.contains(flag), "{refused}");
    }
}

#[test]
fn starting_states_of_the_repository_that_cannot_be_read_are_told() {
    let world = agent();
    let none = check(&world, &["--json"]);
    assert!(!none.stdout.contains("\"states\""), "{none}");
    world.write("agent/archal/seeds/github.json", "{\"labels\": []}");
    world.write("agent/archal/seeds/github-more.json", "{\"labels\": [}");
    world.write("agent/archal/seeds/gitlab.json", "{}");
    git(&world, "agent", &["add", "--all"]);
    git(&world, "agent", &["commit", "--quiet", "-m", "states"]);
    // There is no fixer, which is another part's matter.
    let part = part(&check(&world, &["--json"]).ended(3), "states");
    assert_eq!(part["status"], "limited", "{part}");
    let notes = part["notes"].to_string();
    for said in [
        "archal/seeds/gitlab.json: its name does not begin with that of a clone",
        "the seed archal/seeds/github-more.json is neither JSON nor YAML",
    ] {
        assert!(notes.contains(said), "{said}: {notes}");
    }
}
