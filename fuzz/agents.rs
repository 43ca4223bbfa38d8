//! Any bytes as what agents, harnesses, reviewers and clients of MCP say.

use archal::driver::records::{self, Left};
use archal::driver::table::Dialect;
use archal::pdca::finding::{Confidence, Status};
use archal::pdca::role::Role;
use archal::pdca::{confidence, log, review};
use archal::run::{answer, cost};
use archal::session::stdio;
use archal_core::clone::{CloneRequest, CloneResponse, Progress, Seed, ToolAnswer};
use rmcp::model::{ClientJsonRpcMessage, ClientRequest, JsonRpcMessage};
use serde_json::Value;

use super::{PRICES, github, open};

/// Ends one of the things that an agent leaves: the separator of files.
const END: u8 = 0x1c;

/// Any bytes as what a coding agent leaves: its stdout, the end of it where it is cut, its stderr, its files of usage and result: what is told of it is one
/// line, and what it cost no less than nothing.
pub(super) fn agent_output(bytes: &[u8]) {
    let mut parts = bytes.split(|byte| *byte == END);
    let stdout = parts.next().unwrap_or_default();
    let left = Left {
        stdout,
        stdout_end: parts.next().unwrap_or_default(),
        stderr: parts.next().unwrap_or_default(),
        usage_file: parts.next(),
        result_file: parts.next(),
    };
    for dialect in [
        Dialect::Claude,
        Dialect::Codex,
        Dialect::Gemini,
        Dialect::Copilot,
        Dialect::Opencode,
        Dialect::Aider,
        Dialect::Command,
    ] {
        let read = records::read(dialect, &left);
        archal::driver::answer::read(dialect, &left);
        if let Some(trouble) = read.trouble {
            assert!(!trouble.message.chars().any(char::is_control));
        }
        let cost = read.usage.cost(&PRICES, Some("gpt-5-mini"));
        assert!(cost.is_none_or(|usd| usd >= 0.0), "{cost:?}");
        read.usage.model();
    }
    if let Some(word) = records::last_word(left.stderr) {
        assert!(!word.is_empty() && !word.chars().any(char::is_control));
    }
}

/// Any bytes as the stdout of a harness and what it left as its figures: what it said is not longer than what it printed.
pub(super) fn harness_answer(bytes: &[u8]) {
    let said = answer::of(bytes);
    // What is no UTF-8 is shown by a mark of three bytes.
    assert!(said.len() <= bytes.len() * 3);
    cost::metrics(bytes);
    if let Some(cost) = cost::of_run(Some(bytes), &[], Some(&PRICES)) {
        assert!(cost.usd.is_none_or(|usd| usd >= 0.0), "{cost:?}");
    }
}

/// Any text as what a reviewer or a maker of a cycle answers, and as the log that cycles leave.
pub(super) fn cycle_answer(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    for role in [Role::Guardian, Role::Skeptic, Role::Sage, Role::Trickster] {
        review::read(role, &text).outcome();
    }
    Confidence::read(&text).shown();
    Status::read(&text);
    confidence::section(&text, "confidence");
    let read = log::parse(bytes);
    assert!(read.events.is_sorted_by_key(|event| event.seq));
    let lines = bytes.split(|byte| *byte == b'\n').count();
    assert!(read.events.len() + read.problems.len() <= lines);
}

/// Any bytes as a message of a client of MCP, read as the server reads it, whose call is made of a clone: it is answered.
pub(super) fn mcp_message(bytes: &[u8]) {
    let Ok(JsonRpcMessage::Request(request)) =
        serde_json::from_slice::<ClientJsonRpcMessage>(bytes)
    else {
        return;
    };
    let ClientRequest::CallToolRequest(call) = request.request else {
        return;
    };
    let face = github().mcp.expect("it has tools");
    let Some(tool) = face.tools.iter().find(|tool| tool.name == call.params.name) else {
        return;
    };
    let arguments = call.params.arguments.unwrap_or_default();
    let now = "2026-03-01T12:00:01Z".parse().expect("a time");
    let mut clone = open(Seed::Named("small-project")).expect("a seed that comes with the clone");
    let caller = format!("Bearer {}", github().credentials[0].1);
    let mut asked = 0;
    let mut ask = |mut request: CloneRequest| {
        asked += 1;
        let header = ("authorization".to_owned(), caller.clone());
        request.headers.push(header);
        match clone.begin(&request, now) {
            Progress::Answered(answer) => *answer,
            Progress::Working(_) => CloneResponse {
                status: 503,
                ..CloneResponse::default()
            },
        }
    };
    let answer = (tool.call)(&arguments, &mut ask);
    if let ToolAnswer::Refused(reason) | ToolAnswer::Unmodelled(reason) = answer {
        assert!(!reason.is_empty(), "{}", tool.name);
    }
    assert!(asked <= 64, "{} asks {asked} times", tool.name);
}

/// Any bytes as what an MCP server answers over HTTP, as JSON and as events: a request is answered whatever comes.
pub(super) fn mcp_answer(bytes: &[u8]) {
    let id = Value::from(7);
    for streams in [false, true] {
        assert!(!stdio::messages(bytes, streams, &id, &"200 OK").is_empty());
        stdio::messages(bytes, streams, &Value::Null, &"202 Accepted");
    }
}
