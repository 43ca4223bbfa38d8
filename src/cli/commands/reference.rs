//! `archal __reference`: every generated file of this repository, for `cargo xtask gen`.

use std::collections::BTreeMap;

use clap::CommandFactory;

use crate::cli::arguments::Cli;
use crate::cli::context::CommandContext;
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::cli::reference;
use crate::config::example;

use super::schema;

/// Write every generated file as one JSON object from path to text
#[derive(Debug, clap::Args)]
pub(crate) struct Args {}

pub(crate) fn run(_args: &Args, cx: &mut CommandContext) -> Result<Exit, CliError> {
    let mut files = BTreeMap::from([
        (".archal.example.json".to_owned(), example::text()),
        (
            "docs/reference/cli.md".to_owned(),
            reference::markdown(&mut Cli::command()),
        ),
    ]);
    for (name, text) in schema::files(cx) {
        files.insert(format!("docs/reference/{name}"), text);
    }
    let json = serde_json::to_string_pretty(&files).map_err(CliError::internal)?;
    cx.printer.raw(json.as_bytes());
    Ok(Exit::Fine)
}
