//! Mutations of projects' items.

use std::sync::Arc;

use serde_json::{Value as Json, json};

use super::{operate, payload};
use crate::engine::graphql::arguments::Args;
use crate::engine::graphql::model::{Fault, Mutation, Object};
use crate::engine::key::Key;
use crate::engine::pack::Call;
use crate::engine::row::Row;
use crate::github::graphql::{nodes, pull as pull_type};
use crate::github::tables::{USERS, issue, project, project_field, project_item, user};

/// The mutations.
pub(super) const ALL: &[Mutation] = &[
    Mutation {
        name: "addProjectV2DraftIssue",
        run: add_draft,
    },
    Mutation {
        name: "addProjectV2ItemById",
        run: add,
    },
    Mutation {
        name: "clearProjectV2ItemFieldValue",
        run: |call, input| {
            set(
                call,
                input,
                "ClearProjectV2ItemFieldValue",
                "ClearProjectV2ItemFieldValuePayload",
                &Json::Null,
            )
        },
    },
    Mutation {
        name: "deleteProjectV2Item",
        run: delete,
    },
    Mutation {
        name: "updateProjectV2ItemFieldValue",
        run: update,
    },
];

fn project_row(call: &Call<'_>, input: &Args) -> Result<Arc<Row>, Fault> {
    nodes::row(
        call,
        input.text("projectId").unwrap_or_default(),
        &["ProjectV2"],
    )
}

/// Runs an operation on a project: it has one for organisations and one for users.
fn on_project(
    call: &mut Call<'_>,
    mutation: &str,
    id: &str,
    row: &Row,
    item: Option<i64>,
    body: &Json,
) -> Result<Json, Fault> {
    let owner = row.text(project::OWNER);
    let found = call.root().get(USERS, &Key::folded(owner));
    let org = found.is_some_and(|row| row.text(user::TYPE) == "Organization");
    let number = row.int(project::NUMBER).to_string();
    let item = item.unwrap_or_default().to_string();
    let (suffix, param) = if org {
        ("org", "org")
    } else {
        ("user", "username")
    };
    let params = [
        (param, owner),
        ("project_number", number.as_str()),
        ("item_id", item.as_str()),
    ];
    operate(
        call,
        mutation,
        &format!("projects/{id}-for-{suffix}"),
        &params,
        body,
    )
}

fn item_payload(
    call: &Call<'_>,
    of: &'static str,
    field: &'static str,
    made: &Json,
) -> Result<Object, Fault> {
    let id = made["node_id"].as_str().unwrap_or_default();
    payload(of, vec![(field, nodes::find(call, id)?.into())])
}

fn add(call: &mut Call<'_>, input: &Args) -> Result<Object, Fault> {
    let row = project_row(call, input)?;
    let content = input.text("contentId").unwrap_or_default();
    let on = nodes::row(call, content, &["Issue", "PullRequest"])?;
    let kind = match pull_type::row_of(call.root(), &on) {
        Some(_) => "PullRequest",
        None => "Issue",
    };
    let body = json!({"type": kind, "id": on.int(issue::ID)});
    let made = on_project(call, "AddProjectV2ItemById", "add-item", &row, None, &body)?;
    item_payload(call, "AddProjectV2ItemByIdPayload", "item", &made)
}

fn add_draft(call: &mut Call<'_>, input: &Args) -> Result<Object, Fault> {
    let row = project_row(call, input)?;
    let owner = row.text(project::OWNER);
    let found = call.root().get(USERS, &Key::folded(owner)).cloned();
    let found = found.ok_or_else(|| nodes::unknown(owner))?;
    let number = row.int(project::NUMBER).to_string();
    let id = found.int(user::ID).to_string();
    let body = json!({"title": input.text("title"), "body": input.text("body")});
    let mutation = "AddProjectV2DraftIssue";
    let made = if found.text(user::TYPE) == "Organization" {
        let params = [("org", owner), ("project_number", number.as_str())];
        operate(
            call,
            mutation,
            "projects/create-draft-item-for-org",
            &params,
            &body,
        )?
    } else {
        let params = [
            ("user_id", id.as_str()),
            ("project_number", number.as_str()),
        ];
        let operation = "projects/create-draft-item-for-authenticated-user";
        operate(call, mutation, operation, &params, &body)?
    };
    item_payload(call, "AddProjectV2DraftIssuePayload", "projectItem", &made)
}

fn item_row(call: &Call<'_>, input: &Args) -> Result<Arc<Row>, Fault> {
    nodes::row(
        call,
        input.text("itemId").unwrap_or_default(),
        &["ProjectV2Item"],
    )
}

fn delete(call: &mut Call<'_>, input: &Args) -> Result<Object, Fault> {
    let row = project_row(call, input)?;
    let item = item_row(call, input)?;
    let id = Some(item.int(project_item::ID));
    on_project(
        call,
        "DeleteProjectV2Item",
        "delete-item",
        &row,
        id,
        &json!({}),
    )?;
    let gone = item.text(project_item::NODE_ID);
    payload(
        "DeleteProjectV2ItemPayload",
        vec![("deletedItemId", gone.into())],
    )
}

fn update(call: &mut Call<'_>, input: &Args) -> Result<Object, Fault> {
    let value = input.object("value");
    let given = [
        "text",
        "number",
        "date",
        "singleSelectOptionId",
        "iterationId",
    ]
    .into_iter()
    .find_map(|name| value.get(name).cloned());
    let Some(given) = given else {
        return Err(Fault::new(
            "UNPROCESSABLE",
            "A value must be provided to update the field value.",
        ));
    };
    set(
        call,
        input,
        "UpdateProjectV2ItemFieldValue",
        "UpdateProjectV2ItemFieldValuePayload",
        &given,
    )
}

fn set(
    call: &mut Call<'_>,
    input: &Args,
    mutation: &str,
    of: &'static str,
    value: &Json,
) -> Result<Object, Fault> {
    let row = project_row(call, input)?;
    let item = item_row(call, input)?;
    let id = input.text("fieldId").unwrap_or_default();
    let kinds = [
        "ProjectV2Field",
        "ProjectV2SingleSelectField",
        "ProjectV2IterationField",
    ];
    let field = nodes::row(call, id, &kinds)?;
    let body = json!({"fields": [{"id": field.int(project_field::ID), "value": value}]});
    let at = Some(item.int(project_item::ID));
    on_project(call, mutation, "update-item", &row, at, &body)?;
    let now = nodes::find(call, item.text(project_item::NODE_ID))?;
    payload(of, vec![("projectV2Item", now.into())])
}
