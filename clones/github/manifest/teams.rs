//! Teams.

use super::operation;
use crate::engine::route::Guard;
use crate::engine::route::nothing;
use crate::engine::route::{Action, Route};
use crate::github::access::{seen_repo, signed_in};
use crate::github::orgs::{inside, known_org};
use crate::github::tables::TEAMS;
use crate::github::teams::{self, known_team, manages};

const TEAM: &[Guard] = &[known_org, inside, known_team];
const MANAGE: &[Guard] = &[known_org, inside, known_team, manages];
const REPO: &[Guard] = &[known_org, inside, known_team, manages, seen_repo];

/// The operations, sorted by id.
pub(super) const ROUTES: &[Route] = &[
    Route {
        info: operation(
            "teams/add-or-update-membership-for-user-in-org",
            "PUT",
            "/orgs/{org}/teams/{team_slug}/memberships/{username}",
            "Adds a user to a team",
        ),
        docs: "teams/members#add-or-update-team-membership-for-a-user",
        guards: MANAGE,
        action: Action::Hook(teams::set_membership),
    },
    Route {
        info: operation(
            "teams/add-or-update-repo-permissions-in-org",
            "PUT",
            "/orgs/{org}/teams/{team_slug}/repos/{owner}/{repo}",
            "Gives a team a repository",
        ),
        docs: "teams/teams#add-or-update-team-repository-permissions",
        guards: REPO,
        action: Action::Hook(teams::set_repo),
    },
    Route {
        info: operation(
            "teams/check-permissions-for-repo-in-org",
            "GET",
            "/orgs/{org}/teams/{team_slug}/repos/{owner}/{repo}",
            "Whether a team has a repository",
        ),
        docs: "teams/teams#check-team-permissions-for-a-repository",
        guards: &[known_org, inside, known_team, seen_repo],
        action: Action::Hook(teams::check_repo),
    },
    Route {
        info: operation("teams/create", "POST", "/orgs/{org}/teams", "Makes a team"),
        docs: "teams/teams#create-a-team",
        guards: &[known_org, inside],
        action: Action::Hook(teams::create),
    },
    Route {
        info: operation(
            "teams/delete-in-org",
            "DELETE",
            "/orgs/{org}/teams/{team_slug}",
            "Deletes a team",
        ),
        docs: "teams/teams#delete-a-team",
        guards: MANAGE,
        action: Action::Delete {
            table: TEAMS,
            then: nothing,
        },
    },
    Route {
        info: operation(
            "teams/get-by-name",
            "GET",
            "/orgs/{org}/teams/{team_slug}",
            "Gets a team",
        ),
        docs: "teams/teams#get-a-team-by-name",
        guards: TEAM,
        action: Action::Hook(teams::get),
    },
    Route {
        info: operation(
            "teams/get-membership-for-user-in-org",
            "GET",
            "/orgs/{org}/teams/{team_slug}/memberships/{username}",
            "Gets what a user is in a team",
        ),
        docs: "teams/members#get-team-membership-for-a-user",
        guards: TEAM,
        action: Action::Hook(teams::get_membership),
    },
    Route {
        info: operation(
            "teams/list",
            "GET",
            "/orgs/{org}/teams",
            "Lists the teams of an organisation",
        ),
        docs: "teams/teams#list-teams",
        guards: &[known_org, inside],
        action: Action::Hook(teams::list),
    },
    Route {
        info: operation(
            "teams/list-child-in-org",
            "GET",
            "/orgs/{org}/teams/{team_slug}/teams",
            "Lists the teams below a team",
        ),
        docs: "teams/teams#list-child-teams",
        guards: TEAM,
        action: Action::Hook(teams::children),
    },
    Route {
        info: operation(
            "teams/list-for-authenticated-user",
            "GET",
            "/user/teams",
            "Lists the teams of the caller",
        ),
        docs: "teams/teams#list-teams-for-the-authenticated-user",
        guards: &[signed_in],
        action: Action::Hook(teams::own),
    },
    Route {
        info: operation(
            "teams/list-members-in-org",
            "GET",
            "/orgs/{org}/teams/{team_slug}/members",
            "Lists the members of a team",
        ),
        docs: "teams/members#list-team-members",
        guards: TEAM,
        action: Action::Hook(teams::members),
    },
    Route {
        info: operation(
            "teams/list-repos-in-org",
            "GET",
            "/orgs/{org}/teams/{team_slug}/repos",
            "Lists the repositories of a team",
        ),
        docs: "teams/teams#list-team-repositories",
        guards: TEAM,
        action: Action::Hook(teams::repos),
    },
    Route {
        info: operation(
            "teams/remove-membership-for-user-in-org",
            "DELETE",
            "/orgs/{org}/teams/{team_slug}/memberships/{username}",
            "Removes a user from a team",
        ),
        docs: "teams/members#remove-team-membership-for-a-user",
        guards: MANAGE,
        action: Action::Hook(teams::remove_membership),
    },
    Route {
        info: operation(
            "teams/remove-repo-in-org",
            "DELETE",
            "/orgs/{org}/teams/{team_slug}/repos/{owner}/{repo}",
            "Takes a repository from a team",
        ),
        docs: "teams/teams#remove-a-repository-from-a-team",
        guards: REPO,
        action: Action::Hook(teams::remove_repo),
    },
    Route {
        info: operation(
            "teams/update-in-org",
            "PATCH",
            "/orgs/{org}/teams/{team_slug}",
            "Changes a team",
        ),
        docs: "teams/teams#update-a-team",
        guards: MANAGE,
        action: Action::Hook(teams::update),
    },
];
