//! Durations and sizes as people write them in the configuration: `30d`, `5GB`.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Seconds of each unit of time, the longest first.
const TIMES: &[(&str, u64)] = &[
    ("w", 7 * 86_400),
    ("d", 86_400),
    ("h", 3_600),
    ("m", 60),
    ("s", 1),
];
/// Bytes of each unit of size. `GB` is a thousand million, as disks are sold; `GiB` is 2^30.
const SIZES: &[(&str, u64)] = &[
    ("TB", 1_000_000_000_000),
    ("GB", 1_000_000_000),
    ("MB", 1_000_000),
    ("KB", 1_000),
    ("TiB", 1 << 40),
    ("GiB", 1 << 30),
    ("MiB", 1 << 20),
    ("KiB", 1 << 10),
    ("B", 1),
];

/// How old something is: a whole number and `s`, `m`, `h`, `d` or `w`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Age(Duration);

/// How large something is: a whole number and `B`, `KB`, `MB`, `GB`, `TB` or their binary kin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Size(u64);

/// Why a text is no duration or size.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AmountError {
    /// Not a number with a unit of time behind it.
    #[error("`{given}` is no duration; write a whole number and s, m, h, d or w: \"30d\"")]
    Age {
        /// What was written.
        given: String,
    },
    /// Not a number with a unit of size behind it.
    #[error(
        "`{given}` is no size; write a whole number and B, KB, MB, GB or TB (or KiB, MiB, GiB, TiB): \"5GB\""
    )]
    Size {
        /// What was written.
        given: String,
    },
}

impl Age {
    /// So many days.
    pub const fn days(days: u64) -> Self {
        Self(Duration::from_secs(days * 86_400))
    }

    /// As a duration.
    pub fn duration(self) -> Duration {
        self.0
    }
}

impl Size {
    /// So many bytes.
    pub const fn bytes(bytes: u64) -> Self {
        Self(bytes)
    }

    /// In bytes.
    pub fn in_bytes(self) -> u64 {
        self.0
    }
}

/// The value of a whole number and a unit behind it; a space may stand between.
fn amount(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let unit = unit.trim_start();
    let (_, factor) = units
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case(unit))?;
    number.parse::<u64>().ok()?.checked_mul(*factor)
}

/// The largest unit that writes a value without a rest.
fn written(value: u64, units: &[(&str, u64)]) -> String {
    let fitting = units
        .iter()
        .filter(|(_, factor)| value.is_multiple_of(*factor) && value >= *factor)
        .max_by_key(|(_, factor)| *factor);
    let (name, factor) = fitting.or(units.last()).copied().unwrap_or(("", 1));
    format!("{}{name}", value / factor)
}

impl FromStr for Age {
    type Err = AmountError;

    fn from_str(text: &str) -> Result<Self, AmountError> {
        amount(text.trim(), TIMES)
            .map(|seconds| Self(Duration::from_secs(seconds)))
            .ok_or_else(|| AmountError::Age {
                given: text.to_owned(),
            })
    }
}

impl FromStr for Size {
    type Err = AmountError;

    fn from_str(text: &str) -> Result<Self, AmountError> {
        amount(text.trim(), SIZES)
            .map(Self)
            .ok_or_else(|| AmountError::Size {
                given: text.to_owned(),
            })
    }
}

impl fmt::Display for Age {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&written(self.0.as_secs(), TIMES))
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&written(self.0, SIZES))
    }
}

macro_rules! as_text {
    ($name:ident) => {
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?
                    .parse()
                    .map_err(serde::de::Error::custom)
            }
        }

        impl JsonSchema for $name {
            fn inline_schema() -> bool {
                true
            }

            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_generator: &mut SchemaGenerator) -> Schema {
                json_schema!({ "type": "string" })
            }
        }
    };
}

as_text!(Age);
as_text!(Size);

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_people_write_is_understood_and_the_rest_is_refused() {
        let age = |text: &str| text.parse::<Age>().map(|age| age.duration().as_secs());
        assert_eq!(age("30d"), Ok(30 * 86_400));
        assert_eq!(age(" 2 W "), Ok(14 * 86_400));
        assert_eq!(age("0s"), Ok(0));
        for wrong in [
            "",
            "30",
            "d",
            "-1d",
            "1.5d",
            "30 days",
            "99999999999999999w",
        ] {
            assert!(age(wrong).is_err(), "{wrong}");
        }
        let size = |text: &str| text.parse::<Size>().map(Size::in_bytes);
        assert_eq!(size("5GB"), Ok(5_000_000_000));
        assert_eq!(size("512 mib"), Ok(512 << 20));
        assert_eq!(
            size("5 gigs").expect_err("no unit").to_string(),
            "`5 gigs` is no size; write a whole number and B, KB, MB, GB or TB \
             (or KiB, MiB, GiB, TiB): \"5GB\""
        );
    }

    #[test]
    fn they_are_written_with_the_largest_unit_that_fits() {
        assert_eq!(Age::days(30).to_string(), "30d");
        assert_eq!(Age::days(14).to_string(), "2w");
        assert_eq!(Size::bytes(5_000_000_000).to_string(), "5GB");
        assert_eq!(Size::bytes(1 << 30).to_string(), "1GiB");
        assert_eq!(Size::bytes(0).to_string(), "0B");
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_again(value in any::<u64>()) {
            prop_assert_eq!(Size::bytes(value).to_string().parse(), Ok(Size::bytes(value)));
            let age = Age(Duration::from_secs(value));
            prop_assert_eq!(age.to_string().parse(), Ok(age));
        }
    }
}
