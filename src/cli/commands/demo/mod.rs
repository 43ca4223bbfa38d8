//! `archal demo`: the whole loop on a shipped example.

mod example;
mod story;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use schemars::JsonSchema;
use serde::Serialize;

use crate::attach::flags::AttachFlags;
use crate::attach::job::Status;
use crate::attach::report::PassReport;
use crate::cli::arguments::JsonOutput;
use crate::cli::context::CommandContext;
use crate::cli::error::CliError;
use crate::cli::exit::{self, Exit};
use crate::cli::pass::{self, PassPlan};
use crate::git::command::{self, Git};
use crate::reproduce::private::private_folder;
use crate::run::harness;

/// The whole loop on a shipped example: no account, no key, no network
#[derive(Debug, clap::Args)]
#[command(after_help = exit::help(&[Exit::Fine, Exit::Bad, Exit::CouldNotRun]))]
pub(crate) struct Args {
    #[command(flatten)]
    output: JsonOutput,

    /// Keep the example with everything the loop wrote, in a new folder
    #[arg(long, value_name = "DIR", num_args = 0..=1, default_missing_value = "archal-demo")]
    keep: Option<PathBuf>,
}

/// How the demonstration went: `archal demo --json`.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Demonstration<'a> {
    /// Whether the fix was proved.
    proven: bool,
    /// Where the example is kept; null where it is gone.
    kept: Option<&'a Path>,
    /// How long it took.
    seconds: f64,
    /// The pass over its trace, as `archal attach --json` tells it.
    pass: &'a PassReport,
}

pub(crate) fn run(args: &Args, cx: &mut CommandContext) -> Result<Exit, CliError> {
    let began = cx.clock.monotonic();
    // The demonstration's state belongs to its copy, not among the caller's own.
    cx.forget_variable("ARCHAL_STATE_DIR");
    needs(cx)?;
    let temporary;
    let folder = match &args.keep {
        Some(folder) => {
            let folder = cx.environment.resolve(folder);
            if folder.exists() {
                return Err(
                    CliError::usage(format!("{} exists already", folder.display()))
                        .hint("archal demo --keep <a new folder>"),
                );
            }
            folder
        }
        None => {
            temporary = private_folder(&cx.environment).map_err(CliError::environment)?;
            temporary.path().join("issue-janitor")
        }
    };
    example::write(&folder).map_err(CliError::environment)?;
    commit(&folder, cx)?;
    let plan = PassPlan {
        directory: folder.join("traces"),
        repo: folder.clone(),
        flags: AttachFlags {
            policy: Some("fix".to_owned()),
            fix_command: Some(example::FIX_COMMAND.to_owned()),
            allow_external_execution: true,
            ..AttachFlags::default()
        },
        // Trying archal out is not the user's spending.
        ledger: Some(folder.join(".archal/ledger.db")),
        jobs: None,
    };
    let printer = cx.printer.clone();
    let (report, is_interrupted) =
        pass::make(&plan, cx, Arc::new(move |line: &str| printer.note(line)))?;
    let seconds = (cx.clock.monotonic() - began).as_secs_f64();
    let kept = args.keep.as_deref();
    let proven =
        !report.jobs.is_empty() && report.jobs.iter().all(|job| job.status == Status::Fixed);
    cx.printer
        .line(story::text(&report, &folder, kept, seconds).trim_end());
    cx.printer.document(
        "archal.demo",
        1,
        &Demonstration {
            proven,
            kept,
            seconds,
            pass: &report,
        },
    );
    Ok(match (is_interrupted, proven) {
        (true, _) => Exit::Interrupted,
        (false, true) => Exit::Fine,
        (false, false) => Exit::Bad,
    })
}

/// The demonstration's agent is Python and its repository is git's.
fn needs(cx: &CommandContext) -> Result<(), CliError> {
    let path = cx.environment.get("PATH").unwrap_or_default();
    match command::version(path) {
        Some(version) if version >= command::OLDEST => {}
        Some((major, minor)) => {
            let (wanted_major, wanted_minor) = command::OLDEST;
            return Err(CliError::environment(format!(
                "git {major}.{minor} is too old; {wanted_major}.{wanted_minor} or newer is needed"
            ))
            .hint("apt-get install git"));
        }
        None => {
            return Err(CliError::environment("git is needed and was not found")
                .hint("apt-get install git"));
        }
    }
    if !harness::is_there("python3", Path::new("/"), &cx.environment) {
        return Err(CliError::environment("python3 is needed and was not found")
            .hint("apt-get install python3"));
    }
    Ok(())
}

/// Makes the example a repository with one commit.
fn commit(folder: &Path, cx: &CommandContext) -> Result<(), CliError> {
    let path = cx.environment.get("PATH").unwrap_or_default();
    let git = |arguments: &[&str]| {
        Git::new(folder, path)
            .args([
                "-c",
                "user.name=archal demo",
                "-c",
                "user.email=demo@archal.invalid",
            ])
            .args(arguments)
            .output()
            .map_err(CliError::environment)
    };
    git(&["init", "--quiet", "--initial-branch=main"])?;
    git(&["add", "--all"])?;
    git(&[
        "commit",
        "--quiet",
        "-m",
        "issue-janitor as it ran in production",
    ])?;
    Ok(())
}
