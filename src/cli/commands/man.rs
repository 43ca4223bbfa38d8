//! `archal man`: the manual page of a command.

use clap::CommandFactory;

use crate::cli::arguments::Cli;
use crate::cli::context::CommandContext;
use crate::cli::error::CliError;
use crate::cli::exit::{self, Exit};

/// Write a manual page to stdout
///
/// To read one: `archal man config show | man -l -`
#[derive(Debug, clap::Args)]
#[command(after_help = exit::help(&[Exit::Fine, Exit::Usage]))]
pub(crate) struct Args {
    /// The command, all words of it; archal itself where none is given
    command: Vec<String>,
}

pub(crate) fn run(args: &Args, cx: &mut CommandContext) -> Result<Exit, CliError> {
    let mut command = Cli::command();
    command.build();
    for word in &args.command {
        let found = command.find_subcommand(word).cloned();
        command = found.ok_or_else(|| {
            CliError::usage(format!("there is no command `{}`", args.command.join(" ")))
                .hint("archal --help")
        })?;
    }
    let mut page = Vec::new();
    clap_mangen::Man::new(command)
        .render(&mut page)
        .map_err(CliError::internal)?;
    cx.printer.raw(&page);
    Ok(Exit::Fine)
}
