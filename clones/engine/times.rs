//! Times that a clone has handed out, and texts in which a caller repeats them.
//!
//! Evidence must be the same bytes for the same calls whatever the clock, so a time that came
//! from the clone is written as its offset or as `+run` wherever it occurs. A time the clone
//! never handed out is the caller's own and stays.

use archal_core::clone::Stamp;
use imbl::OrdMap;
use jiff::Timestamp;

/// The times of a state: seconds, and whether only calls have set that time.
#[derive(Debug, Clone, Default)]
pub(crate) struct KnownTimes(OrdMap<i64, bool>);

impl KnownTimes {
    /// Takes note of a time.
    pub(crate) fn insert(&mut self, stamp: Stamp) {
        let second = stamp.at.as_second();
        match self.0.get(&second) {
            // A time of the seed stays one, since the seed was there first in every run.
            Some(false) => {}
            Some(true) if stamp.by_call => {}
            _ => {
                self.0.insert(second, stamp.by_call);
            }
        }
    }

    /// The times in seconds, and whether only calls have set each.
    pub(super) fn iter(&self) -> impl Iterator<Item = (i64, bool)> {
        self.0.iter().map(|(second, by_call)| (*second, *by_call))
    }

    /// How evidence writes a time; none where the clone never handed it out.
    pub(super) fn evidence(&self, at: Timestamp, base: Timestamp) -> Option<String> {
        let by_call = *self.0.get(&at.as_second())?;
        Some(Stamp { at, by_call }.evidence(base))
    }

    /// `text` with every known time written as in evidence; none where nothing changes.
    pub(crate) fn rewrite(&self, text: &str, base: Timestamp) -> Option<String> {
        let bytes = text.as_bytes();
        let mut out: Option<String> = None;
        let mut copied = 0;
        let mut at = 0;
        // A time begins with four digits and a dash; all else is passed over byte by byte.
        while at + 20 <= bytes.len() {
            let starts = bytes[at].is_ascii_digit()
                && bytes[at + 4] == b'-'
                && (at == 0 || !bytes[at - 1].is_ascii_digit());
            if !starts {
                at += 1;
                continue;
            }
            let Some((time, length)) = time_at(&text[at..]) else {
                at += 1;
                continue;
            };
            if let Some(evidence) = self.evidence(time, base) {
                let out = out.get_or_insert_with(String::new);
                out.push_str(&text[copied..at]);
                out.push_str(&evidence);
                copied = at + length;
            }
            at += length;
        }
        out.map(|mut out| {
            out.push_str(&text[copied..]);
            out
        })
    }
}

/// The RFC 3339 time at the start of `text`, colons and plus possibly percent-encoded, and how
/// many bytes it takes.
fn time_at(text: &str) -> Option<(Timestamp, usize)> {
    let mut plain = String::with_capacity(32);
    let mut at = 0;
    for expected in "dddd-dd-ddTdd:dd:dd".chars() {
        at += take(text, at, expected, &mut plain)?;
    }
    if text.as_bytes().get(at) == Some(&b'.') {
        at += 1;
        plain.push('.');
        let digits = text[at..].bytes().take_while(u8::is_ascii_digit).count();
        if digits == 0 || digits > 9 {
            return None;
        }
        plain.push_str(&text[at..at + digits]);
        at += digits;
    }
    if let Some(length) = take(text, at, 'Z', &mut plain) {
        at += length;
    } else {
        let sign = take(text, at, '+', &mut plain).or_else(|| take(text, at, '-', &mut plain))?;
        at += sign;
        for expected in "dd:dd".chars() {
            at += take(text, at, expected, &mut plain)?;
        }
    }
    Some((plain.parse().ok()?, at))
}

/// Takes one expected character of `text` at `at`; `d` is any digit. How many bytes it took.
fn take(text: &str, at: usize, expected: char, plain: &mut String) -> Option<usize> {
    let rest = text.get(at..)?;
    let first = *rest.as_bytes().first()?;
    match expected {
        'd' => first.is_ascii_digit().then(|| {
            plain.push(char::from(first));
            1
        }),
        'T' | 'Z' => first.eq_ignore_ascii_case(&(expected as u8)).then(|| {
            plain.push(expected);
            1
        }),
        _ => {
            let encoded = match expected {
                ':' => "%3a",
                '+' => "%2b",
                _ => "%2d",
            };
            let length = if char::from(first) == expected {
                1
            } else if rest.get(..3)?.eq_ignore_ascii_case(encoded) {
                3
            } else {
                return None;
            };
            plain.push(expected);
            Some(length)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().expect("valid")
    }

    fn rewrite(text: &str) -> String {
        let mut known = KnownTimes::default();
        known.insert(Stamp {
            at: at("2026-01-08T00:00:00Z"),
            by_call: false,
        });
        known.insert(Stamp {
            at: at("2026-01-10T00:00:07Z"),
            by_call: true,
        });
        known
            .rewrite(text, at("2026-01-10T00:00:00Z"))
            .unwrap_or_else(|| "unchanged".to_owned())
    }

    #[test]
    fn times_handed_out_are_rewritten_in_every_spelling_and_others_stay() {
        assert_eq!(rewrite("since 2026-01-08T00:00:00Z!"), "since -2d!");
        assert_eq!(rewrite("2026-01-10T00:00:07.000Z"), "+run");
        assert_eq!(
            rewrite("since=2026-01-08T00%3A00%3A00Z&a=b"),
            "since=-2d&a=b"
        );
        assert_eq!(rewrite("2026-01-08T01:00:00+01:00"), "-2d");
        assert_eq!(rewrite("2026-01-08T00%3A00%3A00%2B00%3A00"), "-2d");
        assert_eq!(rewrite("2026-01-07T00:00:00Z"), "unchanged");
        assert_eq!(rewrite("2026-01-08"), "unchanged");
        assert_eq!(rewrite("é 2026-01-08T00:00:00Z é"), "é -2d é");
        assert_eq!(rewrite("12026-01-08T00:00:00Z"), "unchanged");
        assert_eq!(
            rewrite("2026-01-08T00:00:00Z2026-01-08T00:00:00Z"),
            "-2d-2d"
        );
        assert_eq!(
            rewrite("2026-01-08T00:00:00é2026-99-08T00:00:00Z"),
            "unchanged"
        );
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_taken(text in ".{0,80}", tail in "[0-9TZ:%.+-]{0,40}") {
            let text = format!("{text}2026-01-08T00:00:00Z{tail}");
            rewrite(&text);
        }
    }
}
