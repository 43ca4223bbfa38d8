//! What the loop stands on: the repository at HEAD, its scenarios and its harness.

use std::path::{Path, PathBuf};

use crate::config::schema::ExecutionPolicy;
use crate::git::command::{self, GitError};
use crate::reproduce::workplace::{Workplace, WorkplaceError, Workshop};
use crate::run::attempt::Bench;
use crate::run::harness::{self, Harness, HarnessError, Wanted};
use crate::run::scenarios::{self, Broken, Prepared};
use crate::scenario::discover::{self, DiscoverError};

use super::options::AttachOptions;

/// The repository at HEAD.
pub struct Ready {
    /// The commit.
    pub base: String,
    /// Tracked files that differ from it and were left out.
    pub left_out: Vec<String>,
    /// A private copy at that commit.
    pub place: Workplace,
    /// The scenarios that can be used, regressions apart.
    pub scenarios: Vec<Prepared>,
    /// Regressions kept from earlier failures.
    pub regressions: Vec<Prepared>,
    /// Scenario files that cannot be used, with the reason.
    pub broken: Vec<Broken>,
    /// The agent, or why there is none.
    pub harness: Result<Harness, HarnessError>,
}

/// Why the loop cannot begin.
#[derive(Debug, thiserror::Error)]
pub enum ReadyError {
    /// The repository has no commit, or is none.
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
    /// The scenarios cannot be found.
    #[error(transparent)]
    Discover(#[from] DiscoverError),
}

/// A workshop for the repository at its HEAD.
pub fn head(repo: &Path, path: &str) -> Result<String, ReadyError> {
    command::head(repo, path).map_err(|source| ReadyError::NoCommit {
        repo: repo.to_owned(),
        source,
    })
}

/// Copies the repository and reads what it has.
pub fn prepare(
    bench: &Bench<'_>,
    workshop: &Workshop<'_>,
    options: &AttachOptions,
    wanted: &Wanted<'_>,
) -> Result<Ready, ReadyError> {
    let path = bench.environment.get("PATH").unwrap_or_default();
    let left_out = command::changed_tracked_files(workshop.repo, path)?;
    // Only a policy that runs the harness may run what makes it ready.
    let place = if options.policy < ExecutionPolicy::Reproduce {
        workshop.copy(&[])?
    } else {
        workshop.open(&[])?
    };
    let mut ready = Ready {
        base: workshop.base.to_owned(),
        left_out,
        harness: harness::find(place.tree(), wanted),
        place,
        scenarios: Vec::new(),
        regressions: Vec::new(),
        broken: Vec::new(),
    };
    let found = discover::discover(ready.place.tree(), &options.scenarios)?;
    for file in found {
        match scenarios::load(&file, bench.clones) {
            Err(broken) => ready.broken.push(broken),
            Ok((prepared, _)) if is_regression(&prepared) => ready.regressions.push(prepared),
            Ok((prepared, _)) => ready.scenarios.push(prepared),
        }
    }
    Ok(ready)
}

fn is_regression(prepared: &Prepared) -> bool {
    let tags = &prepared.scenario.config.tags;
    tags.iter().any(|tag| tag == "regression")
}
