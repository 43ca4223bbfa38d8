//! Secret scanning.

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
            "secret-scanning/get-alert",
            "GET",
            "/repos/{owner}/{repo}/secret-scanning/alerts/{alert_number}",
            "Gets an alert of secret scanning",
        ),
        docs: "secret-scanning/secret-scanning#get-a-secret-scanning-alert",
        guards: ALERTS,
        action: Action::Hook(alerts::get_secret),
    },
    Route {
        info: operation(
            "secret-scanning/list-alerts-for-repo",
            "GET",
            "/repos/{owner}/{repo}/secret-scanning/alerts",
            "Lists alerts of secret scanning",
        ),
        docs: "secret-scanning/secret-scanning#list-secret-scanning-alerts-for-a-repository",
        guards: ALERTS,
        action: Action::Hook(alerts::list_secret),
    },
    Route {
        info: operation(
            "secret-scanning/list-locations-for-alert",
            "GET",
            "/repos/{owner}/{repo}/secret-scanning/alerts/{alert_number}/locations",
            "Lists where a secret was found",
        ),
        docs: "secret-scanning/secret-scanning#list-locations-for-a-secret-scanning-alert",
        guards: ALERTS,
        action: Action::Hook(alerts::secret_locations),
    },
    Route {
        info: operation(
            "secret-scanning/update-alert",
            "PATCH",
            "/repos/{owner}/{repo}/secret-scanning/alerts/{alert_number}",
            "Resolves an alert of secret scanning or opens it again",
        ),
        docs: "secret-scanning/secret-scanning#update-a-secret-scanning-alert",
        guards: CHANGE,
        action: Action::Hook(alerts::update_secret),
    },
];
