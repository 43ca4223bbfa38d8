//! What calls ask for, so that it is the same in a trace and in an attempt: an agent that asks for
//! what changed in the last week names another day each time.

use std::collections::BTreeMap;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, Unit};
use serde_json::Value;

/// How far from its beginning a run may ask for the same moment.
const APART: i64 = 10 * 60;
/// How a day is written: `2026-01-10`.
const DAY: usize = 10;
/// How the id of a commit is written.
const COMMIT: usize = 40;
/// What stands for a time, and for the id of a commit.
const TIME: char = '\u{1}';
const ID: char = '\u{2}';
/// Variables of a question that say which page of it is wanted.
const PAGES: &[&str] = &["after", "before", "cursor", "endCursor", "startCursor"];

/// What a call asks for, times in it apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Named {
    /// In lower case, with a mark in the place of each time.
    shape: String,
    times: Vec<When>,
}

/// A time that a call names.
#[derive(Debug, Clone, PartialEq, Eq)]
enum When {
    /// A day, as written and as so many days from that of the run.
    Day(String, i64),
    /// A moment, as written and as so many seconds from the beginning of the run.
    Moment(String, i64),
}

impl When {
    /// Whether two runs mean the same by it: the same time, or the same one from where each began.
    fn is(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Day(one, days), Self::Day(other, others)) => one == other || days == others,
            (Self::Moment(one, at), Self::Moment(other, others)) => {
                one == other || at.abs_diff(*others) <= APART.unsigned_abs()
            }
            _ => false,
        }
    }
}

impl Named {
    /// The path of a call, in a run that began at `base`. Ids of commits are others in each state:
    /// one stands for any.
    pub(super) fn path(path: &str, base: Timestamp) -> Self {
        Self::of(&without_commits(path), base)
    }

    /// All that a read asks for: path, query in order of name, and the question where all are asked
    /// at one address.
    pub(super) fn read(path: &str, query: &str, request: Option<&Value>, base: Timestamp) -> Self {
        let mut asked: Vec<String> = form_urlencoded::parse(query.as_bytes())
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        asked.sort();
        let question = request.map(|request| question(request).to_string());
        let text = format!(
            "{path}?{} {}",
            asked.join("&"),
            question.unwrap_or_default()
        );
        Self::of(&without_commits(&text), base)
    }

    /// A text that says what is asked for.
    pub(super) fn of(text: &str, base: Timestamp) -> Self {
        let text = text.to_lowercase();
        let mut named = Self {
            shape: String::with_capacity(text.len()),
            times: Vec::new(),
        };
        let mut rest = text.as_str();
        let mut is_inside = false;
        while let Some(first) = rest.chars().next() {
            let found = (!is_inside && first.is_ascii_digit())
                .then(|| time(rest, base))
                .flatten();
            if let Some((when, length)) = found {
                named.times.push(when);
                named.shape.push(TIME);
                rest = &rest[length..];
                is_inside = false;
            } else {
                named.shape.push(first);
                rest = &rest[first.len_utf8()..];
                is_inside = first.is_alphanumeric();
            }
        }
        named
    }
}

/// Things that calls ask for, found by what they are.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct ByName<T>(BTreeMap<String, Vec<(Vec<When>, T)>>);

impl<T> Default for ByName<T> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<T> ByName<T> {
    pub(super) fn insert(&mut self, name: Named, what: T) {
        self.0
            .entry(name.shape)
            .or_default()
            .push((name.times, what));
    }

    /// All that go by that name.
    pub(super) fn get<'s>(&'s self, name: &Named) -> impl Iterator<Item = &'s T> {
        let times = name.times.clone();
        let of_shape = self.0.get(&name.shape).into_iter().flatten();
        of_shape
            .filter(move |(own, _)| {
                own.len() == times.len() && own.iter().zip(&times).all(|(one, other)| one.is(other))
            })
            .map(|(_, what)| what)
    }

    /// The same under new names: `new` gives the new text of an old one, `what` what goes by it.
    pub(super) fn renamed(&self, new: &dyn Fn(&str) -> String, what: impl Fn(&T) -> T) -> Self {
        let mut out = BTreeMap::new();
        for (shape, of_shape) in &self.0 {
            let of_shape = of_shape
                .iter()
                .map(|(times, one)| (times.clone(), what(one)));
            let into: &mut Vec<_> = out.entry(new(shape).to_lowercase()).or_default();
            into.extend(of_shape);
        }
        Self(out)
    }

    pub(super) fn contains(&self, name: &Named) -> bool {
        self.get(name).next().is_some()
    }

    pub(super) fn values(&self) -> impl Iterator<Item = &T> {
        self.0.values().flatten().map(|(_, what)| what)
    }
}

/// A question without what says which page of its answer is wanted.
fn question(request: &Value) -> Value {
    let mut request = request.clone();
    let variables = request.get_mut("variables").and_then(Value::as_object_mut);
    if let Some(variables) = variables {
        variables.retain(|name, _| !PAGES.contains(&name.as_str()));
    }
    request
}

fn without_commits(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut word = String::new();
    let end = |word: &mut String, out: &mut String| {
        let is_id = word.len() == COMMIT && word.bytes().all(|digit| digit.is_ascii_hexdigit());
        match is_id {
            true => out.push(ID),
            false => out.push_str(word),
        }
        word.clear();
    };
    for c in text.chars() {
        if c.is_alphanumeric() {
            word.push(c);
        } else {
            end(&mut word, &mut out);
            out.push(c);
        }
    }
    end(&mut word, &mut out);
    out
}

/// The time that a text in lower case begins with, and how long it is there.
fn time(text: &str, base: Timestamp) -> Option<(When, usize)> {
    let day = text.get(..DAY)?;
    let date: Date = day.parse().ok()?;
    let length = text
        .find(|c: char| !c.is_ascii_alphanumeric() && !matches!(c, '-' | ':' | '.' | '+'))
        .unwrap_or(text.len());
    // A range has another time behind two dots.
    let length = text[..length].find("..").unwrap_or(length);
    // What follows may be part of it, or a mark behind it.
    let moment = (DAY + 1..=length).rev().find_map(|length| {
        let written = text.get(..length)?;
        let at: Timestamp = written.to_uppercase().parse().ok()?;
        Some((written, at))
    });
    if let Some((written, at)) = moment {
        let at_midnight = at.as_second().rem_euclid(86_400) == 0;
        let when = match at_midnight {
            true => When::Day(written.to_owned(), days(date, base)),
            false => When::Moment(written.to_owned(), at.as_second() - base.as_second()),
        };
        return Some((when, written.len()));
    }
    let is_word = text[DAY..].starts_with(|c: char| c.is_alphanumeric());
    (!is_word).then(|| (When::Day(day.to_owned(), days(date, base)), DAY))
}

/// So many days a date is from the day of `base`.
fn days(date: Date, base: Timestamp) -> i64 {
    let today = base.to_zoned(TimeZone::UTC).date();
    let span = today.until((Unit::Day, date));
    span.map_or(0, |span| i64::from(span.get_days()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().expect("a time")
    }

    #[test]
    fn times_are_the_same_that_are_as_far_from_where_each_run_began() {
        let (one, other) = (at("2026-01-10T12:00:00Z"), at("2026-03-01T23:59:00Z"));
        let is = |a: &str, b: &str| {
            let mut names = ByName::default();
            names.insert(Named::of(a, one), ());
            names.contains(&Named::of(b, other))
        };
        for (a, b) in [
            (
                "/i?since=2026-01-03T12:00:09Z",
                "/i?since=2026-02-22T23:59:01Z",
            ),
            (
                "/i?since=2026-01-03t12:00:00.5+00:00",
                "/i?since=2026-02-22T23:59:01Z",
            ),
            (
                "q=updated:>2026-01-03 is:open",
                "q=updated:>2026-02-22 is:open",
            ),
            ("since=2026-01-03T00:00:00Z", "since=2026-02-22T00:00:00Z"),
            ("q=2026-01-03..2026-01-09", "q=2026-02-22..2026-02-28"),
            (
                "q=2026-01-03t12:00:00z..2026-01-09t12:00:00z",
                "q=2026-02-22t23:59:00z..2026-02-28t23:59:00z",
            ),
            // A time of the calendar.
            ("since=2020-01-01", "since=2020-01-01"),
            ("since=2020-01-01T10:00:00Z", "since=2020-01-01T10:00:00Z"),
        ] {
            assert!(is(a, b), "{a} {b} {:?}", Named::of(a, one));
        }
        for (a, b) in [
            (
                "/i?since=2026-01-03T12:00:00Z",
                "/i?since=2026-02-22T22:59:00Z",
            ),
            ("since=2026-01-03", "since=2026-02-21"),
            ("since=2026-01-03", "since=2026-02-22T23:59:00Z"),
            ("/i?a=1&since=2026-01-03", "/i?a=2&since=2026-02-22"),
            ("v2026-01-03x", "v2026-02-22x"),
        ] {
            assert!(!is(a, b), "{a} {b}");
        }
    }

    #[test]
    fn ids_of_commits_stand_for_each_other_and_pages_are_left_out_of_questions() {
        let base = at("2026-01-10T12:00:00Z");
        let path = |digit: &str| format!("/repos/a/b/commits/{}/status", digit.repeat(40));
        assert_eq!(Named::path(&path("a"), base), Named::path(&path("0"), base));
        assert_ne!(Named::of(&path("a"), base), Named::of(&path("0"), base));
        let read = |text: &str| {
            let request: Value = serde_json::from_str(text).expect("JSON");
            Named::read("/graphql", "", Some(&request), base)
        };
        let one = r#"{"query":"q","variables":{"n":"a","after":"x"}}"#;
        assert_eq!(read(one), read(r#"{"query":"q","variables":{"n":"a"}}"#));
        assert_ne!(read(one), read(r#"{"query":"q","variables":{"n":"b"}}"#));
        let asked = |query: &str| Named::read("/r", query, None, base);
        assert_eq!(asked("b=2&a=1"), asked("a=1&b=2"));
        assert_ne!(asked("page=2"), asked("page=3"));
    }
}
