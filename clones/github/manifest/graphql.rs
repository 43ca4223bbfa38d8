//! GraphQL: one operation for all of it.

use super::operation;
use crate::engine::route::{Action, Route};
use crate::github::graphql;

/// The operations, sorted by id.
pub(super) const ROUTES: &[Route] = &[Route {
    info: operation(
        "graphql",
        "POST",
        "/graphql",
        "Answers GraphQL queries and mutations",
    ),
    docs: "graphql",
    guards: &[graphql::authenticated],
    action: Action::Hook(graphql::answer),
}];
