//! The seed document of one clone.

use std::collections::{BTreeMap, BTreeSet};

use archal_core::clone::{CloneDescriptor, PartHolds, SeedField, SeedTable};
use serde_json::{Map, Value};

use super::rows::{placeholder, relative};
use super::{Conflict, ConflictKind, Missing, Owned, Reconstruction, Synthesised, found, rows};
use crate::reconstruct::world::{CloneWorld, Existed, Proof, Row};

/// The most rows made up for one parent: a count above it is a sign of a broken trace.
const SYNTHETIC_ROWS: u64 = 1_000;
/// The most rows made up for one trace.
pub(super) const SYNTHETIC_ROWS_OF_TRACE: u64 = 10_000;

/// Rows of a table with their keys.
pub(super) type Rows = Vec<(String, Map<String, Value>)>;

/// The document of a clone while it is put together.
pub(super) struct Building<'a> {
    pub(super) descriptor: &'a CloneDescriptor,
    pub(super) out: &'a mut Reconstruction,
    pub(super) tables: BTreeMap<&'static str, Rows>,
    /// How many rows may still be made up for the trace.
    budget: &'a mut u64,
}

impl<'a> Building<'a> {
    pub(super) fn new(
        descriptor: &'a CloneDescriptor,
        out: &'a mut Reconstruction,
        budget: &'a mut u64,
    ) -> Self {
        let tables = descriptor.tables.iter();
        Self {
            tables: tables.map(|table| (table.name, Rows::new())).collect(),
            descriptor,
            out,
            budget,
        }
    }

    /// Puts together what the trace proves and what the repository owns.
    pub(super) fn document(mut self, part: CloneWorld, owned: &[&Owned]) -> Value {
        let base = self.out.base;
        let mut own = self.owned(owned);
        for ((name, key), row) in &part.rows {
            let Some(table) = self.table(name) else {
                continue;
            };
            let fallback = own.take(table.name, key);
            self.row(table, key, row, fallback.as_ref());
        }
        for (list, pages) in &part.lists {
            self.pages(list, pages, &own);
        }
        self.add_owned(&own, &part);
        self.counts(&part);
        self.referred();
        let actor = self.principal(part.actor, &part.others, own.actor);
        let mut document: Map<String, Value> = self
            .tables
            .into_iter()
            .filter(|(_, rows)| !rows.is_empty())
            .map(|(name, mut rows)| {
                // Where the order matters, it is that of time: commits, rows without a number.
                rows.sort_by_cached_key(|(_, row)| rows::time(row, base));
                let rows = rows.into_iter().map(|(_, row)| Value::Object(row));
                (name.to_owned(), rows.collect())
            })
            .collect();
        if let Some(actor) = actor {
            document.insert("actor".to_owned(), actor);
        }
        Value::Object(document)
    }

    /// Who the agent is. A run has one credential: where the calls were made with those of several,
    /// the repository has to say whose state it is.
    fn principal(
        &mut self,
        first: Option<Proof>,
        others: &[Proof],
        own: Option<Value>,
    ) -> Option<Value> {
        let first = match first {
            Some(first) if !others.is_empty() => first,
            first => return first.map(|one| one.value).or(own),
        };
        for other in others {
            self.out.conflicts.push(Conflict {
                clone: self.descriptor.name.to_owned(),
                entity: "actor".to_owned(),
                field: "login".to_owned(),
                kept: first.value.clone(),
                kept_span: first.span.clone(),
                other: other.value.clone(),
                span: other.span.clone(),
                kind: ConflictKind::Contradiction,
            });
        }
        let all = || std::iter::once(&first).chain(others);
        if let Some(own) = own.filter(|own| all().any(|one| one.value == *own)) {
            return Some(own);
        }
        let names: Vec<String> = all()
            .map(|one| format!("{} (span {})", one.value, one.span))
            .collect();
        self.out.missing.push(Missing {
            clone: self.descriptor.name.to_owned(),
            entity: "actor".to_owned(),
            field: "login".to_owned(),
            why: format!(
                "calls were made with the credentials of {}, and a run has one",
                names.join(" and ")
            ),
            span: others
                .first()
                .map(|one| one.span.clone())
                .unwrap_or_default(),
            how: format!(
                "{{\"actor\": {}}} in archal/seeds/{}.json, or one credential in the agent",
                first.value, self.descriptor.name
            ),
        });
        Some(first.value)
    }

    fn row(
        &mut self,
        table: &'static SeedTable,
        key: &str,
        row: &Row,
        own: Option<&(Map<String, Value>, String)>,
    ) {
        let entity = format!("{} {key}", table.name);
        match row.existed {
            Existed::Yes => {}
            Existed::No => return,
            Existed::Unknown => {
                // Nothing but a call whose effect is not known speaks of it.
                if let (Some(span), None) = (&row.doubt, own) {
                    let why = "it was first seen after a call whose effect is not known, which may have made it";
                    self.missing(entity, "existence", why, span.clone());
                    return;
                }
                if own.is_none() {
                    return;
                }
            }
        }
        let mut fields = Map::new();
        let lacks = |name: &str| {
            !row.initial.contains_key(name)
                && !row.implied.contains_key(name)
                && own.is_none_or(|(own, _)| !own.contains_key(name))
        };
        // What a body showed in part is known but for the rest; what only a path named is not.
        let shown = !table
            .fields
            .iter()
            .any(|field| field.required && lacks(field.name));
        for field in table.fields {
            let path = format!(
                "{} {} {key} {}",
                self.descriptor.name, table.name, field.name
            );
            if let Some(proof) = row.initial.get(field.name) {
                self.out.proofs.insert(path, proof.span.clone());
                let value = relative(&proof.value, field.kind, self.out.base);
                fields.insert(field.name.to_owned(), value);
            } else if let Some((value, origin)) =
                own.and_then(|(own, origin)| Some((own.get(field.name)?, origin)))
            {
                self.out.proofs.insert(path, origin.clone());
                fields.insert(field.name.to_owned(), value.clone());
            } else if let Some(least) = row.implied.get(field.name) {
                let why = format!(
                    "it is at least {}: the service answered as it does to no less",
                    least.value
                );
                self.synthesised(&entity, field.name, why, least.span.clone());
                let value = relative(&least.value, field.kind, self.out.base);
                fields.insert(field.name.to_owned(), value);
            } else if let Some(unknown) = row.unknown.get(field.name) {
                if field.must_be_proved && field.name.ends_with("_at") {
                    // When something changed last is overwritten by every change; unless a criterion
                    // asks for it, nothing is told by what it was.
                    let made = row.initial.get("created_at");
                    let why = format!("{}, and the earliest it can be stands there", unknown.why);
                    self.synthesised(&entity, field.name, why, unknown.span.clone());
                    if let Some(made) = made.filter(|_| field.name == "updated_at") {
                        let value = relative(&made.value, field.kind, self.out.base);
                        fields.insert(field.name.to_owned(), value);
                    }
                } else if field.must_be_proved {
                    let span = unknown.span.clone();
                    self.missing(entity.clone(), field.name, unknown.why, span);
                }
            } else if let Some(stand) = row.standins.get(field.name)
                && !row.holds_parts(field.name)
            {
                let why = format!(
                    "no call of the trace shows it; {} stands there",
                    stand.value
                );
                self.synthesised(&entity, field.name, why, stand.span.clone());
                let value = relative(&stand.value, field.kind, self.out.base);
                fields.insert(field.name.to_owned(), value);
            } else if field.must_be_proved {
                let span = row.first.clone();
                if shown {
                    let why = "no call of the trace shows it; the clone's default stands there";
                    self.synthesised(&entity, field.name, why.to_owned(), span);
                } else {
                    let why = "no call of the trace shows it";
                    self.missing(entity.clone(), field.name, why, span);
                }
            }
        }
        self.parts(table.name, key, row, &mut fields);
        self.tables
            .entry(table.name)
            .or_default()
            .push((key.to_owned(), fields));
    }

    /// Entries of map-valued fields.
    fn parts(&mut self, table: &str, key: &str, row: &Row, fields: &mut Map<String, Value>) {
        for ((field, part), (holds, span)) in &row.parts {
            let map = fields
                .entry((*field).to_owned())
                .or_insert_with(|| Value::Object(Map::new()));
            let Some(map) = map.as_object_mut() else {
                continue;
            };
            let path = format!("{} {table} {key} {field}/{part}", self.descriptor.name);
            match holds {
                PartHolds::Text(text) => {
                    self.out.proofs.insert(path, span.clone());
                    map.insert(part.clone(), Value::from(text.as_str()));
                }
                PartHolds::Unseen if map.contains_key(part) => {}
                PartHolds::Unseen => {
                    map.insert(part.clone(), Value::from("(not captured)\n"));
                    self.out.synthesised.push(Synthesised {
                        clone: self.descriptor.name.to_owned(),
                        entity: format!("{table} {key}"),
                        field: format!("{field}/{part}"),
                        why: "it is there, and its content is never read".to_owned(),
                        span: span.clone(),
                    });
                }
                PartHolds::Nothing => {
                    map.remove(part);
                }
            }
        }
        // What is known to hold something is empty there, and not absent.
        fields.retain(|name, value| {
            !(value.as_object().is_some_and(Map::is_empty)
                && row.parts.keys().any(|(field, _)| field == name)
                && !row.standins.contains_key(name.as_str()))
        });
    }

    /// Children that a parent counts but no call showed are made up, marked as such.
    fn counts(&mut self, part: &CloneWorld) {
        let actor = part.actor.as_ref().and_then(|actor| actor.value.as_str());
        // The counts of one table and field follow each other: its rows are counted once.
        let mut counted = None;
        let mut by_parent: BTreeMap<String, u64> = BTreeMap::new();
        for ((name, field, parent), (count, span)) in &part.counts {
            let Some(table) = self.table(name) else {
                continue;
            };
            let known = self.tables.entry(table.name).or_default();
            if counted != Some((name, field)) {
                counted = Some((name, field));
                by_parent.clear();
                for (_, row) in known.iter() {
                    if let Some(parent) = row.get(*field).and_then(Value::as_str) {
                        *by_parent.entry(parent.to_owned()).or_default() += 1;
                    }
                }
            }
            let seen = by_parent.get(parent).copied().unwrap_or_default();
            if seen > *count {
                self.out.conflicts.push(Conflict {
                    clone: self.descriptor.name.to_owned(),
                    entity: format!("{name} of {parent}"),
                    field: "count".to_owned(),
                    kept: Value::from(seen),
                    kept_span: "the calls that show them".to_owned(),
                    other: Value::from(*count),
                    span: span.clone(),
                    kind: ConflictKind::Contradiction,
                });
                continue;
            }
            let wanting = count - seen;
            if wanting > SYNTHETIC_ROWS.min(*self.budget) {
                let why = "more than archal makes up";
                self.missing(format!("{name} of {parent}"), "rows", why, span.clone());
                continue;
            }
            *self.budget -= wanting;
            for nth in 0..wanting {
                let row = placeholder(table, field, parent, actor);
                known.push((format!("{parent} (made up {nth})"), row));
            }
            if wanting > 0 {
                let why = format!("{wanting} more are counted, and their content is never read");
                self.synthesised(&format!("{name} of {parent}"), "", why, span.clone());
            }
        }
    }

    /// Rows that others name get a row of their own where a name is all it takes; others are missing.
    fn referred(&mut self) {
        for table in self.descriptor.tables {
            for field in table.fields {
                let Some(target) = field.references.and_then(|name| self.table(name)) else {
                    continue;
                };
                let wanting = self.unknown_names(table, field, target);
                let mut required = target.fields.iter().filter(|field| field.required);
                if let (Some(key), None) = (required.next(), required.next()) {
                    let rows = self.tables.entry(target.name).or_default();
                    rows.extend(wanting.into_values().map(|(name, _)| {
                        let only = (key.name.to_owned(), Value::from(name.as_str()));
                        (name, Map::from_iter([only]))
                    }));
                    continue;
                }
                for (name, by) in wanting.into_values() {
                    let path = format!(
                        "{} {} {by} {}",
                        self.descriptor.name, table.name, field.name
                    );
                    let span = self.out.proofs.get(&path).cloned().unwrap_or_default();
                    let why = format!(
                        "{} {by} names it, and no call of the trace shows it",
                        table.name
                    );
                    self.missing(format!("{} {name}", target.name), "existence", &why, span);
                }
            }
        }
    }

    /// The names in a field that are of no known row of `target`, each with the key of the first row
    /// that has it.
    fn unknown_names(
        &self,
        table: &SeedTable,
        field: &SeedField,
        target: &SeedTable,
    ) -> BTreeMap<String, (String, String)> {
        // A row of a later table with the same key has one there: a pull request is an issue.
        let later = self.descriptor.tables.iter();
        let later = later.skip_while(|one| one.name != target.name);
        let known: BTreeSet<String> = later
            .filter(|one| one.key == target.key)
            .flat_map(|one| &self.tables[one.name])
            .map(|(key, _)| key.to_lowercase())
            .collect();
        let mut wanting = BTreeMap::new();
        for (by, row) in &self.tables[table.name] {
            let value = row.get(field.name);
            let items = value.and_then(Value::as_array).map(Vec::as_slice);
            let names = items.unwrap_or_default().iter().chain(value);
            for name in names.filter_map(Value::as_str) {
                let folded = name.to_lowercase();
                if !name.is_empty() && !known.contains(&folded) {
                    wanting
                        .entry(folded)
                        .or_insert_with(|| (name.to_owned(), by.clone()));
                }
            }
        }
        wanting
    }

    pub(super) fn missing(&mut self, entity: String, field: &str, why: &str, span: String) {
        self.out.missing.push(Missing {
            clone: self.descriptor.name.to_owned(),
            how: found::how(self.descriptor.name),
            entity,
            field: field.to_owned(),
            why: why.to_owned(),
            span,
        });
    }

    pub(super) fn synthesised(&mut self, entity: &str, field: &str, why: String, span: String) {
        self.out.synthesised.push(Synthesised {
            clone: self.descriptor.name.to_owned(),
            entity: entity.to_owned(),
            field: field.to_owned(),
            why,
            span,
        });
    }

    pub(super) fn table(&self, name: &str) -> Option<&'static SeedTable> {
        self.descriptor
            .tables
            .iter()
            .find(|table| table.name == name)
    }
}
