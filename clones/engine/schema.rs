//! The JSON Schema of a pack's seed documents, from its tables.

use archal_core::clone::FieldKind;
use serde_json::{Map, Value, json};

use super::pack::Pack;
use super::table::{Column, Standard};

/// The schema.
pub(crate) fn of(pack: &Pack) -> Value {
    let mut properties = Map::new();
    properties.insert(
        pack.actor.1.to_owned(),
        json!({
            "type": ["string", "null"],
            "description": format!(
                "The owner of the credentials that the agent gets: a key of {}; the first one where absent.",
                pack.tables[pack.actor.0].seed.name
            ),
        }),
    );
    for table in pack.tables {
        let mut fields = Map::new();
        let mut required = Vec::new();
        for column in table.columns {
            fields.insert(column.field.name.to_owned(), field(column));
            if column.field.required {
                required.push(column.field.name);
            }
        }
        properties.insert(
            table.seed.name.to_owned(),
            json!({
                "type": ["array", "null"],
                "description": format!("Keys are written {}.", table.seed.key),
                "items": {
                    "type": "object",
                    "properties": fields,
                    "required": required,
                    "additionalProperties": false,
                },
            }),
        );
    }
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": format!("Seed of the {} clone", pack.name),
        "type": "object",
        "properties": properties,
        "additionalProperties": false,
    })
}

fn field(column: &Column) -> Value {
    let mut schema = kind(&column.field.kind, !column.field.required);
    let mut about = column.about.to_owned();
    if let Some(table) = column.field.references {
        about.push_str(&format!(" Refers to {table}."));
    }
    schema.insert("description".to_owned(), Value::from(about));
    if !column.choices.is_empty() {
        let nulls = (!column.field.required).then_some(Value::Null);
        let choices = column.choices.iter().map(|choice| Value::from(*choice));
        schema.insert("enum".to_owned(), choices.chain(nulls).collect());
    }
    let default = match column.default {
        Standard::Null => None,
        Standard::Bool(value) => Some(Value::from(value)),
        Standard::Int(value) => Some(Value::from(value)),
        Standard::Text(value) => Some(Value::from(value)),
        Standard::Empty => Some(json!([])),
    };
    if let Some(default) = default {
        schema.insert("default".to_owned(), default);
    }
    Value::Object(schema)
}

fn kind(of: &FieldKind, nullable: bool) -> Map<String, Value> {
    let mut schema = Map::new();
    let name = match of {
        FieldKind::Bool => "boolean",
        FieldKind::Int => "integer",
        FieldKind::Text => "string",
        FieldKind::Time => {
            schema.insert(
                "examples".to_owned(),
                json!(["95d ago", "-3h", "2026-01-02T03:04:05Z"]),
            );
            "string"
        }
        FieldKind::List(item) => {
            schema.insert("items".to_owned(), Value::Object(kind(item, false)));
            "array"
        }
        FieldKind::Object([]) => {
            let text = json!({"type": "string"});
            schema.insert("additionalProperties".to_owned(), text);
            "object"
        }
        FieldKind::Object(fields) => {
            let mut properties = Map::new();
            for field in *fields {
                let shape = kind(&field.kind, field.nullable);
                properties.insert(field.name.to_owned(), Value::Object(shape));
            }
            let required = fields.iter().filter(|field| !field.nullable);
            let required = required.map(|field| Value::from(field.name)).collect();
            schema.insert("properties".to_owned(), Value::Object(properties));
            schema.insert("required".to_owned(), required);
            schema.insert("additionalProperties".to_owned(), Value::Bool(false));
            "object"
        }
    };
    let name = if nullable {
        json!([name, "null"])
    } else {
        json!(name)
    };
    schema.insert("type".to_owned(), name);
    schema
}
