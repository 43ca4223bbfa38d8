//! Check runs and check suites.

use super::operation;
use crate::engine::route::{Action, Route};
use crate::github::access::{may_push, seen_repo, writable};
use crate::github::checks::{self, by_app, known_run, known_suite};
use crate::github::pulls::heads;
use crate::github::tables::CHECK_RUNS;

/// The operations, sorted by id.
pub(super) const ROUTES: &[Route] = &[
    Route {
        info: operation(
            "checks/create",
            "POST",
            "/repos/{owner}/{repo}/check-runs",
            "Makes a check run",
        ),
        docs: "reference/checks#create-a-check-run",
        guards: &[seen_repo, writable, by_app, may_push],
        action: Action::Create {
            table: CHECK_RUNS,
            inputs: checks::NEW,
            make: checks::make,
            then: heads::run_changed,
            location: checks::url,
        },
    },
    Route {
        info: operation(
            "checks/create-suite",
            "POST",
            "/repos/{owner}/{repo}/check-suites",
            "Makes a check suite",
        ),
        docs: "checks/suites#create-a-check-suite",
        guards: &[seen_repo, writable, by_app, may_push],
        action: Action::Hook(checks::create_suite),
    },
    Route {
        info: operation(
            "checks/get",
            "GET",
            "/repos/{owner}/{repo}/check-runs/{check_run_id}",
            "Gets a check run",
        ),
        docs: "checks/runs#get-a-check-run",
        guards: &[seen_repo, known_run],
        action: Action::Get { table: CHECK_RUNS },
    },
    Route {
        info: operation(
            "checks/get-suite",
            "GET",
            "/repos/{owner}/{repo}/check-suites/{check_suite_id}",
            "Gets a check suite",
        ),
        docs: "checks/suites#get-a-check-suite",
        guards: &[seen_repo, known_suite],
        action: Action::Hook(checks::get_suite),
    },
    Route {
        info: operation(
            "checks/list-annotations",
            "GET",
            "/repos/{owner}/{repo}/check-runs/{check_run_id}/annotations",
            "Lists the notes of a check run on lines of files",
        ),
        docs: "checks/runs#list-check-run-annotations",
        guards: &[seen_repo, known_run],
        action: Action::Hook(checks::annotations),
    },
    Route {
        info: operation(
            "checks/list-for-ref",
            "GET",
            "/repos/{owner}/{repo}/commits/{ref}/check-runs",
            "Lists the check runs of a commit",
        ),
        docs: "checks/runs#list-check-runs-for-a-git-reference",
        guards: &[seen_repo],
        action: Action::Hook(checks::list_for_ref),
    },
    Route {
        info: operation(
            "checks/list-for-suite",
            "GET",
            "/repos/{owner}/{repo}/check-suites/{check_suite_id}/check-runs",
            "Lists the check runs of a suite",
        ),
        docs: "checks/runs#list-check-runs-in-a-check-suite",
        guards: &[seen_repo, known_suite],
        action: Action::Hook(checks::list_for_suite),
    },
    Route {
        info: operation(
            "checks/list-suites-for-ref",
            "GET",
            "/repos/{owner}/{repo}/commits/{ref}/check-suites",
            "Lists the check suites of a commit",
        ),
        docs: "checks/suites#list-check-suites-for-a-git-reference",
        guards: &[seen_repo],
        action: Action::Hook(checks::list_suites),
    },
    Route {
        info: operation(
            "checks/rerequest-run",
            "POST",
            "/repos/{owner}/{repo}/check-runs/{check_run_id}/rerequest",
            "Asks for a check run to be done anew",
        ),
        docs: "checks/runs#rerequest-a-check-run",
        guards: &[seen_repo, writable, may_push, known_run],
        action: Action::Hook(checks::rerequest_run),
    },
    Route {
        info: operation(
            "checks/rerequest-suite",
            "POST",
            "/repos/{owner}/{repo}/check-suites/{check_suite_id}/rerequest",
            "Asks for a check suite to be done anew",
        ),
        docs: "checks/suites#rerequest-a-check-suite",
        guards: &[seen_repo, writable, may_push, known_suite],
        action: Action::Hook(checks::rerequest_suite),
    },
    Route {
        info: operation(
            "checks/update",
            "PATCH",
            "/repos/{owner}/{repo}/check-runs/{check_run_id}",
            "Changes a check run",
        ),
        docs: "checks/runs#update-a-check-run",
        guards: &[seen_repo, writable, by_app, may_push, known_run],
        action: Action::Patch {
            table: CHECK_RUNS,
            inputs: checks::CHANGE,
            change: checks::change,
            then: heads::run_changed,
        },
    },
];
