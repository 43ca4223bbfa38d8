//! What classification looks at beside the report, read from the evidence of runs.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use serde::Deserialize;
use serde_json::Value;

use crate::run::ready::Ready;
use crate::run::report::ScenarioReport;
use crate::run::score::{CriterionStatus, RunStatus};
use crate::scenario::criteria::{self, References};

use super::classify::{CallSeen, Scene, classify};
use super::failure::{Category, FailedCriterion, Failure, MOST_ROWS, RunOfFailure};

/// The most calls of a run that are looked at.
const MOST_CALLS: usize = 2_000;
/// Bytes of `calls.jsonl` that are looked through.
const MOST_BYTES: u64 = 256 << 20;

/// A line of `calls.jsonl`, as far as rules look at it.
#[derive(Deserialize)]
struct Line {
    seq: u64,
    #[serde(default)]
    method: String,
    #[serde(default)]
    path: String,
    #[serde(default)]
    status: u16,
    #[serde(default)]
    fault: Option<String>,
    #[serde(default)]
    changes: Vec<Value>,
}

/// The calls that a run left in its folder; a line that cannot be read is left out.
pub(super) fn calls(folder: &Path) -> Vec<CallSeen> {
    let Ok(file) = File::open(folder.join("calls.jsonl")) else {
        return Vec::new();
    };
    let lines = BufReader::new(file.take(MOST_BYTES)).lines();
    lines
        .map_while(Result::ok)
        .filter_map(|line| serde_json::from_str::<Line>(&line).ok())
        .take(MOST_CALLS)
        .map(|line| CallSeen {
            seq: line.seq,
            method: line.method,
            path: line.path,
            status: line.status,
            has_changed: !line.changes.is_empty(),
            is_fault: line.fault.is_some(),
        })
        .collect()
}

/// Whether an expression reads the starting state and nothing else.
fn is_given(reads: &References) -> bool {
    let only_before = |one: &criteria::CollectionReference| one.before && !one.after && !one.diff;
    !reads.collections.is_empty()
        && reads.collections.iter().all(only_before)
        && !(reads.calls || reads.run || reads.output)
}

fn scene(ready: &Ready<'_>, report: &ScenarioReport) -> Scene {
    let mut scene = Scene {
        prompt: ready.scenario().prompt.clone(),
        calls: report
            .results
            .iter()
            .filter(|result| result.score.status != RunStatus::Passed)
            .map(|result| (result.run_id.clone(), calls(&result.evidence)))
            .collect(),
        ..Scene::default()
    };
    let all = ready.scenario().criteria.iter();
    for (criterion, compiled) in all.zip(&ready.prepared.compiled) {
        let Some(compiled) = compiled else { continue };
        let reads = criteria::references(compiled);
        if is_given(reads) {
            scene.given.insert(criterion.id.clone());
        }
        if reads.collections.iter().any(|one| one.after || one.diff) {
            scene.about_changes.insert(criterion.id.clone());
        }
    }
    scene
}

/// Whether a scenario counts as failed: what is in quarantine never does, and what a tag holds does
/// where the tag's threshold is missed.
pub fn has_failed(report: &ScenarioReport, missed_tags: &[&str], strict: bool) -> bool {
    if report.quarantine.is_some() {
        return false;
    }
    let criteria = || report.results.iter().flat_map(|result| &result.criteria);
    let is_ambiguous = strict && criteria().any(|one| one.ambiguous.is_some());
    let passed = report.score.status == crate::run::score::ScenarioStatus::Passed;
    let is_held = !report.held_by.is_empty();
    let is_missed = report
        .held_by
        .iter()
        .any(|tag| missed_tags.contains(&tag.as_str()));
    is_ambiguous || (!passed && (!is_held || is_missed))
}

/// The failed scenarios of a suite, classified; `may_fix` says which categories go to a fixer.
pub fn failures(
    ready: &[Ready<'_>],
    reports: &[ScenarioReport],
    missed_tags: &[&str],
    strict: bool,
    may_fix: &dyn Fn(Category) -> bool,
) -> Vec<Failure> {
    ready
        .iter()
        .zip(reports)
        .filter(|(_, report)| has_failed(report, missed_tags, strict))
        .map(|(ready, report)| {
            let classification = classify(report, &scene(ready, report));
            Failure {
                scenario: report.scenario.clone(),
                title: report.title.clone(),
                path: report.path.clone(),
                status: report.score.status,
                for_fixer: may_fix(classification.category),
                classification,
                criteria: failed_criteria(report),
                runs: report
                    .results
                    .iter()
                    .map(|result| RunOfFailure {
                        run: result.run_id.clone(),
                        passed: result.score.status == RunStatus::Passed,
                        evidence: result.evidence.clone(),
                    })
                    .collect(),
            }
        })
        .collect()
}

fn failed_criteria(report: &ScenarioReport) -> Vec<FailedCriterion> {
    let mut last = BTreeMap::new();
    for criterion in report.results.iter().flat_map(|result| &result.criteria) {
        if criterion.status == CriterionStatus::Fail {
            last.insert(criterion.id.as_str(), criterion);
        }
    }
    report
        .criteria
        .iter()
        .filter(|tally| tally.failed > 0)
        .map(|tally| {
            let last = last.get(tally.id.as_str());
            FailedCriterion {
                id: tally.id.clone(),
                label: tally.label.clone(),
                failed: tally.failed,
                evaluated: tally.evaluated(),
                explanation: last.and_then(|one| one.explanation.clone()),
                rows: last
                    .map(|one| one.rows.iter().take(MOST_ROWS).cloned().collect())
                    .unwrap_or_default(),
            }
        })
        .collect()
}
