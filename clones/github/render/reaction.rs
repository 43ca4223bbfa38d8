//! Reactions, and how many an object has.

use super::user;
use crate::engine::key::{Key, Part};
use crate::engine::root::Root;
use crate::engine::row::Row;
use crate::engine::writer::Writer;
use crate::github::tables::{CONTENTS, REACTIONS, REACTIONS_BY_SUBJECT, reaction};

/// The group of an object's reactions.
pub(in crate::github) fn group(subject: &str) -> Key {
    Key::new([Part::Text(subject.into())])
}

/// A reaction.
pub(in crate::github) fn reaction(root: &Root, row: &Row, out: &mut Writer) {
    out.raw("{");
    out.key("id").int(row.int(reaction::ID));
    out.key("node_id").text(row.text(reaction::NODE_ID));
    out.key("user");
    user::named(root, row.text_or_null(reaction::USER), out);
    out.key("content").text(row.text(reaction::CONTENT));
    out.key("created_at").time(row.time(reaction::CREATED_AT));
    out.raw("}");
}

/// How many reactions of each kind the object of that GraphQL id has; `url` is its address.
pub(in crate::github) fn rollup(root: &Root, subject: &str, url: &str, out: &mut Writer) {
    out.raw("{").key("url").text(&format!("{url}/reactions"));
    let Some(rows) = root.group(REACTIONS, REACTIONS_BY_SUBJECT, &group(subject)) else {
        out.raw(r#","total_count":0,"+1":0,"-1":0,"laugh":0,"hooray":0,"confused":0,"heart":0,"rocket":0,"eyes":0}"#);
        return;
    };
    out.key("total_count").raw(&rows.len().to_string());
    for content in CONTENTS {
        let of_kind = rows
            .values()
            .filter(|row| row.text(reaction::CONTENT) == *content);
        out.key(content).raw(&of_kind.count().to_string());
    }
    out.raw("}");
}
