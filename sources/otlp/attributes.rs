//! Taking attributes that a dialect understands, so that what is left is what none did.

use std::collections::BTreeMap;
use std::ops::Bound;

use serde_json::Value;

use super::model::Attributes;

/// Slots of an indexed attribute array (`gen_ai.prompt.N.…`) that are looked at: an index of
/// four billion is an attack on memory.
pub(super) const MAX_INDEX: usize = 10_001;

/// Attributes from which a dialect takes what it understands.
pub(super) struct Taking {
    attributes: Attributes,
    /// Places of this span whose text looks cut: `tool.arguments`.
    pub(super) truncated: Vec<String>,
}

impl Taking {
    pub(super) fn new(attributes: Attributes) -> Self {
        Self {
            attributes,
            truncated: Vec::new(),
        }
    }

    /// What nobody took.
    pub(super) fn rest(self) -> (Attributes, Vec<String>) {
        (self.attributes, self.truncated)
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.attributes.contains_key(name)
    }

    /// Whether any name begins so.
    pub(super) fn has_prefix(&self, prefix: &str) -> bool {
        self.attributes
            .range::<str, _>((Bound::Included(prefix), Bound::Unbounded))
            .next()
            .is_some_and(|(name, _)| name.starts_with(prefix))
    }

    /// An attribute that stays.
    pub(super) fn peek_text(&self, names: &[&str]) -> Option<String> {
        names
            .iter()
            .find_map(|name| self.attributes.get(*name).and_then(text_of))
    }

    /// The first of these that is there and not null.
    pub(super) fn value(&mut self, names: &[&str]) -> Option<Value> {
        names.iter().find_map(|name| {
            self.attributes
                .remove(*name)
                .filter(|value| !value.is_null())
        })
    }

    /// The first of these that is text, a number or a truth value, as text that is not empty.
    pub(super) fn text(&mut self, names: &[&str]) -> Option<String> {
        let name = names
            .iter()
            .find(|name| self.attributes.get(**name).and_then(text_of).is_some())?;
        self.attributes.remove(*name).as_ref().and_then(text_of)
    }

    /// The first of these that is a count.
    pub(super) fn count(&mut self, names: &[&str]) -> Option<u64> {
        let name = names
            .iter()
            .find(|name| self.attributes.get(**name).and_then(count_of).is_some())?;
        self.attributes.remove(*name).as_ref().and_then(count_of)
    }

    /// The first of these, parsed where it is JSON in a string; text that looks like JSON cut
    /// short is noted under `place`.
    pub(super) fn json(&mut self, names: &[&str], place: &str) -> Option<Value> {
        let value = self.value(names)?;
        self.parsed(value, place)
    }

    /// A value parsed where it is JSON in a string; none where it is empty.
    pub(super) fn parsed(&mut self, value: Value, place: &str) -> Option<Value> {
        let Value::String(text) = value else {
            return Some(value);
        };
        if text.is_empty() {
            return None;
        }
        if !text.trim_start().starts_with(['{', '[', '"']) {
            return Some(Value::String(text));
        }
        match crate::raw::value(&text) {
            Ok(inner) => Some(inner),
            Err(error) => {
                if error.is_eof() || text.ends_with("...") || text.ends_with('…') {
                    self.truncated.push(place.to_owned());
                }
                Some(Value::String(text))
            }
        }
    }

    /// Attributes `<prefix>.N.<rest>`, by N and rest. A gap in N is noted under `place`.
    pub(super) fn indexed(
        &mut self,
        prefix: &str,
        place: &str,
    ) -> BTreeMap<usize, BTreeMap<String, Value>> {
        let start = format!("{prefix}.");
        let names: Vec<(String, usize, String)> = self
            .attributes
            .range(start.clone()..)
            .take_while(|(name, _)| name.starts_with(&start))
            .filter_map(|(name, _)| {
                let (index, rest) = name[start.len()..].split_once('.')?;
                let index = index.parse().ok().filter(|index| *index < MAX_INDEX)?;
                Some((name.clone(), index, rest.to_owned()))
            })
            .collect();
        let mut slots: BTreeMap<usize, BTreeMap<String, Value>> = BTreeMap::new();
        for (name, index, rest) in names {
            if let Some(value) = self.attributes.remove(&name) {
                slots.entry(index).or_default().insert(rest, value);
            }
        }
        let gap = slots
            .keys()
            .enumerate()
            .any(|(position, index)| position != *index);
        if gap {
            self.truncated.push(place.to_owned());
        }
        slots
    }

    /// Attributes `<prefix><name>`, by name.
    pub(super) fn prefixed(&mut self, prefix: &str) -> BTreeMap<String, Value> {
        let names: Vec<String> = self
            .attributes
            .range(prefix.to_owned()..)
            .take_while(|(name, _)| name.starts_with(prefix))
            .map(|(name, _)| name.clone())
            .collect();
        names
            .into_iter()
            .filter_map(|name| {
                Some((
                    name[prefix.len()..].to_owned(),
                    self.attributes.remove(&name)?,
                ))
            })
            .collect()
    }

    /// Puts back what was taken but could not be understood whole.
    pub(super) fn put(&mut self, name: &str, value: Value) {
        self.attributes.insert(name.to_owned(), value);
    }
}

/// A scalar as text that is not empty.
pub(super) fn text_of(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()).filter(|text| !text.is_empty()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(truth) => Some(truth.to_string()),
        _ => None,
    }
}

/// A whole number that is not negative.
fn count_of(value: &Value) -> Option<u64> {
    match value {
        Value::Number(number) => number.as_u64().or_else(|| {
            number
                .as_f64()
                .filter(|float| *float >= 0.0 && float.fract() == 0.0)
                .map(|float| float as u64)
        }),
        Value::String(text) => text.parse().ok(),
        _ => None,
    }
}
