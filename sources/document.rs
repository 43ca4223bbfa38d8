//! Bytes of a file or request as text, whatever they are, with every place leading back to the bytes.
//!
//! Two things that JSON does not have are common in trace files and mended here: `NaN` and
//! `Infinity` as Python writes them, and half surrogate pairs where an attribute was cut.

use std::borrow::Cow;
use std::ops::Range;

use archal_core::diagnostic::Diagnostic;
use archal_core::source::{Decoded, Line, Piece};

/// The text of a file.
#[derive(Debug)]
pub(crate) struct Document<'a> {
    /// The text.
    pub(crate) text: Cow<'a, str>,
    /// Where the text is longer or shorter than the bytes: an offset in the text, and from
    /// there on the offset in the bytes minus the offset in the text.
    shifts: Vec<(usize, isize)>,
    /// Where the bytes stand in the file, by line, where they are not the whole file.
    lines: &'a [Line],
}

/// Places of a file that are mended; one with more is not the text it seems to be.
const MAX_MENDED: usize = 1_000_000;
/// How much of a file is looked at to tell whether it is text.
const SNIFFED: usize = 8 * 1024;

impl<'a> Document<'a> {
    /// Reads bytes as text; none, with a diagnostic, when they are no text.
    pub(crate) fn read(bytes: &'a [u8], decoded: &mut Decoded) -> Option<Self> {
        let (bytes, skipped) = match bytes {
            [0xef, 0xbb, 0xbf, rest @ ..] => (rest, 3),
            _ => (bytes, 0),
        };
        if bytes.iter().all(u8::is_ascii_whitespace) {
            let finding = if decoded.complete {
                Diagnostic::warning("trace/empty", "the file is empty")
            } else {
                Diagnostic::warning(
                    "trace/incomplete",
                    "the file is cut before its first record",
                )
            };
            decoded.complete = false;
            decoded.diagnostics.push(finding);
            return None;
        }
        if let Some(finding) = not_text(bytes) {
            decoded.diagnostics.push(finding);
            return None;
        }
        Self::mended(bytes, skipped, &[], decoded)
    }

    /// Reads lines of a file as text; none, with a diagnostic, when they are no text.
    pub(crate) fn of_lines(piece: &Piece<'a>, decoded: &mut Decoded) -> Option<Self> {
        let is_first = piece.lines.first().is_none_or(|line| line.offset == 0);
        let (bytes, skipped) = match piece.text {
            [0xef, 0xbb, 0xbf, rest @ ..] if is_first => (rest, 3),
            bytes => (bytes, 0),
        };
        Self::mended(bytes, skipped, piece.lines, decoded)
    }

    /// A text that needs no mending.
    pub(crate) fn of(text: &'a str) -> Self {
        Self {
            text: Cow::Borrowed(text),
            shifts: Vec::new(),
            lines: &[],
        }
    }

    fn mended(
        bytes: &'a [u8],
        skipped: isize,
        lines: &'a [Line],
        decoded: &mut Decoded,
    ) -> Option<Self> {
        let mut document = Self {
            text: Cow::Borrowed(""),
            shifts: vec![(0, skipped)],
            lines,
        };
        document.text = match str::from_utf8(bytes) {
            Ok(text) => Cow::Borrowed(text),
            Err(_) => Cow::Owned(document.replace_bad_bytes(bytes, decoded)?),
        };
        document.mend_surrogates(decoded);
        document.mend_numbers(decoded);
        Some(document)
    }

    /// Whether it begins where its file begins.
    pub(crate) fn is_start(&self) -> bool {
        self.lines.first().is_none_or(|line| line.offset == 0)
    }

    /// The number of the line on which a place of the text is, where it is made of lines.
    pub(crate) fn line(&self, at: usize) -> Option<u64> {
        Some(self.line_of(self.byte_of(at))?.number)
    }

    /// The byte range in the unpacked file of a range of the text.
    pub(crate) fn place(&self, range: Range<usize>) -> Range<usize> {
        // An end inside a character that stands for a bad byte would lie before its start.
        let end = self.byte_of(range.end);
        let start = self.byte_of(range.start).min(end);
        // Lines that follow each other here need not in the file.
        let begins = self.in_file(start);
        begins..begins.saturating_add(end - start)
    }

    fn line_of(&self, byte: usize) -> Option<&Line> {
        let behind = self.lines.partition_point(|line| line.at <= byte);
        self.lines.get(behind.checked_sub(1)?)
    }

    /// Where a byte stands in the unpacked file.
    fn in_file(&self, byte: usize) -> usize {
        let Some(line) = self.line_of(byte) else {
            return byte;
        };
        let begins = usize::try_from(line.offset).unwrap_or(usize::MAX);
        begins.saturating_add(byte - line.at)
    }

    fn byte_of(&self, at: usize) -> usize {
        let after = self.shifts.partition_point(|(from, _)| *from <= at);
        let shift = after
            .checked_sub(1)
            .and_then(|last| self.shifts.get(last))
            .map_or(0, |(_, shift)| *shift);
        at.saturating_add_signed(shift)
    }

    fn replace_bad_bytes(&mut self, bytes: &[u8], decoded: &mut Decoded) -> Option<String> {
        let mut text = String::with_capacity(bytes.len());
        let mut shift = self.shifts.last().map_or(0, |(_, shift)| *shift);
        let mut count = 0_u64;
        let mut first = None;
        for chunk in bytes.utf8_chunks() {
            text.push_str(chunk.valid());
            let bad = chunk.invalid();
            if bad.is_empty() {
                continue;
            }
            if self.shifts.len() > MAX_MENDED {
                decoded.diagnostics.push(Diagnostic::error(
                    "trace/binary",
                    "the file is binary, not JSON",
                ));
                return None;
            }
            first.get_or_insert(text.len().saturating_add_signed(shift));
            count += 1;
            text.push('\u{fffd}');
            shift += bad.len() as isize - '\u{fffd}'.len_utf8() as isize;
            self.shifts.push((text.len(), shift));
        }
        let first = first.unwrap_or_default();
        decoded.diagnostics.push(
            Diagnostic::warning(
                "trace/not-utf8",
                format!("places that are not UTF-8 and were replaced: {count}"),
            )
            .at(self.in_file(first)..self.in_file(first) + 1),
        );
        Some(text)
    }

    /// Half a surrogate pair becomes the replacement character, which is as long.
    fn mend_surrogates(&mut self, decoded: &mut Decoded) {
        if !self.text.contains("\\ud") && !self.text.contains("\\uD") {
            return;
        }
        let bytes = self.text.as_bytes();
        let mut lone = Vec::new();
        let mut at = 0;
        while let Some(step) = bytes[at..].iter().position(|byte| *byte == b'\\') {
            at += step;
            match escape_at(bytes, at) {
                Some(0xd800..=0xdbff) => {
                    if matches!(escape_at(bytes, at + 6), Some(0xdc00..=0xdfff)) {
                        at += 6;
                    } else {
                        lone.push(at);
                    }
                    at += 6;
                }
                Some(0xdc00..=0xdfff) => {
                    lone.push(at);
                    at += 6;
                }
                _ => at += 2,
            }
            if at >= bytes.len() {
                break;
            }
        }
        if let Some(first) = lone.first() {
            let first = self.in_file(self.byte_of(*first));
            decoded.diagnostics.push(
                Diagnostic::note(
                    "trace/half-character",
                    format!("characters cut in half by their writer: {}", lone.len()),
                )
                .at(first..first + 6),
            );
            let text = self.text.to_mut();
            for at in lone {
                text.replace_range(at..at + 6, "\\ufffd");
            }
        }
    }

    /// `NaN` and infinities outside strings become null.
    fn mend_numbers(&mut self, decoded: &mut Decoded) {
        if !self.text.contains("NaN") && !self.text.contains("Infinity") {
            return;
        }
        let text = self.text.as_ref();
        let found = numbers_that_are_none(text);
        let Some(first) = found.first() else {
            return;
        };
        decoded.diagnostics.push(
            Diagnostic::note(
                "trace/not-a-number",
                format!(
                    "numbers that JSON does not have, read as null: {}",
                    found.len()
                ),
            )
            .at(self.place(first.clone())),
        );
        let mut out = String::with_capacity(text.len());
        let mut shifts = Vec::new();
        let mut done = 0;
        let mut moved = 0_isize;
        let mut old = self.shifts.iter().peekable();
        for range in found {
            out.push_str(&text[done..range.start]);
            out.push_str("null");
            done = range.end;
            while let Some((at, shift)) = old.next_if(|(at, _)| *at < range.end) {
                shifts.push((at.saturating_add_signed(-moved), shift + moved));
            }
            moved += range.len() as isize - 4;
            let before = shifts.last().map_or(0, |(_, shift)| *shift);
            let last = range.len() as isize - 4;
            shifts.push((out.len(), before + last));
        }
        shifts.extend(old.map(|(at, shift)| (at.saturating_add_signed(-moved), shift + moved)));
        out.push_str(&text[done..]);
        self.shifts = shifts;
        self.text = Cow::Owned(out);
    }
}

/// The code unit of a `\uXXXX` at that place.
fn escape_at(bytes: &[u8], at: usize) -> Option<u16> {
    let escape = bytes.get(at..at + 6)?;
    let digits = escape.strip_prefix(b"\\u")?;
    if !digits.iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    u16::from_str_radix(str::from_utf8(digits).ok()?, 16).ok()
}

/// Where `NaN`, `Infinity` and `-Infinity` stand outside strings. A line break ends a string:
/// JSON has none inside, and a cut line must not turn the next one inside out.
fn numbers_that_are_none(text: &str) -> Vec<Range<usize>> {
    let bytes = text.as_bytes();
    let mut found = Vec::new();
    let mut in_string = false;
    let mut at = 0;
    while at < bytes.len() {
        if found.len() > MAX_MENDED {
            break;
        }
        match bytes[at] {
            b'\\' if in_string => at += 1,
            b'"' => in_string = !in_string,
            b'\n' => in_string = false,
            b'N' | b'I' | b'-' if !in_string => {
                for word in ["NaN", "Infinity", "-Infinity"] {
                    if bytes[at..].starts_with(word.as_bytes()) {
                        found.push(at..at + word.len());
                        at += word.len() - 1;
                        break;
                    }
                }
            }
            _ => {}
        }
        at += 1;
    }
    found
}

fn not_text(bytes: &[u8]) -> Option<Diagnostic> {
    if bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) {
        return Some(
            Diagnostic::error("trace/not-utf8", "the file is UTF-16 text")
                .at(0..2)
                .with_help("write it as UTF-8"),
        );
    }
    let sniffed = &bytes[..bytes.len().min(SNIFFED)];
    let controls = |byte: &u8| *byte < 0x20 && !byte.is_ascii_whitespace();
    let at = sniffed.iter().position(controls)?;
    // A stray control character in text is the JSON reader's business, and has its own place.
    let strange = sniffed.iter().filter(|byte| controls(byte)).count();
    let starts_as_json =
        bytes.trim_ascii_start().starts_with(b"{") || bytes.trim_ascii_start().starts_with(b"[");
    (!starts_as_json || strange * 10 > sniffed.len())
        .then(|| Diagnostic::error("trace/binary", "the file is binary, not JSON").at(at..at + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(bytes: &[u8]) -> (String, Vec<String>) {
        let mut decoded = Decoded {
            complete: true,
            ..Decoded::default()
        };
        let text = Document::read(bytes, &mut decoded).map_or_else(String::new, |document| {
            let x = document.text.find('x').expect("each example has an x");
            let at = document.place(x..x + 1).start;
            assert_eq!(bytes[at], b'x', "the place leads back to the byte");
            document.text.into_owned()
        });
        let codes = decoded
            .diagnostics
            .into_iter()
            .map(|finding| finding.code)
            .collect();
        (text, codes)
    }

    #[test]
    fn what_is_not_json_is_mended_and_said_and_places_stay_right() {
        let (text, codes) =
            check(b"\xef\xbb\xbf[NaN, \"NaN\", -Infinity, \"\xff\xfe\", NaN, \"x\"]");
        assert_eq!(
            text,
            "[null, \"NaN\", null, \"\u{fffd}\u{fffd}\", null, \"x\"]"
        );
        assert_eq!(codes, ["trace/not-utf8", "trace/not-a-number"]);
        let (text, codes) = check(br#"["\ud83d\ude00 \ud83d \\ud83d \udc00x"]"#);
        assert_eq!(text, r#"["\ud83d\ude00 \ufffd \\ud83d \ufffdx"]"#);
        assert_eq!(codes, ["trace/half-character"]);
    }

    #[test]
    fn binary_and_empty_files_are_told_apart() {
        assert_eq!(check(b"\x7fELF\x02\x01\x01\0\0").1, ["trace/binary"]);
        assert_eq!(check(b"\xff\xfe{\0}\0").1, ["trace/not-utf8"]);
        assert_eq!(check(b" \n").1, ["trace/empty"]);
    }
}
