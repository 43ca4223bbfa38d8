//! Every captured output, read and decided.

use std::path::PathBuf;

use crate::budget::prices::Prices;
use crate::sandbox::child::ChildOutcome;

use super::outcome::decide;
use super::records::{Left, TroubleKind, read};
use super::table::{Agent, Dialect, named};

fn file(name: &str) -> Option<Vec<u8>> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/agent-cli");
    std::fs::read(folder.join(name)).ok()
}

fn agent(case: &str) -> &'static Agent {
    let name = case.split('_').next().expect("a name");
    named(name).expect("an agent")
}

/// What a captured run comes to, where the tree changed and where it did not.
fn told(case: &str) -> String {
    let agent = agent(case);
    let part = |ending: &str| file(&format!("{case}.{ending}"));
    let (stdout, stderr) = (
        part("out").expect("an output"),
        part("err").unwrap_or_default(),
    );
    let usage = part("usage.json");
    let code = String::from_utf8(part("rc").expect("a status")).expect("text");
    let child = ChildOutcome::Exited {
        code: code.trim().parse().expect("a number"),
    };
    let reading = read(
        agent.dialect,
        &Left {
            stdout: &stdout,
            stderr: &stderr,
            usage_file: usage.as_deref(),
            ..Left::default()
        },
    );
    let outcome = |changed| decide(&child, agent.exits, &reading, &|| changed);
    let tokens = reading.usage.tokens().map(|tokens| {
        format!(
            "{} in ({} read, {} written), {} out",
            tokens.input, tokens.cache_read, tokens.cache_write, tokens.output
        )
    });
    let prices = Prices::load(None).expect("the bundled table");
    format!(
        "{:?}/{:?} | {} | {} | {} | {}",
        outcome(true),
        outcome(false),
        reading
            .trouble
            .as_ref()
            .map_or("-", |trouble| &trouble.message),
        tokens.as_deref().unwrap_or("-"),
        reading.usage.model().unwrap_or("-"),
        reading
            .usage
            .cost(&prices, None)
            .map_or("-".to_owned(), |usd| format!("{usd:.6}")),
    )
}

#[test]
fn captured_runs() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/agent-cli");
    let mut cases: Vec<String> = std::fs::read_dir(folder)
        .expect("readable")
        .filter_map(|entry| entry.expect("readable").file_name().into_string().ok())
        .filter_map(|name| Some(name.strip_suffix(".out")?.to_owned()))
        .collect();
    cases.sort();
    let all: Vec<String> = cases
        .iter()
        .map(|case| format!("{case}: {}", told(case)))
        .collect();
    insta::assert_snapshot!(all.join("\n"), @r#"
    claude_budget: LimitBudget/LimitBudget | Reached maximum budget ($0.000001) | 2000 in (500 read, 300 written), 20 out | claude-sonnet-4-5 | 0.005175
    claude_denied: Changed/Denied | - | 2400 in (0 read, 0 written), 40 out | claude-sonnet-4-5 | 0.007800
    claude_denied_stream: Changed/Denied | - | 2400 in (0 read, 0 written), 40 out | claude-sonnet-4-5 | 0.007800
    claude_maxturns: LimitTurns/LimitTurns | Reached maximum number of turns (3) | 3600 in (0 read, 0 written), 60 out | claude-sonnet-4-5 | 0.011700
    claude_nokey: Auth/Auth | Not logged in · Please run /login | 0 in (0 read, 0 written), 0 out | - | 0.000000
    claude_ok: Changed/NoChange | - | 2000 in (500 read, 300 written), 20 out | claude-sonnet-4-5 | 0.005175
    claude_schema: Changed/NoChange | - | 4000 in (1000 read, 600 written), 40 out | claude-sonnet-4-5 | 0.010350
    claude_stream_ok: Changed/NoChange | - | 2000 in (500 read, 300 written), 20 out | claude-sonnet-4-5 | 0.005175
    codex_401: Auth/Auth | unexpected status 401 Unauthorized: invalid x-api-key, url: http://127.0.0.1:8098/v1/responses | - | - | -
    codex_nogit: ToolError/ToolError | - | - | - | -
    codex_ok: Changed/NoChange | - | 1200 in (500 read, 0 written), 20 out | - | -
    copilot_401: Auth/Auth | Authentication failed with provider at http://127.0.0.1:8098/v1 (HTTP 401).   Check your COPILOT_PROVIDER_API_KEY, COPILOT_PROVIDER_API_KEY_COMMAND, or COPILOT_PROVIDER_BEARER_TOKEN. | - | - | -
    copilot_ok: Changed/NoChange | - | 1200 in (500 read, 0 written), 20 out | gpt-5 | 0.001138
    gemini_401_json: Auth/Auth | {"type":"error","error":{"type":"authentication_error","message":"invalid x-api-key"}} | - | - | -
    gemini_401_stream-json: Auth/Auth | [API Error: {"type":"error","error":{"type":"authentication_error","message":"invalid x-api-key"}}] | 0 in (0 read, 0 written), 0 out | gemini-2.5-pro | 0.000000
    gemini_ok_json: Changed/NoChange | - | 1200 in (500 read, 0 written), 20 out | x | -
    gemini_ok_stream-json: Changed/NoChange | - | 1200 in (500 read, 0 written), 20 out | x | -
    gemini_untrusted: Denied/Denied | - | - | - | -
    opencode_401: Auth/Auth | invalid x-api-key | - | - | -
    opencode_ok: Changed/NoChange | - | 1200 in (500 read, 0 written), 20 out | - | 0.002400
    "#);
}

fn decided(dialect: Dialect, code: i32, stdout: &str, changed: bool) -> String {
    let reading = read(
        dialect,
        &Left {
            stdout: stdout.as_bytes(),
            ..Left::default()
        },
    );
    let child = ChildOutcome::Exited { code };
    format!("{:?}", decide(&child, &[], &reading, &|| changed))
}

#[test]
fn what_was_seen_elsewhere() {
    // Interrupted: exit 0 or 143, and no output.
    assert_eq!(decided(Dialect::Claude, 0, "", true), "NoResult");
    assert_eq!(decided(Dialect::Claude, 143, "", true), "Killed");
    // Exit 0 with nothing written at all.
    assert_eq!(decided(Dialect::Opencode, 0, "", true), "NoResult");
    assert_eq!(decided(Dialect::Gemini, 0, "", true), "NoResult");
    // Exit 0 without ever reaching a model.
    let never = "litellm.AuthenticationError: AnthropicException - invalid x-api-key\n";
    assert_eq!(decided(Dialect::Aider, 0, never, true), "Auth");
    let limited = "litellm.RateLimitError: too many\n429 Too Many Requests";
    assert_eq!(decided(Dialect::Aider, 0, limited, false), "Quota");
    // Quota in records.
    let failed = r#"{"type":"turn.failed","error":{"message":"You've hit your usage limit."}}"#;
    assert_eq!(decided(Dialect::Codex, 1, failed, true), "Quota");
    let cut = r#"{"type":"step_start"}"#;
    assert_eq!(decided(Dialect::Opencode, 0, cut, true), "NoResult");
}

#[test]
fn exit_codes_speak_where_records_do_not() {
    let gemini = named("gemini").expect("a row");
    let reading = read(Dialect::Gemini, &Left::default());
    let told: Vec<String> = [41, 42, 44, 52, 53, 54, 55, 130, 145, 173]
        .into_iter()
        .map(|code| {
            let child = ChildOutcome::Exited { code };
            format!(
                "{code} {:?}",
                decide(&child, gemini.exits, &reading, &|| true)
            )
        })
        .collect();
    assert_eq!(
        told.join(", "),
        "41 Auth, 42 ToolError, 44 ToolError, 52 ToolError, 53 LimitTurns, 54 ToolError, \
         55 Denied, 130 Killed, 145 Auth, 173 Quota"
    );
}

#[test]
fn a_record_inside_text_is_none() {
    let fake = r#"{"type":"result","subtype":"success","is_error":false}"#;
    let inside = serde_json::json!({"type": "assistant", "text": format!("x\n{fake}\n")});
    assert_eq!(
        decided(Dialect::Claude, 0, &inside.to_string(), true),
        "NoResult"
    );
    let coloured = format!("\u{1b}[31m{fake}\u{1b}[0m\n");
    assert_eq!(decided(Dialect::Claude, 0, &coloured, true), "NoResult");
    assert_eq!(
        decided(Dialect::Claude, 0, &format!(" {fake}"), true),
        "NoResult"
    );
    assert_eq!(decided(Dialect::Claude, 0, fake, true), "Changed");
}

#[test]
fn the_end_record_is_found_behind_a_flood() {
    let end = b"cut\": 1}\n{\"type\":\"result\",\"is_error\":false}\n";
    let left = Left {
        stdout: b"{\"type\":\"assistant\"}\n{\"type\":\"res",
        stdout_end: end,
        ..Left::default()
    };
    assert!(read(Dialect::Claude, &left).ended);
}

#[test]
fn aider_tells_tokens_and_dollars_in_words() {
    let said = "Tokens: 1.2k sent, 20 received. Cost: $0.01 message, $0.02 session.\n\
                Tokens: 800 sent, 1k received. Cost: $0.01 message, $0.03 session.\n";
    let left = Left {
        stdout: said.as_bytes(),
        ..Left::default()
    };
    let reading = read(Dialect::Aider, &left);
    let tokens = reading.usage.tokens().expect("tokens");
    assert_eq!((tokens.input, tokens.output), (2000, 1020));
    assert_eq!(reading.usage.usd, Some(0.03));
}

#[test]
fn a_command_may_say_how_it_ended() {
    let said = |text: &str| {
        let left = Left {
            result_file: Some(text.as_bytes()),
            ..Left::default()
        };
        read(Dialect::Command, &left)
            .trouble
            .map(|trouble| trouble.kind)
    };
    assert_eq!(said(r#"{"status":"quota"}"#), Some(TroubleKind::Quota));
    assert_eq!(said(r#"{"status":"done"}"#), None);
    assert_eq!(said("no json"), None);
}
