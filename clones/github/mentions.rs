//! Users and issues that a text names, outside code.

use super::tables::{ISSUES, USERS, issue, issue_key, user};
use crate::engine::key::Key;
use crate::engine::root::Root;

/// A text without fenced blocks and code between backticks, in which names are only names.
fn without_code(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut fenced = false;
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
            continue;
        }
        if fenced {
            continue;
        }
        // Every second piece stands between backticks; the last one only if it is closed.
        let pieces: Vec<&str> = line.split('`').collect();
        let closed = pieces.len() % 2 == 1;
        for (at, piece) in pieces.iter().enumerate() {
            let last = at + 1 == pieces.len();
            if at % 2 == 0 || (last && !closed) {
                out.push_str(piece);
            }
            out.push(' ');
        }
        out.push('\n');
    }
    out
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-'
}

/// The logins that a text mentions with an `@`, each once, as their rows write them.
pub(super) fn users(root: &Root, text: &str) -> Vec<String> {
    let mut out: Vec<String> = Vec::new();
    if !text.contains('@') {
        return out;
    }
    let text = without_code(text);
    let bytes = text.as_bytes();
    for (at, _) in text.match_indices('@') {
        // An address of mail is no mention.
        if at > 0 && (is_word(bytes[at - 1]) || bytes[at - 1] == b'.') {
            continue;
        }
        let rest = &text[at + 1..];
        let end = rest
            .bytes()
            .position(|byte| !(byte.is_ascii_alphanumeric() || byte == b'-'))
            .unwrap_or(rest.len());
        // `@acme/web` is a team.
        if rest[end..].starts_with('/') {
            continue;
        }
        let Some(row) = root.get(USERS, &Key::folded(&rest[..end])) else {
            continue;
        };
        let login = row.text(user::LOGIN);
        if row.text(user::TYPE) == "User" && !out.iter().any(|known| known == login) {
            out.push(login.to_owned());
        }
    }
    out
}

/// The issues that a text of `repo` refers to, `#7`, `acme/webapp#7` or by address, each once.
pub(super) fn issues(root: &Root, text: &str, repo: &str) -> Vec<Key> {
    let mut out = Vec::new();
    if !text.contains('#') && !text.contains("github.com/") {
        return out;
    }
    let text = without_code(text);
    let mut found = |name: &str| {
        let key = issue_key(name).filter(|key| root.get(ISSUES, key).is_some());
        if let Some(key) = key
            && !out.contains(&key)
        {
            out.push(key);
        }
    };
    for (at, _) in text.match_indices('#') {
        let number = digits(&text[at + 1..]);
        let start = text[..at]
            .bytes()
            .rposition(|byte| !(is_word(byte) || matches!(byte, b'/' | b'.')))
            .map_or(0, |before| before + 1);
        let before = &text[start..at];
        if number.is_empty() {
            continue;
        }
        if before.is_empty() {
            found(&format!("{repo}#{number}"));
        } else if before.matches('/').count() == 1 {
            found(&format!("{before}#{number}"));
        }
    }
    for (at, prefix) in text.match_indices("https://github.com/") {
        let rest = &text[at + prefix.len()..];
        let mut parts = rest.splitn(4, '/');
        if let (Some(owner), Some(name), Some("issues" | "pull"), Some(rest)) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        {
            found(&format!("{owner}/{name}#{}", digits(rest)));
        }
    }
    out
}

fn digits(text: &str) -> &str {
    let end = text.bytes().take_while(u8::is_ascii_digit).count();
    &text[..end]
}

/// Whether an issue's own text mentions a user.
pub(super) fn in_issue(root: &Root, row: &crate::engine::row::Row, login: &str) -> bool {
    let body = row.text(issue::BODY);
    users(root, body)
        .iter()
        .any(|one| crate::engine::key::same(one, login))
}
