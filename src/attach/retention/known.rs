//! What the state knows of traces that decides whether their artifacts may go.

use std::collections::BTreeSet;
use std::path::Path;

use archal_core::clock::Timestamp;
use rusqlite::{Connection, Row};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::fix::publish;

/// Why something stays, however old it is.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// A job of it is under way.
    UnderWay,
    /// A blocked job refers to it.
    Blocked,
    /// It led to a patch that is not applied.
    PatchNotApplied,
    /// Its pull request was open when it was read last.
    PullRequest,
    /// A regression came from it.
    Regression,
    /// An open failure of the inbox is told by it.
    Inbox,
    /// It is not old enough.
    Young,
    /// The last run's summary names it.
    LastRun,
    /// A suite that can be gone on with, or is to be kept, needs it.
    Suite,
    /// A session of clones that runs writes it.
    Session,
    /// The state knows no trace of that name.
    Unknown,
    /// It changed while this was decided.
    Changed,
}

impl Reason {
    /// As a person is told.
    pub fn text(self) -> &'static str {
        match self {
            Self::UnderWay => "a job of it is under way",
            Self::Blocked => "a blocked job refers to it",
            Self::PatchNotApplied => "its patch is not applied",
            Self::PullRequest => "its pull request is open",
            Self::Regression => "a regression came from it",
            Self::Inbox => "the inbox shows it",
            Self::Young => "not old enough",
            Self::LastRun => "the last run",
            Self::Suite => "a suite that can be gone on with, or was made with --keep, needs it",
            Self::Session => "a session of clones that runs writes it",
            Self::Unknown => "not known to archal",
            Self::Changed => "it changed meanwhile",
        }
    }

    /// Whether the evidence of runs stays too, and not the deciding files alone.
    pub(super) fn keeps_evidence(self) -> bool {
        !matches!(self, Self::Regression | Self::Inbox)
    }
}

/// What is known of a trace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct KnownTrace {
    /// Its row.
    pub(super) id: i64,
    /// When its jobs last changed.
    pub(super) changed: Timestamp,
    /// Why it stays.
    pub(super) reason: Option<Reason>,
}

const QUESTION: &str = "SELECT traces.id, traces.name, max(jobs.updated_at),
    max(jobs.status IN ('queued', 'running', 'waiting_budget')),
    max(jobs.status IN ('blocked', 'fix_blocked')),
    max(CASE WHEN jobs.status = 'fixed' THEN jobs.failure END),
    max(CASE WHEN failures.leader = jobs.id THEN jobs.failure END),
    max(failures.leader = jobs.id AND failures.status IN ('open', 'confirmed', 'reopened'))
  FROM traces JOIN jobs ON jobs.trace = traces.id
  LEFT JOIN failures ON failures.name = jobs.failure";

/// The trace of that name, if there is one. `regressions` are those of [`regressions`].
pub(super) fn named(
    connection: &Connection,
    regressions: &BTreeSet<String>,
    name: &str,
) -> rusqlite::Result<Option<KnownTrace>> {
    let found = connection
        .prepare_cached(&format!(
            "{QUESTION} WHERE traces.name = ?1 GROUP BY traces.id"
        ))?
        .query_map([name], |row| of_row(row, regressions))?
        .next()
        .transpose()?;
    // Names are compared without case there, and files are told apart by it.
    Ok(found
        .filter(|(found, _)| found == name)
        .map(|(_, known)| known))
}

/// One trace as it is now.
pub(super) fn one(
    connection: &Connection,
    repo: &Path,
    id: i64,
) -> rusqlite::Result<Option<KnownTrace>> {
    let regressions = regressions(repo);
    let mut found = connection
        .prepare_cached(&format!(
            "{QUESTION} WHERE traces.id = ?1 GROUP BY traces.id"
        ))?
        .query_map([id], |row| of_row(row, &regressions))?
        .collect::<rusqlite::Result<Vec<_>>>()?;
    Ok(found.pop().map(|(_, known)| known))
}

/// The groups that are kept as regressions in the checkout.
pub(super) fn regressions(repo: &Path) -> BTreeSet<String> {
    let entries = std::fs::read_dir(repo.join(publish::FOLDER));
    entries
        .into_iter()
        .flatten()
        .filter_map(|entry| {
            let name = entry.ok()?.file_name().into_string().ok()?;
            name.strip_suffix(".md").map(str::to_owned)
        })
        .collect()
}

fn of_row(row: &Row<'_>, regressions: &BTreeSet<String>) -> rusqlite::Result<(String, KnownTrace)> {
    let is = |column| -> rusqlite::Result<bool> {
        Ok(row.get::<_, Option<bool>>(column)?.unwrap_or(false))
    };
    let changed: String = row.get(2)?;
    let fixed: Option<String> = row.get(5)?;
    let led: Option<String> = row.get(6)?;
    let is_regression = |group: &Option<String>| {
        group
            .as_ref()
            .is_some_and(|group| regressions.contains(group))
    };
    let reason = if is(3)? {
        Some(Reason::UnderWay)
    } else if fixed.is_some() && !is_regression(&fixed) {
        // The patch brings the regression: where that is missing, it is not applied.
        Some(Reason::PatchNotApplied)
    } else if is(4)? {
        Some(Reason::Blocked)
    } else if is_regression(&fixed) || is_regression(&led) {
        Some(Reason::Regression)
    } else if is(7)? {
        Some(Reason::Inbox)
    } else {
        None
    };
    let known = KnownTrace {
        id: row.get(0)?,
        // A time that cannot be read is no reason to remove anything.
        changed: changed.parse().unwrap_or(Timestamp::MAX),
        reason,
    };
    Ok((row.get(1)?, known))
}
