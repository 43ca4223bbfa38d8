//! One request's changes: all of them or none.

use std::sync::Arc;

use archal_core::clone::{ChangeKind, RowChange, Stamp, ViewValue};

use super::key::{Key, Part, fold};
use super::root::Root;
use super::row::{Draft, Row, list};
use super::table::{OnDelete, TableId, key_of};

/// One change of a row, as the journal keeps it.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    /// The table.
    pub table: TableId,
    /// The row's key.
    pub key: Key,
    /// The row before.
    pub before: Option<Arc<Row>>,
    /// The row after.
    pub after: Option<Arc<Row>>,
    /// Whether the row was only rendered anew because of what it shows of another row.
    pub shown_only: bool,
}

/// A state that is being read and changed. Dropping it leaves the state as it was.
pub(crate) struct Transaction {
    before: Arc<Root>,
    after: Option<Root>,
    journal: Vec<Entry>,
}

/// A place in a transaction to go back to; it costs a pointer a table.
pub(crate) struct Savepoint {
    after: Option<Root>,
    entries: usize,
}

impl Transaction {
    /// Begins on a state.
    pub(crate) fn begin(root: &Arc<Root>) -> Self {
        Self {
            before: Arc::clone(root),
            after: None,
            journal: Vec::new(),
        }
    }

    /// The state as it is inside the transaction.
    pub(crate) fn root(&self) -> &Root {
        self.after.as_ref().unwrap_or(&self.before)
    }

    fn writing(&mut self) -> &mut Root {
        self.after.get_or_insert_with(|| Root::clone(&self.before))
    }

    /// Takes note of a time that the state holds in no row.
    pub(crate) fn know(&mut self, stamp: Stamp) {
        self.writing().know(&ViewValue::Time(stamp));
    }

    /// How far it has come.
    pub(crate) fn savepoint(&self) -> Savepoint {
        Savepoint {
            after: self.after.clone(),
            entries: self.journal.len(),
        }
    }

    /// Takes back whatever was changed since.
    pub(crate) fn back_to(&mut self, savepoint: Savepoint) {
        self.after = savepoint.after;
        self.journal.truncate(savepoint.entries);
    }

    /// Hands itself over to an operation that runs inside another one; what is left in its place
    /// is the state before both, and is to be put in order with what that operation gives back.
    pub(super) fn handed_over(&mut self) -> Self {
        let rest = Self::begin(&self.before);
        std::mem::replace(self, rest)
    }

    /// A new number for a row of `table`.
    pub(crate) fn next_id(&mut self, table: TableId) -> i64 {
        self.writing().next_id(table)
    }

    /// Adds a row, or puts it in the place of the row with the same key.
    pub(crate) fn put(&mut self, table: TableId, draft: Draft) -> Arc<Row> {
        let row = self.writing().row_of(table, draft);
        self.place(table, row, false)
    }

    fn place(&mut self, table: TableId, row: Row, shown_only: bool) -> Arc<Row> {
        let root = self.writing();
        let row = Arc::new(row);
        let key = root.key(table, &row);
        let before = root.put(table, Arc::clone(&row));
        let changed = before.is_some();
        self.journal.push(Entry {
            table,
            key: key.clone(),
            before,
            after: Some(Arc::clone(&row)),
            shown_only,
        });
        if changed {
            self.follow(table, &key, Some(&row));
        }
        row
    }

    /// Puts a changed row in the place of `old`, whose key may be another one.
    pub(crate) fn replace(&mut self, table: TableId, old: &Row, draft: Draft) -> Arc<Row> {
        let root = self.writing();
        let old_key = root.key(table, old);
        let row = Arc::new(root.row_of(table, draft));
        let key = key_of(&row, root.pack().tables[table].key);
        if key != old_key {
            let before = root.take(table, &old_key);
            self.journal.push(Entry {
                table,
                key: old_key.clone(),
                before,
                after: None,
                shown_only: false,
            });
        }
        let root = self.writing();
        let before = root.put(table, Arc::clone(&row));
        self.journal.push(Entry {
            table,
            key,
            before,
            after: Some(Arc::clone(&row)),
            shown_only: false,
        });
        self.follow(table, &old_key, Some(&row));
        row
    }

    /// Lets a row be rendered anew, after what it shows of other rows changed.
    pub(crate) fn render_anew(&mut self, table: TableId, key: &Key) {
        let Some(row) = self.root().get(table, key).cloned() else {
            return;
        };
        let next = self.writing().row_of(table, row.draft());
        // The row keeps its number, so that lists in order of change do not move.
        let next = next.with_version(row.version());
        self.place(table, next, true);
    }

    /// Removes a row and what belongs to it.
    pub(crate) fn remove(&mut self, table: TableId, key: &Key) {
        let Some(before) = self.writing().take(table, key) else {
            return;
        };
        self.journal.push(Entry {
            table,
            key: key.clone(),
            before: Some(before),
            after: None,
            shown_only: false,
        });
        self.follow(table, key, None);
    }

    /// Does to referring rows what the relations say, after the row `key` became `now`.
    fn follow(&mut self, table: TableId, key: &Key, now: Option<&Arc<Row>>) {
        let relations = self.root().pack().relations;
        let relations = relations.iter().copied().flatten();
        for relation in relations.filter(|relation| relation.to == table) {
            if now.is_some() && matches!(relation.on_delete, OnDelete::Remove) {
                // A target that stays keeps what refers to it; there may be many.
                continue;
            }
            let referring: Vec<Arc<Row>> = self
                .root()
                .group(relation.from, relation.index, key)
                .map(|group| group.values().cloned().collect())
                .unwrap_or_default();
            for row in referring {
                match (relation.on_delete, now) {
                    (OnDelete::Remove, _) => {
                        let key = self.root().key(relation.from, &row);
                        self.remove(relation.from, &key);
                    }
                    (OnDelete::Unlink { list: at, name }, now) => {
                        let old = match key.parts().last() {
                            Some(Part::Text(old)) => Arc::clone(old),
                            _ => continue,
                        };
                        let new = now.map(|target| target.text(name));
                        let items: Vec<Arc<str>> = row
                            .texts(at)
                            .filter_map(|item| {
                                if fold(item) == old {
                                    new.map(Arc::from)
                                } else {
                                    Some(item.into())
                                }
                            })
                            .collect();
                        let mut draft = row.draft();
                        draft.set(at, list(items));
                        let shown_only = draft == row.draft();
                        // The row keeps its number, so that lists in order of change do not move.
                        let next = self.writing().row_of(relation.from, draft);
                        let next = next.with_version(row.version());
                        self.place(relation.from, next, shown_only);
                    }
                }
            }
        }
    }

    /// The new state with its journal; the old one where nothing was written.
    pub(crate) fn commit(self) -> (Arc<Root>, Vec<Entry>) {
        match self.after {
            Some(after) => (Arc::new(after), self.journal),
            None => (self.before, self.journal),
        }
    }
}

/// The changes of a journal for the record: rows that were only rendered anew are left out, and
/// a row occurs once.
pub(crate) fn changes(root: &Root, journal: &[Entry]) -> Vec<RowChange> {
    let mut folded: Vec<Entry> = Vec::new();
    for entry in journal {
        let known = folded
            .iter_mut()
            .find(|known| known.table == entry.table && known.key == entry.key);
        match known {
            Some(known) => {
                known.after.clone_from(&entry.after);
                known.shown_only &= entry.shown_only;
            }
            None => folded.push(entry.clone()),
        }
    }
    folded
        .iter()
        .filter(|entry| !entry.shown_only)
        .filter_map(|entry| {
            let (row, change) = match (&entry.before, &entry.after) {
                (None, Some(row)) => (row, ChangeKind::Added),
                (Some(row), None) => (row, ChangeKind::Removed),
                // Two writes in one second may leave the same fields. They are a change still, or
                // the record would depend on the clock.
                (Some(_), Some(row)) => (row, ChangeKind::Changed),
                (None, None) => return None,
            };
            let table = &root.pack().tables[entry.table];
            Some(RowChange {
                table: table.seed.name,
                key: (table.name_of)(row),
                change,
            })
        })
        .collect()
}
