//! Dependabot.

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
            "dependabot/get-alert",
            "GET",
            "/repos/{owner}/{repo}/dependabot/alerts/{alert_number}",
            "Gets an alert of Dependabot",
        ),
        docs: "dependabot/alerts#get-a-dependabot-alert",
        guards: ALERTS,
        action: Action::Hook(alerts::get_dependabot),
    },
    Route {
        info: operation(
            "dependabot/list-alerts-for-repo",
            "GET",
            "/repos/{owner}/{repo}/dependabot/alerts",
            "Lists alerts of Dependabot",
        ),
        docs: "dependabot/alerts#list-dependabot-alerts-for-a-repository",
        guards: ALERTS,
        action: Action::Hook(alerts::list_dependabot),
    },
    Route {
        info: operation(
            "dependabot/update-alert",
            "PATCH",
            "/repos/{owner}/{repo}/dependabot/alerts/{alert_number}",
            "Dismisses an alert of Dependabot or opens it again",
        ),
        docs: "dependabot/alerts#update-a-dependabot-alert",
        guards: CHANGE,
        action: Action::Hook(alerts::update_dependabot),
    },
];
