//! Batch files: complete traces of several projects, one sync and one rename for all of them.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use archal_core::clock::Timestamp;
use archal_core::source::DecodedTrace;
use archal_core::trace::{BATCH_SCHEMA, BATCH_VERSION, BatchSource};
use serde::Serialize;

use crate::store::atomic::{self, WriteError};

/// Traces of one file.
pub const MOST_TRACES: usize = 1_000;
/// Bytes of one file; a trace that is larger has a file of its own.
pub const MOST_BYTES: usize = 32 << 20;
/// Names that are tried before one counts as impossible to find.
const MOST_NAMES: u32 = 10_000;

/// Traces on their way to a file: a line for each project, each a batch.
#[derive(Debug, Default)]
pub struct Packing {
    provider: &'static str,
    lines: BTreeMap<(Option<String>, Option<String>), Vec<u8>>,
    traces: usize,
    bytes: usize,
}

impl Packing {
    /// An empty file of this provider.
    pub fn new(provider: &'static str) -> Self {
        Self {
            provider,
            ..Self::default()
        }
    }

    /// How many traces are in it.
    pub fn traces(&self) -> usize {
        self.traces
    }

    /// Whether another trace of so many bytes makes it too large.
    pub fn is_full_with(&self, bytes: usize) -> bool {
        self.traces >= MOST_TRACES || self.traces > 0 && self.bytes + bytes > MOST_BYTES
    }

    /// Adds a trace, as JSON, of this source and project.
    pub fn add(&mut self, source: Option<String>, project: Option<String>, trace: &[u8]) {
        let line = self.lines.entry((source, project)).or_default();
        if !line.is_empty() {
            line.push(b',');
        }
        line.extend_from_slice(trace);
        self.traces += 1;
        self.bytes += trace.len() + 1;
    }

    /// What the file holds.
    ///
    /// # Errors
    ///
    /// When a name has no JSON form.
    pub fn bytes(&self) -> Result<Vec<u8>, serde_json::Error> {
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct Head<'a> {
            schema: &'a str,
            version: u32,
            complete: bool,
            source: BatchSource,
        }
        let mut out = Vec::with_capacity(self.bytes + 256 * self.lines.len());
        for ((source, project), traces) in &self.lines {
            let head = serde_json::to_string(&Head {
                schema: BATCH_SCHEMA,
                version: BATCH_VERSION,
                complete: true,
                source: BatchSource {
                    name: source.clone(),
                    provider: Some(self.provider.to_owned()),
                    project: project.clone(),
                },
            })?;
            // The list goes in before the brace that closes the head.
            let open = head.strip_suffix('}').unwrap_or(&head);
            out.extend_from_slice(open.as_bytes());
            out.extend_from_slice(b",\"traces\":[");
            out.extend_from_slice(traces);
            out.extend_from_slice(b"]}\n");
        }
        Ok(out)
    }

    /// Writes the file under a name of its own in `folder`: `<stem>-<time>-<n>.jsonl`. It is there,
    /// whole and synced, when this returns.
    ///
    /// # Errors
    ///
    /// When it cannot be encoded or written.
    pub fn write(&self, folder: &Path, stem: &str, now: Timestamp) -> Result<PathBuf, WriteError> {
        let bytes = self.bytes().map_err(|source| WriteError::Encode {
            path: folder.to_owned(),
            source,
        })?;
        let time = now.strftime("%Y%m%dT%H%M%S");
        for number in 1..=MOST_NAMES {
            let path = folder.join(format!("{stem}-{time}-{number}.jsonl"));
            match atomic::create(&path, &bytes) {
                Ok(()) => return Ok(path),
                Err(WriteError::Io { source, .. })
                    if source.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
        Err(WriteError::Io {
            path: folder.to_owned(),
            source: io::ErrorKind::AlreadyExists.into(),
        })
    }
}

/// A trace as it stands in a batch.
///
/// # Errors
///
/// When it has no JSON form.
pub fn encoded(decoded: &DecodedTrace) -> Result<Vec<u8>, serde_json::Error> {
    serde_json::to_vec(&decoded.trace)
}

/// The part of a registered name that stands in names of files.
pub fn stem(name: &str) -> String {
    let safe = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    let stem: String = name.chars().filter(|c| safe(*c)).take(40).collect();
    if stem.is_empty() {
        "traces".to_owned()
    } else {
        stem
    }
}

#[cfg(test)]
mod tests {
    use archal_core::trace::{Batch, Trace};

    use super::*;

    fn trace(id: &str) -> DecodedTrace {
        DecodedTrace {
            trace: Trace {
                id: id.to_owned(),
                ..Trace::default()
            },
            ..DecodedTrace::default()
        }
    }

    #[test]
    fn each_project_has_a_batch_and_no_file_takes_the_place_of_another() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut packing = Packing::new("otel");
        for (id, project) in [("a", Some("one")), ("b", None), ("c", Some("one"))] {
            let text = encoded(&trace(id)).expect("JSON");
            let project = project.map(str::to_owned);
            packing.add(Some("prod}".to_owned()), project, &text);
        }
        assert_eq!(packing.traces(), 3);
        let now: Timestamp = "2026-03-01T12:00:00Z".parse().expect("a time");
        let first = packing.write(folder.path(), "prod", now).expect("written");
        let second = packing.write(folder.path(), "prod", now).expect("written");
        assert_ne!(first, second);
        assert!(first.ends_with("prod-20260301T120000-1.jsonl"));
        let text = std::fs::read_to_string(first).expect("there");
        let batches: Vec<Batch> = text
            .lines()
            .map(|line| serde_json::from_str(line).expect("a batch"))
            .collect();
        let ids = |batch: &Batch| -> Vec<String> {
            batch.traces.iter().map(|trace| trace.id.clone()).collect()
        };
        assert_eq!(batches.len(), 2);
        assert_eq!(ids(&batches[0]), ["b"]);
        assert_eq!(ids(&batches[1]), ["a", "c"]);
        assert_eq!(batches[1].source.name.as_deref(), Some("prod}"));
        assert_eq!(batches[1].source.project.as_deref(), Some("one"));
        assert!(batches.iter().all(|batch| batch.complete));
    }

    #[test]
    fn a_file_is_full_by_traces_or_bytes() {
        let mut packing = Packing::new("otel");
        assert!(!packing.is_full_with(MOST_BYTES + 1), "one always fits");
        packing.add(None, None, b"{}");
        assert!(packing.is_full_with(MOST_BYTES));
        assert!(!packing.is_full_with(100));
        for _ in 1..MOST_TRACES {
            packing.add(None, None, b"{}");
        }
        assert!(packing.is_full_with(1));
    }

    #[test]
    fn stems_are_safe_in_names_of_files() {
        assert_eq!(stem("prod-eu_1"), "prod-eu_1");
        assert_eq!(stem("../../.x"), "x");
        assert_eq!(stem("..."), "traces");
    }
}
