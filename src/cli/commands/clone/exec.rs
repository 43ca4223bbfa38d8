//! `archal clone exec`: runs a command whose traffic reaches a session's clones.

use std::collections::BTreeMap;
use std::io;

use crate::cli::arguments::ConfigFile;
use crate::cli::bench;
use crate::cli::context::CommandContext;
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::cli::in_place;
use crate::cli::sessions::reaching::{self, Named, client_error};
use crate::cli::sessions::serving::{self, Opening};
use crate::cli::sessions::starting::{On, Wanted};
use crate::cli::state;
use crate::host::forwarding::Forwarding;
use crate::sandbox::child::Containment;
use crate::sandbox::hold::{self, Hold, InsideNetwork, OwnNetwork};
use crate::sandbox::stop::StopToken;
use crate::session::service::client::Client;
use crate::session::service::desk::{Request, Way};
use crate::session::service::entrance::{self, Guest, Pass};
use crate::session::service::live::Serving;
use crate::session::service::place::Record;

/// What decides which Python a command uses, whose bundles are shown over.
const PYTHON: [&str; 2] = ["PATH", "VIRTUAL_ENV"];

/// Run a command whose traffic at the services' own addresses reaches the clones
///
/// It has this terminal and these streams, and a network of its own that leads to the clones and
/// nowhere else; where that is not possible it is led there by variables, and that is said. Without
/// a session that runs, `--clone` opens one for as long as the command runs.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Exit codes:\n  that of the command; 128 and the number of the signal that ended it\n  2   the command line or the configuration is wrong\n  3   could not run: something is missing, unreachable or blocked"
)]
pub(crate) struct Args {
    /// Open a session with this clone for the command alone
    #[arg(long = "clone", value_name = "CLONE")]
    clones: Vec<String>,

    /// Open a session with all clones for the command alone
    #[arg(long, conflicts_with = "clones")]
    all: bool,

    #[command(flatten)]
    on: On,

    #[command(flatten)]
    session: Named,

    #[command(flatten)]
    config: ConfigFile,

    /// The command and its arguments
    #[arg(last = true, required = true, value_name = "COMMAND")]
    command: Vec<String>,
}

pub(crate) fn run(args: &Args, cx: &mut CommandContext) -> Result<Exit, CliError> {
    if args.clones.is_empty() && !args.all && args.on.is_empty() {
        let place = args.session.place(cx)?;
        let record = reaching::running(&place, cx)
            .map_err(|error| error.hint("archal clone exec --clone github -- <command>"))?;
        return in_session(&record, args, cx);
    }
    let serving = own_session(args, cx)?;
    let name = serving.record().name.clone();
    let ran = in_session(&serving.record().clone(), args, cx);
    serving.finish().map_err(serving::live_error)?;
    cx.printer.note(format!(
        "the clones are gone; archal clone calls --name {name}  tells what was called"
    ));
    ran
}

/// A session for the command alone.
fn own_session(args: &Args, cx: &CommandContext) -> Result<Serving, CliError> {
    let place = state::Place::of(".".as_ref(), cx)?;
    let layout = bench::layout(&place.repo, cx)?;
    let directory = cx.environment.directory.clone();
    let name = format!("exec-{:08x}", cx.ids.next() & 0xffff_ffff);
    let opening = Opening {
        name: args.session.name.clone().unwrap_or(name),
        state: layout.root().to_owned(),
        port: None,
        hold_webhooks: false,
        wanted: Wanted {
            clones: args.clones.clone(),
            all: args.all,
            on: args.on.clone(),
            config: args.config.config.as_ref().map(|file| directory.join(file)),
            directory,
        },
    };
    opening.begin(cx)
}

fn in_session(record: &Record, args: &Args, cx: &CommandContext) -> Result<Exit, CliError> {
    let client = Client::new(record.clone()).map_err(client_error)?;
    let mut variables = cx.environment.variables.clone();
    let decides = |(name, _): &(&String, &String)| PYTHON.contains(&name.as_str());
    let asked = Request::Way {
        directory: Some(cx.environment.directory.clone()),
        variables: variables
            .iter()
            .filter(decides)
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect(),
    };
    let way: Way = client.ask(&asked).map_err(client_error)?;
    // The shell may have them of `archal clone env`, and they lead nowhere from inside.
    variables.retain(|name, _| !way.told.contains_key(name));
    let probe = hold::probe(&cx.binary);
    let (inside, why) = match (way.inside, probe.namespaces) {
        (Some(pass), Ok(())) => (Some(pass), None),
        (_, Err(why)) => (None, Some(why)),
        (None, Ok(())) => (None, Some("the session has none to give".to_owned())),
    };
    let outcome = match inside {
        Some(pass) => {
            entrance::lead(&mut variables, true, &pass.variables);
            isolated(record, &pass, variables, args, cx)
        }
        None => {
            let why = why.unwrap_or_default();
            cx.printer.warning(format!(
                "no network of its own: {why}; a client that heeds no proxy variables reaches the real services"
            ));
            let mut set = way.told;
            set.extend(way.routed);
            entrance::lead(&mut variables, false, &set);
            let directory = &cx.environment.directory;
            in_place::led(&args.command, directory, &variables).map(in_place::Ended::code)
        }
    }?;
    Ok(Exit::Passed(outcome))
}

/// Runs the command in a network of its own.
fn isolated(
    record: &Record,
    pass: &Pass,
    variables: BTreeMap<String, String>,
    args: &Args,
    cx: &CommandContext,
) -> Result<u8, CliError> {
    let child = in_place::attended(&args.command, variables, cx);
    let stop = StopToken::new();
    let hold = Hold {
        helper: &cx.binary,
        containment: Containment::Namespaces,
        stop: Some(&stop),
    };
    let mut guest: Option<io::Result<Guest>> = None;
    let mut serve = |network: InsideNetwork| {
        if let Some(why) = &network.not_led {
            cx.printer.warning(format!(
                "refused connections are named on the ports 443 and 80 alone (nftables: {why})"
            ));
        }
        let entered = Guest::enter(record, network.sockets, network.broker);
        if entered.is_err() {
            // Nobody would answer the command.
            stop.stop();
        }
        guest = Some(entered);
    };
    let network = OwnNetwork {
        tcp: &pass.tcp,
        udp: &pass.udp,
        redirect: Some(pass.redirect.clone()),
        visible: &pass.visible,
        files: &pass.files,
        serve: &mut serve,
    };
    let mut forwarding = None;
    let mut started = |signals: hold::Signals| {
        forwarding = Some(Forwarding::begin(move |signal| signals.send(signal)));
    };
    let end = hold::run_attached(&child, &hold, network, &mut started);
    drop(forwarding);
    match guest {
        Some(Ok(guest)) => guest.leave(),
        Some(Err(error)) => {
            let message = format!(
                "session {} does not let the command in: {error}",
                record.name
            );
            return Err(CliError::environment(message).hint("archal clone status"));
        }
        None => {}
    }
    in_place::held(end.outcome).map(in_place::Ended::code)
}
