//! Stars.

use super::operation;
use crate::engine::route::{Action, Route};
use crate::github::access::{seen_repo, signed_in};
use crate::github::stars;

/// The operations, sorted by id.
pub(super) const ROUTES: &[Route] = &[
    Route {
        info: operation(
            "activity/check-repo-is-starred-by-authenticated-user",
            "GET",
            "/user/starred/{owner}/{repo}",
            "Whether the caller starred a repository",
        ),
        docs: "activity/starring#check-if-a-repository-is-starred-by-the-authenticated-user",
        guards: &[signed_in, seen_repo],
        action: Action::Hook(stars::check),
    },
    Route {
        info: operation(
            "activity/get-stargazer-count-for-repo",
            "GET",
            "/repos/{owner}/{repo}/stargazers/count",
            "Counts who starred a repository",
        ),
        docs: "activity/starring#get-stargazer-count",
        guards: &[seen_repo],
        action: Action::Hook(stars::stargazer_count),
    },
    Route {
        info: operation(
            "activity/list-repos-starred-by-authenticated-user",
            "GET",
            "/user/starred",
            "Lists what the caller starred",
        ),
        docs: "activity/starring#list-repositories-starred-by-the-authenticated-user",
        guards: &[signed_in],
        action: Action::Hook(stars::list),
    },
    Route {
        info: operation(
            "activity/list-repos-starred-by-user",
            "GET",
            "/users/{username}/starred",
            "Lists what a user starred",
        ),
        docs: "activity/starring#list-repositories-starred-by-a-user",
        guards: &[],
        action: Action::Hook(stars::list),
    },
    Route {
        info: operation(
            "activity/list-stargazers-for-repo",
            "GET",
            "/repos/{owner}/{repo}/stargazers",
            "Lists who starred a repository",
        ),
        docs: "activity/starring#list-stargazers",
        guards: &[seen_repo],
        action: Action::Hook(stars::stargazers),
    },
    Route {
        info: operation(
            "activity/star-repo-for-authenticated-user",
            "PUT",
            "/user/starred/{owner}/{repo}",
            "Stars a repository",
        ),
        docs: "activity/starring#star-a-repository-for-the-authenticated-user",
        guards: &[signed_in, seen_repo],
        action: Action::Hook(stars::star),
    },
    Route {
        info: operation(
            "activity/unstar-repo-for-authenticated-user",
            "DELETE",
            "/user/starred/{owner}/{repo}",
            "Takes a star back",
        ),
        docs: "activity/starring#unstar-a-repository-for-the-authenticated-user",
        guards: &[signed_in, seen_repo],
        action: Action::Hook(stars::unstar),
    },
];
