//! What tokens cost, by model, with the version and date of the table.
//!
//! A model that stands in no table has no price: its cost is unknown, never zero.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::amount::Usd;

/// The table that comes with archal.
const BUNDLED: &str = include_str!("prices.json");
/// A larger file is no table of prices.
const MAX_BYTES: u64 = 4 << 20;
/// Prices are for this many tokens.
const MILLION: u128 = 1_000_000;

/// A file of prices: the one that comes with archal, or `budget.prices`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PriceTable {
    /// What the ledger notes beside a cost that was computed with this table.
    pub version: String,
    /// The day on which the prices were taken from their source.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub date: Option<String>,
    /// Where the prices come from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// The licence of the source.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub licence: Option<String>,
    /// A row for each model.
    pub models: Vec<ModelPrice>,
}

/// The price of a model, in dollars for a million tokens.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ModelPrice {
    /// The model, as its provider names it.
    pub model: String,
    /// Other names of the same model at the same price.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub also: Vec<String>,
    /// What may stand before any of these names at the same price: `azure/`, `anthropic.`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub prefixes: Vec<String>,
    /// Input that was neither read from nor written to the cache.
    pub input: Usd,
    /// Output, reasoning included.
    pub output: Usd,
    /// Input read from the cache; without it such tokens cost what other input does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cache_read: Option<Usd>,
    /// Input written to the cache; without it such tokens cost what other input does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cache_write: Option<Usd>,
    /// What all tokens of a call cost when its input is long.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub long_context: Option<LongContext>,
}

/// The prices of a call with a long input, in dollars for a million tokens.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LongContext {
    /// They hold for calls with more input tokens than this, cached ones included.
    pub above_input_tokens: u64,
    /// Input that was neither read from nor written to the cache.
    pub input: Usd,
    /// Output, reasoning included.
    pub output: Usd,
    /// Input read from the cache; without it such tokens cost what other input does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cache_read: Option<Usd>,
    /// Input written to the cache; without it such tokens cost what other input does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cache_write: Option<Usd>,
}

/// The tokens of one model call.
///
/// As in the GenAI conventions of OpenTelemetry, `input` is all input: what was read from the
/// cache and what was written to it are parts of it and are not counted again.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Tokens {
    /// All input.
    pub input: u64,
    /// The part of it that was read from the cache.
    pub cache_read: u64,
    /// The part of it that was written to the cache.
    pub cache_write: u64,
    /// All output, reasoning included.
    pub output: u64,
}

impl Tokens {
    /// Tokens as Anthropic's API reports them, where input leaves out what is read from and
    /// written to the cache.
    pub fn with_cache_apart(input: u64, cache_read: u64, cache_write: u64, output: u64) -> Self {
        Self {
            input: input.saturating_add(cache_read).saturating_add(cache_write),
            cache_read,
            cache_write,
            output,
        }
    }
}

/// A price that was found.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Price<'a> {
    /// The row.
    pub row: &'a ModelPrice,
    /// The table it stands in.
    pub table: &'a PriceTable,
}

/// A cost that was computed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Computed {
    /// The cost.
    pub amount: Usd,
    /// The version of the table it was computed with.
    pub prices: String,
}

impl Price<'_> {
    /// What one call costs, rounded up to a micro-dollar; unknown where the tokens contradict
    /// themselves. Long input is dearer by the call, so calls are computed one by one.
    pub fn cost(&self, tokens: &Tokens) -> Option<Usd> {
        let cached = tokens.cache_read.checked_add(tokens.cache_write)?;
        let plain = tokens.input.checked_sub(cached)?;
        let row = self.row;
        let long = row.long_context.as_ref();
        let (input, output, cache_read, cache_write) =
            match long.filter(|long| tokens.input > long.above_input_tokens) {
                Some(long) => (long.input, long.output, long.cache_read, long.cache_write),
                None => (row.input, row.output, row.cache_read, row.cache_write),
            };
        let parts = [
            (plain, input),
            (tokens.cache_read, cache_read.unwrap_or(input)),
            (tokens.cache_write, cache_write.unwrap_or(input)),
            (tokens.output, output),
        ];
        let mut sum: u128 = 0;
        for (count, price) in parts {
            let price = u128::try_from(price.micros()).ok()?;
            sum = sum.checked_add(u128::from(count).checked_mul(price)?)?;
        }
        i64::try_from(sum.div_ceil(MILLION))
            .ok()
            .and_then(Usd::from_micros)
    }
}

/// Why there are no prices.
#[derive(Debug, thiserror::Error)]
pub enum PricesError {
    /// The file cannot be read.
    #[error("cannot read the prices {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// The file is no table of prices.
    #[error("{} is no table of prices", path.display())]
    Format {
        /// The file.
        path: PathBuf,
        /// What is wrong and where.
        source: serde_path_to_error::Error<serde_json::Error>,
    },
    /// A name has two prices.
    #[error("{} has two prices for `{name}`", path.display())]
    Twice {
        /// The file.
        path: PathBuf,
        /// The name.
        name: String,
    },
}

/// The prices in force: the user's own before those that come with archal.
#[derive(Debug, Clone)]
pub struct Prices {
    tables: Vec<Indexed>,
}

#[derive(Debug, Clone)]
struct Indexed {
    table: PriceTable,
    /// The number of the row by each of its names, in lower case.
    rows: HashMap<String, usize>,
}

impl Prices {
    /// The prices in force; `own` is the file `budget.prices` names.
    ///
    /// # Errors
    ///
    /// When that file cannot be read or is no table of prices.
    pub fn load(own: Option<&Path>) -> Result<Self, PricesError> {
        let mut tables = Vec::new();
        if let Some(path) = own {
            tables.push(Indexed::of(path, &read(path)?)?);
        }
        tables.push(Indexed::of(Path::new("prices.json"), BUNDLED)?);
        Ok(Self { tables })
    }

    /// The price of a model: by its name, or by the name that is left without a prefix the row
    /// allows. Capitals do not count.
    pub fn find(&self, model: &str) -> Option<Price<'_>> {
        let wanted = model.trim().to_lowercase();
        if let Some(price) = self.named(&wanted) {
            return Some(price);
        }
        let behind_prefix = self.tables.iter().find_map(|indexed| {
            let models = &indexed.table.models;
            models.iter().find_map(|row| {
                let rest = row
                    .prefixes
                    .iter()
                    .find_map(|prefix| wanted.strip_prefix(&prefix.to_lowercase()))?;
                let is_of_row = indexed.rows.get(rest).map(|at| &models[*at]) == Some(row);
                is_of_row.then_some(rest)
            })
        })?;
        // The user's own price of the plain name counts for the prefixed one, too.
        self.named(behind_prefix)
    }

    fn named(&self, name: &str) -> Option<Price<'_>> {
        self.tables.iter().find_map(|indexed| {
            let row = indexed.table.models.get(*indexed.rows.get(name)?)?;
            Some(Price {
                row,
                table: &indexed.table,
            })
        })
    }

    /// What one call costs; unknown where the model has no price or the tokens contradict
    /// themselves.
    pub fn cost(&self, model: &str, tokens: &Tokens) -> Option<Computed> {
        let price = self.find(model)?;
        Some(Computed {
            amount: price.cost(tokens)?,
            prices: price.table.version.clone(),
        })
    }

    /// Every table, the user's own first.
    pub fn tables(&self) -> impl Iterator<Item = &PriceTable> {
        self.tables.iter().map(|indexed| &indexed.table)
    }
}

fn read(path: &Path) -> Result<String, PricesError> {
    let failed = |source| PricesError::Read {
        path: path.to_owned(),
        source,
    };
    let mut text = String::new();
    let count = File::open(path)
        .and_then(|file| file.take(MAX_BYTES + 1).read_to_string(&mut text))
        .map_err(failed)?;
    if count as u64 > MAX_BYTES {
        return Err(failed(io::Error::new(
            io::ErrorKind::FileTooLarge,
            "it is larger than 4 MiB",
        )));
    }
    Ok(text)
}

impl Indexed {
    fn of(path: &Path, text: &str) -> Result<Self, PricesError> {
        let mut json = serde_json::Deserializer::from_str(text);
        let table: PriceTable =
            serde_path_to_error::deserialize(&mut json).map_err(|source| PricesError::Format {
                path: path.to_owned(),
                source,
            })?;
        let mut rows = HashMap::new();
        for (at, row) in table.models.iter().enumerate() {
            for name in std::iter::once(&row.model).chain(&row.also) {
                if rows.insert(name.to_lowercase(), at).is_some() {
                    return Err(PricesError::Twice {
                        path: path.to_owned(),
                        name: name.clone(),
                    });
                }
            }
        }
        Ok(Self { table, rows })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bundled() -> Prices {
        Prices::load(None).expect("the table of this build")
    }

    fn cost(model: &str, tokens: Tokens) -> Option<String> {
        bundled()
            .cost(model, &tokens)
            .map(|computed| computed.amount.to_string())
    }

    #[test]
    fn a_published_figure_comes_out() {
        // A published example, whose input leaves the cached tokens out.
        let tokens = Tokens::with_cache_apart(1_200, 500, 300, 20);
        assert_eq!(tokens.input, 2_000);
        assert_eq!(
            cost("claude-sonnet-4-5", tokens).as_deref(),
            Some("0.005175")
        );
    }

    #[test]
    fn cached_input_is_a_part_of_input_and_not_paid_twice() {
        let tokens = Tokens {
            input: 1_000_000,
            cache_read: 1_000_000,
            cache_write: 0,
            output: 0,
        };
        assert_eq!(cost("gpt-4.1", tokens).as_deref(), Some("0.50"));
        // No price for writing: it is plain input.
        let written = Tokens {
            cache_read: 0,
            cache_write: 1_000_000,
            ..tokens
        };
        assert_eq!(cost("gpt-4.1", written).as_deref(), Some("2.00"));
        let more_cached_than_there_is = Tokens {
            input: 1,
            cache_read: 1,
            cache_write: 1,
            output: 0,
        };
        assert_eq!(cost("gpt-4.1", more_cached_than_there_is), None);
        let everything = Tokens {
            input: u64::MAX,
            output: u64::MAX,
            ..Tokens::default()
        };
        assert_eq!(cost("gpt-4.1", everything), None);
    }

    #[test]
    fn a_long_input_makes_the_whole_call_dearer_and_parts_are_rounded_up() {
        let tokens = |input| Tokens {
            input,
            cache_read: 0,
            cache_write: 0,
            output: 1_000,
        };
        let sonnet = |input| cost("claude-sonnet-4-5", tokens(input));
        assert_eq!(sonnet(200_000).as_deref(), Some("0.615"));
        assert_eq!(sonnet(200_001).as_deref(), Some("1.222506"));
        let one = Tokens {
            input: 1,
            ..Tokens::default()
        };
        assert_eq!(cost("gpt-5-nano", one).as_deref(), Some("0.000001"));
    }

    #[test]
    fn prefixes_lead_to_a_row_only_where_the_price_is_the_same() {
        let prices = bundled();
        let model = |name: &str| prices.find(name).map(|price| price.row.model.as_str());
        for (name, expected) in [
            ("GPT-5", Some("gpt-5")),
            ("azure/gpt-5-2025-08-07", Some("gpt-5")),
            ("openai/gpt-4o-mini", Some("gpt-4o-mini")),
            (
                "bedrock/anthropic.claude-opus-4-6-v1",
                Some("claude-opus-4-6"),
            ),
            // Dearer there, or not looked up.
            ("us.anthropic.claude-opus-4-6-v1", None),
            ("bedrock/eu.anthropic.claude-opus-4-7", None),
            ("azure/gpt-4o", None),
            ("us.anthropic.claude-haiku-4-5-20251001-v1:0", None),
            ("openai/claude-opus-4-6", None),
            ("gpt-5-of-tomorrow", None),
            ("", None),
        ] {
            assert_eq!(model(name), expected, "{name}");
        }
    }

    #[test]
    fn no_row_of_this_build_is_free_or_upside_down() {
        let prices = bundled();
        let table = prices.tables().next().expect("a table");
        assert!(table.models.len() >= 30);
        assert!(table.date.is_some() && table.source.is_some() && table.licence.is_some());
        for row in &table.models {
            let name = &row.model;
            let rates = |input: Usd, output: Usd, read: Option<Usd>, write: Option<Usd>| {
                assert!(input > Usd::ZERO && output >= input, "{name}");
                assert!(
                    read.is_none_or(|read| read > Usd::ZERO && read < input),
                    "{name}"
                );
                assert!(write.is_none_or(|write| write > input), "{name}");
            };
            rates(row.input, row.output, row.cache_read, row.cache_write);
            if let Some(long) = &row.long_context {
                rates(long.input, long.output, long.cache_read, long.cache_write);
                assert!(long.input > row.input && long.output > row.output, "{name}");
            }
            let lower = |text: &String| *text == text.to_lowercase();
            assert!(lower(&row.model) && row.also.iter().chain(&row.prefixes).all(lower));
        }
    }

    #[test]
    fn own_prices_win_and_mistakes_are_told() {
        let folder = tempfile::tempdir().expect("temporary folder");
        let path = folder.path().join("prices.json");
        let load = |text: &str| {
            std::fs::write(&path, text).expect("writable");
            Prices::load(Some(&path))
        };
        let own = load(
            r#"{"version": "ours", "models": [
                {"model": "gpt-5", "input": 1, "output": 2},
                {"model": "local", "input": 0, "output": 0}]}"#,
        )
        .expect("a table");
        let tokens = Tokens {
            input: 1_000_000,
            output: 1_000_000,
            ..Tokens::default()
        };
        for (model, expected) in [
            ("gpt-5", "3.00 ours"),
            ("azure/gpt-5", "3.00 ours"),
            ("local", "0.00 ours"),
            ("gpt-5-mini", "2.25 2026-11-21"),
        ] {
            let computed = own.cost(model, &tokens).expect("known");
            assert_eq!(format!("{} {}", computed.amount, computed.prices), expected);
        }
        let chain = |error: PricesError| {
            let source = std::error::Error::source(&error).map(ToString::to_string);
            let text = error.to_string().replace(&*path.to_string_lossy(), "FILE");
            format!("{text}: {}", source.unwrap_or_default())
        };
        let said = |text: &str| load(text).map_err(chain).expect_err("refused");
        assert_eq!(
            said(r#"{"version": "x", "models": [{"model": "a", "input": -1, "output": 0}]}"#),
            "FILE is no table of prices: models[0].input: `-1` is no amount of dollars; write it as 0.50 at line 1 column 54"
        );
        assert_eq!(
            said(
                r#"{"version": "x", "models": [{"model": "a", "also": ["A"], "input": 1, "output": 1}]}"#
            ),
            "FILE has two prices for `A`: "
        );
        let gone = Prices::load(Some(&folder.path().join("gone"))).expect_err("refused");
        assert!(gone.to_string().starts_with("cannot read the prices "));
    }
}
