//! Organisations.

use super::hook;
use crate::engine::route::Route;
use crate::github::access::signed_in;
use crate::github::{issue_fields, issue_types};

/// The operations, sorted by id.
pub(super) const ROUTES: &[Route] = &[
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
