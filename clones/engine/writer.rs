//! Writes a body for the wire and the same body for evidence side by side.
//!
//! Ids of git objects may follow the clock; a body that was begun for a state has them in evidence
//! as [`super::git::aliases`] says, wherever in it they occur.

use std::sync::Arc;

use archal_core::clock::rfc3339_seconds;
use archal_core::clone::{Rendered, Stamp};
use jiff::Timestamp;

use super::git::{Objects, Oid};
use super::root::Root;
use super::row::Row;
use super::times::KnownTimes;

/// JSON being written twice. The two differ in times, in texts that repeat times, and in ids of
/// git objects, nowhere else.
pub(crate) struct Writer {
    wire: Vec<u8>,
    evidence: Vec<u8>,
    base: Timestamp,
    ids: Option<(Arc<Objects>, KnownTimes)>,
}

/// What a body is written for: a state, or only the time that evidence counts from where no id of
/// a git object occurs.
pub(crate) struct Basis {
    base: Timestamp,
    ids: Option<(Arc<Objects>, KnownTimes)>,
}

impl From<&Root> for Basis {
    fn from(root: &Root) -> Self {
        let objects = root.objects();
        let ids = !objects.is_empty();
        Self {
            base: root.base(),
            ids: ids.then(|| (Arc::clone(objects), root.times().clone())),
        }
    }
}

impl From<Timestamp> for Basis {
    fn from(base: Timestamp) -> Self {
        Self { base, ids: None }
    }
}

impl Writer {
    /// An empty body.
    pub(crate) fn new(basis: impl Into<Basis>) -> Self {
        Self::with_capacity(basis, 512, 512)
    }

    /// An empty body with room.
    pub(crate) fn with_capacity(basis: impl Into<Basis>, wire: usize, evidence: usize) -> Self {
        let Basis { base, ids } = basis.into();
        Self {
            wire: Vec::with_capacity(wire),
            evidence: Vec::with_capacity(evidence),
            base,
            ids,
        }
    }

    /// Bytes that are the same in both.
    pub(crate) fn raw(&mut self, text: &str) -> &mut Self {
        self.wire.extend_from_slice(text.as_bytes());
        self.evidence.extend_from_slice(text.as_bytes());
        self
    }

    /// Begins a field of an object: comma where one is due, name, colon.
    pub(crate) fn key(&mut self, name: &str) -> &mut Self {
        self.item();
        self.raw("\"").raw(name).raw("\":")
    }

    /// Begins an item of a list: a comma where one is due.
    pub(crate) fn item(&mut self) -> &mut Self {
        if !matches!(self.wire.last(), None | Some(b'{' | b'[' | b':')) {
            self.raw(",");
        }
        self
    }

    /// A text.
    pub(crate) fn text(&mut self, text: &str) -> &mut Self {
        let start = self.wire.len();
        write_json(text, &mut self.wire);
        self.evidence.extend_from_slice(&self.wire[start..]);
        self
    }

    /// A free text of a row, null where it is null.
    pub(crate) fn prose(&mut self, row: &Row, column: usize) -> &mut Self {
        match row.text_or_null(column) {
            None => self.raw("null"),
            Some(text) => {
                write_json(text, &mut self.wire);
                write_json(row.said(column), &mut self.evidence);
                self
            }
        }
    }

    /// A text, and the same text as evidence writes it.
    pub(crate) fn told(&mut self, text: &str, said: &str) -> &mut Self {
        write_json(text, &mut self.wire);
        write_json(said, &mut self.evidence);
        self
    }

    /// Bytes, and the same as evidence writes them.
    pub(crate) fn raw_told(&mut self, text: &str, said: &str) -> &mut Self {
        self.wire.extend_from_slice(text.as_bytes());
        self.evidence.extend_from_slice(said.as_bytes());
        self
    }

    /// How far both are written.
    pub(crate) fn mark(&self) -> (usize, usize) {
        (self.wire.len(), self.evidence.len())
    }

    /// Takes back what was written after a mark.
    pub(crate) fn rewind(&mut self, (wire, evidence): (usize, usize)) -> &mut Self {
        self.wire.truncate(wire);
        self.evidence.truncate(evidence);
        self
    }

    /// A text or null.
    pub(crate) fn text_or_null(&mut self, text: Option<&str>) -> &mut Self {
        match text {
            Some(text) => self.text(text),
            None => self.raw("null"),
        }
    }

    /// A number.
    pub(crate) fn int(&mut self, value: i64) -> &mut Self {
        self.raw(&value.to_string())
    }

    /// A truth value.
    pub(crate) fn bool(&mut self, value: bool) -> &mut Self {
        self.raw(if value { "true" } else { "false" })
    }

    /// A time or null.
    pub(crate) fn time(&mut self, stamp: Option<Stamp>) -> &mut Self {
        match stamp {
            None => self.raw("null"),
            Some(stamp) => {
                write_json(&rfc3339_seconds(stamp.at), &mut self.wire);
                write_json(&stamp.evidence(self.base), &mut self.evidence);
                self
            }
        }
    }

    /// Bytes that evidence has otherwise.
    pub(crate) fn both_raw(&mut self, wire: &str, evidence: &str) -> &mut Self {
        self.wire.extend_from_slice(wire.as_bytes());
        self.evidence.extend_from_slice(evidence.as_bytes());
        self
    }

    /// The milliseconds between two times. Where a call set one of them, they follow the clock, and
    /// evidence says so.
    pub(crate) fn lapse(&mut self, from: Stamp, to: Stamp) -> &mut Self {
        let lapse = to.at.as_millisecond() - from.at.as_millisecond();
        let wire = lapse.max(0).to_string();
        self.wire.extend_from_slice(wire.as_bytes());
        if from.by_call || to.by_call {
            write_json("+run", &mut self.evidence);
        } else {
            self.evidence.extend_from_slice(wire.as_bytes());
        }
        self
    }

    /// A time in seconds since the epoch; evidence has it as every other time.
    pub(crate) fn epoch(&mut self, stamp: Stamp) -> &mut Self {
        let wire = stamp.at.as_second().to_string();
        self.wire.extend_from_slice(wire.as_bytes());
        write_json(&stamp.evidence(self.base), &mut self.evidence);
        self
    }

    /// The id of a git object.
    pub(crate) fn oid(&mut self, oid: &Oid) -> &mut Self {
        self.raw("\"").raw(&oid.to_string()).raw("\"")
    }

    /// A text that evidence writes otherwise.
    pub(crate) fn both(&mut self, wire: &str, evidence: &str) -> &mut Self {
        write_json(wire, &mut self.wire);
        write_json(evidence, &mut self.evidence);
        self
    }

    /// What was rendered before.
    pub(crate) fn rendered(&mut self, rendered: &Rendered) -> &mut Self {
        self.wire.extend_from_slice(&rendered.wire);
        self.evidence.extend_from_slice(&rendered.evidence);
        self
    }

    /// What was rendered before, without its last byte: an object left open for more fields.
    pub(crate) fn reopened(&mut self, rendered: &Rendered) -> &mut Self {
        let open = |bytes: &[u8]| bytes.len().saturating_sub(1);
        self.wire
            .extend_from_slice(&rendered.wire[..open(&rendered.wire)]);
        self.evidence
            .extend_from_slice(&rendered.evidence[..open(&rendered.evidence)]);
        self
    }

    /// The finished body.
    pub(crate) fn finish(self) -> Rendered {
        let said = self.ids.and_then(|(objects, times)| {
            let text = std::str::from_utf8(&self.evidence).ok()?;
            objects.rewrite(text, &times).map(String::into_bytes)
        });
        Rendered {
            wire: self.wire.into(),
            evidence: said.unwrap_or(self.evidence).into(),
        }
    }
}

fn write_json(text: &str, out: &mut Vec<u8>) {
    // Writing a string to memory cannot fail; if it ever did, the body would be cut, and the
    // tests that parse every body would say so.
    if serde_json::to_writer(&mut *out, text).is_err() {
        out.extend_from_slice(b"null");
    }
}
