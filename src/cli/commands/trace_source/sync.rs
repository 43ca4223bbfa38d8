//! `archal trace-source sync`: what a pull source has now.

use std::str::FromStr;

use archal_core::clock::Timestamp;
use archal_core::source::SourceStyle;

use super::asked;
use super::import::{self, Wanted};
use super::site::{self, Repo, Site};
use crate::cli::context::CommandContext;
use crate::cli::error::CliError;
use crate::cli::exit::{self, Exit};
use crate::config::amounts::Age;
use crate::ingest::registry::Source;
use crate::report::shell::quoted;

/// Get what a pull source has now
#[derive(Debug, clap::Args)]
#[command(after_help = exit::help(&[
    Exit::Fine, Exit::Usage, Exit::CouldNotRun, Exit::Interrupted,
]))]
pub(super) struct Args {
    /// The source [default: the default one]
    source: Option<String>,

    /// Leave out traces that ended before: a time such as 2026-01-31T00:00:00Z, or how long ago: 7d
    #[arg(long, value_name = "TIME")]
    since: Option<Since>,

    /// How many new or updated traces at most
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    limit: Option<u64>,

    /// Say what would be written, and write nothing
    #[arg(long)]
    dry_run: bool,

    #[command(flatten)]
    repo: Repo,
}

/// A time, or how long ago it was.
#[derive(Debug, Clone, Copy)]
enum Since {
    At(Timestamp),
    Ago(Age),
}

impl FromStr for Since {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        let ago = text.parse().map(Self::Ago);
        ago.or_else(|_| text.parse().map(Self::At)).map_err(
            |_| "it is neither a time such as 2026-01-31T00:00:00Z nor a duration such as 7d",
        )
    }
}

impl Since {
    fn time(self, now: Timestamp) -> Timestamp {
        match self {
            Self::At(time) => time,
            Self::Ago(age) => now.checked_sub(age.duration()).unwrap_or(Timestamp::MIN),
        }
    }
}

pub(super) fn run(args: &Args, cx: &mut CommandContext) -> Result<Exit, CliError> {
    let site = Site::prepared(&args.repo, cx)?;
    let now = cx.clock.now();
    let since = args.since.map(|since| since.time(now));
    let source = site.source(args.source.as_deref(), cx)?;
    if let Some(pull) = asked::pull_of(&source, cx) {
        if !source.problems.is_empty() {
            return Err(site::unusable(&source, cx));
        }
        let wanted = asked::Wanted {
            since,
            limit: args.limit,
            is_dry: args.dry_run,
        };
        return asked::made(&site, source, pull, &wanted, cx);
    }
    let path = pulled(&site, &source, cx)?;
    let wanted = Wanted {
        path: &path,
        directory: &source.trace_dir,
        source: &source.name,
        since,
        limit: args.limit,
        is_dry: args.dry_run,
    };
    import::made(&site, &wanted, cx)
}

/// That a source can be asked again and again.
pub(super) fn can_be_asked(
    site: &Site,
    source: &Source,
    cx: &CommandContext,
) -> Result<(), CliError> {
    if source.problems.is_empty() && asked::pull_of(source, cx).is_some() {
        return Ok(());
    }
    pulled(site, source, cx).map(drop)
}

/// Where a source that reads files has its traces.
fn pulled(
    site: &Site,
    source: &Source,
    cx: &CommandContext,
) -> Result<std::path::PathBuf, CliError> {
    if !source.problems.is_empty() {
        return Err(site::unusable(source, cx));
    }
    if source.style(cx.sources) == Some(SourceStyle::Push) {
        let traces = site.shown(&source.trace_dir, cx);
        let repo = quoted(&site.place.shown);
        return Err(CliError::usage(format!(
            "`{}` is a push source: its traces are sent to it, and there is nothing to ask for",
            source.name
        ))
        .hint(format!("archal attach {traces} --repo {repo}")));
    }
    let path = source.options.path("path").ok_or_else(|| {
        CliError::internal(format!("`{}` has no way to be asked", source.provider))
    })?;
    if !path.exists() {
        return Err(CliError::environment(format!(
            "there is no {}, where `{}` has its traces",
            path.display(),
            source.name
        ))
        .hint(format!(
            "archal trace-source connect {} --name {} --option path=<file or folder>",
            source.provider, source.name
        )));
    }
    Ok(path)
}
