//! Code scanning.

use super::operation;
use crate::engine::route::Guard;
use crate::engine::route::{Action, Route};
use crate::github::access::{may_push, seen_repo, signed_in, writable};
use crate::github::alerts;

const ALERTS: &[Guard] = &[seen_repo, signed_in, may_push];
const CHANGE: &[Guard] = &[seen_repo, writable, may_push];

/// The operations, sorted by id.
pub(super) const ROUTES: &[Route] = &[
    Route {
        info: operation(
            "code-scanning/get-alert",
            "GET",
            "/repos/{owner}/{repo}/code-scanning/alerts/{alert_number}",
            "Gets an alert of code scanning",
        ),
        docs: "code-scanning/code-scanning#get-a-code-scanning-alert",
        guards: ALERTS,
        action: Action::Hook(alerts::get_code),
    },
    Route {
        info: operation(
            "code-scanning/list-alert-instances",
            "GET",
            "/repos/{owner}/{repo}/code-scanning/alerts/{alert_number}/instances",
            "Lists where an alert of code scanning was found",
        ),
        docs: "code-scanning/code-scanning#list-instances-of-a-code-scanning-alert",
        guards: ALERTS,
        action: Action::Hook(alerts::code_instances),
    },
    Route {
        info: operation(
            "code-scanning/list-alerts-for-repo",
            "GET",
            "/repos/{owner}/{repo}/code-scanning/alerts",
            "Lists alerts of code scanning",
        ),
        docs: "reference/code-scanning#list-code-scanning-alerts-for-a-repository",
        guards: ALERTS,
        action: Action::Hook(alerts::list_code),
    },
    Route {
        info: operation(
            "code-scanning/update-alert",
            "PATCH",
            "/repos/{owner}/{repo}/code-scanning/alerts/{alert_number}",
            "Dismisses an alert of code scanning or opens it again",
        ),
        docs: "code-scanning/code-scanning#update-a-code-scanning-alert",
        guards: CHANGE,
        action: Action::Hook(alerts::update_code),
    },
];
