//! What the judge is shown of a run, and what its quotes are looked for in.
//!
//! It is cut to size value by value, so that what is left is still what happened, and each cut is
//! stated. Quotes are looked for only in what was shown.

use serde_json::Value;

use crate::report::style;

/// The longest text inside a call or a row, in bytes.
const TEXT: usize = 4 << 10;
/// The most items of a list inside a call or a row.
const ITEMS: usize = 40;
/// The deepest value that is looked into.
const DEPTH: usize = 32;
/// How much is shown of the agent's answer, in bytes.
const ANSWER: usize = 32 << 10;
/// How much is shown of calls, and of changes, in bytes.
const LINES: usize = 64 << 10;

/// What happened in a run, without secrets.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Evidence {
    /// What the agent said at the end.
    pub answer: String,
    /// Each call to a service, in order.
    pub calls: Vec<Value>,
    /// Each row that is new, gone or different.
    pub changes: Vec<Value>,
}

/// The evidence as it is shown.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Shown {
    /// What the agent said.
    pub answer: String,
    /// A line of JSON for each call.
    pub calls: String,
    /// A line of JSON for each change.
    pub changes: String,
    /// What was left out, for a person.
    pub cuts: Vec<String>,
    /// The texts inside calls and changes, which may be quoted as they read without JSON's escapes.
    texts: Vec<String>,
}

impl Shown {
    /// Cuts evidence to size.
    pub fn of(evidence: &Evidence) -> Self {
        let mut shown = Self::default();
        let answer = clean(&evidence.answer);
        shown.answer = if answer.trim().is_empty() {
            "(the agent gave no answer)".to_owned()
        } else {
            let (kept, left_out) = ends(&answer, ANSWER);
            if left_out > 0 {
                let cut = format!("{left_out} bytes from the middle of the agent's answer");
                shown.cuts.push(cut);
            }
            kept
        };
        shown.calls = shown.lines(&evidence.calls, "calls", "(the agent made no calls)");
        shown.changes = shown.lines(&evidence.changes, "changes", "(no row changed)");
        shown
    }

    /// Every text that a quote may be a part of. None of them reaches from one value to another.
    pub fn haystacks(&self) -> impl Iterator<Item = &str> {
        let lines = self.calls.lines().chain(self.changes.lines());
        std::iter::once(self.answer.as_str())
            .chain(lines)
            .chain(self.texts.iter().map(String::as_str))
    }

    /// One line for each value, from both ends where not all fit.
    fn lines(&mut self, values: &[Value], what: &str, none: &str) -> String {
        if values.is_empty() {
            return none.to_owned();
        }
        let mut inner_cuts = 0;
        let values: Vec<Value> = values
            .iter()
            .map(|value| cut(value, DEPTH, &mut inner_cuts))
            .collect();
        let lines: Vec<String> = values.iter().map(Value::to_string).collect();
        let (mut head, mut tail, mut size) = (0, 0, 0);
        // From both ends in turn: how it began and how it ended says most.
        while head + tail < lines.len() {
            let from_head = head <= tail;
            let line = if from_head {
                &lines[head]
            } else {
                &lines[lines.len() - 1 - tail]
            };
            size += line.len() + 1;
            if size > LINES {
                break;
            }
            if from_head {
                head += 1;
            } else {
                tail += 1;
            }
        }
        let left_out = lines.len() - head - tail;
        let mut out: Vec<String> = lines[..head].to_vec();
        if left_out > 0 {
            out.push(format!("[{left_out} {what} left out here]"));
            self.cuts.push(format!("{left_out} {what}"));
        }
        out.extend_from_slice(&lines[lines.len() - tail..]);
        if inner_cuts > 0 {
            self.cuts
                .push(format!("parts of {inner_cuts} long values in {what}"));
        }
        for value in values[..head].iter().chain(&values[values.len() - tail..]) {
            collect(value, &mut self.texts);
        }
        out.join("\n")
    }
}

/// Text without what a reader does not see: control characters and sequences, and characters
/// without a form that can hide words from a person and show them to a model.
pub(super) fn clean(text: &str) -> String {
    let is_seen = |c: &char| {
        !matches!(c,
            '\u{ad}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}'
            | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
    };
    style::harmless(text, false)
        .chars()
        .filter(is_seen)
        .collect()
}

/// The beginning and the end of a text with a mark between them, and how many bytes are left out.
pub(super) fn ends(text: &str, most: usize) -> (String, usize) {
    if text.len() <= most {
        return (text.to_owned(), 0);
    }
    let head = text.floor_char_boundary(most / 2);
    let tail = text.ceil_char_boundary(text.len() - most / 2);
    let left_out = tail - head;
    let kept = format!(
        "{}\n[{left_out} bytes left out here]\n{}",
        &text[..head],
        &text[tail..]
    );
    (kept, left_out)
}

fn cut(value: &Value, depth: usize, cuts: &mut usize) -> Value {
    if depth == 0 {
        *cuts += 1;
        return Value::from("[left out]");
    }
    match value {
        Value::String(text) => {
            let text = clean(text);
            if text.len() <= TEXT {
                return Value::from(text);
            }
            *cuts += 1;
            let end = text.floor_char_boundary(TEXT);
            let left_out = text.len() - end;
            Value::from(format!("{} [{left_out} bytes left out]", &text[..end]))
        }
        Value::Array(items) => {
            let mut kept: Vec<Value> = items
                .iter()
                .take(ITEMS)
                .map(|item| cut(item, depth - 1, cuts))
                .collect();
            if items.len() > ITEMS {
                *cuts += 1;
                kept.push(Value::from(format!(
                    "[{} items left out]",
                    items.len() - ITEMS
                )));
            }
            kept.into()
        }
        Value::Object(map) => map
            .iter()
            .map(|(name, inner)| (clean(name), cut(inner, depth - 1, cuts)))
            .collect::<serde_json::Map<_, _>>()
            .into(),
        Value::Null | Value::Bool(_) | Value::Number(_) => value.clone(),
    }
}

fn collect(value: &Value, texts: &mut Vec<String>) {
    match value {
        Value::String(text) => texts.push(text.clone()),
        Value::Array(items) => items.iter().for_each(|item| collect(item, texts)),
        Value::Object(map) => map.values().for_each(|inner| collect(inner, texts)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_small_is_shown_whole_and_what_is_missing_is_said() {
        let evidence = Evidence {
            answer: "Closed \u{1b}[2Jfour\u{200b} issues.".to_owned(),
            calls: vec![json!({"seq": 1, "request": {"body": "stale\nsince May"}})],
            changes: Vec::new(),
        };
        let shown = Shown::of(&evidence);
        assert_eq!(shown.answer, "Closed four issues.");
        insta::assert_snapshot!(shown.calls, @r#"{"request":{"body":"stale\nsince May"},"seq":1}"#);
        assert_eq!(shown.changes, "(no row changed)");
        assert_eq!(shown.cuts, [""; 0]);
        assert!(shown.haystacks().any(|text| text == "stale\nsince May"));
    }

    #[test]
    fn what_is_large_is_cut_from_the_middle_and_each_cut_is_told() {
        let call = |seq: usize| json!({"seq": seq, "body": "x".repeat(3_000)});
        let evidence = Evidence {
            answer: format!("begin{}end", "é".repeat(40_000)),
            calls: (1..=100).map(call).collect(),
            changes: vec![json!({"list": vec![0; 50], "text": "é".repeat(5_000)})],
        };
        let shown = Shown::of(&evidence);
        assert!(shown.answer.starts_with("begin") && shown.answer.ends_with("end"));
        assert!(shown.answer.len() < ANSWER + 100 && shown.calls.len() < LINES + 100);
        assert!(shown.calls.contains(r#""seq":1}"#) && shown.calls.contains(r#""seq":100}"#));
        assert!(!shown.calls.contains(r#""seq":50}"#));
        insta::assert_snapshot!(shown.cuts.join("\n"), @r"
        47242 bytes from the middle of the agent's answer
        79 calls
        parts of 2 long values in changes
        ");
        assert!(!shown.haystacks().any(|text| text.contains("\"seq\":50}")));
    }
}
