//! Files with a record on each line, of any size, read in pieces.
//!
//! A file is read twice. The first reading finds which traces stand in more than one chunk of it
//! (`spread`), whether it is whole, and whether it can be believed. The second decodes it chunk by chunk
//! (`chunks`); lines of traces that go on wait (`held`) until the last chunk that has something of them, so
//! that every trace is decoded from all of its lines, as if the file had been read whole. Where more waits than
//! may be held, the traces that end last are left for another reading. Nothing is put on a disk: the file is
//! read again instead, and what was given of it until a crash is whole.

mod chunks;
mod held;
mod spread;

use std::collections::{BTreeSet, HashMap, HashSet};
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use archal_core::diagnostic::Diagnostic;
use archal_core::hash;
use archal_core::redact::Redactor;
use archal_core::source::{Decoded, FileFormat, Line, LineDialect, LineFormat, Piece};

use super::file::{self, FileReport, FileStatus};
use chunks::{Chunk, Chunks, Sizes};
use held::Held;
use spread::Spread;

/// Bounds of reading in pieces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PieceLimits {
    /// Bytes that are read whole, unpacked, though they be lines.
    pub whole: usize,
    /// Bytes of a chunk.
    pub piece: usize,
    /// Lines of a chunk.
    pub lines: usize,
    /// Bytes of a line; longer ones are left out.
    pub line: usize,
    /// Bytes of lines that wait; a trace that needs more is left out.
    pub held: usize,
    /// How often a file is decoded; what has to wait longer is left out.
    pub readings: u32,
}

impl Default for PieceLimits {
    fn default() -> Self {
        Self {
            whole: 40 << 20,
            piece: 8 << 20,
            lines: 50_000,
            line: 128 << 20,
            held: 128 << 20,
            readings: 200,
        }
    }
}

/// A large file with a record on each line, which was read once.
#[derive(Debug)]
pub struct LargeFile<'a> {
    lines: &'a LineFormat,
    dialect: LineDialect,
    path: PathBuf,
    limits: PieceLimits,
    /// The last chunk of each trace that may be in several.
    last: HashMap<u64, u32>,
    /// Bytes of lines, unpacked, and chunks of them: what is behind was written since.
    bytes: u64,
    chunks: u32,
}

/// Reads a file, one that is large for the first time: then what is said of it has no traces yet, and is
/// waiting where its last line is cut, and rejected where nothing of it is to be believed. `is_stopped` ends
/// that early, as if it waited.
pub fn begin<'a>(
    format: &'a FileFormat,
    path: &Path,
    (redactor, attached): (&Redactor, Option<&str>),
    limits: PieceLimits,
    is_stopped: &dyn Fn() -> bool,
) -> (FileReport, Option<LargeFile<'a>>) {
    // A file is hostile: one that finds a fault in archal is rejected, not read for ever.
    let read = || match open(format, path, limits) {
        Opened::Whole(Some(bytes)) => {
            let read = file::read_bytes(format, path, &bytes, redactor, attached);
            (read, None)
        }
        Opened::Whole(None) => (file::read_file(format, path, redactor, attached), None),
        Opened::Large(mut large, size) => {
            let report = large.scan(size, is_stopped);
            (report, Some(large))
        }
    };
    catch_unwind(AssertUnwindSafe(read)).unwrap_or_else(|_| (FileReport::faulty(path), None))
}

/// What a file was found to be.
enum Opened<'a> {
    /// To be read in pieces, being of that size on the disk.
    Large(LargeFile<'a>, u64),
    /// To be read as one; this is what it holds, where that is at hand.
    Whole(Option<Vec<u8>>),
}

/// Looks at the beginning of a file. One that cannot be read is said to be read as one, which tells why.
fn open<'a>(format: &'a FileFormat, path: &Path, limits: PieceLimits) -> Opened<'a> {
    let whole = Opened::Whole(None);
    let Some(lines) = &format.lines else {
        return whole;
    };
    let Ok((mut stream, size)) = unpacked(lines, path) else {
        return whole;
    };
    let mut head = Vec::new();
    let most = limits.whole as u64 + 1;
    let Ok(_) = stream.by_ref().take(most).read_to_end(&mut head) else {
        return whole;
    };
    if head.len() <= limits.whole {
        // What is empty, or looks packed once more, is told of by whoever reads it.
        let is_plain = head.first().is_some_and(|byte| b" \t\r\n{[".contains(byte));
        return Opened::Whole(is_plain.then_some(head));
    }
    // As much of it as is needed to know: its first line, and what stands near.
    while memchr::memchr(b'\n', &head).is_none() && head.len() <= limits.line {
        let more = (head.len() as u64).max(limits.piece as u64);
        match stream.by_ref().take(more).read_to_end(&mut head) {
            Ok(0) | Err(_) => break,
            Ok(_) => {}
        }
    }
    let first = memchr::memchr(b'\n', &head).map_or(head.len(), |end| end + 1);
    let shown = &head[..first.max(head.len().min(limits.piece))];
    let Some(dialect) = (lines.detect)(shown) else {
        return whole;
    };
    let large = LargeFile {
        lines,
        dialect,
        path: path.to_owned(),
        limits,
        last: HashMap::new(),
        bytes: 0,
        chunks: 0,
    };
    Opened::Large(large, size)
}

type Stream = Box<dyn Read + Send>;

fn unpacked(lines: &LineFormat, path: &Path) -> io::Result<(Stream, u64)> {
    let file: File = file::opened(path)?;
    let size = file.metadata()?.len();
    let stream = (lines.unpack)(Box::new(BufReader::with_capacity(1 << 17, file)), size)?;
    Ok((stream, size))
}

impl LargeFile<'_> {
    fn chunks(&self, most: u64) -> io::Result<Chunks<io::Take<Stream>>> {
        let (stream, _) = unpacked(self.lines, &self.path)?;
        let sizes = Sizes {
            piece: self.limits.piece,
            lines: self.limits.lines,
            line: self.limits.line,
        };
        Ok(Chunks::new(stream.take(most), sizes))
    }

    /// The keys of the traces that a line has something of.
    fn keys(&self, text: &[u8], keys: &mut Vec<u64>) {
        keys.clear();
        let dialect = self.dialect.name;
        (self.lines.traces)(dialect, text, &mut |trace| keys.push(spread::key(trace)));
        keys.sort_unstable();
        keys.dedup();
    }

    /// The first reading.
    fn scan(&mut self, size: u64, is_stopped: &dyn Fn() -> bool) -> FileReport {
        let mut decoded = Decoded {
            complete: true,
            by_record: true,
            is_in_parts: self.dialect.is_in_parts,
            ..Decoded::default()
        };
        let looked = self.look_through(&mut decoded, is_stopped);
        let is_good = looked.is_ok();
        if let Err(finding) = looked {
            // Nothing is waited for.
            decoded.complete = true;
            decoded.diagnostics = vec![finding];
        }
        file::large(&self.path, size, decoded, is_good)
    }

    fn look_through(
        &mut self,
        decoded: &mut Decoded,
        is_stopped: &dyn Fn() -> bool,
    ) -> Result<(), Diagnostic> {
        let unreadable = |error: &io::Error| {
            Diagnostic::error("trace/unreadable", format!("cannot be read: {error}"))
        };
        let mut chunks = self.chunks(u64::MAX).map_err(|error| unreadable(&error))?;
        let mut spread = self.dialect.is_in_parts.then(Spread::new);
        let mut keys = Vec::new();
        loop {
            let chunk = match chunks.next() {
                Ok(Some(chunk)) => chunk,
                Ok(None) => break,
                Err(error) if chunks::is_cut(&error) => {
                    decoded.complete = false;
                    let told = "the compressed file is cut short";
                    let finding = Diagnostic::warning("trace/incomplete", told);
                    decoded.diagnostics.push(finding);
                    break;
                }
                Err(error) if error.kind() == io::ErrorKind::Unsupported => {
                    let finding = Diagnostic::warning("trace/trailing-bytes", error.to_string());
                    decoded.diagnostics.push(finding);
                    break;
                }
                Err(error) if error.kind() == io::ErrorKind::FileTooLarge => {
                    let finding = Diagnostic::error("trace/too-large", error.to_string());
                    return Err(finding.with_help("split it into smaller files"));
                }
                Err(error) if error.raw_os_error().is_some() => return Err(unreadable(&error)),
                Err(_) => {
                    let told = "the compressed file is damaged";
                    return Err(Diagnostic::error("trace/bad-compression", told));
                }
            };
            if is_stopped() {
                decoded.complete = false;
                break;
            }
            if let Some(spread) = &mut spread {
                spread.begin(self.chunks);
                for (line, text) in chunk.lines() {
                    self.keys(text, &mut keys);
                    for key in &keys {
                        spread.note(*key).map_err(|_| too_many(line.number))?;
                    }
                }
            }
            if let Some(cut) = cut(&chunk) {
                decoded.complete = false;
                decoded.diagnostics.push(cut);
            }
            decoded
                .diagnostics
                .extend(chunk.too_long.iter().map(|line| self.too_long(line)));
            self.chunks += 1;
        }
        self.last = spread.map(Spread::last).unwrap_or_default();
        self.bytes = chunks.given();
        Ok(())
    }

    /// The second reading: gives what the file holds, piece by piece, until `take` breaks or fails; then all
    /// that is to be said of the file as a whole, added to what was said of it.
    ///
    /// # Errors
    ///
    /// Those of `take`.
    pub fn read<E>(
        &self,
        said: FileReport,
        redactor: &Redactor,
        attached: Option<&str>,
        take: &mut dyn FnMut(FileReport) -> Result<ControlFlow<()>, E>,
    ) -> Result<FileReport, E> {
        let mut reading = Reading {
            file: self,
            redactor,
            attached,
            last: &self.last,
            postponed: HashSet::new(),
            left_out: HashSet::new(),
            told: HashSet::new(),
            spans: BTreeSet::new(),
            traces: 0,
            is_broken_off: false,
            findings: Vec::new(),
        };
        let mut wanted: Option<HashSet<u64>> = None;
        for round in 1.. {
            let mut chunks = match self.chunks(self.bytes) {
                Ok(chunks) => chunks,
                Err(error) => {
                    reading.changed(&error.to_string());
                    break;
                }
            };
            match reading.round(&mut chunks, wanted.as_ref(), take)? {
                ControlFlow::Break(()) => {
                    reading.is_broken_off = true;
                    break;
                }
                ControlFlow::Continue(number) if number != self.chunks => {
                    reading.changed("it holds something else now");
                    break;
                }
                ControlFlow::Continue(_) => {}
            }
            let left = std::mem::take(&mut reading.postponed);
            if left.is_empty() {
                break;
            }
            if round >= self.limits.readings {
                reading.findings.push(too_far(left.len()));
                break;
            }
            wanted = Some(left);
        }
        Ok(reading.ended(said))
    }

    fn too_long(&self, line: &Line) -> Diagnostic {
        let most = self.limits.line >> 20;
        let told = format!(
            "line {} has more than {most} MiB and is left out",
            line.number
        );
        let begins = usize::try_from(line.offset).unwrap_or(usize::MAX);
        Diagnostic::error("trace/too-large", told).at(begins..begins)
    }
}

/// A last line without a line break that is no record: it is still being written.
fn cut(chunk: &Chunk) -> Option<Diagnostic> {
    let (line, text) = chunk.lines().last()?;
    let text_of = text.trim_ascii();
    if text.ends_with(b"\n") || text_of.is_empty() {
        return None;
    }
    let whole = serde_json::from_slice::<serde::de::IgnoredAny>(text_of).is_ok();
    let begins = usize::try_from(line.offset).unwrap_or(usize::MAX);
    (!whole).then(|| {
        Diagnostic::warning(
            "trace/incomplete",
            format!(
                "the file ends inside a record that begins at byte {}, on line {}",
                line.offset, line.number
            ),
        )
        .at(begins..begins.saturating_add(text.len()))
    })
}

fn too_many(line: u64) -> Diagnostic {
    let told = format!(
        "too many traces go on over the file to be put together, up to line {line}: its lines are in no order"
    );
    Diagnostic::error("trace/too-many", told)
        .with_help("sort its lines by trace, or split it by time into smaller files")
}

fn too_far(traces: usize) -> Diagnostic {
    let told = format!(
        "traces that are left out, because their lines lie too far from each other: {traces}"
    );
    Diagnostic::error("trace/too-many", told).with_help("sort the lines of the file by trace")
}

/// The second reading while it goes on.
struct Reading<'a> {
    file: &'a LargeFile<'a>,
    redactor: &'a Redactor,
    attached: Option<&'a str>,
    last: &'a HashMap<u64, u32>,
    /// Traces that are left for another reading.
    postponed: HashSet<u64>,
    /// Traces that are too large.
    left_out: HashSet<u64>,
    /// Hashes of findings: a line that has something of several traces is decoded for each.
    told: HashSet<u64>,
    /// Dialects of spans.
    spans: BTreeSet<&'static str>,
    traces: u64,
    is_broken_off: bool,
    findings: Vec<Diagnostic>,
}

/// What is done with a trace of a line.
enum Doing {
    /// It is decoded with the present chunk.
    Now,
    /// It waits for this chunk.
    Wait(u32),
    /// It is for another reading.
    Pass,
}

/// How many findings are compared with others.
const MOST_TOLD: usize = 10_000;

impl Reading<'_> {
    /// Reads all chunks, for all traces or those that are wanted; gives how many there were.
    fn round<E>(
        &mut self,
        chunks: &mut Chunks<io::Take<Stream>>,
        wanted: Option<&HashSet<u64>>,
        take: &mut dyn FnMut(FileReport) -> Result<ControlFlow<()>, E>,
    ) -> Result<ControlFlow<(), u32>, E> {
        let mut held = Held::default();
        let mut number = 0;
        // What ended the first reading ends this one, at the same place.
        while let Ok(Some(chunk)) = chunks.next() {
            let (text, lines) = self.chosen(chunk, number, wanted, &mut held);
            if !text.trim_ascii().is_empty() {
                let report = self.decoded(&text, &lines, number, wanted);
                if take(report)?.is_break() {
                    return Ok(ControlFlow::Break(()));
                }
            }
            number += 1;
        }
        Ok(ControlFlow::Continue(number))
    }

    fn doing(&self, key: u64, chunk: u32, wanted: Option<&HashSet<u64>>) -> Doing {
        let Some(last) = self.last.get(&key) else {
            return if wanted.is_none() {
                Doing::Now
            } else {
                Doing::Pass
            };
        };
        let is_wanted = wanted.is_none_or(|wanted| wanted.contains(&key));
        if !is_wanted || self.postponed.contains(&key) || self.left_out.contains(&key) {
            Doing::Pass
        } else if *last > chunk {
            Doing::Wait(*last)
        } else {
            Doing::Now
        }
    }

    /// The lines that are decoded with a chunk: those of it that need not wait, behind those that waited for it.
    fn chosen(
        &mut self,
        chunk: Chunk,
        number: u32,
        wanted: Option<&HashSet<u64>>,
        held: &mut Held,
    ) -> (Vec<u8>, Vec<Line>) {
        if self.last.is_empty() {
            return (chunk.text, chunk.lines);
        }
        let (mut text, mut lines) = (Vec::new(), Vec::new());
        let mut own: Vec<(&Line, &[u8])> = Vec::new();
        let mut keys = Vec::new();
        let mut waits = Vec::new();
        for (line, bytes) in chunk.lines() {
            self.file.keys(bytes, &mut keys);
            waits.clear();
            let mut is_now = keys.is_empty() && wanted.is_none();
            for key in &keys {
                match self.doing(*key, number, wanted) {
                    Doing::Now => is_now = true,
                    Doing::Wait(last) => waits.push((last, *key)),
                    Doing::Pass => {}
                }
            }
            if is_now {
                own.push((line, bytes));
            }
            if !waits.is_empty() {
                held.hold(line, bytes, &waits);
                self.make_room(held);
            }
        }
        held.take(number, &mut text, &mut lines);
        for (line, bytes) in own {
            lines.push(Line {
                at: text.len(),
                ..*line
            });
            text.extend_from_slice(bytes);
        }
        (text, lines)
    }

    fn make_room(&mut self, held: &mut Held) {
        let most = self.file.limits.held;
        for evicted in held.make_room(most) {
            if !evicted.is_alone {
                self.postponed.insert(evicted.key);
                continue;
            }
            self.left_out.insert(evicted.key);
            let told = format!(
                "a trace that begins on line {} has more than {} MiB and is left out",
                evicted.line,
                most >> 20
            );
            self.findings
                .push(Diagnostic::error("trace/too-large", told));
        }
    }

    fn decoded(
        &mut self,
        text: &[u8],
        lines: &[Line],
        chunk: u32,
        wanted: Option<&HashSet<u64>>,
    ) -> FileReport {
        let file = self.file;
        let is_wanted =
            |trace: &str| matches!(self.doing(spread::key(trace), chunk, wanted), Doing::Now);
        let piece = Piece {
            dialect: file.dialect.name,
            text,
            lines,
            is_wanted: &is_wanted,
        };
        let read = || {
            let decoded = (file.lines.decode)(&piece);
            file::piece(&file.path, decoded, self.redactor, self.attached)
        };
        // A file is hostile: a piece that finds a fault in archal costs that piece.
        let mut report =
            catch_unwind(AssertUnwindSafe(read)).unwrap_or_else(|_| FileReport::faulty(&file.path));
        let told = &mut self.told;
        report.diagnostics.retain(|finding| {
            // The first reading has told it, with its line.
            finding.code != "trace/incomplete" && (told.len() >= MOST_TOLD || is_new(told, finding))
        });
        self.traces += (report.traces.len() + report.scores.len()) as u64;
        let spans = report.traces.iter().flat_map(|one| one.dialects.keys());
        self.spans.extend(spans.copied());
        report
    }

    fn changed(&mut self, why: &str) {
        let told = format!("the file was changed while it was read: {why}");
        let finding = Diagnostic::error("trace/changed", told);
        self.findings.push(finding.with_help("read it again"));
    }

    fn ended(self, mut report: FileReport) -> FileReport {
        let findings = self.findings.into_iter();
        report
            .diagnostics
            .extend(findings.map(|finding| finding.in_file(&report.path)));
        if self.traces == 0 && !self.is_broken_off {
            report.status = FileStatus::Rejected {
                reason: "the file holds no trace".to_owned(),
            };
        }
        let file = self.file.dialect.name;
        let spans: Vec<&str> = self.spans.into_iter().collect();
        report.dialect = Some(match spans.is_empty() {
            true => file.to_owned(),
            false => format!("{file}: {}", spans.join(", ")),
        });
        report
    }
}

/// Whether a finding was not told before.
fn is_new(told: &mut HashSet<u64>, finding: &Diagnostic) -> bool {
    let place = finding.span.map(|span| (span.start, span.end));
    let text = format!("{}\0{}\0{place:?}", finding.code, finding.message);
    place.is_none() || told.insert(hash::sixty_four_bits(text.as_bytes()))
}
