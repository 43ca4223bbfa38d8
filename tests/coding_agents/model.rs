//! A model on the loopback that repairs a script, in the protocols of four providers.
//!
//! It works as a model does, by what stands in the conversation: it reads the file with the task where it
//! was only told of it, then does what the test has it do, with whichever tool it was offered. A request without
//! the right key is refused.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use serde_json::{Value, json};

/// The key it takes.
pub(super) const KEY: &str = "jk-test-7d1c90b2e8f4";
/// What it says each request took, and each answer.
pub(super) const TOKENS: (u64, u64) = (100, 20);

/// More requests than a repair takes: what comes after is not answered, so that an agent whose tools fail comes
/// to its end.
const MOST: usize = 30;

/// What is wrong in the script, and what must stand there.
pub(super) const WRONG: &str = "sum - number";
pub(super) const RIGHT: &str = "sum + number";

/// What it does next, by the text of a request that holds its task.
pub(super) type Mind = fn(&str) -> Turn;

/// The server. It ends with the value.
pub(super) struct Model {
    address: String,
    shared: Arc<Shared>,
    serving: Option<JoinHandle<()>>,
}

struct Shared {
    mind: Mind,
    /// The lines of the requests, and whether each was answered by the model.
    asked: Mutex<Vec<(String, bool)>>,
    over: AtomicBool,
}

/// What the model does next.
pub(super) enum Turn {
    /// It reads a file.
    Read(String),
    /// It mends what is wrong in a file.
    Edit(String),
    /// It runs a command.
    Run(&'static str),
    /// It answers.
    Say(&'static str),
}

impl Model {
    pub(super) fn new(mind: Mind) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address").to_string();
        let shared = Arc::new(Shared {
            mind,
            asked: Mutex::default(),
            over: AtomicBool::new(false),
        });
        let mine = Arc::clone(&shared);
        let serving = std::thread::spawn(move || {
            for stream in listener.incoming() {
                if mine.over.load(Ordering::SeqCst) {
                    break;
                }
                let (Ok(stream), mine) = (stream, Arc::clone(&mine)) else {
                    continue;
                };
                // An agent may open a connection and ask on another; one that goes away is its business.
                std::thread::spawn(move || _ = mine.serve(stream));
            }
        });
        Self {
            address,
            shared,
            serving: Some(serving),
        }
    }

    pub(super) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Where it listens.
    pub(super) fn host(&self) -> &str {
        &self.address
    }

    /// The requests so far.
    pub(super) fn asked(&self) -> Vec<String> {
        let asked = self.shared.lock();
        asked.iter().map(|(line, _)| line.clone()).collect()
    }

    /// How many requests the model answered.
    pub(super) fn answered(&self) -> u64 {
        let asked = self.shared.lock();
        asked.iter().filter(|(_, is_answered)| *is_answered).count() as u64
    }
}

impl Drop for Model {
    fn drop(&mut self) {
        self.shared.over.store(true, Ordering::SeqCst);
        // Wakes the loop; a loop that has ended needs no waking.
        _ = TcpStream::connect(&self.address);
        if let Some(serving) = self.serving.take() {
            _ = serving.join();
        }
    }
}

struct Asked {
    line: String,
    path: String,
    headers: BTreeMap<String, String>,
    text: String,
    body: Value,
}

impl Shared {
    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<(String, bool)>> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn serve(&self, mut stream: TcpStream) -> std::io::Result<()> {
        let asked = read(&stream)?;
        let has_key = ["authorization", "x-api-key", "x-goog-api-key"]
            .into_iter()
            .filter_map(|name| asked.headers.get(name))
            .any(|value| value.trim_start_matches("Bearer ") == KEY);
        let is_early = self.lock().len() < MOST;
        let answer = (has_key && is_early)
            .then(|| answer(&asked, self.mind))
            .flatten();
        self.lock().push((asked.line.clone(), answer.is_some()));
        let (status, kind, body) = match answer {
            Some(Answer::Events(events)) => (200, "text/event-stream", events),
            Some(Answer::Whole(whole)) => (200, "application/json", whole.to_string()),
            None => {
                // Who wants to change the protocol is told to stay with this one.
                let status = if has_key { 426 } else { 401 };
                let error =
                    json!({"error": {"message": "Incorrect API key provided", "code": status}});
                (status, "application/json", error.to_string())
            }
        };
        let head = format!(
            "HTTP/1.1 {status} X\r\ncontent-type: {kind}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
            body.len()
        );
        stream.write_all(head.as_bytes())?;
        stream.write_all(body.as_bytes())
    }
}

fn read(stream: &TcpStream) -> std::io::Result<Asked> {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    if reader.read_line(&mut line)? == 0 {
        return Err(std::io::ErrorKind::UnexpectedEof.into());
    }
    let mut headers = BTreeMap::new();
    loop {
        let mut header = String::new();
        reader.read_line(&mut header)?;
        let Some((name, value)) = header.trim_end().split_once(": ") else {
            break;
        };
        headers.insert(name.to_ascii_lowercase(), value.to_owned());
    }
    let mut body = Vec::new();
    if headers
        .get("transfer-encoding")
        .is_some_and(|how| how == "chunked")
    {
        loop {
            let mut size = String::new();
            reader.read_line(&mut size)?;
            let size = u64::from_str_radix(size.trim(), 16).unwrap_or_default();
            reader.by_ref().take(size).read_to_end(&mut body)?;
            reader.read_line(&mut String::new())?;
            if size == 0 {
                break;
            }
        }
    } else {
        let length = headers
            .get("content-length")
            .and_then(|length| length.parse().ok());
        reader
            .take(length.unwrap_or_default())
            .read_to_end(&mut body)?;
    }
    let line = line.trim_end_matches(" HTTP/1.1\r\n").to_owned();
    let path = line.split([' ', '?']).nth(1).unwrap_or_default().to_owned();
    Ok(Asked {
        path,
        line,
        headers,
        body: serde_json::from_slice(&body).unwrap_or_default(),
        text: String::from_utf8_lossy(&body).into_owned(),
    })
}

enum Answer {
    Events(String),
    Whole(Value),
}

/// What a model says, by the path it is asked at; none where nothing is there.
fn answer(asked: &Asked, mind: Mind) -> Option<Answer> {
    let body = &asked.body;
    let path = asked.path.as_str();
    if path.ends_with("/v1/messages") {
        Some(anthropic(asked, mind))
    } else if path.ends_with("/responses") && body.is_object() {
        Some(responses(asked, mind))
    } else if path.ends_with(":streamGenerateContent") || path.ends_with(":generateContent") {
        Some(gemini(asked, mind))
    } else if path.ends_with("/chat/completions") {
        Some(chat(asked, mind))
    } else {
        None
    }
}

/// What is next, by what stands in the conversation. `has_tools` is false where an agent asks for a title or
/// the like.
fn next(asked: &Asked, has_tools: bool, mind: Mind) -> Turn {
    match has_tools {
        true => mind(&asked.text),
        false => Turn::Say("Done."),
    }
}

/// Reads the file with the task: the prompt has said where it stands.
pub(super) fn read_the_task(text: &str) -> Turn {
    let file = word_before(text, " whole and do what it says").unwrap_or_default();
    Turn::Read(file.to_owned())
}

/// The path that stands before some words.
pub(super) fn word_before<'a>(text: &'a str, words: &str) -> Option<&'a str> {
    let (before, _) = text.split_once(words)?;
    before.rsplit(' ').next()
}

/// Server-sent events, each with the name of its type where it has one.
fn events(events: &[Value]) -> Answer {
    let mut text = String::new();
    for event in events {
        if let Some(kind) = event["type"].as_str() {
            text.push_str(&format!("event: {kind}\n"));
        }
        text.push_str(&format!("data: {event}\n\n"));
    }
    Answer::Events(text)
}

fn anthropic(asked: &Asked, mind: Mind) -> Answer {
    let has_tools = asked.body["tools"]
        .as_array()
        .is_some_and(|tools| !tools.is_empty());
    let mut said = "";
    let (name, input) = match next(asked, has_tools, mind) {
        Turn::Read(path) => ("Read", json!({"file_path": path})),
        Turn::Edit(path) => (
            "Edit",
            json!({"file_path": path, "old_string": WRONG, "new_string": RIGHT}),
        ),
        Turn::Run(command) => (
            "Bash",
            json!({"command": command, "description": "Works with git"}),
        ),
        Turn::Say(text) => {
            said = text;
            ("", Value::Null)
        }
    };
    let (block, delta, stop) = if name.is_empty() {
        (
            json!({"type": "text", "text": ""}),
            json!({"type": "text_delta", "text": said}),
            "end_turn",
        )
    } else {
        (
            json!({"type": "tool_use", "id": format!("toolu_{name}_{}", asked.text.len()), "name": name, "input": {}}),
            json!({"type": "input_json_delta", "partial_json": input.to_string()}),
            "tool_use",
        )
    };
    events(&[
        json!({"type": "message_start", "message": {
            "id": "msg_1", "type": "message", "role": "assistant", "model": asked.body["model"],
            "content": [], "stop_reason": null, "stop_sequence": null,
            "usage": {
                "input_tokens": TOKENS.0, "cache_creation_input_tokens": 0,
                "cache_read_input_tokens": 0, "output_tokens": 1,
            },
        }}),
        json!({"type": "content_block_start", "index": 0, "content_block": block}),
        json!({"type": "content_block_delta", "index": 0, "delta": delta}),
        json!({"type": "content_block_stop", "index": 0}),
        json!({
            "type": "message_delta",
            "delta": {"stop_reason": stop, "stop_sequence": null},
            "usage": {"output_tokens": TOKENS.1},
        }),
        json!({"type": "message_stop"}),
    ])
}

fn responses(asked: &Asked, mind: Mind) -> Answer {
    let tools = asked.body["tools"].as_array().into_iter().flatten();
    let shell = tools
        .filter_map(|tool| tool["name"].as_str())
        .find(|name| *name == "exec_command");
    let mut said = "";
    let command = match next(asked, shell.is_some(), mind) {
        Turn::Read(path) => Some(format!("cat '{path}'")),
        Turn::Edit(path) => Some(format!("sed -i 's/{WRONG}/{RIGHT}/' '{path}'")),
        Turn::Run(command) => Some(command.to_owned()),
        Turn::Say(text) => {
            said = text;
            None
        }
    };
    let item = match command {
        Some(command) => json!({
            "type": "function_call", "id": "fc_1", "call_id": format!("call_{}", asked.text.len()),
            "name": "exec_command", "arguments": json!({"cmd": command}).to_string(),
        }),
        None => json!({
            "type": "message", "id": "msg_1", "role": "assistant",
            "content": [{"type": "output_text", "text": said, "annotations": []}],
        }),
    };
    events(&[
        json!({"type": "response.created", "response": {"id": "resp_1"}}),
        json!({"type": "response.output_item.done", "output_index": 0, "item": item}),
        json!({"type": "response.completed", "response": {"id": "resp_1", "usage": {
            "input_tokens": TOKENS.0, "input_tokens_details": {"cached_tokens": 0},
            "output_tokens": TOKENS.1, "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": TOKENS.0 + TOKENS.1,
        }}}),
    ])
}

fn gemini(asked: &Asked, mind: Mind) -> Answer {
    let has_tools = asked.body["tools"]
        .as_array()
        .is_some_and(|tools| !tools.is_empty());
    let part = match next(asked, has_tools, mind) {
        Turn::Read(path) => {
            json!({"functionCall": {"name": "read_file", "args": {"file_path": path}}})
        }
        Turn::Edit(path) => json!({"functionCall": {"name": "replace", "args": {
            "file_path": path, "old_string": WRONG, "new_string": RIGHT, "instruction": "Add.",
        }}}),
        Turn::Run(command) => {
            json!({"functionCall": {"name": "run_shell_command", "args": {"command": command}}})
        }
        Turn::Say(text) => json!({"text": text}),
    };
    let said = json!({
        "candidates": [{
            "content": {"role": "model", "parts": [part]}, "finishReason": "STOP", "index": 0,
        }],
        "usageMetadata": {
            "promptTokenCount": TOKENS.0, "candidatesTokenCount": TOKENS.1,
            "totalTokenCount": TOKENS.0 + TOKENS.1,
        },
        "modelVersion": "gemini-2.5-pro",
    });
    if asked.path.ends_with(":streamGenerateContent") {
        events(&[said])
    } else {
        Answer::Whole(said)
    }
}

/// Two agents speak this one; each is answered with the tools it offers.
fn chat(asked: &Asked, mind: Mind) -> Answer {
    let tools: Vec<&str> = asked.body["tools"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|tool| tool["function"]["name"].as_str())
        .collect();
    let reader = if tools.contains(&"view") {
        "view"
    } else {
        "read"
    };
    let mut said = "";
    let call = match next(asked, !tools.is_empty(), mind) {
        Turn::Read(path) => Some((reader, json!({"path": path, "filePath": path}))),
        Turn::Edit(path) => Some((
            "edit",
            match reader {
                "view" => json!({"path": path, "old_str": WRONG, "new_str": RIGHT}),
                _ => json!({"filePath": path, "oldString": WRONG, "newString": RIGHT}),
            },
        )),
        Turn::Run(command) => Some(("bash", json!({"command": command}))),
        Turn::Say(text) => {
            said = text;
            None
        }
    };
    let (message, finish) = match call {
        Some((name, arguments)) => (
            json!({"role": "assistant", "content": null, "tool_calls": [{
                "index": 0, "id": format!("call_{}", asked.text.len()), "type": "function",
                "function": {"name": name, "arguments": arguments.to_string()},
            }]}),
            "tool_calls",
        ),
        None => (json!({"role": "assistant", "content": said}), "stop"),
    };
    let usage = json!({
        "prompt_tokens": TOKENS.0, "completion_tokens": TOKENS.1,
        "total_tokens": TOKENS.0 + TOKENS.1,
    });
    let chunk = |choice: Value, usage: &Value| {
        json!({
            "id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1_770_000_000,
            "model": asked.body["model"], "choices": [choice], "usage": usage,
        })
    };
    if asked.body["stream"] != true {
        let mut whole = chunk(
            json!({"index": 0, "message": message, "finish_reason": finish}),
            &usage,
        );
        whole["object"] = "chat.completion".into();
        return Answer::Whole(whole);
    }
    let first = chunk(
        json!({"index": 0, "delta": message, "finish_reason": null}),
        &Value::Null,
    );
    let last = chunk(
        json!({"index": 0, "delta": {}, "finish_reason": finish}),
        &usage,
    );
    match events(&[first, last]) {
        Answer::Events(text) => Answer::Events(format!("{text}data: [DONE]\n\n")),
        whole @ Answer::Whole(_) => whole,
    }
}
