//! Sentences about what the agent does: `The agent closes exactly 4 issues`.

use super::super::claim::{Claim, Condition, Quantifier, Tense, Voice, What};
use super::super::lexicon::longest;
use super::amount::Said;
use super::predicate::Predicate;
use super::{Parsed, Parser, Stop};

impl Parser<'_> {
    /// A sentence about what the agent does to things.
    pub(super) fn agent(&mut self) -> Parsed<Claim> {
        let start = self.at;
        self.expect(&["the agent", "agent", "the bot"])?;
        let only = self.eat("only");
        let negated = self.eat("never") || {
            let denied = self.attempt(|parser| {
                parser.expect(&["does", "did", "do", "should", "must"])?;
                parser.expect(&["not", "never"])
            })?;
            denied.is_some() || {
                self.eat_any(&["should", "must"]);
                false
            }
        };
        let only = only || self.eat("only");
        let verb_at = self.at;
        let length = self.active_verb()?;
        self.at += length;
        let (said, any) = if negated && self.eat("any") {
            self.eat_any(&["of the", "of"]);
            (Said::Nothing, true)
        } else {
            (self.quantifier()?, false)
        };
        let read = self.things_phrase()?;
        let noun = self.lexicon.noun(read.phrase.noun);
        let verb_tokens = &self.tokens[verb_at..verb_at + length];
        let verb = noun.verbs.iter().position(|verb| {
            longest(verb_tokens, verb.active.iter()) == Some(length)
                || longest(verb_tokens, verb.past.iter()) == Some(length)
        });
        let Some(verb) = verb else {
            let verbs: Vec<&str> = noun
                .verbs
                .iter()
                .filter_map(|verb| verb.active.first())
                .map(String::as_str)
                .collect();
            let plural = noun.plural();
            self.at = verb_at + length;
            return Err(self.refuse(
                verb_at,
                format!("this cannot be done to {plural}"),
                format!("what can be: {}", verbs.join(", ")),
            ));
        };
        let end = self.at;
        self.at = verb_at + length;
        self.is_sure_of(read.phrase.noun, Some(verb), length)?;
        self.at = end;
        let state = noun.states.iter().position(|state| {
            let past = &noun.verbs[verb].past;
            state.words.iter().any(|word| past.contains(word))
        });
        let what = match state {
            Some(state) => What::State {
                state,
                verb: Some(verb),
                tense: Tense {
                    voice: Voice::Change,
                    pinned: true,
                },
            },
            None => What::Happened { verb },
        };
        let mut condition = Condition::is(what);
        self.pin(std::slice::from_mut(&mut condition))?;
        self.end()?;
        let said = match (said, negated) {
            (said, false) if only => match said {
                Said::Nothing => Said::Quantifier(Quantifier::Only),
                Said::Quantifier(Quantifier::Definite) => Said::Quantifier(Quantifier::Only),
                Said::Quantifier(quantifier @ Quantifier::Count(_)) => Said::Quantifier(quantifier),
                Said::Quantifier(_) => {
                    return Err(self.refuse(start, "`only` does not fit here", "leave it out"));
                }
            },
            (said, false) => said,
            (Said::Nothing, true) if any || read.named == 0 => Said::Quantifier(Quantifier::None),
            (Said::Quantifier(Quantifier::Exists), true) => Said::Quantifier(Quantifier::None),
            (Said::Nothing | Said::Quantifier(Quantifier::Definite), true) => {
                if read.plural && read.named == 0 {
                    Said::Quantifier(Quantifier::None)
                } else {
                    condition = condition.negated(true);
                    Said::Quantifier(Quantifier::Definite)
                }
            }
            (Said::Quantifier(_), true) => {
                return Err(self.refuse(
                    start,
                    "it is left open what `not` denies",
                    "write `The agent closes no …`",
                ));
            }
        };
        let predicate = Predicate {
            conditions: vec![condition],
            groups: 1,
            ..Predicate::default()
        };
        self.of_things(said, read, predicate, (start, self.at))
    }

    /// A verb of any noun, in the form the agent does it.
    fn active_verb(&mut self) -> Parsed<usize> {
        let rest = self.rest();
        let length = self
            .lexicon
            .nouns()
            .flat_map(|(_, noun)| &noun.verbs)
            .filter_map(|verb| longest(rest, verb.active.iter().chain(&verb.past)))
            .max();
        match length {
            Some(length) => Ok(length),
            None => {
                let is_known = self.word().is_some_and(|word| self.is_known(word));
                let stop = self.not("what the agent does");
                Err(if is_known { Stop::Not } else { stop })
            }
        }
    }
}
