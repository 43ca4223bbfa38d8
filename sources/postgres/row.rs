//! Cells of a page to rows as the engine keeps them.
//!
//! A row's body has its fields under the names of `mapping` and whatever else it has under the names
//! of its columns, so that redaction sees both.

use archal_core::clock::Timestamp;
use archal_core::diagnostic::Diagnostic;
use archal_core::pull::Row;
use serde_json::{Map, Value, json};

use super::cursor::Place;
use super::query::cursor_columns;
use super::schema::{Cells, Column, Holds, Kind, Table};
use crate::findings;
use crate::mapping;
use crate::normalise::shown;
use crate::raw;

/// The longest id that is one.
const MAX_ID: usize = 512;

/// A row of a page, taken apart.
pub(super) struct Taken {
    /// Its place in the order.
    pub(super) place: Place,
    /// By column: its value, null where it has none.
    values: Vec<Value>,
    /// Columns whose value was too large.
    large: Vec<usize>,
}

impl Taken {
    /// Of the cells of a page.
    pub(super) fn of(table: &Table, cells: Cells) -> Self {
        let mut cells = cells.into_iter();
        let mut place = Place::default();
        for column in cursor_columns(table) {
            let cell = cells.next().flatten().unwrap_or_default();
            if Some(column) == table.time && place.at.is_none() {
                place.at = Some(cell);
            } else {
                place.key.push(cell);
            }
        }
        let values = table
            .columns
            .iter()
            .map(|column| match cells.next().flatten() {
                Some(cell) => value(column, cell),
                None => Value::Null,
            })
            .collect();
        let large = cells.next().flatten().unwrap_or_default();
        Self {
            place,
            values,
            large: large
                .split(',')
                .filter_map(|place| place.parse().ok())
                .collect(),
        }
    }

    /// The whole trace of a table of such, as text.
    pub(super) fn document(&mut self, table: &Table) -> Option<String> {
        match self.values.get_mut(table.document?)?.take() {
            Value::Null => None,
            Value::String(text) => Some(text),
            other => Some(other.to_string()),
        }
    }

    /// Whether it is too large to be read.
    pub(super) fn is_document_large(&self, table: &Table) -> bool {
        table
            .document
            .is_some_and(|place| self.large.contains(&place))
    }

    fn field(&self, table: &Table, name: &str) -> Option<&Value> {
        self.values
            .get(table.field(name)?)
            .filter(|value| !value.is_null())
    }

    /// A field as an id: text that is not empty, or a number.
    pub(super) fn id(&self, table: &Table, name: &str) -> Option<String> {
        let text = match self.field(table, name)? {
            Value::String(text) => text.clone(),
            Value::Number(number) => number.to_string(),
            _ => return None,
        };
        (!text.is_empty() && text.len() <= MAX_ID).then_some(text)
    }

    fn time(&self, table: &Table, name: &str) -> Option<Timestamp> {
        let time = mapping::time(self.field(table, name)?.clone());
        time.as_str()?.parse().ok()
    }

    /// The row as the engine keeps it; none, with a finding, where it belongs to no trace.
    pub(super) fn row(mut self, table: &Table, found: &mut Vec<Diagnostic>) -> Option<Row> {
        let id = self.id(table, "id");
        let trace = match table.holds {
            Holds::Spans => self.id(table, "traceId"),
            Holds::Traces | Holds::Documents => id.clone(),
        };
        let (Some(id), Some(trace)) = (id, trace) else {
            findings::add(
                found,
                Diagnostic::warning(
                    "trace/bad-row",
                    format!(
                        "a row of {} has no id, or none of at most {MAX_ID} characters: {}",
                        table.relation.shown(),
                        shown(&self.place.key.join(", "))
                    ),
                ),
            );
            return None;
        };
        let ended = self.time(table, "endedAt");
        // Where nothing says when something ended, it is written when it has.
        let has_ended = ended.is_some()
            || (table.field("endedAt").is_none() || table.field("durationMs").is_some());
        let is_root = match table.holds {
            Holds::Spans => self.id(table, "parentId").is_none_or(|id| is_nobody(&id)),
            Holds::Traces | Holds::Documents => true,
        };
        let changed = self
            .time(table, "updatedAt")
            .or_else(|| self.time(table, "createdAt"));
        let at = changed.max(ended).or_else(|| self.time(table, "startedAt"));
        let body = self.body(table);
        let kind = if table.holds == Holds::Spans {
            "s"
        } else {
            "t"
        };
        Some(Row {
            trace,
            id: format!("{kind}:{id}"),
            // What is read later is newer: it is the database that says so, whatever a clock wrote.
            version: None,
            ends_root: is_root && has_ended,
            at,
            body,
        })
    }

    fn body(&mut self, table: &Table) -> Value {
        let mut fields = Map::new();
        for (field, place) in &table.fields {
            // A column may be several fields: the time of making is when it began, too.
            if let Some(value) = self.values.get(*place).filter(|value| !value.is_null()) {
                fields.insert((*field).to_owned(), value.clone());
            }
        }
        let mut others = Map::new();
        for place in table.others() {
            if let Some(value) = self.values.get_mut(place).filter(|value| !value.is_null()) {
                others.insert(table.columns[place].name.clone(), value.take());
            }
        }
        let cut: Vec<&str> = table
            .fields
            .iter()
            .filter(|(_, place)| self.large.contains(place))
            .map(|(field, _)| *field)
            .collect();
        let others_cut = self
            .large
            .iter()
            .filter(|place| table.others().contains(place))
            .count();
        json!({
            "row": table.holds.name(),
            "fields": fields,
            "others": others,
            "cut": cut,
            "dropped": others_cut,
        })
    }
}

/// What OpenTelemetry's writers put where there is no parent.
pub(super) fn is_nobody(id: &str) -> bool {
    id.len() >= 8 && id.bytes().all(|byte| byte == b'0')
}

/// A cell as JSON. What is no number or JSON though its column is stays text.
fn value(column: &Column, cell: String) -> Value {
    match column.kind {
        Kind::Json | Kind::Composite => parsed(cell),
        Kind::Number => cell
            .parse::<serde_json::Number>()
            .map_or(Value::String(cell), Value::Number),
        Kind::Truth => Value::Bool(cell == "true" || cell == "t"),
        Kind::Zoned | Kind::Plain => rfc3339(cell),
        // Many keep JSON in text; redaction goes by the names in it.
        Kind::Text if cell.starts_with(['{', '[']) => parsed(cell),
        Kind::Text | Kind::Bytes => Value::String(cell),
    }
}

fn parsed(cell: String) -> Value {
    raw::value(&cell).unwrap_or(Value::String(cell))
}

/// `2026-01-01 00:00:00.123456+00`, as the database writes times in UTC, as everybody else does. What is
/// none, `infinity` for example, stays as it is.
fn rfc3339(cell: String) -> Value {
    let text = cell.replacen(' ', "T", 1).replacen("+00", "Z", 1);
    match text.parse::<Timestamp>() {
        Ok(time) => Value::String(time.to_string()),
        Err(_) => Value::String(cell),
    }
}
