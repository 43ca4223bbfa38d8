//! The source against a real PostgreSQL, which one process of tests starts for itself.
//!
//! - `server`: the server, a database for each test, and somebody who writes to it.
//! - `reading`: what comes of tables, views, documents and OpenTelemetry's shapes.
//! - `passes`: nothing is lost between passes, whatever commits when, and wherever it is killed.
//! - `hostile`: rows, views and servers that mean no good.
//! - `safety`: TLS, passwords, roles, row-level security, and that nothing is ever written.
//! - `plans`: whether the index is used.

mod hostile;
mod passes;
mod plans;
mod reading;
mod safety;
mod server;

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use archal_core::clock::{FakeClock, Timestamp};
use archal_core::diagnostic::Diagnostic;
use archal_core::program::{NotStarted, Program, Programs, Talk};
use archal_core::pull::{
    Asking, Page, Point, PullError, Rates, Row, Rows, Said, SaidValue, Standing, Stop,
};
use archal_core::push::{Kept, KeptSpan};
use archal_core::source::DecodedTrace;
use serde_json::Value;

use super::rows::PostgresRows;

/// Nobody asks for the end, and pauses take no time.
struct Never;

impl Stop for Never {
    fn is_asked(&self) -> bool {
        false
    }

    fn wait(&self, _: Duration) -> bool {
        false
    }
}

struct NoLimits;

impl Rates for NoLimits {
    fn take(&self, _: &str, _: NonZeroU32) -> Duration {
        Duration::ZERO
    }

    fn hold(&self, _: &str, _: Duration) {}
}

struct NoPrograms;

impl Programs for NoPrograms {
    fn start(&self, _: &Program) -> Result<Box<dyn Talk>, NotStarted> {
        panic!("a database needs no program")
    }
}

/// A source over a connection string, with options as text; numbers and durations by their form.
fn open_since(
    url: &str,
    options: &[(&str, &str)],
    since: Option<&str>,
) -> Result<PostgresRows, PullError> {
    let mut values = BTreeMap::from([("urlEnv".to_owned(), SaidValue::Secret(url.to_owned()))]);
    for (name, text) in options {
        let value = match *name {
            "overlap" | "rescan" | "statementTimeout" => {
                SaidValue::Duration(Duration::from_millis(text.parse().expect("milliseconds")))
            }
            "pageRows" | "maxValue" => SaidValue::Number(text.parse().expect("a number")),
            "passFile" | "rootCert" => SaidValue::Path(text.into()),
            _ => SaidValue::Text((*text).to_owned()),
        };
        values.insert((*name).to_owned(), value);
    }
    PostgresRows::open(Asking {
        name: "prod".to_owned(),
        options: Said::new(values),
        since: since.map(|since| since.parse().expect("a time")),
        clock: Arc::new(FakeClock::new(Timestamp::UNIX_EPOCH)),
        rates: Arc::new(NoLimits),
        stop: Arc::new(Never),
        programs: Arc::new(NoPrograms),
    })
}

fn open(url: &str, options: &[(&str, &str)]) -> PostgresRows {
    open_since(url, options, None).expect("options")
}

/// Rows and cursor as the engine keeps them.
#[derive(Default)]
struct Store {
    rows: BTreeMap<(String, String), Row>,
    traces: Vec<DecodedTrace>,
    cursor: Value,
    findings: Vec<Diagnostic>,
    pages: u64,
    requests: u64,
    /// How often each row came.
    came: BTreeMap<String, u64>,
}

impl Store {
    /// Takes a page and the cursor behind it.
    fn take(&mut self, page: Page) -> bool {
        for row in page.rows {
            *self.came.entry(row.id.clone()).or_default() += 1;
            self.rows.insert((row.trace.clone(), row.id.clone()), row);
        }
        self.traces.extend(page.traces);
        self.findings.extend(page.findings);
        self.cursor = page.cursor;
        self.pages += 1;
        self.requests += page.requests;
        page.is_last
    }

    /// Asks until there is no more for now.
    fn pass(&mut self, source: &mut PostgresRows) {
        for _ in 0..100_000 {
            let page = source.page(&self.cursor).expect("a page");
            if self.take(page) {
                return;
            }
        }
        panic!("a pass that does not end");
    }

    fn ids(&self) -> Vec<&str> {
        self.rows.keys().map(|(_, id)| id.as_str()).collect()
    }

    /// Puts a trace together.
    fn trace(&self, source: &PostgresRows, trace: &str) -> DecodedTrace {
        let spans = self
            .rows
            .values()
            .filter(|row| row.trace == trace)
            .map(|row| KeptSpan {
                shared: None,
                body: row.body.clone(),
            })
            .collect();
        let kept = Kept {
            spans,
            ..Kept::default()
        };
        source
            .assemble(trace, kept, &mut Vec::new())
            .expect("a trace")
    }
}

/// The points of a check that are not ready.
fn not_ready(points: &[Point]) -> Vec<(&'static str, Standing, &str)> {
    points
        .iter()
        .filter(|point| point.standing != Standing::Ready)
        .map(|point| (point.name, point.standing, point.detail.as_str()))
        .collect()
}
