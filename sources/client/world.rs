//! What a source is asked in by tests: a clock that waiting moves, a rate that is kept, and a store that
//! does with pages what the engine does.

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use archal_core::clock::{Clock, FakeClock, Timestamp};
use archal_core::diagnostic::Diagnostic;
use archal_core::program::{NotStarted, Program, Programs, Talk};
use archal_core::pull::{Asking, Page, PullError, Rates, Row, Rows, Said, SaidValue, Stop};
use archal_core::push::{Kept, KeptSpan};
use archal_core::source::DecodedTrace;
use serde_json::Value;

/// A world of its own.
pub(crate) struct World {
    pub(crate) clock: Arc<FakeClock>,
    /// The waits that are let through; a wait behind the last is broken off.
    pub(crate) patience: Arc<AtomicU32>,
    /// What was told of waits.
    pub(crate) told: Arc<Mutex<Vec<String>>>,
    rates: Arc<MinuteRates>,
}

impl World {
    pub(crate) fn new() -> Self {
        let clock = Arc::new(FakeClock::new(at("2026-06-01T12:00:00Z")));
        Self {
            rates: Arc::new(MinuteRates {
                clock: Arc::clone(&clock),
                buckets: Mutex::default(),
            }),
            clock,
            patience: Arc::new(AtomicU32::new(10_000)),
            told: Arc::default(),
        }
    }

    /// What a source is opened with.
    pub(crate) fn asking(&self, options: &[(&str, SaidValue)]) -> Asking {
        let options = options.iter().cloned();
        let options = options.map(|(name, value)| (name.to_owned(), value));
        Asking {
            name: "prod".to_owned(),
            options: Said::new(options.collect()),
            since: None,
            clock: Arc::clone(&self.clock) as _,
            rates: Arc::clone(&self.rates) as _,
            programs: Arc::new(NoPrograms),
            stop: Arc::new(MovingStop {
                clock: Arc::clone(&self.clock),
                patience: Arc::clone(&self.patience),
                told: Arc::clone(&self.told),
            }),
        }
    }

    /// The names of the rates that were asked of.
    pub(crate) fn buckets(&self) -> Vec<String> {
        let buckets = self.rates.buckets.lock();
        let buckets = buckets.unwrap_or_else(PoisonError::into_inner);
        buckets.keys().cloned().collect()
    }
}

/// A time.
pub(crate) fn at(text: &str) -> Timestamp {
    text.parse().expect("a time")
}

/// Waiting moves the clock.
struct MovingStop {
    clock: Arc<FakeClock>,
    patience: Arc<AtomicU32>,
    told: Arc<Mutex<Vec<String>>>,
}

impl Stop for MovingStop {
    fn is_asked(&self) -> bool {
        self.patience.load(Ordering::SeqCst) == 0
    }

    fn wait(&self, pause: Duration) -> bool {
        let left = self.patience.load(Ordering::SeqCst);
        if left > 0 {
            self.patience.store(left - 1, Ordering::SeqCst);
        }
        self.clock.advance(pause);
        left == 0
    }

    fn wait_because(&self, pause: Duration, why: &str) -> bool {
        let told = self.told.lock();
        told.unwrap_or_else(PoisonError::into_inner)
            .push(why.to_owned());
        self.wait(pause)
    }
}

/// So many a minute, evenly.
struct MinuteRates {
    clock: Arc<FakeClock>,
    buckets: Mutex<BTreeMap<String, Duration>>,
}

impl Rates for MinuteRates {
    fn take(&self, bucket: &str, per_minute: NonZeroU32) -> Duration {
        let now = self.clock.monotonic();
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        let free = buckets.entry(bucket.to_owned()).or_default();
        let turn = now.max(*free);
        *free = turn + Duration::from_secs(60) / per_minute.get();
        turn - now
    }

    fn hold(&self, bucket: &str, pause: Duration) {
        let until = self.clock.monotonic() + pause;
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        let free = buckets.entry(bucket.to_owned()).or_default();
        *free = until.max(*free);
    }
}

/// Nobody starts programs here.
struct NoPrograms;

impl Programs for NoPrograms {
    fn start(&self, _: &Program) -> Result<Box<dyn Talk>, NotStarted> {
        Err(NotStarted {
            reason: "there are no programs here".to_owned(),
            advice: None,
        })
    }
}

/// Rows as the engine stores them, with the cursor.
#[derive(Debug, Clone, Default)]
pub(crate) struct Store {
    rows: BTreeMap<(String, String), Row>,
    pub(crate) cursor: Value,
    pub(crate) requests: u64,
    pub(crate) pages: u64,
    pub(crate) findings: Vec<Diagnostic>,
}

impl Store {
    /// Asks for pages until there is nothing more for now, or an error.
    pub(crate) fn pull(&mut self, rows: &mut dyn Rows) -> Result<(), PullError> {
        loop {
            let page = rows.page(&self.cursor)?;
            let is_last = page.is_last;
            self.keep(page);
            assert!(self.pages < 20_000, "it does not end");
            if is_last {
                return Ok(());
            }
        }
    }

    /// Stores a page as the engine does.
    pub(crate) fn keep(&mut self, page: Page) {
        self.requests += page.requests;
        self.pages += 1;
        self.cursor = page.cursor;
        self.findings.extend(page.findings);
        for row in page.rows {
            let key = (row.trace.clone(), row.id.clone());
            let newer = |old: &Row| row.version.is_none() || row.version >= old.version;
            if self.rows.get(&key).is_none_or(newer) {
                self.rows.insert(key, row);
            }
        }
    }

    /// The traces, put together.
    pub(crate) fn traces(&self, rows: &dyn Rows) -> Vec<DecodedTrace> {
        let mut by_trace: BTreeMap<&str, Kept> = BTreeMap::new();
        for ((trace, _), row) in &self.rows {
            by_trace.entry(trace).or_default().spans.push(KeptSpan {
                shared: None,
                body: row.body.clone(),
            });
        }
        let mut findings = Vec::new();
        let traces = by_trace
            .into_iter()
            .filter_map(|(trace, kept)| rows.assemble(trace, kept, &mut findings));
        traces.collect()
    }

    /// How many rows there are.
    pub(crate) fn rows(&self) -> usize {
        self.rows.len()
    }

    /// The rows of one kind, by how their ids begin.
    pub(crate) fn rows_of(&self, kind: &str) -> usize {
        let ids = self.rows.keys();
        ids.filter(|(_, id)| id.starts_with(kind)).count()
    }

    /// The traces whose root has ended.
    pub(crate) fn ended(&self) -> usize {
        let mut ended: Vec<&str> = self
            .rows
            .values()
            .filter(|row| row.ends_root)
            .map(|row| row.trace.as_str())
            .collect();
        ended.dedup();
        ended.len()
    }
}
