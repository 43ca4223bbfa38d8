//! The tests of pytest and unittest.

use super::mask::{
    self, Language, Masked, after_bracket, first_argument, is_word_at, places, single_spaced,
};
use super::strength::{self, PYTHON, Strength};
use super::{Assertion, Body, Tests};

/// What in a decorator keeps a test from running, or from failing.
const SKIPPING: &[&str] = &[
    "skip",
    "skipif",
    "skipIf",
    "skipUnless",
    "xfail",
    "expectedFailure",
];
/// Calls in a test that end it without a failure.
const SKIPS: &[&str] = &[
    "pytest.skip(",
    "pytest.xfail(",
    ".skipTest(",
    "SkipTest",
    "importorskip(",
];
/// Methods of unittest and of mocks that ask for one value.
const EXACT: &[&str] = &[
    "assertIs",
    "assertIsNone",
    "assert_awaited_once_with",
    "assert_awaited_with",
    "assert_called_once_with",
    "assert_called_with",
    "assert_has_calls",
    "assert_not_called",
    "assertFalse",
];
/// Methods that ask only that there is something.
const TRUTHY: &[&str] = &["assertIsNotNone", "assert_awaited", "assert_called"];

/// A statement: how far it is indented, and where it stands.
struct Line {
    indent: usize,
    from: usize,
    to: usize,
}

/// Where the lines of a block belong.
struct Block {
    indent: usize,
    /// The names of the classes and of the test, joined.
    name: String,
    is_test: bool,
}

/// The tests of a file.
pub fn tests(text: &str) -> Tests {
    let Masked { code: masked, said } = mask::mask(text, Language::Python);
    let mut tests = Tests::default();
    let mut blocks: Vec<Block> = Vec::new();
    let mut skips = 0;
    for line in lines(&masked) {
        let code = masked[line.from..line.to].trim();
        blocks.retain(|block| block.indent < line.indent);
        if code.starts_with('@') {
            skips += marks(code);
            continue;
        }
        let outer = blocks.last();
        let definition = code.strip_prefix("async ").unwrap_or(code).trim_start();
        let named = |word: &str| {
            let rest = definition.strip_prefix(word)?.trim_start();
            Some(
                rest.split(|c: char| !c.is_alphanumeric() && c != '_')
                    .next()?
                    .to_owned(),
            )
        };
        let is_in_test = outer.is_some_and(|block| block.is_test);
        if let Some(name) = named("def ").or_else(|| named("class ")) {
            let is_test = !is_in_test && definition.starts_with("def ") && name.starts_with("test");
            if !is_in_test {
                let name = match outer.filter(|block| !block.name.is_empty()) {
                    Some(block) => format!("{}.{name}", block.name),
                    None => name,
                };
                let body = match is_test {
                    true => tests.tests.entry(name.clone()).or_default(),
                    false => &mut tests.outside,
                };
                body.skips += skips;
                // A helper is no place of its own: what it asserts stands outside of the tests.
                let is_class = definition.starts_with("class ");
                let name = if is_test || is_class {
                    name
                } else {
                    String::new()
                };
                blocks.push(Block {
                    indent: line.indent,
                    name,
                    is_test,
                });
            }
            skips = 0;
            continue;
        }
        skips = 0;
        let body = match outer.filter(|block| block.is_test) {
            Some(block) => tests.tests.entry(block.name.clone()).or_default(),
            None => &mut tests.outside,
        };
        let shown = &said[line.from..line.to];
        read(code, shown.trim(), is_in_test, body);
    }
    tests
}

/// One statement of a test, or of what stands outside.
fn read(code: &str, shown: &str, is_in_test: bool, body: &mut Body) {
    body.skips += SKIPS.iter().filter(|skip| code.contains(**skip)).count();
    body.skips += usize::from(code.starts_with("pytestmark")) * marks(code);
    if is_in_test {
        let is_way_out = |word: &str| is_word_at(code, 0, word);
        body.ways_out += usize::from(is_way_out("return") || is_way_out("except"));
        let suppresses = code.contains("contextlib.suppress(") || code.contains(" suppress(");
        body.ways_out += usize::from(suppresses);
    }
    let mut add = |strength| {
        body.assertions.push(Assertion {
            text: single_spaced(shown),
            strength,
        });
    };
    if is_word_at(code, 0, "assert") {
        return add(strength::of_condition(
            first_argument(&code["assert".len()..]),
            &PYTHON,
        ));
    }
    for at in code.match_indices(".assert").map(|(at, _)| at + 1) {
        let rest = &code[at..];
        let length = rest.bytes().position(|byte| !mask::is_word(byte));
        let (method, after) = rest.split_at(length.unwrap_or(rest.len()));
        if after.starts_with('(') {
            let end = after_bracket(after, 0).unwrap_or(after.len());
            add(of_method(method, after[1..end].trim_end_matches(')')));
        }
    }
    if let Some(at) = code.find("pytest.raises(") {
        add(of_raised(&code[at + "pytest.raises(".len()..]));
    }
}

fn of_method(method: &str, arguments: &str) -> Strength {
    match method {
        "assertTrue" => strength::of_condition(first_argument(arguments), &PYTHON),
        "assertRaises" | "assertRaisesRegex" => of_raised(arguments),
        "assertNotEqual" | "assertAlmostEqual" | "assertNotAlmostEqual" => Strength::Partial,
        _ if EXACT.contains(&method) || method.ends_with("Equal") => Strength::Exact,
        _ if TRUTHY.contains(&method) => Strength::Truthy,
        _ => Strength::Partial,
    }
}

/// Every exception is one of these.
fn of_raised(arguments: &str) -> Strength {
    let raised = first_argument(arguments)
        .trim_end_matches([')', ':'])
        .trim();
    match raised {
        "Exception" | "BaseException" => Strength::Partial,
        _ => Strength::Exact,
    }
}

fn marks(code: &str) -> usize {
    SKIPPING.iter().map(|word| places(code, word).len()).sum()
}

/// The statements of a file; one that stands in brackets over several lines is one.
fn lines(masked: &str) -> Vec<Line> {
    let mut lines = Vec::new();
    let mut at = 0;
    let mut begun: Option<Line> = None;
    let mut depth = 0_i32;
    for part in masked.split_inclusive('\n') {
        let (from, to) = (at, at + part.len());
        at = to;
        if begun.is_none() && part.trim().is_empty() {
            continue;
        }
        for byte in part.bytes() {
            match byte {
                b'(' | b'[' | b'{' => depth += 1,
                b')' | b']' | b'}' => depth -= 1,
                _ => {}
            }
        }
        let indent = part.len() - part.trim_start().len();
        let line = begun.get_or_insert(Line { indent, from, to });
        line.to = to;
        if depth <= 0 && !part.trim_end().ends_with('\\') {
            depth = 0;
            lines.extend(begun.take());
        }
    }
    lines.extend(begun);
    lines
}
