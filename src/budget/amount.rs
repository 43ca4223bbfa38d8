//! Dollars as whole micro-dollars.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{self, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Micro-dollars in a dollar.
const MICROS: i64 = 1_000_000;
/// Digits of a micro-dollar after the point.
const DIGITS: usize = 6;

/// An amount of dollars, never below zero, exact to the micro-dollar.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Usd(i64);

/// Why a text is no amount.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AmountError {
    /// It is not written as dollars.
    #[error("`{0}` is no amount of dollars; write it as 0.50")]
    Unreadable(String),
    /// It has digits below a micro-dollar.
    #[error("`{0}` is finer than a micro-dollar; write at most six digits after the point")]
    TooFine(String),
    /// It does not fit.
    #[error("`{0}` is more dollars than archal counts")]
    TooLarge(String),
}

/// What happens to digits below a micro-dollar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rest {
    Refused,
    RoundedUp,
}

impl Usd {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// An amount of whole micro-dollars; none below zero.
    pub const fn from_micros(micros: i64) -> Option<Self> {
        if micros < 0 { None } else { Some(Self(micros)) }
    }

    /// Whole micro-dollars.
    pub const fn micros(self) -> i64 {
        self.0
    }

    /// A cost as agents, fixers and traces report it: rounded up to a micro-dollar. None where
    /// the number is no amount.
    pub fn reported(dollars: f64) -> Option<Self> {
        // The shortest text of a number is the one that was reported.
        parse(&dollars.to_string(), Rest::RoundedUp).ok()
    }

    /// The amount as documents have it: the number nearest to it.
    #[expect(
        clippy::cast_precision_loss,
        reason = "amounts are far below 2^53 micro-dollars"
    )]
    pub const fn dollars(self) -> f64 {
        self.0 as f64 / MICROS as f64
    }

    /// The sum, unless it does not fit.
    #[must_use]
    pub const fn checked_add(self, other: Self) -> Option<Self> {
        match self.0.checked_add(other.0) {
            Some(micros) => Some(Self(micros)),
            None => None,
        }
    }

    /// The sum, or the largest amount there is.
    #[must_use]
    pub const fn saturating_add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }

    /// What is left; nothing where `other` is more.
    #[must_use]
    pub const fn saturating_sub(self, other: Self) -> Self {
        if other.0 > self.0 {
            Self::ZERO
        } else {
            Self(self.0 - other.0)
        }
    }
}

fn parse(text: &str, rest: Rest) -> Result<Usd, AmountError> {
    let trimmed = text.trim();
    let number = trimmed.strip_prefix('$').unwrap_or(trimmed);
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let is_number = !number.starts_with('.') && !number.ends_with('.');
    let mut digits = whole.chars().chain(fraction.chars());
    if whole.is_empty() || !is_number || !digits.all(|c| c.is_ascii_digit()) {
        return Err(AmountError::Unreadable(text.to_owned()));
    }
    let too_large = || AmountError::TooLarge(text.to_owned());
    let (kept, below) = fraction.split_at(fraction.len().min(DIGITS));
    let below = below.chars().any(|c| c != '0');
    if below && rest == Rest::Refused {
        return Err(AmountError::TooFine(text.to_owned()));
    }
    let whole: i64 = whole.parse().map_err(|_| too_large())?;
    let padded = format!("{kept:0<DIGITS$}");
    let part: i64 = padded.parse().map_err(|_| too_large())?;
    whole
        .checked_mul(MICROS)
        .and_then(|micros| micros.checked_add(part))
        .and_then(|micros| micros.checked_add(i64::from(below)))
        .map(Usd)
        .ok_or_else(too_large)
}

impl FromStr for Usd {
    type Err = AmountError;

    fn from_str(text: &str) -> Result<Self, AmountError> {
        parse(text, Rest::Refused)
    }
}

/// At least two digits after the point and no more than are needed: `0.50`, `0.005175`.
impl fmt::Display for Usd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fraction = format!("{:06}", self.0 % MICROS);
        let needed = fraction.trim_end_matches('0').len().max(2);
        f.pad(&format!("{}.{}", self.0 / MICROS, &fraction[..needed]))
    }
}

/// A number of dollars.
impl Serialize for Usd {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.0 % MICROS == 0 {
            return serializer.serialize_i64(self.0 / MICROS);
        }
        // JSON has no other number; its shortest text is the decimal text again.
        match self.to_string().parse::<f64>() {
            Ok(number) => serializer.serialize_f64(number),
            Err(error) => Err(serde::ser::Error::custom(error)),
        }
    }
}

impl<'de> Deserialize<'de> for Usd {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Dollars;

        impl Visitor<'_> for Dollars {
            type Value = Usd;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number of dollars")
            }

            fn visit_f64<E: de::Error>(self, value: f64) -> Result<Usd, E> {
                value.to_string().parse().map_err(E::custom)
            }

            fn visit_i64<E: de::Error>(self, value: i64) -> Result<Usd, E> {
                value.to_string().parse().map_err(E::custom)
            }

            fn visit_u64<E: de::Error>(self, value: u64) -> Result<Usd, E> {
                value.to_string().parse().map_err(E::custom)
            }
        }

        deserializer.deserialize_f64(Dollars)
    }
}

impl JsonSchema for Usd {
    fn schema_name() -> Cow<'static, str> {
        "Usd".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_generator: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "number", "minimum": 0})
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn micros(text: &str) -> Result<i64, AmountError> {
        text.parse::<Usd>().map(Usd::micros)
    }

    #[test]
    fn amounts_are_read_as_decimal_text() {
        for (text, expected) in [
            ("0", 0),
            ("1", 1_000_000),
            ("0.50", 500_000),
            (" $0.005175 ", 5_175),
            ("0.0000010", 1),
            ("5.", -1),
            (".5", -1),
            ("", -1),
            ("-1", -1),
            ("+1", -1),
            ("1e3", -1),
            ("1_000", -1),
            ("NaN", -1),
            ("none", -1),
        ] {
            assert_eq!(micros(text).unwrap_or(-1), expected, "{text}");
        }
        assert_eq!(
            micros("0.0000001"),
            Err(AmountError::TooFine("0.0000001".to_owned()))
        );
        for text in ["9223372036855", "99999999999999999999999"] {
            assert_eq!(micros(text), Err(AmountError::TooLarge(text.to_owned())));
        }
        assert_eq!(micros("9223372036854.775807"), Ok(i64::MAX));
    }

    #[test]
    fn what_is_reported_is_rounded_up_and_nonsense_is_unknown() {
        for (dollars, expected) in [
            (0.0, Some(0)),
            (0.005_175, Some(5_175)),
            (0.000_000_1, Some(1)),
            (0.123_456_78, Some(123_457)),
            (-0.01, None),
            (f64::NAN, None),
            (f64::INFINITY, None),
            (1e300, None),
        ] {
            assert_eq!(Usd::reported(dollars).map(Usd::micros), expected);
        }
    }

    #[test]
    fn nothing_wraps_around() {
        let most = Usd(i64::MAX);
        assert_eq!(most.checked_add(Usd(1)), None);
        assert_eq!(most.saturating_add(Usd(1)), most);
        assert_eq!(Usd(1).saturating_sub(Usd(2)), Usd::ZERO);
        assert_eq!(Usd::from_micros(-1), None);
    }

    #[test]
    fn json_is_a_number() {
        let json = |micros| serde_json::to_string(&Usd(micros)).expect("a number");
        assert_eq!(json(5_175), "0.005175");
        assert_eq!(json(5_000_000), "5");
        assert!(serde_json::from_str::<Usd>("-1").is_err());
        assert!(serde_json::from_str::<Usd>("0.0000001").is_err());
        assert!(serde_json::from_str::<Usd>("\"1\"").is_err());
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn text_and_json_lead_back(micros in 0..=i64::MAX) {
            let amount = Usd(micros);
            prop_assert_eq!(amount.to_string().parse::<Usd>(), Ok(amount));
            // A double holds fifteen digits.
            let amount = Usd(micros % 1_000_000_000_000_000);
            let json = serde_json::to_string(&amount).expect("a number");
            prop_assert_eq!(serde_json::from_str::<Usd>(&json).expect("read"), amount);
        }
    }
}
