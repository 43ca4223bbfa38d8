//! `archal prices`: what tokens cost, with the version and date of the table.

use std::path::Path;

use archal_core::diagnostic::nearest;
use schemars::JsonSchema;
use serde::Serialize;

use crate::budget::amount::Usd;
use crate::budget::prices::{ModelPrice, Price, PriceTable, Prices, PricesError};
use crate::cli::arguments::{ConfigFile, JsonOutput};
use crate::cli::context::CommandContext;
use crate::cli::error::CliError;
use crate::cli::exit::{self, Exit};
use crate::report::style::Style;

/// What tokens cost, by model
///
/// Dollars for a million tokens. Your own prices (`budget.prices` in the configuration) come
/// first. The cost of a model without a price is unknown.
#[derive(Debug, clap::Args)]
#[command(after_help = exit::help(&[Exit::Fine, Exit::Usage]))]
pub(crate) struct Args {
    /// The model, as a trace or an agent names it
    model: Option<String>,

    #[command(flatten)]
    config: ConfigFile,

    #[command(flatten)]
    output: JsonOutput,
}

/// What models cost: `archal prices --json`.
#[derive(Serialize, JsonSchema)]
pub(crate) struct PriceTables<'a> {
    /// Each table of prices, the user's own first.
    tables: Vec<&'a PriceTable>,
}

pub(crate) fn run(args: &Args, cx: &mut CommandContext) -> Result<Exit, CliError> {
    let loaded = cx.load_config(args.config.config.as_deref(), Path::new("."), &[])?;
    let own = loaded.config.budget.prices.as_deref();
    let own = own.map(|path| loaded.directory.join(path));
    let prices = Prices::load(own.as_deref()).map_err(failed)?;
    match &args.model {
        None => all(&prices, cx),
        Some(model) => {
            let Some(price) = prices.find(model) else {
                return Err(unknown(model, &prices));
            };
            one(&price, cx);
        }
    }
    Ok(Exit::Fine)
}

fn failed(error: PricesError) -> CliError {
    CliError::config(error).hint("archal schema prices")
}

fn unknown(model: &str, prices: &Prices) -> CliError {
    let names: Vec<&str> = prices
        .tables()
        .flat_map(|table| &table.models)
        .map(|row| row.model.as_str())
        .collect();
    let error = CliError::usage(format!("the price of `{model}` is unknown"));
    match nearest(model, names) {
        Some(name) => error.hint(format!("archal prices {name}")),
        None => error.hint("archal prices"),
    }
    .hint("your own prices can stand in the file that `budget.prices` names")
}

fn all(prices: &Prices, cx: &CommandContext) {
    for table in prices.tables() {
        cx.printer.line(Style::Heading.paint(&origin(table)));
        let widest = table.models.iter().map(|row| row.model.len()).max();
        let width = widest.unwrap_or_default();
        for row in &table.models {
            cx.printer
                .line(format!("  {:<width$}  {}", row.model, rates(row)));
        }
    }
    let tables = prices.tables().collect();
    cx.printer
        .document("archal.price-tables", 1, &PriceTables { tables });
}

fn one(price: &Price<'_>, cx: &CommandContext) {
    cx.printer.line(Style::Heading.paint(&price.row.model));
    cx.printer.line(format!("  {}", rates(price.row)));
    if let Some(long) = &price.row.long_context {
        cx.printer.line(format!(
            "  with more than {} input tokens: {}",
            long.above_input_tokens,
            in_words(long.input, long.output, long.cache_read, long.cache_write)
        ));
    }
    if !price.row.also.is_empty() {
        cx.printer
            .line(format!("  also called {}", price.row.also.join(", ")));
    }
    cx.printer.line(format!("  {}", origin(price.table)));
    let table = PriceTable {
        models: vec![price.row.clone()],
        ..price.table.clone()
    };
    let tables = vec![&table];
    cx.printer
        .document("archal.price-tables", 1, &PriceTables { tables });
}

fn rates(row: &ModelPrice) -> String {
    in_words(row.input, row.output, row.cache_read, row.cache_write)
}

fn in_words(input: Usd, output: Usd, read: Option<Usd>, write: Option<Usd>) -> String {
    let mut text = format!("input ${input}, output ${output}");
    for (name, price) in [("cache read", read), ("cache write", write)] {
        if let Some(price) = price {
            text.push_str(&format!(", {name} ${price}"));
        }
    }
    text
}

fn origin(table: &PriceTable) -> String {
    let mut text = format!("dollars for a million tokens, version {}", table.version);
    if let Some(date) = &table.date {
        text.push_str(&format!(", taken on {date}"));
    }
    if let Some(source) = &table.source {
        text.push_str(&format!(", from {source}"));
    }
    text
}
