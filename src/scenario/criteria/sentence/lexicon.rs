//! The words of the clones a sentence is about.

use archal_core::clone::CloneDescriptor;
use archal_core::clone::vocabulary::{Noun, Vocabulary, VocabularyError};

use super::claim::NounId;
use super::token::{Kind, Token};

/// The words of some clones.
#[derive(Debug)]
pub struct Lexicon<'c> {
    pub(super) entries: Vec<Entry<'c>>,
}

/// A clone with its words.
#[derive(Debug)]
pub(super) struct Entry<'c> {
    pub(super) clone: &'c CloneDescriptor,
    pub(super) vocabulary: Vocabulary,
}

/// A noun where it was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) id: NounId,
    /// How many tokens it is long.
    pub(super) length: usize,
    pub(super) plural: bool,
}

impl<'c> Lexicon<'c> {
    /// The words that `clones` declare.
    ///
    /// # Errors
    /// Where a clone's vocabulary cannot be read.
    pub fn new(clones: &[&'c CloneDescriptor]) -> Result<Self, VocabularyError> {
        let entries = clones
            .iter()
            .map(|clone| {
                Ok(Entry {
                    clone,
                    vocabulary: Vocabulary::parse(clone.name, clone.vocabulary)?,
                })
            })
            .collect::<Result<_, _>>()?;
        Ok(Self { entries })
    }

    /// The clones.
    pub(super) fn clones(&self) -> Vec<&'c CloneDescriptor> {
        self.entries.iter().map(|entry| entry.clone).collect()
    }

    /// A noun.
    pub(super) fn noun(&self, id: NounId) -> &Noun {
        &self.entries[id.clone].vocabulary.nouns[id.noun]
    }

    /// The name of a noun's clone.
    pub(super) fn clone_name(&self, id: NounId) -> &'static str {
        self.entries[id.clone].clone.name
    }

    /// The noun of a clone whose first singular this is.
    pub(super) fn noun_named(&self, clone: usize, singular: &str) -> Option<NounId> {
        let nouns = &self.entries[clone].vocabulary.nouns;
        let noun = nouns.iter().position(|noun| noun.singular() == singular)?;
        Some(NounId { clone, noun })
    }

    /// All nouns.
    pub(super) fn nouns(&self) -> impl Iterator<Item = (NounId, &Noun)> {
        self.entries.iter().enumerate().flat_map(|(clone, entry)| {
            entry
                .vocabulary
                .nouns
                .iter()
                .enumerate()
                .map(move |(noun, words)| (NounId { clone, noun }, words))
        })
    }

    /// The nouns that stand at the beginning of `tokens`, the longest of each clone.
    pub(super) fn nouns_at(&self, tokens: &[Token], only: Option<usize>) -> Vec<Found> {
        let mut found: Vec<Found> = Vec::new();
        for (id, noun) in self.nouns() {
            if only.is_some_and(|clone| clone != id.clone) {
                continue;
            }
            for [singular, plural] in &noun.words {
                for (word, is_plural) in [(singular, false), (plural, true)] {
                    if let Some(length) = matched(tokens, word) {
                        found.push(Found {
                            id,
                            length,
                            plural: is_plural,
                        });
                    }
                }
            }
        }
        let longest = found.iter().map(|each| each.length).max().unwrap_or(0);
        found.retain(|each| each.length == longest);
        // A word that is its own plural is found twice.
        found.dedup_by_key(|each| each.id);
        found
    }

    /// The clone that is named at the beginning of `tokens`, and how many tokens the name takes.
    pub(super) fn clone_at(&self, tokens: &[Token]) -> Option<(usize, usize)> {
        self.entries.iter().enumerate().find_map(|(at, entry)| {
            entry
                .vocabulary
                .service
                .iter()
                .map(String::as_str)
                .chain([entry.clone.name])
                .find_map(|name| matched(tokens, name))
                .map(|length| (at, length))
        })
    }

    /// The operation that `name` is the id or the tool of.
    pub(super) fn operation(&self, name: &str) -> Option<&str> {
        self.entries.iter().find_map(|entry| {
            let by_id = entry
                .clone
                .operations
                .iter()
                .map(|operation| operation.id)
                .find(|id| *id == name);
            by_id.or_else(|| entry.vocabulary.tools.get(name).map(String::as_str))
        })
    }

    /// The names of all operations.
    pub(super) fn operations(&self) -> impl Iterator<Item = &str> {
        self.entries.iter().flat_map(|entry| {
            let ids = entry.clone.operations.iter().map(|operation| operation.id);
            ids.chain(entry.vocabulary.tools.keys().map(String::as_str))
        })
    }

    /// What stands at the beginning of `tokens`: its kind, the clone that declares it, and how
    /// many tokens it takes.
    pub(super) fn sense_of(&self, tokens: &[Token]) -> (&'static str, Option<&'static str>, usize) {
        let kind = match tokens.first().map(|token| &token.kind) {
            Some(Kind::Word(..)) => "grammar",
            Some(Kind::Number(_) | Kind::Money(..)) => return ("number", None, 1),
            Some(Kind::Quoted(_) | Kind::Sign(..)) => return ("text", None, 1),
            _ => return ("mark", None, 1),
        };
        let mut best = (kind, None, 0);
        for (id, noun) in self.nouns() {
            let clone = Some(self.clone_name(id));
            let mut offer = |kind: &'static str, words: &mut dyn Iterator<Item = &String>| {
                let length = words.filter_map(|word| matched(tokens, word)).max();
                if let Some(length) = length.filter(|length| *length > best.2) {
                    best = (kind, clone, length);
                }
            };
            offer("noun", &mut noun.words.iter().flatten());
            offer(
                "state",
                &mut noun.states.iter().flat_map(|state| &state.words),
            );
            offer("verb", &mut noun.verbs.iter().flat_map(|verb| &verb.past));
            offer("verb", &mut noun.verbs.iter().flat_map(|verb| &verb.active));
            let relations = || noun.relations.iter();
            offer(
                "relation",
                &mut relations().flat_map(|relation| &relation.phrases),
            );
            offer(
                "relation",
                &mut relations().flat_map(|relation| &relation.nouns),
            );
            offer(
                "place",
                &mut noun.parents.iter().flat_map(|parent| &parent.words),
            );
            offer(
                "quantity",
                &mut noun.quantities.iter().flat_map(|quantity| &quantity.words),
            );
        }
        if best.2 == 0
            && let Some((clone, length)) = self.clone_at(tokens)
        {
            return ("clone", Some(self.entries[clone].clone.name), length);
        }
        (best.0, best.1, best.2.max(1))
    }

    /// Every word the clones declare.
    pub(super) fn words(&self) -> Vec<&str> {
        let mut words = Vec::new();
        for entry in &self.entries {
            words.push(entry.clone.name);
            words.extend(entry.vocabulary.service.iter().map(String::as_str));
        }
        for (_, noun) in self.nouns() {
            words.extend(noun.words.iter().flatten().map(String::as_str));
            words.extend(phrases_of(noun));
        }
        words
    }
}

fn phrases_of(noun: &Noun) -> impl Iterator<Item = &str> {
    let states = noun.states.iter().flat_map(|state| &state.words);
    let relations = noun
        .relations
        .iter()
        .flat_map(|relation| relation.nouns.iter().chain(&relation.phrases));
    let verbs = noun
        .verbs
        .iter()
        .flat_map(|verb| verb.past.iter().chain(&verb.active));
    let parents = noun.parents.iter().flat_map(|parent| &parent.words);
    let quantities = noun.quantities.iter().flat_map(|quantity| &quantity.words);
    states
        .chain(relations)
        .chain(verbs)
        .chain(parents)
        .chain(quantities)
        .map(String::as_str)
}

/// How many tokens `phrase` takes at the beginning of `tokens`, where it stands there.
pub(super) fn matched(tokens: &[Token], phrase: &str) -> Option<usize> {
    let mut length = 0;
    for word in phrase.split_whitespace() {
        let token = tokens.get(length)?.word()?;
        if !token.eq_ignore_ascii_case(word) {
            return None;
        }
        length += 1;
    }
    (length > 0).then_some(length)
}

/// The longest of `phrases` at the beginning of `tokens`: its place and how many tokens it takes.
pub(super) fn longest<'p>(
    tokens: &[Token],
    phrases: impl Iterator<Item = &'p String>,
) -> Option<usize> {
    phrases.filter_map(|phrase| matched(tokens, phrase)).max()
}
