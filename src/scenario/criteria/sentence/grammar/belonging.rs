//! What belongs to what: what could be said of two things is refused, and what `not` could deny
//! in two ways.

use archal_core::clone::vocabulary::Change;

use super::super::claim::{Condition, NounId, Target, Test, What, is_by};
use super::super::token::Token;
use super::{Parsed, Parser};

/// What modifiers follow.
#[derive(Debug, Clone, Copy)]
pub(super) enum After<'c> {
    /// The things a sentence is about.
    Noun,
    /// What things of this noun are part of.
    Place(NounId),
    /// What is said of the things.
    Verb(&'c Condition),
}

/// Whether this is that things are part of a thing that is named.
fn is_named_place(condition: &Condition) -> bool {
    matches!(
        &condition.what,
        What::Parent {
            target: Target::Named(_),
            ..
        }
    )
}

impl Parser<'_> {
    /// That what was read from `start` to here narrows the place `inner`, not what is there.
    pub(super) fn belongs(
        &mut self,
        inner: NounId,
        outer: NounId,
        start: usize,
        conditions: &[Condition],
    ) -> Parsed<()> {
        let end = self.at;
        let is_clause = matches!(self.tokens[start].word(), Some("that" | "which" | "who"))
            && conditions
                .iter()
                .all(|each| matches!(each.what, What::State { .. } | What::Happened { .. }));
        if is_clause {
            return Ok(());
        }
        let furthest = (self.furthest, self.expected.clone());
        self.at = start;
        let other = self.modifier(outer).ok();
        self.at = end;
        (self.furthest, self.expected) = furthest;
        let Some(other) = other else { return Ok(()) };
        // The place of a place is where its things are, too.
        let place = |id: NounId, conditions: &[Condition]| match conditions {
            [
                Condition {
                    what:
                        What::Parent {
                            parent,
                            target: Target::Named(names),
                        },
                    negated,
                },
            ] => {
                let noun = self.lexicon.noun(id).parents[*parent].noun.clone();
                Some((noun, names.clone(), *negated))
            }
            _ => None,
        };
        let own = place(inner, conditions);
        if own.is_some() && own == place(outer, &other) {
            return Ok(());
        }
        let (things, place) = (
            self.lexicon.noun(outer).plural(),
            self.lexicon.noun(inner).plural(),
        );
        Err(self.refuse(
            start,
            format!("this can be said of the {things} or of the {place}"),
            format!("put it right after `{things}`, or name the one it is part of"),
        ))
    }

    /// That what was read from `start` to here can be said after what stands before it.
    pub(super) fn fits(
        &self,
        id: NounId,
        start: usize,
        conditions: &[Condition],
        before: &[&Condition],
    ) -> Parsed<()> {
        let noun = self.lexicon.noun(id);
        let first = self.tokens[start].word().unwrap_or_default();
        let is_except = conditions
            .iter()
            .any(|each| each.negated && matches!(each.what, What::Named(_)));
        if is_except && !before.iter().all(|each| is_named_place(each)) {
            let things = noun.plural();
            return Err(self.refuse(
                start,
                "it is left open what this is an exception of",
                format!("put it right after the things: `{things} other than …`"),
            ));
        }
        let happened: Vec<&&Condition> = before
            .iter()
            .filter(|each| each.is_change() || matches!(each.what, What::State { .. }))
            .filter(|each| each.what != What::New)
            .collect();
        if happened.is_empty() {
            return Ok(());
        }
        let is_actor = conditions.iter().any(|each| match &each.what {
            What::Relation { relation, .. } => is_by(&noun.relations[*relation]),
            _ => false,
        });
        let word = match first {
            "not" => self.tokens.get(start + 1).and_then(Token::word),
            word => Some(word),
        };
        // Who made a thing is the one by whom it was made.
        let is_made = happened.iter().all(|each| match &each.what {
            What::Happened { verb } => noun.verbs[*verb].change == Change::Added,
            _ => false,
        });
        if is_actor && matches!(word, Some("by" | "from")) && !is_made {
            let (by, things) = (self.text_of(self.span(start, self.at)), noun.plural());
            let actors: Vec<String> = noun
                .relations
                .iter()
                .filter(|relation| relation.change)
                .flat_map(|relation| &relation.phrases)
                .filter(|phrase| phrase.ends_with(" by"))
                .map(|phrase| format!("`were {phrase} …`"))
                .collect();
            let known = match &actors[..] {
                [] => String::new(),
                known => format!("; who did it is known of {}", known.join(", ")),
            };
            return Err(self.refuse(
                start,
                "it is not known who did this",
                format!("for who made them write `{things} {by}` before the verb{known}"),
            ));
        }
        let is_old = conditions.iter().any(|each| match &each.what {
            What::Has { parts, .. } => !parts.conditions.iter().any(Condition::is_change),
            _ => false,
        });
        if is_old && matches!(first, "with" | "without" | "having" | "lacking") {
            return Err(self.refuse(
                start,
                "it is left open whether this was there before",
                "say it by itself: `… has a new comment containing …`, `… has at least 1 comment`",
            ));
        }
        Ok(())
    }

    /// That a verb of `length` tokens before here is of the things themselves: a label is added
    /// where it is made, and where an issue gets it. Nothing gets or loses what it always has, as
    /// a commit its branch.
    pub(super) fn is_sure_of(&self, id: NounId, verb: Option<usize>, length: usize) -> Parsed<()> {
        const DOUBTFUL: &[&str] = &["add", "adds", "added", "remove", "removes", "removed"];
        let noun = self.lexicon.noun(id);
        let start = self.at - length;
        let is_doubtful = verb.is_some()
            && self.tokens[start]
                .word()
                .is_some_and(|word| DOUBTFUL.contains(&word));
        let owner = self.lexicon.nouns().find_map(|(owner, other)| {
            let relation = other
                .relations
                .iter()
                .filter(|relation| relation.change)
                .find(|relation| relation.nouns.iter().any(|word| word == noun.singular()))?;
            (owner.clone == id.clone).then_some((other, relation))
        });
        let (true, Some((owner, relation))) = (is_doubtful, owner) else {
            return Ok(());
        };
        let (thing, owner) = (noun.singular(), owner.singular());
        // It stands at the beginning of what is to be written.
        let owner = owner[..1].to_uppercase() + &owner[1..];
        let own: Vec<String> = noun
            .verbs
            .iter()
            .filter(|verb| matches!(verb.change, Change::Added | Change::Removed))
            .filter_map(|verb| verb.past.first())
            .map(|past| format!("`The {thing} … was {past}`"))
            .collect();
        let given = relation.phrases.first().map_or_else(
            || format!("`{owner} … has the {thing} …`"),
            |phrase| format!("`{owner} … was {phrase} …`, `{owner} … is not {phrase} …`"),
        );
        Err(self.refuse(
            start,
            format!("this can be said of the {thing} itself or of what has it"),
            format!("write {}, or of what has it {given}", own.join(" or ")),
        ))
    }

    /// A condition after `not`.
    pub(super) fn negatable(&self, condition: Condition, negated: bool) -> Parsed<Condition> {
        if let (
            true,
            What::Relation {
                test: Test::Is { values, all: true },
                ..
            },
        ) = (negated, &condition.what)
            && values.len() > 1
        {
            return Err(self.refuse(
                self.at.saturating_sub(1),
                "`not` and `and` can be meant in two ways",
                "join the values with `or`, or write a criterion for each",
            ));
        }
        Ok(condition.negated(negated))
    }
}
