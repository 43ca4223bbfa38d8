//! Which program is the agent, and how it is started.
//!
//! Tried in order: what `--harness` names, the configuration's `agent`, a harness in `.archal/`, one
//! beside the configuration, and `archal.harness` in `package.json`. In a folder a manifest comes
//! before a file.
//!
//! - `manifest`: `harness.json`.
//! - [`runtime`]: which interpreter runs a file.

mod manifest;
pub mod runtime;

use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use archal_core::environment::Environment;

/// The names a harness file may have, in the order tried.
const NAMES: &[&str] = &[
    "harness.ts",
    "harness.js",
    "harness.mjs",
    "harness.cjs",
    "harness.py",
    "harness.sh",
];
/// What names of variables of the original program begin with.
const OLD_VARIABLES: &[u8] = b"ARCHAL_ENGINE_";
/// How much of a harness is searched for them.
const SEARCHED: u64 = 1 << 20;

/// A program that runs the agent.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Harness {
    /// Program and arguments.
    pub command: Vec<String>,
    /// Variables it is given on top.
    pub environment: BTreeMap<String, String>,
    /// Text put before the task: the manifest's prompt files, in order.
    pub preamble: String,
    /// The model it takes by default.
    pub model: Option<String>,
    /// Where it was found, for people.
    pub origin: String,
    /// What people should know of how it was found, one sentence each.
    pub notes: Vec<String>,
}

/// How a harness is named in configuration.
#[derive(Debug, Clone, Default)]
pub struct Wanted<'a> {
    /// `--harness`: a file or a folder.
    pub flag: Option<&'a Path>,
    /// The configuration's `agent`: program, arguments, variables (already expanded).
    pub agent: Option<(String, Vec<String>, BTreeMap<String, String>)>,
}

/// Why there is no harness.
#[derive(Debug, thiserror::Error)]
pub enum HarnessError {
    /// Nothing names one and none is found.
    #[error("no harness found in {}", folder.display())]
    None {
        /// The folder that was searched.
        folder: PathBuf,
    },
    /// The named one is not there.
    #[error("the harness {} does not exist", path.display())]
    Missing {
        /// The file or folder.
        path: PathBuf,
    },
    /// The file's kind is not known.
    #[error("{} is neither executable nor a .js, .mjs, .cjs, .ts, .py or .sh file", path.display())]
    Kind {
        /// The file.
        path: PathBuf,
    },
    /// The manifest is broken.
    #[error("the manifest {} cannot be used: {reason}", path.display())]
    Manifest {
        /// The manifest.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// `package.json` names a harness in a way that is none.
    #[error("archal.harness in {} is not the path of a file or folder", path.display())]
    Package {
        /// The `package.json`.
        path: PathBuf,
    },
    /// Nothing here runs TypeScript.
    #[error("nothing here runs {}: {reason}", path.display())]
    TypeScript {
        /// The file.
        path: PathBuf,
        /// What was looked for and what is there.
        reason: String,
    },
}

impl HarnessError {
    /// What to do about it, where that is more than to name another harness.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::TypeScript { .. } => Some("npm install --save-dev tsx"),
            _ => None,
        }
    }
}

/// Finds the harness of the repository at `folder`.
pub fn find(folder: &Path, wanted: &Wanted<'_>) -> Result<Harness, HarnessError> {
    let mut harness = look(folder, wanted)?;
    harness.notes.extend(old_names(folder, &harness));
    Ok(harness)
}

fn look(folder: &Path, wanted: &Wanted<'_>) -> Result<Harness, HarnessError> {
    if let Some(path) = wanted.flag {
        return named(folder, path);
    }
    if let Some((command, arguments, environment)) = &wanted.agent {
        return Ok(Harness {
            command: std::iter::once(command).chain(arguments).cloned().collect(),
            environment: environment.clone(),
            origin: "agent in .archal.json".to_owned(),
            ..Harness::default()
        });
    }
    for place in [folder.join(".archal"), folder.to_owned()] {
        if let Some(harness) = in_folder(folder, &place)? {
            return Ok(harness);
        }
    }
    if let Some(path) = of_package_json(folder)? {
        return named(folder, &path);
    }
    Err(HarnessError::None {
        folder: folder.to_owned(),
    })
}

/// The harness at a path: a file, or a folder that has one.
fn named(folder: &Path, path: &Path) -> Result<Harness, HarnessError> {
    let path = folder.join(path);
    if path.is_dir() {
        in_folder(folder, &path)?.ok_or(HarnessError::None { folder: path })
    } else {
        of_file(folder, &path)
    }
}

fn of_package_json(folder: &Path) -> Result<Option<PathBuf>, HarnessError> {
    let path = folder.join("package.json");
    // One that is not there or broken is npm's affair and names no harness.
    let package = fs::read_to_string(&path)
        .ok()
        .and_then(|text| serde_json::from_str::<serde_json::Value>(&text).ok());
    let named = package
        .as_ref()
        .and_then(|package| package.get("archal")?.get("harness"));
    match named {
        None => Ok(None),
        Some(serde_json::Value::String(name)) if !name.is_empty() => Ok(Some(name.into())),
        Some(_) => Err(HarnessError::Package { path }),
    }
}

fn in_folder(repository: &Path, folder: &Path) -> Result<Option<Harness>, HarnessError> {
    for (name, is_old) in manifest::NAMES {
        let path = folder.join(name);
        if path.is_file() {
            let mut harness = manifest::read(repository, folder, &path)?;
            if *is_old {
                harness.notes.push(format!(
                    "{} has its old name; the name is harness.json",
                    path.display()
                ));
            }
            return Ok(Some(harness));
        }
    }
    file_in(folder)
        .map(|path| of_file(repository, &path))
        .transpose()
}

/// The harness file of a folder.
fn file_in(folder: &Path) -> Option<PathBuf> {
    NAMES
        .iter()
        .map(|name| folder.join(name))
        .find(|path| path.is_file())
}

fn of_file(repository: &Path, path: &Path) -> Result<Harness, HarnessError> {
    if !path.is_file() {
        return Err(HarnessError::Missing {
            path: path.to_owned(),
        });
    }
    Ok(Harness {
        command: runtime::command(repository, path)?,
        origin: path.display().to_string(),
        ..Harness::default()
    })
}

/// A note where the harness reads variables by the names they had before.
fn old_names(folder: &Path, harness: &Harness) -> Option<String> {
    let file = harness
        .command
        .iter()
        .map(|part| folder.join(part))
        .find(|path| runtime::is_script(path) && path.is_file())?;
    let mut text = Vec::new();
    let opened = fs::File::open(&file).ok()?;
    opened.take(SEARCHED).read_to_end(&mut text).ok()?;
    let is_old = text
        .windows(OLD_VARIABLES.len())
        .any(|part| part == OLD_VARIABLES);
    is_old.then(|| {
        format!(
            "{} reads ARCHAL_ENGINE_*, which are set as before; their names are AGENT_TASK, AGENT_MODEL and AGENT_RUN_MODE",
            file.display()
        )
    })
}

/// Whether `program` can be started: an existing path, or a name found in `PATH`.
pub fn is_there(program: &str, folder: &Path, environment: &Environment) -> bool {
    if program.contains('/') {
        return folder.join(program).is_file();
    }
    environment
        .get("PATH")
        .unwrap_or_default()
        .split(':')
        .any(|place| Path::new(place).join(program).is_file())
}

/// Whether the harness can be started: its program is there, and runs the language it is written
/// in. Asks Node for its version where that decides.
pub fn check(
    harness: &Harness,
    folder: &Path,
    environment: &Environment,
) -> Result<(), HarnessError> {
    let program = harness.command.first().map_or("", String::as_str);
    if !is_there(program, folder, environment) {
        return match runtime::needs_newer_node(harness) {
            Some(path) => Err(HarnessError::TypeScript {
                path,
                reason: "there is no tsx, no ts-node and no node".to_owned(),
            }),
            None => Err(HarnessError::Missing {
                path: program.into(),
            }),
        };
    }
    match runtime::needs_newer_node(harness) {
        Some(path) => runtime::runs_types(path, environment),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests;
