//! Names, texts and the values of relations.

use archal_core::clone::vocabulary::{Named, ValueKind};

use super::super::claim::{Given, Name};
use super::super::token::Kind;
use super::{NO_NAMES, Parsed, Parser};

/// Words after `by` that are nobody's name.
const NOBODY: &[&str] = &[
    "accident",
    "agent",
    "anybody",
    "anyone",
    "contrast",
    "date",
    "default",
    "design",
    "email",
    "hand",
    "itself",
    "mail",
    "mistake",
    "myself",
    "name",
    "now",
    "order",
    "purpose",
    "themselves",
    "time",
    "today",
    "way",
];

/// Several values and whether all of them are meant.
pub(super) struct Values<T> {
    pub(super) values: Vec<T>,
    /// `and` joined them, rather than `or`; false for one.
    pub(super) all: bool,
}

impl Parser<'_> {
    /// What stands between quotation marks.
    pub(super) fn quoted(&mut self) -> Parsed<String> {
        match self.peek().map(|token| &token.kind) {
            Some(Kind::Quoted(text)) => {
                self.at += 1;
                Ok(text.clone())
            }
            _ => Err(self.not("a text in quotation marks")),
        }
    }

    /// One bare word that is taken as written, where a value has to follow.
    fn bare(&mut self) -> Parsed<String> {
        match self.peek().map(|token| &token.kind) {
            Some(Kind::Word(word, written)) if !NO_NAMES.contains(&word.as_str()) => {
                self.at += 1;
                Ok(written.clone())
            }
            _ => Err(self.not("a text in quotation marks")),
        }
    }

    /// A bare word that can only be a name: it has a sign or a digit in it.
    fn identifier(&mut self) -> Parsed<String> {
        let is_name = self.word().is_some_and(|word| {
            word.chars()
                .any(|c| "-_/.:#".contains(c) || c.is_ascii_digit())
                && word.chars().any(char::is_alphanumeric)
        });
        if is_name {
            self.bare()
        } else {
            Err(self.not("a name in quotation marks"))
        }
    }

    /// A text: quoted, or one bare word.
    fn text(&mut self) -> Parsed<String> {
        if let Some(Kind::Sign('#', name)) = self.peek().map(|token| &token.kind) {
            self.at += 1;
            return Ok(format!("#{name}"));
        }
        match self.attempt(Self::quoted)? {
            Some(text) => Ok(text),
            None => self.bare(),
        }
    }

    fn person(&mut self) -> Parsed<String> {
        if let Some(Kind::Sign('@', name)) = self.peek().map(|token| &token.kind) {
            self.at += 1;
            return Ok(name.clone());
        }
        // Nobody's name has a slash: that is a place's.
        let is_place = self.peek().is_some_and(|token| match &token.kind {
            Kind::Quoted(text) | Kind::Word(_, text) => text.contains('/'),
            _ => false,
        });
        if is_place {
            return Err(self.not("the name of a person"));
        }
        if let Some(text) = self.attempt(Self::quoted)? {
            return Ok(text.strip_prefix('@').unwrap_or(&text).to_owned());
        }
        self.eat_any(&["the user", "user"]);
        if self.word().is_some_and(|word| NOBODY.contains(&word)) {
            return Err(self.not("the name of a person"));
        }
        self.bare()
    }

    fn days(&mut self) -> Parsed<i64> {
        let number = self.number()?;
        let each = if self.eat_any(&["days", "day", "d"]) {
            1
        } else if self.eat_any(&["weeks", "week"]) {
            7
        } else {
            return Err(self.not("days"));
        };
        self.eat("old");
        number.checked_mul(each).ok_or(super::Stop::Not)
    }

    /// An amount of money in minor units, with its currency where the sentence says it.
    pub(super) fn money(&mut self) -> Parsed<(i64, Option<&'static str>)> {
        if let Some(Kind::Money(minor, currency)) = self.peek().map(|token| &token.kind) {
            self.at += 1;
            if self.word() == Some(*currency) {
                self.at += 1;
            }
            return Ok((*minor, Some(currency)));
        }
        const UNITS: &[(&[&str], i64, Option<&str>)] = &[
            (&["dollars", "dollar", "usd"], 100, Some("usd")),
            (&["euros", "euro", "eur"], 100, Some("eur")),
            (&["pounds", "pound", "gbp"], 100, Some("gbp")),
            (&["yen", "jpy"], 1, Some("jpy")),
            (&["cents", "cent"], 1, None),
        ];
        let start = self.at;
        let number = self.number()?;
        for (words, each, currency) in UNITS {
            if self.eat_any(words) {
                let minor = number.checked_mul(*each).ok_or(super::Stop::Not)?;
                return Ok((minor, *currency));
            }
        }
        Err(self.refuse(
            start,
            "an amount of money needs its unit",
            "write $50.00, 50 dollars or 5000 cents",
        ))
    }

    /// One value of a relation.
    pub(super) fn given(&mut self, kind: ValueKind) -> Parsed<Given> {
        Ok(match kind {
            ValueKind::Text => Given::Text(self.text()?),
            ValueKind::Person => Given::Text(self.person()?),
            ValueKind::Number => {
                if let Some(Kind::Sign('#', name)) = self.peek().map(|token| &token.kind)
                    && let Ok(number) = name.parse()
                {
                    self.at += 1;
                    Given::Number(number)
                } else {
                    Given::Number(self.number()?)
                }
            }
            ValueKind::Days => Given::Number(self.days()?),
            ValueKind::Money => Given::Number(self.money()?.0),
        })
    }

    /// The values of a relation: one, or several joined by `and` or `or`.
    pub(super) fn values(&mut self, kind: ValueKind) -> Parsed<Values<Given>> {
        let first = self.given(kind)?;
        // A further value is a quotation or a name with a sign: a bare word after `and` may be
        // anything.
        self.more(first, |parser| {
            match parser.peek().map(|token| &token.kind) {
                Some(Kind::Quoted(_) | Kind::Sign(..)) => parser.given(kind),
                _ => Err(super::Stop::Not),
            }
        })
    }

    /// Texts in quotation marks: one, or several joined by `and` or `or`.
    pub(super) fn texts(&mut self) -> Parsed<Values<String>> {
        let first = self.quoted()?;
        self.more(first, Self::quoted)
    }

    /// Further ones of a list that began with `first`.
    fn more<T>(
        &mut self,
        first: T,
        mut next: impl FnMut(&mut Self) -> Parsed<T>,
    ) -> Parsed<Values<T>> {
        let mut values = vec![first];
        loop {
            let is_comma =
                |parser: &Self| parser.peek().is_some_and(|token| token.kind == Kind::Comma);
            let more = self.attempt(|parser| {
                if is_comma(parser) {
                    parser.at += 1;
                }
                let joined = if parser.eat("and") {
                    Some(true)
                } else if parser.eat("or") {
                    Some(false)
                } else if parser.tokens[parser.at - 1].kind == Kind::Comma {
                    None
                } else {
                    return Err(super::Stop::Not);
                };
                Ok((next(parser)?, joined))
            })?;
            match more {
                None if values.len() == 1 => return Ok(Values { values, all: false }),
                // A list that only commas join is not finished.
                None => return Err(self.not("`and` or `or`")),
                Some((value, joined)) => {
                    values.push(value);
                    if let Some(all) = joined {
                        return Ok(Values { values, all });
                    }
                }
            }
        }
    }

    /// The name of a thing after its noun: `#7`, `7`, `"stale"`, `keep-open`.
    pub(super) fn name(&mut self, named: &Named, noun_said: bool) -> Parsed<Name> {
        let token = self.peek().map(|token| &token.kind);
        match token {
            Some(Kind::Sign(sign, name)) => {
                if *sign == '#'
                    && named.number.is_some()
                    && let Ok(number) = name.parse()
                {
                    self.at += 1;
                    return Ok(Name::Number(number));
                }
                if named.sigil == Some(*sign) && named.text.is_some() {
                    self.at += 1;
                    return Ok(Name::Text(name.clone()));
                }
                Err(self.not("a name"))
            }
            Some(Kind::Number(number)) if named.number.is_some() && noun_said => {
                self.at += 1;
                Ok(Name::Number(*number))
            }
            Some(Kind::Quoted(text)) if named.text.is_some() => {
                self.at += 1;
                let bare = named.sigil.and_then(|sigil| text.strip_prefix(sigil));
                Ok(Name::Text(bare.unwrap_or(text).to_owned()))
            }
            Some(Kind::Word(..)) if named.text.is_some() && noun_said => {
                Ok(Name::Text(self.identifier()?))
            }
            _ => Err(self.not("a name")),
        }
    }

    /// Names: one, or several joined by `and` or `or`.
    pub(super) fn names(&mut self, named: &Named, noun_said: bool) -> Parsed<Values<Name>> {
        if self.eat("number") && !matches!(self.peek().map(|t| &t.kind), Some(Kind::Number(_))) {
            return Err(self.not("a number"));
        }
        let first = self.name(named, noun_said)?;
        self.more(first, |parser| parser.name(named, noun_said))
    }
}
