//! Writing batch files: many traces a file, because each file costs a sync.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use archal_core::clock::Timestamp;
use archal_core::hash;
use archal_core::trace::{BATCH_SCHEMA, BATCH_VERSION, BatchSource, Trace, TraceIdentity};
use serde_json::Value;

use crate::store::atomic::{self, Durability, WriteError};
use crate::store::json;

/// The most traces of a file.
pub const MOST_TRACES: usize = 1_000;
/// The most bytes of a file; one trace that is larger has a file of its own.
pub const MOST_BYTES: usize = 32_000_000;
/// The most bytes that are held for all files that are not full yet.
pub const MOST_HELD: usize = 2 * MOST_BYTES;
/// Between two traces.
const BETWEEN: &[u8] = b",\n";
const END: &[u8] = b"\n]}\n";

/// A batch file that was written, and synced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Packed {
    /// It.
    pub path: PathBuf,
    /// Its size.
    pub bytes: u64,
    /// The identity and revision of each trace in it.
    pub traces: Vec<(TraceIdentity, String)>,
}

/// Puts traces into batch files of a directory. Nothing is written before a file is full or
/// [`Packer::finish`] is called.
pub struct Packer<'a> {
    directory: &'a Path,
    /// How names of files begin; a name that [`super::registry::source::check_name`] takes.
    name: &'a str,
    provider: &'a str,
    /// By source and project: a file names one of each.
    open: BTreeMap<(String, String), Open>,
    held: usize,
    most_held: usize,
}

struct Open {
    /// The head and the traces so far: what is large is not copied once more at the end.
    bytes: Vec<u8>,
    head: usize,
    traces: Vec<(TraceIdentity, String)>,
}

impl Open {
    fn new(head: Vec<u8>) -> Self {
        Self {
            head: head.len(),
            bytes: head,
            traces: Vec::new(),
        }
    }

    /// Bytes of its traces.
    fn held(&self) -> usize {
        self.bytes.len() - self.head
    }
}

impl<'a> Packer<'a> {
    /// Into `directory`, which is made on first use. `name` begins the names of files; `provider`
    /// stands in them.
    pub fn new(directory: &'a Path, name: &'a str, provider: &'a str) -> Self {
        Self {
            directory,
            name,
            provider,
            open: BTreeMap::new(),
            held: 0,
            most_held: MOST_HELD,
        }
    }

    /// Holding at most so many bytes for all files that are not full yet.
    #[must_use]
    pub fn holding(self, most_held: usize) -> Self {
        Self { most_held, ..self }
    }

    /// Takes a trace, redacted and with its revision. Gives the files that were written for it: one that
    /// became full, and the largest where too much was held, which may be the one with it.
    ///
    /// # Errors
    ///
    /// When the file cannot be written; what was in it is lost to this packer.
    pub fn add(
        &mut self,
        identity: &TraceIdentity,
        trace: &Trace,
        now: Timestamp,
    ) -> Result<Vec<Packed>, WriteError> {
        let bytes = json::compact(trace).map_err(|source| WriteError::Encode {
            path: self.directory.to_owned(),
            source,
        })?;
        let place = (identity.source.clone(), identity.project.clone());
        let fresh = || Open::new(head(self.provider, &place));
        let open = self.open.entry(place.clone()).or_insert_with(fresh);
        let mut written = Vec::new();
        let with = open.bytes.len() + BETWEEN.len() + bytes.len() + END.len();
        if !open.traces.is_empty() && (open.traces.len() >= MOST_TRACES || with > MOST_BYTES) {
            written.extend(self.close(&place, now)?);
        }
        let fresh = || Open::new(head(self.provider, &place));
        let open = self.open.entry(place.clone()).or_insert_with(fresh);
        if !open.traces.is_empty() {
            open.bytes.extend_from_slice(BETWEEN);
        }
        open.bytes.extend_from_slice(&bytes);
        open.traces.push((identity.clone(), trace.revision.clone()));
        self.held += bytes.len();
        while self.held > self.most_held {
            let largest = self.open.iter().max_by_key(|(_, open)| open.held());
            let Some(place) = largest.map(|(place, _)| place.clone()) else {
                break;
            };
            written.extend(self.close(&place, now)?);
        }
        Ok(written)
    }

    /// Writes what is left.
    ///
    /// # Errors
    ///
    /// When a file cannot be written.
    pub fn finish(&mut self, now: Timestamp) -> Result<Vec<Packed>, WriteError> {
        let places: Vec<(String, String)> = self.open.keys().cloned().collect();
        let mut written = Vec::new();
        for place in places {
            written.extend(self.close(&place, now)?);
        }
        Ok(written)
    }

    fn close(
        &mut self,
        place: &(String, String),
        now: Timestamp,
    ) -> Result<Option<Packed>, WriteError> {
        let Some(open) = self.open.remove(place) else {
            return Ok(None);
        };
        self.held = self.open.values().map(Open::held).sum::<usize>();
        if open.traces.is_empty() {
            return Ok(None);
        }
        let mut bytes = open.bytes;
        bytes.extend_from_slice(END);
        // To the millisecond, so that the files of two syncs within a second stand in the order they were written.
        let at = now.strftime("%Y%m%dT%H%M%S.%3fZ");
        let content = hash::sixty_four_bits(&bytes);
        let path = self
            .directory
            .join(format!("{}-{at}-{content:016x}.json", self.name));
        atomic::write(&path, &bytes, Durability::Synced)?;
        Ok(Some(Packed {
            path,
            bytes: bytes.len() as u64,
            traces: open.traces,
        }))
    }
}

/// The beginning of a batch file: everything before its traces.
fn head(provider: &str, (source, project): &(String, String)) -> Vec<u8> {
    let source = BatchSource {
        name: Some(source.clone()),
        provider: Some(provider.to_owned()),
        project: (!project.is_empty()).then(|| project.clone()),
    };
    let source = json::compact(&source).unwrap_or_else(|_| b"{}".to_vec());
    let schema = Value::from(BATCH_SCHEMA);
    let mut head =
        format!("{{\"schema\":{schema},\"version\":{BATCH_VERSION},\"complete\":true,\"source\":")
            .into_bytes();
    head.extend_from_slice(&source);
    head.extend_from_slice(b",\"traces\":[\n");
    head
}
