//! What a sentence says, before it is CEL: nouns, conditions and quantifiers.

use archal_core::clone::vocabulary::{Noun, Relation};

/// A noun of the lexicon: the clone's place and the noun's in its vocabulary.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct NounId {
    pub(super) clone: usize,
    pub(super) noun: usize,
}

/// What a sentence says.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Claim {
    /// Of things in a clone's state.
    Things {
        quantifier: Quantifier,
        subject: Phrase,
        /// What is said of them; that they exist where empty.
        predicate: Vec<Condition>,
    },
    /// Of a sum over things.
    Sum {
        subject: Phrase,
        quantity: usize,
        amount: Amount,
        currency: Option<&'static str>,
    },
    /// Of how many calls there were.
    Calls { amount: Amount, calls: CallPhrase },
    /// Of all calls.
    EveryCall { calls: CallPhrase, fails: bool },
    /// That one operation was called before another.
    Order { first: String, then: String },
    /// How the harness ended: with this code, else successfully.
    Exit { code: Option<i64>, negated: bool },
    /// How long the run took, at most so many milliseconds.
    Within { milliseconds: i64, strictly: bool },
    /// Whether the run was stopped for taking too long.
    TimedOut { negated: bool },
    /// That nothing went wrong: no call and not the run.
    NoErrors,
    /// What the agent's answer contains.
    Output { text: String, negated: bool },
}

/// How many.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Amount {
    Exactly(i64),
    AtLeast(i64),
    AtMost(i64),
    FewerThan(i64),
    MoreThan(i64),
    Between(i64, i64),
}

/// Of which of the things it is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Quantifier {
    /// So many of them.
    Count(Amount),
    /// None of them.
    None,
    /// All of them; `plain` where the plural stands alone, so that `not` has only one sense.
    All { plain: bool },
    /// One at least.
    Exists,
    /// The one that is named, which must be there.
    Definite,
    /// Nothing but them.
    Only,
}

/// Things: a noun and what narrows it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Phrase {
    pub(super) noun: NounId,
    pub(super) conditions: Vec<Condition>,
}

/// Something that is or is not so of a thing.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Condition {
    pub(super) negated: bool,
    pub(super) what: What,
}

/// What is so of a thing.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum What {
    /// It is one of these.
    Named(Vec<Name>),
    /// It is in a state; `verb` where its word is a participle too, so that it can be read as
    /// a change.
    State {
        state: usize,
        verb: Option<usize>,
        tense: Tense,
    },
    /// Something happened to it.
    Happened { verb: usize },
    /// It is new.
    New,
    /// It has something, or is in relation to something.
    Relation {
        relation: usize,
        test: Test,
        tense: Tense,
    },
    /// It is part of something.
    Parent { parent: usize, target: Target },
    /// It has so many parts of a kind.
    Has { amount: Amount, parts: Phrase },
}

/// A name of a thing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Name {
    Number(i64),
    Text(String),
}

/// How a relation is tested.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Test {
    /// Its value is one of these, or all of these.
    Is { values: Vec<Given>, all: bool },
    /// A part of its text is one of these, or all of these.
    Contains { values: Vec<String>, all: bool },
    /// There is one at all.
    Any,
    /// There are so many.
    Size(Amount),
}

/// A value that a sentence gives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Given {
    Text(String),
    Number(i64),
}

/// What a thing is part of.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Target {
    /// The one of this name.
    Named(Vec<Name>),
    /// Any but those of these names.
    OtherThan(Vec<Name>),
    /// One of these.
    Things(Box<Phrase>),
}

/// Whether something is read of the final state or of the change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Tense {
    pub(super) voice: Voice,
    /// Whether the sentence leaves no doubt.
    pub(super) pinned: bool,
}

/// The two readings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Voice {
    /// Of the state at the end.
    Final,
    /// Of what changed during the run.
    Change,
}

impl Tense {
    /// Of the final state, without doubt.
    pub(super) const FINAL: Self = Self {
        voice: Voice::Final,
        pinned: true,
    };

    /// In this voice, which may be doubted.
    pub(super) const fn open(voice: Voice) -> Self {
        Self {
            voice,
            pinned: false,
        }
    }
}

/// Calls and what narrows them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct CallPhrase {
    pub(super) operation: Option<String>,
    pub(super) clone: Option<String>,
    pub(super) method: Option<String>,
    /// Whether they failed.
    pub(super) failed: Option<bool>,
    pub(super) status: Option<i64>,
}

/// Whether a relation can be said with `by` alone: who made a thing.
pub(super) fn is_by(relation: &Relation) -> bool {
    relation.phrases.iter().any(|phrase| phrase == "by")
}

impl Phrase {
    /// Puts the conditions in the order in which they are said without doubt about what belongs
    /// to what: names, then people, who would else be taken for those who did something, then what
    /// needs no verb, then what does, then other things.
    pub(super) fn in_order(mut self, noun: &Noun) -> Self {
        self.conditions
            .sort_by_key(|condition| match &condition.what {
                What::Named(_) => 0,
                What::New => 1,
                What::Relation { relation, .. } if is_by(&noun.relations[*relation]) => 2,
                What::Relation { .. }
                | What::Parent {
                    target: Target::Named(_) | Target::OtherThan(_),
                    ..
                } => 3,
                What::State { .. } | What::Happened { .. } => 4,
                What::Parent { .. } | What::Has { .. } => 5,
            });
        self
    }
}

impl Condition {
    /// One that holds.
    pub(super) fn is(what: What) -> Self {
        Self {
            negated: false,
            what,
        }
    }

    /// The same or its opposite.
    pub(super) fn negated(mut self, negated: bool) -> Self {
        self.negated ^= negated;
        self
    }

    /// Whether it is about what happened during the run.
    pub(super) fn is_change(&self) -> bool {
        match &self.what {
            What::Happened { .. } | What::New => true,
            What::State { tense, .. } | What::Relation { tense, .. } => {
                tense.voice == Voice::Change
            }
            What::Named(_) | What::Parent { .. } | What::Has { .. } => false,
        }
    }

    /// Its tense, where it can be read both ways and the sentence leaves doubt.
    fn doubtful(&mut self) -> Option<&mut Tense> {
        match &mut self.what {
            What::State {
                tense,
                verb: Some(_),
                ..
            }
            | What::Relation { tense, .. } => (!tense.pinned).then_some(tense),
            _ => None,
        }
    }

    fn each(&mut self, act: &mut impl FnMut(&mut Self)) {
        act(self);
        match &mut self.what {
            What::Parent {
                target: Target::Things(phrase),
                ..
            } => phrase.conditions.iter_mut().for_each(|each| each.each(act)),
            What::Has { parts, .. } => {
                parts.conditions.iter_mut().for_each(|each| each.each(act));
            }
            _ => {}
        }
    }
}

impl Claim {
    fn each(&mut self, act: &mut impl FnMut(&mut Condition)) {
        match self {
            Self::Things {
                subject, predicate, ..
            } => subject
                .conditions
                .iter_mut()
                .chain(predicate)
                .for_each(|condition| condition.each(act)),
            Self::Sum { subject, .. } => subject
                .conditions
                .iter_mut()
                .for_each(|condition| condition.each(act)),
            _ => {}
        }
    }

    /// Whether something in it can be read both ways.
    pub(super) fn is_doubtful(&self) -> bool {
        let mut doubtful = false;
        self.clone()
            .each(&mut |condition| doubtful |= condition.doubtful().is_some());
        doubtful
    }

    /// The claim with all that can be read both ways read in one.
    pub(super) fn read(&self, voice: Voice) -> Self {
        let mut claim = self.clone();
        claim.each(&mut |condition| {
            if let Some(tense) = condition.doubtful() {
                *tense = Tense {
                    voice,
                    pinned: true,
                };
            }
        });
        claim
    }

    /// The conditions in it that can be read both ways, each with its noun.
    pub(super) fn doubts(&self) -> Vec<(NounId, Condition)> {
        let mut found = Vec::new();
        let mut gather = |noun: NounId, conditions: &[Condition]| {
            for condition in conditions {
                let mut own = condition.clone();
                if own.doubtful().is_some() {
                    found.push((noun, own));
                }
            }
        };
        match self {
            Self::Things {
                subject, predicate, ..
            } => {
                gather(subject.noun, &subject.conditions);
                gather(subject.noun, predicate);
            }
            Self::Sum { subject, .. } => gather(subject.noun, &subject.conditions),
            _ => {}
        }
        found
    }
}
