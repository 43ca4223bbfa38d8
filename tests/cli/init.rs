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
    _ = world.run(&["scenario", "validate", "--strict"]).ended(0);
    _ = world.run(&["config", "show"]).ended(0);
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
    insta::assert_snapshot!(world.run(&["init"]), @r###"
        exit code: 0
        ----- stdout -----
        found github: @octokit/rest in package.json
        found slack, which has no clone yet: @slack/web-api in package.json
        found a model, its key is in OPENAI_API_KEY: openai in package.json
        found the agent: npx --no-install tsx src/agent.ts (src/agent.ts reads AGENT_TASK)

        wrote .archal.json: the agent, its clones and where its scenarios are
        wrote scenarios/first-run.md: a first scenario, which only reads

        next: archal scenario validate scenarios
        next: archal run
        ----- stderr -----
        "###);
    insta::assert_snapshot!(world.read(".archal.json"), @r###"
        {
          "agent": {"args":["--no-install","tsx","src/agent.ts"],"command":"npx"},
          "clones": ["github"],
          "scenarios": ["scenarios"],
          "agentKeys": ["OPENAI_API_KEY"]
        }
        "###);
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
    insta::assert_snapshot!(world.run(&["init"]), @r###"
        exit code: 0
        ----- stdout -----
        found github: pygithub in pyproject.toml
        found slack, which has no clone yet: slack-sdk in pyproject.toml
        found stripe, which has no clone yet: stripe in requirements-dev.txt
        found a model, its key is in ANTHROPIC_API_KEY: anthropic in pyproject.toml

        wrote .archal.json: the agent, its clones and where its scenarios are
        wrote .archal/harness.py: starts the agent; it fails until it is filled in
        wrote scenarios/first-run.md: a first scenario, which only reads

        next: $EDITOR .archal/harness.py
        next: archal scenario validate scenarios
        next: archal run
        ----- stderr -----
        "###);
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
    insta::assert_snapshot!(world.run(&["init"]), @r###"
        exit code: 0
        ----- stdout -----
        found github: octocrab in Cargo.toml
        found a model, its key is in OPENAI_API_KEY: async-openai in Cargo.toml

        wrote .archal.json: the agent, its clones and where its scenarios are
        wrote .archal/harness.sh: starts the agent; it fails until it is filled in
        wrote scenarios/first-run.md: a first scenario, which only reads

        next: $EDITOR .archal/harness.sh
        next: archal scenario validate scenarios
        next: archal run
        ----- stderr -----
        "###);
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
    insta::assert_snapshot!(world.run(&["init", "--dry-run"]), @r###"
        exit code: 0
        ----- stdout -----
        found github: the MCP server `hub` in .mcp.json
        found stripe, which has no clone yet: the MCP server `pay` in .mcp.json
        note: .cursor/mcp.json cannot be read: key must be a string at line 1 column 3

        would write .archal.json: the agent, its clones and where its scenarios are
        would write .archal/harness.py: starts the agent; it fails until it is filled in
        would write scenarios/first-run.md: a first scenario, which only reads

        next: archal init
        ----- stderr -----
        "###);
    assert!(!world.repo().join(".archal.json").exists());
    _ = world.run(&["init"]).ended(0);
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
    insta::assert_snapshot!(world.run(&["init"]), @r###"
        exit code: 0
        ----- stdout -----
        found github: octokit in packages/bot/package.json, ghapi in services/scan/requirements.txt
        found linear, which has no clone yet: @linear/sdk in packages/bot/package.json

        wrote .archal.json: the agent, its clones and where its scenarios are
        wrote .archal/harness.mjs: starts the agent; it fails until it is filled in
        wrote scenarios/first-run.md: a first scenario, which only reads

        next: $EDITOR .archal/harness.mjs
        next: archal scenario validate scenarios
        next: archal run
        ----- stderr -----
        "###);
    is_sound(&world);
}

#[test]
fn an_empty_repository_gets_a_first_scenario_all_the_same() {
    let world = environment();
    insta::assert_snapshot!(world.run(&["init"]), @r###"
        exit code: 0
        ----- stdout -----
        note: nothing here shows a service that has a clone; the first scenario is of github: archal init --clone <name> names another, archal clone list has them

        wrote .archal.json: the agent, its clones and where its scenarios are
        wrote .archal/harness.py: starts the agent; it fails until it is filled in
        wrote scenarios/first-run.md: a first scenario, which only reads

        next: $EDITOR .archal/harness.py
        next: archal scenario validate scenarios
        next: archal run
        ----- stderr -----
        "###);
    is_sound(&world);
}

#[test]
fn a_broken_manifest_is_told_and_stops_nothing() {
    let world = repository(&[
        ("package.json", "{\"dependencies\": {\"octokit\": }"),
        ("pyproject.toml", "[project\nname = 1"),
    ]);
    insta::assert_snapshot!(world.run(&["init"]), @r###"
        exit code: 0
        ----- stdout -----
        note: package.json cannot be read: expected value at line 1 column 30
        note: pyproject.toml cannot be read: unclosed table, expected `]`
        note: nothing here shows a service that has a clone; the first scenario is of github: archal init --clone <name> names another, archal clone list has them

        wrote .archal.json: the agent, its clones and where its scenarios are
        wrote .archal/harness.py: starts the agent; it fails until it is filled in
        wrote scenarios/first-run.md: a first scenario, which only reads

        next: $EDITOR .archal/harness.py
        next: archal scenario validate scenarios
        next: archal run
        ----- stderr -----
        "###);
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
    insta::assert_snapshot!(environment().run(&["init", "--clone", "githb"]), @r###"
        exit code: 2
        ----- stdout -----
        ----- stderr -----
        error: there is no clone `githb`
        hint: archal init --clone github
        "###);
}

#[test]
fn a_stub_fails_and_says_why() {
    let world = repository(&[("Cargo.toml", "[package]\nname = \"triage\"\n")]);
    _ = world.run(&["init"]).ended(0);
    let output = world.run(&["run", "--route", "proxy"]);
    assert_ne!(output.code, Some(0), "{output}");
    let evidence = std::fs::read_dir(world.repo().join(".archal/cache/runs")).expect("runs");
    let told = evidence.flatten().any(|run| {
        std::fs::read_to_string(run.path().join("stderr"))
            .is_ok_and(|text| text.contains("is not filled in yet"))
    });
    assert!(told, "{output}");
}
