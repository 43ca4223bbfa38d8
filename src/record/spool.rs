//! What is recorded, on the disk as it is recorded: what was written of a recording is there also when
//! archal is killed, and another command makes the trace of it.
//!
//! Each recording has a folder with a lock, which ends with its process, and a file of lines: the
//! command, then its calls as spans, each anew when more is known of it. Secrets are taken out of a
//! line before it is written, and out of earlier ones when a later call shows that they hold one.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead, BufReader, BufWriter, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::thread::JoinHandle;
use std::time::Duration;

use archal_core::clock::Timestamp;
use archal_core::redact::Literals;
use archal_core::trace::Trace;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::assemble::{self, Command};
use super::call::{self, Entry};
use super::secrets::Known;
use crate::host::lock::{FileLock, LockError};
use crate::run::scrub::Scrubber;
use crate::session::recording::recorder::{Call, Sink};

/// Most bytes of all bodies of a recording, decoded: small ones may decode to any number.
const DECODED: u64 = 256 << 20;
/// Most folders that are looked at for what killed processes left.
const FOLDERS: usize = 1_000;
/// Most bytes of a file of lines that is read.
const LARGEST: u64 = 4 << 30;
/// Nobody takes longer to make a folder.
const ABANDONED: Duration = Duration::from_secs(600);
/// How the name of a folder begins that is being made.
const UNNAMED: &str = ".recording-";
const LOCK: &str = "lock";
const CALLS: &str = "calls.jsonl";
const AGAIN: &str = "calls.jsonl.new";

/// A line of the file.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
enum Line {
    /// The first: the command, and the directory of its trace.
    Command(Command, PathBuf),
    /// What is known of a call.
    Call(usize, Box<Entry>),
}

/// A recording that is being written.
#[derive(Debug)]
pub struct Spool {
    folder: PathBuf,
    lock: FileLock,
    writer: JoinHandle<Writer>,
}

/// What was recorded of a command's calls.
#[derive(Debug)]
pub struct Finished {
    /// The calls, in order of their beginning.
    pub calls: Vec<Entry>,
    /// The secrets of the caller and of the calls, by value.
    pub literals: Literals,
    /// How many credentials the calls were made with, or were given.
    pub credentials: u64,
    /// Why calls could not be written as they came.
    pub failed: Option<String>,
    /// What is on the disk of it; to be taken away once there is a trace.
    pub kept: Kept,
}

/// The folder of a recording, held by this process.
#[derive(Debug)]
pub struct Kept {
    folder: PathBuf,
    _lock: FileLock,
}

impl Kept {
    /// Where it lies.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Takes it away.
    pub fn remove(self) {
        // What cannot be taken away is found again, and another trace of the same id written.
        fs::remove_dir_all(&self.folder).ok();
    }
}

/// A recording whose process was killed.
#[derive(Debug)]
pub struct Left {
    /// The command.
    pub command: Command,
    /// The directory of its trace.
    pub directory: PathBuf,
    /// The calls, in order of their beginning.
    pub calls: Vec<Entry>,
    /// Numbers of calls of which nothing is there, and lines that cannot be read.
    pub lost: u64,
    /// What is on the disk of it.
    pub kept: Kept,
}

impl Left {
    /// When something of it was known last.
    pub fn last(&self) -> Timestamp {
        let times = self
            .calls
            .iter()
            .flat_map(|call| [call.span.started_at, call.span.ended_at]);
        times.flatten().max().unwrap_or(self.command.started_at)
    }
}

impl Spool {
    /// Begins to write into a folder below `recordings` what the sink is told.
    ///
    /// # Errors
    ///
    /// When the folder cannot be made.
    pub fn begin(
        recordings: &Path,
        command: &Command,
        directory: &Path,
        scrubber: Scrubber,
    ) -> io::Result<(Self, Sink)> {
        Self::with_room(recordings, command, directory, scrubber, DECODED)
    }

    fn with_room(
        recordings: &Path,
        command: &Command,
        directory: &Path,
        scrubber: Scrubber,
        room: u64,
    ) -> io::Result<(Self, Sink)> {
        fs::create_dir_all(recordings)?;
        let unnamed = tempfile::Builder::new()
            .prefix(UNNAMED)
            .permissions(fs::Permissions::from_mode(0o700))
            .tempdir_in(recordings)?
            .keep();
        // Locked before it has the name by which others look for it.
        let taken = FileLock::take(&unnamed.join(LOCK)).map_err(io::Error::other)?;
        let lock = taken.ok_or_else(|| io::Error::other("its lock is taken"))?;
        let mut writer = Writer {
            file: None,
            folder: unnamed.clone(),
            literals: scrubber.literals().clone(),
            scrubber,
            known: Known::default(),
            used: BTreeMap::new(),
            room,
            unwritten: BTreeMap::new(),
            failed: None,
        };
        let mut trace = Trace {
            name: command.name.clone(),
            input: Some(Value::from(command.input.as_str())),
            metadata: command.metadata.clone(),
            ..Trace::default()
        };
        writer.clean(&mut trace);
        let input = trace.input.as_ref().and_then(Value::as_str);
        let first = Line::Command(
            Command {
                name: trace.name,
                input: input.unwrap_or_default().to_owned(),
                metadata: trace.metadata,
                ..command.clone()
            },
            directory.to_owned(),
        );
        writer.put(&first)?;
        let name = unnamed.file_name().unwrap_or_default().to_string_lossy();
        let folder = recordings.join(name.trim_start_matches('.'));
        fs::rename(&unnamed, &folder)?;
        writer.folder.clone_from(&folder);
        let (sink, told) = mpsc::channel();
        let writer = std::thread::Builder::new()
            .name("recording".to_owned())
            .spawn(move || writer.run(&told))?;
        let spool = Self {
            folder,
            lock,
            writer,
        };
        Ok((spool, sink))
    }

    /// Takes away what was written, once nobody tells more: there was nothing to record.
    pub fn discard(self) {
        // What it says goes away with it.
        self.writer.join().ok();
        fs::remove_dir_all(&self.folder).ok();
    }

    /// Everything that was told; to be asked for once nobody tells more.
    ///
    /// # Errors
    ///
    /// When what was written cannot be read again.
    pub fn finish(self) -> io::Result<Finished> {
        let writer = self.writer.join();
        let writer = writer.map_err(|_| io::Error::other("what was recorded was not written"))?;
        let mut read = Read::of(&self.folder)?;
        read.calls.extend(writer.unwritten);
        Ok(Finished {
            calls: read.calls.into_values().collect(),
            literals: writer.literals,
            credentials: writer.known.values().count() as u64,
            failed: writer.failed,
            kept: Kept {
                folder: self.folder,
                _lock: self.lock,
            },
        })
    }
}

/// What processes left below `recordings` that were killed while they recorded.
///
/// # Errors
///
/// When it cannot be known which of them are left.
pub fn left(recordings: &Path, now: Timestamp) -> Result<Vec<Left>, LockError> {
    let entries = fs::read_dir(recordings).into_iter().flatten().flatten();
    let mut folders: Vec<PathBuf> = entries.take(FOLDERS).map(|entry| entry.path()).collect();
    folders.sort();
    let mut left = Vec::new();
    for folder in folders {
        let name = folder.file_name().unwrap_or_default();
        if name.to_string_lossy().starts_with(UNNAMED) {
            sweep(&folder, now);
            continue;
        }
        let lock = folder.join(LOCK);
        if !lock.exists() || FileLock::is_held(&lock)? {
            continue;
        }
        let Some(lock) = FileLock::take(&lock)? else {
            continue;
        };
        // Somebody else may have made a trace of it just now.
        let Ok(read) = Read::of(&folder) else {
            continue;
        };
        let Some((command, directory)) = read.command else {
            continue;
        };
        let last = read.calls.keys().next_back();
        let numbers = last.map_or(0, |last| last.saturating_add(1));
        let between = numbers.saturating_sub(read.calls.len()) as u64;
        let lost = read.unread.saturating_add(between);
        left.push(Left {
            command,
            directory,
            lost,
            calls: read.calls.into_values().collect(),
            kept: Kept {
                folder,
                _lock: lock,
            },
        });
    }
    Ok(left)
}

/// Takes away a folder that was being made when its process ended; a young one may be somebody's.
fn sweep(folder: &Path, now: Timestamp) {
    let made = fs::metadata(folder).and_then(|metadata| metadata.modified());
    let age = made.ok().and_then(|made| {
        let made = Timestamp::try_from(made).ok()?;
        Duration::try_from(now.duration_since(made)).ok()
    });
    if age.is_some_and(|age| age > ABANDONED) {
        // Another time, where that cannot be done now.
        fs::remove_dir_all(folder).ok();
    }
}

/// What stands in a file of lines.
#[derive(Debug, Default)]
struct Read {
    command: Option<(Command, PathBuf)>,
    calls: BTreeMap<usize, Entry>,
    /// Lines that are none: the last may have been cut off.
    unread: u64,
}

impl Read {
    fn of(folder: &Path) -> io::Result<Self> {
        let file = File::open(folder.join(CALLS))?;
        if file.metadata()?.len() > LARGEST {
            return Err(io::Error::other("it is larger than 4 GiB"));
        }
        let mut read = Self::default();
        let mut lines = BufReader::new(file);
        let mut line = Vec::new();
        while lines.read_until(b'\n', &mut line)? > 0 {
            read.add(&line);
            line.clear();
        }
        Ok(read)
    }

    fn add(&mut self, line: &[u8]) {
        match serde_json::from_slice(line) {
            Ok(Line::Command(command, directory)) => self.command = Some((command, directory)),
            Ok(Line::Call(number, entry)) => _ = self.calls.insert(number, *entry),
            Err(_) => self.unread += 1,
        }
    }
}

/// The thread that writes.
struct Writer {
    /// None before the first line, and once one could not be written.
    file: Option<File>,
    folder: PathBuf,
    scrubber: Scrubber,
    known: Known,
    literals: Literals,
    /// Decoded bytes of each call.
    used: BTreeMap<usize, u64>,
    /// How many more there may be.
    room: u64,
    /// What could not be written.
    unwritten: BTreeMap<usize, Entry>,
    failed: Option<String>,
}

impl std::fmt::Debug for Writer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Writer")
            .field("folder", &self.folder)
            .finish_non_exhaustive()
    }
}

impl Writer {
    fn run(mut self, told: &mpsc::Receiver<(usize, Call)>) -> Self {
        for (number, call) in told {
            let entry = self.entry(number, &call);
            if self.failed.is_none() {
                let line = Line::Call(number, Box::new(entry));
                let Err(error) = self.put(&line) else {
                    self.unwritten.remove(&number);
                    continue;
                };
                self.failed = Some(error.to_string());
                if let Line::Call(number, entry) = line {
                    self.unwritten.insert(number, *entry);
                }
            } else {
                // What is told last counts.
                self.unwritten.insert(number, entry);
            }
        }
        self
    }

    /// A call as a span without secrets, as much of it as there is room for.
    fn entry(&mut self, number: usize, call: &Call) -> Entry {
        let added = self.known.add(call, self.scrubber.redactor());
        if !added.new.is_empty() {
            self.literals = self.scrubber.literals_and(self.known.values());
            let new = added.new.iter().map(String::as_str);
            let new = Literals::new(self.scrubber.redactor(), new);
            if let Err(error) = self.again(&new) {
                self.failed.get_or_insert(error.to_string());
            }
        }
        self.room += self.used.remove(&number).unwrap_or(0);
        // What holds a credential that is not looked for is not kept.
        let room = if added.is_all { self.room } else { 0 };
        let mut entry = call::entry(call, self.scrubber.redactor(), room);
        self.room -= entry.bytes;
        self.used.insert(number, entry.bytes);
        let mut trace = Trace {
            spans: vec![std::mem::take(&mut entry.span)],
            ..Trace::default()
        };
        entry.redactions = self.clean(&mut trace);
        entry.span = trace.spans.pop().unwrap_or_default();
        entry
    }

    fn clean(&self, trace: &mut Trace) -> u64 {
        assemble::clean(trace, &self.literals, self.scrubber.redactor())
    }

    /// Writes a line in one write, so that a reader finds all of it or a beginning.
    fn put(&mut self, line: &Line) -> io::Result<()> {
        let mut bytes = serde_json::to_vec(line)?;
        bytes.push(b'\n');
        let file = match &mut self.file {
            Some(file) => file,
            none => none.insert(appending(&self.folder.join(CALLS))?),
        };
        file.write_all(&bytes)
    }

    /// Takes secrets out of what is written already, where it holds one.
    fn again(&mut self, new: &Literals) -> io::Result<()> {
        let path = self.folder.join(CALLS);
        let lines = || -> io::Result<_> { Ok(BufReader::new(File::open(&path)?).lines()) };
        let mut holds_one = false;
        for line in lines()? {
            holds_one |= matches!(new.text(&line?), Cow::Owned(_));
        }
        if !holds_one {
            return Ok(());
        }
        let fresh = self.folder.join(AGAIN);
        // One that an earlier attempt left is not added to.
        fs::remove_file(&fresh).ok();
        let mut out = BufWriter::new(appending(&fresh)?);
        for line in lines()? {
            let mut line: Line = serde_json::from_str(&line?)?;
            match &mut line {
                Line::Command(command, _) => {
                    command.input = new.text(&command.input).into_owned();
                }
                Line::Call(_, entry) => {
                    let mut trace = Trace {
                        spans: vec![std::mem::take(&mut entry.span)],
                        ..Trace::default()
                    };
                    entry.redactions += new.trace(&mut trace);
                    entry.span = trace.spans.pop().unwrap_or_default();
                }
            }
            serde_json::to_writer(&mut out, &line)?;
            out.write_all(b"\n")?;
        }
        let file = out.into_inner().map_err(io::IntoInnerError::into_error)?;
        fs::rename(fresh, path)?;
        self.file = Some(file);
        Ok(())
    }
}

fn appending(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .append(true)
        .create(true)
        .mode(0o600)
        .open(path)
}

#[cfg(test)]
#[path = "spool_tests.rs"]
mod tests;
