//! Where a fix is published, and whether it may be: everything that can be known before anything
//! is written.

use std::path::Path;

use crate::config::publish::{Publish, PublishAs};

use super::branch::Repository;
use super::decision::{Refusal, Rule};
use super::program::Programs;
use super::push::{Remote, StepError};
use super::request::{self, Caller};
use super::service::{Rights, Service};
use super::target::Target;

/// The repositories of the service that a publication goes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Targets {
    /// The one that the branch is pushed to.
    pub head: Target,
    /// The one that the pull request or issue is opened in.
    pub into: Target,
}

impl Targets {
    /// Those that the remote and the configuration name.
    ///
    /// # Errors
    ///
    /// `no_remote`, `unknown_service`.
    pub fn of(settings: &Publish, programs: Programs<'_>) -> Result<Self, StepError> {
        let name = &settings.remote;
        let Some(url) = (Remote { programs, name }).address()? else {
            let reason = format!(
                "there is no remote {name}: git remote add {name} <url>, or name another as attach.publish.remote"
            );
            return Err(Refusal::by(Rule::NoRemote, reason).into());
        };
        let unknown = |what: String| Refusal::by(Rule::UnknownService, what);
        let head = Target::of_url(&url)
            .ok_or_else(|| unknown(format!("the remote {name} is no repository of GitHub's")))?;
        let into = match &settings.repository {
            None => head.clone(),
            Some(named) => Target::of_name(named, &head.host).ok_or_else(|| {
                unknown(format!(
                    "attach.publish.repository: {named} is no owner/name"
                ))
            })?,
        };
        Ok(Self { head, into })
    }
}

/// A place where a fix may be published, as far as can be seen.
pub struct Place<'a> {
    /// The repositories.
    pub targets: &'a Targets,
    /// Who calls the service.
    pub caller: Box<dyn Caller + 'a>,
    /// The branch that a pull request is merged into; empty for an issue.
    pub base_branch: String,
    /// Whether only some can see the repository.
    pub is_private: bool,
}

impl<'a> Place<'a> {
    /// Looks whether a fix of the commit `base` may be published.
    ///
    /// # Errors
    ///
    /// The rule that keeps it from being published.
    pub fn look(
        settings: &Publish,
        targets: &'a Targets,
        programs: Programs<'a>,
        (base, scratch): (&str, &'a Path),
    ) -> Result<Self, StepError> {
        let Targets { head, into } = targets;
        let caller = request::caller(into, programs, scratch)?;
        let of = |target| Service {
            caller: &*caller,
            target,
        };
        let rights = of(into).rights()?;
        let is_private = rights.is_private;
        if settings.publish_as == PublishAs::Issue {
            if rights.is_archived {
                return Err(archived(into).into());
            }
            let base_branch = String::new();
            return Ok(Self {
                targets,
                caller,
                base_branch,
                is_private,
            });
        }
        match head == into {
            true => may_push(head, &rights)?,
            false => may_push(head, &of(head).rights()?)?,
        }
        let repository = Repository::of(&programs);
        let base_branch = settings.base.clone().or_else(|| repository.current());
        let Some(base_branch) = base_branch else {
            let reason =
                "HEAD is on no branch: name the branch to merge into as attach.publish.base";
            return Err(Refusal::by(Rule::NoBase, reason).into());
        };
        // A pull request would hold more than the fix.
        if !of(into).holds(&base_branch, base)? {
            let reason = format!(
                "the commit {base} that was fixed is not on {base_branch} of {}: push it first, or name another branch as attach.publish.base",
                into.full_name()
            );
            return Err(Refusal::by(Rule::Unpushed, reason).into());
        }
        Ok(Self {
            targets,
            caller,
            base_branch,
            is_private,
        })
    }

    /// The repository that the pull request or issue is opened in.
    pub fn service(&self) -> Service<'_> {
        Service {
            caller: &*self.caller,
            target: &self.targets.into,
        }
    }
}

fn may_push(target: &Target, rights: &Rights) -> Result<(), Refusal> {
    let name = target.full_name();
    if rights.is_archived {
        return Err(archived(target));
    }
    if rights.push == Some(false) {
        let reason = format!(
            "nothing may be pushed to {name} with this login: fork it, name the fork's remote as attach.publish.remote and {name} as attach.publish.repository"
        );
        return Err(Refusal::by(Rule::NoPermission, reason));
    }
    Ok(())
}

fn archived(target: &Target) -> Refusal {
    Refusal::by(
        Rule::NoPermission,
        format!("{} is archived", target.full_name()),
    )
}
