//! Projects.

use super::operation;
use crate::engine::route::{Action, Route};
use crate::engine::route::{Guard, nothing};
use crate::github::projects::{self, known_item, known_owner, known_project, may_change};
use crate::github::tables::PROJECT_ITEMS;

const PROJECT: &[Guard] = &[known_owner, known_project];
const ITEM: &[Guard] = &[known_owner, known_project, known_item];
const CHANGE: &[Guard] = &[known_owner, known_project, may_change];
const CHANGE_ITEM: &[Guard] = &[known_owner, known_project, known_item, may_change];

/// The operations, sorted by id.
pub(super) const ROUTES: &[Route] = &[
    Route {
        info: operation(
            "projects/add-item-for-org",
            "POST",
            "/orgs/{org}/projectsV2/{project_number}/items",
            "Adds an issue to a project of an organisation",
        ),
        docs: "projects/items#add-item-to-organization-owned-project",
        guards: CHANGE,
        action: Action::Hook(projects::add_item),
    },
    Route {
        info: operation(
            "projects/add-item-for-user",
            "POST",
            "/users/{username}/projectsV2/{project_number}/items",
            "Adds an issue to a project of a user",
        ),
        docs: "projects/items#add-item-to-user-owned-project",
        guards: CHANGE,
        action: Action::Hook(projects::add_item),
    },
    Route {
        info: operation(
            "projects/create-draft-item-for-authenticated-user",
            "POST",
            "/user/{user_id}/projectsV2/{project_number}/drafts",
            "Adds a draft to a project of a user",
        ),
        docs: "projects/drafts#create-draft-item-for-user-owned-project",
        guards: CHANGE,
        action: Action::Hook(projects::add_draft),
    },
    Route {
        info: operation(
            "projects/create-draft-item-for-org",
            "POST",
            "/orgs/{org}/projectsV2/{project_number}/drafts",
            "Adds a draft to a project of an organisation",
        ),
        docs: "projects/drafts#create-draft-item-for-organization-owned-project",
        guards: CHANGE,
        action: Action::Hook(projects::add_draft),
    },
    Route {
        info: operation(
            "projects/delete-item-for-org",
            "DELETE",
            "/orgs/{org}/projectsV2/{project_number}/items/{item_id}",
            "Takes an item out of a project of an organisation",
        ),
        docs: "projects/items#delete-project-item-for-organization",
        guards: CHANGE_ITEM,
        action: Action::Delete {
            table: PROJECT_ITEMS,
            then: nothing,
        },
    },
    Route {
        info: operation(
            "projects/delete-item-for-user",
            "DELETE",
            "/users/{username}/projectsV2/{project_number}/items/{item_id}",
            "Takes an item out of a project of a user",
        ),
        docs: "projects/items#delete-project-item-for-user",
        guards: CHANGE_ITEM,
        action: Action::Delete {
            table: PROJECT_ITEMS,
            then: nothing,
        },
    },
    Route {
        info: operation(
            "projects/get-field-for-org",
            "GET",
            "/orgs/{org}/projectsV2/{project_number}/fields/{field_id}",
            "Gets a field of a project of an organisation",
        ),
        docs: "projects/fields#get-project-field-for-organization",
        guards: PROJECT,
        action: Action::Hook(projects::get_field),
    },
    Route {
        info: operation(
            "projects/get-field-for-user",
            "GET",
            "/users/{username}/projectsV2/{project_number}/fields/{field_id}",
            "Gets a field of a project of a user",
        ),
        docs: "projects/fields#get-project-field-for-user",
        guards: PROJECT,
        action: Action::Hook(projects::get_field),
    },
    Route {
        info: operation(
            "projects/get-for-org",
            "GET",
            "/orgs/{org}/projectsV2/{project_number}",
            "Gets a project of an organisation",
        ),
        docs: "projects/projects#get-project-for-organization",
        guards: PROJECT,
        action: Action::Hook(projects::get),
    },
    Route {
        info: operation(
            "projects/get-for-user",
            "GET",
            "/users/{username}/projectsV2/{project_number}",
            "Gets a project of a user",
        ),
        docs: "projects/projects#get-project-for-user",
        guards: PROJECT,
        action: Action::Hook(projects::get),
    },
    Route {
        info: operation(
            "projects/get-org-item",
            "GET",
            "/orgs/{org}/projectsV2/{project_number}/items/{item_id}",
            "Gets an item of a project of an organisation",
        ),
        docs: "projects/items#get-an-item-for-an-organization-owned-project",
        guards: ITEM,
        action: Action::Hook(projects::get_item),
    },
    Route {
        info: operation(
            "projects/get-user-item",
            "GET",
            "/users/{username}/projectsV2/{project_number}/items/{item_id}",
            "Gets an item of a project of a user",
        ),
        docs: "projects/items#get-an-item-for-a-user-owned-project",
        guards: ITEM,
        action: Action::Hook(projects::get_item),
    },
    Route {
        info: operation(
            "projects/list-fields-for-org",
            "GET",
            "/orgs/{org}/projectsV2/{project_number}/fields",
            "Lists the fields of a project of an organisation",
        ),
        docs: "projects/fields#list-project-fields-for-organization",
        guards: PROJECT,
        action: Action::Hook(projects::list_fields),
    },
    Route {
        info: operation(
            "projects/list-fields-for-user",
            "GET",
            "/users/{username}/projectsV2/{project_number}/fields",
            "Lists the fields of a project of a user",
        ),
        docs: "projects/fields#list-project-fields-for-user",
        guards: PROJECT,
        action: Action::Hook(projects::list_fields),
    },
    Route {
        info: operation(
            "projects/list-for-org",
            "GET",
            "/orgs/{org}/projectsV2",
            "Lists the projects of an organisation",
        ),
        docs: "projects/projects#list-projects-for-organization",
        guards: &[known_owner],
        action: Action::Hook(projects::list),
    },
    Route {
        info: operation(
            "projects/list-for-user",
            "GET",
            "/users/{username}/projectsV2",
            "Lists the projects of a user",
        ),
        docs: "projects/projects#list-projects-for-user",
        guards: &[known_owner],
        action: Action::Hook(projects::list),
    },
    Route {
        info: operation(
            "projects/list-items-for-org",
            "GET",
            "/orgs/{org}/projectsV2/{project_number}/items",
            "Lists the items of a project of an organisation",
        ),
        docs: "projects/items#list-items-for-an-organization-owned-project",
        guards: PROJECT,
        action: Action::Hook(projects::list_items),
    },
    Route {
        info: operation(
            "projects/list-items-for-user",
            "GET",
            "/users/{username}/projectsV2/{project_number}/items",
            "Lists the items of a project of a user",
        ),
        docs: "projects/items#list-items-for-a-user-owned-project",
        guards: PROJECT,
        action: Action::Hook(projects::list_items),
    },
    Route {
        info: operation(
            "projects/update-item-for-org",
            "PATCH",
            "/orgs/{org}/projectsV2/{project_number}/items/{item_id}",
            "Changes an item of a project of an organisation",
        ),
        docs: "projects/items#update-project-item-for-organization",
        guards: CHANGE_ITEM,
        action: Action::Hook(projects::update_item),
    },
    Route {
        info: operation(
            "projects/update-item-for-user",
            "PATCH",
            "/users/{username}/projectsV2/{project_number}/items/{item_id}",
            "Changes an item of a project of a user",
        ),
        docs: "projects/items#update-project-item-for-user",
        guards: CHANGE_ITEM,
        action: Action::Hook(projects::update_item),
    },
];
