//! Sentences as tokens: words, numbers, quotations and names with a sign before them.

use archal_core::diagnostic::Span;

use super::refusal::Refusal;

/// The longest sentence, in bytes.
const MAX_SENTENCE: usize = 1_000;
/// The longest run of tokens a sentence has.
const MAX_TOKENS: usize = 200;

/// A token and where it stands in the sentence.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Token {
    pub(super) kind: Kind,
    pub(super) span: Span,
}

/// What a token is.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Kind {
    /// A word, lower case; the second text is as written.
    Word(String, String),
    /// A whole number.
    Number(i64),
    /// An amount of money in minor units, with its currency.
    Money(i64, &'static str),
    /// What stands between quotation marks.
    Quoted(String),
    /// `#7`, `#engineering`, `@octocat`: the sign and the name.
    Sign(char, String),
    /// A comma.
    Comma,
    /// A hyphen between numbers.
    Dash,
    /// Anything else.
    Other(char),
}

impl Token {
    /// The word it is, lower case.
    pub(super) fn word(&self) -> Option<&str> {
        match &self.kind {
            Kind::Word(word, _) => Some(word),
            _ => None,
        }
    }
}

/// Contractions of a verb and `not`.
const CONTRACTIONS: &[(&str, &str)] = &[
    ("aren't", "are"),
    ("can't", "can"),
    ("cannot", "can"),
    ("didn't", "did"),
    ("doesn't", "does"),
    ("don't", "do"),
    ("hasn't", "has"),
    ("haven't", "have"),
    ("isn't", "is"),
    ("mustn't", "must"),
    ("shouldn't", "should"),
    ("wasn't", "was"),
    ("weren't", "were"),
];

/// Splits a sentence into tokens.
pub(super) fn tokens(text: &str) -> Result<Vec<Token>, Refusal> {
    if text.len() > MAX_SENTENCE {
        return Err(Refusal::whole(
            text,
            format!("a sentence has at most {MAX_SENTENCE} bytes"),
        ));
    }
    let mut lexer = Lexer {
        text,
        at: 0,
        tokens: Vec::new(),
    };
    lexer.run()?;
    let mut tokens = lexer.tokens;
    // The full stop at the end belongs to the bullet, not to what it says.
    while tokens
        .last()
        .is_some_and(|token| matches!(token.kind, Kind::Other('.' | '!' | ';')))
    {
        tokens.pop();
    }
    if tokens.is_empty() {
        return Err(Refusal::whole(text, "there are no words"));
    }
    if let Some(token) = tokens.get(MAX_TOKENS) {
        return Err(Refusal::at(
            Span {
                start: token.span.start,
                end: text.len(),
            },
            format!("a sentence has at most {MAX_TOKENS} words"),
        ));
    }
    Ok(tokens)
}

struct Lexer<'t> {
    text: &'t str,
    at: usize,
    tokens: Vec<Token>,
}

impl Lexer<'_> {
    fn rest(&self) -> &str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn push(&mut self, kind: Kind, end: usize) {
        let span = Span {
            start: self.at,
            end,
        };
        self.tokens.push(Token { kind, span });
        self.at = end;
    }

    fn run(&mut self) -> Result<(), Refusal> {
        while let Some(next) = self.rest().chars().next() {
            let len = next.len_utf8();
            // Emphasis is no part of what is said.
            if next.is_whitespace() || next == '*' {
                self.at += len;
            } else if let Some(close) = closing(next, self.opens_quotation()) {
                self.quotation(next, close)?;
            } else if matches!(next, '#' | '@') {
                self.sign(next)?;
            } else if let Some(currency) = currency(next) {
                self.money(currency, len)?;
            } else if next.is_ascii_digit() {
                self.number()?;
            } else if next.is_alphanumeric() || next == '_' {
                self.word();
            } else {
                let kind = match next {
                    ',' => Kind::Comma,
                    '-' | '–' => Kind::Dash,
                    '=' | '<' | '>' | '≤' | '≥' => {
                        self.comparison();
                        continue;
                    }
                    other => Kind::Other(other),
                };
                self.push(kind, self.at + len);
            }
        }
        Ok(())
    }

    /// Whether an apostrophe here can open a quotation: none stands before it.
    fn opens_quotation(&self) -> bool {
        self.text[..self.at]
            .chars()
            .next_back()
            .is_none_or(|before| before.is_whitespace() || matches!(before, '(' | ','))
    }

    fn quotation(&mut self, open: char, close: char) -> Result<(), Refusal> {
        let start = self.at + open.len_utf8();
        let inside = &self.text[start..];
        // A quotation begun with a curly mark may end with a straight one.
        let straight = if open == '“' { '"' } else { close };
        let end = inside
            .char_indices()
            .find(|(at, c)| {
                (*c == close || *c == straight)
                    && (open != '\'' || self.closes_quotation(start + at + c.len_utf8()))
            })
            .map(|(at, c)| (at, c.len_utf8()));
        let Some((length, mark)) = end else {
            return Err(Refusal::at(
                Span {
                    start: self.at,
                    end: self.text.len(),
                },
                "the quotation has no end",
            ));
        };
        let content = inside[..length].to_owned();
        let end = start + length + mark;
        if content.trim().is_empty() {
            return Err(Refusal::at(
                Span {
                    start: self.at,
                    end,
                },
                "the quotation is empty",
            ));
        }
        self.push(Kind::Quoted(content), end);
        Ok(())
    }

    fn closes_quotation(&self, after: usize) -> bool {
        self.text[after..]
            .chars()
            .next()
            .is_none_or(|next| !next.is_alphanumeric())
    }

    /// The length of a name: letters, digits and what joins them.
    fn name_length(&self, from: usize) -> usize {
        let rest = &self.text[from..];
        let mut end = 0;
        let mut chars = rest.char_indices().peekable();
        while let Some((at, c)) = chars.next() {
            let joins = matches!(c, '-' | '.' | '/' | ':' | '\'' | '’' | '#' | '&' | '+')
                && end > 0
                && chars
                    .peek()
                    .is_some_and(|(_, next)| next.is_alphanumeric() || *next == '_');
            if c.is_alphanumeric() || c == '_' || joins {
                end = at + c.len_utf8();
            } else {
                break;
            }
        }
        end
    }

    fn sign(&mut self, sign: char) -> Result<(), Refusal> {
        let from = self.at + 1;
        let length = self.name_length(from);
        if length == 0 {
            return Err(Refusal::at(
                Span {
                    start: self.at,
                    end: from,
                },
                format!("no name follows `{sign}`"),
            ));
        }
        let name = self.text[from..from + length].to_owned();
        self.push(Kind::Sign(sign, name), from + length);
        Ok(())
    }

    fn digits(&self, from: usize) -> usize {
        let rest = &self.text.as_bytes()[from..];
        let mut end = 0;
        while end < rest.len() {
            let thousand = rest[end] == b','
                && end > 0
                && rest[end + 1..]
                    .iter()
                    .take_while(|byte| byte.is_ascii_digit())
                    .count()
                    == 3;
            if rest[end].is_ascii_digit() || thousand {
                end += 1;
            } else {
                break;
            }
        }
        from + end
    }

    fn whole(&self, from: usize, end: usize) -> Result<i64, Refusal> {
        self.text[from..end]
            .replace(',', "")
            .parse()
            .map_err(|_| Refusal::at(Span { start: from, end }, "the number is too large"))
    }

    fn number(&mut self) -> Result<(), Refusal> {
        let end = self.digits(self.at);
        let after = self.text[end..].chars().next();
        let unit: String = self.text[end..]
            .chars()
            .take_while(|c| c.is_alphabetic())
            .collect();
        let unit_ends = self.text[end + unit.len()..]
            .chars()
            .next()
            .is_none_or(|next| !next.is_alphanumeric() && !matches!(next, '-' | '/' | '_'));
        if matches!(after, Some('.'))
            && self.text[end + 1..].starts_with(|c: char| c.is_ascii_digit())
        {
            let fraction = self.digits(end + 1);
            let span = Span {
                start: self.at,
                end: fraction,
            };
            return Err(Refusal::at(span, "only amounts of money have a fraction"));
        }
        let is_range = self.text[end..].starts_with(['-', '–'])
            && self.text[end..]
                .trim_start_matches(['-', '–'])
                .starts_with(|c: char| c.is_ascii_digit());
        let plain =
            after.is_none_or(|c| !c.is_alphanumeric() && !matches!(c, '_' | '/' | '#' | '-'));
        let with_unit = matches!(unit.as_str(), "s" | "ms" | "m" | "min" | "h" | "d" | "x");
        if plain || is_range || (with_unit && unit_ends) {
            let value = self.whole(self.at, end)?;
            self.push(Kind::Number(value), end);
        } else {
            self.word();
        }
        Ok(())
    }

    fn money(&mut self, currency: &'static str, sign: usize) -> Result<(), Refusal> {
        let from = self.at + sign;
        let end = self.digits(from);
        if end == from {
            return Err(Refusal::at(
                Span {
                    start: self.at,
                    end: from,
                },
                "no amount follows the sign",
            ));
        }
        let mut minor = self.whole(from, end)?;
        let mut end_of_all = end;
        let mut cents = 0;
        let has_minor = currency != "jpy";
        if self.text[end..].starts_with('.')
            && self.text[end + 1..].starts_with(|c: char| c.is_ascii_digit())
        {
            end_of_all = self.digits(end + 1);
            let text = &self.text[end + 1..end_of_all];
            if text.len() != 2 || !has_minor {
                let span = Span {
                    start: self.at,
                    end: end_of_all,
                };
                return Err(Refusal::at(
                    span,
                    "an amount has two digits after the point",
                ));
            }
            cents = self.whole(end + 1, end_of_all)?;
        }
        let hundred = if has_minor { 100 } else { 1 };
        minor = minor
            .checked_mul(hundred)
            .and_then(|minor| minor.checked_add(cents))
            .ok_or_else(|| {
                let span = Span {
                    start: self.at,
                    end: end_of_all,
                };
                Refusal::at(span, "the amount is too large")
            })?;
        self.push(Kind::Money(minor, currency), end_of_all);
        Ok(())
    }

    fn comparison(&mut self) {
        let sign: String = self
            .rest()
            .chars()
            .take_while(|c| matches!(c, '=' | '<' | '>' | '≤' | '≥'))
            .collect();
        let end = self.at + sign.len();
        self.push(Kind::Word(sign.clone(), sign), end);
    }

    fn word(&mut self) {
        let length = self.name_length(self.at).max(1);
        let written = self.text[self.at..self.at + length].to_owned();
        let word = written.to_lowercase().replace('’', "'");
        let end = self.at + length;
        if let Some((_, verb)) = CONTRACTIONS.iter().find(|(whole, _)| *whole == word) {
            let start = self.at;
            self.push(Kind::Word((*verb).to_owned(), written), end);
            self.at = start;
            self.push(Kind::Word("not".to_owned(), "not".to_owned()), end);
        } else {
            self.push(Kind::Word(word, written), end);
        }
    }
}

/// The mark that closes a quotation.
fn closing(open: char, apostrophe: bool) -> Option<char> {
    match open {
        '"' => Some('"'),
        '“' | '„' => Some('”'),
        '`' => Some('`'),
        '«' => Some('»'),
        '‘' if apostrophe => Some('’'),
        '\'' if apostrophe => Some('\''),
        _ => None,
    }
}

fn currency(sign: char) -> Option<&'static str> {
    match sign {
        '$' => Some("usd"),
        '€' => Some("eur"),
        '£' => Some("gbp"),
        '¥' => Some("jpy"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(text: &str) -> Vec<Kind> {
        tokens(text)
            .expect("tokens")
            .into_iter()
            .map(|token| token.kind)
            .collect()
    }

    fn word(text: &str) -> Kind {
        Kind::Word(text.to_lowercase(), text.to_owned())
    }

    #[test]
    fn quotations_of_every_kind_hold_what_is_between_their_marks() {
        for text in [
            "\"it's a\"",
            "“it's a”",
            "“it's a\"",
            "'it's a'",
            "‘it's a’",
            "`it's a`",
            "«it's a»",
        ] {
            assert_eq!(kinds(text), [Kind::Quoted("it's a".to_owned())], "{text}");
        }
        assert!(tokens("titled \"open").is_err());
        assert!(tokens("titled \" \"").is_err());
    }

    #[test]
    fn names_keep_what_joins_them_and_the_full_stop_is_left_out() {
        assert_eq!(
            kinds("#7, @octocat acme/webapp#7 keep-open issues/update."),
            [
                Kind::Sign('#', "7".to_owned()),
                Kind::Comma,
                Kind::Sign('@', "octocat".to_owned()),
                word("acme/webapp#7"),
                word("keep-open"),
                word("issues/update"),
            ]
        );
    }

    #[test]
    fn numbers_units_ranges_and_money() {
        assert_eq!(
            kinds("1,000 30s 3-5 2nd $50 $1,250.75 ¥500"),
            [
                Kind::Number(1_000),
                Kind::Number(30),
                word("s"),
                Kind::Number(3),
                Kind::Dash,
                Kind::Number(5),
                word("2nd"),
                Kind::Money(5_000, "usd"),
                Kind::Money(125_075, "usd"),
                Kind::Money(500, "jpy"),
            ]
        );
        assert!(tokens("99999999999999999999 issues").is_err());
        assert!(tokens("$1.5").is_err());
        assert!(tokens("2.5 issues").is_err());
    }

    #[test]
    fn contractions_are_two_words_at_one_place() {
        let tokens = tokens("isn’t").expect("tokens");
        assert_eq!(tokens[0].word(), Some("is"));
        assert_eq!(tokens[1].word(), Some("not"));
        assert_eq!(tokens[0].span, tokens[1].span);
    }
}
