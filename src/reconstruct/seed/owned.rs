//! What states that the repository owns add to what a trace proves.
//!
//! They fill fields and rows that no call shows. Where both speak, the trace is right: a row that
//! it made or found absent, or that a whole list of it leaves out, is not taken from them.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::Owned;
use super::build::Building;
use super::lists::{holds, whole};
use crate::reconstruct::world::{CloneWorld, Existed, List};

/// A row that the repository owns.
struct OwnedRow {
    key: String,
    fields: Map<String, Value>,
    origin: String,
}

/// The rows that a repository owns, without those that were taken.
pub(super) struct OwnedRows {
    rows: BTreeMap<(String, String), OwnedRow>,
    /// Who the agent is.
    pub(super) actor: Option<Value>,
}

impl OwnedRows {
    /// What it says of a row.
    pub(super) fn take(&mut self, table: &str, key: &str) -> Option<(Map<String, Value>, String)> {
        let row = self.rows.remove(&(table.to_owned(), key.to_lowercase()))?;
        Some((row.fields, row.origin))
    }

    /// Where it says what else is in a list, if it does.
    pub(super) fn further(&self, list: &List) -> Option<String> {
        let only = list.only.as_deref()?;
        let of_list = |((table, _), row): &(&(String, String), &OwnedRow)| {
            table == list.table && holds(&row.fields, only)
        };
        let row = self.rows.iter().find(of_list);
        row.map(|(_, row)| row.origin.clone())
    }
}

impl Building<'_> {
    /// Reads what the repository owns of the clone; what is first named counts.
    pub(super) fn owned(&mut self, owned: &[&Owned]) -> OwnedRows {
        let mut rows = BTreeMap::new();
        let mut actor = None;
        for one in owned {
            let Some(document) = one.document.as_object() else {
                continue;
            };
            if let Some(name) = document.get("actor").filter(|name| name.is_string()) {
                actor.get_or_insert_with(|| name.clone());
            }
            for table in self.descriptor.tables {
                let of_table = document.get(table.name).and_then(Value::as_array);
                for (at, row) in of_table.into_iter().flatten().enumerate() {
                    let Some(fields) = row.as_object() else {
                        continue;
                    };
                    // A row without a number of its own is nobody else's.
                    let key = (self.descriptor.row_key)(table.name, row)
                        .unwrap_or_else(|| format!("{}[{at}]", one.origin));
                    rows.entry((table.name.to_owned(), key.to_lowercase()))
                        .or_insert_with(|| OwnedRow {
                            key,
                            fields: fields.clone(),
                            origin: one.origin.clone(),
                        });
                }
            }
        }
        OwnedRows { rows, actor }
    }

    /// Adds the rows that the trace does not speak of.
    pub(super) fn add_owned(&mut self, own: &OwnedRows, part: &CloneWorld) {
        let whole = whole(part);
        for ((table, _), row) in &own.rows {
            let Some(table) = self.table(table) else {
                continue;
            };
            let known = part.rows.get(&(table.name, row.key.clone()));
            if known.is_some_and(|known| known.existed == Existed::No)
                || whole
                    .iter()
                    .any(|list| list.leaves_out(table.name, &row.key, &row.fields))
            {
                continue;
            }
            for name in row.fields.keys() {
                let clone = self.descriptor.name;
                let path = format!("{clone} {} {} {name}", table.name, row.key);
                self.out.proofs.insert(path, row.origin.clone());
            }
            self.tables
                .entry(table.name)
                .or_default()
                .push((row.key.clone(), row.fields.clone()));
        }
    }
}
