//! `archal clone seed`: another starting state for a clone of a session that runs.

use archal_core::clone::{CloneDescriptor, NamedSeed};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::cli::arguments::JsonOutput;
use crate::cli::context::CommandContext;
use crate::cli::error::CliError;
use crate::cli::exit::{self, Exit};
use crate::cli::sessions::reaching::{Named, client_error};
use crate::cli::sessions::starting::{self, On};
use crate::report::style::Style;
use crate::session::service::desk::{Request, Status};

/// Begin a clone of a session anew on another starting state
///
/// `archal clone reset` and `archal clone diff` count from it. Times of the state are relative to
/// the moment in which it is loaded.
#[derive(Debug, clap::Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = exit::help(&[Exit::Fine, Exit::Usage, Exit::CouldNotRun])
)]
pub(crate) struct Args {
    #[command(subcommand)]
    action: Option<Action>,

    /// Seeds that come with clones: `small-project`, or `github:small-project`
    #[arg(value_name = "SEED")]
    seeds: Vec<String>,

    #[command(flatten)]
    on: On,

    #[command(flatten)]
    session: Named,

    #[command(flatten)]
    output: JsonOutput,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    List(List),
}

/// The seeds that come with a clone
#[derive(Debug, clap::Args)]
#[command(after_help = exit::help(&[Exit::Fine, Exit::Usage]))]
struct List {
    /// The clone
    clone: String,

    #[command(flatten)]
    output: JsonOutput,
}

/// The starting states of a clone: `archal clone seed list --json`.
#[derive(Serialize, JsonSchema)]
pub(crate) struct CloneSeeds {
    /// The clone.
    clone: &'static str,
    /// Each that it has by name.
    seeds: &'static [NamedSeed],
}

/// The clones that began anew: `archal clone seed --json`.
#[derive(Serialize, JsonSchema)]
pub(crate) struct CloneSeeded {
    /// Each.
    seeded: Vec<Seeded>,
}

#[derive(Serialize, Deserialize, JsonSchema)]
struct Seeded {
    /// The clone.
    clone: String,
    /// On what it began.
    start: String,
}

pub(crate) fn run(args: &Args, cx: &mut CommandContext) -> Result<Exit, CliError> {
    if let Some(Action::List(list)) = &args.action {
        return self::list(list, cx);
    }
    let mut on = args.on.clone();
    on.seed.extend(args.seeds.iter().cloned());
    if on.is_empty() {
        return Err(CliError::usage("no starting state is named")
            .hint("archal clone seed list <clone>")
            .hint("archal clone reset goes back to the present one"));
    }
    let client = args.session.client(cx)?;
    let status: Status = client.ask(&Request::Status).map_err(client_error)?;
    let clones: Vec<&'static CloneDescriptor> = status
        .clones
        .iter()
        .filter_map(|of| cx.clones.iter().find(|clone| clone.name == of.name))
        .collect();
    let directory = cx.environment.directory.clone();
    let saved = match &on.load {
        Some(path) => Some(starting::read_saved(&directory.join(path))?),
        None => None,
    };
    let states = starting::states(&on, saved.as_ref(), &clones, &directory, cx)?;
    let mut seeded: Vec<Seeded> = Vec::new();
    for (clone, (on, told)) in states {
        let line = format!("{clone} begins anew: {told}");
        let request = Request::Seed { clone, on, told };
        seeded.push(client.ask(&request).map_err(client_error)?);
        cx.printer.line(line);
    }
    cx.printer
        .document("archal.clone-seed", 1, &CloneSeeded { seeded });
    Ok(Exit::Fine)
}

fn list(args: &List, cx: &CommandContext) -> Result<Exit, CliError> {
    let clone = starting::find(&args.clone, cx)?;
    let names = clone.seeds.iter().map(|seed| seed.name.len());
    let widest = names.max().unwrap_or(0);
    for seed in clone.seeds {
        let name = Style::Heading.paint(&format!("{:<widest$}", seed.name));
        cx.printer.line(format!("{name}  {}", seed.about));
    }
    let seeds = CloneSeeds {
        clone: clone.name,
        seeds: clone.seeds,
    };
    cx.printer.document("archal.clone-seeds", 1, &seeds);
    Ok(Exit::Fine)
}
