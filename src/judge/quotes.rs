//! Whether what a judge quotes is there.

use std::collections::BTreeMap;
use std::ops::Range;

use serde_json::Value;
use serde_json::value::RawValue;

use super::evidence::{Shown, clean};

/// A shorter quote proves nothing: it stands in almost every text. Characters other than spaces.
const SHORTEST: usize = 8;

/// Why quotes prove nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum QuoteError {
    /// There is none.
    #[error("the judge quoted no evidence")]
    None,
    /// None is long enough.
    #[error("the judge quoted only {0}, which is too short to prove anything")]
    TooShort(String),
    /// None is more than how archal itself names and numbers what happened.
    #[error("the judge quoted only {0}, which are archal's own words about the run")]
    OwnWords(String),
    /// One is nowhere in the evidence.
    #[error("the judge quoted {0}, which is not in the evidence")]
    Invented(String),
}

/// The quotes that prove something, where none is invented.
///
/// A quote must stand in one piece of what was shown, character for character; only runs of
/// white space count as one space. It must hold something of what happened: a whole field of it, or
/// as much as is not too short. The whole answer of the agent may be quoted however short it is.
///
/// # Errors
///
/// When there is none, one is invented, or all are too short or archal's own words.
pub fn verified(quotes: &[String], shown: &Shown) -> Result<Vec<String>, QuoteError> {
    let texts: Vec<String> = shown.texts().map(normal).collect();
    let lines: Vec<Line> = shown.lines().map(|line| Line::of(line, shown)).collect();
    let answer = normal(&shown.answer);
    let mut good = Vec::new();
    let mut poor = None;
    for quote in quotes {
        let wanted = normal(quote);
        if wanted.is_empty() {
            continue;
        }
        let is_text = texts.iter().any(|text| text.contains(&wanted));
        if !is_text && !lines.iter().any(|line| line.text.contains(&wanted)) {
            return Err(QuoteError::Invented(told(&wanted)));
        }
        if size(&wanted) < SHORTEST && wanted != answer {
            poor.get_or_insert_with(|| QuoteError::TooShort(told(&wanted)));
        } else if !is_text && !lines.iter().any(|line| line.tells(&wanted)) {
            poor.get_or_insert_with(|| QuoteError::OwnWords(told(&wanted)));
        } else if !good.contains(&wanted) {
            good.push(wanted);
        }
    }
    match (good.is_empty(), poor) {
        (false, _) => Ok(good),
        (true, poor) => Err(poor.unwrap_or(QuoteError::None)),
    }
}

/// The steps of a recorded run that a verified quote stands in, in their order.
pub(super) fn places(quote: &str, shown: &Shown) -> Vec<Value> {
    let wanted = normal(quote);
    let stands_in = |line: &str, step: &Value| {
        let mut is_there = Line::of(line, shown).tells(&wanted);
        every_text(step, &mut |text| is_there |= normal(text).contains(&wanted));
        is_there
    };
    let lines = shown.calls.lines();
    lines
        .filter_map(|line| {
            let step: Value = serde_json::from_str(line).ok()?;
            let mut told = step.clone();
            if let Some(fields) = told.as_object_mut() {
                fields.retain(|name, _| !shown.is_own(name));
            }
            stands_in(line, &told).then_some(step)
        })
        .collect()
}

/// A line of what was shown, and the parts of it that are what happened. The others are how
/// archal names and numbers it.
struct Line {
    text: String,
    happened: Vec<Range<usize>>,
}

impl Line {
    fn of(line: &str, shown: &Shown) -> Self {
        let (mut text, mut happened) = (String::new(), Vec::new());
        let Ok(fields) = serde_json::from_str::<BTreeMap<String, &RawValue>>(line) else {
            // A line that was cut, or says that there is none.
            text = normal(line);
            let is_gap = text.starts_with('[') && text.ends_with(" left out here]");
            happened.extend((!is_gap).then_some(0..text.len()));
            return Self { text, happened };
        };
        let mut places: Vec<(usize, usize)> = fields
            .into_iter()
            .filter(|(name, _)| !shown.is_own(name))
            .map(|(_, value)| {
                // It is a part of the line.
                let begin = value.get().as_ptr().addr() - line.as_ptr().addr();
                (begin, begin + value.get().len())
            })
            .collect();
        places.sort_unstable();
        let mut done = 0;
        for (begin, end) in places {
            text.push_str(&normal(&line[done..begin]));
            let start = text.len();
            text.push_str(&normal(&line[begin..end]));
            happened.push(start..text.len());
            done = end;
        }
        text.push_str(&normal(&line[done..]));
        Self { text, happened }
    }

    /// Whether a piece of it holds something of what happened.
    fn tells(&self, wanted: &str) -> bool {
        let mut from = 0;
        while let Some(at) = self.text.get(from..).and_then(|rest| rest.find(wanted)) {
            let (begin, end) = (from + at, from + at + wanted.len());
            let is_told = self.happened.iter().any(|part| {
                let both = begin.max(part.start)..end.min(part.end);
                let is_whole = !part.is_empty() && both == *part;
                is_whole
                    || self
                        .text
                        .get(both)
                        .is_some_and(|both| size(both) >= SHORTEST)
            });
            if is_told {
                return true;
            }
            from = self.text.ceil_char_boundary(begin + 1);
        }
        false
    }
}

/// Characters other than spaces.
fn size(text: &str) -> usize {
    text.chars().filter(|c| !c.is_whitespace()).count()
}

fn every_text(value: &Value, see: &mut dyn FnMut(&str)) {
    match value {
        Value::String(text) => see(text),
        Value::Array(items) => items.iter().for_each(|item| every_text(item, see)),
        Value::Object(map) => map.values().for_each(|inner| every_text(inner, see)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// Text with each run of white space as one space.
fn normal(text: &str) -> String {
    let text = clean(text);
    let words: Vec<&str> = text.split_whitespace().collect();
    words.join(" ")
}

fn told(quote: &str) -> String {
    const MOST: usize = 120;
    let end = quote.floor_char_boundary(MOST);
    let more = if end < quote.len() { "…" } else { "" };
    format!("\"{}{more}\"", &quote[..end])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::judge::evidence::Evidence;

    fn shown(answer: &str) -> Shown {
        Shown::of(&Evidence {
            answer: answer.to_owned(),
            calls: vec![
                json!({"seq": 1, "request": {"body": "Closing:\n  stale since \"May\""}}),
                json!({"seq": 2, "request": {"state": "closed"}}),
            ],
            changes: Vec::new(),
            ..Evidence::default()
        })
    }

    fn check(quotes: &[&str]) -> Result<Vec<String>, QuoteError> {
        let quotes: Vec<String> = quotes.iter().map(|&quote| quote.to_owned()).collect();
        verified(&quotes, &shown("All four\nare closed now."))
    }

    #[test]
    fn a_quote_is_found_as_shown_or_as_it_reads() {
        for quote in [
            "four are closed",
            "  All\tfour are closed now. ",
            "stale since \"May\"",
            r#""request":{"state":"closed"}"#,
            "(no row changed)",
        ] {
            assert!(check(&[quote]).is_ok(), "{quote}");
        }
        assert_eq!(
            verified(&["Done.".to_owned()], &shown("Done.")),
            Ok(vec!["Done.".to_owned()])
        );
    }

    #[test]
    fn how_archal_names_and_numbers_what_happened_is_no_evidence() {
        let steps = [
            json!({"by": "agent", "step": 1, "called": "send", "with": {"to": "bo"}}),
            json!({"by": "service", "step": 2, "to": 1, "status": 404, "answered": "{\"by\":\"agent\",\"step\":1}"}),
        ];
        let shown = Shown::of_steps(&steps, |_| false, 3);
        let told = |quote: &str| match verified(&[quote.to_owned()], &shown) {
            Ok(good) => good.join(" | "),
            Err(error) => error.to_string(),
        };
        insta::assert_snapshot!(told(r#","by":"service","#), @r#"the judge quoted only ","by":"service",", which are archal's own words about the run"#);
        insta::assert_snapshot!(told(r#""step":2,"to":1}"#), @r#"the judge quoted only ""step":2,"to":1}", which are archal's own words about the run"#);
        let gap = Line::of("[3 steps left out here]", &shown);
        assert!(!gap.tells("3 steps left out here"));
        insta::assert_snapshot!(told(r#""agent","called":"s"#), @r#"the judge quoted only ""agent","called":"s", which are archal's own words about the run"#);
        for good in [r#""status":404"#, r#""called":"send""#, r#"{"to":"bo"}"#] {
            assert_eq!(told(good), good);
        }
        // What somebody wrote in these words stands where it was written, and nowhere else.
        let hostile = r#""by":"agent","#;
        assert_eq!(told(hostile), hostile);
        let numbers: Vec<Value> = places(hostile, &shown)
            .iter()
            .map(|step| step["step"].clone())
            .collect();
        assert_eq!(numbers, [json!(2)]);
        let by_run = Shown::of(&Evidence {
            calls: vec![json!({"seq": 1, "clone": "github", "method": "GET"})],
            ..Evidence::default()
        });
        let error = verified(&[r#"{"clone":"github""#.to_owned()], &by_run);
        assert!(matches!(error, Err(QuoteError::OwnWords(_))), "{error:?}");
    }

    #[test]
    fn what_is_invented_too_short_or_missing_proves_nothing() {
        let told = |quotes: &[&str]| match check(quotes) {
            Ok(good) => good.join(" | "),
            Err(error) => error.to_string(),
        };
        insta::assert_snapshot!(told(&["five are closed"]), @r#"the judge quoted "five are closed", which is not in the evidence"#);
        insta::assert_snapshot!(told(&["All four", "all six are open"]), @r#"the judge quoted "all six are open", which is not in the evidence"#);
        insta::assert_snapshot!(told(&["a", "closed"]), @r#"the judge quoted only "a", which is too short to prove anything"#);
        insta::assert_snapshot!(told(&["", " "]), @"the judge quoted no evidence");
        insta::assert_snapshot!(told(&["closed", "are closed now"]), @"are closed now");
        // From one value to the next is not one piece.
        insta::assert_snapshot!(told(&["are closed now. {\"request\""]), @r#"the judge quoted "are closed now. {"request"", which is not in the evidence"#);
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        /// Nothing is accepted that is not there: each accepted quote stands in one value, when
        /// both are looked at by the simplest means.
        #[test]
        fn nothing_is_accepted_that_is_not_there(
            answer in "[a-c \\n]{0,40}",
            bodies in prop::collection::vec("[a-c \"\\\\\\n]{0,40}", 0..3),
            quotes in prop::collection::vec("[a-c \"\\\\\\n]{0,14}", 0..4),
        ) {
            let shown = Shown::of(&Evidence {
                answer: answer.clone(),
                calls: bodies.iter().map(|body| json!({"body": body})).collect(),
                changes: Vec::new(),
                ..Evidence::default()
            });
            let simple = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
            let mut there: Vec<String> = vec![simple(&shown.answer), simple(&shown.changes)];
            for body in &bodies {
                there.push(simple(body));
                there.push(simple(&json!({"body": body}).to_string()));
            }
            if bodies.is_empty() {
                there.push(shown.calls.clone());
            }
            if let Ok(good) = verified(&quotes, &shown) {
                prop_assert!(!good.is_empty());
                for quote in &good {
                    prop_assert!(there.iter().any(|text| text.contains(quote.as_str())), "{quote}");
                    let length = quote.chars().filter(|c| !c.is_whitespace()).count();
                    prop_assert!(length >= SHORTEST || *quote == simple(&shown.answer));
                }
                for quote in quotes.iter().map(|quote| simple(quote)) {
                    prop_assert!(there.iter().any(|text| text.contains(&quote)), "{quote}");
                }
            }
        }

        /// A piece of what is there is accepted however white space is laid out.
        #[test]
        fn a_piece_of_what_is_there_is_accepted(
            words in prop::collection::vec("[a-z]{3,8}", 4..12),
            from in 0usize..4,
            gap in "[ \\n\\t]{1,3}",
        ) {
            let shown = Shown::of(&Evidence { answer: words.join(" "), ..Evidence::default() });
            let quote = words[from..].join(&gap);
            let length = quote.chars().filter(|c| !c.is_whitespace()).count();
            prop_assume!(length >= SHORTEST);
            prop_assert!(verified(&[quote], &shown).is_ok());
        }
    }
}
