//! What is said of things: states, relations, ages, what they are in and what they hold.

use std::collections::BTreeMap;

use archal_core::clone::vocabulary::ValueKind;
use serde_json::{Value, json};

use super::cursor::{Cursor, Ending};
use super::lexicon::NounId;
use super::statement::{Detail, Group, Name, Subject, What, Who};
use super::words::Kind;

/// Words before an age of the last change.
const UNCHANGED: &[&str] = &[
    "inactive",
    "untouched",
    "unchanged",
    "silent",
    "quiet",
    "without activity",
    "with no activity",
    "without an update",
    "with no updates",
    "without updates",
];
/// Words before a participle that say that it did not happen.
const NEGATED: &[&str] = &[
    "not",
    "never",
    "not been",
    "never been",
    "haven't been",
    "hasn't been",
];
/// Words that join a thing to what is said of it.
const JOINS: &[&str] = &[
    "that are",
    "that is",
    "that were",
    "that was",
    "which are",
    "which is",
    "which were",
    "which was",
    "that have",
    "that has",
    "which have",
    "which has",
    "that",
    "which",
    "being",
    "all",
    "both",
    "each",
    "also",
];
/// Words before what a thing has.
const HAVING: &[&str] = &[
    "with",
    "having",
    "carrying",
    "that have",
    "that has",
    "which have",
    "which has",
    "that had",
];
/// Words that no name begins with where it is not in quotes.
const NO_NAMES: &[&str] = &[
    "a", "all", "also", "an", "and", "are", "as", "at", "be", "been", "both", "but", "by", "each",
    "every", "for", "from", "had", "has", "have", "in", "is", "it", "last", "no", "nobody", "none",
    "not", "of", "on", "or", "that", "the", "them", "there", "these", "they", "this", "those",
    "to", "was", "were", "which", "who", "with", "without",
];

impl Cursor<'_, '_> {
    /// Everything that is said of a thing of this kind from here on, with its commas.
    pub(super) fn details(&mut self, noun: NounId) -> Vec<Detail> {
        let mut found = Vec::new();
        loop {
            let start = self.at;
            let separated = self.separator();
            let from = self.at;
            match self.detail(noun) {
                Some(detail) => {
                    if separated && self.says_of_outer(from) {
                        self.ambiguous.get_or_insert(from);
                    }
                    found.extend(detail);
                }
                None => {
                    self.at = start;
                    break;
                }
            }
            self.mark(&[')']);
        }
        found
    }

    /// Whether what stands at `from` could as well be said of what holds the thing at hand:
    /// `an issue with 2 comments, 40 days old`.
    fn says_of_outer(&mut self, from: usize) -> bool {
        let Some(outer) = self.outer.last().copied() else {
            return false;
        };
        self.ahead(|cursor| {
            cursor.at = from;
            cursor.detail(outer).is_some()
        })
    }

    /// One thing that is said.
    pub(super) fn detail(&mut self, noun: NounId) -> Option<Vec<Detail>> {
        let start = self.at;
        self.attempt(|cursor| {
            let whats = cursor
                .attempt(|cursor| cursor.time(noun))
                .or_else(|| cursor.attempt(|cursor| cursor.within(noun).map(|what| vec![what])))
                .or_else(|| cursor.attempt(|cursor| cursor.state_or_relation(noun)))
                .or_else(|| {
                    cursor.attempt(|cursor| {
                        cursor.take(HAVING)?;
                        cursor.having(noun)
                    })
                })
                .or_else(|| cursor.attempt(|cursor| cursor.lacking(noun)))
                .or_else(|| {
                    cursor.attempt(|cursor| {
                        cursor.take(JOINS)?;
                        let inner = cursor.detail(noun)?;
                        Some(inner.into_iter().map(|detail| detail.what).collect())
                    })
                })?;
            let span = cursor.span_from(start);
            let detail = |what| Detail {
                what,
                span: span.clone(),
            };
            Some(whats.into_iter().map(detail).collect())
        })
    }

    /// `40 days old`, `last updated 3 weeks ago`, `not updated for 90 days`.
    fn time(&mut self, noun: NounId) -> Option<Vec<What>> {
        let seed = self.lexicon.seed(noun);
        let time = |column: &str, age| What::Time {
            column: column.to_owned(),
            age,
            sets: BTreeMap::new(),
        };
        if let Some(created) = &seed.created
            && let Some(age) = self.age(Ending::Old).or_else(|| self.age(Ending::Than))
        {
            return Some(vec![time(created, age)]);
        }
        if let Some(updated) = &seed.updated
            && let Some(age) = self.attempt(|cursor| {
                cursor.take(UNCHANGED)?;
                cursor.age(Ending::For)
            })
        {
            return Some(vec![time(updated, age)]);
        }
        let mut best: Option<(usize, What, &str)> = None;
        let lexicon = self.lexicon;
        for words in lexicon.times(noun) {
            for word in &words.words {
                let start = self.at;
                let negated = self.take(NEGATED).is_some();
                let ending = if negated { Ending::For } else { Ending::Ago };
                if !negated {
                    self.take(&["last", "first"]);
                }
                let age = self.take(&[word]).and_then(|_| self.age(ending));
                let end = self.at;
                self.at = start;
                let Some(age) = age else { continue };
                if best.as_ref().is_none_or(|(longest, ..)| end > *longest) {
                    let what = What::Time {
                        column: words.column.to_owned(),
                        age,
                        sets: words.sets.cloned().unwrap_or_default(),
                    };
                    best = Some((end, what, word));
                }
            }
        }
        let (end, what, word) = best?;
        self.go(end - self.at);
        if self.stands("by").is_none() {
            return Some(vec![what]);
        }
        // `closed 3 days ago by mona` says who closed it, not whose it is.
        let phrase = format!("{word} by");
        let relations = lexicon.noun(noun).relations.iter();
        let relation = relations
            .enumerate()
            .find(|(_, relation)| relation.seed.is_some() && relation.phrases.contains(&phrase));
        self.go(1);
        let who = self.related(noun, relation?.0)?;
        Some(vec![what, who])
    }

    /// `in acme/webapp`, `on issue #3`, `in it`.
    fn within(&mut self, noun: NounId) -> Option<What> {
        self.parent_place(noun).map(What::Within)
    }

    /// What a thing of this kind is in.
    pub(super) fn parent_place(&mut self, noun: NounId) -> Option<Subject> {
        let words: Vec<&str> = self
            .lexicon
            .noun(noun)
            .parents
            .iter()
            .filter(|parent| parent.seed.is_some())
            .flat_map(|parent| parent.words.iter().map(String::as_str))
            .collect();
        let (parent, _) = self.lexicon.parent(noun)?;
        self.take(&words)?;
        self.place(Some(parent))
    }

    /// The one thing that others are in: of a kind where that is known.
    pub(super) fn place(&mut self, wanted: Option<NounId>) -> Option<Subject> {
        let start = self.at;
        self.attempt(|cursor| {
            let article = cursor.take(&["the", "a", "an", "this", "that", "its", "their"]);
            let named_noun = cursor.attempt(|cursor| {
                let (noun, plural) = cursor.noun()?;
                (!plural && wanted.is_none_or(|wanted| wanted == noun)).then_some(noun)
            });
            let noun = named_noun.or(wanted);
            let name = noun.and_then(|noun| cursor.name(noun, named_noun.is_some()));
            let who = match (noun, name) {
                (Some(noun), Some(name)) => Who::Named(noun, vec![name], None),
                (Some(noun), None) if named_noun.is_some() && article.is_some() => {
                    Who::It(Some(noun))
                }
                (_, None) if article.is_none() && named_noun.is_none() => {
                    cursor.take(&["it", "there"])?;
                    Who::It(wanted)
                }
                _ => return None,
            };
            Some(Subject {
                who,
                span: cursor.span_from(start),
            })
        })
    }

    /// A name of a thing; one that is no path, number or text in quotes only after its noun.
    pub(super) fn name(&mut self, noun: NounId, after_noun: bool) -> Option<Name> {
        let seed = self.lexicon.seed(noun);
        let word = self.peek()?;
        let name = match &word.kind {
            Kind::Hash(value) if seed.number.is_some() => Name::Number(*value),
            Kind::Number(value) if seed.number.is_some() && after_noun && !self.begins_length() => {
                Name::Number(*value)
            }
            Kind::Quoted if seed.name.is_some() => Name::Text(word.text.clone()),
            Kind::Path if seed.owner.is_some() => Name::Text(word.text.clone()),
            Kind::Plain
                if after_noun
                    && seed.number.is_none()
                    && seed.name.is_some()
                    && seed.owner.is_none()
                    && self.may_be_name(noun) =>
            {
                Name::Text(word.text.trim_start_matches('@').to_owned())
            }
            _ => return None,
        };
        self.go(1);
        Some(name)
    }

    /// Whether the word here can be a name without quotes: nothing else begins with it.
    fn may_be_name(&mut self, noun: NounId) -> bool {
        let Some(word) = self.peek() else {
            return false;
        };
        if word.kind != Kind::Plain || NO_NAMES.contains(&word.lower.as_str()) {
            return false;
        }
        if word.text.starts_with('@') {
            return true;
        }
        !self.ahead(|cursor| {
            cursor.number().is_some()
                || cursor.noun().is_some()
                || cursor.time(noun).is_some()
                || cursor.state_words(noun).is_some()
                || cursor.relation_words(noun).is_some()
        })
    }

    /// The state whose words stand here, the longest; none that no seed can say.
    fn state_words(&mut self, noun: NounId) -> Option<(usize, BTreeMap<String, Value>)> {
        let noun = self.lexicon.noun(noun);
        let mut best: Option<(usize, &BTreeMap<String, Value>)> = None;
        for state in noun.states.iter().filter(|state| !state.seed.is_empty()) {
            for word in &state.words {
                if let Some(count) = self.stands(word)
                    && best.is_none_or(|(longest, _)| count > longest)
                {
                    best = Some((count, &state.seed));
                }
            }
        }
        best.map(|(count, sets)| (count, sets.clone()))
    }

    /// One word that says what a thing is, before its noun.
    pub(super) fn adjective(&mut self, noun: NounId) -> Option<What> {
        if let Some(created) = &self.lexicon.seed(noun).created
            && let Some(seconds) = self
                .peek()
                .and_then(|word| super::amounts::age_adjective(&word.lower))
        {
            self.go(1);
            return Some(What::Time {
                column: created.clone(),
                age: super::amounts::Age::Exactly(seconds),
                sets: BTreeMap::new(),
            });
        }
        let (count, sets) = self.state_words(noun)?;
        self.go(count);
        Some(What::Sets(sets))
    }

    /// The relation one of whose phrases stands here, the longest.
    fn relation_words(&mut self, noun: NounId) -> Option<(usize, usize)> {
        let relations = self.lexicon.noun(noun).relations.iter().enumerate();
        relations
            .filter(|(_, relation)| relation.seed.is_some())
            .flat_map(|(at, relation)| {
                let here = |phrase: &String| self.stands(phrase).map(|count| (count, at));
                relation.phrases.iter().filter_map(here).collect::<Vec<_>>()
            })
            .max_by_key(|(count, _)| *count)
    }

    /// `labelled bug`, `assigned to mona`, `locked`; and `opened by mona 3 days ago`.
    fn state_or_relation(&mut self, noun: NounId) -> Option<Vec<What>> {
        let state = self.state_words(noun);
        let relation = self.relation_words(noun);
        if let Some((count, at)) = relation
            && state.as_ref().is_none_or(|(longer, _)| count >= *longer)
            && let Some(what) = self.attempt(|cursor| {
                let phrase = cursor.words[cursor.at].lower.clone();
                cursor.go(count);
                let mut found = vec![cursor.related(noun, at)?];
                found.extend(cursor.attempt(|cursor| cursor.moment_of(noun, &phrase)));
                Some(found)
            })
        {
            return Some(what);
        }
        let (count, sets) = state?;
        self.go(count);
        Some(vec![What::Sets(sets)])
    }

    /// The age after `opened by mona`, which is when it was opened.
    fn moment_of(&mut self, noun: NounId, verb: &str) -> Option<What> {
        let lexicon = self.lexicon;
        let times = lexicon.times(noun);
        let words = times.iter().find(|time| time.words.contains(&verb))?;
        let age = self.age(Ending::Ago)?;
        Some(What::Time {
            column: words.column.to_owned(),
            age,
            sets: words.sets.cloned().unwrap_or_default(),
        })
    }

    /// The values of a relation.
    fn related(&mut self, noun: NounId, relation: usize) -> Option<What> {
        let declared = &self.lexicon.noun(noun).relations[relation];
        match declared.value {
            ValueKind::Number | ValueKind::Money => {
                let value = self.number()?;
                Some(What::Measured(relation, value))
            }
            ValueKind::Days => None,
            ValueKind::Text | ValueKind::Person => self
                .values(noun)
                .map(|values| What::Related(relation, values)),
        }
    }

    /// Names: `bug`, `"a" and "b"`.
    fn values(&mut self, noun: NounId) -> Option<Vec<String>> {
        let mut found = vec![self.value(noun)?];
        while let Some(next) = self.attempt(|cursor| {
            if !cursor.separator() {
                return None;
            }
            let next = cursor.value(noun)?;
            // `bug and urgent issues`: what stands before a noun is no name of this list.
            (cursor.noun_here().is_none() || cursor.at == 0).then_some(next)
        }) {
            found.push(next);
        }
        Some(found)
    }

    fn noun_here(&mut self) -> Option<NounId> {
        self.ahead(|cursor| cursor.noun().map(|(noun, _)| noun))
    }

    fn value(&mut self, noun: NounId) -> Option<String> {
        let word = self.peek()?;
        if word.kind != Kind::Quoted && !self.may_be_name(noun) {
            return None;
        }
        self.go(1);
        Some(word.text.trim_start_matches('@').to_owned())
    }

    /// What stands after `with`: `the label bug`, `2 comments by mona`, `no assignee`.
    fn having(&mut self, noun: NounId) -> Option<Vec<What>> {
        let mut found = vec![self.one_had(noun)?];
        while let Some(more) = self.attempt(|cursor| {
            cursor.separator().then_some(())?;
            cursor.take(HAVING);
            cursor.one_had(noun)
        }) {
            found.push(more);
        }
        Some(found)
    }

    /// One thing that a thing has.
    pub(super) fn one_had(&mut self, noun: NounId) -> Option<What> {
        let none = |cursor: &mut Self| {
            cursor.take(&["no", "zero", "not any", "neither"])?;
            cursor.nothing_of(noun)
        };
        self.attempt(none)
            .or_else(|| self.attempt(|cursor| cursor.named_relation(noun)))
            .or_else(|| self.attempt(|cursor| cursor.held(noun).map(What::Holds)))
    }

    /// `without labels`.
    fn lacking(&mut self, noun: NounId) -> Option<Vec<What>> {
        self.take(&["without", "without any", "without a", "without an"])?;
        let mut found = vec![self.nothing_of(noun)?];
        while let Some(more) = self.attempt(|cursor| {
            (cursor.take(&["or", "and", "nor"]).is_some() || cursor.mark(&[','])).then_some(())?;
            cursor.nothing_of(noun)
        }) {
            found.push(more);
        }
        Some(found)
    }

    fn nothing_of(&mut self, noun: NounId) -> Option<What> {
        if let Some((at, count)) = self.relation_noun(noun) {
            self.go(count);
            return Some(What::Unrelated(at));
        }
        let (child, _) = self.noun()?;
        let (parent, _) = self.lexicon.parent(child)?;
        (parent == noun).then_some(What::HoldsNone(child))
    }

    /// The relation one of whose nouns stands here, and how many words that has.
    fn relation_noun(&mut self, noun: NounId) -> Option<(usize, usize)> {
        let relations = self.lexicon.noun(noun).relations.iter().enumerate();
        relations
            .filter(|(_, relation)| relation.seed.is_some())
            .flat_map(|(at, relation)| {
                let here = |word: &String| self.stands(word).map(|count| (at, count));
                relation.nouns.iter().filter_map(here).collect::<Vec<_>>()
            })
            .max_by_key(|(_, count)| *count)
    }

    /// `the labels "a" and "b"`, `the "good first issue" label`, `the title "x"`.
    fn named_relation(&mut self, noun: NounId) -> Option<What> {
        self.take(&["the", "a", "an", "its"]);
        if let Some((at, count)) = self.relation_noun(noun) {
            self.go(count);
            self.mark(&[':']);
            return self.related(noun, at);
        }
        // Any word could be a value; that it was tried says nothing.
        let furthest = self.furthest;
        let Some(values) = self.values_before_noun(noun) else {
            self.furthest = furthest;
            return None;
        };
        let (at, count) = self.relation_noun(noun)?;
        self.go(count);
        Some(What::Related(at, values))
    }

    /// Names of which the noun comes last.
    fn values_before_noun(&mut self, noun: NounId) -> Option<Vec<String>> {
        let mut found = vec![self.value(noun)?];
        while self.relation_noun(noun).is_none() {
            self.separator().then_some(())?;
            found.push(self.value(noun)?);
        }
        Some(found)
    }

    /// Things that are in this one: `2 comments by mona`.
    fn held(&mut self, noun: NounId) -> Option<Group> {
        const DEEPEST: usize = 3;
        if self.outer.len() >= DEEPEST {
            return None;
        }
        // Below a subject, `acme/webapp has 5 issues, …`, what follows is said of the issues.
        let nested = self.in_group;
        if nested {
            self.outer.push(noun);
        }
        let group = self.group();
        if nested {
            self.outer.pop();
        }
        let group = group?;
        let (parent, _) = self.lexicon.parent(group.noun)?;
        (parent == noun).then_some(group)
    }
}

/// The value that says that a relation is none.
pub(super) fn nothing(is_list: bool) -> Value {
    if is_list { json!([]) } else { Value::Null }
}
