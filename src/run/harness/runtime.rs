//! Which interpreter runs a harness file.
//!
//! What the repository brings along comes first: its own `tsx` or `ts-node`, its own virtual
//! environment of Python.

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

use archal_core::environment::Environment;

use super::{Harness, HarnessError};
use crate::sandbox::asking;

/// Lets Node run TypeScript where it does not by itself.
const STRIP_TYPES: &str = "--experimental-strip-types";
/// The first Node that knows it.
const FIRST_NODE: (u32, u32) = (22, 6);
/// Most folders looked through on the way up from a file.
const FOLDERS: usize = 32;
/// Files that interpreters are given.
const SCRIPTS: &[&str] = &["cjs", "js", "mjs", "py", "sh", "ts"];

/// Whether a path has the end of a script.
pub(super) fn is_script(path: &Path) -> bool {
    end_of(path).is_some_and(|end| SCRIPTS.contains(&end))
}

fn end_of(path: &Path) -> Option<&str> {
    path.extension().and_then(|end| end.to_str())
}

/// Program and arguments that run a file of the repository.
pub(super) fn command(repository: &Path, path: &Path) -> Result<Vec<String>, HarnessError> {
    let file = path.display().to_string();
    let with = |program: &str| vec![program.to_owned(), file.clone()];
    Ok(match end_of(path) {
        Some("py") => match tool(repository, path, &[".venv/bin/python", "venv/bin/python"]) {
            Some(python) => with(&python),
            None => with("python3"),
        },
        Some("js" | "mjs" | "cjs") => with("node"),
        Some("ts") => {
            let runners = ["node_modules/.bin/tsx", "node_modules/.bin/ts-node"];
            match tool(repository, path, &runners) {
                Some(runner) => with(&runner),
                None => vec!["node".to_owned(), STRIP_TYPES.to_owned(), file],
            }
        }
        // The file says itself what runs it, and the system knows how to ask it.
        _ if is_executable(path) => vec![file],
        Some("sh") => with(shell(path)),
        _ => {
            return Err(HarnessError::Kind {
                path: path.to_owned(),
            });
        }
    })
}

/// The first of `names` that a folder has, from the file's up to the repository's.
fn tool(repository: &Path, path: &Path, names: &[&str]) -> Option<String> {
    let folders: Vec<&Path> = path
        .ancestors()
        .skip(1)
        .take(FOLDERS)
        .take_while(|folder| folder.starts_with(repository))
        .collect();
    // A file from elsewhere may still be run by what the repository has.
    let own = [repository];
    let folders = if folders.is_empty() {
        &own[..]
    } else {
        &folders
    };
    names
        .iter()
        .flat_map(|name| folders.iter().map(move |folder| folder.join(name)))
        .find(|tool| tool.is_file())
        .map(|tool| tool.display().to_string())
}

/// The shell that the first line of a script asks for.
fn shell(path: &Path) -> &'static str {
    let mut first = [0; 64];
    let read = File::open(path)
        .and_then(|mut file| file.read(&mut first))
        .unwrap_or(0);
    let line = first[..read].split(|byte| *byte == b'\n').next();
    let line = line.unwrap_or_default();
    let asks_for_bash = line.starts_with(b"#!") && line.windows(4).any(|part| part == b"bash");
    if asks_for_bash { "bash" } else { "sh" }
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

/// The TypeScript file of a harness that Node itself has to run.
pub(super) fn needs_newer_node(harness: &Harness) -> Option<PathBuf> {
    match &harness.command[..] {
        [_, flag, file, ..] if flag == STRIP_TYPES => Some(file.into()),
        _ => None,
    }
}

/// Whether the installed Node runs TypeScript.
pub(super) fn runs_types(path: PathBuf, environment: &Environment) -> Result<(), HarnessError> {
    let answer = asking::run("node", &["--version"], environment);
    let version = answer
        .as_deref()
        .ok()
        .and_then(|answer| asking::version(answer.trim_start_matches('v')));
    if version.is_some_and(|version| version >= FIRST_NODE) {
        return Ok(());
    }
    let is = match (&answer, version) {
        (Ok(_), Some((major, minor))) => format!("node is {major}.{minor}"),
        (Ok(answer), None) => format!("node says its version is {answer:?}"),
        (Err(reason), _) => reason.clone(),
    };
    let (major, minor) = FIRST_NODE;
    Err(HarnessError::TypeScript {
        path,
        reason: format!(
            "there is no tsx and no ts-node in node_modules, and {is}; from {major}.{minor} on it runs TypeScript itself"
        ),
    })
}
