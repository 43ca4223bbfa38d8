//! The operations of the GitHub clone: a file for each category of its published description.
//!
//! At `api.github.com`:
//! - [`activity`], [`issues`], [`issues_from_list`], [`projects`], [`pulls`], [`reactions`]: work.
//! - [`checks`], [`gists`], [`git`], [`repos`]: content. [`actions`]: what runs on it.
//! - [`orgs`], [`teams`], [`users`]: accounts. [`search`]: all of it.
//! - [`code_quality`], [`code_scanning`], [`dependabot`], [`secret_scanning`],
//!   [`security_advisories`]: security.
//! - [`graphql`], [`markdown`], [`meta`], [`rate_limit`]: the API itself.
//!
//! At the other hosts: [`web`].

mod actions;
mod activity;
mod checks;
mod code_quality;
mod code_scanning;
mod dependabot;
mod gists;
mod git;
mod graphql;
mod issues;
mod issues_from_list;
mod markdown;
mod meta;
mod orgs;
mod projects;
mod pulls;
mod rate_limit;
mod reactions;
mod repos;
mod search;
mod secret_scanning;
mod security_advisories;
mod teams;
mod users;
mod web;

use archal_core::clone::OperationInfo;

use super::tables::REPOS;
use super::{artifacts, render};
use crate::engine::key::Key;
use crate::engine::pack::{Call, Refusal, Reply};
use crate::engine::route::{Action, Guard, Route, Site};

/// The operations by host; the areas of a site in order of their names.
pub(super) const SITES: &[Site] = &[
    Site {
        hosts: &["api.github.com"],
        areas: &[
            actions::ROUTES,
            activity::ROUTES,
            checks::ROUTES,
            code_quality::ROUTES,
            code_scanning::ROUTES,
            dependabot::ROUTES,
            gists::ROUTES,
            git::ROUTES,
            graphql::ROUTES,
            issues::ROUTES,
            issues_from_list::ROUTES,
            markdown::ROUTES,
            meta::ROUTES,
            orgs::ROUTES,
            projects::ROUTES,
            pulls::ROUTES,
            rate_limit::ROUTES,
            reactions::ROUTES,
            repos::ROUTES,
            search::ROUTES,
            secret_scanning::ROUTES,
            security_advisories::ROUTES,
            teams::ROUTES,
            users::ROUTES,
        ],
    },
    Site {
        hosts: &[artifacts::HOST],
        areas: &[actions::HANDED_OUT],
    },
    Site {
        hosts: &["codeload.github.com"],
        areas: &[web::CODELOAD],
    },
    Site {
        hosts: &["raw.githubusercontent.com"],
        areas: &[web::RAW],
    },
    Site {
        hosts: &[render::gist::HOST],
        areas: &[gists::HANDED_OUT],
    },
    Site {
        hosts: &["github.com"],
        areas: &[web::GIT],
    },
];

/// All operations.
#[cfg(test)]
pub(super) fn routes() -> impl Iterator<Item = &'static Route> {
    SITES
        .iter()
        .flat_map(|site| site.areas.iter().copied())
        .flatten()
}

/// The operations as the descriptor lists them.
pub(super) const OPERATIONS: &[OperationInfo; COUNT] = &infos();

const COUNT: usize = count();

const fn count() -> usize {
    let mut sum = 0;
    let mut site = 0;
    while site < SITES.len() {
        let mut area = 0;
        while area < SITES[site].areas.len() {
            sum += SITES[site].areas[area].len();
            area += 1;
        }
        site += 1;
    }
    sum
}

const fn infos() -> [OperationInfo; COUNT] {
    let mut infos = [SITES[0].areas[0][0].info; COUNT];
    let mut at = 0;
    let mut site = 0;
    while site < SITES.len() {
        let mut area = 0;
        while area < SITES[site].areas.len() {
            let routes = SITES[site].areas[area];
            let mut route = 0;
            while route < routes.len() {
                infos[at] = routes[route].info;
                at += 1;
                route += 1;
            }
            area += 1;
        }
        site += 1;
    }
    infos
}

const fn operation(
    id: &'static str,
    method: &'static str,
    path: &'static str,
    about: &'static str,
) -> OperationInfo {
    OperationInfo {
        id,
        method,
        path,
        about,
    }
}

/// An operation that only this service has code for.
const fn hook(
    id: &'static str,
    method: &'static str,
    path: &'static str,
    about: &'static str,
    docs: &'static str,
    guards: &'static [Guard],
    hook: fn(&mut Call<'_>) -> Result<Reply, Refusal>,
) -> Route {
    Route {
        info: operation(id, method, path, about),
        docs,
        guards,
        action: Action::Hook(hook),
    }
}

/// The key of the repository that the path names.
fn of_repo(call: &Call<'_>) -> Result<Key, Refusal> {
    let row = call.row(REPOS)?;
    Ok(call.root().key(REPOS, &row))
}
