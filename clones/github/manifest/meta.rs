//! What the API says of itself.

use super::operation;
use crate::engine::route::{Action, Route};
use crate::github::meta;

/// The operations, sorted by id.
pub(super) const ROUTES: &[Route] = &[
    Route {
        info: operation(
            "meta/get",
            "GET",
            "/meta",
            "Gets GitHub's addresses and keys",
        ),
        docs: "meta/meta#get-apiname-meta-information",
        guards: &[],
        action: Action::Hook(meta::get),
    },
    Route {
        info: operation(
            "meta/get-all-versions",
            "GET",
            "/versions",
            "Lists the versions of the API",
        ),
        docs: "meta/meta#get-all-api-versions",
        guards: &[],
        action: Action::Hook(meta::versions),
    },
    Route {
        info: operation(
            "meta/get-octocat",
            "GET",
            "/octocat",
            "Gets the octocat as text",
        ),
        docs: "meta/meta#get-octocat",
        guards: &[],
        action: Action::Hook(meta::octocat),
    },
    Route {
        info: operation("meta/get-zen", "GET", "/zen", "Gets a sentence of design"),
        docs: "meta/meta#get-the-zen-of-github",
        guards: &[],
        action: Action::Hook(meta::zen),
    },
    Route {
        info: operation("meta/root", "GET", "/", "Lists the addresses of the API"),
        docs: "meta/meta#github-api-root",
        guards: &[],
        action: Action::Hook(meta::root),
    },
];
