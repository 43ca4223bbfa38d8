//! What is told of failures.

use std::collections::BTreeMap;
use std::path::PathBuf;

use archal_core::grade::{Finding, Verdict};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::attach::job::{Stage, Status};
use crate::attach::state::failures::FailureStatus;
use crate::attach::state::jobs::Transition;
use crate::attach::state::notices::Outcome;
use crate::config::schema::NoticeEvent;
use crate::fix::publish::record::Published;
use crate::grade::tiers::TierReport;
use crate::reconstruct::Missing;
use crate::reconstruct::replay::Agreement;
use crate::report::rate::Rate;
use crate::run::score::CriterionReport;

/// The inbox: `archal issue list --json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct IssueList {
    /// The repository.
    pub repo: PathBuf,
    /// Whether anything was ever attached to it.
    pub is_attached: bool,
    /// The groups, the one that showed last first.
    pub issues: Vec<Issue>,
    /// How many groups of other statuses are left out.
    pub left_out: BTreeMap<String, u64>,
}

/// A group of traces that show the same failure.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Issue {
    /// Its name.
    pub group: String,
    /// How it stands with the people who look at it.
    pub status: FailureStatus,
    /// What fails, one line.
    pub title: String,
    /// What a person said of it.
    pub note: Option<String>,
    /// How many traces show it.
    pub traces: u64,
    /// When it first showed.
    pub first_seen: String,
    /// When it last showed.
    pub last_seen: String,
    /// The job that is or was worked on.
    pub job: Option<Standing>,
    /// What to do about it.
    pub next: Next,
}

/// How a job stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Standing {
    /// Its trace.
    pub trace: String,
    /// Its stage.
    pub stage: Stage,
    /// Its status.
    pub status: Status,
    /// Why, one sentence.
    pub reason: String,
}

/// What to do about a failure.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Next {
    /// In words.
    pub text: String,
    /// Commands to copy, in order.
    pub commands: Vec<String>,
}

/// One failure: `archal issue show --json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct IssueDetails {
    /// The group.
    pub issue: Issue,
    /// What makes it this failure.
    pub identity: Value,
    /// The commit it was last worked on.
    pub base: Option<String>,
    /// Its traces in the order in which they came, at most fifty, the one that is worked on first.
    pub members: Vec<Member>,
    /// Attempts on HEAD that showed it.
    pub red: Option<Rate>,
    /// Runs with the patch that showed none.
    pub green: Option<Rate>,
    /// Each attempt on HEAD.
    pub attempts: Vec<AttemptLine>,
    /// What is missing, for a blocked job.
    pub missing: Vec<Missing>,
    /// Files that decide, the most important first.
    pub artifacts: Vec<PathBuf>,
    /// Artifacts that were removed because they were old: `runs` or `trace`, and when.
    pub pruned: BTreeMap<String, String>,
    /// The proven patch.
    pub patch: Option<PathBuf>,
    /// What was published of it, or why nothing was.
    pub published: Option<Published>,
    /// What the job went through.
    pub history: Vec<Transition>,
    /// What was told of it.
    pub notices: Vec<NoticeLine>,
}

/// A trace that shows a failure.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Member {
    /// Its name in paths and commands.
    pub trace: String,
    /// Its id.
    pub id: String,
    /// The file it came from.
    pub file: PathBuf,
    /// How its job stands.
    pub status: Status,
    /// Whether it is the one that is or was worked on.
    pub leads: bool,
}

/// An attempt on HEAD.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AttemptLine {
    /// Its number.
    pub number: u64,
    /// `red-same`, `red-other`, `green` or `void`.
    pub shown: String,
    /// What failed instead, or what cut it off.
    pub why: Option<String>,
    /// The folder with its evidence, where it is still there.
    pub evidence: Option<PathBuf>,
}

/// A notice and what became of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct NoticeLine {
    /// What happened.
    pub event: Option<NoticeEvent>,
    /// When it was closed, or is to be tried next.
    pub at: String,
    /// What became of it; none while it is open.
    pub outcome: Option<Outcome>,
    /// Why it was not taken.
    pub error: Option<String>,
}

/// Why a verdict is what it is: `archal issue why --json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct IssueReasons {
    /// The group.
    pub issue: Issue,
    /// The grade of the trace that is worked on, and of a few others.
    pub traces: Vec<TraceReasons>,
    /// How many further traces show the same.
    pub more_traces: u64,
    /// What running the agent again showed.
    pub reproduction: Option<ReproductionReasons>,
    /// What nobody checked.
    pub not_checked: Vec<String>,
}

/// Why a trace shows a failure.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TraceReasons {
    /// The trace.
    pub trace: String,
    /// The file that says it.
    pub grade: PathBuf,
    /// Why the file says nothing: it was removed, or is of another revision.
    pub unavailable: Option<String>,
    /// The verdict.
    pub verdict: Option<Verdict>,
    /// One sentence.
    pub summary: String,
    /// Why the verdict and the way on are what they are.
    pub reason: String,
    /// The scenario's id.
    pub scenario: Option<String>,
    /// The first span that led to it.
    pub first_bad_step: Option<String>,
    /// What was found, the primary finding first.
    pub findings: Vec<Finding>,
    /// What each tier of grading came to.
    #[serde(default)]
    pub tiers: Vec<TierReport>,
    /// The criteria that do not hold.
    pub criteria: Vec<CriterionReport>,
    /// How far the trace's own calls replay with the same answers.
    pub agreement: Option<Agreement>,
}

/// What running the agent again showed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReproductionReasons {
    /// `reproduced`, `flaky`, `not_reproduced` or `blocked`.
    pub outcome: String,
    /// Attempts that showed it, of those that count.
    pub red: Option<Rate>,
    /// The commit.
    pub base: String,
    /// Each attempt.
    pub attempts: Vec<AttemptLine>,
}

/// What a person decided: `archal issue confirm|dismiss|reopen --json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Decided {
    /// The group as it stands now.
    pub issue: Issue,
    /// How it stood.
    pub before: FailureStatus,
    /// Lines written to `labels.jsonl`.
    pub labels: usize,
    /// That file.
    pub labels_file: PathBuf,
    /// Jobs taken out of the queue, or put back.
    pub jobs: usize,
}
