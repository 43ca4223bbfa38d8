//! `archal trace-source connect`: a source is registered, or changed.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use archal_core::redact::{RedactionCounts, Redactor};
use archal_core::source::{SourceDescriptor, SourceStyle};

use super::asked;
use super::document::{ChangedSource, SourceRow};
use super::site::{self, Repo, Site};
use crate::cli::bench;
use crate::cli::context::CommandContext;
use crate::cli::error::CliError;
use crate::cli::exit::{self, Exit};
use crate::ingest::registry::file::Said;
use crate::ingest::registry::options::{self, OptionError};
use crate::ingest::registry::source::{self, ProviderError};
use crate::ingest::registry::{Registry, RegistryError, Source};

/// Register a source, or change what is said of it
///
/// Names and options stand in `.archal/trace-sources.json`, which is committed; folders are this
/// machine's. Secrets are variables, by name. A source that is there keeps what is not said anew.
#[derive(Debug, Default, clap::Args)]
#[command(after_help = exit::help(&[Exit::Fine, Exit::Usage, Exit::CouldNotRun]))]
pub(super) struct Args {
    /// The provider, one of `archal trace-source list --providers`
    pub(super) provider: String,

    /// The source's name, part of the identity of its traces [default: the provider's]
    #[arg(long)]
    pub(super) name: Option<String>,

    /// An option of the provider, `name=value`; `name=` takes it back; may be given several times
    #[arg(long, value_name = "NAME=VALUE")]
    pub(super) option: Vec<String>,

    /// Where its traces are put, the directory to attach [default: .archal/traces]
    #[arg(long, value_name = "DIR")]
    pub(super) trace_dir: Option<PathBuf>,

    /// Make it the source that is meant where none is named
    #[arg(long = "use")]
    pub(super) make_default: bool,

    #[command(flatten)]
    pub(super) repo: Repo,
}

pub(super) fn run(args: &Args, cx: &mut CommandContext) -> Result<Exit, CliError> {
    let document = register(args, cx)?;
    let traces = &document.traces;
    let changed = &document.changed;
    cx.printer.line(format!(
        "{} {}",
        changed.done,
        changed.source.text(traces).trim_end()
    ));
    for variable in &changed.unset {
        cx.printer.warning(format!("{variable} is not set here"));
    }
    for command in &changed.next {
        cx.printer.line(format!("  next     {command}"));
    }
    cx.printer.document("archal.trace-source", 1, changed);
    Ok(Exit::Fine)
}

/// What became of a source that was registered.
pub(super) struct Registered {
    pub(super) changed: ChangedSource,
    /// Its trace directory as commands take it, and as it is.
    traces: String,
    pub(super) directory: PathBuf,
}

/// What was said, checked.
fn checked(
    args: &Args,
    cx: &mut CommandContext,
) -> Result<(&'static SourceDescriptor, String, Said), CliError> {
    let provider = source::provider(&args.provider, cx.sources).map_err(no_provider)?;
    let name = args.name.as_deref().unwrap_or(provider.name);
    source::check_name(name).map_err(|error| CliError::usage(error).hint("--name prod"))?;
    let site = Site::of(&args.repo, cx)?;
    let loaded = cx.load_config(None, &site.place.repo, &[])?;
    let redactor = bench::redactor(cx, &loaded)?;
    let said = Said {
        options: said(args, provider, &redactor, cx)?,
        trace_dir: args
            .trace_dir
            .as_deref()
            .map(|folder| trace_dir(folder, cx))
            .transpose()?,
    };
    Ok((provider, name.to_owned(), said))
}

/// The source as it would be, of which nothing is written.
pub(super) fn imagined(
    args: &Args,
    site: &Site,
    cx: &mut CommandContext,
) -> Result<Source, CliError> {
    let (provider, name, said) = checked(args, cx)?;
    let mut registry = site.registry(cx)?;
    change(&mut registry, &name, provider, &said, args.make_default)
        .map(|(_, after, _)| after)
        .map_err(|refusal| refusal.into_error(&name, provider))
}

/// Registers a source, and tells the watcher.
pub(super) fn register(args: &Args, cx: &mut CommandContext) -> Result<Registered, CliError> {
    let (provider, name, said) = checked(args, cx)?;
    let site = Site::prepared(&args.repo, cx)?;
    let changed = Registry::change(&site.places, cx.sources, |registry| {
        change(registry, &name, provider, &said, args.make_default)
    });
    let (before, after, default) =
        changed.map_err(|refusal| refusal.into_error(&name, provider))?;
    let done = match &before {
        None => "connected",
        Some(before) if *before == after => "unchanged",
        Some(_) => "changed",
    };
    site.wake(cx);
    let next = next(&site, &after, provider.style, cx);
    let unset = unset(&after, cx);
    let traces = site.shown(&after.trace_dir, cx);
    let directory = after.trace_dir.clone();
    let row = SourceRow::of(after, default.as_deref(), cx.sources);
    Ok(Registered {
        changed: ChangedSource {
            repo: site.place.repo,
            done,
            source: row,
            unset,
            next,
        },
        traces,
        directory,
    })
}

/// Why a source is not registered as it was said.
enum Refusal {
    Registry(RegistryError),
    /// Another source has the name, compared without case.
    Taken {
        name: String,
        provider: String,
    },
    /// It could not be used.
    Unusable(Box<Source>),
}

impl From<RegistryError> for Refusal {
    fn from(error: RegistryError) -> Self {
        Self::Registry(error)
    }
}

impl Refusal {
    fn into_error(self, name: &str, provider: &SourceDescriptor) -> CliError {
        match self {
            Self::Registry(error) => site::registry_error(error),
            Self::Taken {
                name: taken,
                provider: of,
            } => CliError::usage(format!("the trace source `{taken}` is there, of `{of}`")).hint(
                format!(
                    "archal trace-source connect {} --name {name}-{}",
                    provider.name, provider.name
                ),
            ),
            Self::Unusable(source) => {
                let told: Vec<&str> = source
                    .problems
                    .iter()
                    .map(|finding| finding.message.as_str())
                    .collect();
                let error = CliError::usage(told.join("; "));
                let missing = provider.options.iter().find(|option| {
                    option.is_required && source.options.text(option.name).is_none()
                });
                match missing {
                    Some(option) => error.hint(format!("--option {}=<value>", option.name)),
                    None => error.hint("archal trace-source list"),
                }
            }
        }
    }
}

/// What was there, what is now, and the default.
type Change = (Option<Source>, Source, Option<String>);

fn change(
    registry: &mut Registry,
    name: &str,
    provider: &SourceDescriptor,
    said: &Said,
    make_default: bool,
) -> Result<Change, Refusal> {
    let known = registry
        .names()
        .find(|known| known.eq_ignore_ascii_case(name));
    if let Some(known) = known.map(str::to_owned) {
        let of = registry.source(&known).map(|known| known.provider);
        let of = of.unwrap_or_default();
        if known != name || of != provider.name {
            return Err(Refusal::Taken {
                name: known,
                provider: of,
            });
        }
    }
    let was_default = registry.default() == Some(name);
    let before = registry.source(name);
    registry.connect(name, provider, said)?;
    if make_default {
        registry.make_default(name);
    }
    let Some(after) = registry.source(name) else {
        return Err(Refusal::Taken {
            name: name.to_owned(),
            provider: provider.name.to_owned(),
        });
    };
    // What somebody else wrote beside it is not allowed by it, and is told.
    if !after.problems.is_empty() && after.is_allowed() {
        return Err(Refusal::Unusable(Box::new(after)));
    }
    let default = registry.default().map(str::to_owned);
    let is_changed = was_default != (default.as_deref() == Some(name));
    Ok((before.filter(|_| !is_changed), after, default))
}

fn no_provider(error: ProviderError) -> CliError {
    let hint = match &error {
        ProviderError::Planned { .. } => {
            "export its traces as files, then: archal trace-source import <path>".to_owned()
        }
        ProviderError::Unknown {
            near: Some(near), ..
        } => format!("archal trace-source connect {near}"),
        ProviderError::Unknown { near: None, .. } => "archal trace-source list".to_owned(),
    };
    CliError::usage(error).hint(hint)
}

fn said(
    args: &Args,
    provider: &'static SourceDescriptor,
    redactor: &Redactor,
    cx: &CommandContext,
) -> Result<BTreeMap<String, Option<String>>, CliError> {
    let mut said = BTreeMap::new();
    for pair in &args.option {
        let Some((name, text)) = pair.split_once('=') else {
            return Err(CliError::usage("an option is `name=value`").hint(format!(
                "archal trace-source connect {} --option listen=127.0.0.1:4318",
                provider.name
            )));
        };
        let option = options::known(provider.name, provider.options, name)
            .map_err(|error| unknown_option(error, provider))?;
        if text.is_empty() {
            said.insert(name.to_owned(), None);
            continue;
        }
        options::check(option, text).map_err(CliError::usage)?;
        if redactor.text(text, &mut RedactionCounts::new()) != text {
            return Err(CliError::usage(format!(
                "the value of `{name}` looks like a secret, and the registry is committed"
            ))
            .hint("put it into a variable, and name that"));
        }
        let text = match option.kind {
            kind if kind.is_path() => {
                let path = cx.environment.resolve(Path::new(text));
                let path = path.canonicalize().unwrap_or(path);
                path.to_string_lossy().into_owned()
            }
            _ => text.to_owned(),
        };
        said.insert(name.to_owned(), Some(text));
    }
    Ok(said)
}

fn unknown_option(error: OptionError, provider: &SourceDescriptor) -> CliError {
    let hint = match &error {
        OptionError::Unknown {
            near: Some(near), ..
        } => format!("did you mean `{near}`?"),
        _ => {
            let names: Vec<&str> = provider.options.iter().map(|option| option.name).collect();
            format!("its options are {}", names.join(", "))
        }
    };
    CliError::usage(error).hint(hint)
}

/// The directory, absolute and without links as far as it is there.
pub(super) fn trace_dir(folder: &Path, cx: &CommandContext) -> Result<PathBuf, CliError> {
    let folder = cx.environment.resolve(folder);
    if folder.exists() && !folder.is_dir() {
        return Err(CliError::usage(format!(
            "{} is not a directory",
            folder.display()
        )));
    }
    Ok(folder.canonicalize().unwrap_or(folder))
}

/// Variables that options name and nobody set.
pub(super) fn unset(source: &Source, cx: &CommandContext) -> Vec<String> {
    source
        .options
        .variables()
        .map(|(_, variable)| variable)
        .filter(|variable| cx.environment.get(variable).is_none_or(str::is_empty))
        .map(str::to_owned)
        .collect()
}

fn next(site: &Site, source: &Source, style: SourceStyle, cx: &CommandContext) -> Vec<String> {
    let (name, option) = (&source.name, site.option());
    let repo = crate::report::shell::quoted(&site.place.shown);
    let traces = site.shown(&source.trace_dir, cx);
    let attach = format!("archal attach {traces} --repo {repo} --create");
    if !source.is_allowed() {
        return vec![format!("archal trace-source allow {name}{option}")];
    }
    match style {
        SourceStyle::Pull if asked::pull_of(source, cx).is_some() => vec![
            format!("archal trace-source test {name}{option}"),
            format!("archal trace-source sync {name}{option}"),
            attach,
        ],
        SourceStyle::Pull => vec![format!("archal trace-source sync {name}{option}"), attach],
        SourceStyle::Push => vec![attach],
    }
}
