//! The remote written by git, as the user has set it up.

use std::time::Duration;

use super::decision::{Push, Refusal, Rule, push_refused};
use super::program::{ProgramError, Programs, Said};

/// How long one command may take.
const MOST: Duration = Duration::from_secs(300);

/// A remote of the user's repository.
#[derive(Clone, Copy)]
pub struct Remote<'a> {
    /// git, in the repository.
    pub programs: Programs<'a>,
    /// The name of the remote.
    pub name: &'a str,
}

/// Why nothing came of a step.
#[derive(Debug, thiserror::Error)]
pub enum StepError {
    /// Somebody asked to stop.
    #[error("stopped while it was published")]
    Stopped,
    /// A rule refuses it.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The record could not be written.
    #[error(transparent)]
    Write(#[from] crate::store::atomic::WriteError),
}

impl Remote<'_> {
    fn git(&self, arguments: &[&str]) -> Result<Said, StepError> {
        let said = self.programs.git(arguments, MOST);
        said.map_err(|error| match error {
            ProgramError::Stopped => StepError::Stopped,
            error => Refusal::by(Rule::Unreachable, format!("git: {error}")).into(),
        })
    }

    /// Its address to push to; none where there is no such remote. What replaces parts of it
    /// (`insteadOf`) is left out: the service is known by the name the user gave it.
    pub fn address(&self) -> Result<Option<String>, StepError> {
        for key in ["pushurl", "url"] {
            let key = format!("remote.{}.{key}", self.name);
            let said = self.git(&["config", "--get", &key])?;
            let url = String::from_utf8_lossy(&said.stdout).trim().to_owned();
            if said.is_fine && !url.is_empty() {
                return Ok(Some(url));
            }
        }
        Ok(None)
    }

    /// Pushes a commit to a branch, only where that branch is what it was read to be.
    pub fn push(&self, branch: &str, commit: &str, push: &Push) -> Result<(), StepError> {
        let there = match push {
            Push::Nothing => return Ok(()),
            Push::New => "",
            Push::Replace(there) => there,
        };
        let lease = format!("--force-with-lease=refs/heads/{branch}:{there}");
        let refspec = format!("{commit}:refs/heads/{branch}");
        let said = self.git(&[
            "push",
            "--quiet",
            "--no-verify",
            "--no-follow-tags",
            "--no-signed",
            "--recurse-submodules=no",
            &lease,
            "--",
            self.name,
            &refspec,
        ])?;
        match said.is_fine {
            true => Ok(()),
            false => Err(push_refused(branch, &said.stderr).into()),
        }
    }
}
