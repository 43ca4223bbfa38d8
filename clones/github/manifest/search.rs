//! Search.

use super::hook;
use crate::engine::route::Route;
use crate::github::search;

/// The operations, sorted by id.
pub(super) const ROUTES: &[Route] = &[
    hook(
        "search/code",
        "GET",
        "/search/code",
        "Searches files of default branches",
        "search/search#search-code",
        &[],
        search::code::search,
    ),
    hook(
        "search/commits",
        "GET",
        "/search/commits",
        "Searches commits of default branches",
        "search/search#search-commits",
        &[],
        search::commits::search,
    ),
    hook(
        "search/issues-and-pull-requests",
        "GET",
        "/search/issues",
        "Searches issues and pull requests",
        "search/search#search-issues-and-pull-requests",
        &[],
        search::issues::search,
    ),
    hook(
        "search/labels",
        "GET",
        "/search/labels",
        "Searches labels of a repository",
        "search/search#search-labels",
        &[],
        search::labels::search,
    ),
    hook(
        "search/repos",
        "GET",
        "/search/repositories",
        "Searches repositories",
        "search/search#search-repositories",
        &[],
        search::repos::search,
    ),
    hook(
        "search/topics",
        "GET",
        "/search/topics",
        "Searches topics of repositories",
        "search/search#search-topics",
        &[],
        search::topics::search,
    ),
    hook(
        "search/users",
        "GET",
        "/search/users",
        "Searches users and organisations",
        "search/search#search-users",
        &[],
        search::users::search,
    ),
];
