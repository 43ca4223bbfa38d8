//! Splits a document into JSON objects: one document, an array, or one after another (JSONL).

use archal_core::diagnostic::Diagnostic;
use archal_core::source::Decoded;
use serde_json::value::RawValue;

use crate::document::Document;
use crate::findings;
use crate::raw::{self, Record};

/// The objects of a document in order. What is no object is a diagnostic; a document that ends
/// inside a value is marked as not complete.
pub(super) fn split<'a>(document: &'a Document<'_>, decoded: &mut Decoded) -> Vec<Record<'a>> {
    let mut splitter = Splitter {
        text: &document.text,
        document,
        decoded,
        records: Vec::new(),
    };
    splitter.split();
    splitter.records
}

/// The objects of a document with one on each line.
pub(super) fn of_lines<'a>(document: &'a Document<'_>, decoded: &mut Decoded) -> Vec<Record<'a>> {
    let mut splitter = Splitter {
        text: &document.text,
        document,
        decoded,
        records: Vec::new(),
    };
    splitter.lines();
    splitter.records
}

/// Whether a text has a line that is an object on its own. Of a document printed over several lines
/// no line is, because inner lines are indented or end in a comma.
pub(super) fn is_lines(text: &str) -> bool {
    text.lines()
        .filter(|line| line.starts_with('{') && line.trim_end().ends_with('}'))
        .any(|line| serde_json::from_str::<&RawValue>(line).is_ok())
}

/// What JSON has between values.
const SPACE: [char; 4] = [' ', '\t', '\n', '\r'];

struct Splitter<'a, 'd, 'o> {
    text: &'a str,
    document: &'d Document<'d>,
    decoded: &'o mut Decoded,
    records: Vec<Record<'a>>,
}

impl<'a> Splitter<'a, '_, '_> {
    fn split(&mut self) {
        let start = self.text.len() - self.text.trim_start().len();
        if let Ok(record) = Record::of(self.text[start..].trim_end_matches(SPACE), start) {
            self.records.push(record);
            return;
        }
        match serde_json::from_str::<&RawValue>(self.text) {
            Ok(whole) if whole.get().starts_with('[') => self.array(start + 1),
            Ok(whole) => self.record(whole.get(), start),
            Err(_) if is_lines(self.text) => {
                self.decoded.by_record = true;
                self.lines();
            }
            Err(_) if self.text[start..].starts_with('[') => self.array(start + 1),
            Err(error) => {
                let mut values =
                    serde_json::Deserializer::from_str(self.text).into_iter::<&RawValue>();
                if values.next().is_some_and(|first| first.is_ok()) {
                    self.decoded.by_record = true;
                    self.sequence();
                } else {
                    self.failed(0, self.text, &error);
                }
            }
        }
    }

    /// One object; a value of another kind is a diagnostic.
    fn record(&mut self, text: &'a str, start: usize) {
        match Record::of(text, start) {
            Ok(record) => self.records.push(record),
            Err(error) => {
                let finding = if text.starts_with('{') {
                    Diagnostic::error("trace/not-json", raw::reason(&error))
                } else {
                    Diagnostic::error("trace/not-an-object", "a record is not a JSON object")
                };
                let range = self.document.place(start..start + text.len());
                findings::add(&mut self.decoded.diagnostics, finding.at(range));
            }
        }
    }

    fn lines(&mut self) {
        let mut start = 0;
        for (line, number) in self.text.split_inclusive('\n').zip(1..) {
            let trimmed = line.trim();
            if !trimmed.is_empty() {
                let at = start + (line.len() - line.trim_start().len());
                if let Ok(record) = Record::of(trimmed, at) {
                    self.records.push(record);
                    start += line.len();
                    continue;
                }
                match serde_json::from_str::<&RawValue>(trimmed) {
                    Ok(_) => self.record(trimmed, at),
                    // The last line without its line break is one that is still being written.
                    Err(_) if !line.ends_with('\n') => self.cut(at),
                    Err(error) => {
                        let number = self.document.line(at).unwrap_or(number);
                        self.bad(number, at, trimmed, &error);
                    }
                }
            }
            start += line.len();
        }
    }

    /// Values one after another, each over several lines. After a bad one nothing can be told.
    fn sequence(&mut self) {
        let mut values = serde_json::Deserializer::from_str(self.text).into_iter::<&RawValue>();
        loop {
            let before = values.byte_offset();
            match values.next() {
                None => return,
                Some(Ok(value)) => {
                    let start = values.byte_offset() - value.get().len();
                    self.record(value.get(), start);
                }
                Some(Err(error)) => {
                    return self.failed(before, self.text, &error);
                }
            }
        }
    }

    /// The items of an array whose content begins at `at`, as far as they can be read.
    fn array(&mut self, mut at: usize) {
        self.decoded.by_record = true;
        loop {
            at += self.text[at..].len() - self.text[at..].trim_start().len();
            match self.text[at..].chars().next() {
                None => return self.cut(at),
                Some(']') => return self.after_array(at + 1),
                Some(',') => at += 1,
                Some(_) => {
                    let rest = &self.text[at..];
                    let mut values =
                        serde_json::Deserializer::from_str(rest).into_iter::<&RawValue>();
                    match values.next() {
                        Some(Ok(value)) => {
                            self.record(value.get(), at);
                            at += values.byte_offset();
                        }
                        Some(Err(error)) => return self.failed(at, rest, &error),
                        None => return self.cut(at),
                    }
                }
            }
        }
    }

    fn after_array(&mut self, at: usize) {
        if !self.text[at..].trim().is_empty() {
            let range = self.document.place(at..self.text.len());
            findings::add(
                &mut self.decoded.diagnostics,
                Diagnostic::warning("trace/trailing-bytes", "what follows the array is not read")
                    .at(range),
            );
        }
    }

    /// A value that is cut, or one that is wrong. The error counts from the start of `text`.
    fn failed(&mut self, start: usize, text: &str, error: &serde_json::Error) {
        let begin = self.text.len() - text.len();
        let at = begin + raw::offset(text, error);
        if error.is_eof() || half_a_word(self.text).is_some_and(|half| half <= at) {
            self.cut(start);
        } else {
            let breaks = self.text.bytes().take(at).filter(|byte| *byte == b'\n');
            let number = 1 + breaks.count() as u64;
            self.bad(number, begin, text, error);
        }
    }

    fn cut(&mut self, start: usize) {
        self.decoded.complete = false;
        let range = self.document.place(start..self.text.len());
        findings::add(
            &mut self.decoded.diagnostics,
            Diagnostic::warning(
                "trace/incomplete",
                format!(
                    "the file ends inside a record that begins at byte {}",
                    range.start
                ),
            )
            .at(range),
        );
    }

    /// What is wrong from `start` on, the reader having stopped in line `number` of the file.
    fn bad(&mut self, number: u64, start: usize, text: &str, error: &serde_json::Error) {
        let message = format!("line {number} is not JSON: {}", raw::reason(error));
        let at = start + raw::offset(text, error);
        findings::add(
            &mut self.decoded.diagnostics,
            Diagnostic::error("trace/not-json", message).at(self.document.place(at..at + 1)),
        );
    }
}

/// Where a text that ends in half a number or word begins to do so: `0.`, `-Infin`. The JSON
/// reader takes these for errors where they are only the end of a cut file.
fn half_a_word(text: &str) -> Option<usize> {
    let before = text.trim_end_matches(|c: char| c.is_ascii_alphanumeric() || "+-.".contains(c));
    (before.len() < text.len() && before.trim_end().ends_with([':', ',', '[']))
        .then_some(before.len())
}
