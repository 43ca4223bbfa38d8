//! `archal init` in repositories as people have them.

use archal_testkit::cli::TestEnv;

use super::environment;

/// A repository with these files.
fn repository(files: &[(&str, &str)]) -> TestEnv {
    let world = environment();
    for (path, text) in files {
        world.write(path, text);
    }
    world
}

/// What was written is sound, and a second time changes nothing.
fn is_sound(world: &TestEnv) {
    let before = world.read(".archal.json");
    world.run(&["scenario", "validate", "--strict"]).ended(0);
    world.run(&["config", "show"]).ended(0);
    let again = world.run(&["init", "--json"]).ended(0).json();
    let actions: Vec<&str> = again["files"]
        .as_array()
        .expect("files")
        .iter()
        .filter_map(|file| file["action"].as_str())
        .collect();
    assert!(actions.iter().all(|action| *action == "kept"), "{again}");
    assert_eq!(world.read(".archal.json"), before);
}

#[test]
fn a_typescript_agent_that_takes_its_task_is_evident() {
    let world = repository(&[
        (
            "package.json",
            r#"{"name": "triage", "main": "dist/index.js", "scripts": {"agent": "tsx src/agent.ts", "test": "vitest"},
                "dependencies": {"@octokit/rest": "^22", "openai": "^6", "@slack/web-api": "^7"}, "devDependencies": {"tsx": "^4"}}"#,
        ),
        (
            "src/agent.ts",
            "const task = process.env.AGENT_TASK;\nconsole.log(task);\n",
        ),
        ("src/agent.test.ts", "process.env.AGENT_TASK = 'x';\n"),
        (
            "node_modules/octokit/package.json",
            "{\"dependencies\": {\"stripe\": \"1\"}}",
        ),
    ]);
    insta::assert_snapshot!(world.run(&["init"]));
    insta::assert_snapshot!(world.read(".archal.json"));
    assert!(!world.repo().join(".archal/harness.mjs").exists());
    is_sound(&world);
}

#[test]
fn a_python_agent_gets_a_harness_that_fails_until_it_is_filled_in() {
    let world = repository(&[
        (
            "pyproject.toml",
            "[project]\nname = \"triage\"\ndependencies = [\"PyGithub>=2\", \"slack_sdk[optional]\", \"anthropic~=0.9\"]\n[project.scripts]\ntriage = \"triage.main:main\"\n[dependency-groups]\ndev = [\"pytest\"]\n",
        ),
        (
            "requirements-dev.txt",
            "# tools\n-r base.txt\nstripe==12.0 ; python_version > \"3.9\"\n",
        ),
        ("src/triage/main.py", "def main():\n    pass\n"),
    ]);
    insta::assert_snapshot!(world.run(&["init"]));
    let harness = world.read(".archal/harness.py");
    assert!(
        harness.contains("#   triage   (the script `triage` of pyproject.toml)"),
        "{harness}"
    );
    is_sound(&world);
}

#[test]
fn a_rust_agent_gets_a_shell_harness() {
    let world = repository(&[(
        "Cargo.toml",
        "[package]\nname = \"triage\"\nversion = \"0.1.0\"\n[dependencies]\noctocrab = \"0.44\"\nasync-openai = { version = \"0.29\" }\n",
    )]);
    insta::assert_snapshot!(world.run(&["init"]));
    assert!(
        world
            .read(".archal/harness.sh")
            .contains("cargo run --quiet --package triage --")
    );
    is_sound(&world);
}

#[test]
fn mcp_servers_show_services() {
    let world = repository(&[
        (
            ".mcp.json",
            r#"{"mcpServers": {"hub": {"command": "npx", "args": ["-y", "@modelcontextprotocol/server-github"]}, "pay": {"url": "https://mcp.stripe.com"}}}"#,
        ),
        (".cursor/mcp.json", "{ not json"),
    ]);
    insta::assert_snapshot!(world.run(&["init", "--dry-run"]));
    assert!(!world.repo().join(".archal.json").exists());
    world.run(&["init"]).ended(0);
    assert!(
        world
            .read(".archal/harness.py")
            .contains("ARCHAL_MCP_CONFIG")
    );
    is_sound(&world);
}

#[test]
fn a_monorepo_is_looked_through() {
    let world = repository(&[
        (
            "package.json",
            r#"{"private": true, "workspaces": ["packages/*"]}"#,
        ),
        (
            "packages/bot/package.json",
            r#"{"name": "bot", "bin": {"bot": "./bin/bot.js"}, "dependencies": {"octokit": "5", "@linear/sdk": "60"}}"#,
        ),
        (
            "packages/ui/package.json",
            r#"{"name": "ui", "dependencies": {"react": "19"}}"#,
        ),
        ("services/scan/requirements.txt", "ghapi\n"),
    ]);
    insta::assert_snapshot!(world.run(&["init"]));
    is_sound(&world);
}

#[test]
fn an_empty_repository_gets_a_first_scenario_all_the_same() {
    let world = environment();
    insta::assert_snapshot!(world.run(&["init"]));
    is_sound(&world);
}

#[test]
fn a_broken_manifest_is_told_and_stops_nothing() {
    let world = repository(&[
        ("package.json", "{\"dependencies\": {\"octokit\": }"),
        ("pyproject.toml", "[project\nname = 1"),
    ]);
    insta::assert_snapshot!(world.run(&["init"]));
    is_sound(&world);
}

#[test]
fn what_is_there_stays() {
    let world = repository(&[
        (".archal.json", "{\"scenarios\": [\"scenarios\"]}\n"),
        ("harness.py", "print('mine')\n"),
        ("package.json", "{\"dependencies\": {\"octokit\": \"5\"}}"),
    ]);
    let output = world.run(&["init"]).ended(0);
    assert!(output.stdout.contains("kept .archal.json"), "{output}");
    assert!(output.stdout.contains("kept harness.py"), "{output}");
    assert_eq!(world.read("harness.py"), "print('mine')\n");
    is_sound(&world);
}

#[test]
fn an_unknown_clone_is_a_usage_error() {
    insta::assert_snapshot!(environment().run(&["init", "--clone", "githb"]));
}

#[test]
fn a_stub_fails_and_says_why() {
    let world = repository(&[("Cargo.toml", "[package]\nname = \"triage\"\n")]);
    world.run(&["init"]).ended(0);
    let output = world.run(&["run", "--route", "proxy"]);
    assert_ne!(output.code, Some(0), "{output}");
    let evidence = std::fs::read_dir(world.repo().join(".archal/cache/runs")).expect("runs");
    let told = evidence.flatten().any(|run| {
        std::fs::read_to_string(run.path().join("stderr"))
            .is_ok_and(|text| text.contains("is not filled in yet"))
    });
    assert!(told, "{output}");
}
