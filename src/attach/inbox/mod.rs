//! Failures as a person looks at them and decides: the inbox.
//!
//! Pure functions over the state and its artifacts; each gives a document that is printed or
//! written as JSON. What a person decides is a row, and a line of `labels.jsonl`.
//!
//! - [`document`]: what is told.
//! - [`next`]: what to do about a failure, as commands to copy.
//! - [`details`]: one failure with its traces, attempts and files.
//! - [`reasons`]: why the verdict is what it is.
//! - [`decide`]: confirm, dismiss, reopen.
//! - [`labels`]: what a person said, for measuring the grader.

pub mod decide;
pub mod details;
pub mod document;
pub mod labels;
pub mod next;
pub mod reasons;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use archal_core::diagnostic::nearest;
use rusqlite::Connection;
use serde::de::DeserializeOwned;

use super::state::failures::{self, Failure, FailureStatus};
use super::state::jobs::{self, StoredJob};
use super::state::{attachments, traces};

use document::{Issue, IssueList, Standing};

/// A larger artifact is none that archal wrote.
const LARGEST: u64 = 64 << 20;
/// The most groups named where a name fits several.
const CANDIDATES: usize = 10;

/// What the inbox is read with.
#[derive(Debug, Clone)]
pub struct Desk {
    /// The repository.
    pub repo: PathBuf,
    /// The repository as it is written in commands: `.` for who stands in it.
    pub shown: PathBuf,
    /// The folder of `imports`, `grades`, `seeds`, `runs` and `fixes`.
    pub artifacts: PathBuf,
}

/// Why no group is meant.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotMeant {
    /// No group has that name.
    #[error("there is no failure `{asked}`")]
    Unknown {
        /// What was asked for.
        asked: String,
        /// The nearest name, where one is near.
        nearest: Option<String>,
    },
    /// Several groups begin with it.
    #[error("`{asked}` is the beginning of {count} failures")]
    Ambiguous {
        /// What was asked for.
        asked: String,
        /// How many.
        count: usize,
        /// The first of them.
        candidates: Vec<String>,
    },
}

/// The group of that name, or the only one whose name begins so.
///
/// # Errors
///
/// When the database refuses; inside, when none or several are meant.
pub fn find(rows: &Connection, asked: &str) -> rusqlite::Result<Result<Failure, NotMeant>> {
    if let Some(failure) = failures::get(rows, asked)? {
        return Ok(Ok(failure));
    }
    let all = failures::all(rows)?;
    let mut meant: Vec<&Failure> = all
        .iter()
        .filter(|failure| !asked.is_empty() && failure.name.starts_with(asked))
        .collect();
    meant.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(match meant[..] {
        [one] => Ok(one.clone()),
        [] => Err(NotMeant::Unknown {
            asked: asked.to_owned(),
            nearest: nearest(asked, all.iter().map(|failure| failure.name.as_str()))
                .map(str::to_owned),
        }),
        _ => Err(NotMeant::Ambiguous {
            asked: asked.to_owned(),
            count: meant.len(),
            candidates: meant
                .iter()
                .take(CANDIDATES)
                .map(|failure| failure.name.clone())
                .collect(),
        }),
    })
}

/// The groups with one of these statuses, the one that showed last first.
///
/// # Errors
///
/// When the database refuses.
pub fn list(
    rows: &Connection,
    desk: &Desk,
    wanted: &[FailureStatus],
) -> rusqlite::Result<IssueList> {
    let directories = directories(rows)?;
    let mut list = IssueList {
        repo: desk.repo.clone(),
        is_attached: true,
        issues: Vec::new(),
        left_out: BTreeMap::new(),
    };
    for failure in failures::all(rows)? {
        if wanted.contains(&failure.status) {
            let job = leader(rows, &failure)?;
            list.issues
                .push(issue(desk, &failure, job.as_ref(), &directories));
        } else {
            *list
                .left_out
                .entry(failure.status.name().to_owned())
                .or_default() += 1;
        }
    }
    Ok(list)
}

/// One group as a line of the list.
fn issue(
    desk: &Desk,
    failure: &Failure,
    job: Option<&StoredJob>,
    directories: &BTreeMap<i64, PathBuf>,
) -> Issue {
    let directory = job
        .and_then(|job| directories.get(&job.attachment))
        .or(directories.values().next());
    Issue {
        group: failure.name.clone(),
        status: failure.status,
        title: failure.title.clone(),
        note: failure.note.clone().filter(|note| !note.is_empty()),
        traces: failure.traces,
        first_seen: failure.first_seen.clone(),
        last_seen: failure.last_seen.clone(),
        job: job.map(|job| Standing {
            trace: job.report.name.clone(),
            stage: job.report.stage,
            status: job.report.status,
            reason: job.report.reason.clone(),
        }),
        next: next::next(desk, failure, job, directory.map(PathBuf::as_path)),
    }
}

/// The job of a group that is or was worked on, else its first.
fn leader(rows: &Connection, failure: &Failure) -> rusqlite::Result<Option<StoredJob>> {
    if let Some(leader) = failure.leader
        && let Some(job) = jobs::get(rows, leader)?
    {
        return Ok(Some(job));
    }
    Ok(members(rows, failure)?.into_iter().next())
}

/// The jobs of a group in the order in which their traces came; superseded ones are left out.
fn members(rows: &Connection, failure: &Failure) -> rusqlite::Result<Vec<StoredJob>> {
    jobs::list(
        rows,
        &jobs::Wanted {
            failure: Some(&failure.name),
            ..jobs::Wanted::default()
        },
    )
}

fn directories(rows: &Connection) -> rusqlite::Result<BTreeMap<i64, PathBuf>> {
    let all = attachments::all(rows)?;
    Ok(all
        .into_iter()
        .map(|attachment| (attachment.id, attachment.directory))
        .collect())
}

/// Whether what was asked for is a trace, for who names one where a group is wanted.
///
/// # Errors
///
/// When the database refuses.
pub fn groups_of_trace(rows: &Connection, asked: &str) -> rusqlite::Result<Vec<String>> {
    let mut groups = Vec::new();
    for trace in traces::meant(rows, asked)? {
        let job = jobs::newest(rows, trace.id)?;
        groups.extend(job.and_then(|job| job.report.group));
    }
    groups.sort();
    groups.dedup();
    Ok(groups)
}

/// Reads an artifact; none where it is not there, too large, or of another form.
fn artifact<T: DeserializeOwned>(path: &Path) -> Option<T> {
    let mut bytes = Vec::new();
    let file = File::open(path).ok()?;
    let size = file.take(LARGEST + 1).read_to_end(&mut bytes).ok()?;
    if size as u64 > LARGEST {
        return None;
    }
    serde_json::from_slice(&bytes).ok()
}

#[cfg(test)]
mod tests;
