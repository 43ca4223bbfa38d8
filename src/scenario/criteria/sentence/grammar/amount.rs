//! Numbers and quantifiers.

use super::super::super::super::number_words;
use super::super::claim::{Amount, Quantifier};
use super::super::token::Kind;
use super::{Parsed, Parser};

/// Numbers that are more than the name of one below a hundred.
const NUMBERS: &[(&str, i64)] = &[
    ("hundred", 100),
    ("a hundred", 100),
    ("one hundred", 100),
    ("a dozen", 12),
    ("two dozen", 24),
];

const VAGUE: &[&str] = &[
    "some",
    "several",
    "many",
    "few",
    "a few",
    "most",
    "multiple",
    "various",
    "a couple of",
    "a couple",
    "enough",
    "about",
    "around",
    "approximately",
    "roughly",
    "almost",
    "nearly",
    "both",
    "half",
];

/// How many, and what may be said after it.
pub(super) enum Said {
    /// A quantifier.
    Quantifier(Quantifier),
    /// No quantifier: the noun stands alone.
    Nothing,
}

impl Parser<'_> {
    /// A whole number, in digits or words.
    pub(super) fn number(&mut self) -> Parsed<i64> {
        if let Some(Kind::Number(number)) = self.peek().map(|token| &token.kind) {
            self.at += 1;
            return Ok(*number);
        }
        let found = NUMBERS
            .iter()
            .filter_map(|(words, number)| {
                let length = super::matched(self.rest(), words)?;
                Some((length, *number))
            })
            .max_by_key(|(length, _)| *length);
        if let Some((length, number)) = found {
            self.at += length;
            return Ok(number);
        }
        match self.word().and_then(number_words::number) {
            Some(number) => {
                self.at += 1;
                Ok(number.into())
            }
            None => Err(self.not("a number")),
        }
    }

    /// How many: `exactly 4`, `at least one`, `between 3 and 5`, `4`, `2 or more`.
    pub(super) fn amount(&mut self) -> Parsed<Amount> {
        let start = self.at;
        let amount = self.any_amount(Self::number)?;
        self.sensible(start, amount)
    }

    /// An amount whose numbers are read by `number`.
    pub(super) fn any_amount(
        &mut self,
        mut number: impl FnMut(&mut Self) -> Parsed<i64>,
    ) -> Parsed<Amount> {
        const FORMS: &[(&[&str], fn(i64) -> Amount)] = &[
            (
                &[
                    "at least",
                    "no fewer than",
                    "no less than",
                    "not fewer than",
                    "not less than",
                    "a minimum of",
                    "minimum",
                    ">=",
                    "≥",
                ],
                Amount::AtLeast,
            ),
            (
                &[
                    "at most",
                    "no more than",
                    "not more than",
                    "up to",
                    "a maximum of",
                    "maximum",
                    "<=",
                    "≤",
                ],
                Amount::AtMost,
            ),
            (
                &["fewer than", "less than", "under", "<"],
                Amount::FewerThan,
            ),
            (
                &["more than", "greater than", "over", ">"],
                Amount::MoreThan,
            ),
            (
                &["exactly", "precisely", "just", "equal to", "=", "=="],
                Amount::Exactly,
            ),
        ];
        if self.eat("between") {
            let low = number(self)?;
            self.expect(&["and"])?;
            return Ok(Amount::Between(low, number(self)?));
        }
        if self.eat("from") {
            let low = number(self)?;
            self.expect(&["to"])?;
            return Ok(Amount::Between(low, number(self)?));
        }
        for (words, make) in FORMS {
            if self.eat_any(words) {
                return Ok(make(number(self)?));
            }
        }
        self.eat("a total of");
        if self.eat("a single") {
            return Ok(Amount::Exactly(1));
        }
        let low = number(self)?;
        if self.eat("or more") || self.eat("or greater") {
            return Ok(Amount::AtLeast(low));
        }
        if self.eat("or fewer") || self.eat("or less") {
            return Ok(Amount::AtMost(low));
        }
        let is_dash = self.peek().is_some_and(|token| token.kind == Kind::Dash);
        if is_dash {
            self.at += 1;
            return Ok(Amount::Between(low, number(self)?));
        }
        let range = self.attempt(|parser| {
            parser.expect(&["to"])?;
            number(parser)
        })?;
        Ok(range.map_or(Amount::Exactly(low), |high| Amount::Between(low, high)))
    }

    /// Refuses amounts that are true or false of everything.
    fn sensible(&self, start: usize, amount: Amount) -> Parsed<Amount> {
        let problem = match amount {
            Amount::AtLeast(0) => "this is true of every state",
            Amount::FewerThan(0) => "this is true of no state",
            Amount::Between(low, high) if low > high => "the first number is the larger one",
            _ => return Ok(amount),
        };
        Err(self.refuse(start, problem, "say how many there must be"))
    }

    /// How much is said of the things that follow.
    pub(super) fn quantifier(&mut self) -> Parsed<Said> {
        let start = self.at;
        if self.follows_any(&["not all", "not every", "not each"]) {
            self.at += 2;
            return Err(self.refuse(
                start,
                "this denies a quantifier, which can be meant in two ways",
                "write `At least one …` or `No …`",
            ));
        }
        if let Some(amount) = self.attempt(Self::amount)? {
            return Ok(Said::Quantifier(match amount {
                Amount::Exactly(0) | Amount::AtMost(0) => {
                    self.eat_any(&["of the", "of"]);
                    Quantifier::None
                }
                amount => {
                    self.eat("of the");
                    Quantifier::Count(amount)
                }
            }));
        }
        if self.eat_any(VAGUE) {
            return Err(self.refuse(
                start,
                "this does not say how many",
                "write `at least 1`, `exactly 4`, `all` or `no`",
            ));
        }
        if self.eat_any(&["any", "either", "neither"]) {
            return Err(self.refuse(
                start,
                "this can mean one of them or all of them",
                "write `at least one`, `all` or `no`",
            ));
        }
        if self.eat_any(&["none of the", "none of", "not a single", "not one", "no"]) {
            return Ok(Said::Quantifier(Quantifier::None));
        }
        if self.eat_any(&[
            "all of the",
            "all the",
            "every one of the",
            "each of the",
            "all of",
            "all",
            "every",
            "each",
        ]) {
            let number_at = self.at;
            if self.sees(Self::number) {
                self.at += 1;
                return Err(self.refuse(
                    number_at,
                    "`all` and a number say two things",
                    "write one criterion with `All …` and one with `Exactly …`",
                ));
            }
            return Ok(Said::Quantifier(Quantifier::All { plain: false }));
        }
        if self.eat("only") {
            return Ok(Said::Quantifier(match self.attempt(Self::amount)? {
                Some(Amount::Exactly(0)) => Quantifier::None,
                Some(amount @ Amount::Exactly(_)) => Quantifier::Count(amount),
                Some(_) => {
                    return Err(self.refuse(
                        start,
                        "`only` and a limit say two things",
                        "leave out `only`",
                    ));
                }
                None => {
                    self.eat("the");
                    Quantifier::Only
                }
            }));
        }
        if self.eat_any(&["a", "an"]) {
            return Ok(Said::Quantifier(Quantifier::Exists));
        }
        if self.eat("the") {
            return Ok(Said::Quantifier(Quantifier::Definite));
        }
        Ok(Said::Nothing)
    }
}
