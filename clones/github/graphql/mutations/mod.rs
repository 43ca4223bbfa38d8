//! Mutations: each reads its input, runs the operation that REST has for it, and shows what came
//! of it.
//!
//! - [`issues`], [`labels`], [`comments`], [`reactions`], [`discussions`], [`pulls`], [`reviews`],
//!   [`projects`], [`repositories`].

mod comments;
mod discussions;
mod issues;
mod labels;
mod projects;
mod pulls;
mod reactions;
mod repositories;
mod reviews;

use serde_json::{Map, Value as Json};

use crate::engine::graphql::arguments::Args;
use crate::engine::graphql::model::{Fault, Mutation, Object};
use crate::engine::pack::{Call, Refusal};
use crate::engine::within::perform;
use crate::github::access;

/// The mutations, by area.
pub(super) const ALL: &[&[Mutation]] = &[
    comments::ALL,
    discussions::ALL,
    issues::ALL,
    labels::ALL,
    projects::ALL,
    pulls::ALL,
    reactions::ALL,
    repositories::ALL,
    reviews::ALL,
];

/// Runs an operation of REST and gives back its body.
fn operate(
    call: &mut Call<'_>,
    mutation: &str,
    id: &str,
    params: &[(&'static str, &str)],
    body: &Json,
) -> Result<Json, Fault> {
    match perform(call, id, params, body) {
        Ok(reply) => {
            let body = reply.body.unwrap_or_default();
            Ok(serde_json::from_slice(&body.wire).unwrap_or(Json::Null))
        }
        Err(refusal) => Err(refused(call, mutation, &refusal)),
    }
}

/// A refusal of REST in the words of GraphQL.
fn refused(call: &Call<'_>, mutation: &str, refusal: &Refusal) -> Fault {
    let message = refusal.message.as_ref();
    let generic = matches!(
        message,
        "Must have admin rights to Repository."
            | "Resource not accessible by personal access token"
    );
    match refusal.status {
        403 if generic => {
            let login = access::login(call).unwrap_or_default();
            Fault::new(
                "FORBIDDEN",
                format!("{login} does not have the correct permissions to execute `{mutation}`"),
            )
        }
        403 => Fault::new("FORBIDDEN", message),
        404 => Fault::new(
            "NOT_FOUND",
            "Could not resolve to a node with the given global id.",
        ),
        501 => Fault::gap(format!("graphql:Mutation.{mutation}")),
        _ => {
            let told: Vec<String> = refusal.errors.iter().map(sentence).collect();
            let told = if told.is_empty() {
                message.to_owned()
            } else {
                told.join(", ")
            };
            Fault::new("UNPROCESSABLE", told)
        }
    }
}

/// What is wrong with a field, as a sentence.
fn sentence(error: &Json) -> String {
    let Json::Object(error) = error else {
        return error.as_str().unwrap_or_default().to_owned();
    };
    let text = |name: &str| error.get(name).and_then(Json::as_str).unwrap_or_default();
    let field = text("field");
    let mut name = field.replace('_', " ");
    if let Some(first) = name.get_mut(0..1) {
        first.make_ascii_uppercase();
    }
    match text("code") {
        "already_exists" => format!("{name} has already been taken"),
        "missing_field" | "missing" => format!("{name} can't be blank"),
        "custom" => {
            let message = text("message");
            match message.strip_prefix(field) {
                Some(rest) if !field.is_empty() => format!("{name}{rest}"),
                _ => message.to_owned(),
            }
        }
        _ => format!("{name} is invalid"),
    }
}

/// Owner and name of a repository as parameters of a path.
fn owner_and_name(full_name: &str) -> [(&'static str, &str); 2] {
    let (owner, name) = full_name.split_once('/').unwrap_or((full_name, ""));
    [("owner", owner), ("repo", name)]
}

/// A body that is being put together from an input.
#[derive(Default)]
struct Body(Map<String, Json>);

impl Body {
    /// Sets a field.
    fn set(mut self, name: &str, value: impl Into<Json>) -> Self {
        self.0.insert(name.to_owned(), value.into());
        self
    }

    /// Copies a field of the input where it was given, null too.
    fn copy(mut self, input: &Args, from: &str, to: &str) -> Self {
        if input.has(from) {
            let value = input.get(from).cloned().unwrap_or(Json::Null);
            self.0.insert(to.to_owned(), value);
        }
        self
    }

    /// The body.
    fn done(self) -> Json {
        Json::Object(self.0)
    }
}

/// A payload of fields.
fn payload(
    of: &'static str,
    made: Vec<(&'static str, crate::engine::graphql::model::Value)>,
) -> Result<Object, Fault> {
    Ok(Object::made(of, made))
}

/// The slugs of teams by their ids.
fn team_slugs(call: &Call<'_>, ids: &[&str]) -> Result<Vec<String>, Fault> {
    ids.iter()
        .map(|id| {
            let row = super::social::team_by_id(call, id)?;
            Ok(row.text(crate::github::tables::team::SLUG).to_owned())
        })
        .collect()
}
