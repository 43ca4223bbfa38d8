//! What an agent said last: the text of its answer, by the dialect of its output.

use serde_json::Value;

use super::records::{Left, records};
use super::table::Dialect;

/// The answer of an agent; empty where its records have none. For agents that write plain text, it is all of their
/// stdout that was kept.
pub fn read(dialect: Dialect, left: &Left<'_>) -> String {
    match dialect {
        Dialect::Claude => last(&records(left), "result", "/result"),
        Dialect::Codex => match left.result_file {
            Some(file) => plain(file),
            None => codex(&records(left)),
        },
        Dialect::Gemini => gemini(left),
        Dialect::Copilot => last(&records(left), "assistant.message", "/data/content"),
        Dialect::Opencode => opencode(&records(left)),
        Dialect::Aider | Dialect::Command => plain(left.stdout),
    }
}

fn plain(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn text<'a>(record: &'a Value, pointer: &str) -> &'a str {
    let value = record.pointer(pointer).and_then(Value::as_str);
    value.unwrap_or_default()
}

/// A text of the last record of that type.
fn last(records: &[Value], kind: &str, pointer: &str) -> String {
    let record = records.iter().rfind(|record| record["type"] == kind);
    record.map_or_else(String::new, |record| text(record, pointer).to_owned())
}

fn codex(records: &[Value]) -> String {
    let said = records
        .iter()
        .rfind(|record| text(record, "/item/type") == "agent_message");
    said.map_or_else(String::new, |record| text(record, "/item/text").to_owned())
}

/// A document with its `response`, or the pieces of the last message in a stream.
fn gemini(left: &Left<'_>) -> String {
    let whole = serde_json::from_slice::<Value>(left.stdout).ok();
    if let Some(response) = whole.as_ref().and_then(|whole| whole["response"].as_str()) {
        return response.to_owned();
    }
    let mut said = String::new();
    for record in records(left) {
        match (text(&record, "/type"), text(&record, "/role")) {
            ("message", "assistant") => said.push_str(text(&record, "/content")),
            ("result", _) => {}
            // Whatever comes between two messages begins a new one.
            _ => said.clear(),
        }
    }
    said
}

fn opencode(records: &[Value]) -> String {
    let mut said = String::new();
    for record in records {
        match text(record, "/type") {
            "step_start" => said.clear(),
            "text" => said.push_str(text(record, "/part/text")),
            _ => {}
        }
    }
    said
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    fn captured(name: &str) -> Vec<u8> {
        let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/agent-cli");
        std::fs::read(folder.join(name)).expect("a captured output")
    }

    #[test]
    fn the_answer_of_every_agent_is_found_in_what_was_captured_of_it() {
        for (dialect, name) in [
            (Dialect::Claude, "claude_ok.out"),
            (Dialect::Claude, "claude_stream_ok.out"),
            (Dialect::Codex, "codex_ok.out"),
            (Dialect::Copilot, "copilot_ok.out"),
            (Dialect::Gemini, "gemini_ok_json.out"),
            (Dialect::Gemini, "gemini_ok_stream-json.out"),
            (Dialect::Opencode, "opencode_ok.out"),
        ] {
            let stdout = captured(name);
            let left = Left {
                stdout: &stdout,
                ..Left::default()
            };
            assert_eq!(read(dialect, &left), "done", "{name}");
        }
        let file = captured("codex_ok.last");
        let left = Left {
            result_file: Some(&file),
            ..Left::default()
        };
        assert_eq!(read(Dialect::Codex, &left), "done");
    }

    #[test]
    fn what_was_said_before_a_tool_was_called_is_no_answer() {
        let stdout = concat!(
            r#"{"type":"message","role":"assistant","content":"I look."}"#,
            "\n",
            r#"{"type":"tool_use"}"#,
            "\n",
            r#"{"type":"message","role":"assistant","content":"It "}"#,
            "\n",
            r#"{"type":"message","role":"assistant","content":"works."}"#,
        );
        let left = Left {
            stdout: stdout.as_bytes(),
            ..Left::default()
        };
        assert_eq!(read(Dialect::Gemini, &left), "It works.");
    }
}
