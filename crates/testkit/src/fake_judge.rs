//! A model server on the loopback that speaks the protocols of four providers as published, and
//! answers what a test has written down.
//!
//! A request that the provider would refuse is refused here, with what is wrong with it: a wrong
//! path, a missing header, a body without its required fields.
#![expect(
    clippy::missing_panics_doc,
    reason = "a broken fake ends the test; that is what every method here does"
)]

use std::collections::{BTreeMap, VecDeque};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use serde_json::{Value, json};

/// The key the fake takes.
pub const KEY: &str = "jk-test-5f0e9a7c41d2";

/// Whose protocol is spoken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// Chat completions.
    OpenAi,
    /// Messages.
    Anthropic,
    /// Content generation.
    Gemini,
    /// Ollama's chat.
    Ollama,
}

/// All of them.
pub const PROTOCOLS: [Protocol; 4] = [
    Protocol::OpenAi,
    Protocol::Anthropic,
    Protocol::Gemini,
    Protocol::Ollama,
];

/// What the server does with a request.
#[derive(Debug, Clone)]
pub enum Say {
    /// The model says these words.
    Text(String),
    /// The model or its provider will not answer.
    Refuse,
    /// The answer is longer than it may be.
    Cut,
    /// Another status, with headers (each ended by CRLF) and what the error says.
    Status(u16, String, String),
    /// These bytes and the end of the connection.
    Raw(String),
    /// Half of an answer, and the end of the connection.
    Half,
    /// The end of the connection.
    Reset,
    /// These bytes, and nothing more for as long as the test lasts.
    Hang(String),
}

impl Say {
    /// A verdict as the judge is asked for it.
    pub fn verdict(verdict: &str, quotes: &[&str], reason: &str) -> Self {
        Self::Text(json!({"reason": reason, "quotes": quotes, "verdict": verdict}).to_string())
    }

    /// A status with a plain error.
    pub fn status(status: u16, error: &str) -> Self {
        Self::Status(status, String::new(), error.to_owned())
    }
}

/// A request as it came in.
#[derive(Debug, Clone)]
pub struct Asked {
    /// Method and path.
    pub line: String,
    /// Headers by lower-case name.
    pub headers: BTreeMap<String, String>,
    /// The body.
    pub body: Value,
    /// What the provider would refuse it for.
    pub problem: Option<String>,
}

impl Asked {
    /// The question, in whichever place the protocol has it.
    pub fn question(&self) -> &str {
        [
            "/messages/1/content",
            "/contents/0/parts/0/text",
            "/messages/0/content",
        ]
        .into_iter()
        .find_map(|pointer| self.body.pointer(pointer)?.as_str())
        .expect("a question")
    }
}

/// The server. It ends with the value.
#[derive(Debug)]
pub struct FakeJudge {
    protocol: Protocol,
    address: String,
    shared: Arc<Shared>,
    serving: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Shared {
    /// What it says by itself, in place of what is written down.
    answers: Option<fn(&Asked) -> Say>,
    says: Mutex<VecDeque<Say>>,
    asked: Mutex<Vec<Asked>>,
    held: Mutex<Vec<TcpStream>>,
    over: AtomicBool,
}

impl FakeJudge {
    /// A server that says one thing after the other. What is asked after the last is answered by
    /// status 500.
    pub fn new(protocol: Protocol, says: impl IntoIterator<Item = Say>) -> Self {
        let shared = Shared::default();
        lock(&shared.says).extend(says);
        Self::serving(protocol, shared)
    }

    /// A server that answers each question by itself.
    pub fn answering(protocol: Protocol, answers: fn(&Asked) -> Say) -> Self {
        let shared = Shared {
            answers: Some(answers),
            ..Shared::default()
        };
        Self::serving(protocol, shared)
    }

    fn serving(protocol: Protocol, shared: Shared) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address").to_string();
        let shared = Arc::new(shared);
        let mine = Arc::clone(&shared);
        let serving = std::thread::spawn(move || {
            for stream in listener.incoming() {
                if mine.over.load(Ordering::SeqCst) {
                    break;
                }
                // A client that goes away in between is what some tests are about.
                if let Ok(stream) = stream {
                    _ = mine.serve(protocol, stream);
                }
            }
        });
        Self {
            protocol,
            address,
            shared,
            serving: Some(serving),
        }
    }

    /// Whose protocol it speaks.
    pub fn protocol(&self) -> Protocol {
        self.protocol
    }

    /// Its name in configurations.
    pub fn provider(&self) -> &'static str {
        match self.protocol {
            Protocol::OpenAi => "openai",
            Protocol::Anthropic => "anthropic",
            Protocol::Gemini => "gemini",
            Protocol::Ollama => "ollama",
        }
    }

    /// The base URL for configurations.
    pub fn url(&self) -> String {
        match self.protocol {
            Protocol::OpenAi => format!("http://{}/v1", self.address),
            _ => format!("http://{}", self.address),
        }
    }

    /// What was asked so far.
    pub fn asked(&self) -> Vec<Asked> {
        lock(&self.shared.asked).clone()
    }
}

impl Drop for FakeJudge {
    fn drop(&mut self) {
        self.shared.over.store(true, Ordering::SeqCst);
        // Wakes the loop; a loop that has ended needs no waking.
        _ = TcpStream::connect(&self.address);
        if let Some(serving) = self.serving.take() {
            _ = serving.join();
        }
    }
}

impl Shared {
    fn serve(&self, protocol: Protocol, mut stream: TcpStream) -> std::io::Result<()> {
        let asked = read(protocol, &stream)?;
        let problem = asked.problem.clone();
        let own = self.answers.filter(|_| problem.is_none());
        let own = own.map(|answers| answers(&asked));
        lock(&self.asked).push(asked);
        let say = match problem {
            Some(problem) if problem == "key" => Say::status(401, "Incorrect API key provided"),
            Some(problem) => Say::status(400, &problem),
            None => own
                .or_else(|| lock(&self.says).pop_front())
                .unwrap_or_else(|| Say::status(500, "nothing more is written down")),
        };
        let whole = |status: u16, headers: &str, body: &str| {
            format!(
                "HTTP/1.1 {status} X\r\ncontent-type: application/json\r\n{headers}content-length: {}\r\nconnection: close\r\n\r\n{body}",
                body.len()
            )
        };
        let bytes = match &say {
            Say::Text(words) => whole(200, "", &answer(protocol, words, None)),
            Say::Refuse => whole(200, "", &refusal(protocol)),
            Say::Cut => whole(200, "", &answer(protocol, "{\"reason\": \"", Some("cut"))),
            Say::Status(status, headers, error) => {
                whole(*status, headers, &complaint(protocol, *status, error))
            }
            Say::Raw(bytes) | Say::Hang(bytes) => bytes.clone(),
            Say::Half => {
                let bytes = whole(200, "", &answer(protocol, "half", None));
                bytes[..bytes.len() - 20].to_owned()
            }
            Say::Reset => String::new(),
        };
        stream.write_all(bytes.as_bytes())?;
        if matches!(say, Say::Hang(_)) {
            lock(&self.held).push(stream);
        }
        Ok(())
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn read(protocol: Protocol, stream: &TcpStream) -> std::io::Result<Asked> {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    if reader.read_line(&mut line)? == 0 {
        // Somebody looked whether anybody listens, and asked nothing.
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
    let length = headers.get("content-length").and_then(|n| n.parse().ok());
    let mut body = vec![0; length.unwrap_or_default()];
    reader.read_exact(&mut body)?;
    let mut asked = Asked {
        line: line.trim_end_matches(" HTTP/1.1\r\n").to_owned(),
        headers,
        body: serde_json::from_slice(&body).unwrap_or_default(),
        problem: None,
    };
    asked.problem = problem(protocol, &asked);
    Ok(asked)
}

/// What the provider would refuse a request for.
fn problem(protocol: Protocol, asked: &Asked) -> Option<String> {
    let header = |name: &str| asked.headers.get(name).map(String::as_str);
    let (line, key) = match protocol {
        Protocol::OpenAi => (
            "POST /v1/chat/completions".to_owned(),
            header("authorization") == Some(&format!("Bearer {KEY}")),
        ),
        Protocol::Anthropic => (
            "POST /v1/messages".to_owned(),
            header("x-api-key") == Some(KEY),
        ),
        Protocol::Gemini => (
            "POST /v1beta/models/judge-1:generateContent".to_owned(),
            header("x-goog-api-key") == Some(KEY),
        ),
        // It has no key of its own; a proxy before it may want one.
        Protocol::Ollama => ("POST /api/chat".to_owned(), true),
    };
    if asked.line != line {
        return Some(format!("no such path: {}", asked.line));
    }
    if !key {
        return Some("key".to_owned());
    }
    let needed: &[&str] = match protocol {
        Protocol::OpenAi => &["/model", "/messages/0/role", "/messages/1/content"],
        Protocol::Anthropic => &["/model", "/max_tokens", "/messages/0/content"],
        Protocol::Gemini => &["/contents/0/parts/0/text"],
        Protocol::Ollama => &["/model", "/messages/1/content", "/options/num_ctx"],
    };
    if let Some(missing) = needed
        .iter()
        .find(|pointer| asked.body.pointer(pointer).is_none())
    {
        return Some(format!("{missing} is missing"));
    }
    if protocol == Protocol::Anthropic && header("anthropic-version").is_none() {
        return Some("anthropic-version is missing".to_owned());
    }
    // Without this Ollama answers in pieces.
    if protocol == Protocol::Ollama && asked.body["stream"] != false {
        return Some("this fake does not stream".to_owned());
    }
    None
}

fn answer(protocol: Protocol, words: &str, cut: Option<&str>) -> String {
    let end = |whole: &'static str, short: &'static str| if cut.is_some() { short } else { whole };
    match protocol {
        Protocol::OpenAi => json!({
            "id": "chatcmpl-1", "object": "chat.completion", "created": 1_741_569_952,
            "model": "judge-1",
            "choices": [{
                "index": 0,
                "message": {"role": "assistant", "content": words, "refusal": null},
                "logprobs": null,
                "finish_reason": end("stop", "length"),
            }],
            "usage": {"prompt_tokens": 1_000, "completion_tokens": 100, "total_tokens": 1_100},
        }),
        Protocol::Anthropic => json!({
            "id": "msg_1", "type": "message", "role": "assistant", "model": "judge-1",
            "content": [{"type": "text", "text": words}],
            "stop_reason": end("end_turn", "max_tokens"), "stop_sequence": null,
            "usage": {"input_tokens": 1_000, "output_tokens": 100},
        }),
        Protocol::Gemini => json!({
            "candidates": [{
                "content": {"parts": [{"text": words}], "role": "model"},
                "finishReason": end("STOP", "MAX_TOKENS"), "index": 0,
            }],
            "usageMetadata": {
                "promptTokenCount": 1_000, "candidatesTokenCount": 100, "totalTokenCount": 1_100,
            },
            "modelVersion": "judge-1",
        }),
        Protocol::Ollama => json!({
            "model": "judge-1", "created_at": "2026-01-01T00:00:00Z",
            "message": {"role": "assistant", "content": words},
            "done": true, "done_reason": end("stop", "length"),
            "prompt_eval_count": 1_000, "eval_count": 100,
        }),
    }
    .to_string()
}

/// How each provider says that it will not.
fn refusal(protocol: Protocol) -> String {
    let words = "I'm sorry, I can't help with that.";
    match protocol {
        Protocol::OpenAi => json!({
            "choices": [{
                "index": 0,
                "message": {"role": "assistant", "content": null, "refusal": words},
                "finish_reason": "stop",
            }],
            "usage": {"prompt_tokens": 1_000, "completion_tokens": 10},
        })
        .to_string(),
        Protocol::Anthropic => json!({
            "type": "message", "role": "assistant", "content": [],
            "stop_reason": "refusal",
            "usage": {"input_tokens": 1_000, "output_tokens": 1},
        })
        .to_string(),
        Protocol::Gemini => json!({
            "promptFeedback": {"blockReason": "SAFETY"},
            "usageMetadata": {"promptTokenCount": 1_000},
        })
        .to_string(),
        // A local model has nobody who would say it for it.
        Protocol::Ollama => answer(protocol, words, None),
    }
}

fn complaint(protocol: Protocol, status: u16, error: &str) -> String {
    match protocol {
        Protocol::OpenAi => {
            json!({"error": {"message": error, "type": "error", "param": null, "code": null}})
        }
        Protocol::Anthropic => {
            json!({"type": "error", "error": {"type": "api_error", "message": error}})
        }
        Protocol::Gemini => {
            json!({"error": {"code": status, "message": error, "status": "ERROR"}})
        }
        Protocol::Ollama => json!({"error": error}),
    }
    .to_string()
}
