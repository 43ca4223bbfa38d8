//! git and gh as the user has set them up, for what speaks to a remote: with the user's
//! configuration, keys and credential programs, but no hook, no question
//! at a terminal, and never without end.

use std::cell::Cell;
use std::ffi::OsStr;
use std::io;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use archal_core::environment::Environment;

use super::command::{LOOK, run_unless};

/// Variables that would lead git to another repository than the one it is run in.
const LEADING_ELSEWHERE: &[&str] = &[
    "GIT_DIR",
    "GIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_OBJECT_DIRECTORY",
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_COMMON_DIR",
    "GIT_NAMESPACE",
    "GIT_PREFIX",
];

/// A program of the user's.
#[derive(Debug)]
pub struct Own(Command);

/// How it ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    /// Its exit status; none where a signal ended it.
    pub code: Option<i32>,
    /// What it wrote.
    pub stdout: Vec<u8>,
    /// What it complained of, as text.
    pub stderr: String,
}

/// Why it gave nothing.
#[derive(Debug, thiserror::Error)]
pub enum OwnError {
    /// It is not there, or cannot be started.
    #[error("it cannot be started: {0}")]
    Start(io::Error),
    /// Somebody asked to stop.
    #[error("it was stopped")]
    Stopped,
    /// It took too long.
    #[error("it had not ended after {} s", .0.as_secs())]
    Late(Duration),
}

impl Own {
    /// git in a repository.
    pub fn git(repo: &Path, environment: &Environment) -> Self {
        let mut own = Self::program("git", repo, environment);
        own.0
            .env("GIT_TERMINAL_PROMPT", "0")
            .env("GIT_OPTIONAL_LOCKS", "0")
            .env("SSH_ASKPASS_REQUIRE", "never")
            .args(["-c", "core.hooksPath=/dev/null"])
            .args(["-c", "core.fsmonitor=false"])
            .args(["-c", "protocol.ext.allow=never"])
            .args(["-c", "http.lowSpeedLimit=1"])
            .args(["-c", "http.lowSpeedTime=60"]);
        own
    }

    /// gh in a repository.
    pub fn gh(repo: &Path, environment: &Environment) -> Self {
        let mut own = Self::program("gh", repo, environment);
        own.0
            .env("GH_PROMPT_DISABLED", "1")
            .env("GH_NO_UPDATE_NOTIFIER", "1")
            .env("GH_SPINNER_DISABLED", "1")
            .env("NO_COLOR", "1")
            .env_remove("GH_REPO")
            .env_remove("GH_DEBUG");
        own
    }

    fn program(name: &str, repo: &Path, environment: &Environment) -> Self {
        let mut command = Command::new(name);
        command
            .current_dir(repo)
            .env_clear()
            .envs(&environment.variables)
            .env("LC_ALL", "C")
            .stdin(Stdio::null());
        for name in LEADING_ELSEWHERE {
            command.env_remove(name);
        }
        Self(command)
    }

    /// Adds an argument.
    pub fn arg(&mut self, argument: impl AsRef<OsStr>) -> &mut Self {
        self.0.arg(argument);
        self
    }

    /// Adds arguments.
    pub fn args<I: IntoIterator<Item = S>, S: AsRef<OsStr>>(&mut self, arguments: I) -> &mut Self {
        self.0.args(arguments);
        self
    }

    /// Runs it to its end, or until `is_stopped` says so or `most` has passed.
    pub fn run(&mut self, is_stopped: &dyn Fn() -> bool, most: Duration) -> Result<Said, OwnError> {
        if is_stopped() {
            return Err(OwnError::Stopped);
        }
        let looks = Cell::new(most.as_millis() / LOOK.as_millis());
        let is_over = || {
            looks.set(looks.get().saturating_sub(1));
            looks.get() == 0 || is_stopped()
        };
        let output = run_unless(&mut self.0, &is_over).map_err(OwnError::Start)?;
        let Some(output) = output else {
            return Err(match is_stopped() {
                true => OwnError::Stopped,
                false => OwnError::Late(most),
            });
        };
        Ok(Said {
            code: output.status.code(),
            stdout: output.stdout,
            stderr: String::from_utf8_lossy(&output.stderr).trim().to_owned(),
        })
    }
}
