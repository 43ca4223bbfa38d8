//! The command line: arguments in, output and exit codes out.
//!
//! - [`context`]: what every command is given.
//! - [`output`]: stdout is the result, stderr is everything else.
//! - [`error`], [`exit`]: how a command ends.
//! - `bench`, `pass`, `watching`: what commands that run agents share.
//! - `making`: what commands that make runs of scenarios share.
//! - `checking`: what stands in the way, before anything is done.
//! - `sessions`: what commands that open sessions of clones or ask them share.
//! - `submitting`: handing a command to the watcher.
//! - `suites`: what commands that show suites of runs share.
//! - `state`: where the state is, for commands that look at it beside a watcher.
//! - `arguments`: the grammar of the command line.
//! - `commands`: one file for each command; this file only parses, runs one and reports.

mod arguments;
mod bench;
mod checking;
mod commands;
pub mod context;
pub mod error;
pub mod exit;
mod in_place;
mod making;
pub mod output;
mod pass;
mod reference;
mod sessions;
mod state;
mod submitting;
mod suites;
mod watching;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::{ArgMatches, CommandFactory, FromArgMatches};

use crate::app::{World, WorldError};
use crate::sandbox::job::{self, JOB_ARGUMENT};

use arguments::Cli;
use context::CommandContext;
use error::CliError;
use exit::Exit;
use output::{Colour, Printer};

/// Parses the process's arguments, runs the command they name and reports how it ended.
pub fn main(world: Result<World, WorldError>) -> ExitCode {
    let world = match world {
        Ok(world) => world,
        Err(error) => {
            let printer = Printer::standard(Colour::Never, false);
            printer.error(&CliError::environment(error));
            return Exit::CouldNotRun.into();
        }
    };
    let mut arguments: Vec<OsString> = std::env::args_os().collect();
    let is_job = arguments.get(1).is_some_and(|first| first == JOB_ARGUMENT);
    if is_job {
        arguments.remove(1);
        if let Err(error) = job::follow() {
            let printer = Printer::standard(Colour::Never, false);
            printer.error(&CliError::environment(error));
            return Exit::CouldNotRun.into();
        }
    }
    run(world, &arguments, is_job).into()
}

fn run(world: World, arguments: &[OsString], is_job: bool) -> Exit {
    let no_colour = world.environment.get("NO_COLOR").is_some();
    let parsed = Cli::command()
        .try_get_matches_from(arguments)
        .and_then(|matches| Ok((wants_json(&matches), Cli::from_arg_matches(&matches)?)));
    let (json, cli) = match parsed {
        Ok(parsed) => parsed,
        Err(error) => {
            let colour = if no_colour {
                Colour::Never
            } else {
                Colour::Auto
            };
            return not_parsed(&error, arguments, &Printer::standard(colour, false));
        }
    };
    let printer = Printer::standard(cli.global.colour(no_colour), json);
    printer.set_quiet(cli.global.quiet);
    printer.set_verbose(cli.global.verbose > 0);
    let log = world.environment.get("ARCHAL_LOG").map(str::to_owned);
    let mut cx = CommandContext::new(world, printer, arguments, is_job);
    let logging = if cli.command.has_own_log() {
        Ok(())
    } else {
        output::start_log(cli.global.verbose, log.as_deref(), &cx.printer)
    };
    let outcome = logging.and_then(|()| cli.command.run(&mut cx));
    let exit = outcome.unwrap_or_else(|error| {
        cx.printer.error(&error);
        error.exit()
    });
    match cx.printer.finish() {
        Ok(()) => exit,
        Err(error) => {
            let error = CliError::environment(error);
            cx.printer.error(&error);
            error.exit()
        }
    }
}

/// Help and version are results; everything else clap says is a usage error.
fn not_parsed(error: &clap::Error, arguments: &[OsString], printer: &Printer) -> Exit {
    let text = error.render().ansi().to_string();
    if !error.use_stderr() {
        printer.raw(text.as_bytes());
        return Exit::Fine;
    }
    let asked_for_json = arguments
        .iter()
        .take_while(|argument| *argument != "--")
        .any(|argument| argument == "--json");
    if asked_for_json {
        printer.set_json(true);
        printer.error(&CliError::usage(
            error.render().to_string().trim().to_owned(),
        ));
    } else {
        printer.stderr(&text);
    }
    Exit::Usage
}

/// Whether the command that was named was asked for a JSON document: `--json` or `-o json`.
fn wants_json(matches: &ArgMatches) -> bool {
    let mut leaf = matches;
    while let Some((_, inner)) = leaf.subcommand() {
        leaf = inner;
    }
    let flag = matches!(leaf.try_get_one::<bool>("json"), Ok(Some(true)));
    let format = leaf
        .try_get_raw("output")
        .ok()
        .flatten()
        .is_some_and(|mut values| values.any(|value| value == "json"));
    flag || format
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_grammar_is_sound() {
        super::Cli::command().debug_assert();
    }
}
