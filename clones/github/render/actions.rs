//! Workflows, runs, jobs, artifacts, secrets and variables.

use archal_core::clone::ViewValue;

use super::{API, WEB, repo as render_repo, user};
use crate::engine::key::Key;
use crate::engine::root::Root;
use crate::engine::row::Row;
use crate::engine::writer::Writer;
use crate::github::artifacts;
use crate::github::complete::node_id;
use crate::github::tables::{
    REPOS, WORKFLOW_RUNS, WORKFLOWS, artifact as artifact_column, job as job_column, repo,
    run as run_column, run_key, secret as secret_column, variable as variable_column,
    workflow as workflow_column,
};

/// The two halves of `acme/webapp:7`.
fn halves(name: &str) -> (&str, &str) {
    name.split_once(':').unwrap_or((name, ""))
}

/// A workflow.
pub(in crate::github) fn workflow(root: &Root, row: &Row, out: &mut Writer) {
    let repo = row.text(workflow_column::REPO);
    let path = row.text(workflow_column::PATH);
    let id = row.int(workflow_column::ID);
    let branch = root
        .named(REPOS, repo)
        .map_or("main", |row| row.text(repo::DEFAULT_BRANCH));
    out.raw("{").key("id").int(id);
    out.key("node_id").text(row.text(workflow_column::NODE_ID));
    out.key("name").text(row.text(workflow_column::NAME));
    out.key("path").text(path);
    out.key("state").text(row.text(workflow_column::STATE));
    out.key("created_at")
        .time(row.time(workflow_column::CREATED_AT));
    out.key("updated_at")
        .time(row.time(workflow_column::UPDATED_AT));
    out.key("url")
        .text(&format!("{API}/repos/{repo}/actions/workflows/{id}"));
    out.key("html_url")
        .text(&format!("{WEB}/{repo}/blob/{branch}/{path}"));
    let name = row.text(workflow_column::NAME);
    let file = path.rsplit('/').next().unwrap_or(name);
    out.key("badge_url")
        .text(&format!("{WEB}/{repo}/actions/workflows/{file}/badge.svg"));
    out.raw("}");
}

/// A run.
pub(in crate::github) fn run(root: &Root, row: &Row, out: &mut Writer) {
    let shown = (
        row.text(run_column::STATUS),
        row.text_or_null(run_column::CONCLUSION),
    );
    run_of_attempt(root, row, row.int(run_column::ATTEMPT), shown, out);
}

/// A run as it was in an attempt.
pub(in crate::github) fn run_of_attempt(
    root: &Root,
    row: &Row,
    attempt: i64,
    (status, conclusion): (&str, Option<&str>),
    out: &mut Writer,
) {
    let (repo, path) = halves(row.text(run_column::WORKFLOW));
    let id = row.int(run_column::ID);
    let api = format!("{API}/repos/{repo}");
    let url = format!("{api}/actions/runs/{id}");
    let of = root.named(WORKFLOWS, row.text(run_column::WORKFLOW));
    let workflow = of.map_or(0, |row| row.int(workflow_column::ID));
    out.raw("{").key("id").int(id);
    out.key("name")
        .text_or_null(of.map(|row| row.text(workflow_column::NAME)));
    out.key("node_id").text(row.text(run_column::NODE_ID));
    let branch = row.text_or_null(run_column::BRANCH);
    out.key("head_branch").text_or_null(branch);
    out.key("head_sha").text(row.text(run_column::SHA));
    out.key("path").text(path);
    out.key("display_title").prose(row, run_column::TITLE);
    out.key("run_number").int(row.int(run_column::NUMBER));
    out.key("run_attempt").int(attempt);
    out.key("event").text(row.text(run_column::EVENT));
    out.key("status").text(status);
    out.key("conclusion").text_or_null(conclusion);
    out.key("workflow_id").int(workflow);
    out.key("url").text(&url);
    out.key("html_url")
        .text(&format!("{WEB}/{repo}/actions/runs/{id}"));
    out.key("pull_requests").raw("[]");
    out.key("created_at").time(row.time(run_column::CREATED_AT));
    out.key("updated_at").time(row.time(run_column::UPDATED_AT));
    for (name, column) in [
        ("actor", run_column::ACTOR),
        ("triggering_actor", run_column::TRIGGERING_ACTOR),
    ] {
        out.key(name);
        user::named(root, row.text_or_null(column), out);
    }
    out.key("run_started_at")
        .time(row.time(run_column::STARTED_AT));
    for (name, rest) in [
        ("jobs_url", "/jobs"),
        ("logs_url", "/logs"),
        ("artifacts_url", "/artifacts"),
        ("cancel_url", "/cancel"),
        ("rerun_url", "/rerun"),
    ] {
        out.key(name).text(&format!("{url}{rest}"));
    }
    let repo_id = root
        .get(REPOS, &Key::folded(repo))
        .map_or(0, |row| row.int(repo::ID));
    out.key("check_suite_id").int(id);
    out.key("check_suite_node_id")
        .text(&node_id("CS", &[repo_id, id]));
    out.key("check_suite_url")
        .text(&format!("{api}/check-suites/{id}"));
    let previous = (attempt > 1).then(|| format!("{url}/attempts/{}", attempt - 1));
    out.key("previous_attempt_url")
        .text_or_null(previous.as_deref());
    out.key("workflow_url")
        .text(&format!("{api}/actions/workflows/{workflow}"));
    out.key("head_commit");
    artifacts::head_commit(root, row.text(run_column::SHA), out);
    for name in ["repository", "head_repository"] {
        out.key(name);
        match root.get(REPOS, &Key::folded(repo)) {
            Some(row) => render_repo::repo(root, row, render_repo::Detail::Listed, None, out),
            None => {
                out.raw("null");
            }
        }
    }
    out.raw("}");
}

/// A job.
pub(in crate::github) fn job(root: &Root, row: &Row, out: &mut Writer) {
    let (repo, run) = halves(row.text(job_column::RUN));
    let id = row.int(job_column::ID);
    let of = run_key(row.text(job_column::RUN)).and_then(|key| root.get(WORKFLOW_RUNS, &key));
    let api = format!("{API}/repos/{repo}");
    let workflow = of.and_then(|run| root.named(WORKFLOWS, run.text(run_column::WORKFLOW)));
    let began = row.text(job_column::STATUS) != "queued";
    out.raw("{").key("id").int(id);
    out.key("run_id").raw(run);
    out.key("workflow_name")
        .text_or_null(workflow.map(|row| row.text(workflow_column::NAME)));
    out.key("head_branch")
        .text_or_null(of.and_then(|row| row.text_or_null(run_column::BRANCH)));
    out.key("run_url")
        .text(&format!("{api}/actions/runs/{run}"));
    out.key("run_attempt").int(row.int(job_column::ATTEMPT));
    out.key("node_id").text(row.text(job_column::NODE_ID));
    out.key("head_sha")
        .text(of.map_or("", |row| row.text(run_column::SHA)));
    out.key("url").text(&format!("{api}/actions/jobs/{id}"));
    out.key("html_url")
        .text(&format!("{WEB}/{repo}/actions/runs/{run}/job/{id}"));
    out.key("status").text(row.text(job_column::STATUS));
    out.key("conclusion")
        .text_or_null(row.text_or_null(job_column::CONCLUSION));
    out.key("created_at").time(row.time(job_column::CREATED_AT));
    out.key("started_at").time(row.time(job_column::STARTED_AT));
    out.key("completed_at")
        .time(row.time(job_column::COMPLETED_AT));
    out.key("name").text(row.text(job_column::NAME));
    out.key("steps").raw("[");
    if let ViewValue::List(steps) = row.value(job_column::STEPS) {
        for (at, step) in steps.iter().enumerate() {
            out.item();
            step_of(row, at, step, out);
        }
    }
    out.raw("]");
    out.key("check_run_url")
        .text(&format!("{api}/check-runs/{id}"));
    out.key("labels").raw("[");
    for label in row.texts(job_column::LABELS) {
        out.item().text(label);
    }
    out.raw("]");
    if began {
        out.raw(r#","runner_id":1,"runner_name":"GitHub Actions 1","runner_group_id":0,"runner_group_name":"GitHub Actions""#);
    } else {
        out.raw(r#","runner_id":null,"runner_name":null,"runner_group_id":null,"runner_group_name":null"#);
    }
    out.raw("}");
}

/// A step; what it does not say is as its job.
fn step_of(row: &Row, at: usize, step: &ViewValue, out: &mut Writer) {
    let ViewValue::Object(fields) = step else {
        out.raw("null");
        return;
    };
    let field = |name: &str| {
        let found = fields.iter().find(|(key, _)| *key == name);
        found.map(|(_, value)| value)
    };
    let text = |name: &str| match field(name) {
        Some(ViewValue::Text(text)) => Some(text.as_ref()),
        _ => None,
    };
    let time = |name: &str, column| match field(name) {
        Some(ViewValue::Time(stamp)) => Some(*stamp),
        _ => row.time(column),
    };
    let status = text("status").unwrap_or(row.text(job_column::STATUS));
    let conclusion = text("conclusion").or(row.text_or_null(job_column::CONCLUSION));
    out.raw("{")
        .key("name")
        .text(text("name").unwrap_or_default());
    out.key("status").text(status);
    out.key("conclusion")
        .text_or_null(conclusion.filter(|_| status == "completed"));
    out.key("number").int(i64::try_from(at).unwrap_or(0) + 1);
    out.key("started_at")
        .time(time("started_at", job_column::STARTED_AT));
    out.key("completed_at")
        .time(time("completed_at", job_column::COMPLETED_AT));
    out.raw("}");
}

/// An artifact.
pub(in crate::github) fn artifact(root: &Root, row: &Row, out: &mut Writer) {
    let (repo, run) = halves(row.text(artifact_column::RUN));
    let id = row.int(artifact_column::ID);
    let url = format!("{API}/repos/{repo}/actions/artifacts/{id}");
    out.raw("{").key("id").int(id);
    out.key("node_id").text(row.text(artifact_column::NODE_ID));
    out.key("name").text(row.text(artifact_column::NAME));
    let size = row.text(artifact_column::CONTENT).len();
    out.key("size_in_bytes")
        .int(i64::try_from(size).unwrap_or(i64::MAX));
    out.key("url").text(&url);
    out.key("archive_download_url").text(&format!("{url}/zip"));
    out.key("expired").bool(row.bool(artifact_column::EXPIRED));
    let created = row.time(artifact_column::CREATED_AT);
    out.key("created_at").time(created);
    out.key("updated_at").time(created);
    out.key("expires_at")
        .time(row.time(artifact_column::EXPIRES_AT));
    let of = run_key(row.text(artifact_column::RUN)).and_then(|key| root.get(WORKFLOW_RUNS, &key));
    let number = root.named(REPOS, repo).map_or(0, |row| row.int(repo::ID));
    out.key("workflow_run").raw("{").key("id").raw(run);
    out.key("repository_id").int(number);
    out.key("head_repository_id").int(number);
    if let Some(of) = of {
        if let Some(branch) = of.text_or_null(run_column::BRANCH) {
            out.key("head_branch").text(branch);
        }
        out.key("head_sha").text(of.text(run_column::SHA));
    }
    out.raw("}}");
}

/// A secret: never its value.
pub(in crate::github) fn secret(_: &Root, row: &Row, out: &mut Writer) {
    out.raw("{").key("name").text(row.text(secret_column::NAME));
    out.key("created_at")
        .time(row.time(secret_column::CREATED_AT));
    out.key("updated_at")
        .time(row.time(secret_column::UPDATED_AT));
    out.raw("}");
}

/// A variable.
pub(in crate::github) fn variable(_: &Root, row: &Row, out: &mut Writer) {
    out.raw("{")
        .key("name")
        .text(row.text(variable_column::NAME));
    out.key("value").prose(row, variable_column::VALUE);
    out.key("created_at")
        .time(row.time(variable_column::CREATED_AT));
    out.key("updated_at")
        .time(row.time(variable_column::UPDATED_AT));
    out.raw("}");
}
