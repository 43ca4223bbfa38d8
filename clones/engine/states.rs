//! States as the rest of archal reads them.

use std::any::Any;
use std::collections::BTreeMap;
use std::sync::Arc;

use archal_core::clone::{CloneState, RowDiff, ViewRow};
use imbl::ordmap::DiffItem;
use jiff::Timestamp;
use serde_json::Value;

use super::pack::View;
use super::root::Root;
use super::row::Row;
use super::{save, seed};

/// What is different between two states; what they share is not looked at.
pub(super) fn difference(before: &Root, after: &Root) -> Vec<RowDiff> {
    let mut out = Vec::new();
    for view in before.pack().views {
        let table = view.table;
        for item in before.rows(table).diff(after.rows(table)) {
            let (old, new) = match item {
                DiffItem::Add(_, new) => (None, Some(new)),
                DiffItem::Update { old, new } => (Some(old.1), Some(new.1)),
                DiffItem::Remove(_, old) => (Some(old), None),
            };
            let old = old.and_then(|row| shown(view, before, row));
            let new = new.and_then(|row| shown(view, after, row));
            if old != new {
                out.push(RowDiff {
                    collection: view.name,
                    before: old,
                    after: new,
                });
            }
        }
    }
    for derived in before.pack().derived {
        for item in before.rows(derived.table).diff(after.rows(derived.table)) {
            let (old, new) = match item {
                DiffItem::Add(_, new) => (None, Some(new)),
                DiffItem::Update { old, new } => (Some(old.1), Some(new.1)),
                DiffItem::Remove(_, old) => (Some(old), None),
            };
            let rows = |root: &Root, row: Option<&Arc<Row>>| {
                let rows = row.map(|row| (derived.rows)(root, row)).unwrap_or_default();
                let rows = rows.into_iter().map(|row| (row.key.clone(), row));
                rows.collect::<BTreeMap<String, ViewRow>>()
            };
            let mut old = rows(before, old);
            let new = rows(after, new);
            for (key, after) in new {
                let before = old.remove(&key);
                if before.as_ref() != Some(&after) {
                    out.push(RowDiff {
                        collection: derived.name,
                        before,
                        after: Some(after),
                    });
                }
            }
            out.extend(old.into_values().map(|row| RowDiff {
                collection: derived.name,
                before: Some(row),
                after: None,
            }));
        }
    }
    out
}

/// A row as a view has it; none where it is not in the view.
fn shown(view: &View, root: &Root, row: &Row) -> Option<ViewRow> {
    let shows = view.shows.is_none_or(|shows| shows(root, row));
    shows.then(|| (view.row)(root, row))
}

/// A state as the rest of archal reads it.
pub(super) struct State(pub(super) Arc<Root>);

impl CloneState for State {
    fn rows(&self, collection: &str) -> Vec<ViewRow> {
        let mut derived = self.0.pack().derived.iter();
        if let Some(derived) = derived.find(|derived| derived.name == collection) {
            let rows = self.0.rows(derived.table).values();
            return rows.flat_map(|row| (derived.rows)(&self.0, row)).collect();
        }
        let view = self
            .0
            .pack()
            .views
            .iter()
            .find(|view| view.name == collection);
        view.map_or_else(Vec::new, |view| {
            self.0
                .rows(view.table)
                .values()
                .filter_map(|row| shown(view, &self.0, row))
                .collect()
        })
    }

    fn to_json(&self) -> Value {
        seed::document(&self.0)
    }

    fn base(&self) -> Timestamp {
        self.0.base()
    }

    fn evidence_text(&self, text: &str) -> String {
        self.0.said(text).unwrap_or_else(|| text.to_owned())
    }

    fn diff(&self, after: &dyn CloneState) -> Vec<RowDiff> {
        let after: &dyn Any = after;
        match after.downcast_ref::<Self>() {
            Some(Self(after)) if std::ptr::eq(after.pack(), self.0.pack()) => {
                difference(&self.0, after)
            }
            _ => Vec::new(),
        }
    }

    fn save(&self) -> Result<Value, String> {
        save::document(&self.0)
    }
}
