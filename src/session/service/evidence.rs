//! The evidence of a session that lives long: written while it runs, so that memory stays bounded
//! and what a kill leaves is whole up to the last moment.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use archal_core::clone::{CloneState, ServiceClone};

use super::super::evidence::{CallRecord, CallTiming, EncodedMessage, RefusedEgress};
use super::super::ledger::Taken;
use super::super::record::{self, Clean};
use super::super::remembered::Remembered;
use super::super::server::Shared;
use super::super::webhooks;
use crate::store::atomic::WriteError;

/// Most bytes of calls that are written; later ones are answered and counted.
const MOST_BYTES: u64 = 1 << 30;
/// After so many bytes of calls the memory that they needed is worth giving back.
const MUCH: u64 = 8 << 20;
/// Bytes of calls that are taken from the record, or of lines that are put into a file, at a time: what
/// is on its way takes no more memory than that beside the record itself.
const AT_ONCE: usize = 1 << 20;

/// The files that grow.
pub(super) struct Evidence {
    folder: PathBuf,
    writing: Mutex<Writing>,
    grown: Condvar,
}

#[derive(Default)]
struct Writing {
    written: Written,
    remembered: Remembered,
    /// Bytes written since what they needed was given back.
    held: u64,
}

/// What was written so far.
#[derive(Debug, Clone, Default)]
pub(super) struct Written {
    /// The position of the last call.
    pub(super) last: u64,
    /// Calls that were answered and stand in no file.
    pub(super) dropped: u64,
    /// Calls of each clone, and rows that they changed.
    pub(super) tallies: Vec<(u64, u64)>,
    /// Targets that were refused.
    pub(super) refused: u64,
    /// Deliveries to webhooks, sent or not.
    pub(super) webhooks: u64,
    /// Deliveries that stand in no file.
    pub(super) dropped_webhooks: u64,
    /// Why something could not be written, the last time.
    pub(super) trouble: Option<String>,
    bytes: u64,
}

impl Evidence {
    /// Begins empty files in a folder.
    pub(super) fn begin(folder: &Path, clones: usize) -> io::Result<Self> {
        fs::create_dir_all(folder)?;
        for name in [CALLS, TIMINGS, EGRESS, WEBHOOKS] {
            File::create(folder.join(name))?;
        }
        Ok(Self {
            folder: folder.to_owned(),
            writing: Mutex::new(Writing {
                written: Written {
                    tallies: vec![(0, 0); clones],
                    ..Written::default()
                },
                ..Writing::default()
            }),
            grown: Condvar::new(),
        })
    }

    /// Writes what was recorded since the last time.
    pub(super) fn flush(&self, shared: &Shared, clean: Clean<'_>) -> Written {
        let mut writing = self.lock();
        self.write_all(&mut writing, shared, clean, None);
        writing.written.clone()
    }

    /// Forgets what was remembered while much was written; whether much was.
    pub(super) fn rest(&self) -> bool {
        let mut writing = self.lock();
        let much = writing.held >= MUCH;
        if much {
            writing.held = 0;
            writing.remembered.forget();
        }
        much
    }

    /// Lets `change` put another state in the place of a clone's. What was recorded before is written
    /// first: how evidence writes a time, the state before it knows.
    pub(super) fn swap<T>(
        &self,
        shared: &Shared,
        clean: Clean<'_>,
        clone: usize,
        change: impl FnOnce(&mut Box<dyn ServiceClone>) -> T,
    ) -> T {
        let mut writing = self.lock();
        let mut running = shared.clones[clone].running();
        let own = Some((clone, running.state()));
        self.write_all(&mut writing, shared, clean, own);
        change(&mut running)
    }

    /// Waits until a call after `position` is written, at most so long.
    pub(super) fn wait(&self, position: u64, at_most: Duration) -> u64 {
        let waited = self
            .grown
            .wait_timeout_while(self.lock(), at_most, |writing| {
                writing.written.last <= position
            });
        match waited {
            Ok((writing, _)) => writing.written.last,
            Err(poisoned) => poisoned.into_inner().0.written.last,
        }
    }

    /// Writes what was recorded up to now, some of it at a time. The state of one clone is given where
    /// its lock is held already.
    fn write_all(
        &self,
        writing: &mut Writing,
        shared: &Shared,
        clean: Clean<'_>,
        own: Option<(usize, Arc<dyn CloneState>)>,
    ) {
        let until = shared.ledger.last();
        let mut states: Vec<Option<Arc<dyn CloneState>>> = vec![None; shared.clones.len()];
        loop {
            let taken = shared.ledger.drain(AT_ONCE);
            // Whatever a call handed out, the state after it knows.
            states.fill(None);
            if let Some((clone, state)) = &own {
                states[*clone] = Some(Arc::clone(state));
            }
            let last = taken.calls.last().map(|call| call.seq);
            self.write(writing, shared, clean, taken, &mut states);
            if last.is_none_or(|last| last >= until) {
                return;
            }
        }
    }

    fn write(
        &self,
        writing: &mut Writing,
        shared: &Shared,
        clean: Clean<'_>,
        taken: Taken,
        states: &mut [Option<Arc<dyn CloneState>>],
    ) {
        let Writing {
            written,
            remembered,
            held,
        } = writing;
        written.dropped += taken.dropped;
        let mut lines = Lines::default();
        let mut last = None;
        for call in taken.calls {
            let hosted = &shared.clones[call.clone];
            let tally = &mut written.tallies[call.clone];
            tally.0 += 1;
            tally.1 += call.response.changes.len() as u64;
            let state = states[call.clone].get_or_insert_with(|| hosted.state());
            last = Some(call.seq);
            let name = hosted.clone.name;
            let (call, timing) = record::line(name, state.as_ref(), call, clean, remembered);
            if let Err(error) = lines.push(&call, &timing) {
                written.dropped += 1;
                written.trouble = Some(told(&error));
            }
            if lines.calls.len() >= AT_ONCE {
                *held += self.put(written, &mut lines);
            }
        }
        *held += self.put(written, &mut lines);
        let refused: Vec<RefusedEgress> = taken
            .refused
            .into_iter()
            .map(|egress| clean.refused(egress))
            .collect();
        written.refused += refused.len() as u64;
        let (posted, dropped) = shared.webhooks.take();
        written.webhooks += posted.len() as u64;
        written.dropped_webhooks += dropped;
        let webhooks = webhooks::whole(shared, posted, clean);
        if written.bytes >= MOST_BYTES {
            written.dropped_webhooks += webhooks.len() as u64;
        } else {
            let put = self
                .append(EGRESS, &refused)
                .and_then(|bytes| Ok(bytes + self.append(WEBHOOKS, &webhooks)?));
            match put {
                Ok(bytes) => written.bytes += bytes,
                Err(error) => {
                    written.dropped_webhooks += webhooks.len() as u64;
                    written.trouble = Some(told(&error));
                }
            }
        }
        if let Some(last) = last {
            written.last = last;
            self.grown.notify_all();
        }
    }

    /// Puts lines of calls into their files; how many bytes they had.
    fn put(&self, written: &mut Written, lines: &mut Lines) -> u64 {
        let count = std::mem::take(&mut lines.count);
        let put = if written.bytes >= MOST_BYTES {
            written.dropped += count;
            Ok(0)
        } else {
            self.append_bytes(CALLS, &lines.calls)
                .and_then(|bytes| Ok(bytes + self.append_bytes(TIMINGS, &lines.timings)?))
        };
        lines.calls.clear();
        lines.timings.clear();
        let bytes = put.unwrap_or_else(|error| {
            written.dropped += count;
            written.trouble = Some(told(&error));
            0
        });
        written.bytes += bytes;
        bytes
    }

    fn append<T: serde::Serialize>(&self, name: &str, items: &[T]) -> Result<u64, WriteError> {
        let bytes = record::encoded(&self.folder.join(name), items)?;
        self.append_bytes(name, &bytes)
    }

    fn append_bytes(&self, name: &str, bytes: &[u8]) -> Result<u64, WriteError> {
        if bytes.is_empty() {
            return Ok(0);
        }
        let path = self.folder.join(name);
        // In one piece, so that whoever follows the file sees whole lines most of the time.
        OpenOptions::new()
            .append(true)
            .open(&path)
            .and_then(|mut file| file.write_all(bytes))
            .map_err(|source| WriteError::Io { path, source })?;
        Ok(bytes.len() as u64)
    }

    fn lock(&self) -> MutexGuard<'_, Writing> {
        // Counters and files, which are whole whatever happened.
        self.writing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Lines that wait to be put into the files.
#[derive(Default)]
struct Lines {
    calls: Vec<u8>,
    timings: Vec<u8>,
    count: u64,
}

impl Lines {
    /// One more call: both of its lines or neither.
    fn push(
        &mut self,
        call: &CallRecord<EncodedMessage>,
        timing: &CallTiming,
    ) -> Result<(), WriteError> {
        let before = (self.calls.len(), self.timings.len());
        let pushed = record::push_line(Path::new(CALLS), &mut self.calls, call)
            .and_then(|()| record::push_line(Path::new(TIMINGS), &mut self.timings, timing));
        match pushed {
            Ok(()) => self.count += 1,
            Err(_) => {
                self.calls.truncate(before.0);
                self.timings.truncate(before.1);
            }
        }
        pushed
    }
}

/// The file of calls.
pub const CALLS: &str = "calls.jsonl";
const TIMINGS: &str = "timings.jsonl";
const EGRESS: &str = "egress.jsonl";
const WEBHOOKS: &str = "webhooks.jsonl";

fn told(error: &WriteError) -> String {
    match error {
        WriteError::Io { source, .. } => format!("{error}: {source}"),
        WriteError::Encode { source, .. } => format!("{error}: {source}"),
    }
}
