//! Real coding agents, unmodified, repair a script with a model on the loopback: what `src/driver` says of
//! their arguments, variables, records and usage is true of the programs themselves.
//!
//! `cargo xtask test` installs them, in the versions of `js/package-lock.json`, and names the folder in
//! `ARCHAL_TEST_AGENTS`; with `--ring agents` it runs nothing else.

mod cycling;
mod model;

use std::path::PathBuf;

use archal_testkit::cli::{Output, TestEnv};
use serde_json::{Value, json};

use model::{KEY, Mind, Model, RIGHT, TOKENS, Turn, WRONG, read_the_task, word_before};

/// Where `cargo xtask test` put the agents.
#[expect(
    clippy::disallowed_methods,
    reason = "the test runner says in the environment where it put them"
)]
fn packages() -> PathBuf {
    let folder = std::env::var_os("ARCHAL_TEST_AGENTS").map(PathBuf::from);
    folder
        .expect("ARCHAL_TEST_AGENTS is set by `cargo xtask test`, which installs the agents")
        .join("node_modules")
}

/// The processor as npm names it.
fn processor() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "x64",
        _ => "arm64",
    }
}

/// The repair of `archal fixer test`.
fn repair(text: &str) -> Turn {
    if text.contains(RIGHT) {
        return Turn::Say("Done.");
    }
    let Some(tree) = word_before(text, " the command `sh check.sh`") else {
        return read_the_task(text);
    };
    let script = format!("{tree}/total.sh");
    match text.contains(WRONG) {
        true => Turn::Edit(script),
        false => Turn::Read(script),
    }
}

/// Claude, with a model that does this.
fn claude(mind: Mind) -> Repairing {
    let package = format!("@anthropic-ai/claude-code-linux-{}/claude", processor());
    let mut repairing = Repairing::thinking("claude", &package, mind);
    let url = repairing.model.url("");
    repairing.world.set("ANTHROPIC_API_KEY", KEY);
    repairing.world.set("ANTHROPIC_BASE_URL", url);
    repairing
}

/// Codex, with a model that does this, and its configuration.
fn codex(mind: Mind) -> (Repairing, Value) {
    let package = format!(
        "@openai/codex-linux-{}/vendor/{}-unknown-linux-musl/bin/codex",
        processor(),
        std::env::consts::ARCH
    );
    let mut repairing = Repairing::thinking("codex", &package, mind);
    let base = format!("openai_base_url=\"{}\"", repairing.model.url("/v1"));
    repairing.world.set("CODEX_API_KEY", KEY);
    let hosts = [repairing.model.host()];
    let fixer = json!({"model": "loopback", "args": ["-c", base], "hosts": hosts});
    (repairing, fixer)
}

/// A world in which an agent is in `PATH`, with a model that speaks to it.
struct Repairing {
    world: TestEnv,
    model: Model,
    name: &'static str,
}

impl Repairing {
    /// `program` is its file below the packages.
    fn by(name: &'static str, program: &str) -> Self {
        Self::thinking(name, program, repair)
    }

    fn thinking(name: &'static str, program: &str, mind: Mind) -> Self {
        let mut world = TestEnv::new(env!("CARGO_BIN_EXE_archal"));
        world.with_callers_programs();
        let program = packages().join(program);
        assert!(program.is_file(), "{} is not there", program.display());
        world.program(name, &format!("exec '{}' \"$@\"", program.display()));
        Self {
            world,
            model: Model::new(mind),
            name,
        }
    }

    /// Lets it repair, with a configuration and a key that the model takes.
    #[track_caller]
    fn repairs(&self, config: &Value) -> Value {
        let mut config = config.clone();
        config["attach"] = json!({"sandbox": "required"});
        self.world.write(".archal.json", &config.to_string());
        let output = self.run();
        let asked = self.model.asked();
        assert_eq!(output.code, Some(0), "{output}\nasked: {asked:#?}");
        let document = output.json();
        let fixer = &document["fixer"];
        assert_eq!(fixer["end"], "changed", "{output}");
        assert_eq!(document["changed"], json!(["total.sh"]), "{output}");
        // It says what it used, to the token.
        let answered = self.model.answered();
        let usage = &fixer["usage"];
        let told = (&usage["inputTokens"], &usage["outputTokens"]);
        let used = (json!(TOKENS.0 * answered), json!(TOKENS.1 * answered));
        assert_eq!(told, (&used.0, &used.1), "{output}\nasked: {asked:#?}");
        // What anybody may read does not hold its key.
        assert!(!output.stdout.contains(KEY), "{output}");
        // It works confined, with all that the sandbox has, and is refused nothing that it needs.
        let confined = &fixer["confined"];
        assert_eq!(confined["missing"], json!([]), "{output}");
        for part in ["files", "network", "calls", "processes", "memory"] {
            assert!(confined[part].is_string(), "{part}: {output}");
        }
        document
    }

    fn run(&self) -> Output {
        self.world.run(&["fixer", "test", self.name, "--json"])
    }
}

#[test]
fn claude_repairs() {
    claude(repair).repairs(&json!({"fixer": {"model": "claude-sonnet-4-5"}}));
}

#[test]
fn codex_repairs() {
    let (repairing, fixer) = codex(repair);
    let repaired = repairing.repairs(&json!({ "fixer": fixer }));
    // Its own sandbox could not start in archal's.
    let command = repaired["fixer"]["command"].as_str().expect("text");
    assert!(
        command.contains("--sandbox danger-full-access"),
        "{command}"
    );
}

#[test]
fn copilot_repairs() {
    let package = format!("@github/copilot-linux-{}/copilot", processor());
    let mut repairing = Repairing::by("copilot", &package);
    let url = repairing.model.url("/v1");
    repairing.world.set("COPILOT_PROVIDER_API_KEY", KEY);
    repairing.world.set("COPILOT_PROVIDER_BASE_URL", url);
    repairing.world.set("COPILOT_OFFLINE", "true");
    repairing.repairs(&json!({"fixer": {"model": "loopback"}}));
}

#[test]
fn gemini_repairs() {
    let mut repairing = Repairing::by("gemini", "@google/gemini-cli/bundle/gemini.js");
    let url = repairing.model.url("");
    repairing.world.set("GEMINI_API_KEY", KEY);
    repairing.world.set("GOOGLE_GEMINI_BASE_URL", url);
    repairing.repairs(&json!({"fixer": {"model": "gemini-2.5-pro"}}));
}

/// It is not published for other processors in the version that is pinned.
#[cfg(target_arch = "x86_64")]
#[test]
fn opencode_repairs() {
    let mut repairing = Repairing::by("opencode", "opencode-linux-x64-baseline/bin/opencode");
    let provider = json!({"provider": {"loop": {
        "npm": "@ai-sdk/openai-compatible",
        "options": {"baseURL": repairing.model.url("/v1"), "apiKey": "{env:LOOP_KEY}"},
        "models": {"one": {}},
    }}});
    // It looks for packages of its own; here there are none.
    let registry = repairing.model.url("/npm/");
    repairing.world.set("npm_config_registry", registry);
    repairing.world.set("LOOP_KEY", KEY);
    repairing
        .world
        .set("OPENCODE_CONFIG_CONTENT", provider.to_string());
    repairing.repairs(&json!({
        "fixer": {"model": "loop/one", "keyEnv": "LOOP_KEY", "hosts": [repairing.model.host()]},
        "workspace": {"env": ["OPENCODE_CONFIG_CONTENT", "npm_config_registry"]},
    }));
}
