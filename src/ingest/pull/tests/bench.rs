//! A place to ask a scripted service from.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use archal_core::clock::{Clock, FakeClock, Timestamp};
use archal_core::pull::Rows;
use archal_core::redact::Redactor;
use archal_core::trace::{Batch, TraceIdentity};
use tempfile::TempDir;

use super::scripted::Scripted;
use crate::ingest::assembly::opened::Opened;
use crate::ingest::import::{Known, Ledger, LedgerError};
use crate::ingest::pack::{MOST_HELD, Packed};
use crate::ingest::pull::asking::Unseen;
use crate::ingest::pull::pass::Pass;
use crate::ingest::pull::report::{PassError, PassReport};
use crate::ingest::pull::store::{Pace, RowStore};
use crate::sandbox::StopToken;
use crate::store::space::Space;

/// When tests are.
pub(super) const NOW: &str = "2026-03-01T12:00:00Z";
/// Long before.
pub(super) const BEFORE: &str = "2026-02-01T12:00:00Z";

/// Folders, a ledger and a clock that ticks.
pub(super) struct Place {
    folder: TempDir,
    ledger: Noted,
    pub(super) clock: Ticking,
    pub(super) stop: StopToken,
    pub(super) since: Option<Timestamp>,
    pub(super) limit: Option<u64>,
    pub(super) is_dry: bool,
    pub(super) pace: Pace,
    pub(super) floor: Option<Timestamp>,
    pub(super) room: Space,
    pub(super) most_held: usize,
}

impl Place {
    pub(super) fn new() -> Self {
        Self {
            folder: tempfile::tempdir().expect("a folder"),
            ledger: Noted::default(),
            clock: Ticking {
                clock: FakeClock::new(NOW.parse().expect("a time")),
                left: AtomicI64::new(i64::MAX),
            },
            stop: StopToken::new(),
            since: None,
            limit: None,
            is_dry: false,
            pace: Pace::default(),
            floor: None,
            room: Space { free: 1, total: 1 },
            most_held: MOST_HELD,
        }
    }

    pub(super) fn spool(&self) -> PathBuf {
        self.folder.path().join("spool")
    }

    pub(super) fn store(&self) -> RowStore {
        RowStore::open(&self.spool()).expect("a store")
    }

    /// A pass that comes to its end.
    pub(super) fn pass(&self, service: &Scripted) -> PassReport {
        let (report, ended) = self.tried(service);
        ended.expect("the end");
        report
    }

    /// A pass.
    pub(super) fn tried(&self, service: &Scripted) -> (PassReport, Result<(), PassError>) {
        self.with(&mut service.clone())
    }

    /// A pass over any source.
    pub(super) fn with(&self, rows: &mut dyn Rows) -> (PassReport, Result<(), PassError>) {
        let traces = self.folder.path().join("traces");
        let unseen = Unseen::new(&Redactor::new([7; 32], []), ["hunter2-of-the-service"]);
        let ledger = Ticked {
            noted: &self.ledger,
            clock: &self.clock,
        };
        let mut store = self.store();
        let pass = Pass {
            name: "prod",
            provider: "scripted",
            directory: &traces,
            spool: &self.spool(),
            room: &|_| Ok(self.room),
            unseen: &unseen,
            ledger: &ledger,
            clock: &self.clock,
            stop: &self.stop,
            pace: self.pace,
            floor: self.floor,
            since: self.since,
            limit: self.limit,
            most_held: self.most_held,
            is_dry: self.is_dry,
            is_resumed: store.standing().expect("readable").is_broken_off(),
        };
        pass.run(&mut store, rows, &mut |_| self.clock.tick())
    }

    /// The newest revision of each trace in the batch files, and how many files there are.
    pub(super) fn written(&self) -> (BTreeMap<String, archal_core::trace::Trace>, usize) {
        let mut traces = BTreeMap::new();
        let files = files(&self.folder.path().join("traces"));
        for file in &files {
            let text = std::fs::read_to_string(file).expect("readable");
            let batch: Batch = serde_json::from_str(&text).expect("a batch");
            assert_eq!(batch.source.project.as_deref(), Some("support"));
            assert!(batch.complete);
            for trace in batch.traces {
                traces.insert(trace.id.clone(), trace);
            }
        }
        (traces, files.len())
    }

    /// That the batch files have what the service has: each trace at its newest revision.
    pub(super) fn has_all(&self, service: &Scripted) {
        let (written, _) = self.written();
        let wanted = service.traces();
        assert_eq!(
            written.keys().collect::<Vec<_>>(),
            wanted.keys().collect::<Vec<_>>()
        );
        for (id, decoded) in wanted {
            let mut trace = decoded.trace;
            trace.renew_revision();
            assert_eq!(written[&id], trace, "{id}");
        }
    }
}

/// In the order in which they were written: each has its time in its name.
fn files(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return Vec::new();
    };
    let mut files: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    files.sort();
    files
}

/// A clock that goes on by a second with each look, and ends everything when its time is over.
pub(super) struct Ticking {
    clock: FakeClock,
    left: AtomicI64,
}

impl Ticking {
    pub(super) fn advance(&self, by: Duration) {
        self.clock.advance(by);
    }

    /// Ends everything after so many looks.
    pub(super) fn end_after(&self, looks: i64) {
        self.left.store(looks, Ordering::SeqCst);
    }

    /// How many looks are left.
    pub(super) fn left(&self) -> i64 {
        self.left.load(Ordering::SeqCst)
    }

    fn tick(&self) {
        let left = self.left.fetch_sub(1, Ordering::SeqCst);
        assert!(left != 0, "killed");
        self.clock.advance(Duration::from_secs(1));
    }
}

impl Clock for Ticking {
    fn now(&self) -> Timestamp {
        self.tick();
        self.clock.now()
    }

    fn monotonic(&self) -> Duration {
        self.tick();
        self.clock.monotonic()
    }
}

/// What stands in which file.
#[derive(Default)]
struct Noted(Mutex<BTreeMap<TraceIdentity, Vec<String>>>);

/// The same, and each side of each call is a moment at which everything may end.
struct Ticked<'a> {
    noted: &'a Noted,
    clock: &'a Ticking,
}

impl Ledger for Ticked<'_> {
    fn known(
        &self,
        _: &Path,
        traces: &[(&TraceIdentity, &str)],
    ) -> Result<Vec<Known>, LedgerError> {
        self.clock.tick();
        let noted = self.noted.0.lock().expect("whole");
        let known = traces
            .iter()
            .map(|(identity, revision)| match noted.get(identity) {
                None => Known::New,
                Some(known) if known.last().is_some_and(|last| last == revision) => Known::Same,
                Some(known) if known.iter().any(|known| known == revision) => Known::Earlier,
                Some(_) => Known::Changed,
            });
        Ok(known.collect())
    }

    fn place(
        &self,
        directory: &Path,
        identity: &TraceIdentity,
    ) -> Result<Option<PathBuf>, LedgerError> {
        let has = |file: &PathBuf| {
            let opened = Opened::read(file).expect("readable");
            opened.trace(&identity.trace).is_some()
        };
        Ok(files(directory).into_iter().rev().find(has))
    }

    fn note(&self, source: &str, packed: &Packed) -> Result<(), LedgerError> {
        assert_eq!(source, "prod");
        self.clock.tick();
        let mut noted = self.noted.0.lock().expect("whole");
        for (identity, revision) in &packed.traces {
            let known = noted.entry(identity.clone()).or_default();
            known.push(revision.clone());
        }
        drop(noted);
        self.clock.tick();
        Ok(())
    }
}
