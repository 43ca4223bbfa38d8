//! What an agent's output says: its end record, its errors, what it was refused, what it used.
//!
//! The output is written by a program that works on hostile text. Only whole lines that are JSON
//! objects count as records; text inside them never does.

use serde_json::Value;

use super::dialects;
use super::table::Dialect;
use super::usage::Usage;

/// Characters kept of a message.
const LONGEST_MESSAGE: usize = 300;

/// What kind of error it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TroubleKind {
    /// No key, or one that is refused.
    Auth,
    /// Nothing left to spend at the model's provider, or too many calls.
    Quota,
    /// Its own limit of turns.
    LimitTurns,
    /// Its own limit of money.
    LimitBudget,
    /// It may not work here, or was refused what it needs.
    Denied,
    /// Any other.
    Other,
}

/// An error the agent reports.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    /// Its kind.
    pub kind: TroubleKind,
    /// Its message, one line without control characters.
    pub message: String,
}

impl Trouble {
    /// An error whose kind is read from an HTTP status, where there is one, and its message.
    pub fn of(message: &str, status: Option<u64>) -> Self {
        Self {
            kind: kind(message, status),
            message: line(message),
        }
    }
}

/// What an agent left behind.
#[derive(Debug, Clone, Copy, Default)]
pub struct Left<'a> {
    /// Its stdout.
    pub stdout: &'a [u8],
    /// The end of its stdout, where it was too long to be kept whole.
    pub stdout_end: &'a [u8],
    /// Its stderr.
    pub stderr: &'a [u8],
    /// The file with its usage, where it writes one.
    pub usage_file: Option<&'a [u8]>,
    /// The file with its result, where it writes one.
    pub result_file: Option<&'a [u8]>,
}

/// What that says.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Reading {
    /// Whether it says that it came to its end; agents without such a record always do.
    pub ended: bool,
    /// The error it reports.
    pub trouble: Option<Trouble>,
    /// How often it was refused a tool.
    pub denied: usize,
    /// What it used.
    pub usage: Usage,
}

/// Reads what an agent left.
pub fn read(dialect: Dialect, left: &Left<'_>) -> Reading {
    match dialect {
        Dialect::Claude => dialects::claude(&records(left)),
        Dialect::Codex => dialects::codex(&records(left)),
        Dialect::Gemini => dialects::gemini(left),
        Dialect::Copilot => dialects::copilot(&records(left), left.usage_file),
        Dialect::Opencode => dialects::opencode(&records(left)),
        Dialect::Aider => dialects::aider(left),
        Dialect::Command => dialects::command(left.result_file),
    }
}

/// The last line of an agent's stderr that says something, for where its records say nothing.
pub fn last_word(stderr: &[u8]) -> Option<String> {
    let end = &stderr[stderr.len().saturating_sub(64 << 10)..];
    let text = String::from_utf8_lossy(end);
    text.lines().map(line).rfind(|line| !line.is_empty())
}

/// The records of stdout, in order: the lines that are JSON objects.
pub(super) fn records(left: &Left<'_>) -> Vec<Value> {
    // The first line of the end is the rest of one that was cut.
    let mut end = left.stdout_end.splitn(2, |byte| *byte == b'\n');
    end.next();
    let lines = left.stdout.split(|byte| *byte == b'\n');
    let later = end.next().unwrap_or_default().split(|byte| *byte == b'\n');
    lines
        .chain(later)
        .filter(|line| line.first() == Some(&b'{'))
        .filter_map(|line| serde_json::from_slice(line).ok())
        .collect()
}

/// Text as one line without control characters, cut where it is long.
pub fn line(text: &str) -> String {
    let mut plain = String::new();
    let mut escape = false;
    for c in text.chars() {
        match c {
            // A colour begins with it and ends with a letter.
            '\u{1b}' => escape = true,
            _ if escape => escape = !c.is_ascii_alphabetic(),
            _ if c.is_control() => plain.push(' '),
            _ => plain.push(c),
        }
        if plain.len() >= LONGEST_MESSAGE {
            break;
        }
    }
    plain.trim().to_owned()
}

fn kind(message: &str, status: Option<u64>) -> TroubleKind {
    match status {
        Some(401 | 403) => return TroubleKind::Auth,
        Some(402 | 429) => return TroubleKind::Quota,
        _ => {}
    }
    let message = message.to_ascii_lowercase();
    let says = |words: &[&str]| words.iter().any(|word| message.contains(word));
    if says(&[
        "401",
        "unauthorized",
        "authentication",
        "not logged in",
        "invalid x-api-key",
        "invalid api key",
        "incorrect api key",
    ]) {
        TroubleKind::Auth
    } else if says(&[
        "429",
        "rate limit",
        "rate_limit",
        "ratelimit",
        "quota",
        "credit balance",
        "usage limit",
        "resource_exhausted",
    ]) {
        TroubleKind::Quota
    } else {
        TroubleKind::Other
    }
}
