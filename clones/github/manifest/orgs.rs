//! Organisations; organisations and their members.

use super::{hook, operation};
use crate::engine::route::{Action, Guard, Route};
use crate::github::access::signed_in;
use crate::github::orgs::{self, inside, known_org, owns};
use crate::github::{issue_fields, issue_types};

const ORG: &[Guard] = &[known_org];
const OWN: &[Guard] = &[known_org, owns];

/// The operations, sorted by id.
pub(super) const ROUTES: &[Route] = &[
    Route {
        info: operation(
            "orgs/check-membership-for-user",
            "GET",
            "/orgs/{org}/members/{username}",
            "Whether a user is in an organisation",
        ),
        docs: "orgs/members#check-organization-membership-for-a-user",
        guards: ORG,
        action: Action::Hook(orgs::check_member),
    },
    Route {
        info: operation(
            "orgs/check-public-membership-for-user",
            "GET",
            "/orgs/{org}/public_members/{username}",
            "Whether a user is publicly in an organisation",
        ),
        docs: "orgs/members#check-public-organization-membership-for-a-user",
        guards: ORG,
        action: Action::Hook(orgs::check_public),
    },
    hook(
        "orgs/create-issue-field",
        "POST",
        "/orgs/{org}/issue-fields",
        "Adds a field to the issues of an organisation",
        "orgs/issue-fields#create-issue-field-for-an-organization",
        &[signed_in],
        issue_fields::create,
    ),
    hook(
        "orgs/create-issue-type",
        "POST",
        "/orgs/{org}/issue-types",
        "Adds a type of issues to an organisation",
        "orgs/issue-types#create-issue-type-for-an-organization",
        &[signed_in],
        issue_types::create,
    ),
    hook(
        "orgs/delete-issue-field",
        "DELETE",
        "/orgs/{org}/issue-fields/{issue_field_id}",
        "Deletes a field of the issues of an organisation",
        "orgs/issue-fields#delete-issue-field-for-an-organization",
        &[signed_in],
        issue_fields::delete,
    ),
    hook(
        "orgs/delete-issue-type",
        "DELETE",
        "/orgs/{org}/issue-types/{issue_type_id}",
        "Deletes a type of issues of an organisation",
        "orgs/issue-types#delete-issue-type-for-an-organization",
        &[signed_in],
        issue_types::delete,
    ),
    Route {
        info: operation("orgs/get", "GET", "/orgs/{org}", "Gets an organisation"),
        docs: "orgs/orgs#get-an-organization",
        guards: ORG,
        action: Action::Hook(orgs::get),
    },
    Route {
        info: operation(
            "orgs/get-membership-for-authenticated-user",
            "GET",
            "/user/memberships/orgs/{org}",
            "Gets what the caller is in an organisation",
        ),
        docs: "orgs/members#get-an-organization-membership-for-the-authenticated-user",
        guards: &[known_org, inside],
        action: Action::Hook(orgs::get_membership),
    },
    Route {
        info: operation(
            "orgs/get-membership-for-user",
            "GET",
            "/orgs/{org}/memberships/{username}",
            "Gets what a user is in an organisation",
        ),
        docs: "orgs/members#get-organization-membership-for-a-user",
        guards: &[known_org, inside],
        action: Action::Hook(orgs::get_membership),
    },
    Route {
        info: operation("orgs/list", "GET", "/organizations", "Lists organisations"),
        docs: "orgs/orgs#list-organizations",
        guards: &[],
        action: Action::Hook(orgs::list),
    },
    Route {
        info: operation(
            "orgs/list-for-authenticated-user",
            "GET",
            "/user/orgs",
            "Lists the organisations of the caller",
        ),
        docs: "orgs/orgs#list-organizations-for-the-authenticated-user",
        guards: &[signed_in],
        action: Action::Hook(orgs::list_of_user),
    },
    Route {
        info: operation(
            "orgs/list-for-user",
            "GET",
            "/users/{username}/orgs",
            "Lists the public organisations of a user",
        ),
        docs: "orgs/orgs#list-organizations-for-a-user",
        guards: &[],
        action: Action::Hook(orgs::list_of_user),
    },
    hook(
        "orgs/list-issue-fields",
        "GET",
        "/orgs/{org}/issue-fields",
        "Lists the fields of the issues of an organisation",
        "orgs/issue-fields#list-issue-fields-for-an-organization",
        &[signed_in],
        issue_fields::list,
    ),
    hook(
        "orgs/list-issue-types",
        "GET",
        "/orgs/{org}/issue-types",
        "Lists the types of issues of an organisation",
        "orgs/issue-types#list-issue-types-for-an-organization",
        &[signed_in],
        issue_types::list,
    ),
    Route {
        info: operation(
            "orgs/list-members",
            "GET",
            "/orgs/{org}/members",
            "Lists the members of an organisation",
        ),
        docs: "orgs/members#list-organization-members",
        guards: ORG,
        action: Action::Hook(orgs::list_members),
    },
    Route {
        info: operation(
            "orgs/list-memberships-for-authenticated-user",
            "GET",
            "/user/memberships/orgs",
            "Lists what the caller is in which organisations",
        ),
        docs: "orgs/members#list-organization-memberships-for-the-authenticated-user",
        guards: &[signed_in],
        action: Action::Hook(orgs::own_memberships),
    },
    Route {
        info: operation(
            "orgs/list-public-members",
            "GET",
            "/orgs/{org}/public_members",
            "Lists the public members of an organisation",
        ),
        docs: "orgs/members#list-public-organization-members",
        guards: ORG,
        action: Action::Hook(orgs::list_members),
    },
    Route {
        info: operation(
            "orgs/remove-member",
            "DELETE",
            "/orgs/{org}/members/{username}",
            "Removes a member from an organisation",
        ),
        docs: "orgs/members#remove-an-organization-member",
        guards: OWN,
        action: Action::Hook(orgs::remove_member),
    },
    Route {
        info: operation(
            "orgs/remove-membership-for-user",
            "DELETE",
            "/orgs/{org}/memberships/{username}",
            "Removes a user from an organisation",
        ),
        docs: "orgs/members#remove-organization-membership-for-a-user",
        guards: OWN,
        action: Action::Hook(orgs::remove_member),
    },
    Route {
        info: operation(
            "orgs/remove-public-membership-for-authenticated-user",
            "DELETE",
            "/orgs/{org}/public_members/{username}",
            "Hides that the caller is in an organisation",
        ),
        docs: "orgs/members#remove-public-organization-membership-for-the-authenticated-user",
        guards: &[known_org, inside],
        action: Action::Hook(orgs::set_public),
    },
    Route {
        info: operation(
            "orgs/set-membership-for-user",
            "PUT",
            "/orgs/{org}/memberships/{username}",
            "Adds a user to an organisation",
        ),
        docs: "orgs/members#set-organization-membership-for-a-user",
        guards: OWN,
        action: Action::Hook(orgs::set_membership),
    },
    Route {
        info: operation(
            "orgs/set-public-membership-for-authenticated-user",
            "PUT",
            "/orgs/{org}/public_members/{username}",
            "Shows that the caller is in an organisation",
        ),
        docs: "orgs/members#set-public-organization-membership-for-the-authenticated-user",
        guards: &[known_org, inside],
        action: Action::Hook(orgs::set_public),
    },
    Route {
        info: operation(
            "orgs/update",
            "PATCH",
            "/orgs/{org}",
            "Changes an organisation",
        ),
        docs: "orgs/orgs#update-an-organization",
        guards: OWN,
        action: Action::Hook(orgs::update),
    },
    hook(
        "orgs/update-issue-field",
        "PATCH",
        "/orgs/{org}/issue-fields/{issue_field_id}",
        "Changes a field of the issues of an organisation",
        "orgs/issue-fields#update-issue-field-for-an-organization",
        &[signed_in],
        issue_fields::update,
    ),
    hook(
        "orgs/update-issue-type",
        "PUT",
        "/orgs/{org}/issue-types/{issue_type_id}",
        "Changes a type of issues of an organisation",
        "orgs/issue-types#update-issue-type-for-an-organization",
        &[signed_in],
        issue_types::update,
    ),
];
