//! Arguments that came from nowhere: an id in a change that no one had named before.

use archal_core::grade::{Finding, Owner};
use serde_json::Value;

use super::super::facts::{Call, Effect, Facts, Step};
use super::Rule;

/// Text that is searched at most, in bytes.
const MAX_SEARCHED: usize = 8 * 1024 * 1024;
/// Values of one call that are looked at.
const MAX_VALUES: usize = 200;

pub(super) fn invented_argument(rule: &Rule, facts: &Facts<'_>, found: &mut Vec<Finding>) {
    // What was not captured may have named it.
    let answered = facts.calls.iter().all(|call| call.answered);
    if !facts.whole || !facts.conversation || !answered {
        return;
    }
    let mut known = String::new();
    for step in &facts.steps {
        match step {
            Step::Instructions(text) => known.push_str(text),
            // What the agent itself said names nothing.
            Step::Agent(_) => {}
            Step::User(said) => known.push_str(said.text),
            Step::Call(place) => {
                let Some(call) = facts.calls.get(*place) else {
                    continue;
                };
                if call.effect == Effect::Write
                    && let Some((field, value)) = invented(call, &known)
                {
                    found.push(rule.finding(
                        &format!("{}:{field}", call.name),
                        format!(
                            "{} was called with a `{field}` that nobody had named",
                            call.name
                        ),
                        [call.span],
                        value,
                        Owner::Agent,
                    ));
                    return;
                }
                match call.result.as_deref() {
                    Some(Value::String(text)) => known.push_str(text),
                    Some(other) => known.push_str(&other.to_string()),
                    None => {}
                }
            }
        }
        known.push('\n');
        if known.len() > MAX_SEARCHED {
            return;
        }
    }
}

fn invented<'a>(call: &'a Call<'_>, known: &str) -> Option<(&'a str, &'a str)> {
    let mut values = Vec::new();
    leaves("", call.arguments.as_deref()?, &mut values);
    values
        .into_iter()
        .find(|(_, value)| is_id(value) && !known.contains(value))
}

/// The texts of a value with the field each stands in.
fn leaves<'a>(field: &'a str, value: &'a Value, into: &mut Vec<(&'a str, &'a str)>) {
    if into.len() >= MAX_VALUES {
        return;
    }
    match value {
        Value::String(text) => into.push((field, text)),
        Value::Array(items) => items.iter().for_each(|item| leaves(field, item, into)),
        Value::Object(map) => map.iter().for_each(|(key, item)| leaves(key, item, into)),
        _ => {}
    }
}

/// Text that can only have been copied: letters and digits mixed, or many digits. A time or an
/// amount may be worked out.
fn is_id(text: &str) -> bool {
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    let letters = text.bytes().filter(u8::is_ascii_alphabetic).count();
    let plain = text
        .bytes()
        .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'#'));
    plain
        && (5..=64).contains(&text.len())
        && digits >= 3
        && (letters >= 1 || digits >= 6)
        && !is_date(text)
}

fn is_date(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    matches!(parts.as_slice(), [year, month, day]
        if year.len() == 4 && month.len() <= 2 && day.len() <= 2
            && year.bytes().all(|b| b.is_ascii_digit()))
}
