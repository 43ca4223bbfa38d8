//! `archal trace-source use`, `disable` and `allow`.

use super::document::{ChangedSource, SourceRow};
use super::site::{self, Repo, Site};
use crate::cli::context::CommandContext;
use crate::cli::error::CliError;
use crate::cli::exit::{self, Exit};
use crate::ingest::registry::{Registry, RegistryError, Source};

/// Make a source the one that is meant where none is named, and enable it
#[derive(Debug, clap::Args)]
#[command(after_help = exit::help(&[Exit::Fine, Exit::Usage, Exit::CouldNotRun]))]
pub(super) struct UseArgs {
    /// The source
    source: String,

    #[command(flatten)]
    repo: Repo,
}

/// Allow on this machine what a source does: whom it asks with which variables, and what it starts
///
/// A repository says it, and who cloned it may not want it: another host would be sent what the variables
/// hold. So a source is not asked before this. `connect` allows what it is told; it is kept in the state folder of
/// the user, and holds until one of these options is another.
#[derive(Debug, clap::Args)]
#[command(after_help = exit::help(&[Exit::Fine, Exit::Usage, Exit::CouldNotRun]))]
pub(super) struct AllowArgs {
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

pub(super) fn allow(args: &AllowArgs, cx: &mut CommandContext) -> Result<Exit, CliError> {
    let name = &args.source;
    let site = Site::of(&args.repo, cx)?;
    let known = site.registry(cx)?;
    match known.source(name) {
        None => return Err(site::unknown(name, &known)),
        // What is wrong besides is no matter of what is allowed.
        Some(source) if !source.problems.is_empty() && source.is_allowed() => {
            return Err(site::unusable(&source, cx));
        }
        Some(_) => {}
    }
    let registry = change(&site, cx, |registry| registry.allow(name).map(drop))?;
    let Some(source) = registry.source(name) else {
        return Err(site::unknown(name, &registry));
    };
    if !source.problems.is_empty() {
        return Err(site::unusable(&source, cx));
    }
    cx.printer.line(match registry.told(&source) {
        Some(told) => format!("allowed {name}: it {told}"),
        None => format!("{name} does nothing that has to be allowed"),
    });
    tell(site, source, registry.default(), "allowed", cx);
    Ok(Exit::Fine)
}

fn changed(
    name: &str,
    repo: &Repo,
    done: &'static str,
    make: fn(&mut Registry, &str) -> bool,
    cx: &mut CommandContext,
) -> Result<Exit, CliError> {
    let site = Site::of(repo, cx)?;
    let known = site.registry(cx)?;
    if known.source(name).is_none() {
        return Err(site::unknown(name, &known));
    }
    let registry = change(&site, cx, |registry| {
        make(registry, name);
        Ok(())
    })?;
    let Some(source) = registry.source(name) else {
        return Err(site::unknown(name, &registry));
    };
    let traces = site.shown(&source.trace_dir, cx);
    let row = SourceRow::of(source.clone(), registry.default(), cx.sources);
    cx.printer.line(row.text(&traces).trim_end());
    tell(site, source, registry.default(), done, cx);
    Ok(Exit::Fine)
}

/// Changes the registry; how it is then.
fn change(
    site: &Site,
    cx: &CommandContext,
    change: impl FnOnce(&mut Registry) -> Result<(), RegistryError>,
) -> Result<Registry, CliError> {
    let changed = Registry::change(&site.places, cx.sources, |registry| {
        change(registry)?;
        Ok::<_, RegistryError>(registry.clone())
    });
    changed.map_err(site::registry_error)
}

/// Tells the watcher and programs of a source that was changed.
fn tell(
    site: Site,
    source: Source,
    default: Option<&str>,
    done: &'static str,
    cx: &mut CommandContext,
) {
    site.wake(cx);
    let document = ChangedSource {
        repo: site.place.repo,
        done,
        source: SourceRow::of(source, default, cx.sources),
        unset: Vec::new(),
        next: Vec::new(),
    };
    cx.printer.document("archal.trace-source", 1, &document);
}
