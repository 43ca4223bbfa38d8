//! Traces that come in parts, each in a file of its own: held until all parts at hand are one.

use std::collections::BTreeMap;
use std::path::Path;

use archal_core::redact::{RedactionCounts, Redactor};
use archal_core::source::FileFormat;
use archal_core::trace::{Trace, TraceIdentity};

use super::assembly::opened::Opened;
use super::file::Imported;

/// Traces that are held at most.
const MOST_TRACES: usize = 1_000;
/// Spans that are held at most, in all of them.
const MOST_SPANS: usize = 20_000;

/// What became of a part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// It is held, as the first of its trace.
    First,
    /// It is held, together with others of its trace.
    Joined,
    /// What is held, or was written, has all of it.
    Known,
}

/// Traces of which more may come.
#[derive(Debug)]
pub struct Parts<'a> {
    format: &'a FileFormat,
    redactor: &'a Redactor,
    held: BTreeMap<TraceIdentity, Imported>,
    spans: usize,
    /// Traces that go on were mostly written together.
    opened: Option<Opened>,
}

impl<'a> Parts<'a> {
    /// None yet.
    pub fn new(format: &'a FileFormat, redactor: &'a Redactor) -> Self {
        Self {
            format,
            redactor,
            held: BTreeMap::new(),
            spans: 0,
            opened: None,
        }
    }

    /// How many traces are held.
    pub fn traces(&self) -> u64 {
        self.held.len() as u64
    }

    /// Whether it is time to write what is held.
    pub fn is_full(&self) -> bool {
        self.held.len() >= MOST_TRACES || self.spans >= MOST_SPANS
    }

    /// Holds a part; `written` is the batch file that has the trace so far.
    pub fn hold(&mut self, mut one: Imported, written: Option<&Path>) -> Part {
        let (earlier, is_held) = match self.held.remove(&one.identity) {
            Some(held) => {
                self.spans -= held.trace.spans.len();
                (Some(held.trace), true)
            }
            None => (self.earlier(&one.identity, written), false),
        };
        let mut part = if is_held { Part::Joined } else { Part::First };
        if let Some(earlier) = earlier {
            let before = earlier.revision.clone();
            one.trace = (self.format.join)(earlier, one.trace);
            // Secrets of which only the whole trace tells: echoed in another span.
            let counts: &mut RedactionCounts = &mut one.redactions;
            self.redactor.trace(&mut one.trace, counts);
            one.trace.renew_revision();
            if one.trace.revision == before {
                part = Part::Known;
            }
        }
        if is_held || part != Part::Known {
            self.spans += one.trace.spans.len();
            self.held.insert(one.identity.clone(), one);
        }
        part
    }

    fn earlier(&mut self, identity: &TraceIdentity, written: Option<&Path>) -> Option<Trace> {
        let path = written?;
        if self
            .opened
            .as_ref()
            .is_none_or(|opened| opened.path() != path)
        {
            self.opened = Opened::read(path);
        }
        let found = self.opened.as_ref()?.trace(&identity.trace)?;
        Some(found.trace)
    }

    /// Everything that is held; nothing is afterwards.
    pub fn take(&mut self) -> impl Iterator<Item = Imported> + use<> {
        self.spans = 0;
        self.opened = None;
        std::mem::take(&mut self.held).into_values()
    }
}
