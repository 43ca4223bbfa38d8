//! What is proved, of a world in which names are others.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{Answers, Only, Place, Proven};

impl Proven {
    /// The same of a world in which names are others: `new` gives the new text of an old one.
    pub fn renamed(&self, new: &dyn Fn(&str) -> String) -> Self {
        let clones = self.clones.iter();
        Self {
            clones: clones
                .map(|(clone, answers)| (clone.clone(), answers.renamed(new)))
                .collect(),
            is_answered: self.is_answered,
        }
    }
}

impl Answers {
    fn renamed(&self, new: &dyn Fn(&str) -> String) -> Self {
        let all = |texts: &BTreeSet<String>| texts.iter().map(|text| new(text)).collect();
        let place = |(table, key): &Place| (table.clone(), new(key));
        let places = |places: &BTreeSet<Place>| places.iter().map(place).collect();
        let only = |(table, held): &Only| -> Only {
            let held = held.iter();
            (
                *table,
                held.map(|(field, held)| (*field, value(held, new)))
                    .collect(),
            )
        };
        let owned = self.owned.iter();
        Self {
            refused: self.refused.renamed(new),
            read: self.read.renamed(new, |()| ()),
            agreed: self.agreed.renamed(new, |()| ()),
            lists: self.lists.renamed(new, |held| held.as_ref().map(only)),
            shown: self.shown.renamed(new, all),
            absent: places(&self.absent),
            passed_over: places(&self.passed_over),
            rows: places(&self.rows),
            fields: all(&self.fields),
            owned: owned
                .map(|(at, row)| (place(at), value(row, new)))
                .collect(),
            meanwhile: self.meanwhile.renamed(new),
            knows_actor: self.knows_actor,
        }
    }
}

/// A value with new names in its texts.
pub(super) fn value(old: &Value, new: &dyn Fn(&str) -> String) -> Value {
    match old {
        Value::String(text) => new(text).into(),
        Value::Array(items) => items.iter().map(|item| value(item, new)).collect(),
        Value::Object(fields) => fields
            .iter()
            .map(|(name, field)| (name.clone(), value(field, new)))
            .collect::<serde_json::Map<_, _>>()
            .into(),
        other => other.clone(),
    }
}
