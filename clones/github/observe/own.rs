//! Keys of rows in documents that a repository owns.

use archal_core::clone::FieldKind;
use serde_json::Value;

use super::shape::{key_of, plain};
use crate::github::tables::TABLES;

/// The key of a row of a seed document; none where a part of it is not said.
pub(in crate::github) fn row_key(table: &str, row: &Value) -> Option<String> {
    let place = TABLES.iter().position(|one| one.seed.name == table)?;
    let columns = TABLES[place].columns.iter();
    let said = columns
        .filter(|column| matches!(column.field.kind, FieldKind::Text | FieldKind::Int))
        .filter_map(|column| {
            let value = row.get(column.field.name)?;
            plain(value).then(|| (column.field.name.to_owned(), value.clone()))
        });
    key_of(place, &said.collect())
}
