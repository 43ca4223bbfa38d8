//! The watcher's log: lines of text in a file that is put aside when it has grown, for people who
//! look later.
//!
//! Own code rather than a crate: the known rotating writers rotate by date or stop at an error,
//! none follows stdout, and what matters here are the errors: a full disk, a removed folder.

use std::fmt::Write as _;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use archal_core::clock::Clock;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::FormatTime;

use crate::report::style;

/// Most bytes of a line; what is more is cut, and said.
const LINE_LIMIT: usize = 16 * 1024;
/// Most bytes of a line that are looked at for secrets.
const LOOK_LIMIT: usize = 256 * 1024;

/// Takes out of a line what must not reach a disk.
pub type Redact = Arc<dyn Fn(&str) -> String + Send + Sync>;

/// How much of the past is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogLimits {
    /// Bytes of a file; with the line that would make it more a new one begins.
    pub bytes: u64,
    /// Files, the one that is written included; at least two.
    pub files: u32,
}

impl Default for LogLimits {
    fn default() -> Self {
        Self {
            bytes: 5 << 20,
            files: 5,
        }
    }
}

/// Why there is no log.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The file cannot be opened.
    #[error("cannot open the log {}", path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// The filter is none.
    #[error("`{filter}` is not a log filter: {reason}")]
    Filter {
        /// The filter.
        filter: String,
        /// What is wrong with it.
        reason: String,
    },
    /// Something else of this process logs already.
    #[error("the log was started before")]
    Started,
}

/// A log that is written. Cheap to clone; may be used from several threads. Once it was opened,
/// writing never fails: lines that cannot be written are counted, and their number is written as
/// soon as that is possible.
#[derive(Clone)]
pub struct LogFile {
    inner: Arc<Mutex<Inner>>,
    redact: Redact,
}

struct Inner {
    path: PathBuf,
    limits: LogLimits,
    file: Option<File>,
    /// Whether stdout and stderr are this file, too.
    standard: bool,
    dropped: Dropped,
}

/// What could not be written.
#[derive(Debug, Default)]
struct Dropped {
    lines: u64,
    reason: String,
    /// The last line that was begun has no end.
    torn: bool,
}

impl std::fmt::Debug for LogFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LogFile")
            .field("path", &self.inner().path)
            .finish_non_exhaustive()
    }
}

/// Opens the file of a log, for appending, readable by the user alone; makes its folder.
pub fn open_to_append(path: &Path) -> Result<File, LogError> {
    opened(path).map_err(|source| LogError::Open {
        path: path.to_owned(),
        source,
    })
}

fn opened(path: &Path) -> io::Result<File> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    append_to(path)
}

/// Opens the file anew that was removed, also with the two folders around it; what these lay in is
/// not made again: where a whole repository was removed, nothing of it comes back.
fn opened_again(path: &Path) -> io::Result<File> {
    let folders: Vec<&Path> = path.ancestors().skip(1).take(2).collect();
    for folder in folders.into_iter().rev() {
        match fs::create_dir(folder) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
            _ => {}
        }
    }
    append_to(path)
}

fn append_to(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .append(true)
        .create(true)
        .mode(0o600)
        .open(path)
}

impl LogFile {
    /// Opens a log.
    pub fn open(path: &Path, limits: LogLimits, redact: Redact) -> Result<Self, LogError> {
        let file = open_to_append(path)?;
        Ok(Self {
            inner: Arc::new(Mutex::new(Inner {
                path: path.to_owned(),
                limits,
                file: Some(file),
                standard: false,
                dropped: Dropped::default(),
            })),
            redact,
        })
    }

    /// Makes stdout and stderr of this process the log, and keeps them so when a new file begins.
    pub fn become_standard_streams(&self) -> io::Result<()> {
        let mut inner = self.inner();
        inner.standard = true;
        inner.file.as_ref().map_or(Ok(()), redirect)
    }

    /// Sends what this process logs here, times from `clock`, and what a panic says, too.
    pub fn start(&self, filter: &str, clock: Arc<dyn Clock>) -> Result<(), LogError> {
        let parsed = EnvFilter::try_new(filter).map_err(|error| LogError::Filter {
            filter: filter.to_owned(),
            reason: error.to_string(),
        })?;
        tracing_subscriber::fmt()
            .with_env_filter(parsed)
            .with_writer(self.clone())
            .with_ansi(false)
            .with_timer(Times(clock))
            .try_init()
            .map_err(|_| LogError::Started)?;
        // Else it would go to stderr as it is, with whatever secret it names.
        std::panic::set_hook(Box::new(|panic| tracing::error!("{panic}")));
        Ok(())
    }

    /// Writes one line: redacted, without control characters, cut where it is too long.
    pub fn line(&self, text: &str) {
        let text = tidied(text, &self.redact);
        self.inner().write(&text);
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        // Whatever a panic interrupted, the next line finds a file or opens one.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn tidied(text: &str, redact: &Redact) -> String {
    let redacted = redact(cut(text, LOOK_LIMIT));
    let harmless = style::harmless(redacted.trim_end(), false);
    let kept = cut(&harmless, LINE_LIMIT);
    // One event is one line: nobody's text can look like an event of ours.
    let mut line = kept.replace('\n', "\\n");
    let more = text.len().saturating_sub(LOOK_LIMIT) + (harmless.len() - kept.len());
    if more > 0 {
        _ = write!(line, " [{more} more bytes]");
    }
    line.push('\n');
    line
}

fn cut(text: &str, limit: usize) -> &str {
    &text[..text.floor_char_boundary(limit)]
}

impl Inner {
    fn write(&mut self, line: &str) {
        let lines = self.dropped.preceding(line);
        let outcome = match self.ready(lines.len() as u64) {
            Ok(file) => append(file, lines.as_bytes()),
            Err(error) => Err((0, error)),
        };
        self.dropped.note(outcome);
    }

    /// The file to write so many bytes to.
    fn ready(&mut self, bytes: u64) -> io::Result<&mut File> {
        if let Some(file) = &self.file {
            let metadata = file.metadata()?;
            let is_there = metadata.nlink() > 0;
            // Asked of the file, because stderr may have grown it.
            let is_full = metadata.len() > 0 && metadata.len() + bytes > self.limits.bytes;
            if is_there && is_full {
                self.put_aside()?;
            }
            if !is_there || is_full {
                self.file = None;
            }
        }
        let file = match self.file.take() {
            Some(file) => file,
            None => {
                let file = opened_again(&self.path)?;
                if self.standard {
                    redirect(&file)?;
                }
                file
            }
        };
        Ok(self.file.insert(file))
    }

    /// Renames `x` to `x.1`, `x.1` to `x.2` and so on; the oldest is gone.
    fn put_aside(&self) -> io::Result<()> {
        let numbered = |number: u32| {
            let mut name = self.path.as_os_str().to_owned();
            if number > 0 {
                name.push(format!(".{number}"));
            }
            PathBuf::from(name)
        };
        for number in (0..self.limits.files.max(2) - 1).rev() {
            match fs::rename(numbered(number), numbered(number + 1)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        Ok(())
    }
}

impl Dropped {
    /// The line with what has to be said before it.
    fn preceding(&self, line: &str) -> String {
        let mut text = String::new();
        if self.torn {
            text.push('\n');
        }
        if self.lines > 0 {
            _ = writeln!(
                text,
                "[{} lines could not be written: {}]",
                self.lines, self.reason
            );
        }
        text.push_str(line);
        text
    }

    fn note(&mut self, outcome: Result<(), (usize, io::Error)>) {
        match outcome {
            Ok(()) => *self = Self::default(),
            Err((written, error)) => {
                self.lines += 1;
                self.torn |= written > 0;
                self.reason = error.to_string();
            }
        }
    }
}

/// Writes all of it, or says how much of it was written before the error.
fn append(to: &mut impl Write, bytes: &[u8]) -> Result<(), (usize, io::Error)> {
    let mut written = 0;
    while written < bytes.len() {
        match to.write(&bytes[written..]) {
            Ok(0) => return Err((written, io::ErrorKind::WriteZero.into())),
            Ok(count) => written += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err((written, error)),
        }
    }
    Ok(())
}

fn redirect(file: &File) -> io::Result<()> {
    nix::unistd::dup2_stdout(file)?;
    nix::unistd::dup2_stderr(file)?;
    Ok(())
}

/// Collects an event, which is one line.
#[derive(Debug)]
pub struct Event<'a> {
    log: &'a LogFile,
    text: Vec<u8>,
}

impl Write for Event<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.text.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for Event<'_> {
    fn drop(&mut self) {
        if !self.text.is_empty() {
            self.log.line(&String::from_utf8_lossy(&self.text));
        }
    }
}

impl<'a> MakeWriter<'a> for LogFile {
    type Writer = Event<'a>;

    fn make_writer(&'a self) -> Event<'a> {
        Event {
            log: self,
            text: Vec::new(),
        }
    }
}

struct Times(Arc<dyn Clock>);

impl FormatTime for Times {
    fn format_time(&self, to: &mut Writer<'_>) -> std::fmt::Result {
        write!(to, "{:.3}", self.0.now())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain() -> Redact {
        Arc::new(str::to_owned)
    }

    fn log(folder: &Path, bytes: u64, files: u32) -> LogFile {
        let limits = LogLimits { bytes, files };
        LogFile::open(&folder.join("attach/watcher.log"), limits, plain()).expect("opened")
    }

    fn read(folder: &Path, name: &str) -> String {
        fs::read_to_string(folder.join("attach").join(name)).expect("there")
    }

    #[test]
    fn a_full_file_is_put_aside_and_the_oldest_goes() {
        let folder = tempfile::tempdir().expect("a folder");
        let log = log(folder.path(), 8, 3);
        for number in 1..=9 {
            log.line(&format!("l{number}"));
        }
        assert_eq!(read(folder.path(), "watcher.log"), "l9\n");
        assert_eq!(read(folder.path(), "watcher.log.1"), "l7\nl8\n");
        assert_eq!(read(folder.path(), "watcher.log.2"), "l5\nl6\n");
        assert_eq!(
            fs::read_dir(folder.path().join("attach"))
                .expect("there")
                .count(),
            3
        );
        // Longer than a whole file: it has one of its own.
        log.line("0123456789");
        assert_eq!(read(folder.path(), "watcher.log"), "0123456789\n");
        let metadata = fs::metadata(folder.path().join("attach/watcher.log")).expect("there");
        assert_eq!(metadata.mode() & 0o777, 0o600);
    }

    #[test]
    fn one_event_is_one_harmless_redacted_line() {
        let redact: Redact = Arc::new(|text| text.replace("secret", "[x]"));
        let nasty = "a secret\u{1b}[2J\r\n2026-01-01 ERROR forged\n";
        assert_eq!(tidied(nasty, &redact), "a [x]\\n2026-01-01 ERROR forged\n");
        let long = "é".repeat(LINE_LIMIT);
        let line = tidied(&long, &redact);
        assert!(
            line.ends_with("é [16384 more bytes]\n"),
            "{}",
            &line[line.len() - 40..]
        );
        // What is cut is cut after secrets were taken out, never through one.
        let edge = "y".repeat(LINE_LIMIT - 3) + "secret";
        assert!(!tidied(&edge, &redact).contains("sec"));
    }

    #[test]
    fn events_of_the_program_arrive_with_the_time_they_are_given() {
        let folder = tempfile::tempdir().expect("a folder");
        let log = log(folder.path(), 1 << 20, 2);
        let clock = archal_core::clock::FakeClock::new(archal_core::clock::Timestamp::UNIX_EPOCH);
        let subscriber = tracing_subscriber::fmt()
            .with_writer(log)
            .with_ansi(false)
            .with_target(false)
            .with_timer(Times(Arc::new(clock)))
            .finish();
        tracing::subscriber::with_default(subscriber, || {
            tracing::warn!(step = "t1", "two\nlines");
        });
        assert_eq!(
            read(folder.path(), "watcher.log"),
            "1970-01-01T00:00:00.000Z  WARN two\\nlines step=\"t1\"\n"
        );
    }

    #[test]
    fn a_log_that_was_removed_begins_anew() {
        let folder = tempfile::tempdir().expect("a folder");
        let log = log(folder.path(), 1 << 20, 2);
        log.line("one");
        fs::remove_dir_all(folder.path().join("attach")).expect("removed");
        log.line("two");
        assert_eq!(read(folder.path(), "watcher.log"), "two\n");
    }

    #[test]
    fn what_a_repository_was_in_is_not_made_again_for_a_line() {
        let folder = tempfile::tempdir().expect("a folder");
        let repo = folder.path().join("repo");
        let path = repo.join(".archal/attach/watcher.log");
        let redact: Redact = Arc::new(str::to_owned);
        let log = LogFile::open(&path, LogLimits::default(), redact).expect("opened");
        fs::remove_dir_all(repo.join(".archal")).expect("removed");
        log.line("one");
        assert_eq!(fs::read_to_string(&path).expect("written"), "one\n");
        fs::remove_dir_all(&repo).expect("removed");
        log.line("two");
        assert!(!repo.exists());
        fs::create_dir(&repo).expect("writable");
        log.line("three");
        let text = fs::read_to_string(&path).expect("written");
        assert!(text.starts_with("[1 lines could not"), "{text}");
    }

    #[test]
    fn what_cannot_be_written_is_counted_and_said_later() {
        let folder = tempfile::tempdir().expect("a folder");
        let log = log(folder.path(), 4, 2);
        log.line("one");
        // A folder with something in it takes the place a full file would go to.
        fs::create_dir_all(folder.path().join("attach/watcher.log.1/x")).expect("writable");
        log.line("two");
        log.line("three");
        assert_eq!(read(folder.path(), "watcher.log"), "one\n");
        fs::remove_dir_all(folder.path().join("attach/watcher.log.1")).expect("removed");
        log.line("four");
        let text = read(folder.path(), "watcher.log");
        assert!(
            text.starts_with("[2 lines could not be written: "),
            "{text}"
        );
        assert!(text.ends_with("]\nfour\n"), "{text}");
        assert_eq!(read(folder.path(), "watcher.log.1"), "one\n");
    }

    /// Takes so many bytes and is full then.
    struct Disk(usize, Vec<u8>);

    impl Write for Disk {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let count = bytes.len().min(self.0);
            if count == 0 {
                return Err(io::ErrorKind::StorageFull.into());
            }
            self.0 -= count;
            self.1.extend_from_slice(&bytes[..count]);
            Ok(count)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_line_that_a_full_disk_cut_off_does_not_spoil_the_next() {
        let mut disk = Disk(3, Vec::new());
        let mut dropped = Dropped::default();
        for line in ["12345\n", "lost\n"] {
            let outcome = append(&mut disk, dropped.preceding(line).as_bytes());
            dropped.note(outcome);
        }
        disk.0 = 1000;
        for line in ["six\n", "seven\n"] {
            let outcome = append(&mut disk, dropped.preceding(line).as_bytes());
            dropped.note(outcome);
        }
        let text = String::from_utf8(disk.1).expect("text");
        assert_eq!(
            text,
            "123\n[2 lines could not be written: no storage space]\nsix\nseven\n"
        );
    }
}
