//! `archal runs export`: a suite in a form that others read.

use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use clap::ValueEnum;
use serde::Serialize;

use crate::cli::arguments::{ConfigFile, JsonOutput};
use crate::cli::context::CommandContext;
use crate::cli::error::CliError;
use crate::cli::exit::{self, Exit};
use crate::cli::suites;
use crate::run::kept::documents::Exported;
use crate::run::kept::lookup;
use crate::run::kept::shelf::Shelf;
use crate::run::render::{github, words};
use crate::run::report::{SUMMARY_SCHEMA, SUMMARY_VERSION, ScenarioReport, SuiteReport};
use crate::run::scenarios;
use crate::store::atomic::{self, Durability};

/// A suite as a page, test results, JSON, or for a workflow of GitHub
///
/// `github` appends a summary to the file that GITHUB_STEP_SUMMARY names, or to -o, and writes
/// annotations to stdout; where neither is given the summary goes to stdout.
#[derive(Debug, clap::Args)]
#[command(after_help = exit::help(&[Exit::Fine, Exit::Usage, Exit::CouldNotRun]))]
pub(crate) struct Args {
    /// The suite: id, beginning of an id, or `last`
    #[arg(default_value = "last")]
    id: String,

    /// The form
    #[arg(long, value_enum)]
    format: Format,

    /// The file to write, instead of stdout
    #[arg(short = 'o', long = "output", value_name = "FILE")]
    file: Option<PathBuf>,

    /// Write over a file that is there
    #[arg(long)]
    force: bool,

    #[command(flatten)]
    config: ConfigFile,

    #[command(flatten)]
    output: JsonOutput,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// One page that opens from a disk.
    Html,
    /// JUnit XML, for what reads test results.
    Junit,
    /// The summary as it is kept.
    Json,
    /// The summary of a step and annotations.
    Github,
}

pub(crate) fn run(args: &Args, cx: &mut CommandContext) -> Result<Exit, CliError> {
    let layout = suites::kept(&args.config, cx)?;
    let shelf = Shelf { layout: &layout };
    let id = lookup::suite(shelf, &args.id).map_err(suites::not_found)?;
    let report = shelf.suite(&id).map_err(suites::unreadable)?;
    let text = match args.format {
        Format::Html => suites::html(&report, &cx.environment.directory)?,
        Format::Junit => suites::junit(&report, cx)?,
        Format::Json => json(&report)?,
        Format::Github => return for_github(args, &report, cx),
    };
    match &args.file {
        Some(file) => {
            let path = cx.environment.resolve(file);
            write(&path, text.as_bytes(), args.force)?;
            told(args, &report, path, text.len(), cx);
        }
        None if args.output.json => return Err(needs_file(args)),
        None => cx.printer.raw(text.as_bytes()),
    }
    Ok(Exit::Fine)
}

fn name(format: Format) -> String {
    format
        .to_possible_value()
        .map(|value| value.get_name().to_owned())
        .unwrap_or_default()
}

fn needs_file(args: &Args) -> CliError {
    let format = name(args.format);
    CliError::usage("with --json stdout is a document, so the export needs a file").hint(format!(
        "archal runs export {} --format {format} -o <file> --json",
        args.id
    ))
}

/// Writes a file that is not there, or is to be written over.
fn write(path: &Path, bytes: &[u8], force: bool) -> Result<(), CliError> {
    if !force && path.symlink_metadata().is_ok() {
        return Err(
            CliError::usage(format!("{} is there already", path.display()))
                .hint("the same command with --force writes over it"),
        );
    }
    atomic::write(path, bytes, Durability::Derived).map_err(CliError::environment)
}

fn told(args: &Args, report: &SuiteReport, file: PathBuf, bytes: usize, cx: &CommandContext) {
    cx.printer.note(format!(
        "{}: {} of {}, {}",
        words::path(&file, Some(&cx.environment.directory)),
        name(args.format),
        report.suite,
        words::bytes(bytes as u64)
    ));
    let exported = Exported {
        suite: report.suite.clone(),
        format: name(args.format),
        file,
        bytes,
    };
    cx.printer.document("archal.runs-export", 1, &exported);
}

fn json(report: &SuiteReport) -> Result<String, CliError> {
    #[derive(Serialize)]
    struct Summary<'a> {
        schema: &'a str,
        version: u32,
        #[serde(flatten)]
        report: &'a SuiteReport,
    }
    let summary = Summary {
        schema: SUMMARY_SCHEMA,
        version: SUMMARY_VERSION,
        report,
    };
    let bytes = atomic::json_bytes(Path::new("stdout"), &summary).map_err(CliError::internal)?;
    String::from_utf8(bytes).map_err(CliError::internal)
}

/// The summary to the step's file, the annotations to stdout.
fn for_github(args: &Args, report: &SuiteReport, cx: &CommandContext) -> Result<Exit, CliError> {
    let base = suites::checkout(cx);
    let summary = github::summary(report, Some(&base));
    let given = args.file.as_ref().map(|file| cx.environment.resolve(file));
    let step = cx
        .environment
        .get("GITHUB_STEP_SUMMARY")
        .filter(|path| !path.is_empty())
        .map(PathBuf::from);
    let file = match (given, step) {
        (Some(file), _) => {
            write(&file, summary.as_bytes(), args.force)?;
            file
        }
        (None, Some(file)) => {
            append(&file, summary.as_bytes())?;
            file
        }
        (None, None) if args.output.json => return Err(needs_file(args)),
        (None, None) => {
            cx.printer.raw(summary.as_bytes());
            return Ok(Exit::Fine);
        }
    };
    let line = |scenario: &ScenarioReport, criterion: &str| line_of(scenario, criterion, cx);
    for annotation in github::annotations(report, Some(&base), &line) {
        cx.printer.line(annotation);
    }
    told(args, report, file, summary.len(), cx);
    Ok(Exit::Fine)
}

/// Adds to a file that the workflow's runner made and reads.
fn append(path: &Path, bytes: &[u8]) -> Result<(), CliError> {
    let written = OpenOptions::new()
        .append(true)
        .create(true)
        .open(path)
        .and_then(|mut file| file.write_all(bytes));
    written.map_err(|error: io::Error| {
        CliError::environment(format!("cannot add to {}: {error}", path.display()))
            .hint("GITHUB_STEP_SUMMARY names that file; -o <file> writes another")
    })
}

/// The line of a criterion in its file as it is now; none where either is gone.
fn line_of(scenario: &ScenarioReport, criterion: &str, cx: &CommandContext) -> Option<usize> {
    let path = cx.environment.resolve(&scenario.path);
    let text = std::fs::read_to_string(&path).ok()?;
    let (prepared, _) = scenarios::load(&path, cx.clones).ok()?;
    let span = prepared.scenario.criterion(criterion)?.span;
    let before = text.as_bytes().get(..span.start)?;
    Some(before.iter().filter(|byte| **byte == b'\n').count() + 1)
}
