//! GitHub: its REST and GraphQL APIs, git, and the files that answers lead to.
//!
//! - [`manifest`]: the operations. [`published`]: all that GitHub publishes. [`called`]: what agents call.
//! - [`tables`], [`complete`], [`seeds`]: the state and how it starts. [`social`]: what seeds leave out of accounts.
//! - [`credentials`], [`scopes`], [`access`]: tokens, and who may what.
//! - [`preface`], [`dialect`], [`media`], [`markdown`], [`render`]: refusals, headers and bodies.
//! - [`meta`]: what the API says of itself. [`search`], [`lists`], [`changes`]: found, listed and changed rows.
//! - [`issues`], [`issue_lists`], [`comments`], [`labels`], [`assignees`], [`milestones`], [`mentions`]: issues.
//! - [`issue_types`], [`issue_fields`], [`related`], [`transfers`]: what organisations add to them.
//! - [`events`], [`timeline`], [`inbox`], [`notifications`], [`reactions`]: what happens to issues, and who hears of it.
//! - [`pulls`]: pull requests, reviews, merges. [`discussions`], [`projects`], [`gists`].
//! - [`people`], [`orgs`], [`teams`], [`stars`], [`watching`]: accounts and what binds them.
//! - [`repos`], [`creation`], [`settings`], [`forks`], [`collaborators`], [`deploy_keys`]: repositories themselves.
//! - [`hooks`], [`deliveries`]: webhooks and what they were told.
//! - [`refs`]: what git's names stand for, and who hears of a push.
//! - [`content`], [`releases`], [`release_assets`], [`statuses`], [`checks`], [`protections`]: what is in repositories.
//! - [`workflows`], [`runs`], [`artifacts`], [`secrets`]: Actions. [`alerts`], [`advisories`]: security.
//! - [`web`]: git over HTTP, files and archives at other hosts. [`webhooks`]: what is delivered of it all.
//! - [`graphql`]: the GraphQL API over the same rows. [`mcp`]: the tools of the official MCP server.
//! - [`pygithub`]: what the methods of PyGithub call.
//! - [`criteria`]: what criteria see; `vocabulary.json`: the words for it. [`observe`]: what recorded exchanges prove.

mod access;
#[cfg(test)]
mod access_tests;
#[cfg(test)]
mod actions_tests;
#[cfg(test)]
mod activity_tests;
mod advisories;
mod alerts;
mod artifacts;
mod assignees;
mod called;
mod changes;
#[cfg(test)]
mod check;
mod checks;
mod collaborators;
mod comments;
mod complete;
#[cfg(test)]
mod conformance;
mod content;
#[cfg(test)]
mod content_tests;
mod creation;
mod credentials;
mod criteria;
#[cfg(test)]
mod crud_laws_tests;
mod deliveries;
mod deploy_keys;
mod dialect;
mod discussions;
mod events;
#[cfg(test)]
mod fidelity_tests;
mod forks;
mod gists;
mod graphql;
mod hooks;
mod inbox;
mod issue_fields;
mod issue_lists;
mod issue_types;
mod issues;
#[cfg(test)]
mod issues_tests;
mod labels;
#[cfg(test)]
mod labels_tests;
#[cfg(test)]
mod laws_tests;
mod lists;
mod manifest;
mod markdown;
mod mcp;
mod media;
mod mentions;
mod meta;
mod milestones;
mod notifications;
#[cfg(test)]
mod objects_tests;
mod observe;
#[cfg(test)]
mod observe_tests;
mod orgs;
mod people;
mod preface;
mod projects;
mod protections;
mod published;
mod pulls;
#[cfg(test)]
mod pulls_laws_tests;
#[cfg(test)]
mod pulls_reviews_tests;
#[cfg(test)]
mod pulls_rules_tests;
#[cfg(test)]
mod pulls_tests;
mod pygithub;
mod reactions;
mod refs;
#[cfg(test)]
mod refs_tests;
mod related;
mod release_assets;
mod releases;
#[cfg(test)]
mod releases_tests;
#[cfg(test)]
mod renames_tests;
mod render;
mod repos;
mod runs;
mod scopes;
mod search;
mod secrets;
mod seeds;
#[cfg(test)]
mod seeds_tests;
mod settings;
mod social;
#[cfg(test)]
mod social_tests;
mod stars;
#[cfg(test)]
mod states_tests;
mod statuses;
mod tables;
mod teams;
mod timeline;
mod transfers;
mod watching;
mod web;
mod webhooks;
mod workflows;

use std::sync::OnceLock;

use archal_core::clone::{BaseUrl, CloneDescriptor, Coverage};
use archal_core::stability::Stability;

use crate::engine::pack::{Dialect, Pack};
use crate::engine::{running, schema};

/// The clone as the catalogue lists it.
pub(crate) const DESCRIPTOR: CloneDescriptor = CloneDescriptor {
    name: "github",
    about: "GitHub: its REST and GraphQL APIs, git over HTTPS, files and archives",
    stability: Stability::Beta,
    hosts: &[
        "api.github.com",
        "codeload.github.com",
        "github.com",
        artifacts::HOST,
        "raw.githubusercontent.com",
        "uploads.github.com",
        render::gist::HOST,
    ],
    other_hosts: &[
        "avatars.githubusercontent.com",
        "gist.github.com",
        "models.github.ai",
        "objects.githubusercontent.com",
    ],
    credentials: &[
        ("GH_TOKEN", credentials::TOKEN),
        ("GITHUB_TOKEN", credentials::TOKEN),
    ],
    seeds: seeds::NAMES,
    keep_fields: KEEP_FIELDS,
    operations: manifest::OPERATIONS,
    coverage: Some(&Coverage {
        published: published::PUBLISHED,
        called: called::CALLED,
        called_by: "the REST patterns of GitHub's official MCP server",
    }),
    collections: criteria::COLLECTIONS,
    vocabulary: include_str!("vocabulary.json"),
    tables: tables::SEED_TABLES,
    row_key: observe::row_key,
    seed_schema: || schema::of(&PACK),
    mcp: Some(&mcp::FACE),
    sdk: pygithub::METHODS,
    open: |how| running::open(&PACK, how),
    reopen: |saved| running::reopen(&PACK, saved),
    base_urls: BASE_URLS,
    operation_of: |host, method, path| {
        PACK.find(host, method, path)
            .map(|(route, _)| route.info.id)
    },
    changes: observe::changes,
    observe: observe::observe,
};

/// Fields that say which thing it is, and parameters that say which page.
const KEEP_FIELDS: &[&str] = &[
    "after",
    "assignee",
    "assignees",
    "before",
    "creator",
    "cursor",
    "full_name",
    "id",
    "issue_number",
    "login",
    "name",
    "node_id",
    "number",
    "owner",
    "page",
    "per_page",
    "repo",
    "since",
    "user",
];

/// The hosts' places; the variables are those that Actions set in every job. What answers lead to has
/// one each: archives, files, artifacts and gists are fetched from where the client is sent.
const BASE_URLS: &[BaseUrl] = &[
    base_url("rest", "api.github.com", "", &["GITHUB_API_URL"]),
    base_url(
        "graphql",
        "api.github.com",
        "/graphql",
        &["GITHUB_GRAPHQL_URL"],
    ),
    base_url("git", "github.com", "", &["GITHUB_SERVER_URL"]),
    base_url("archives", "codeload.github.com", "", &[]),
    base_url("artifacts", artifacts::HOST, "", &[]),
    base_url("gists", render::gist::HOST, "", &[]),
    base_url("raw", "raw.githubusercontent.com", "", &[]),
    base_url("uploads", "uploads.github.com", "", &[]),
];

const fn base_url(
    name: &'static str,
    host: &'static str,
    path: &'static str,
    variables: &'static [&'static str],
) -> BaseUrl {
    BaseUrl {
        name,
        host,
        path,
        variables,
    }
}

/// Operations that no rate counts.
const UNCOUNTED: &[&str] = &[
    "rate-limit/get",
    "web/codeload",
    "web/get-raw",
    "web/git-archive",
    "web/git-info-refs",
    "web/git-receive-pack",
    "web/git-upload-pack",
];

/// The service as the engine runs it.
static PACK: Pack = Pack {
    name: "github",
    tables: tables::TABLES,
    relations: tables::RELATIONS,
    sites: manifest::SITES,
    router: OnceLock::new(),
    published: published::PUBLISHED,
    seeds: seeds::SEEDS,
    actor: (tables::USERS, "actor"),
    actor_by_default: |draft| draft.text(tables::user::TYPE) == "User",
    complete: complete::complete,
    dialect: Dialect {
        caller: credentials::caller,
        canonical: access::canonical,
        preface: preface::preface,
        shape: media::shape,
        refusal: dialect::refusal,
        unknown: dialect::unknown,
        unmodelled: dialect::unmodelled,
        failing: dialect::failing,
        limited: dialect::limited,
        announce: webhooks::announce,
        bad_input: dialect::bad_input,
        page: dialect::page,
        rate: dialect::rate,
        uncounted: UNCOUNTED,
        allowance: dialect::allowance,
        headers: dialect::headers,
    },
    views: criteria::VIEWS,
    derived: criteria::DERIVED,
};
