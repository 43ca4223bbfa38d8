//! Colours by meaning, and text made harmless for a terminal.

use std::borrow::Cow;

/// What a piece of text means; painted everywhere, taken out where colour is not wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// Something failed.
    Error,
    /// Something to look at.
    Warning,
    /// What to do next.
    Hint,
    /// Something passed.
    Good,
    /// A heading.
    Heading,
    /// Less important than the rest.
    Faint,
    /// What was planned.
    Plan,
    /// What was decided.
    Decision,
    /// What followed from reviews.
    Act,
}

impl Style {
    /// `text` in this style.
    pub fn paint(self, text: &str) -> String {
        let code = match self {
            Self::Error => "1;31",
            Self::Warning => "1;33",
            Self::Hint => "36",
            Self::Good => "32",
            Self::Heading => "1",
            Self::Faint => "2",
            Self::Plan => "34",
            Self::Decision => "33",
            Self::Act => "35",
        };
        format!("\u{1b}[{code}m{text}\u{1b}[0m")
    }
}

/// `text` without anything that could move a cursor, set a title or answer a terminal. Colour
/// sequences stay where `colour` says so.
pub fn harmless(text: &str, colour: bool) -> Cow<'_, str> {
    let is_harmless = |c: char| !c.is_control() || matches!(c, '\n' | '\t');
    if text.chars().all(is_harmless) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let sequence = if c == '\u{1b}' {
            sequence_length(rest)
        } else {
            0
        };
        if sequence > 0 {
            let (escape, after) = rest.split_at(sequence);
            if colour && is_colour(escape) {
                out.push_str(escape);
            }
            rest = after;
        } else {
            if is_harmless(c) {
                out.push(c);
            }
            rest = &rest[c.len_utf8()..];
        }
    }
    Cow::Owned(out)
}

/// Length of the control sequence (`ESC [ … letter`) or string (`ESC ] … BEL`) `text` begins
/// with; 0 where it begins with neither.
fn sequence_length(text: &str) -> usize {
    let bytes = text.as_bytes();
    let end = match bytes.get(1) {
        Some(b'[') => bytes[2..].iter().position(|b| (0x40..=0x7e).contains(b)),
        Some(b']') => bytes[2..].iter().position(|b| *b == 7),
        _ => None,
    };
    // A sequence of other than ASCII is none; its bytes are then looked at one by one.
    end.map(|at| at + 3)
        .filter(|length| text[..].is_char_boundary(*length) && bytes[..*length].is_ascii())
        .unwrap_or(0)
}

fn is_colour(escape: &str) -> bool {
    escape
        .strip_prefix("\u{1b}[")
        .and_then(|rest| rest.strip_suffix('m'))
        .is_some_and(|codes| codes.bytes().all(|b| b.is_ascii_digit() || b == b';'))
}

#[cfg(test)]
mod tests {
    use super::{Style, harmless};
    use proptest::prelude::*;

    #[test]
    fn only_colours_survive_and_only_where_wanted() {
        let text = format!(
            "{}\u{1b}[2J\u{1b}]0;title\u{7}\u{8}b\r\n",
            Style::Good.paint("a")
        );
        assert_eq!(harmless(&text, false), "ab\n");
        assert_eq!(harmless(&text, true), "\u{1b}[32ma\u{1b}[0mb\n");
        assert_eq!(harmless("\u{1b}[1é", false), "[1é");
    }

    proptest! {
        #[test]
        fn whatever_comes_in_no_control_character_goes_out(text in "\\PC*|[\\x00-\\x9f\\[\\]m;0-9é]*") {
            let out = harmless(&text, false);
            prop_assert!(out.chars().all(|c| !c.is_control() || c == '\n' || c == '\t'));
            prop_assert_eq!(harmless(&out, false), out.clone());
        }
    }
}
