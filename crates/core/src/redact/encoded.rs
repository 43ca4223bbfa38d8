//! Text as it reads when percent signs are decoded, and where each byte of it was written.

use std::ops::Range;

/// A text that was decoded.
pub(super) struct Encoded {
    text: String,
    /// Where each byte was written, and one for the end.
    at: Vec<usize>,
}

impl Encoded {
    /// Decodes a text; none where nothing in it is encoded. In a form a plus is a space.
    pub(super) fn of(text: &str, is_form: bool) -> Option<Self> {
        let at: Vec<usize> = (0..=text.len()).collect();
        Self::decoded(text, &at, is_form)
    }

    /// Decodes it once more.
    pub(super) fn again(&self) -> Option<Self> {
        Self::decoded(&self.text, &self.at, false)
    }

    fn decoded(text: &str, written: &[usize], is_form: bool) -> Option<Self> {
        let bytes = text.as_bytes();
        let (mut plain, mut at) = (Vec::with_capacity(bytes.len()), Vec::new());
        let (mut next, mut is_changed) = (0, false);
        while let Some(byte) = bytes.get(next) {
            at.push(*written.get(next)?);
            let digits = bytes
                .get(next + 1)
                .copied()
                .and_then(hex)
                .zip(bytes.get(next + 2).copied().and_then(hex));
            match (byte, digits) {
                (b'%', Some((high, low))) => {
                    plain.push(high << 4 | low);
                    next += 3;
                    is_changed = true;
                }
                (b'+', _) if is_form => {
                    plain.push(b' ');
                    next += 1;
                }
                _ => {
                    plain.push(*byte);
                    next += 1;
                }
            }
        }
        at.push(*written.last()?);
        // What is no text holds no secret that could be read.
        let text = String::from_utf8(plain).ok()?;
        is_changed.then_some(Self { text, at })
    }

    /// As it reads.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// Where a part of it was written.
    pub(super) fn span(&self, of: Range<usize>) -> Range<usize> {
        let at = |place: usize| {
            self.at
                .get(place)
                .or(self.at.last())
                .copied()
                .unwrap_or_default()
        };
        at(of.start)..at(of.end)
    }
}

fn hex(byte: u8) -> Option<u8> {
    char::from(byte)
        .to_digit(16)
        .and_then(|digit| u8::try_from(digit).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_in_the_decoded_text_is_found_in_the_written_one() {
        let written = "a%20bc%2525+é";
        let decoded = Encoded::of(written, true).expect("encoded");
        assert_eq!(decoded.text(), "a bc%25 é");
        let span = |decoded: &Encoded, part: &str| {
            let start = decoded.text().find(part).expect("there");
            written[decoded.span(start..start + part.len())].to_owned()
        };
        assert_eq!(span(&decoded, "bc%"), "bc%25");
        assert_eq!(span(&decoded, " é"), "+é");
        let again = decoded.again().expect("encoded twice");
        assert_eq!(span(&again, "%"), "%2525");
        assert!(again.again().is_none());
        assert!(Encoded::of("100 % + 1 %zz", true).is_none());
        assert!(Encoded::of("%ff", false).is_none());
    }
}
