//! Text that others wrote (agents, judges, scenario files), cut and made harmless.
//!
//! Control sequences go, and so does what turns the direction of writing: with it a line can show
//! something else than it says. A workflow of GitHub obeys lines that begin with `::` and `##[`
//! anywhere in a line; quoted lines stand behind a bar and the second form is broken up.

use std::fmt::Write as _;

use serde_json::Value;

use crate::report::style;

/// Lines of something longer.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Excerpt {
    /// The lines, harmless, each cut.
    pub lines: Vec<String>,
    /// Lines before or after that are not among them.
    pub left_out: usize,
}

/// `text` without anything that a terminal, a browser or a runner obeys; its lines stay.
pub fn plain(text: &str) -> String {
    let text = style::harmless(text, false);
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\t' => out.push_str("    "),
            // XML has no way to write these two.
            '\u{fffe}' | '\u{ffff}' => {}
            c if turns_direction(c) => {
                // Writing to a String cannot fail.
                _ = write!(out, "<U+{:04X}>", u32::from(c));
            }
            c => out.push(c),
        }
    }
    if out.contains("##[") {
        out = out.replace("##[", "# #[");
    }
    out
}

/// [`plain`] on one line of at most `most` characters.
pub fn line(text: &str, most: usize) -> String {
    let mut words = String::new();
    for (number, word) in plain(text).split_whitespace().enumerate() {
        if number > 0 {
            words.push(' ');
        }
        words.push_str(word);
        if words.len() > most * 4 {
            break;
        }
    }
    cut(&words, most)
}

/// At most `most` characters, an ellipsis for the rest.
pub fn cut(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    let kept: String = text.chars().take(most.saturating_sub(1)).collect();
    format!("{kept}…")
}

/// A row on one line.
pub fn row(value: &Value, most: usize) -> String {
    line(&value.to_string(), most)
}

/// A row that decided a criterion, on one line: its key, then the fields that name it and those its
/// expression asks for, then how many more there are.
pub fn evidence(row: &Value, cel: Option<&str>, most: usize) -> String {
    let (key, value) = match (row.get("key").and_then(Value::as_str), row.get("value")) {
        (Some(key), Some(value)) => (Some(key), value),
        _ => (None, row),
    };
    let Some(fields) = value.as_object() else {
        return line(&row.to_string(), most);
    };
    let is_asked = |name: &str| cel.is_some_and(|cel| names_field(cel, name));
    let mut told: Vec<(&String, &Value)> = fields
        .iter()
        .filter(|(name, _)| NAMING.contains(&name.as_str()) || is_asked(name))
        .collect();
    if told.is_empty() {
        told = fields.iter().collect();
    }
    told.sort_by_key(|(name, _)| NAMING.iter().position(|naming| naming == name).unwrap_or(9));
    let mut parts: Vec<String> = told
        .iter()
        .map(|(name, value)| format!("{name}: {}", cut(&value.to_string(), FIELD)))
        .collect();
    let left = fields.len() - told.len();
    if left > 0 {
        parts.push(format!("and {left} more fields"));
    }
    let key = key.map_or_else(String::new, |key| format!("{key} "));
    line(&format!("{key}{{{}}}", parts.join(", ")), most)
}

/// Fields by which people tell rows apart.
const NAMING: [&str; 4] = ["id", "number", "title", "name"];
/// The longest value of a field on a line of evidence.
const FIELD: usize = 80;

/// Whether an expression asks for a field: `.name`, and no longer name.
fn names_field(cel: &str, name: &str) -> bool {
    cel.match_indices(name).any(|(at, _)| {
        let after = cel[at + name.len()..].chars().next();
        cel[..at].ends_with('.') && !after.is_some_and(|c| c.is_alphanumeric() || c == '_')
    })
}

/// The first lines that are not empty.
pub fn head(text: &str, lines: usize, most: usize) -> Excerpt {
    excerpt(text, most, |all| all.truncate(lines))
}

/// The last lines that are not empty.
pub fn tail(text: &str, lines: usize, most: usize) -> Excerpt {
    excerpt(text, most, |all| {
        all.drain(..all.len().saturating_sub(lines));
    })
}

fn excerpt(text: &str, most: usize, choose: impl FnOnce(&mut Vec<&str>)) -> Excerpt {
    let text = plain(text);
    let mut lines: Vec<&str> = text
        .lines()
        .map(str::trim_end)
        .filter(|line| !line.is_empty())
        .collect();
    let all = lines.len();
    choose(&mut lines);
    Excerpt {
        left_out: all - lines.len(),
        lines: lines.into_iter().map(|line| cut(line, most)).collect(),
    }
}

/// Marks and overrides of the direction of writing.
fn turns_direction(c: char) -> bool {
    matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_text_is_only_text() {
        let text = "\u{1b}[31mred\u{1b}[0m\u{7}\u{ffff} a\u{202e}b ##[error]x\r\n\tnext";
        assert_eq!(plain(text), "red a<U+202E>b # #[error]x\n    next");
        assert_eq!(line(text, 12), "red a<U+202…");
        assert_eq!(line("short", 12), "short");
    }

    #[test]
    fn a_row_is_told_by_what_names_it_and_what_was_asked() {
        let value = serde_json::json!({
            "body": "x", "locked": false, "number": 7, "state": "closed", "statement": 1, "title": "T",
        });
        let row = serde_json::json!({"key": "a#7", "value": value});
        let cel = Some("size(github.issues.filter(i, i.state == \"closed\")) == 4");
        insta::assert_snapshot!(evidence(&row, cel, 200), @r#"a#7 {number: 7, title: "T", state: "closed", and 3 more fields}"#);
        insta::assert_snapshot!(evidence(&serde_json::json!({"host": "x", "port": 1}), cel, 200), @r#"{host: "x", port: 1}"#);
        insta::assert_snapshot!(evidence(&serde_json::json!(7), cel, 200), @"7");
        insta::assert_snapshot!(evidence(&row, None, 14), @"a#7 {number: …");
    }

    #[test]
    fn excerpts_say_how_much_is_missing() {
        let text = "1\n\n2\n3\n4\n";
        let lines = |excerpt: Excerpt| (excerpt.lines.join(" "), excerpt.left_out);
        assert_eq!(lines(head(text, 2, 9)), ("1 2".to_owned(), 2));
        assert_eq!(lines(tail(text, 2, 9)), ("3 4".to_owned(), 2));
        assert_eq!(lines(tail("", 2, 9)), (String::new(), 0));
    }
}
