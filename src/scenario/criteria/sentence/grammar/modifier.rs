//! What stands after a noun and narrows it: `labelled "x"`, `without comments`, `in acme/webapp`,
//! `other than #7`, `that were closed`.

use archal_core::clone::vocabulary::{Noun, Relation, ValueKind};

use super::super::claim::{
    Amount, Condition, NounId, Phrase, Quantifier, Target, Tense, Test, Voice, What,
};
use super::super::lexicon::longest;
use super::super::token::Kind;
use super::amount::Said;
use super::belonging::After;
use super::value::Values;
use super::{Parsed, Parser, Stop};

/// How many conditions one noun has at most.
const MAX_CONDITIONS: usize = 12;
/// What stands before the names of things that are not meant.
const EXCEPT: &[&str] = &[
    "other than",
    "except for",
    "except",
    "besides",
    "apart from",
    "aside from",
    "excluding",
];
const CONTAINING: &[&str] = &[
    "containing",
    "mentioning",
    "including",
    "that contain",
    "that contains",
    "which contain",
    "which contains",
    "that mention",
    "that mentions",
    "which mention",
    "which mentions",
];

impl Parser<'_> {
    /// All that stands after a noun.
    pub(super) fn modifiers(&mut self, noun: NounId, to: &mut Vec<Condition>) -> Parsed<()> {
        self.modifiers_of(noun, After::Noun, to)
    }

    /// All that stands after a noun or a verb, where it belongs to that without doubt.
    pub(super) fn modifiers_of(
        &mut self,
        noun: NounId,
        after: After<'_>,
        to: &mut Vec<Condition>,
    ) -> Parsed<()> {
        let before = to.len();
        loop {
            if to.len() > MAX_CONDITIONS {
                return Err(self.not("the end"));
            }
            let more = self.attempt(|parser| {
                // Several may be joined; what follows must be one again.
                let is_comma = parser.peek().is_some_and(|token| token.kind == Kind::Comma);
                if !to.is_empty() {
                    if is_comma {
                        parser.at += 1;
                    }
                    parser.eat("and");
                }
                let start = parser.at;
                let conditions = parser.modifier(noun)?;
                let (outer, verb) = match after {
                    After::Noun => (None, None),
                    After::Place(outer) => (Some(outer), None),
                    After::Verb(verb) => (None, Some(verb)),
                };
                if let Some(outer) = outer {
                    parser.belongs(noun, outer, start, &conditions)?;
                }
                let said: Vec<&Condition> = verb.into_iter().chain(&to[before..]).collect();
                parser.fits(noun, start, &conditions, &said)?;
                Ok(conditions)
            })?;
            match more {
                Some(conditions) => to.extend(conditions),
                None => return Ok(()),
            }
        }
    }

    pub(super) fn modifier(&mut self, id: NounId) -> Parsed<Vec<Condition>> {
        if self.eat_any(EXCEPT) {
            return self.other_than(id);
        }
        if self.eat_any(CONTAINING) {
            return self.containing(id, false);
        }
        if self.eat_any(&[
            "with",
            "having",
            "that have",
            "that has",
            "which have",
            "which has",
        ]) {
            return self.having(id, false);
        }
        if self.eat_any(&["without", "lacking", "that lack"]) {
            return self.having(id, true);
        }
        if self.follows_any(&["that", "which", "who"]) {
            self.at += 1;
            return self.relative(id);
        }
        let negated = self.eat("not");
        let condition = match self.attempt(|parser| parser.relation(id, false))? {
            Some(condition) => condition,
            None => match self.attempt(|parser| parser.parent(id))? {
                Some(condition) => condition,
                None => self.participle(id)?,
            },
        };
        let condition = self.negatable(condition, negated)?;
        Ok(vec![condition])
    }

    /// A participle after a noun: `closed`, `sent`, with `during the run` where it is said.
    fn participle(&mut self, id: NounId) -> Parsed<Condition> {
        let noun = self.lexicon.noun(id);
        let (state, verb, length) = self.state_or_verb(noun)?;
        self.at += length;
        self.is_sure_of(id, verb, length)?;
        let mut condition = match (state, verb) {
            (Some(state), verb) => Condition::is(What::State {
                state,
                verb,
                tense: Tense::open(Voice::Final),
            }),
            (None, Some(verb)) => Condition::is(What::Happened { verb }),
            (None, None) => return Err(self.not("a state")),
        };
        self.pin(std::slice::from_mut(&mut condition))?;
        Ok(condition)
    }

    /// The longest state or participle here: which of each, and how many tokens it takes.
    pub(super) fn state_or_verb(
        &mut self,
        noun: &Noun,
    ) -> Parsed<(Option<usize>, Option<usize>, usize)> {
        let rest = self.rest();
        let states = noun
            .states
            .iter()
            .map(|state| longest(rest, state.words.iter()));
        let verbs = noun
            .verbs
            .iter()
            .map(|verb| longest(rest, verb.past.iter()));
        let best = |lengths: Vec<Option<usize>>| {
            lengths
                .into_iter()
                .enumerate()
                .filter_map(|(at, length)| length.map(|length| (length, at)))
                .max_by_key(|(length, _)| *length)
        };
        let (state, verb) = (best(states.collect()), best(verbs.collect()));
        let length = state
            .map_or(0, |(length, _)| length)
            .max(verb.map_or(0, |(length, _)| length));
        if length == 0 {
            return Err(self.not("a state"));
        }
        let whole = |found: Option<(usize, usize)>| {
            found.filter(|(own, _)| *own == length).map(|(_, at)| at)
        };
        Ok((whole(state), whole(verb), length))
    }

    /// `during the run` and `at the end`, which leave no doubt about the conditions before.
    pub(super) fn pin(&mut self, conditions: &mut [Condition]) -> Parsed<()> {
        const CHANGE: &[&str] = &[
            "during the run",
            "during this run",
            "in this run",
            "by the run",
            "by the agent",
            "in the run",
        ];
        const END: &[&str] = &[
            "at the end of the run",
            "at the end",
            "in the end",
            "in the final state",
            "after the run",
        ];
        let start = self.at;
        let voice = if self.eat_any(CHANGE) {
            Voice::Change
        } else if self.eat_any(END) {
            Voice::Final
        } else {
            return Ok(());
        };
        for condition in conditions {
            let is_change = condition.is_change();
            match &mut condition.what {
                What::State {
                    verb: Some(_),
                    tense,
                    ..
                } => {
                    *tense = Tense {
                        voice,
                        pinned: true,
                    };
                }
                What::Relation {
                    relation: _, tense, ..
                } if !tense.pinned => {
                    *tense = Tense {
                        voice,
                        pinned: true,
                    };
                }
                _ if is_change == (voice == Voice::Change) => {}
                _ => {
                    return Err(self.refuse(
                        start,
                        "this does not fit what it is said of",
                        "leave it out",
                    ));
                }
            }
        }
        Ok(())
    }

    /// `by octocat`, `labelled "stale"`: a relation's phrase and its value.
    pub(super) fn relation(&mut self, id: NounId, said: bool) -> Parsed<Condition> {
        let noun = self.lexicon.noun(id);
        let rest = self.rest();
        let mut found: Vec<(usize, usize)> = noun
            .relations
            .iter()
            .enumerate()
            .filter_map(|(at, relation)| {
                longest(rest, relation.phrases.iter()).map(|length| (length, at))
            })
            .collect();
        found.sort_by_key(|(length, _)| std::cmp::Reverse(*length));
        if found.is_empty() {
            return Err(self.not("a relation"));
        }
        for (length, at) in found {
            let relation = &noun.relations[at];
            let condition = self.attempt(|parser| {
                parser.at += length;
                parser.relation_value(at, relation, said)
            })?;
            if let Some(condition) = condition {
                return Ok(condition);
            }
        }
        Err(Stop::Not)
    }

    fn relation_value(&mut self, at: usize, relation: &Relation, said: bool) -> Parsed<Condition> {
        let test = if relation.contains.is_some() && self.eat_any(&["containing", "like"]) {
            let Values { values, all } = self.texts()?;
            Test::Contains { values, all }
        } else {
            let Values { values, all } = self.values(relation.value)?;
            Test::Is { values, all }
        };
        Ok(Condition::is(What::Relation {
            relation: at,
            test,
            // After a noun it narrows, and is read of the end; said of things it can be either.
            tense: if said && relation.change {
                Tense::open(Voice::Final)
            } else {
                Tense::FINAL
            },
        }))
    }

    /// `in acme/webapp`, `on issue #3`, `to channels other than #engineering`.
    pub(super) fn parent(&mut self, id: NounId) -> Parsed<Condition> {
        let noun = self.lexicon.noun(id);
        let mut fitting = Vec::new();
        for (at, parent) in noun.parents.iter().enumerate() {
            if let Some(length) = longest(self.rest(), parent.words.iter()) {
                fitting.push((at, length));
            }
        }
        if fitting.is_empty() {
            return Err(self.not("a place"));
        }
        for (at, length) in fitting {
            let target = self.attempt(|parser| {
                parser.at += length;
                parser.target(id, at)
            })?;
            if let Some(target) = target {
                return Ok(Condition::is(What::Parent { parent: at, target }));
            }
        }
        Err(Stop::Not)
    }

    fn target(&mut self, id: NounId, parent: usize) -> Parsed<Target> {
        let noun = self.lexicon.noun(id);
        let parent = &noun.parents[parent];
        let Some(parent_id) = self.lexicon.noun_named(id.clone, &parent.noun) else {
            return Err(Stop::Not);
        };
        let mut named = self.lexicon.noun(parent_id).named.clone();
        named.number = parent.number.clone();
        named.text = parent.text.clone();
        // A name alone: `in acme/webapp`, `on #3`.
        let bare = self.attempt(|parser| {
            let is_word = parser.word().is_some();
            let values = parser.names(&named, is_word)?;
            parser.one_of(values)
        })?;
        if let Some(names) = bare {
            return Ok(Target::Named(names));
        }
        let start = self.at;
        let several = match self.quantifier()? {
            Said::Nothing => true,
            Said::Quantifier(Quantifier::Exists) => true,
            Said::Quantifier(Quantifier::Definite) => false,
            Said::Quantifier(_) => {
                return Err(self.refuse(
                    start,
                    "how many there are of what something is part of cannot be said",
                    "say how many of the things themselves",
                ));
            }
        };
        let read = self.head()?;
        if read.phrase.noun != parent_id {
            self.at = start;
            return Err(self.not(&parent.noun));
        }
        let mut phrase = read.phrase;
        if phrase.conditions.is_empty() && self.eat_any(EXCEPT) {
            let names = self.excepted(parent_id)?;
            return Ok(Target::OtherThan(names));
        }
        // Of the one that is named nothing more is to be said: what follows is said of its parts.
        let is_named = phrase
            .conditions
            .iter()
            .any(|condition| matches!(condition.what, What::Named(_)));
        if !is_named {
            self.modifiers_of(parent_id, After::Place(id), &mut phrase.conditions)?;
        }
        let phrase = phrase.in_order(self.lexicon.noun(parent_id));
        if let [
            Condition {
                negated: false,
                what: What::Named(names),
            },
        ] = &phrase.conditions[..]
        {
            let can_name = names.iter().all(|name| match name {
                super::super::claim::Name::Number(_) => named.number.is_some(),
                super::super::claim::Name::Text(_) => named.text.is_some(),
            });
            if can_name {
                return Ok(Target::Named(names.clone()));
            }
        }
        if !several && phrase.conditions.is_empty() {
            return Err(self.refuse(start, "it is not said which one", "give its name"));
        }
        Ok(Target::Things(Box::new(phrase)))
    }

    /// Names of which any is meant.
    fn one_of<T>(&mut self, values: Values<T>) -> Parsed<Vec<T>> {
        Ok(values.values)
    }

    fn other_than(&mut self, id: NounId) -> Parsed<Vec<Condition>> {
        let names = self.excepted(id)?;
        let condition = Condition::is(What::Named(names));
        Ok(vec![condition.negated(true)])
    }

    /// The names after `other than`, with or without the noun.
    fn excepted(&mut self, id: NounId) -> Parsed<Vec<super::super::claim::Name>> {
        let named = self.lexicon.noun(id).named.clone();
        self.eat("the");
        let found = self
            .lexicon
            .nouns_at(self.rest(), None)
            .into_iter()
            .find(|found| found.id == id);
        if let Some(found) = found {
            self.at += found.length;
            self.eat_any(&["named", "called", "titled"]);
        }
        let names = self.names(&named, true)?;
        Ok(names.values)
    }

    /// What follows `containing` and its like.
    pub(super) fn containing(&mut self, id: NounId, negated: bool) -> Parsed<Vec<Condition>> {
        let noun = self.lexicon.noun(id);
        let text = noun.relations.iter().position(|relation| {
            relation.contains.is_some() && relation.nouns.iter().any(|word| word == "text")
        });
        let Some(relation) = text else {
            return Err(self.not("a relation"));
        };
        self.eat_any(&[
            "the text",
            "the word",
            "the words",
            "the phrase",
            "the string",
        ]);
        let start = self.at;
        let Values { values, all } = self.texts()?;
        if negated && all {
            return Err(self.refuse(
                start,
                "`not` and `and` can be meant in two ways",
                "join the texts with `or`, or write a criterion for each",
            ));
        }
        let condition = Condition::is(What::Relation {
            relation,
            test: Test::Contains { values, all },
            tense: Tense::FINAL,
        });
        Ok(vec![condition.negated(negated)])
    }

    /// What follows has, have, with and without.
    pub(super) fn having(&mut self, id: NounId, negated: bool) -> Parsed<Vec<Condition>> {
        let start = self.at;
        let definite = self.follows("the");
        let (amount, negated) = match self.how_many_it_has(negated)? {
            Some((amount, negated)) => (amount, negated),
            None => (None, negated),
        };
        let own = self.attempt(|parser| parser.own_relation(id, amount))?;
        let condition = match own {
            Some(condition) => condition,
            None => self.parts(id, start, amount)?,
        };
        if definite
            && matches!(
                &condition.what,
                What::Relation {
                    test: Test::Any,
                    ..
                }
            )
        {
            return Err(self.not("its name"));
        }
        let condition = self.negatable(condition, negated)?;
        Ok(vec![condition])
    }

    /// The amount after has or with: none of them, an article, a number.
    fn how_many_it_has(&mut self, negated: bool) -> Parsed<Option<(Option<Amount>, bool)>> {
        let start = self.at;
        if negated && self.eat_any(&["any", "any of the"]) {
            return Ok(Some((None, true)));
        }
        let said = self.quantifier()?;
        Ok(match said {
            Said::Nothing => None,
            Said::Quantifier(Quantifier::Exists | Quantifier::Definite) => Some((None, negated)),
            Said::Quantifier(Quantifier::None) if !negated => Some((None, true)),
            Said::Quantifier(Quantifier::Count(amount)) if !negated => Some((Some(amount), false)),
            Said::Quantifier(_) => {
                return Err(self.refuse(
                    start,
                    "this cannot be said of what things have",
                    "write how many: `at least 1`, `exactly 2`, `no`",
                ));
            }
        })
    }

    /// What a thing has itself: `label "x"`, `a title containing "y"`, `no assignee`.
    fn own_relation(&mut self, id: NounId, amount: Option<Amount>) -> Parsed<Condition> {
        let noun = self.lexicon.noun(id);
        // `the "stale" label`
        let before = match self.peek().map(|token| &token.kind) {
            Some(Kind::Quoted(text)) => {
                self.at += 1;
                Some(text.clone())
            }
            _ => None,
        };
        let rest = self.rest();
        let found = noun
            .relations
            .iter()
            .enumerate()
            .filter_map(|(at, relation)| {
                longest(rest, relation.nouns.iter()).map(|length| (length, at))
            })
            .max_by_key(|(length, _)| *length);
        let Some((length, at)) = found else {
            return Err(self.not("something it has"));
        };
        let relation = &noun.relations[at];
        self.at += length;
        let test = if let Some(amount) = amount {
            if before.is_some() || relation.size.is_none() {
                return Err(self.not("something it has several of"));
            }
            Test::Size(amount)
        } else if let Some(text) = before {
            Test::Is {
                values: vec![super::super::claim::Given::Text(text)],
                all: false,
            }
        } else if relation.contains.is_some()
            && self.eat_any(&[
                "containing",
                "mentioning",
                "including",
                "that contains",
                "like",
            ])
        {
            let Values { values, all } = self.texts()?;
            Test::Contains { values, all }
        } else {
            let given = self.attempt(|parser| {
                let marked = parser.eat_any(&["named", "called", "of", "equal to"]);
                let quoted = matches!(
                    parser.peek().map(|token| &token.kind),
                    Some(Kind::Quoted(_) | Kind::Sign(..))
                );
                // A bare word here must be one that can only be a name: others may be what is
                // said next.
                let is_text = matches!(relation.value, ValueKind::Text | ValueKind::Person);
                if !marked && !quoted && is_text {
                    parser.sees_identifier()?;
                }
                parser.values(relation.value)
            })?;
            match given {
                Some(Values { values, all }) => Test::Is { values, all },
                None if relation.any.is_some() => Test::Any,
                None => return Err(self.not("a value")),
            }
        };
        Ok(Condition::is(What::Relation {
            relation: at,
            test,
            tense: Tense::FINAL,
        }))
    }

    fn sees_identifier(&mut self) -> Parsed<()> {
        let is_name = self.word().is_some_and(|word| {
            word.chars()
                .any(|c| "-_/.:#".contains(c) || c.is_ascii_digit())
        });
        if is_name { Ok(()) } else { Err(Stop::Not) }
    }

    /// Parts a thing has: `a new comment`, `at least 2 comments by octocat`.
    fn parts(&mut self, id: NounId, start: usize, amount: Option<Amount>) -> Parsed<Condition> {
        let read = self.things_phrase()?;
        let parts = self.lexicon.noun(read.phrase.noun);
        let owner = self.lexicon.noun(id).singular();
        let is_part = read.phrase.noun.clone == id.clone
            && parts.parents.iter().any(|parent| parent.noun == owner);
        if !is_part {
            let what = format!(
                "{} are no part of {}",
                parts.plural(),
                self.lexicon.noun(id).plural()
            );
            return Err(self.refuse(start, what, "say it of the things themselves"));
        }
        Ok(Condition::is(What::Has {
            amount: amount.unwrap_or(Amount::AtLeast(1)),
            parts: Phrase {
                noun: read.phrase.noun,
                conditions: read.phrase.conditions,
            },
        }))
    }
}
