//! Workflows, their runs, jobs and logs, artifacts, secrets and variables.

use super::operation;
use crate::engine::route::{Action, Route};
use crate::engine::route::{Guard, nothing};
use crate::github::access::{may_push, seen_repo, signed_in, writable};
use crate::github::artifacts::{self, known_artifact};
use crate::github::runs::{self, known_job, known_run};
use crate::github::secrets::{self, known_secret, known_variable};
use crate::github::tables::{SECRETS, VARIABLES};
use crate::github::workflows::{self, known_workflow};

const RUN: &[Guard] = &[seen_repo, known_run];
const WRITE_RUN: &[Guard] = &[seen_repo, writable, known_run, may_push];
const WRITE_WORKFLOW: &[Guard] = &[seen_repo, writable, known_workflow, may_push];
const SECRET: &[Guard] = &[seen_repo, signed_in, may_push];

/// The operations, sorted by id.
pub(super) const ROUTES: &[Route] = &[
    Route {
        info: operation(
            "actions/cancel-workflow-run",
            "POST",
            "/repos/{owner}/{repo}/actions/runs/{run_id}/cancel",
            "Stops a run",
        ),
        docs: "actions/workflow-runs#cancel-a-workflow-run",
        guards: WRITE_RUN,
        action: Action::Hook(runs::cancel),
    },
    Route {
        info: operation(
            "actions/create-or-update-repo-secret",
            "PUT",
            "/repos/{owner}/{repo}/actions/secrets/{secret_name}",
            "Keeps a secret",
        ),
        docs: "actions/secrets#create-or-update-a-repository-secret",
        guards: &[seen_repo, writable, may_push],
        action: Action::Hook(secrets::put),
    },
    Route {
        info: operation(
            "actions/create-repo-variable",
            "POST",
            "/repos/{owner}/{repo}/actions/variables",
            "Makes a variable",
        ),
        docs: "actions/variables#create-a-repository-variable",
        guards: &[seen_repo, writable, may_push],
        action: Action::Hook(secrets::create_variable),
    },
    Route {
        info: operation(
            "actions/create-workflow-dispatch",
            "POST",
            "/repos/{owner}/{repo}/actions/workflows/{workflow_id}/dispatches",
            "Starts a workflow",
        ),
        docs: "actions/workflows#create-a-workflow-dispatch-event",
        guards: WRITE_WORKFLOW,
        action: Action::Hook(workflows::dispatch),
    },
    Route {
        info: operation(
            "actions/delete-artifact",
            "DELETE",
            "/repos/{owner}/{repo}/actions/artifacts/{artifact_id}",
            "Deletes an artifact",
        ),
        docs: "actions/artifacts#delete-an-artifact",
        guards: &[seen_repo, writable, known_artifact, may_push],
        action: Action::Hook(artifacts::delete),
    },
    Route {
        info: operation(
            "actions/delete-repo-secret",
            "DELETE",
            "/repos/{owner}/{repo}/actions/secrets/{secret_name}",
            "Deletes a secret",
        ),
        docs: "actions/secrets#delete-a-repository-secret",
        guards: &[seen_repo, writable, may_push, known_secret],
        action: Action::Delete {
            table: SECRETS,
            then: nothing,
        },
    },
    Route {
        info: operation(
            "actions/delete-repo-variable",
            "DELETE",
            "/repos/{owner}/{repo}/actions/variables/{name}",
            "Deletes a variable",
        ),
        docs: "actions/variables#delete-a-repository-variable",
        guards: &[seen_repo, writable, may_push, known_variable],
        action: Action::Delete {
            table: VARIABLES,
            then: nothing,
        },
    },
    Route {
        info: operation(
            "actions/delete-workflow-run",
            "DELETE",
            "/repos/{owner}/{repo}/actions/runs/{run_id}",
            "Deletes a run",
        ),
        docs: "actions/workflow-runs#delete-a-workflow-run",
        guards: WRITE_RUN,
        action: Action::Hook(runs::delete),
    },
    Route {
        info: operation(
            "actions/delete-workflow-run-logs",
            "DELETE",
            "/repos/{owner}/{repo}/actions/runs/{run_id}/logs",
            "Deletes the logs of a run",
        ),
        docs: "actions/workflow-runs#delete-workflow-run-logs",
        guards: WRITE_RUN,
        action: Action::Hook(artifacts::delete_logs),
    },
    Route {
        info: operation(
            "actions/disable-workflow",
            "PUT",
            "/repos/{owner}/{repo}/actions/workflows/{workflow_id}/disable",
            "Lets a workflow run no longer",
        ),
        docs: "actions/workflows#disable-a-workflow",
        guards: WRITE_WORKFLOW,
        action: Action::Hook(workflows::disable),
    },
    Route {
        info: operation(
            "actions/download-artifact",
            "GET",
            "/repos/{owner}/{repo}/actions/artifacts/{artifact_id}/{archive_format}",
            "Redirects to an artifact",
        ),
        docs: "actions/artifacts#download-an-artifact",
        guards: &[seen_repo, known_artifact],
        action: Action::Hook(artifacts::download),
    },
    Route {
        info: operation(
            "actions/download-job-logs-for-workflow-run",
            "GET",
            "/repos/{owner}/{repo}/actions/jobs/{job_id}/logs",
            "Redirects to the log of a job",
        ),
        docs: "actions/workflow-jobs#download-job-logs-for-a-workflow-run",
        guards: &[seen_repo, known_job],
        action: Action::Hook(artifacts::job_logs),
    },
    Route {
        info: operation(
            "actions/download-workflow-run-attempt-logs",
            "GET",
            "/repos/{owner}/{repo}/actions/runs/{run_id}/attempts/{attempt_number}/logs",
            "Redirects to the logs of an attempt of a run",
        ),
        docs: "actions/workflow-runs#download-workflow-run-attempt-logs",
        guards: RUN,
        action: Action::Hook(artifacts::run_logs),
    },
    Route {
        info: operation(
            "actions/download-workflow-run-logs",
            "GET",
            "/repos/{owner}/{repo}/actions/runs/{run_id}/logs",
            "Redirects to the logs of a run",
        ),
        docs: "actions/workflow-runs#download-workflow-run-logs",
        guards: RUN,
        action: Action::Hook(artifacts::run_logs),
    },
    Route {
        info: operation(
            "actions/enable-workflow",
            "PUT",
            "/repos/{owner}/{repo}/actions/workflows/{workflow_id}/enable",
            "Lets a workflow run again",
        ),
        docs: "actions/workflows#enable-a-workflow",
        guards: WRITE_WORKFLOW,
        action: Action::Hook(workflows::enable),
    },
    Route {
        info: operation(
            "actions/force-cancel-workflow-run",
            "POST",
            "/repos/{owner}/{repo}/actions/runs/{run_id}/force-cancel",
            "Stops a run at all events",
        ),
        docs: "actions/workflow-runs#force-cancel-a-workflow-run",
        guards: WRITE_RUN,
        action: Action::Hook(runs::cancel),
    },
    Route {
        info: operation(
            "actions/get-artifact",
            "GET",
            "/repos/{owner}/{repo}/actions/artifacts/{artifact_id}",
            "Gets an artifact",
        ),
        docs: "actions/artifacts#get-an-artifact",
        guards: &[seen_repo, known_artifact],
        action: Action::Hook(artifacts::get),
    },
    Route {
        info: operation(
            "actions/get-job-for-workflow-run",
            "GET",
            "/repos/{owner}/{repo}/actions/jobs/{job_id}",
            "Gets a job",
        ),
        docs: "actions/workflow-jobs#get-a-job-for-a-workflow-run",
        guards: &[seen_repo, known_job],
        action: Action::Hook(runs::get_job),
    },
    Route {
        info: operation(
            "actions/get-repo-public-key",
            "GET",
            "/repos/{owner}/{repo}/actions/secrets/public-key",
            "Gets the key that secrets are sealed with",
        ),
        docs: "actions/secrets#get-a-repository-public-key",
        guards: SECRET,
        action: Action::Hook(secrets::get_public_key),
    },
    Route {
        info: operation(
            "actions/get-repo-secret",
            "GET",
            "/repos/{owner}/{repo}/actions/secrets/{secret_name}",
            "Gets what is known of a secret",
        ),
        docs: "actions/secrets#get-a-repository-secret",
        guards: &[seen_repo, signed_in, may_push, known_secret],
        action: Action::Get { table: SECRETS },
    },
    Route {
        info: operation(
            "actions/get-repo-variable",
            "GET",
            "/repos/{owner}/{repo}/actions/variables/{name}",
            "Gets a variable",
        ),
        docs: "actions/variables#get-a-repository-variable",
        guards: &[seen_repo, signed_in, may_push, known_variable],
        action: Action::Get { table: VARIABLES },
    },
    Route {
        info: operation(
            "actions/get-workflow",
            "GET",
            "/repos/{owner}/{repo}/actions/workflows/{workflow_id}",
            "Gets a workflow",
        ),
        docs: "actions/workflows#get-a-workflow",
        guards: &[seen_repo, known_workflow],
        action: Action::Hook(workflows::get),
    },
    Route {
        info: operation(
            "actions/get-workflow-run",
            "GET",
            "/repos/{owner}/{repo}/actions/runs/{run_id}",
            "Gets a run",
        ),
        docs: "actions/workflow-runs#get-a-workflow-run",
        guards: RUN,
        action: Action::Hook(runs::get),
    },
    Route {
        info: operation(
            "actions/get-workflow-run-attempt",
            "GET",
            "/repos/{owner}/{repo}/actions/runs/{run_id}/attempts/{attempt_number}",
            "Gets an attempt of a run",
        ),
        docs: "actions/workflow-runs#get-a-workflow-run-attempt",
        guards: RUN,
        action: Action::Hook(runs::get_attempt),
    },
    Route {
        info: operation(
            "actions/get-workflow-run-usage",
            "GET",
            "/repos/{owner}/{repo}/actions/runs/{run_id}/timing",
            "Gets how long a run took",
        ),
        docs: "actions/workflow-runs#get-workflow-run-usage",
        guards: RUN,
        action: Action::Hook(runs::usage),
    },
    Route {
        info: operation(
            "actions/list-artifacts-for-repo",
            "GET",
            "/repos/{owner}/{repo}/actions/artifacts",
            "Lists the artifacts of a repository",
        ),
        docs: "actions/artifacts#list-artifacts-for-a-repository",
        guards: &[seen_repo],
        action: Action::Hook(artifacts::list),
    },
    Route {
        info: operation(
            "actions/list-jobs-for-workflow-run",
            "GET",
            "/repos/{owner}/{repo}/actions/runs/{run_id}/jobs",
            "Lists the jobs of a run",
        ),
        docs: "actions/workflow-jobs#list-jobs-for-a-workflow-run",
        guards: RUN,
        action: Action::Hook(runs::list_jobs),
    },
    Route {
        info: operation(
            "actions/list-jobs-for-workflow-run-attempt",
            "GET",
            "/repos/{owner}/{repo}/actions/runs/{run_id}/attempts/{attempt_number}/jobs",
            "Lists the jobs of an attempt of a run",
        ),
        docs: "actions/workflow-jobs#list-jobs-for-a-workflow-run-attempt",
        guards: RUN,
        action: Action::Hook(runs::list_jobs),
    },
    Route {
        info: operation(
            "actions/list-repo-secrets",
            "GET",
            "/repos/{owner}/{repo}/actions/secrets",
            "Lists the names of secrets",
        ),
        docs: "actions/secrets#list-repository-secrets",
        guards: SECRET,
        action: Action::Hook(secrets::list),
    },
    Route {
        info: operation(
            "actions/list-repo-variables",
            "GET",
            "/repos/{owner}/{repo}/actions/variables",
            "Lists variables",
        ),
        docs: "actions/variables#list-repository-variables",
        guards: SECRET,
        action: Action::Hook(secrets::list_variables),
    },
    Route {
        info: operation(
            "actions/list-repo-workflows",
            "GET",
            "/repos/{owner}/{repo}/actions/workflows",
            "Lists the workflows of a repository",
        ),
        docs: "actions/workflows#list-repository-workflows",
        guards: &[seen_repo],
        action: Action::Hook(workflows::list),
    },
    Route {
        info: operation(
            "actions/list-workflow-run-artifacts",
            "GET",
            "/repos/{owner}/{repo}/actions/runs/{run_id}/artifacts",
            "Lists the artifacts of a run",
        ),
        docs: "actions/artifacts#list-workflow-run-artifacts",
        guards: RUN,
        action: Action::Hook(artifacts::list),
    },
    Route {
        info: operation(
            "actions/list-workflow-runs",
            "GET",
            "/repos/{owner}/{repo}/actions/workflows/{workflow_id}/runs",
            "Lists the runs of a workflow",
        ),
        docs: "actions/workflow-runs#list-workflow-runs-for-a-workflow",
        guards: &[seen_repo, known_workflow],
        action: Action::Hook(runs::list),
    },
    Route {
        info: operation(
            "actions/list-workflow-runs-for-repo",
            "GET",
            "/repos/{owner}/{repo}/actions/runs",
            "Lists the runs of workflows",
        ),
        docs: "actions/workflow-runs#list-workflow-runs-for-a-repository",
        guards: &[seen_repo],
        action: Action::Hook(runs::list),
    },
    Route {
        info: operation(
            "actions/re-run-job-for-workflow-run",
            "POST",
            "/repos/{owner}/{repo}/actions/jobs/{job_id}/rerun",
            "Runs a job again",
        ),
        docs: "actions/workflow-runs#re-run-a-job-from-a-workflow-run",
        guards: &[seen_repo, writable, known_job, may_push],
        action: Action::Hook(runs::rerun_job),
    },
    Route {
        info: operation(
            "actions/re-run-workflow",
            "POST",
            "/repos/{owner}/{repo}/actions/runs/{run_id}/rerun",
            "Runs a run again",
        ),
        docs: "actions/workflow-runs#re-run-a-workflow",
        guards: WRITE_RUN,
        action: Action::Hook(runs::rerun),
    },
    Route {
        info: operation(
            "actions/re-run-workflow-failed-jobs",
            "POST",
            "/repos/{owner}/{repo}/actions/runs/{run_id}/rerun-failed-jobs",
            "Runs the failed jobs of a run again",
        ),
        docs: "actions/workflow-runs#re-run-failed-jobs-from-a-workflow-run",
        guards: WRITE_RUN,
        action: Action::Hook(runs::rerun_failed),
    },
    Route {
        info: operation(
            "actions/update-repo-variable",
            "PATCH",
            "/repos/{owner}/{repo}/actions/variables/{name}",
            "Changes a variable",
        ),
        docs: "actions/variables#update-a-repository-variable",
        guards: &[seen_repo, writable, may_push, known_variable],
        action: Action::Hook(secrets::update_variable),
    },
];

/// What the host of logs and artifacts hands out, sorted by id.
pub(super) const HANDED_OUT: &[Route] = &[
    Route {
        info: operation(
            "web/actions-artifact",
            "GET",
            "/artifacts/{owner}/{repo}/{artifact_id}",
            "Hands out an artifact",
        ),
        docs: "",
        guards: &[],
        action: Action::Hook(artifacts::hand_out_artifact),
    },
    Route {
        info: operation(
            "web/actions-job-log",
            "GET",
            "/job-logs/{owner}/{repo}/{job_id}",
            "Hands out the log of a job",
        ),
        docs: "",
        guards: &[],
        action: Action::Hook(artifacts::hand_out_job_log),
    },
    Route {
        info: operation(
            "web/actions-run-attempt-logs",
            "GET",
            "/logs/{owner}/{repo}/{run_id}/{attempt_number}",
            "Hands out the logs of an attempt of a run",
        ),
        docs: "",
        guards: &[],
        action: Action::Hook(artifacts::hand_out_run_logs),
    },
    Route {
        info: operation(
            "web/actions-run-logs",
            "GET",
            "/logs/{owner}/{repo}/{run_id}",
            "Hands out the logs of a run",
        ),
        docs: "",
        guards: &[],
        action: Action::Hook(artifacts::hand_out_run_logs),
    },
];
