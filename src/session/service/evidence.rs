//! The evidence of a session that lives long: written while it runs, so that memory stays bounded
//! and what a kill leaves is whole up to the last moment.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use archal_core::clone::{CloneState, ServiceClone};

use super::super::evidence::{CallRecord, CallTiming, RefusedEgress};
use super::super::ledger::Taken;
use super::super::record::{self, Clean};
use super::super::server::Shared;
use super::super::webhooks;
use crate::store::atomic::WriteError;

/// Most bytes of calls that are written; later ones are answered and counted.
const MOST_BYTES: u64 = 1 << 30;

/// The files that grow.
pub(super) struct Evidence {
    folder: PathBuf,
    written: Mutex<Written>,
    grown: Condvar,
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
            written: Mutex::new(Written {
                tallies: vec![(0, 0); clones],
                ..Written::default()
            }),
            grown: Condvar::new(),
        })
    }

    /// Writes what was recorded since the last time.
    pub(super) fn flush(&self, shared: &Shared, clean: Clean<'_>) -> Written {
        let mut written = self.lock();
        let taken = shared.ledger.drain();
        self.write(&mut written, shared, clean, taken, None);
        written.clone()
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
        let mut written = self.lock();
        let mut running = shared.clones[clone].running();
        let taken = shared.ledger.drain();
        let state = running.state();
        let own = Some((clone, state.as_ref()));
        self.write(&mut written, shared, clean, taken, own);
        change(&mut running)
    }

    /// Waits until a call after `position` is written, at most so long.
    pub(super) fn wait(&self, position: u64, at_most: Duration) -> u64 {
        let waited = self
            .grown
            .wait_timeout_while(self.lock(), at_most, |written| written.last <= position);
        match waited {
            Ok((written, _)) => written.last,
            Err(poisoned) => poisoned.into_inner().0.last,
        }
    }

    fn write(
        &self,
        written: &mut Written,
        shared: &Shared,
        clean: Clean<'_>,
        taken: Taken,
        own: Option<(usize, &dyn CloneState)>,
    ) {
        written.dropped += taken.dropped;
        let (mut calls, mut timings): (Vec<CallRecord>, Vec<CallTiming>) = (Vec::new(), Vec::new());
        for call in taken.calls {
            let hosted = &shared.clones[call.clone];
            let tally = &mut written.tallies[call.clone];
            tally.0 += 1;
            tally.1 += call.response.changes.len() as u64;
            let name = hosted.clone.name;
            let (call, timing) = match own {
                // Its lock is held already.
                Some((clone, state)) if clone == call.clone => {
                    record::one(name, state, call, clean)
                }
                _ => record::one(name, hosted.state().as_ref(), call, clean),
            };
            calls.push(call);
            timings.push(timing);
        }
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
        let last = calls.last().map(|call| call.seq);
        if written.bytes >= MOST_BYTES {
            written.dropped += calls.len() as u64;
            written.dropped_webhooks += webhooks.len() as u64;
        } else {
            let put = self
                .append(CALLS, &calls)
                .and_then(|bytes| Ok(bytes + self.append(TIMINGS, &timings)?))
                .and_then(|bytes| Ok(bytes + self.append(EGRESS, &refused)?))
                .and_then(|bytes| Ok(bytes + self.append(WEBHOOKS, &webhooks)?));
            match put {
                Ok(bytes) => written.bytes += bytes,
                Err(error) => {
                    written.dropped += calls.len() as u64;
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

    fn append<T: serde::Serialize>(&self, name: &str, items: &[T]) -> Result<u64, WriteError> {
        if items.is_empty() {
            return Ok(0);
        }
        let path = self.folder.join(name);
        let bytes = record::encoded(&path, items)?;
        // In one piece, so that whoever follows the file sees whole lines most of the time.
        OpenOptions::new()
            .append(true)
            .open(&path)
            .and_then(|mut file| file.write_all(&bytes))
            .map_err(|source| WriteError::Io { path, source })?;
        Ok(bytes.len() as u64)
    }

    fn lock(&self) -> MutexGuard<'_, Written> {
        // Counters and files, which are whole whatever happened.
        self.written.lock().unwrap_or_else(PoisonError::into_inner)
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
