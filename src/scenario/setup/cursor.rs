//! A place in a sentence, and the small words that occur everywhere.

use std::ops::Range;

use super::amounts::{self, Age};
use super::lexicon::{Lexicon, NounId};
use super::sentence::Spoken;
use super::words::{Kind, Word};

/// The most things one phrase can make.
const MOST: u64 = 10_000;

/// How often something is tried before a sentence is given up.
const MOST_STEPS: u32 = 20_000;

/// How many attempts may stand within each other; words can be repeated without end.
const DEEPEST: usize = 64;

/// Reads a sentence from left to right. Every reader either goes on behind what it has read, or
/// stays where it was.
#[derive(Debug)]
pub(super) struct Cursor<'w, 'l> {
    pub(super) words: &'w [Word],
    pub(super) at: usize,
    /// How far any attempt has come: what begins here is not understood.
    pub(super) furthest: usize,
    pub(super) lexicon: &'l Lexicon,
    /// The kinds of which the sentences before spoke.
    pub(super) spoken: &'l Spoken,
    /// The kinds that hold what is read now, outermost first.
    pub(super) outer: Vec<NounId>,
    /// Whether what is read is said of things that are being counted, not of a subject.
    pub(super) in_group: bool,
    /// The kind that `ones` are.
    pub(super) ones: Option<NounId>,
    /// How many attempts stand within each other.
    pub(super) depth: usize,
    /// How often something was tried.
    pub(super) steps: u32,
    /// Where something could be said of two things.
    pub(super) ambiguous: Option<usize>,
}

impl<'w, 'l> Cursor<'w, 'l> {
    pub(super) fn new(words: &'w [Word], lexicon: &'l Lexicon, spoken: &'l Spoken) -> Self {
        Self {
            words,
            at: 0,
            furthest: 0,
            lexicon,
            spoken,
            outer: Vec::new(),
            in_group: false,
            ones: None,
            depth: 0,
            steps: 0,
            ambiguous: None,
        }
    }

    pub(super) fn peek(&self) -> Option<&'w Word> {
        self.words.get(self.at)
    }

    pub(super) fn is_done(&self) -> bool {
        self.at >= self.words.len()
    }

    pub(super) fn go(&mut self, count: usize) {
        self.at += count;
        self.furthest = self.furthest.max(self.at);
    }

    /// From a place to here, in the text.
    pub(super) fn span_from(&self, start: usize) -> Range<usize> {
        let first = self.words.get(start).map_or(0, |word| word.span.start);
        let last = self.words[..self.at.max(start)].last();
        first..last.map_or(first, |word| word.span.end).max(first)
    }

    /// What `read` makes, or nothing and the place from before.
    pub(super) fn attempt<T>(&mut self, read: impl FnOnce(&mut Self) -> Option<T>) -> Option<T> {
        if self.steps >= MOST_STEPS || self.depth >= DEEPEST {
            return None;
        }
        self.steps += 1;
        self.depth += 1;
        let (start, ambiguous) = (self.at, self.ambiguous);
        let found = read(self);
        self.depth -= 1;
        if found.is_none() {
            (self.at, self.ambiguous) = (start, ambiguous);
        }
        found
    }

    /// How many words a phrase in lower case has here; none where it does not stand here.
    pub(super) fn stands(&self, phrase: &str) -> Option<usize> {
        let mut count = 0;
        for part in phrase.split(' ') {
            let word = self.words.get(self.at + count)?;
            if !matches!(word.kind, Kind::Plain | Kind::Path) || word.lower != part {
                return None;
            }
            count += 1;
        }
        Some(count)
    }

    /// Goes behind one of these phrases, the longest that stands here.
    pub(super) fn take<'p>(&mut self, phrases: &[&'p str]) -> Option<&'p str> {
        let found = phrases
            .iter()
            .filter_map(|phrase| Some((self.stands(phrase)?, *phrase)))
            .max_by_key(|(count, _)| *count)?;
        self.go(found.0);
        Some(found.1)
    }

    pub(super) fn mark(&mut self, marks: &[char]) -> bool {
        let found = matches!(self.peek(), Some(Word { kind: Kind::Mark(mark), .. }) if marks.contains(mark));
        if found {
            self.go(1);
        }
        found
    }

    /// Commas and "and" between items; whether there were any.
    pub(super) fn separator(&mut self) -> bool {
        let start = self.at;
        while self.mark(&[',', '(', ')'])
            || self
                .take(&["and", "and also", "but", "plus", "as well as", "including"])
                .is_some()
        {}
        self.at > start
    }

    /// What `look` finds here, without going on.
    pub(super) fn ahead<T>(&mut self, look: impl FnOnce(&mut Self) -> T) -> T {
        let (at, furthest, ambiguous) = (self.at, self.furthest, self.ambiguous);
        let found = look(self);
        (self.at, self.furthest, self.ambiguous) = (at, furthest, ambiguous);
        found
    }

    /// A number in digits or words.
    pub(super) fn number(&mut self) -> Option<u64> {
        let word = self.peek()?;
        let value = match word.kind {
            Kind::Number(value) => value,
            Kind::Plain => {
                let start = self.at;
                // "a dozen", "a hundred"
                if word.lower == "a" {
                    self.at += 1;
                }
                let found = self.peek().and_then(|word| amounts::number(&word.lower));
                let is_plain_one = self.at == start;
                self.at = start;
                let value = found.filter(|value| is_plain_one || *value > 1)?;
                self.at = start + usize::from(!is_plain_one);
                value
            }
            _ => return None,
        };
        if value > MOST {
            return None;
        }
        self.go(1);
        Some(value)
    }

    /// A noun, in the singular or plural; whether it was the plural.
    pub(super) fn noun(&mut self) -> Option<(NounId, bool)> {
        let mut best: Option<(usize, NounId, bool)> = None;
        for id in self.lexicon.nouns() {
            for [singular, plural] in &self.lexicon.noun(id).words {
                for (word, is_plural) in [(singular, false), (plural, true)] {
                    let Some(count) = self.stands(word) else {
                        continue;
                    };
                    if best.is_none_or(|(longest, ..)| count > longest) {
                        best = Some((count, id, is_plural));
                    }
                }
            }
        }
        if best.is_none()
            && let Some(ones) = self.ones
        {
            self.take(&["ones", "one"])?;
            return Some((ones, true));
        }
        let (count, id, is_plural) = best?;
        self.go(count);
        Some((id, is_plural))
    }

    /// A length of time in seconds and its unit: `3 weeks`, `a day`.
    fn length(&mut self) -> Option<(u64, u64)> {
        self.attempt(|cursor| {
            let count = cursor.number().or_else(|| {
                let word = cursor.take(&["a", "an"]);
                word.map(|_| 1)
            })?;
            let unit = amounts::unit(&cursor.peek()?.lower)?;
            cursor.go(1);
            Some((count.checked_mul(unit)?, unit))
        })
    }

    /// An age as a moment: `3 weeks ago`, `yesterday`, `between 10 and 40 days ago`; with `is_old`
    /// as what a thing is: `40 days old`, `older than 90 days`; with `is_duration` as how long
    /// nothing happened: `for 90 days`.
    pub(super) fn age(&mut self, ending: Ending) -> Option<Age> {
        self.attempt(|cursor| {
            if ending == Ending::Ago {
                let day = [
                    ("today", 0),
                    ("just now", 0),
                    ("yesterday", 1),
                    ("last week", 7),
                    ("last month", 30),
                    ("last year", 365),
                ];
                for (phrase, days) in day {
                    if cursor.take(&[phrase]).is_some() {
                        return Some(Age::Exactly(days * amounts::DAY));
                    }
                }
            }
            if ending == Ending::For {
                cursor.take(&["for", "in", "since"])?;
            }
            cursor.take(&["the last"]);
            let age = cursor.amount(ending)?;
            match ending {
                Ending::Ago => {
                    cursor.take(&["ago"])?;
                }
                Ending::Old => {
                    cursor.take(&["old"])?;
                }
                Ending::Than | Ending::For => {}
            }
            Some(age)
        })
    }

    fn amount(&mut self, ending: Ending) -> Option<Age> {
        const MORE: &[&str] = &["more than", "over"];
        const LESS: &[&str] = &["less than", "under"];
        if ending == Ending::Than {
            let comparison = self.take(&["older than", "newer than", "younger than"])?;
            let (seconds, unit) = self.length()?;
            return Some(if comparison == "older than" {
                Age::more_than(seconds, unit)
            } else {
                Age::less_than(seconds)
            });
        }
        if self.take(MORE).is_some() {
            let (seconds, unit) = self.length()?;
            return Some(Age::more_than(seconds, unit));
        }
        if self.take(LESS).is_some() {
            return Some(Age::less_than(self.length()?.0));
        }
        if self.take(&["between", "from"]).is_some() {
            return self.range();
        }
        let start = self.at;
        if let Some(range) = self.range() {
            return Some(range);
        }
        self.at = start;
        self.take(&["at least", "exactly"]);
        Some(Age::Exactly(self.length()?.0))
    }

    /// `10 and 40 days`, `2 weeks to 3 months`.
    fn range(&mut self) -> Option<Age> {
        let from = match self.length() {
            Some((seconds, _)) => Ok(seconds),
            None => Err(self.number()?),
        };
        self.take(&["and", "to"])?;
        let (to, unit) = self.length()?;
        let from = match from {
            Ok(seconds) => seconds,
            Err(count) => count.checked_mul(unit)?,
        };
        Some(Age::Between(from, to))
    }

    /// `#3`, `3`, `#3 to #7` as numbers.
    pub(super) fn numbers(&mut self) -> Option<Vec<u64>> {
        let first = self.hash()?;
        let last = self.attempt(|cursor| {
            cursor.take(&["to", "through", "-"])?;
            cursor.hash()
        });
        let last = last.unwrap_or(first);
        (first <= last && last - first < MOST).then(|| (first..=last).collect())
    }

    /// Whether the number here counts a unit of time.
    pub(super) fn begins_length(&self) -> bool {
        let next = self.words.get(self.at + 1);
        next.is_some_and(|word| amounts::unit(&word.lower).is_some())
    }

    fn hash(&mut self) -> Option<u64> {
        let value = match self.peek()?.kind {
            Kind::Hash(value) => value,
            // `an issue 500 days old` has no number.
            Kind::Number(value) if !self.begins_length() => value,
            _ => return None,
        };
        self.go(1);
        Some(value)
    }
}

/// How an age is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ending {
    /// `3 weeks ago`.
    Ago,
    /// `3 weeks old`.
    Old,
    /// `older than 3 weeks`.
    Than,
    /// `for 3 weeks`.
    For,
}
