//! Code quality.

use super::operation;
use crate::engine::route::{Action, Route};
use crate::github::access::{may_push, seen_repo, signed_in};
use crate::github::alerts;

/// The operations, sorted by id.
pub(super) const ROUTES: &[Route] = &[
    Route {
        info: operation(
            "code-quality/get-finding",
            "GET",
            "/repos/{owner}/{repo}/code-quality/findings/{finding_number}",
            "Gets a finding of code quality",
        ),
        docs: "code-quality/code-quality#get-a-code-quality-finding",
        guards: &[seen_repo, signed_in, may_push],
        action: Action::Hook(alerts::get_finding),
    },
    Route {
        info: operation(
            "code-quality/list-findings-for-repo",
            "GET",
            "/repos/{owner}/{repo}/code-quality/findings",
            "Lists findings of code quality",
        ),
        docs: "code-quality/code-quality#list-code-quality-findings-for-a-repository",
        guards: &[seen_repo, signed_in, may_push],
        action: Action::Hook(alerts::list_findings),
    },
];
