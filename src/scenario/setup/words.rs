//! A text as words with their places, divided into sentences.

use std::ops::Range;

/// What a word is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kind {
    /// A word of letters, digits, hyphens and the like.
    Plain,
    /// A whole number in digits.
    Number(u64),
    /// A text in quotes or backticks; the word's text is what is between them.
    Quoted,
    /// A number after `#`.
    Hash(u64),
    /// A path with slashes.
    Path,
    /// A comma, a colon, a parenthesis.
    Mark(char),
}

/// A word and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Word {
    pub(super) kind: Kind,
    pub(super) text: String,
    /// The text in lower case.
    pub(super) lower: String,
    pub(super) span: Range<usize>,
}

/// A sentence and the bullets below it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Paragraph {
    pub(super) words: Vec<Word>,
    /// Each bullet of a list that a sentence with a colon begins.
    pub(super) bullets: Vec<Vec<Word>>,
}

/// Divides a text into sentences. A line that is a bullet belongs to a sentence above it that ends
/// with a colon, and is a sentence otherwise.
pub(super) fn split(text: &str) -> Vec<Paragraph> {
    let mut found: Vec<Paragraph> = Vec::new();
    let mut open = Vec::new();
    let mut in_list = false;
    let mut start = 0;
    let mut in_comment = false;
    for line in text.split_inclusive('\n') {
        let from = start;
        start += line.len();
        let trimmed = line.trim();
        if in_comment || trimmed.starts_with("<!--") {
            in_comment = !trimmed.contains("-->");
            continue;
        }
        if trimmed.is_empty() {
            finish(&mut open, &mut found);
            // A list may stand a line below its sentence.
            in_list = found.last().is_some_and(expects_list);
            continue;
        }
        let indent = line.len() - line.trim_start().len();
        let bullet = bullet(trimmed);
        if let Some(skip) = bullet {
            finish(&mut open, &mut found);
            in_list = in_list || found.last().is_some_and(expects_list);
            let body = from + indent + skip;
            let words = words(text, body..from + line.len());
            match found.last_mut() {
                Some(last) if in_list => last.bullets.push(words),
                _ => sentences(words, &mut open, &mut found),
            }
            continue;
        }
        let words = words(text, from..from + line.len());
        let continues = in_list && indent > 0;
        match found.last_mut().and_then(|last| last.bullets.last_mut()) {
            Some(last) if continues => last.extend(words),
            _ => {
                in_list = false;
                sentences(words, &mut open, &mut found);
            }
        }
    }
    finish(&mut open, &mut found);
    for paragraph in &mut found {
        for bullet in &mut paragraph.bullets {
            bullet.retain(|word| word.kind != Kind::Mark('.'));
        }
    }
    found
}

fn expects_list(paragraph: &Paragraph) -> bool {
    !paragraph.bullets.is_empty() || ends_with_colon(&paragraph.words)
}

fn ends_with_colon(words: &[Word]) -> bool {
    words
        .last()
        .is_some_and(|word| word.kind == Kind::Mark(':'))
}

/// How many bytes begin a bullet.
fn bullet(line: &str) -> Option<usize> {
    if ["- ", "* ", "+ "].iter().any(|mark| line.starts_with(mark)) {
        return Some(2);
    }
    let digits = line.bytes().take_while(u8::is_ascii_digit).count();
    let rest = &line[digits..];
    (digits > 0 && (rest.starts_with(". ") || rest.starts_with(") "))).then_some(digits + 2)
}

fn sentences(words: Vec<Word>, open: &mut Vec<Word>, found: &mut Vec<Paragraph>) {
    for word in words {
        if word.kind == Kind::Mark('.') {
            finish(open, found);
        } else {
            open.push(word);
        }
    }
}

fn finish(open: &mut Vec<Word>, found: &mut Vec<Paragraph>) {
    if !open.is_empty() {
        found.push(Paragraph {
            words: std::mem::take(open),
            bullets: Vec::new(),
        });
    }
}

/// The words of a part of the text. A full stop, `;`, `!` or `?` is the mark `.`.
fn words(text: &str, range: Range<usize>) -> Vec<Word> {
    let mut found = Vec::new();
    let line = &text[range.clone()];
    let mut at = 0;
    while let Some(c) = line[at..].chars().next() {
        let rest = &line[at..];
        let length = if c.is_whitespace() || c == '*' {
            at += c.len_utf8();
            continue;
        } else if let Some(length) = quoted(rest) {
            length
        } else if is_part(c) || c == '#' || c == '@' {
            plain(rest)
        } else {
            c.len_utf8()
        };
        let piece = &rest[..length];
        found.push(word(piece, range.start + at..range.start + at + length));
        at += length;
    }
    found
}

/// The length of a text in quotes at the beginning.
fn quoted(rest: &str) -> Option<usize> {
    let mut chars = rest.char_indices();
    let (_, open) = chars.next()?;
    let close = match open {
        '"' | '`' => open,
        '\u{201c}' => '\u{201d}',
        '\u{2018}' => '\u{2019}',
        '\'' => '\'',
        _ => return None,
    };
    let (end, _) = chars.find(|(at, c)| {
        let after = rest[at + c.len_utf8()..].chars().next();
        // An apostrophe inside a word ends nothing.
        *c == close && (close != '\'' || !after.is_some_and(char::is_alphanumeric))
    })?;
    (end > open.len_utf8() - 1).then_some(end + close.len_utf8())
}

fn is_part(c: char) -> bool {
    c.is_alphanumeric()
        || matches!(
            c,
            '-' | '_' | '/' | '.' | '\'' | '\u{2019}' | '@' | '%' | '+'
        )
}

fn plain(rest: &str) -> usize {
    let mut length = 0;
    for (at, c) in rest.char_indices() {
        let inside = is_part(c) || (at == 0 && c == '#');
        if !inside {
            break;
        }
        // A full stop belongs to the word only where the word goes on.
        let after = rest[at + c.len_utf8()..].chars().next();
        if c == '.' && !after.is_some_and(char::is_alphanumeric) {
            break;
        }
        length = at + c.len_utf8();
    }
    length.max(rest.chars().next().map_or(1, char::len_utf8))
}

fn word(piece: &str, span: Range<usize>) -> Word {
    let first = piece.chars().next().unwrap_or(' ');
    let number = |digits: &str| -> Option<u64> {
        let plain = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
        plain.then(|| digits.parse().ok()).flatten()
    };
    let inner = quoted(piece).map(|_| {
        let last = piece.chars().last().map_or(1, char::len_utf8);
        piece[first.len_utf8()..piece.len() - last].to_owned()
    });
    let (kind, text) = if let Some(inner) = inner {
        (Kind::Quoted, inner)
    } else if let Some(value) = number(piece) {
        (Kind::Number(value), piece.to_owned())
    } else if let Some(value) = piece.strip_prefix('#').and_then(number) {
        (Kind::Hash(value), piece.to_owned())
    } else if matches!(first, ';' | '!' | '?' | '.') && piece.len() == 1 {
        (Kind::Mark('.'), piece.to_owned())
    } else if piece.chars().all(|c| c == '-') {
        (Kind::Mark('-'), piece.to_owned())
    } else if !is_part(first) && first != '#' {
        (Kind::Mark(first), piece.to_owned())
    } else if piece.trim_matches('/').contains('/') {
        (Kind::Path, piece.to_owned())
    } else {
        (Kind::Plain, piece.to_owned())
    };
    let lower = text.to_lowercase().replace('\u{2019}', "'");
    Word {
        kind,
        text,
        lower,
        span,
    }
}
