//! Why the verdict on a failure is what it is, from the artifacts that decided it.

use rusqlite::Connection;
use serde_json::Value;

use crate::attach::state::failures::Failure;
use crate::attach::state::jobs::StoredJob;
use crate::attach::state::pruned::{self, Part};
use crate::fix::proof::{HeldBackStatus, Proof};
use crate::grade::Grade;
use crate::grade::rules::RuleStatus;
use crate::run::score::CriterionStatus;

use super::details::{attempts, manifest};
use super::document::{IssueReasons, ReproductionReasons, TraceReasons};
use super::{Desk, artifact, directories, issue, leader, members};

/// The most traces whose grades are told.
const TRACES: usize = 3;

/// The grades, the attempts and what nobody checked.
///
/// # Errors
///
/// When the database refuses.
pub fn reasons(
    rows: &Connection,
    desk: &Desk,
    failure: &Failure,
) -> rusqlite::Result<IssueReasons> {
    let job = leader(rows, failure)?;
    let leader_id = job.as_ref().map(|job| job.id);
    let mut all = members(rows, failure)?;
    all.sort_by_key(|member| Some(member.id) != leader_id);
    let mut not_checked = Vec::new();
    let mut traces = Vec::new();
    for member in all.iter().take(TRACES) {
        let grade = grade(rows, desk, member)?;
        if Some(member.id) == leader_id {
            not_checked.extend(unchecked_by_grade(&grade));
        }
        traces.push(told(desk, member, grade));
    }
    let manifest = job
        .as_ref()
        .and_then(|job| manifest(desk, &job.report.name));
    let reproduction = manifest.as_ref().map(|manifest| ReproductionReasons {
        outcome: text(&manifest["outcome"]["status"]),
        red: serde_json::from_value(manifest["red"].clone()).ok(),
        base: text(&manifest["base"]),
        attempts: attempts(manifest),
    });
    match &manifest {
        None => not_checked.push("the agent was not run on it: no attempt is recorded".to_owned()),
        Some(manifest) => {
            let left_out = manifest["leftOut"].as_array().map_or(0, Vec::len);
            if left_out > 0 {
                not_checked.push(format!(
                    "changed files of the checkout ({left_out}): attempts run on the commit"
                ));
            }
        }
    }
    if let Some(job) = &job {
        not_checked.extend(unchecked_by_proof(desk, job));
    }
    Ok(IssueReasons {
        issue: issue(desk, failure, job.as_ref(), &directories(rows)?),
        more_traces: (all.len() - traces.len()) as u64,
        traces,
        reproduction,
        not_checked,
    })
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// The grade of a job's trace, or why there is none.
fn grade(
    rows: &Connection,
    desk: &Desk,
    job: &StoredJob,
) -> rusqlite::Result<Result<Grade, String>> {
    let path = desk.artifacts.join("grades").join(&job.report.name);
    let found: Option<Grade> = artifact(&path.join("grade.json"));
    Ok(match found {
        Some(grade) if grade.revision == job.report.revision => Ok(grade),
        Some(_) => Err("the grade on the disk is of another revision of the trace".to_owned()),
        None => Err(match pruned::at(rows, job.trace, Part::Trace)? {
            Some(at) => format!("it was removed on {at} because it was old"),
            None => "there is no readable grade on the disk".to_owned(),
        }),
    })
}

fn told(desk: &Desk, job: &StoredJob, grade: Result<Grade, String>) -> TraceReasons {
    let folder = desk.artifacts.join("grades").join(&job.report.name);
    let path = folder.join("grade.json");
    let trace = job.report.name.clone();
    match grade {
        Err(reason) => TraceReasons {
            trace,
            grade: path,
            unavailable: Some(reason),
            verdict: None,
            summary: String::new(),
            reason: String::new(),
            scenario: None,
            first_bad_step: None,
            findings: Vec::new(),
            tiers: Vec::new(),
            criteria: Vec::new(),
            agreement: None,
        },
        Ok(grade) => TraceReasons {
            trace,
            grade: path,
            unavailable: None,
            verdict: Some(grade.verdict),
            summary: grade.summary,
            reason: grade.reason,
            scenario: grade.scenario,
            first_bad_step: grade.first_bad_step,
            findings: grade.findings,
            tiers: grade.tiers,
            criteria: grade
                .criteria
                .into_iter()
                .filter(|criterion| criterion.status == CriterionStatus::Fail)
                .collect(),
            agreement: grade.agreement,
        },
    }
}

fn unchecked_by_grade(grade: &Result<Grade, String>) -> Vec<String> {
    let Ok(grade) = grade else {
        return Vec::new();
    };
    let mut unchecked: Vec<String> = grade
        .criteria
        .iter()
        .filter_map(|criterion| match criterion.status {
            CriterionStatus::NotEvaluated if criterion.kind == "P" => {
                Some(format!("\"{}\": it takes a judge", criterion.label))
            }
            CriterionStatus::NotEvaluated => {
                Some(format!("\"{}\": not evaluated", criterion.label))
            }
            CriterionStatus::Error => Some(format!(
                "\"{}\": it raised while it was decided",
                criterion.label
            )),
            CriterionStatus::Unsure => {
                Some(format!("\"{}\": the judge is unsure", criterion.label))
            }
            CriterionStatus::Pass | CriterionStatus::Fail => None,
        })
        .collect();
    let undecided = grade.rules.iter().filter_map(|rule| match rule.status {
        RuleStatus::NotEvaluated | RuleStatus::Error => {
            Some(format!("rule {}: {}", rule.id, rule.explanation))
        }
        RuleStatus::Holds | RuleStatus::Fires | RuleStatus::NotApplicable => None,
    });
    unchecked.extend(undecided);
    match &grade.agreement {
        Some(agreement) if agreement.agreeing < agreement.calls => unchecked.push(format!(
            "{} of {} calls of the trace replay with another answer than recorded",
            agreement.calls - agreement.agreeing,
            agreement.calls
        )),
        _ => {}
    }
    unchecked
}

fn unchecked_by_proof(desk: &Desk, job: &StoredJob) -> Vec<String> {
    let folder = desk.artifacts.join("fixes").join(&job.report.name);
    let Some(proof) = artifact::<Proof>(&folder.join("proof.json")) else {
        return Vec::new();
    };
    let mut unchecked = Vec::new();
    if proof.held_back.status == HeldBackStatus::NotApplicable {
        unchecked.push(format!(
            "the patch on a variation the fixer never saw: {}",
            proof.held_back.reason
        ));
    }
    if proof.validation.is_none() {
        unchecked.push("a validation command: none is configured".to_owned());
    }
    if !proof.unreadable.is_empty() {
        let count = proof.unreadable.len();
        unchecked.push(format!("{count} scenario files that cannot be read"));
    }
    if !proof.review.is_empty() {
        unchecked.push(format!(
            "for a person to review: {}",
            proof.review.join(", ")
        ));
    }
    unchecked
}
