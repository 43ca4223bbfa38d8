//! Rows of a seed document: proved fields, and what may stand where nothing is proved.

use archal_core::clone::{FieldKind, SeedField, SeedTable, offset, seed_time};
use jiff::Timestamp;
use serde_json::{Map, Value, json};

/// A row of which only the parent is known.
pub(super) fn placeholder(
    table: &SeedTable,
    parent_field: &str,
    parent: &str,
    actor: Option<&str>,
) -> Map<String, Value> {
    let mut row = Map::new();
    for SeedField {
        name,
        kind,
        required,
        references,
        ..
    } in table.fields
    {
        if *name == parent_field {
            row.insert((*name).to_owned(), Value::from(parent));
        } else if *required {
            let value = match (kind, references, actor) {
                (FieldKind::Text, Some("users"), Some(actor)) => Value::from(actor),
                (FieldKind::Text, _, _) => Value::from("(not captured)"),
                (FieldKind::Int, _, _) => Value::from(0),
                (FieldKind::Bool, _, _) => Value::from(false),
                (FieldKind::Time, _, _) => Value::from("-1d"),
                (FieldKind::List(_), _, _) => json!([]),
                (FieldKind::Object(_), _, _) => json!({}),
            };
            row.insert((*name).to_owned(), value);
        }
    }
    row
}

/// When a row came to be, where it says so: its place among others of its table.
pub(super) fn time(row: &Map<String, Value>, base: Timestamp) -> Option<Timestamp> {
    let names = ["created_at", "date", "submitted_at", "starred_at"];
    let text = names.iter().find_map(|name| row.get(*name)?.as_str());
    text.and_then(|text| seed_time(text, base))
}

/// A value with times written as offsets from the trace's start.
pub(super) fn relative(value: &Value, kind: FieldKind, base: Timestamp) -> Value {
    match (value, kind) {
        (Value::String(text), FieldKind::Time) => match text.parse::<Timestamp>() {
            Ok(at) => Value::String(offset(at, base)),
            Err(_) => value.clone(),
        },
        (Value::Array(items), FieldKind::List(inner)) => items
            .iter()
            .map(|item| relative(item, *inner, base))
            .collect(),
        (Value::Object(map), FieldKind::Object(fields)) => map
            .iter()
            .map(|(name, inner)| {
                let kind = fields
                    .iter()
                    .find(|field| field.name == name)
                    .map(|field| field.kind);
                let inner = kind.map_or_else(|| inner.clone(), |kind| relative(inner, kind, base));
                (name.clone(), inner)
            })
            .collect::<Map<_, _>>()
            .into(),
        _ => value.clone(),
    }
}
