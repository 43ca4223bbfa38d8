//! Reading one file: decode, identify, redact, give each trace its revision.

use std::collections::BTreeMap;
use std::fs::{File, Metadata};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::Duration;

use archal_core::diagnostic::Diagnostic;
use archal_core::redact::{RedactionCounts, Redactor};
use archal_core::source::{Decoded, FileFormat};
use archal_core::trace::{Trace, TraceIdentity};

/// The largest file that is read as one, in bytes as it lies on the disk.
pub const MAX_FILE: u64 = 512 * 1024 * 1024;
/// How long an unfinished file of records must have stood still before its whole records count.
pub const RECORDS_SETTLE: Duration = Duration::from_secs(2);
/// How long any other unfinished file must have stood still before it is rejected.
pub const FILE_SETTLES: Duration = Duration::from_secs(60);
/// What mends a file that is too large.
const ON_LINES: &str = "write each record on a line of its own, which is read whatever the size: jq -c '.[]' FILE > FILE.jsonl";
/// The source's name where neither file nor directory has one.
const UNNAMED: &str = "file";

/// A trace as the later stages take it.
#[derive(Debug, Clone, PartialEq)]
pub struct Imported {
    /// What makes it this trace.
    pub identity: TraceIdentity,
    /// The trace, normalised and redacted, with its revision.
    pub trace: Trace,
    /// How often each redaction rule fired.
    pub redactions: RedactionCounts,
    /// How many of its spans spoke which dialect of attributes, where its file says.
    pub dialects: BTreeMap<&'static str, u64>,
}

/// What became of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FileStatus {
    /// Its traces can be used; a diagnostic may still say what could not be read.
    Imported,
    /// It is not finished; look again when it has changed, or call [`FileReport::settle`].
    Waiting {
        /// What it waits for.
        reason: String,
    },
    /// It holds no trace; look again when it has changed.
    Rejected {
        /// Why, in one sentence.
        reason: String,
    },
}

/// What one file held.
#[derive(Debug, Clone, PartialEq)]
pub struct FileReport {
    /// The file.
    pub path: PathBuf,
    /// What became of it.
    pub status: FileStatus,
    /// The dialect that was detected, with those of its spans: `otlp-json: http, openinference`.
    pub dialect: Option<String>,
    /// Its traces, sorted by identity; empty unless it is imported.
    pub traces: Vec<Imported>,
    /// What could not be read, with place and reason, each naming the file.
    pub diagnostics: Vec<Diagnostic>,
    /// Its size on the disk.
    pub bytes: u64,
    /// Whether its traces may go on in other files.
    pub is_in_parts: bool,
    /// Scores of traces whose spans stand in other files: no traces by themselves.
    pub scores: Vec<Imported>,
    /// Whole records of an unfinished file.
    held: Vec<Imported>,
    /// Whether whole records of it are read in pieces.
    is_large: bool,
    by_record: bool,
}

impl FileReport {
    /// A file whose reading ended in a fault of archal's own.
    pub fn faulty(path: &Path) -> Self {
        let finding = Diagnostic::error(
            "trace/fault",
            "archal has a fault that this file finds; please report it",
        );
        let decoded = Decoded {
            complete: true,
            diagnostics: vec![finding],
            ..Decoded::default()
        };
        report(path, 0, decoded, Vec::new())
    }

    fn has_records(&self) -> bool {
        self.by_record && (self.is_large || !self.held.is_empty())
    }

    /// How long a waiting file must have stood still before [`Self::settle`] decides about it;
    /// none when there is nothing to wait for.
    pub fn settles_after(&self) -> Option<Duration> {
        match self.status {
            FileStatus::Waiting { .. } if self.has_records() => Some(RECORDS_SETTLE),
            FileStatus::Waiting { .. } => Some(FILE_SETTLES),
            FileStatus::Imported | FileStatus::Rejected { .. } => None,
        }
    }

    /// Decides about a waiting file that has not grown for `quiet`: after [`RECORDS_SETTLE`] a
    /// file of records gives its whole records, after [`FILE_SETTLES`] anything else is rejected.
    #[must_use]
    pub fn settle(mut self, quiet: Duration) -> Self {
        let FileStatus::Waiting { reason } = &self.status else {
            return self;
        };
        if self.has_records() && quiet >= RECORDS_SETTLE {
            self.traces = std::mem::take(&mut self.held);
            self.status = FileStatus::Imported;
        } else if quiet >= FILE_SETTLES {
            self.held.clear();
            self.status = FileStatus::Rejected {
                reason: format!("incomplete: {reason}"),
            };
        }
        self
    }
}

/// Reads one file of `format`.
///
/// `attached` is the source's name that the trace directory was attached under; a file that
/// names a source itself keeps that. A file that cannot be read is a rejected one.
pub fn read_file(
    format: &FileFormat,
    path: &Path,
    redactor: &Redactor,
    attached: Option<&str>,
) -> FileReport {
    match bytes_of(path) {
        Ok(bytes) => read_bytes(format, path, &bytes, redactor, attached),
        Err(error) => {
            let mut finding =
                Diagnostic::error("trace/unreadable", format!("cannot be read: {error}"));
            if error.kind() == io::ErrorKind::FileTooLarge {
                finding = finding.with_help(ON_LINES);
            }
            let decoded = Decoded {
                complete: true,
                diagnostics: vec![finding],
                ..Decoded::default()
            };
            report(path, 0, decoded, Vec::new())
        }
    }
}

/// [`read_file`] of bytes that are at hand: a pure function.
pub fn read_bytes(
    format: &FileFormat,
    path: &Path,
    bytes: &[u8],
    redactor: &Redactor,
    attached: Option<&str>,
) -> FileReport {
    imported(
        path,
        bytes.len() as u64,
        (format.decode)(bytes),
        redactor,
        attached,
    )
}

/// What a piece of a large file held.
pub(super) fn piece(
    path: &Path,
    decoded: Decoded,
    redactor: &Redactor,
    attached: Option<&str>,
) -> FileReport {
    let mut report = imported(path, 0, decoded, redactor, attached);
    // What becomes of the file is decided about the whole.
    if let FileStatus::Waiting { .. } = report.status {
        report.traces = std::mem::take(&mut report.held);
    }
    report.status = FileStatus::Imported;
    report
}

/// A large file of `size` bytes, of which only `decoded` is known, and whether its records are good.
pub(super) fn large(path: &Path, size: u64, decoded: Decoded, is_good: bool) -> FileReport {
    let is_read = decoded.complete && is_good;
    let mut report = report(path, size, decoded, Vec::new());
    report.is_large = true;
    if is_read {
        report.status = FileStatus::Imported;
    }
    report
}

fn imported(
    path: &Path,
    bytes: u64,
    mut decoded: Decoded,
    redactor: &Redactor,
    attached: Option<&str>,
) -> FileReport {
    let name = decoded
        .origin
        .name
        .as_deref()
        .or(attached)
        .unwrap_or(UNNAMED);
    let dialect = decoded.dialect_with_spans();
    let imported: Vec<Imported> = std::mem::take(&mut decoded.traces)
        .into_iter()
        .map(|decoded_trace| {
            let mut trace = decoded_trace.trace;
            trace.id = clean(&trace.id, redactor);
            let identity = TraceIdentity {
                source: clean(decoded_trace.source.as_deref().unwrap_or(name), redactor),
                project: decoded
                    .origin
                    .project
                    .as_deref()
                    .or(decoded_trace.project.as_deref())
                    .map(|project| clean(project, redactor))
                    .unwrap_or_default(),
                trace: trace.id.clone(),
            };
            redacted(identity, trace, decoded_trace.dialects, redactor)
        })
        .collect();
    // They quote what they could not read.
    for finding in &mut decoded.diagnostics {
        finding.message = clean(&finding.message, redactor);
        finding.help = finding.help.as_deref().map(|help| clean(help, redactor));
    }
    let traces = newest_of_each(imported, &mut decoded.diagnostics);
    FileReport {
        dialect,
        ..report(path, bytes, decoded, traces)
    }
}

/// A text that names something and ends up in paths and messages: it stays as it is unless it
/// holds a secret.
fn clean(text: &str, redactor: &Redactor) -> String {
    redactor.text(text, &mut RedactionCounts::new())
}

fn redacted(
    identity: TraceIdentity,
    mut trace: Trace,
    dialects: BTreeMap<&'static str, u64>,
    redactor: &Redactor,
) -> Imported {
    let mut redactions = RedactionCounts::new();
    redactor.trace(&mut trace, &mut redactions);
    trace.renew_revision();
    Imported {
        identity,
        trace,
        redactions,
        dialects,
    }
}

/// One trace for each identity: the one that ended last, of equal ones the later in the file.
fn newest_of_each(imported: Vec<Imported>, diagnostics: &mut Vec<Diagnostic>) -> Vec<Imported> {
    let mut newest: BTreeMap<TraceIdentity, Imported> = BTreeMap::new();
    for one in imported {
        match newest.entry(one.identity.clone()) {
            std::collections::btree_map::Entry::Vacant(place) => {
                place.insert(one);
            }
            std::collections::btree_map::Entry::Occupied(mut place) => {
                if place.get().trace.revision == one.trace.revision {
                    continue;
                }
                diagnostics.push(Diagnostic::note(
                    "trace/several-revisions",
                    format!(
                        "trace `{}` is in the file more than once; its newest revision counts",
                        one.identity.trace.escape_default()
                    ),
                ));
                if is_newer(&one.trace, &place.get().trace) {
                    place.insert(one);
                }
            }
        }
    }
    newest.into_values().collect()
}

/// Whether `one`, read later, counts instead of `other`, another revision of the same trace: it
/// ended later, or at the same time and holds at least as much.
pub fn is_newer(one: &Trace, other: &Trace) -> bool {
    age(one) >= age(other)
}

/// The last time a trace names, and how much is in it.
pub fn age(trace: &Trace) -> (Option<jiff::Timestamp>, usize) {
    let last = trace
        .spans
        .iter()
        .flat_map(|span| [span.started_at, span.ended_at])
        .chain([trace.started_at, trace.ended_at])
        .flatten()
        .max();
    (last, trace.spans.len())
}

fn report(path: &Path, bytes: u64, decoded: Decoded, traces: Vec<Imported>) -> FileReport {
    let (scores, traces): (Vec<Imported>, Vec<Imported>) = traces
        .into_iter()
        .partition(|one| decoded.is_in_parts && one.trace.spans.is_empty());
    let diagnostics: Vec<Diagnostic> = decoded
        .diagnostics
        .into_iter()
        .map(|finding| finding.in_file(path))
        .collect();
    // The first of the worst: `max_by_key` keeps the last of equals.
    let worst = diagnostics
        .iter()
        .rev()
        .max_by_key(|finding| finding.severity)
        .map(|finding| finding.message.clone());
    let mut report = FileReport {
        path: path.to_owned(),
        status: FileStatus::Imported,
        dialect: None,
        traces: Vec::new(),
        diagnostics,
        bytes,
        is_in_parts: decoded.is_in_parts,
        scores,
        held: Vec::new(),
        is_large: false,
        by_record: decoded.by_record,
    };
    if !decoded.complete {
        report.held = traces;
        report.status = FileStatus::Waiting {
            reason: worst.unwrap_or_else(|| "the writer had not finished".to_owned()),
        };
    } else if traces.is_empty() {
        let none = if report.scores.is_empty() {
            "the file holds no trace"
        } else {
            "the file holds scores of traces that stand in other files"
        };
        report.status = FileStatus::Rejected {
            reason: worst.unwrap_or_else(|| none.to_owned()),
        };
    } else {
        report.traces = traces;
    }
    report
}

fn bytes_of(path: &Path) -> io::Result<Vec<u8>> {
    let file = opened(path)?;
    fits(&file.metadata()?)?;
    let mut bytes = Vec::new();
    // One byte more than allowed tells a file of just that size from one that is larger: it may
    // have grown since it was asked.
    file.take(MAX_FILE + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX_FILE {
        return Err(too_large());
    }
    Ok(bytes)
}

/// Opens a regular file.
pub(super) fn opened(path: &Path) -> io::Result<File> {
    // Asked before opening: opening a device may do something.
    regular(&std::fs::metadata(path)?)?;
    let file = open(path)?;
    // And again, for another one may lie there by now.
    regular(&file.metadata()?)?;
    Ok(file)
}

fn regular(metadata: &Metadata) -> io::Result<()> {
    if metadata.is_file() {
        Ok(())
    } else {
        Err(io::Error::other("it is not a regular file"))
    }
}

fn fits(metadata: &Metadata) -> io::Result<()> {
    if metadata.len() > MAX_FILE {
        return Err(too_large());
    }
    Ok(())
}

fn too_large() -> io::Error {
    let told = format!("it is larger than {} MiB", MAX_FILE / 1024 / 1024);
    io::Error::new(io::ErrorKind::FileTooLarge, told)
}

/// Opens for reading; a named pipe that has come to lie there is not waited for.
#[cfg(unix)]
fn open(path: &Path) -> io::Result<File> {
    use rustix::fs::{Mode, OFlags};
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    Ok(File::from(rustix::fs::open(path, flags, Mode::empty())?))
}

#[cfg(not(unix))]
fn open(path: &Path) -> io::Result<File> {
    File::open(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_asked_for_its_size_before_it_is_read() {
        let file = tempfile::tempfile().expect("temporary file");
        file.set_len(MAX_FILE).expect("a hole");
        assert!(fits(&file.metadata().expect("open")).is_ok());
        file.set_len(MAX_FILE + 1).expect("a hole");
        let error = fits(&file.metadata().expect("open")).expect_err("too large");
        assert_eq!(error.to_string(), "it is larger than 512 MiB");
    }
}
