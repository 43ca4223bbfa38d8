//! Users.

use super::operation;
use crate::engine::route::{Action, Route};
use crate::github::access::signed_in;
use crate::github::repos;

/// The operations, sorted by id.
pub(super) const ROUTES: &[Route] = &[
    Route {
        info: operation("users/get-authenticated", "GET", "/user", "Gets the caller"),
        docs: "users/users#get-the-authenticated-user",
        guards: &[signed_in],
        action: Action::Hook(repos::own_user),
    },
    Route {
        info: operation(
            "users/get-by-username",
            "GET",
            "/users/{username}",
            "Gets a user",
        ),
        docs: "users/users#get-a-user",
        guards: &[],
        action: Action::Hook(repos::any_user),
    },
];
