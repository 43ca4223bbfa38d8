//! Which program is the agent, and how it is started.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use archal_core::environment::Environment;
use serde::Deserialize;

/// The names a harness file may have, in the order tried.
const NAMES: &[&str] = &[
    "harness.ts",
    "harness.js",
    "harness.mjs",
    "harness.cjs",
    "harness.py",
    "harness.sh",
];

/// A program that runs the agent.
#[derive(Debug, Clone, PartialEq, Eq)]
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
}

/// `harness.json`, version 1.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Manifest {
    version: u32,
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

/// Finds the harness of the repository at `folder`.
pub fn find(folder: &Path, wanted: &Wanted<'_>) -> Result<Harness, HarnessError> {
    if let Some(path) = wanted.flag {
        let path = folder.join(path);
        return if path.is_dir() {
            in_folder(&path)?.ok_or(HarnessError::None { folder: path })
        } else {
            of_file(&path)
        };
    }
    if let Some((command, arguments, environment)) = &wanted.agent {
        return Ok(Harness {
            command: std::iter::once(command).chain(arguments).cloned().collect(),
            environment: environment.clone(),
            preamble: String::new(),
            model: None,
            origin: "agent in .archal.json".to_owned(),
        });
    }
    for place in [folder.join(".archal"), folder.to_owned()] {
        if let Some(harness) = in_folder(&place)? {
            return Ok(harness);
        }
    }
    if let Some(path) = of_package_json(folder) {
        return of_file(&folder.join(path));
    }
    Err(HarnessError::None {
        folder: folder.to_owned(),
    })
}

fn of_package_json(folder: &Path) -> Option<PathBuf> {
    let text = fs::read_to_string(folder.join("package.json")).ok()?;
    let package: serde_json::Value = serde_json::from_str(&text).ok()?;
    Some(package.get("archal")?.get("harness")?.as_str()?.into())
}

fn in_folder(folder: &Path) -> Result<Option<Harness>, HarnessError> {
    let manifest = folder.join("harness.json");
    if manifest.is_file() {
        return of_manifest(folder, &manifest).map(Some);
    }
    match NAMES
        .iter()
        .map(|name| folder.join(name))
        .find(|path| path.is_file())
    {
        Some(path) => of_file(&path).map(Some),
        None => Ok(None),
    }
}

fn of_manifest(folder: &Path, path: &Path) -> Result<Harness, HarnessError> {
    let broken = |reason: String| HarnessError::Manifest {
        path: path.to_owned(),
        reason,
    };
    let text = fs::read_to_string(path).map_err(|error| broken(error.to_string()))?;
    let manifest: Manifest =
        serde_json::from_str(&text).map_err(|error| broken(error.to_string()))?;
    if manifest.version != 1 {
        return Err(broken(format!(
            "version is {}, only 1 is known",
            manifest.version
        )));
    }
    let mut preamble = String::new();
    for file in &manifest.prompt_files {
        let file = folder.join(file);
        let text = fs::read_to_string(&file)
            .map_err(|error| broken(format!("{}: {error}", file.display())))?;
        preamble.push_str(text.trim_end());
        preamble.push_str("\n\n");
    }
    let mut harness = match manifest.local {
        Some(local) => Harness {
            command: std::iter::once(local.command).chain(local.args).collect(),
            environment: local.env,
            preamble: String::new(),
            model: None,
            origin: path.display().to_string(),
        },
        None => NAMES
            .iter()
            .map(|name| folder.join(name))
            .find(|file| file.is_file())
            .map(|file| of_file(&file))
            .unwrap_or_else(|| {
                Err(broken(
                    "it has no local.command and no harness file beside it".to_owned(),
                ))
            })?,
    };
    harness.preamble = preamble;
    harness.model = manifest.default_model;
    Ok(harness)
}

fn of_file(path: &Path) -> Result<Harness, HarnessError> {
    if !path.is_file() {
        return Err(HarnessError::Missing {
            path: path.to_owned(),
        });
    }
    let file = path.display().to_string();
    let command = match path.extension().and_then(|extension| extension.to_str()) {
        Some("py") => vec!["python3".to_owned(), file.clone()],
        Some("js" | "mjs" | "cjs") => vec!["node".to_owned(), file.clone()],
        Some("ts") => vec![
            "npx".to_owned(),
            "--no-install".to_owned(),
            "tsx".to_owned(),
            file.clone(),
        ],
        Some("sh") => vec!["sh".to_owned(), file.clone()],
        _ if is_executable(path) => vec![file.clone()],
        _ => {
            return Err(HarnessError::Kind {
                path: path.to_owned(),
            });
        }
    };
    Ok(Harness {
        command,
        environment: BTreeMap::new(),
        preamble: String::new(),
        model: None,
        origin: file,
    })
}

#[cfg(unix)]
fn is_executable(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    fs::metadata(path).is_ok_and(|metadata| metadata.permissions().mode() & 0o111 != 0)
}

#[cfg(not(unix))]
fn is_executable(_path: &Path) -> bool {
    false
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

#[cfg(test)]
mod tests {
    use super::*;

    fn folder_with(files: &[(&str, &str)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().expect("temporary folder");
        for (name, text) in files {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().expect("has a parent")).expect("writable");
            fs::write(path, text).expect("writable");
        }
        folder
    }

    fn found(folder: &tempfile::TempDir) -> Result<Vec<String>, HarnessError> {
        let command = find(folder.path(), &Wanted::default())?.command;
        let place = folder.path().display().to_string();
        Ok(command
            .iter()
            .map(|part| part.replace(&place, "."))
            .collect())
    }

    #[test]
    fn the_folder_of_archal_comes_before_the_repository() {
        let folder = folder_with(&[("harness.py", ""), (".archal/harness.js", "")]);
        assert_eq!(
            found(&folder).expect("found"),
            ["node", "./.archal/harness.js"]
        );
    }

    #[test]
    fn a_manifest_gives_command_and_prompt_files() {
        let folder = folder_with(&[
            (
                "harness.json",
                r#"{"version":1,"promptFiles":["a.md"],"local":{"command":"x","args":["y"]}}"#,
            ),
            ("a.md", "Be kind.\n"),
        ]);
        let harness = find(folder.path(), &Wanted::default()).expect("found");
        assert_eq!(harness.command, ["x", "y"]);
        assert_eq!(harness.preamble, "Be kind.\n\n");
    }

    #[test]
    fn package_json_may_name_it() {
        let folder = folder_with(&[
            ("package.json", r#"{"archal":{"harness":"bin/agent.mjs"}}"#),
            ("bin/agent.mjs", ""),
        ]);
        assert_eq!(found(&folder).expect("found"), ["node", "./bin/agent.mjs"]);
    }

    #[test]
    fn what_is_not_there_is_said() {
        let empty = folder_with(&[]);
        assert!(matches!(found(&empty), Err(HarnessError::None { .. })));
        let newer = folder_with(&[("harness.json", r#"{"version":2}"#)]);
        assert!(matches!(found(&newer), Err(HarnessError::Manifest { .. })));
    }
}
