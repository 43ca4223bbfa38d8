//! Mutations of labels.

use std::sync::Arc;

use super::{Body, operate, owner_and_name, payload};
use crate::engine::graphql::arguments::Args;
use crate::engine::graphql::model::{Fault, Mutation, Object};
use crate::engine::pack::Call;
use crate::engine::row::Row;
use crate::github::graphql::nodes;
use crate::github::tables::{label, repo};

/// The mutations.
pub(super) const ALL: &[Mutation] = &[
    Mutation {
        name: "createLabel",
        run: create,
    },
    Mutation {
        name: "deleteLabel",
        run: delete,
    },
    Mutation {
        name: "updateLabel",
        run: update,
    },
];

fn row(call: &Call<'_>, input: &Args) -> Result<Arc<Row>, Fault> {
    nodes::row(call, input.text("id").unwrap_or_default(), &["Label"])
}

fn create(call: &mut Call<'_>, input: &Args) -> Result<Object, Fault> {
    let id = input.text("repositoryId").unwrap_or_default();
    let repo_row = nodes::row(call, id, &["Repository"])?;
    let name = repo_row.text(repo::FULL_NAME);
    let body = Body::default()
        .copy(input, "name", "name")
        .copy(input, "color", "color")
        .copy(input, "description", "description")
        .done();
    let made = operate(
        call,
        "CreateLabel",
        "issues/create-label",
        &owner_and_name(name),
        &body,
    )?;
    let id = made["node_id"].as_str().unwrap_or_default();
    payload(
        "CreateLabelPayload",
        vec![("label", nodes::find(call, id)?.into())],
    )
}

fn update(call: &mut Call<'_>, input: &Args) -> Result<Object, Fault> {
    let old = row(call, input)?;
    let body = Body::default()
        .copy(input, "name", "new_name")
        .copy(input, "color", "color")
        .copy(input, "description", "description")
        .done();
    let [owner, name] = owner_and_name(old.text(label::REPO));
    let params = [owner, name, ("name", old.text(label::NAME))];
    operate(call, "UpdateLabel", "issues/update-label", &params, &body)?;
    let id = old.text(label::NODE_ID);
    payload(
        "UpdateLabelPayload",
        vec![("label", nodes::find(call, id)?.into())],
    )
}

fn delete(call: &mut Call<'_>, input: &Args) -> Result<Object, Fault> {
    let old = row(call, input)?;
    let [owner, name] = owner_and_name(old.text(label::REPO));
    let params = [owner, name, ("name", old.text(label::NAME))];
    let body = Body::default().done();
    operate(call, "DeleteLabel", "issues/delete-label", &params, &body)?;
    payload("DeleteLabelPayload", Vec::new())
}
