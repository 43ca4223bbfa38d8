//! Whether two values say the same, where one was recorded from the real service and the other
//! comes from a run of ours: times are moved, ids are made anew, and secrets are replaced.

use std::borrow::Cow;
use std::sync::LazyLock;

use archal_core::clock::Timestamp;
use regex::Regex;
use serde_json::Value;

/// What stands in place of a time.
const TIME: &str = "<time>";
/// Most characters of a value that are shown.
const SHOWN: usize = 80;
/// Fields that identify something made during a run, or hold such an id.
const IDENTITIES: &[&str] = &["etag", "id", "node_id", "sha", "url"];

/// A time as services and models write it: date and time of day, or a date alone.
static TIMES: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let time =
        r"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?: ?(?:Z|UTC|[+-]\d\d:?\d\d))?)?";
    Regex::new(time).ok()
});

/// What stands in place of a secret.
static SECRETS: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"\[redacted:[^\[\]]*\]").ok());

/// How much of two objects must be alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fields {
    /// The fields that both have: a clone writes fewer than the service, or more.
    Common,
    /// Every field but those that identify something made during the run.
    All,
    /// Every field.
    Exact,
}

impl Fields {
    fn counts(self, name: &str) -> bool {
        self == Self::Exact || !is_identity(name)
    }
}

/// The first place at which two values differ.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unlike {
    /// Where, as a path: `items[2].state`; empty for the whole.
    pub at: String,
    /// What is there in the first.
    pub first: String,
    /// What is there in the second.
    pub second: String,
}

/// The first place at which `first` and `second` differ, in the order of the first.
pub fn first_difference(first: &Value, second: &Value, fields: Fields) -> Option<Unlike> {
    walk(String::new(), first, second, fields)
}

fn walk(at: String, first: &Value, second: &Value, fields: Fields) -> Option<Unlike> {
    match (first, second) {
        (Value::Object(one), Value::Object(other)) => {
            let join = |name: &str| match at.as_str() {
                "" => name.to_owned(),
                at => format!("{at}.{name}"),
            };
            for (name, value) in one {
                if !fields.counts(name) {
                    continue;
                }
                match other.get(name) {
                    Some(counterpart) => {
                        if let Some(found) = walk(join(name), value, counterpart, fields) {
                            return Some(found);
                        }
                    }
                    None if fields != Fields::Common && !value.is_null() => {
                        return Some(Unlike {
                            at: join(name),
                            first: shown(value),
                            second: "nothing".to_owned(),
                        });
                    }
                    None => {}
                }
            }
            let added = other.iter().find(|(name, value)| {
                !one.contains_key(*name) && fields.counts(name) && !value.is_null()
            });
            let (name, value) = added.filter(|_| fields != Fields::Common)?;
            Some(Unlike {
                at: join(name),
                first: "nothing".to_owned(),
                second: shown(value),
            })
        }
        (Value::Array(one), Value::Array(other)) => {
            if one.len() != other.len() {
                return Some(Unlike {
                    at,
                    first: items(one.len()),
                    second: items(other.len()),
                });
            }
            one.iter()
                .zip(other)
                .enumerate()
                .find_map(|(index, (one, other))| {
                    walk(format!("{at}[{index}]"), one, other, fields)
                })
        }
        _ => (!alike(first, second)).then(|| Unlike {
            at,
            first: shown(first),
            second: shown(second),
        }),
    }
}

fn alike(first: &Value, second: &Value) -> bool {
    match (first, second) {
        (Value::String(one), Value::String(other)) => same_text(one, other),
        _ => first == second,
    }
}

/// Whether two texts are the same but for times, secrets and white space at the ends.
pub fn same_text(one: &str, other: &str) -> bool {
    if one == other || (is_time(one) && is_time(other)) {
        return true;
    }
    let (one, other) = (blurred(one), blurred(other));
    let (one, other) = (one.trim(), other.trim());
    one == other || is_with_secrets(one, other) || is_with_secrets(other, one)
}

/// Whether a text is that template with something in place of each secret that was taken out of it.
fn is_with_secrets(template: &str, text: &str) -> bool {
    let Some(secrets) = SECRETS.as_ref() else {
        return false;
    };
    let mut pieces = secrets.split(template);
    let Some(mut left) = pieces.next().and_then(|first| text.strip_prefix(first)) else {
        return false;
    };
    let pieces: Vec<&str> = pieces.collect();
    let Some((last, between)) = pieces.split_last() else {
        // It has no secret, so that it says what it says.
        return left.is_empty();
    };
    for piece in between {
        let Some((_, rest)) = left.split_once(piece) else {
            return false;
        };
        left = rest;
    }
    left.ends_with(last)
}

/// A text with every time in it written the same.
pub fn blurred(text: &str) -> Cow<'_, str> {
    match TIMES.as_ref() {
        Some(times) => times.replace_all(text, TIME),
        None => Cow::Borrowed(text),
    }
}

/// Whether a whole text is a time, as services write it or as evidence does: `-95d`, `+run`.
fn is_time(text: &str) -> bool {
    text == "+run"
        || text.parse::<Timestamp>().is_ok()
        || text.strip_prefix(['+', '-']).is_some_and(|rest| {
            rest.starts_with(|c: char| c.is_ascii_digit())
                && rest.ends_with(['d', 'h', 'm', 's'])
                && rest
                    .chars()
                    .all(|c| c.is_ascii_digit() || matches!(c, 'd' | 'h' | 'm' | 's'))
        })
}

fn is_identity(name: &str) -> bool {
    IDENTITIES.contains(&name) || name.ends_with("_url") || name.ends_with("_id")
}

fn items(count: usize) -> String {
    match count {
        1 => "1 item".to_owned(),
        count => format!("{count} items"),
    }
}

/// A value as people read it, cut where it is long.
pub fn shown(value: &Value) -> String {
    let text = match value {
        Value::Object(fields) => return format!("an object of {} fields", fields.len()),
        Value::Array(list) => return items(list.len()),
        other => other.to_string(),
    };
    cut(&text)
}

/// A text of one line, cut where it is long.
pub fn cut(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(SHOWN) {
        Some((at, _)) => format!("{}…", &line[..at]),
        None => line,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn told(first: &Value, second: &Value, fields: Fields) -> String {
        match first_difference(first, second, fields) {
            None => "alike".to_owned(),
            Some(Unlike { at, first, second }) => format!("{at}: {first} / {second}"),
        }
    }

    #[test]
    fn times_ids_secrets_and_fields_of_one_side_make_no_difference() {
        let recorded = json!({
            "id": 1, "node_id": "I_a", "url": "https://x/1", "state": "open", "closed_at": null,
            "updated_at": "2026-01-02T03:04:05Z", "body": "since 2026-01-02 03:04:05 UTC",
            "token": "[redacted:0123abcd]", "only_the_service": {"a": 1},
        });
        let ours = json!({
            "id": 9, "node_id": "I_b", "url": "https://x/9", "state": "open", "closed_at": null,
            "updated_at": "-95d3h", "body": "since 2026-05-06 07:08:09 UTC", "token": "ghp_x",
        });
        assert_eq!(told(&recorded, &ours, Fields::Common), "alike");
        assert_eq!(
            told(&recorded, &ours, Fields::All),
            "only_the_service: an object of 1 fields / nothing"
        );
    }

    #[test]
    fn a_secret_stands_for_itself_and_not_for_the_text_around_it() {
        let recorded = "close 7 with [redacted:0123abcd] and [redacted:aa] today";
        assert!(same_text(recorded, "close 7 with ghp_x and key today"));
        assert!(same_text("close 7 with ghp_x and key today", recorded));
        let other = "close 7 with [redacted:ffffffff] and [redacted:bb] today";
        assert!(same_text(recorded, other));
        assert!(!same_text(recorded, "delete 9 with ghp_x and key today"));
        assert!(!same_text(recorded, "close 7 with ghp_x or key today"));
        assert!(!same_text(recorded, "close 7 with ghp_x and key tomorrow"));
        assert!(!same_text("[redacted:", "anything"));
        assert!(!same_text("a [redacted:01] a", "a a"));
    }

    #[test]
    fn the_first_difference_is_named_by_its_place() {
        let told = [
            told(
                &json!({"state": "open"}),
                &json!({"state": "closed"}),
                Fields::Common,
            ),
            told(
                &json!([{"n": 1}, {"n": 2}]),
                &json!([{"n": 1}, {"n": 3}]),
                Fields::Common,
            ),
            told(
                &json!({"items": [1, 2]}),
                &json!({"items": [1]}),
                Fields::Common,
            ),
            told(
                &json!({"at": "2026-01-02T03:04:05Z"}),
                &json!({"at": null}),
                Fields::Common,
            ),
            told(&json!({}), &json!({"more": "x".repeat(200)}), Fields::All),
        ];
        insta::assert_snapshot!(told.join("\n"), @r#"
        state: "open" / "closed"
        [1].n: 2 / 3
        items: 2 items / 1 item
        at: "2026-01-02T03:04:05Z" / null
        more: nothing / "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx…
        "#);
    }
}
