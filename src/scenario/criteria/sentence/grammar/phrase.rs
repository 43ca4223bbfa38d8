//! Things: a noun, what stands before it and its name.

use super::super::claim::{Condition, Name, NounId, Phrase, Tense, Voice, What};
use super::super::lexicon::{Found, longest};
use super::super::token::Kind;
use super::value::Values;
use super::{Parsed, Parser, Stop};

/// How many words may stand before a noun.
const MAX_BEFORE: usize = 5;

/// Things as they were read.
pub(super) struct Read {
    pub(super) phrase: Phrase,
    pub(super) plural: bool,
    /// How many names were given, which all are meant.
    pub(super) named: usize,
}

impl Read {
    /// Things without anything that narrows them.
    pub(super) fn is_bare(&self) -> bool {
        self.phrase.conditions.is_empty()
    }
}

impl Parser<'_> {
    /// Things: `open issues labelled "stale"`, `issue #7`, `#engineering`.
    pub(super) fn things_phrase(&mut self) -> Parsed<Read> {
        let mut read = self.head()?;
        self.modifiers(read.phrase.noun, &mut read.phrase.conditions)?;
        let noun = self.lexicon.noun(read.phrase.noun);
        read.phrase = read.phrase.in_order(noun);
        Ok(read)
    }

    /// A noun with what stands before it and its name, nothing after.
    pub(super) fn head(&mut self) -> Parsed<Read> {
        if let Some(read) = self.attempt(Self::sign_alone)? {
            return Ok(read);
        }
        let clone = match self.lexicon.clone_at(self.rest()) {
            Some((clone, length)) => {
                self.at += length;
                Some(clone)
            }
            None => None,
        };
        let start = self.at;
        let mut refused = None;
        for before in 0..=MAX_BEFORE {
            let Some(rest) = self.tokens.get(start + before..) else {
                break;
            };
            let found = self.lexicon.nouns_at(rest, clone);
            let mut read = Vec::new();
            for noun in &found {
                self.at = start;
                let end = start + before;
                match self.before_noun(noun.id, end) {
                    Ok(conditions) => read.push((*noun, conditions)),
                    Err(Stop::Not) => {}
                    Err(Stop::Refused(refusal)) => refused = Some(refusal),
                }
            }
            self.at = start + before;
            match read.len() {
                0 => {}
                1 => {
                    let Some((noun, conditions)) = read.pop() else {
                        break;
                    };
                    self.at = start + before + noun.length;
                    return self.named(noun, conditions);
                }
                _ => {
                    let clones: Vec<&str> = read
                        .iter()
                        .map(|(noun, _)| self.lexicon.clone_name(noun.id))
                        .collect();
                    self.at = start + before + found.first().map_or(1, |noun| noun.length);
                    return Err(self.refuse(
                        start + before,
                        format!("several clones have these: {}", clones.join(", ")),
                        format!("say which: `{} …`", clones.first().unwrap_or(&"")),
                    ));
                }
            }
        }
        if let Some(refusal) = refused {
            return Err(Stop::Refused(refusal));
        }
        self.at = start;
        Err(self.not("a kind of things"))
    }

    /// A name whose sign says what it is the name of: `#engineering`, `#7`.
    fn sign_alone(&mut self) -> Parsed<Read> {
        let Some(Kind::Sign(sign, name)) = self.peek().map(|token| &token.kind) else {
            return Err(Stop::Not);
        };
        let is_number = *sign == '#' && name.parse::<i64>().is_ok();
        let fitting: Vec<NounId> = self
            .lexicon
            .nouns()
            .filter(|(_, noun)| {
                (is_number && noun.named.number.is_some()) || noun.named.sigil == Some(*sign)
            })
            .map(|(id, _)| id)
            .collect();
        let [noun] = fitting[..] else {
            let start = self.at;
            if fitting.is_empty() {
                return Err(self.not("a kind of things"));
            }
            let words: Vec<&str> = fitting
                .iter()
                .map(|id| self.lexicon.noun(*id).singular())
                .collect();
            return Err(self.refuse(
                start,
                "several kinds of things are named so",
                format!("say which: {} …", words.join(" …, ")),
            ));
        };
        let named = self.lexicon.noun(noun).named.clone();
        let name = self.name(&named, false)?;
        Ok(Read {
            phrase: Phrase {
                noun,
                conditions: vec![Condition::is(What::Named(vec![name]))],
            },
            plural: false,
            named: 1,
        })
    }

    /// What stands before a noun, which begins at the token `end`.
    fn before_noun(&mut self, id: NounId, end: usize) -> Parsed<Vec<Condition>> {
        let noun = self.lexicon.noun(id);
        let mut conditions = Vec::new();
        while self.at < end {
            let rest = &self.tokens[self.at..end];
            if self.peek().is_some_and(|token| token.kind == Kind::Comma) && !conditions.is_empty()
            {
                self.at += 1;
                continue;
            }
            if let Some(Kind::Quoted(name)) = self.peek().map(|token| &token.kind)
                && noun.named.text.is_some()
            {
                self.at += 1;
                conditions.push(Condition::is(What::Named(vec![Name::Text(name.clone())])));
                continue;
            }
            // `new Linear tickets`
            if let Some((clone, length)) = self.lexicon.clone_at(rest)
                && clone == id.clone
                && !conditions.is_empty()
            {
                self.at += length;
                continue;
            }
            if self.eat("new") {
                conditions.push(Condition::is(What::New));
                continue;
            }
            let newly = self.eat_any(&["newly", "freshly", "just"]);
            let rest = if newly {
                &self.tokens[self.at..end]
            } else {
                rest
            };
            let state = noun
                .states
                .iter()
                .enumerate()
                .filter_map(|(at, state)| longest(rest, state.words.iter()).map(|len| (len, at)))
                .max_by_key(|(length, _)| *length);
            let verb = noun
                .verbs
                .iter()
                .enumerate()
                .filter_map(|(at, verb)| longest(rest, verb.past.iter()).map(|len| (len, at)))
                .max_by_key(|(length, _)| *length);
            match (state, verb) {
                (Some((length, state)), verb)
                    if verb.is_none_or(|(of_verb, _)| of_verb <= length) =>
                {
                    let verb = verb.filter(|(of_verb, _)| *of_verb == length);
                    let verb = verb.map(|(_, verb)| verb);
                    if newly && verb.is_none() {
                        return Err(self.not("something that happens"));
                    }
                    self.at += length;
                    let tense = if newly {
                        Tense {
                            voice: Voice::Change,
                            pinned: true,
                        }
                    } else {
                        Tense::open(Voice::Final)
                    };
                    conditions.push(Condition::is(What::State { state, verb, tense }));
                }
                (_, Some((length, verb))) => {
                    self.at += length;
                    self.is_sure_of(id, Some(verb), length)?;
                    conditions.push(Condition::is(What::Happened { verb }));
                }
                _ => return Err(self.not(noun.plural())),
            }
        }
        if self.at == end {
            Ok(conditions)
        } else {
            Err(Stop::Not)
        }
    }

    /// The name after a noun.
    fn named(&mut self, noun: Found, mut conditions: Vec<Condition>) -> Parsed<Read> {
        let named = self.lexicon.noun(noun.id).named.clone();
        let was_named = conditions
            .iter()
            .filter(|condition| matches!(condition.what, What::Named(_)))
            .count();
        let mut count = was_named;
        let start = self.at;
        if let Some(Values { values, all }) = self.attempt(|parser| parser.names(&named, true))? {
            if values.len() > 1 && !all {
                return Err(self.refuse(
                    start,
                    "`or` between names leaves open which one is meant",
                    "write a criterion for each",
                ));
            }
            if values.len() > 1 && !noun.plural {
                return Err(self.refuse(start, "several names follow one thing", "use the plural"));
            }
            count += values.len();
            conditions.push(Condition::is(What::Named(values)));
        }
        if was_named > 0 && count > was_named {
            return Err(self.refuse(start, "it has two names", "leave one out"));
        }
        Ok(Read {
            phrase: Phrase {
                noun: noun.id,
                conditions,
            },
            plural: noun.plural,
            named: count,
        })
    }
}
