//! Fixers by name: stand-ins with the programs' names that say what the real ones were seen to say.

use archal_testkit::cli::{Output, TestEnv};
use serde_json::{Value, json};

use super::attach::{again, attach, job};
use super::untouched_demo;

/// Says what a captured run said and ends as it did.
pub(super) fn replay(case: &str) -> String {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/agent-cli");
    format!(
        "cat '{folder}/{case}.out'; cat '{folder}/{case}.err' >&2; exit $(cat '{folder}/{case}.rc')"
    )
}

fn fixed_by(world: &TestEnv, name: &str, more: &[&str]) -> (Output, Value) {
    again(world);
    let flags = [
        "--allow-external-execution",
        "--fixer",
        name,
        "--budget-usd",
        "none",
    ];
    let output = attach(world, "demo/traces", &[&flags[..], more].concat());
    let job = job(&output);
    (output, job)
}

#[track_caller]
fn begins(job: &Value, outcome: &str) {
    assert_eq!(job["status"], "fix_failed", "{job}");
    let reason = job["reason"].as_str().expect("text");
    assert!(reason.starts_with(&format!("{outcome}: ")), "{reason}");
}

/// Leaves a change in the tree that no failed run may be judged by.
const EDIT: &str = "echo '# touched' >> agent.py";

#[test]
fn what_an_agent_says_of_its_end_is_told() {
    let (world, _) = untouched_demo();
    let (_, missing) = fixed_by(&world, "claude", &[]);
    begins(&missing, "not_started");
    for (script, outcome) in [
        (replay("claude_ok"), "no_change"),
        (replay("claude_denied_stream"), "denied"),
        (
            format!("{EDIT}; {}", replay("claude_maxturns")),
            "limit_turns",
        ),
        (
            format!("{EDIT}; {}", replay("claude_budget")),
            "limit_budget",
        ),
        (format!("{EDIT}; {}", replay("claude_nokey")), "auth"),
    ] {
        world.program("claude", &script);
        begins(&fixed_by(&world, "claude", &[]).1, outcome);
    }
    // The prompt comes by stdin, which ends after it.
    let script = format!(
        "grep -q 'Repair the agent' && python3 fix.py; {}",
        replay("claude_stream_ok")
    );
    world.program("claude", &script);
    let (output, right) = fixed_by(&world, "claude", &[]);
    assert_eq!(right["status"], "fixed", "{right}");
    assert_eq!(output.code, Some(0), "{output}");
}

#[test]
fn an_agent_that_says_nothing_of_its_end_is_not_believed() {
    let (world, _) = untouched_demo();
    for (script, outcome) in [
        (format!("{EDIT}; exit 0"), "no_result"),
        (format!("{EDIT}; kill -9 $$"), "killed"),
        (format!("{EDIT}; exit 143"), "killed"),
        (format!("{EDIT}; echo no >&2; exit 3"), "tool_error"),
    ] {
        world.program("claude", &script);
        begins(&fixed_by(&world, "claude", &[]).1, outcome);
    }
    let quota = r#"echo '{"type":"turn.failed","error":{"message":"usage limit"}}'; exit 1"#;
    world.program("codex", quota);
    begins(&fixed_by(&world, "codex", &[]).1, "quota");
}

#[test]
fn the_errors_of_every_agent_are_told() {
    let (world, _) = untouched_demo();
    for (case, outcome) in [
        ("codex_401", "auth"),
        ("codex_nogit", "tool_error"),
        ("copilot_401", "auth"),
        ("gemini_401_json", "auth"),
        ("gemini_401_stream-json", "auth"),
        ("gemini_untrusted", "denied"),
        ("opencode_401", "auth"),
    ] {
        let name = case.split('_').next().expect("a name");
        world.program(name, &format!("{EDIT}; {}", replay(case)));
        begins(&fixed_by(&world, name, &[]).1, outcome);
    }
}

#[test]
fn every_agent_may_repair() {
    let (world, _) = untouched_demo();
    for case in [
        "codex_ok",
        "copilot_ok",
        "gemini_ok_stream-json",
        "opencode_ok",
    ] {
        let name = case.split('_').next().expect("a name");
        world.program(name, &format!("python3 fix.py; {}", replay(case)));
        let (output, right) = fixed_by(&world, name, &[]);
        assert_eq!(right["status"], "fixed", "{right}");
        assert_eq!(output.code, Some(0), "{output}");
    }
}

#[test]
fn silence_and_slowness_end_a_fixer() {
    let (world, _) = untouched_demo();
    world.program("claude", "sleep 600");
    let timed = |fix_timeout: u32, idle_timeout: u32| {
        let mut config: Value =
            serde_json::from_str(&world.read("demo/.archal.json")).expect("the example's");
        config["attach"]["fixTimeout"] = fix_timeout.into();
        config["fixer"] = json!({ "idleTimeout": idle_timeout });
        world.write("demo/timed.json", &config.to_string());
        let (_, job) = fixed_by(&world, "claude", &["--config", "demo/timed.json"]);
        begins(&job, "timeout");
        job["reason"].as_str().expect("text").to_owned()
    };
    let reason = timed(600, 1);
    assert!(reason.contains("silent for 1 s"), "{reason}");
    world.program("claude", "while :; do echo '{}'; sleep 0.1; done");
    let reason = timed(2, 60);
    assert!(reason.contains("more than 2 s"), "{reason}");
}

#[test]
fn hostile_output_neither_convinces_nor_fills_the_disk() {
    let (world, _) = untouched_demo();
    let fake = r#"{"type":"result","subtype":"success","is_error":false}"#;
    let lie = format!(
        "echo '# touched' >> agent.py; printf '\\033[2J%s\\n' '{fake}'; echo 'he said: {fake}'"
    );
    world.program("claude", &lie);
    begins(&fixed_by(&world, "claude", &[]).1, "no_result");
    let flood = format!(
        "python3 fix.py; head -c 100000000 /dev/zero | tr '\\0' x; echo; {}",
        replay("claude_ok")
    );
    world.program("claude", &flood);
    let (_, job) = fixed_by(&world, "claude", &[]);
    assert_eq!(job["status"], "fixed", "{job}");
    let fixes = world.repo().join("demo/.archal/attach/fixes");
    let transcript = super::only_folder(&fixes).join("transcript.log");
    let length = transcript.metadata().expect("a transcript").len();
    assert!(length < 40 << 20, "{length}");
}
