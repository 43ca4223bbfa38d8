//! Search.

use super::operation;
use crate::engine::route::{Action, Route};
use crate::github::search;

/// The operations, sorted by id.
pub(super) const ROUTES: &[Route] = &[Route {
    info: operation(
        "search/issues-and-pull-requests",
        "GET",
        "/search/issues",
        "Searches issues",
    ),
    docs: "search/search#search-issues-and-pull-requests",
    guards: &[],
    action: Action::Hook(search::issues),
}];
