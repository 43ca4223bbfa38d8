//! What the judge is shown of a run, and what its quotes are looked for in.
//!
//! It is cut to size value by value, so that what is left is still what happened, and each cut is
//! stated. Quotes are looked for only in what was shown.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::report::style;

/// How much of a value is kept. A line that is too long is cut by the next limits, the last of which
/// leave little more than its names.
struct Limits {
    /// The longest text, in bytes.
    text: usize,
    /// The most items of a list.
    items: usize,
    /// The deepest value.
    depth: usize,
    /// Whether links are kept.
    links: bool,
}

const LIMITS: [Limits; 5] = [
    limits(4 << 10, 40, 32, true),
    limits(4 << 10, 40, 32, false),
    limits(512, 8, 8, false),
    limits(160, 3, 6, false),
    limits(64, 1, 4, false),
];

const fn limits(text: usize, items: usize, depth: usize, links: bool) -> Limits {
    Limits {
        text,
        items,
        depth,
        links,
    }
}

/// The longest line of a call that changes something, or of a row.
const LINE: usize = 6 << 10;
/// The longest line of a call that only looks.
const LOOK: usize = 1_536;
/// How much is shown of the agent's answer, in bytes.
const ANSWER: usize = 32 << 10;
/// How much is shown of calls, and of changes, in bytes.
const LINES: usize = 64 << 10;
/// How much is shown of the state, and of what the agent says of its steps, in bytes.
const ASIDE: usize = 24 << 10;

/// What happened in a run, without secrets.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Evidence {
    /// What the agent said at the end.
    pub answer: String,
    /// Each call to a service, in order.
    pub calls: Vec<Value>,
    /// Each row that is new, gone or different.
    pub changes: Vec<Value>,
    /// The rows at the end, in the order in which they matter.
    pub state: Vec<Value>,
    /// Rows at the end that are not in `state`.
    pub state_left_out: usize,
    /// What the agent says it did on the way, in order.
    pub steps: Vec<Value>,
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
    /// A line of JSON for each row of the state.
    pub state: String,
    /// A line of JSON for each step the agent tells of, where it tells of any. Its word alone, so
    /// that no quote is looked for in it.
    pub steps: Option<String>,
    /// What was left out, for a person.
    pub cuts: Vec<String>,
    /// The texts inside calls, changes and state, which may be quoted as they read without JSON's escapes.
    texts: Vec<String>,
    /// The fields of a line that say which one it is, and nothing of what happened.
    own: &'static [&'static str],
}

/// Of a call or a row.
const OF_RUN: &[&str] = &["clone", "collection", "seq"];
/// Of a step.
const OF_STEPS: &[&str] = &["by", "step", "to"];

impl Shown {
    /// Cuts evidence to size.
    pub fn of(evidence: &Evidence) -> Self {
        let mut shown = Self {
            own: OF_RUN,
            ..Self::default()
        };
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
        shown.calls = shown.listed(&evidence.calls, "calls", "(the agent made no calls)");
        shown.changes = shown.listed(&evidence.changes, "changes", "(no row changed)");
        shown.state = shown.rows(&evidence.state, evidence.state_left_out);
        shown.steps = shown.told(&evidence.steps);
        shown
    }

    /// Cuts the steps of a recorded run to size; they stand in `calls`. Those that are `aside` give
    /// way to the others. `left_out` more are not among them.
    pub(super) fn of_steps(
        steps: &[Value],
        is_aside: impl Fn(&Value) -> bool,
        left_out: usize,
    ) -> Self {
        let mut shown = Self {
            own: OF_STEPS,
            ..Self::default()
        };
        let fitted: Vec<Fitted> = steps.iter().map(|step| fit(step, LINE)).collect();
        let (aside, first): (Vec<usize>, Vec<usize>) =
            (0..steps.len()).partition(|at| is_aside(&steps[*at]));
        let order = from_both_ends(&first).chain(from_both_ends(&aside));
        let kept = fitting(&fitted, order, LINES);
        for at in &kept {
            shown.collect(&fitted[*at].value);
        }
        let (all, missing) = (steps.len() + left_out, steps.len() + left_out - kept.len());
        if missing > 0 {
            shown.cuts.push(format!("{missing} of {all} steps"));
        }
        let shortened = kept.iter().filter(|at| fitted[**at].is_cut).count();
        if shortened > 0 {
            shown
                .cuts
                .push(format!("parts of {shortened} of {all} steps"));
        }
        shown.calls = with_gaps(&fitted, &kept, "steps");
        shown
    }

    /// The texts that a quote may be a part of, as they read. None reaches from one value to another.
    pub(super) fn texts(&self) -> impl Iterator<Item = &str> {
        std::iter::once(self.answer.as_str()).chain(self.texts.iter().map(String::as_str))
    }

    /// The lines that a quote may be a part of, as they are shown.
    pub(super) fn lines(&self) -> impl Iterator<Item = &str> {
        let lines = [&self.calls, &self.changes, &self.state];
        lines.into_iter().flat_map(|lines| lines.lines())
    }

    /// Whether a field of a line only says which one it is.
    pub(super) fn is_own(&self, field: &str) -> bool {
        self.own.contains(&field)
    }

    fn collect(&mut self, value: &Value) {
        let Some(fields) = value.as_object() else {
            return collect(value, &mut self.texts);
        };
        for (_, value) in fields
            .iter()
            .filter(|(name, _)| !self.own.contains(&name.as_str()))
        {
            collect(value, &mut self.texts);
        }
    }

    /// The first rows of the state, as many as there is room for.
    fn rows(&mut self, rows: &[Value], left_out: usize) -> String {
        let all = rows.len() + left_out;
        if all == 0 {
            return "(there are no rows)".to_owned();
        }
        let mut out: Vec<String> = Vec::new();
        let (mut room, mut shortened) = (ASIDE, 0);
        for row in rows {
            let fitted = fit(row, LOOK);
            let Some(rest) = room.checked_sub(fitted.line.len() + 1) else {
                break;
            };
            room = rest;
            shortened += usize::from(fitted.is_cut);
            self.collect(&fitted.value);
            out.push(fitted.line);
        }
        let left_out = all - out.len();
        if left_out > 0 {
            out.push(format!("[{left_out} more rows left out here]"));
            self.cuts
                .push(format!("{left_out} of {all} rows of the state"));
        }
        if shortened > 0 {
            self.cuts
                .push(format!("parts of {shortened} of {all} rows of the state"));
        }
        out.join("\n")
    }

    /// How the agent's own account begins and ends, as far as there is room.
    fn told(&mut self, steps: &[Value]) -> Option<String> {
        if steps.is_empty() {
            return None;
        }
        let fitted: Vec<Fitted> = steps.iter().map(|step| fit(step, LOOK)).collect();
        let positions: Vec<usize> = (0..steps.len()).collect();
        let kept = fitting(&fitted, from_both_ends(&positions), ASIDE);
        let left_out = steps.len() - kept.len();
        if left_out > 0 {
            self.cuts
                .push(format!("{left_out} of {} steps", steps.len()));
        }
        let shortened = kept.iter().filter(|at| fitted[**at].is_cut).count();
        if shortened > 0 {
            self.cuts
                .push(format!("parts of {shortened} of {} steps", steps.len()));
        }
        Some(with_gaps(&fitted, &kept, "steps"))
    }

    /// One line for each value, as many as there is room for. What changes something goes before what
    /// only looks, and how it began and ended before what lies between.
    fn listed(&mut self, values: &[Value], what: &str, none: &str) -> String {
        if values.is_empty() {
            return none.to_owned();
        }
        let most = |value| if only_looks(value) { LOOK } else { LINE };
        let fitted: Vec<Fitted> = values.iter().map(|value| fit(value, most(value))).collect();
        let (looking, changing): (Vec<usize>, Vec<usize>) =
            (0..values.len()).partition(|at| only_looks(&values[*at]));
        let order = from_both_ends(&changing).chain(from_both_ends(&looking));
        let kept = fitting(&fitted, order, LINES);
        for at in &kept {
            self.collect(&fitted[*at].value);
        }
        let left_out = values.len() - kept.len();
        if left_out > 0 {
            self.cuts
                .push(format!("{left_out} of {} {what}", values.len()));
        }
        let shortened = kept.iter().filter(|at| fitted[**at].is_cut).count();
        if shortened > 0 {
            self.cuts
                .push(format!("parts of {shortened} of {} {what}", values.len()));
        }
        with_gaps(&fitted, &kept, what)
    }
}

/// The positions whose lines there is room for, the first in `order` first.
fn fitting(
    fitted: &[Fitted],
    order: impl Iterator<Item = usize>,
    mut room: usize,
) -> BTreeSet<usize> {
    let mut kept = BTreeSet::new();
    for at in order {
        let size = fitted[at].line.len() + 1;
        if size <= room {
            room -= size;
            kept.insert(at);
        }
    }
    kept
}

/// The lines that are kept, with a line for each gap between them.
fn with_gaps(fitted: &[Fitted], kept: &BTreeSet<usize>, what: &str) -> String {
    let mut out: Vec<String> = Vec::new();
    let mut next = 0;
    for at in kept.iter().copied().chain([fitted.len()]) {
        if at > next {
            out.push(format!("[{} {what} left out here]", at - next));
        }
        out.extend(fitted.get(at).map(|one| one.line.clone()));
        next = at + 1;
    }
    out.join("\n")
}

/// The positions from the first and the last inwards.
fn from_both_ends(positions: &[usize]) -> impl Iterator<Item = usize> + '_ {
    let count = positions.len();
    (0..count).map(move |turn| {
        let half = turn / 2;
        positions[if turn % 2 == 0 {
            half
        } else {
            count - 1 - half
        }]
    })
}

/// Whether a call asks for something and changes nothing.
fn only_looks(value: &Value) -> bool {
    matches!(
        value.get("method").and_then(Value::as_str),
        Some("GET" | "HEAD" | "OPTIONS")
    )
}

/// A value cut until its line is short enough.
struct Fitted {
    value: Value,
    line: String,
    is_cut: bool,
}

fn fit(value: &Value, most: usize) -> Fitted {
    let mut fitted = Fitted {
        value: Value::Null,
        line: String::new(),
        is_cut: true,
    };
    for limits in &LIMITS {
        let mut cuts = 0;
        fitted.value = cut(value, limits, limits.depth, &mut cuts);
        fitted.line = fitted.value.to_string();
        fitted.is_cut = cuts > 0;
        if fitted.line.len() <= most {
            return fitted;
        }
    }
    // What is still too long has a thousand fields, or no end of numbers.
    let (line, _) = ends(&fitted.line, most);
    let line = line.replace('\n', " ");
    Fitted {
        value: Value::Null,
        line,
        is_cut: true,
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

fn cut(value: &Value, limits: &Limits, depth: usize, cuts: &mut usize) -> Value {
    if depth == 0 && (value.is_array() || value.is_object()) {
        *cuts += 1;
        return Value::from("[left out]");
    }
    match value {
        Value::String(text) => {
            let text = clean(text);
            if text.len() <= limits.text {
                return Value::from(text);
            }
            *cuts += 1;
            let end = text.floor_char_boundary(limits.text);
            let left_out = text.len() - end;
            Value::from(format!("{} [{left_out} bytes left out]", &text[..end]))
        }
        Value::Array(items) => {
            let mut kept: Vec<Value> = items
                .iter()
                .take(limits.items)
                .map(|item| cut(item, limits, depth - 1, cuts))
                .collect();
            if items.len() > limits.items {
                *cuts += 1;
                let left_out = items.len() - limits.items;
                kept.push(Value::from(format!("[{left_out} items left out]")));
            }
            kept.into()
        }
        Value::Object(map) => {
            let kept = map
                .iter()
                .filter(|(name, inner)| limits.links || !is_link(name, inner))
                .map(|(name, inner)| (clean(name), cut(inner, limits, depth - 1, cuts)))
                .collect::<serde_json::Map<_, _>>();
            *cuts += usize::from(kept.len() < map.len());
            kept.into()
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => value.clone(),
    }
}

/// Whether a field only says where more of the same stands.
fn is_link(name: &str, value: &Value) -> bool {
    let is_url = |text: &str| text.starts_with("https://") || text.starts_with("http://");
    (name == "url" || name.ends_with("_url")) && value.as_str().is_none_or(is_url)
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
            ..Evidence::default()
        };
        let shown = Shown::of(&evidence);
        assert_eq!(shown.answer, "Closed four issues.");
        insta::assert_snapshot!(shown.calls, @r#"{"request":{"body":"stale\nsince May"},"seq":1}"#);
        assert_eq!(shown.changes, "(no row changed)");
        assert_eq!(shown.cuts, [""; 0]);
        assert!(shown.texts().any(|text| text == "stale\nsince May"));
    }

    #[test]
    fn what_is_large_is_cut_from_the_middle_and_each_cut_is_told() {
        let call = |seq: usize| json!({"seq": seq, "body": "x".repeat(3_000)});
        let evidence = Evidence {
            answer: format!("begin{}end", "é".repeat(40_000)),
            calls: (1..=100).map(call).collect(),
            changes: vec![json!({"list": vec![0; 50], "text": "é".repeat(5_000)})],
            ..Evidence::default()
        };
        let shown = Shown::of(&evidence);
        assert!(shown.answer.starts_with("begin") && shown.answer.ends_with("end"));
        assert!(shown.answer.len() < ANSWER + 100 && shown.calls.len() < LINES + 100);
        assert!(shown.calls.contains(r#""seq":1}"#) && shown.calls.contains(r#""seq":100}"#));
        assert!(!shown.calls.contains(r#""seq":50}"#));
        insta::assert_snapshot!(shown.cuts.join("\n"), @r"
        47242 bytes from the middle of the agent's answer
        79 of 100 calls
        parts of 1 of 1 changes
        ");
        assert!(!shown.lines().any(|line| line.contains("\"seq\":50}")));
    }

    #[test]
    fn long_lists_that_were_only_looked_at_leave_room_for_what_was_done() {
        let issue = json!({"number": 7, "url": "https://example.com/7", "body": "x".repeat(900)});
        let look =
            |seq: usize| json!({"seq": seq, "method": "GET", "response": vec![issue.clone(); 100]});
        let write = |seq: usize| json!({"seq": seq, "method": "POST", "request": {"body": format!("reason {seq}")}, "response": issue});
        let mut calls: Vec<Value> = (1..=200).map(look).collect();
        calls[99] = write(100);
        calls[100] = write(101);
        let shown = Shown::of(&Evidence {
            calls,
            ..Evidence::default()
        });
        for seen in ["reason 100", "reason 101", r#""seq":1}"#, r#""seq":200}"#] {
            assert!(shown.calls.contains(seen), "{seen}");
        }
        assert!(shown.calls.len() <= LINES);
        assert!(shown.calls.lines().all(|line| line.len() <= LINE));
        let gaps = shown.calls.matches("calls left out here]").count();
        assert_eq!(gaps, 2, "before and after what was done");
    }

    #[test]
    fn the_first_rows_of_the_state_are_shown_and_the_others_counted() {
        let row = |number: usize| json!({"number": number, "body": "x".repeat(900)});
        let shown = Shown::of(&Evidence {
            state: (1..=100).map(row).collect(),
            state_left_out: 7,
            ..Evidence::default()
        });
        assert!(shown.state.len() < ASIDE + 100 && shown.state.contains(r#""number":1}"#));
        assert_eq!(
            shown.state.lines().last(),
            Some("[81 more rows left out here]")
        );
        assert_eq!(shown.cuts, ["81 of 107 rows of the state"]);
        assert!(shown.lines().any(|line| line.contains("\"number\":26}")));
        assert!(!shown.lines().any(|line| line.contains("\"number\":27}")));
    }

    #[test]
    fn what_the_agent_says_of_its_steps_is_shown_and_is_no_evidence() {
        let step = |at: usize| json!({"name": format!("step {at}"), "output": "y".repeat(900)});
        let shown = Shown::of(&Evidence {
            steps: (1..=100).map(step).collect(),
            ..Evidence::default()
        });
        let steps = shown.steps.as_deref().expect("shown");
        assert!(steps.len() < ASIDE + 100, "{}", steps.len());
        assert!(steps.contains("step 1\"") && steps.contains("step 100\""));
        assert_eq!(shown.cuts, ["74 of 100 steps"]);
        assert!(
            !shown
                .texts()
                .chain(shown.lines())
                .any(|text| text.contains("step 1"))
        );
    }

    #[test]
    fn no_value_is_too_large_to_be_shown_a_part_of() {
        let wide: serde_json::Map<_, _> = (0..5_000)
            .map(|number| (format!("field{number}"), json!(number)))
            .collect();
        let deep = (0..100).fold(json!("end"), |inner, _| json!([inner]));
        for value in [
            json!(wide),
            deep,
            json!(vec![1; 100_000]),
            json!("x".repeat(1 << 20)),
        ] {
            let shown = Shown::of(&Evidence {
                changes: vec![value],
                ..Evidence::default()
            });
            assert!(!shown.changes.is_empty() && shown.changes.len() <= LINE + 100);
            assert_eq!((shown.changes.lines().count(), shown.cuts.len()), (1, 1));
        }
    }
}
