//! Importing files that lie elsewhere into a trace directory, as batch files.
//!
//! What is there already is not written again: a ledger knows what stands in which file of the
//! directory. A file is noted in it after it was written, so that a crash between the two costs a
//! repetition, which attach finds to be known.

use std::collections::BTreeSet;
use std::error::Error;
use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::time::Duration;

use archal_core::clock::{Clock, Timestamp};
use archal_core::diagnostic::Diagnostic;
use archal_core::hash;
use archal_core::redact::Redactor;
use archal_core::source::FileFormat;
use archal_core::trace::TraceIdentity;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::file::{FileReport, FileStatus, Imported, age, read_bytes};
use super::folder::{self, ScanError};
use super::pack::{Packed, Packer};
use super::parts::{Part, Parts};
use super::pieces::{self, LargeFile, PieceLimits};
use crate::store::atomic::WriteError;

/// The most findings that are told one by one.
const MOST_FINDINGS: usize = 100;
/// The most files of which a report names each.
const MOST_FILES: usize = 1_000;

/// How a trace stands in a directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Known {
    /// It was never there.
    New,
    /// Another revision of it was.
    Changed,
    /// It is there, and nothing that came later.
    Same,
    /// It is there, and another revision came later.
    Earlier,
}

/// Why a ledger cannot be used.
pub type LedgerError = Box<dyn Error + Send + Sync>;

/// What stands in the files of trace directories.
pub trait Ledger {
    /// How each of these revisions stands in a directory.
    ///
    /// # Errors
    ///
    /// When it cannot be read.
    fn known(
        &self,
        directory: &Path,
        traces: &[(&TraceIdentity, &str)],
    ) -> Result<Vec<Known>, LedgerError>;

    /// The file of a directory that has the newest revision of a trace; none where none is there.
    ///
    /// # Errors
    ///
    /// When it cannot be read.
    fn place(
        &self,
        directory: &Path,
        identity: &TraceIdentity,
    ) -> Result<Option<PathBuf>, LedgerError>;

    /// Notes a file that was written for a source of that name.
    ///
    /// # Errors
    ///
    /// When it cannot be written.
    fn note(&self, source: &str, packed: &Packed) -> Result<(), LedgerError>;
}

/// What is imported, and where to.
pub struct Import<'a> {
    /// The files that are read.
    pub format: &'a FileFormat,
    /// What must not reach the disk.
    pub redactor: &'a Redactor,
    /// What is there already.
    pub ledger: &'a dyn Ledger,
    /// The time.
    pub clock: &'a dyn Clock,
    /// The source's name: that of traces whose file names none, and the beginning of the names of
    /// batch files.
    pub source: &'a str,
    /// Its provider, as batch files name it.
    pub provider: &'a str,
    /// The trace directory, absolute.
    pub directory: &'a Path,
    /// Traces that ended before are left out.
    pub since: Option<Timestamp>,
    /// How many traces are written at most.
    pub limit: Option<u64>,
    /// Whether everything is done but writing.
    pub is_dry: bool,
    /// Whether a file is to be read; asked once of each.
    pub is_wanted: &'a dyn Fn(&Path) -> bool,
    /// Whether to end after the present file.
    pub is_stopped: &'a dyn Fn() -> bool,
}

/// What became of an import.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ImportReport {
    /// The file or folder that was read.
    pub path: PathBuf,
    /// The trace directory.
    pub trace_dir: PathBuf,
    /// The source's name.
    pub source: String,
    /// Whether nothing was written, because nothing was to be.
    pub is_dry_run: bool,
    /// Files that were read.
    pub files: u64,
    /// The dialects of these.
    pub dialects: BTreeSet<String>,
    /// Traces that the directory did not have.
    pub new: u64,
    /// Traces of which it had another revision.
    pub updated: u64,
    /// Traces that it had as they are.
    pub unchanged: u64,
    /// Traces that ended too long ago to be asked for.
    pub older: u64,
    /// Files of which nothing, and records of others that could not be read.
    pub failed: u64,
    /// Values that were redacted in what is new or updated.
    pub redactions: u64,
    /// Bytes of the files that were read, as they lie on the disk.
    pub bytes: u64,
    /// How long it took, in milliseconds.
    pub took_ms: u64,
    /// Whether the limit was reached, so that there may be more.
    pub is_limited: bool,
    /// Whether it was stopped before the end.
    pub is_interrupted: bool,
    /// Batch files that were written, the first of them.
    pub written: Vec<PathBuf>,
    /// How many were written.
    pub written_files: u64,
    /// Their size in bytes.
    pub written_bytes: u64,
    /// What could not be read, the first findings.
    pub diagnostics: Vec<Diagnostic>,
}

/// Why an import ended. What was written until then stays, and is known the next time.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The folder cannot be read.
    #[error(transparent)]
    Scan(#[from] ScanError),
    /// The traces are in the trace directory already.
    #[error("{} is in the trace directory {}", path.display(), directory.display())]
    Inside {
        /// What was to be imported.
        path: PathBuf,
        /// The trace directory.
        directory: PathBuf,
    },
    /// A batch file cannot be written.
    #[error(transparent)]
    Write(#[from] WriteError),
    /// What is known cannot be read or written.
    #[error("what is in the trace directory already cannot be told")]
    Ledger(#[source] LedgerError),
}

impl Import<'_> {
    /// Imports a file, or the files of a folder; `told` is given one line for each file of a folder.
    ///
    /// # Errors
    ///
    /// When something but the traces is wrong: those are findings.
    pub fn run(
        &self,
        path: &Path,
        told: &mut dyn FnMut(&str),
    ) -> Result<ImportReport, ImportError> {
        let mut work = self.begin(path);
        let files = self.files(path, &mut work.report)?;
        let is_many = files.len() > 1;
        for file in files {
            if (self.is_stopped)() {
                work.report.is_interrupted = true;
                break;
            }
            if work.is_full() {
                work.report.is_limited = true;
                break;
            }
            if !(self.is_wanted)(&file) {
                continue;
            }
            let before = work.counts();
            work.file(&file)?;
            if is_many {
                let [new, updated, unchanged] = work.counts();
                told(&format!(
                    "{}: {} new, {} updated, {} unchanged",
                    file.display(),
                    new - before[0],
                    updated - before[1],
                    unchanged - before[2]
                ));
            }
        }
        work.write()?;
        Ok(work.ended())
    }

    /// An import of what lies at `path`, whose files are handed to it one by one.
    pub fn begin(&self, path: &Path) -> Importing<'_> {
        Importing {
            import: self,
            packer: Packer::new(self.directory, self.source, self.provider),
            parts: Parts::new(self.format, self.redactor),
            seen: BTreeSet::new(),
            alone: 0,
            begun: self.clock.monotonic(),
            report: ImportReport {
                path: path.to_owned(),
                trace_dir: self.directory.to_owned(),
                source: self.source.to_owned(),
                is_dry_run: self.is_dry,
                ..ImportReport::default()
            },
        }
    }

    fn files(&self, path: &Path, report: &mut ImportReport) -> Result<Vec<PathBuf>, ImportError> {
        let real = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_owned());
        let (asked, directory) = (real(path), real(self.directory));
        if asked.starts_with(&directory) {
            return Err(ImportError::Inside {
                path: path.to_owned(),
                directory: self.directory.to_owned(),
            });
        }
        if !path.is_dir() {
            return Ok(vec![path.to_owned()]);
        }
        let scan = folder::scan(self.format, path)?;
        report.failed += scan.diagnostics.len() as u64;
        report.diagnostics.extend(scan.diagnostics);
        let mut files = scan.files;
        files.retain(|file| !real(file).starts_with(&directory));
        Ok(files)
    }
}

/// An import under way.
pub struct Importing<'a> {
    import: &'a Import<'a>,
    packer: Packer<'a>,
    parts: Parts<'a>,
    /// Hashes of identities, and of identities with revisions, that this import came upon and that
    /// are not noted yet: the same trace may be in several files.
    seen: BTreeSet<u64>,
    /// Scores that came without their trace.
    alone: u64,
    begun: Duration,
    report: ImportReport,
}

/// What was taken of a file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Taken {
    /// Whether traces were left out that another import may want: too old for this one, or too many.
    pub is_partial: bool,
    /// Why nothing of it could be read.
    pub rejected: Option<String>,
}

impl Importing<'_> {
    /// Whether as many traces were taken as were asked for.
    pub fn is_full(&self) -> bool {
        let taken = self.report.new + self.report.updated;
        self.import.limit.is_some_and(|limit| taken >= limit)
    }

    /// How many traces' scores came without their trace, which the directory does not have.
    pub fn alone(&self) -> u64 {
        self.alone
    }

    /// What became of it so far.
    pub fn report(&self) -> &ImportReport {
        &self.report
    }

    /// The same, to add to.
    pub fn report_mut(&mut self) -> &mut ImportReport {
        &mut self.report
    }

    /// What became of it.
    pub fn ended(self) -> ImportReport {
        let mut report = self.report;
        let took = self.import.clock.monotonic().saturating_sub(self.begun);
        report.took_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        report
    }

    fn counts(&self) -> [u64; 3] {
        [self.report.new, self.report.updated, self.report.unchanged]
    }

    /// Takes a file.
    ///
    /// # Errors
    ///
    /// When something but the traces is wrong.
    pub fn file(&mut self, path: &Path) -> Result<Taken, ImportError> {
        let (format, redactor) = (self.import.format, self.import.redactor);
        let source = Some(self.import.source);
        let is_stopped = self.import.is_stopped;
        let (read, large) = pieces::begin(
            format,
            path,
            (redactor, source),
            PieceLimits::default(),
            is_stopped,
        );
        if large.is_some() && is_stopped() {
            self.report.is_interrupted = true;
            return Ok(Taken {
                is_partial: true,
                rejected: None,
            });
        }
        let read = read.settle(Duration::MAX);
        match large {
            Some(large) if read.status == FileStatus::Imported => self.large(&large, read),
            _ => self.take(read),
        }
    }

    /// Takes a large file, piece by piece.
    fn large(&mut self, large: &LargeFile<'_>, said: FileReport) -> Result<Taken, ImportError> {
        let (import, mut taken) = (self.import, Taken::default());
        let report = large.read(
            said,
            import.redactor,
            Some(import.source),
            &mut |mut piece| -> Result<ControlFlow<()>, ImportError> {
                self.tell(std::mem::take(&mut piece.diagnostics));
                self.traces(piece, &mut taken)?;
                if (import.is_stopped)() {
                    self.report.is_interrupted = true;
                    taken.is_partial = true;
                }
                let ends = self.report.is_interrupted || self.report.is_limited;
                Ok(if ends {
                    ControlFlow::Break(())
                } else {
                    ControlFlow::Continue(())
                })
            },
        )?;
        let whole = self.take(report)?;
        taken.is_partial |= whole.is_partial;
        taken.rejected = whole.rejected;
        Ok(taken)
    }

    /// Takes the bytes of a file that is told of as `shown`.
    ///
    /// # Errors
    ///
    /// When something but the traces is wrong.
    pub fn bytes(&mut self, shown: &Path, bytes: &[u8]) -> Result<Taken, ImportError> {
        let (format, redactor) = (self.import.format, self.import.redactor);
        let source = Some(self.import.source);
        self.caught(shown, || read_bytes(format, shown, bytes, redactor, source))
    }

    /// A file is hostile: one that finds a fault in archal does not end the import.
    fn caught(
        &mut self,
        path: &Path,
        read: impl FnOnce() -> FileReport,
    ) -> Result<Taken, ImportError> {
        let read = catch_unwind(AssertUnwindSafe(|| read().settle(Duration::MAX)));
        self.take(read.unwrap_or_else(|_| FileReport::faulty(path)))
    }

    fn take(&mut self, mut read: FileReport) -> Result<Taken, ImportError> {
        let mut taken = Taken::default();
        self.report.files += 1;
        self.report.bytes += read.bytes;
        self.report.dialects.extend(read.dialect.clone());
        let errors = read.diagnostics.iter().filter(|finding| finding.is_error());
        let refused = match &read.status {
            FileStatus::Imported => None,
            // It joins what the directory has.
            FileStatus::Rejected { .. } if !read.scores.is_empty() => None,
            FileStatus::Waiting { reason } | FileStatus::Rejected { reason } => Some(reason),
        };
        self.report.failed += match refused {
            None => errors.count() as u64,
            Some(_) => 1,
        };
        let mut findings = std::mem::take(&mut read.diagnostics);
        if let Some(reason) = refused {
            taken.rejected = Some(reason.clone());
            if !findings.iter().any(Diagnostic::is_error) {
                let finding = Diagnostic::error("trace/rejected", reason.clone());
                findings.push(finding.in_file(&read.path));
            }
        }
        self.listed(findings);
        self.traces(read, &mut taken)?;
        Ok(taken)
    }

    /// Counts findings of a file that is read, and lists them while there is room.
    fn tell(&mut self, findings: Vec<Diagnostic>) {
        let errors = findings.iter().filter(|finding| finding.is_error());
        self.report.failed += errors.count() as u64;
        self.listed(findings);
    }

    fn listed(&mut self, findings: Vec<Diagnostic>) {
        let room = MOST_FINDINGS.saturating_sub(self.report.diagnostics.len());
        let listed = findings.into_iter().take(room);
        self.report.diagnostics.extend(listed);
    }

    /// Takes the traces of a file or a piece of one.
    fn traces(&mut self, read: FileReport, taken: &mut Taken) -> Result<(), ImportError> {
        let traces: Vec<Imported> = read.traces.into_iter().chain(read.scores).collect();
        let asked: Vec<(&TraceIdentity, &str)> = traces
            .iter()
            .map(|one| (&one.identity, one.trace.revision.as_str()))
            .collect();
        let known = self
            .import
            .ledger
            .known(self.import.directory, &asked)
            .map_err(ImportError::Ledger)?;
        for (one, known) in traces.into_iter().zip(known) {
            if self.is_full() {
                self.report.is_limited = true;
                taken.is_partial = true;
                break;
            }
            taken.is_partial |= !self.trace(one, known, read.is_in_parts)?;
        }
        Ok(())
    }

    /// Takes a trace; false where it is left out though the directory does not have it.
    fn trace(
        &mut self,
        one: Imported,
        known: Known,
        is_in_parts: bool,
    ) -> Result<bool, ImportError> {
        let TraceIdentity {
            source,
            project,
            trace,
        } = &one.identity;
        let identity = format!("{source}\0{project}\0{trace}\0");
        let revision = format!("{identity}{}", one.trace.revision);
        // Files that have several revisions change nothing when they are read again.
        let is_there = matches!(known, Known::Same | Known::Earlier);
        if is_there || !self.seen.insert(hash::sixty_four_bits(revision.as_bytes())) {
            self.report.unchanged += 1;
            return Ok(true);
        }
        let identity = hash::sixty_four_bits(identity.as_bytes());
        if is_in_parts
            && one.trace.spans.is_empty()
            && known == Known::New
            && !self.seen.contains(&identity)
        {
            self.alone += 1;
            // Read again when its trace has come, it joins it.
            self.seen
                .remove(&hash::sixty_four_bits(revision.as_bytes()));
            if self.report.diagnostics.len() < MOST_FINDINGS {
                let told = format!(
                    "scores of trace `{}`, which the directory does not have",
                    trace.escape_default()
                );
                let told = Diagnostic::note("trace/score-alone", told);
                self.report.diagnostics.push(told);
            }
            return Ok(true);
        }
        let (ended, _) = age(&one.trace);
        if let (Some(since), Some(ended)) = (self.import.since, ended)
            && ended < since
        {
            self.report.older += 1;
            return Ok(false);
        }
        let is_first = self.seen.insert(identity);
        let is_new = known == Known::New && is_first;
        let redactions = one.redactions.values().sum::<u64>();
        if is_in_parts && !self.import.is_dry {
            let written = if known == Known::New {
                None
            } else {
                let place = self.import.ledger;
                place
                    .place(self.import.directory, &one.identity)
                    .map_err(ImportError::Ledger)?
            };
            match self.parts.hold(one, written.as_deref()) {
                Part::First => self.count(is_new, redactions),
                Part::Joined => self.report.redactions += redactions,
                Part::Known => self.report.unchanged += 1,
            }
            if self.parts.is_full() {
                self.write()?;
            }
            return Ok(true);
        }
        self.count(is_new, redactions);
        if self.import.is_dry {
            return Ok(true);
        }
        let now = self.import.clock.now();
        let written = self.packer.add(&one.identity, &one.trace, now)?;
        self.note(written)?;
        Ok(true)
    }

    fn count(&mut self, is_new: bool, redactions: u64) {
        if is_new {
            self.report.new += 1;
        } else {
            self.report.updated += 1;
        }
        self.report.redactions += redactions;
    }

    /// Writes and notes everything that was taken.
    ///
    /// # Errors
    ///
    /// When a file cannot be written, or not be noted.
    pub fn write(&mut self) -> Result<(), ImportError> {
        let now = self.import.clock.now();
        for one in self.parts.take() {
            let written = self.packer.add(&one.identity, &one.trace, now)?;
            self.note(written)?;
        }
        let written = self.packer.finish(now)?;
        self.note(written)?;
        if !self.import.is_dry {
            // The ledger knows it by now.
            self.seen.clear();
        }
        Ok(())
    }

    fn note(&mut self, written: Vec<Packed>) -> Result<(), ImportError> {
        for packed in written {
            self.import
                .ledger
                .note(self.import.source, &packed)
                .map_err(ImportError::Ledger)?;
            self.report.written_files += 1;
            self.report.written_bytes += packed.bytes;
            if self.report.written.len() < MOST_FILES {
                self.report.written.push(packed.path);
            }
        }
        Ok(())
    }
}
