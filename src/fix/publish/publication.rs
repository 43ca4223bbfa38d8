//! The whole publication in order: the remote is read, a record of what is meant is written, then
//! the branch, the push, the request, and what they came to is read back.
//!
//! It may be cut off anywhere and begun again. The commit is the same another time, the branch
//! goes by the failure's name, and whatever the remote holds already is not written again.

use std::path::Path;
use std::time::Duration;

use archal_core::clock::Timestamp;
use archal_core::hash;

use crate::config::publish::{Publish, PublishAs};
use crate::git::command::GitError;
use crate::run::scrub::Scrubber;

use super::branch::{self, Author, Commit, Repository};
use super::decision::{self, Open, Refusal, Rule, marked, updated};
use super::details;
use super::place::{Place, Targets};
use super::program::Programs;
use super::push::{Remote, StepError};
use super::readback::{self, Expected, Fault, Finding, Seen};
use super::record::{Published, Record, Request};
use super::secrets;
use super::service::Service;
use super::target::Target;

/// The beginning of every branch that archal makes.
pub const PREFIX: &str = "archal/";
/// How often a pull request is looked at that does not show yet what was pushed.
const LOOKS: usize = 5;
/// Between two looks.
const PAUSE: Duration = Duration::from_secs(2);

/// A proven patch to publish.
pub struct Publication<'a> {
    /// How it is to be published.
    pub settings: &'a Publish,
    /// git and gh, in the user's repository.
    pub programs: Programs<'a>,
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
    /// Keeps secrets out of what is published and told.
    pub scrubber: &'a Scrubber,
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
        let done = secrets::none_in(&patch, self.scrubber)
            .map_err(StepError::from)
            .and_then(|()| match self.settings.publish_as {
                PublishAs::Pr => self.pull_request(&mut record),
                PublishAs::Issue => self.issue(&mut record, &patch),
            });
        let mut published = match done {
            Ok(published) => published,
            Err(StepError::Refused(refusal)) => Published {
                kind: self.settings.publish_as,
                request: None,
                refusal: Some(refusal),
                findings: Vec::new(),
            },
            Err(error) => return Err(error),
        };
        // What git and the service say may name what nobody is to read.
        for text in published.texts() {
            *text = self.scrubber.text(text);
        }
        record.published = Some(published.clone());
        record.write(self.folder)?;
        Ok(published)
    }

    fn pull_request(&self, record: &mut Record) -> Result<Published, StepError> {
        let branch = format!("{PREFIX}{}", self.group);
        let repository = Repository::of(&self.programs);
        let author = Author {
            name: self.settings.author_name.clone(),
            email: self.settings.author_email.clone(),
        };

        // What is there.
        let targets = Targets::of(self.settings, self.programs)?;
        let at = (self.base, self.folder);
        let place = Place::look(self.settings, &targets, self.programs, at)?;
        let Targets { head, into } = &targets;
        let base_branch = place.base_branch.clone();
        let service = place.service();
        let there = Service {
            caller: &*place.caller,
            target: head,
        }
        .tip(&branch)?;
        if repository.is_checked_out(&branch).map_err(failed)? {
            let reason = format!("{branch} is checked out here; check out another branch");
            return Err(Refusal::by(Rule::CheckedOut, reason).into());
        }

        // What is meant, before anything is written.
        let title = details::title(&self.settings.title_prefix, self.title);
        let tip = repository.tip(&branch);
        let is_ours = |tip: &String| repository.is_ours(tip, self.group, &author);
        let commit = match &record.commit {
            Some(commit) if repository.has(commit) => commit.clone(),
            _ => {
                let made = repository
                    .commit(&Commit {
                        base: self.base,
                        patch: self.patch,
                        message: &branch::message(&title, self.group, self.traces, self.base),
                        author: &author,
                        at: &record.at,
                        scratch: self.folder,
                    })
                    .map_err(failed)?;
                // The job was done anew, and came to the same.
                let same = tip
                    .iter()
                    .find(|tip| repository.is_same_change(tip, &made) && is_ours(tip));
                same.cloned().unwrap_or(made)
            }
        };
        let mut ours = record.earlier.clone();
        if let Some(tip) = &tip
            && *tip != commit
            && !ours.contains(tip)
        {
            if !is_ours(tip) {
                let reason = format!(
                    "the branch {branch} here is at {tip}, which archal did not make; rename or delete it"
                );
                return Err(Refusal::by(Rule::HeadMoved, reason).into());
            }
            ours.push(tip.clone());
        }
        let push = decision::push(&branch, there.as_deref(), &commit, &ours)?;
        let known = service.pulls_of(&head.owner, &branch)?;
        let open = decision::open(&known, &commit, &base_branch)?;
        record.branch = Some(branch.clone());
        record.target = Some(into.shown());
        record.base_branch = Some(base_branch.clone());
        record.commit = Some(commit.clone());
        record.earlier = ours;
        record.write(self.folder)?;

        // The branch there, the branch here, the pull request: where it may not be pushed, no
        // branch is left here. What is merged needs none.
        if !matches!(open, Open::Merged(_)) {
            Remote {
                programs: self.programs,
                name: &self.settings.remote,
            }
            .push(&branch, &commit, &push)?;
            if tip.as_deref() != Some(commit.as_str()) {
                let set = repository.set(&branch, &commit, tip.as_deref());
                set.map_err(failed)?;
            }
        }
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
                match made.map_err(|error| by_hand(error, head, &branch)) {
                    Ok(page) => page.number,
                    // Somebody was faster, or a call that was cut off came through after all.
                    Err(error) => match service.pulls_of(&head.owner, &branch)?.as_slice() {
                        [newest, ..] if newest.is_open && newest.head == commit => newest.number,
                        _ => return Err(error),
                    },
                }
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
            request: Some(Request::of(number, page.url, seen)),
            refusal: None,
            findings,
        })
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
            if self.programs.stop.wait(PAUSE) {
                return Err(StepError::Stopped);
            }
            seen = service.seen(number)?;
        }
        Ok(seen)
    }
}

/// A refused pull request, with the way to open one by hand.
fn by_hand(error: StepError, head: &Target, branch: &str) -> StepError {
    match error {
        StepError::Refused(mut refusal) => {
            let page = format!("https://{}/pull/new/{branch}", head.shown());
            refusal
                .reason
                .push_str(&format!("; the branch is pushed, open it by hand: {page}"));
            refusal.into()
        }
        error => error,
    }
}

fn failed(error: GitError) -> StepError {
    Refusal::by(Rule::GitFailed, error.to_string()).into()
}
