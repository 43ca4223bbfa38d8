//! `archal clone status`: the sessions of this repository.

use std::path::PathBuf;
use std::time::Duration;

use schemars::JsonSchema;
use serde::Serialize;

use crate::cli::arguments::JsonOutput;
use crate::cli::context::CommandContext;
use crate::cli::error::CliError;
use crate::cli::exit::{self, Exit};
use crate::cli::output::Printer;
use crate::cli::sessions::reaching::{self, client_error};
use crate::report::style::Style;
use crate::session::service::client::{Client, ClientError};
use crate::session::service::desk::{Request, Status};
use crate::session::service::place::{Place, Standing};

/// How long a session may take to be seen as ended that says nothing any more.
const SILENCE: Duration = Duration::from_secs(5);
/// Between two looks at it.
const LOOK: Duration = Duration::from_millis(20);

/// The sessions of this repository that run, and those that were killed
#[derive(Debug, clap::Args)]
#[command(after_help = exit::help(&[Exit::Fine, Exit::Usage, Exit::CouldNotRun]))]
pub(crate) struct Args {
    /// One session, whether it runs or not
    name: Option<String>,

    /// Those that ended in order too, whose evidence is still there
    #[arg(long)]
    all: bool,

    #[command(flatten)]
    output: JsonOutput,
}

/// The sessions of a repository: `archal clone status --json`.
#[derive(Serialize, JsonSchema)]
pub(crate) struct CloneSessions {
    /// Each.
    sessions: Vec<Row>,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", tag = "state")]
enum Row {
    /// It runs.
    Running(Status),
    /// It begins or ends.
    Starting(Left),
    /// It was killed.
    Crashed(Left),
    /// It ended in order.
    Ended(Left),
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Left {
    /// Its name.
    name: String,
    /// Where its evidence is.
    evidence: PathBuf,
    /// The process that it was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pid: Option<u32>,
}

pub(crate) fn run(args: &Args, cx: &mut CommandContext) -> Result<Exit, CliError> {
    let found = match &args.name {
        Some(name) => {
            let place = Place::of(&reaching::layout(cx)?, name).map_err(CliError::usage)?;
            let standing = place.standing().map_err(CliError::environment)?;
            if standing == Standing::Ended && !place.folder().is_dir() {
                return Err(CliError::environment(format!(
                    "there was never a session {name} here"
                ))
                .hint("archal clone status --all"));
            }
            vec![(place, standing)]
        }
        None => reaching::all(cx)?,
    };
    let mut sessions = Vec::new();
    for (place, standing) in found {
        let (standing, status) = asked(&place, standing, cx)?;
        let left = |pid| Left {
            name: place.name().to_owned(),
            evidence: place.evidence(),
            pid,
        };
        sessions.push(match (standing, status) {
            (_, Some(status)) => Row::Running(status),
            (Standing::Running(_) | Standing::Between, None) => Row::Starting(left(None)),
            (Standing::Crashed(record), None) => Row::Crashed(left(Some(record.pid))),
            (Standing::Ended, None) if args.all || args.name.is_some() => Row::Ended(left(None)),
            (Standing::Ended, None) => continue,
        });
    }
    if sessions.is_empty() {
        cx.printer.line("no session runs here");
    }
    for row in &sessions {
        line(row, &cx.printer);
    }
    cx.printer
        .document("archal.clone-status", 1, &CloneSessions { sessions });
    Ok(Exit::Fine)
}

/// What a session says of itself, where it runs, and how it stands then: one that ends, or was killed
/// a moment ago, says nothing and is soon seen as such.
fn asked(
    place: &Place,
    mut standing: Standing,
    cx: &CommandContext,
) -> Result<(Standing, Option<Status>), CliError> {
    let until = cx.clock.monotonic() + SILENCE;
    while let Standing::Running(record) = &standing {
        let client = Client::new(record.clone()).map_err(client_error)?;
        match client.ask(&Request::Status) {
            Ok(status) => return Ok((standing, Some(status))),
            Err(ClientError::Silent { .. }) if cx.clock.monotonic() < until => {
                std::thread::sleep(LOOK);
                standing = place.standing().map_err(CliError::environment)?;
            }
            Err(error) => return Err(client_error(error)),
        }
    }
    Ok((standing, None))
}

fn line(row: &Row, printer: &Printer) {
    match row {
        Row::Running(status) => {
            let calls = match status.calls {
                1 => "1 call".to_owned(),
                count => format!("{count} calls"),
            };
            printer.line(format!(
                "{}  runs for {} (process {}), {calls}",
                Style::Heading.paint(&status.name),
                uptime(status.uptime_seconds),
                status.pid
            ));
            clones(status, printer);
            if !status.snapshots.is_empty() {
                printer.line(format!("  snapshots  {}", status.snapshots.join(", ")));
            }
            if status.refused > 0 {
                let refused = status.refused;
                printer.line(format!("  refused    {refused}, in egress.jsonl"));
            }
            if status.unrecorded_calls > 0 {
                printer.line(format!(
                    "  {} calls stand in no file{}",
                    status.unrecorded_calls,
                    status
                        .trouble
                        .as_ref()
                        .map_or_else(String::new, |why| format!(": {why}"))
                ));
            }
            printer.line(format!("  evidence   {}", status.evidence.display()));
        }
        Row::Starting(left) => printer.line(format!("{}  begins or ends", left.name)),
        Row::Crashed(left) => printer.line(format!(
            "{}  {} (process {}); its calls are in {}",
            Style::Heading.paint(&left.name),
            Style::Error.paint("was killed"),
            left.pid.unwrap_or_default(),
            left.evidence.display()
        )),
        Row::Ended(left) => printer.line(format!(
            "{}  ended; its evidence is in {}",
            Style::Heading.paint(&left.name),
            left.evidence.display()
        )),
    }
}

/// The clones of a session with their URLs.
pub(super) fn clones(status: &Status, printer: &Printer) {
    for clone in &status.clones {
        printer.line(format!(
            "  {}  {}, {} calls, {} rows changed",
            Style::Heading.paint(&clone.name),
            clone.start,
            clone.calls,
            clone.changes
        ));
        for (name, url) in &clone.urls {
            printer.line(format!("    {name:<8} {url}"));
        }
    }
}

fn uptime(seconds: u64) -> String {
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3_600 => format!("{} min", seconds / 60),
        3_600..172_800 => format!("{} h {} min", seconds / 3_600, seconds / 60 % 60),
        _ => format!("{} days", seconds / 86_400),
    }
}
