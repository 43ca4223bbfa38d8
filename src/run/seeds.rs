//! The starting state of each clone of a scenario.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use archal_core::clone::{CloneDescriptor, Seed};
use archal_core::diagnostic;
use serde_json::{Value, json};

use crate::scenario::Scenario;
use crate::scenario::spec::{EMPTY_SEED, is_seed_file};

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

    /// What tells it from another one, to be hashed.
    pub fn identity(&self) -> Value {
        match self {
            Self::Named(name) => json!({ "named": name }),
            Self::Document(document) => json!({ "document": document }),
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
    /// `--seed` names a seed that no clone of the scenarios has.
    #[error("{} has no seed `{name}`{}", clones.join(" or "), near(nearest.as_deref()))]
    Nowhere {
        /// The name.
        name: String,
        /// The clones that were looked at.
        clones: Vec<String>,
        /// The seed of theirs that is spelled most like it.
        nearest: Option<String>,
    },
    /// `--seed` names a seed that several clones of the scenarios have.
    #[error("seed `{name}` exists for {}; write {}:{name}", clones.join(" and "), clones[0])]
    Several {
        /// The name.
        name: String,
        /// The clones that have it.
        clones: Vec<String>,
    },
    /// `--seed clone:name` names a clone that no scenario has.
    #[error("a seed for `{clone}`, which no scenario has among its clones")]
    NoClone {
        /// The clone.
        clone: String,
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

/// The starting state of each clone of a scenario that is run on a rebuilt state. One of which nothing
/// is known starts as it does where nobody says how.
pub fn of_rebuilt(
    scenario: &Scenario,
    rebuilt: &BTreeMap<String, Value>,
) -> BTreeMap<String, StartState> {
    let nothing = || StartState::Named(EMPTY_SEED.to_owned());
    let clones = scenario.config.clones.iter();
    let mut states: BTreeMap<String, StartState> =
        clones.map(|clone| (clone.clone(), nothing())).collect();
    let rebuilt = rebuilt.iter();
    states.extend(rebuilt.map(|(clone, seed)| (clone.clone(), StartState::Document(seed.clone()))));
    states
}

/// Reads `--seed clone:name`, `--seed name` or `--seed file`. A bare name is for the only clone that
/// has such a seed; a file may be for any clone.
pub fn of_flag(
    text: &str,
    scenario_clones: &[String],
    clones: &[CloneDescriptor],
    folder: &Path,
) -> Result<(String, StartState), SeedError> {
    let named = text
        .split_once(':')
        .filter(|(clone, _)| clones.iter().any(|known| known.name == *clone));
    if let Some((clone, _)) = named
        && !scenario_clones.iter().any(|known| known == clone)
    {
        return Err(SeedError::NoClone {
            clone: clone.to_owned(),
        });
    }
    let name = named.map_or(text, |(_, name)| name);
    let candidates: Vec<&CloneDescriptor> = clones
        .iter()
        .filter(|clone| match named {
            Some((wanted, _)) => clone.name == wanted,
            None => scenario_clones.iter().any(|known| known == clone.name),
        })
        .collect();
    let names = |clones: &[&CloneDescriptor]| -> Vec<String> {
        clones.iter().map(|clone| clone.name.to_owned()).collect()
    };
    let having: Vec<&CloneDescriptor> = candidates
        .iter()
        .filter(|clone| is_seed_file(name) || clone.seeds.iter().any(|seed| seed.name == name))
        .copied()
        .collect();
    match having.as_slice() {
        [] => Err(SeedError::Nowhere {
            name: name.to_owned(),
            nearest: diagnostic::nearest(
                name,
                candidates
                    .iter()
                    .flat_map(|clone| clone.seeds.iter().map(|seed| seed.name)),
            )
            .map(ToString::to_string),
            clones: names(&candidates),
        }),
        [only] if is_seed_file(name) => Ok((
            only.name.to_owned(),
            StartState::Document(read(&folder.join(name))?),
        )),
        [only] => Ok((only.name.to_owned(), StartState::Named(name.to_owned()))),
        several => Err(SeedError::Several {
            name: name.to_owned(),
            clones: names(several),
        }),
    }
}

fn near(nearest: Option<&str>) -> String {
    nearest.map_or_else(String::new, |near| format!("; did you mean `{near}`?"))
}

/// Reads a seed file, JSON or YAML.
pub fn read(path: &Path) -> Result<Value, SeedError> {
    let at = |source: io::Error| SeedError::Read {
        path: path.to_owned(),
        source,
    };
    let mut text = String::new();
    // A pipe or a device has no length that could be asked for.
    let file = fs::File::open(path).map_err(at)?;
    let length = file.take(SEED_FILE_LIMIT + 1).read_to_string(&mut text);
    if length.map_err(at)? as u64 > SEED_FILE_LIMIT {
        return Err(SeedError::TooLarge {
            path: path.to_owned(),
        });
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_never_ends_is_too_large() {
        let read = read(Path::new("/dev/zero"));
        assert!(matches!(read, Err(SeedError::TooLarge { .. })), "{read:?}");
    }
}
