//! The tests of `cargo test`, wherever they stand.

use super::mask::{self, Language, Masked, after_bracket, first_argument, is_word, single_spaced};
use super::strength::{self, RUST, Strength};
use super::{Assertion, Body, Tests};

/// The tests of a file.
pub fn tests(text: &str) -> Tests {
    let Masked { code: masked, said } = mask::mask(text, Language::Rust);
    let mut tests = Tests::default();
    let mut from = 0;
    while let Some(found) = masked[from..].find("#[") {
        let begin = from + found;
        let (marks, after) = attributes(&masked, begin);
        from = after.max(begin + 2);
        if !marks.iter().any(|mark| is_test(mark)) {
            continue;
        }
        let Some((name, open)) = function(&masked, after) else {
            continue;
        };
        let end = after_bracket(&masked, open).unwrap_or(masked.len());
        let body = tests.tests.entry(name).or_default();
        body.skips += marks.iter().filter(|mark| is_skipping(mark)).count();
        body.join(read(&masked[open..end], &said[open..end]));
        from = end;
    }
    tests
}

/// The attributes that begin at a place, and where they end.
fn attributes(masked: &str, begin: usize) -> (Vec<&str>, usize) {
    let mut marks = Vec::new();
    let mut at = begin;
    loop {
        let rest = &masked[at..];
        let trimmed = rest.trim_start();
        if !trimmed.starts_with("#[") {
            return (marks, at);
        }
        let start = at + rest.len() - trimmed.len();
        let Some(end) = after_bracket(masked, start + 1) else {
            return (marks, masked.len());
        };
        marks.push(masked[start + 2..end - 1].trim());
        at = end;
    }
}

/// `test`, `tokio::test(flavor = "…")`, `rstest`.
fn is_test(mark: &str) -> bool {
    let path = mark.split('(').next().unwrap_or_default().trim();
    path == "rstest" || path.rsplit("::").next() == Some("test")
}

/// Not run, run under a condition, or good when it panics.
fn is_skipping(mark: &str) -> bool {
    let word = mark
        .split(|c: char| !c.is_alphanumeric() && c != '_')
        .next();
    matches!(word, Some("ignore" | "should_panic" | "cfg"))
}

/// The name of the function that begins at a place, and the bracket of its body.
fn function(masked: &str, at: usize) -> Option<(String, usize)> {
    let open = at + masked[at..].find('{')?;
    let head = &masked[at..open];
    let place = mask::places(head, "fn").first().copied()?;
    let name = head[place + 2..].trim_start();
    let length = name.bytes().position(|byte| !is_word(byte));
    Some((name[..length.unwrap_or(name.len())].to_owned(), open))
}

fn read(code: &str, shown: &str) -> Body {
    let mut body = Body {
        ways_out: mask::places(code, "return").len(),
        ..Body::default()
    };
    for (at, _) in code.match_indices('!') {
        let before = &code[..at];
        let length = before
            .bytes()
            .rev()
            .take_while(|byte| is_word(*byte))
            .count();
        let name = &before[at - length..];
        let is_assertion = name.starts_with("assert") || name.starts_with("debug_assert");
        let opens = code[at + 1..].starts_with(['(', '[', '{']);
        if !is_assertion || !opens {
            continue;
        }
        let end = after_bracket(code, at + 1).unwrap_or(code.len());
        let inner = code[at + 2..end].trim_end_matches([')', ']', '}']);
        body.assertions.push(Assertion {
            text: single_spaced(&shown[at - length..end]),
            strength: match name.trim_start_matches("debug_") {
                "assert" => strength::of_condition(first_argument(inner), &RUST),
                "assert_ne" => Strength::Partial,
                _ => Strength::Exact,
            },
        });
    }
    body
}
