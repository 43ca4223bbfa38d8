//! One failure with its traces, attempts and files.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use rusqlite::Connection;
use serde_json::Value;

use crate::attach::state::failures::Failure;
use crate::attach::state::pruned::{self, Part};
use crate::attach::state::{jobs, notices};

use super::document::{AttemptLine, IssueDetails, Member, NoticeLine};
use super::{Desk, artifact, directories, issue, leader, members};

/// The most traces that are listed.
const MEMBERS: usize = 50;

/// Everything there is to see of a group.
///
/// # Errors
///
/// When the database refuses.
pub fn details(
    rows: &Connection,
    desk: &Desk,
    failure: &Failure,
) -> rusqlite::Result<IssueDetails> {
    let job = leader(rows, failure)?;
    let leader_id = job.as_ref().map(|job| job.id);
    let mut all = members(rows, failure)?;
    // Stable: the others stay in the order in which they came.
    all.sort_by_key(|member| Some(member.id) != leader_id);
    let mut gone = BTreeMap::new();
    if let Some(job) = &job {
        for part in [Part::Runs, Part::Trace] {
            if let Some(at) = pruned::at(rows, job.trace, part)? {
                gone.insert(part.name().to_owned(), at);
            }
        }
    }
    let history = match &job {
        Some(job) => jobs::transitions(rows, job.id)?,
        None => Vec::new(),
    };
    let told = notices::of_failure(rows, &failure.name)?;
    let report = job.as_ref().map(|job| &job.report);
    Ok(IssueDetails {
        issue: issue(desk, failure, job.as_ref(), &directories(rows)?),
        identity: failure.identity.clone(),
        base: failure.base.clone(),
        members: all
            .iter()
            .take(MEMBERS)
            .map(|member| Member {
                trace: member.report.name.clone(),
                id: member.report.trace.trace.clone(),
                file: member.report.file.clone(),
                status: member.report.status,
                leads: Some(member.id) == leader_id,
            })
            .collect(),
        red: report.and_then(|report| report.red),
        green: report.and_then(|report| report.green),
        attempts: report
            .and_then(|report| manifest(desk, &report.name))
            .map(|manifest| attempts(&manifest))
            .unwrap_or_default(),
        missing: report.map_or_else(Vec::new, |report| report.missing.clone()),
        artifacts: report.map_or_else(Vec::new, |report| {
            let paths = report
                .artifacts
                .iter()
                .map(|artifact| artifact.path.clone());
            paths.collect()
        }),
        pruned: gone,
        patch: report.and_then(|report| report.patch.clone()),
        published: report.and_then(|report| report.published.clone()),
        history,
        notices: told
            .into_iter()
            .map(|notice| NoticeLine {
                event: notice.event,
                at: notice.closed_at.unwrap_or(notice.due_at),
                outcome: notice.outcome,
                error: notice.error,
            })
            .collect(),
    })
}

/// What reproduction left of a trace.
pub(super) fn manifest(desk: &Desk, trace: &str) -> Option<Value> {
    let folder = desk.artifacts.join("runs").join(trace);
    artifact(&folder.join("manifest.json"))
}

/// The attempts of a manifest.
pub(super) fn attempts(manifest: &Value) -> Vec<AttemptLine> {
    let list = manifest["attempts"].as_array();
    list.into_iter()
        .flatten()
        .map(|attempt| {
            let text = |value: &Value| value.as_str().map(str::to_owned);
            let shown = &attempt["shown"];
            let failed: Vec<&str> = shown["failed"]
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(Value::as_str)
                .collect();
            AttemptLine {
                number: attempt["number"].as_u64().unwrap_or_default(),
                shown: text(&shown["kind"]).unwrap_or_default(),
                why: text(&shown["cause"])
                    .or_else(|| (!failed.is_empty()).then(|| failed.join(", "))),
                evidence: attempt["evidence"]
                    .as_str()
                    .map(PathBuf::from)
                    .filter(|folder| is_there(folder)),
            }
        })
        .collect()
}

fn is_there(folder: &Path) -> bool {
    folder.is_dir()
}
