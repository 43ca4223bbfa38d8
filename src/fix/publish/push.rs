//! The remote read and written by git, as the user has set it up.

use std::path::Path;
use std::time::Duration;

use archal_core::environment::Environment;

use crate::git::own::{Own, OwnError, Said};

use super::decision::{Push, Refusal, Rule, push_refused};

/// How long one command may take.
const MOST: Duration = Duration::from_secs(300);

/// A remote of the user's repository.
#[derive(Clone, Copy)]
pub struct Remote<'a> {
    /// The repository.
    pub repo: &'a Path,
    /// The name of the remote.
    pub name: &'a str,
    /// The caller's environment.
    pub environment: &'a Environment,
    /// Whether work is to end.
    pub is_stopped: &'a dyn Fn() -> bool,
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
    fn run(&self, own: &mut Own) -> Result<Said, StepError> {
        own.run(self.is_stopped, MOST).map_err(|error| match error {
            OwnError::Stopped => StepError::Stopped,
            error => Refusal::by(Rule::Unreachable, format!("git: {error}")).into(),
        })
    }

    fn git(&self) -> Own {
        Own::git(self.repo, self.environment)
    }

    /// Its address to push to; none where there is no such remote. What replaces parts of it
    /// (`insteadOf`) is left out: the service is known by the name the user gave it.
    pub fn address(&self) -> Result<Option<String>, StepError> {
        for key in ["pushurl", "url"] {
            let said = self.run(
                self.git()
                    .args(["config", "--get"])
                    .arg(format!("remote.{}.{key}", self.name)),
            )?;
            let url = String::from_utf8_lossy(&said.stdout).trim().to_owned();
            if said.code == Some(0) && !url.is_empty() {
                return Ok(Some(url));
            }
        }
        Ok(None)
    }

    /// The commits of branches on the remote, as asked for.
    pub fn heads(&self, branches: &[&str]) -> Result<Vec<Option<String>>, StepError> {
        let names: Vec<String> = branches
            .iter()
            .map(|branch| format!("refs/heads/{branch}"))
            .collect();
        let said = self.run(
            self.git()
                .args(["ls-remote", "--quiet", "--heads", "--"])
                .arg(self.name)
                .args(&names),
        )?;
        if said.code != Some(0) {
            let mut refusal = push_refused(self.name, &said.stderr);
            refusal.reason = format!("the remote {} cannot be read: {}", self.name, last(&said));
            if refusal.rule == Rule::Refused {
                refusal.rule = Rule::Unreachable;
            }
            return Err(refusal.into());
        }
        let text = String::from_utf8_lossy(&said.stdout).into_owned();
        Ok(names
            .iter()
            .map(|name| {
                text.lines().find_map(|line| {
                    let (sha, found) = line.split_once('\t')?;
                    (found == name).then(|| sha.to_owned())
                })
            })
            .collect())
    }

    /// Brings the objects of a branch of the remote; no ref changes.
    pub fn fetch(&self, branch: &str) -> Result<(), StepError> {
        let said = self.run(
            self.git()
                .args(["fetch", "--quiet", "--no-tags", "--no-write-fetch-head"])
                .args(["--no-recurse-submodules", "--no-auto-maintenance"])
                .args(["--refmap=", "--"])
                .arg(self.name)
                .arg(format!("refs/heads/{branch}")),
        )?;
        if said.code == Some(0) {
            return Ok(());
        }
        let reason = format!("{branch} cannot be fetched: {}", last(&said));
        Err(Refusal::by(Rule::Unreachable, reason).into())
    }

    /// Pushes a commit to a branch, only where that branch is what it was read to be.
    pub fn push(&self, branch: &str, commit: &str, push: &Push) -> Result<(), StepError> {
        let there = match push {
            Push::Nothing => return Ok(()),
            Push::New => "",
            Push::Replace(there) => there,
        };
        let said = self.run(
            self.git()
                .args(["push", "--quiet", "--no-verify", "--no-follow-tags"])
                .args(["--no-signed", "--recurse-submodules=no"])
                .arg(format!("--force-with-lease=refs/heads/{branch}:{there}"))
                .arg("--")
                .arg(self.name)
                .arg(format!("{commit}:refs/heads/{branch}")),
        )?;
        match said.code {
            Some(0) => Ok(()),
            _ => Err(push_refused(branch, &said.stderr).into()),
        }
    }
}

fn last(said: &Said) -> &str {
    let line = said.stderr.lines().last().unwrap_or_default().trim();
    if line.is_empty() {
        "git says no more"
    } else {
        line
    }
}
