//! The `braintrust` source: asks `POST /btql` for rows of project logs.
//!
//! Every write of a row has a higher `_xact_id`, so what is above the highest that was seen is what is
//! new and what was edited. Each project has its own high-water mark, and its own limit there.
//!
//! - `settings`: what can be said of such a source.
//! - `query`: what is asked.
//! - `cursor`: what is remembered between two pages.
//! - `row`: from an answer to a row of the engine. `adapter`: from rows to traces.

pub(crate) mod adapter;
mod cursor;
mod query;
pub(crate) mod row;
mod settings;

#[cfg(test)]
mod tests;

use std::time::Duration;

use archal_core::clock::Timestamp;
use archal_core::diagnostic::Diagnostic;
use archal_core::pull::{
    Asking, Estimate, Opened, Page, Point, PullError, PullErrorKind, PullSource, Row, Rows,
    Standing,
};
use archal_core::push::Kept;
use archal_core::source::{DecodedTrace, SourceDescriptor, SourceStyle};
use archal_core::stability::Stability;
use serde_json::{Map, Value, json};

use crate::client::{Client, Failure, Request, Spent, host_of, listing};
use crate::normalise::shown;
use cursor::{Cursor, Pass, write_at};
use settings::Settings;

/// The source as the catalogue lists it.
pub const SOURCE: SourceDescriptor = SourceDescriptor {
    name: "braintrust",
    about: "Braintrust's project logs, by BTQL",
    stability: Stability::Beta,
    style: SourceStyle::Pull,
    options: settings::OPTIONS,
    files: None,
    pull: Some(PullSource {
        open,
        hosts: |said| {
            let host = said.text("host").unwrap_or(settings::HOST);
            host_of(host).into_iter().collect()
        },
        reach: settings::REACH,
        // How far each project was read stands in the cursor.
        asks: &["host", "organisation"],
        scores: None,
    }),
    push: None,
};

/// The rows of an answer to a query; none where it is no such answer.
pub fn rows_of(answer: &[u8]) -> Vec<Row> {
    let listed = listing::read(answer, "data").unwrap_or_default();
    listed.rows.into_iter().filter_map(row::span).collect()
}

/// Puts the rows of one trace together as they were kept; none where none can be read.
pub fn assemble_rows(
    trace: &str,
    kept: Kept,
    findings: &mut Vec<Diagnostic>,
) -> Option<DecodedTrace> {
    adapter::assemble(trace, kept, findings)
}

/// Traces that are shown.
const SAMPLED: usize = 3;
/// Pages of these traces: they may be large.
const SAMPLED_PAGES: usize = 5;
/// Pages in a row that bring nothing.
const MOST_EMPTY: u32 = 1_000;

fn open(asking: Asking) -> Result<Opened, PullError> {
    Ok(Opened::Rows(Box::new(Braintrust::open(&asking)?)))
}

/// Some projects of Braintrust.
struct Braintrust {
    client: Client,
    settings: Settings,
    spent: Spent,
    findings: Vec<Diagnostic>,
}

/// Rows as they were answered.
struct Listed {
    rows: Vec<Map<String, Value>>,
    next: Option<String>,
    size: usize,
    /// What time it is there.
    date: Option<Timestamp>,
}

impl Braintrust {
    fn open(asking: &Asking) -> Result<Self, PullError> {
        let (settings, client) = Settings::read(asking)?;
        Ok(Self {
            client,
            settings,
            spent: Spent::default(),
            findings: Vec::new(),
        })
    }

    fn told(&self, failure: Failure) -> PullError {
        self.client.told(failure)
    }

    /// The id of a project that is named.
    fn project(&mut self, cursor: &mut Cursor, name: &str) -> Result<String, PullError> {
        if query::is_id(name) {
            return Ok(name.to_owned());
        }
        if let Some(id) = cursor.ids.get(name) {
            return Ok(id.clone());
        }
        let rate = self.settings.rate(name);
        let request = Request {
            body: None,
            path: "/v1/project",
            query: vec![("project_name", name.to_owned())],
            rate: &rate,
            is_divisible: false,
        };
        let answer = self.client.ask(&request, &mut self.spent);
        let answer = answer.map_err(|failure| self.told(failure))?;
        let listing = listing::read(&answer.body, "objects");
        let listing = listing.ok_or_else(|| self.told(Failure::NotJson))?;
        let named =
            |row: &&Map<String, Value>| row.get("name").and_then(Value::as_str) == Some(name);
        let found = listing.rows.iter().find(named);
        let id = found.and_then(|row| row.get("id")?.as_str());
        let id = id.filter(|id| query::is_id(id)).ok_or_else(|| {
            PullError::new(
                PullErrorKind::Missing,
                format!("Braintrust knows no project `{}` for this key", shown(name)),
            )
            .advice("give project=NAME as the project's page shows it, or its id")
        })?;
        cursor.ids.insert(name.to_owned(), id.to_owned());
        Ok(id.to_owned())
    }

    /// Asks for rows.
    fn list(&mut self, project: &str, query: &str, is_divisible: bool) -> Result<Listed, Failure> {
        let rate = self.settings.rate(project);
        let request = Request {
            body: Some(json!({"query": query, "fmt": "json"})),
            path: "/btql",
            query: Vec::new(),
            rate: &rate,
            is_divisible,
        };
        let answer = self.client.ask(&request, &mut self.spent)?;
        let (size, date) = (answer.body.len(), answer.date);
        let mut listing = listing::read(&answer.body, "data").ok_or(Failure::NotJson)?;
        self.findings.append(&mut listing.findings);
        let next = listing.beside.get("cursor").and_then(Value::as_str);
        Ok(Listed {
            next: next.filter(|next| !next.is_empty()).map(str::to_owned),
            rows: listing.rows,
            size,
            date,
        })
    }

    /// Whole rows: fewer at a time where they are large, and one that is too large alone without its
    /// content.
    fn fetch(
        &mut self,
        cursor: &mut Cursor,
        project: &str,
        filter: Option<&str>,
        at: Option<&str>,
    ) -> Result<Listed, PullError> {
        loop {
            let rows = cursor.rows;
            let query = query::rows(project, query::ALL, filter, rows, at);
            let failure = match self.list(project, &query, rows > 1) {
                Ok(listed) => {
                    if listed.rows.len() == rows as usize {
                        cursor.more(listed.size);
                    }
                    return Ok(listed);
                }
                Err(failure) => failure,
            };
            if !failure.is_of_size() {
                return Err(self.told(failure));
            }
            if cursor.fewer() {
                continue;
            }
            let bare = query::rows(project, query::WITHOUT_CONTENT, filter, 1, at);
            let mut listed = match self.list(project, &bare, false) {
                Ok(listed) => listed,
                Err(Failure::Stopped) => return Err(self.told(Failure::Stopped)),
                Err(_) => return Err(self.told(failure)),
            };
            if !failure.is_too_large() {
                // The service answers by now; whether it was the row or an outage shows only here.
                match self.list(project, &query, false) {
                    Ok(whole) => return Ok(whole),
                    Err(again) if again.is_of_size() => {}
                    Err(other) => return Err(self.told(other)),
                }
            }
            for row in &mut listed.rows {
                row.insert(adapter::CUT.to_owned(), Value::Bool(true));
                let id = row.get("id").and_then(Value::as_str).unwrap_or_default();
                self.findings.push(Diagnostic::warning(
                    "braintrust/too-large",
                    format!(
                        "row `{}` is too large to be fetched with its content",
                        shown(id)
                    ),
                ));
            }
            return Ok(listed);
        }
    }

    /// The next page of the first project that is not at its end. One that cannot be read is told, and
    /// the others are read all the same.
    fn step(&mut self, cursor: &mut Cursor, page: &mut Page) -> Result<(), PullError> {
        for name in self.settings.projects.clone() {
            if cursor.done.contains(&name) {
                continue;
            }
            let error = match self.step_of(cursor, &name, page) {
                Ok(()) => return Ok(()),
                Err(error) => error,
            };
            let is_its_own = matches!(error.kind, PullErrorKind::Missing | PullErrorKind::Denied);
            if !is_its_own || cursor.failed.len() + 1 >= self.settings.projects.len() {
                return Err(error);
            }
            cursor.fail(&name);
            let told = format!(
                "project `{}` cannot be read: {}",
                shown(&name),
                error.message
            );
            let told = Diagnostic::error("braintrust/project", told);
            self.findings.push(match error.advice {
                Some(advice) => told.with_help(advice),
                None => told,
            });
        }
        Ok(())
    }

    /// The next page of a project. One that was made again under its name has another id.
    fn step_of(
        &mut self,
        cursor: &mut Cursor,
        name: &str,
        page: &mut Page,
    ) -> Result<(), PullError> {
        let was_known = cursor.ids.contains_key(name);
        let project = self.project(cursor, name)?;
        match self.read(cursor, name, &project, page) {
            Err(error)
                if was_known
                    && matches!(error.kind, PullErrorKind::Missing | PullErrorKind::Denied) =>
            {
                cursor.ids.remove(name);
                let by_now = self.project(cursor, name)?;
                if by_now == project {
                    return Err(error);
                }
                cursor.forget(name);
                self.read(cursor, name, &by_now, page)
            }
            read => read,
        }
    }

    fn read(
        &mut self,
        cursor: &mut Cursor,
        name: &str,
        project: &str,
        page: &mut Page,
    ) -> Result<(), PullError> {
        let mut pass = cursor.passes.get(name).cloned().unwrap_or_else(|| {
            let high = cursor.high.get(name).copied();
            Pass::above(high, self.settings.overlap)
        });
        let filter = query::filter(pass.above, self.settings.since);
        let at = pass.cursor.clone();
        let listed = self.fetch(cursor, project, filter.as_deref(), at.as_deref())?;
        if at.is_none() {
            let now = listed.date.unwrap_or_else(|| self.client.now());
            pass.began = pass.began.or(Some(write_at(now)));
        }
        let is_still = listed.next.is_some() && listed.next == at;
        if is_still && !listed.rows.is_empty() {
            return Err(PullError::new(
                PullErrorKind::Answer,
                "Braintrust gives the same cursor again and again",
            )
            .advice("see whether Braintrust or a cache in front of it has a fault"));
        }
        pass.empty = if listed.rows.is_empty() {
            pass.empty + 1
        } else {
            0
        };
        if pass.empty > MOST_EMPTY {
            return Err(PullError::new(
                PullErrorKind::Answer,
                format!("Braintrust answers {MOST_EMPTY} empty pages in a row"),
            ));
        }
        let came = listed.rows.len();
        let mut homeless = 0;
        for row in listed.rows {
            pass.seen = pass.seen.max(row::version(&row));
            if row::is_of_a_scorer(&row) || row::is_deleted(&row) {
                continue;
            }
            match row::span(row) {
                Some(row) => page.rows.push(row),
                None => homeless += 1,
            }
        }
        if homeless > 0 {
            self.findings.push(Diagnostic::warning(
                "trace/bad-row",
                format!("rows without an id or a trace: {homeless} of {came}"),
            ));
        }
        let next = listed.next.filter(|_| !is_still);
        match listing::usable(next, "Braintrust")? {
            Some(next) => {
                pass.cursor = Some(next);
                cursor.passes.insert(name.to_owned(), pass);
            }
            None => {
                cursor.passes.remove(name);
                cursor.finish(name, &pass);
                page.is_checkpoint = true;
            }
        }
        Ok(())
    }

    fn close(&mut self, mut page: Page) -> Page {
        let spent = std::mem::take(&mut self.spent);
        (page.requests, page.bytes) = (spent.requests, spent.bytes);
        page.findings.append(&mut self.findings);
        page
    }
}

impl Rows for Braintrust {
    fn check(&mut self) -> Vec<Point> {
        let mut points = Vec::new();
        let mut cursor = Cursor::default();
        for name in self.settings.projects.clone() {
            let found = self.project(&mut cursor, &name).and_then(|project| {
                let query = query::rows(&project, "id, root_span_id", None, 1, None);
                let listed = self.list(&project, &query, false);
                listed.map_err(|failure| self.told(failure))
            });
            let (name, standing, detail, advice) = match found {
                Ok(listed) if listed.rows.is_empty() => (
                    "schema",
                    Standing::Limited,
                    format!("project {} has no logs yet", shown(&name)),
                    Some("log something to it; experiments are not read".to_owned()),
                ),
                Ok(_) => (
                    "schema",
                    Standing::Ready,
                    format!("the logs of project {} can be read", shown(&name)),
                    None,
                ),
                Err(error) => {
                    let name = match error.kind {
                        PullErrorKind::Denied => "credentials",
                        PullErrorKind::Missing => "schema",
                        _ => "reach",
                    };
                    (name, Standing::Missing, error.message, error.advice)
                }
            };
            points.push(Point {
                name,
                standing,
                detail,
                advice,
            });
        }
        if points
            .iter()
            .all(|point| point.standing != Standing::Missing)
        {
            let ready = |name, detail: &str| Point {
                name,
                standing: Standing::Ready,
                detail: detail.to_owned(),
                advice: None,
            };
            points.insert(0, ready("reach", "Braintrust answers"));
            points.insert(1, ready("credentials", "the key is known"));
        }
        points
    }

    fn sample(&mut self) -> Result<Page, PullError> {
        let mut page = Page::default();
        let mut cursor = Cursor::read(&Value::Null, &self.settings.host);
        let name = self.settings.projects.first().cloned().unwrap_or_default();
        let project = self.project(&mut cursor, &name)?;
        let query = query::newest(&project, SAMPLED);
        let listed = self.list(&project, &query, false);
        let listed = listed.map_err(|failure| self.told(failure))?;
        let roots = listed
            .rows
            .iter()
            .filter_map(|row| row.get("root_span_id")?.as_str());
        if let Some(filter) = query::of_roots(roots) {
            let mut at = None;
            for _ in 0..SAMPLED_PAGES {
                let listed = self.fetch(&mut cursor, &project, Some(&filter), at.as_deref())?;
                let is_end = listed.rows.is_empty() || listed.next == at;
                let rows = listed.rows.into_iter();
                let rows = rows.filter(|row| !row::is_of_a_scorer(row));
                page.rows.extend(rows.filter_map(row::span));
                at = listing::usable(listed.next, "Braintrust")?;
                if is_end || at.is_none() {
                    break;
                }
            }
        }
        (page.is_last, page.is_checkpoint) = (true, true);
        Ok(self.close(page))
    }

    fn estimate(&mut self, cursor: &Value) -> Result<Option<Estimate>, PullError> {
        let mut cursor = Cursor::read(cursor, &self.settings.host);
        let mut rows = 0;
        let mut slowest = Duration::ZERO;
        let mut requests = 0;
        for name in self.settings.projects.clone() {
            let project = self.project(&mut cursor, &name)?;
            let above = Pass::above(cursor.high.get(&name).copied(), self.settings.overlap).above;
            let filter = query::filter(above, self.settings.since);
            let query = query::count(&project, filter.as_deref());
            let Ok(listed) = self.list(&project, &query, false) else {
                return Ok(None);
            };
            let count = listed
                .rows
                .first()
                .and_then(|row| row.get("rows")?.as_u64());
            let Some(count) = count else {
                return Ok(None);
            };
            let asks = count / u64::from(cursor.rows) + 1;
            rows += count;
            requests += asks;
            slowest += Duration::from_secs(asks * 60 / u64::from(self.settings.per_minute.get()));
        }
        Ok(Some(Estimate {
            rows: Some(rows),
            requests: Some(requests),
            time: Some(slowest),
        }))
    }

    fn page(&mut self, cursor: &Value) -> Result<Page, PullError> {
        self.spent = Spent::default();
        self.findings.clear();
        let mut cursor = Cursor::read(cursor, &self.settings.host);
        let mut page = Page::default();
        self.step(&mut cursor, &mut page)?;
        let is_done = |name: &String| cursor.done.contains(name);
        if self.settings.projects.iter().all(is_done) {
            cursor.done.clear();
            cursor.failed.clear();
            page.is_last = true;
        }
        page.cursor = cursor.value();
        Ok(self.close(page))
    }

    fn assemble(
        &self,
        trace: &str,
        kept: Kept,
        findings: &mut Vec<Diagnostic>,
    ) -> Option<DecodedTrace> {
        adapter::assemble(trace, kept, findings)
    }
}
