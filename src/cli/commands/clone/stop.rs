//! `archal clone stop`: ends sessions.

use std::time::Duration;

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use crate::cli::arguments::JsonOutput;
use crate::cli::context::CommandContext;
use crate::cli::error::CliError;
use crate::cli::exit::{self, Exit};
use crate::cli::sessions::reaching::{self, Named, client_error};
use crate::session::service::client::{Client, ClientError};
use crate::session::service::desk::{Request, Status};
use crate::session::service::place::{Place, Standing};

/// How long a session may take to write the rest of its evidence.
const PATIENCE: Duration = Duration::from_secs(60);
/// Between two looks at whether it has ended.
const LOOK: Duration = Duration::from_millis(10);

/// End a session, or all of this repository
///
/// Its evidence stays, with the states before and after. A session that was killed is forgotten.
#[derive(Debug, clap::Args)]
#[command(after_help = exit::help(&[Exit::Fine, Exit::Usage, Exit::CouldNotRun]))]
pub(crate) struct Args {
    /// The session [default: the one that runs, or `default`]
    #[arg(conflicts_with = "all")]
    name: Option<String>,

    /// All sessions of this repository
    #[arg(long)]
    all: bool,

    #[command(flatten)]
    output: JsonOutput,
}

/// The sessions that were ended: `archal clone stop --json`.
#[derive(Serialize, JsonSchema)]
pub(crate) struct CloneStopped {
    /// Each.
    stopped: Vec<Stopped>,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Stopped {
    /// Its name.
    name: String,
    /// `running`, or `crashed` where it had been killed.
    was: &'static str,
    /// The calls that it answered, where it ran.
    #[serde(skip_serializing_if = "Option::is_none")]
    calls: Option<u64>,
    /// Where its evidence is.
    evidence: std::path::PathBuf,
}

pub(crate) fn run(args: &Args, cx: &mut CommandContext) -> Result<Exit, CliError> {
    let places: Vec<Place> = if args.all {
        let all = reaching::all(cx)?.into_iter();
        all.filter(|(_, standing)| *standing != Standing::Ended)
            .map(|(place, _)| place)
            .collect()
    } else {
        let named = Named {
            name: args.name.clone(),
        };
        vec![named.place(cx)?]
    };
    let mut stopped = Vec::new();
    for place in &places {
        stopped.push(stop(place, cx)?);
    }
    if stopped.is_empty() {
        cx.printer.line("no session runs here");
    }
    for one in &stopped {
        let calls = one
            .calls
            .map_or_else(String::new, |calls| format!(" after {calls} calls"));
        cx.printer.line(match one.was {
            "running" => format!("stopped {}{calls}", one.name),
            _ => format!("{} had been killed; it is forgotten", one.name),
        });
        cx.printer
            .line(format!("  evidence  {}", one.evidence.display()));
    }
    cx.printer
        .document("archal.clone-stop", 1, &CloneStopped { stopped });
    Ok(Exit::Fine)
}

fn stop(place: &Place, cx: &CommandContext) -> Result<Stopped, CliError> {
    let ended = |was, calls| Stopped {
        name: place.name().to_owned(),
        was,
        calls,
        evidence: place.evidence(),
    };
    if let Standing::Crashed(_) = reaching::settled(place, cx)? {
        place.forget().map_err(CliError::environment)?;
        return Ok(ended("crashed", None));
    }
    let record = reaching::running(place, cx)?;
    let pid = record.pid;
    let client = Client::new(record).map_err(client_error)?;
    let status: Status = client.ask(&Request::Status).map_err(client_error)?;
    match client.ask::<Value>(&Request::Stop) {
        // It may be gone before it has answered.
        Ok(_) | Err(ClientError::Silent { .. }) => {}
        Err(error) => return Err(client_error(error)),
    }
    let until = cx.clock.monotonic() + PATIENCE;
    while place.is_held().map_err(CliError::environment)? {
        if cx.clock.monotonic() > until {
            return Err(CliError::environment(format!(
                "session {} has not ended yet",
                place.name()
            ))
            .hint(format!("kill {pid}")));
        }
        std::thread::sleep(LOOK);
    }
    Ok(ended("running", Some(status.calls)))
}
