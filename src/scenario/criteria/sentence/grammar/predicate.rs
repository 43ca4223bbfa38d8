//! What is said of things: `are closed`, `were labelled "x"`, `have a new comment`, `remain`.

use archal_core::clone::vocabulary::Change;

use super::super::claim::{Condition, NounId, Tense, Voice, What};
use super::belonging::After;
use super::{Parsed, Parser, Stop};

/// What is said of things.
#[derive(Debug, Default)]
pub(super) struct Predicate {
    /// The conditions; none where only existence is said.
    pub(super) conditions: Vec<Condition>,
    /// How many were joined by `and`.
    pub(super) groups: usize,
    /// Whether conditions follow a participle and may narrow the things or be said of them.
    pub(super) trailing: bool,
    /// Whether existence is denied.
    pub(super) denied: bool,
    /// Whether `not` denies a condition, so that its scope may be doubted.
    pub(super) denies: bool,
    /// Whether it stands after `that`: what follows it narrows the things anyway.
    pub(super) relative: bool,
}

/// How a verb opens a condition.
#[derive(Debug, Clone, Copy)]
enum Opening {
    /// is, are, should be.
    Is { negated: bool },
    /// was, were, has been.
    Was { negated: bool },
    /// remain, stay.
    Remains { negated: bool },
    /// has, have.
    Has { negated: bool },
    /// contain, mention.
    Contains { negated: bool },
    /// exist.
    Exists { negated: bool },
}

impl Parser<'_> {
    /// What follows `that`, `which` and `who`.
    pub(super) fn relative(&mut self, id: NounId) -> Parsed<Vec<Condition>> {
        let start = self.at;
        let mut predicate = Predicate {
            relative: true,
            ..Predicate::default()
        };
        let opening = self.opening()?;
        self.said(id, opening, &mut predicate)?;
        if predicate.conditions.is_empty() {
            return Err(self.refuse(start, "this says nothing of them", "leave it out"));
        }
        Ok(predicate.conditions)
    }

    /// All that is said of things.
    pub(super) fn predicate(&mut self, id: NounId) -> Parsed<Predicate> {
        let mut predicate = Predicate::default();
        let mut opening = self.opening()?;
        self.said(id, opening, &mut predicate)?;
        predicate.groups = 1;
        while self.follows("and") && !predicate.conditions.is_empty() {
            let start = self.at;
            self.at += 1;
            let own = self.attempt(Self::opening)?;
            if own.is_none() && opening.is_negated() {
                self.at += 1;
                return Err(self.refuse(
                    start,
                    "`not` and `and` can be meant in two ways",
                    "write a criterion for each",
                ));
            }
            opening = own.unwrap_or(opening);
            self.said(id, opening, &mut predicate)?;
            predicate.groups += 1;
        }
        Ok(predicate)
    }

    /// The verb.
    fn opening(&mut self) -> Parsed<Opening> {
        let start = self.at;
        if self.eat_any(&["should", "must", "shall", "ought to", "need to", "needs to"]) {
            let negated = self.denial();
            if self.eat("have been") {
                return Ok(Opening::Was { negated });
            }
            if self.eat("be") {
                return Ok(Opening::Is { negated });
            }
            return self.bare_verb(negated);
        }
        if self.eat_any(&["can", "could", "may", "might", "would", "will"]) {
            return Err(self.refuse(
                start,
                "this says what may be, not what is",
                "write is, are, was or were",
            ));
        }
        if self.eat_any(&["do", "does", "did"]) {
            self.expect(&["not"])?;
            return self.bare_verb(true);
        }
        if self.eat_any(&["has", "have"]) {
            let negated = self.denial();
            if self.eat("been") {
                return Ok(Opening::Was { negated });
            }
            return Ok(Opening::Has { negated });
        }
        if self.eat_any(&["is", "are"]) {
            if self.eat_any(&["still", "now", "left"]) {
                let negated = self.denial();
                return Ok(Opening::Remains { negated });
            }
            let negated = self.denial();
            return Ok(Opening::Is { negated });
        }
        if self.eat_any(&["was", "were", "got", "get", "gets"]) {
            let negated = self.denial();
            return Ok(Opening::Was { negated });
        }
        if self.eat_any(&["remains", "remain", "stays", "stay", "remained", "stayed"]) {
            let negated = self.denial();
            return Ok(Opening::Remains { negated });
        }
        if self.eat_any(&["exists", "exist"]) {
            return Ok(Opening::Exists { negated: false });
        }
        if self.eat_any(&["no longer exist", "no longer exists"]) {
            return Ok(Opening::Exists { negated: true });
        }
        if self.eat_any(&[
            "contains", "contain", "mentions", "mention", "includes", "include",
        ]) {
            return Ok(Opening::Contains { negated: false });
        }
        Err(self.not("is, are, was, were, has, exists or remains"))
    }

    fn bare_verb(&mut self, negated: bool) -> Parsed<Opening> {
        if self.eat("have") {
            Ok(Opening::Has { negated })
        } else if self.eat_any(&["remain", "stay"]) {
            Ok(Opening::Remains { negated })
        } else if self.eat("exist") {
            Ok(Opening::Exists { negated })
        } else if self.eat_any(&["contain", "mention", "include"]) {
            Ok(Opening::Contains { negated })
        } else {
            Err(self.not("be, have, exist or remain"))
        }
    }

    fn denial(&mut self) -> bool {
        self.eat_any(&["not", "never", "no longer"])
    }

    fn said(&mut self, id: NounId, opening: Opening, to: &mut Predicate) -> Parsed<()> {
        let doubled = self.at;
        to.denies |= opening.is_negated();
        if opening.is_negated() && self.denial() {
            return Err(self.refuse(doubled, "this denies twice", "write it without `not`"));
        }
        match opening {
            Opening::Exists { negated } => {
                to.denied = negated;
                Ok(())
            }
            Opening::Has { negated } => {
                let start = self.at;
                if negated && self.eat("no") {
                    return Err(self.refuse(start, "this denies twice", "write has no"));
                }
                if negated {
                    self.eat("any");
                }
                to.conditions.extend(self.having(id, negated)?);
                Ok(())
            }
            Opening::Contains { negated } => {
                to.conditions.extend(self.containing(id, negated)?);
                Ok(())
            }
            Opening::Remains { negated } => {
                let condition = self.attempt(|parser| parser.state_of(id, false, to))?;
                match condition {
                    Some(mut condition) => {
                        if let What::State { tense, .. } | What::Relation { tense, .. } =
                            &mut condition.what
                        {
                            *tense = Tense::FINAL;
                        }
                        to.conditions.push(self.negatable(condition, negated)?);
                    }
                    None if negated => to.denied = true,
                    None => {}
                }
                Ok(())
            }
            Opening::Is { negated } | Opening::Was { negated } => {
                let past = matches!(opening, Opening::Was { .. });
                let condition = self.state_of(id, past, to)?;
                let mut condition = self.negatable(condition, negated)?;
                self.pin(std::slice::from_mut(&mut condition))?;
                let narrows = matches!(condition.what, What::Happened { .. }) || past;
                to.conditions.push(condition);
                if narrows && !to.relative {
                    let before = to.conditions.len();
                    let mut trailing = Vec::new();
                    self.trailing(id, &to.conditions[before - 1], &mut trailing)?;
                    to.conditions.extend(trailing);
                    to.trailing |= to.conditions.len() > before;
                    if negated && to.conditions.len() > before {
                        return Err(self.refuse(
                            doubled,
                            "it is left open what `not` denies",
                            "write `No …`",
                        ));
                    }
                    self.pin(&mut to.conditions[before - 1..before])?;
                }
                Ok(())
            }
        }
    }

    /// What narrows things after a participle: `were sent to #general`.
    fn trailing(&mut self, id: NounId, verb: &Condition, to: &mut Vec<Condition>) -> Parsed<()> {
        if self.follows("and") {
            return Ok(());
        }
        self.modifiers_of(id, After::Verb(verb), to)
    }

    /// A state, a relation or a place.
    fn state_of(&mut self, id: NounId, past: bool, to: &Predicate) -> Parsed<Condition> {
        let start = self.at;
        let refuse_past = |parser: &Self, what: &str| {
            parser.refuse(
                start,
                format!("was and were read what changed, and {what} is no change"),
                "write is or are for the state at the end",
            )
        };
        if self.eat_any(&["unchanged", "untouched", "unmodified", "intact"]) {
            let verbs = &self.lexicon.noun(id).verbs;
            let edited = verbs.iter().position(
                |verb| matches!(&verb.change, Change::Edited(fields) if fields.is_empty()),
            );
            return match edited {
                Some(verb) => Ok(Condition::is(What::Happened { verb }).negated(true)),
                None => Err(self.not("a state")),
            };
        }
        if let Some(mut condition) = self.attempt(|parser| parser.relation(id, true))? {
            if let (true, What::Relation { tense, .. }) = (past, &mut condition.what) {
                if tense.pinned {
                    return Err(refuse_past(self, "this"));
                }
                *tense = Tense::open(Voice::Change);
            }
            return Ok(condition);
        }
        let noun = self.lexicon.noun(id);
        if let Some((state, verb, length)) = self.attempt(|parser| parser.state_or_verb(noun))? {
            self.at += length;
            self.is_sure_of(id, verb, length)?;
            return match (state, verb) {
                (Some(state), Some(verb)) => Ok(Condition::is(What::State {
                    state,
                    verb: Some(verb),
                    tense: Tense::open(if past { Voice::Change } else { Voice::Final }),
                })),
                (Some(_), None) if past => Err(refuse_past(self, "this state")),
                (Some(state), None) => Ok(Condition::is(What::State {
                    state,
                    verb: None,
                    tense: Tense::FINAL,
                })),
                (None, Some(verb)) => Ok(Condition::is(What::Happened { verb })),
                (None, None) => Err(Stop::Not),
            };
        }
        if let Some(condition) = self.attempt(|parser| parser.parent(id))? {
            if past && to.conditions.is_empty() {
                return Err(refuse_past(self, "this place"));
            }
            return Ok(condition);
        }
        Err(self.not(&self.states_line(id)))
    }

    fn states_line(&self, id: NounId) -> String {
        let noun = self.lexicon.noun(id);
        let states = noun.states.iter().filter_map(|state| state.words.first());
        let verbs = noun.verbs.iter().filter_map(|verb| verb.past.first());
        let mut words: Vec<&str> = states.chain(verbs).map(String::as_str).collect();
        words.dedup();
        if words.is_empty() {
            "a state".to_owned()
        } else {
            words.join(", ")
        }
    }
}

impl Opening {
    fn is_negated(self) -> bool {
        match self {
            Self::Is { negated }
            | Self::Was { negated }
            | Self::Remains { negated }
            | Self::Has { negated }
            | Self::Contains { negated }
            | Self::Exists { negated } => negated,
        }
    }
}
