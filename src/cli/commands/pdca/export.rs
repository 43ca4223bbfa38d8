//! `archal pdca export`: a run as one file.

use std::path::PathBuf;

use serde::Serialize;

use crate::cli::context::CommandContext;
use crate::cli::error::CliError;
use crate::cli::exit::{self, Exit};
use crate::pdca::bundle::{self, Bundle};
use crate::pdca::outline::counted;
use crate::store::atomic;

/// Write a run into one file: events, artifacts and process records
#[derive(Debug, clap::Args)]
#[command(after_help = exit::help(&[Exit::Fine, Exit::Usage, Exit::CouldNotRun]))]
pub(super) struct Args {
    /// The run
    #[arg(value_name = "RUN")]
    run_id: String,

    /// The file, which must be new [default: `<run>.pdca.json`]
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

#[derive(Serialize)]
struct Document<'a> {
    schema: &'a str,
    version: u32,
    #[serde(flatten)]
    bundle: &'a Bundle,
}

pub(super) fn run(args: &Args, cx: &mut CommandContext) -> Result<Exit, CliError> {
    let kept = super::kept(&args.run_id, cx)?;
    let bundle = bundle::pack(&kept.place, &kept.id).map_err(CliError::environment)?;
    let name = args
        .output
        .clone()
        .unwrap_or_else(|| PathBuf::from(format!("{}.pdca.json", kept.id)));
    let path = cx.environment.resolve(&name);
    let document = Document {
        schema: "archal.pdca-bundle",
        version: 1,
        bundle: &bundle,
    };
    let bytes = atomic::json_bytes(&path, &document).map_err(CliError::internal)?;
    atomic::create(&path, &bytes).map_err(|error| {
        CliError::environment(error).hint(format!("archal pdca export {} -o FILE", kept.id))
    })?;
    cx.printer.line(format!(
        "{}: {} of run {}",
        name.display(),
        counted(bundle.files.len() as u64, "file"),
        kept.id
    ));
    Ok(Exit::Fine)
}
