//! HEAD of the repository as a watcher looks at it, and the runs that follow from it.

use std::path::{Path, PathBuf};
use std::sync::{MutexGuard, PoisonError};

use archal_core::clock::Timestamp;
use archal_core::id;

use crate::config::{self, preprod::AttachPreprod};
use crate::fix::publish::branch::GROUP_TRAILER;
use crate::git::command::{Git, Head};
use crate::host::queue::WorkKind;
use crate::ingest::watch::Stamp;
use crate::store::database::DatabaseError;

use super::super::engine::Attached;
use super::super::flags::AttachFlags;
use super::super::state::{facts, submitted};
use super::commits::Commits;
use super::job::{SubmittedJob, SubmittedStatus, short};
use super::queue::{Submitted, forget};

/// The fact that says which commit needs nothing more; empty where none is to be run.
const SETTLED: &str = "preprod_commit";

/// What is known of HEAD between two looks.
#[derive(Default)]
pub(super) struct Seen {
    /// None while no commit is to be run.
    commits: Option<Commits>,
    /// What git writes whenever HEAD moves; none where that is not known yet.
    log: Option<PathBuf>,
    stamp: Option<Stamp>,
    /// What the configuration said when it was written last.
    wanted: Option<(AttachFlags, Option<Timestamp>, AttachPreprod)>,
    /// Whether it is known that the state holds no commit.
    is_clear: bool,
}

impl Submitted {
    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.head.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Looks where HEAD is, where new commits are to be run, and puts such a run into the queue.
    pub(super) fn look_at_head(&self, attached: &Attached) -> Result<(), DatabaseError> {
        let mut seen = self.seen();
        let Some(wanted) = self.wanted(&mut seen, attached) else {
            return Ok(());
        };
        if !wanted.on_commit {
            return self.forget(&mut seen);
        }
        let (surround, state) = (self.engine.surround(), self.engine.state());
        let path = surround.environment.get("PATH").unwrap_or_default();
        let mut commits = match &seen.commits {
            Some(commits) => commits.clone(),
            None => {
                let settled = state.read(|rows| facts::get(rows, SETTLED))?;
                Commits::after(settled.filter(|commit| !commit.is_empty()))
            }
        };
        if seen.log.is_none() {
            seen.log = head_log(&surround.repo, path);
        }
        // Asking git costs a process; its own log says when that is in vain.
        let stamp = seen.log.as_deref().and_then(|log| Stamp::read(log).ok());
        if seen.commits.is_some() && stamp.is_some() && stamp == seen.stamp && !commits.is_moving()
        {
            return Ok(());
        }
        // In the midst of git's work there may be no answer; the next look has one.
        let Ok(head) = Head::of(&surround.repo, path, GROUP_TRAILER) else {
            return Ok(());
        };
        let before = commits.settled().map(str::to_owned);
        let found = commits.look(&head, surround.clock.monotonic());
        if before.as_deref() != commits.settled() {
            let job = found.map(|commit| self.for_commit(commit, &wanted, attached));
            let settled = commits.settled().unwrap_or_default();
            if let Some(job) = self.settle(settled, job)? {
                (self.told)(&format!("{} is the job {}", job.label(), job.id));
                self.has_come();
            }
            seen.is_clear = false;
        }
        seen.stamp = stamp;
        seen.commits = Some(commits);
        Ok(())
    }

    /// Writes down which commit needs nothing more, together with the job that is its run, unless
    /// that commit was run before. Runs of earlier commits that have not begun give way.
    fn settle(
        &self,
        settled: &str,
        job: Option<SubmittedJob>,
    ) -> Result<Option<SubmittedJob>, DatabaseError> {
        let now = self.engine.surround().clock.now();
        let added = self.engine.state().write(|change| {
            facts::set(change, SETTLED, settled)?;
            let Some(job) = job else { return Ok(None) };
            if submitted::has_commit(change, settled)? {
                return Ok(None);
            }
            for earlier in submitted::open(change)? {
                if earlier.commit.is_some() && earlier.status == SubmittedStatus::Queued {
                    let reason = format!("commit {} is newer", short(settled));
                    let how = (SubmittedStatus::Superseded, reason.as_str());
                    submitted::change(change, &earlier.id, how, None, now)?;
                }
            }
            let forgotten = submitted::add(change, &job)?;
            Ok(Some((job, forgotten)))
        })?;
        Ok(added.map(|(job, forgotten)| {
            forget(&forgotten);
            job
        }))
    }

    /// The run of a commit.
    fn for_commit(
        &self,
        commit: String,
        wanted: &AttachPreprod,
        attached: &Attached,
    ) -> SubmittedJob {
        let surround = self.engine.surround();
        let name = id::prefixed(surround.ids.as_ref(), "preprod");
        let artifacts = surround.layout.preprod().join(name);
        let words = arguments(wanted, attached.flags.config.as_deref(), &artifacts);
        let place = (surround.repo.clone(), artifacts);
        SubmittedJob {
            commit: Some(commit),
            ..self.job(WorkKind::Preprod, words, place)
        }
    }

    /// What the configuration of the attachment says. While it cannot be used, which the status of the
    /// attachment tells, it is what it said before: a file that is being written must not make a
    /// commit old that came meanwhile. None where nothing is known of it.
    fn wanted(&self, seen: &mut Seen, attached: &Attached) -> Option<AttachPreprod> {
        let (surround, flags) = (self.engine.surround(), &attached.flags);
        let at = self.engine.config_changed_at(attached);
        if let Some((known, written, wanted)) = &seen.wanted
            && known == flags
            && *written == at
        {
            return Some(wanted.clone());
        }
        let overrides = flags.overrides();
        let environment = &surround.environment;
        let file = flags.config.as_deref();
        let Ok(loaded) = config::load(file, &surround.repo, &overrides, environment) else {
            let before = seen.wanted.as_ref().filter(|(known, ..)| known == flags);
            return before.map(|(.., wanted)| wanted.clone());
        };
        let wanted = loaded.config.attach.preprod;
        seen.wanted = Some((flags.clone(), at, wanted.clone()));
        Some(wanted)
    }

    /// What is there when commits are to be run again is no new commit.
    fn forget(&self, seen: &mut Seen) -> Result<(), DatabaseError> {
        seen.commits = None;
        if seen.is_clear {
            return Ok(());
        }
        let state = self.engine.state();
        let settled = state.read(|rows| facts::get(rows, SETTLED))?;
        if settled.is_some_and(|commit| !commit.is_empty()) {
            state.write(|change| facts::set(change, SETTLED, ""))?;
        }
        seen.is_clear = true;
        Ok(())
    }
}

/// The command that runs what is checked out.
fn arguments(wanted: &AttachPreprod, config: Option<&Path>, artifacts: &Path) -> Vec<String> {
    let text = |path: &Path| path.display().to_string();
    let mut words = vec!["preprod".to_owned(), "run".to_owned()];
    words.extend(["--artifacts".to_owned(), text(artifacts)]);
    if let Some(config) = config {
        words.extend(["--config".to_owned(), text(config)]);
    }
    if !wanted.scenarios.is_empty() {
        words.push("--".to_owned());
        words.extend(wanted.scenarios.iter().cloned());
    }
    words
}

/// Where git notes each move of HEAD.
fn head_log(repo: &Path, path: &str) -> Option<PathBuf> {
    let log = Git::new(repo, path)
        .args(["rev-parse", "--git-path", "logs/HEAD"])
        .line()
        .ok()?;
    Some(repo.join(log))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_commit_is_run_as_the_keys_say_and_no_scenario_is_taken_for_an_option() {
        let mut wanted = AttachPreprod::default();
        let of = |wanted: &AttachPreprod, config| {
            arguments(wanted, config, Path::new("/a/.archal/preprod/p")).join(" ")
        };
        assert_eq!(
            of(&wanted, None),
            "preprod run --artifacts /a/.archal/preprod/p"
        );
        wanted.scenarios = vec!["archal/fast".to_owned(), "-odd.md".to_owned()];
        assert_eq!(
            of(&wanted, Some(Path::new("/a/b.json"))),
            "preprod run --artifacts /a/.archal/preprod/p --config /a/b.json -- archal/fast -odd.md"
        );
    }
}
