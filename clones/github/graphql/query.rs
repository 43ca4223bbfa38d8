//! The roots of queries.

use std::sync::Arc;

use archal_core::clone::Stamp;
use jiff::Timestamp;

use super::people::account;
use super::{lists, nodes, repo_named};
use crate::engine::graphql::arguments::Args;
use crate::engine::graphql::connection::Connection;
use crate::engine::graphql::model::Field::By;
use crate::engine::graphql::model::{Fault, Object, Outcome, Type, Value};
use crate::engine::graphql::request::{NODES, READS};
use crate::engine::key::{Key, Part, folded};
use crate::engine::pack::Call;
use crate::engine::row::Row;
use crate::github::dialect::allowance;
use crate::github::search;
use crate::github::tables::{ISSUES, LABELS, USERS, repo, user};

/// The types.
pub(super) const TYPES: &[Type] = &[
    Type {
        name: "Query",
        fields: &[&[
            ("id", By(|_, _, _| Ok("Q_kgA".into()))),
            ("relay", By(|_, it, _| Ok(it.clone().into()))),
            (
                "viewer",
                By(|call, _, _| Ok(call.caller.as_ref().map(account).into())),
            ),
            (
                "repository",
                By(|call, _, args| {
                    let owner = args.text("owner").unwrap_or_default();
                    let name = args.text("name").unwrap_or_default();
                    repository_named(call, &format!("{owner}/{name}"))
                }),
            ),
            ("user", By(|call, _, args| named(call, args, "User"))),
            (
                "organization",
                By(|call, _, args| named(call, args, "Organization")),
            ),
            ("repositoryOwner", By(owner)),
            (
                "node",
                By(|call, _, args| {
                    Ok(nodes::find(call, args.text("id").unwrap_or_default())?.into())
                }),
            ),
            ("nodes", By(several)),
            ("search", By(found)),
            ("resource", By(resource)),
            ("rateLimit", By(rate_limit)),
            ("codesOfConduct", By(|_, _, _| Ok(Value::List(Vec::new())))),
        ]],
        gaps: &[],
    },
    Type {
        name: "RateLimit",
        fields: &[],
        gaps: &[],
    },
];

/// The repository of that full name.
pub(super) fn repository_named(call: &Call<'_>, name: &str) -> Outcome {
    match repo_named(call, name) {
        Some(row) => Ok(Object::row("Repository", &row).into()),
        None => Err(Fault::new(
            "NOT_FOUND",
            format!("Could not resolve to a Repository with the name '{name}'."),
        )),
    }
}

fn by_login(call: &Call<'_>, args: &Args) -> Option<Arc<Row>> {
    let login = args.text("login")?;
    call.root().get(USERS, &Key::folded(login)).cloned()
}

fn named(call: &Call<'_>, args: &Args, kind: &str) -> Outcome {
    let object = by_login(call, args).map(|row| account(&row));
    match object.filter(|object| object.of == kind) {
        Some(object) => Ok(object.into()),
        None => {
            let login = args.text("login").unwrap_or_default();
            let article = if kind == "Organization" { "an" } else { "a" };
            Err(Fault::new(
                "NOT_FOUND",
                format!("Could not resolve to {article} {kind} with the login of '{login}'."),
            ))
        }
    }
}

fn owner(call: &Call<'_>, _: &Object, args: &Args) -> Outcome {
    let object = by_login(call, args).map(|row| account(&row));
    Ok(object.filter(|object| object.of != "Bot").into())
}

/// `nodes`: what is not there is null, with an error for each.
fn several(call: &Call<'_>, _: &Object, args: &Args) -> Outcome {
    let ids = args.texts("ids").unwrap_or_default();
    if ids.len() > 100 {
        return Err(Fault::new(
            "ARGUMENT_LIMIT",
            format!(
                "You may not provide more than 100 node ids; you provided {}.",
                ids.len()
            ),
        ));
    }
    let found = ids.into_iter().map(|id| match nodes::find(call, id) {
        Ok(object) => object.into(),
        Err(fault) => Value::Fault(Box::new(fault)),
    });
    Ok(Value::List(found.collect()))
}

fn rate_limit(call: &Call<'_>, it: &Object, _: &Args) -> Outcome {
    let number = |name: &str| {
        let found = it.made.iter().find(|(key, _)| *key == name);
        match found {
            Some((_, Value::Int(value))) => *value,
            _ => 0,
        }
    };
    let cost = ((number(READS) + 50) / 100).max(1);
    let root = call.root();
    let caller = call.caller.as_ref().map(|row| root.key(USERS, row));
    let now = call.now.at.as_second();
    let allowance = allowance("graphql", caller.is_some());
    let standing = call
        .rates
        .standing(caller.as_ref(), "graphql", allowance, now);
    let count = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
    let limit = count(standing.limit);
    // This call counts too.
    let used = count(standing.used) + 1;
    let at = Timestamp::from_second(standing.reset).unwrap_or(call.now.at);
    Ok(Object::made(
        "RateLimit",
        vec![
            ("cost", cost.into()),
            ("limit", limit.into()),
            ("nodeCount", number(NODES).into()),
            ("remaining", (limit - used).into()),
            ("used", used.into()),
            ("resetAt", Stamp { at, by_call: true }.into()),
        ],
    )
    .into())
}

/// `search`.
fn found(call: &Call<'_>, _: &Object, args: &Args) -> Outcome {
    let text = args.text("query").unwrap_or_default();
    let kind = args.text("type").unwrap_or_default();
    let counts = |of: &str, total: usize| {
        [
            "repositoryCount",
            "issueCount",
            "userCount",
            "wikiCount",
            "codeCount",
            "discussionCount",
        ]
        .into_iter()
        .map(|name| {
            (
                name,
                if name == of {
                    total.into()
                } else {
                    Value::Int(0)
                },
            )
        })
        .collect()
    };
    let (count, nodes): (&str, Vec<Object>) = match kind {
        "ISSUE" | "ISSUE_ADVANCED" => {
            // What cannot be searched is not found; REST refuses it.
            let rows = search::issues::rows(call, text).unwrap_or_default();
            let root = call.root();
            let nodes = rows.iter().map(|row| super::issue::object(root, row));
            ("issueCount", nodes.collect())
        }
        "REPOSITORY" => ("repositoryCount", lists::repositories_found(call, text)),
        "USER" => ("userCount", lists::users_found(call, text)),
        other => return Err(Fault::gap(format!("graphql:search({other})"))),
    };
    let total = nodes.len();
    let mut connection = Connection::of(nodes.into_iter().take(1_000)).with(counts(count, total));
    connection.forward = true;
    Ok(connection.into())
}

/// `resource`: the object of an address.
fn resource(call: &Call<'_>, _: &Object, args: &Args) -> Outcome {
    at(call, args.text("url").unwrap_or_default())
}

/// The object at an address for people.
pub(super) fn at(call: &Call<'_>, url: &str) -> Outcome {
    let rest = url
        .strip_prefix("https://github.com/")
        .or(url.strip_prefix("http://github.com/"))
        .or(url.strip_prefix('/'));
    let nothing = || {
        Fault::new(
            "NOT_FOUND",
            format!("Could not resolve to a resource with the URL '{url}'."),
        )
    };
    let path = rest.ok_or_else(nothing)?.trim_end_matches('/');
    let path = path.split(['?', '#']).next().unwrap_or_default();
    let parts: Vec<&str> = path.split('/').collect();
    let root = call.root();
    let in_repo = |owner: &str, name: &str| repo_named(call, &format!("{owner}/{name}"));
    let object = match parts.as_slice() {
        [login] => root
            .get(USERS, &Key::folded(login))
            .filter(|row| row.text(user::TYPE) != "Bot")
            .map(account),
        [owner, name] => in_repo(owner, name).map(|row| Object::row("Repository", &row)),
        [owner, name, "issues" | "pull", number] => in_repo(owner, name).and_then(|row| {
            let number: i64 = number.parse().ok()?;
            let key = Key::new([folded(row.text(repo::FULL_NAME)), Part::Int(number)]);
            Some(super::issue::object(root, root.get(ISSUES, &key)?))
        }),
        [owner, name, "labels", label] => in_repo(owner, name).and_then(|row| {
            let label = percent_encoding::percent_decode_str(label).decode_utf8_lossy();
            let key = Key::new([folded(row.text(repo::FULL_NAME)), folded(&label)]);
            Some(Object::row("Label", root.get(LABELS, &key)?))
        }),
        _ => None,
    };
    object.map(Value::from).ok_or_else(nothing)
}
