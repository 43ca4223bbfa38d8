//! What work stands on: the settings, and the repository at HEAD with its scenarios and harness.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use archal_core::diagnostic::Diagnostic;

use crate::config::schema::ExecutionPolicy;
use crate::git::command::{self, GitError};
use crate::reconstruct::{Owned, owned};
use crate::reproduce::workplace::{Workplace, WorkplaceError, Workshop};
use crate::run::harness::{self, Harness, HarnessError};
use crate::run::scenarios::{self, Broken, Prepared};
use crate::scenario::discover::{self, DiscoverError};

use super::flags::AttachFlags;
use super::handoff::quoted;
use super::settings::{Settings, SettingsError, Surroundings};

/// The repository at HEAD, and what is to be done with it.
pub struct Ready {
    /// The settings.
    pub settings: Arc<Settings>,
    /// The commit.
    pub base: String,
    /// Tracked files that differ from it and were left out.
    pub left_out: Vec<String>,
    /// A private copy at that commit, to look at; nothing runs in it.
    pub place: Workplace,
    /// The scenarios that can be used, regressions apart.
    pub scenarios: Vec<Prepared>,
    /// Regressions kept from earlier failures.
    pub regressions: Vec<Prepared>,
    /// Scenario files that cannot be used, with the reason.
    pub broken: Vec<Broken>,
    /// Starting states that fill what traces leave out.
    pub owned: Vec<Owned>,
    /// What is wrong with the files of those states.
    pub owned_problems: Vec<Diagnostic>,
    /// The agent, or why there is none.
    pub harness: Result<Harness, HarnessError>,
}

/// Why the loop cannot begin.
#[derive(Debug, thiserror::Error)]
pub enum ReadyError {
    /// The configuration.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// The folder is no repository.
    #[error("{} is no git repository", repo.display())]
    NoRepository {
        /// The folder.
        repo: PathBuf,
    },
    /// The folder is only a part of one.
    #[error("{} is a folder inside the repository {}; attach works on whole repositories", repo.display(), top.display())]
    Inside {
        /// The folder.
        repo: PathBuf,
        /// The repository.
        top: PathBuf,
    },
    /// The repository has no commit.
    #[error("{} has no commit to work on", repo.display())]
    NoCommit {
        /// The repository.
        repo: PathBuf,
        /// What git says.
        source: GitError,
    },
    /// git refused.
    #[error(transparent)]
    Git(#[from] GitError),
    /// No private copy.
    #[error(transparent)]
    Workplace(#[from] WorkplaceError),
    /// Scenarios that the configuration names are not in the commit.
    #[error("the configuration names the scenarios {wanted}, and commit {} of {} has no such file or folder", &base[..base.len().min(12)], repo.display())]
    NoScenarios {
        /// What it names.
        wanted: String,
        /// The commit.
        base: String,
        /// The repository.
        repo: PathBuf,
    },
    /// The scenarios cannot be found.
    #[error(transparent)]
    Discover(#[from] DiscoverError),
}

/// The commit of HEAD.
pub fn head(repo: &Path, path: &str) -> Result<String, ReadyError> {
    command::head(repo, path).map_err(|source| ReadyError::NoCommit {
        repo: repo.to_owned(),
        source,
    })
}

/// The command that makes a folder a repository with a commit.
pub fn first_commit(repo: &Path) -> String {
    let git = format!("git -C {}", quoted(repo));
    format!("{git} init && {git} add --all && {git} commit -m first")
}

impl Ready {
    /// Reads the configuration, copies the repository and reads what it has.
    pub fn prepare(
        flags: &AttachFlags,
        around: Surroundings<'_>,
        binary: &Path,
    ) -> Result<Self, ReadyError> {
        let settings = Arc::new(Self::settings(flags, around)?);
        Self::with(settings, around, binary)
    }

    fn settings(flags: &AttachFlags, around: Surroundings<'_>) -> Result<Settings, ReadyError> {
        let repo = around.repo;
        let path = around.environment.get("PATH").unwrap_or_default();
        let top = command::top(repo, path).map_err(|_| ReadyError::NoRepository {
            repo: repo.to_owned(),
        })?;
        // git answers without links; a home or a temporary folder may well lie behind one.
        if repo.canonicalize().is_ok_and(|repo| repo != top) {
            return Err(ReadyError::Inside {
                repo: repo.to_owned(),
                top,
            });
        }
        head(repo, path)?;
        Ok(Settings::load(flags, around)?)
    }

    /// Copies the repository and reads what it has, for settings that were read before.
    pub fn with(
        settings: Arc<Settings>,
        around: Surroundings<'_>,
        binary: &Path,
    ) -> Result<Self, ReadyError> {
        let repo = around.repo;
        let path = around.environment.get("PATH").unwrap_or_default();
        let base = head(repo, path)?;
        let options = &settings.options;
        let place = Workshop {
            repo,
            base: &base,
            options: &options.workspace,
            environment: around.environment,
            binary,
            containment: around.containment,
            stop: None,
        }
        .copy(&[])?;
        let mut ready = Self {
            left_out: command::changed_tracked_files(repo, path)?,
            harness: harness::find(place.tree(), &settings.agent),
            scenarios: Vec::new(),
            regressions: Vec::new(),
            broken: Vec::new(),
            owned: Vec::new(),
            owned_problems: Vec::new(),
            base,
            place,
            settings,
        };
        let configured = &ready.settings.options.states.default;
        (ready.owned, ready.owned_problems) =
            owned::of_repository(ready.place.tree(), configured, around.clones);
        let named = &ready.settings.options.scenarios;
        let wanted = discover::with_regressions(ready.place.tree(), named);
        let found =
            discover::discover(ready.place.tree(), &wanted).map_err(|error| match error {
                // A private copy is nothing that its reader knows.
                DiscoverError::Missing { path } => ReadyError::NoScenarios {
                    wanted: ready.relative(&path).display().to_string(),
                    base: ready.base.clone(),
                    repo: repo.to_owned(),
                },
                error => ReadyError::Discover(error),
            })?;
        for file in found {
            match scenarios::load(&file, around.clones) {
                Err(broken) => ready.broken.push(broken),
                Ok((prepared, _)) if is_regression(&prepared) => ready.regressions.push(prepared),
                Ok((prepared, _)) => ready.scenarios.push(prepared),
            }
        }
        Ok(ready)
    }

    /// How far the loop goes.
    pub fn policy(&self) -> ExecutionPolicy {
        self.settings.options.policy
    }

    /// A path of the private copy as it is in the repository.
    pub fn relative(&self, path: &Path) -> PathBuf {
        path.strip_prefix(self.place.tree())
            .unwrap_or(path)
            .to_owned()
    }
}

fn is_regression(prepared: &Prepared) -> bool {
    let tags = &prepared.scenario.config.tags;
    tags.iter().any(|tag| tag == "regression")
}
