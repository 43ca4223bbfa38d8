//! Conversations whose calls stand in the text: the model writes a command or a block, and the
//! program around it answers as the user.
//!
//! Four ways of writing them are known: one fenced shell block, `<function=name>` with
//! parameters, `<tool_call>` with JSON, and `Action:` with `Action Input:`. They are read only
//! where most of the answers look like a program's, so that code shown to a person is none.

use archal_core::trace::{Message, Part};
use serde_json::{Map, Value};

use super::Said;

/// How the output of a program begins when it is handed back as a message.
const OUTPUTS: &[&str] = &[
    "<returncode>",
    "<output>",
    "<tool_response>",
    "<function_results>",
    "<observation>",
    "observation:",
    "execution result of",
    "[the command completed",
    "exit code:",
    "tool output:",
    "stdout:",
];
/// Languages of a fenced block that is a command.
const SHELLS: &[&str] = &[
    "bash",
    "sh",
    "shell",
    "zsh",
    "console",
    "mswea_bash_command",
];

/// A call that stands in a text.
#[derive(Debug, PartialEq)]
struct Action {
    name: String,
    arguments: Value,
}

/// Makes calls and results of what is written as text, where a conversation is of that kind.
pub(super) fn rewrite(messages: &mut [Said]) {
    let structured = messages
        .iter()
        .flat_map(|said| &said.message.parts)
        .any(|part| matches!(part, Part::ToolCall { .. } | Part::ToolResult { .. }));
    if structured {
        return;
    }
    let mut asked: Vec<(usize, Action)> = Vec::new();
    let (mut answered, mut by_program) = (0, 0);
    for (position, said) in messages.iter().enumerate() {
        if said.message.role != "assistant" {
            continue;
        }
        let Some(action) = text_of(&said.message).and_then(action) else {
            continue;
        };
        asked.push((position, action));
        let next = messages.get(position + 1).map(|next| &next.message);
        if let Some(next) = next.filter(|next| next.role != "assistant") {
            answered += 1;
            by_program += usize::from(text_of(next).is_some_and(is_output));
        }
    }
    if by_program * 2 <= answered {
        return;
    }
    // Whoever asked for the task is heard before the first answer; later the program speaks.
    let first = messages
        .iter()
        .position(|said| said.message.role == "assistant")
        .unwrap_or(messages.len());
    for said in messages.iter_mut().skip(first) {
        if said.message.role == "user" {
            said.message.role = "environment".to_owned();
        }
    }
    for (position, action) in asked {
        let id = format!("text-{position}");
        if let Some(next) = messages
            .get_mut(position + 1)
            .filter(|next| next.message.role != "assistant")
        {
            let text = text_of(&next.message).unwrap_or_default().to_owned();
            next.message = Message {
                role: "tool".to_owned(),
                parts: vec![Part::ToolResult {
                    id: Some(id.clone()),
                    result: Some(Value::String(text)),
                }],
            };
            next.errors = vec![false];
        }
        if let Some(said) = messages.get_mut(position) {
            said.message.parts.push(Part::ToolCall {
                id: Some(id),
                name: action.name,
                arguments: Some(action.arguments),
            });
            said.errors.push(false);
        }
    }
}

/// Whether a program's output says that it ended with another code than 0.
pub(super) fn exited_badly(result: &Value) -> bool {
    let Value::String(text) = result else {
        return false;
    };
    let text = text.trim_start();
    ["<returncode>", "exit code:", "Exit code:"]
        .iter()
        .find_map(|start| text.strip_prefix(start))
        .and_then(|rest| {
            let rest = rest.trim_start();
            let end = rest
                .find(|c: char| !c.is_ascii_digit() && c != '-')
                .unwrap_or(rest.len());
            rest[..end].parse::<i64>().ok()
        })
        .is_some_and(|code| code != 0)
}

fn text_of(message: &Message) -> Option<&str> {
    message.parts.iter().find_map(|part| match part {
        Part::Text { text } => Some(text.as_str()),
        _ => None,
    })
}

fn is_output(text: &str) -> bool {
    let start: String = text.trim_start().chars().take(32).collect();
    let start = start.to_ascii_lowercase();
    OUTPUTS.iter().any(|output| start.starts_with(output))
}

fn action(text: &str) -> Option<Action> {
    function_block(text)
        .or_else(|| json_block(text))
        .or_else(|| action_line(text))
        .or_else(|| shell_block(text))
}

/// `<function=name> <parameter=key>value</parameter> </function>`.
fn function_block(text: &str) -> Option<Action> {
    let (_, rest) = text.split_once("<function=")?;
    let (name, mut rest) = rest.split_once('>')?;
    let mut arguments = Map::new();
    while let Some((_, parameter)) = rest.split_once("<parameter=") {
        let Some((key, value)) = parameter.split_once('>') else {
            break;
        };
        let Some((value, after)) = value.split_once("</parameter>") else {
            break;
        };
        arguments.insert(key.to_owned(), Value::from(value.trim()));
        rest = after;
    }
    Some(Action {
        name: name.trim().to_owned(),
        arguments: Value::Object(arguments),
    })
}

/// `<tool_call>{"name": …, "arguments": …}</tool_call>`.
fn json_block(text: &str) -> Option<Action> {
    let (_, rest) = text.split_once("<tool_call>")?;
    let (inner, _) = rest.split_once("</tool_call>")?;
    let mut call: Map<String, Value> = serde_json::from_str(inner.trim()).ok()?;
    let Some(Value::String(name)) = call.remove("name") else {
        return None;
    };
    Some(Action {
        name,
        arguments: call
            .remove("arguments")
            .or_else(|| call.remove("parameters"))
            .unwrap_or_default(),
    })
}

/// `Action: name` and `Action Input: …` on lines of their own.
fn action_line(text: &str) -> Option<Action> {
    let line = |start: &str| {
        text.lines()
            .rev()
            .find_map(|line| line.trim_start().strip_prefix(start))
            .map(str::trim)
    };
    let name = line("Action:").filter(|name| !name.is_empty())?;
    let arguments = text
        .rsplit_once("Action Input:")
        .map(|(_, input)| input.trim())
        .map_or(Value::Null, |input| {
            serde_json::from_str(input).unwrap_or_else(|_| Value::from(input))
        });
    Some(Action {
        name: name.to_owned(),
        arguments,
    })
}

/// The only fenced block of a shell.
fn shell_block(text: &str) -> Option<Action> {
    let mut blocks = Vec::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        let Some(language) = line.trim().strip_prefix("```") else {
            continue;
        };
        let shell = SHELLS.contains(&language.trim().to_ascii_lowercase().as_str());
        let mut command: Vec<&str> = Vec::new();
        for inner in lines.by_ref() {
            if inner.trim() == "```" {
                break;
            }
            command.push(inner);
        }
        if shell {
            blocks.push(command.join("\n"));
        }
    }
    match blocks.as_slice() {
        [only] => Some(Action {
            name: "bash".to_owned(),
            arguments: Value::Object(Map::from_iter([(
                "command".to_owned(),
                Value::from(only.trim()),
            )])),
        }),
        _ => None,
    }
}
