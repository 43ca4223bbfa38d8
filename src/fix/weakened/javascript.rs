//! The tests of jest, vitest, mocha, node:test, Playwright and their like.

use super::mask::{
    self, Language, Masked, after_bracket, first_argument, is_word, is_word_at, places,
    single_spaced,
};
use super::strength::{self, JAVASCRIPT, Strength};
use super::{Assertion, Body, Tests};

/// Calls that make a test; those that begin with `x` or `f` say more.
const TESTS: &[&str] = &["fit", "it", "specify", "test", "xit", "xtest"];
/// Calls that make a group of tests.
const GROUPS: &[&str] = &["context", "describe", "fdescribe", "suite", "xdescribe"];
/// What after the name of the call keeps a test from running, or from failing.
const SKIPPING: &[&str] = &[
    "failing", "fails", "fixme", "runIf", "skip", "skipIf", "todo",
];
/// Calls in a test that end it without a failure.
const SKIPS: &[&str] = &[".skip(", ".fixme(", ".todo("];
/// Matchers and assertions that ask for one value.
const EXACT: &[&str] = &[
    "deepEqual",
    "deepStrictEqual",
    "eql",
    "equal",
    "equals",
    "is",
    "lengthOf",
    "notOk",
    "rejects",
    "same",
    "strictEqual",
    "throws",
    "toBe",
    "toBeNull",
    "toBeUndefined",
    "toEqual",
    "toHaveBeenCalledTimes",
    "toHaveBeenCalledWith",
    "toHaveBeenLastCalledWith",
    "toHaveLength",
    "toHaveText",
    "toMatchInlineSnapshot",
    "toMatchSnapshot",
    "toStrictEqual",
    "toThrow",
    "toThrowError",
];
/// Those that ask only that there is something.
const TRUTHY: &[&str] = &[
    "assert",
    "exist",
    "isDefined",
    "isOk",
    "ok",
    "toBeDefined",
    "toBeTruthy",
    "truthy",
];

/// A call that makes a test or a group: its name, what keeps it from running, and its arguments.
struct Made {
    name: String,
    is_group: bool,
    skips: usize,
    only: usize,
    /// After the opening bracket, and after the closing one.
    inner: (usize, usize),
}

/// The tests of a file.
pub fn tests(text: &str) -> Tests {
    let Masked { code: masked, said } = mask::mask(text, Language::JavaScript);
    let mut tests = Tests::default();
    // The ends and names of the groups that are open.
    let mut groups: Vec<(usize, String)> = Vec::new();
    let mut at = 0;
    let mut outside = String::with_capacity(masked.len());
    let mut outside_shown = String::new();
    while at < masked.len() {
        groups.retain(|(end, _)| *end > at);
        let Some(made) = made_at(&masked, &said, at) else {
            let next = next_place(&masked, at);
            outside.push_str(&masked[at..next]);
            outside_shown.push_str(&said[at..next]);
            at = next;
            continue;
        };
        let (from, to) = made.inner;
        let mut name: String = groups
            .iter()
            .map(|(_, group)| format!("{group} > "))
            .collect();
        name.push_str(&made.name);
        if made.is_group {
            tests.outside.skips += made.skips;
            tests.outside.only += made.only;
            groups.push((to, made.name));
            at = from;
            continue;
        }
        let body = tests.tests.entry(name).or_default();
        body.skips += made.skips;
        body.only += made.only;
        body.join(read(&masked[from..to], &said[from..to], true));
        at = to.max(at + 1);
    }
    tests.outside.join(read(&outside, &outside_shown, false));
    tests
}

/// Where the next word may begin.
fn next_place(masked: &str, at: usize) -> usize {
    let bytes = masked.as_bytes();
    let word = bytes[at..].iter().position(|byte| !is_word(*byte));
    let word = at + word.unwrap_or(bytes.len() - at);
    let gap = bytes[word..].iter().position(|byte| is_word(*byte));
    word + gap.unwrap_or(bytes.len() - word)
}

fn made_at(masked: &str, text: &str, at: usize) -> Option<Made> {
    let rest = &masked[at..];
    let length = rest.bytes().position(|byte| !is_word(byte))?;
    let word = &rest[..length];
    let is_group = GROUPS.contains(&word);
    if !is_group && !TESTS.contains(&word) || masked[..at].trim_end().ends_with('.') {
        return None;
    }
    let mut made = Made {
        name: String::new(),
        is_group,
        skips: usize::from(word.starts_with('x')),
        only: usize::from(word.starts_with('f')),
        inner: (0, 0),
    };
    let mut open = at + length;
    while masked[open..].starts_with('.') {
        let name = &masked[open + 1..];
        let length = name.bytes().position(|byte| !is_word(byte))?;
        let name = &name[..length];
        made.skips += usize::from(SKIPPING.contains(&name));
        made.only += usize::from(name == "only");
        open += 1 + length;
        // `it.each(rows)(name, …)`: the second brackets are the test's.
        let takes_rows = matches!(name, "each" | "for" | "runIf" | "skipIf");
        if takes_rows && masked[open..].starts_with('(') {
            open = after_bracket(masked, open)?;
        }
    }
    if !masked[open..].starts_with('(') {
        return None;
    }
    let end = after_bracket(masked, open)?;
    let arguments = &masked[open + 1..end - 1];
    let first = first_argument(arguments);
    let said = text[open + 1..open + 1 + first.len()].trim();
    if !said.starts_with(['"', '\'', '`']) {
        return None;
    }
    made.name = said.trim_matches(['"', '\'', '`']).to_owned();
    let options = first_argument(arguments.get(first.len() + 1..).unwrap_or_default()).trim();
    if options.starts_with('{') {
        made.skips += usize::from(has_option(options, "skip") || has_option(options, "todo"));
        made.only += usize::from(has_option(options, "only"));
    }
    made.inner = (open + 1, end);
    Some(made)
}

/// Whether an object says so of a key, and not `false`.
fn has_option(options: &str, key: &str) -> bool {
    places(options, key).iter().any(|at| {
        let value = options[at + key.len()..].trim_start();
        let value = value.strip_prefix(':').map(str::trim_start);
        value.is_some_and(|value| !is_word_at(value, 0, "false"))
    })
}

fn read(code: &str, shown: &str, is_test: bool) -> Body {
    let mut body = Body::default();
    if is_test {
        body.skips = SKIPS.iter().map(|skip| code.matches(skip).count()).sum();
        body.ways_out = ways_out(code);
    }
    let mut at = 0;
    while at < code.len() {
        let length = code[at..].bytes().position(|byte| !is_word(byte));
        let length = length.unwrap_or(code.len() - at);
        let word = &code[at..at + length];
        let is_first = !code[..at].trim_end().ends_with('.');
        let is_called = code[at + length..].starts_with(['(', '.']);
        let is_known = is_called && matches!(word, "expect" | "assert");
        if is_first && (is_known || is_tests_own(code, at)) {
            let end = statement_end(code, at + length);
            body.assertions.push(Assertion {
                text: single_spaced(&shown[at..end]),
                strength: strength_of(&code[at..end]),
            });
            at = end.max(at + 1);
        } else {
            at = next_place(code, at);
        }
    }
    body
}

/// `t.is(…)`, as ava, tap and node:test have it.
fn is_tests_own(code: &str, at: usize) -> bool {
    let Some(rest) = code[at..].strip_prefix("t.") else {
        return false;
    };
    let length = rest.bytes().position(|byte| !is_word(byte));
    let method = &rest[..length.unwrap_or(rest.len())];
    let is_known = EXACT.contains(&method) || TRUTHY.contains(&method);
    is_known || method.starts_with("assert") || method.starts_with("not")
}

/// `return` that gives nothing, and `catch`.
fn ways_out(code: &str) -> usize {
    let gives_nothing = |at: &&usize| {
        let rest = code[*at + "return".len()..].trim_start_matches([' ', '\t']);
        rest.starts_with([';', '\n', '}'])
    };
    let returns = places(code, "return");
    places(code, "catch").len() + returns.iter().filter(gives_nothing).count()
}

/// Where the statement ends that an assertion is in: a line that goes on with a dot belongs to it.
fn statement_end(code: &str, from: usize) -> usize {
    let bytes = code.as_bytes();
    let mut at = from;
    while at < bytes.len() {
        match bytes[at] {
            b'(' | b'[' | b'{' => match after_bracket(code, at) {
                Some(after) => {
                    at = after;
                    continue;
                }
                None => return code.len(),
            },
            b')' | b']' | b'}' | b';' | b',' => return at,
            b'\n' if !code[at..].trim_start().starts_with('.') => return at,
            _ => at += 1,
        }
    }
    code.len()
}

fn strength_of(code: &str) -> Strength {
    // The last call decides: `expect(x).toBe(y)`, `assert.equal(x, y)`, `assert(x)`.
    let open = last_call(code);
    let before = &code[..open];
    let length = before
        .bytes()
        .rev()
        .take_while(|byte| is_word(*byte))
        .count();
    let method = &before[before.len() - length..];
    let arguments = code
        .get(open + 1..)
        .unwrap_or_default()
        .trim_end()
        .trim_end_matches(')');
    let subject = code.find('(').map(|open| {
        let end = after_bracket(code, open).unwrap_or(code.len());
        code[open + 1..end].trim_end_matches(')').trim()
    });
    let is_constant = |text: &str| matches!(text.trim(), "true" | "false" | "1" | "");
    let is_plain = matches!(method, "assert" | "ok" | "isOk" | "truthy");
    if is_plain {
        return strength::of_condition(first_argument(arguments), &JAVASCRIPT);
    }
    if before.contains("expect") && subject.is_some_and(is_constant) {
        return Strength::Nothing;
    }
    match () {
        () if before.contains(".not.") && !matches!(method, "toHaveBeenCalled" | "toThrow") => {
            Strength::Partial
        }
        () if matches!(method, "toThrow" | "toThrowError") && arguments.is_empty() => {
            Strength::Partial
        }
        () if TRUTHY.contains(&method) => Strength::Truthy,
        () if EXACT.contains(&method) => Strength::Exact,
        () => Strength::Partial,
    }
}

/// Where the brackets of the last call open.
fn last_call(code: &str) -> usize {
    let mut at = 0;
    let mut last = code.len();
    while let Some(found) = code[at..].find('(') {
        last = at + found;
        match after_bracket(code, last) {
            Some(after) => at = after,
            None => break,
        }
    }
    last
}
