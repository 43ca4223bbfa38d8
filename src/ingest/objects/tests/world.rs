//! A store in memory, and a machine on which passes over it are made.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use archal_core::clock::{Clock, Timestamp};
use archal_core::pull::{
    Listing, Object, Objects, Point, PullError, PullErrorKind, Said, SaidValue,
};
use archal_core::redact::Redactor;
use archal_core::source::{Decoded, DecodedTrace, FileFormat};
use archal_core::trace::{Trace, TraceIdentity};

use crate::ingest::import::{Import, Known, Ledger, LedgerError};
use crate::ingest::objects::{ObjectLedger, ObjectsReport, Pass, Passed, Settings};
use crate::ingest::pack::Packed;

/// Lines of `id=content`; anything else is no trace.
const FORMAT: FileFormat = FileFormat {
    accepts: |_| true,
    decode,
    join: |_, later| later,
    lines: None,
};

fn decode(bytes: &[u8]) -> Decoded {
    let text = String::from_utf8_lossy(bytes);
    let traces = text.lines().filter_map(|line| line.split_once('='));
    Decoded {
        dialect: Some("lines"),
        complete: true,
        traces: traces
            .map(|(id, content)| DecodedTrace {
                trace: Trace {
                    id: id.to_owned(),
                    name: content.to_owned(),
                    ..Trace::default()
                },
                ..DecodedTrace::default()
            })
            .collect(),
        ..Decoded::default()
    }
}

/// Counts down to the end of the process.
#[derive(Default)]
pub(super) struct Fuse(AtomicU64);

impl Fuse {
    fn burn(&self) {
        let left = self.0.load(Ordering::SeqCst);
        self.0.store(left.wrapping_sub(1), Ordering::SeqCst);
        assert!(left != 1, "cut off here");
    }

    /// After so many steps from now; never for 0.
    pub(super) fn set(&self, steps: u64) -> u64 {
        self.0.swap(steps, Ordering::SeqCst)
    }
}

impl Clock for Fuse {
    fn now(&self) -> Timestamp {
        self.burn();
        "2026-11-22T00:00:00Z".parse().expect("a time")
    }

    fn monotonic(&self) -> Duration {
        Duration::ZERO
    }
}

#[derive(Clone)]
pub(super) struct Stored {
    version: u64,
    pub(super) bytes: Vec<u8>,
    modified: Timestamp,
}

/// A store of objects, and what is asked of it.
pub(super) struct Store {
    pub(super) objects: BTreeMap<String, Stored>,
    page: usize,
    versions: u64,
    pub(super) listed: Vec<Option<String>>,
    pub(super) read: Vec<String>,
    /// Written over when it is read, once.
    pub(super) changing: BTreeMap<String, Vec<u8>>,
    pub(super) refusing: BTreeSet<String>,
    pub(super) archived: BTreeSet<String>,
    /// Answered for a while as if they were not there.
    pub(super) lost: BTreeSet<String>,
    /// Never as they are listed.
    pub(super) restless: BTreeSet<String>,
    pub(super) is_stale: bool,
}

impl Store {
    fn new(page: usize) -> Self {
        Self {
            objects: BTreeMap::new(),
            page,
            versions: 0,
            listed: Vec::new(),
            read: Vec::new(),
            changing: BTreeMap::new(),
            refusing: BTreeSet::new(),
            archived: BTreeSet::new(),
            lost: BTreeSet::new(),
            restless: BTreeSet::new(),
            is_stale: false,
        }
    }

    pub(super) fn put(&mut self, key: &str, text: &str) {
        self.put_at(key, text, "2026-11-01T00:00:00Z");
    }

    pub(super) fn put_at(&mut self, key: &str, text: &str, modified: &str) {
        self.versions += 1;
        let stored = Stored {
            version: self.versions,
            bytes: text.as_bytes().to_vec(),
            modified: modified.parse().expect("a time"),
        };
        self.objects.insert(key.to_owned(), stored);
    }
}

/// The store, as it is asked by a process that may be cut off.
struct Asked<'a> {
    store: &'a mut Store,
    fuse: &'a Fuse,
}

impl Objects for Asked<'_> {
    fn check(&mut self) -> Vec<Point> {
        Vec::new()
    }

    fn list(&mut self, place: Option<&str>) -> Result<Listing, PullError> {
        self.fuse.burn();
        let store = &mut self.store;
        store.listed.push(place.map(str::to_owned));
        if place.is_some() && std::mem::take(&mut store.is_stale) {
            return Err(PullError::new(PullErrorKind::Changed, "no such place"));
        }
        let after = place.unwrap_or_default();
        let all = store.objects.iter().filter(|(key, _)| key.as_str() > after);
        let objects: Vec<Object> = all
            .take(store.page)
            .map(|(key, stored)| Object {
                key: key.clone(),
                version: stored.version.to_string(),
                size: stored.bytes.len() as u64,
                modified: Some(stored.modified),
            })
            .collect();
        let last = objects.last().map(|one| one.key.clone());
        let next = last.filter(|last| store.objects.keys().any(|key| key > last));
        Ok(Listing {
            objects,
            next,
            requests: 1,
        })
    }

    fn read(&mut self, object: &Object, into: &mut dyn Write) -> Result<u64, PullError> {
        self.fuse.burn();
        let store = &mut self.store;
        store.read.push(object.key.clone());
        if store.refusing.contains(&object.key) {
            return Err(PullError::new(PullErrorKind::Denied, "may not be read"));
        }
        if store.archived.contains(&object.key) {
            return Err(
                PullError::new(PullErrorKind::Archived, "it is archived").advice("restore it")
            );
        }
        if store.lost.contains(&object.key) {
            return Err(PullError::new(PullErrorKind::Missing, "there is no bucket"));
        }
        if store.restless.contains(&object.key) {
            return Err(PullError::new(PullErrorKind::Changed, "another version"));
        }
        if let Some(bytes) = store.changing.remove(&object.key) {
            let text = String::from_utf8(bytes).expect("text");
            store.put(&object.key, &text);
        }
        let stored = store.objects.get(&object.key);
        let stored = stored.filter(|stored| stored.version.to_string() == object.version);
        let Some(stored) = stored else {
            return Err(PullError::new(PullErrorKind::Changed, "another version"));
        };
        into.write_all(&stored.bytes)
            .map_err(|error| PullError::new(PullErrorKind::Answer, error.to_string()))?;
        Ok(stored.bytes.len() as u64)
    }
}

/// What stands in batch files, as the state keeps it.
#[derive(Default)]
pub(super) struct Noted {
    rows: Mutex<Vec<(TraceIdentity, String, PathBuf)>>,
    pub(super) fuse: Fuse,
}

impl Ledger for Noted {
    fn known(
        &self,
        _directory: &Path,
        traces: &[(&TraceIdentity, &str)],
    ) -> Result<Vec<Known>, LedgerError> {
        self.fuse.burn();
        let rows = self.rows.lock().expect("whole");
        let known = |(identity, revision): &(&TraceIdentity, &str)| {
            let of: Vec<&str> = rows
                .iter()
                .filter(|row| row.0 == **identity)
                .map(|row| row.1.as_str())
                .collect();
            if of.contains(revision) {
                Known::Same
            } else if of.is_empty() {
                Known::New
            } else {
                Known::Changed
            }
        };
        Ok(traces.iter().map(known).collect())
    }

    fn place(&self, _: &Path, identity: &TraceIdentity) -> Result<Option<PathBuf>, LedgerError> {
        let rows = self.rows.lock().expect("whole");
        let newest = rows.iter().rev().find(|row| row.0 == *identity);
        Ok(newest.map(|row| row.2.clone()))
    }

    fn note(&self, _: &str, packed: &Packed) -> Result<(), LedgerError> {
        self.fuse.burn();
        let mut rows = self.rows.lock().expect("whole");
        for (identity, revision) in &packed.traces {
            rows.push((identity.clone(), revision.clone(), packed.path.clone()));
        }
        Ok(())
    }
}

/// A machine on which passes are made.
pub(super) struct World {
    pub(super) folder: tempfile::TempDir,
    pub(super) store: Store,
    pub(super) noted: Noted,
    said: BTreeMap<String, SaidValue>,
    pub(super) limit: Option<u64>,
    pub(super) since: Option<Timestamp>,
    pub(super) is_dry: bool,
    pub(super) format: FileFormat,
}

impl World {
    pub(super) fn new(page: usize) -> Self {
        Self {
            folder: tempfile::tempdir().expect("a folder"),
            store: Store::new(page),
            noted: Noted::default(),
            said: BTreeMap::new(),
            limit: None,
            since: None,
            is_dry: false,
            format: FORMAT,
        }
    }

    pub(super) fn say(&mut self, name: &str, value: SaidValue) {
        self.said.insert(name.to_owned(), value);
    }

    pub(super) fn pass(&mut self) -> Passed {
        let settings = Settings::of("s3", &Said::new(self.said.clone())).expect("settings");
        let spool = self.folder.path().join("spool");
        let traces = self.folder.path().join("traces");
        fs::create_dir_all(&traces).expect("writable");
        let mut ledger = ObjectLedger::open(&spool).expect("a ledger");
        // A dry run has a ledger of its own.
        let floor = match self.is_dry {
            true => self.since,
            false => ledger.floor(&settings.store, self.since).expect("a ledger"),
        };
        let redactor = Redactor::by_name_only([0; 32], []);
        let import = Import {
            format: &self.format,
            redactor: &redactor,
            ledger: &self.noted,
            clock: &self.noted.fuse,
            source: "bucket",
            provider: "s3",
            directory: &traces,
            since: self.since.or(floor),
            limit: self.limit,
            is_dry: self.is_dry,
            is_wanted: &|_| true,
            is_stopped: &|| false,
        };
        let mut asked = Asked {
            store: &mut self.store,
            fuse: &self.noted.fuse,
        };
        let pass = Pass {
            objects: &mut asked,
            ledger: &mut ledger,
            settings: &settings,
            import: &import,
            floor,
            spool: &spool,
            told: &mut |_| {},
        };
        pass.run().expect("only the store fails")
    }

    pub(super) fn report(&mut self) -> ObjectsReport {
        let passed = self.pass();
        assert_eq!(passed.trouble, None);
        passed.report
    }

    /// The newest name of each trace in the trace directory.
    pub(super) fn traces(&self) -> BTreeMap<String, String> {
        let mut found = BTreeMap::new();
        for (identity, _, path) in self.noted.rows.lock().expect("whole").iter() {
            let text = fs::read_to_string(path).expect("a batch file");
            let batch: serde_json::Value = serde_json::from_str(&text).expect("JSON");
            for trace in batch["traces"].as_array().expect("a list") {
                if trace["id"] == identity.trace.as_str() {
                    let name = trace["name"].as_str().expect("a name").to_owned();
                    found.insert(identity.trace.clone(), name);
                }
            }
        }
        found
    }

    pub(super) fn taken(&mut self) -> (usize, Vec<String>) {
        let listed = std::mem::take(&mut self.store.listed).len();
        (listed, std::mem::take(&mut self.store.read))
    }
}
