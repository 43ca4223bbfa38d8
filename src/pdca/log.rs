//! The log of a run on disk: appended to by many at once without gaps or halves, and read leniently.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use archal_core::clock::{Timestamp, rfc3339_seconds};
use serde_json::{Map, Value};

use super::event::{Event, Kind, NewEvent, Parents, automatic_parents};
use super::place::{PlaceError, RunId, refuse_link};

/// How often a log that another writer has is looked at again.
const LOOKS: u32 = 5_000;
/// Between two looks; ten seconds in all.
const PAUSE: Duration = Duration::from_millis(2);
/// What is read at once from the end of a log.
const BLOCK: usize = 64 << 10;
/// A longer line is no event.
const LONGEST_LINE: usize = 4 << 20;
/// A larger file is no log.
const LARGEST: u64 = 256 << 20;
/// A larger number would lose digits in other readers.
const LARGEST_SEQ: u64 = 1_000_000_000_000_000;

/// Why an event could not be appended, or a log not be read.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// There is a link in its place.
    #[error(transparent)]
    Place(#[from] PlaceError),
    /// It could not be opened, read or written.
    #[error("cannot use the event log {}", path.display())]
    Io {
        /// The log.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// Another writer has it and does not give it back.
    #[error("the event log {} is held by another writer", .0.display())]
    Held(PathBuf),
    /// The event is larger than a line may be.
    #[error("the event is too large for the log {}", .0.display())]
    TooLarge(PathBuf),
}

/// The log of a run.
#[derive(Debug, Clone)]
pub struct Log {
    path: PathBuf,
    run: RunId,
}

/// What was read from a log.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Events {
    /// The events, by number.
    pub events: Vec<Event>,
    /// Lines that are no events.
    pub problems: Vec<Problem>,
}

/// A line of a log that is no event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The line, from 1.
    pub line: usize,
    /// Why.
    pub reason: String,
}

impl Log {
    /// The log of `run` at `path`.
    pub fn new(path: PathBuf, run: RunId) -> Self {
        Self { path, run }
    }

    /// Where it lies.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Appends an event with the next number. What is in it must be redacted by now.
    ///
    /// # Errors
    ///
    /// When the log cannot be used. An event is an observation: a run warns and goes on.
    pub fn append(&self, event: NewEvent, now: Timestamp) -> Result<Event, LogError> {
        refuse_link(&self.path)?;
        let failed = |source| LogError::Io {
            path: self.path.clone(),
            source,
        };
        if let Some(folder) = self.path.parent() {
            refuse_link(folder)?;
            std::fs::create_dir_all(folder).map_err(failed)?;
        }
        let mut file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .read(true)
            .write(true)
            .open(&self.path)
            .map_err(failed)?;
        self.lock(&file)?;
        // The lock ends with the file, or with the process.
        let (seq, parent) = self.follows(&mut file, &event).map_err(failed)?;
        let event = Event {
            ts: rfc3339_seconds(now),
            run_id: self.run.as_str().to_owned(),
            seq,
            parent,
            kind: event.kind,
            phase: event.phase.name().to_owned(),
            agent: event.agent.filter(|agent| !agent.is_empty()),
            data: event.data,
        };
        let mut line = serde_json::to_vec(&event).map_err(|error| failed(error.into()))?;
        line.push(b'\n');
        if line.len() > LONGEST_LINE {
            return Err(LogError::TooLarge(self.path.clone()));
        }
        file.seek(SeekFrom::End(0)).map_err(failed)?;
        file.write_all(&line).map_err(failed)?;
        Ok(event)
    }

    fn lock(&self, file: &File) -> Result<(), LogError> {
        for _ in 0..LOOKS {
            match file.try_lock() {
                Ok(()) => return Ok(()),
                Err(TryLockError::WouldBlock) => std::thread::sleep(PAUSE),
                Err(TryLockError::Error(source)) => {
                    return Err(LogError::Io {
                        path: self.path.clone(),
                        source,
                    });
                }
            }
        }
        Err(LogError::Held(self.path.clone()))
    }

    /// The number of the next event and what it follows from. What a killed writer left of a line is
    /// taken away: it was no event.
    fn follows(&self, file: &mut File, event: &NewEvent) -> io::Result<(u64, Vec<u64>)> {
        close_last_line(file)?;
        let mut back = Backwards::new(file)?;
        let last = match back.next() {
            None => return Ok((1, listed(event).unwrap_or_default())),
            Some(last) => last?,
        };
        let seq = last.seq + 1;
        let parent = match listed(event) {
            Some(parents) => parents,
            None => {
                let mut failure = None;
                let earlier =
                    back.map_while(|event| event.map_err(|error| failure = Some(error)).ok());
                let before = std::iter::once(last).chain(earlier);
                let parents = automatic_parents(&event.kind, event.agent.as_deref(), before);
                match failure {
                    Some(error) => return Err(error),
                    None => parents,
                }
            }
        };
        Ok((seq, parent))
    }

    /// Reads the log; none where there is none.
    ///
    /// # Errors
    ///
    /// When it is there and cannot be read.
    pub fn read(&self) -> Result<Option<Events>, LogError> {
        refuse_link(&self.path)?;
        let failed = |source| LogError::Io {
            path: self.path.clone(),
            source,
        };
        let file = match File::open(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            file => file.map_err(failed)?,
        };
        let mut bytes = Vec::new();
        file.take(LARGEST + 1)
            .read_to_end(&mut bytes)
            .map_err(failed)?;
        if bytes.len() as u64 > LARGEST {
            let reason = "it is larger than 256 MiB";
            return Err(failed(io::Error::new(io::ErrorKind::FileTooLarge, reason)));
        }
        Ok(Some(parse(&bytes)))
    }
}

fn listed(event: &NewEvent) -> Option<Vec<u64>> {
    match &event.parents {
        Parents::Automatic => None,
        Parents::Listed(parents) => Some(parents.clone()),
    }
}

/// Ends the log with a whole line.
fn close_last_line(file: &mut File) -> io::Result<()> {
    let length = file.seek(SeekFrom::End(0))?;
    let mut end_of_lines = length;
    // What follows the last line end, block for block from the end on.
    let mut tail = Vec::new();
    while end_of_lines > 0 {
        let block = block_before(file, end_of_lines)?;
        let kept = block.iter().rposition(|byte| *byte == b'\n');
        let kept = kept.map_or(0, |at| at + 1);
        end_of_lines -= (block.len() - kept) as u64;
        tail.push(block[kept..].to_vec());
        if kept > 0 {
            break;
        }
    }
    let size = length - end_of_lines;
    if size == 0 {
        return Ok(());
    }
    tail.reverse();
    if size <= LONGEST_LINE as u64 && parse_line(&tail.concat()).is_ok() {
        // Another tool left out the line end.
        file.seek(SeekFrom::End(0))?;
        return file.write_all(b"\n");
    }
    file.set_len(end_of_lines)
}

/// The bytes before `end`, a block at most.
fn block_before(file: &mut File, end: u64) -> io::Result<Vec<u8>> {
    let take = end.min(BLOCK as u64);
    let mut block = vec![0; usize::try_from(take).unwrap_or(BLOCK)];
    file.seek(SeekFrom::Start(end - take))?;
    file.read_exact(&mut block)?;
    Ok(block)
}

/// The events of a log from the last to the first; lines that are none are passed over.
struct Backwards<'a> {
    file: &'a mut File,
    /// Where what was not read yet ends.
    start: u64,
    /// What was read and not handed out yet, whole lines but for the first.
    rest: Vec<u8>,
}

impl<'a> Backwards<'a> {
    fn new(file: &'a mut File) -> io::Result<Self> {
        let start = file.seek(SeekFrom::End(0))?;
        Ok(Self {
            file,
            start,
            rest: Vec::new(),
        })
    }

    /// The last line that was not handed out yet.
    fn line(&mut self) -> io::Result<Option<Vec<u8>>> {
        loop {
            let body = self.rest.strip_suffix(b"\n").unwrap_or(&self.rest);
            if let Some(at) = body.iter().rposition(|byte| *byte == b'\n') {
                return Ok(Some(self.rest.split_off(at + 1)));
            }
            if self.start == 0 {
                let line = std::mem::take(&mut self.rest);
                return Ok((!line.is_empty()).then_some(line));
            }
            if self.rest.len() > LONGEST_LINE {
                // No event is that long: its end stands for it, with a byte that no event has.
                self.rest.drain(..self.rest.len() - BLOCK);
                self.rest[0] = 0;
            }
            let mut block = block_before(self.file, self.start)?;
            self.start -= block.len() as u64;
            block.append(&mut self.rest);
            self.rest = block;
        }
    }
}

impl Iterator for Backwards<'_> {
    type Item = io::Result<Event>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            match self.line() {
                Err(error) => return Some(Err(error)),
                Ok(None) => return None,
                Ok(Some(line)) => {
                    if let Ok(event) = parse_line(&line) {
                        return Some(Ok(event));
                    }
                }
            }
        }
    }
}

/// Reads a log of either format. A last line without an end that is no event is being written.
pub fn parse(bytes: &[u8]) -> Events {
    let mut read = Events::default();
    for (line, text) in (1..).zip(bytes.split_inclusive(|byte| *byte == b'\n')) {
        if text.trim_ascii().is_empty() {
            continue;
        }
        match parse_line(text) {
            Ok(event) => read.events.push(event),
            Err(_) if !text.ends_with(b"\n") => {}
            Err(reason) => read.problems.push(Problem { line, reason }),
        }
    }
    read.events.sort_by_key(|event| event.seq);
    read
}

/// An event from a line of either format; what is missing or odd beside its number is left out.
fn parse_line(line: &[u8]) -> Result<Event, String> {
    if line.len() > LONGEST_LINE {
        return Err("it is too long".to_owned());
    }
    let value: Value = serde_json::from_slice(line).map_err(|error| {
        let text = error.to_string();
        text.split(" at line ")
            .next()
            .unwrap_or_default()
            .to_owned()
    })?;
    let Value::Object(mut object) = value else {
        return Err("it is no object".to_owned());
    };
    let is_seq = |seq: &u64| (1..LARGEST_SEQ).contains(seq);
    let Some(seq) = object.get("seq").and_then(Value::as_u64).filter(is_seq) else {
        return Err("it has no number `seq`".to_owned());
    };
    let mut text = |name: &str| match object.remove(name) {
        Some(Value::String(text)) => text,
        _ => String::new(),
    };
    let (ts, run_id, kind, phase, agent) = (
        text("ts"),
        text("run_id"),
        text("type"),
        text("phase"),
        text("agent"),
    );
    let parent = match object.remove("parent") {
        Some(Value::Array(parents)) => parents.iter().filter_map(Value::as_u64).collect(),
        Some(Value::Number(parent)) => parent.as_u64().into_iter().collect(),
        _ => Vec::new(),
    };
    Ok(Event {
        ts,
        run_id,
        seq,
        parent,
        kind: Kind::from(kind.as_str()),
        phase: phase.to_ascii_lowercase(),
        agent: Some(agent).filter(|agent| !agent.is_empty()),
        data: match object.remove("data") {
            Some(Value::Object(data)) => data,
            _ => Map::new(),
        },
    })
}

#[cfg(test)]
mod tests;
