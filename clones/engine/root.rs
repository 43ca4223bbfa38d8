//! A state of a clone: tables with their indexes on persistent maps, so that keeping a state,
//! going back to one and forking from one all cost a pointer.

use std::fmt;
use std::sync::Arc;

use archal_core::clone::{Rendered, Stamp, ViewValue};
use imbl::OrdMap;
use jiff::Timestamp;

use super::fingerprint;
use super::git::Objects;
use super::key::{Key, Part};
use super::pack::Pack;
use super::pages::Pages;
use super::row::{Draft, Row};
use super::table::{TableId, key_of, keys_of};
use super::times::KnownTimes;
use super::writer::Writer;

/// The rows of one group of an index in their order.
pub(crate) type Group = OrdMap<Key, Arc<Row>>;

/// One table of a state.
#[derive(Clone, Default)]
struct TableState {
    rows: Group,
    indexes: Vec<OrdMap<Key, Group>>,
    /// The greatest number of a row so far.
    last_id: i64,
}

/// A state. Only [`super::transaction`] changes one.
#[derive(Clone)]
pub(crate) struct Root {
    pack: &'static Pack,
    /// Shared with the states before and after that have the same rows.
    tables: Vec<Arc<TableState>>,
    times: KnownTimes,
    objects: Arc<Objects>,
    /// Lists that were written last, of whichever state.
    pages: Arc<Pages>,
    base: Timestamp,
    ids: u64,
    actor: Option<Key>,
    /// Counts the changes of rows; the state's version.
    version: u64,
}

impl fmt::Debug for Root {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Root")
            .field("version", &self.version)
            .finish_non_exhaustive()
    }
}

impl Root {
    /// A state without rows.
    pub(super) fn empty(pack: &'static Pack, base: Timestamp, ids: u64) -> Self {
        Self {
            pack,
            tables: pack
                .tables
                .iter()
                .map(|table| {
                    Arc::new(TableState {
                        indexes: vec![OrdMap::new(); table.indexes.len()],
                        ..TableState::default()
                    })
                })
                .collect(),
            times: KnownTimes::default(),
            objects: Arc::new(Objects::new(base)),
            pages: Arc::default(),
            base,
            ids,
            actor: None,
            version: 0,
        }
    }

    /// The pack it is a state of.
    pub(crate) fn pack(&self) -> &'static Pack {
        self.pack
    }

    /// What evidence counts times from.
    pub(crate) fn base(&self) -> Timestamp {
        self.base
    }

    /// The number of changes so far.
    pub(crate) fn version(&self) -> u64 {
        self.version
    }

    /// The number that seeds the generators.
    pub(crate) fn ids(&self) -> u64 {
        self.ids
    }

    /// The times it holds or has held.
    pub(crate) fn times(&self) -> &KnownTimes {
        &self.times
    }

    /// The git objects, which all states of a clone share.
    pub(crate) fn objects(&self) -> &Arc<Objects> {
        &self.objects
    }

    /// Lists that were written last.
    pub(super) fn pages(&self) -> &Pages {
        &self.pages
    }

    /// `text` as evidence writes it: known times, and ids of git objects that follow the clock;
    /// none where nothing changes.
    pub(crate) fn said(&self, text: &str) -> Option<String> {
        let timed = self.times.rewrite(text, self.base);
        let named = self
            .objects
            .rewrite(timed.as_deref().unwrap_or(text), &self.times);
        named.or(timed)
    }

    /// Whose credentials the clone's dummies are, in the pack's first table.
    pub(crate) fn actor(&self) -> Option<&Key> {
        self.actor.as_ref()
    }

    /// Takes note of the times that a value holds.
    pub(super) fn know(&mut self, value: &ViewValue) {
        match value {
            ViewValue::Time(stamp) => self.times.insert(*stamp),
            ViewValue::List(items) => items.iter().for_each(|item| self.know(item)),
            ViewValue::Object(fields) => fields.iter().for_each(|(_, value)| self.know(value)),
            ViewValue::Null | ViewValue::Bool(_) | ViewValue::Int(_) | ViewValue::Text(_) => {}
        }
    }

    /// Takes note of one time.
    pub(super) fn know_time(&mut self, stamp: Stamp) {
        self.times.insert(stamp);
    }

    /// The greatest number of a row of `table` so far.
    pub(crate) fn last_id(&self, table: TableId) -> i64 {
        self.tables[table].last_id
    }

    /// Sets the number of changes so far, for a state that was saved.
    pub(super) fn set_version(&mut self, version: u64) {
        self.version = version;
    }

    pub(super) fn set_actor(&mut self, actor: Option<Key>) {
        self.actor = actor;
    }

    /// All rows of a table in order of key.
    pub(crate) fn rows(&self, table: TableId) -> &Group {
        &self.tables[table].rows
    }

    /// A row.
    pub(crate) fn get(&self, table: TableId, key: &Key) -> Option<&Arc<Row>> {
        self.tables[table].rows.get(key)
    }

    /// A row by its natural key as people write it.
    pub(crate) fn named(&self, table: TableId, name: &str) -> Option<&Arc<Row>> {
        let key = (self.pack.tables[table].find)(name)?;
        self.get(table, &key)
    }

    /// A group of an index; none where it has no rows.
    pub(crate) fn group(&self, table: TableId, index: usize, group: &Key) -> Option<&Group> {
        self.tables[table].indexes[index].get(group)
    }

    /// How many rows a group has.
    pub(crate) fn count(&self, table: TableId, index: usize, group: &Key) -> usize {
        self.group(table, index, group).map_or(0, Group::len)
    }

    /// The key of a row.
    pub(crate) fn key(&self, table: TableId, row: &Row) -> Key {
        key_of(row, self.pack.tables[table].key)
    }

    /// The row as the service shows it in lists, with a fingerprint of it; rendered once.
    pub(crate) fn rendered<'a>(&self, table: TableId, row: &'a Row) -> &'a (Rendered, u64) {
        row.rendered_with(|| {
            let mut writer = Writer::with_capacity(self, 2_048, 2_048);
            (self.pack.tables[table].render)(self, row, &mut writer);
            let rendered = writer.finish();
            // The evidence has no exact times, so the fingerprint is the same whatever the clock;
            // the version tells two writes of the same content apart.
            let content = fingerprint::bytes(self.ids, &rendered.evidence);
            let print = fingerprint::mix(content, row.version());
            (rendered, print)
        })
    }

    /// A row to be with what its columns hold where nothing is said.
    pub(crate) fn blank(&self, table: TableId) -> Draft {
        let columns = self.pack.tables[table].columns;
        Draft(
            columns
                .iter()
                .map(|column| column.default.value())
                .collect(),
        )
    }

    /// A new number for a row of `table`, greater than all before it.
    pub(super) fn next_id(&mut self, table: TableId) -> i64 {
        let floor = self.pack.tables[table].id.map_or(0, |(_, floor)| floor);
        let state = Arc::make_mut(&mut self.tables[table]);
        let last = state.last_id.max(floor);
        // By name, so that a new table of the pack does not renumber the rows of the others.
        let salt = fingerprint::bytes(self.ids, self.pack.tables[table].seed.name.as_bytes());
        let gap = fingerprint::mix(salt, last.unsigned_abs()) % 997;
        state.last_id = last
            .saturating_add(1)
            .saturating_add(i64::try_from(gap).unwrap_or(0));
        state.last_id
    }

    /// Takes note of a number that a seed brought along.
    pub(super) fn reserve_id(&mut self, table: TableId, id: i64) {
        let state = Arc::make_mut(&mut self.tables[table]);
        state.last_id = state.last_id.max(id);
    }

    /// Makes a row of a draft, without putting it anywhere.
    pub(super) fn row_of(&mut self, table: TableId, draft: Draft) -> Row {
        for value in &draft.0 {
            self.know(value);
        }
        let said = self.pack.tables[table]
            .prose
            .iter()
            .filter_map(|&column| {
                let text = self.times.rewrite(draft.text(column), self.base)?;
                Some((column, text.into()))
            })
            .collect();
        self.version += 1;
        Row::new(draft.0.into_boxed_slice(), said, self.version)
    }

    /// Puts a row in the place of the one with the same key.
    pub(super) fn put(&mut self, table: TableId, row: Arc<Row>) -> Option<Arc<Row>> {
        let key = self.key(table, &row);
        let state = Arc::make_mut(&mut self.tables[table]);
        let before = state.rows.insert(key, Arc::clone(&row));
        self.reindex(table, before.as_ref(), Some(&row));
        before
    }

    /// Takes a row out.
    pub(super) fn take(&mut self, table: TableId, key: &Key) -> Option<Arc<Row>> {
        self.get(table, key)?;
        let before = Arc::make_mut(&mut self.tables[table]).rows.remove(key)?;
        self.version += 1;
        self.reindex(table, Some(&before), None);
        Some(before)
    }

    fn reindex(&mut self, table: TableId, before: Option<&Arc<Row>>, after: Option<&Arc<Row>>) {
        let declared = self.pack.tables[table].indexes;
        let state = Arc::make_mut(&mut self.tables[table]);
        for (index, groups) in declared.iter().zip(&mut state.indexes) {
            let old = before.map(|row| (keys_of(row, index.group), key_of(row, index.order)));
            let new = after.map(|row| (row, keys_of(row, index.group), key_of(row, index.order)));
            if let Some((old_groups, old_order)) = &old {
                for group in old_groups {
                    let stays = new.as_ref().is_some_and(|(_, new_groups, new_order)| {
                        new_groups.contains(group) && new_order == old_order
                    });
                    if stays {
                        continue;
                    }
                    if let Some(rows) = groups.get_mut(group) {
                        rows.remove(old_order);
                        if rows.is_empty() {
                            groups.remove(group);
                        }
                    }
                }
            }
            if let Some((row, new_groups, new_order)) = new {
                for group in new_groups {
                    if let Some(rows) = groups.get_mut(&group) {
                        rows.insert(new_order.clone(), Arc::clone(row));
                    } else {
                        groups.insert(group, OrdMap::unit(new_order.clone(), Arc::clone(row)));
                    }
                }
            }
        }
    }

    /// The last number in a table's keys among those that begin with `prefix`.
    pub(crate) fn last_number(&self, table: TableId, prefix: &Key) -> i64 {
        let from = |number| Key::new(prefix.parts().iter().cloned().chain([Part::Int(number)]));
        self.tables[table]
            .rows
            .range(from(0)..=from(i64::MAX))
            .next_back()
            .and_then(|(key, _)| match key.parts().last() {
                Some(Part::Int(number)) => Some(*number),
                _ => None,
            })
            .unwrap_or(0)
    }
}
