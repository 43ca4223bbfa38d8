//! What calls that look name, and whether they found nothing.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use regex::Regex;
use serde_json::Value;

use super::{Call, FailureKind, effect};

/// Text of one value that is read, in bytes.
const MAX_TEXT: usize = 4 * 1024;
/// Values of one call that are read.
const MAX_VALUES: usize = 100;
/// Values inside others that are read.
const MAX_DEPTH: u8 = 4;

/// How a short text says that there is nothing.
static NONE: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r"(?ix) ^\W*$ | ^\W*(no|none|nothing|zero|null)\b | ^\W*0\W*$ | \b(not\ found|does\ not\ exist)\b
        | \bno\ (such|results?|match(es)?|records?|items?)\b",
    )
    .expect("a constant expression")
});
/// Names of members that hold what was found.
const FOUND: &[&str] = &[
    "data", "entries", "found", "hits", "items", "list", "matches", "nodes", "records", "results",
    "rows",
];
/// Names of members that say which thing it is.
const NAMES: &[&str] = &["id", "name", "number"];
/// Words in names of arguments that say how much is looked at, and not at what.
const PAGES: &[&str] = &[
    "count", "cursor", "limit", "max", "offset", "page", "per", "size", "top",
];

/// Whether a call looked and there was nothing: what it named is not there, or no such thing is.
pub fn found_nothing(call: &Call<'_>) -> bool {
    match &call.failure {
        Some(failure) => failure.kind == FailureKind::NotFound,
        None => call.answered && call.result.as_deref().is_some_and(|one| is_none(one, 0)),
    }
}

fn is_none(value: &Value, depth: u8) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.len() <= 200 && NONE.is_match(text),
        Value::Array(items) => items.is_empty(),
        Value::Object(map) => {
            let mut held = map
                .values()
                .filter(|one| one.is_array() || one.is_object() || one.is_null())
                .peekable();
            // A thing may have lists that are empty.
            let is_thing = map.keys().any(|key| NAMES.contains(&key.as_str()))
                || (map.values().any(Value::is_string)
                    && !map.keys().any(|key| FOUND.contains(&key.as_str())));
            let is_some = held.peek().is_some();
            map.is_empty()
                || (depth < MAX_DEPTH
                    && is_some
                    && !is_thing
                    && held.all(|one| is_none(one, depth + 1)))
        }
        Value::Bool(_) | Value::Number(_) => false,
    }
}

/// The words and numbers of texts, by which it is told what they are about.
#[derive(Debug, Default)]
pub struct Named(BTreeSet<String>);

impl Named {
    /// Those of some texts.
    pub fn of<'t>(texts: impl IntoIterator<Item = &'t str>) -> Self {
        let mut all = BTreeSet::new();
        for text in texts {
            all.extend(tokens(text));
        }
        Self(all)
    }

    /// Whether a call is of something that is named here: all numbers that it names are, and one of
    /// its words where it names none.
    pub fn has(&self, call: &Call<'_>) -> bool {
        let mut numbers = Vec::new();
        let mut words = Vec::new();
        for text in values(call) {
            match text.trim_start_matches('#').parse::<u64>() {
                Ok(number) => numbers.push(number.to_string()),
                Err(_) => words.extend(tokens(&text)),
            }
        }
        let is_named = |one: &String| self.0.contains(one);
        match numbers.is_empty() {
            true => words.iter().any(is_named),
            false => numbers.iter().all(is_named),
        }
    }
}

/// The words of a text that name something, without the plural's ending.
fn tokens(text: &str) -> impl Iterator<Item = String> {
    let mut end = text.len().min(MAX_TEXT);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text[..end]
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| word.chars().count() > 2 || word.bytes().any(|byte| byte.is_ascii_digit()))
        .map(|word| word.to_lowercase().trim_end_matches('s').to_owned())
}

/// What a call names: the values of its arguments, the parts of its path and the values of its query.
fn values(call: &Call<'_>) -> Vec<String> {
    let mut all = Vec::new();
    if let Some(http) = call.http {
        let (_, rest) = http.url.split_once("://").unwrap_or(("", &http.url));
        let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
        all.extend(path.split('/').skip(1).map(str::to_owned));
        let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
        let pairs = pairs.filter(|(key, _)| !is_page(key));
        all.extend(pairs.map(|(_, value)| value.replace('+', " ")));
    }
    if let Some(arguments) = call.arguments.as_deref() {
        leaves(arguments, 0, &mut all);
    }
    all.truncate(MAX_VALUES);
    all
}

fn leaves(value: &Value, depth: u8, all: &mut Vec<String>) {
    if depth > MAX_DEPTH || all.len() > MAX_VALUES {
        return;
    }
    match value {
        Value::String(text) => all.push(text.clone()),
        Value::Number(number) => all.push(number.to_string()),
        Value::Array(items) => {
            for item in items.iter().take(MAX_VALUES) {
                leaves(item, depth + 1, all);
            }
        }
        Value::Object(map) => {
            for (_, item) in map.iter().filter(|(key, _)| !is_page(key)).take(MAX_VALUES) {
                leaves(item, depth + 1, all);
            }
        }
        Value::Null | Value::Bool(_) => {}
    }
}

fn is_page(key: &str) -> bool {
    effect::words(key)
        .iter()
        .any(|word| PAGES.contains(&word.as_str()))
}

/// Whether a look is at what a change is of: at its path or the one above, or the two tools name the
/// same thing.
pub fn is_of(look: &Call<'_>, change: &Call<'_>) -> bool {
    if look.http.is_some() && change.http.is_some() {
        let path = |call: &Call<'_>| {
            let (_, path) = call.name.split_once(' ').unwrap_or(("", &call.name));
            path.trim_end_matches('/').to_owned()
        };
        let (look, change) = (path(look), path(change));
        let above = change.rsplit_once('/').map(|(above, _)| above);
        return look == change || above == Some(&look);
    }
    let things = |call: &Call<'_>| {
        let words = effect::words(&call.name).into_iter();
        let words = words.filter(|word| !effect::is_verb(word));
        let words = words.map(|word| word.trim_end_matches('s').to_owned());
        words.collect::<BTreeSet<String>>()
    };
    !things(look).is_disjoint(&things(change))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn nothing_is_told_from_a_thing_without_parts() {
        for (value, nothing) in [
            (json!([]), true),
            (json!(null), true),
            (json!({}), true),
            (json!("No results found."), true),
            (json!("0"), true),
            (json!({"items": [], "total": 0}), true),
            (json!({"items": [], "query": "x"}), true),
            (json!({"data": {"user": null}}), true),
            (json!([1]), false),
            (json!({"title": "T", "labels": []}), false),
            (json!({"number": 1, "labels": []}), false),
            (json!({"state": "closed"}), false),
            (json!({"degrees": 7}), false),
            (json!("7 degrees, not cold"), false),
        ] {
            assert_eq!(is_none(&value, 0), nothing, "{value}");
        }
    }
}
