//! A record of the spool: one delivery as lines of JSON.
//!
//! A line is what several spans share, a span, or a whole trace. Each stands alone, so that assembly
//! reads the spans of one trace without those of others.

use std::borrow::Cow;
use std::sync::Arc;

use archal_core::push::Delivery;
use archal_core::source::DecodedTrace;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;

/// Where a line stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// The number of its segment.
    pub segment: u32,
    /// Its first byte.
    pub offset: u32,
    /// How many bytes it has.
    pub length: u32,
}

/// What assembly has to know of a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece {
    /// What its trace goes by while it is put together: the id, with the project of a whole one.
    pub trace: Arc<str>,
    /// The line. While the record has no place, offsets count from its payload.
    pub line: Place,
    /// The line it shares with others.
    pub shared: Option<Place>,
    /// Whether it is the end of the root.
    pub ends_root: bool,
    /// Whether it is a whole trace.
    pub is_whole: bool,
    /// How many spans of the trace could not be read; such a piece is not a span.
    pub lost: u64,
}

impl Piece {
    /// The same piece of a record whose payload stands at `offset` of a segment.
    #[must_use]
    pub fn placed(mut self, segment: u32, offset: u32) -> Self {
        for place in std::iter::once(&mut self.line).chain(self.shared.as_mut()) {
            place.segment = segment;
            place.offset = place.offset.saturating_add(offset);
        }
        self
    }
}

#[derive(Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct Written<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    trace: Option<&'a str>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    ends_root: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    of: Option<usize>,
    #[serde(skip_serializing_if = "is_zero")]
    lost: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    shared: Option<&'a Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    span: Option<&'a Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    whole: Option<&'a DecodedTrace>,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde hands over a reference"
)]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Read<'a> {
    #[serde(borrow, default)]
    trace: Option<Cow<'a, str>>,
    #[serde(default)]
    ends_root: bool,
    #[serde(default)]
    of: Option<usize>,
    #[serde(default)]
    lost: u64,
    #[serde(borrow, default)]
    shared: Option<&'a RawValue>,
    #[serde(borrow, default)]
    span: Option<&'a RawValue>,
    #[serde(borrow, default)]
    whole: Option<&'a RawValue>,
}

/// A delivery as it is written, and what stands in it.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Record {
    /// The lines.
    pub payload: Vec<u8>,
    /// Its spans and traces, without a segment.
    pub pieces: Vec<Piece>,
}

/// What a whole trace goes by: two projects may have one id.
fn whole_key(decoded: &DecodedTrace) -> Arc<str> {
    let named = |text: &Option<String>| text.clone().unwrap_or_default();
    let (source, project) = (named(&decoded.source), named(&decoded.project));
    Arc::from(format!("{source}\0{project}\0{}", decoded.trace.id))
}

/// The record of a redacted delivery.
///
/// # Errors
///
/// When a value has no JSON form.
pub fn encode(delivery: &Delivery) -> Result<Record, serde_json::Error> {
    let mut record = Record::default();
    let mut shared = Vec::with_capacity(delivery.shared.len());
    for value in &delivery.shared {
        shared.push(record.line(&Written {
            shared: Some(value),
            ..Written::default()
        })?);
    }
    for span in &delivery.spans {
        let line = record.line(&Written {
            trace: Some(&span.trace),
            ends_root: span.ends_root,
            of: span.shared,
            span: Some(&span.body),
            ..Written::default()
        })?;
        record.pieces.push(Piece {
            trace: Arc::from(span.trace.as_str()),
            line,
            shared: span.shared.and_then(|at| shared.get(at)).copied(),
            ends_root: span.ends_root,
            is_whole: false,
            lost: 0,
        });
    }
    for decoded in &delivery.traces {
        let line = record.line(&Written {
            whole: Some(decoded),
            ..Written::default()
        })?;
        record.pieces.push(piece_of_whole(whole_key(decoded), line));
    }
    for (trace, lost) in &delivery.lost {
        let line = record.line(&Written {
            trace: Some(trace),
            lost: *lost,
            ..Written::default()
        })?;
        record.pieces.push(lost_piece(trace, line, *lost));
    }
    Ok(record)
}

fn piece_of_whole(trace: Arc<str>, line: Place) -> Piece {
    Piece {
        trace,
        line,
        shared: None,
        ends_root: true,
        is_whole: true,
        lost: 0,
    }
}

fn lost_piece(trace: &str, line: Place, lost: u64) -> Piece {
    Piece {
        trace: Arc::from(trace),
        line,
        shared: None,
        ends_root: false,
        is_whole: false,
        lost,
    }
}

impl Record {
    fn line(&mut self, written: &Written<'_>) -> Result<Place, serde_json::Error> {
        let offset = self.payload.len();
        serde_json::to_writer(&mut self.payload, written)?;
        let length = self.payload.len() - offset;
        self.payload.push(b'\n');
        Ok(place(offset, length))
    }
}

/// Places in a payload fit: frames refuse longer ones.
fn place(offset: usize, length: usize) -> Place {
    let short = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
    Place {
        segment: 0,
        offset: short(offset),
        length: short(length),
    }
}

/// The pieces of a payload that was read again. A line that cannot be read is left out and counted.
pub fn pieces(payload: &[u8]) -> (Vec<Piece>, usize) {
    let (mut pieces, mut bad) = (Vec::new(), 0);
    let mut shared: Vec<Place> = Vec::new();
    let mut offset = 0;
    for text in payload.split_inclusive(|byte| *byte == b'\n') {
        let line = place(offset, text.len().saturating_sub(1));
        offset += text.len();
        match serde_json::from_slice::<Read<'_>>(text) {
            Ok(read) if read.shared.is_some() => shared.push(line),
            Ok(read) => match piece(read, line, &shared) {
                Some(piece) => pieces.push(piece),
                None => bad += 1,
            },
            Err(_) => bad += 1,
        }
    }
    (pieces, bad)
}

fn piece(read: Read<'_>, line: Place, shared: &[Place]) -> Option<Piece> {
    if let Some(whole) = read.whole {
        let decoded: DecodedTrace = serde_json::from_str(whole.get()).ok()?;
        return Some(piece_of_whole(whole_key(&decoded), line));
    }
    let trace = read.trace?;
    if read.lost > 0 {
        return Some(lost_piece(&trace, line, read.lost));
    }
    read.span?;
    Some(Piece {
        trace: Arc::from(trace.as_ref()),
        line,
        shared: read.of.and_then(|at| shared.get(at)).copied(),
        ends_root: read.ends_root,
        is_whole: false,
        lost: 0,
    })
}

/// What a line holds.
#[derive(Debug, PartialEq)]
pub enum Held {
    /// What several spans share.
    Shared(Value),
    /// A span.
    Span(Value),
    /// A whole trace.
    Whole(Box<DecodedTrace>),
}

/// Reads one line; none for one that cannot be read or counts what was lost.
pub fn held(line: &[u8]) -> Option<Held> {
    let read: Read<'_> = serde_json::from_slice(line).ok()?;
    let value = |text: &RawValue| serde_json::from_str(text.get()).ok();
    match (read.shared, read.span, read.whole) {
        (Some(shared), _, _) => value(shared).map(Held::Shared),
        (None, Some(span), _) => value(span).map(Held::Span),
        (None, None, Some(whole)) => serde_json::from_str(whole.get())
            .ok()
            .map(|decoded| Held::Whole(Box::new(decoded))),
        (None, None, None) => None,
    }
}

#[cfg(test)]
mod tests {
    use archal_core::push::PushedSpan;
    use archal_core::trace::Trace;
    use serde_json::json;

    use super::*;

    #[test]
    fn a_record_that_was_read_again_has_the_pieces_it_was_written_with() {
        let span = |trace: &str, ends_root| PushedSpan {
            trace: trace.to_owned(),
            ends_root,
            shared: Some(1),
            body: json!({"name": "a \"line\"\nbreak", "attributes": {"k": 1}}),
        };
        let delivery = Delivery {
            shared: vec![json!({}), json!({"service.name": "triage"})],
            spans: vec![span("a", false), span("b\u{e9}\"", true)],
            traces: vec![DecodedTrace {
                project: Some("p".to_owned()),
                trace: Trace {
                    id: "t".to_owned(),
                    ..Trace::default()
                },
                ..DecodedTrace::default()
            }],
            lost: [("a".to_owned(), 3)].into(),
        };
        let record = encode(&delivery).expect("JSON");
        let (again, bad) = pieces(&record.payload);
        assert_eq!((&again, bad), (&record.pieces, 0));
        assert_eq!(again.len(), 4);
        let text = |place: Place| {
            let at = place.offset as usize;
            &record.payload[at..at + place.length as usize]
        };
        assert_eq!(
            held(text(again[1].line)),
            Some(Held::Span(delivery.spans[1].body.clone()))
        );
        assert_eq!(
            again[0].shared.and_then(|shared| held(text(shared))),
            Some(Held::Shared(delivery.shared[1].clone()))
        );
        assert_eq!(
            held(text(again[2].line)),
            Some(Held::Whole(Box::new(delivery.traces[0].clone())))
        );
        let moved = again[0].clone().placed(7, 100);
        assert_eq!(moved.line.segment, 7);
        assert_eq!(moved.line.offset, again[0].line.offset + 100);
    }

    #[test]
    fn lines_that_cannot_be_read_are_counted() {
        let (pieces, bad) = pieces(b"nonsense\n{}\n{\"trace\":\"t\",\"span\":{}}\n");
        assert_eq!((pieces.len(), bad), (1, 2));
    }
}
