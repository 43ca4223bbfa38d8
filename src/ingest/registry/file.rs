//! The files of the registry: `.archal/trace-sources.json`, which is committed, and
//! `trace-sources.local.json`, which is this machine's. `reach`: what of them is allowed.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use archal_core::diagnostic::{Diagnostic, SourceText};
use archal_core::environment::Environment;
use archal_core::source::{OptionKind, SourceDescriptor};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::allowed::{self, Allowed, AllowedFile};
use super::options::{OptionError, Options};
use super::source::{self, ProviderError, Source};
use crate::config::strict::{self, Read};
use crate::store::atomic::{self, Durability, WriteError};
use crate::store::inside;
use crate::store::layout::{self, Layout};

/// The value of `schema` in the committed file.
pub const SCHEMA: &str = "archal.trace-sources";
/// The value of `schema` in this machine's file.
pub const LOCAL_SCHEMA: &str = "archal.trace-sources.local";
/// The version of both.
pub const VERSION: u64 = 1;
/// A larger file is no registry.
const MAX_BYTES: u64 = 1 << 20;

/// The committed file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SharedFile {
    /// Always `archal.trace-sources`.
    pub schema: String,
    /// The file's version.
    pub version: u64,
    /// The source that is meant where none is named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<String>,
    /// The sources by name.
    #[serde(default)]
    pub sources: BTreeMap<String, SharedSource>,
}

/// What is committed of a source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SharedSource {
    /// Its provider: `file`, `http`, `otel`.
    pub provider: String,
    /// Whether it is to run.
    #[serde(default = "yes")]
    pub enabled: bool,
    /// Its options, secrets by the name of their variable.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub options: BTreeMap<String, String>,
}

/// This machine's file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LocalFile {
    /// Always `archal.trace-sources.local`.
    pub schema: String,
    /// The file's version.
    pub version: u64,
    /// The sources by name.
    #[serde(default)]
    pub sources: BTreeMap<String, LocalSource>,
}

/// What is this machine's of a source.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LocalSource {
    /// Where its traces are put; relative to the repository.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace_dir: Option<String>,
    /// Options that are paths, but not of programs; relative to the repository.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub options: BTreeMap<String, String>,
}

fn yes() -> bool {
    true
}

/// Where the registry of a repository lies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Places {
    repo: PathBuf,
    shared: PathBuf,
    local: PathBuf,
    lock: PathBuf,
    traces: PathBuf,
    /// What this machine's file may not lead out of.
    bounds: PathBuf,
    /// None without a home directory.
    allowed: Option<allowed::Place>,
}

impl Places {
    /// Of the repository at `repo`, absolute. The committed file is in it, wherever its state is; what is
    /// allowed is in the state folder of the user whose environment that is.
    pub fn of(repo: &Path, layout: &Layout, environment: &Environment) -> Self {
        let allowed = layout::of_user(environment, allowed::FILE);
        Self {
            allowed: allowed.map(|path| allowed::Place::of(path, repo)),
            repo: repo.to_owned(),
            shared: repo.join(".archal").join("trace-sources.json"),
            local: layout.root().join("trace-sources.local.json"),
            lock: layout.root().join("cache").join("trace-sources.lock"),
            traces: layout.traces(),
            bounds: layout.bounds().to_owned(),
        }
    }

    /// The committed file.
    pub fn shared(&self) -> &Path {
        &self.shared
    }

    /// This machine's file.
    pub fn local(&self) -> &Path {
        &self.local
    }

    /// The user's file of what is allowed; none without a home directory.
    pub fn allowed(&self) -> Option<&Path> {
        self.allowed.as_ref().map(|place| place.path.as_path())
    }

    /// Where traces are put when nobody says where.
    pub fn traces(&self) -> &Path {
        &self.traces
    }

    /// A path as this machine's file has it: relative to the repository where it is inside.
    fn kept(&self, path: &Path) -> Result<String, RegistryError> {
        let inside = path.strip_prefix(&self.repo).unwrap_or(path);
        let inside = if inside.as_os_str().is_empty() {
            Path::new(".")
        } else {
            inside
        };
        inside
            .to_str()
            .map(str::to_owned)
            .ok_or_else(|| RegistryError::NotText {
                path: path.to_owned(),
            })
    }
}

/// Why the registry cannot be read or changed.
#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    /// A file of it cannot be read.
    #[error("cannot read {}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// A file of it is a link that leads out of the repository: what stands there is nobody's to show.
    #[error("{} leads out of the repository by a link; remove the link", path.display())]
    LeadsOut {
        /// The link.
        path: PathBuf,
    },
    /// A file of it is wrong.
    #[error("{} cannot be used", path.display())]
    Invalid {
        /// The file.
        path: PathBuf,
        /// What is wrong, with places.
        diagnostics: Vec<Diagnostic>,
        /// What they point into.
        text: Box<SourceText>,
    },
    /// It cannot be written.
    #[error(transparent)]
    Write(#[from] WriteError),
    /// A path has no form in text.
    #[error("{} is no UTF-8, so it cannot be written down", path.display())]
    NotText {
        /// The path.
        path: PathBuf,
    },
    /// Something is to be allowed, and there is no place to write that down.
    #[error("there is no home directory in which it could be kept that this is allowed")]
    NoHome,
}

/// What is said of a source that is connected.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Said {
    /// Options by name; none takes one back.
    pub options: BTreeMap<String, Option<String>>,
    /// Where its traces are put, absolute.
    pub trace_dir: Option<PathBuf>,
}

/// The sources of a repository.
#[derive(Debug, Clone)]
pub struct Registry {
    places: Places,
    providers: &'static [SourceDescriptor],
    shared: Option<Read<SharedFile>>,
    now: SharedFile,
    local: LocalFile,
    /// What is allowed of the sources, by their names.
    allowed: BTreeMap<String, Allowed>,
}

impl Registry {
    /// Reads both files; ones that are not there hold nothing.
    ///
    /// # Errors
    ///
    /// When one cannot be read or is wrong.
    pub fn read(
        places: &Places,
        providers: &'static [SourceDescriptor],
    ) -> Result<Self, RegistryError> {
        for (path, bounds) in [
            (&places.shared, &places.repo),
            (&places.local, &places.bounds),
        ] {
            if !inside::is_inside(path, bounds) {
                let path = path.clone();
                return Err(RegistryError::LeadsOut { path });
            }
        }
        let shared = load::<SharedFile>(&places.shared, SCHEMA)?;
        let local = load::<LocalFile>(&places.local, LOCAL_SCHEMA)?;
        let mut allowed = BTreeMap::new();
        if let Some(place) = &places.allowed {
            let file = load::<AllowedFile>(&place.path, allowed::SCHEMA)?;
            let own = file.and_then(|mut read| read.value.repositories.remove(&place.repository));
            allowed = own.unwrap_or_default();
        }
        Ok(Self {
            allowed,
            places: places.clone(),
            providers,
            now: shared.as_ref().map_or_else(
                || SharedFile {
                    schema: SCHEMA.to_owned(),
                    version: VERSION,
                    default: None,
                    sources: BTreeMap::new(),
                },
                |read| read.value.clone(),
            ),
            shared,
            local: local.map_or_else(
                || LocalFile {
                    schema: LOCAL_SCHEMA.to_owned(),
                    version: VERSION,
                    sources: BTreeMap::new(),
                },
                |read| read.value,
            ),
        })
    }

    /// Reads, changes and writes the registry; no other process changes it meanwhile. Files that
    /// stay as they are are not written.
    ///
    /// # Errors
    ///
    /// When it cannot be read or written, or `change` refuses.
    pub fn change<T, E: From<RegistryError>>(
        places: &Places,
        providers: &'static [SourceDescriptor],
        change: impl FnOnce(&mut Self) -> Result<T, E>,
    ) -> Result<T, E> {
        let _held = hold(&places.lock)?;
        let before = Self::read(places, providers)?;
        let mut registry = before.clone();
        let value = change(&mut registry)?;
        let write = |path: &Path, bytes: Vec<u8>| {
            atomic::write(path, &bytes, Durability::Synced).map_err(RegistryError::from)
        };
        if registry.allowed != before.allowed {
            reach::keep(places, &registry.allowed)?;
        }
        // First what only this machine needs: a source without its folder would be another one.
        if registry.local != before.local {
            let path = &places.local;
            write(path, bytes_of(path, &registry.local)?)?;
        }
        if registry.now != before.now {
            let path = &places.shared;
            write(path, bytes_of(path, &registry.now)?)?;
        }
        Ok(value)
    }

    /// The name of the source that is meant where none is named.
    pub fn default(&self) -> Option<&str> {
        self.now.default.as_deref()
    }

    /// All sources, by name.
    pub fn sources(&self) -> Vec<Source> {
        let names = self.now.sources.keys();
        names.filter_map(|name| self.source(name)).collect()
    }

    /// The names of all sources.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.now.sources.keys().map(String::as_str)
    }

    /// The source of that name.
    pub fn source(&self, name: &str) -> Option<Source> {
        let shared = self.now.sources.get(name)?;
        let local = self.local.sources.get(name).cloned().unwrap_or_default();
        let descriptor = self
            .providers
            .iter()
            .find(|known| known.name == shared.provider);
        let mut said = shared.options.clone();
        // Somebody wrote it into the committed file: it means the same wherever archal is started.
        for option in descriptor.map_or(&[][..], |known| known.options) {
            match (option.kind, said.get_mut(option.name)) {
                (OptionKind::Path | OptionKind::UsualPath { .. }, Some(path)) => {
                    *path = self.places.repo.join(&path).to_string_lossy().into_owned();
                }
                (OptionKind::Program, Some(_)) => drop(said.remove(option.name)),
                _ => {}
            }
        }
        let is_program = |name: &str| {
            let mut options = descriptor.map_or(&[][..], |known| known.options).iter();
            options.any(|known| known.name == name && known.kind == OptionKind::Program)
        };
        let paths = local.options.into_iter();
        let allowed = self.allowed.get(name).cloned().unwrap_or_default();
        let paths = paths.filter(|(option, _)| !is_program(option));
        for (option, path) in
            paths.chain(allowed.into_iter().filter(|(option, _)| is_program(option)))
        {
            let path = self.places.repo.join(path);
            said.insert(option, path.to_string_lossy().into_owned());
        }
        let options = Options::new(said, descriptor.map_or(&[], |known| known.options));
        let trace_dir = local.trace_dir.map_or_else(
            || self.places.traces.clone(),
            |path| self.places.repo.join(path),
        );
        let mut source = Source {
            name: name.to_owned(),
            provider: shared.provider.clone(),
            is_enabled: shared.enabled,
            options,
            trace_dir,
            problems: Vec::new(),
        };
        source.problems = self.problems(&source);
        Some(source)
    }

    fn problems(&self, source: &Source) -> Vec<Diagnostic> {
        let at = format!("sources.{}", source.name);
        let place = |finding: Diagnostic, path: &str| {
            let finding = finding.in_file(&self.places.shared);
            let span = self.shared.as_ref().and_then(|read| read.span(path));
            match span {
                Some(span) => finding.at(span),
                None => finding,
            }
        };
        let mut found = Vec::new();
        if let Err(error) = source::check_name(&source.name) {
            let finding = Diagnostic::error("trace-sources/name", error.to_string());
            found.push(place(finding, &at));
        }
        match source::provider(&source.provider, self.providers) {
            Ok(_) => {
                let programs = self.unknown_programs(source);
                let is_named = |error: &OptionError| {
                    let OptionError::Missing { name, .. } = error else {
                        return false;
                    };
                    programs.iter().any(|(option, _)| option == name)
                };
                let mut wrong = source.options.problems(&source.provider);
                wrong.retain(|error| !is_named(error));
                found.extend(
                    programs
                        .into_iter()
                        .map(|(option, finding)| place(finding, &format!("{at}.options.{option}"))),
                );
                for error in wrong {
                    let finding = Diagnostic::error("trace-sources/option", error.to_string());
                    found.push(place(finding, &at));
                }
            }
            Err(error) => {
                let finding = Diagnostic::error("trace-sources/provider", error.to_string());
                let finding = match &error {
                    ProviderError::Planned { .. } => finding.with_help("update archal"),
                    ProviderError::Unknown { .. } => finding,
                };
                found.push(place(finding, &format!("{at}.provider")));
            }
        }
        if found.is_empty() {
            let finding = self.not_allowed(source);
            found.extend(finding.map(|finding| place(finding, &at)));
        }
        found
    }

    /// Adds a source or adds to what is said of it, and enables it. The first one is the default.
    ///
    /// # Errors
    ///
    /// When a path has no form in text.
    pub fn connect(
        &mut self,
        name: &str,
        provider: &SourceDescriptor,
        said: &Said,
    ) -> Result<(), RegistryError> {
        let places = self.places.clone();
        let before = self.source(name);
        let was_allowed = before.is_some_and(|before| self.is_allowed(&before));
        let shared = self
            .now
            .sources
            .entry(name.to_owned())
            .or_insert_with(|| SharedSource {
                provider: provider.name.to_owned(),
                enabled: true,
                options: BTreeMap::new(),
            });
        shared.enabled = true;
        let mut local = self.local.sources.remove(name).unwrap_or_default();
        for (option, text) in &said.options {
            let known = provider.options.iter().find(|known| known.name == option);
            let kept = match known.map(|known| known.kind) {
                Some(OptionKind::Path | OptionKind::UsualPath { .. }) => &mut local.options,
                Some(OptionKind::Program) => {
                    // What a file of the repository says of it has no effect, and goes.
                    shared.options.remove(option);
                    local.options.remove(option);
                    if text.is_some() && places.allowed.is_none() {
                        return Err(RegistryError::NoHome);
                    }
                    self.allowed.entry(name.to_owned()).or_default()
                }
                _ => &mut shared.options,
            };
            let is_path = known.is_some_and(|known| known.kind.is_path());
            let text = match text {
                Some(text) if is_path => Some(places.kept(text.as_ref())?),
                text => text.clone(),
            };
            match text {
                Some(text) => drop(kept.insert(option.clone(), text)),
                None => drop(kept.remove(option)),
            }
        }
        if let Some(folder) = &said.trace_dir {
            local.trace_dir = Some(places.kept(folder)?);
        }
        self.allowed.retain(|_, allowed| !allowed.is_empty());
        if local != LocalSource::default() {
            self.local.sources.insert(name.to_owned(), local);
        }
        if self.now.default.is_none() {
            self.now.default = Some(name.to_owned());
        }
        if was_allowed || self.is_all_said(name, said) {
            return self.let_through(name);
        }
        self.allow_said_paths(name, said)
    }

    /// Makes a source the one that is meant where none is named, and enables it; false where there
    /// is none of that name.
    pub fn make_default(&mut self, name: &str) -> bool {
        let Some(shared) = self.now.sources.get_mut(name) else {
            return false;
        };
        shared.enabled = true;
        self.now.default = Some(name.to_owned());
        true
    }

    /// Disables a source; false where there is none of that name. What is said of it stays.
    pub fn disable(&mut self, name: &str) -> bool {
        let Some(shared) = self.now.sources.get_mut(name) else {
            return false;
        };
        shared.enabled = false;
        if self.now.default.as_deref() == Some(name) {
            self.now.default = None;
        }
        true
    }
}

fn bytes_of(path: &Path, value: &impl Serialize) -> Result<Vec<u8>, RegistryError> {
    Ok(atomic::json_bytes(path, value)?)
}

fn load<T: serde::de::DeserializeOwned + JsonSchema>(
    path: &Path,
    schema: &str,
) -> Result<Option<Read<T>>, RegistryError> {
    let failed = |source| RegistryError::Io {
        path: path.to_owned(),
        source,
    };
    let file = match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        file => file.map_err(failed)?,
    };
    let mut text = String::new();
    let count = file
        .take(MAX_BYTES + 1)
        .read_to_string(&mut text)
        .map_err(failed)?;
    if count as u64 > MAX_BYTES {
        return Err(failed(io::Error::other("it is larger than 1 MiB")));
    }
    strict::read(&text, schema, VERSION)
        .map(Some)
        .map_err(|diagnostics| RegistryError::Invalid {
            path: path.to_owned(),
            diagnostics: diagnostics
                .into_iter()
                .map(|finding| finding.in_file(path))
                .collect(),
            text: Box::new(SourceText {
                path: path.to_owned(),
                text,
            }),
        })
}

/// Waits until no other process changes the registry.
fn hold(path: &Path) -> Result<File, RegistryError> {
    let failed = |source| {
        RegistryError::Write(WriteError::Io {
            path: path.to_owned(),
            source,
        })
    };
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(failed)?;
    }
    let file = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(path)
        .map_err(failed)?;
    file.lock().map_err(failed)?;
    Ok(file)
}

mod reach;

#[cfg(test)]
mod tests;
