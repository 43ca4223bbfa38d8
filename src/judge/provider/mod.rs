//! The wire shapes of the four providers: plain functions from a question to a request, and from an
//! answer's JSON to what it says.
//!
//! - `openai`: chat completions, which many servers speak.
//! - `anthropic`: messages.
//! - `gemini`: content generation.
//! - `ollama`: chat.

mod anthropic;
mod gemini;
mod ollama;
mod openai;

use serde_json::Value;

use crate::budget::amount::Usd;
use crate::budget::prices::Tokens;
use crate::config::judge::Chosen;
use crate::config::schema::JudgeProvider;

use super::answer::Shape;

/// The most tokens of an answer, reasoning included.
pub(super) const ANSWER_TOKENS: u64 = 8_192;

/// What is asked.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asked<'a> {
    /// The model.
    pub(super) model: &'a str,
    /// Who the judge is and how it answers.
    pub(super) system: &'a str,
    /// The question.
    pub(super) user: &'a str,
    /// About how many tokens both are.
    pub(super) tokens: u64,
    /// Whether the server is to hold the answer to its schema. Not all servers can.
    pub(super) is_held: bool,
    /// What the answer is to hold.
    pub(super) shape: Shape,
}

/// A request without its key.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct WireRequest {
    /// Where it goes.
    pub(super) url: String,
    /// Headers besides that of the key.
    pub(super) headers: &'static [(&'static str, &'static str)],
    /// The header of the key, and what stands before the key in it.
    pub(super) key_header: (&'static str, &'static str),
    /// The body.
    pub(super) body: Value,
}

/// What came back.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Reply {
    /// The words.
    pub text: String,
    /// Why they are none of the judge's own or not all of them.
    pub ended: Option<Ended>,
    /// The tokens, where the provider counts them.
    pub tokens: Option<Tokens>,
    /// What the provider says that it cost.
    pub cost: Option<Usd>,
}

/// An answer that is none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ended {
    /// The judge or its provider will not answer.
    Refused(String),
    /// It was longer than it may be.
    TooLong,
}

/// The request for a question.
pub(super) fn request(judge: &Chosen, asked: &Asked<'_>) -> WireRequest {
    match judge.provider {
        JudgeProvider::OpenAi => openai::request(&judge.base_url, asked),
        JudgeProvider::Anthropic => anthropic::request(&judge.base_url, asked),
        JudgeProvider::Gemini => gemini::request(&judge.base_url, asked),
        JudgeProvider::Ollama => ollama::request(&judge.base_url, asked),
    }
}

/// What the body of an answer says; none where it is not of the provider's shape.
pub fn read(provider: JudgeProvider, body: &[u8]) -> Option<Reply> {
    reply(provider, &serde_json::from_slice(body).ok()?)
}

fn reply(provider: JudgeProvider, body: &Value) -> Option<Reply> {
    match provider {
        JudgeProvider::OpenAi => openai::reply(body),
        JudgeProvider::Anthropic => anthropic::reply(body),
        JudgeProvider::Gemini => gemini::reply(body),
        JudgeProvider::Ollama => ollama::reply(body),
    }
}

/// What an error's body says, for a person: `error.message`, `error` or `message`.
pub fn complaint(body: &Value) -> Option<&str> {
    [
        "/error/message",
        "/error",
        "/message",
        "/detail",
        "/0/error/message",
    ]
    .into_iter()
    .find_map(|pointer| body.pointer(pointer)?.as_str())
}

/// Whether an error is about holding the answer to a schema, which is then asked for in words alone.
pub(super) fn is_about_schema(complaint: &str) -> bool {
    let complaint = complaint.to_ascii_lowercase();
    [
        "response_format",
        "response format",
        "json_schema",
        "output_config",
        "structured output",
        "responseschema",
        "responsejsonschema",
        "response_json_schema",
        "response_schema",
        "json mode",
        "invalid format",
    ]
    .iter()
    .any(|word| complaint.contains(word))
}

fn count(body: &Value, pointer: &str) -> Option<u64> {
    body.pointer(pointer)?.as_u64()
}

fn text<'a>(body: &'a Value, pointer: &str) -> Option<&'a str> {
    body.pointer(pointer)?.as_str()
}
