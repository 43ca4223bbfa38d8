//! Fixers by name: stand-ins with the programs' names that say what the real ones were seen to say.

use archal_testkit::cli::{Output, TestEnv};
use serde_json::Value;

use super::attach::{again, attach, job};
use super::kept_demo;

/// Says what a captured run said and ends as it did.
fn replay(case: &str) -> String {
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

#[test]
fn every_outcome_of_a_named_fixer_is_told() {
    let (world, _) = kept_demo();
    let (_, missing) = fixed_by(&world, "claude", &[]);
    begins(&missing, "not_started");
    let edit = "echo '# touched' >> agent.py";
    for (script, outcome) in [
        (replay("claude_ok"), "no_change"),
        (replay("claude_denied_stream"), "denied"),
        (
            format!("{edit}; {}", replay("claude_maxturns")),
            "limit_turns",
        ),
        (
            format!("{edit}; {}", replay("claude_budget")),
            "limit_budget",
        ),
        (format!("{edit}; {}", replay("claude_nokey")), "auth"),
        (format!("{edit}; exit 0"), "no_result"),
        (format!("{edit}; kill -9 $$"), "killed"),
        (format!("{edit}; exit 143"), "killed"),
        ("echo no >&2; exit 3".to_owned(), "tool_error"),
    ] {
        world.program("claude", &script);
        let (_, job) = fixed_by(&world, "claude", &[]);
        begins(&job, outcome);
    }
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
        world.program(name, &format!("{edit}; {}", replay(case)));
        let (_, job) = fixed_by(&world, name, &[]);
        begins(&job, outcome);
    }
    let quota = r#"echo '{"type":"turn.failed","error":{"message":"usage limit"}}'; exit 1"#;
    world.program("codex", quota);
    begins(&fixed_by(&world, "codex", &[]).1, "quota");
    world.program(
        "claude",
        &format!(
            "cat >prompt.txt; rm prompt.txt; python3 fix.py; {}",
            replay("claude_stream_ok")
        ),
    );
    let (output, right) = fixed_by(&world, "claude", &[]);
    assert_eq!(right["status"], "fixed", "{right}");
    assert_eq!(output.code, Some(0), "{output}");
}

#[test]
fn silence_and_slowness_end_a_fixer() {
    let (world, _) = kept_demo();
    world.program("claude", "sleep 600");
    world.write(
        "demo/silent.json",
        r#"{"agent": "python3 agent.py", "fixer": {"idleTimeout": 1}}"#,
    );
    let (_, silent) = fixed_by(&world, "claude", &["--config", "demo/silent.json"]);
    begins(&silent, "timeout");
    let reason = silent["reason"].as_str().expect("text");
    assert!(reason.contains("silent for 1 s"), "{reason}");
    world.program("claude", "while :; do echo '{}'; sleep 0.1; done");
    world.write(
        "demo/slow.json",
        r#"{"agent": "python3 agent.py", "attach": {"fixTimeout": 2}, "fixer": {"idleTimeout": 60}}"#,
    );
    let (_, slow) = fixed_by(&world, "claude", &["--config", "demo/slow.json"]);
    begins(&slow, "timeout");
    let reason = slow["reason"].as_str().expect("text");
    assert!(reason.contains("more than 2 s"), "{reason}");
}

#[test]
fn hostile_output_neither_convinces_nor_fills_the_disk() {
    let (world, _) = kept_demo();
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
