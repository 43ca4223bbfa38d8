//! `archal completions`: tab completion for a shell.

use clap::CommandFactory;

use crate::cli::arguments::Cli;
use crate::cli::context::CommandContext;
use crate::cli::error::CliError;
use crate::cli::exit::{self, Exit};

/// Write tab completion for a shell to stdout
///
/// For bash: `archal completions bash > ~/.local/share/bash-completion/completions/archal`
#[derive(Debug, clap::Args)]
#[command(after_help = exit::help(&[Exit::Fine, Exit::Usage]))]
pub(crate) struct Args {
    /// The shell
    shell: clap_complete::Shell,
}

pub(crate) fn run(args: &Args, cx: &mut CommandContext) -> Result<Exit, CliError> {
    let mut text = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "archal", &mut text);
    cx.printer.raw(&text);
    Ok(Exit::Fine)
}
