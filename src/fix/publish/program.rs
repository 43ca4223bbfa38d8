//! git and gh as the user has set them up, for what speaks to a remote: with the user's
//! configuration, keys and credential programs, but no hook, no question at a terminal, never
//! without end, and nothing of it outlives archal.

use std::path::Path;
use std::time::Duration;

use archal_core::environment::Environment;

use crate::sandbox;
use crate::sandbox::child::{ChildOutcome, ChildSpec, Containment};
use crate::sandbox::hold::Hold;
use crate::sandbox::stop::StopToken;

/// Variables that would lead git to another repository than the one it is run in, and gh to
/// another or to its log.
const LEFT_OUT: &[&str] = &[
    "GIT_DIR",
    "GIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_OBJECT_DIRECTORY",
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_COMMON_DIR",
    "GIT_NAMESPACE",
    "GIT_PREFIX",
    "GH_REPO",
    "GH_DEBUG",
];
/// Variables that both programs are given.
const GIVEN: &[(&str, &str)] = &[
    ("LC_ALL", "C"),
    ("GIT_TERMINAL_PROMPT", "0"),
    ("GIT_OPTIONAL_LOCKS", "0"),
    ("SSH_ASKPASS_REQUIRE", "never"),
    ("GH_PROMPT_DISABLED", "1"),
    ("GH_NO_UPDATE_NOTIFIER", "1"),
    ("GH_SPINNER_DISABLED", "1"),
    ("NO_COLOR", "1"),
];
/// What git is told before its command. The helper has no terminal, so nothing asks at one.
const GIT: &[&str] = &[
    "git",
    "-c",
    "core.hooksPath=/dev/null",
    "-c",
    "core.fsmonitor=false",
    "-c",
    "protocol.ext.allow=never",
    "-c",
    "http.lowSpeedLimit=1",
    "-c",
    "http.lowSpeedTime=60",
];
/// How long after it was asked to end it is ended.
const GRACE: Duration = Duration::from_secs(2);
/// A longer answer is none to what is asked here.
const MOST_BYTES: usize = 32 << 20;

/// The user's programs, in the user's repository.
#[derive(Debug, Clone, Copy)]
pub struct Programs<'a> {
    /// The repository.
    pub repo: &'a Path,
    /// The caller's environment.
    pub environment: &'a Environment,
    /// The archal binary, as the helper that ends what it started.
    pub helper: &'a Path,
    /// Whether work is to end.
    pub stop: &'a StopToken,
}

/// How one ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    /// Whether it ended with status 0.
    pub is_fine: bool,
    /// Its exit status; none where a signal ended it.
    pub code: Option<i32>,
    /// What it wrote.
    pub stdout: Vec<u8>,
    /// What it complained of, as text.
    pub stderr: String,
}

impl Said {
    /// The last line of its complaint.
    pub fn last(&self) -> &str {
        let line = self.stderr.lines().last().unwrap_or_default().trim();
        if line.is_empty() {
            "it says no more"
        } else {
            line
        }
    }
}

/// Why one gave nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProgramError {
    /// It is not there, or cannot be started.
    #[error("it cannot be started: {0}")]
    Start(String),
    /// Somebody asked to stop.
    #[error("it was stopped")]
    Stopped,
    /// It took too long.
    #[error("it had not ended after {} s", .0.as_secs())]
    Late(Duration),
    /// It wrote more than anybody reads.
    #[error("its answer is too long")]
    TooLong,
}

impl Programs<'_> {
    /// Runs git with arguments to its end, for at most so long.
    ///
    /// # Errors
    ///
    /// When it did not come to an end of its own. An end that is none well is no error.
    pub fn git(&self, arguments: &[&str], most: Duration) -> Result<Said, ProgramError> {
        self.run([GIT, arguments].concat(), most)
    }

    /// Runs gh with arguments to its end, for at most so long.
    ///
    /// # Errors
    ///
    /// As [`Self::git`].
    pub fn gh(&self, arguments: &[&str], most: Duration) -> Result<Said, ProgramError> {
        self.run([&["gh"], arguments].concat(), most)
    }

    fn run(&self, command: Vec<&str>, most: Duration) -> Result<Said, ProgramError> {
        let mut environment = self.environment.variables.clone();
        environment.retain(|name, _| !LEFT_OUT.contains(&name.as_str()));
        environment.extend(
            GIVEN
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned())),
        );
        let end = sandbox::run(
            &ChildSpec {
                command: command.into_iter().map(str::to_owned).collect(),
                directory: self.repo.to_owned(),
                environment,
                timeout: most,
                idle: None,
                grace: GRACE,
                output_cap: MOST_BYTES,
                binds: Vec::new(),
                process_limit: None,
                confine: None,
            },
            &Hold {
                helper: self.helper,
                // It is the user's own program, which may need all that the user has.
                containment: Containment::Pgroup,
                stop: Some(self.stop),
            },
        );
        let code = match end.outcome {
            ChildOutcome::Exited { code } => Some(code),
            ChildOutcome::Killed { .. } => None,
            ChildOutcome::TimedOut => return Err(ProgramError::Late(most)),
            ChildOutcome::Stopped => return Err(ProgramError::Stopped),
            ChildOutcome::NotStarted { reason } => return Err(ProgramError::Start(reason)),
        };
        if end.stdout_dropped > 0 {
            return Err(ProgramError::TooLong);
        }
        Ok(Said {
            is_fine: code == Some(0),
            code,
            stdout: end.stdout,
            stderr: String::from_utf8_lossy(&end.stderr).trim().to_owned(),
        })
    }
}
