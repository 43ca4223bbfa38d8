//! The git command: its environment and its failure.

use std::ffi::OsStr;
use std::io;
use std::path::Path;
use std::process::{Command, Stdio};

/// Why a git program gave no result.
#[derive(Debug, thiserror::Error)]
pub(crate) enum GitFailure {
    /// There is no git command.
    #[error("the git command is not installed, or not in PATH")]
    Missing,
    /// It ended with a failure.
    #[error("git {what} failed: {stderr}")]
    Failed {
        /// What it was to do.
        what: String,
        /// The end of what it said.
        stderr: String,
    },
    /// Its files or pipes failed.
    #[error("cannot run git: {0}")]
    Io(#[from] io::Error),
}

/// Variables that would change what git does; those of its configuration are set instead.
const REMOVED: &[&str] = &[
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_ATTR_SOURCE",
    "GIT_AUTHOR_DATE",
    "GIT_AUTHOR_EMAIL",
    "GIT_AUTHOR_NAME",
    "GIT_CEILING_DIRECTORIES",
    "GIT_COMMITTER_DATE",
    "GIT_COMMITTER_EMAIL",
    "GIT_COMMITTER_NAME",
    "GIT_COMMON_DIR",
    "GIT_CONFIG",
    "GIT_CONFIG_COUNT",
    "GIT_CONFIG_PARAMETERS",
    "GIT_DEFAULT_HASH",
    "GIT_DEFAULT_REF_FORMAT",
    "GIT_DIFF_OPTS",
    "GIT_DIR",
    "GIT_EXTERNAL_DIFF",
    "GIT_GRAFT_FILE",
    "GIT_INDEX_FILE",
    "GIT_NAMESPACE",
    "GIT_OBJECT_DIRECTORY",
    "GIT_PROTOCOL",
    "GIT_QUARANTINE_PATH",
    "GIT_REPLACE_REF_BASE",
    "GIT_SHALLOW_FILE",
    "GIT_TEMPLATE_DIR",
    "GIT_TRACE",
    "GIT_TRACE2",
    "GIT_TRACE2_EVENT",
    "GIT_TRACE2_PERF",
    "GIT_TRACE_CURL",
    "GIT_TRACE_PACKET",
    "GIT_WORK_TREE",
    "XDG_CONFIG_HOME",
];

/// A git command on a repository, without the user's and the system's configuration, without
/// hooks, and silent.
pub(super) fn git(directory: &Path) -> Command {
    let mut command = Command::new("git");
    for name in REMOVED {
        command.env_remove(name);
    }
    command
        .current_dir(directory)
        .env("GIT_DIR", directory)
        .env("HOME", "/nonexistent")
        .env("LC_ALL", "C")
        .env("TZ", "UTC")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_TERMINAL_PROMPT", "0")
        .env("GIT_OPTIONAL_LOCKS", "0")
        .args(["-c", "core.hooksPath=/dev/null"])
        .args(["-c", "gc.auto=0"])
        .args(["-c", "maintenance.auto=false"])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// Runs git; its stdout, where the exit code is one of `fine`, and that code.
pub(super) fn run<S: AsRef<OsStr>>(
    directory: &Path,
    arguments: &[S],
    fine: &[i32],
) -> Result<(i32, Vec<u8>), GitFailure> {
    let output = git(directory).args(arguments).output().map_err(started)?;
    match output.status.code() {
        Some(code) if fine.contains(&code) => Ok((code, output.stdout)),
        _ => Err(GitFailure::Failed {
            what: arguments
                .first()
                .map(|argument| argument.as_ref().to_string_lossy().into_owned())
                .unwrap_or_default(),
            stderr: ending(&output.stderr),
        }),
    }
}

/// Why git could not be started.
pub(super) fn started(error: io::Error) -> GitFailure {
    match error.kind() {
        io::ErrorKind::NotFound => GitFailure::Missing,
        _ => GitFailure::Io(error),
    }
}

/// The last lines of what a program said.
pub(super) fn ending(stderr: &[u8]) -> String {
    let text = String::from_utf8_lossy(stderr);
    let lines: Vec<&str> = text.trim().lines().collect();
    lines[lines.len().saturating_sub(5)..].join("; ")
}
