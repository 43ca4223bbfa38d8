//! Writes a body for the wire and the same body for evidence side by side.

use archal_core::clock::rfc3339_seconds;
use archal_core::clone::{Rendered, Stamp};
use jiff::Timestamp;

use super::row::Row;

/// JSON being written twice. The two differ in times and in texts that repeat times, nowhere else.
pub(crate) struct Writer {
    wire: Vec<u8>,
    evidence: Vec<u8>,
    base: Timestamp,
}

impl Writer {
    /// An empty body; `base` is what evidence counts times from.
    pub(crate) fn new(base: Timestamp) -> Self {
        Self::with_capacity(base, 512, 512)
    }

    /// An empty body with room.
    pub(crate) fn with_capacity(base: Timestamp, wire: usize, evidence: usize) -> Self {
        Self {
            wire: Vec::with_capacity(wire),
            evidence: Vec::with_capacity(evidence),
            base,
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

    /// A time in seconds since the epoch; evidence has it as every other time.
    pub(crate) fn epoch(&mut self, stamp: Stamp) -> &mut Self {
        let wire = stamp.at.as_second().to_string();
        self.wire.extend_from_slice(wire.as_bytes());
        write_json(&stamp.evidence(self.base), &mut self.evidence);
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
        Rendered {
            wire: self.wire.into(),
            evidence: self.evidence.into(),
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
