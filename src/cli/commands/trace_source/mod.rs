//! `archal trace-source`: where traces come from.
//!
//! - `site`: the repository and its registry; `document`: what is told of a source.
//! - `connect`, `choose`: changing the registry, and what of it is allowed. `list`, `status`, `test`: looking at it; `sampled`: at a
//!   source that is asked.
//! - `import`, `sync`: into a trace directory, from files that lie elsewhere and from sources that are `asked`.
//! - `serve`, `watch`: sources in the foreground. `hosted`: the flags of `archal attach --source`.

mod asked;
mod choose;
mod connect;
mod document;
pub(crate) mod hosted;
mod import;
mod list;
mod sampled;
mod serve;
mod site;
mod status;
mod sync;
mod test;
mod watch;

pub(crate) use crate::ingest::import::ImportReport;
pub(crate) use crate::ingest::pull::PassReport;
pub(crate) use document::{
    ChangedSource, Serving, SourceList, SourceStatuses, SourceTest, Watched,
};

use crate::cli::context::CommandContext;
use crate::cli::error::CliError;
use crate::cli::exit::Exit;

/// Where traces come from: files, and programs that send them
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    Connect(connect::Args),
    Allow(choose::AllowArgs),
    Import(import::Args),
    List(list::Args),
    Status(status::Args),
    Test(test::Args),
    Sync(sync::Args),
    Watch(watch::Args),
    Serve(serve::Args),
    Use(choose::UseArgs),
    Disable(choose::DisableArgs),
}

pub(crate) fn run(args: &Args, cx: &mut CommandContext) -> Result<Exit, CliError> {
    match &args.action {
        Action::Connect(args) => connect::run(args, cx),
        Action::Allow(args) => choose::allow(args, cx),
        Action::Import(args) => import::run(args, cx),
        Action::List(args) => list::run(args, cx),
        Action::Status(args) => status::run(args, cx),
        Action::Test(args) => test::run(args, cx),
        Action::Sync(args) => sync::run(args, cx),
        Action::Watch(args) => watch::run(args, cx),
        Action::Serve(args) => serve::run(args, cx),
        Action::Use(args) => choose::make_default(args, cx),
        Action::Disable(args) => choose::disable(args, cx),
    }
}
