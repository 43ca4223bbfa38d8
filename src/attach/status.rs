//! How everything attached to a repository stands, for people and programs.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use rusqlite::Connection;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::budget::entry::{Entry, repo_name};
use crate::budget::ledger::{Ledger, LedgerError};
use crate::budget::standing::Standing;
use crate::budget::summary::Totals;
use crate::grade::Grade;
use crate::store::layout::Layout;

use super::flags::AttachFlags;
use super::job::{FileRow, JobReport, Stage, Status};
use super::seeding::{self, Origin};
use super::service::DoingNow;
use super::state::attempts::{self, StoredAttempt};
use super::state::jobs::{self, StoredJob, Transition};
use super::state::{attachments, files, submitted, tallies};
use super::submitted::job::SubmittedJob;

/// The most files that gave no trace which are told one by one.
const MOST_FILES: usize = 50;
/// The most jobs that are told one by one, the newest.
const MOST_JOBS: usize = 50;
/// The most commands that are told, the newest.
const MOST_SUBMITTED: usize = 20;

/// The process that works on the repository.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct WatcherNow {
    /// `running`, `dead` (it ended without being asked) or `none`.
    pub state: String,
    /// Its process.
    pub pid: Option<u32>,
    /// Since when.
    pub started_at: Option<String>,
    /// Its log.
    pub log: Option<PathBuf>,
    /// What it is doing; none where it does not answer.
    pub doing: Option<DoingNow>,
}

/// Everything: `archal attach-status --json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct StatusReport {
    /// The repository.
    pub repo: PathBuf,
    /// The process.
    pub watcher: WatcherNow,
    /// Each directory that is attached, or was when the process ended.
    pub attached: Vec<AttachmentStatus>,
    /// Directories that are not attached now and were worked on before, in one pass or until they
    /// were detached.
    #[serde(default)]
    pub earlier: Vec<AttachmentStatus>,
    /// How many jobs stand in each status, over all directories that ever were attached.
    pub jobs: BTreeMap<String, u64>,
    /// What all projects of the user spent today; null where the ledger or the configuration
    /// cannot be read.
    pub budget: Option<Standing>,
    /// Why jobs are blocked, most first.
    pub blocked: Vec<Cause>,
    /// The newest jobs, those that are not at their end first.
    pub newest: Vec<JobReport>,
    /// The newest commands that are or were jobs, those that are not at their end first.
    #[serde(default)]
    pub submitted: Vec<SubmittedJob>,
}

/// One directory.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AttachmentStatus {
    /// The directory.
    pub directory: PathBuf,
    /// The policy it was attached with, where the command line said one.
    pub policy: Option<String>,
    /// How many files stand in each status.
    pub files: BTreeMap<String, u64>,
    /// Files that gave no trace, or that could not be read in whole.
    pub to_tell: Vec<FileRow>,
}

/// Jobs that are blocked by the same thing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Cause {
    /// The short reason.
    pub code: String,
    /// What blocks them, with what mends it where that is known.
    pub cause: String,
    /// How many.
    pub jobs: u64,
}

/// Reads the report but for the process.
pub fn report(
    connection: &Connection,
    repo: PathBuf,
    watcher: WatcherNow,
) -> rusqlite::Result<StatusReport> {
    let (mut attached, mut earlier) = (Vec::new(), Vec::new());
    for attachment in attachments::all(connection)? {
        let flags: AttachFlags = serde_json::from_value(attachment.flags).unwrap_or_default();
        let status = AttachmentStatus {
            files: tallies::files(connection, attachment.id)?
                .into_iter()
                .collect(),
            to_tell: files::list(connection, attachment.id, true, MOST_FILES)?,
            directory: attachment.directory,
            policy: flags.policy,
        };
        if attachment.is_attached {
            attached.push(status);
        } else if !status.files.is_empty() {
            earlier.push(status);
        }
    }
    let mut counts = BTreeMap::new();
    for (status, _, number) in tallies::jobs(connection, None)? {
        *counts.entry(status.name().to_owned()).or_default() += number;
    }
    let blocked = tallies::causes(connection)?
        .into_iter()
        .map(|(code, cause, jobs)| Cause { code, cause, jobs })
        .collect();
    let wanted = jobs::Wanted {
        most: Some(MOST_JOBS),
        ..jobs::Wanted::default()
    };
    let mut newest: Vec<JobReport> = jobs::list(connection, &wanted)?
        .into_iter()
        .rev()
        .map(|job| job.report)
        .collect();
    newest.sort_by_key(|job| job.status.is_terminal());
    Ok(StatusReport {
        repo,
        watcher,
        attached,
        earlier,
        jobs: counts,
        budget: None,
        blocked,
        newest,
        submitted: submitted::newest(connection, MOST_SUBMITTED)?,
    })
}

/// One trace: `archal attach-status <trace> --json`, with the hand-off.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TraceStatus {
    /// The repository.
    pub repo: PathBuf,
    /// The command that works on it.
    pub command: String,
    /// The directory it came from.
    pub trace_directory: PathBuf,
    /// The policy, where the command line said one.
    pub policy: Option<String>,
    /// How its job stands.
    pub job: JobReport,
    /// The grade of this revision; null where there is none on the disk.
    #[serde(default)]
    pub grade: Option<Grade>,
    /// Where the scenario it is run by comes from; null where there is none.
    #[serde(default)]
    pub scenario_from: Option<Origin>,
    /// The commit it was worked on.
    pub base: Option<String>,
    /// What the job went through.
    pub transitions: Vec<Transition>,
    /// What the trace took from its cap, over all its jobs; null where the ledger cannot be read.
    pub spent: Option<Totals>,
    /// The paid steps of all its jobs, oldest first.
    pub attempts: Vec<AttemptStatus>,
    /// Earlier jobs of the trace.
    pub earlier: Vec<EarlierJob>,
}

/// One paid step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AttemptStatus {
    /// Its id, as the ledger has it.
    pub id: String,
    /// What it is for and its place among those: `reproduce/2`.
    pub step: String,
    /// `running`, `ended` or `interrupted`.
    pub state: attempts::AttemptState,
    /// Whether it belongs to an earlier job of the trace.
    pub is_earlier: bool,
    /// What the ledger has of it; null where the ledger has nothing.
    pub money: Option<Entry>,
}

/// A job that another one of the same trace took the place of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct EarlierJob {
    /// The revision.
    pub revision: String,
    /// Where it ended.
    pub stage: Stage,
    /// Its last reason.
    pub reason: String,
}

/// Reads the status of one trace's newest job.
pub fn trace(
    connection: &Connection,
    repo: PathBuf,
    job: StoredJob,
) -> rusqlite::Result<TraceStatus> {
    let attachment = attachments::all(connection)?
        .into_iter()
        .find(|attachment| attachment.id == job.attachment);
    let (directory, flags) = match attachment {
        Some(attachment) => (
            attachment.directory,
            serde_json::from_value::<AttachFlags>(attachment.flags).unwrap_or_default(),
        ),
        None => (PathBuf::new(), AttachFlags::default()),
    };
    let all = jobs::of_trace(connection, job.trace)?;
    let mut paid = Vec::new();
    for one in &all {
        let made = attempts::of_job(connection, one.id)?.into_iter();
        paid.extend(made.map(|made| attempt(made, one.id != job.id)));
    }
    let earlier = all
        .into_iter()
        .filter(|other| other.id != job.id)
        .map(|other| EarlierJob {
            revision: other.report.revision,
            stage: other.report.stage,
            reason: other.report.reason,
        })
        .collect();
    Ok(TraceStatus {
        command: flags.command(&directory, &repo),
        repo,
        trace_directory: directory,
        policy: flags.policy,
        grade: None,
        scenario_from: None,
        base: job.base,
        transitions: jobs::transitions(connection, job.id)?,
        spent: None,
        attempts: paid,
        earlier,
        job: job.report,
    })
}

fn attempt(attempt: StoredAttempt, is_earlier: bool) -> AttemptStatus {
    AttemptStatus {
        step: format!("{}/{}", attempt.phase, attempt.slot),
        id: attempt.id,
        state: attempt.state,
        is_earlier,
        money: None,
    }
}

impl TraceStatus {
    /// Reads what the stages left on the disk of how it was graded.
    pub fn read_artifacts(&mut self, layout: &Layout) {
        let of = |stage: &str| layout.attach(stage).join(&self.job.name);
        let grade = fs::read(of("grades").join("grade.json")).ok();
        let grade: Option<Grade> = grade.and_then(|grade| serde_json::from_slice(&grade).ok());
        self.grade = grade.filter(|grade| grade.revision == self.job.revision);
        self.scenario_from = seeding::note(&of("seeds")).map(|note| note.origin);
    }

    /// Puts beside each attempt what the ledger has of it.
    ///
    /// # Errors
    ///
    /// When the ledger cannot be read.
    pub fn count_money(&mut self, ledger: &Ledger) -> Result<(), LedgerError> {
        let (totals, entries) = ledger.of_trace(&repo_name(&self.repo), &self.job.name)?;
        for attempt in &mut self.attempts {
            attempt.money = entries
                .iter()
                .find(|entry| entry.attempt == attempt.id)
                .cloned();
        }
        self.spent = Some(totals);
        Ok(())
    }
}

/// The statuses in the order in which people look at them.
pub fn in_order(counts: &BTreeMap<String, u64>) -> Vec<(Status, u64)> {
    Status::ALL
        .into_iter()
        .filter_map(|status| Some((status, *counts.get(status.name())?)))
        .collect()
}
