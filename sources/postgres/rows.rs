//! The source at work: passes over its tables, a page at a time.

use std::sync::Arc;

use archal_core::clock::Timestamp;
use archal_core::diagnostic::Diagnostic;
use archal_core::pull::{Asking, Estimate, Page, Point, PullError, PullErrorKind, Rows, Stop};
use archal_core::push::Kept;
use archal_core::source::DecodedTrace;
use archal_core::trace::{BATCH_SCHEMA, BATCH_VERSION};
use serde_json::{Value, json};

use super::cursor::{Cursor, Place, TableCursor};
use super::query::{self, Statement};
use super::row::Taken;
use super::schema::{COLUMNS, Cells, Holds, Kind, NEAR, RELATION, Relation, Table, no_table};
use super::session::{Answer, Session, is_too_slow};
use super::settings::{Settings, Wanted};
use super::{assemble, check};

/// An answer is broken off behind the row that makes it this large.
const PAGE_BYTES: u64 = 32 << 20;
/// Answers about tables and plans are small.
const SMALL: u64 = 4 << 20;
/// A statement that takes too long is tried with fewer rows, down to so many.
const FEWEST_ROWS: u32 = 10;
/// Rows of each table in a sample.
const SAMPLE: u32 = 500;

/// Tables or views of traces in PostgreSQL.
pub(super) struct PostgresRows {
    pub(super) settings: Settings,
    pub(super) session: Session,
    pub(super) stop: Arc<dyn Stop>,
    tables: Option<Arc<[Table]>>,
    /// Rows of the next page.
    rows: u32,
}

impl PostgresRows {
    /// Of what was said; asks nothing yet.
    ///
    /// # Errors
    ///
    /// When the options do not fit together, or the variable is not set.
    pub(super) fn open(asking: Asking) -> Result<Self, PullError> {
        let settings = Settings::of(&asking.options, asking.since)?;
        let session = Session::new(settings.address.clone(), settings.timeout)?;
        Ok(Self {
            rows: settings.rows,
            settings,
            session,
            stop: asking.stop,
            tables: None,
        })
    }

    /// The answers to statements, in one transaction.
    pub(super) fn ask(
        &mut self,
        statements: &[Statement],
        settings: &str,
    ) -> Result<Vec<Answer>, PullError> {
        let stop = Arc::clone(&self.stop);
        self.session.ask(statements, settings, SMALL, stop.as_ref())
    }

    fn rows_of(&mut self, text: &str, parameters: &[&str]) -> Result<Vec<Cells>, PullError> {
        let statement = Statement {
            text: text.to_owned(),
            parameters: parameters.iter().map(|one| (*one).to_owned()).collect(),
        };
        let mut answers = self.ask(&[statement], "")?;
        Ok(answers.pop().unwrap_or_default().rows)
    }

    /// The tables, as the database describes them now or did when the pass began.
    pub(super) fn tables(&mut self) -> Result<Arc<[Table]>, PullError> {
        if let Some(tables) = &self.tables {
            return Ok(Arc::clone(tables));
        }
        let traces = if self.settings.document.is_some() {
            Holds::Documents
        } else {
            Holds::Traces
        };
        let wanted = [
            (traces, self.settings.traces.clone()),
            (Holds::Spans, self.settings.spans.clone()),
        ];
        let mut tables = Vec::new();
        let mut missing = None;
        for (holds, wanted) in wanted {
            let Some(wanted) = wanted else { continue };
            match self.describe(holds, &wanted)? {
                Some(table) => tables.push(table),
                None if wanted.is_said => return Err(self.no_table(holds, &wanted)?),
                None => missing = missing.or(Some((holds, wanted))),
            }
        }
        if let (Some((holds, wanted)), true) = (missing, tables.is_empty()) {
            return Err(self.no_table(holds, &wanted)?);
        }
        let tables: Arc<[Table]> = tables.into();
        self.tables = Some(Arc::clone(&tables));
        Ok(tables)
    }

    fn describe(&mut self, holds: Holds, wanted: &Wanted) -> Result<Option<Table>, PullError> {
        let found = self.rows_of(RELATION, &[&wanted.name.quoted()])?;
        let Some(relation) = found.first().map(Relation::of) else {
            return Ok(None);
        };
        if !relation.may_read {
            return Err(PullError::new(
                PullErrorKind::Denied,
                format!("this role may not read {}", relation.shown()),
            )
            .advice(format!(
                "GRANT SELECT ON {} TO the role",
                relation.qualified()
            )));
        }
        let columns = self.rows_of(COLUMNS, &[&relation.oid])?;
        Table::of(holds, wanted, &self.settings, relation, &columns).map(Some)
    }

    fn no_table(&mut self, holds: Holds, wanted: &Wanted) -> Result<PullError, PullError> {
        let near = self.rows_of(NEAR, &[])?;
        let near: Vec<String> = near.into_iter().flatten().flatten().collect();
        Ok(no_table(holds, &wanted.name, &near))
    }

    /// Begins a pass: each table from where it is to begin to now, by the server's clock.
    fn begin(&mut self, cursor: &mut Cursor, tables: &[Table]) -> Result<(), PullError> {
        let overlap = self.settings.overlap.as_secs_f64();
        let mut statements = Vec::new();
        for table in tables {
            let of = table.fingerprint();
            let known = cursor.tables.get(table.holds.name());
            let before = known
                .filter(|known| known.of == of)
                .and_then(|known| known.until.as_deref())
                .filter(|_| table.time.is_some());
            let at = self.beginning(table).0;
            statements.push(query::window_ends(table, before, overlap, None));
            statements.push(query::window_ends(table, None, overlap, at.as_deref()));
        }
        let answers = self.ask(&statements, "")?;
        let mut ends = answers.into_iter().map(|answer| {
            let mut cells = answer.rows.into_iter().flatten();
            [
                cells.next().flatten(),
                cells.next().flatten(),
                cells.next().flatten(),
            ]
        });
        let mut is_due = None;
        let mut is_everything = false;
        for table in tables {
            let [until, goes_on, now] = ends.next().unwrap_or_default();
            let [_, anew, _] = ends.next().unwrap_or_default();
            let now = now.as_deref().and_then(server_time).ok_or_else(|| {
                PullError::new(
                    PullErrorKind::Answer,
                    "the database does not say what time it is",
                )
            })?;
            let of = table.fingerprint();
            let known = cursor.tables.remove(table.holds.name());
            let known = known.filter(|known| known.of == of);
            if let Some(known) = known
                .as_ref()
                .filter(|known| cursor.is_open && !known.is_done)
            {
                // Another table was added or changed: this one has rows behind its place to read.
                let name = table.holds.name().to_owned();
                cursor.tables.insert(name, known.clone());
                continue;
            }
            let is_due = *is_due.get_or_insert_with(|| cursor.is_due(self.settings.rescan, now));
            let is_anew = known.is_none() || is_due;
            is_everything |= is_anew;
            let mut next = TableCursor {
                of,
                until: until.filter(|_| table.time.is_some()),
                began: Some(now),
                ..TableCursor::default()
            };
            if let Some(known) = known {
                let start = known.start_of_next(self.settings.overlap);
                next.marks = known.marks;
                next.largest = known.largest;
                if !is_anew && let Some(mark) = start.and_then(|start| next.marks.get(start)) {
                    next.place = Some(Place {
                        at: None,
                        key: vec![mark.key.clone()],
                    });
                }
            }
            if is_anew || (table.time.is_none() && next.place.is_none()) {
                (next.from, next.place) = self.first_place(table, anew)?;
            } else if table.time.is_some() {
                next.from = goes_on;
            }
            cursor.tables.insert(table.holds.name().to_owned(), next);
            if is_everything {
                cursor.scanned = Some(now);
            }
        }
        cursor.is_open = true;
        Ok(())
    }

    /// Where somebody said that a table begins: a time, and a key.
    fn beginning(&self, table: &Table) -> (Option<String>, Option<String>) {
        let wanted = match table.holds {
            Holds::Spans => &self.settings.spans,
            Holds::Traces | Holds::Documents => &self.settings.traces,
        };
        let (at, key) = wanted
            .as_ref()
            .and_then(|wanted| wanted.from.clone())
            .unwrap_or_default();
        let at = at.max(self.settings.since);
        (at.map(|at| at.to_string()), key)
    }

    /// Where everything begins; `at` is the time that was said, as the database writes it.
    fn first_place(
        &mut self,
        table: &Table,
        at: Option<String>,
    ) -> Result<(Option<String>, Option<Place>), PullError> {
        let (_, key) = self.beginning(table);
        // The key of a row says where to begin only together with the rest of its place.
        let key = key.filter(|_| table.key.len() == 1);
        if table.time.is_some() {
            return Ok(match (at, key) {
                (Some(at), Some(key)) => {
                    let place = Place {
                        at: Some(at.clone()),
                        key: vec![key],
                    };
                    (Some(at), Some(place))
                }
                (at, _) => (at, None),
            });
        }
        let mut first = key;
        if let (None, Some(since)) = (&first, self.settings.since) {
            let time = ["createdAt", "startedAt"]
                .into_iter()
                .find_map(|name| table.field(name));
            if let Some(time) = time {
                let statement = query::first_since(table, time, &since.to_string());
                let answers = self.ask(&[statement], "")?;
                first = answers
                    .into_iter()
                    .flat_map(|answer| answer.rows)
                    .flatten()
                    .flatten()
                    .next();
            }
        }
        Ok((
            None,
            first.map(|key| Place {
                at: None,
                key: vec![key],
            }),
        ))
    }

    /// A cursor whose pass is under way, over tables as they are.
    fn under_way(&mut self, cursor: &Value) -> Result<(Cursor, Arc<[Table]>), PullError> {
        let mut cursor = Cursor::read(cursor);
        if !cursor.is_open {
            // Columns that were added meanwhile are read from now on.
            self.tables = None;
        }
        let tables = self.tables()?;
        let is_of = |table: &Table| {
            let known = cursor.tables.get(table.holds.name());
            known.is_some_and(|known| known.of == table.fingerprint())
        };
        if !cursor.is_open || !tables.iter().all(is_of) {
            self.begin(&mut cursor, &tables)?;
        }
        Ok((cursor, tables))
    }

    /// One page of one table.
    fn read(
        &mut self,
        table: &Table,
        state: &mut TableCursor,
        page: &mut Page,
    ) -> Result<(), PullError> {
        let stop = Arc::clone(&self.stop);
        let answer = loop {
            let statement =
                query::page(table, &state.window(), self.rows, self.settings.most_value);
            match self
                .session
                .ask(&[statement], "", PAGE_BYTES, stop.as_ref())
            {
                Ok(mut answers) => break answers.pop().unwrap_or_default(),
                Err(error) if is_too_slow(&error) && self.rows > FEWEST_ROWS => {
                    self.rows = (self.rows / 4).max(FEWEST_ROWS);
                }
                Err(error) if is_too_slow(&error) => {
                    return Err(PullError::new(
                        PullErrorKind::Answer,
                        format!(
                            "{} rows of {} take longer than `statementTimeout`",
                            self.rows,
                            table.relation.shown()
                        ),
                    )
                    .advice(query::index(table)));
                }
                Err(error) => return Err(error),
            }
        };
        state.pages += 1;
        state.is_done = !answer.is_cut && answer.rows.len() < self.rows as usize;
        self.rows = if answer.is_cut {
            u32::try_from(answer.rows.len()).unwrap_or(1).max(1)
        } else {
            self.rows.saturating_mul(2).min(self.settings.rows)
        };
        page.bytes += answer.bytes;
        for cells in answer.rows {
            let taken = Taken::of(table, cells);
            state.advance(taken.place.clone());
            take(table, taken, self.settings.most_value, page);
        }
        Ok(())
    }

    /// Notes how far a pass came over tables whose numbers grow.
    fn finish(&mut self, cursor: &mut Cursor, tables: &[Table]) -> Result<(), PullError> {
        cursor.is_open = false;
        for table in tables.iter().filter(|table| table.time.is_none()) {
            let answers = self.ask(&[query::window_ends(table, None, 0.0, None)], "")?;
            let mut cells = answers.into_iter().flat_map(|answer| answer.rows).flatten();
            let now = cells.nth(2).flatten().as_deref().and_then(server_time);
            if let (Some(now), Some(state)) = (now, cursor.tables.get_mut(table.holds.name())) {
                state.mark(now, self.settings.overlap);
            }
        }
        Ok(())
    }
}

/// A row into the page: a part of a trace, or a whole one.
fn take(table: &Table, mut taken: Taken, most: u64, page: &mut Page) {
    if table.holds == Holds::Documents {
        let id = taken.id(table, "id");
        let project = taken.id(table, "project");
        if let Some(text) = taken.document(table) {
            document(&text, id, project, page);
            return;
        }
        let row = id.unwrap_or_else(|| taken.place.key.join(", "));
        let row = format!(
            "row {} of {}",
            crate::normalise::shown(&row),
            table.relation.shown()
        );
        crate::findings::add(
            &mut page.findings,
            if taken.is_document_large(table) {
                Diagnostic::error(
                    "trace/too-large",
                    format!("the trace in {row} has more than `maxValue`, {most} bytes"),
                )
                .with_help("--option maxValue=SIZE, and then begin anew: an earlier --since")
            } else {
                Diagnostic::note("trace/bad-row", format!("{row} has no trace yet: NULL"))
            },
        );
    } else if let Some(row) = taken.row(table, &mut page.findings) {
        page.rows.push(row);
    }
}

/// A whole trace, in any of the shapes that files have, or one trace of a batch by itself. One that does
/// not say what it goes by goes by its row.
fn document(text: &str, id: Option<String>, project: Option<String>, page: &mut Page) {
    let mut text = std::borrow::Cow::Borrowed(text);
    if let Ok(mut value @ Value::Object(_)) = crate::raw::value(&text) {
        let has = |name: &str| value.get(name).is_some();
        let is_bare = has("spans") && !has("schema") && !has("resourceSpans") && !has("traces");
        let is_unnamed = !["id", "trace_id", "traceId", "instance_id"]
            .into_iter()
            .any(has);
        if let (Some(id), true, true) = (&id, is_unnamed, is_bare || has("messages")) {
            value["id"] = Value::from(id.as_str());
        }
        if is_bare {
            value = json!({
                "schema": BATCH_SCHEMA, "version": BATCH_VERSION, "complete": true, "traces": [value],
            });
        }
        text = value.to_string().into();
    }
    let mut decoded = crate::file::decode(text.as_bytes());
    for finding in &mut decoded.diagnostics {
        // Places in a value of a row are no places in a file.
        finding.span = None;
    }
    if decoded.traces.is_empty() {
        let row = crate::normalise::shown(id.as_deref().unwrap_or("without an id"));
        let finding = Diagnostic::warning("trace/bad-row", format!("the row {row} holds no trace"));
        crate::findings::add(&mut page.findings, finding);
    }
    for finding in decoded.diagnostics {
        crate::findings::add(&mut page.findings, finding);
    }
    let origin = decoded.origin.project;
    for mut one in decoded.traces {
        one.source = None;
        one.project = project.clone().or(one.project).or_else(|| origin.clone());
        page.traces.push(one);
    }
}

/// A time as the server writes it in UTC.
fn server_time(text: &str) -> Option<Timestamp> {
    text.replacen(' ', "T", 1)
        .replacen("+00", "Z", 1)
        .parse()
        .ok()
}

/// Of tables that are not through the one that is furthest behind: traces come whole sooner.
fn next_table<'a>(cursor: &Cursor, tables: &'a [Table]) -> Option<&'a Table> {
    let state = |table: &Table| cursor.tables.get(table.holds.name());
    tables
        .iter()
        .filter(|table| state(table).is_some_and(|state| !state.is_done))
        .min_by_key(|table| {
            state(table).map(|state| {
                let place = state.place.as_ref().and_then(|place| place.at.clone());
                (place.or_else(|| state.from.clone()), state.pages)
            })
        })
}

/// Up to when the rows of all tables are here; none where nobody can say, or nothing is left to read.
fn reached(cursor: &Cursor, tables: &[Table]) -> Option<Timestamp> {
    let mut reached: Option<Timestamp> = None;
    for table in tables {
        let state = cursor.tables.get(table.holds.name())?;
        if state.is_done {
            continue;
        }
        let column = table.columns.get(table.time?)?;
        let place = state.place.as_ref().and_then(|place| place.at.as_deref());
        let at = place.or(state.from.as_deref())?;
        let at = match (column.kind, table.zone.as_deref()) {
            (Kind::Zoned, _) => server_time(at),
            (Kind::Plain, Some("UTC")) => server_time(&format!("{at}+00")),
            _ => None,
        }?;
        reached = Some(reached.map_or(at, |reached| reached.min(at)));
    }
    reached
}

impl Rows for PostgresRows {
    fn check(&mut self) -> Vec<Point> {
        check::check(self)
    }

    fn sample(&mut self) -> Result<Page, PullError> {
        let before = self.session.requests;
        let tables = self.tables()?;
        let mut page = Page {
            is_last: true,
            is_checkpoint: true,
            ..Page::default()
        };
        let stop = Arc::clone(&self.stop);
        for table in tables.iter() {
            let statement = query::newest(table, SAMPLE, self.settings.most_value);
            let answers = self
                .session
                .ask(&[statement], "", PAGE_BYTES / 4, stop.as_ref())?;
            for answer in answers {
                page.bytes += answer.bytes;
                for cells in answer.rows {
                    let taken = Taken::of(table, cells);
                    take(table, taken, self.settings.most_value, &mut page);
                }
            }
        }
        page.requests = self.session.requests - before;
        Ok(page)
    }

    fn estimate(&mut self, cursor: &Value) -> Result<Option<Estimate>, PullError> {
        let (cursor, tables) = self.under_way(cursor)?;
        let mut statements = Vec::new();
        for table in tables.iter() {
            let state = cursor.tables.get(table.holds.name());
            if let Some(state) = state.filter(|state| !state.is_done) {
                statements.push(query::counted(table, &state.window()));
            }
        }
        let answers = self.ask(&statements, "")?;
        let rows = answers.iter().filter_map(check::plan).map(|plan| {
            let rows = plan.get("Plan Rows").and_then(Value::as_f64).unwrap_or(0.0);
            rows as u64
        });
        let rows: u64 = rows.sum();
        Ok(Some(Estimate {
            rows: Some(rows),
            requests: Some((rows / u64::from(self.settings.rows) + 1).saturating_mul(3)),
            time: None,
        }))
    }

    fn page(&mut self, cursor: &Value) -> Result<Page, PullError> {
        let before = self.session.requests;
        let (mut cursor, tables) = self.under_way(cursor)?;
        let mut page = Page::default();
        if let Some(table) = next_table(&cursor, &tables)
            && let Some(mut state) = cursor.tables.remove(table.holds.name())
        {
            self.read(table, &mut state, &mut page)?;
            if state.is_done
                && state.place.is_none()
                && let Some((why, advice)) = check::hidden(table)
            {
                let told = format!("{} gave no rows: {why}", table.relation.shown());
                let told = Diagnostic::note("pull/row-security", told);
                page.findings.push(told.with_help(advice));
            }
            cursor.tables.insert(table.holds.name().to_owned(), state);
        }
        if next_table(&cursor, &tables).is_none() {
            self.finish(&mut cursor, &tables)?;
            page.is_last = true;
            page.is_checkpoint = true;
        }
        page.reached = reached(&cursor, &tables);
        crate::findings::limit(&mut page.findings);
        page.cursor = cursor.write();
        page.requests = self.session.requests - before;
        Ok(page)
    }

    fn assemble(
        &self,
        trace: &str,
        kept: Kept,
        findings: &mut Vec<Diagnostic>,
    ) -> Option<DecodedTrace> {
        assemble::assemble(trace, kept, findings)
    }
}
