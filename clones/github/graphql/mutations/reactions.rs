//! Mutations of reactions.

use archal_core::clone::OperationInfo;

use super::{payload, refused};
use crate::engine::graphql::arguments::Args;
use crate::engine::graphql::model::{Fault, Mutation, Object};
use crate::engine::pack::{Call, Refusal};
use crate::engine::within::within;
use crate::github::graphql::{nodes, reaction as reaction_type};
use crate::github::tables::{REPOS, reaction};
use crate::github::{access, reactions};

/// The mutations.
pub(super) const ALL: &[Mutation] = &[
    Mutation {
        name: "addReaction",
        run: add,
    },
    Mutation {
        name: "removeReaction",
        run: remove,
    },
];

/// Reactions to discussions have no operation in REST; all are made in the same place.
const HERE: OperationInfo = OperationInfo {
    id: "graphql",
    method: "POST",
    path: "/graphql",
    about: "",
};

/// Runs an operation on the reactions to the object of an id.
fn on_subject(
    call: &mut Call<'_>,
    mutation: &str,
    id: &str,
    params: &[(&'static str, &str)],
    content: &str,
    run: fn(&mut Call<'_>, &reactions::Subject) -> Result<(), Refusal>,
) -> Result<(), Fault> {
    let (table, column, row, repo_name) = nodes::subject(call, id)?;
    let repo_row = call.root().named(REPOS, &repo_name).cloned();
    let body = serde_json::json!({"content": content});
    let done = within(call, HERE, params, &body, |inner| {
        inner.found.push((table, row));
        inner
            .found
            .push((REPOS, repo_row.ok_or_else(access::not_found)?));
        access::writable(inner)?;
        let subject = reactions::subject(inner, table, column)?;
        run(inner, &subject)
    });
    done.map_err(|refusal| refused(call, mutation, &refusal))
}

fn add(call: &mut Call<'_>, input: &Args) -> Result<Object, Fault> {
    let id = input.text("subjectId").unwrap_or_default();
    let name = input.text("content").unwrap_or_default();
    let content = reaction_type::content_of(name);
    on_subject(call, "AddReaction", id, &[], content, |call, subject| {
        reactions::create(call, subject).map(drop)
    })?;
    let row = reaction_type::of_caller(call, id, name);
    let row = row.ok_or_else(|| nodes::unknown(id))?;
    shown(call, "AddReactionPayload", id, reaction_type::object(&row)?)
}

fn remove(call: &mut Call<'_>, input: &Args) -> Result<Object, Fault> {
    let id = input.text("subjectId").unwrap_or_default();
    let name = input.text("content").unwrap_or_default();
    let row = reaction_type::of_caller(call, id, name);
    let row = row.ok_or_else(|| nodes::unknown(id))?;
    let number = row.int(reaction::ID).to_string();
    let params = [("reaction_id", number.as_str())];
    on_subject(call, "RemoveReaction", id, &params, "", |call, subject| {
        reactions::delete(call, subject).map(drop)
    })?;
    shown(
        call,
        "RemoveReactionPayload",
        id,
        reaction_type::object(&row)?,
    )
}

fn shown(
    call: &Call<'_>,
    of: &'static str,
    id: &str,
    reaction: crate::engine::graphql::model::Value,
) -> Result<Object, Fault> {
    payload(
        of,
        vec![
            ("reaction", reaction),
            ("reactionGroups", reaction_type::groups(call, id)),
            ("subject", nodes::find(call, id)?.into()),
        ],
    )
}
