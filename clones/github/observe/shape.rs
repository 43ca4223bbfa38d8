//! How an object in an answer becomes a row, by a description of its kind.

use std::collections::BTreeMap;

use archal_core::clone::{FieldKind, ViewField};
use serde_json::{Map, Value};

use super::exchange::Observing;
use super::shapes;
use crate::engine::row::{Draft, text};
use crate::engine::seed::bare;
use crate::engine::table::{By, Column, TableId};
use crate::github::tables::TABLES;

/// Field values by name, in the shape of a seed row.
pub(super) type Fields = BTreeMap<String, Value>;

/// Reads a column from an object; none where the object does not show it. The text is the
/// repository that the object belongs to.
pub(super) type Read = fn(&mut Observing<'_>, &str, &Value) -> Option<Value>;

/// A kind of object: the table it is a row of, and the columns that stand elsewhere in it than
/// under their own name. The others are taken by name, people by their login.
pub(super) struct Shape {
    /// The table.
    pub(super) table: TableId,
    /// Columns that are read otherwise.
    pub(super) columns: &'static [(usize, Read)],
    /// What else the object shows: rows beside it. It is given the row.
    pub(super) beside: fn(&mut Observing<'_>, &Seen, &Value),
}

/// A row being proved.
#[derive(Debug, Clone)]
pub(super) struct Seen {
    pub(super) table: TableId,
    pub(super) key: String,
    /// The repository it belongs to; empty for what belongs to none.
    pub(super) repo: String,
    pub(super) fields: Fields,
}

/// Shows nothing beside.
pub(super) fn nothing(_: &mut Observing<'_>, _: &Seen, _: &Value) {}

/// A column that no object shows, whatever has its name there.
pub(super) fn never(_: &mut Observing<'_>, _: &str, _: &Value) -> Option<Value> {
    None
}

/// The repository that the object belongs to.
pub(super) fn repo(_: &mut Observing<'_>, repo: &str, _: &Value) -> Option<Value> {
    (!repo.is_empty()).then(|| Value::from(repo))
}

impl Observing<'_> {
    /// Reads an object; none where it lacks what its key is made of.
    pub(super) fn seen(&mut self, shape: &'static Shape, body: &Value) -> Option<Seen> {
        if !body.is_object() {
            return None;
        }
        let repo = self.repo_of(body);
        let mut fields = Fields::new();
        for (at, column) in TABLES[shape.table].columns.iter().enumerate() {
            let special = shape.columns.iter().find(|(column, _)| *column == at);
            let value = match special {
                Some((_, read)) => read(self, &repo, body),
                None => self.by_name(column, body),
            };
            if let Some(value) = value {
                fields.insert(column.field.name.to_owned(), value);
            }
        }
        let key = key_of(shape.table, &fields)?;
        Some(Seen {
            table: shape.table,
            key,
            repo,
            fields,
        })
    }

    /// Proves the row that an object shows, and what stands beside it; its key.
    pub(super) fn show(&mut self, shape: &'static Shape, body: &Value) -> Option<String> {
        let seen = self.seen(shape, body)?;
        (shape.beside)(self, &seen, body);
        let key = seen.key.clone();
        self.row(seen, Vec::new());
        Some(key)
    }

    /// A column that has the same name in the object and in the table.
    fn by_name(&mut self, column: &Column, body: &Value) -> Option<Value> {
        let value = body.get(column.field.name)?;
        if column.field.references == Some("users") {
            match value {
                Value::Object(_) => return self.show(&shapes::USER, value).map(Value::from),
                Value::Array(people) if people.iter().all(Value::is_object) => {
                    let logins = people.iter();
                    let logins: Option<Vec<String>> =
                        logins.map(|one| self.show(&shapes::USER, one)).collect();
                    return logins.map(Value::from);
                }
                _ => {}
            }
        }
        let fits = match value {
            Value::Null => !column.field.required,
            Value::String(text) => {
                of_kind(column.field.kind, value)
                    && (column.choices.is_empty() || column.choices.contains(&text.as_str()))
            }
            _ => of_kind(column.field.kind, value),
        };
        fits.then(|| picked(column.field.kind, value))
    }
}

/// Whether a value is of a kind.
fn of_kind(kind: FieldKind, value: &Value) -> bool {
    match (kind, value) {
        (FieldKind::Text, Value::String(_)) | (FieldKind::Bool, Value::Bool(_)) => true,
        (FieldKind::Time, Value::String(text)) => text.parse::<jiff::Timestamp>().is_ok(),
        (FieldKind::Int, Value::Number(number)) => number.is_i64(),
        (FieldKind::List(kind), Value::Array(items)) => items.iter().all(|i| of_kind(*kind, i)),
        (FieldKind::Object(fields), Value::Object(map)) => {
            !fields.is_empty() && fields.iter().all(|field| fits(field, map.get(field.name)))
        }
        _ => false,
    }
}

fn fits(field: &ViewField, value: Option<&Value>) -> bool {
    match value {
        None | Some(Value::Null) => field.nullable,
        Some(value) => of_kind(field.kind, value),
    }
}

/// A value with what its kind has and no more.
fn picked(kind: FieldKind, value: &Value) -> Value {
    match (kind, value) {
        (FieldKind::List(kind), Value::Array(items)) => {
            items.iter().map(|item| picked(*kind, item)).collect()
        }
        (FieldKind::Object(fields), Value::Object(map)) => fields
            .iter()
            .filter_map(|field| Some((field.name.to_owned(), map.get(field.name)?.clone())))
            .collect::<Map<_, _>>()
            .into(),
        _ => value.clone(),
    }
}

/// Whether a value can be a part of a key.
pub(super) fn plain(value: &Value) -> bool {
    value.is_string() || value.is_i64()
}

/// The natural key of a row; none where a part of it is not among the fields.
pub(super) fn key_of(table: TableId, fields: &Fields) -> Option<String> {
    let declared = &TABLES[table];
    let mut draft = Draft::empty(declared.columns.len());
    for (at, column) in declared.columns.iter().enumerate() {
        match fields.get(column.field.name) {
            Some(Value::String(value)) => _ = draft.set(at, text(value.as_str())),
            Some(Value::Number(number)) => {
                let number = number.as_i64()?;
                draft.set(at, archal_core::clone::ViewValue::Int(number));
            }
            _ => {}
        }
    }
    let wanting = declared.key.iter().any(|by| {
        let (By::Column(at)
        | By::Folded(at)
        | By::Each(at)
        | By::Before(at, _)
        | By::After(at, _)
        | By::AfterAsIs(at, _)
        | By::NumberAfter(at, _)) = *by;
        draft.is_null(at)
    });
    (!wanting).then(|| (declared.name_of)(&bare(&draft)))
}
