//! Starting states as documents: read with every problem named, written in the same shape.

use std::sync::Arc;

use archal_core::clock::truncate_to_second;
use archal_core::clone::{FieldKind, Stamp, ViewField, ViewValue, seed_time};
use archal_core::diagnostic::{Diagnostic, nearest};
use jiff::Timestamp;
use serde_json::{Map, Value};

use super::pack::{Completing, Pack};
use super::root::Root;
use super::row::{Draft, Row, text};
use super::table::{Column, TableId};
use super::transaction::Transaction;

/// Problems beyond this many are not told: a document of another kind has thousands.
const MOST_PROBLEMS: usize = 50;

/// Rows of a document, all tables together.
const MOST_ROWS: usize = 1_000_000;

/// Reads a document into a state.
pub(crate) fn load(
    pack: &'static Pack,
    document: &Value,
    base: Timestamp,
    ids: u64,
) -> Result<Root, Vec<Diagnostic>> {
    let base = truncate_to_second(base);
    let mut reading = Reading {
        pack,
        base,
        diagnostics: Vec::new(),
    };
    let (actor, tables) = reading.tables(document);
    if reading.failed() {
        return Err(reading.finish());
    }
    let mut root = Root::empty(pack, base, ids);
    for (table, drafts) in tables.iter().enumerate() {
        if let Some((column, _)) = pack.tables[table].id {
            for draft in drafts {
                root.reserve_id(table, draft.int(column));
            }
        }
    }
    let actor = actor.or_else(|| {
        let drafts = tables.get(pack.actor.0)?;
        let draft = drafts.iter().find(|draft| (pack.actor_by_default)(draft))?;
        Some((pack.tables[pack.actor.0].name_of)(&bare(draft)))
    });
    let root = reading.rows(root, actor.as_deref().unwrap_or_default(), tables);
    if reading.failed() {
        return Err(reading.finish());
    }
    Ok(root)
}

/// Writes a state as a document that [`load`] reads.
pub(crate) fn document(root: &Root) -> Value {
    let mut out = Map::new();
    let pack = root.pack();
    if let Some(actor) = root.actor().and_then(|key| root.get(pack.actor.0, key)) {
        let name = (pack.tables[pack.actor.0].name_of)(actor);
        out.insert(pack.actor.1.to_owned(), Value::from(name));
    }
    for (id, table) in pack.tables.iter().enumerate() {
        let rows = root.rows(id).values();
        let rows = rows.map(|row| row_to_json(root, table.columns, row));
        out.insert(table.seed.name.to_owned(), rows.collect());
    }
    Value::Object(out)
}

fn row_to_json(root: &Root, columns: &[Column], row: &Row) -> Value {
    let mut out = Map::new();
    for (at, column) in columns.iter().enumerate() {
        let value = match row.value(at) {
            ViewValue::Null => continue,
            ViewValue::Text(_) => {
                let text = row.said(at);
                let said = root.objects().rewrite(text, root.times());
                Value::from(said.as_deref().unwrap_or(text))
            }
            value => value.to_json(root.base()),
        };
        out.insert(column.field.name.to_owned(), value);
    }
    Value::Object(out)
}

/// A row outside every state, to take its name.
pub(crate) fn bare(draft: &Draft) -> Row {
    Row::new(draft.0.clone().into_boxed_slice(), Vec::new(), 0)
}

struct Reading {
    pack: &'static Pack,
    base: Timestamp,
    diagnostics: Vec<Diagnostic>,
}

impl Reading {
    fn failed(&self) -> bool {
        self.diagnostics.iter().any(Diagnostic::is_error)
    }

    fn finish(mut self) -> Vec<Diagnostic> {
        let more = self.diagnostics.len().saturating_sub(MOST_PROBLEMS);
        if more > 0 {
            self.diagnostics.truncate(MOST_PROBLEMS);
            let problem = format!("and {more} more problems");
            self.diagnostics
                .push(Diagnostic::error("seed/more", problem));
        }
        self.diagnostics
    }

    fn error(&mut self, code: &str, message: String) -> &mut Diagnostic {
        let at = self.diagnostics.len();
        self.diagnostics.push(Diagnostic::error(code, message));
        &mut self.diagnostics[at]
    }

    fn unknown<'n>(
        &mut self,
        code: &str,
        message: String,
        name: &str,
        known: impl Iterator<Item = &'n str> + Clone,
    ) {
        let help = match nearest(name, known.clone()) {
            Some(near) => format!("did you mean {near:?}?"),
            None => format!("one of: {}", known.collect::<Vec<_>>().join(", ")),
        };
        self.error(code, message).help = Some(help);
    }

    /// The drafts of all tables in the pack's order, and the actor where the document names one.
    fn tables(&mut self, document: &Value) -> (Option<String>, Vec<Vec<Draft>>) {
        let pack = self.pack;
        let mut actor = None;
        let mut tables = vec![Vec::new(); pack.tables.len()];
        let Some(document) = document.as_object() else {
            self.error(
                "seed/not-an-object",
                format!("a seed of {} is an object of tables", pack.name),
            );
            return (actor, tables);
        };
        let rows: usize = document
            .values()
            .filter_map(Value::as_array)
            .map(Vec::len)
            .sum();
        if rows > MOST_ROWS {
            self.error(
                "seed/too-large",
                format!("the seed has {rows} rows, more than {MOST_ROWS}"),
            );
            return (actor, tables);
        }
        for (name, value) in document {
            if name == pack.actor.1 {
                match value {
                    Value::Null => {}
                    Value::String(name) => actor = Some(name.clone()),
                    _ => {
                        self.error("seed/type", format!("{name} is not text"));
                    }
                }
                continue;
            }
            let Some(table) = pack.tables.iter().position(|table| table.seed.name == name) else {
                let known = pack.tables.iter().map(|table| table.seed.name);
                self.unknown(
                    "seed/unknown-table",
                    format!("{} has no table {name:?}", pack.name),
                    name,
                    known.chain([pack.actor.1]),
                );
                continue;
            };
            match value {
                Value::Null => {}
                Value::Array(rows) => {
                    tables[table] = rows
                        .iter()
                        .enumerate()
                        .map(|(at, row)| self.draft(table, at, row))
                        .collect();
                }
                _ => {
                    self.error("seed/type", format!("table {name} is not a list of rows"));
                }
            }
        }
        (actor, tables)
    }

    fn draft(&mut self, table: TableId, at: usize, row: &Value) -> Draft {
        let columns = self.pack.tables[table].columns;
        let place = format!("{}[{at}]", self.pack.tables[table].seed.name);
        let mut draft = Draft::empty(columns.len());
        let Some(row) = row.as_object() else {
            self.error("seed/type", format!("{place} is not an object"));
            return draft;
        };
        for name in row.keys() {
            if !columns.iter().any(|column| column.field.name == name) {
                self.unknown(
                    "seed/unknown-field",
                    format!("{place} has an unknown field {name:?}"),
                    name,
                    columns.iter().map(|column| column.field.name),
                );
            }
        }
        for (column, declared) in columns.iter().enumerate() {
            let name = declared.field.name;
            match row.get(name) {
                None | Some(Value::Null) if declared.field.required => {
                    self.error("seed/missing", format!("{place} lacks {name}"));
                }
                None | Some(Value::Null) => {
                    draft.set(column, declared.default.value());
                }
                Some(value) => {
                    if let Some(value) = self.value(declared, &format!("{place}.{name}"), value) {
                        draft.set(column, value);
                    }
                }
            }
        }
        draft
    }

    fn value(&mut self, column: &Column, place: &str, value: &Value) -> Option<ViewValue> {
        let read = self.of_kind(&column.field.kind, place, value)?;
        if let ViewValue::Text(text) = &read
            && !column.choices.is_empty()
            && !column.choices.contains(&text.as_ref())
        {
            self.unknown(
                "seed/choice",
                format!("{place} is {text:?}"),
                text,
                column.choices.iter().copied(),
            );
            return None;
        }
        Some(read)
    }

    fn of_kind(&mut self, kind: &FieldKind, place: &str, value: &Value) -> Option<ViewValue> {
        let expected = match (kind, value) {
            (FieldKind::Bool, Value::Bool(value)) => return Some(ViewValue::Bool(*value)),
            (FieldKind::Int, Value::Number(number)) if number.is_i64() => {
                return number.as_i64().map(ViewValue::Int);
            }
            (FieldKind::Text, Value::String(value)) => return Some(text(value.as_str())),
            (FieldKind::Time, Value::String(value)) => {
                if let Some(at) = seed_time(value, self.base) {
                    return Some(ViewValue::Time(Stamp {
                        at: truncate_to_second(at),
                        by_call: false,
                    }));
                }
                "a time such as \"95d ago\" or \"2026-01-02T03:04:05Z\""
            }
            (FieldKind::List(kind), Value::Array(items)) => {
                let read: Vec<_> = items
                    .iter()
                    .enumerate()
                    .filter_map(|(at, item)| self.of_kind(kind, &format!("{place}[{at}]"), item))
                    .collect();
                return (read.len() == items.len()).then_some(ViewValue::List(read));
            }
            // Without declared fields it is a map of texts, kept as a list of pairs.
            (FieldKind::Object([]), Value::Object(map)) => {
                let read: Vec<_> = map
                    .iter()
                    .filter_map(|(name, item)| {
                        let place = format!("{place}.{name}");
                        let item = self.of_kind(&FieldKind::Text, &place, item)?;
                        Some(ViewValue::List(vec![text(name.as_str()), item]))
                    })
                    .collect();
                return (read.len() == map.len()).then_some(ViewValue::List(read));
            }
            (FieldKind::Object(fields), Value::Object(given)) => {
                return self.object(fields, place, given);
            }
            (FieldKind::Bool, _) => "true or false",
            (FieldKind::Int, _) => "a whole number",
            (FieldKind::Text, _) => "text",
            (FieldKind::Time, _) => "a time",
            (FieldKind::List(_), _) => "a list",
            (FieldKind::Object(_), _) => "an object",
        };
        self.error("seed/type", format!("{place} is not {expected}"));
        None
    }

    /// An object inside a row; fields that may be null may be left out.
    fn object(
        &mut self,
        fields: &'static [ViewField],
        place: &str,
        given: &Map<String, Value>,
    ) -> Option<ViewValue> {
        for name in given.keys() {
            if !fields.iter().any(|field| field.name == name) {
                let problem = format!("{place} has an unknown field {name:?}");
                let known = fields.iter().map(|field| field.name);
                self.unknown("seed/unknown-field", problem, name, known);
            }
        }
        let mut read = Vec::with_capacity(fields.len());
        for field in fields {
            let value = match given.get(field.name) {
                None | Some(Value::Null) if field.nullable => ViewValue::Null,
                None => {
                    self.error("seed/missing", format!("{place} lacks {}", field.name));
                    return None;
                }
                Some(value) => {
                    let place = format!("{place}.{}", field.name);
                    self.of_kind(&field.kind, &place, value)?
                }
            };
            read.push((field.name, value));
        }
        Some(ViewValue::Object(read))
    }

    fn rows(&mut self, root: Root, actor: &str, tables: Vec<Vec<Draft>>) -> Root {
        let pack = self.pack;
        let mut root = root;
        // All times are known before the first text is looked at, whatever the order of rows.
        for value in tables.iter().flatten().flat_map(|draft| &draft.0) {
            root.know(value);
        }
        let mut transaction = Transaction::begin(&Arc::new(root));
        for (table, drafts) in tables.into_iter().enumerate() {
            let declared = &pack.tables[table];
            for (at, mut draft) in drafts.into_iter().enumerate() {
                let place = format!("{}[{at}]", declared.seed.name);
                if let Some((column, _)) = declared.id {
                    draft.or(column, || ViewValue::Int(transaction.next_id(table)));
                }
                self.references(transaction.root(), table, &place, &mut draft);
                let before = self.diagnostics.len();
                let mut completing = Completing {
                    transaction: &mut transaction,
                    diagnostics: &mut self.diagnostics,
                    actor,
                    spent: false,
                };
                (pack.complete)(&mut completing, table, &mut draft);
                let spent = completing.spent;
                for problem in &mut self.diagnostics[before..] {
                    problem.message = format!("{place}: {}", problem.message);
                }
                if spent {
                    continue;
                }
                let name = (declared.name_of)(&bare(&draft));
                if (declared.find)(&name).is_none() {
                    self.error(
                        "seed/key",
                        format!("{place} makes no key of the form {}", declared.seed.key),
                    );
                    continue;
                }
                if transaction.root().named(table, &name).is_some() {
                    self.error("seed/twice", format!("{place} is a second {name}"));
                    continue;
                }
                transaction.put(table, draft);
            }
        }
        let (root, _) = transaction.commit();
        let mut root = Root::clone(&root);
        if !actor.is_empty() {
            match root.named(pack.actor.0, actor) {
                Some(row) => {
                    let key = root.key(pack.actor.0, row);
                    root.set_actor(Some(key));
                }
                None => self.dangling(&root, pack.actor.1, pack.actor.0, actor),
            }
        }
        root
    }

    /// Finds the rows that a draft refers to, and writes their names as those rows do.
    fn references(&mut self, root: &Root, table: TableId, place: &str, draft: &mut Draft) {
        let tables = self.pack.tables;
        for (column, declared) in tables[table].columns.iter().enumerate() {
            let Some(target) = declared
                .field
                .references
                .and_then(|name| tables.iter().position(|table| table.seed.name == name))
            else {
                continue;
            };
            let mut resolved = |name: &Arc<str>| {
                if let Some(row) = root.named(target, name) {
                    return text((tables[target].name_of)(row));
                }
                let place = format!("{place}.{}", declared.field.name);
                self.dangling(root, &place, target, name);
                ViewValue::Null
            };
            match draft.get(column) {
                ViewValue::Text(name) => {
                    let value = resolved(&Arc::clone(name));
                    draft.set(column, value);
                }
                ViewValue::List(_) => {
                    let names = draft.texts(column);
                    let values = names.iter().map(&mut resolved).collect();
                    draft.set(column, ViewValue::List(values));
                }
                _ => {}
            }
        }
    }

    fn dangling(&mut self, root: &Root, place: &str, table: TableId, name: &str) {
        let declared = &self.pack.tables[table];
        let known: Vec<String> = root
            .rows(table)
            .values()
            .take(1_000)
            .map(|row| (declared.name_of)(row))
            .collect();
        let near = nearest(name, known.iter().map(String::as_str)).map(str::to_owned);
        let problem = format!(
            "{place} names {name:?}, which is no row of {} ({})",
            declared.seed.name, declared.seed.key
        );
        self.error("seed/dangling", problem).help = Some(match near {
            Some(near) => format!("did you mean {near:?}?"),
            None => format!("add it to {}", declared.seed.name),
        });
    }
}
