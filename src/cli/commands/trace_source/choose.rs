//! `archal trace-source use` and `disable`.

use super::document::{ChangedSource, SourceRow};
use super::site::{self, Repo, Site};
use crate::cli::context::CommandContext;
use crate::cli::error::CliError;
use crate::cli::exit::{self, Exit};
use crate::ingest::registry::{Registry, RegistryError};

/// Make a source the one that is meant where none is named, and enable it
#[derive(Debug, clap::Args)]
#[command(after_help = exit::help(&[Exit::Fine, Exit::Usage, Exit::CouldNotRun]))]
pub(super) struct UseArgs {
    /// The source
    source: String,

    #[command(flatten)]
    repo: Repo,
}

/// Stop a source; what is said of it stays, and `connect` or `use` enables it again
#[derive(Debug, clap::Args)]
#[command(after_help = exit::help(&[Exit::Fine, Exit::Usage, Exit::CouldNotRun]))]
pub(super) struct DisableArgs {
    /// The source
    source: String,

    #[command(flatten)]
    repo: Repo,
}

pub(super) fn make_default(args: &UseArgs, cx: &mut CommandContext) -> Result<Exit, CliError> {
    changed(
        &args.source,
        &args.repo,
        "default",
        Registry::make_default,
        cx,
    )
}

pub(super) fn disable(args: &DisableArgs, cx: &mut CommandContext) -> Result<Exit, CliError> {
    changed(&args.source, &args.repo, "disabled", Registry::disable, cx)
}

fn changed(
    name: &str,
    repo: &Repo,
    done: &'static str,
    change: fn(&mut Registry, &str) -> bool,
    cx: &mut CommandContext,
) -> Result<Exit, CliError> {
    let site = Site::of(repo, cx)?;
    let known = site.registry(cx)?;
    if known.source(name).is_none() {
        return Err(site::unknown(name, &known));
    }
    let changed = Registry::change(&site.places, cx.sources, |registry| {
        change(registry, name);
        Ok::<_, RegistryError>(registry.clone())
    });
    let registry = changed.map_err(site::registry_error)?;
    let Some(source) = registry.source(name) else {
        return Err(site::unknown(name, &registry));
    };
    site.wake(cx);
    let traces = site.shown(&source.trace_dir, cx);
    let row = SourceRow::of(source, registry.default(), cx.sources);
    cx.printer.line(row.text(&traces).trim_end());
    let document = ChangedSource {
        repo: site.place.repo,
        done,
        source: row,
        unset: Vec::new(),
        next: Vec::new(),
    };
    cx.printer.document("archal.trace-source", 1, &document);
    Ok(Exit::Fine)
}
