//! The starting state of each clone of a scenario.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use archal_core::clone::{CloneDescriptor, Seed};
use serde_json::Value;

use crate::scenario::Scenario;
use crate::scenario::spec::is_seed_file;

/// The largest seed file read.
const SEED_FILE_LIMIT: u64 = 64 << 20;

/// A starting state, owned.
#[derive(Debug, Clone, PartialEq)]
pub enum StartState {
    /// One that comes with the clone.
    Named(String),
    /// A document of the clone's seed schema.
    Document(Value),
}

impl StartState {
    /// As the clone takes it.
    pub fn as_seed(&self) -> Seed<'_> {
        match self {
            Self::Named(name) => Seed::Named(name),
            Self::Document(document) => Seed::Document(document),
        }
    }
}

/// Why a starting state cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum SeedError {
    /// The file cannot be read.
    #[error("cannot read the seed {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// The file is larger than archal reads.
    #[error("the seed {} is larger than 64 MiB", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
    },
    /// The file is neither JSON nor YAML.
    #[error("the seed {} is neither JSON nor YAML: {reason}", path.display())]
    Syntax {
        /// The file.
        path: PathBuf,
        /// What the parser says.
        reason: String,
    },
    /// `--seed` names a seed that no clone or several clones of the scenario have.
    #[error("no single clone of the scenario has a seed named {name}")]
    Unbound {
        /// The name.
        name: String,
    },
}

/// Starting states by clone that do not come from a scenario.
#[derive(Debug, Clone, Default)]
pub struct OtherStates {
    /// In place of what a scenario says: `--seed`.
    pub forced: BTreeMap<String, StartState>,
    /// Where a scenario says nothing: the configuration's `seeds`.
    pub default: BTreeMap<String, StartState>,
}

/// The starting states a scenario asks for.
pub fn of_scenario(
    scenario: &Scenario,
    clones: &[CloneDescriptor],
    other: &OtherStates,
) -> Result<BTreeMap<String, StartState>, SeedError> {
    let folder = scenario.path.parent().unwrap_or(Path::new("."));
    scenario
        .config
        .clones
        .iter()
        .filter(|name| clones.iter().any(|clone| clone.name == name.as_str()))
        .map(|name| {
            let said = scenario.own_seed(name).is_some();
            let default = other.default.get(name).filter(|_| !said);
            if let Some(state) = other.forced.get(name).or(default) {
                return Ok((name.clone(), state.clone()));
            }
            let state = match scenario.seed_for(name) {
                Seed::Document(document) => StartState::Document(document.clone()),
                Seed::Named(seed) if is_seed_file(seed) => {
                    StartState::Document(read(&folder.join(seed))?)
                }
                Seed::Named(seed) => StartState::Named(seed.to_owned()),
            };
            Ok((name.clone(), state))
        })
        .collect()
}

/// Reads `--seed clone:name`, `--seed name` or `--seed file`.
pub fn of_flag(
    text: &str,
    scenario_clones: &[String],
    clones: &[CloneDescriptor],
    folder: &Path,
) -> Result<(String, StartState), SeedError> {
    let (clone, name) = match text.split_once(':') {
        Some((clone, name)) if scenario_clones.iter().any(|known| known == clone) => {
            (Some(clone.to_owned()), name)
        }
        _ => (None, text),
    };
    let state = if is_seed_file(name) {
        StartState::Document(read(&folder.join(name))?)
    } else {
        StartState::Named(name.to_owned())
    };
    let clone = match clone {
        Some(clone) => Some(clone),
        None => only(scenario_clones.iter().filter(|known| {
            is_seed_file(name)
                || clones.iter().any(|clone| {
                    clone.name == known.as_str() && clone.seeds.iter().any(|seed| seed.name == name)
                })
        }))
        .cloned(),
    };
    match clone {
        Some(clone) => Ok((clone, state)),
        None => Err(SeedError::Unbound {
            name: name.to_owned(),
        }),
    }
}

fn only<T>(mut items: impl Iterator<Item = T>) -> Option<T> {
    let first = items.next()?;
    items.next().is_none().then_some(first)
}

/// Reads a seed file, JSON or YAML.
pub fn read(path: &Path) -> Result<Value, SeedError> {
    let at = |source: io::Error| SeedError::Read {
        path: path.to_owned(),
        source,
    };
    if fs::metadata(path).map_err(at)?.len() > SEED_FILE_LIMIT {
        return Err(SeedError::TooLarge {
            path: path.to_owned(),
        });
    }
    let text = fs::read_to_string(path).map_err(at)?;
    let syntax = |reason: String| SeedError::Syntax {
        path: path.to_owned(),
        reason,
    };
    if path
        .extension()
        .is_some_and(|extension| extension == "json")
    {
        serde_json::from_str(&text).map_err(|error| syntax(error.to_string()))
    } else {
        serde_saphyr::from_str(&text).map_err(|error| syntax(error.to_string()))
    }
}
