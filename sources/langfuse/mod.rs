//! The `langfuse` source: asks Langfuse's public API.
//!
//! A pass asks for scores, then for observations by their start, from newest to oldest, and begins
//! before the last one ended: Langfuse shows some of what it is sent only after a quarter of an hour,
//! and can neither order nor filter by when something was changed. Once a day a pass looks at the times
//! alone of two days, and fetches what changed since.
//!
//! - `settings`: what can be said of such a source.
//! - `cursor`: what is remembered between two pages.
//! - `page`: one page of a pass. `observations`, `recheck`, `scores`: what is asked in its stages.
//! - `alone`: one trace that cannot be fetched, and the others.
//! - `legacy`: releases before 4, which keep whole traces.
//! - `verdicts`: what is written: the verdicts on its traces, where that is asked for.
//! - `row`: from an answer to a row of the engine. `adapter`: from rows to traces.

pub(crate) mod adapter;
mod alone;
mod cursor;
mod legacy;
mod observations;
mod page;
mod readiness;
mod recheck;
pub(crate) mod row;
mod scores;
mod settings;
mod verdicts;

#[cfg(test)]
mod borders;
#[cfg(test)]
mod faults;
#[cfg(test)]
mod hostile;
#[cfg(test)]
mod tests;

use archal_core::diagnostic::Diagnostic;
use archal_core::pull::{
    Asking, Estimate, Opened, Page, Point, PullError, PullErrorKind, PullSource, Row, Rows,
};
use archal_core::push::Kept;
use archal_core::source::{DecodedTrace, SourceDescriptor, SourceStyle};
use archal_core::stability::Stability;
use serde_json::{Map, Value};

use crate::client::{Answer, Client, Failure, Rate, Request, Spent, host_of, listing};
use settings::Settings;

/// The source as the catalogue lists it.
pub const SOURCE: SourceDescriptor = SourceDescriptor {
    name: "langfuse",
    about: "Langfuse's public API: observations, scores, and the traces of releases before 4",
    stability: Stability::Beta,
    style: SourceStyle::Pull,
    options: settings::OPTIONS,
    files: None,
    pull: Some(PullSource {
        open,
        hosts: |said| said.text("host").and_then(host_of).into_iter().collect(),
        reach: settings::REACH,
        // The key tells which project it is.
        asks: &["environment", "host", "publicKeyEnv"],
        scores: Some(verdicts::open),
    }),
    push: None,
};

fn open(asking: Asking) -> Result<Opened, PullError> {
    Ok(Opened::Rows(Box::new(Langfuse::open(&asking)?)))
}

/// The rows of an answer to who asks for observations or scores; none where it is no such answer.
pub fn rows_of(answer: &[u8]) -> Vec<Row> {
    let listed = listing::read(answer, "data").unwrap_or_default();
    let rows = listed.rows.into_iter();
    let each = rows.flat_map(|row| [row::observation(row.clone()), row::score(row)]);
    each.flatten().collect()
}

/// Puts the rows of one trace together as they were kept; none where there is nothing but scores.
pub fn assemble_rows(
    trace: &str,
    kept: Kept,
    findings: &mut Vec<Diagnostic>,
) -> Option<DecodedTrace> {
    adapter::assemble(trace, kept, findings)
}

/// A project of Langfuse.
struct Langfuse {
    client: Client,
    settings: Settings,
    /// What was spent since the page was begun.
    spent: Spent,
    /// What is to be told with it.
    findings: Vec<Diagnostic>,
}

impl Langfuse {
    fn open(asking: &Asking) -> Result<Self, PullError> {
        let (settings, client) = Settings::read(asking)?;
        Ok(Self {
            client,
            settings,
            spent: Spent::default(),
            findings: Vec::new(),
        })
    }

    fn ask(
        &mut self,
        path: &str,
        query: Vec<(&str, String)>,
        rate: &Rate,
        is_divisible: bool,
    ) -> Result<Answer, Failure> {
        let request = Request {
            body: None,
            path,
            query,
            rate,
            is_divisible,
        };
        self.client.ask(&request, &mut self.spent)
    }

    /// A list of rows.
    fn list(
        &mut self,
        path: &str,
        query: Vec<(&str, String)>,
        rate: &Rate,
        is_divisible: bool,
    ) -> Result<Listed, Failure> {
        let answer = self.ask(path, query, rate, is_divisible)?;
        let size = answer.body.len();
        let Some(mut listing) = listing::read(&answer.body, "data") else {
            return Err(Failure::NotJson);
        };
        self.findings.append(&mut listing.findings);
        let meta = match listing.beside.get("meta") {
            Some(Value::Object(meta)) => meta.clone(),
            _ => Map::new(),
        };
        let cursor = meta.get("cursor").and_then(Value::as_str);
        let cursor = cursor.filter(|cursor| !cursor.is_empty());
        Ok(Listed {
            next: cursor.map(str::to_owned),
            deprecation: listing.beside.get("_deprecation").cloned(),
            rows: listing.rows,
            date: answer.date,
            size,
            meta,
        })
    }

    /// A page with what was spent and found for it.
    fn close(&mut self, mut page: Page) -> Page {
        let spent = std::mem::take(&mut self.spent);
        (page.requests, page.bytes) = (spent.requests, spent.bytes);
        page.findings.append(&mut self.findings);
        page
    }
}

/// A list as it was answered.
struct Listed {
    rows: Vec<Map<String, Value>>,
    next: Option<String>,
    meta: Map<String, Value>,
    deprecation: Option<Value>,
    date: Option<archal_core::clock::Timestamp>,
    size: usize,
}

impl Listed {
    /// The cursor behind it. One that is the cursor it was asked with would be asked for ever.
    fn after(&self, asked: Option<&str>) -> Result<Option<String>, PullError> {
        if self.next.is_some() && self.next.as_deref() == asked {
            return Err(PullError::new(
                PullErrorKind::Answer,
                "Langfuse gives the same cursor again and again",
            )
            .advice("see whether Langfuse or a cache in front of it has a fault"));
        }
        listing::usable(self.next.clone(), "Langfuse")
    }
}

impl Rows for Langfuse {
    fn check(&mut self) -> Vec<Point> {
        readiness::check(self)
    }

    fn sample(&mut self) -> Result<Page, PullError> {
        let page = readiness::sample(self)?;
        Ok(self.close(page))
    }

    fn estimate(&mut self, cursor: &Value) -> Result<Option<Estimate>, PullError> {
        readiness::estimate(self, cursor)
    }

    fn page(&mut self, cursor: &Value) -> Result<Page, PullError> {
        self.spent = Spent::default();
        self.findings.clear();
        let page = page::page(self, cursor)?;
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
