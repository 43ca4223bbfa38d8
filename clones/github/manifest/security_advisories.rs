//! Security advisories.

use super::operation;
use crate::engine::route::{Action, Route};
use crate::github::access::{may_push, seen_repo, signed_in, writable};
use crate::github::advisories::{self, known_advisory};
use crate::github::orgs::{inside, known_org};

/// The operations, sorted by id.
pub(super) const ROUTES: &[Route] = &[
    Route {
        info: operation(
            "security-advisories/create-repository-advisory",
            "POST",
            "/repos/{owner}/{repo}/security-advisories",
            "Writes an advisory",
        ),
        docs: "security-advisories/repository-advisories#create-a-repository-security-advisory",
        guards: &[seen_repo, writable, may_push],
        action: Action::Hook(advisories::create),
    },
    Route {
        info: operation(
            "security-advisories/get-global-advisory",
            "GET",
            "/advisories/{ghsa_id}",
            "Gets a global advisory",
        ),
        docs: "security-advisories/global-advisories#get-a-global-security-advisory",
        guards: &[],
        action: Action::Hook(advisories::get_global),
    },
    Route {
        info: operation(
            "security-advisories/get-repository-advisory",
            "GET",
            "/repos/{owner}/{repo}/security-advisories/{ghsa_id}",
            "Gets an advisory of a repository",
        ),
        docs: "security-advisories/repository-advisories#get-a-repository-security-advisory",
        guards: &[seen_repo, known_advisory],
        action: Action::Hook(advisories::get),
    },
    Route {
        info: operation(
            "security-advisories/list-global-advisories",
            "GET",
            "/advisories",
            "Lists global advisories",
        ),
        docs: "security-advisories/global-advisories#list-global-security-advisories",
        guards: &[],
        action: Action::Hook(advisories::list_global),
    },
    Route {
        info: operation(
            "security-advisories/list-org-repository-advisories",
            "GET",
            "/orgs/{org}/security-advisories",
            "Lists the advisories of an organisation",
        ),
        docs: "security-advisories/repository-advisories#list-repository-security-advisories-for-an-organization",
        guards: &[known_org, signed_in, inside],
        action: Action::Hook(advisories::list_of_organisation),
    },
    Route {
        info: operation(
            "security-advisories/list-repository-advisories",
            "GET",
            "/repos/{owner}/{repo}/security-advisories",
            "Lists the advisories of a repository",
        ),
        docs: "security-advisories/repository-advisories#list-repository-security-advisories",
        guards: &[seen_repo],
        action: Action::Hook(advisories::list),
    },
    Route {
        info: operation(
            "security-advisories/update-repository-advisory",
            "PATCH",
            "/repos/{owner}/{repo}/security-advisories/{ghsa_id}",
            "Changes an advisory",
        ),
        docs: "security-advisories/repository-advisories#update-a-repository-security-advisory",
        guards: &[seen_repo, writable, known_advisory, may_push],
        action: Action::Hook(advisories::update),
    },
];
