//! `archal clone mcp`: a clone's MCP server on stdin and stdout, for clients that start theirs.

use std::io;

use archal_core::clone::Trouble;

use crate::cli::bench;
use crate::cli::context::CommandContext;
use crate::cli::error::CliError;
use crate::cli::exit::{self, Exit};
use crate::cli::sessions::starting;
use crate::config::schema::RouteMode;
use crate::run::scrub::Scrubber;
use crate::run::seeds;
use crate::session::stdio::{self, Remote};
use crate::session::{ClonePlan, Egress, Session, SessionConfig};

/// A clone's MCP server on stdin and stdout
///
/// Inside a run it leads to the run's own clone. Anywhere else it opens one on a starting state,
/// which is gone when the client closes stdin.
#[derive(Debug, clap::Args)]
#[command(after_help = exit::help(&[Exit::Fine, Exit::Usage, Exit::CouldNotRun]))]
pub(crate) struct Args {
    /// The clone
    clone: String,

    /// The starting state, where it opens one: a seed's name or file
    #[arg(long, value_name = "SEED", default_value = "empty")]
    seed: String,
}

pub(crate) fn run(args: &Args, cx: &mut CommandContext) -> Result<Exit, CliError> {
    let clone = starting::find(&args.clone, cx)?;
    if let Some(file) = cx.environment.get("ARCHAL_MCP_CONFIG") {
        let remote = Remote::of_file(file.as_ref(), clone.name).map_err(CliError::environment)?;
        return bridge(&remote);
    }
    let directory = cx.environment.directory.clone();
    let loaded = cx.load_config(None, &directory, &[])?;
    let names = [clone.name.to_owned()];
    let (_, state) = seeds::of_flag(&args.seed, &names, cx.clones, &directory)
        .map_err(|error| CliError::usage(error).hint("archal clone list"))?;
    let scrubber = Scrubber::new(bench::redactor(cx, &loaded)?, &cx.environment, &[]);
    let folder = tempfile::tempdir().map_err(CliError::environment)?;
    let session = Session::open(SessionConfig {
        clones: vec![ClonePlan {
            clone,
            seed: state.as_seed(),
            trouble: Trouble::default(),
            more_hosts: &[],
        }],
        route: RouteMode::Proxy,
        probe: None,
        evidence: folder.path().to_owned(),
        clock: cx.clock.clone(),
        ids: 0,
        helper: cx.binary.clone(),
        expose_clone_urls: true,
        egress: Egress::default(),
        literals: scrubber.literals().clone(),
        redactor: scrubber.redactor().clone(),
    })
    .map_err(bench::session_error)?;
    let file = session.environment().get("ARCHAL_MCP_CONFIG");
    let file = file.map(String::as_str).unwrap_or_default();
    let remote = Remote::of_file(file.as_ref(), clone.name).map_err(CliError::internal)?;
    bridge(&remote)
}

fn bridge(remote: &Remote) -> Result<Exit, CliError> {
    stdio::bridge(remote, io::stdin().lock(), io::stdout().lock())
        .map_err(CliError::environment)?;
    Ok(Exit::Fine)
}
