//! Sentences about things: how many, which, and what is said of them.

use super::super::claim::{Amount, Claim, Condition, Quantifier, What};
use super::super::refusal::Refusal;
use super::amount::Said;
use super::phrase::Read;
use super::predicate::Predicate;
use super::{Parsed, Parser, Stop};

impl Parser<'_> {
    /// A sentence about things.
    pub(super) fn things(&mut self) -> Parsed<Claim> {
        if let Some(claim) = self.attempt(Self::there)? {
            return Ok(claim);
        }
        if let Some(claim) = self.attempt(Self::counted)? {
            return Ok(claim);
        }
        let start = self.at;
        let said = self.quantifier()?;
        let read = self.things_phrase()?;
        if self.eat_any(&["count is", "count equals", "count ="]) {
            let Said::Nothing = said else {
                return Err(self.refuse(start, "this says two amounts", "leave one out"));
            };
            return self.count_is(read);
        }
        let predicate_at = self.at;
        let predicate = self.predicate(read.phrase.noun)?;
        // What is left over is reported as such, before any fault of what was read.
        self.end()?;
        self.of_things(said, read, predicate, (start, predicate_at))
    }

    /// `There are exactly 4 closed issues`.
    fn there(&mut self) -> Parsed<Claim> {
        let start = self.at;
        self.expect(&["there"])?;
        let modal = self.eat_any(&["should", "must"]);
        let verb = if modal {
            &["be", "exist", "remain"][..]
        } else {
            &["is", "are", "exists", "exist", "remain", "remains"][..]
        };
        let denied_before = modal && self.eat("not");
        self.expect(verb)?;
        let denied = denied_before || self.eat_any(&["not", "no longer"]);
        let still = self.eat("still");
        let said = if denied && self.eat("any") {
            Said::Quantifier(Quantifier::Exists)
        } else {
            self.quantifier()?
        };
        let read = self.things_phrase()?;
        if !still {
            self.eat_any(&["left", "remaining"]);
        }
        self.end()?;
        let quantifier = match (said, denied) {
            (Said::Quantifier(Quantifier::Exists) | Said::Nothing, true) => Quantifier::None,
            (Said::Quantifier(_), true) => {
                return Err(self.refuse(start, "this denies a quantifier", "write There are no …"));
            }
            (Said::Nothing | Said::Quantifier(Quantifier::Definite), false) if read.named > 1 => {
                Quantifier::Definite
            }
            (Said::Nothing, false) => Quantifier::Exists,
            (
                Said::Quantifier(
                    quantifier @ (Quantifier::Count(_) | Quantifier::None | Quantifier::Exists),
                ),
                false,
            ) => quantifier,
            (Said::Quantifier(Quantifier::Definite), false) if !read.is_bare() => {
                Quantifier::Exists
            }
            (Said::Quantifier(_), false) => {
                return Err(self.refuse(
                    start,
                    "it is not said how many there are",
                    "write There is a …, There are exactly 4 … or There are no …",
                ));
            }
        };
        Ok(Claim::Things {
            quantifier,
            subject: read.phrase,
            predicate: Vec::new(),
        })
    }

    /// `The number of closed issues is 4`.
    fn counted(&mut self) -> Parsed<Claim> {
        self.eat_any(&["the total", "the"]);
        self.expect(&["number of", "count of"])?;
        self.eat_any(&["all", "the"]);
        let read = self.things_phrase()?;
        self.expect(&["is", "equals", "should be", "must be", "should equal", "="])?;
        self.count_is(read)
    }

    fn count_is(&mut self, read: Read) -> Parsed<Claim> {
        let amount = self.amount()?;
        self.end()?;
        Ok(Claim::Things {
            quantifier: quantifier_of(amount),
            subject: read.phrase,
            predicate: Vec::new(),
        })
    }

    /// What quantifier, things and predicate say together, or why it is not compiled.
    pub(super) fn of_things(
        &self,
        said: Said,
        read: Read,
        predicate: Predicate,
        (start, predicate_at): (usize, usize),
    ) -> Parsed<Claim> {
        let refuse_predicate = |message: &str, help: &str| -> Parsed<Claim> {
            Err(self.refuse(predicate_at, message, help))
        };
        let quantifier = match said {
            Said::Quantifier(Quantifier::Definite) if read.plural && read.named == 0 => {
                Quantifier::All { plain: true }
            }
            // All of those that are there is true where one is missing.
            Said::Quantifier(Quantifier::All { .. }) if read.named > 0 => {
                return Err(self.refuse(
                    start,
                    "they are named, and it is left open whether each must be there",
                    "leave out the quantifier: `Issues #3 and #4 are …`",
                ));
            }
            Said::Quantifier(quantifier) => quantifier,
            Said::Nothing if read.named > 0 => Quantifier::Definite,
            Said::Nothing => self.plain(&read, &predicate, (start, predicate_at))?,
        };
        let negated = predicate
            .conditions
            .iter()
            .any(|condition| condition.negated);
        if predicate.conditions.is_empty() && predicate.denied {
            return match quantifier {
                Quantifier::Exists | Quantifier::Definite => Ok(Claim::Things {
                    quantifier: Quantifier::None,
                    subject: read.phrase,
                    predicate: Vec::new(),
                }),
                _ => refuse_predicate("it is left open what `not` denies", "write `No … exist`"),
            };
        }
        if predicate.conditions.is_empty() {
            return match quantifier {
                Quantifier::All { .. } | Quantifier::Only => refuse_predicate(
                    "nothing is said of them",
                    "say how many there are: `Exactly 4 … exist`",
                ),
                Quantifier::Definite if read.named == 0 && read.is_bare() => {
                    self.which_one(start, predicate_at)
                }
                // Of several each must be there.
                Quantifier::Definite if read.named > 1 => Ok(Claim::Things {
                    quantifier,
                    subject: read.phrase,
                    predicate: Vec::new(),
                }),
                Quantifier::Definite => Ok(Claim::Things {
                    quantifier: Quantifier::Exists,
                    subject: read.phrase,
                    predicate: Vec::new(),
                }),
                quantifier => Ok(Claim::Things {
                    quantifier,
                    subject: read.phrase,
                    predicate: Vec::new(),
                }),
            };
        }
        match quantifier {
            Quantifier::None if negated => {
                return refuse_predicate("this denies twice", "write it with `All …`");
            }
            Quantifier::None if predicate.groups > 1 => {
                return refuse_predicate(
                    "`no` and `and` can be meant in two ways",
                    "write a criterion for each",
                );
            }
            Quantifier::All { plain: false } if predicate.denies => {
                return refuse_predicate(
                    "`all` and `not` can be meant in two ways",
                    "write `No …`, or `At least one … is not …`",
                );
            }
            Quantifier::Exists | Quantifier::Only if predicate.denies => {
                return refuse_predicate(
                    "it is left open what `not` denies",
                    "write `No …` or `At least 1 … is not …`",
                );
            }
            Quantifier::Only if read.is_bare() => {
                return refuse_predicate(
                    "`only` does not say which of them",
                    "narrow them: `Only issues labelled …`",
                );
            }
            Quantifier::Definite if read.is_bare() => return self.which_one(start, predicate_at),
            Quantifier::All { .. } | Quantifier::Only if predicate.trailing => {
                return refuse_predicate(
                    "it is left open whether the end of this narrows the things or is said of them",
                    "put it right after the things, or write `No …`",
                );
            }
            _ => {}
        }
        let read_noun = read.phrase.noun;
        let mut subject = read.phrase;
        let mut said = predicate.conditions;
        if predicate.trailing && predicate.groups == 1 {
            // `was posted on issue #3` says of which things it is said.
            subject.conditions.extend(said.drain(1..));
            subject = subject.in_order(self.lexicon.noun(read_noun));
        }
        Ok(Claim::Things {
            quantifier,
            subject,
            predicate: said,
        })
    }

    fn which_one(&self, start: usize, end: usize) -> Parsed<Claim> {
        let span = self.span(start, end);
        let words = self.text_of(span);
        let refusal = Refusal::at(span, "it is not said which one").with(format!(
            "write its number or name: `{words} \"…\"`, or `All …`"
        ));
        Err(Stop::Refused(refusal))
    }

    /// A plural that stands alone means all of them where that is the only sense.
    fn plain(
        &self,
        read: &Read,
        predicate: &Predicate,
        (start, end): (usize, usize),
    ) -> Parsed<Quantifier> {
        let is_change = predicate.conditions.iter().any(Condition::is_change);
        let narrowed = read
            .phrase
            .conditions
            .iter()
            .any(|condition| !matches!(condition.what, What::New | What::Happened { .. }));
        if read.plural && narrowed && !is_change && !predicate.conditions.is_empty() {
            return Ok(Quantifier::All { plain: true });
        }
        let span = self.span(start, end);
        let refusal = Refusal::at(span, "this does not say how many")
            .with("begin with `All`, `No`, `Exactly 4` or `At least 1`");
        Err(Stop::Refused(refusal))
    }
}

/// An amount as a quantifier; zero is none.
pub(super) fn quantifier_of(amount: Amount) -> Quantifier {
    match amount {
        Amount::Exactly(0) | Amount::AtMost(0) => Quantifier::None,
        amount => Quantifier::Count(amount),
    }
}
