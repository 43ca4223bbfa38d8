//! The git command: its environment and its failure.

use std::ffi::OsStr;
use std::io;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::{Condvar, Mutex, PoisonError};
use std::thread::available_parallelism;

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

/// What git is told of the environment: where it is itself, and where temporary files go. Anything
/// else could change what it does.
const KEPT: [&str; 2] = ["PATH", "TMPDIR"];

/// How many programs run.
static RUNNING: Mutex<usize> = Mutex::new(0);
/// One of them ended.
static ENDED: Condvar = Condvar::new();

/// The right to run a program: there are about twice as many as processors, so that many clients
/// at once wait for one another instead of for the machine. Dropping it lets the next one in.
#[derive(Debug)]
pub(super) struct Place(());

impl Place {
    /// Waits for a place.
    pub(super) fn take() -> Self {
        let most = available_parallelism().map_or(2, |processors| 2 * processors.get());
        let running = RUNNING.lock().unwrap_or_else(PoisonError::into_inner);
        let free = ENDED.wait_while(running, |running| *running >= most);
        *free.unwrap_or_else(PoisonError::into_inner) += 1;
        Self(())
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        *RUNNING.lock().unwrap_or_else(PoisonError::into_inner) -= 1;
        ENDED.notify_one();
    }
}

/// A git command on a repository, without the user's and the system's configuration, without
/// hooks, and silent.
pub(super) fn git(directory: &Path) -> Command {
    let mut command = Command::new("git");
    command.env_clear();
    for name in KEPT {
        #[expect(
            clippy::disallowed_methods,
            reason = "where programs are is the machine's affair, and no answer has it"
        )]
        if let Some(value) = std::env::var_os(name) {
            command.env(name, value);
        }
    }
    command
        .current_dir(directory)
        .env("GIT_DIR", directory)
        .env("HOME", "/nonexistent")
        .env("LC_ALL", "C")
        .env("TZ", "UTC")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_ATTR_NOSYSTEM", "1")
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
    let _place = Place::take();
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn git_sees_nothing_of_the_environment_but_what_it_needs() {
        let command = git(Path::new("/"));
        let names: Vec<&OsStr> = command.get_envs().map(|(name, _)| name).collect();
        let own = ["HOME", "LC_ALL", "TZ"].map(OsStr::new);
        let is_known = |name: &&OsStr| {
            own.contains(name)
                || KEPT.iter().any(|kept| name == kept)
                || name.as_encoded_bytes().starts_with(b"GIT_")
        };
        assert!(names.iter().all(is_known), "{names:?}");
        let run = command
            .get_envs()
            .find(|(name, _)| *name == "GIT_ATTR_NOSYSTEM");
        assert!(run.is_some());
    }

    #[test]
    fn no_more_programs_run_at_once_than_there_are_places() {
        let most = 2 * available_parallelism().map_or(1, std::num::NonZero::get);
        std::thread::scope(|scope| {
            for _ in 0..3 * most {
                scope.spawn(|| {
                    let _place = Place::take();
                    assert!(*RUNNING.lock().expect("whole") <= most);
                });
            }
        });
    }
}
