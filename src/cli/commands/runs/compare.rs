//! `archal runs compare`: what got worse between two suites.

use crate::cli::arguments::{ConfigFile, JsonOutput};
use crate::cli::context::CommandContext;
use crate::cli::error::CliError;
use crate::cli::exit::{self, Exit};
use crate::cli::suites;
use crate::run::kept::lookup;
use crate::run::kept::shelf::Shelf;
use crate::run::render::compare::{self, SCHEMA, VERSION};
use crate::run::terminal;

/// What got worse, better or cannot be told between two suites
///
/// A scenario got worse when its status fell, or when a criterion holds less often than chance
/// explains (Fisher's exact test, p < 0.05). Without a name the last two suites are compared.
#[derive(Debug, clap::Args)]
#[command(after_help = exit::help(&[
    Exit::Fine, Exit::Bad, Exit::Usage, Exit::CouldNotRun, Exit::Inconclusive,
]))]
pub(crate) struct Args {
    /// The earlier suite [default: the one before the later]
    before: Option<String>,

    /// The later suite
    #[arg(default_value = "last")]
    after: String,

    #[command(flatten)]
    config: ConfigFile,

    #[command(flatten)]
    output: JsonOutput,
}

pub(crate) fn run(args: &Args, cx: &mut CommandContext) -> Result<Exit, CliError> {
    let layout = suites::kept(&args.config, cx)?;
    let shelf = Shelf { layout: &layout };
    let after = lookup::suite(shelf, &args.after).map_err(suites::not_found)?;
    let before = match &args.before {
        Some(given) => lookup::suite(shelf, given),
        None => lookup::before(shelf, &after),
    };
    let before = before.map_err(suites::not_found)?;
    let read = |id: &str| shelf.suite(id).map_err(suites::unreadable);
    let comparison = compare::of(&read(&before)?, &read(&after)?);
    let text = terminal::comparison::comparison(&comparison, suites::look(cx));
    cx.printer.line(text.trim_end());
    cx.printer.document(SCHEMA, VERSION, &comparison);
    Ok(match comparison.counts {
        counts if counts.worse > 0 => Exit::Bad,
        counts if counts.unclear > 0 => Exit::Inconclusive,
        _ => Exit::Fine,
    })
}
