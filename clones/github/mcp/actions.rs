//! Tools on workflows, runs, jobs and logs.

use archal_core::clone::Arguments;
use serde_json::{Map, Value, json};

use super::plain::{self, Query, flag, get, paging, pick, put};
use super::shapes::{self, of, refused};
use super::{Failure, Outcome};
use crate::engine::mcp::{Asker, number, number_or, required_text, segment, text};

/// Lines of a log, where a tool is not told; and the most there are.
const TAIL: i64 = 500;
const MOST: i64 = 5000;

fn run(run: &Value) -> Value {
    let mut out = pick(
        run,
        "id name display_title? workflow_id run_number run_attempt event? status conclusion? head_branch? head_sha? path? html_url? created_at? updated_at? run_started_at?",
    );
    for who in ["actor", "triggering_actor"] {
        if let Some(user) = shapes::user(&run[who]) {
            out.insert(who.to_owned(), user);
        }
    }
    let pulls = plain::each(&run["pull_requests"], &[], |pull| pull["number"].clone());
    put(&mut out, "pull_requests", pulls);
    let commit = pick(&run["head_commit"], "message?");
    if !commit.is_empty() {
        out.insert("head_commit".to_owned(), commit.into());
    }
    let used = plain::each(&run["referenced_workflows"], &[], |workflow| {
        pick(workflow, "path? sha? ref?").into()
    });
    put(&mut out, "referenced_workflows", used);
    out.into()
}

fn job(job: &Value) -> Value {
    let mut out = pick(
        job,
        "id run_id name workflow_name? status conclusion? head_branch? head_sha? html_url? run_attempt? runner_id? runner_name? runner_group_id? runner_group_name? labels? created_at? started_at? completed_at?",
    );
    let steps = plain::each(&job["steps"], &[], |step| {
        pick(
            step,
            "name status conclusion? number started_at? completed_at?",
        )
        .into()
    });
    put(&mut out, "steps", steps);
    out.into()
}

/// The number that `resource_id` is.
fn numeric(method: &str, id: &str) -> Result<i64, Failure> {
    id.parse().map_err(|_| {
        Failure::Refused(format!(
            "invalid resource_id, must be an integer for method {method}: strconv.ParseInt: parsing {id:?}: invalid syntax"
        ))
    })
}

/// Where an answer leads to.
fn led_to(asker: &mut Asker<'_>, path: &str, what: &str) -> Result<String, Failure> {
    let answered = asker.get(path, &[]);
    answered
        .location
        .clone()
        .ok_or_else(|| refused(what, &answered))
}

/// `actions_get`.
pub(super) fn one(arguments: &Arguments, asker: &mut Asker<'_>) -> Outcome {
    let actions = format!("{}/actions", plain::repo(arguments)?);
    let method = required_text(arguments, "method")?;
    let id = required_text(arguments, "resource_id")?;
    if method == "get_workflow" {
        let path = format!("{actions}/workflows/{}", segment(id));
        let workflow = get(asker, &path, &[], "failed to get workflow")?;
        return Ok(shapes::text(&workflow));
    }
    let id = numeric(method, id)?;
    let shown = match method {
        "get_workflow_run" => {
            let path = format!("{actions}/runs/{id}");
            run(&get(asker, &path, &[], "failed to get workflow run")?)
        }
        "get_workflow_job" => {
            let path = format!("{actions}/jobs/{id}");
            let mut job = get(asker, &path, &[], "failed to get workflow job")?;
            shapes::without_empty(&mut job);
            job
        }
        "get_workflow_run_usage" => {
            let path = format!("{actions}/runs/{id}/timing");
            get(asker, &path, &[], "failed to get workflow run usage")?
        }
        "download_workflow_run_artifact" => {
            let path = format!("{actions}/artifacts/{id}/zip");
            let url = led_to(asker, &path, "failed to get artifact download URL")?;
            json!({
                "download_url": url,
                "message": "Artifact is available for download",
                "note": "The download_url provides a download link for the artifact as a ZIP archive. The link is temporary and expires after a short time.",
                "artifact_id": id,
            })
        }
        "get_workflow_run_logs_url" => {
            let path = format!("{actions}/runs/{id}/logs");
            let url = led_to(asker, &path, "failed to get workflow run logs")?;
            json!({
                "logs_url": url,
                "message": "Workflow run logs are available for download",
                "note": "The logs_url provides a download link for the complete workflow run logs as a ZIP archive. You can download this archive to extract and examine individual job logs.",
                "warning": "This downloads ALL logs as a ZIP file which can be large and expensive. For debugging failed jobs, consider using get_job_logs with failed_only=true and run_id instead.",
                "optimization_tip": format!("Use: get_job_logs with parameters {{run_id: {id}, failed_only: true}} for more efficient failed job debugging"),
            })
        }
        other => return Err(Failure::Refused(format!("unknown method: {other}"))),
    };
    Ok(shapes::text(&shown))
}

/// Texts of an object among the arguments, as pairs of a query.
fn filter(arguments: &Arguments, name: &str, fields: &[&'static str]) -> Result<Query, Failure> {
    match arguments.get(name) {
        None => Ok(Query::new()),
        Some(Value::Object(given)) => Ok(fields
            .iter()
            .map(|field| {
                let value = given.get(*field).and_then(Value::as_str);
                (*field, value.unwrap_or_default().to_owned())
            })
            .collect()),
        Some(_) => Err(Failure::Refused(format!(
            "parameter {name} is not of type map[string]interface {{}}"
        ))),
    }
}

/// `actions_list`.
pub(super) fn list(arguments: &Arguments, asker: &mut Asker<'_>) -> Outcome {
    let actions = format!("{}/actions", plain::repo(arguments)?);
    let method = required_text(arguments, "method")?;
    let id = text(arguments, "resource_id")?;
    let paging = paging(arguments)?;
    if !matches!(method, "list_workflows" | "list_workflow_runs") {
        if id.is_empty() {
            return Err(Failure::Refused(format!(
                "missing required parameter for method {method}: resource_id"
            )));
        }
        numeric(method, id)?;
    }
    let shown = match method {
        "list_workflows" => {
            let path = format!("{actions}/workflows");
            get(asker, &path, &paging, "failed to list workflows")?
        }
        "list_workflow_runs" => {
            let fields = ["actor", "branch", "event", "status"];
            let mut query = filter(arguments, "workflow_runs_filter", &fields)?;
            query.extend(paging);
            let path = match id {
                "" => format!("{actions}/runs"),
                id => format!("{actions}/workflows/{}/runs", segment(id)),
            };
            let runs = get(asker, &path, &query, "failed to list workflow runs")?;
            let listed = plain::each(&runs["workflow_runs"], &[], run);
            json!({"total_count": runs["total_count"], "workflow_runs": listed})
        }
        "list_workflow_jobs" => {
            let mut query = filter(arguments, "workflow_jobs_filter", &["filter"])?;
            query.extend(paging);
            let path = format!("{actions}/runs/{id}/jobs");
            let jobs = get(asker, &path, &query, "failed to list workflow jobs")?;
            let listed = plain::each(&jobs["jobs"], &[], job);
            json!({"jobs": {"total_count": jobs["total_count"], "jobs": listed}})
        }
        "list_workflow_run_artifacts" => {
            let path = format!("{actions}/runs/{id}/artifacts");
            let what = "failed to list workflow run artifacts";
            get(asker, &path, &paging, what)?
        }
        other => return Err(Failure::Refused(format!("unknown method: {other}"))),
    };
    Ok(shapes::text(&shown))
}

/// `actions_run_trigger`.
pub(super) fn trigger(arguments: &Arguments, asker: &mut Asker<'_>) -> Outcome {
    let actions = format!("{}/actions", plain::repo(arguments)?);
    let method = required_text(arguments, "method")?;
    // Of another type these are as if they were absent.
    let workflow = text(arguments, "workflow_id").unwrap_or_default();
    let at = text(arguments, "ref").unwrap_or_default();
    let id = number_or(arguments, "run_id", 0).unwrap_or_default();
    let refuse = |text: &str| Err(Failure::Refused(text.to_owned()));
    if method == "run_workflow" {
        if workflow.is_empty() {
            return refuse("workflow_id is required for run_workflow action");
        }
        if at.is_empty() {
            return refuse("ref is required for run_workflow action");
        }
        let inputs = arguments.get("inputs").cloned().unwrap_or_default();
        let mut body = json!({"ref": at});
        if inputs.is_object() {
            body["inputs"] = inputs.clone();
        }
        let path = format!("{actions}/workflows/{}/dispatches", segment(workflow));
        let answered = asker.write("POST", &path, &body);
        if !answered.succeeded() {
            return Err(refused("failed to run workflow", &answered));
        }
        let kind = match workflow.parse::<i64>() {
            Ok(_) => "workflow_id",
            Err(_) => "workflow_file",
        };
        return Ok(shapes::text(&json!({
            "message": "Workflow run has been queued", "workflow_type": kind,
            "workflow_id": workflow, "ref": at, "inputs": inputs,
            "status": line(answered.status), "status_code": answered.status,
        })));
    }
    if id == 0 {
        return refuse("missing required parameter: run_id");
    }
    let run = format!("{actions}/runs/{id}");
    let (verb, path, what, done) = match method {
        "rerun_workflow_run" => (
            "POST",
            format!("{run}/rerun"),
            "failed to rerun workflow run",
            "Workflow run has been queued for re-run",
        ),
        "rerun_failed_jobs" => (
            "POST",
            format!("{run}/rerun-failed-jobs"),
            "failed to rerun failed jobs",
            "Failed jobs have been queued for re-run",
        ),
        "cancel_workflow_run" => (
            "POST",
            format!("{run}/cancel"),
            "failed to cancel workflow run",
            "Workflow run has been cancelled",
        ),
        "delete_workflow_run_logs" => (
            "DELETE",
            format!("{run}/logs"),
            "failed to delete workflow run logs",
            "Workflow run logs have been deleted",
        ),
        other => return Err(Failure::Refused(format!("unknown method: {other}"))),
    };
    let answered = match verb {
        "DELETE" => asker.delete(&path),
        _ => asker.write("POST", &path, &json!({})),
    };
    if !answered.succeeded() {
        return Err(refused(what, &answered));
    }
    Ok(shapes::text(&json!({
        "message": done, "run_id": id,
        "status": line(answered.status), "status_code": answered.status,
    })))
}

/// A status as Go's client writes it.
fn line(status: u16) -> String {
    let words = match status {
        200 => "OK",
        201 => "Created",
        202 => "Accepted",
        _ => "No Content",
    };
    format!("{status} {words}")
}

/// `get_job_logs`.
pub(super) fn logs(arguments: &Arguments, asker: &mut Asker<'_>) -> Outcome {
    let actions = format!("{}/actions", plain::repo(arguments)?);
    let job = number(arguments, "job_id")?.unwrap_or_default();
    let run = number(arguments, "run_id")?.unwrap_or_default();
    let failed_only = flag(arguments, "failed_only", false)?;
    let with_content = flag(arguments, "return_content", false)?;
    let tail = number_or(arguments, "tail_lines", TAIL)?;
    let tail = if tail <= 0 { TAIL } else { tail }.min(MOST);
    let refuse = |text: &str| Err(Failure::Refused(text.to_owned()));
    if failed_only && run == 0 {
        return refuse("run_id is required when failed_only is true");
    }
    if !failed_only && job == 0 {
        return refuse("job_id is required when failed_only is false");
    }
    let wanted = with_content.then_some(tail);
    if !failed_only {
        let what = "failed to get job logs";
        let log = log(asker, &actions, job, "", wanted, what)?;
        return Ok(shapes::text(&log));
    }
    let path = format!("{actions}/runs/{run}/jobs");
    let query = [("filter", "latest".to_owned())];
    let jobs = get(asker, &path, &query, "failed to list workflow jobs")?;
    let all = jobs["jobs"].as_array().map_or(0, Vec::len);
    let failed: Vec<&Value> = jobs["jobs"]
        .as_array()
        .into_iter()
        .flatten()
        .filter(|job| job["conclusion"] == "failure")
        .collect();
    if failed.is_empty() {
        return Ok(shapes::text(&json!({
            "message": "No failed jobs found in this workflow run",
            "run_id": run, "total_jobs": all, "failed_jobs": 0,
        })));
    }
    let mut logs = Vec::new();
    for job in &failed {
        let id = job["id"].as_i64().unwrap_or_default();
        let name = of(job, "name");
        logs.push(
            match log(asker, &actions, id, name, wanted, "failed to get job logs") {
                Ok(log) => log,
                Err(Failure::Refused(error)) => {
                    json!({"job_id": id, "job_name": name, "error": error})
                }
                Err(other) => return Err(other),
            },
        );
    }
    Ok(shapes::text(&json!({
        "message": format!("Retrieved logs for {} failed jobs", failed.len()),
        "run_id": run, "total_jobs": all, "failed_jobs": failed.len(), "logs": logs,
        "return_format": {"content": with_content, "urls": !with_content},
    })))
}

/// The log of a job: its last lines, or where it is.
fn log(
    asker: &mut Asker<'_>,
    actions: &str,
    job: i64,
    name: &str,
    tail: Option<i64>,
    what: &str,
) -> Result<Value, Failure> {
    let url = led_to(asker, &format!("{actions}/jobs/{job}/logs"), what)?;
    let mut out = Map::new();
    out.insert("job_id".to_owned(), job.into());
    put(&mut out, "job_name", name.into());
    let (message, rest) = if let Some(tail) = tail {
        let answered = asker.follow(&url);
        if !answered.succeeded() {
            return Err(Failure::Refused(format!(
                "{what}: failed to download log content for job {job}: failed to download logs: HTTP {}",
                answered.status
            )));
        }
        let lines: Vec<&str> = answered.text.lines().collect();
        let first = lines
            .len()
            .saturating_sub(usize::try_from(tail).unwrap_or_default());
        out.insert("original_length".to_owned(), lines.len().into());
        let content = lines[first..].join("\n");
        (
            "Job logs content retrieved successfully",
            ("logs_content", content),
        )
    } else {
        let note = "The logs_url provides a download link for the individual job logs in plain text format. Use return_content=true to get the actual log content.";
        out.insert("note".to_owned(), note.into());
        ("Job logs are available for download", ("logs_url", url))
    };
    out.insert("message".to_owned(), message.into());
    out.insert(rest.0.to_owned(), rest.1.into());
    Ok(out.into())
}
