//! What an attempt itself has made of the state so far.

use std::collections::BTreeSet;

use archal_core::clone::Fact;
use serde_json::Value;

use super::meanwhile::Looks;
use super::named::Named;
use super::{Asked, Place, of_field, of_part, place};

/// What an attempt itself has made of the state so far.
#[derive(Default)]
pub(super) struct Done {
    /// The calls that changed something: method, path and body.
    calls: Vec<(String, Named, Option<Value>)>,
    /// Rows that it made.
    pub(super) made: BTreeSet<Place>,
    /// Rows that it removed.
    pub(super) removed: BTreeSet<Place>,
    /// Rows that it changed in any way.
    pub(super) touched: BTreeSet<Place>,
    /// Fields that it set, and files, as `table key field`.
    pub(super) fields: BTreeSet<String>,
    /// How often it was shown each row.
    pub(super) looks: Looks,
}

impl Done {
    /// Takes in a call that changed something, with what it showed.
    pub(super) fn add(&mut self, asked: &Asked<'_>, facts: &[Fact]) {
        let call = asked.call;
        self.calls.push((
            call.method.clone(),
            asked.path.clone(),
            call.request.as_deref().cloned(),
        ));
        for fact in facts {
            match fact {
                Fact::Row {
                    table,
                    key,
                    written,
                    ..
                } if !written.is_empty() => self.set(table, key, written),
                Fact::Written { table, key, fields } => self.set(table, key, fields),
                Fact::Created { table, key } => {
                    self.made.insert(place(table, key));
                    self.touched.insert(place(table, key));
                }
                Fact::Deleted { table, key } => {
                    self.removed.insert(place(table, key));
                    self.touched.insert(place(table, key));
                }
                Fact::Part {
                    table,
                    key,
                    field,
                    part,
                    written: true,
                    ..
                } => _ = self.fields.insert(of_part(table, key, field, part)),
                _ => {}
            }
        }
    }

    fn set(&mut self, table: &str, key: &str, fields: &[&str]) {
        self.touched.insert(place(table, key));
        let fields = fields.iter().map(|field| of_field(table, key, field));
        self.fields.extend(fields);
    }

    /// Whether the very same was asked before, and went well.
    pub(super) fn did(&self, asked: &Asked<'_>) -> bool {
        let call = asked.call;
        let mut calls = self.calls.iter();
        calls.any(|(method, path, request)| {
            *path == asked.path
                && (method == "DELETE"
                    || (*method == call.method && request.as_ref() == call.request.as_deref()))
        })
    }
}
