//! One pass over a source: page after page into the store, and from there what is quiet into batch
//! files.

use std::collections::{BTreeSet, HashMap};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::time::Duration;

use archal_core::clock::{Clock, Timestamp};
use archal_core::diagnostic::Diagnostic;
use archal_core::hash;
use archal_core::pull::{Page, Row, Rows};
use archal_core::redact::RedactionCounts;
use archal_core::source::DecodedTrace;
use serde_json::Value;

use super::asking::Unseen;
use super::giving::Giving;
use super::report::{PassError, PassReport, Told};
use super::store::page::PageEnd;
use super::store::{NewRow, Pace, RowStore, Whole};
use crate::ingest::age;
use crate::ingest::import::Ledger;
use crate::ingest::pack::MOST_TRACES;
use crate::sandbox::StopToken;
use crate::store::space::{Full, Space, SpaceError};

/// Pages of one pass; more are a source that does not end.
const MOST_PAGES: u64 = 1_000_000;
/// The longest name of a trace or row.
const MOST_NAME: usize = 512;
/// What is quiet waits for a full file for so long.
const FILE_WAITS: Duration = Duration::from_secs(30);
/// How the names of traces begin that came whole: no row has such a one.
const WHOLE: &str = "\0whole\0";

/// What a pass works with.
pub struct Pass<'a> {
    /// The name the source is registered under.
    pub name: &'a str,
    /// Its provider.
    pub provider: &'a str,
    /// Where batch files go.
    pub directory: &'a Path,
    /// Where rows are kept.
    pub spool: &'a Path,
    /// How much room the disk of a folder has.
    pub room: &'a dyn Fn(&Path) -> Result<Space, SpaceError>,
    /// What must not be seen.
    pub unseen: &'a Unseen,
    /// What stands in the trace directory.
    pub ledger: &'a dyn Ledger,
    /// The time.
    pub clock: &'a dyn Clock,
    /// When to end.
    pub stop: &'a StopToken,
    /// When traces are given out.
    pub pace: Pace,
    /// Traces that ended before are never wanted: that is how the source was first asked.
    pub floor: Option<Timestamp>,
    /// Traces that ended before are not wanted now.
    pub since: Option<Timestamp>,
    /// How many new and updated traces are given out at most.
    pub limit: Option<u64>,
    /// Bytes that are held for batch files that are not full yet.
    pub most_held: usize,
    /// Whether nothing is written to the trace directory.
    pub is_dry: bool,
    /// Whether the pass before it broke off: it ends where that one would have, and what came since is asked for
    /// behind that.
    pub is_resumed: bool,
}

impl Pass<'_> {
    /// Asks until there is no more; the report says how far it came, whatever ended it.
    pub fn run(
        &self,
        store: &mut RowStore,
        rows: &mut dyn Rows,
        told: &mut dyn FnMut(Told<'_>),
    ) -> (PassReport, Result<(), PassError>) {
        let begun = self.clock.monotonic();
        let mut work = Work {
            pass: self,
            store,
            seen: BTreeSet::new(),
            fresh: 0,
            left_out: HashMap::new(),
            given_at: begun,
            report: PassReport {
                source: self.name.to_owned(),
                provider: self.provider.to_owned(),
                trace_dir: self.directory.to_owned(),
                is_dry_run: self.is_dry,
                ..PassReport::default()
            },
        };
        let mut ended = work.pages(rows, told);
        if ended.as_ref().is_err_and(PassError::is_stop) {
            work.report.is_interrupted = true;
            ended = Ok(());
        }
        let mut report = work.report;
        let closed = self.close(store, &report, ended.as_ref().err());
        if let Ok(waiting) = closed.as_ref() {
            report.waiting = *waiting;
        }
        let took = self.clock.monotonic().saturating_sub(begun);
        report.took_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        (report, ended.and(closed.map(drop)))
    }

    /// Notes how it ended; how many traces wait.
    fn close(
        &self,
        store: &mut RowStore,
        report: &PassReport,
        error: Option<&PassError>,
    ) -> Result<u64, PassError> {
        let now = self.clock.now();
        match error {
            Some(error) => {
                let text = self.unseen.text(&crate::report::causes::chain(error));
                store.end(Some((&text, error.advice())), now)?;
            }
            None if report.is_interrupted || report.is_limited => {}
            None => {
                store.prune(&self.pace, now)?;
                store.end(None, now)?;
            }
        }
        Ok(store.waiting()?)
    }

    /// Nothing more is taken in while the disk is nearly full.
    pub(super) fn has_room(&self) -> Result<(), PassError> {
        if self.is_dry {
            return Ok(());
        }
        for path in [self.spool, self.directory] {
            let left = (self.room)(path)?;
            if left.is_low() {
                let path = path.to_owned();
                return Err(Full { path, left }.into());
            }
        }
        Ok(())
    }

    /// An error that names a page.
    fn circle(&self, page: u64, what: &'static str) -> PassError {
        PassError::Circle {
            provider: self.provider.to_owned(),
            page,
            what,
        }
    }
}

struct Work<'a> {
    pass: &'a Pass<'a>,
    store: &'a mut RowStore,
    /// Hashes of the cursors of this pass.
    seen: BTreeSet<u64>,
    /// Rows that changed something since traces were last given out.
    fresh: u64,
    /// Traces that are due and not wanted now, as they were looked at in this pass.
    left_out: HashMap<i64, i64>,
    /// When traces were last given out.
    given_at: Duration,
    report: PassReport,
}

impl Work<'_> {
    fn pages(
        &mut self,
        rows: &mut dyn Rows,
        told: &mut dyn FnMut(Told<'_>),
    ) -> Result<(), PassError> {
        let mut is_resumed = self.pass.is_resumed;
        let standing = self.store.standing()?;
        let mut cursor = standing.cursor;
        self.see(&cursor);
        if standing.is_whole {
            // What became quiet since the last pass, however this one goes.
            let now = self.pass.clock.now();
            self.give_out(&*rows, Whole::all(now))?;
        }
        loop {
            if self.pass.stop.is_asked() {
                self.report.is_interrupted = true;
            }
            if self.report.is_interrupted || self.report.is_limited {
                return Ok(());
            }
            if self.report.pages >= MOST_PAGES {
                return Err(self.pass.circle(self.report.pages, "is still not the last"));
            }
            self.pass.has_room()?;
            let page = catch_unwind(AssertUnwindSafe(|| rows.page(&cursor)));
            let page = page.map_err(|_| self.fault())?;
            let page = page.map_err(|error| PassError::Pull(self.pass.unseen.error(error)))?;
            let is_end = page.is_last;
            let is_whole = page.is_last || page.is_checkpoint;
            let is_rooted = !is_whole && page.is_rooted_whole;
            // Whoever wants only so much need not read to the end for what was quiet long ago.
            let reached = page.reached.filter(|_| self.pass.limit.is_some());
            cursor = self.take(page, &cursor)?;
            told(Told::Page(&self.report));
            let now = self.pass.clock.now();
            let whole = match reached {
                Some(reached) if !is_whole => Some(Whole::all(reached.min(now))),
                _ => (is_whole || is_rooted).then_some(Whole { at: now, is_rooted }),
            };
            if let Some(whole) = whole
                && (is_end || self.is_worth_a_file(whole)?)
            {
                self.give_out(&*rows, whole)?;
            }
            if is_end && !is_resumed {
                return Ok(());
            }
            if is_end {
                is_resumed = false;
                self.seen.clear();
                self.see(&cursor);
            }
        }
    }

    fn fault(&self) -> PassError {
        PassError::Fault {
            provider: self.pass.provider.to_owned(),
        }
    }

    /// Whether a cursor is new in this pass.
    fn see(&mut self, cursor: &Value) -> bool {
        let text = cursor.to_string();
        self.seen.insert(hash::sixty_four_bits(text.as_bytes()))
    }

    /// Stores a page; gives the cursor behind it.
    fn take(&mut self, page: Page, before: &Value) -> Result<Value, PassError> {
        let pass = self.pass;
        let number = self.report.pages + 1;
        if !page.is_last && page.cursor == *before {
            return Err(pass.circle(number, "names itself as the next one"));
        }
        if !page.is_last && !self.see(&page.cursor) {
            return Err(pass.circle(number, "names one as the next that was there before"));
        }
        if !pass.unseen.is_free(&page.cursor) {
            return Err(PassError::SecretCursor {
                provider: pass.provider.to_owned(),
            });
        }
        let end = PageEnd {
            cursor: &page.cursor,
            is_whole: page.is_last || page.is_checkpoint,
            requests: page.requests,
            bytes: page.bytes,
            now: pass.clock.now(),
        };
        for finding in page.findings {
            self.report.failed += u64::from(finding.is_error());
            self.report.found(pass.unseen.finding(finding));
        }
        self.report.pages += 1;
        self.report.requests += page.requests;
        self.report.bytes += page.bytes;
        self.report.rows += (page.rows.len() + page.traces.len()) as u64;
        let mut counts = RedactionCounts::new();
        let mut rows = self.clean_rows(page.rows, &mut counts);
        rows.extend(self.clean_traces(page.traces, &mut counts));
        self.report.redactions += counts.values().sum::<u64>();
        let stored = self.store.take(&rows, end)?;
        self.report.changed_rows += stored.new + stored.changed;
        self.fresh += stored.new + stored.changed;
        Ok(page.cursor)
    }

    fn clean_rows(&mut self, rows: Vec<Row>, counts: &mut RedactionCounts) -> Vec<NewRow> {
        let unseen = self.pass.unseen;
        let mut clean: Vec<NewRow> = Vec::with_capacity(rows.len());
        for mut row in rows {
            if row.trace.is_empty() || row.trace.len() > MOST_NAME || row.trace.starts_with('\0') {
                self.report.failed += 1;
                self.report.found(Diagnostic::error(
                    "pull/row",
                    format!(
                        "a row names no trace, or one whose id is longer than {MOST_NAME} bytes"
                    ),
                ));
                continue;
            }
            let id = if row.id.len() > MOST_NAME {
                hash::sha256(row.id.as_bytes())
            } else {
                unseen.counted(&row.id, counts)
            };
            // A source has decoded what it read: here a secret stands as it is, however it was written.
            unseen.secrets().value(&mut row.body);
            clean.push(NewRow {
                trace: unseen.counted(&row.trace, counts),
                id,
                version: row.version,
                ends_root: row.ends_root,
                is_whole: false,
                at: row.at,
                body: row.body,
            });
        }
        // What is a secret in one is none in the others.
        let mut bodies: Vec<&mut Value> = clean.iter_mut().map(|row| &mut row.body).collect();
        unseen.redactor().values(&mut bodies, counts);
        clean
    }

    fn clean_traces(
        &mut self,
        traces: Vec<DecodedTrace>,
        counts: &mut RedactionCounts,
    ) -> Vec<NewRow> {
        let unseen = self.pass.unseen;
        let mut clean = Vec::with_capacity(traces.len());
        for mut decoded in traces {
            self.report.redactions += unseen.secrets().trace(&mut decoded.trace);
            unseen.redactor().trace(&mut decoded.trace, counts);
            for name in [&mut decoded.source, &mut decoded.project] {
                *name = name.as_deref().map(|name| unseen.counted(name, counts));
            }
            let named = [decoded.source.as_deref(), decoded.project.as_deref()];
            let name = format!(
                "{WHOLE}{}\0{}\0{}",
                named[0].unwrap_or_default(),
                named[1].unwrap_or_default(),
                decoded.trace.id
            );
            match serde_json::to_value(&decoded) {
                Ok(body) if !decoded.trace.id.is_empty() && name.len() <= 3 * MOST_NAME => {
                    clean.push(NewRow {
                        trace: name,
                        id: String::new(),
                        version: None,
                        ends_root: true,
                        is_whole: true,
                        at: age(&decoded.trace).0,
                        body,
                    });
                }
                _ => {
                    self.report.failed += 1;
                    self.report.found(Diagnostic::error(
                        "pull/trace",
                        "a trace has no id, one that is too long, or no JSON form",
                    ));
                }
            }
        }
        clean
    }

    /// Whether there is enough for a file, or something has waited long enough for one.
    fn is_worth_a_file(&self, whole: Whole) -> Result<bool, PassError> {
        let now = self.pass.clock.monotonic();
        if self.fresh == 0 {
            return Ok(false);
        }
        if now.saturating_sub(self.given_at) >= FILE_WAITS {
            return Ok(true);
        }
        let enough = MOST_TRACES as u64;
        let left = self.pass.limit.map_or(enough, |limit| {
            limit.saturating_sub(self.report.new + self.report.updated)
        });
        let enough = enough.min(left.max(1));
        if self.fresh < enough {
            return Ok(false);
        }
        let due = self.store.how_many_due(&self.pass.pace, whole)?;
        Ok(due >= enough)
    }

    /// Gives out what is whole and was quiet.
    fn give_out(&mut self, rows: &dyn Rows, whole: Whole) -> Result<(), PassError> {
        self.fresh = 0;
        self.given_at = self.pass.clock.monotonic();
        let (report, left_out) = (&mut self.report, &mut self.left_out);
        Giving::new(self.pass, self.store, rows, report, left_out).all(whole)
    }
}
