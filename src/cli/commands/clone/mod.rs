//! `archal clone`: the service clones of this build, and sessions of them.

mod calls;
mod diff;
mod env;
mod exec;
mod list;
mod mcp;
mod reset;
mod schema;
mod seed;
mod snapshot;
mod start;
mod status;
mod stop;
mod tools;
mod webhooks;

pub(crate) use calls::CloneCalls;
pub(crate) use diff::CloneDiff;
pub(crate) use env::CloneEnvironment;
pub(crate) use list::CloneList;
pub(crate) use reset::CloneReset;
pub(crate) use schema::CloneSchema;
pub(crate) use seed::{CloneSeeded, CloneSeeds};
pub(crate) use snapshot::{CloneSnapshot, CloneSnapshots};
pub(crate) use status::CloneSessions;
pub(crate) use stop::CloneStopped;
pub(crate) use tools::CloneTools;

use crate::cli::context::CommandContext;
use crate::cli::error::CliError;
use crate::cli::exit::Exit;

/// The service clones: what there is, and sessions of them that run on their own
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    List(list::Args),
    Start(start::Args),
    Status(status::Args),
    Env(env::Args),
    Exec(exec::Args),
    Calls(calls::Args),
    Diff(diff::Args),
    Seed(seed::Args),
    Reset(reset::Args),
    Snapshot(snapshot::Args),
    Stop(stop::Args),
    Mcp(mcp::Args),
    Schema(schema::Args),
    Tools(tools::Args),
    Webhooks(webhooks::Args),
}

pub(crate) fn run(args: &Args, cx: &mut CommandContext) -> Result<Exit, CliError> {
    match &args.action {
        Action::List(args) => Ok(list::run(args, cx)),
        Action::Start(args) => start::run(args, cx),
        Action::Status(args) => status::run(args, cx),
        Action::Env(args) => env::run(args, cx),
        Action::Exec(args) => exec::run(args, cx),
        Action::Calls(args) => calls::run(args, cx),
        Action::Diff(args) => diff::run(args, cx),
        Action::Seed(args) => seed::run(args, cx),
        Action::Reset(args) => reset::run(args, cx),
        Action::Snapshot(args) => snapshot::run(args, cx),
        Action::Stop(args) => stop::run(args, cx),
        Action::Mcp(args) => mcp::run(args, cx),
        Action::Schema(args) => schema::run(args, cx),
        Action::Tools(args) => tools::run(args, cx),
        Action::Webhooks(args) => webhooks::run(args, cx),
    }
}
