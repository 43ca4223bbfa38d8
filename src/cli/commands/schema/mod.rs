//! `archal schema`: the JSON Schema of every format archal reads or writes.
//!
//! - `formats`: the list of them.

mod formats;

use archal_core::diagnostic::nearest;
use serde_json::Value;

use crate::cli::context::CommandContext;
use crate::cli::error::CliError;
use crate::cli::exit::{self, Exit};

use formats::FORMATS;

/// Write the JSON Schema of a format to stdout
///
/// Without a name the formats are listed.
#[derive(Debug, clap::Args)]
#[command(after_help = exit::help(&[Exit::Fine, Exit::Usage]))]
pub(crate) struct Args {
    /// The format
    name: Option<String>,

    /// For `seed`: the clone whose seed document it is
    clone: Option<String>,
}

pub(crate) fn run(args: &Args, cx: &mut CommandContext) -> Result<Exit, CliError> {
    let schema = match (args.name.as_deref(), args.clone.as_deref()) {
        (None, _) => {
            for (name, about) in names(cx) {
                cx.printer.line(format!("{name:<21} {about}"));
            }
            return Ok(Exit::Fine);
        }
        (Some("seed"), clone) => seed(clone, cx)?,
        (Some(name), None) => format(name, cx)?,
        (Some(name), Some(_)) => {
            return Err(CliError::usage(format!("`{name}` takes no further name"))
                .hint(format!("archal schema {name}")));
        }
    };
    cx.printer.raw(&pretty(&schema));
    Ok(Exit::Fine)
}

/// Every schema as the file it has in the reference: name and text.
pub(in crate::cli) fn files(cx: &CommandContext) -> Vec<(String, String)> {
    let formats = FORMATS
        .iter()
        .map(|(name, _, schema)| ((*name).to_owned(), schema()));
    let seeds = cx
        .clones
        .iter()
        .map(|clone| (format!("seed-{}", clone.name), (clone.seed_schema)()));
    formats
        .chain(seeds)
        .map(|(name, schema)| {
            let text = String::from_utf8_lossy(&pretty(&schema)).into_owned();
            (format!("{name}.schema.json"), text)
        })
        .collect()
}

fn names(cx: &CommandContext) -> Vec<(String, String)> {
    let seeds = cx.clones.iter().map(|clone| {
        let about = format!("a starting state of the clone `{}`", clone.name);
        (format!("seed {}", clone.name), about)
    });
    FORMATS
        .iter()
        .map(|(name, about, _)| ((*name).to_owned(), (*about).to_owned()))
        .chain(seeds)
        .collect()
}

fn format(name: &str, cx: &CommandContext) -> Result<Value, CliError> {
    let found = FORMATS.iter().find(|(known, _, _)| *known == name);
    found.map(|(_, _, schema)| schema()).ok_or_else(|| {
        let error = CliError::usage(format!("there is no schema `{name}`"));
        let names = names(cx);
        match nearest(name, names.iter().map(|(name, _)| name.as_str())) {
            Some(name) => error.hint(format!("archal schema {name}")),
            None => error.hint("archal schema"),
        }
    })
}

fn seed(clone: Option<&str>, cx: &CommandContext) -> Result<Value, CliError> {
    let names = || cx.clones.iter().map(|clone| clone.name);
    let wanted = match clone {
        Some(name) => name,
        None => {
            let error = CliError::usage("`seed` needs the name of a clone");
            return Err(names().fold(error, |error, name| {
                error.hint(format!("archal schema seed {name}"))
            }));
        }
    };
    let found = cx.clones.iter().find(|clone| clone.name == wanted);
    found.map(|clone| (clone.seed_schema)()).ok_or_else(|| {
        let error = CliError::usage(format!("there is no clone `{wanted}`"));
        match nearest(wanted, names()) {
            Some(name) => error.hint(format!("archal schema seed {name}")),
            None => error.hint("archal clone list"),
        }
    })
}

fn pretty(schema: &Value) -> Vec<u8> {
    format!("{schema:#}\n").into_bytes()
}
