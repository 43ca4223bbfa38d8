//! What an attempt spent, from the file in which an agent or a fixer says so.
//!
//! The file is written by a child and may hold anything. What is no plausible figure is unknown,
//! and unknown is not zero.

use archal_core::fixer::{FixEnd, FixRecord, FixUsage};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::amount::Usd;
use super::entry::{Charge, Cost};
use super::prices::Tokens;

/// A larger report is none.
const LONGEST_REPORT: usize = 64 << 10;
/// A larger cost, in US dollars, is a mistake or a lie.
const LARGEST_COST: f64 = 1_000_000.0;
/// A larger number of tokens is a mistake or a lie.
const MOST_TOKENS: u64 = 1_000_000_000_000;
/// A longer name is no name.
const LONGEST_NAME: usize = 120;

/// Where figures come from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SpentSource {
    /// Who spent it said so.
    Reported,
    /// It was never started, so it is nothing.
    NotStarted,
    /// Nobody said.
    #[default]
    Unknown,
}

/// What an attempt spent.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Spent {
    /// Cost in millionths of a US dollar.
    pub micros: Option<i64>,
    /// Tokens sent.
    pub input_tokens: Option<u64>,
    /// Tokens received.
    pub output_tokens: Option<u64>,
    /// Who ran the model.
    pub provider: Option<String>,
    /// The model.
    pub model: Option<String>,
    /// Whether it was paid with a key of the user's own.
    pub is_byok: Option<bool>,
    /// Where the figures come from.
    pub source: SpentSource,
}

impl Spent {
    /// Nobody said.
    pub const UNKNOWN: Self = Self {
        micros: None,
        input_tokens: None,
        output_tokens: None,
        provider: None,
        model: None,
        is_byok: None,
        source: SpentSource::Unknown,
    };

    /// Nothing was started.
    pub const NOTHING: Self = Self {
        micros: Some(0),
        input_tokens: Some(0),
        output_tokens: Some(0),
        source: SpentSource::NotStarted,
        ..Self::UNKNOWN
    };

    /// Reads `{inputTokens, outputTokens, provider, model, isByok, costUsd}`. Each field that is
    /// missing or no plausible figure is unknown by itself; a report with neither cost nor
    /// tokens is none.
    pub fn read(report: &[u8]) -> Self {
        if report.len() > LONGEST_REPORT {
            return Self::UNKNOWN;
        }
        let Ok(Value::Object(said)) = serde_json::from_slice::<Value>(report) else {
            return Self::UNKNOWN;
        };
        let field = |names: &[&str]| names.iter().find_map(|name| said.get(*name));
        let spent = Self {
            micros: field(&["costUsd", "cost_usd"]).and_then(cost),
            input_tokens: field(&["inputTokens", "input_tokens"]).and_then(tokens),
            output_tokens: field(&["outputTokens", "output_tokens"]).and_then(tokens),
            provider: field(&["provider"]).and_then(name),
            model: field(&["model"]).and_then(name),
            is_byok: field(&["isByok", "is_byok"]).and_then(Value::as_bool),
            source: SpentSource::Reported,
        };
        if spent.micros.or(spent.tokens()).is_none() {
            return Self::UNKNOWN;
        }
        spent
    }

    /// What a fixer's record says.
    pub fn of_fixer(record: &FixRecord) -> Self {
        if record.end == FixEnd::NotStarted {
            return Self::NOTHING;
        }
        let usage = record.usage.clone().unwrap_or_default();
        let micros = record.cost_usd.and_then(micros);
        let is_known = micros.is_some() || record.usage.is_some();
        Self {
            micros,
            input_tokens: usage.input_tokens,
            output_tokens: usage.output_tokens,
            provider: usage.provider,
            model: usage.model,
            is_byok: usage.is_byok,
            source: match is_known {
                true => SpentSource::Reported,
                false => SpentSource::Unknown,
            },
        }
    }

    /// The same for a fixer's record; none where nothing was said.
    pub fn usage(&self) -> Option<FixUsage> {
        (self.source == SpentSource::Reported).then(|| FixUsage {
            input_tokens: self.input_tokens,
            output_tokens: self.output_tokens,
            provider: self.provider.clone(),
            model: self.model.clone(),
            is_byok: self.is_byok,
        })
    }

    /// What the ledger is told of an attempt that ended.
    pub fn charge(&self) -> Charge {
        let cost = match (self.source, self.micros.and_then(Usd::from_micros)) {
            (_, Some(amount)) => Cost::Reported(amount),
            (SpentSource::NotStarted, None) => Cost::Reported(Usd::ZERO),
            (_, None) => Cost::Unknown,
        };
        let tokens = match (self.input_tokens, self.output_tokens) {
            (None, None) => None,
            (input, output) => Some(Tokens {
                input: input.unwrap_or_default(),
                output: output.unwrap_or_default(),
                ..Tokens::default()
            }),
        };
        Charge { cost, tokens }
    }

    /// The cost in US dollars.
    pub fn usd(&self) -> Option<f64> {
        Self::usd_of(self.micros)
    }

    /// Millionths of a US dollar as US dollars.
    pub fn usd_of(micros: Option<i64>) -> Option<f64> {
        micros.and_then(Usd::from_micros).map(Usd::dollars)
    }

    fn tokens(&self) -> Option<i64> {
        let one = self.input_tokens.or(self.output_tokens)?;
        i64::try_from(one).ok()
    }
}

/// US dollars as millionths, rounded up, so that a charge is never below what was said.
#[expect(
    clippy::cast_possible_truncation,
    reason = "at most 10^12, which is checked first"
)]
pub fn micros(usd: f64) -> Option<i64> {
    // A tenth of a millionth is less than any price; it only undoes the error of the product.
    (0.0..=LARGEST_COST)
        .contains(&usd)
        .then(|| (usd * 1e6 - 0.1).ceil().max(0.0) as i64)
}

fn cost(said: &Value) -> Option<i64> {
    micros(said.as_f64()?)
}

fn tokens(said: &Value) -> Option<u64> {
    said.as_u64().filter(|tokens| *tokens <= MOST_TOKENS)
}

fn name(said: &Value) -> Option<String> {
    let name = said.as_str()?.trim();
    let is_plain = name.chars().all(|c| c.is_ascii_graphic() || c == ' ');
    (!name.is_empty() && name.len() <= LONGEST_NAME && is_plain).then(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(text: &str) -> Spent {
        Spent::read(text.as_bytes())
    }

    #[test]
    fn a_report_is_read_and_an_odd_field_is_unknown_by_itself() {
        let whole = read(
            r#"{"inputTokens": 1200, "outputTokens": 30, "provider": "p", "model": "m-1",
                "isByok": true, "costUsd": 0.0123, "more": [1]}"#,
        );
        assert_eq!(whole.micros, Some(12_300));
        assert_eq!(
            (whole.input_tokens, whole.output_tokens),
            (Some(1200), Some(30))
        );
        assert_eq!(whole.model.as_deref(), Some("m-1"));
        assert_eq!(whole.is_byok, Some(true));
        assert_eq!(whole.source, SpentSource::Reported);
        assert_eq!(whole.usd(), Some(0.0123));
        let odd = read(r#"{"input_tokens": "many", "cost_usd": 0.5, "model": "a\u001b[31m"}"#);
        assert_eq!((odd.input_tokens, odd.model), (None, None));
        assert_eq!(odd.micros, Some(500_000));
    }

    #[test]
    fn what_is_no_plausible_figure_is_unknown() {
        for text in [
            "",
            "null",
            "[]",
            "NaN",
            r#"{"costUsd": -1}"#,
            r#"{"costUsd": 1e300}"#,
            r#"{"costUsd": "0.1"}"#,
            r#"{"costUsd": {}}"#,
            r#"{"costUsd": null, "inputTokens": null}"#,
            r#"{"inputTokens": -1, "outputTokens": 1.5}"#,
            r#"{"inputTokens": 18446744073709551615}"#,
            r#"{"model": "m"}"#,
        ] {
            assert_eq!(read(text), Spent::UNKNOWN, "{text}");
        }
        let long = format!(r#"{{"costUsd": 1, "model": "{}"}}"#, "m".repeat(1 << 17));
        assert_eq!(read(&long), Spent::UNKNOWN);
    }

    #[test]
    fn a_cost_is_never_rounded_down_and_not_by_the_error_of_a_product() {
        assert_eq!(micros(0.1 + 0.2), Some(300_000));
        assert_eq!(micros(0.000_000_5), Some(1));
        assert_eq!(micros(0.0), Some(0));
        assert_eq!(micros(f64::NAN), None);
        assert_eq!(micros(f64::INFINITY), None);
    }

    proptest! {
        #[test]
        fn any_bytes_are_read(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let spent = Spent::read(&bytes);
            prop_assert!(spent.micros.is_none_or(|micros| micros >= 0));
        }

        #[test]
        fn any_cost_is_unknown_or_not_negative(usd in any::<f64>()) {
            let spent = read(&serde_json::json!({ "costUsd": usd }).to_string());
            match spent.micros {
                Some(micros) => prop_assert!((0..=1_000_000_000_000).contains(&micros)),
                None => prop_assert!(usd.is_nan() || !(0.0..=LARGEST_COST).contains(&usd)),
            }
        }
    }
}
