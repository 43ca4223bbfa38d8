//! A recorded answer beside a clone's: what differs, and which ids stand for each other.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde_json::Value;

/// The most differences kept of one response.
const DIFFERENCES: usize = 8;
/// The most ids that are learnt in one replay.
const IDS: usize = 10_000;
/// Fields whose values services make up.
const MADE_UP: &[&str] = &["id", "node_id", "startCursor", "endCursor", "nextCursor"];

/// The longest id that is learnt, in bytes.
const ID: usize = 512;

/// Ids that the service gave to what the trace made, with the ids that the clone gave.
#[derive(Debug, Default)]
pub(super) struct Ids {
    known: BTreeMap<String, String>,
    /// How long the ids of the service are.
    lengths: BTreeSet<usize>,
}

impl Ids {
    /// A text with the clone's ids in it, in one pass: what was put in is not looked at again. Only
    /// whole ids are replaced: `12345` is no part of `123456`.
    pub(super) fn translate(&self, text: &str) -> String {
        if self.known.is_empty() {
            return text.to_owned();
        }
        let is_part = |c: char| c.is_ascii_alphanumeric();
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        let mut is_inside = false;
        while let Some(first) = rest.chars().next() {
            // The longest one first: an id may begin like another.
            let found = self
                .lengths
                .iter()
                .rev()
                .filter(|_| !is_inside)
                .find_map(|length| {
                    let (id, behind) = rest.split_at_checked(*length)?;
                    let ours = self.known.get(id)?;
                    (!behind.starts_with(is_part)).then_some((id, ours, behind))
                });
            if let Some((id, ours, behind)) = found {
                out.push_str(ours);
                is_inside = id.ends_with(is_part);
                rest = behind;
            } else {
                out.push(first);
                is_inside = is_part(first);
                rest = &rest[first.len_utf8()..];
            }
        }
        out
    }

    /// A value with the clone's ids in it.
    pub(super) fn translate_value(&self, value: &Value) -> Value {
        if self.known.is_empty() {
            return value.clone();
        }
        serde_json::from_str(&self.translate(&value.to_string())).unwrap_or_else(|_| value.clone())
    }

    fn learn(&mut self, recorded: Option<&Value>, ours: Option<&Value>) {
        let (Some(recorded), Some(ours)) = (recorded.and_then(plain), ours.and_then(plain)) else {
            return;
        };
        let is_telling = match recorded.parse::<u64>() {
            Ok(number) => number >= 10_000,
            Err(_) => recorded.len() >= 8,
        };
        let fits = recorded.len() <= ID && self.known.len() < IDS;
        if is_telling && recorded != ours && fits {
            self.lengths.insert(recorded.len());
            self.known.entry(recorded).or_insert(ours);
        }
    }

    fn is_known(&self, value: &Value) -> bool {
        plain(value).is_some_and(|text| self.known.contains_key(&text))
    }
}

fn plain(value: &Value) -> Option<String> {
    match value {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// What a comparison finds.
pub(super) struct Comparison<'a> {
    /// Ids learnt so far; more are learnt on the way.
    pub(super) ids: &'a mut Ids,
    /// Whether fields that the clone's answer has not are somebody else's: a tool adds to what the
    /// service answers.
    pub(super) is_partial: bool,
    /// What differs, each with a JSON pointer.
    pub(super) differences: Vec<String>,
}

impl Comparison<'_> {
    /// Compares a recorded body with the clone's, as the client saw it and as evidence.
    ///
    /// What was not recorded is not compared. A time set by a call is `+run` in evidence and may be
    /// any time in the record. An id that the record gives to something the trace made is learnt, and
    /// translated from then on.
    pub(super) fn of(&mut self, at: &str, recorded: &Value, wire: &Value, evidence: &Value) {
        if self.differences.len() >= DIFFERENCES || recorded == wire {
            return;
        }
        match (recorded, wire, evidence) {
            (Value::Object(theirs), Value::Object(ours), Value::Object(proof)) => {
                for name in MADE_UP {
                    self.ids.learn(theirs.get(*name), ours.get(*name));
                }
                for (name, theirs) in theirs {
                    let path = format!("{at}/{}", name.replace('~', "~0").replace('/', "~1"));
                    match (ours.get(name), proof.get(name)) {
                        (Some(ours), Some(proof)) => self.of(&path, theirs, ours, proof),
                        // A field the clone does not render is a gap of the clone, not of the state.
                        _ if theirs.is_null() || self.is_partial => {}
                        _ => self.differences.push(format!("{path}: not rendered")),
                    }
                }
            }
            (Value::Array(theirs), Value::Array(ours), Value::Array(proof)) => {
                if theirs.len() != ours.len() {
                    self.differences.push(format!(
                        "{at}: recorded {} items, replayed {}",
                        theirs.len(),
                        ours.len()
                    ));
                    return;
                }
                for (index, ((theirs, ours), proof)) in
                    theirs.iter().zip(ours).zip(proof).enumerate()
                {
                    self.of(&format!("{at}/{index}"), theirs, ours, proof);
                }
            }
            (Value::String(theirs), Value::String(ours), proof) => {
                let set_by_call = proof == "+run" && theirs.parse::<Timestamp>().is_ok();
                if !set_by_call && self.ids.translate(theirs) != *ours {
                    self.differences
                        .push(format!("{at}: recorded {theirs:?}, replayed {ours:?}"));
                }
            }
            _ => {
                if !self.ids.is_known(recorded) {
                    self.differences
                        .push(format!("{at}: recorded {recorded}, replayed {wire}"));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn differences(recorded: &Value, ours: &Value, is_partial: bool) -> Vec<String> {
        let mut comparison = Comparison {
            ids: &mut Ids::default(),
            is_partial,
            differences: Vec::new(),
        };
        comparison.of("", recorded, ours, ours);
        comparison.differences
    }

    #[test]
    fn what_was_recorded_is_compared_and_no_more() {
        let ours = json!({"number": 7, "labels": ["a", "b"], "user": {"login": "ann"}});
        assert_eq!(differences(&json!({"number": 7}), &ours, false), [""; 0]);
        let other = json!({"number": 8, "labels": ["a"], "user": {"login": "bob"}, "a/b": 1});
        insta::assert_snapshot!(differences(&other, &ours, false).join("\n"), @r#"
        /a~1b: not rendered
        /labels: recorded 1 items, replayed 2
        /number: recorded 8, replayed 7
        /user/login: recorded "bob", replayed "ann"
        "#);
        assert_eq!(differences(&json!({"own": 1}), &ours, true), [""; 0]);
    }

    #[test]
    fn ids_are_learnt_and_replaced_whole() {
        let mut ids = Ids::default();
        ids.learn(Some(&json!(12345)), Some(&json!(7)));
        assert_eq!(
            ids.translate("/c/12345?x=123456&y=a12345"),
            "/c/7?x=123456&y=a12345"
        );
        let asked = json!({"id": 12345, "n": 1, "text": "12345."});
        assert_eq!(
            ids.translate_value(&asked),
            json!({"id": 7, "n": 1, "text": "7."})
        );
    }

    #[test]
    fn what_was_put_in_is_not_translated_again() {
        let mut ids = Ids::default();
        ids.learn(Some(&json!(50_001)), Some(&json!(50_002)));
        ids.learn(Some(&json!(50_002)), Some(&json!(50_003)));
        ids.learn(Some(&json!("50002-part")), Some(&json!("whole")));
        assert_eq!(
            ids.translate("50001, 50002 and 50002-part, é50001"),
            "50002, 50003 and whole, é50002"
        );
    }
}
