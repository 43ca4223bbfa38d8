//! Rate limits.

use super::operation;
use crate::engine::route::{Action, Route};
use crate::github::meta;

/// The operations, sorted by id.
pub(super) const ROUTES: &[Route] = &[Route {
    info: operation(
        "rate-limit/get",
        "GET",
        "/rate_limit",
        "Gets what is left of the rate limits",
    ),
    docs: "rate-limit/rate-limit#get-rate-limit-status-for-the-authenticated-user",
    guards: &[],
    action: Action::Hook(meta::rate_limit),
}];
