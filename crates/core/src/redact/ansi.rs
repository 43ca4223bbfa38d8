//! Text as a person sees it: without escape sequences and characters of no width.

use std::borrow::Cow;

/// The text without terminal sequences and invisible characters; as it is where it has none.
pub(super) fn visible(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_hidden) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\u{1b}' => match chars.next() {
                Some('[') => skip_control(&mut chars),
                // Titles and links: what they carry is seen by whoever reads the raw text.
                Some(']' | 'P' | '_' | '^' | 'X') => {
                    while let Some(c) = chars.next() {
                        if c == '\u{7}' || c == '\u{9c}' {
                            break;
                        }
                        if c == '\u{1b}' {
                            chars.next_if_eq(&'\\');
                            break;
                        }
                    }
                }
                // A sequence of two, or the choice of a character set.
                Some('(' | ')') => _ = chars.next(),
                Some(_) | None => {}
            },
            '\u{9b}' => skip_control(&mut chars),
            c if is_hidden(c) => {}
            c => out.push(c),
        }
    }
    Cow::Owned(out)
}

/// Parameters up to the final byte of a control sequence.
fn skip_control(chars: &mut std::iter::Peekable<std::str::Chars<'_>>) {
    while let Some(c) = chars.next_if(|c| matches!(c, ' '..='?')) {
        _ = c;
    }
    chars.next_if(|c| matches!(c, '@'..='~'));
}

fn is_hidden(c: char) -> bool {
    matches!(
        c,
        '\u{1b}' | '\u{9b}' | '\u{8}' | '\u{ad}' | '\u{200b}' | '\u{2060}' | '\u{feff}'
    )
}

#[cfg(test)]
mod tests {
    use super::visible;

    #[test]
    fn what_is_not_seen_is_gone() {
        for (text, seen) in [
            ("\u{1b}[1;31mred\u{1b}[0m", "red"),
            ("a\u{1b}]8;;https://x\u{1b}\\link\u{1b}]8;;\u{7}b", "alinkb"),
            ("a\u{200b}b\u{ad}c\u{9b}2Kd\u{1b}(Be", "abcde"),
            ("cut \u{1b}[", "cut "),
            ("cut \u{1b}", "cut "),
            ("plain ä", "plain ä"),
        ] {
            assert_eq!(visible(text), seen);
        }
    }
}
