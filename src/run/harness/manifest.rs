//! `harness.json`: how a folder says what its harness is.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use archal_core::diagnostic::nearest;
use serde::Deserialize;

use super::{Harness, HarnessError, file_in, of_file};

/// The names a manifest may have, in the order tried, and whether it is an old one.
pub(super) const NAMES: &[(&str, bool)] = &[("harness.json", false), ("archal-harness.json", true)];
/// The longest preamble: it goes into a variable together with the task, and the system takes
/// none above 128 KiB.
const LONGEST_PREAMBLE: usize = 96 << 10;
/// The keys, for what was perhaps meant.
const KEYS: &[&str] = &[
    "version",
    "name",
    "description",
    "defaultModel",
    "promptFiles",
    "local",
    "command",
    "args",
    "env",
];

/// Version 1.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Manifest {
    version: u32,
    /// For people who list harnesses.
    #[serde(default, rename = "name")]
    _name: Option<String>,
    /// For people who list harnesses.
    #[serde(default, rename = "description")]
    _description: Option<String>,
    #[serde(default)]
    default_model: Option<String>,
    #[serde(default)]
    prompt_files: Vec<PathBuf>,
    #[serde(default)]
    local: Option<Local>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Local {
    command: String,
    #[serde(default)]
    args: Vec<String>,
    #[serde(default)]
    env: BTreeMap<String, String>,
}

/// The harness that the manifest at `path` in `folder` describes.
pub(super) fn read(repository: &Path, folder: &Path, path: &Path) -> Result<Harness, HarnessError> {
    let broken = |reason: String| HarnessError::Manifest {
        path: path.to_owned(),
        reason,
    };
    let text = fs::read_to_string(path).map_err(|error| broken(error.to_string()))?;
    let manifest: Manifest =
        serde_json::from_str(&text).map_err(|error| broken(told(&error.to_string())))?;
    if manifest.version != 1 {
        return Err(broken(format!(
            "version is {}, only 1 is known",
            manifest.version
        )));
    }
    let mut harness = match manifest.local {
        Some(local) if local.command.trim().is_empty() => {
            return Err(broken("local.command is empty".to_owned()));
        }
        Some(local) => Harness {
            command: std::iter::once(local.command)
                .chain(local.args)
                .map(|part| beside(repository, folder, part))
                .collect(),
            environment: local.env,
            ..Harness::default()
        },
        None => match file_in(folder) {
            Some(file) => of_file(repository, &file)?,
            None => {
                let reason = "it has no local.command and no harness file beside it";
                return Err(broken(reason.to_owned()));
            }
        },
    };
    harness.preamble = preamble(folder, &manifest.prompt_files).map_err(broken)?;
    harness.model = manifest.default_model.filter(|model| !model.is_empty());
    harness.origin = path.display().to_string();
    Ok(harness)
}

/// The prompt files in order: markdown that stands before every task, each file a paragraph of
/// its own.
fn preamble(folder: &Path, files: &[PathBuf]) -> Result<String, String> {
    let mut preamble = String::new();
    for file in files {
        let file = folder.join(file);
        let text = fs::read_to_string(&file)
            .map_err(|error| format!("the prompt file {}: {error}", file.display()))?;
        let text = text.trim_start_matches('\u{feff}').trim();
        if text.is_empty() {
            continue;
        }
        preamble.push_str(text);
        preamble.push_str("\n\n");
        if preamble.len() > LONGEST_PREAMBLE {
            return Err(format!(
                "the prompt files up to {} are longer than 96 KiB, which is more than fits into AGENT_TASK",
                file.display()
            ));
        }
    }
    Ok(preamble)
}

/// A part of a command that names a file beside the manifest and none in the repository, from
/// where the harness is started, as a path that leads to it from anywhere.
fn beside(repository: &Path, folder: &Path, part: String) -> String {
    let is_relative = Path::new(&part).is_relative() && !part.starts_with('-');
    let names_a_file = part.contains(['/', '.']);
    if is_relative
        && names_a_file
        && !repository.join(&part).exists()
        && folder.join(&part).is_file()
    {
        folder.join(part).display().to_string()
    } else {
        part
    }
}

/// What the parser says, with the key that was perhaps meant.
fn told(reason: &str) -> String {
    let unknown = reason
        .strip_prefix("unknown field `")
        .and_then(|rest| rest.split('`').next());
    match unknown.and_then(|name| nearest(name, KEYS.iter().copied())) {
        Some(near) => format!("{reason}; did you mean `{near}`?"),
        None => reason.to_owned(),
    }
}
