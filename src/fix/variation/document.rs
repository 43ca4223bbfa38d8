//! A starting state rewritten by what its clone declares of its tables.

use std::collections::BTreeSet;

use archal_core::clone::{CloneDescriptor, FieldKind, SeedField, SeedTable};
use archal_core::id::IdSource;
use serde_json::{Map, Value};

use super::renaming::{Renaming, fresh, is_of_word};
use super::times;
use crate::run::scenarios::Prepared;
use crate::scenario::criteria;

/// What the key of a table says whose rows have a number of their own in their parent.
const NUMBERED: &str = "#number";
/// A shorter name is as likely a word.
const SHORTEST_NAME: usize = 3;

/// The names in a starting state, lower case: the parts of the keys of the tables that others
/// refer to, where the key stands in the row as one text.
pub fn names(clone: &CloneDescriptor, seed: &Value) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for table in clone.tables.iter().filter(|table| is_named(clone, table)) {
        for row in rows(seed, table.name) {
            let key = (clone.row_key)(table.name, row).unwrap_or_default();
            names.extend(
                key.split('/')
                    .filter(|name| may_change(name))
                    .map(str::to_lowercase),
            );
        }
    }
    names
}

/// The numbers that rows have in their parent.
pub fn numbers(clone: &CloneDescriptor, seed: &Value) -> BTreeSet<i64> {
    let tables = clone.tables.iter().filter(|table| is_numbered(table));
    tables
        .flat_map(|table| rows(seed, table.name))
        .filter_map(|row| row.get("number")?.as_i64())
        .collect()
}

/// Puts in the new names and numbers, and moves the times back.
pub fn rewrite(clone: &CloneDescriptor, seed: &mut Value, renaming: &Renaming, earlier: i64) {
    let Some(document) = seed.as_object_mut() else {
        return;
    };
    for (name, value) in document {
        let Some(table) = clone.tables.iter().find(|table| table.name == name) else {
            reword(value, renaming);
            continue;
        };
        let rows = value.as_array_mut().into_iter().flatten();
        for row in rows.filter_map(Value::as_object_mut) {
            for (name, value) in row {
                let field = table.fields.iter().find(|field| field.name == name);
                match field.map(|field| field.kind) {
                    Some(FieldKind::Time) => {
                        let moved = value.as_str().and_then(|text| times::moved(text, earlier));
                        if let Some(moved) = moved.filter(|_| earlier != 0) {
                            *value = Value::from(moved);
                        }
                    }
                    Some(FieldKind::Int) if name == "number" && is_numbered(table) => {
                        if let Some(number) = value.as_i64() {
                            *value = Value::from(renaming.number(number));
                        }
                    }
                    _ => reword(value, renaming),
                }
            }
        }
    }
}

/// Puts the rows of tables into another order, where each row says its own key and number: of
/// others the order is part of what they say. Gives the tables.
pub fn shuffle(clone: &CloneDescriptor, seed: &mut Value, ids: &dyn IdSource) -> Vec<String> {
    let mut shuffled = Vec::new();
    for table in clone.tables.iter().filter(|table| is_numbered(table)) {
        let Some(rows) = seed.get_mut(table.name).and_then(Value::as_array_mut) else {
            continue;
        };
        let says_all = |row: &Value| row.get("id").is_some() && row.get("created_at").is_some();
        if rows.len() < 2 || !rows.iter().all(says_all) {
            continue;
        }
        for at in (1..rows.len()).rev() {
            let other = ids.next() % (at as u64 + 1);
            rows.swap(at, usize::try_from(other).unwrap_or(at));
        }
        shuffled.push(table.name.to_owned());
    }
    shuffled
}

/// Adds a row to each table of which nothing but its key must be said and which no criterion
/// reads, where the clone still opens with it: an account and a repository of a stranger. Gives
/// the rows.
pub fn add(
    clone: &CloneDescriptor,
    seed: &mut Value,
    prepared: &Prepared,
    ids: &dyn IdSource,
) -> Vec<String> {
    let read: BTreeSet<&str> = prepared
        .compiled
        .iter()
        .flatten()
        .flat_map(|compiled| &criteria::references(compiled).collections)
        .filter(|of| of.clone == clone.name)
        .map(|of| of.collection.as_str())
        .collect();
    let means_all: Vec<&str> = clone
        .tables
        .iter()
        .flat_map(|table| table.fields.iter().map(move |field| (table, field)))
        .filter(|(table, field)| is_left_out(seed, table, field))
        .filter_map(|(_, field)| field.references)
        .collect();
    let owner = fresh(ids);
    let mut added = Vec::new();
    for table in clone.tables.iter().filter(|table| is_named(clone, table)) {
        let Some(key) = table.fields.first() else {
            continue;
        };
        let required = table.fields.iter().filter(|field| field.required).count();
        let is_read = read.contains(table.name);
        let Some(rows) = seed.get_mut(table.name).and_then(Value::as_array_mut) else {
            continue;
        };
        if is_read || required != 1 || rows.is_empty() || means_all.contains(&table.name) {
            continue;
        }
        let has_owner = table.key.contains('/');
        if has_owner && added.is_empty() {
            continue;
        }
        let name = match has_owner {
            true => format!("{owner}/{}", fresh(ids)),
            false => owner.clone(),
        };
        let row = Map::from_iter([(key.name.to_owned(), Value::from(name.clone()))]);
        rows.push(Value::Object(row));
        added.push(format!("{} {name}", table.name));
    }
    added
}

/// Whether a row leaves out a list of rows of another table, which may mean all of them.
fn is_left_out(seed: &Value, table: &SeedTable, field: &SeedField) -> bool {
    matches!(field.kind, FieldKind::List(_))
        && rows(seed, table.name).any(|row| row.get(field.name).is_none())
}

/// Whether the rows of a table have names: others refer to it, and its key is its first field.
fn is_named(clone: &CloneDescriptor, table: &SeedTable) -> bool {
    let is_referred_to = clone
        .tables
        .iter()
        .flat_map(|other| other.fields)
        .any(|field| field.references == Some(table.name));
    let is_one_text = |key: &str| key.chars().all(|c| c.is_ascii_lowercase() || c == '/');
    let first = table.fields.first();
    is_referred_to
        && is_one_text(table.key)
        && table.key != "id"
        && first.is_some_and(|field| field.required && matches!(field.kind, FieldKind::Text))
        && (clone.row_key)(
            table.name,
            &Value::Object(
                first
                    .map(|field| (field.name.to_owned(), Value::from("a1b/c2d")))
                    .into_iter()
                    .collect(),
            ),
        )
        .is_some_and(|key| key == "a1b/c2d")
}

fn is_numbered(table: &SeedTable) -> bool {
    table.key.ends_with(NUMBERED) && table.fields.iter().any(|field| field.name == "number")
}

fn may_change(name: &str) -> bool {
    name.len() >= SHORTEST_NAME
        && name.chars().all(|c| c.is_ascii() && is_of_word(c))
        && !name.chars().all(|c| c.is_ascii_digit())
}

fn reword(value: &mut Value, renaming: &Renaming) {
    match value {
        Value::String(text) => *text = renaming.text(text),
        Value::Array(items) => items.iter_mut().for_each(|item| reword(item, renaming)),
        Value::Object(fields) => fields
            .values_mut()
            .for_each(|field| reword(field, renaming)),
        _ => {}
    }
}

fn rows<'a>(seed: &'a Value, table: &str) -> impl Iterator<Item = &'a Value> {
    let rows = seed.get(table).and_then(Value::as_array);
    rows.into_iter().flatten()
}
