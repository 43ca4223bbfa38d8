//! `archal preprod plan` on repositories of several kinds.

use archal_testkit::cli::TestEnv;
use serde_json::Value;

use super::super::{git, world};
use super::text;

/// A repository of an agent in JavaScript with an MCP server and a model.
fn triage() -> TestEnv {
    let world = world();
    world.write(
        "repo/package.json",
        r#"{"dependencies": {"@octokit/rest": "1", "openai": "1", "stripe": "1"}, "scripts": {"test": "node --test"}}"#,
    );
    world.write(
        "repo/agent.mjs",
        "const task = process.env.AGENT_TASK;\nserver.tool(\n  \"close_issue\", {});\n",
    );
    world.write(
        "repo/.mcp.json",
        r#"{"mcpServers": {"github": {"command": "x"}}}"#,
    );
    world.write("repo/test/agent.test.mjs", "tool({ name: 'not-this' })\n");
    world.write("repo/.github/workflows/ci.yml", "on: push\n");
    git(&world, "repo", &["init", "--quiet"]);
    let remote = "https://user:secret@github.com/acme/triage.git";
    git(&world, "repo", &["remote", "add", "origin", remote]);
    world
}

fn plan(world: &TestEnv, more: &[&str]) -> Value {
    let mut arguments = vec!["preprod", "plan", "--json", "--repo", "repo"];
    arguments.extend(more);
    world.run(&arguments).ended(0).json()
}

#[test]
fn it_tells_what_is_there_and_what_is_missing() {
    let world = triage();
    let plan = plan(&world, &[]);
    let found = &plan["found"];
    assert_eq!(found["languages"], serde_json::json!(["javascript"]));
    assert_eq!(
        found["agent"]["command"],
        serde_json::json!(["node", "agent.mjs"])
    );
    assert_eq!(found["mcpConfigs"], serde_json::json!([".mcp.json"]));
    assert_eq!(
        found["tools"],
        serde_json::json!([{"name": "close_issue", "file": "agent.mjs", "line": 3}])
    );
    assert_eq!(found["tests"], serde_json::json!(["test/agent.test.mjs"]));
    assert_eq!(found["testCommand"], "npm test");
    assert_eq!(found["ci"], serde_json::json!([".github/workflows/ci.yml"]));
    assert_eq!(found["remote"], "https://github.com/acme/triage.git");
    let missing: Vec<String> = plan["missing"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|one| text(&one["what"]))
        .collect();
    assert_eq!(
        missing,
        ["scenarios", "a clone of stripe", "OPENAI_API_KEY"]
    );
    let kept = world.named(&world.read("repo/.archal/preprod-plan.json"));
    assert_eq!(serde_json::from_str::<Value>(&kept).expect("JSON"), plan);
    assert!(!world.repo().join("repo/archal").exists());
    assert!(!world.repo().join("repo/.archal.json").exists());
}

#[test]
fn what_it_writes_validates_and_runs() {
    let world = triage();
    let written = plan(
        &world,
        &["--write-scenarios", "--write-config", "--out", "plan.json"],
    );
    let kinds: Vec<String> = written["authoredScenarios"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|one| text(&one["kind"]))
        .collect();
    assert_eq!(
        kinds,
        ["smoke", "read-only", "write", "error-path", "fault"]
    );
    assert_eq!(written["config"]["written"], true);
    assert!(world.repo().join("plan.json").is_file());
    let validate = ["scenario", "validate", "--strict", "repo/archal"];
    drop(world.run(&validate).ended(0));
    let preflight = world.run(&[
        "preprod",
        "run",
        "--plan",
        "--json",
        "-c",
        "repo/.archal.json",
    ]);
    let planned = preflight.ended(0).json();
    assert_eq!(planned["scenarios"].as_array().map(Vec::len), Some(5));
    assert_eq!(planned["policy"]["validationCommand"], "npm test");
}

#[test]
fn nothing_that_is_there_is_overwritten() {
    let world = triage();
    world.write("repo/archal/smoke.md", "mine");
    world.write("repo/.archal.json", "{}");
    let mut arguments = vec!["preprod", "plan", "--repo", "repo", "--write-scenarios"];
    let output = world.run(&arguments);
    assert_eq!(output.code, Some(2), "{output}");
    assert!(
        output.stderr.contains("archal/smoke.md is there already"),
        "{output}"
    );
    assert!(!world.repo().join("repo/archal/read-only.md").exists());
    // In another folder, and without a configuration of its own: the paths are in the next command.
    arguments.extend(["checks", "--write-config"]);
    let output = world.run(&arguments).ended(0);
    assert!(
        output
            .stdout
            .contains("repo && archal preprod run --dry-run checks/smoke.md"),
        "{output}"
    );
    assert!(output.stderr.contains(".archal.json is there"), "{output}");
    assert_eq!(world.read("repo/.archal.json"), "{}");
    assert_eq!(world.read("repo/archal/smoke.md"), "mine");
}

#[test]
fn scenarios_are_written_into_the_repository_and_nowhere_else() {
    let world = triage();
    std::os::unix::fs::symlink(world.home(), world.repo().join("repo/link")).expect("a link");
    for folder in ["../elsewhere", "a/../../elsewhere", "link/archal"] {
        let output = world
            .run(&[
                "preprod",
                "plan",
                "--repo",
                "repo",
                "--write-scenarios",
                folder,
            ])
            .ended(2);
        assert!(output.stderr.contains("into the repository"), "{output}");
    }
    assert!(!world.repo().join("elsewhere").exists());
    assert!(!world.home().join("archal").exists());
}
