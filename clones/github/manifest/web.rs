//! Git over HTTP, files and archives, at hosts of their own.

use super::operation;
use crate::engine::route::{Action, Route};
use crate::github::access::seen_repo;
use crate::github::release_assets;
use crate::github::web::{archive, git, raw};

/// At `codeload.github.com`.
pub(super) const CODELOAD: &[Route] = &[Route {
    info: operation(
        "web/codeload",
        "GET",
        "/{owner}/{repo}/{format}/{ref}",
        "Downloads an archive of a repository",
    ),
    docs: "",
    guards: &[],
    action: Action::Job {
        begin: archive::begin,
        end: archive::end,
    },
}];

/// At `raw.githubusercontent.com`.
pub(super) const RAW: &[Route] = &[Route {
    info: operation(
        "web/get-raw",
        "GET",
        "/{owner}/{repo}/{sha}/{path}",
        "Gets a file as it is",
    ),
    docs: "",
    guards: &[raw::may_read],
    action: Action::Hook(raw::get),
}];

/// At `github.com`.
pub(super) const GIT: &[Route] = &[
    Route {
        info: operation(
            "web/git-archive",
            "GET",
            "/{owner}/{repo}/archive/{path}",
            "Leads to an archive of a repository",
        ),
        docs: "",
        guards: &[],
        action: Action::Hook(archive::elsewhere),
    },
    Route {
        info: operation(
            "web/git-info-refs",
            "GET",
            "/{owner}/{repo}/info/refs",
            "Tells a git client what there is to fetch or push to",
        ),
        docs: "",
        guards: &[git::may_fetch],
        action: Action::Job {
            begin: git::advertise,
            end: git::advertised,
        },
    },
    Route {
        info: operation(
            "web/git-receive-pack",
            "POST",
            "/{owner}/{repo}/git-receive-pack",
            "Takes what a git client pushes",
        ),
        docs: "",
        guards: &[git::may_fetch, git::may_push],
        action: Action::Job {
            begin: git::push,
            end: git::pushed,
        },
    },
    Route {
        info: operation(
            "web/git-upload-pack",
            "POST",
            "/{owner}/{repo}/git-upload-pack",
            "Gives a git client what it fetches",
        ),
        docs: "",
        guards: &[git::may_fetch],
        action: Action::Job {
            begin: git::fetch,
            end: git::fetched,
        },
    },
    Route {
        info: operation(
            "web/release-asset",
            "GET",
            "/{owner}/{repo}/releases/download/{tag}/{name}",
            "Downloads a file of a release",
        ),
        docs: "",
        guards: &[seen_repo],
        action: Action::Hook(release_assets::by_name),
    },
];
