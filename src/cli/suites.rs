//! What commands that show suites of runs share: how much and how wide, where they are kept, and
//! the forms in which they are written.

use std::path::{Path, PathBuf};

use crate::run::kept::evidence::{self, Evidence, Limits};
use crate::run::kept::lookup::LookupError;
use crate::run::kept::shelf::ReadError;
use crate::run::render::{html, junit};
use crate::run::report::SuiteReport;
use crate::run::result::RunResult;
use crate::run::terminal::{Detail, Look};
use crate::store::layout::Layout;

use super::arguments::ConfigFile;
use super::context::CommandContext;
use super::error::CliError;

/// Bytes of an output that are read to tell its end.
const OUTPUT: u64 = 64 << 10;

/// How a suite is shown: as wide as the terminal, as much as `-q` and `-v` say, paths from here.
pub(crate) fn look(cx: &CommandContext) -> Look<'_> {
    Look {
        width: cx.printer.width(),
        detail: if cx.printer.is_quiet() {
            Detail::Quiet
        } else if cx.printer.is_verbose() {
            Detail::All
        } else {
            Detail::Usual
        },
        base: Some(&cx.environment.directory),
    }
}

/// The end of what a run wrote to stderr; nothing where it cannot be read.
pub(crate) fn stderr(result: &RunResult) -> String {
    evidence::tail(&result.evidence.join("stderr"), OUTPUT)
        .map(|tail| tail.text)
        .unwrap_or_default()
}

/// What a run left, as much as a terminal or a document shows.
pub(crate) fn all_evidence(result: &RunResult) -> Evidence {
    let limits = Limits {
        calls: 1_000,
        rows: 500,
        output: OUTPUT,
    };
    evidence::read(&result.evidence, limits)
}

/// Where the suites of the configuration's folder are kept; nothing is made.
pub(crate) fn kept(file: &ConfigFile, cx: &CommandContext) -> Result<Layout, CliError> {
    let loaded = cx.load_config(file.config.as_deref(), &cx.environment.directory, &[])?;
    let elsewhere = cx.environment.get("ARCHAL_STATE_DIR").map(PathBuf::from);
    Ok(Layout::of(&loaded.directory, elsewhere.as_deref()))
}

/// The folder that tools which read results take paths from: the checkout, else here.
pub(crate) fn checkout(cx: &CommandContext) -> PathBuf {
    let here = &cx.environment.directory;
    let top = here.ancestors().find(|above| above.join(".git").exists());
    top.unwrap_or(here).to_owned()
}

/// The suite as JUnit XML.
pub(crate) fn junit(report: &SuiteReport, cx: &CommandContext) -> Result<String, CliError> {
    junit::of(report, Some(&checkout(cx)), &stderr).map_err(CliError::internal)
}

/// The suite as a page.
pub(crate) fn html(report: &SuiteReport, base: &Path) -> Result<String, CliError> {
    let room = html::Room::default();
    let limits = Limits {
        calls: room.calls,
        rows: room.rows,
        output: room.text as u64,
    };
    let read = |result: &RunResult| evidence::read(&result.evidence, limits);
    html::of(report, Some(base), &read, room).map_err(CliError::internal)
}

/// A suite that cannot be found, as an error with what to do about it.
pub(crate) fn not_found(error: LookupError) -> CliError {
    match error {
        LookupError::Read(error) => unreadable(error),
        LookupError::Nothing => CliError::environment(error).hint("archal run"),
        LookupError::Alone { .. } => CliError::environment(error)
            .hint("archal run")
            .hint("then: archal runs compare"),
        LookupError::Unknown { .. } | LookupError::Several { .. } | LookupError::NoSuite { .. } => {
            CliError::usage(error).hint("archal runs list")
        }
    }
}

/// A suite or run that cannot be read, as an error with what to do about it.
pub(crate) fn unreadable(error: ReadError) -> CliError {
    CliError::environment(error).hint("archal runs list")
}
