//! The whole publication in order: the remote is read, a record of what is meant is written, then
//! the branch, the push, the request, and what they came to is read back.
//!
//! It may be cut off anywhere and begun again. The commit is the same another time, the branch
//! goes by the failure's name, and whatever the remote holds already is not written again.

use std::path::Path;
use std::time::Duration;

use archal_core::clock::Timestamp;
use archal_core::environment::Environment;
use archal_core::hash;

use crate::config::publish::{Publish, PublishAs};
use crate::git::command::GitError;

use super::branch::{self, Author, Commit, Repository};
use super::decision::{self, Open, Refusal, Rule, marked, updated};
use super::push::{Remote, StepError};
use super::readback::{self, Expected, Fault, Finding, Seen};
use super::record::{Published, Record, Request};
use super::request;
use super::service::{Page, Service};
use super::target::Target;

/// The beginning of every branch that archal makes.
pub const PREFIX: &str = "archal/";
/// How often a pull request is looked at that does not show yet what was pushed.
const LOOKS: usize = 5;
/// Between two looks.
const PAUSE: Duration = Duration::from_secs(2);
/// The longest text that the service takes, less what surrounds a patch in it.
const MOST_PATCH: usize = 50_000;

/// A proven patch to publish.
pub struct Publication<'a> {
    /// How it is to be published.
    pub settings: &'a Publish,
    /// The user's repository.
    pub repo: &'a Path,
    /// The commit the patch applies to.
    pub base: &'a str,
    /// The patch.
    pub patch: &'a Path,
    /// The failure group.
    pub group: &'a str,
    /// Traces that show it.
    pub traces: &'a [String],
    /// The title, without its prefix.
    pub title: &'a str,
    /// The text.
    pub details: &'a str,
    /// The folder of the fix.
    pub folder: &'a Path,
    /// Now.
    pub now: Timestamp,
    /// The caller's environment.
    pub environment: &'a Environment,
    /// Whether work is to end.
    pub is_stopped: &'a dyn Fn() -> bool,
    /// Waits, at most so long; whether work is to end.
    pub wait: &'a dyn Fn(Duration) -> bool,
}

impl Publication<'_> {
    /// Publishes the patch, or says why it stays one; `pr.json` says the same.
    ///
    /// # Errors
    ///
    /// When it is stopped, or the record cannot be written.
    pub fn run(&self) -> Result<Published, StepError> {
        let patch = std::fs::read(self.patch).unwrap_or_default();
        let before = Record::read(self.folder);
        let hash = hash::sha256(&patch);
        let mut record = Record::begun(self.group, self.base, &hash, self.now, before.as_ref());
        let done = match self.settings.publish_as {
            PublishAs::Pr => self.pull_request(&mut record),
            PublishAs::Issue => self.issue(&mut record, &patch),
        };
        let published = match done {
            Ok(published) => published,
            Err(StepError::Refused(refusal)) => Published {
                kind: self.settings.publish_as,
                request: None,
                refusal: Some(refusal),
                findings: Vec::new(),
            },
            Err(error) => return Err(error),
        };
        record.published = Some(published.clone());
        record.write(self.folder)?;
        Ok(published)
    }

    fn remote(&self) -> Remote<'_> {
        Remote {
            repo: self.repo,
            name: &self.settings.remote,
            environment: self.environment,
            is_stopped: self.is_stopped,
        }
    }

    /// The repository that the branch goes to, and the one that the request is opened in.
    fn targets(&self) -> Result<(Target, Target), StepError> {
        let name = &self.settings.remote;
        let Some(url) = self.remote().address()? else {
            let reason = format!(
                "there is no remote {name}: git remote add {name} <url>, or name another as attach.publish.remote"
            );
            return Err(Refusal::by(Rule::NoRemote, reason).into());
        };
        let unknown = |what: String| Refusal::by(Rule::UnknownService, what);
        let head = Target::of_url(&url)
            .ok_or_else(|| unknown(format!("the remote {name} is no repository of GitHub's")))?;
        let into = match &self.settings.repository {
            None => head.clone(),
            Some(named) => Target::of_name(named, &head.host).ok_or_else(|| {
                unknown(format!(
                    "attach.publish.repository: {named} is no owner/name"
                ))
            })?,
        };
        Ok((head, into))
    }

    fn pull_request(&self, record: &mut Record) -> Result<Published, StepError> {
        let (head, into) = self.targets()?;
        let branch = format!("{PREFIX}{}", self.group);
        let remote = self.remote();
        let repository = Repository {
            folder: self.repo,
            path: self.environment.get("PATH").unwrap_or_default(),
        };
        let author = Author {
            name: self.settings.author_name.clone(),
            email: self.settings.author_email.clone(),
        };
        let own = self.folder;
        let caller = request::caller(&into, (self.repo, own), self.environment, self.is_stopped)?;
        let service = Service {
            caller: &*caller,
            target: &into,
        };
        let rights = service.rights()?;
        let head_rights = match head == into {
            true => rights.clone(),
            false => Service {
                caller: &*caller,
                target: &head,
            }
            .rights()?,
        };
        may_push(&head, &head_rights)?;

        // What is there.
        let base_branch = match (&self.settings.base, repository.current()) {
            (Some(base), _) => base.clone(),
            (None, Some(current)) => current,
            (None, None) => {
                let reason =
                    "HEAD is on no branch: name the branch to merge into as attach.publish.base";
                return Err(Refusal::by(Rule::NoBase, reason).into());
            }
        };
        let heads = remote.heads(&[&branch, &base_branch])?;
        let there = heads.first().cloned().flatten();
        self.is_on(&repository, &base_branch, heads.get(1).cloned().flatten())?;
        if repository.is_checked_out(&branch).map_err(failed)? {
            let reason = format!("{branch} is checked out here; check out another branch");
            return Err(Refusal::by(Rule::CheckedOut, reason).into());
        }

        // What is meant, before anything is written.
        let title = super::details::title(&self.settings.title_prefix, self.title);
        let commit = match &record.commit {
            Some(commit) if repository.has(commit) => commit.clone(),
            _ => repository
                .commit(&Commit {
                    base: self.base,
                    patch: self.patch,
                    message: &branch::message(&title, self.group, self.traces, self.base),
                    author: &author,
                    at: &record.at,
                    scratch: self.folder,
                })
                .map_err(failed)?,
        };
        let tip = repository.tip(&branch);
        let mut ours = record.earlier.clone();
        if let Some(tip) = &tip {
            if *tip != commit && !ours.contains(tip) {
                if !repository.is_ours(tip, self.group, &author) {
                    let reason = format!(
                        "the branch {branch} here is at {tip}, which archal did not make; rename or delete it"
                    );
                    return Err(Refusal::by(Rule::HeadMoved, reason).into());
                }
                ours.push(tip.clone());
            }
        }
        let push = decision::push(&branch, there.as_deref(), &commit, &ours)?;
        let known = service.pulls_of(&head.owner, &branch)?;
        let open = decision::open(&known, &commit, &base_branch)?;
        record.branch = Some(branch.clone());
        record.target = Some(format!("{}/{}", into.host, into.full_name()));
        record.base_branch = Some(base_branch.clone());
        record.commit = Some(commit.clone());
        record.earlier = ours;
        record.write(self.folder)?;

        // The branch here, the branch there, the pull request.
        if tip.as_deref() != Some(commit.as_str()) {
            let set = repository.set(&branch, &commit, tip.as_deref());
            set.map_err(failed)?;
        }
        remote.push(&branch, &commit, &push)?;
        let text = marked(self.details);
        let from = match head == into {
            true => branch.clone(),
            false => format!("{}:{branch}", head.owner),
        };
        let number = match open {
            Open::Merged(number) => number,
            Open::Update(number) => {
                let page = service.page("pulls", number)?;
                if let Some(body) = updated(&page.body, &text) {
                    service.rewrite("pulls", number, &body)?;
                }
                number
            }
            Open::Create => {
                let made = service.create((&title, &text), (&from, &base_branch));
                self.made(made, &into, &branch)?.number
            }
        };
        let refused = match open {
            Open::Merged(_) => None,
            _ => service.label(number, &self.settings.labels)?,
        };

        // And what they came to.
        let expected = Expected {
            files: repository.files(self.base, &commit).map_err(failed)?,
            commit,
            branch,
            base: base_branch,
        };
        let seen = self.settled(&service, number, &expected, there.as_deref())?;
        let mut findings = match open {
            Open::Merged(_) => Vec::new(),
            _ => readback::faults(&expected, &seen),
        };
        findings.extend(refused.map(|message| Finding {
            rule: Fault::NotLabelled,
            message,
        }));
        let page = service.page("pulls", number)?;
        Ok(Published {
            kind: PublishAs::Pr,
            request: Some(Request {
                number,
                url: page.url,
                draft: seen.is_draft,
                state: match (seen.is_merged, seen.is_open) {
                    (true, _) => "merged",
                    (false, true) => "open",
                    (false, false) => "closed",
                }
                .to_owned(),
                checks: seen.checks,
            }),
            refusal: None,
            findings,
        })
    }

    /// A pull request that was made; where a draft is refused, with the way to open one by hand.
    fn made(
        &self,
        made: Result<Page, StepError>,
        into: &Target,
        branch: &str,
    ) -> Result<Page, StepError> {
        made.map_err(|error| match error {
            StepError::Refused(mut refusal) => {
                let page = format!(
                    "https://{}/{}/pull/new/{branch}",
                    into.host,
                    into.full_name()
                );
                refusal
                    .reason
                    .push_str(&format!("; the branch is pushed, open it by hand: {page}"));
                refusal.into()
            }
            error => error,
        })
    }

    /// The base commit must be on the branch that the request goes into, or it would hold more
    /// than the fix.
    fn is_on(
        &self,
        repository: &Repository<'_>,
        branch: &str,
        there: Option<String>,
    ) -> Result<(), StepError> {
        let name = &self.settings.remote;
        let Some(there) = there else {
            let reason = format!(
                "{name} has no branch {branch}: push it, or name another as attach.publish.base"
            );
            return Err(Refusal::by(Rule::Unpushed, reason).into());
        };
        if !repository.has(&there) {
            self.remote().fetch(branch)?;
        }
        if repository.is_ancestor(self.base, &there) {
            return Ok(());
        }
        let reason = format!(
            "the commit {} that was fixed is not on {branch} of {name}: push it first",
            self.base
        );
        Err(Refusal::by(Rule::Unpushed, reason).into())
    }

    /// The pull request as soon as it shows what was pushed; the service needs a moment for it.
    fn settled(
        &self,
        service: &Service<'_>,
        number: u64,
        expected: &Expected,
        before: Option<&str>,
    ) -> Result<Seen, StepError> {
        let mut seen = service.seen(number)?;
        for _ in 1..LOOKS {
            let is_late = before.is_some_and(|before| seen.head == before);
            if seen.head == expected.commit || !is_late {
                break;
            }
            if (self.wait)(PAUSE) {
                return Err(StepError::Stopped);
            }
            seen = service.seen(number)?;
        }
        Ok(seen)
    }

    fn issue(&self, record: &mut Record, patch: &[u8]) -> Result<Published, StepError> {
        let (_, into) = self.targets()?;
        let own = self.folder;
        let caller = request::caller(&into, (self.repo, own), self.environment, self.is_stopped)?;
        let service = Service {
            caller: &*caller,
            target: &into,
        };
        if service.rights()?.is_archived {
            return Err(archived(&into).into());
        }
        let mark = format!("<!-- archal: group {} -->", self.group);
        let text = marked(&format!("{mark}\n{}\n{}", self.details, fenced(patch)));
        let known = service.issue_with(&mark)?;
        record.target = Some(format!("{}/{}", into.host, into.full_name()));
        record.write(self.folder)?;
        let number = match known {
            Some(page) if page.state != "open" => {
                let reason = format!("#{} was closed; reopen it if it is to go on", page.number);
                return Err(Refusal::by(Rule::Closed, reason).into());
            }
            Some(page) => {
                if let Some(body) = updated(&page.body, &text) {
                    service.rewrite("issues", page.number, &body)?;
                }
                page.number
            }
            None => {
                let title = super::details::title(&self.settings.title_prefix, self.title);
                service.create_issue(&title, &text)?.number
            }
        };
        let refused = service.label(number, &self.settings.labels)?;
        let page = service.page("issues", number)?;
        let mut findings: Vec<Finding> = Vec::new();
        if page.state != "open" {
            findings.push(Finding {
                rule: Fault::Closed,
                message: format!("it is {}", page.state),
            });
        }
        findings.extend(refused.map(|message| Finding {
            rule: Fault::NotLabelled,
            message,
        }));
        Ok(Published {
            kind: PublishAs::Issue,
            request: Some(Request {
                number,
                url: page.url,
                draft: false,
                state: page.state,
                checks: readback::Checks::default(),
            }),
            refusal: None,
            findings,
        })
    }
}

fn may_push(target: &Target, rights: &super::service::Rights) -> Result<(), Refusal> {
    if rights.is_archived {
        return Err(archived(target));
    }
    if rights.push == Some(false) {
        let reason = format!(
            "nothing may be pushed to {} with this login: fork it, name the fork's remote as attach.publish.remote and {} as attach.publish.repository",
            target.full_name(),
            target.full_name(),
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

fn failed(error: GitError) -> StepError {
    Refusal::by(Rule::GitFailed, error.to_string()).into()
}

/// A patch in an issue, in a fence that nothing in it can close.
fn fenced(patch: &[u8]) -> String {
    let Ok(text) = std::str::from_utf8(patch) else {
        return "The patch holds what is no text; it is kept with the proof.".to_owned();
    };
    if text.len() > MOST_PATCH {
        return "The patch is too long for an issue; it is kept with the proof.".to_owned();
    }
    let mut longest = 2;
    let mut run = 0;
    for byte in text.bytes() {
        run = if byte == b'`' { run + 1 } else { 0 };
        longest = longest.max(run);
    }
    let fence = "`".repeat(longest + 1);
    format!("## Patch\n\n{fence}diff\n{}\n{fence}\n", text.trim_end())
}
