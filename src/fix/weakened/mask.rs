//! Source text without its comments and without what its strings say, of the same length: brackets
//! and words that are left are the program's.

/// How a language writes strings and comments.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Language {
    /// `#`, `'`, `"`, and three of them.
    Python,
    /// `//`, `/* */`, `'`, `"`, `` ` `` and regular expressions.
    JavaScript,
    /// `//`, `/* */` within each other, `"`, raw strings, and characters beside lifetimes.
    Rust,
}

/// A text of which parts are blanked, each byte as a space.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Masked {
    /// Without comments and what strings say. The marks around strings stay, and line ends but for
    /// those in the long strings of Python, where they end nothing.
    pub code: String,
    /// Without comments.
    pub said: String,
}

/// The text with its parts blanked.
pub fn mask(text: &str, language: Language) -> Masked {
    let mut mask = Mask {
        bytes: text.as_bytes(),
        out: text.as_bytes().to_vec(),
        said: text.as_bytes().to_vec(),
        at: 0,
        language,
    };
    mask.run();
    // Only whole characters are blanked, byte by byte, so that it is text again.
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Masked {
        code: text(&mask.out),
        said: text(&mask.said),
    }
}

/// The place after the bracket that closes the one at `open` in masked text; none where it is
/// open to the end.
pub fn after_bracket(masked: &str, open: usize) -> Option<usize> {
    let mut depth = 0_usize;
    for (at, byte) in masked.bytes().enumerate().skip(open) {
        match byte {
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' | b'}' => {
                depth = depth.checked_sub(1)?;
                if depth == 0 {
                    return Some(at + 1);
                }
            }
            _ => {}
        }
    }
    None
}

/// What stands before the first comma of masked text that is in no bracket.
pub fn first_argument(masked: &str) -> &str {
    let mut depth = 0_i32;
    let end = masked.bytes().position(|byte| {
        match byte {
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' | b'}' => depth -= 1,
            _ => {}
        }
        byte == b',' && depth <= 0
    });
    &masked[..end.unwrap_or(masked.len())]
}

/// A text with single spaces, as two that say the same are compared.
pub fn single_spaced(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Whether a byte can be part of a word.
pub fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'$' || byte >= 0x80
}

/// Whether the word begins at that place.
pub fn is_word_at(masked: &str, at: usize, word: &str) -> bool {
    let bytes = masked.as_bytes();
    bytes.get(at..at + word.len()) == Some(word.as_bytes())
        && (at == 0 || !is_word(bytes[at - 1]))
        && bytes
            .get(at + word.len())
            .is_none_or(|after| !is_word(*after))
}

/// The places where the word stands.
pub fn places(masked: &str, word: &str) -> Vec<usize> {
    masked
        .match_indices(word)
        .map(|(at, _)| at)
        .filter(|at| is_word_at(masked, *at, word))
        .collect()
}

struct Mask<'a> {
    bytes: &'a [u8],
    out: Vec<u8>,
    said: Vec<u8>,
    at: usize,
    language: Language,
}

impl Mask<'_> {
    fn run(&mut self) {
        use Language::{JavaScript, Python, Rust};
        while let Some(&byte) = self.bytes.get(self.at) {
            let is_python = self.language == Python;
            match byte {
                b'#' if is_python => self.rest_of_line(),
                b'/' if !is_python && self.is_next(b"//") => self.rest_of_line(),
                b'/' if !is_python && self.is_next(b"/*") => self.block_comment(),
                b'/' if self.language == JavaScript && self.may_be_regex() => self.regex(),
                b'"' | b'\'' if is_python => self.python_string(byte),
                b'"' | b'\'' if self.language == JavaScript => self.string(byte, true),
                b'`' if self.language == JavaScript => self.template(),
                b'"' if self.language == Rust => self.rust_string(),
                b'\'' if self.language == Rust => self.character(),
                _ => self.at += 1,
            }
        }
    }

    fn is_next(&self, what: &[u8]) -> bool {
        self.bytes[self.at..].starts_with(what)
    }

    fn blank(&mut self, from: usize, to: usize) {
        for byte in &mut self.out[from..to] {
            if *byte != b'\n' {
                *byte = b' ';
            }
        }
    }

    fn rest_of_line(&mut self) {
        let rest = &self.bytes[self.at..];
        let length = rest.iter().position(|byte| *byte == b'\n');
        let from = self.at;
        self.at += length.unwrap_or(rest.len());
        self.comment(from);
    }

    fn block_comment(&mut self) {
        let from = self.at;
        let mut depth = 0_usize;
        loop {
            if self.is_next(b"/*") && (depth == 0 || self.language == Language::Rust) {
                depth += 1;
                self.at += 2;
            } else if self.is_next(b"*/") {
                depth -= 1;
                self.at += 2;
                if depth == 0 {
                    break;
                }
            } else if self.at < self.bytes.len() {
                self.at += 1;
            } else {
                break;
            }
        }
        self.comment(from);
    }

    /// From there to here is a comment.
    fn comment(&mut self, from: usize) {
        self.blank(from, self.at);
        self.said[from..self.at].copy_from_slice(&self.out[from..self.at]);
    }

    /// A string that ends at the same mark, or at the end of the line where it has to.
    fn string(&mut self, mark: u8, ends_with_line: bool) {
        let from = self.at + 1;
        self.at = from;
        while let Some(&byte) = self.bytes.get(self.at) {
            match byte {
                b'\\' => self.at += 2,
                b'\n' if ends_with_line => break,
                _ if byte == mark => break,
                _ => self.at += 1,
            }
        }
        self.close(from, 1);
    }

    /// A template with the expressions in it, which may hold templates.
    fn template(&mut self) {
        let from = self.at + 1;
        self.at = from;
        // 0 is text, more is code in so many brackets.
        let mut within = vec![0_usize];
        while let (Some(&byte), Some(&depth)) = (self.bytes.get(self.at), within.last()) {
            let mut step = 1;
            match (depth, byte) {
                (_, b'\\') => step = 2,
                (0, b'`') if within.len() == 1 => break,
                (0, b'`') | (1, b'}') => drop(within.pop()),
                (0, b'$') if self.is_next(b"${") => {
                    within.push(1);
                    step = 2;
                }
                (0, _) => {}
                (_, b'`') => within.push(0),
                (_, b'{') => drop(within.pop().map(|depth| within.push(depth + 1))),
                (_, b'}') => drop(within.pop().map(|depth| within.push(depth - 1))),
                _ => {}
            }
            self.at += step;
        }
        self.close(from, 1);
    }

    /// Blanks from there to here, and steps over the mark that closes.
    fn close(&mut self, from: usize, mark: usize) {
        let end = self.at.min(self.bytes.len());
        self.blank(from.min(end), end);
        self.at = (end + mark).min(self.bytes.len());
    }

    fn python_string(&mut self, mark: u8) {
        let three = [mark; 3];
        if !self.is_next(&three) {
            self.string(mark, true);
            return;
        }
        let from = self.at + 3;
        self.at = from;
        while self.at < self.bytes.len() && !self.is_next(&three) {
            self.at += if self.bytes[self.at] == b'\\' { 2 } else { 1 };
            self.at = self.at.min(self.bytes.len());
        }
        self.out[from..self.at].fill(b' ');
        self.close(from, 3);
    }

    fn rust_string(&mut self) {
        let before = &self.bytes[..self.at];
        let hashes = before
            .iter()
            .rev()
            .take_while(|byte| **byte == b'#')
            .count();
        let prefix = &before[..before.len() - hashes];
        let is_raw = prefix.last() == Some(&b'r')
            && prefix.get(..prefix.len() - 1).is_some_and(|rest| {
                rest.last()
                    .is_none_or(|byte| !is_word(*byte) || *byte == b'b')
            });
        if !is_raw {
            self.string(b'"', false);
            return;
        }
        let mut end = vec![b'"'];
        end.resize(hashes + 1, b'#');
        let from = self.at + 1;
        self.at = from;
        while self.at < self.bytes.len() && !self.is_next(&end) {
            self.at += 1;
        }
        self.close(from, end.len());
    }

    /// A character of Rust, or a lifetime, which has no mark that closes.
    fn character(&mut self) {
        let rest = &self.bytes[self.at + 1..];
        let length = match rest {
            [b'\\', ..] => rest
                .iter()
                .skip(2)
                .position(|byte| *byte == b'\'')
                .map(|at| at + 2),
            _ => (1..=4).find(|length| rest.get(*length) == Some(&b'\'')),
        };
        // `'a, 'b'` has no character that long.
        let is_one = |length: &usize| {
            let said = rest.get(..*length).unwrap_or_default();
            said.first() == Some(&b'\\') && *length <= 12
                || std::str::from_utf8(said).is_ok_and(|said| said.chars().count() == 1)
        };
        match length.filter(is_one) {
            Some(length) => {
                let from = self.at + 1;
                self.at = from + length;
                self.close(from, 1);
            }
            None => self.at += 1,
        }
    }

    /// Whether a slash can begin a regular expression: where a value may stand, not after one.
    fn may_be_regex(&self) -> bool {
        let before = self.out[..self.at].trim_ascii_end();
        match before.last() {
            None => true,
            Some(byte) if is_word(*byte) => {
                let word = before.rsplit(|byte| !is_word(*byte)).next();
                matches!(word, Some(b"return" | b"typeof" | b"case" | b"of" | b"in"))
            }
            Some(byte) => !matches!(byte, b')' | b']' | b'}' | b'"' | b'\'' | b'`'),
        }
    }

    fn regex(&mut self) {
        let from = self.at + 1;
        self.at = from;
        let mut is_class = false;
        while let Some(&byte) = self.bytes.get(self.at) {
            match byte {
                b'\n' => break,
                b'\\' => self.at += 1,
                b'[' => is_class = true,
                b']' => is_class = false,
                b'/' if !is_class => break,
                _ => {}
            }
            self.at += 1;
        }
        self.close(from, 1);
    }
}
