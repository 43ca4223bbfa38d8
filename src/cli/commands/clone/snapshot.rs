//! `archal clone snapshot`: remembers states of a session, and goes back to them.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::cli::arguments::JsonOutput;
use crate::cli::context::CommandContext;
use crate::cli::error::CliError;
use crate::cli::exit::{self, Exit};
use crate::cli::sessions::reaching::Named;
use crate::cli::sessions::starting;
use crate::session::service::desk::{Request, Status};

/// Remember the states of a session's clones, and go back to them
///
/// A snapshot costs nothing and lives as long as its session. With `--out` the states are written
/// to a file from which `archal clone start --load`, or `--load` here, goes on exactly; it holds
/// what clients wrote as they wrote it.
#[derive(Debug, clap::Args)]
#[command(after_help = exit::help(&[Exit::Fine, Exit::Usage, Exit::CouldNotRun]))]
pub(crate) struct Args {
    /// Remember under this name [default: a number]
    #[arg(long, value_name = "NAME", group = "what")]
    save: Option<String>,

    /// Write the states to a file
    #[arg(long, value_name = "FILE", group = "what")]
    out: Option<PathBuf>,

    /// Go back to a snapshot, or to the states of a file
    #[arg(long, value_name = "NAME|FILE", group = "what")]
    load: Option<String>,

    /// List the snapshots
    #[arg(long, group = "what")]
    list: bool,

    #[command(flatten)]
    session: Named,

    #[command(flatten)]
    output: JsonOutput,
}

/// What was remembered or gone back to: `archal clone snapshot --json`.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CloneSnapshot {
    /// The snapshot.
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    /// The file that was written.
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<PathBuf>,
    /// Rows that are different now, by clone.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    changed: BTreeMap<String, u64>,
}

/// The snapshots of a session: `archal clone snapshot --list --json`.
#[derive(Serialize, JsonSchema)]
pub(crate) struct CloneSnapshots {
    /// Their names.
    snapshots: Vec<String>,
}

pub(crate) fn run(args: &Args, cx: &mut CommandContext) -> Result<Exit, CliError> {
    if args.list {
        let status: Status = args.session.ask(&Request::Status, cx)?;
        for name in &status.snapshots {
            cx.printer.line(name);
        }
        let snapshots = status.snapshots;
        cx.printer
            .document("archal.clone-snapshots", 1, &CloneSnapshots { snapshots });
        return Ok(Exit::Fine);
    }
    let done = if let Some(from) = &args.load {
        load(from, args, cx)?
    } else if let Some(path) = &args.out {
        out(path, args, cx)?
    } else {
        let name = args.save.clone();
        let done: CloneSnapshot = args.session.ask(&Request::Remember { name }, cx)?;
        let name = done.name.as_deref().unwrap_or_default();
        cx.printer.line(format!("remembered as {name}"));
        cx.printer.line(format!(
            "  archal clone snapshot --load {name}  goes back to it"
        ));
        done
    };
    cx.printer.document("archal.clone-snapshot", 1, &done);
    Ok(Exit::Fine)
}

/// What is the name of a snapshot is one; anything else is a file.
fn load(from: &str, args: &Args, cx: &CommandContext) -> Result<CloneSnapshot, CliError> {
    let status: Status = args.session.ask(&Request::Status, cx)?;
    let path = cx.environment.directory.join(from);
    let is_file = !status.snapshots.iter().any(|name| name == from) && path.is_file();
    let request = if is_file {
        let document = starting::read_saved(&path)?;
        Request::Load { document }
    } else {
        Request::Recall {
            name: from.to_owned(),
        }
    };
    let done: CloneSnapshot = args.session.ask(&request, cx)?;
    for (clone, rows) in &done.changed {
        cx.printer.line(format!(
            "{clone} is as in {from}; {rows} rows were different"
        ));
    }
    Ok(done)
}

fn out(path: &Path, args: &Args, cx: &CommandContext) -> Result<CloneSnapshot, CliError> {
    let document: Value = args.session.ask(&Request::Save, cx)?;
    let path = cx.environment.directory.join(path);
    let failed = |error: std::io::Error| {
        CliError::environment(format!("cannot write {}: {error}", path.display()))
    };
    let folder = path.parent().unwrap_or(Path::new("/"));
    // Readable by the user alone: nothing is taken out of it.
    let mut file = tempfile::NamedTempFile::new_in(folder).map_err(failed)?;
    serde_json::to_writer(&mut file, &document).map_err(CliError::environment)?;
    file.write_all(b"\n").map_err(failed)?;
    file.persist(&path).map_err(|error| failed(error.error))?;
    let shown = path.display();
    cx.printer.line(format!("wrote {shown}"));
    cx.printer.line(format!(
        "  archal clone start --load {}  goes on from it",
        crate::report::shell::quoted(&path)
    ));
    Ok(CloneSnapshot {
        name: None,
        file: Some(path),
        changed: BTreeMap::new(),
    })
}
