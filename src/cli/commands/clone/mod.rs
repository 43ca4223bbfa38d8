//! `archal clone`: the service clones of this build.

mod list;
mod mcp;
mod schema;
mod tools;

use archal_core::clone::CloneDescriptor;
use archal_core::diagnostic::nearest;

use crate::cli::context::CommandContext;
use crate::cli::error::CliError;
use crate::cli::exit::Exit;

/// The service clones of this build
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    List(list::Args),
    Mcp(mcp::Args),
    Schema(schema::Args),
    Tools(tools::Args),
}

pub(crate) fn run(args: &Args, cx: &mut CommandContext) -> Result<Exit, CliError> {
    match &args.action {
        Action::List(args) => Ok(list::run(args, cx)),
        Action::Mcp(args) => mcp::run(args, cx),
        Action::Schema(args) => schema::run(args, cx),
        Action::Tools(args) => tools::run(args, cx),
    }
}

/// The clone of that name.
fn find(name: &str, cx: &CommandContext) -> Result<&'static CloneDescriptor, CliError> {
    if let Some(clone) = cx.clones.iter().find(|clone| clone.name == name) {
        return Ok(clone);
    }
    let error = CliError::usage(format!("there is no clone named {name:?}"));
    let names = cx.clones.iter().map(|clone| clone.name);
    Err(match nearest(name, names) {
        Some(near) => error.hint(format!("did you mean {near:?}?")),
        None => error.hint("archal clone list"),
    })
}
