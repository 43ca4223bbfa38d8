//! A repository and its registry of sources.

use std::path::{Path, PathBuf};

use archal_core::diagnostic::nearest;

use crate::cli::arguments::JsonOutput;
use crate::cli::context::CommandContext;
use crate::cli::error::CliError;
use crate::cli::state::Place;
use crate::cli::watching;
use crate::host::protocol::Request;
use crate::ingest::registry::{Places, Registry, RegistryError, Source};
use crate::report::shell::quoted;

/// Where the registry is.
#[derive(Debug, Default, clap::Args)]
pub(super) struct Repo {
    /// The repository of the agent
    #[arg(long, value_name = "DIR", default_value = ".")]
    pub(super) repo: PathBuf,

    #[command(flatten)]
    pub(super) output: JsonOutput,
}

/// A repository and where its registry lies.
pub(super) struct Site {
    pub(super) place: Place,
    pub(super) places: Places,
}

impl Site {
    /// The one that is meant.
    pub(super) fn of(repo: &Repo, cx: &CommandContext) -> Result<Self, CliError> {
        let place = Place::of(&repo.repo, cx)?;
        let places = Places::of(&place.repo, &place.layout, &cx.environment);
        Ok(Self { place, places })
    }

    /// The same, with its state folder made.
    pub(super) fn prepared(repo: &Repo, cx: &CommandContext) -> Result<Self, CliError> {
        let site = Self::of(repo, cx)?;
        site.place.layout.prepare().map_err(|error| {
            CliError::environment(error)
                .hint("ARCHAL_STATE_DIR=<a folder you may write> archal trace-source …")
        })?;
        Ok(site)
    }

    /// The sources there are.
    pub(super) fn registry(&self, cx: &CommandContext) -> Result<Registry, CliError> {
        Registry::read(&self.places, cx.sources).map_err(registry_error)
    }

    /// The source of that name, or the default where none is given.
    pub(super) fn source(
        &self,
        asked: Option<&str>,
        cx: &CommandContext,
    ) -> Result<Source, CliError> {
        let registry = self.registry(cx)?;
        let Some(name) = asked.or(registry.default()) else {
            let error = CliError::usage("no source is named, and none is the default");
            let names: Vec<&str> = registry.names().collect();
            return Err(match names.first() {
                Some(name) => error.hint(format!("archal trace-source use {name}")),
                None => error.hint("archal trace-source connect otel"),
            });
        };
        registry
            .source(name)
            .ok_or_else(|| unknown(name, &registry))
    }

    /// A path as commands that are run here take it.
    pub(super) fn shown(&self, path: &Path, cx: &CommandContext) -> String {
        let here = cx.environment.directory.canonicalize();
        let inside = here
            .as_ref()
            .ok()
            .and_then(|here| path.strip_prefix(here).ok());
        quoted(
            inside
                .filter(|path| !path.as_os_str().is_empty())
                .unwrap_or(path),
        )
    }

    /// ` --repo <repo>`, where a command would not find it by itself.
    pub(super) fn option(&self) -> String {
        if self.place.shown == Path::new(".") {
            String::new()
        } else {
            format!(" --repo {}", quoted(&self.place.shown))
        }
    }

    /// Tells the watcher, where one runs, that the registry changed.
    pub(super) fn wake(&self, cx: &CommandContext) {
        let woken = watching::ask(&self.place.layout, &Request::Wake, watching::PATIENCE, cx);
        if let Err(error) = woken {
            cx.printer.note(format!(
                "the watcher was not told of it, and finds it when it next looks: {}",
                error.error
            ));
        }
    }
}

/// A name that no source has.
pub(super) fn unknown(name: &str, registry: &Registry) -> CliError {
    let error = CliError::usage(format!(
        "there is no trace source `{}`",
        name.escape_default()
    ));
    match nearest(name, registry.names()) {
        Some(near) => error.hint(format!("did you mean `{near}`?")),
        None => error.hint("archal trace-source list"),
    }
}

/// A registry that cannot be read or changed.
pub(super) fn registry_error(error: RegistryError) -> CliError {
    match error {
        RegistryError::Invalid {
            path,
            diagnostics,
            text,
        } => CliError::config(format!("{} cannot be used", path.display()))
            .at(diagnostics, Some(*text)),
        error @ RegistryError::NotText { .. } => CliError::usage(error),
        error => CliError::environment(error),
    }
}

/// A source that cannot be used as it stands.
pub(super) fn unusable(source: &Source, cx: &CommandContext) -> CliError {
    CliError::config(format!("the trace source `{}` cannot be used", source.name))
        .at(source.problems.clone(), None)
        .hint(mend(source, cx))
}

/// The command that mends what is wrong with a source.
pub(super) fn mend(source: &Source, cx: &CommandContext) -> String {
    if !source.is_allowed() {
        return format!("archal trace-source allow {}", source.name);
    }
    let known = source.descriptor(cx.sources);
    let mut options = known.map_or(&[][..], |known| known.options).iter();
    let missing =
        options.find(|option| option.is_required && source.options.text(option.name).is_none());
    let option = match missing {
        Some(option) if option.kind.is_path() => format!("{}=<path>", option.name),
        Some(option) => format!("{}=<value>", option.name),
        None => "<name>=<value>".to_owned(),
    };
    format!(
        "archal trace-source connect {} --name {} --option {option}",
        source.provider, source.name
    )
}
