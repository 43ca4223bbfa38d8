//! The one thread that puts traces together: reads what is due from the spool, and writes it to the
//! trace directory.

use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

use archal_core::clock::Clock;
use archal_core::diagnostic::Diagnostic;
use archal_core::push::{Kept, KeptSpan, PushSource};
use archal_core::redact::{RedactionCounts, Redactor};
use archal_core::source::DecodedTrace;
use serde_json::Value;

use super::batch::{self, Packing};
use super::given::{Extent, Given, Note};
use super::state::{Assembly, Lies, Ready};
use crate::ingest::spool::record::{Held, held};
use crate::ingest::spool::{Order, Place, Segments, Spool};

/// Between two looks at what is due: traces that are due at about the same time share a file.
const LOOK: Duration = Duration::from_millis(500);
/// After a file could not be written.
const TRY_AGAIN: Duration = Duration::from_secs(2);
/// Findings kept of one look.
const MOST_FINDINGS: usize = 100;

/// What became of one look.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Packed {
    /// The files that were written.
    pub files: Vec<PathBuf>,
    /// Traces in them.
    pub traces: usize,
    /// Of those, how many had been given out before.
    pub again: usize,
    /// Their spans.
    pub spans: usize,
    /// What contradicts itself in them.
    pub diagnostics: Vec<Diagnostic>,
    /// Why nothing could be written; what is due is tried again.
    pub failure: Option<String>,
    /// Traces under way.
    pub waiting: usize,
}

/// What is heard of the packer.
#[derive(Debug, Clone, PartialEq)]
pub enum Heard {
    /// It looked at what is due.
    Looked(Packed),
    /// The spool refuses requests from now on, for this reason; or takes them again.
    Refusing(Option<String>),
}

/// What the packer works with.
pub struct Packer {
    /// The provider's name in batches.
    pub provider: &'static str,
    /// The name the source is registered under.
    pub name: String,
    /// Its protocol.
    pub source: PushSource,
    /// Where batch files go.
    pub directory: PathBuf,
    /// What is under way.
    pub assembly: Assembly,
    /// The files of the spool.
    pub segments: Segments,
    /// The numbers of the segments that are there.
    pub numbers: BTreeSet<u32>,
    /// The newest segment that gets no more records.
    pub sealed: Option<u32>,
    /// Whether the spool refuses requests: then what is not needed is let go at once.
    pub is_refusing: bool,
    /// The spool.
    pub spool: Arc<Spool>,
    /// Which batch file has which trace that the spool no longer has.
    pub given: Given,
    /// What takes out secrets that are found only when a trace is whole.
    pub redactor: Redactor,
    /// The time.
    pub clock: Arc<dyn Clock>,
}

/// A trace that is packed but not written.
struct OnItsWay {
    trace: Arc<str>,
    is_whole: bool,
    note: Note,
}

/// What the lines of a trace became.
enum Together {
    /// A trace.
    Trace {
        decoded: Box<DecodedTrace>,
        /// Whether it has what an earlier file had.
        is_merged: bool,
    },
    /// They are none without lines that did not come yet.
    Nothing,
    /// They cannot be read; it is told why.
    Unreadable,
}

impl Packer {
    /// Works until the spool has ended; `told` hears of every look that found something.
    pub fn run(mut self, committed: &Receiver<Order>, told: &dyn Fn(Heard)) {
        let mut look = self.clock.monotonic() + LOOK;
        let mut has_failed = false;
        loop {
            let now = self.clock.monotonic();
            // With nothing under way nothing becomes due.
            let order = if self.assembly.next().is_none() && !has_failed {
                committed.recv().map_err(|_| RecvTimeoutError::Disconnected)
            } else {
                let next = self.assembly.next().unwrap_or(now);
                committed.recv_timeout(next.max(look).saturating_sub(now))
            };
            let now = self.clock.monotonic();
            match order {
                Ok(Order::Committed(pieces)) => {
                    for piece in pieces {
                        self.numbers.insert(piece.line.segment);
                        self.assembly.take(piece, now);
                    }
                    if now < look {
                        continue;
                    }
                }
                Ok(Order::Sealed(number)) => self.sealed = Some(number),
                Ok(Order::Refusing(reason)) => {
                    self.is_refusing = reason.is_some();
                    told(Heard::Refusing(reason));
                }
                Err(RecvTimeoutError::Timeout) => {}
                Ok(Order::End) | Err(RecvTimeoutError::Disconnected) => break,
            }
            let packed = self.look();
            has_failed = packed.failure.is_some();
            look = self.clock.monotonic() + if has_failed { TRY_AGAIN } else { LOOK };
            if packed != Packed::default() {
                told(Heard::Looked(packed));
            }
        }
        // What is given out needs no segment any more; what is not is read at the next start.
        self.assembly.shed();
        self.sealed = self.numbers.last().copied();
        self.sweep();
    }

    /// Writes what is due, and takes away segments that nothing needs.
    pub fn look(&mut self) -> Packed {
        let mut packed = Packed::default();
        loop {
            let full = self.fill(&mut packed);
            if packed.failure.is_some() || !full {
                break;
            }
        }
        self.given.close();
        if self.is_refusing || self.spool.is_half_full() {
            self.assembly.shed();
        }
        self.sweep();
        if packed != Packed::default() {
            packed.waiting = self.assembly.waiting();
        }
        packed
    }

    /// One file of what is due; whether there may be more.
    fn fill(&mut self, packed: &mut Packed) -> bool {
        let now = self.clock.monotonic();
        let mut packing = Packing::new(self.provider);
        let mut on_their_way: Vec<OnItsWay> = Vec::new();
        let mut unreadable: Vec<Arc<str>> = Vec::new();
        let mut is_full = false;
        let later = now.saturating_add(TRY_AGAIN);
        while let Some(ready) = self.assembly.due(now) {
            let trace = Arc::clone(&ready.trace);
            let is_whole = ready.is_whole;
            let extent = extent_of(&ready);
            let is_there = !is_whole && !ready.is_again;
            if is_there && self.given.is_same(&trace, extent) {
                // It was given out before archal ended, and nothing came since.
                self.assembly.given_out(&trace);
                continue;
            }
            let (decoded, is_merged, text) = match self.caught(ready, packed) {
                Together::Trace { decoded, is_merged } => match batch::encoded(&decoded) {
                    Ok(text) => (decoded, is_merged, text),
                    Err(error) => {
                        found(packed, unreadable_trace(&trace, &error.to_string()));
                        unreadable.push(trace);
                        continue;
                    }
                },
                Together::Nothing => {
                    // It is kept for spans that come late, as what was given out is.
                    self.assembly.given_out(&trace);
                    continue;
                }
                Together::Unreadable => {
                    unreadable.push(trace);
                    continue;
                }
            };
            if packing.is_full_with(text.len()) {
                self.assembly.put_off(&trace, now);
                is_full = true;
                break;
            }
            packing.add(
                decoded.source.or_else(|| Some(self.name.clone())),
                decoded.project,
                &text,
            );
            on_their_way.push(OnItsWay {
                trace,
                is_whole,
                note: Note { extent, is_merged },
            });
        }
        // It was taken from somebody who was told that it is kept: it goes only where there is no room.
        let is_pressed =
            self.is_refusing || self.spool.is_half_full() || self.assembly.is_crowded();
        for trace in unreadable {
            if is_pressed {
                self.assembly.given_out(&trace);
            } else {
                self.assembly.put_aside(&trace, now);
            }
        }
        if packing.traces() == 0 {
            return false;
        }
        let stem = batch::stem(&self.name);
        match packing.write(&self.directory, &stem, self.clock.now()) {
            Ok(path) => self.written(&path, on_their_way, packed),
            Err(error) => {
                for one in on_their_way {
                    self.assembly.put_off(&one.trace, later);
                }
                packed.failure = Some(with_causes(&error));
            }
        }
        is_full
    }

    fn written(&mut self, path: &Path, on_their_way: Vec<OnItsWay>, packed: &mut Packed) {
        packed.files.push(path.to_owned());
        for one in on_their_way {
            self.assembly.given_out(&one.trace);
            packed.traces += 1;
            packed.spans += one.note.extent.spans;
            if !one.is_whole && self.given.note(&one.trace, one.note, path) {
                packed.again += 1;
            }
        }
        if let Err(error) = self.given.save() {
            tracing::warn!(%error, "which traces were given out cannot be noted");
        }
    }

    /// [`Self::together`]; a fault in it costs this trace its turn, not the thread.
    fn caught(&mut self, ready: Ready, packed: &mut Packed) -> Together {
        let trace = Arc::clone(&ready.trace);
        let outcome = catch_unwind(AssertUnwindSafe(|| self.together(&ready, packed)));
        outcome.unwrap_or_else(|_| {
            found(packed, unreadable_trace(&trace, "a fault in archal"));
            Together::Unreadable
        })
    }

    /// Reads the spans of a trace and puts them together.
    fn together(&mut self, ready: &Ready, packed: &mut Packed) -> Together {
        let mut findings = Vec::new();
        let mut together = if ready.is_whole {
            self.whole(ready, &mut findings)
        } else {
            self.of_spans(ready, &mut findings)
        };
        for mut finding in findings {
            let mut counts = RedactionCounts::new();
            finding.message = self.redactor.text(&finding.message, &mut counts);
            found(packed, finding);
        }
        if let Together::Trace { decoded, .. } = &mut together {
            // Secrets of which only the whole trace tells: echoed in another span.
            self.redactor
                .trace(&mut decoded.trace, &mut RedactionCounts::new());
            decoded.trace.renew_revision();
        }
        together
    }

    fn whole(&mut self, ready: &Ready, findings: &mut Vec<Diagnostic>) -> Together {
        let Some(lies) = ready.spans.last() else {
            findings.push(Diagnostic::error(
                "trace/too-large",
                format!(
                    "{} is larger than one may be, and is left out",
                    named(&ready.trace)
                ),
            ));
            return Together::Nothing;
        };
        match self.line(lies.line, findings) {
            Some(Held::Whole(decoded)) => Together::Trace {
                decoded,
                is_merged: false,
            },
            Some(Held::Shared(_) | Held::Span(_)) | None => Together::Unreadable,
        }
    }

    fn of_spans(&mut self, ready: &Ready, findings: &mut Vec<Diagnostic>) -> Together {
        let mut shared: BTreeMap<(u32, u32), Option<Arc<Value>>> = BTreeMap::new();
        let mut spans = Vec::with_capacity(ready.spans.len());
        let mut lost = ready.lost;
        for lies in &ready.spans {
            let beside = lies.shared.and_then(|place| {
                let key = (place.segment, place.offset);
                if let Some(known) = shared.get(&key) {
                    return known.clone();
                }
                let read = match self.line(place, findings) {
                    Some(Held::Shared(value)) => Some(Arc::new(value)),
                    _ => None,
                };
                shared.insert(key, read.clone());
                read
            });
            match self.line(lies.line, findings) {
                Some(Held::Span(body)) => spans.push(KeptSpan {
                    shared: beside,
                    body,
                }),
                _ => lost = lost.saturating_add(1),
            }
        }
        let read = spans.len();
        if read == 0 && !ready.spans.is_empty() {
            return Together::Unreadable;
        }
        // What the spool no longer has stands in a batch file.
        let first = extent_of(ready).first;
        let has_more = self.given.has_more(&ready.trace, first, ready.is_again);
        let earlier = has_more
            .then(|| self.given.earlier(&ready.trace, &ready.trace))
            .flatten();
        let is_merged = earlier.is_some();
        let kept = Kept {
            spans,
            lost,
            earlier,
        };
        match (self.source.assemble)(&ready.trace, kept, findings) {
            Some(decoded) => Together::Trace {
                decoded: Box::new(decoded),
                is_merged,
            },
            None => {
                if read > 0 && !is_merged {
                    findings.push(Diagnostic::warning(
                        "trace/loose-event",
                        format!(
                            "{}: lines without a span of it that can be read: {read}",
                            named(&ready.trace)
                        ),
                    ));
                }
                Together::Nothing
            }
        }
    }

    fn line(&mut self, place: Place, findings: &mut Vec<Diagnostic>) -> Option<Held> {
        let why = match self.segments.read(place) {
            Ok(bytes) => match held(&bytes) {
                Some(held) => return Some(held),
                None => "it is not what was written".to_owned(),
            },
            Err(error) => error.to_string(),
        };
        if findings.len() < MOST_FINDINGS {
            findings.push(Diagnostic::error(
                "spool/unreadable",
                format!("a line of segment {} cannot be read: {why}", place.segment),
            ));
        }
        None
    }

    /// Takes away segments that get no more records and that nothing needs.
    fn sweep(&mut self) {
        let gone: Vec<u32> = self
            .numbers
            .iter()
            .copied()
            .filter(|number| self.sealed.is_some_and(|sealed| *number <= sealed))
            .filter(|number| !self.assembly.needs(*number))
            .collect();
        for number in gone {
            match self.segments.remove(number) {
                Ok(bytes) => {
                    self.spool.removed(bytes);
                    self.numbers.remove(&number);
                }
                Err(error) => tracing::warn!(number, %error, "a segment cannot be removed"),
            }
        }
    }
}

fn found(packed: &mut Packed, finding: Diagnostic) {
    if packed.diagnostics.len() < MOST_FINDINGS {
        packed.diagnostics.push(finding);
    }
}

fn named(trace: &str) -> String {
    // A whole one goes by its source and project, too.
    let id = trace.rsplit('\0').next().unwrap_or(trace);
    let shown: String = id.chars().take(80).flat_map(char::escape_debug).collect();
    format!("trace `{shown}`")
}

fn unreadable_trace(trace: &str, why: &str) -> Diagnostic {
    Diagnostic::error(
        "spool/unreadable",
        format!("{} stays in the spool: {why}", named(trace)),
    )
}

/// What the spool has of a trace.
fn extent_of(ready: &Ready) -> Extent {
    let place =
        |lies: Option<&Lies>| lies.map_or((0, 0), |lies| (lies.line.segment, lies.line.offset));
    Extent {
        spans: ready.spans.len(),
        first: place(ready.spans.first()),
        last: place(ready.spans.last()),
    }
}

fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text = format!("{text}: {inner}");
        cause = inner.source();
    }
    text
}

#[cfg(test)]
mod tests;
