//! GitHub's GraphQL API: what the types of its published schema are in the tables.
//!
//! - [`query`]: the roots. [`nodes`]: objects by their ids. [`people`], [`repository`], [`label`],
//!   [`issue`], [`comment`], [`reaction`], [`discussion`], [`pull`], [`review`], [`git`],
//!   [`checks`], [`milestone`], [`release`], [`timeline`],
//!   [`project`], [`social`]: types. [`pull_lists`], [`refs`], [`blame`], [`templates`], [`protection`], [`markdown`]. [`lists`]: what lists of issues ask for.
//! - [`mutations`]: what changes something, always by the operation that REST has for it.
//! - [`words`]: how GitHub says what is wrong with a query.

mod blame;
mod checks;
mod comment;
mod discussion;
#[cfg(test)]
mod discussion_tests;
mod git;
mod issue;
mod label;
mod lists;
mod markdown;
mod milestone;
mod mutations;
mod nodes;
mod people;
mod project;
mod protection;
mod pull;
mod pull_lists;
mod query;
mod reaction;
mod refs;
mod release;
mod repository;
mod review;
#[cfg(test)]
mod roots;
mod social;
mod templates;
#[cfg(test)]
mod tests;
mod timeline;
mod words;

use std::sync::{Arc, OnceLock};

use serde_json::{Map, Value as Json};

use super::access;
use super::tables::REPOS;
use crate::engine::graphql::documents::Documents;
use crate::engine::graphql::model::Model;
use crate::engine::graphql::request::{Request, Service, refused};
use crate::engine::graphql::schema::Published;
use crate::engine::pack::{Call, Refusal, Reply};
use crate::engine::row::Row;

/// GitHub's GraphQL.
static SERVICE: Service = Service {
    schema: Published::new(include_str!("schema.graphql")),
    model: Model {
        types: &[
            checks::TYPES,
            comment::TYPES,
            discussion::TYPES,
            git::TYPES,
            issue::TYPES,
            label::TYPES,
            milestone::TYPES,
            people::TYPES,
            project::TYPES,
            pull::TYPES,
            query::TYPES,
            reaction::TYPES,
            release::TYPES,
            repository::TYPES,
            review::TYPES,
            social::TYPES,
        ],
        mutations: mutations::ALL,
        index: OnceLock::new(),
        most_nodes: 500_000,
    },
    words: words::WORDS,
    documents: Documents::new(),
};

/// `POST /graphql`.
pub(super) fn answer(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let request = match read(call)? {
        Ok(request) => request,
        Err(message) => {
            let error = serde_json::json!({"message": message});
            return Ok(Reply::new(200, refused(call.root(), &[error]).body));
        }
    };
    let answer = SERVICE.answer(call, &request);
    let mut reply = Reply::new(200, answer.body);
    reply.unmodelled = (!answer.gaps.is_empty()).then(|| answer.gaps.join(", "));
    Ok(reply)
}

/// What was sent; or what GitHub says to a document without a query.
fn read(call: &Call<'_>) -> Result<Result<Request, &'static str>, Refusal> {
    let not_json = || Refusal::new(400, "Problems parsing JSON").see(DOCS);
    let body: Json = serde_json::from_slice(&call.request.body).map_err(|_| not_json())?;
    let Json::Object(mut body) = body else {
        return Err(Refusal::new(400, "Body should be a JSON object").see(DOCS));
    };
    let Some(Json::String(query)) = body.remove("query") else {
        return Ok(Err(
            "A query attribute must be specified and must be a string.",
        ));
    };
    let variables = match body.remove("variables") {
        None | Some(Json::Null) => Map::new(),
        Some(Json::Object(variables)) => variables,
        // Some clients send them as text.
        Some(Json::String(text)) if text.is_empty() => Map::new(),
        Some(Json::String(text)) => match serde_json::from_str(&text) {
            Ok(Json::Object(variables)) => variables,
            _ => return Ok(Err("Variables are invalid JSON.")),
        },
        Some(_) => return Ok(Err("The variables should be a JSON object.")),
    };
    let operation = match body.remove("operationName") {
        Some(Json::String(name)) if !name.is_empty() => Some(name),
        _ => None,
    };
    Ok(Ok(Request {
        query,
        variables,
        operation,
    }))
}

/// The page that explains calls, in place of a page of REST.
const DOCS: &str = "graphql";

/// Guard: GraphQL answers nobody without credentials.
pub(super) fn authenticated(call: &mut Call<'_>) -> Result<(), Refusal> {
    access::signed_in(call).map_err(|_| {
        Refusal::new(401, "This endpoint requires you to be authenticated.")
            .see("graphql/guides/forming-calls-with-graphql#authenticating-with-graphql")
    })
}

/// The repository of that full name, where the caller sees it.
fn repo_named(call: &Call<'_>, name: &str) -> Option<Arc<Row>> {
    let row = call.root().named(REPOS, name)?;
    access::sees(call, row)?;
    Some(Arc::clone(row))
}

/// The mutations there are, with what their inputs take.
#[cfg(test)]
pub(super) fn mutation_inputs()
-> std::collections::BTreeMap<&'static str, std::collections::BTreeSet<String>> {
    let schema = &SERVICE.schema.get().schema;
    let inputs = |name: &str| {
        let field = schema.type_field("Mutation", name).ok()?;
        let input = field.arguments.iter().find(|one| one.name == "input")?;
        let object = schema.get_input_object(input.ty.inner_named_type())?;
        Some(object.fields.keys().map(ToString::to_string).collect())
    };
    let all = mutations::ALL.iter().copied().flatten();
    all.filter_map(|mutation| Some((mutation.name, inputs(mutation.name)?)))
        .collect()
}
