//! Runs of workflows and their jobs.

use std::collections::BTreeMap;
use std::sync::Arc;

use archal_core::clone::{Stamp, ViewValue};
use jiff::Timestamp;

use super::access::{self, not_found};
use super::dialect::invalid_value;
use super::issue_lists::time;
use super::render::actions as render;
use super::tables::{
    JOBS, JOBS_BY_RUN, RUNS_BY_REPO, WORKFLOW_RUNS, WORKFLOWS, job, run, run_key, run_name,
    workflow,
};
use super::{lists, workflows};
use crate::engine::key::{Key, Part, folded, same};
use crate::engine::pack::{Call, Refusal, Reply};
use crate::engine::row::{Row, text};
use crate::engine::writer::Writer;

/// Guard: the path names a run of the repository.
pub(super) fn known_run(call: &mut Call<'_>) -> Result<(), Refusal> {
    let repo = access::repo_name(call)?;
    let key = Key::new([folded(&repo), Part::Int(call.number("run_id"))]);
    let row = call.root().get(WORKFLOW_RUNS, &key).cloned();
    call.found.push((WORKFLOW_RUNS, row.ok_or_else(not_found)?));
    Ok(())
}

/// Guard: the path names a job of the repository.
pub(super) fn known_job(call: &mut Call<'_>) -> Result<(), Refusal> {
    let repo = access::repo_name(call)?;
    let key = Key::new([folded(&repo), Part::Int(call.number("job_id"))]);
    let row = call.root().get(JOBS, &key).cloned();
    call.found.push((JOBS, row.ok_or_else(not_found)?));
    Ok(())
}

/// Which times a filter such as `>=2026-01-01` or `2026-01-01..2026-02-01` takes.
fn created(text: &str) -> Option<impl Fn(Timestamp) -> bool + use<>> {
    let day = |at: Timestamp| {
        at.checked_add(jiff::SignedDuration::from_hours(24))
            .unwrap_or(Timestamp::MAX)
    };
    let whole = |text: &str| text.len() == "2026-01-01".len();
    let end = |text: &str| time(text).map(|at| if whole(text) { day(at) } else { at });
    let (from, to) = if let Some((from, to)) = text.split_once("..") {
        let open = |text: &str| text == "*";
        let from = if open(from) { None } else { Some(time(from)?) };
        let to = if open(to) { None } else { Some(end(to)?) };
        (from, to)
    } else if let Some(rest) = text.strip_prefix(">=") {
        (Some(time(rest)?), None)
    } else if let Some(rest) = text.strip_prefix("<=") {
        (None, Some(end(rest)?))
    } else if let Some(rest) = text.strip_prefix('>') {
        (Some(end(rest)?), None)
    } else if let Some(rest) = text.strip_prefix('<') {
        (None, Some(time(rest)?))
    } else {
        (Some(time(text)?), Some(end(text)?))
    };
    Some(move |at: Timestamp| from.is_none_or(|from| at >= from) && to.is_none_or(|to| at < to))
}

/// `GET …/actions/runs` and `GET …/workflows/{workflow_id}/runs`.
pub(super) fn list(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let repo = access::repo_name(call)?;
    let of = call.row(WORKFLOWS).ok();
    let of = of.map(|row| format!("{repo}:{}", row.text(workflow::PATH)));
    let since = match call.query("created") {
        None => None,
        Some(asked) => {
            Some(created(asked).ok_or_else(|| invalid_value("WorkflowRun", "created", asked))?)
        }
    };
    let asked = |name: &str, column: usize, row: &Row| {
        call.query(name)
            .is_none_or(|value| row.text(column) == value)
    };
    let root = call.root();
    let group = root.group(WORKFLOW_RUNS, RUNS_BY_REPO, &Key::folded(&repo));
    let mut rows: Vec<&Arc<Row>> = group
        .into_iter()
        .flat_map(|rows| rows.values())
        .filter(|row| {
            let at = row.time(run::CREATED_AT).map(|stamp| stamp.at);
            of.as_ref().is_none_or(|of| row.text(run::WORKFLOW) == of)
                && call
                    .query("actor")
                    .is_none_or(|actor| same(row.text(run::ACTOR), actor))
                && asked("branch", run::BRANCH, row)
                && asked("event", run::EVENT, row)
                && asked("head_sha", run::SHA, row)
                && call.query("status").is_none_or(|status| {
                    row.text(run::STATUS) == status || row.text(run::CONCLUSION) == status
                })
                && since.as_ref().is_none_or(|since| at.is_some_and(since))
        })
        .collect();
    rows.reverse();
    Ok(lists::counted(call, "workflow_runs", &rows, |row, out| {
        render::run(root, row, out);
    }))
}

/// `GET …/actions/runs/{run_id}`.
pub(super) fn get(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let row = call.row(WORKFLOW_RUNS)?;
    let root = call.root();
    Ok(lists::one(call, 200, &row, |row, out| {
        render::run(root, row, out);
    }))
}

/// `GET …/attempts/{attempt_number}`. An attempt before the latest one ended as its jobs did.
pub(super) fn get_attempt(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let row = call.row(WORKFLOW_RUNS)?;
    let attempt = call.number("attempt_number");
    if attempt == row.int(run::ATTEMPT) {
        return get(call);
    }
    if attempt < 1 || attempt > row.int(run::ATTEMPT) {
        return Err(not_found());
    }
    let mut jobs = jobs_of(call, &row);
    jobs.retain(|job| job.int(job::ATTEMPT) == attempt);
    let ended = |how: &str| jobs.iter().any(|job| job.text(job::CONCLUSION) == how);
    let conclusion = ["failure", "cancelled", "timed_out"]
        .into_iter()
        .find(|how| ended(how))
        .unwrap_or("success");
    let root = call.root();
    Ok(lists::one(call, 200, &row, |row, out| {
        render::run_of_attempt(root, row, attempt, ("completed", Some(conclusion)), out);
    }))
}

/// `DELETE …/actions/runs/{run_id}`.
pub(super) fn delete(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let row = call.row(WORKFLOW_RUNS)?;
    if row.text(run::STATUS) != "completed" {
        return Err(Refusal::new(403, "Could not delete the workflow run."));
    }
    let key = call.root().key(WORKFLOW_RUNS, &row);
    call.transaction.remove(WORKFLOW_RUNS, &key);
    Ok(Reply::empty())
}

/// An empty object.
fn accepted(call: &Call<'_>, status: u16) -> Reply {
    let mut out = Writer::new(call.root());
    out.raw("{}");
    Reply::new(status, out.finish())
}

/// `POST …/cancel` and `POST …/force-cancel`. The jobs stop at once.
pub(super) fn cancel(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let row = call.row(WORKFLOW_RUNS)?;
    if row.text(run::STATUS) == "completed" {
        return Err(Refusal::new(
            409,
            "Cannot cancel a workflow run that is completed.",
        ));
    }
    let mut draft = row.draft();
    draft.set(run::STATUS, text("completed"));
    draft.set(run::CONCLUSION, text("cancelled"));
    draft.set(run::UPDATED_AT, ViewValue::Time(call.now));
    call.transaction.put(WORKFLOW_RUNS, draft);
    for old in jobs_of(call, &row) {
        if old.text(job::STATUS) != "completed" {
            let mut draft = old.draft();
            draft.set(job::STATUS, text("completed"));
            draft.set(job::CONCLUSION, text("cancelled"));
            draft.set(job::COMPLETED_AT, ViewValue::Time(call.now));
            call.transaction.put(JOBS, draft);
        }
    }
    Ok(accepted(call, 202))
}

/// The jobs of a run, of all attempts.
pub(super) fn jobs_of(call: &Call<'_>, of: &Row) -> Vec<Arc<Row>> {
    let name = run_name(of.text(run::WORKFLOW), of.int(run::ID));
    let group = run_key(&name).and_then(|key| call.root().group(JOBS, JOBS_BY_RUN, &key));
    group
        .into_iter()
        .flat_map(|rows| rows.values().cloned())
        .collect()
}

/// The jobs of a run, each as its latest attempt was, in order of their numbers.
pub(super) fn latest_jobs(call: &Call<'_>, of: &Row) -> Vec<Arc<Row>> {
    let mut latest: BTreeMap<String, Arc<Row>> = BTreeMap::new();
    for row in jobs_of(call, of) {
        let known = latest.get(row.text(job::NAME));
        if known.is_none_or(|known| known.int(job::ATTEMPT) <= row.int(job::ATTEMPT)) {
            latest.insert(row.text(job::NAME).to_owned(), row);
        }
    }
    let mut rows: Vec<Arc<Row>> = latest.into_values().collect();
    rows.sort_by_key(|row| row.int(job::ID));
    rows
}

/// `POST …/rerun`.
pub(super) fn rerun(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let row = call.row(WORKFLOW_RUNS)?;
    again(call, &row, |_| true)
}

/// `POST …/rerun-failed-jobs`.
pub(super) fn rerun_failed(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let row = call.row(WORKFLOW_RUNS)?;
    let failed = |job: &Row| !matches!(job.text(job::CONCLUSION), "success" | "skipped");
    if !latest_jobs(call, &row).iter().any(|job| failed(job)) {
        return Err(Refusal::new(
            403,
            "This workflow run has no failed jobs to re-run.",
        ));
    }
    again(call, &row, failed)
}

/// `POST …/jobs/{job_id}/rerun`.
pub(super) fn rerun_job(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let asked = call.row(JOBS)?;
    let name = asked.text(job::NAME).to_owned();
    let row = call.root().named(WORKFLOW_RUNS, asked.text(job::RUN));
    let row = row.cloned().ok_or_else(not_found)?;
    again(call, &row, move |job| job.text(job::NAME) == name)
}

/// Begins another attempt of a run with the jobs that `takes` names.
fn again(call: &mut Call<'_>, row: &Row, takes: impl Fn(&Row) -> bool) -> Result<Reply, Refusal> {
    if row.text(run::STATUS) != "completed" {
        return Err(Refusal::new(403, "This workflow is already running"));
    }
    let of = call
        .root()
        .named(WORKFLOWS, row.text(run::WORKFLOW))
        .cloned();
    let of = of.ok_or_else(not_found)?;
    let (status, conclusion) = workflows::outcome(&of);
    let attempt = row.int(run::ATTEMPT) + 1;
    let mut draft = row.draft();
    draft.set(run::ATTEMPT, ViewValue::Int(attempt));
    draft.set(run::STATUS, text(status));
    draft.set(run::CONCLUSION, conclusion.map_or(ViewValue::Null, text));
    draft.set(run::TRIGGERING_ACTOR, text(access::login(call)?));
    draft.set(run::STARTED_AT, ViewValue::Time(call.now));
    draft.set(run::UPDATED_AT, ViewValue::Time(call.now));
    draft.set(run::LOGS_DELETED, ViewValue::Bool(false));
    let run = call.transaction.put(WORKFLOW_RUNS, draft);
    for old in latest_jobs(call, row) {
        if takes(&old) {
            let labels: Vec<&str> = old.texts(job::LABELS).collect();
            let name = old.text(job::NAME);
            workflows::start_job(call, &run, name, attempt, (status, conclusion), &labels);
        }
    }
    Ok(accepted(call, 201))
}

/// `GET …/jobs` of a run or of an attempt.
pub(super) fn list_jobs(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let row = call.row(WORKFLOW_RUNS)?;
    let rows = match call.param("attempt_number").parse::<i64>() {
        Ok(attempt) if attempt < 1 || attempt > row.int(run::ATTEMPT) => return Err(not_found()),
        Ok(attempt) => {
            let mut rows = jobs_of(call, &row);
            rows.retain(|job| job.int(job::ATTEMPT) == attempt);
            rows
        }
        Err(_) if call.query("filter") == Some("all") => jobs_of(call, &row),
        Err(_) => latest_jobs(call, &row),
    };
    let root = call.root();
    let rows: Vec<&Arc<Row>> = rows.iter().collect();
    Ok(lists::counted(call, "jobs", &rows, |row, out| {
        render::job(root, row, out);
    }))
}

/// `GET …/actions/jobs/{job_id}`.
pub(super) fn get_job(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let row = call.row(JOBS)?;
    let root = call.root();
    Ok(lists::one(call, 200, &row, |row, out| {
        render::job(root, row, out);
    }))
}

/// `GET …/timing` of a run.
pub(super) fn usage(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let row = call.row(WORKFLOW_RUNS)?;
    let jobs = latest_jobs(call, &row);
    let ended: Vec<(&Row, Stamp, Stamp)> = jobs
        .iter()
        .filter_map(|job| {
            let from = job.time(job::STARTED_AT)?;
            Some((job.as_ref(), from, job.time(job::COMPLETED_AT)?))
        })
        .collect();
    let whole: i64 = ended
        .iter()
        .map(|(_, from, to)| to.at.as_millisecond() - from.at.as_millisecond())
        .sum();
    let by_call = ended.iter().any(|(_, from, to)| from.by_call || to.by_call);
    Ok(lists::one(call, 200, &row, |row, out| {
        out.raw("{").key("billable").raw("{");
        if !ended.is_empty() {
            out.key("UBUNTU").raw("{").key("total_ms");
            if by_call {
                out.both_raw(&whole.to_string(), "\"+run\"");
            } else {
                out.int(whole);
            }
            out.key("jobs").raw(&ended.len().to_string());
            out.key("job_runs").raw("[");
            for (job, from, to) in &ended {
                out.item().raw("{").key("job_id").int(job.int(job::ID));
                out.key("duration_ms").lapse(*from, *to).raw("}");
            }
            out.raw("]}");
        }
        out.raw("}");
        let (from, to) = (row.time(run::STARTED_AT), row.time(run::UPDATED_AT));
        if let (Some(from), Some(to), "completed") = (from, to, row.text(run::STATUS)) {
            out.key("run_duration_ms").lapse(from, to);
        }
        out.raw("}");
    }))
}
