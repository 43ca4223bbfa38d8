//! How many things calls may have done: what a claimed number is held against.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashSet};

use serde_json::Value;

use super::super::facts::Call;
use super::super::facts::effect::words;

/// Tools that may have done what is counted, above which no number is held against it.
const MAX_TOOLS: usize = 8;
/// Words in names of tools that do many things at once.
const MANY: &[&str] = &["all", "batch", "bulk", "clear", "empty", "purge", "sync"];

/// Whether so many things may have been done by these calls.
pub(super) fn may_be(calls: &[&Call<'_>], number: u64) -> bool {
    let apart = telling_apart(calls);
    is_sum(calls, number)
        || calls.iter().any(|call| {
            holds_beside(call.arguments.as_deref(), number, &apart)
                || holds(call.result.as_deref(), number, 0)
        })
        || (number > calls.len() as u64 && calls.iter().any(|call| is_of_many(call)))
}

/// The arguments that are another number in each call: they say which thing a call is of, and not of how
/// many.
fn telling_apart<'a>(calls: &[&'a Call<'_>]) -> HashSet<&'a str> {
    let mut first: BTreeMap<&str, u64> = BTreeMap::new();
    let mut apart = HashSet::new();
    let arguments = calls.iter().filter_map(|call| call.arguments.as_deref());
    for map in arguments.filter_map(Value::as_object) {
        for (key, value) in map.iter().take(1_000) {
            let Some(number) = value.as_u64() else {
                continue;
            };
            if *first.entry(key).or_insert(number) != number {
                apart.insert(key.as_str());
            }
        }
    }
    apart
}

/// Whether arguments hold a number elsewhere than where they tell calls apart.
fn holds_beside(value: Option<&Value>, number: u64, apart: &HashSet<&str>) -> bool {
    let is_apart = |key: &str, value: &Value| value.is_number() && apart.contains(key);
    match value {
        Some(Value::Object(map)) if map.iter().any(|(key, value)| is_apart(key, value)) => {
            let rest = map.iter().filter(|(key, value)| !is_apart(key, value));
            rest.take(1_000)
                .filter(|(key, value)| !(value.is_number() && is_name(key)))
                .any(|(_, value)| holds(Some(value), number, 1))
        }
        value => holds(value, number, 0),
    }
}

/// Whether so many were done by the calls of one tool, or of several. What is done along with it may be
/// named alike, and the same done twice, or two things done to one, may be one.
fn is_sum(calls: &[&Call<'_>], number: u64) -> bool {
    /// What the calls of one tool come to.
    #[derive(Default)]
    struct Made<'a> {
        calls: usize,
        distinct: HashSet<u64>,
        things: HashSet<Cow<'a, str>>,
    }
    let mut tools: BTreeMap<&str, Made<'_>> = BTreeMap::new();
    for call in calls {
        // The path of an exchange is another for each thing.
        let tool = call.http.map_or(call.name.as_ref(), |http| &http.method);
        let made = tools.entry(tool).or_default();
        made.calls += 1;
        made.distinct.insert(call.key);
        made.things.insert(thing(call));
    }
    if tools.len() > MAX_TOOLS {
        return true;
    }
    let mut sums = BTreeSet::from([0_usize]);
    for made in tools.values() {
        let ways = [made.calls, made.distinct.len(), made.things.len()];
        let with: Vec<usize> = sums
            .iter()
            .flat_map(|sum| ways.map(|way| sum + way))
            .collect();
        sums.extend(with);
    }
    usize::try_from(number).is_ok_and(|number| sums.contains(&number))
}

/// What a call is of: its path, or what names a thing among its arguments.
fn thing<'a>(call: &'a Call<'_>) -> Cow<'a, str> {
    if call.http.is_some() {
        return Cow::Borrowed(&call.name);
    }
    let arguments = call.arguments.as_deref().and_then(Value::as_object);
    let named = arguments.into_iter().flatten();
    let named: Vec<String> = named
        .filter(|(key, _)| is_name(key))
        .map(|(key, value)| format!("{key} {value}"))
        .collect();
    Cow::Owned(match named.is_empty() {
        true => call.key.to_string(),
        false => named.join(", "),
    })
}

/// Whether a call is of no single thing, so that it may do many at once: of a collection that is emptied or
/// put, or a tool that says so.
fn is_of_many(call: &Call<'_>) -> bool {
    if let Some(http) = call.http {
        let path = call.name.split(['?', '#']).next().unwrap_or_default();
        let last = path.trim_end_matches('/').rsplit('/').next();
        let is_collection = last.is_some_and(|last| last.ends_with('s') && !has_digit(last));
        return is_collection && matches!(&*http.method, "DELETE" | "PATCH" | "PUT");
    }
    let is_plural = |word: &str| {
        word.len() > 3 && word.ends_with('s') && !word.ends_with("ss") && !word.ends_with("us")
    };
    let words = words(&call.name);
    words.last().is_some_and(|last| is_plural(last))
        || words.iter().any(|word| MANY.contains(&&**word))
}

fn has_digit(text: &str) -> bool {
    text.bytes().any(|byte| byte.is_ascii_digit())
}

/// Whether a value has this number, or as many things: one call may change many at once.
fn holds(value: Option<&Value>, number: u64, depth: u8) -> bool {
    match value {
        Some(Value::Number(other)) => other.as_u64() == Some(number),
        Some(Value::String(text)) => says(text, number, depth == 0),
        Some(Value::Array(items)) => {
            items.len() as u64 == number
                || (depth < 4
                    && items
                        .iter()
                        .take(1_000)
                        .any(|item| holds(Some(item), number, depth + 1)))
        }
        Some(Value::Object(map)) => {
            let is_by_name = || map.keys().all(|key| key.parse::<u64>().is_ok());
            (map.len() as u64 == number && is_by_name())
                || (depth < 4
                    && map
                        .iter()
                        .take(1_000)
                        .filter(|(key, item)| !(item.is_number() && is_name(key)))
                        .any(|(_, item)| holds(Some(item), number, depth + 1)))
        }
        _ => false,
    }
}

/// Whether a text has this number: "Deleted 12 rows", "12 rows", or as many numbers ("4,5,6"). A longer
/// text has it only where it is all there is.
fn says(text: &str, number: u64, is_all: bool) -> bool {
    let listed = || text.split(',').map(str::trim);
    if text.contains(',') && listed().all(|one| one.parse::<u64>().is_ok()) {
        return listed().count() as u64 == number;
    }
    let said: Vec<&str> = text
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .take(200)
        .collect();
    let at = said.iter().position(|word| word.parse() == Ok(number));
    at.is_some_and(|at| is_all || (at <= 1 && at + 1 < said.len() && said.len() <= 5))
}

/// Whether a value under that key says which thing it is, and not how many.
fn is_name(key: &str) -> bool {
    let ends = ["_id", "Id", "_number", "Number"];
    matches!(key, "id" | "key" | "name" | "number" | "path")
        || ends.iter().any(|end| key.ends_with(end))
}
