//! `archal seed`: the starting state that a trace proves.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use archal_core::trace::Trace;

use crate::cli::arguments::{ConfigFile, JsonOutput};
use crate::cli::bench;
use crate::cli::context::CommandContext;
use crate::cli::error::CliError;
use crate::cli::exit::{self, Exit};
use crate::cli::state::Place;
use crate::config::Loaded;
use crate::grade::matching::{self, Matched};
use crate::ingest::artifact::{ImportArtifact, artifact_path};
use crate::ingest::file::{FileStatus, RECORDS_SETTLE, read_file};
use crate::reconstruct::explain::{Explained, ExplainedTrace};
use crate::reconstruct::tools::Tools;
use crate::reconstruct::{Context, explain, owned};
use crate::run::scenarios::{self, Prepared};
use crate::run::seeds::{self, StartState};
use crate::scenario::discover;
use crate::scenario::spec::is_seed_file;

/// The starting state of services that a trace proves
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    Explain(ExplainArgs),
}

/// Which span of a trace proves which field of the state it began in
///
/// Beside that: what was made up, which evidence contradicts other evidence, what is missing and
/// how to supply it, and how many of the trace's own calls the state answers as they were
/// recorded. Exit code 3 says that something is missing.
#[derive(Debug, clap::Args)]
#[command(after_help = exit::help(&[Exit::Fine, Exit::Usage, Exit::CouldNotRun]))]
struct ExplainArgs {
    /// A file of traces, or the name of a trace that the repository knows
    #[arg(value_name = "TRACE")]
    trace: String,

    /// The repository of the agent
    #[arg(long, value_name = "DIR", default_value = ".")]
    repo: PathBuf,

    #[command(flatten)]
    config: ConfigFile,

    #[command(flatten)]
    output: JsonOutput,
}

pub(crate) fn run(args: &Args, cx: &mut CommandContext) -> Result<Exit, CliError> {
    match &args.action {
        Action::Explain(args) => explain(args, cx),
    }
}

fn explain(args: &ExplainArgs, cx: &mut CommandContext) -> Result<Exit, CliError> {
    let place = Place::of(&args.repo, cx)?;
    let loaded = cx.load_config(args.config.config.as_deref(), &place.repo, &[])?;
    let file = cx.environment.resolve(Path::new(&args.trace));
    let traces = if file.is_file() {
        of_file(&file, cx, &loaded)?
    } else {
        vec![of_job(&args.trace, &place)?]
    };
    let configured = configured(&loaded)?;
    let (states, problems) = owned::of_repository(&place.repo, &configured, cx.clones);
    for problem in &problems {
        cx.printer.diagnostic(problem, None);
    }
    let context = Context {
        clones: cx.clones,
        tools: &Tools::of(&loaded.config.tools),
        owned: &states,
    };
    let scenarios = scenarios(&place.repo, &loaded, cx)?;
    let explained: Vec<_> = traces
        .iter()
        .map(|trace| {
            let Matched::One(prepared) = matching::find(trace, &scenarios) else {
                return explain::explain(trace, &context, None);
            };
            let path = &prepared.scenario.path;
            let path = path.strip_prefix(&place.repo).unwrap_or(path);
            let (states, problems) =
                owned::of_scenario(prepared, &path.display().to_string(), cx.clones);
            for problem in &problems {
                cx.printer.diagnostic(problem, None);
            }
            explain::explain(trace, &context, Some((prepared, &states)))
        })
        .collect();
    for (explanation, _) in &explained {
        for line in explanation.lines() {
            cx.printer.line(line);
        }
    }
    let is_whole = explained.iter().all(|(one, _)| one.is_whole());
    let traces = explained.into_iter().map(ExplainedTrace::from).collect();
    cx.printer
        .document("archal.seed-explain", 1, &Explained { traces });
    Ok(if is_whole {
        Exit::Fine
    } else {
        Exit::CouldNotRun
    })
}

/// The scenarios that a trace may belong to, as they stand in the folder. Those that cannot be used
/// are for `archal scenario validate`.
fn scenarios(repo: &Path, loaded: &Loaded, cx: &CommandContext) -> Result<Vec<Prepared>, CliError> {
    let wanted: Vec<String> = loaded
        .config
        .scenarios
        .iter()
        .filter(|name| repo.join(name).exists() || name.contains(['*', '?']))
        .cloned()
        .collect();
    let found = discover::discover(repo, &wanted).map_err(CliError::usage)?;
    let read = found
        .iter()
        .filter_map(|file| scenarios::load(file, cx.clones).ok());
    Ok(read.map(|(prepared, _)| prepared).collect())
}

/// The states that the configuration names as files.
fn configured(loaded: &Loaded) -> Result<BTreeMap<String, StartState>, CliError> {
    let files = loaded.config.seeds.iter();
    files
        .filter(|(_, seed)| is_seed_file(seed))
        .map(|(clone, seed)| {
            let document = seeds::read(&loaded.directory.join(seed)).map_err(CliError::usage)?;
            Ok((clone.clone(), StartState::Document(document)))
        })
        .collect()
}

fn of_file(file: &Path, cx: &CommandContext, loaded: &Loaded) -> Result<Vec<Trace>, CliError> {
    let redactor = bench::redactor(cx, loaded)?;
    let report = read_file(cx.files, file, &redactor, None).settle(RECORDS_SETTLE);
    for finding in &report.diagnostics {
        cx.printer.diagnostic(finding, None);
    }
    match report.status {
        FileStatus::Imported => Ok(report.traces.into_iter().map(|one| one.trace).collect()),
        FileStatus::Waiting { reason } | FileStatus::Rejected { reason } => Err(CliError::usage(
            format!("{} holds no trace: {reason}", file.display()),
        )),
    }
}

/// The trace of a job, as it was imported.
fn of_job(name: &str, place: &Place) -> Result<Trace, CliError> {
    let unknown = || {
        CliError::usage(format!(
            "{name:?} is neither a file nor a trace that this repository knows"
        ))
        .hint("archal attach-status")
    };
    let safe = !name.is_empty()
        && name
            .bytes()
            .all(|c| c.is_ascii_alphanumeric() || b"._-".contains(&c))
        && !name.starts_with('.');
    if !safe {
        return Err(unknown());
    }
    let path = artifact_path(&place.layout, name);
    let text = match std::fs::read(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Err(unknown()),
        Err(error) => {
            return Err(CliError::environment(format!(
                "cannot read {}: {error}",
                path.display()
            )));
        }
    };
    let artifact: ImportArtifact = serde_json::from_slice(&text).map_err(|error| {
        CliError::environment(format!("{} cannot be read: {error}", path.display()))
            .hint(format!("archal attach-reprocess {name} --from import"))
    })?;
    Ok(artifact.trace)
}
