//! Sentences about sums: `The total amount of new refunds is $50.00`.

use archal_core::clone::vocabulary::Noun;

use super::super::claim::Claim;
use super::super::lexicon::longest;
use super::phrase::Read;
use super::{Parsed, Parser};

impl Parser<'_> {
    /// A sentence about a sum.
    pub(super) fn sum(&mut self) -> Parsed<Claim> {
        let claim = self.attempt(Self::total_of)?;
        if let Some(claim) = claim {
            return Ok(claim);
        }
        self.things_total()
    }

    /// `the total amount of refunds is …`, `the sum of refund amounts is …`.
    fn total_of(&mut self) -> Parsed<Claim> {
        self.eat("the");
        self.expect(&["total", "sum", "combined", "overall"])?;
        if self.follows("number") {
            return Err(self.not("what is summed up"));
        }
        // `total amount of refunds`
        let before = self.attempt(|parser| {
            let words = parser.quantity_words();
            let length = longest(parser.rest(), words.iter());
            let Some(length) = length else {
                return Err(parser.not("what is summed up"));
            };
            let at = parser.at;
            parser.at += length;
            parser.expect(&[
                "of all", "of the", "of", "for all", "for", "over all", "over",
            ])?;
            Ok(at)
        })?;
        if before.is_none() {
            self.eat_any(&["of all", "of the", "of", "over all", "over"]);
        }
        let things_at = self.at;
        let read = self.things_phrase()?;
        let noun = self.lexicon.noun(read.phrase.noun).clone();
        let quantity = match before {
            Some(at) => {
                let end = self.at;
                self.at = at;
                let found = self.quantity_of(&noun);
                self.at = end;
                match found {
                    Some((quantity, _)) => quantity,
                    None => return Err(self.no_quantity(at, &noun)),
                }
            }
            None => match self.quantity_of(&noun) {
                Some((quantity, length)) => {
                    self.at += length;
                    quantity
                }
                None if !noun.quantities.is_empty() => 0,
                None => return Err(self.no_quantity(things_at, &noun)),
            },
        };
        self.expect(&["is", "are", "equals", "should be", "must be", "was", "="])?;
        self.total_is(read, quantity)
    }

    /// `New refunds total $50.00`.
    fn things_total(&mut self) -> Parsed<Claim> {
        self.eat_any(&["all", "the"]);
        let read = self.things_phrase()?;
        self.expect(&["total", "add up to", "sum to", "sum up to", "amount to"])?;
        let noun = self.lexicon.noun(read.phrase.noun).clone();
        if noun.quantities.is_empty() {
            return Err(self.no_quantity(self.at, &noun));
        }
        self.total_is(read, 0)
    }

    fn total_is(&mut self, read: Read, quantity: usize) -> Parsed<Claim> {
        let noun = self.lexicon.noun(read.phrase.noun);
        let is_money = noun.quantities[quantity].currency.is_some();
        let mut currencies = Vec::new();
        let start = self.at;
        let amount = if is_money {
            self.any_amount(|parser| {
                let (minor, currency) = parser.money()?;
                currencies.push(currency);
                Ok(minor)
            })?
        } else {
            self.any_amount(Self::number)?
        };
        self.end()?;
        currencies.dedup();
        if currencies.len() > 1 {
            return Err(self.refuse(start, "these are different currencies", "give one"));
        }
        Ok(Claim::Sum {
            subject: read.phrase,
            quantity,
            amount,
            currency: currencies.pop().flatten(),
        })
    }

    fn quantity_of(&self, noun: &Noun) -> Option<(usize, usize)> {
        let rest = self.rest();
        noun.quantities
            .iter()
            .enumerate()
            .filter_map(|(at, quantity)| {
                longest(rest, quantity.words.iter()).map(|length| (at, length))
            })
            .max_by_key(|(_, length)| *length)
    }

    fn quantity_words(&self) -> Vec<String> {
        self.lexicon
            .nouns()
            .flat_map(|(_, noun)| &noun.quantities)
            .flat_map(|quantity| quantity.words.clone())
            .collect()
    }

    fn no_quantity(&self, at: usize, noun: &Noun) -> super::Stop {
        let quantities: Vec<&str> = noun
            .quantities
            .iter()
            .filter_map(|quantity| quantity.words.first())
            .map(String::as_str)
            .collect();
        let help = if quantities.is_empty() {
            "say how many there are".to_owned()
        } else {
            format!("what they have: {}", quantities.join(", "))
        };
        let plural = noun.plural();
        self.refuse(
            at,
            format!("{plural} have nothing of that name to sum up"),
            help,
        )
    }
}
