//! Repositories.

use super::{hook, operation};
use crate::engine::route::{Action, Route};
use crate::github::access::{seen_repo, signed_in};
use crate::github::{issue_types, repos};

/// The operations, sorted by id.
pub(super) const ROUTES: &[Route] = &[
    Route {
        info: operation(
            "repos/get",
            "GET",
            "/repos/{owner}/{repo}",
            "Gets a repository",
        ),
        docs: "repos/repos#get-a-repository",
        guards: &[seen_repo],
        action: Action::Hook(repos::get),
    },
    Route {
        info: operation(
            "repos/list-for-authenticated-user",
            "GET",
            "/user/repos",
            "Lists the repositories of the caller",
        ),
        docs: "repos/repos#list-repositories-for-the-authenticated-user",
        guards: &[signed_in],
        action: Action::Hook(repos::list_of_caller),
    },
    Route {
        info: operation(
            "repos/list-for-org",
            "GET",
            "/orgs/{org}/repos",
            "Lists the repositories of an organisation",
        ),
        docs: "repos/repos#list-organization-repositories",
        guards: &[],
        action: Action::Hook(repos::list_of_organisation),
    },
    Route {
        info: operation(
            "repos/list-for-user",
            "GET",
            "/users/{username}/repos",
            "Lists the repositories of a user",
        ),
        docs: "repos/repos#list-repositories-for-a-user",
        guards: &[],
        action: Action::Hook(repos::list_of_user),
    },
    hook(
        "repos/list-issue-types",
        "GET",
        "/repos/{owner}/{repo}/issue-types",
        "Lists the types that issues of a repository can get",
        "repos/repos#list-issue-types-for-a-repository",
        &[seen_repo],
        issue_types::list_for_repo,
    ),
];
