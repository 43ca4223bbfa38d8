//! Reactions.

use std::sync::Arc;

use super::nodes;
use super::people::{account, listed};
use crate::engine::graphql::arguments::Args;
use crate::engine::graphql::connection::Connection;
use crate::engine::graphql::model::Field::{Always, By, Int, Text, Time};
use crate::engine::graphql::model::{Fault, Field, Object, Outcome, Type, Value};
use crate::engine::key::{Key, same};
use crate::engine::pack::Call;
use crate::engine::root::Root;
use crate::engine::row::Row;
use crate::github::access;
use crate::github::render::reaction::group;
use crate::github::tables::{REACTIONS, REACTIONS_BY_SUBJECT, USERS, reaction};

/// The types.
pub(super) const TYPES: &[Type] = &[Type {
    name: "Reaction",
    fields: &[&[
        ("id", Text(reaction::NODE_ID)),
        ("databaseId", Int(reaction::ID)),
        ("createdAt", Time(reaction::CREATED_AT)),
        (
            "content",
            By(|_, it, _| Ok(name_of(it.shown()?.text(reaction::CONTENT)).into())),
        ),
        (
            "user",
            By(|call, it, _| {
                Ok(user(call.root(), it.shown()?)
                    .map(|row| account(&row))
                    .into())
            }),
        ),
        (
            "reactable",
            By(|call, it, _| Ok(nodes::find(call, it.shown()?.text(reaction::SUBJECT))?.into())),
        ),
    ]],
    gaps: &[],
}];

/// What everything has that people can react to.
pub(super) const REACTABLE: &[(&str, Field)] = &[
    ("viewerCanReact", Always(true)),
    ("reactions", By(reactions)),
    (
        "reactionGroups",
        By(|call, it, _| Ok(groups(call, nodes::id_of(it)?))),
    ),
];

/// The names of REST and of the schema, in GitHub's order.
const NAMES: &[(&str, &str)] = &[
    ("+1", "THUMBS_UP"),
    ("-1", "THUMBS_DOWN"),
    ("laugh", "LAUGH"),
    ("hooray", "HOORAY"),
    ("confused", "CONFUSED"),
    ("heart", "HEART"),
    ("rocket", "ROCKET"),
    ("eyes", "EYES"),
];

/// The schema's name of a reaction.
pub(super) fn name_of(content: &str) -> &'static str {
    let found = NAMES.iter().find(|(rest, _)| *rest == content);
    found.map_or("EYES", |(_, name)| name)
}

/// The name of REST of a reaction.
pub(super) fn content_of(name: &str) -> &'static str {
    let found = NAMES.iter().find(|(_, known)| *known == name);
    found.map_or("eyes", |(rest, _)| rest)
}

/// The reactions to the object of an id, oldest first.
pub(super) fn rows<'r>(root: &'r Root, id: &str) -> Vec<&'r Arc<Row>> {
    let rows = root.group(REACTIONS, REACTIONS_BY_SUBJECT, &group(id));
    rows.into_iter().flat_map(|rows| rows.values()).collect()
}

fn user(root: &Root, row: &Row) -> Option<Arc<Row>> {
    let key = Key::folded(row.text(reaction::USER));
    root.get(USERS, &key).cloned()
}

fn own(call: &Call<'_>, row: &Row) -> bool {
    access::login(call).is_ok_and(|login| same(&login, row.text(reaction::USER)))
}

fn reactions(call: &Call<'_>, it: &Object, args: &Args) -> Result<Value, Fault> {
    let mut rows = rows(call.root(), nodes::id_of(it)?);
    if let Some(content) = args.text("content") {
        rows.retain(|row| name_of(row.text(reaction::CONTENT)) == content);
    }
    if args.object("orderBy").text("direction") == Some("DESC") {
        rows.reverse();
    }
    let reacted = rows.iter().any(|row| own(call, row));
    let items = rows.into_iter().map(|row| {
        let id = row.text(reaction::NODE_ID).to_owned();
        (id, true, Object::row("Reaction", row))
    });
    Ok(Connection::keyed(items)
        .with(vec![("viewerHasReacted", reacted.into())])
        .into())
}

/// The reactions to the object of an id, by what they are.
pub(super) fn groups(call: &Call<'_>, id: &str) -> Value {
    let root = call.root();
    let all = rows(root, id);
    let group = |(rest, name): &(&'static str, &'static str)| {
        let of_kind: Vec<&Arc<Row>> = all
            .iter()
            .copied()
            .filter(|row| row.text(reaction::CONTENT) == *rest)
            .collect();
        let users: Vec<Arc<Row>> = of_kind.iter().filter_map(|row| user(root, row)).collect();
        let reactors = Connection::of(users.iter().map(account));
        let first = of_kind
            .first()
            .and_then(|row| row.time(reaction::CREATED_AT));
        Object::made(
            "ReactionGroup",
            vec![
                ("content", (*name).into()),
                ("createdAt", first.into()),
                ("users", listed(users.iter())),
                ("reactors", reactors.into()),
                (
                    "viewerHasReacted",
                    of_kind.iter().any(|row| own(call, row)).into(),
                ),
            ],
        )
    };
    NAMES.iter().map(group).collect::<Vec<_>>().into()
}

/// The caller's reaction of that name to the object of an id.
pub(super) fn of_caller(call: &Call<'_>, id: &str, name: &str) -> Option<Arc<Row>> {
    rows(call.root(), id)
        .into_iter()
        .find(|row| name_of(row.text(reaction::CONTENT)) == name && own(call, row))
        .cloned()
}

/// A reaction.
pub(super) fn object(row: &Arc<Row>) -> Outcome {
    Ok(Object::row("Reaction", row).into())
}
