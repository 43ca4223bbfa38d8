//! The grammar: from tokens to what a sentence says.
//!
//! A descent without tables: each rule either takes the tokens it understands, gives them all
//! back, or refuses the sentence where it can only be meant in a way that is not compiled. A
//! sentence is understood when a rule took every token; nothing is ever skipped. Where no rule
//! does, the furthest place any of them came to is the part that is quoted.
//!
//! - [`amount`]: numbers and quantifiers.
//! - [`phrase`]: nouns and what stands before and after them; [`modifier`]: what stands after;
//!   [`belonging`]: to what it belongs; [`value`]: names and texts.
//! - [`predicate`]: what is said of things.
//! - [`things`], [`agent`], [`sum`], [`calls`], [`outcome`]: the kinds of sentences.

mod agent;
mod amount;
mod belonging;
mod calls;
mod modifier;
mod outcome;
mod phrase;
mod predicate;
mod sum;
mod things;
mod value;

use archal_core::diagnostic::{Span, nearest};

use super::claim::Claim;
use super::lexicon::{Lexicon, matched};
use super::refusal::Refusal;
use super::token::{Token, tokens};

/// Words of the grammar itself, for suggestions and to tell what is not known at all.
const GRAMMAR: &[&str] = &[
    "a",
    "after",
    "agent",
    "all",
    "an",
    "and",
    "answer",
    "are",
    "at",
    "before",
    "between",
    "by",
    "call",
    "called",
    "calls",
    "code",
    "contain",
    "contains",
    "containing",
    "count",
    "created",
    "does",
    "during",
    "each",
    "equals",
    "errors",
    "every",
    "exactly",
    "except",
    "exist",
    "exists",
    "exit",
    "exits",
    "failed",
    "fewer",
    "finishes",
    "has",
    "have",
    "is",
    "least",
    "made",
    "mentioning",
    "mentions",
    "minutes",
    "more",
    "most",
    "named",
    "never",
    "new",
    "no",
    "none",
    "not",
    "number",
    "of",
    "once",
    "only",
    "or",
    "other",
    "output",
    "remain",
    "remains",
    "response",
    "run",
    "seconds",
    "successfully",
    "sum",
    "than",
    "that",
    "the",
    "there",
    "to",
    "tool",
    "total",
    "twice",
    "was",
    "were",
    "which",
    "with",
    "within",
    "without",
    "zero",
];

/// Words no name is written with unless it is quoted.
const NO_NAMES: &[&str] = &[
    "a",
    "all",
    "an",
    "and",
    "any",
    "are",
    "as",
    "at",
    "be",
    "been",
    "between",
    "but",
    "by",
    "contain",
    "containing",
    "contains",
    "do",
    "does",
    "during",
    "each",
    "either",
    "every",
    "everybody",
    "everyone",
    "exactly",
    "except",
    "exist",
    "exists",
    "for",
    "from",
    "had",
    "has",
    "have",
    "having",
    "he",
    "her",
    "him",
    "his",
    "if",
    "in",
    "is",
    "it",
    "its",
    "itself",
    "least",
    "less",
    "more",
    "most",
    "must",
    "neither",
    "no",
    "nobody",
    "none",
    "nor",
    "not",
    "of",
    "on",
    "one",
    "only",
    "or",
    "other",
    "remain",
    "remains",
    "she",
    "should",
    "some",
    "somebody",
    "someone",
    "such",
    "than",
    "that",
    "the",
    "their",
    "them",
    "there",
    "these",
    "they",
    "this",
    "those",
    "to",
    "two",
    "was",
    "were",
    "when",
    "which",
    "while",
    "who",
    "whose",
    "will",
    "with",
    "without",
];

/// Why a rule took nothing.
pub(super) enum Stop {
    /// It is not that; another rule may take it.
    Not,
    /// It is that, and cannot be compiled.
    Refused(Refusal),
}

type Parsed<T> = Result<T, Stop>;

/// What a sentence says.
pub(super) fn parse(text: &str, lexicon: &Lexicon<'_>) -> Result<Claim, Refusal> {
    let tokens = tokens(text)?;
    let mut parser = Parser {
        lexicon,
        text,
        tokens: &tokens,
        at: 0,
        furthest: 0,
        expected: String::new(),
    };
    match parser.sentence() {
        Ok(claim) => Ok(claim),
        Err(Stop::Refused(refusal)) => Err(refusal),
        Err(Stop::Not) => Err(parser.not_understood()),
    }
}

struct Parser<'p> {
    lexicon: &'p Lexicon<'p>,
    text: &'p str,
    tokens: &'p [Token],
    at: usize,
    /// The furthest token that no rule could take.
    furthest: usize,
    /// What could have stood there.
    expected: String,
}

impl<'p> Parser<'p> {
    fn sentence(&mut self) -> Parsed<Claim> {
        let rules: [fn(&mut Self) -> Parsed<Claim>; 5] = [
            Self::outcome,
            Self::calls,
            Self::sum,
            Self::agent,
            Self::things,
        ];
        for rule in rules {
            let whole = self.attempt(|parser| {
                let claim = rule(parser)?;
                parser.end()?;
                Ok(claim)
            })?;
            if let Some(claim) = whole {
                return Ok(claim);
            }
        }
        Err(Stop::Not)
    }

    /// Runs a rule; where it took nothing, the tokens are given back.
    fn attempt<T>(&mut self, rule: impl FnOnce(&mut Self) -> Parsed<T>) -> Parsed<Option<T>> {
        let start = self.at;
        match rule(self) {
            Ok(value) => Ok(Some(value)),
            Err(Stop::Not) => {
                self.at = start;
                Ok(None)
            }
            Err(refused) => Err(refused),
        }
    }

    /// Whether a rule would take what follows.
    fn sees<T>(&mut self, rule: impl FnOnce(&mut Self) -> Parsed<T>) -> bool {
        let start = self.at;
        let furthest = (self.furthest, self.expected.clone());
        let taken = rule(self).is_ok();
        self.at = start;
        (self.furthest, self.expected) = furthest;
        taken
    }

    fn rest(&self) -> &'p [Token] {
        self.tokens.get(self.at..).unwrap_or_default()
    }

    fn peek(&self) -> Option<&'p Token> {
        self.tokens.get(self.at)
    }

    fn word(&self) -> Option<&'p str> {
        self.peek().and_then(Token::word)
    }

    /// Takes these words, where they follow.
    fn eat(&mut self, words: &str) -> bool {
        match matched(self.rest(), words) {
            Some(length) => {
                self.at += length;
                true
            }
            None => false,
        }
    }

    /// Takes the first of these that follows.
    fn eat_any(&mut self, choices: &[&str]) -> bool {
        choices.iter().any(|words| self.eat(words))
    }

    /// Whether these words follow.
    fn follows(&self, words: &str) -> bool {
        matched(self.rest(), words).is_some()
    }

    fn follows_any(&self, choices: &[&str]) -> bool {
        choices.iter().any(|words| self.follows(words))
    }

    /// Takes these words or nothing.
    fn expect(&mut self, choices: &[&str]) -> Parsed<()> {
        if self.eat_any(choices) {
            Ok(())
        } else {
            Err(self.not(choices.first().copied().unwrap_or_default()))
        }
    }

    /// That all tokens were taken.
    fn end(&mut self) -> Parsed<()> {
        if self.at == self.tokens.len() {
            Ok(())
        } else {
            Err(self.not("the end"))
        }
    }

    /// Notes that nothing here could be taken.
    fn not(&mut self, expected: &str) -> Stop {
        if self.at > self.furthest || self.expected.is_empty() {
            self.furthest = self.at;
            expected.clone_into(&mut self.expected);
        }
        Stop::Not
    }

    /// The part of the sentence from one token to before another.
    fn span(&self, from: usize, to: usize) -> Span {
        let end = self.tokens.last().map_or(0, |token| token.span.end);
        let start = self.tokens.get(from).map_or(end, |token| token.span.start);
        let end = to
            .checked_sub(1)
            .and_then(|last| self.tokens.get(last))
            .map_or(end, |token| token.span.end);
        Span {
            start,
            end: end.max(start),
        }
    }

    /// Refuses the sentence for the tokens from `from` to here.
    fn refuse(&self, from: usize, message: impl Into<String>, help: impl Into<String>) -> Stop {
        let to = self.at.max(from + 1);
        Stop::Refused(Refusal::at(self.span(from, to), message).with(help))
    }

    /// Whether a word is one the grammar or a clone knows.
    fn is_known(&self, word: &str) -> bool {
        GRAMMAR.contains(&word)
            || NO_NAMES.contains(&word)
            || self
                .lexicon
                .words()
                .iter()
                .flat_map(|phrase| phrase.split_whitespace())
                .any(|known| known.eq_ignore_ascii_case(word))
    }

    /// The refusal for the furthest place.
    fn not_understood(&self) -> Refusal {
        let at = self.furthest;
        let Some(token) = self.tokens.get(at) else {
            let expected = &self.expected;
            let message = format!("the sentence ends too early: {expected} is missing");
            return Refusal::at(self.span(0, self.tokens.len()), message);
        };
        if let Some(refusal) = self.known_trap(at) {
            return refusal;
        }
        let Some(word) = token.word().filter(|word| !self.is_known(word)) else {
            // A known word in a place where it says nothing: from there on it is not understood.
            let span = self.span(at, self.tokens.len());
            return Refusal::at(span, "this part is not understood")
                .with(format!("{} could stand here", self.expected));
        };
        let known = self.lexicon.words();
        let near = nearest(word, known.iter().copied().chain(GRAMMAR.iter().copied()))
            // A word of which a third is different is another word.
            .filter(|near| strsim::osa_distance(word, near) <= (word.len() / 3).max(1));
        let help = match near {
            Some(near) => format!("did you mean `{near}`?"),
            None => self.nouns_line(),
        };
        Refusal::at(self.span(at, at + 1), "this word is not known").with(help)
    }

    /// Words that are refused on purpose, with what to write.
    fn known_trap(&self, at: usize) -> Option<Refusal> {
        let rest = &self.tokens[at..];
        let to = |length: usize| self.span(at, at + length);
        for (words, message, help) in TRAPS {
            if let Some(length) = matched(rest, words) {
                return Some(Refusal::at(to(length), *message).with(*help));
            }
        }
        None
    }

    fn nouns_line(&self) -> String {
        let nouns: Vec<&str> = self
            .lexicon
            .nouns()
            .map(|(_, noun)| noun.plural())
            .collect();
        if nouns.is_empty() {
            "no clone here declares words".to_owned()
        } else {
            format!("things: {}", nouns.join(", "))
        }
    }

    fn text_of(&self, span: Span) -> &'p str {
        self.text.get(span.start..span.end).unwrap_or_default()
    }
}

/// Words that no rule takes, why, and what to write.
const TRAPS: &[(&str, &str, &str)] = &[
    (
        "and",
        "a criterion says one thing",
        "write a criterion for each",
    ),
    (
        "or",
        "a criterion says one thing",
        "write the condition as CEL in backticks",
    ),
    (
        "but",
        "a criterion says one thing",
        "write a criterion for each",
    ),
    (
        "unless",
        "conditions on conditions are not understood",
        "narrow the things: with, without, labelled, in, by",
    ),
    (
        "if",
        "conditions on conditions are not understood",
        "narrow the things: with, without, labelled, in, by",
    ),
    (
        "when",
        "conditions on conditions are not understood",
        "narrow the things: with, without, labelled, in, by",
    ),
];
