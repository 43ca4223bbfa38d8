//! `archal config show`: every key, its value, and where it came from.

use std::path::Path;

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use crate::cli::arguments::{ConfigFile, JsonOutput};
use crate::cli::context::CommandContext;
use crate::cli::error::CliError;
use crate::cli::exit::{self, Exit};
use crate::report::style::Style;

/// Every key with the value in force
///
/// Command-line options of other commands come first, then environment variables (`ARCHAL_*`),
/// then the file, then the defaults.
#[derive(Debug, clap::Args)]
#[command(after_help = exit::help(&[Exit::Fine, Exit::Usage]))]
pub(crate) struct Args {
    /// Say where each value comes from
    #[arg(long)]
    origin: bool,

    #[command(flatten)]
    file: ConfigFile,

    #[command(flatten)]
    output: JsonOutput,
}

/// The configuration in force: `archal config show --json`.
#[derive(Serialize, JsonSchema)]
pub(crate) struct ShownConfig {
    /// The file that was read; null where there is none.
    file: Option<String>,
    /// Each key.
    keys: Vec<Key>,
}

#[derive(Serialize, JsonSchema)]
struct Key {
    /// Its path, `route.mode`.
    key: String,
    /// What is in force.
    value: Value,
    /// Which layer set it.
    origin: String,
}

pub(crate) fn run(args: &Args, cx: &mut CommandContext) -> Result<Exit, CliError> {
    let loaded = cx.load_config(args.file.config.as_deref(), Path::new("."), &[])?;
    let file = loaded
        .source
        .as_ref()
        .map(|source| source.path.display().to_string());
    if file.is_none() {
        cx.printer
            .note("no .archal.json here; these are the defaults and the environment");
    }
    for (key, value, origin) in &loaded.keys {
        let origin = if args.origin {
            Style::Faint.paint(&format!("  ({origin})"))
        } else {
            String::new()
        };
        cx.printer.line(format!("{key} = {value}{origin}"));
    }
    let keys = loaded
        .keys
        .into_iter()
        .map(|(key, value, origin)| Key {
            key,
            value,
            origin: origin.to_string(),
        })
        .collect();
    cx.printer
        .document("archal.config-show", 1, &ShownConfig { file, keys });
    Ok(Exit::Fine)
}
