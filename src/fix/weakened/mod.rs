//! Whether a changed file tests less than it did.
//!
//! Tests are read as far as their assertions, by the words of their language: enough to give a
//! change its name. It is a report; what is no test any more after a fix is put back or refused
//! whether or not it has a name.
//!
//! - [`mask`]: source without comments and contents of strings.
//! - [`strength`]: how much an assertion asks for.
//! - [`python`], [`javascript`], [`rust`]: the tests of a file.

pub mod javascript;
pub mod mask;
pub mod python;
pub mod rust;
pub mod strength;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::path::Path;

use strength::Strength;

/// A larger file is not read.
pub const MOST_BYTES: usize = 1 << 20;
/// The most characters that are shown of an assertion.
const SHOWN: usize = 120;

/// How a test asks for less.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Weakening {
    /// The test is not there any more.
    Deleted,
    /// It is not run, or not to its end, or only under a condition.
    Skipped,
    /// It asserts fewer things.
    FewerAssertions,
    /// It asserts less of a thing.
    Loosened,
    /// It asserts something else.
    OtherExpectation,
}

/// A test that asks for less, with what was seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Weakened {
    /// How.
    pub how: Weakening,
    /// The test and what was seen, one sentence.
    pub detail: String,
}

/// The tests of a file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tests {
    /// By name, classes and groups in front; those of one name together.
    pub tests: BTreeMap<String, Body>,
    /// What stands outside of every test: marks for all of them, functions that several call.
    pub outside: Body,
}

/// What is in a test.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Body {
    /// What keeps it from running.
    pub skips: usize,
    /// What keeps others from running: `it.only`.
    pub only: usize,
    /// Ways out of it that are no failure: `return`, `except`, `catch`.
    pub ways_out: usize,
    /// What it asserts, in order.
    pub assertions: Vec<Assertion>,
}

/// One assertion.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Assertion {
    /// As it is written, with single spaces.
    pub text: String,
    /// How much it asks for.
    pub strength: Strength,
}

impl Body {
    /// Takes in what another has.
    pub fn join(&mut self, other: Self) {
        self.skips += other.skips;
        self.only += other.only;
        self.ways_out += other.ways_out;
        self.assertions.extend(other.assertions);
    }
}

/// The tests of a file by its extension; none where the language is not read or the text too long.
pub fn tests_of(path: &Path, text: &str) -> Option<Tests> {
    if text.len() > MOST_BYTES {
        return None;
    }
    match path.extension()?.to_str()? {
        "py" => Some(python::tests(text)),
        "js" | "jsx" | "mjs" | "cjs" | "ts" | "tsx" | "mts" | "cts" => {
            Some(javascript::tests(text))
        }
        "rs" => Some(rust::tests(text)),
        _ => None,
    }
}

/// How the tests of a file ask for less than before, worst first.
pub fn compare(before: &Tests, after: &Tests) -> Vec<Weakened> {
    let mut found = Vec::new();
    for (name, was) in &before.tests {
        match after.tests.get(name) {
            None => found.push(Weakened {
                how: Weakening::Deleted,
                detail: format!("{name} is not there any more"),
            }),
            Some(is) => bodies(name, was, is, &mut found),
        }
    }
    bodies(
        "the file outside of its tests",
        &before.outside,
        &after.outside,
        &mut found,
    );
    let only = |tests: &Tests| tests.tests.values().map(|body| body.only).sum::<usize>();
    if only(after) + after.outside.only > only(before) + before.outside.only {
        found.push(Weakened {
            how: Weakening::Skipped,
            detail: "some are marked to be the only ones that run".to_owned(),
        });
    }
    found.sort_by_key(|weakened| weakened.how);
    found
}

fn bodies(name: &str, was: &Body, is: &Body, found: &mut Vec<Weakened>) {
    let mut add = |how, detail: String| found.push(Weakened { how, detail });
    if is.skips > was.skips {
        add(Weakening::Skipped, format!("{name} is skipped"));
    }
    if is.ways_out > was.ways_out && !is.assertions.is_empty() {
        add(
            Weakening::Skipped,
            format!("{name} has a new way to end without a failure"),
        );
    }
    let (gone, new) = differing(&was.assertions, &is.assertions);
    if is.assertions.len() < was.assertions.len() {
        let (before, after) = (was.assertions.len(), is.assertions.len());
        let shown = gone.first().map_or_else(String::new, |first| {
            format!(": {} is not there any more", shown(&first.text))
        });
        add(
            Weakening::FewerAssertions,
            format!("{name} had {before} assertions and has {after}{shown}"),
        );
    }
    for (old, new) in gone.iter().zip(&new) {
        let how = match new.strength.cmp(&old.strength) {
            std::cmp::Ordering::Less => Weakening::Loosened,
            std::cmp::Ordering::Equal => Weakening::OtherExpectation,
            std::cmp::Ordering::Greater => continue,
        };
        let (old, new) = (shown(&old.text), shown(&new.text));
        add(how, format!("{name}: {old} became {new}"));
    }
}

/// The assertions of one that the other has not, each way, in their order.
fn differing<'a>(
    was: &'a [Assertion],
    is: &'a [Assertion],
) -> (Vec<&'a Assertion>, Vec<&'a Assertion>) {
    let only = |these: &'a [Assertion], others: &[Assertion]| {
        let mut left: BTreeMap<&Assertion, usize> = BTreeMap::new();
        for other in others {
            *left.entry(other).or_default() += 1;
        }
        let mut only = Vec::new();
        for one in these {
            match left.get_mut(one) {
                Some(count) if *count > 0 => *count -= 1,
                _ => only.push(one),
            }
        }
        only
    };
    (only(was, is), only(is, was))
}

fn shown(text: &str) -> String {
    let mut shown: String = text.chars().take(SHOWN).collect();
    if shown.len() < text.len() {
        shown.push('…');
    }
    format!("`{shown}`")
}
