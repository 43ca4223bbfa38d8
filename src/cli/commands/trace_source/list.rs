//! `archal trace-source list`: what is registered, and what could be.

use super::document::{ProviderRow, SourceList, SourceRow};
use super::site::{Repo, Site};
use crate::cli::context::CommandContext;
use crate::cli::error::CliError;
use crate::cli::exit::{self, Exit};
use crate::ingest::registry::planned::PLANNED;

/// The sources of this repository, and the providers there are
#[derive(Debug, clap::Args)]
#[command(after_help = exit::help(&[Exit::Fine, Exit::Usage, Exit::CouldNotRun]))]
pub(super) struct Args {
    /// Show the providers with their options too
    #[arg(long)]
    providers: bool,

    #[command(flatten)]
    repo: Repo,
}

pub(super) fn run(args: &Args, cx: &mut CommandContext) -> Result<Exit, CliError> {
    let site = Site::of(&args.repo, cx)?;
    let registry = site.registry(cx)?;
    let list = SourceList {
        repo: site.place.repo.clone(),
        default: registry.default().map(str::to_owned),
        sources: registry
            .sources()
            .into_iter()
            .map(|source| SourceRow::of(source, registry.default(), cx.sources))
            .collect(),
        providers: cx.sources.iter().map(ProviderRow::of).collect(),
        planned: PLANNED.iter().map(|(name, _)| (*name).to_owned()).collect(),
    };
    for source in &list.sources {
        let traces = site.shown(&source.trace_dir, cx);
        cx.printer.line(source.text(&traces).trim_end());
    }
    if list.sources.is_empty() {
        cx.printer
            .line("no trace source is connected; archal trace-source connect <provider>");
    }
    if args.providers || list.sources.is_empty() {
        cx.printer.line("\nproviders");
        for provider in &list.providers {
            cx.printer.line(provider.text().trim_end());
        }
        cx.printer
            .line(format!("later: {}", list.planned.join(", ")));
    }
    cx.printer.document("archal.trace-source-list", 1, &list);
    Ok(Exit::Fine)
}
