//! `archal fixer`: which coding agents are here.

use serde_json::Value;

use super::environment;

#[test]
fn agents_are_listed_with_their_call_and_never_their_key() {
    let mut environment = environment();
    environment.without_system_programs();
    // It would tell its key if it had it.
    environment.program("claude", "echo \"2.0 (key: ${ANTHROPIC_API_KEY-none})\"");
    environment.program("gemini", "exit 1");
    environment.set("ANTHROPIC_API_KEY", "sk-ant-do-not-tell");
    environment.set("FIXER_KEY", "do-not-tell-either");
    environment.write(
        ".archal.json",
        r#"{"fixer": {"name": "codex", "model": "strong", "keyEnv": "FIXER_KEY", "args": ["--more"]}}"#,
    );
    let output = environment.run(&["fixer", "list"]).ended(0);
    let stdout = &output.stdout;
    assert!(!stdout.contains("do-not-tell"), "{output}");
    for line in [
        "missing  aider     install it: python3 -m pip install aider-chat",
        "found    claude    2.0 (key: none), $TEST_ENV/bin/claude",
        "key: ANTHROPIC_API_KEY is set",
        "missing  codex     install it: npm install --global @openai/codex  (configured)",
        "-m strong --more - <{prompt_file}",
        "key: FIXER_KEY is set",
        "found    gemini    it says no version, $TEST_ENV/bin/gemini",
        "key: GEMINI_API_KEY is not set",
        "key: that of its model's provider",
    ] {
        assert!(stdout.contains(line), "{line}\n{output}");
    }

    let output = environment.run(&["fixer", "list", "--json"]).ended(0);
    let document = output.json();
    super::schema::holds(&document);
    assert_eq!(document["configured"], "codex");
    let rows = document["fixers"].as_array().expect("rows");
    let names: Vec<&str> = rows.iter().filter_map(|row| row["name"].as_str()).collect();
    assert_eq!(
        names,
        ["aider", "claude", "codex", "copilot", "gemini", "opencode"]
    );
    assert_eq!(rows[1]["key"]["set"], "ANTHROPIC_API_KEY");
    assert_eq!(rows[2]["isConfigured"], true);
    assert_eq!(rows[2]["program"], Value::Null);
    assert!(!output.stdout.contains("do-not-tell"), "{output}");
}

#[test]
fn a_fixer_that_nobody_named_is_a_usage_error() {
    let environment = environment();
    let none = environment.run(&["fixer", "test"]).ended(2);
    assert!(none.stderr.contains("archal fixer list"), "{none}");
    let unknown = environment.run(&["fixer", "test", "cluade"]).ended(2);
    assert!(unknown.stderr.contains("claude"), "{unknown}");
    let both = ["fixer", "test", "claude", "--fix-command", "true"];
    let both = environment.run(&both).ended(2);
    assert!(both.stderr.contains("cannot be used with"), "{both}");
}
